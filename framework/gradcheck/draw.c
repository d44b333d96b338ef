/* Drawing the values of a sample's inputs. Every number is a function of (key, its index) alone. */
#include <math.h>
#include <string.h>

#include "checker_internal.h"

static bool from_range(const heed_sample_input *rule) {
    return rule->low != 0 || rule->high != 0;
}

/* Through f32 and back: so the check's f64 and f32 runs see the same numbers. */
static double representable(double x) {
    return (double)(float)x;
}

static double draw_one(const heed_sample_input *rule, uint64_t key, uint64_t i) {
    enum { ATTEMPTS = 64 };
    for (uint64_t attempt = 0; attempt < ATTEMPTS; attempt++) {
        uint64_t stream = heed_rng_mix(key, attempt);
        double x = from_range(rule) ? rule->low + (rule->high - rule->low) * heed_rng_uniform(stream, i)
                                    : heed_rng_normal(stream, i);
        x = representable(x);
        if (!(fabs(x - rule->avoid) < rule->avoid_by))
            return x;
    }
    return representable(rule->avoid + rule->avoid_by);
}

/* Values all different: a shuffled grid whose points are moved by less than the gap allows. The grid has the range asked
 * for, or -2..2, and grows beyond it where n values need more room. */
static void draw_apart(const heed_sample_input *rule, uint64_t key, int64_t n, double *x) {
    double low = from_range(rule) ? rule->low : -2, high = from_range(rule) ? rule->high : 2;
    double spacing = fmax((high - low) / (double)n, rule->apart * 1.25);
    double slack = 0.9 * (spacing - rule->apart);
    uint64_t order = heed_rng_mix(key, 1), jitter = heed_rng_mix(key, 2);
    for (int64_t i = 0; i < n; i++)
        x[i] = low + spacing * ((double)i + 0.5) + slack * (heed_rng_uniform(jitter, (uint64_t)i) - 0.5);
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)heed_rng_below(order, (uint64_t)i, (uint64_t)i + 1);
        double moved = x[i];
        x[i] = x[j];
        x[j] = moved;
    }
    for (int64_t i = 0; i < n; i++) {
        if (rule->avoid_by > 0)
            x[i] += x[i] < rule->avoid ? -rule->avoid_by : rule->avoid_by;
        x[i] = representable(x[i]);
    }
}

/* Every real of the rule, as double. */
static double *draw_reals(checker *k, const heed_sample_input *rule, uint64_t key, int64_t n) {
    double *x = heed_checker_take(k, n, sizeof *x);
    if (x == NULL)
        return NULL;
    if (rule->apart > 0) {
        draw_apart(rule, key, n, x);
        return x;
    }
    for (int64_t i = 0; i < n; i++)
        x[i] = draw_one(rule, key, (uint64_t)i);
    return x;
}

/* low..high-1; what has no range is 0 or 1. */
static int32_t draw_integer(const heed_sample_input *rule, uint64_t key, uint64_t i) {
    int64_t low = (int64_t)rule->low, high = from_range(rule) ? (int64_t)rule->high : 2;
    return (int32_t)(low + (high > low ? (int64_t)heed_rng_below(key, i, (uint64_t)(high - low)) : 0));
}

static bool draw_integers(checker *k, value *v, const heed_sample_input *rule, uint64_t key) {
    v->data = heed_checker_take(k, v->count, heed_dtype_size(v->dtype));
    if (v->data == NULL)
        return false;
    for (int64_t i = 0; i < v->count; i++) {
        int32_t x = draw_integer(rule, key, (uint64_t)i);
        if (v->dtype == HEED_I32)
            ((int32_t *)v->data)[i] = x;
        else
            ((bool *)v->data)[i] = x != 0;
    }
    return true;
}

/* bf16 is the upper half of an f32. */
static void to_bf16(const float *from, int64_t n, uint16_t *to) {
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &from[i], sizeof bits);
        to[i] = (uint16_t)(bits >> 16);
    }
}

bool heed_checker_draw(checker *k, value *v, const heed_sample_input *rule, uint64_t key) {
    v->dtype = rule->dtype;
    v->shape = rule->shape;
    v->absent = rule->absent;
    v->count = rule->absent ? 0 : heed_shape_count(rule->shape);
    v->scale = from_range(rule) && rule->high > rule->low ? (rule->high - rule->low) / 2 : 1;
    if (v->absent)
        return true;
    if (v->count < 0 || heed_dtype_size(v->dtype) == 0) {
        heed_checker_error(k, "an input cannot be drawn: dtype %d, shape %s", (int)v->dtype, HEED_SHAPE_STR(v->shape));
        return false;
    }
    if (v->dtype == HEED_I32 || v->dtype == HEED_BOOL)
        return draw_integers(k, v, rule, key);
    double *x = draw_reals(k, rule, key, v->count);
    v->narrow = heed_checker_take(k, v->count, sizeof *v->narrow);
    if (x == NULL || v->narrow == NULL)
        return false;
    for (int64_t i = 0; i < v->count; i++)
        v->narrow[i] = (float)x[i];
    v->data = v->dtype == HEED_F64 ? (void *)x : (void *)v->narrow;
    if (v->dtype != HEED_BF16)
        return true;
    v->data = heed_checker_take(k, v->count, sizeof(uint16_t));
    if (v->data)
        to_bf16(v->narrow, v->count, v->data);
    return v->data != NULL;
}
