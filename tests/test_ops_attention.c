/* Attention: against the composition of plain ops, against PyTorch, its promises about bits, its edges and messages;
 * comments quote the promise. */
#include "attention_testing.h"

TestSuite(attention, .init = ops_setup, .fini = ops_teardown);

/* ---- the formula ---- */

static heed_tensor attention(const heed_tensor *in, void *options) {
    return attend((qkv){in[0], in[1], in[2]}, *(heed_attention_options *)options);
}

static heed_tensor masked_attention(const heed_tensor *in, void *options) {
    heed_attention_options with_mask = *(heed_attention_options *)options;
    with_mask.mask = in[3];
    return attend((qkv){in[0], in[1], in[2]}, with_mask);
}

static heed_tensor with_pattern(const heed_tensor *in, void *user, heed_tensor *pattern) {
    heed_attention_options options = *(heed_attention_options *)user;
    options.pattern = pattern;
    return attend((qkv){in[0], in[1], in[2]}, options);
}

/* A case of PyTorch's; its loss is of context and pattern together. */
static void expect_golden(const char *name, heed_attention_options options, bool has_mask) {
    golden g;
    static const char *const names[] = {"q", "k", "v", "mask"};
    cr_assert(golden_read(&g, "tests/golden/ops.txt", name));
    heed_tensor in[4] = {HEED_NIL}, pattern;
    for (int i = 0; i < 3 + has_mask; i++) {
        const golden_tensor *x = golden_find(&g, "in", names[i]);
        in[i] = ops_given(x->dtype, x->shape, x->values);
    }
    options.mask = in[3];
    heed_tensor y = with_pattern(in, &options, &pattern), outs[2] = {y, pattern}, loss[2];
    for (int i = 0; i < 2; i++) {
        const golden_tensor *want = golden_find(&g, "out", i ? "pattern" : "y"),
                            *seed = golden_find(&g, "seed", i ? "pattern" : "y");
        ops_expect(outs[i], want->shape, want->values, 1e-13);
        loss[i] = heed_sum(t, heed_mul(t, outs[i], ops_given(HEED_F64, seed->shape, seed->values)), HEED_ALL_AXES);
    }
    ops_backward(heed_add(t, loss[0], loss[1]), HEED_NIL);
    for (int i = 0; i < 3 + has_mask; i++) {
        const golden_tensor *want = golden_find(&g, "grad", names[i]);
        if (want)
            ops_expect(heed_grad(t, in[i]), want->shape, want->values, 1e-12);
    }
    golden_free(&g);
    heed_tape_reset(t);
}

/* Bool and additive masks, causal with as many, more and fewer keys than queries; gradients of context and pattern. */
Test(attention, and_its_pattern_as_pytorch) {
    expect_golden("attention", (heed_attention_options){.causal = false}, false);
    expect_golden("attention_causal", (heed_attention_options){.causal = true}, false);
    expect_golden("attention_late", (heed_attention_options){.causal = true}, false);
    expect_golden("attention_bool", (heed_attention_options){.causal = false}, true);
    expect_golden("attention_bias", (heed_attention_options){.causal = true}, true);
    expect_golden("attention_scale", (heed_attention_options){.scale = 0.25}, false);
}

/* Sizes around the blocks', in f32, against the same sums by plain ops in f64: the gradients, a position bias's too. */
static void expect_same_as_plain_ops(int64_t queries, int64_t keys, bool causal) {
    qkv x = random_qkv(HEED_F32, 1, 2, queries, keys), y = random_qkv(HEED_F64, 1, 2, queries, keys);
    heed_tensor bias = ops_random(HEED_F32, HEED_SHAPE(queries, keys), 4),
                bias_y = ops_random(HEED_F64, HEED_SHAPE(queries, keys), 4);
    heed_tensor seed = ops_random(HEED_F64, HEED_SHAPE(1, 2, queries, 5), 9);
    ops_backward(attend(x, (heed_attention_options){.causal = causal, .mask = bias}), heed_cast(t, seed, HEED_F32));
    heed_tensor got[] = {heed_grad(t, x.q), heed_grad(t, x.k), heed_grad(t, x.v), heed_grad(t, bias)};
    heed_tensor scores = heed_add(t, heed_scale(t, heed_matmul_t(t, y.q, false, y.k, true), 1 / sqrt(8)), bias_y);
    heed_tensor ones = heed_ones(t, HEED_F64, HEED_SHAPE(queries, keys)),
                seen = heed_tril(t, ones, causal ? keys - queries : keys);
    ops_backward(heed_matmul(t, heed_masked_softmax(t, scores, heed_cast(t, seen, HEED_BOOL)), y.v), seed);
    heed_tensor want[] = {heed_grad(t, y.q), heed_grad(t, y.k), heed_grad(t, y.v), heed_grad(t, bias_y)};
    for (int p = 0; p < 4; p++)
        for (int64_t j = 0; j < heed_count(t, got[p]); j++)
            cr_assert(fabs(ops_value(got[p], j) - ops_value(want[p], j)) < 1e-5,
                      "%d x %d, input %d, element %d: %g, not %g", (int)queries, (int)keys, p, (int)j,
                      ops_value(got[p], j), ops_value(want[p], j));
    heed_tape_reset(t);
}

/* [promises: odd sizes] */
Test(attention, sizes_around_blocks) {
    static const int64_t sizes[] = {1, 2, 15, 16, 17, 31, 33, 63, 64, 65, 130};
    for (int i = 0; i < LENGTH(sizes); i++) {
        expect_same_as_plain_ops(sizes[i], sizes[(i * 3 + 1) % LENGTH(sizes)], false);
        expect_same_as_plain_ops(sizes[i], sizes[i], true);
        expect_same_as_plain_ops(sizes[i], sizes[i] + 3, true);
    }
}

/* "Rank 3 (B, T, d) and rank 2 (T, d) are taken too, then mask and pattern lose those axes as well." */
Test(attention, of_fewer_axes) {
    qkv x = random_qkv(HEED_F32, 1, 1, 6, 7), flat;
    heed_tensor mask = ops_random(HEED_F32, HEED_SHAPE(6, 7), 5), whole_pattern, pattern;
    heed_tensor whole = attend(x, (heed_attention_options){.mask = mask, .pattern = &whole_pattern});
    for (int rank = 2; rank < 4; rank++) {
        heed_shape shapes[] = {
            {rank, {1, 6, 8}}, {rank, {1, 7, 8}}, {rank, {1, 7, 5}}, {rank, {1, 6, 5}}, {rank, {1, 6, 7}}};
        for (int i = 0; i < 5 && rank == 2; i++) {
            shapes[i].n[0] = shapes[i].n[1];
            shapes[i].n[1] = shapes[i].n[2];
        }
        flat = (qkv){heed_reshape(t, x.q, shapes[0]), heed_reshape(t, x.k, shapes[1]), heed_reshape(t, x.v, shapes[2])};
        heed_tensor y = attend(flat, (heed_attention_options){.mask = mask, .pattern = &pattern});
        ops_expect_same_bits(y, heed_reshape(t, whole, shapes[3]));
        ops_expect_same_bits(pattern, heed_reshape(t, whole_pattern, shapes[4]));
    }
}

/* Views, as a layer makes them: heads split off, q, k and v cut out of one product, a flipped axis. */
Test(attention, views_give_the_same_as_copies) {
    heed_tensor all = ops_random(HEED_F32, HEED_SHAPE(2, 9, 3, 12), 1), parts[3], heads[3], copies[3];
    heed_split(t, all, 3, 3, NULL, parts);
    for (int i = 0; i < 3; i++) {
        heads[i] = heed_flip(t, heed_transpose(t, parts[i], 1, 2), i);
        copies[i] = heed_contiguous(t, heads[i]);
    }
    heed_tensor mask = heed_transpose(t, ops_random(HEED_F32, HEED_SHAPE(9, 9), 4), 0, 1);
    heed_attention_options options = {.mask = mask, .causal = true},
                           copied = {.mask = heed_contiguous(t, mask), .causal = true};
    ops_expect_same_bits(heed_attention(t, heads[0], heads[1], heads[2], options),
                         heed_attention(t, copies[0], copies[1], copies[2], copied));
}

/* "Unwatched it never builds T x T": 2048 x 2048 weights would be 16 MB a head. */
Test(attention, takes_no_memory_for_the_pattern) {
    heed_tensor x = ops_random(HEED_F32, HEED_SHAPE(2048, 16), 1);
    heed_tape_set_threads(t, 2);
    ops_backward(heed_attention(t, x, x, x, (heed_attention_options){.causal = true}),
                 ops_random(HEED_F32, HEED_SHAPE(2048, 16), 2));
    cr_assert_lt(heed_tape_statistics(t).arena_bytes, (size_t)8 << 20);
}

/* ---- promises about bits ---- */

static heed_tensor watched_attention(const heed_tensor *in, void *options) {
    heed_tensor pattern;
    return with_pattern(in, options, &pattern);
}

/* "the context keeps its bits" whether the pattern is asked for or not, and so do the gradients. */
Test(attention, watching_changes_no_bit) {
    const heed_shape shapes[] = {{4, {2, 3, 70, 8}}, {4, {2, 3, 75, 8}}, {4, {2, 3, 75, 5}}};
    for (int i = 0; i < 2; i++) {
        heed_attention_options options = {.causal = true, .dropout = 0.3 * i};
        size_t bytes, again;
        void *unwatched = run_with_threads(2, attention, &options, 3, shapes, &bytes),
             *watched = run_with_threads(2, watched_attention, &options, 3, shapes, &again);
        cr_assert_eq(bytes, again);
        cr_assert_eq(memcmp(unwatched, watched, bytes), 0);
        free(unwatched);
        free(watched);
    }
}

static heed_tensor both_outputs(const heed_tensor *in, void *options) {
    heed_tensor pattern;
    heed_tensor y = with_pattern(in, options, &pattern);
    return heed_concat(t, (heed_tensor[]){y, pattern}, 2, 3);
}

Test(attention, bits_do_not_depend_on_threads) {
    heed_attention_options causal = {.causal = true}, dropout = {.dropout = 0.2, .causal = true},
                           plain = {.causal = false};
    heed_shape shapes[] = {{4, {2, 3, 130, 16}}, {4, {2, 3, 150, 16}}, {4, {2, 3, 150, 24}}, {3, {3, 130, 150}}};
    ops_expect_same_for_any_threads(attention, &causal, 3, shapes);
    ops_expect_same_for_any_threads(both_outputs, &dropout, 3, shapes);
    ops_expect_same_for_any_threads(masked_attention, &plain, 4, shapes); /* a learned position bias for each head */
    shapes[3] = (heed_shape){1, {150}};
    ops_expect_same_for_any_threads(masked_attention, &causal, 4, shapes);
    heed_shape one_head[] = {{2, {300, 16}}, {2, {300, 16}}, {2, {300, 16}}, {2, {300, 300}}};
    ops_expect_same_for_any_threads(masked_attention, &causal, 4, one_head);
}

/* "Under a causal mask, changing a future token leaves the past's bits unchanged", be it to NaN. [promises: the
 * future] */
Test(attention, the_future_changes_no_bit_of_the_past) {
    enum { T = 100, CHANGED = 70 };
    heed_tensor results[3];
    for (int i = 0; i < 3; i++) {
        float values[T * 8];
        for (int j = 0; j < T * 8; j++)
            values[j] = (float)ops_draw(1, j);
        for (int j = CHANGED * 8; j < T * 8 && i > 0; j++)
            values[j] = i == 1 ? 1e6f * (float)ops_draw(2, j) : NAN;
        heed_tensor x = heed_input(t, HEED_F32, HEED_SHAPE(T, 8), values);
        results[i] = heed_contiguous(
            t, heed_slice(t, heed_attention(t, x, x, x, (heed_attention_options){.causal = true}), 0, 0, CHANGED));
    }
    ops_expect_same_bits(results[0], results[1]);
    ops_expect_same_bits(results[0], results[2]);
}

/* "A cached step gives the same as the full pass": one query, with the keys there are so far. [promises: cached
 * steps] */
Test(attention, a_cached_step_gives_the_same) {
    qkv x = random_qkv(HEED_F32, 1, 2, 70, 70);
    heed_tensor all = attend(x, (heed_attention_options){.causal = true});
    for (int64_t i = 0; i < 70; i += 23) {
        qkv step = {heed_slice(t, x.q, 2, i, i + 1), heed_slice(t, x.k, 2, 0, i + 1), heed_slice(t, x.v, 2, 0, i + 1)};
        ops_expect_same_bits(attend(step, (heed_attention_options){.causal = true}),
                             heed_contiguous(t, heed_slice(t, all, 2, i, i + 1)));
    }
}

/* ---- edges ---- */

/* [promises: sizes of 0] */
Test(attention, sizes_of_zero) {
    heed_tensor none = heed_variable(t, HEED_F32, HEED_SHAPE(0, 4), NULL),
                q = ops_random(HEED_F32, HEED_SHAPE(3, 4), 1);
    heed_tensor y = heed_attention(t, q, none, none, (heed_attention_options){.causal = true});
    EXPECT(y, HEED_SHAPE(3, 4), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0); /* no key to see */
    ops_backward(y, heed_ones(t, HEED_F32, HEED_SHAPE(3, 4)));
    ops_expect_all(heed_grad(t, q), 0);
    heed_tape_reset(t);
    none = heed_variable(t, HEED_F32, HEED_SHAPE(0, 4), NULL), q = ops_random(HEED_F32, HEED_SHAPE(3, 4), 1);
    heed_tensor mask = ops_random(HEED_F32, HEED_SHAPE(1, 3), 1);
    ops_backward(heed_attention(t, none, q, q, (heed_attention_options){.mask = mask}),
                 heed_zeros(t, HEED_F32, HEED_SHAPE(0, 4)));
    ops_expect_all(heed_grad(t, q), 0);
    ops_expect_all(heed_grad(t, mask), 0);
    heed_tensor thin = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 0)), v = GIVEN_F32(HEED_SHAPE(2, 1), 1, 3);
    EXPECT(heed_attention(t, thin, thin, v, (heed_attention_options){.causal = false}), HEED_SHAPE(2, 1), 2,
           2); /* all scores 0 */
}

static heed_tensor zeros(int rank, int64_t a, int64_t b, int64_t c, int64_t d) {
    return heed_zeros(t, HEED_F32, (heed_shape){rank, {a, b, c, d}});
}

Test(attention, messages) {
    heed_attention_options plain = {.causal = false};
    ops_expect_error(heed_attention(t, zeros(4, 2, 4, 10, 16), zeros(4, 2, 3, 12, 16), zeros(4, 2, 3, 12, 16), plain),
                     "attention: heads of k and v must be equal and divide those of q: q (2, 4, 10, 16), k (2, 3, 12, "
                     "16), v (2, 3, 12, 16)");
    ops_expect_error(heed_attention(t, zeros(2, 10, 16, 0, 0), zeros(2, 12, 8, 0, 0), zeros(2, 12, 8, 0, 0), plain),
                     "attention: q and k differ in width: (10, 16) and (12, 8)");
    ops_expect_error(heed_attention(t, zeros(2, 10, 16, 0, 0), zeros(2, 12, 16, 0, 0), zeros(2, 11, 8, 0, 0), plain),
                     "attention: k and v differ in length: (12, 16) and (11, 8)");
    ops_expect_error(heed_attention(t, zeros(2, 10, 16, 0, 0), zeros(3, 1, 12, 16, 0), zeros(2, 12, 16, 0, 0), plain),
                     "attention: ranks differ: q (10, 16), k (1, 12, 16), v (12, 16)");
    ops_expect_error(heed_attention(t, zeros(1, 16, 0, 0, 0), zeros(2, 12, 16, 0, 0), zeros(2, 12, 16, 0, 0), plain),
                     "attention: q is (16,), must have 2 to 4 axes: (batch, heads, time, d_k)");
    ops_expect_error(heed_attention(t, zeros(2, 10, 16, 0, 0), zeros(2, 12, 16, 0, 0), zeros(2, 12, 16, 0, 0),
                                    (heed_attention_options){.mask = zeros(2, 12, 10, 0, 0)}),
                     "attention: the mask is (12, 10), does not broadcast to the scores (10, 12)");
    ops_expect_error(heed_attention(t, zeros(2, 10, 16, 0, 0), zeros(2, 12, 16, 0, 0), zeros(2, 12, 16, 0, 0),
                                    (heed_attention_options){.mask = heed_zeros(t, HEED_I32, HEED_SHAPE(10, 12))}),
                     "attention: the mask is i32, must be bool or f32");
}

/* "p outside [0,1] or NaN ERR" [promises: dropout's p] */
Test(attention, option_messages) {
    static const double wrong[] = {-0.1, 1.1, NAN};
    static const char *const text[] = {"attention: dropout is -0.1, must be in [0, 1]",
                                       "attention: dropout is 1.1, must be in [0, 1]",
                                       "attention: dropout is nan, must be in [0, 1]"};
    for (int i = 0; i < 3; i++) {
        heed_tensor x = zeros(2, 3, 4, 0, 0);
        ops_expect_error(heed_attention(t, x, x, x, (heed_attention_options){.dropout = wrong[i]}), text[i]);
    }
    heed_tensor x = zeros(2, 3, 4, 0, 0), pattern = x;
    ops_expect_error(heed_attention(t, x, x, x, (heed_attention_options){.scale = INFINITY, .pattern = &pattern}),
                     "attention: scale is inf, must be finite");
    cr_assert(heed_is_nil(pattern));
}
