/* Reductions: the elements that one result is made of are gathered in a row first. */
#include "twins.h"

/* ---- rows ---- */

typedef struct rows {
    heed_shape result;
    int64_t n, length; /* rows, and elements of each */
    const quad **at;   /* (n, length) */
} rows;

static bool is_reduced(const heed_axes *axes, heed_shape shape, int axis) {
    bool is = axes->n == 0;
    for (int i = 0; i < axes->n; i++)
        is = is || axis_of(shape, axes->axis[i]) == axis;
    return is;
}

/* Elements in the order in which they lie. */
static rows rows_of(const values *x, const heed_axes *axes) {
    rows r = {.n = 1, .length = 1};
    heed_shape kept = x->shape;
    for (int i = 0; i < x->shape.rank; i++) {
        const bool reduced = is_reduced(axes, x->shape, i);
        *(reduced ? &r.length : &r.n) *= x->shape.n[i];
        kept.n[i] = reduced ? 1 : x->shape.n[i];
        if (!reduced || axes->keepdim)
            r.result.n[r.result.rank++] = kept.n[i];
    }
    int64_t *filled = take((size_t)r.n, sizeof *filled);
    r.at = take((size_t)x->count, sizeof *r.at);
    for (int64_t i = 0; i < x->count; i++) {
        int64_t index[HEED_MAX_RANK] = {0};
        unravel(x->shape, i, index);
        for (int k = 0; k < kept.rank; k++)
            index[k] = kept.n[k] == 1 ? 0 : index[k];
        const int64_t row = ravel(kept, index);
        r.at[row * r.length + filled[row]++] = &x->at[i];
    }
    return r;
}

typedef quad row_fn(const quad *const *x, int64_t n, const void *options);

static void each_row(twin_call *c, row_fn *fn) {
    const values *x = c->in[0];
    const rows r = rows_of(x, c->options);
    quad *y = twin_gives(c, x->dtype, r.result);
    for (int64_t i = 0; i < r.n; i++)
        y[i] = fn(r.at + i * r.length, r.length, c->options);
}

/* ---- what is made of a row ---- */

static quad sum_of(const quad *const *x, int64_t n, const void *options) {
    (void)options;
    quad sum = q_of(0);
    for (int64_t i = 0; i < n; i++)
        sum = q_add(sum, *x[i]);
    return sum;
}

static quad mean_of(const quad *const *x, int64_t n, const void *options) {
    return q_div(sum_of(x, n, options), q_of(n));
}

static int64_t place_of_extreme(const quad *const *x, int64_t n, int sign) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (sign * x[i]->v > sign * x[best]->v)
            best = i;
    return best;
}

static quad max_of(const quad *const *x, int64_t n, const void *options) {
    (void)options;
    return *x[place_of_extreme(x, n, 1)];
}

static quad min_of(const quad *const *x, int64_t n, const void *options) {
    (void)options;
    return *x[place_of_extreme(x, n, -1)];
}

static quad prod_of(const quad *const *x, int64_t n, const void *options) {
    (void)options;
    quad product = q_of(1);
    for (int64_t i = 0; i < n; i++)
        product = q_mul(product, *x[i]);
    return product;
}

typedef struct spread {
    heed_axes axes;
    int correction;
} spread;

static quad var_of(const quad *const *x, int64_t n, const void *options) {
    const quad mean = mean_of(x, n, options);
    quad sum = q_of(0);
    for (int64_t i = 0; i < n; i++) {
        const quad off = q_sub(*x[i], mean);
        sum = q_mul_add(off, off, sum);
    }
    return q_div(sum, q_of(n - ((const spread *)options)->correction));
}

/* As it is written: e^x does not leave the range of such numbers. */
static quad logsumexp_of(const quad *const *x, int64_t n, const void *options) {
    (void)options;
    quad sum = q_of(0);
    for (int64_t i = 0; i < n; i++)
        sum = q_add(sum, q_exp(*x[i]));
    return q_log(sum);
}

/* ---- the ops ---- */

static void sum(twin_call *c) {
    each_row(c, sum_of);
}

static void mean(twin_call *c) {
    each_row(c, mean_of);
}

static void max(twin_call *c) {
    each_row(c, max_of);
}

static void min(twin_call *c) {
    each_row(c, min_of);
}

static void prod(twin_call *c) {
    each_row(c, prod_of);
}

static void var(twin_call *c) {
    each_row(c, var_of);
}

static void logsumexp(twin_call *c) {
    each_row(c, logsumexp_of);
}

typedef struct finding {
    int axis;
    bool keepdim;
} finding;

static void argmax(twin_call *c) {
    const finding *f = c->options;
    const rows r = rows_of(c->in[0], &(heed_axes){.n = 1, .axis = {f->axis}, .keepdim = f->keepdim});
    quad *y = twin_gives(c, HEED_I32, r.result);
    for (int64_t i = 0; i < r.n; i++)
        y[i] = q_of(place_of_extreme(r.at + i * r.length, r.length, 1));
}

static void cumsum(twin_call *c) {
    const values *x = c->in[0];
    const around a = around_of(x->shape, *(const int *)c->options);
    quad *y = twin_gives(c, x->dtype, x->shape);
    for (int64_t i = 0; i < x->count; i++)
        y[i] = i / a.inner % a.n == 0 ? x->at[i] : q_add(y[i - a.inner], x->at[i]);
}

/* The place of each result: how many others come before it, being larger, or as large and earlier. */
static void topk(twin_call *c) {
    const values *x = c->in[0];
    const int64_t k = *(const int64_t *)c->options, n = last_of(x->shape, 1);
    heed_shape shape = x->shape;
    shape.n[shape.rank - 1] = k;
    quad *y = twin_gives(c, x->dtype, shape), *index = twin_gives(c, HEED_I32, shape);
    for (int64_t i = 0; i < x->count; i++) {
        const quad *row = x->at + i / n * n;
        int64_t before = 0;
        for (int64_t j = 0; j < n; j++)
            before += row[j].v > row[i % n].v || (row[j].v == row[i % n].v && j < i % n);
        if (before < k) {
            y[i / n * k + before] = x->at[i];
            index[i / n * k + before] = q_of(i % n);
        }
    }
}

const twin twins_reduce[] = {
    {"sum", sum, .options = sizeof(heed_axes)},
    {"mean", mean, .options = sizeof(heed_axes)},
    {"max", max, .options = sizeof(heed_axes)},
    {"min", min, .options = sizeof(heed_axes)},
    {"argmax", argmax, .options = sizeof(finding)},
    {"prod", prod, .options = sizeof(heed_axes)},
    {"var", var, .options = sizeof(spread)},
    {"logsumexp", logsumexp, .options = sizeof(heed_axes)},
    {"cumsum", cumsum, .options = sizeof(int)},
    {"topk", topk, .options = sizeof(int64_t)},
    {0},
};
