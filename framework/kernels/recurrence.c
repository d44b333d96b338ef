/* recurrence.c: how steps and rows of a recurrence are shared out. Formulas are in recurrence_cells.h, the passes over
 * time in recurrence_typed.h. */
#include "recurrence.h"

#include <string.h>

#include "apart.h"
#include "gemm.h"
#include "parallel.h"
#include "sizes.h"
#include "vmath.h"

enum { ALIGNMENT = 64 };

static size_t aligned(size_t bytes) {
    return (size_t)round_up((int64_t)bytes, ALIGNMENT);
}

#define REAL float
#define TYPED(name) name##_f32
#include "recurrence_cells.h"
#undef REAL
#undef TYPED

#define REAL double
#define TYPED(name) name##_f64
#include "recurrence_cells.h"
#undef REAL
#undef TYPED

/* ---- the kinds ---- */

struct heed_cell_rule {
    int gates, kept;
    bool has_c;
    void (*step_f32)(const cell_step_f32 *s);
    void (*step_f64)(const cell_step_f64 *s);
    void (*back_f32)(const cell_step_back_f32 *s);
    void (*back_f64)(const cell_step_back_f64 *s);
    void (*reset_f32)(const cell_step_back_f32 *s); /* from the gradient of in to that of from, where they differ */
    void (*reset_f64)(const cell_step_back_f64 *s);
};

#define BOTH(field, name) .field##_f32 = name##_f32, .field##_f64 = name##_f64

const heed_cell_rule heed_cell_rnn_tanh = {1, 0, false, BOTH(step, rnn_tanh), BOTH(back, rnn_tanh_back)};
const heed_cell_rule heed_cell_rnn_relu = {1, 0, false, BOTH(step, rnn_relu), BOTH(back, rnn_relu_back)};
const heed_cell_rule heed_cell_gru = {3, 4, false, BOTH(step, gru), BOTH(back, gru_back), BOTH(reset, gru_reset)};
const heed_cell_rule heed_cell_lstm = {4, 4, true, BOTH(step, lstm), BOTH(back, lstm_back)};

int heed_cell_rule_gates(const heed_cell_rule *cell) {
    return cell->gates;
}

int heed_cell_rule_kept(const heed_cell_rule *cell) {
    return cell->kept;
}

bool heed_cell_rule_has_c(const heed_cell_rule *cell) {
    return cell->has_c;
}

/* ---- products ---- */

/* Of many steps all but the first would read W as its transpose anew. They are multiplied by a copy that is transposed
 * already, whose rows the product reads in place: it does so where they are not a multiple of a page apart. */
enum { STEPS_WORTH_A_COPY = 4, LINE = 64, PAGE = 4096 };

static bool copies_w(const heed_recurrence_problem *a) {
    return a->steps >= STEPS_WORTH_A_COPY;
}

/* From one row of the copy to the next, in elements. */
static int64_t copied_row(const heed_recurrence_problem *a, size_t element_size) {
    const size_t bytes = aligned((size_t)(a->cell->gates * a->hidden) * element_size);
    return (int64_t)((bytes % PAGE ? bytes : bytes + LINE) / element_size);
}

/* W h + b of `rows` rows of states, h_row apart, from the row `to` of (B, G H) on. */
static heed_gemm product_of_state(const heed_recurrence_problem *a, int64_t rows, const void *h, int64_t h_row,
                                  void *to) {
    const int64_t H = a->hidden, wide = a->cell->gates * H;
    return (heed_gemm){.m = rows, .n = wide, .k = H, .a = h, .a_row = h_row, .a_col = 1, .b = a->w, .b_row = 1,
                       .b_col = H, .c = to, .c_row = wide, .c_col = 1, .batch = 1, .bias = a->bias, .alpha = 1};
}

/* The same by the transposed copy. */
static heed_gemm product_by_copy(const heed_recurrence_problem *a, heed_gemm product, const void *copy, int64_t row) {
    if (!copies_w(a))
        return product;
    product.b = copy;
    product.b_row = row;
    product.b_col = 1;
    return product;
}

/* dh += d_from W of `rows` rows at one step. */
static heed_gemm product_for_state(const heed_recurrence_problem *a, int64_t rows, const void *d_from, void *dh) {
    const int64_t H = a->hidden, wide = a->cell->gates * H;
    return (heed_gemm){.m = rows, .n = H, .k = wide, .a = d_from, .a_row = a->steps * wide, .a_col = 1, .b = a->w,
                       .b_row = H, .b_col = 1, .c = dh, .c_row = H, .c_col = 1, .batch = 1, .alpha = 1,
                       .accumulate = true};
}

/* dW (+)= d_fromᵀ h, h being the state before each step, over all rows and steps. */
static heed_gemm product_for_weight(const heed_recurrence_problem *a, const heed_recurrence_gradient *g,
                                    const void *before) {
    const int64_t H = a->hidden, wide = a->cell->gates * H;
    return (heed_gemm){.m = wide, .n = H, .k = a->batch * a->steps, .a = g->d_from, .a_row = 1, .a_col = wide,
                       .b = before, .b_row = H, .b_col = 1, .c = g->d_w, .c_row = H, .c_col = 1, .batch = 1,
                       .alpha = 1, .accumulate = g->add_w};
}

/* ---- who does what ---- */

/* Worker w takes rows w share .. (w + 1) share - 1 through all steps, its products with `inner` threads. A batch too
 * small for that, and a single step with few rows for each to pack W for, is one worker's: its products are shared out. */
typedef struct recurrence_plan {
    int64_t workers, share, row_grain;
    int inner;
    size_t gemm_bytes; /* a worker's */
} recurrence_plan;

/* Multiply-adds, and numbers through their gates, that are worth waking a thread for. */
static const double work_of_a_thread = 1 << 17;
enum { GATES_OF_A_THREAD = 8192, ROWS_OF_A_STEP = 16 };

static recurrence_plan plan_of(const heed_recurrence_problem *a, int threads) {
    if (threads <= 0)
        threads = heed_parallel_max();
    const double row = (double)a->steps * (double)a->cell->gates * (double)a->hidden * (double)a->hidden;
    const double most = row * (double)a->batch / work_of_a_thread;
    recurrence_plan plan = {.workers = 1, .row_grain = GATES_OF_A_THREAD / (a->cell->gates * a->hidden + 1) + 1};
    if (a->batch / threads >= (a->steps > 1 ? 1 : ROWS_OF_A_STEP))
        plan.workers = most < threads ? (int64_t)most : threads;
    if (plan.workers < 1)
        plan.workers = 1;
    plan.share = a->batch / plan.workers + (a->batch % plan.workers != 0);
    plan.inner = plan.workers > 1 ? 1 : threads;
    return plan;
}

static recurrence_plan forward_plan(const heed_recurrence_problem *a, size_t element_size, int threads) {
    recurrence_plan plan = plan_of(a, threads);
    const heed_gemm of_w = product_of_state(a, plan.share, NULL, a->steps * a->hidden, NULL);
    const heed_gemm g = product_by_copy(a, of_w, NULL, copied_row(a, element_size));
    plan.gemm_bytes = aligned(heed_gemm_workspace(&g, element_size, plan.inner));
    return plan;
}

static recurrence_plan backward_plan(const heed_recurrence_problem *a, size_t element_size, int threads) {
    recurrence_plan plan = plan_of(a, threads);
    const heed_gemm g = product_for_state(a, plan.share, NULL, NULL);
    plan.gemm_bytes = aligned(heed_gemm_workspace(&g, element_size, plan.inner));
    return plan;
}

/* ---- scratch memory: blocks one after the other, in this order ---- */

/* Forward: W h + b of a step (B, G H); where nothing is kept, what a step would keep (B, K H); Wᵀ; products. */
static size_t from_bytes(const heed_recurrence_problem *a, size_t element_size) {
    return aligned((size_t)(a->batch * a->cell->gates * a->hidden) * element_size);
}

static size_t unkept_bytes(const heed_recurrence_problem *a, size_t element_size) {
    return a->kept ? 0 : aligned((size_t)(a->batch * a->cell->kept * a->hidden) * element_size);
}

static size_t copy_bytes(const heed_recurrence_problem *a, size_t element_size) {
    return copies_w(a) ? (size_t)(a->hidden * copied_row(a, element_size)) * element_size : 0;
}

size_t heed_recurrence_workspace(const heed_recurrence_problem *a, size_t element_size, int threads) {
    const recurrence_plan plan = forward_plan(a, element_size, threads);
    return from_bytes(a, element_size) + unkept_bytes(a, element_size) + copy_bytes(a, element_size) +
           (size_t)plan.workers * plan.gemm_bytes;
}

/* Backward: dh and dc (B, H) each, a row of zeros (K H); then products over time, and after them the states before each
 * step (B, T, H) and the product over all of them. */
static size_t running_bytes(const heed_recurrence_problem *a, size_t element_size) {
    return aligned((size_t)(a->batch * a->hidden) * element_size);
}

static size_t zeros_bytes(const heed_recurrence_problem *a, size_t element_size) {
    return aligned((size_t)(a->cell->kept * a->hidden) * element_size);
}

static size_t before_bytes(const heed_recurrence_problem *a, size_t element_size) {
    return a->steps > 1 ? aligned((size_t)(a->batch * a->steps * a->hidden) * element_size) : 0;
}

size_t heed_recurrence_backward_workspace(const heed_recurrence_problem *a, size_t element_size, int threads) {
    const recurrence_plan plan = backward_plan(a, element_size, threads);
    const heed_recurrence_gradient none = {.add_w = false};
    const heed_gemm weight = product_for_weight(a, &none, NULL);
    const size_t over_time = (size_t)plan.workers * plan.gemm_bytes;
    const size_t at_the_end = before_bytes(a, element_size) + heed_gemm_workspace(&weight, element_size, threads);
    return 2 * running_bytes(a, element_size) + zeros_bytes(a, element_size) + (over_time > at_the_end ? over_time : at_the_end);
}

/* ---- the passes over time ---- */

#define REAL float
#define TYPED(name) name##_f32
#include "recurrence_typed.h"
#undef REAL
#undef TYPED

#define REAL double
#define TYPED(name) name##_f64
#include "recurrence_typed.h"
#undef REAL
#undef TYPED
