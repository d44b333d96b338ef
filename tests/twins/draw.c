/* What a case is made of, drawn as an op's samples say (heed/op.h), by random numbers of the program's own. */
#include <stdlib.h>
#include <string.h>

#include "twins.h"

/* ---- memory until the case's end ---- */

typedef struct block {
    struct block *before;
    real align[];
} block;
static block *blocks;

void *take(size_t count, size_t size) {
    block *b = calloc(1, sizeof *b + (count + 1) * size);
    if (b == NULL) {
        fprintf(stderr, "twins: out of memory\n");
        exit(2);
    }
    b->before = blocks;
    blocks = b;
    return b->align;
}

void release_all(void) {
    while (blocks) {
        block *before = blocks->before;
        free(blocks);
        blocks = before;
    }
}

/* ---- random numbers: splitmix64 (Steele, Lea, Flood 2014) ---- */

uint64_t random_bits(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

double random_uniform(uint64_t *state) {
    return (double)(random_bits(state) >> 11) * 0x1p-53;
}

/* Near enough to normal: a sum of twelve uniform ones. */
double random_normal(uint64_t *state) {
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += random_uniform(state);
    return sum;
}

static int64_t random_below(uint64_t *state, int64_t n) {
    return (int64_t)(random_uniform(state) * (double)n);
}

/* ---- values ---- */

static bool has_range(const heed_sample_input *rule) {
    return rule->low != 0 || rule->high != 0;
}

static double draw_real(const heed_sample_input *rule, uint64_t *state) {
    return has_range(rule) ? rule->low + (rule->high - rule->low) * random_uniform(state) : random_normal(state);
}

/* Away from the kink, on a few tries; else just beside it. */
static double draw_beside(const heed_sample_input *rule, uint64_t *state) {
    for (int tries = 0; tries < 64; tries++) {
        const double x = draw_real(rule, state);
        if (!(fabs(x - rule->avoid) < rule->avoid_by))
            return x;
    }
    return rule->avoid + rule->avoid_by;
}

/* All different: steps of a stair in a random order. */
static void draw_stair(const heed_sample_input *rule, int64_t n, double *x, uint64_t *state) {
    const double low = has_range(rule) ? rule->low : -2, high = has_range(rule) ? rule->high : 2;
    const double step = fmax((high - low) / (double)n, 1.25 * rule->apart);
    for (int64_t i = 0; i < n; i++)
        x[i] = low + step * ((double)i + 0.2 * random_uniform(state));
    for (int64_t i = n - 1; i > 0; i--) {
        const int64_t j = random_below(state, i + 1);
        const double moved = x[i];
        x[i] = x[j];
        x[j] = moved;
    }
}

static void draw_reals(const heed_sample_input *rule, int64_t n, double *x, uint64_t *state) {
    if (rule->apart > 0)
        draw_stair(rule, n, x, state);
    else
        for (int64_t i = 0; i < n; i++)
            x[i] = draw_beside(rule, state);
}

/* low .. high - 1; 0 or 1 where there is no range. */
static int32_t draw_integer(const heed_sample_input *rule, uint64_t *state) {
    const int64_t low = (int64_t)rule->low, high = has_range(rule) ? (int64_t)rule->high : 2;
    return (int32_t)(low + (high > low ? random_below(state, high - low) : 0));
}

/* As the library gets it, and as the twin does. */
static void store(drawn *x, heed_dtype dtype, int64_t i, double v) {
    switch (dtype) {
    case HEED_I32: ((int32_t *)x->data)[i] = (int32_t)v; break;
    case HEED_BOOL: v = v != 0, ((bool *)x->data)[i] = v != 0; break;
    case HEED_F32: ((float *)x->data)[i] = (float)v, v = (double)(float)v; break;
    default: ((double *)x->data)[i] = v;
    }
    x->values.at[i] = q_of(v);
}

void draw_input(drawn *x, const heed_sample_input *rule, heed_dtype run, uint64_t *state) {
    const bool is_real = heed_dtype_real(rule->dtype);
    *x = (drawn){.absent = rule->absent, .dtype = is_real ? run : rule->dtype};
    x->values = (values){.dtype = rule->dtype, .shape = rule->shape};
    if (rule->absent)
        return;
    const int64_t n = x->values.count = heed_shape_count(rule->shape);
    x->values.at = take((size_t)n, sizeof *x->values.at);
    x->data = take((size_t)n, sizeof(double));
    double *v = take((size_t)n, sizeof *v);
    if (is_real)
        draw_reals(rule, n, v, state);
    for (int64_t i = 0; i < n; i++)
        store(x, x->dtype, i, is_real ? v[i] : draw_integer(rule, state));
}
