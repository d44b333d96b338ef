/* Attention by tiles. This file has what has no type: which tiles there are and who sees what in them, how work is
 * shared out, and where a worker's memory lies. attention_product_typed.h has the products of a tile,
 * attention_tile_typed.h its weights, attention_forward_typed.h and attention_backward_typed.h the rest. */
#include "attention.h"

#include <math.h>
#include <string.h>

#include <heed/rng.h>

#include "gemm_simd.h"
#include "parallel.h"
#include "rows.h"
#include "sizes.h"
#include "vmath.h"

/* Products take queries, and keys where these are rows, in groups of GROUP, which share the columns that they compute;
 * columns, and the widths of rows in scratch memory, are whole GRAINs: vectors of any instruction set. */
enum { BLOCK_QUERIES = 64, TILE_KEYS = 64, GROUP = TILE_ROWS < 8 ? 4 : 8, GRAIN = 16, ALIGNMENT = 64 };

typedef heed_attention_problem problem;
typedef heed_attention_result result;
typedef heed_attention_gradient gradients;
typedef heed_attention_sums score_sums;
typedef heed_attention_view view;
typedef heed_attention_place place;

static int64_t within(int64_t low, int64_t x, int64_t high) {
    return larger(low, smaller(x, high));
}

static int64_t padded(int64_t width) {
    return round_up(width, GRAIN);
}

/* ---- tiles ---- */

/* Queries first .. first + rows - 1 of one head, and keys begin .. begin + keys - 1. */
typedef struct tile {
    int64_t b, h;
    int64_t first, rows;
    int64_t begin, keys;
} tile;

typedef struct span {
    int64_t begin, end;
} span;

static int64_t blocks_of(const problem *a) {
    return divide_up(a->queries, BLOCK_QUERIES);
}

static int64_t tiles_of(const problem *a) {
    return divide_up(a->keys, TILE_KEYS);
}

static tile tile_at(const problem *a, int64_t b, int64_t h, int64_t block, int64_t of_keys) {
    tile at = {.b = b, .h = h, .first = block * BLOCK_QUERIES, .begin = of_keys * TILE_KEYS};
    at.rows = smaller(BLOCK_QUERIES, a->queries - at.first);
    at.keys = smaller(TILE_KEYS, a->keys - at.begin);
    return at;
}

/* The query sees keys keys_from .. keys_before - 1, unless the mask hides them. */
static int64_t keys_from(const problem *a, int64_t query) {
    return a->window > 0 ? within(0, query + a->keys - a->queries - a->window + 1, a->keys) : 0;
}

static int64_t keys_before(const problem *a, int64_t query) {
    const int64_t ahead = a->causal ? 1 : a->window;
    return ahead > 0 ? within(0, query + a->keys - a->queries + ahead, a->keys) : a->keys;
}

/* The tiles of keys that a block's queries see something of. */
static span tiles_seen(const problem *a, int64_t block) {
    const int64_t last = smaller((block + 1) * BLOCK_QUERIES, a->queries) - 1;
    return (span){keys_from(a, block * BLOCK_QUERIES) / TILE_KEYS, divide_up(keys_before(a, last), TILE_KEYS)};
}

/* The tile's keys that its row r sees, counted from the tile's first. */
static span keys_seen(const problem *a, const tile *at, int64_t r) {
    return (span){within(0, keys_from(a, at->first + r) - at->begin, at->keys),
                  within(0, keys_before(a, at->first + r) - at->begin, at->keys)};
}

/* All that any of the group of rows from r on sees. Neither end goes back from one group to the next. */
static span group_sees(const problem *a, const tile *at, int64_t r) {
    const int64_t last = smaller(r + GROUP, at->rows) - 1, begin = keys_seen(a, at, r).begin;
    return (span){begin, larger(begin, keys_seen(a, at, last).end)};
}

/* The head of k and v that this head of q reads. */
static int64_t kv_head_of(const problem *a, int64_t h) {
    return h / (a->heads / a->kv_heads);
}

/* Element (b, h, i, 0), elements being of so many bytes. */
static const void *row_of(const view *x, int64_t b, int64_t h, int64_t i, size_t size) {
    int64_t offset = b * x->step[0] + h * x->step[1] + i * x->step[2];
    return offset ? (const char *)x->data + offset * (int64_t)size : x->data;
}

/* Queries are counted over all batches and heads. */
static int64_t queries_before(const problem *a, const tile *at) {
    return (at->b * a->heads + at->h) * a->queries + at->first;
}

/* ---- rows to come ----
 *
 * A head's rows lie apart among those of other heads, and no cache sees them coming: waiting for them took a third of
 * the time of short heads. So while the last tile of each block is computed, the same rows of the next head, which is
 * mostly this worker's next too, are fetched, and those that this head will write. */

typedef struct rows_to_come {
    const char *first; /* row 0 */
    int64_t step, bytes, count;
} rows_to_come;

enum { LINE_BYTES = 64, MOST_READ = 5, MOST_WRITTEN = 3 };

/* Of head h of batch b; none of an operand that is not there or whose rows have gaps. */
static rows_to_come rows_of_head(const void *data, const int64_t step[4], int64_t b, int64_t h, int64_t count,
                                 int64_t d, size_t size) {
    if (data == NULL || step[3] != 1)
        return (rows_to_come){0};
    const int64_t element = (int64_t)size;
    return (rows_to_come){(const char *)data + (b * step[0] + h * step[1]) * element, step[2] * element, d * element,
                          count};
}

/* Inlined, for a call that only fetches is taken for one that does nothing. */
static inline __attribute__((always_inline)) void fetch_rows(const rows_to_come *x, int64_t begin, int64_t end,
                                                             bool to_write) {
    end = smaller(end, x->count);
    for (int64_t i = begin; i < end; i++)
        for (int64_t byte = 0; byte < x->bytes; byte += LINE_BYTES)
            if (to_write)
                __builtin_prefetch(x->first + i * x->step + byte, 1);
            else
                __builtin_prefetch(x->first + i * x->step + byte, 0, 2); /* the first cache has no room for them */
}

/* ---- a worker's memory ---- */

/* Rows of operands are `padded` wide, those of weights TILE_KEYS. Backward holds all queries of its part. */
typedef struct scratch {
    void *queries;   /* (queries, d_k), times scale */
    void *keys_t;    /* (d_k, TILE_KEYS) for each tile held: forward holds all that its part sees, backward one */
    void *values;    /* (TILE_KEYS, d_v) for each tile, without NaN and inf; in backward (d_v, TILE_KEYS), with them */
    void *weights;   /* (BLOCK_QUERIES, TILE_KEYS): scores, then weights */
    void *added;     /* (TILE_KEYS): what is added to a row of scores */
    void *factors;   /* (TILE_KEYS): what dropout multiplies a row of weights by */
    void *stats;     /* (queries, 2): largest score, 1 / sum of e^(score - largest); 0 and 0 if it sees nothing */
    bool *bad_values; /* of each tile held: something in it is NaN or inf */
    /* forward */
    void *sums;      /* (BLOCK_QUERIES, GRAIN): the sum of exponentials, in as many chains */
    void *context;   /* (BLOCK_QUERIES, d_v) */
    /* backward */
    void *keys;      /* (TILE_KEYS, d_k), without NaN and inf */
    void *d_context; /* (queries, d_v) */
    void *slopes;    /* (queries): sum over keys of the weight times its gradient */
    void *dq;        /* (queries, d_k) */
    void *dk, *dv;   /* (TILE_KEYS, d_k), (TILE_KEYS, d_v) */
    void *gradient;  /* (BLOCK_QUERIES, TILE_KEYS): dL/d weights, then dL/d scores */
    void *clean;     /* (BLOCK_QUERIES, d_k or d_v): rows without their NaN and inf */
    bool *bad_queries, *bad_context; /* of each block */
    bool bad_keys;
    span seen[BLOCK_QUERIES / GROUP];    /* what each group of the tile at hand sees, ... */
    span columns[BLOCK_QUERIES / GROUP]; /* ... and in whole grains, the columns to compute for it */
    rows_to_come read[MOST_READ], written[MOST_WRITTEN];
} scratch;

/* Has the rows that go with the group of queries from r on fetched, if this is the last tile of its block. */
static inline __attribute__((always_inline)) void fetch_ahead(const problem *a, const tile *at, const scratch *s,
                                                              int64_t r) {
    if (keys_before(a, at->first + at->rows - 1) > at->begin + at->keys)
        return;
    const int64_t begin = at->first + r, end = begin + GROUP;
    for (int i = 0; i < MOST_READ; i++)
        fetch_rows(&s->read[i], begin, end, false);
    for (int i = 0; i < MOST_WRITTEN; i++)
        fetch_rows(&s->written[i], begin, end, true);
}

static void find_columns(const problem *a, const tile *at, scratch *s) {
    for (int64_t r = 0; r < at->rows; r += GROUP) {
        const span seen = group_sees(a, at, r);
        s->seen[r / GROUP] = seen;
        s->columns[r / GROUP] = (span){seen.begin / GRAIN * GRAIN, padded(seen.end)};
    }
}

/* The rows whose groups see something of the group of columns: others have no weights there. */
static span rows_of(const scratch *s, const tile *at, int64_t column) {
    int64_t begin = 0, end;
    while (begin < at->rows && s->seen[begin / GROUP].end <= column)
        begin += GROUP;
    for (end = begin; end < at->rows && s->seen[end / GROUP].begin < column + GROUP;)
        end += GROUP;
    return (span){smaller(begin, at->rows), smaller(end, at->rows)};
}

/* Past size_t: what follows from it stays so, and the engine refuses it. */
#define TOO_MUCH SIZE_MAX

static size_t times(size_t x, size_t y) {
    size_t product;
    return __builtin_mul_overflow(x, y, &product) ? TOO_MUCH : product;
}

/* Memory that is laid out from base on; base NULL: only its size is asked. */
typedef struct layout {
    char *base;
    size_t end;
} layout;

static void *take(layout *at, int64_t rows, int64_t columns, size_t size) {
    void *begin = at->base ? at->base + at->end : NULL;
    size_t bytes = times(times((size_t)rows, (size_t)columns), size);
    bool fits = bytes < TOO_MUCH / 2 && at->end < TOO_MUCH / 2;
    at->end = fits ? at->end + (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : TOO_MUCH;
    return begin;
}

static size_t lay_out(const problem *a, size_t size, bool backward, char *base, scratch *s) {
    layout at = {.base = base};
    const int64_t blocks = backward ? blocks_of(a) : 1, tiles = backward ? 1 : tiles_of(a);
    const int64_t rows = blocks * BLOCK_QUERIES, d_k = padded(a->d_k), d_v = padded(a->d_v);
    scratch laid = {.queries = take(&at, rows, d_k, size),
                    .keys_t = take(&at, tiles * TILE_KEYS, a->d_k, size),
                    .values = take(&at, tiles * TILE_KEYS, d_v, size),
                    .weights = take(&at, BLOCK_QUERIES, TILE_KEYS, size),
                    .added = take(&at, 1, TILE_KEYS, size),
                    .factors = take(&at, 1, TILE_KEYS, size),
                    .stats = take(&at, rows, 2, size),
                    .bad_values = take(&at, 1, tiles, sizeof(bool))};
    if (backward) {
        laid.keys = take(&at, TILE_KEYS, d_k, size);
        laid.d_context = take(&at, rows, d_v, size);
        laid.slopes = take(&at, 1, rows, size);
        laid.dq = take(&at, rows, d_k, size);
        laid.dk = take(&at, TILE_KEYS, d_k, size);
        laid.dv = take(&at, TILE_KEYS, d_v, size);
        laid.gradient = take(&at, BLOCK_QUERIES, TILE_KEYS, size);
        laid.clean = take(&at, BLOCK_QUERIES, larger(d_k, d_v), size);
        laid.bad_queries = take(&at, 1, blocks, sizeof(bool));
        laid.bad_context = take(&at, 1, blocks, sizeof(bool));
    } else {
        laid.sums = take(&at, BLOCK_QUERIES, GRAIN, size);
        laid.context = take(&at, BLOCK_QUERIES, d_v, size);
    }
    if (s)
        *s = laid;
    return at.end;
}

/* ---- who computes what ----
 *
 * Of a head, every parts-th block of queries or tile of keys is one part, so that parts take equally long, causal or
 * not. What a part computes does not depend on which others there are. */

typedef struct head_part {
    int64_t b, h;
    int64_t first_block, block_step; /* of queries */
    int64_t first_tile, tile_step;   /* of keys */
} head_part;

static int64_t blocks_in(const problem *a, const head_part *of) {
    return divide_up(blocks_of(a) - of->first_block, of->block_step);
}

static int64_t heads_of(const problem *a) {
    return a->batch * a->heads;
}

static int64_t kv_heads_of(const problem *a) {
    return a->batch * a->kv_heads;
}

/* So many workers, each on units of its own; heads are cut into so many parts. */
typedef struct share {
    int workers;
    int64_t parts, units;
} share;

static int threads_of(int threads) {
    threads = threads > 0 ? threads : heed_parallel_max();
    return threads < HEED_PARALLEL_MOST ? threads : HEED_PARALLEL_MOST;
}

/* Forward cuts heads where they cannot be shared out well: their keys and values are packed once a part. */
static share forward_share(const problem *a, int threads) {
    threads = threads_of(threads);
    const int64_t heads = heads_of(a);
    const bool whole = heads % threads == 0 || heads >= 4 * threads;
    share by = {.parts = whole ? 1 : larger(1, smaller(threads, blocks_of(a)))};
    by.units = a->queries > 0 ? heads * by.parts : 0;
    by.workers = (int)smaller(threads, by.units);
    return by;
}

/* Backward cuts heads only where there are fewer of them than threads: dq is then computed apart from dk and dv, from
 * weights computed once more. */
static share backward_share(const problem *a, int threads) {
    threads = threads_of(threads);
    const int64_t kv_heads = kv_heads_of(a), heads = heads_of(a);
    share by = {.parts = kv_heads >= threads ? 1 : larger(1, smaller(threads, larger(blocks_of(a), tiles_of(a))))};
    by.units = by.parts == 1 ? kv_heads : by.parts * (kv_heads + heads);
    by.workers = (int)smaller(threads, by.units);
    return by;
}

typedef struct sum_units {
    int64_t batch, heads, blocks; /* 1 where several along that axis share places: a unit then goes over all of it */
} sum_units;

static sum_units sum_units_of(const problem *a, const score_sums *sums) {
    const bool rows_apart = sums->step[2] != 0 && sums->step[2] != -sums->step[3]; /* a relative bias' are not */
    return (sum_units){sums->step[0] ? a->batch : 1, sums->step[1] ? a->heads : 1, rows_apart ? blocks_of(a) : 1};
}

static share sum_share(const problem *a, const score_sums *sums, int threads) {
    const sum_units units = sum_units_of(a, sums);
    const int64_t count = units.batch * units.heads * units.blocks;
    return (share){.units = count, .workers = (int)smaller(threads_of(threads), count)};
}

static size_t sum_bytes(const gradients *g) {
    const int64_t mask = g->d_mask.data ? g->d_mask.count : 0, relative = g->d_relative.data ? g->d_relative.count : 0;
    layout at = {.base = NULL};
    take(&at, 1, larger(mask, relative), sizeof(double));
    return at.end;
}

size_t heed_attention_workspace(const heed_attention_problem *a, size_t element_size, int threads) {
    return times((size_t)forward_share(a, threads).workers, lay_out(a, element_size, false, NULL, NULL));
}

size_t heed_attention_backward_workspace(const heed_attention_problem *a, const heed_attention_gradient *g,
                                         size_t element_size, int threads) {
    int workers = backward_share(a, threads).workers;
    const score_sums *of[] = {&g->d_mask, &g->d_relative};
    for (int i = 0; i < 2; i++)
        if (of[i]->data)
            workers = (int)larger(workers, sum_share(a, of[i], threads).workers);
    const size_t work = times((size_t)workers, lay_out(a, element_size, true, NULL, NULL)), sums = sum_bytes(g);
    return work < TOO_MUCH / 2 && sums < TOO_MUCH / 2 ? work + sums : TOO_MUCH;
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
    share by;
    char *workspace;
};

static void run_workers(void *context, int64_t begin, int64_t end) {
    const attention_job *job = context;
    const size_t bytes = lay_out(job->a, job->size, job->g != NULL, NULL, NULL);
    for (int64_t worker = begin; worker < end; worker++) {
        scratch s;
        lay_out(job->a, job->size, job->g != NULL, job->workspace + (size_t)worker * bytes, &s);
        const int64_t last = (worker + 1) * job->by.units / job->by.workers;
        for (int64_t unit = worker * job->by.units / job->by.workers; unit < last; unit++)
            job->body(job, unit, &s);
    }
}

static void run_units(attention_job job, share by, unit_body *body) {
    job.by = by;
    job.body = body;
    heed_parallel_for(by.workers, by.workers, 1, run_workers, &job);
}

/* While this head is computed: the next one's operands to read, its own results to write. */
static void expect_rows(const attention_job *job, int64_t b, int64_t h, scratch *s) {
    const problem *a = job->a;
    const gradients *g = job->g;
    const int64_t next = b * a->heads + h + 1, next_b = next / a->heads, next_h = next % a->heads;
    const int64_t kv_head = kv_head_of(a, h), next_kv = kv_head_of(a, next_h);
    memset(s->read, 0, sizeof s->read);
    memset(s->written, 0, sizeof s->written);
    if (next < heads_of(a)) {
        s->read[0] = rows_of_head(a->q.data, a->q.step, next_b, next_h, a->queries, a->d_k, job->size);
        s->read[1] = rows_of_head(a->k.data, a->k.step, next_b, next_kv, a->keys, a->d_k, job->size);
        s->read[2] = rows_of_head(a->v.data, a->v.step, next_b, next_kv, a->keys, a->d_v, job->size);
    }
    if (next < heads_of(a) && g && g->d_context.data) {
        s->read[3] = rows_of_head(g->context.data, g->context.step, next_b, next_h, a->queries, a->d_v, job->size);
        s->read[4] = rows_of_head(g->d_context.data, g->d_context.step, next_b, next_h, a->queries, a->d_v, job->size);
    }
    if (g) {
        s->written[0] = rows_of_head(g->dq.data, g->dq.step, b, h, a->queries, a->d_k, job->size);
        s->written[1] = rows_of_head(g->dk.data, g->dk.step, b, kv_head, a->keys, a->d_k, job->size);
        s->written[2] = rows_of_head(g->dv.data, g->dv.step, b, kv_head, a->keys, a->d_v, job->size);
    } else {
        const place *context = &job->out->context;
        s->written[0] = rows_of_head(context->data, context->step, b, h, a->queries, a->d_v, job->size);
    }
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
#include "attention_product_typed.h"
#include "attention_tile_typed.h"
#include "attention_forward_typed.h"
#include "attention_backward_typed.h"
#include <heed/real_f64.h>
#include "attention_product_typed.h"
#include "attention_tile_typed.h"
#include "attention_forward_typed.h"
#include "attention_backward_typed.h"
#include <heed/real_end.h>
