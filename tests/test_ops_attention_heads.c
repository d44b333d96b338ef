/* Heads that share keys and values, windows, and biases by distance in the attention op: against the same written with
 * heads repeated and with whole masks, and the promises about bits and memory. */
#include "attention_testing.h"

TestSuite(attention_heads, .init = ops_setup, .fini = ops_teardown);

/* q (2, H, T, 8), k (2, H_kv, S, 8), v (2, H_kv, S, 5) */
static qkv grouped_qkv(heed_dtype dtype, int64_t heads, int64_t kv_heads, int64_t queries, int64_t keys) {
    return (qkv){ops_random(dtype, HEED_SHAPE(2, heads, queries, 8), 1),
                 ops_random(dtype, HEED_SHAPE(2, kv_heads, keys, 8), 2),
                 ops_random(dtype, HEED_SHAPE(2, kv_heads, keys, 5), 3)};
}

static void expect_close(heed_tensor got, heed_tensor want, double tolerance) {
    expect_shape(got, heed_shape_of(t, want));
    for (int64_t i = 0; i < heed_count(t, want); i++)
        cr_assert(fabs(ops_value(got, i) - ops_value(want, i)) <= tolerance, "element %d is %.17g, not %.17g", (int)i,
                  ops_value(got, i), ops_value(want, i));
}

/* Each head of x so many times, one copy after the other. */
static heed_tensor repeated_heads(heed_tensor x, int64_t times) {
    int64_t B = heed_size(t, x, 0), H = heed_size(t, x, 1), S = heed_size(t, x, 2), d = heed_size(t, x, 3);
    heed_tensor apart = heed_expand(t, heed_reshape(t, x, HEED_SHAPE(B, H, 1, S, d)), HEED_SHAPE(B, H, times, S, d));
    return heed_reshape(t, apart, HEED_SHAPE(B, H * times, S, d));
}

/* ---- shared heads ---- */

/* Multi-query and grouped attention are attention with the weights repeated; gradients are sums over the copies. */
Test(attention_heads, sharing_is_repeating) {
    static const int64_t kv_heads[] = {1, 2, 3, 6};
    for (int i = 0; i < LENGTH(kv_heads); i++) {
        heed_tensor seed = ops_random(HEED_F64, HEED_SHAPE(2, 6, 70, 5), 9), grads[2][3], y[2];
        for (int copied = 0; copied < 2; copied++) {
            qkv x = grouped_qkv(HEED_F64, 6, kv_heads[i], 70, 70), whole = x;
            if (copied) {
                whole.k = repeated_heads(x.k, 6 / kv_heads[i]);
                whole.v = repeated_heads(x.v, 6 / kv_heads[i]);
            }
            y[copied] = attend(whole, (heed_attention_options){.causal = true});
            ops_backward(y[copied], seed);
            grads[copied][0] = heed_grad(t, x.q), grads[copied][1] = heed_grad(t, x.k),
            grads[copied][2] = heed_grad(t, x.v);
        }
        ops_expect_same_bits(y[0], y[1]);
        ops_expect_same_bits(grads[0][0], grads[1][0]);
        expect_close(grads[0][1], grads[1][1], 1e-13);
        expect_close(grads[0][2], grads[1][2], 1e-13);
        heed_tape_reset(t);
    }
}

/* ---- windows ---- */

/* The same as a mask: key j of query i, who stands at i + S - T. */
static heed_tensor window_mask(int64_t T, int64_t S, bool causal, int64_t window) {
    bool *seen = malloc((size_t)(T * S));
    for (int64_t i = 0; i < T; i++)
        for (int64_t j = 0; j < S; j++) {
            int64_t back = i + S - T - j;
            seen[i * S + j] = back < window && (causal ? back >= 0 : back > -window);
        }
    heed_tensor mask = ops_mask(HEED_SHAPE(T, S), seen);
    free(seen);
    return mask;
}

static void expect_window(int64_t T, int64_t S, bool causal, int64_t window) {
    heed_tensor seed = ops_random(HEED_F64, HEED_SHAPE(2, 2, T, 5), 9), grads[2][3], y[2], pattern[2];
    for (int masked = 0; masked < 2; masked++) {
        qkv x = grouped_qkv(HEED_F64, 2, 1, T, S);
        heed_attention_options options = {.pattern = &pattern[masked]};
        if (masked) {
            options.mask = window_mask(T, S, causal, window);
        } else {
            options.causal = causal;
            options.window = window;
        }
        y[masked] = attend(x, options);
        ops_backward(y[masked], seed);
        grads[masked][0] = heed_grad(t, x.q), grads[masked][1] = heed_grad(t, x.k),
        grads[masked][2] = heed_grad(t, x.v);
    }
    expect_close(y[0], y[1], 1e-14);
    expect_close(pattern[0], pattern[1], 1e-14);
    for (int i = 0; i < 3; i++)
        expect_close(grads[0][i], grads[1][i], 1e-13);
    heed_tape_reset(t);
}

/* Windows smaller and larger than a block of queries (64) and than a block of keys in products (256). */
Test(attention_heads, a_window_is_a_mask) {
    static const int64_t windows[] = {1, 2, 16, 65, 300};
    for (int i = 0; i < LENGTH(windows); i++)
        for (int causal = 0; causal < 2; causal++) {
            expect_window(5, 5, causal, windows[i]);
            expect_window(3, 17, causal, windows[i]);
            expect_window(17, 4, causal, windows[i]);
            expect_window(130, 400, causal, windows[i]);
            expect_window(400, 400, causal, windows[i]);
        }
}

Test(attention_heads, a_window_as_long_as_the_sequence_is_none) {
    qkv x = random_qkv(HEED_F32, 1, 2, 70, 70);
    static const int64_t windows[] = {70, 71, 1 << 30, INT64_MAX};
    for (int i = 0; i < LENGTH(windows); i++)
        for (int causal = 0; causal < 2; causal++)
            ops_expect_same_bits(attend(x, (heed_attention_options){.causal = causal, .window = windows[i]}),
                                 attend(x, (heed_attention_options){.causal = causal}));
}

/* A query by itself, with all keys and with no more than its window, has the bits it has among others. */
Test(attention_heads, a_step_with_a_window_gives_the_same) {
    enum { T = 700 };
    qkv x = random_qkv(HEED_F32, 1, 2, T, T);
    static const int64_t windows[] = {3, 70, 290};
    for (int n = 0; n < LENGTH(windows); n++) {
        heed_attention_options options = {.causal = true, .window = windows[n]};
        heed_tensor all = attend(x, options);
        for (int64_t i = 0; i < T; i += 53) {
            qkv step = {heed_slice(t, x.q, 2, i, i + 1), heed_slice(t, x.k, 2, 0, i + 1),
                        heed_slice(t, x.v, 2, 0, i + 1)};
            ops_expect_same_bits(attend(step, options), heed_contiguous(t, heed_slice(t, all, 2, i, i + 1)));
        }
    }
}

/* Keys and values outside the window may be NaN: neither output nor gradient of the others moves by a bit.
 * [promises: masked keys] */
Test(attention_heads, what_the_window_hides_adds_nothing) {
    enum { T = 400, LAST = 300 }; /* queries from LAST on, with a window of 20, see keys from 281 on */
    heed_tensor y[2], dq[2], dk[2];
    for (int bad = 0; bad < 2; bad++) {
        float values[T * 8];
        for (int i = 0; i < T * 8; i++)
            values[i] = bad && i / 8 <= LAST - 20 ? NAN : (float)ops_draw(5, i);
        heed_tensor q = ops_random(HEED_F32, HEED_SHAPE(T, 8), 1),
                    k = heed_variable(t, HEED_F32, HEED_SHAPE(T, 8), values);
        heed_tensor z = heed_attention(t, q, k, k, (heed_attention_options){.causal = true, .window = 20});
        y[bad] = heed_contiguous(t, heed_slice(t, z, 0, LAST, T));
        ops_backward(y[bad], ops_random(HEED_F32, HEED_SHAPE(T - LAST, 8), 2));
        dq[bad] = heed_contiguous(t, heed_slice(t, heed_grad(t, q), 0, LAST, T));
        dk[bad] = heed_contiguous(
            t, heed_slice(t, heed_grad(t, k), 0, LAST, T)); /* query 299 sees NaN, and others of its keys */
    }
    ops_expect_same_bits(y[0], y[1]);
    ops_expect_same_bits(dq[0], dq[1]);
    ops_expect_same_bits(dk[0], dk[1]);
}

/* ---- biases by distance ---- */

/* relative (H, T + S - 1) as the mask (H, T, S) that it stands for. */
static heed_tensor relative_mask(heed_tensor relative, int64_t T, int64_t S) {
    heed_tensor rows[64];
    for (int64_t i = 0; i < T; i++)
        rows[i] = heed_slice(t, relative, 1, T - 1 - i, T - 1 - i + S);
    return heed_stack(t, rows, (int)T, 1);
}

static void expect_relative(int64_t heads, int64_t T, int64_t S, heed_attention_options options) {
    heed_tensor seed = ops_random(HEED_F64, HEED_SHAPE(2, 3, T, 5), 9), grads[2][4], y[2];
    for (int masked = 0; masked < 2; masked++) {
        qkv x = grouped_qkv(HEED_F64, 3, 1, T, S);
        heed_tensor relative = ops_random(HEED_F64, HEED_SHAPE(heads, T + S - 1), 4);
        options.mask = masked ? relative_mask(relative, T, S) : HEED_NIL;
        options.relative = masked ? HEED_NIL : relative;
        y[masked] = attend(x, options);
        ops_backward(y[masked], seed);
        grads[masked][0] = heed_grad(t, x.q), grads[masked][1] = heed_grad(t, x.k),
        grads[masked][2] = heed_grad(t, x.v);
        grads[masked][3] = heed_grad(t, relative);
    }
    ops_expect_same_bits(y[0], y[1]);
    for (int i = 0; i < 4; i++)
        expect_close(grads[0][i], grads[1][i], 1e-13);
    heed_tape_reset(t);
}

Test(attention_heads, a_relative_bias_is_a_mask) {
    expect_relative(3, 5, 5, (heed_attention_options){.causal = false});
    expect_relative(3, 7, 4, (heed_attention_options){.causal = true});
    expect_relative(1, 3, 17, (heed_attention_options){.causal = true, .window = 4});
    expect_relative(3, 33, 40, (heed_attention_options){.window = 6});
}

/* It joins either kind of mask, and hides where it is -inf. */
Test(attention_heads, a_relative_bias_beside_a_mask) {
    qkv x = random_qkv(HEED_F32, 1, 2, 3, 4);
    heed_tensor relative = GIVEN_F32(HEED_SHAPE(6), 0.5, -INFINITY, 1, -2, INFINITY, 0.25);
    heed_tensor added = GIVEN_F32(HEED_SHAPE(3, 4), 1, 2, -INFINITY, 0, 0, 0, 0, 0, 0.5, 0, 0, -1);
    heed_tensor both =
        GIVEN_F32(HEED_SHAPE(3, 4), 2, 0, -INFINITY, 0.25, -INFINITY, 1, -2, INFINITY, 1, -INFINITY, 1, -3);
    heed_tensor seen = ops_mask(HEED_SHAPE(4), (bool[]){true, true, true, false});
    heed_tensor want = GIVEN_F32(HEED_SHAPE(3, 4), 1, -2, INFINITY, -INFINITY, -INFINITY, 1, -2, -INFINITY, 0.5,
                                 -INFINITY, 1, -INFINITY);
    for (int64_t row = 1; row < 3; row++) { /* row 0 is NaN, for the +inf */
        qkv one = {heed_slice(t, x.q, 2, row, row + 1), x.k, x.v};
        heed_tensor distances = heed_slice(t, relative, 0, 2 - row, 6 - row);
        if (row == 2) {
            ops_expect_same_bits(attend(one, (heed_attention_options){.mask = heed_slice(t, added, 0, row, row + 1),
                                                                      .relative = distances}),
                                 attend(one, (heed_attention_options){.mask = heed_slice(t, both, 0, row, row + 1)}));
        }
        ops_expect_same_bits(attend(one, (heed_attention_options){.mask = seen, .relative = distances}),
                             attend(one, (heed_attention_options){.mask = heed_slice(t, want, 0, row, row + 1)}));
    }
}

/* ---- promises ---- */

static heed_tensor with_relative(const heed_tensor *in, void *user) {
    heed_attention_options options = *(heed_attention_options *)user;
    options.relative = in[3];
    return attend((qkv){in[0], in[1], in[2]}, options);
}

Test(attention_heads, bits_do_not_depend_on_threads) {
    heed_attention_options causal = {.causal = true, .window = 70, .dropout = 0.2}, around = {.window = 100};
    heed_shape shapes[] = {{4, {2, 6, 330, 16}}, {4, {2, 2, 350, 16}}, {4, {2, 2, 350, 8}}, {2, {6, 679}}};
    ops_expect_same_for_any_threads(with_relative, &causal, 4, shapes);
    ops_expect_same_for_any_threads(with_relative, &around, 4, shapes);
    heed_shape one[] = {{4, {1, 4, 330, 16}}, {4, {1, 1, 350, 16}}, {4, {1, 1, 350, 8}}, {1, {679}}};
    ops_expect_same_for_any_threads(with_relative, &causal, 4, one);
}

/* Neither 2048 x 2048 weights (16 MB) nor a mask of that size is made for a window or a bias. */
Test(attention_heads, take_no_memory_for_the_pattern) {
    heed_tensor x = ops_random(HEED_F32, HEED_SHAPE(2048, 16), 1), relative = ops_random(HEED_F32, HEED_SHAPE(4095), 3);
    heed_tape_set_threads(t, 2);
    ops_backward(
        heed_attention(t, x, x, x, (heed_attention_options){.causal = true, .window = 64, .relative = relative}),
        ops_random(HEED_F32, HEED_SHAPE(2048, 16), 2));
    cr_assert_lt(heed_tape_statistics(t).arena_bytes, (size_t)6 << 20);
}

static heed_tensor zeros(int rank, int64_t a, int64_t b, int64_t c, int64_t d) {
    return heed_zeros(t, HEED_F32, (heed_shape){rank, {a, b, c, d}});
}

Test(attention_heads, messages) {
    heed_tensor q = zeros(4, 2, 4, 3, 2), k = zeros(4, 2, 2, 5, 2), wide = zeros(4, 2, 4, 5, 2);
    ops_expect_error(heed_attention(t, q, k, wide, (heed_attention_options){.causal = true}),
                     "attention: heads of k and v must be equal and divide those of q: q (2, 4, 3, 2), k (2, 2, 5, 2), "
                     "v (2, 4, 5, 2)");
    q = zeros(4, 2, 4, 3, 2), k = zeros(4, 3, 2, 5, 2);
    ops_expect_error(heed_attention(t, q, k, k, (heed_attention_options){.causal = true}),
                     "attention: batches differ: q (2, 4, 3, 2), k (3, 2, 5, 2), v (3, 2, 5, 2)");
    q = zeros(4, 2, 4, 3, 2), k = zeros(4, 2, 2, 5, 2);
    ops_expect_error(heed_attention(t, q, k, k, (heed_attention_options){.window = -1}),
                     "attention: the window is -1, must be 0 (none) or more");
    q = zeros(4, 2, 4, 3, 2), k = zeros(4, 2, 2, 5, 2);
    ops_expect_error(heed_attention(t, q, k, k, (heed_attention_options){.relative = zeros(2, 2, 7, 0, 0)}),
                     "attention: the relative bias is (2, 7), must be (4, 7): heads, T + S - 1 distances");
    q = zeros(4, 2, 4, 3, 2), k = zeros(4, 2, 2, 5, 2);
    ops_expect_error(
        heed_attention(t, q, k, k, (heed_attention_options){.relative = heed_zeros(t, HEED_BOOL, HEED_SHAPE(7))}),
        "attention: the relative bias is bool, must be f32");
}
