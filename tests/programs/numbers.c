/* Numbers with a derivative and bounds of rounding, and the elementwise functions as formulas. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

static double larger(double a, double b) {
    return a > b ? a : b;
}

/* ---- arithmetic ---- */

num num_of(double v) {
    return (num){.v = v};
}

/* A function of two numbers: its value, first and second derivatives. */
typedef struct surface {
    double y, a, b, aa, ab, bb;
    double ulps;
} surface;

/* Where a number is exact, a derivative that is not finite takes no part. */
static double times(double slope, double by) {
    return by == 0 ? 0 : slope * by;
}

static num on_surface(num a, num b, surface s, double unit) {
    const double rounding = unit * s.ulps;
    num y = {.v = s.y, .d = times(s.a, a.d) + times(s.b, b.d), .a = fabs(times(s.a, a.a)) + fabs(times(s.b, b.a))};
    y.e = fabs(times(s.a, a.e)) + fabs(times(s.b, b.e)) + rounding * fabs(s.y) + fabs(times(s.aa, a.e * a.e)) +
          fabs(times(s.ab, a.e * b.e)) + fabs(times(s.bb, b.e * b.e));
    y.f = fabs(times(s.a, a.f)) + fabs(times(s.b, b.f)) + rounding * y.a + fabs(times(s.aa, a.e * (a.a + a.f))) +
          fabs(times(s.ab, (a.a + a.f) * b.e + a.e * (b.a + b.f))) + fabs(times(s.bb, b.e * (b.a + b.f)));
    return y;
}

num num_add(num a, num b, double unit) {
    return on_surface(a, b, (surface){.y = a.v + b.v, .a = 1, .b = 1, .ulps = 1}, unit);
}

num num_sub(num a, num b, double unit) {
    return on_surface(a, b, (surface){.y = a.v - b.v, .a = 1, .b = -1, .ulps = 1}, unit);
}

num num_mul(num a, num b, double unit) {
    return on_surface(a, b, (surface){.y = a.v * b.v, .a = b.v, .b = a.v, .ab = 1, .ulps = 1}, unit);
}

num num_div(num a, num b, double unit) {
    const double over = 1 / b.v;
    return on_surface(a, b, (surface){.y = a.v / b.v, .a = over, .b = -a.v * over * over, .ab = -over * over,
                                      .bb = 2 * a.v * over * over * over, .ulps = 3}, unit);
}

/* a^0 is 1 for every a, 0^b is 0 for every b > 0, and 0^0 has derivatives 0: as promises.c says. */
num num_pow(num a, num b, double unit) {
    const double y = pow(a.v, b.v), before = pow(a.v, b.v - 1), log_a = log(a.v);
    surface s = {.y = y, .ulps = 16};
    s.a = b.v == 0 ? 0 : b.v * before;
    s.b = a.v == 0 && b.v >= 0 ? 0 : y * log_a;
    s.aa = b.v * (b.v - 1) * pow(a.v, b.v - 2);
    s.ab = before * (1 + b.v * log_a);
    s.bb = y * log_a * log_a;
    return on_surface(a, b, s, unit);
}

num num_scaled(num a, double factor) {
    const double size = fabs(factor);
    return (num){a.v * factor, a.d * factor, a.a * size, a.e * size, a.f * size};
}

num num_rounded(num a, double unit) {
    a.e += unit * fabs(a.v);
    a.f += unit * a.a;
    return a;
}

num num_bend(num x, curve c, double unit, bool *unsure) {
    const double ulps = unit * larger(c.ulps, 1);
    const double y_size = larger(c.y_size, fabs(c.y)), slope_size = larger(c.slope_size, fabs(c.slope));
    if (c.has_kink && x.e > 0 && c.kink <= 4 * x.e)
        *unsure = true;
    num y = {.v = c.y, .d = times(c.slope, x.d), .a = fabs(times(c.slope, x.a))};
    y.e = fabs(times(c.slope, x.e)) + fabs(times(c.bend, x.e * x.e)) + ulps * y_size;
    y.f = fabs(times(c.slope, x.f)) + fabs(times(c.bend, x.e * (x.a + x.f))) + times(ulps * slope_size, x.a);
    return y;
}

num num_exp(num x, double unit) {
    bool unsure;
    return num_bend(x, curve_exp(x.v, NULL), unit, &unsure);
}

num num_log(num x, double unit) {
    bool unsure;
    return num_bend(x, curve_log(x.v, NULL), unit, &unsure);
}

num num_sqrt(num x, double unit) {
    bool unsure;
    return num_bend(x, curve_sqrt(x.v, NULL), unit, &unsure);
}

void total_add(total *s, num term) {
    s->sum = (num){s->sum.v + term.v, s->sum.d + term.d, s->sum.a + term.a, s->sum.e + term.e, s->sum.f + term.f};
    s->values += fabs(term.v);
    s->slopes += term.a;
    s->n++;
}

num total_of(const total *s, double unit) {
    num y = s->sum;
    if (s->n > 1) {
        y.e += 2 * unit * sqrt((double)s->n) * s->values;
        y.f += 2 * unit * sqrt((double)s->n) * s->slopes;
    }
    return y;
}

/* ---- functions of one variable ---- */

enum { CURVED = 16 }; /* 8 ulp at most, as promises.c says of them, in halves */

curve curve_neg(double x, const double *p) {
    (void)p;
    return (curve){.y = -x, .slope = -1};
}

curve curve_abs(double x, const double *p) {
    (void)p;
    return (curve){.y = fabs(x), .slope = x > 0 ? 1 : x < 0 ? -1 : 0, .has_kink = true, .kink = fabs(x)};
}

curve curve_sign(double x, const double *p) {
    (void)p;
    return (curve){.y = x > 0 ? 1 : x < 0 ? -1 : 0, .has_kink = true, .kink = fabs(x)};
}

curve curve_exp(double x, const double *p) {
    (void)p;
    const double y = exp(x);
    return (curve){.y = y, .slope = y, .bend = y, .ulps = CURVED};
}

curve curve_log(double x, const double *p) {
    (void)p;
    return (curve){.y = log(x), .slope = 1 / x, .bend = -1 / (x * x), .ulps = CURVED};
}

curve curve_sqrt(double x, const double *p) {
    (void)p;
    const double y = sqrt(x);
    return (curve){.y = y, .slope = 0.5 / y, .bend = -0.25 / (y * y * y), .ulps = 3};
}

curve curve_rsqrt(double x, const double *p) {
    (void)p;
    const double y = 1 / sqrt(x);
    return (curve){.y = y, .slope = -0.5 * y * y * y, .bend = 0.75 * y * y * y * y * y, .ulps = 6};
}

curve curve_square(double x, const double *p) {
    (void)p;
    return (curve){.y = x * x, .slope = 2 * x, .bend = 2};
}

curve curve_sin(double x, const double *p) {
    (void)p;
    return (curve){.y = sin(x), .slope = cos(x), .bend = -sin(x), .y_size = 1, .slope_size = 1, .ulps = CURVED};
}

curve curve_cos(double x, const double *p) {
    (void)p;
    return (curve){.y = cos(x), .slope = -sin(x), .bend = -cos(x), .y_size = 1, .slope_size = 1, .ulps = CURVED};
}

/* 1 - y², of a rounded y. */
curve curve_tanh(double x, const double *p) {
    (void)p;
    const double y = tanh(x), over = 1 / cosh(x);
    return (curve){.y = y, .slope = over * over, .bend = -2 * y * over * over, .slope_size = 1, .ulps = CURVED};
}

static double logistic(double x) {
    return 1 / (1 + exp(-x));
}

/* y (1 - y), of a rounded y. */
curve curve_sigmoid(double x, const double *p) {
    (void)p;
    const double y = logistic(x), slope = y * logistic(-x);
    return (curve){.y = y, .slope = slope, .bend = slope * (logistic(-x) - y), .slope_size = y, .ulps = CURVED};
}

curve curve_softplus(double x, const double *p) {
    (void)p;
    const double y = (x > 0 ? x : 0) + log1p(exp(-fabs(x))), slope = logistic(x);
    return (curve){.y = y, .slope = slope, .bend = slope * logistic(-x), .ulps = CURVED};
}

curve curve_logsigmoid(double x, const double *p) {
    const curve c = curve_softplus(-x, p);
    return (curve){.y = -c.y, .slope = c.slope, .bend = -c.bend, .ulps = CURVED};
}

curve curve_relu(double x, const double *p) {
    (void)p;
    return (curve){.y = x > 0 ? x : 0, .slope = x > 0, .has_kink = true, .kink = fabs(x)};
}

curve curve_leaky_relu(double x, const double *p) {
    return (curve){.y = x > 0 ? x : p[0] * x, .slope = x > 0 ? 1 : p[0], .has_kink = true, .kink = fabs(x), .ulps = 3};
}

curve curve_elu(double x, const double *p) {
    const double e = x > 0 ? 0 : p[0] * exp(x);
    return (curve){.y = x > 0 ? x : p[0] * expm1(x), .slope = x > 0 ? 1 : e, .bend = e, .has_kink = true,
                   .kink = fabs(x), .ulps = CURVED};
}

/* Phi + x phi. */
curve curve_gelu(double x, const double *p) {
    (void)p;
    const double Phi = 0.5 * erfc(-x * sqrt(0.5)), phi = exp(-x * x / 2) / sqrt(2 * acos(-1));
    return (curve){.y = x * Phi, .slope = Phi + x * phi, .bend = phi * (2 - x * x), .slope_size = Phi + fabs(x) * phi,
                   .ulps = CURVED};
}

/* 1 + tanh u is 2 s(2 u), s the logistic function. */
curve curve_gelu_tanh(double x, const double *p) {
    (void)p;
    const double c = 2 * sqrt(2 / acos(-1)), w = c * (x + 0.044715 * x * x * x), s = logistic(w), rest = logistic(-w);
    const double w1 = c * (1 + 3 * 0.044715 * x * x), w2 = c * 6 * 0.044715 * x, slope = s * rest;
    return (curve){.y = x * s, .slope = s + x * slope * w1,
                   .bend = 2 * slope * w1 + x * (slope * (rest - s) * w1 * w1 + slope * w2),
                   .y_size = fabs(x) * s * (1 + fabs(w) * rest), .slope_size = s * (1 + fabs(x) * w1) * (1 + fabs(w)),
                   .ulps = CURVED};
}

curve curve_silu(double x, const double *p) {
    (void)p;
    const double s = logistic(x), rest = logistic(-x);
    return (curve){.y = x * s, .slope = s * (1 + x * rest), .bend = s * rest * (2 + x * (rest - s)),
                   .slope_size = s * (1 + fabs(x)), .ulps = CURVED};
}

/* Where the bounds are the wrong way round, all is the upper one. */
curve curve_clamp(double x, const double *p) {
    const double high = p[1], low = p[0] > high ? high : p[0];
    const bool inside = x >= low && x <= high;
    return (curve){.y = x < low ? low : x > high ? high : x, .slope = inside, .has_kink = true,
                   .kink = fmin(fabs(x - low), fabs(x - high))};
}

curve curve_scale(double x, const double *p) {
    return (curve){.y = x * p[0], .slope = p[0], .ulps = 3};
}

curve curve_add_scalar(double x, const double *p) {
    return (curve){.y = x + p[0], .slope = 1, .y_size = fabs(x) + fabs(p[0]), .ulps = 2};
}

/* ---- functions of two ---- */

num pair_add(num a, num b, double unit, bool *unsure) {
    (void)unsure;
    return num_add(a, b, unit);
}

num pair_sub(num a, num b, double unit, bool *unsure) {
    (void)unsure;
    return num_sub(a, b, unit);
}

num pair_mul(num a, num b, double unit, bool *unsure) {
    (void)unsure;
    return num_mul(a, b, unit);
}

num pair_div(num a, num b, double unit, bool *unsure) {
    (void)unsure;
    return num_div(a, b, unit);
}

num pair_pow(num a, num b, double unit, bool *unsure) {
    (void)unsure;
    return num_pow(a, b, unit);
}

/* At a tie each gets half. */
static num one_of(num a, num b, double sign, double unit, bool *unsure) {
    const double apart = sign * (a.v - b.v), error = a.e + b.e;
    if (error > 0 && fabs(apart) <= 4 * error)
        *unsure = true;
    if (apart == 0)
        return num_add(num_scaled(a, 0.5), num_scaled(b, 0.5), unit);
    return apart > 0 ? a : b;
}

num pair_maximum(num a, num b, double unit, bool *unsure) {
    return one_of(a, b, 1, unit, unsure);
}

num pair_minimum(num a, num b, double unit, bool *unsure) {
    return one_of(a, b, -1, unit, unsure);
}

/* ---- memory ---- */

enum { BLOCK = 1 << 20 };

typedef struct block {
    struct block *next;
    size_t size, used;
    _Alignas(64) char bytes[];
} block;

struct pool {
    block *first, *current;
};

static void *must(void *p) {
    if (p)
        return p;
    fprintf(stderr, "programs: out of memory\n");
    exit(2);
}

static block *new_block(size_t size) {
    block *b = must(aligned_alloc(64, (sizeof *b + size + 63) / 64 * 64));
    *b = (block){.size = size};
    return b;
}

pool *pool_new(void) {
    pool *p = must(malloc(sizeof *p));
    p->first = p->current = new_block(BLOCK);
    return p;
}

void pool_reset(pool *p) {
    for (block *b = p->first; b; b = b->next)
        b->used = 0;
    p->current = p->first;
}

void pool_free(pool *p) {
    for (block *b = p->first, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(p);
}

void *pool_take(pool *p, size_t count, size_t size) {
    const size_t bytes = (count * size + 15) / 16 * 16;
    while (p->current->size - p->current->used < bytes) {
        if (p->current->next == NULL)
            p->current->next = new_block(bytes > BLOCK ? bytes : BLOCK);
        p->current = p->current->next;
    }
    void *place = p->current->bytes + p->current->used;
    p->current->used += bytes;
    return memset(place, 0, bytes);
}
