/* Layers introduce themselves to a recorder (framework/lens/recorder.h): where their values are watched, which matrices are
 * theirs, how many heads they have, what looks at what.
 *
 *     heed_recorder *r = heed_recorder_new("run", model, (heed_recorder_options){.title = "a GPT", .optimizer = "adamw"});
 *     heed_record_gpt(r, &gpt, names);
 *
 * Errors stick to the recorder. Before its first frame. */
#ifndef HEED_LAYERS_RECORDED_H
#define HEED_LAYERS_RECORDED_H

#include <heed/layers/gpt.h>
#include <heed/layers/self_attention.h>
#include <heed/layers/state_attention.h>
#include <heed/recorder.h>

HEED_BEGIN_DECLS

/* The spaces, declared with heed_recorder_space, of what a layer's queries are made of, of what its keys and values are made
 * of, and of what comes out; NULL where there is none. */
typedef struct heed_recorded_ends {
    const char *queries, *keys, *out;
} heed_recorded_ends;

/* w_o: the parameter that reads z, "w_o.weight", or NULL. */
void heed_record_self_attention(heed_recorder *r, const heed_self_attention *attn, const char *w_o,
                                heed_recorded_ends ends);
/* kind: "self", "causal" or "cross". */
void heed_record_multi_head_attention(heed_recorder *r, const heed_multi_head_attention *attn, const char *kind,
                                      heed_recorded_ends ends);
/* One head, whose matrices are those that its score has: general's W is both W^Q and W^K in one. */
void heed_record_state_attention(heed_recorder *r, const heed_state_attention *attn);
/* Every layer of the stack. */
void heed_record_encoder(heed_recorder *r, const heed_encoder *encoder, const char *kind, heed_recorded_ends ends);
void heed_record_decoder(heed_recorder *r, const heed_decoder *decoder, heed_recorded_ends self,
                         heed_recorded_ends cross);
/* Every block, and the space "tokens": the vocabulary's names, in the order of their ids, as the embedding and the places
 * stand for them. What comes out is of that space too, or, where the output has a matrix of its own, of "next tokens".
 * names: gpt->vocabulary of them, or NULL: then there is no space. */
void heed_record_gpt(heed_recorder *r, const heed_gpt *gpt, const char *const *names);

HEED_END_DECLS
#endif
