#include <heed/layers/recorded.h>

enum { PATH = 256 };

/* NULL for a parameter that is not there. */
static const char *path_of(heed_param p) {
    return p.model ? heed_model_param(p.model, p.index).path : NULL;
}

static void record(heed_recorder *r, const heed_module *module, heed_recorded_attention about) {
    char path[PATH];
    heed_module_path(module, path, sizeof path);
    about.path = path;
    heed_recorder_attention(r, about);
}

void heed_record_self_attention(heed_recorder *r, const heed_self_attention *attn, const char *w_o,
                                heed_recorded_ends ends) {
    record(r, &attn->module,
           (heed_recorded_attention){.kind = attn->causal ? "causal" : "self",
                                     .heads = 1,
                                     .d_k = attn->d_k,
                                     .w_q = path_of(attn->w_q),
                                     .w_k = path_of(attn->w_k),
                                     .w_v = path_of(attn->w_v),
                                     .w_o = w_o,
                                     .query_space = ends.queries,
                                     .key_space = ends.keys,
                                     .out_space = ends.out});
}

void heed_record_multi_head_attention(heed_recorder *r, const heed_multi_head_attention *attn, const char *kind,
                                      heed_recorded_ends ends) {
    record(r, &attn->module,
           (heed_recorded_attention){.kind = kind, .heads = attn->n_heads, .d_k = attn->d_k, .w_q = path_of(attn->w_q),
                                     .w_k = path_of(attn->w_k), .w_v = path_of(attn->w_v), .w_o = path_of(attn->w_o),
                                     .query_space = ends.queries, .key_space = ends.keys, .out_space = ends.out});
}

void heed_record_state_attention(heed_recorder *r, const heed_state_attention *attn) {
    const heed_score *score = &attn->score;
    bool apart = score->w_q.model != NULL;
    record(r, &attn->module,
           (heed_recorded_attention){.kind = "states", .heads = 1, .d_k = attn->options.score.d_key,
                                     .w_q = path_of(apart ? score->w_q : score->w), .w_k = path_of(score->w_k)});
}

void heed_record_encoder(heed_recorder *r, const heed_encoder *encoder, const char *kind, heed_recorded_ends ends) {
    for (int i = 0; i < encoder->n_layers; i++)
        heed_record_multi_head_attention(r, &encoder->layer[i].attn, kind, ends);
}

void heed_record_decoder(heed_recorder *r, const heed_decoder *decoder, heed_recorded_ends self,
                         heed_recorded_ends cross) {
    for (int i = 0; i < decoder->n_layers; i++) {
        heed_record_multi_head_attention(r, &decoder->layer[i].self_attn, "causal", self);
        heed_record_multi_head_attention(r, &decoder->layer[i].cross_attn, "cross", cross);
    }
}

/* Tokens as the rows of a table stand for them. */
static void tell_tokens(heed_recorder *r, const heed_gpt *gpt, const char *name, const char *const *names,
                        heed_param table, bool places) {
    heed_recorder_space(r, (heed_recorded_space){.name = name,
                                                 .n = (int)gpt->vocabulary,
                                                 .names = names,
                                                 .embedding = path_of(table),
                                                 .positions = places ? path_of(gpt->position.weight) : NULL});
}

void heed_record_gpt(heed_recorder *r, const heed_gpt *gpt, const char *const *names) {
    static const char tokens[] = "tokens", next[] = "next tokens";
    heed_recorded_ends ends = {NULL, NULL, NULL};
    if (names) {
        ends = (heed_recorded_ends){tokens, tokens, gpt->untied ? next : tokens};
        tell_tokens(r, gpt, tokens, names, gpt->token.weight, gpt->has_position);
        if (gpt->untied)
            tell_tokens(r, gpt, next, names, gpt->output.weight, false);
    }
    heed_record_encoder(r, &gpt->blocks, "causal", ends);
}
