/* gemm.c: how a matrix product is shared out.
 *
 * c is cut by rows and columns into units, each a product itself. Each worker multiplies its own units, one after
 * the other, and packs what they need into its own part of the workspace, so no worker waits for another. How a unit
 * is multiplied is in gemm_unit.h.
 */
#include "gemm.h"

#include "gemm_simd.h"
#include "parallel.h"
#include "sizes.h"

/* A block of b stays in the second-level cache while all of a goes by. A larger c does not, and is fetched in time. */
enum { BLOCK_K = HEED_GEMM_BLOCK_K, BLOCK_B_BYTES = 512 << 10, NEAR_C_BYTES = 256 << 10 };
enum { WORKSPACE_ALIGNMENT = 64, NARROW_COLUMNS = 4 };

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
    return count <= most ? count : divide_up(count, divide_up(count, most));
}

static int64_t block_columns_of(size_t element_size) {
    return BLOCK_B_BYTES / (BLOCK_K * (int64_t)element_size);
}

typedef struct range {
    int64_t begin, count;
} range;

static inline range range_at(int64_t begin, int64_t step, int64_t end) {
    return (range){begin, smaller(step, end - begin)};
}

/* A part of a product: some rows, columns and terms of it. The strides are the product's. */
typedef struct gemm_part {
    const void *a, *b, *bias;
    void *c;
    int64_t m, n, k;
    bool accumulate;
} gemm_part;

/* An operand without elements may be NULL. */
static inline void *offset_by(const void *base, int64_t elements, size_t element_size) {
    return base ? (char *)base + elements * (int64_t)element_size : NULL;
}

static inline gemm_part one_of_batch(const heed_gemm *g, size_t element_size, int64_t index) {
    return (gemm_part){.a = offset_by(g->a, index * g->a_batch, element_size),
                       .b = offset_by(g->b, index * g->b_batch, element_size),
                       .c = offset_by(g->c, index * g->c_batch, element_size),
                       .bias = g->bias, .m = g->m, .n = g->n, .k = g->k, .accumulate = g->accumulate};
}

/* Rows i and columns j of c, with the terms p of their sums. The first terms bring the bias and overwrite c, unless
 * the whole does not; all others are added. */
static inline gemm_part part_of(const heed_gemm *g, const gemm_part *whole, size_t element_size, range i, range j,
                                range p) {
    return (gemm_part){
        .a = offset_by(whole->a, i.begin * g->a_row + p.begin * g->a_col, element_size),
        .b = offset_by(whole->b, p.begin * g->b_row + j.begin * g->b_col, element_size),
        .c = offset_by(whole->c, i.begin * g->c_row + j.begin * g->c_col, element_size),
        .bias = p.begin == 0 ? offset_by(whole->bias, j.begin, element_size) : NULL,
        .m = i.count, .n = j.count, .k = p.count,
        .accumulate = whole->accumulate || p.begin > 0,
    };
}

/* Where an operand is read in place. The micro-kernel wants the columns of b side by side, best in whole lines of the
 * cache, and a few lines at a time of a; all others are packed. So are elements that are a multiple of a page apart: they
 * fall into one set of the cache and drive each other out of it before they are read again. What is read only a few
 * times is not worth a copy. */

enum { PAGE_BYTES = 4096, LINE_BYTES = 64 };

static bool apart_by(int64_t stride, size_t element_size, int64_t bytes) {
    return stride * (int64_t)element_size % bytes == 0;
}

static bool reads_a_in_place(const heed_gemm *g, const gemm_part *part, size_t element_size) {
    if (part->n <= tile_columns_of(element_size))
        return true;
    return (g->a_col == 1 && !apart_by(g->a_row, element_size, PAGE_BYTES)) ||
           (g->a_row == 1 && !apart_by(g->a_col, element_size, PAGE_BYTES));
}

static bool reads_b_in_place(const heed_gemm *g, const gemm_part *part, size_t element_size) {
    if (g->b_col != 1)
        return false;
    return part->m <= 4 * TILE_ROWS ||
           (apart_by(g->b_row, element_size, LINE_BYTES) && !apart_by(g->b_row, element_size, PAGE_BYTES));
}

/* How many columns of b are read in place: panels with a column missing are not. */
static int64_t columns_in_place(const heed_gemm *g, const gemm_part *part, size_t element_size) {
    int64_t lanes = lanes_of(element_size), tile = tile_columns_of(element_size);
    if (!reads_b_in_place(g, part, element_size))
        return 0;
    return part->n % lanes == 0 ? part->n : part->n / tile * tile;
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

/* Multiply-adds that are worth waking a thread for, which takes 2 microseconds. To fetch an element takes as long as some of
 * them, more from where another product has left it, which counts where there are few for each: in a product of a row, a
 * column, or a single term. */
static const double work_of_a_thread = 1 << 17, work_of_an_element = 8;

static double work_of(const heed_gemm *g) {
    const double m = (double)g->m, n = (double)g->n, k = (double)larger(g->k, 1);
    const double products = m * n * k, elements = m * k + k * n + m * n;
    return (double)g->batch * (products > work_of_an_element * elements ? products : work_of_an_element * elements);
}

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

static inline size_t a_block_bytes(int64_t terms, size_t element_size) {
    int64_t depth_bytes = smaller(larger(terms, 1), BLOCK_K) * (int64_t)element_size;
    return (size_t)round_up(a_panel_width_of(element_size) * depth_bytes, WORKSPACE_ALIGNMENT);
}

static inline size_t b_block_bytes(int64_t terms, int64_t columns, size_t element_size) {
    int64_t packed = round_up(smaller(columns, block_columns_of(element_size)), tile_columns_of(element_size));
    int64_t depth_bytes = smaller(larger(terms, 1), BLOCK_K) * (int64_t)element_size;
    return (size_t)round_up(packed * depth_bytes, WORKSPACE_ALIGNMENT);
}

static gemm_plan plan_of(const heed_gemm *g, size_t element_size, int threads) {
    gemm_plan plan = {.workers = threads > 0 ? threads : heed_parallel_max()};
    const double work = work_of(g);
    if (work < (double)plan.workers * work_of_a_thread)
        plan.workers = larger((int64_t)(work / work_of_a_thread), 1);
    cut(&plan, g, units_for(g->batch, plan.workers), lanes_of(element_size));
    plan.workers = smaller(plan.workers, g->batch * plan.units_m * plan.units_n);

    plan.a_bytes = a_block_bytes(g->k, element_size);
    plan.b_bytes = b_block_bytes(g->k, plan.columns, element_size);
    return plan;
}

/* An empty sum changes c unless it is to be overwritten, or to have the bias added. */
static bool changes_nothing(const heed_gemm *product) {
    bool no_elements = product->batch < 1 || product->m < 1 || product->n < 1;
    return no_elements || (product->k < 1 && product->accumulate && !product->bias);
}

/* Of elements there are at most three for each multiply-add: see work_of(). */
int64_t heed_gemm_workers(double multiply_adds, int threads) {
    const double worth = 3 * work_of_an_element * multiply_adds / work_of_a_thread;
    const int64_t most = threads > 0 ? threads : heed_parallel_max();
    return worth < (double)most ? larger((int64_t)worth, 1) : most;
}

size_t heed_gemm_room(int64_t across, int64_t terms, double multiply_adds, size_t element_size, int threads) {
    const bool f64 = element_size == sizeof(double); /* a constant: this is asked for each op, and divides */
    const size_t a = f64 ? a_block_bytes(terms, sizeof(double)) : a_block_bytes(terms, sizeof(float));
    const size_t b = f64 ? b_block_bytes(terms, across, sizeof(double)) : b_block_bytes(terms, across, sizeof(float));
    return (size_t)heed_gemm_workers(multiply_adds, threads) * (a + b);
}

size_t heed_gemm_workspace(const heed_gemm *product, size_t element_size, int threads) {
    if (changes_nothing(product))
        return 0;
    heed_gemm g = recast(product);
    gemm_plan plan = plan_of(&g, element_size, threads);
    return (size_t)plan.workers * (plan.a_bytes + plan.b_bytes);
}

typedef void unit_body(const heed_gemm *product, const gemm_part *unit, void *a_panel, void *b_panels);

typedef struct gemm_task {
    const heed_gemm *product;
    size_t element_size;
    gemm_plan plan;
    unit_body *multiply;
    char *workspace;
} gemm_task;

static gemm_part unit_of(const gemm_task *task, int64_t index) {
    const gemm_plan *plan = &task->plan;
    if (plan->units_m == 1 && plan->units_n == 1)
        return one_of_batch(task->product, task->element_size, index);
    int64_t j = index % plan->units_n;
    int64_t i = index / plan->units_n % plan->units_m;
    gemm_part c = one_of_batch(task->product, task->element_size, index / plan->units_n / plan->units_m);
    return part_of(task->product, &c, task->element_size, range_at(i * plan->rows, plan->rows, c.m),
                   range_at(j * plan->columns, plan->columns, c.n), (range){0, c.k});
}

static void work(void *context, int64_t begin, int64_t end) {
    const gemm_task *task = context;
    const gemm_plan *plan = &task->plan;
    int64_t units = task->product->batch * plan->units_m * plan->units_n;
    for (int64_t worker = begin; worker < end; worker++) {
        char *a_panel = task->workspace + (size_t)worker * (plan->a_bytes + plan->b_bytes);
        int64_t share = divide_up(units, plan->workers);
        for (int64_t index = worker * share; index < smaller((worker + 1) * share, units); index++) {
            gemm_part unit = unit_of(task, index);
            task->multiply(task->product, &unit, a_panel, a_panel + plan->a_bytes);
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
