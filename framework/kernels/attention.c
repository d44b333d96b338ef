/* Attention by blocks of queries. This file has what has no type: how the work is cut and shared out, and where a
 * worker's memory lies. attention_block_typed.h computes the weights of one block and sums by them; attention_typed.h
 * is forward and backward. */
#include "attention.h"

#include <math.h>
#include <string.h>

#include <heed/rng.h>

#include "gemm.h"
#include "parallel.h"
#include "rows.h"
#include "vmath.h"

enum { BLOCK_QUERIES = 64, ALIGNMENT = 64 };

typedef heed_attention_problem problem;
typedef heed_attention_result result;
typedef heed_attention_gradient gradients;
typedef heed_attention_sums score_sums;

/* ---- blocks ---- */

/* Queries first .. first + rows - 1 of one head, and keys begin .. begin + keys - 1, which have all that they can
 * see. */
typedef struct block {
    int64_t b, h;
    int64_t first, rows;
    int64_t begin, keys;
} block;

static int64_t smaller(int64_t x, int64_t y) {
    return x < y ? x : y;
}

static int64_t larger(int64_t x, int64_t y) {
    return x > y ? x : y;
}

static int64_t blocks_of(const problem *a) {
    return a->queries / BLOCK_QUERIES + (a->queries % BLOCK_QUERIES != 0);
}

static int64_t within(int64_t low, int64_t x, int64_t high) {
    return larger(low, smaller(x, high));
}

/* The query sees keys keys_from .. keys_before - 1, unless the mask hides them. */
static int64_t keys_from(const problem *a, int64_t query) {
    return a->window > 0 ? within(0, query + a->keys - a->queries - a->window + 1, a->keys) : 0;
}

static int64_t keys_before(const problem *a, int64_t query) {
    const int64_t ahead = a->causal ? 1 : a->window;
    return ahead > 0 ? within(0, query + a->keys - a->queries + ahead, a->keys) : a->keys;
}

static block block_at(const problem *a, int64_t b, int64_t h, int64_t index) {
    block at = {.b = b, .h = h, .first = index * BLOCK_QUERIES};
    at.rows = smaller(BLOCK_QUERIES, a->queries - at.first);
    /* Products add up keys in blocks of HEED_GEMM_BLOCK_K. A query's keys must fall into the same blocks whichever
     * other queries are with it, or its sums would have other bits. */
    at.begin = keys_from(a, at.first) / HEED_GEMM_BLOCK_K * HEED_GEMM_BLOCK_K;
    at.keys = keys_before(a, at.first + at.rows - 1) - at.begin;
    return at;
}

/* As many keys as a block can have. */
static int64_t widest(const problem *a) {
    if (a->window == 0)
        return a->keys;
    return smaller(a->keys, (a->causal ? a->window : 2 * a->window) + BLOCK_QUERIES + HEED_GEMM_BLOCK_K);
}

/* The head of k and v that this head of q reads. */
static int64_t kv_head_of(const problem *a, int64_t h) {
    return h / (a->heads / a->kv_heads);
}

/* Element (b, h, i, 0), elements being of so many bytes. */
static const void *row_of(const heed_attention_view *x, int64_t b, int64_t h, int64_t i, size_t size) {
    int64_t offset = b * x->step[0] + h * x->step[1] + i * x->step[2];
    return offset ? (const char *)x->data + offset * (int64_t)size : x->data;
}

/* ---- who computes what ---- */

/* So many workers, each on units of its own, and so many threads within each product. */
typedef struct share {
    int workers, threads;
} share;

static share share_of(int64_t units, int threads) {
    threads = threads > 0 ? threads : heed_parallel_max();
    if (2 * units > threads)
        return (share){(int)smaller(units, threads), 1};
    return (share){1, threads};
}

/* A worker's memory. Rows have room for the keys of the widest block. */
typedef struct scratch {
    void *weights;  /* (BLOCK_QUERIES, keys of the block): scores, then weights */
    void *gradient; /* the same, dL/d weights, then dL/d scores; backward only */
    void *added;    /* (keys): what is added to a row of scores */
    void *factors;  /* (keys): what dropout multiplies a row of weights by */
    void *clean;    /* (keys or BLOCK_QUERIES, d_k or d_v): an operand without its NaN and inf */
    void *stats;    /* (BLOCK_QUERIES, 2): largest score, 1 / sum of e^(score - largest); 0 and 0 if it sees nothing */
    void *gemm;
    int threads;    /* within products */
} scratch;

static size_t product_bytes(int64_t m, int64_t n, int64_t k, size_t size, int threads) {
    heed_gemm product = {.m = m, .n = n, .k = k, .a_row = k, .a_col = 1, .b_row = n, .b_col = 1, .c_row = n, .c_col = 1,
                         .batch = 1, .alpha = 1};
    return heed_gemm_workspace(&product, size, threads);
}

/* The most that any product of any block takes. Not only the largest block is asked: how a product is cut depends on
 * its shape. Of very many blocks none is: it is what no product takes more of. */
static size_t gemm_bytes(const problem *a, size_t size, bool backward, int threads) {
    enum { MANY_BLOCKS = 1 << 14, MOST_A_THREAD = 1 << 20 };
    if (blocks_of(a) > MANY_BLOCKS)
        return (size_t)threads * MOST_A_THREAD;
    size_t most = 0;
    for (int64_t i = 0; i < blocks_of(a); i++) {
        block at = block_at(a, 0, 0, i);
        const int64_t shapes[][3] = {{at.rows, at.keys, a->d_k}, {at.rows, a->d_v, at.keys},
                                     {at.rows, at.keys, a->d_v}, {at.rows, a->d_k, at.keys},
                                     {at.keys, a->d_k, at.rows}, {at.keys, a->d_v, at.rows}};
        for (int p = 0; p < (backward ? 6 : 2); p++) {
            size_t bytes = product_bytes(shapes[p][0], shapes[p][1], shapes[p][2], size, threads);
            most = bytes > most ? bytes : most;
        }
    }
    return most;
}

/* Past size_t: what follows from it stays so, and the engine refuses it. */
#define TOO_MUCH SIZE_MAX

static size_t times(size_t x, size_t y) {
    size_t product;
    return __builtin_mul_overflow(x, y, &product) ? TOO_MUCH : product;
}

/* Room for rows x columns elements; the place before it is returned. */
static size_t take(size_t *at, int64_t rows, int64_t columns, size_t size) {
    size_t begin = *at, bytes = times(times((size_t)rows, (size_t)columns), size);
    bool fits = bytes < TOO_MUCH / 2 && begin < TOO_MUCH / 2;
    *at = fits ? begin + (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : TOO_MUCH;
    return begin;
}

/* Lays a worker's memory out from base on, and returns how much it is. base may be NULL to ask only that. */
static size_t lay_out(const problem *a, size_t size, bool backward, int threads, char *base, scratch *s) {
    int64_t rows = smaller(a->queries, BLOCK_QUERIES);
    const int64_t keys = widest(a);
    size_t end = 0;
    size_t weights = take(&end, rows, keys, size), gradient = take(&end, backward ? rows : 0, keys, size);
    size_t added = take(&end, 1, keys, size), factors = take(&end, 1, keys, size);
    size_t clean = take(&end, larger(keys, rows), larger(a->d_k, a->d_v), size), stats = take(&end, rows, 2, size);
    size_t gemm = take(&end, 1, (int64_t)gemm_bytes(a, size, backward, threads), 1);
    if (base)
        *s = (scratch){.weights = base + weights, .gradient = base + gradient, .added = base + added,
                       .factors = base + factors, .clean = base + clean, .stats = base + stats, .gemm = base + gemm,
                       .threads = threads};
    return end;
}

/* Forward goes over blocks of one head. Backward goes over whole heads of k and v, whose dk and dv the blocks of all
 * heads that read them add to in order; the gradient of what is added to scores over its own places. */
static int64_t heads_of(const problem *a) {
    return a->batch * a->heads;
}

static int64_t kv_heads_of(const problem *a) {
    return a->batch * a->kv_heads;
}

typedef struct sum_units {
    int64_t batch, heads, blocks; /* 1 where several along that axis share places: a unit then goes over all of it */
} sum_units;

static sum_units sum_units_of(const problem *a, const score_sums *sums) {
    const bool rows_apart = sums->step[2] != 0 && sums->step[2] != -sums->step[3]; /* a relative bias' are not */
    return (sum_units){sums->step[0] ? a->batch : 1, sums->step[1] ? a->heads : 1, rows_apart ? blocks_of(a) : 1};
}

static int64_t sum_unit_count(const problem *a, const score_sums *sums) {
    sum_units units = sum_units_of(a, sums);
    return units.batch * units.heads * units.blocks;
}

static size_t sum_bytes(const gradients *g) {
    const int64_t mask = g->d_mask.data ? g->d_mask.count : 0, relative = g->d_relative.data ? g->d_relative.count : 0;
    size_t end = 0;
    take(&end, 1, larger(mask, relative), sizeof(double));
    return end;
}

static size_t bytes_for(const problem *a, size_t size, bool backward, share by) {
    return times((size_t)by.workers, lay_out(a, size, backward, by.threads, NULL, NULL));
}

size_t heed_attention_workspace(const heed_attention_problem *a, size_t element_size, int threads) {
    return bytes_for(a, element_size, false, share_of(heads_of(a) * blocks_of(a), threads));
}

size_t heed_attention_backward_workspace(const heed_attention_problem *a, const heed_attention_gradient *g,
                                         size_t element_size, int threads) {
    size_t most = bytes_for(a, element_size, true, share_of(kv_heads_of(a), threads)), sums = sum_bytes(g);
    const score_sums *of[] = {&g->d_mask, &g->d_relative};
    for (int i = 0; i < 2; i++) {
        size_t bytes = of[i]->data ? bytes_for(a, element_size, true, share_of(sum_unit_count(a, of[i]), threads)) : 0;
        most = bytes > most ? bytes : most;
    }
    return most < TOO_MUCH / 2 && sums < TOO_MUCH / 2 ? most + sums : TOO_MUCH;
}

/* ---- running the units ---- */

typedef struct attention_job attention_job;
typedef void unit_body(const attention_job *job, int64_t unit, scratch *s);

struct attention_job {
    const problem *a;
    const result *out;      /* forward */
    const gradients *g;     /* backward */
    const score_sums *into; /* backward of what is added to scores: which, ... */
    double *sums;           /* ... and its places in double */
    size_t size;            /* of an element */
    unit_body *body;
    int64_t units;
    share by;
    char *workspace;
};

static void run_workers(void *context, int64_t begin, int64_t end) {
    const attention_job *job = context;
    for (int64_t worker = begin; worker < end; worker++) {
        scratch s;
        size_t bytes = lay_out(job->a, job->size, job->g != NULL, job->by.threads, NULL, NULL);
        lay_out(job->a, job->size, job->g != NULL, job->by.threads, job->workspace + (size_t)worker * bytes, &s);
        int64_t last = (worker + 1) * job->units / job->by.workers;
        for (int64_t unit = worker * job->units / job->by.workers; unit < last; unit++)
            job->body(job, unit, &s);
    }
}

static void run_units(attention_job job, int64_t units, unit_body *body, int threads) {
    if (units == 0)
        return;
    job.units = units;
    job.body = body;
    job.by = share_of(units, threads);
    heed_parallel_for(job.by.workers, job.by.workers, 1, run_workers, &job);
}

/* ---- dropout ---- */

/* The first 2^32 p of all 2^32 words. */
static uint64_t dropped_words(double p) {
    return (uint64_t)(p * 0x1p32);
}

/* Four random words for keys 4 j .. 4 j + 3 of a query; queries are counted over all batches and heads. */
static heed_philox draw_four(uint64_t key, uint64_t query, uint64_t j) {
    const uint32_t counter[4] = {(uint32_t)j, (uint32_t)(j >> 32), (uint32_t)query, (uint32_t)(query >> 32)};
    return heed_philox4x32(counter, (const uint32_t[]){(uint32_t)key, (uint32_t)(key >> 32)});
}

#include <heed/real_f32.h>
#include "attention_block_typed.h"
#include "attention_typed.h"
#include <heed/real_f64.h>
#include "attention_block_typed.h"
#include "attention_typed.h"
#include <heed/real_end.h>
