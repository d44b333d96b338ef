/* Sequence to sequence: a recurrent encoder reads the source, a recurrent decoder writes the target and at every word
 * looks back at the encoder's states. Sutskever, Vinyals, Le 2014 (without attention); Bahdanau, Cho, Bengio 2015;
 * equations of Luong, Pham, Manning 2015, 3 and 3.3:
 *     states, last = encoder(embed(source))          h_0 = last, or tanh(W last + b) where sizes differ (the bridge)
 *     h_t  = decoder([embed(y_{t-1}) ; h̃_{t-1}], h_{t-1})        h̃_{t-1} with input feeding only, zeros at first
 *     z_t  = sum over s of a_ts states_s             see state_attention.h; every score and window of it
 *     h̃_t  = tanh(W_c [z_t ; h_t])                   without attention tanh(W_c h_t), so that nothing else differs
 *     P(y_t) = softmax(W_s h̃_t + b_s)
 * Training feeds y_{t-1} from the target (teacher forcing) or, with a probability, the model's own likeliest word
 * (scheduled sampling, Bengio et al. 2015). Decoding is greedy or by beam (beam.h).
 *
 * Intended use:
 *   heed_tensor logits = heed_seq2seq_forward(&model, t, source, target, 0, NULL);
 *   heed_tensor loss = heed_seq2seq_loss(&model, t, logits, target);              then backward, as ever
 *   heed_decoding *said = heed_seq2seq_decode(&model, t, source, (heed_decode_options){.width = 4, .longest = 30}); */
#ifndef HEED_LAYERS_SEQ2SEQ_H
#define HEED_LAYERS_SEQ2SEQ_H

#include <heed/layers/beam.h>
#include <heed/layers/dropout.h>
#include <heed/layers/embedding.h>
#include <heed/layers/linear.h>
#include <heed/layers/recurrent.h>
#include <heed/layers/state_attention.h>

HEED_BEGIN_DECLS

typedef struct heed_seq2seq_options {
    int64_t source_vocabulary, target_vocabulary;
    int64_t d_embedding;                    /* of both sides */
    heed_cell_kind kind;
    int64_t encoder_hidden, decoder_hidden;
    int encoder_layers, decoder_layers;     /* 0: 1 */
    bool bidirectional;                     /* the encoder: its states are then 2 encoder_hidden wide */
    bool no_attention;
    heed_state_attention_options attention; /* score.kind, .d_hidden, .longest, window, reach; init gives the rest */
    bool input_feeding;
    double dropout;                         /* of embeddings, between recurrent layers, and of h̃ */
    int32_t start, stop, pad;               /* start and stop of the target; pad of both sides, -1: none */
} heed_seq2seq_options;

typedef struct heed_seq2seq {
    heed_module module;
    heed_seq2seq_options options;
    heed_embedding_layer source, target;
    heed_recurrent encoder, decoder;
    heed_linear_layer bridge_h, bridge_c; /* where has_bridge; c of an LSTM. All last states of the encoder, side by
                                             side, to all first states of the decoder */
    heed_state_attention attention;       /* unless no_attention */
    heed_linear_layer combine, out;       /* W_c; W_s and b_s */
    heed_dropout_layer dropout;
    bool has_bridge;                      /* not where both have the same layers, size and one direction */
} heed_seq2seq;

void heed_seq2seq_init(heed_seq2seq *model, const heed_module *parent, const char *name, heed_seq2seq_options options);

/* source (B, S) i32, pad at the end of shorter rows; target (B, T) i32: the words, stop, then pad, and no start, which
 * is put before them here -> logits (B, T, V) of the target's words.
 * sampling in [0, 1]: with this probability, drawn for each row and step from the tape's random numbers, the decoder is
 * fed its own likeliest word of the step before, not the target's; 0 is teacher forcing, 1 runs free. No gradient goes
 * through that choice.
 * weights: NULL, or receives the attention map (B, T, S); HEED_NIL without attention.
 * Watched, beside what its parts show: fed (B) i32, the words given to a step, where it goes step by step (with input
 * feeding, or sampling above 0). */
heed_tensor heed_seq2seq_forward(const heed_seq2seq *model, heed_tape *t, heed_tensor source, heed_tensor target,
                                 double sampling, heed_tensor *weights);
/* Mean cross-entropy over the target's words that are no padding, stop among them. */
heed_tensor heed_seq2seq_loss(const heed_seq2seq *model, heed_tape *t, heed_tensor logits, heed_tensor target);

/* ---- word by word ---- */

typedef struct heed_seq2seq_state {
    heed_state_memory memory; /* of the source; empty without attention */
    heed_state decoder;
    heed_tensor fed;          /* (B, decoder_hidden): h̃ of the step before; HEED_NIL without input feeding */
    int64_t step;
} heed_seq2seq_state;
heed_seq2seq_state heed_seq2seq_encode(const heed_seq2seq *model, heed_tape *t, heed_tensor source);
/* words (B) i32, at first start -> logits (B, V) of the next. weights: NULL, or receives (B, S). */
heed_tensor heed_seq2seq_step(const heed_seq2seq *model, heed_tape *t, heed_tensor words, heed_seq2seq_state *state,
                              heed_tensor *weights);

/* ---- decoding ---- */

typedef struct heed_decode_options {
    int width;       /* 0: 1, greedy */
    int64_t longest; /* words at most, stop among them */
    double alpha;    /* of the length penalty, see beam.h */
    int n_best;      /* 0: 1 */
    bool maps;       /* keep the attention */
} heed_decode_options;

typedef struct heed_decoding {
    heed_beam *beam; /* rows, n_best, best[row * n_best + i]: tokens, log_prob, score */
    int64_t S;
    double **map;    /* (rows * n_best) maps of (length, S), as beam->best; NULL unless asked for and attended */
} heed_decoding;
/* Nothing is recorded and nothing dropped out; what it computes stays on the tape until its reset. NULL on errors,
 * which the tape then has. */
heed_decoding *heed_seq2seq_decode(const heed_seq2seq *model, heed_tape *t, heed_tensor source,
                                   heed_decode_options options);
void heed_decoding_free(heed_decoding *decoding);

HEED_END_DECLS
#endif
