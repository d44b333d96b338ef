/* Batches of pairs: which pairs are in one, and its arrays. */
#include <string.h>

#include <heed/rng.h>

#include "pairs_internal.h"

enum { ALIGN = 64 };

/* ---- which pairs ----
 *
 * An epoch's order is a permutation of which any element can be had by itself, so no thread needs to know what came
 * before. */

static int64_t rows_from(const heed_pair_batches *b, int64_t first, int64_t most) {
    return b->pairs->count - first < most ? b->pairs->count - first : most;
}

static uint64_t order_key(uint64_t seed, uint64_t epoch) {
    return heed_rng_mix(heed_rng_mix(seed, heed_rng_hash("order")), epoch);
}
static uint64_t pool_key(uint64_t seed, uint64_t epoch) {
    return heed_rng_mix(heed_rng_mix(seed, heed_rng_hash("pool")), epoch);
}

static int64_t pair_at(const heed_pair_batches *b, uint64_t key, int64_t place) {
    return b->in_order ? place : (int64_t)heed_rng_permuted(key, (uint64_t)place, (uint64_t)b->pairs->count);
}

/* By source, then target; of equals the earlier pair, so that the order is one for all ways of sorting. */
static bool shorter(const heed_pairs *p, int64_t a, int64_t b) {
    const int64_t *x = p->begin + 2 * a, *y = p->begin + 2 * b;
    int64_t source = (x[1] - x[0]) - (y[1] - y[0]), target = (x[2] - x[1]) - (y[2] - y[1]);
    return source != 0 ? source < 0 : target != 0 ? target < 0 : a < b;
}

static void sift_down(const heed_pairs *p, int64_t *items, int64_t i, int64_t n) {
    int64_t item = items[i];
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        child += child + 1 < n && shorter(p, items[child], items[child + 1]);
        if (!shorter(p, item, items[child]))
            break;
        items[i] = items[child];
    }
    items[i] = item;
}

/* Heapsort: qsort may take memory. */
static void sort_by_length(const heed_pairs *p, int64_t *items, int64_t n) {
    for (int64_t i = n / 2 - 1; i >= 0; i--)
        sift_down(p, items, i, n);
    for (int64_t last = n - 1; last > 0; last--) {
        int64_t longest = items[0];
        items[0] = items[last];
        items[last] = longest;
        sift_down(p, items, 0, last);
    }
}

static int64_t pool_batches(const heed_pair_batches *b) {
    int64_t batches = heed_pair_batches_count(b);
    return b->in_order || b->bucket < 1 ? 1 : b->bucket < batches ? b->bucket : batches;
}

/* Writes the batch's pairs to index (B) and returns how many; pool: memory for those of a bucket. */
static int64_t choose_pairs(const heed_pair_batches *b, uint64_t seed, uint64_t batch, int64_t *index, int64_t *pool) {
    uint64_t batches = (uint64_t)heed_pair_batches_count(b), epoch = batch / batches, key = order_key(seed, epoch);
    int64_t k = (int64_t)(batch % batches), size = pool_batches(b), first = k / size * size * b->B,
            count = rows_from(b, first, size * b->B);
    int64_t cuts = (count - 1) / b->B + 1;
    for (int64_t i = 0; i < count; i++)
        pool[i] = pair_at(b, key, first + i);
    if (size > 1)
        sort_by_length(b->pairs, pool, count);
    uint64_t cut = size == 1 ? 0
                             : heed_rng_permuted(heed_rng_mix(pool_key(seed, epoch), (uint64_t)(k / size)),
                                                 (uint64_t)(k % size), (uint64_t)cuts);
    int64_t begin = (int64_t)cut * b->B, rows = count - begin < b->B ? count - begin : b->B;
    memcpy(index, pool + begin, (size_t)rows * sizeof *index);
    return rows;
}

/* ---- the buffer: the heed_pair_batch, then its arrays with room for the longest pairs, then the pool ---- */

static bool add_array(size_t *end, int64_t a, int64_t b, size_t element, size_t *at) {
    size_t bytes;
    *at = *end;
    return !__builtin_mul_overflow((size_t)a, (size_t)b, &bytes) && !__builtin_mul_overflow(bytes, element, &bytes) &&
           !__builtin_add_overflow(bytes, ALIGN - 1, &bytes) &&
           !__builtin_add_overflow(*end, bytes / ALIGN * ALIGN, end);
}

typedef struct places {
    size_t source, padding, input, output, index, pool, end;
} places;

static bool sensible(const heed_pair_batches *b) {
    return b->B >= 1 && b->bucket >= 0 && b->pairs && b->pairs->count > 0;
}

static bool lay_out(const heed_pair_batches *b, places *p) {
    if (!sensible(b))
        return false;
    int64_t S = b->pairs->longest_source, T = b->pairs->longest_target + 1, rows = rows_from(b, 0, b->B);
    p->end = (sizeof(heed_pair_batch) + ALIGN - 1) / ALIGN * ALIGN;
    return add_array(&p->end, rows, S, sizeof(int32_t), &p->source) &&
           add_array(&p->end, rows, S, sizeof(bool), &p->padding) &&
           add_array(&p->end, rows, T, sizeof(int32_t), &p->input) &&
           add_array(&p->end, rows, T, sizeof(int32_t), &p->output) &&
           add_array(&p->end, rows, 1, sizeof(int64_t), &p->index) &&
           add_array(&p->end, pool_batches(b), rows, sizeof(int64_t), &p->pool);
}

int64_t heed_pair_batches_count(const heed_pair_batches *b) {
    return sensible(b) ? (b->pairs->count - 1) / b->B + 1 : 0;
}

size_t heed_pair_bytes(const heed_pair_batches *batches) {
    places p;
    return lay_out(batches, &p) ? p.end : 0;
}

/* ---- the arrays ---- */

static void measure(const heed_pairs *pairs, heed_pair_batch *out) {
    out->S = out->T = 1;
    out->targets = 0;
    for (int64_t row = 0; row < out->B; row++) {
        int64_t s, t;
        heed_pairs_source(pairs, out->index[row], &s);
        heed_pairs_target(pairs, out->index[row], &t);
        out->S = s > out->S ? s : out->S;
        out->T = t + 1 > out->T ? t + 1 : out->T;
        out->targets += t + 1;
    }
}

static void write_row(const heed_pair_batches *b, heed_pair_batch *out, int64_t row) {
    int64_t n, m;
    const int32_t *source = heed_pairs_source(b->pairs, out->index[row], &n),
                  *target = heed_pairs_target(b->pairs, out->index[row], &m);
    for (int64_t i = 0, at = row * out->S; i < out->S; i++, at++) {
        out->source[at] = i < n ? source[i] : b->source_pad;
        out->padding[at] = i >= n;
    }
    for (int64_t i = 0, at = row * out->T; i < out->T; i++, at++) {
        out->input[at] = i == 0 ? b->bos : i <= m ? target[i - 1] : b->target_pad;
        out->output[at] = i < m ? target[i] : i == m ? b->eos : HEED_IGNORED;
    }
}

heed_status heed_pair_fill(void *batches, uint64_t seed, uint64_t batch, void *buffer, heed_error *error) {
    const heed_pair_batches *b = batches;
    heed_pair_batch *out = buffer;
    char *memory = buffer;
    places p;
    if (!lay_out(b, &p))
        return heed_error_set(
            error, HEED_INVALID,
            "pairs: there must be at least one; B is %lld and must be at least 1, bucket %lld and at least 0",
            (long long)b->B, (long long)b->bucket);
    *out = (heed_pair_batch){.source = (int32_t *)(void *)(memory + p.source),
                             .padding = (bool *)(memory + p.padding),
                             .input = (int32_t *)(void *)(memory + p.input),
                             .output = (int32_t *)(void *)(memory + p.output),
                             .index = (int64_t *)(void *)(memory + p.index)};
    out->B = choose_pairs(b, seed, batch, out->index, (int64_t *)(void *)(memory + p.pool));
    measure(b->pairs, out);
    for (int64_t row = 0; row < out->B; row++)
        write_row(b, out, row);
    return HEED_OK;
}
