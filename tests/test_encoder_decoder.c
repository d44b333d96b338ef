/* A whole transformer: word by word equals the full pass, padding is not seen, ties, and what it refuses. */
#include <heed/heed.h>

#include <criterion/criterion.h>

#include "layers_common.h"

enum { B = 2, S = 5, T = 6, V = 9 };

static const heed_encoder_decoder_options small = {
    .target_vocabulary = V,
    .longest = 8,
    .tie_source = true,
    .stacks = {.d_model = 8, .d_ff = 12, .n_heads = 2, .n_layers = 2, .dropout = 0.2}};

typedef struct bench {
    heed_model *model;
    heed_encoder_decoder net;
    heed_tape *t;
} bench;

static bench new_bench(heed_encoder_decoder_options options) {
    bench b = {.model = heed_model_new(), .t = heed_tape_new()};
    heed_encoder_decoder_init(&b.net, heed_model_root(b.model), "net", options);
    built(b.model);
    heed_tape_set_training(b.t, false);
    return b;
}

static void free_bench(bench *b) {
    heed_tape_free(b->t);
    heed_model_free(b->model);
}

static const int32_t source[B][S] = {{1, 5, 3, 8, 2}, {4, 4, 7, 0, 0}};
static const bool padding[B][S] = {{false}, {false, false, false, true, true}};

static heed_tensor sources(bench *b) { return heed_input(b->t, HEED_I32, HEED_SHAPE(B, S), source); }
static heed_tensor paddings(bench *b) { return heed_input(b->t, HEED_BOOL, HEED_SHAPE(B, S), padding); }

/* The likeliest word after all words so far, by the full pass each time. */
Test(encoder_decoder, writes_what_the_full_pass_would) {
    heed_encoder_decoder_options options[] = {small, small};
    options[1].stacks.features = (heed_attention_features){.rope_base = 10000, .n_kv_heads = 1};
    options[1].untied = true;
    for (int i = 0; i < 2; i++) {
        bench b = new_bench(options[i]);
        int32_t want[B][T + 1], got[B][T];
        for (int k = 0; k < T; k++) {
            int32_t shown[B * T];
            for (int r = 0; r < B; r++)
                for (int j = 0; j <= k; j++)
                    shown[r * (k + 1) + j] = j ? want[r][j - 1] : 1;
            heed_tensor target = heed_input(b.t, HEED_I32, HEED_SHAPE(B, k + 1), shown);
            heed_tensor logits = heed_encoder_decoder_forward(&b.net, b.t, sources(&b), paddings(&b), target);
            expect_shape(b.t, logits, HEED_SHAPE(B, k + 1, V), "logits");
            const int32_t *best = heed_i32(b.t, heed_argmax(b.t, heed_select(b.t, logits, 1, k), -1, false));
            for (int r = 0; r < B; r++)
                want[r][k] = best[r];
        }
        heed_tape_set_training(b.t, true);
        cr_assert(heed_encoder_decoder_greedy(&b.net, b.t, sources(&b), paddings(&b), 1, -1, T, got[0]) == HEED_OK,
                  "%s", heed_error_text(b.t));
        for (int r = 0; r < B; r++)
            cr_expect_arr_eq(got[r], want[r], sizeof got[r], "row %d", r);
        cr_expect(heed_tape_recording(b.t) && heed_tape_training(b.t));
        /* From its first word on, a row that has said stop says nothing else. */
        cr_assert(heed_encoder_decoder_greedy(&b.net, b.t, sources(&b), paddings(&b), 1, want[0][1], T, got[0]) ==
                  HEED_OK);
        for (int k = 1; k < T; k++)
            cr_expect_eq(got[0][k], want[0][1]);
        free_bench(&b);
    }
}

Test(encoder_decoder, padding_is_not_seen) {
    bench b = new_bench(small);
    const int32_t target[] = {1, 2, 3};
    heed_tensor words = heed_input(b.t, HEED_I32, HEED_SHAPE(1, 3), target);
    heed_tensor row = heed_slice(b.t, sources(&b), 0, 1, 2), pad = heed_slice(b.t, paddings(&b), 0, 1, 2);
    heed_tensor padded = heed_encoder_decoder_forward(&b.net, b.t, row, pad, words);
    heed_tensor alone = heed_encoder_decoder_forward(&b.net, b.t, heed_slice(b.t, row, 1, 0, 3), HEED_NIL, words);
    expect_near(values_of(b.t, padded), values_of(b.t, alone), 3 * V, 1e-13, "logits");
    free_bench(&b);
}

Test(encoder_decoder, has_the_matrices_it_is_asked_for) {
    heed_encoder_decoder_options o = small;
    bench tied = new_bench(o);
    cr_expect_null(heed_model_find(tied.model, "net.source.weight").model);
    cr_expect_null(heed_model_find(tied.model, "net.output.weight").model);
    o.tie_source = false;
    o.untied = true;
    o.source_vocabulary = 20;
    o.n_encoder_layers = 1;
    bench apart = new_bench(o);
    cr_expect_eq(heed_model_trainable(apart.model) - heed_model_trainable(tied.model),
                 20 * 8 + V * 8 + V - (4 * 8 * 8 + 4 * 8 + 2 * 8 * 12 + 12 + 8 + 4 * 8));
    free_bench(&tied);
    free_bench(&apart);
}

Test(encoder_decoder, says_what_is_wrong) {
    heed_model *model = heed_model_new();
    heed_encoder_decoder net;
    heed_encoder_decoder_options o = small;
    o.source_vocabulary = 5;
    heed_encoder_decoder_init(&net, heed_model_root(model), "net", o);
    cr_expect_str_eq(heed_model_error_text(model),
                     "net: tie_source needs one vocabulary: the source's has 5 words, the target's 9");
    heed_model_free(model);
    bench b = new_bench(small);
    heed_encoder_decoder_read(&b.net, b.t, heed_zeros(b.t, HEED_I32, HEED_SHAPE(1, 9)), HEED_NIL);
    cr_expect_str_eq(heed_error_text(b.t), "net: 9 words in a row, longest is 8");
    heed_tape_reset(b.t);
    int32_t words[9];
    cr_expect(heed_encoder_decoder_greedy(&b.net, b.t, heed_zeros(b.t, HEED_I32, HEED_SHAPE(1, 2)), HEED_NIL, 1, -1, 9,
                                          words) != HEED_OK);
    cr_expect_str_eq(heed_error_text(b.t), "net: 9 words in a row, longest is 8");
    free_bench(&b);
}
