/* How a nest of loops becomes matrix products:
 *
 *     axes that follow each other in all three operands are merged into one;
 *     then one axis each is chosen for the columns, rows, terms and batch of a heed_gemm;
 *     what is left over are loops around it: over products of their own, shared out among threads,
 *     and over products that are added up, one after the other.
 *
 * Where nothing is summed there may be no matrix at all: see elements.h. */
#include "contract.h"

#include <string.h>

#include "../../kernels/gemm.h"
#include "../../kernels/parallel.h"
#include "elements.h"

/* The axes, most of a nest's bytes, are left as they are: there are none yet. */
void heed_contract_open(heed_contraction *nest, heed_dtype dtype, const void *a, const void *b, void *c) {
    nest->dtype = dtype;
    nest->n = 0;
    nest->a = a;
    nest->b = b;
    nest->c = c;
    nest->bias = NULL;
    nest->accumulate = false;
}

void heed_contract_along(heed_contraction *nest, int64_t size, int64_t step_a, int64_t step_b, int64_t step_c) {
    if (size != 1)
        nest->axis[nest->n++] = (heed_contract_axis){.size = size, .step = {step_a, step_b, step_c}};
}

void heed_contract_exchange(heed_contraction *nest, int operand) {
    const void *kept = operand == CONTRACT_A ? nest->a : nest->b;
    *(operand == CONTRACT_A ? &nest->a : &nest->b) = nest->c;
    nest->c = (void *)(uintptr_t)kept; /* it was the caller's writable dx */
    for (int i = 0; i < nest->n; i++) {
        int64_t *step = nest->axis[i].step, old = step[operand];
        step[operand] = step[CONTRACT_C];
        step[CONTRACT_C] = old;
    }
}

/* ---- the plan ---- */

typedef struct contract_plan {
    heed_gemm gemm; /* the first of the products */
    int n_free, n_sum;
    heed_contract_axis free[CONTRACT_AXES], sum[CONTRACT_AXES]; /* loops over products, and over parts of one's sum */
    int64_t free_count, sum_count;
} contract_plan;

enum role { ROWS, COLUMNS, BATCH, SUMMED };

/* What has a bias is a column even where b is the same all along it, being expanded: a product adds its bias by columns. */
static enum role role_of(const heed_contract_axis *axis) {
    bool in_a = axis->step[CONTRACT_A] != 0, in_b = axis->step[CONTRACT_B] != 0;
    if (axis->step[CONTRACT_C] == 0)
        return SUMMED;
    return axis->biased ? COLUMNS : in_a == in_b ? BATCH : in_a ? ROWS : COLUMNS;
}

static void remove_axis(heed_contraction *nest, int i) {
    memmove(&nest->axis[i], &nest->axis[i + 1], (size_t)(--nest->n - i) * sizeof nest->axis[0]);
}

/* Whether a step along `outer` is as far as a whole walk along `inner`, in every operand. */
static bool follows(const heed_contract_axis *inner, const heed_contract_axis *outer) {
    bool even = !inner->biased && !outer->biased;
    for (int o = 0; o < CONTRACT_OPERANDS; o++)
        even = even && outer->step[o] == inner->size * inner->step[o];
    return even;
}

static bool merge_two(heed_contraction *nest) {
    for (int outer = 0; outer < nest->n; outer++)
        for (int inner = 0; inner < nest->n; inner++)
            if (inner != outer && follows(&nest->axis[inner], &nest->axis[outer])) {
                nest->axis[inner].size *= nest->axis[outer].size;
                remove_axis(nest, outer);
                return true;
            }
    return false;
}

/* A sum of nothing along one axis is a sum of nothing: of those summed over, the first such axis alone remains, or there
 * would be loops of no turns around a product that writes the zeros. */
static void drop_empty_sums(heed_contraction *nest) {
    int empty = -1;
    for (int i = nest->n - 1; i >= 0; i--)
        if (role_of(&nest->axis[i]) == SUMMED && nest->axis[i].size == 0)
            empty = i;
    for (int i = nest->n - 1; i >= 0 && empty >= 0; i--)
        if (role_of(&nest->axis[i]) == SUMMED && i != empty)
            remove_axis(nest, i);
}

/* a b = c turned into b' a' = c', if that makes neighbours in c columns: rows of c are what vectors are made of. */
static void turn_to_rows(heed_contraction *nest) {
    bool turn = false;
    for (int i = 0; i < nest->n; i++)
        turn = turn || (nest->axis[i].step[CONTRACT_C] == 1 && role_of(&nest->axis[i]) == ROWS);
    if (!turn || nest->bias)
        return;
    const void *a = nest->a;
    nest->a = nest->b;
    nest->b = a;
    for (int i = 0; i < nest->n; i++) {
        int64_t *step = nest->axis[i].step, old = step[CONTRACT_A];
        step[CONTRACT_A] = step[CONTRACT_B];
        step[CONTRACT_B] = old;
    }
}

static bool suits_better(const heed_contract_axis *axis, const heed_contract_axis *other) {
    bool beside = axis->biased || axis->step[CONTRACT_C] == 1;
    bool other_beside = other->biased || other->step[CONTRACT_C] == 1;
    return beside == other_beside ? axis->size > other->size : beside;
}

/* Takes the axis out of the nest that serves a role best: one that is biased or runs along neighbours in c before a
 * longer one. Without any, an axis of one step. */
static heed_contract_axis take(heed_contraction *nest, unsigned roles) {
    int best = -1;
    for (int i = 0; i < nest->n; i++) {
        const heed_contract_axis *axis = &nest->axis[i];
        if ((roles >> role_of(axis) & 1) && (best < 0 || suits_better(axis, &nest->axis[best])))
            best = i;
    }
    if (best < 0)
        return (heed_contract_axis){.size = 1};
    heed_contract_axis taken = nest->axis[best];
    remove_axis(nest, best);
    return taken;
}

static contract_plan plan_of(const heed_contraction *given) {
    heed_contraction nest;
    heed_contract_open(&nest, given->dtype, given->a, given->b, given->c);
    nest.bias = given->bias;
    nest.n = given->n;
    memcpy(nest.axis, given->axis, (size_t)given->n * sizeof nest.axis[0]);
    drop_empty_sums(&nest);
    while (merge_two(&nest))
        continue;
    turn_to_rows(&nest);
    heed_contract_axis columns = take(&nest, 1u << COLUMNS), rows = take(&nest, 1u << ROWS);
    heed_contract_axis terms = take(&nest, 1u << SUMMED);
    heed_contract_axis batch = take(&nest, 1u << COLUMNS | 1u << ROWS | 1u << BATCH);
    contract_plan plan;
    plan.n_free = plan.n_sum = 0;
    plan.free_count = plan.sum_count = 1;
    const int64_t *row = rows.step, *column = columns.step, *term = terms.step, *item = batch.step;
    plan.gemm = (heed_gemm){
        .m = rows.size, .n = columns.size, .k = terms.size, .batch = batch.size,
        .a = nest.a, .a_row = row[CONTRACT_A], .a_col = term[CONTRACT_A], .a_batch = item[CONTRACT_A],
        .b = nest.b, .b_row = term[CONTRACT_B], .b_col = column[CONTRACT_B], .b_batch = item[CONTRACT_B],
        .c = nest.c, .c_row = row[CONTRACT_C], .c_col = column[CONTRACT_C], .c_batch = item[CONTRACT_C],
        .bias = nest.bias, .alpha = 1, .accumulate = given->accumulate,
    };
    for (int i = 0; i < nest.n; i++) {
        bool summed = role_of(&nest.axis[i]) == SUMMED;
        *(summed ? &plan.sum[plan.n_sum++] : &plan.free[plan.n_free++]) = nest.axis[i];
        *(summed ? &plan.sum_count : &plan.free_count) *= nest.axis[i].size;
    }
    return plan;
}

/* ---- carrying it out ---- */

static int64_t workers_of(const contract_plan *plan, int threads) {
    const heed_gemm *g = &plan->gemm;
    double points = (double)plan->free_count * (double)plan->sum_count * (double)g->batch * (double)g->m * (double)g->n;
    return heed_gemm_workers(points * (double)g->k, threads);
}

/* Products of a loop are shared out if there are enough of them; otherwise the workers share out each product. */
static bool workers_share_loop(const contract_plan *plan, int64_t workers) {
    return plan->free_count > 1 && plan->free_count >= workers;
}

static size_t aligned(size_t bytes) {
    return (bytes + 63) / 64 * 64;
}

size_t heed_contract_room(heed_dtype dtype, int64_t across, int64_t terms, double points, int threads) {
    return aligned(heed_gemm_room(across, terms, points, heed_dtype_size(dtype), threads));
}

size_t heed_contract_workspace(const heed_contraction *nest, int threads) {
    if (heed_contract_is_of_elements(nest))
        return 0;
    contract_plan plan = plan_of(nest);
    int64_t workers = workers_of(&plan, threads);
    size_t element = heed_dtype_size(nest->dtype);
    if (workers_share_loop(&plan, workers))
        return (size_t)workers * aligned(heed_gemm_workspace(&plan.gemm, element, 1));
    return aligned(heed_gemm_workspace(&plan.gemm, element, (int)workers));
}

typedef struct contract_job {
    const contract_plan *plan;
    heed_dtype dtype;
    int64_t workers; /* each multiplies its share of the products, in workspace of its own */
    char *workspace;
    size_t worker_bytes;
} contract_job;

/* An operand without elements may be NULL: it is not to be moved. */
static void *moved(const void *data, int64_t elements, heed_dtype dtype) {
    return elements == 0 ? (void *)(uintptr_t)data
                         : (char *)(uintptr_t)data + elements * (int64_t)heed_dtype_size(dtype);
}

/* Moves the product along the loops to their index-th round. */
static void move_along(heed_gemm *gemm, const heed_contract_axis *axes, int n, int64_t index, heed_dtype dtype) {
    int64_t offset[CONTRACT_OPERANDS] = {0};
    for (int i = n - 1; i >= 0; i--) {
        for (int o = 0; o < CONTRACT_OPERANDS; o++)
            offset[o] += index % axes[i].size * axes[i].step[o];
        index /= axes[i].size;
    }
    gemm->a = moved(gemm->a, offset[CONTRACT_A], dtype);
    gemm->b = moved(gemm->b, offset[CONTRACT_B], dtype);
    gemm->c = moved(gemm->c, offset[CONTRACT_C], dtype);
}

/* One product with all parts of its sum. */
static void multiply(const contract_plan *plan, int64_t index, heed_dtype dtype, int threads, void *workspace) {
    heed_gemm first = plan->gemm;
    move_along(&first, plan->free, plan->n_free, index, dtype);
    for (int64_t s = 0; s < plan->sum_count; s++) {
        heed_gemm part = first;
        move_along(&part, plan->sum, plan->n_sum, s, dtype);
        part.accumulate = first.accumulate || s > 0;
        part.bias = s == 0 ? first.bias : NULL;
        if (dtype == HEED_F64)
            heed_gemm_f64(&part, threads, workspace);
        else
            heed_gemm_f32(&part, threads, workspace);
    }
}

static void multiply_shares(void *context, int64_t begin, int64_t end) {
    const contract_job *job = context;
    const contract_plan *plan = job->plan;
    for (int64_t worker = begin; worker < end; worker++) {
        char *workspace = job->workspace + (size_t)worker * job->worker_bytes;
        int64_t last = (worker + 1) * plan->free_count / job->workers;
        for (int64_t index = worker * plan->free_count / job->workers; index < last; index++)
            multiply(plan, index, job->dtype, 1, workspace);
    }
}

void heed_contract(const heed_contraction *nest, int threads, void *workspace) {
    if (heed_contract_is_of_elements(nest)) {
        heed_contract_elements(nest, threads);
        return;
    }
    contract_plan plan = plan_of(nest);
    int64_t workers = workers_of(&plan, threads);
    if (workers_share_loop(&plan, workers)) {
        contract_job job = {.plan = &plan, .dtype = nest->dtype, .workers = workers, .workspace = workspace,
                            .worker_bytes = aligned(heed_gemm_workspace(&plan.gemm, heed_dtype_size(nest->dtype), 1))};
        heed_parallel_for((int)workers, workers, 1, multiply_shares, &job);
        return;
    }
    for (int64_t index = 0; index < plan.free_count; index++)
        multiply(&plan, index, nest->dtype, (int)workers, workspace);
}
