#include <heed/layers/seq2seq.h>

#include "shared_internal.h"

/* ---- declaring ---- */

static int layers_or_one(int layers) {
    return layers ? layers : 1;
}

static bool check_options(const heed_module *module, const heed_seq2seq_options *o) {
    if (o->encoder_layers < 0 || o->decoder_layers < 0 || o->encoder_hidden < 1 || o->decoder_hidden < 1 ||
        o->d_embedding < 1)
        return heed_module_fail(
                   module,
                   "sizes must be positive: d_embedding %lld, encoder %d layers of %lld, decoder %d layers of %lld",
                   (long long)o->d_embedding, o->encoder_layers, (long long)o->encoder_hidden, o->decoder_layers,
                   (long long)o->decoder_hidden),
               false;
    if (o->encoder_hidden > INT32_MAX || o->decoder_hidden > INT32_MAX || o->d_embedding > INT32_MAX)
        return heed_module_fail(module,
                                "a size is above 2^31 - 1: d_embedding %lld, encoder_hidden %lld, decoder_hidden %lld",
                                (long long)o->d_embedding, (long long)o->encoder_hidden, (long long)o->decoder_hidden),
               false;
    if (o->start < 0 || o->stop < 0 || o->start >= o->target_vocabulary || o->stop >= o->target_vocabulary)
        return heed_module_fail(module, "start %d and stop %d must be words of the target, 0 to %lld", (int)o->start,
                                (int)o->stop, (long long)o->target_vocabulary - 1),
               false;
    if (o->pad < -1 || o->pad >= o->target_vocabulary || o->pad >= o->source_vocabulary || o->pad == o->start ||
        o->pad == o->stop)
        return heed_module_fail(
                   module, "pad is %d; it must be -1 (none) or a word of both sides, and neither start %d nor stop %d",
                   (int)o->pad, (int)o->start, (int)o->stop),
               false;
    return true;
}

static void init_bridge(heed_seq2seq *model) {
    const heed_seq2seq_options *o = &model->options;
    int64_t from = layers_or_one(o->encoder_layers) * (o->bidirectional ? 2 : 1) * o->encoder_hidden;
    int64_t to = layers_or_one(o->decoder_layers) * o->decoder_hidden;
    model->has_bridge = o->bidirectional || o->encoder_hidden != o->decoder_hidden ||
                        layers_or_one(o->encoder_layers) != layers_or_one(o->decoder_layers);
    if (!model->has_bridge)
        return;
    heed_linear_init(&model->bridge_h, &model->module, "bridge_h", from, to, true);
    if (o->kind == HEED_LSTM)
        heed_linear_init(&model->bridge_c, &model->module, "bridge_c", from, to, true);
}

static void init_recurrent(heed_seq2seq *model) {
    const heed_seq2seq_options *o = &model->options;
    heed_recurrent_init(&model->encoder, &model->module, "encoder",
                        (heed_recurrent_options){.kind = o->kind,
                                                 .inputs = o->d_embedding,
                                                 .hidden = o->encoder_hidden,
                                                 .n_layers = o->encoder_layers,
                                                 .bidirectional = o->bidirectional,
                                                 .dropout = o->dropout});
    heed_recurrent_init(&model->decoder, &model->module, "decoder",
                        (heed_recurrent_options){.kind = o->kind,
                                                 .inputs = o->d_embedding + (o->input_feeding ? o->decoder_hidden : 0),
                                                 .hidden = o->decoder_hidden,
                                                 .n_layers = o->decoder_layers,
                                                 .dropout = o->dropout});
}

void heed_seq2seq_init(heed_seq2seq *model, const heed_module *parent, const char *name, heed_seq2seq_options options) {
    *model = (heed_seq2seq){.options = options};
    heed_module_init(&model->module, parent, name);
    const heed_module *module = &model->module;
    if (!check_options(module, &options))
        return;
    int64_t d = options.decoder_hidden, d_states = options.encoder_hidden * (options.bidirectional ? 2 : 1);
    heed_score_options *score = &model->options.attention.score;
    score->d_query = d;
    score->d_key = d_states;

    heed_embedding_init(&model->source, module, "source", options.source_vocabulary, options.d_embedding);
    heed_embedding_init(&model->target, module, "target", options.target_vocabulary, options.d_embedding);
    init_recurrent(model);
    init_bridge(model);
    if (!options.no_attention)
        heed_state_attention_init(&model->attention, module, "attention", model->options.attention);
    heed_linear_init(&model->combine, module, "combine", d + (options.no_attention ? 0 : d_states), d, false);
    heed_linear_init(&model->out, module, "out", d, options.target_vocabulary, true);
    heed_dropout_init(&model->dropout, module, "dropout", options.dropout);
}

/* ---- the encoder ---- */

static bool is_text(heed_tape *t, const char *what, heed_tensor x) {
    int rank = heed_rank(t, x);
    if (rank < 0 || (rank == 2 && heed_size(t, x, 1) > 0 && heed_dtype_of(t, x) == HEED_I32))
        return true; /* of a nil or stale handle ops will say so */
    heed_fail_tape(t, HEED_INVALID, "%s is %s %s; it must be i32 (batch, words), with a word at least", what,
                   heed_dtype_name(heed_dtype_of(t, x)), HEED_SHAPE_STR(heed_shape_of(t, x)));
    return false;
}

/* Bool (B, S), or HEED_NIL where no word is pad, as in batches of one length, which then are less work. */
static heed_tensor padding_of(heed_tape *t, heed_tensor source, int32_t pad) {
    const int32_t *words = pad >= 0 ? heed_i32(t, source) : NULL;
    int64_t n = words ? heed_count(t, source) : 0, i = 0;
    while (i < n && words[i] != pad)
        i++;
    return i < n ? heed_eq(t, source, heed_full(t, HEED_I32, HEED_SCALAR, pad)) : HEED_NIL;
}

static heed_tensor embed(const heed_seq2seq *model, heed_tape *t, const heed_embedding_layer *table,
                         heed_tensor words) {
    return heed_dropout_forward(&model->dropout, t, heed_embedding_forward(table, t, words));
}

/* last (L D, B, encoder_hidden) -> (layers of the decoder, B, decoder_hidden) */
static heed_tensor cross(const heed_seq2seq *model, heed_tape *t, const heed_linear_layer *bridge, heed_tensor last) {
    const int batch_first[] = {1, 0, 2};
    const heed_seq2seq_options *o = &model->options;
    int64_t B = heed_size(t, last, 1);
    last = heed_reshape(t, heed_permute(t, last, batch_first), HEED_SHAPE(B, -1));
    heed_tensor first = heed_linear_forward(bridge, t, last); /* (B, layers decoder_hidden) */
    return heed_permute(t, heed_reshape(t, first, HEED_SHAPE(B, layers_or_one(o->decoder_layers), o->decoder_hidden)),
                        batch_first);
}

static heed_seq2seq_state encode(const heed_seq2seq *model, heed_tape *t, heed_tensor source) {
    const heed_seq2seq_options *o = &model->options;
    heed_seq2seq_state state = {.step = 0};
    if (!is_text(t, "source", source))
        return state;
    heed_tensor padding = padding_of(t, source, o->pad),
                x = embed(model, t, &model->source, source); /* (B, S, d_embedding) */
    heed_tensor states =
        heed_recurrent_forward(&model->encoder, t, x, (heed_state){.h = HEED_NIL}, padding, &state.decoder);
    if (heed_is_nil(states))
        return state;
    if (model->has_bridge) {
        state.decoder.h = heed_tanh(t, cross(model, t, &model->bridge_h, state.decoder.h));
        if (o->kind == HEED_LSTM)
            state.decoder.c = cross(model, t, &model->bridge_c, state.decoder.c);
    }
    if (!o->no_attention)
        state.memory = heed_state_attention_memory(&model->attention, t, states, padding);
    if (o->input_feeding)
        state.fed = heed_zeros(t, heed_dtype_of(t, states), HEED_SHAPE(heed_size(t, source, 0), o->decoder_hidden));
    return state;
}

heed_seq2seq_state heed_seq2seq_encode(const heed_seq2seq *model, heed_tape *t, heed_tensor source) {
    heed_enter(t, &model->module);
    heed_seq2seq_state state = encode(model, t, source);
    heed_leave(t);
    return state;
}

/* ---- the decoder ---- */

/* h (B, d) or (B, T, d) -> h̃ of the same shape. */
static heed_tensor attentional(const heed_seq2seq *model, heed_tape *t, heed_tensor h, const heed_seq2seq_state *state,
                               heed_tensor *weights) {
    heed_tensor joined = h;
    if (!model->options.no_attention)
        joined = heed_state_attention_forward(&model->attention, t, h, state->memory, state->step, weights);
    return heed_dropout_forward(&model->dropout, t, heed_tanh(t, heed_linear_forward(&model->combine, t, joined)));
}

/* One step: words (B) -> h̃ (B, decoder_hidden). */
static heed_tensor next_state(const heed_seq2seq *model, heed_tape *t, heed_tensor words, heed_seq2seq_state *state,
                              heed_tensor *weights) {
    heed_tensor x = embed(model, t, &model->target, words); /* (B, d_embedding) */
    if (model->options.input_feeding)
        x = heed_concat(t, (heed_tensor[]){x, state->fed}, 2, -1);
    heed_tensor h = heed_recurrent_step(&model->decoder, t, x, &state->decoder);
    heed_tensor attended = attentional(model, t, h, state, weights);
    if (model->options.input_feeding)
        state->fed = attended;
    state->step++;
    return attended;
}

heed_tensor heed_seq2seq_step(const heed_seq2seq *model, heed_tape *t, heed_tensor words, heed_seq2seq_state *state,
                              heed_tensor *weights) {
    if (weights)
        *weights = HEED_NIL;
    heed_enter(t, &model->module);
    heed_tensor logits = heed_linear_forward(&model->out, t, next_state(model, t, words, state, weights));
    heed_leave(t);
    return logits;
}

/* ---- training ---- */

/* A pass over the target, step by step. */
typedef struct pass {
    const heed_seq2seq *model;
    heed_tape *t;
    heed_tensor fed; /* (B, T): start and the target but its last word */
    double sampling;
    heed_seq2seq_state state;
    heed_tensor attended; /* h̃ of the last step */
    bool weights;
} pass;

/* What goes into the step: the target's word, or in some rows what the model itself would have said. */
static heed_tensor word_for(const pass *p, int64_t step) {
    heed_tape *t = p->t;
    heed_tensor word = heed_select(t, p->fed, 1, step); /* (B) */
    if (step == 0 || p->sampling == 0)
        return heed_watch(t, "fed", word);
    bool recording =
        heed_tape_set_recording(t, false); /* an argmax has no gradient: backward need not see how it came about */
    heed_tensor own = heed_argmax(t, heed_linear_forward(&p->model->out, t, p->attended), -1, false);
    heed_tensor drawn = heed_rand(t, HEED_F64, heed_shape_of(t, word));
    heed_tensor mine = heed_lt(t, drawn, heed_full(t, HEED_F64, HEED_SCALAR, p->sampling));
    word = heed_where(t, mine, own, word);
    heed_tape_set_recording(t, recording);
    return heed_watch(t, "fed", word);
}

/* Steps first .. last - 1: h̃ (B, last - first, d) and the weights (B, last - first, S). Joined from halves, so that
 * the stack holds a few handles, however long the target is. */
enum { BLOCK = 64 };
static heed_tensor unroll(pass *p, int64_t first, int64_t last, heed_tensor *weights) {
    heed_tape *t = p->t;
    heed_tensor attended[BLOCK], a[BLOCK] = {HEED_NIL};
    int n = (int)(last - first);
    bool halves = last - first > BLOCK;
    if (halves) {
        int64_t middle = first + (last - first) / 2;
        attended[0] = unroll(p, first, middle, &a[0]);
        attended[1] = unroll(p, middle, last, &a[1]);
        n = 2;
    }
    for (int i = 0; i < n && !halves; i++)
        attended[i] = p->attended =
            next_state(p->model, t, word_for(p, first + i), &p->state, p->weights ? &a[i] : NULL);
    if (p->weights)
        *weights = halves ? heed_concat(t, a, n, 1) : heed_stack(t, a, n, 1);
    return halves ? heed_concat(t, attended, n, 1) : heed_stack(t, attended, n, 1);
}

/* Where no step waits for what the step before it said, the whole target goes through each layer at once. */
static heed_tensor at_once(const heed_seq2seq *model, heed_tape *t, heed_tensor fed, const heed_seq2seq_state *state,
                           heed_tensor *weights) {
    heed_tensor x = embed(model, t, &model->target, fed); /* (B, T, d_embedding) */
    heed_tensor h = heed_recurrent_forward(&model->decoder, t, x, state->decoder, HEED_NIL, NULL);
    return attentional(model, t, h, state, weights);
}

static heed_tensor forward(const heed_seq2seq *model, heed_tape *t, heed_tensor source, heed_tensor target,
                           double sampling, heed_tensor *weights) {
    if (!(sampling >= 0 && sampling <= 1))
        return heed_fail_tape(t, HEED_INVALID, "sampling is %g; it is a probability", sampling);
    if (!is_text(t, "target", target))
        return HEED_NIL;
    int64_t B = heed_size(t, target, 0), T = heed_size(t, target, 1);
    if (heed_rank(t, source) == 2 && heed_rank(t, target) == 2 && heed_size(t, source, 0) != B)
        return heed_fail_tape(t, HEED_INVALID, "source is %s, target %s: they must have as many rows",
                              HEED_SHAPE_STR(heed_shape_of(t, source)), HEED_SHAPE_STR(heed_shape_of(t, target)));
    heed_seq2seq_state state = encode(model, t, source);
    heed_tensor start = heed_full(t, HEED_I32, HEED_SHAPE(B < 0 ? 0 : B, 1), model->options.start);
    heed_tensor fed = heed_concat(t, (heed_tensor[]){start, heed_slice(t, target, 1, 0, T - 1)}, 2, 1); /* (B, T) */
    if (heed_is_nil(fed))
        return HEED_NIL;
    if (sampling == 0 && !model->options.input_feeding)
        return at_once(model, t, fed, &state, weights);
    pass p = {.model = model,
              .t = t,
              .fed = fed,
              .sampling = sampling,
              .state = state,
              .weights = weights && !model->options.no_attention};
    return unroll(&p, 0, T, weights);
}

heed_tensor heed_seq2seq_forward(const heed_seq2seq *model, heed_tape *t, heed_tensor source, heed_tensor target,
                                 double sampling, heed_tensor *weights) {
    if (weights)
        *weights = HEED_NIL;
    heed_enter(t, &model->module);
    heed_tensor logits =
        heed_linear_forward(&model->out, t, forward(model, t, source, target, sampling, weights)); /* (B, T, V) */
    heed_leave(t);
    return logits;
}

heed_tensor heed_seq2seq_loss(const heed_seq2seq *model, heed_tape *t, heed_tensor logits, heed_tensor target) {
    int32_t pad = model->options.pad;
    heed_enter(t, &model->module);
    heed_tensor loss = heed_cross_entropy_with(
        t, logits, target, (heed_cross_entropy_options){.has_ignore_index = pad >= 0, .ignore_index = pad});
    heed_leave(t);
    return loss;
}
