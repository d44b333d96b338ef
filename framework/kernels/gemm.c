/* gemm.c: how a matrix product is shared out.
 *
 * c is cut by rows and columns into units, each a product itself. Each worker multiplies its own units, one after
 * the other, and packs what they need into its own part of the workspace, so no worker waits for another. How a unit
 * is multiplied is in gemm_unit.h.
 */
#include "gemm.h"

#include "gemm_simd.h"
#include "parallel.h"

/* A block of b stays in the second-level cache while all of a goes by. */
enum { BLOCK_K = HEED_GEMM_BLOCK_K, BLOCK_B_BYTES = 512 << 10, WORKSPACE_ALIGNMENT = 64 };

enum { NARROW_COLUMNS = 4 };

static int64_t smaller(int64_t x, int64_t y) {
    return x < y ? x : y;
}

static int64_t larger(int64_t x, int64_t y) {
    return x > y ? x : y;
}

static int64_t divide_up(int64_t x, int64_t y) {
    return x / y + (x % y != 0);
}

static int64_t round_up(int64_t x, int64_t unit) {
    return divide_up(x, unit) * unit;
}

/* The sizes that follow from a vector's, for elements of so many bytes. */

static int64_t lanes_of(size_t element_size) {
    return VECTOR_BYTES / (int64_t)element_size;
}

static int64_t tile_columns_of(size_t element_size) {
    return TILE_VECTORS * lanes_of(element_size);
}

/* A panel of a is padded to whole vectors, so that packing need not care where a tile ends. */
static int64_t a_panel_width_of(size_t element_size) {
    return round_up(TILE_ROWS, lanes_of(element_size));
}

/* The step with which `count` is cut into as few and as equal parts as can be, none above `most`. */
static int64_t even_step(int64_t count, int64_t most) {
    return divide_up(count, divide_up(count, most));
}

static int64_t block_columns_of(size_t element_size) {
    return BLOCK_B_BYTES / (BLOCK_K * (int64_t)element_size);
}

/* Parts of a product are products. */

typedef struct range {
    int64_t begin, count;
} range;

static range range_at(int64_t begin, int64_t step, int64_t end) {
    return (range){begin, smaller(step, end - begin)};
}

/* An operand without elements may be NULL. */
static void *offset_by(const void *base, int64_t elements, size_t element_size) {
    return base ? (char *)base + elements * (int64_t)element_size : NULL;
}

/* Rows i and columns j of c, with the terms p of their sums. The first terms bring the bias and overwrite c, unless
 * the whole does not; all others are added. */
static heed_gemm part_of(const heed_gemm *whole, size_t element_size, range i, range j, range p) {
    heed_gemm part = *whole;
    part.m = i.count;
    part.n = j.count;
    part.k = p.count;
    part.a = offset_by(whole->a, i.begin * whole->a_row + p.begin * whole->a_col, element_size);
    part.b = offset_by(whole->b, p.begin * whole->b_row + j.begin * whole->b_col, element_size);
    part.c = offset_by(whole->c, i.begin * whole->c_row + j.begin * whole->c_col, element_size);
    part.bias = p.begin == 0 ? offset_by(whole->bias, j.begin, element_size) : NULL;
    part.accumulate = whole->accumulate || p.begin > 0;
    return part;
}

static heed_gemm one_of_batch(const heed_gemm *product, size_t element_size, int64_t index) {
    heed_gemm one = *product;
    one.a = offset_by(product->a, index * product->a_batch, element_size);
    one.b = offset_by(product->b, index * product->b_batch, element_size);
    one.c = offset_by(product->c, index * product->c_batch, element_size);
    one.batch = 1;
    return one;
}

static gemm_strip rows_of_a(const heed_gemm *g) {
    return (gemm_strip){.source = g->a, .across = g->a_row, .along = g->a_col, .count = g->m, .k = g->k};
}

static gemm_strip columns_of_b(const heed_gemm *g) {
    return (gemm_strip){.source = g->b, .across = g->b_col, .along = g->b_row, .count = g->n, .k = g->k};
}

/* Where an operand is read in place. The micro-kernel wants the columns of b side by side, and a few lines of the
 * cache at a time of a; all others are packed. So are elements that are a multiple of a page apart: they fall into one
 * set of the cache and drive each other out of it before they are read again. */

enum { PAGE_BYTES = 4096 };

static bool collide(int64_t stride, size_t element_size) {
    return stride * (int64_t)element_size % PAGE_BYTES == 0;
}

static bool reads_a_in_place(const heed_gemm *g, size_t element_size) {
    if (g->n <= tile_columns_of(element_size)) /* read once */
        return true;
    return (g->a_col == 1 && !collide(g->a_row, element_size)) || (g->a_row == 1 && !collide(g->a_col, element_size));
}

static bool reads_b_in_place(const heed_gemm *g, size_t element_size) {
    return g->b_col == 1 && (g->m <= TILE_ROWS || !collide(g->b_row, element_size));
}

/* How many columns of b are read in place: panels with a column missing are not. */
static int64_t columns_in_place(const heed_gemm *g, size_t element_size) {
    if (!reads_b_in_place(g, element_size))
        return 0;
    int64_t lanes = lanes_of(element_size), tile = tile_columns_of(element_size);
    return g->n % lanes == 0 ? g->n : g->n / tile * tile;
}

#define REAL float
#define TYPED(name) name##_f32
#include "gemm_unit.h"
#undef REAL
#undef TYPED

#define REAL double
#define TYPED(name) name##_f64
#include "gemm_unit.h"
#undef REAL
#undef TYPED

/* Products that share b, and whose rows follow each other from one to the next, are one product of more rows. */
static void join_batch(heed_gemm *g) {
    if (g->b_batch != 0 || g->a_batch != g->m * g->a_row || g->c_batch != g->m * g->c_row)
        return;
    g->m *= g->batch;
    g->batch = 1;
}

static void exchange(int64_t *x, int64_t *y) {
    int64_t kept = *x;
    *x = *y;
    *y = kept;
}

/* The transpose of the product, b' a' = c': vectors lie along a row of c, and would be mostly empty if rows had a
 * few columns only. The bias would have to lie along columns, so a product with one stays. */
static void transpose_if_narrow(heed_gemm *g) {
    if (g->n > NARROW_COLUMNS || g->m <= g->n || g->bias)
        return;
    const void *a = g->a;
    g->a = g->b;
    g->b = a;
    exchange(&g->m, &g->n);
    exchange(&g->a_row, &g->b_col);
    exchange(&g->a_col, &g->b_row);
    exchange(&g->c_row, &g->c_col);
    exchange(&g->a_batch, &g->b_batch);
}

/* The same product, the same numbers, put the way that is multiplied fastest. */
static heed_gemm recast(const heed_gemm *product) {
    heed_gemm g = *product;
    join_batch(&g);
    transpose_if_narrow(&g);
    return g;
}

/* Multiply-adds that are worth waking a thread for. */
static const double work_of_a_thread = 1 << 18;

/* c is cut into units_m x units_n units of rows x columns each, less at the edges. Worker w of `workers` takes the
 * w-th share of the batch * units_m * units_n units. */
typedef struct gemm_plan {
    int64_t rows, columns;
    int64_t units_m, units_n;
    int64_t workers;
    size_t a_bytes, b_bytes; /* a worker's packed blocks */
} gemm_plan;

/* Into how many units each c must be cut so that, with equal shares, workers idle for at most an eighth of the time. */
static int64_t units_for(int64_t batch, int64_t workers) {
    int64_t units = 1;
    while (round_up(batch * units, workers) - batch * units > batch * units / 8)
        units++;
    return units;
}

/* The cut of c into `units` that packs least: a unit packs its rows of a and its columns of b. Columns are cut where
 * cache lines of c are, if c's rows are aligned. */
static void cut(gemm_plan *plan, const heed_gemm *g, int64_t units, int64_t lanes) {
    plan->rows = plan->columns = INT64_MAX / 2;
    for (int64_t units_m = 1; units_m <= units; units_m++) {
        if (units % units_m != 0)
            continue;
        int64_t rows = divide_up(g->m, units_m);
        int64_t columns = round_up(divide_up(g->n, units / units_m), lanes);
        if (rows + columns < plan->rows + plan->columns) {
            plan->rows = rows;
            plan->columns = columns;
        }
    }
    plan->units_m = divide_up(g->m, plan->rows);
    plan->units_n = divide_up(g->n, plan->columns);
}

static gemm_plan plan_of(const heed_gemm *g, size_t element_size, int threads) {
    gemm_plan plan = {.workers = threads > 0 ? threads : heed_parallel_max()};
    double work = (double)g->batch * (double)g->m * (double)g->n * (double)larger(g->k, 1);
    if (work < (double)plan.workers * work_of_a_thread)
        plan.workers = larger((int64_t)(work / work_of_a_thread), 1);
    cut(&plan, g, units_for(g->batch, plan.workers), lanes_of(element_size));
    plan.workers = smaller(plan.workers, g->batch * plan.units_m * plan.units_n);

    int64_t columns_b = round_up(smaller(plan.columns, block_columns_of(element_size)), tile_columns_of(element_size));
    int64_t depth_bytes = smaller(larger(g->k, 1), BLOCK_K) * (int64_t)element_size;
    plan.a_bytes = (size_t)round_up(a_panel_width_of(element_size) * depth_bytes, WORKSPACE_ALIGNMENT);
    plan.b_bytes = (size_t)round_up(columns_b * depth_bytes, WORKSPACE_ALIGNMENT);
    return plan;
}

/* An empty sum changes c unless it is to be overwritten, or to have the bias added. */
static bool changes_nothing(const heed_gemm *product) {
    bool no_elements = product->batch < 1 || product->m < 1 || product->n < 1;
    return no_elements || (product->k < 1 && product->accumulate && !product->bias);
}

size_t heed_gemm_workspace(const heed_gemm *product, size_t element_size, int threads) {
    if (changes_nothing(product))
        return 0;
    heed_gemm g = recast(product);
    gemm_plan plan = plan_of(&g, element_size, threads);
    return (size_t)plan.workers * (plan.a_bytes + plan.b_bytes);
}

typedef void unit_body(const heed_gemm *unit, void *a_panels, void *b_panels);

typedef struct gemm_task {
    const heed_gemm *product;
    size_t element_size;
    gemm_plan plan;
    unit_body *multiply;
    char *workspace;
} gemm_task;

static heed_gemm unit_of(const gemm_task *task, int64_t index) {
    const gemm_plan *plan = &task->plan;
    int64_t j = index % plan->units_n;
    int64_t i = index / plan->units_n % plan->units_m;
    heed_gemm c = one_of_batch(task->product, task->element_size, index / plan->units_n / plan->units_m);
    return part_of(&c, task->element_size, range_at(i * plan->rows, plan->rows, c.m),
                   range_at(j * plan->columns, plan->columns, c.n), (range){0, c.k});
}

static void work(void *context, int64_t begin, int64_t end) {
    const gemm_task *task = context;
    const gemm_plan *plan = &task->plan;
    int64_t units = task->product->batch * plan->units_m * plan->units_n;
    for (int64_t worker = begin; worker < end; worker++) {
        char *a_panels = task->workspace + (size_t)worker * (plan->a_bytes + plan->b_bytes);
        int64_t share = divide_up(units, plan->workers);
        for (int64_t index = worker * share; index < smaller((worker + 1) * share, units); index++) {
            heed_gemm unit = unit_of(task, index);
            task->multiply(&unit, a_panels, a_panels + plan->a_bytes);
        }
    }
}

static void multiply(const heed_gemm *product, size_t element_size, unit_body *body, int threads, void *workspace) {
    if (changes_nothing(product))
        return;
    heed_gemm g = recast(product);
    gemm_task task = {&g, element_size, plan_of(&g, element_size, threads), body, workspace};
    heed_parallel_for((int)task.plan.workers, task.plan.workers, 1, work, &task);
}

void heed_gemm_f32(const heed_gemm *product, int threads, void *workspace) {
    multiply(product, sizeof(float), multiply_unit_f32, threads, workspace);
}

void heed_gemm_f64(const heed_gemm *product, int threads, void *workspace) {
    multiply(product, sizeof(double), multiply_unit_f64, threads, workspace);
}
