/* 04: an op of your own, in a page, with its gradient checked by one call.
 *
 * Sparsemax (Martins and Astudillo 2016) is softmax's sharper sister: the point of the simplex nearest to x. Where softmax
 * gives every key some weight, sparsemax gives most of them exactly none.
 *
 *     y_i = max(x_i - tau, 0), with tau such that sum y = 1
 *
 * Where y_i > 0 the row is linear in x: with n such entries tau = (their sum of x - 1) / n, so
 *
 *     dx_i = dy_i - mean of dy over the n entries      where y_i > 0, and 0 elsewhere.
 *
 * The file compiles itself once for float and once for double (heed/real_f32.h says how). */
#ifndef REAL
#include <stdio.h>

#include <heed/heed.h>

#include <heed/real_f32.h>
#include "04_new_op.c"
#include <heed/real_f64.h>
#include "04_new_op.c"
#include <heed/real_end.h>

/* Rows of 2 to 17 numbers, drawn so that in the longer ones some entries fall to zero. */
static bool samples(int index, heed_sample *sample) {
    static const int64_t lengths[] = {2, 3, 5, 15, 16, 17}, rows[] = {1, 2, 15, 33};
    if (index >= 24)
        return false;
    *sample = (heed_sample){
        .n_in = 1,
        .in = {
            {.dtype = HEED_F64, .shape = HEED_SHAPE(rows[index / 6], lengths[index % 6]), .low = -0.5, .high = 0.5}}};
    return true;
}

static heed_status shape_rule(heed_call *call) {
    heed_shape x = call->in[0]->shape;
    if (x.rank == 0 || x.n[x.rank - 1] == 0)
        return heed_fail(call, "shape is %s; the last axis must have at least one entry", HEED_SHAPE_STR(x));
    return heed_shape_same(call);
}

static const heed_op sparsemax_op = {
    .size = sizeof(heed_op),
    .name = "sparsemax",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .shape = shape_rule,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_out = HEED_SAVE(0), /* backward reads y, and nothing else */
    .samples = samples,
};

/* Over the last axis. */
static heed_tensor sparsemax(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &sparsemax_op, &x, 1, NULL);
}

int main(void) {
    puts("The gradient of a new op, against central differences:\n");
    heed_check check = heed_gradcheck_op(&sparsemax_op, NULL);
    heed_check_print_head(stdout);
    heed_check_print(&check, stdout);

    puts("\nThe same scores, by softmax and by sparsemax:\n");
    heed_tape *t = heed_tape_new();
    heed_tensor scores = heed_input(t, HEED_F32, HEED_SHAPE(5), (float[]){2.0F, 1.7F, 0.4F, 0.1F, -1.0F});
    char text[256];
    heed_print(t, heed_softmax(t, scores, -1), text, sizeof text);
    printf("softmax    %s\n", text);
    heed_print(t, sparsemax(t, scores), text, sizeof text);
    printf("sparsemax  %s\n", text);
    heed_tape_free(t);
    return check.failed != 0;
}

#else

/* Lets tau rise until all entries above it, less tau, sum to 1: each round drops those that have fallen below. */
static void TYPED(project)(const REAL *x, REAL *y, int64_t n) {
    REAL tau = x[0] - 1;
    int64_t kept = 0, before = -1;
    for (int64_t i = 0; i < n; i++)
        tau = x[i] - 1 < tau ? x[i] - 1 : tau;
    while (kept != before) {
        REAL sum = 0;
        before = kept;
        kept = 0;
        for (int64_t i = 0; i < n; i++)
            if (x[i] > tau) {
                sum += x[i];
                kept++;
            }
        tau = (sum - 1) / (REAL)kept;
    }
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] > tau ? x[i] - tau : 0;
}

/* Rows are shared out to the threads; each is computed the same way whoever does it. */
static void TYPED(forward_rows)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    int64_t n = call->in[0]->shape.n[call->in[0]->shape.rank - 1];
    for (int64_t r = begin; r < end; r++)
        TYPED(project)((const REAL *)call->in[0]->data + r * n, (REAL *)call->out[0]->data + r * n, n);
}

static void TYPED(forward)(heed_call *call) {
    int64_t n = call->in[0]->shape.n[call->in[0]->shape.rank - 1];
    heed_parallel(call, heed_array_count(call->in[0]) / n, 64, TYPED(forward_rows), call);
}

static void TYPED(backward_rows)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    int64_t n = call->out[0]->shape.n[call->out[0]->shape.rank - 1];
    for (int64_t r = begin; r < end; r++) {
        const REAL *y = (const REAL *)call->out[0]->data + r * n, *dy = (const REAL *)call->dy[0]->data + r * n;
        REAL *dx = (REAL *)call->dx[0]->data + r * n, sum = 0, kept = 0;
        for (int64_t i = 0; i < n; i++) {
            sum += y[i] > 0 ? dy[i] : 0;
            kept += y[i] > 0;
        }
        for (int64_t i = 0; i < n; i++)
            dx[i] = y[i] > 0 ? dy[i] - sum / kept : 0;
    }
}

static void TYPED(backward)(heed_call *call) {
    int64_t n = call->out[0]->shape.n[call->out[0]->shape.rank - 1];
    heed_parallel(call, heed_array_count(call->out[0]) / n, 64, TYPED(backward_rows), call);
}

#endif
