#include <heed/layers/encoder_decoder.h>
#include <heed/ops.h>

#include <math.h>
#include <stdlib.h>

static bool knows_places(const heed_attention_features *f) {
    return f->rope_base != 0 || f->alibi || f->relative_buckets;
}

static void init_embedding(heed_embedding_layer *layer, const heed_module *module, const char *name, int64_t V,
                           int64_t d) {
    heed_embedding_init(layer, module, name, V, d);
    if (d > 0)
        heed_param_set_init(layer->weight, heed_init_normal(0, 1 / sqrt((double)d)));
}

static void check_options(const heed_module *module, const heed_encoder_decoder_options *o) {
    if (o->tie_source && o->source_vocabulary != o->target_vocabulary)
        heed_module_fail(module, "tie_source needs one vocabulary: the source's has %lld words, the target's %lld",
                         (long long)o->source_vocabulary, (long long)o->target_vocabulary);
    if (o->longest < 1)
        heed_module_fail(module, "longest %lld must be positive", (long long)o->longest);
}

void heed_encoder_decoder_init(heed_encoder_decoder *model, const heed_module *parent, const char *name,
                               heed_encoder_decoder_options options) {
    heed_encoder_decoder_options *o = &options;
    o->source_vocabulary = o->source_vocabulary ? o->source_vocabulary : o->target_vocabulary;
    heed_transformer_options encoder = o->stacks;
    encoder.n_layers = o->n_encoder_layers ? o->n_encoder_layers : encoder.n_layers;
    const int64_t d = o->stacks.d_model;
    *model = (heed_encoder_decoder){.has_position = !knows_places(&o->stacks.features),
                                    .untied = o->untied,
                                    .longest = o->longest,
                                    .d_model = d,
                                    .vocabulary = o->target_vocabulary};
    heed_module_init(&model->module, parent, name);
    const heed_module *module = &model->module;
    check_options(module, o);
    init_embedding(&model->target, module, "target", o->target_vocabulary, d);
    model->source = model->target;
    if (!o->tie_source)
        init_embedding(&model->source, module, "source", o->source_vocabulary, d);
    if (model->has_position)
        heed_position_init(&model->position, module, "position", HEED_POSITION_SINUSOIDAL, o->longest, d);
    heed_dropout_init(&model->dropout_source, module, "dropout_source", o->stacks.dropout);
    heed_dropout_init(&model->dropout_target, module, "dropout_target", o->stacks.dropout);
    heed_encoder_init(&model->encoder, module, "encoder", encoder);
    heed_decoder_init(&model->decoder, module, "decoder", o->stacks);
    if (model->untied)
        heed_linear_init(&model->output, module, "output", d, o->target_vocabulary, true);
}

/* ---- forward ---- */

/* words (B, T) that stand at `first` and on -> (B, T, d_model) */
static heed_tensor embed(const heed_encoder_decoder *model, heed_tape *t, const heed_embedding_layer *table,
                         const heed_dropout_layer *dropout, heed_tensor words, int64_t first) {
    const int64_t T = heed_rank(t, words) == 2 ? heed_size(t, words, 1) : -1;
    if (heed_rank(t, words) >= 0 && T < 0)
        return heed_fail_tape(t, HEED_INVALID, "words are %s; they must be (batch, time)",
                              HEED_SHAPE_STR(heed_shape_of(t, words)));
    if (T > model->longest - first)
        return heed_fail_tape(t, HEED_INVALID, "%lld words in a row, longest is %lld", (long long)(first + T),
                              (long long)model->longest);
    heed_tensor x = heed_scale(t, heed_embedding_forward(table, t, words), sqrt((double)model->d_model));
    if (model->has_position)
        x = heed_position_forward(&model->position, t, x, first);
    return heed_dropout_forward(dropout, t, x);
}

heed_tensor heed_encoder_decoder_read(const heed_encoder_decoder *model, heed_tape *t, heed_tensor source,
                                      heed_tensor padding) {
    heed_enter(t, &model->module);
    heed_tensor x = embed(model, t, &model->source, &model->dropout_source, source, 0);
    x = heed_encoder_forward(&model->encoder, t, x, (heed_attend){.key_padding = padding});
    heed_leave(t);
    return x;
}

heed_tensor heed_encoder_decoder_write(const heed_encoder_decoder *model, heed_tape *t, heed_tensor memory,
                                       heed_tensor padding, heed_tensor target, heed_stack_cache *cache) {
    heed_enter(t, &model->module);
    heed_tensor y =
        embed(model, t, &model->target, &model->dropout_target, target, cache ? heed_stack_cache_length(cache) : 0);
    y = heed_decoder_forward(&model->decoder, t, y, memory,
                             (heed_attend){.causal = true, .cache = cache ? cache->layer : NULL},
                             (heed_attend){.key_padding = padding}); /* (B, T, d_model) */
    y = model->untied ? heed_linear_forward(&model->output, t, y)
                      : heed_linear(t, y, heed_use(t, model->target.weight), HEED_NIL);
    heed_leave(t);
    return y;
}

heed_tensor heed_encoder_decoder_forward(const heed_encoder_decoder *model, heed_tape *t, heed_tensor source,
                                         heed_tensor padding, heed_tensor target) {
    return heed_encoder_decoder_write(model, t, heed_encoder_decoder_read(model, t, source, padding), padding, target,
                                      NULL);
}

/* ---- greedy decoding ---- */

/* Word i of every row, after `last` (B), which it becomes. */
static heed_status write_word(const heed_encoder_decoder *model, heed_tape *t, heed_tensor memory, heed_tensor padding,
                              int32_t stop, heed_stack_cache *cache, int64_t B, int32_t *last) {
    heed_tensor logits =
        heed_encoder_decoder_write(model, t, memory, padding, heed_input(t, HEED_I32, HEED_SHAPE(B, 1), last), cache);
    const int32_t *best = heed_i32(t, heed_argmax(t, logits, -1, false)); /* (B, 1) */
    for (int64_t b = 0; b < B && best; b++)
        last[b] = heed_stack_cache_length(cache) > 1 && last[b] == stop ? stop : best[b];
    return heed_tape_status(t);
}

static void write_words(const heed_encoder_decoder *model, heed_tape *t, heed_tensor source, heed_tensor padding,
                        int32_t start, int32_t stop, int64_t n, int32_t *words) {
    heed_tensor memory = heed_encoder_decoder_read(model, t, source, padding);
    const int64_t B = heed_size(t, memory, 0);
    if (heed_tape_status(t))
        return;
    heed_stack_cache cache = {.n_layers = 0};
    int32_t *last = calloc(B > 0 ? (size_t)B : 1, sizeof *last);
    heed_status status = last ? heed_decoder_cache_init(&cache, &model->decoder, B, model->longest) : HEED_NO_MEMORY;
    if (status)
        heed_fail_tape(t, status, "no cache for %lld rows of %lld words", (long long)B, (long long)model->longest);
    for (int64_t b = 0; b < B && last; b++)
        last[b] = start;
    for (int64_t i = 0; i < n && !status; i++) {
        status = write_word(model, t, memory, padding, stop, &cache, B, last);
        for (int64_t b = 0; b < B; b++)
            words[b * n + i] = last[b];
    }
    heed_stack_cache_free(&cache);
    free(last);
}

heed_status heed_encoder_decoder_greedy(const heed_encoder_decoder *model, heed_tape *t, heed_tensor source,
                                        heed_tensor padding, int32_t start, int32_t stop, int64_t n, int32_t *words) {
    const bool recording = heed_tape_set_recording(t, false), training = heed_tape_set_training(t, false);
    write_words(model, t, source, padding, start, stop, n, words);
    heed_tape_set_recording(t, recording);
    heed_tape_set_training(t, training);
    return heed_tape_status(t);
}
