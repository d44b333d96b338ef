/* The oracle's reductions, cumsum and topk: elements are gathered by the place they are reduced to. */
#include <math.h>
#include <string.h>

#include "program.h"

/* What a reduction brings together: of each result its n elements, in row-major order of the reduced axes. */
typedef struct groups {
    heed_shape shape; /* of the result */
    int64_t n, count;
    num *at;          /* (count, n) */
} groups;

static bool axes_reduced(oracle *o, heed_shape x, const heed_axes *axes, bool *reduced) {
    if (axes->n < 0 || axes->n > x.rank)
        return oracle_refuse(o, "axes");
    for (int i = 0; i < x.rank; i++)
        reduced[i] = axes->n == 0;
    for (int i = 0; i < axes->n; i++) {
        int axis;
        if (!oracle_axis(o, x, axes->axis[i], &axis))
            return false;
        if (reduced[axis])
            return oracle_refuse(o, "an axis twice");
        reduced[axis] = true;
    }
    return true;
}

static bool group(oracle *o, const known *x, const heed_axes *axes, groups *g) {
    bool reduced[HEED_MAX_RANK];
    if (!axes_reduced(o, x->shape, axes, reduced))
        return false;
    *g = (groups){.n = 1, .count = 1};
    for (int i = 0; i < x->shape.rank; i++) {
        *(reduced[i] ? &g->n : &g->count) *= x->shape.n[i];
        if (!reduced[i] || axes->keepdim)
            g->shape.n[g->shape.rank++] = reduced[i] ? 1 : x->shape.n[i];
    }
    g->at = pool_take(o->memory, (size_t)x->count + 1, sizeof *g->at);
    for (int64_t i = 0; i < x->count; i++) {
        int64_t at[HEED_MAX_RANK], row = 0, column = 0;
        oracle_place(x->shape, i, at);
        for (int a = 0; a < x->shape.rank; a++)
            *(reduced[a] ? &column : &row) = *(reduced[a] ? &column : &row) * x->shape.n[a] + at[a];
        g->at[row * g->n + column] = x->at[i];
    }
    return true;
}

static num sum_of(const num *x, int64_t n, double unit) {
    total sum = {.n = 0};
    for (int64_t i = 0; i < n; i++)
        total_add(&sum, x[i]);
    return total_of(&sum, unit);
}

/* s->op->kind: 0 the sum, 1 the mean, which is a loss's: over n items where it is one number. */
bool work_sum(oracle *o, const statement *s, const known *const *in, known *out) {
    groups g;
    if (!group(o, in[0], &s->axes, &g) || !oracle_fresh(o, out, in[0]->dtype, g.shape))
        return false;
    for (int64_t i = 0; i < out->count; i++) {
        const num sum = sum_of(g.at + i * g.n, g.n, o->unit);
        out->at[i] = s->op->kind == 0 ? sum : num_rounded(num_scaled(sum, 1 / (double)g.n), o->unit);
    }
    if (s->op->kind == 1 && out->count == 1)
        out->weight = (double)g.n;
    return true;
}

/* The first that is greatest; sign -1: least. */
static int64_t first_greatest(oracle *o, const num *x, int64_t n, double sign) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (oracle_compare(o, x[i], x[best]) * sign > 0)
            best = i;
    return best;
}

/* s->op->kind: 1 the greatest, -1 the least. */
bool work_max(oracle *o, const statement *s, const known *const *in, known *out) {
    groups g;
    if (!group(o, in[0], &s->axes, &g))
        return false;
    if (g.n == 0)
        return oracle_refuse(o, "nothing to choose from");
    if (!oracle_fresh(o, out, in[0]->dtype, g.shape))
        return false;
    for (int64_t i = 0; i < out->count; i++)
        out->at[i] = g.at[i * g.n + first_greatest(o, g.at + i * g.n, g.n, s->op->kind)];
    return true;
}

/* number: axis, keepdim. */
bool work_argmax(oracle *o, const statement *s, const known *const *in, known *out) {
    groups g;
    int axis;
    if (!oracle_axis(o, in[0]->shape, s->number[0], &axis) ||
        !group(o, in[0], &(heed_axes){.n = 1, .axis = {axis}, .keepdim = s->number[1] != 0}, &g))
        return false;
    if (g.n == 0)
        return oracle_refuse(o, "nothing to choose from");
    if (!oracle_fresh(o, out, HEED_I32, g.shape))
        return false;
    for (int64_t i = 0; i < out->count; i++)
        out->at[i] = num_of((double)first_greatest(o, g.at + i * g.n, g.n, 1));
    return true;
}

bool work_prod(oracle *o, const statement *s, const known *const *in, known *out) {
    groups g;
    if (!group(o, in[0], &s->axes, &g) || !oracle_fresh(o, out, in[0]->dtype, g.shape))
        return false;
    for (int64_t i = 0; i < out->count; i++) {
        out->at[i] = num_of(1);
        for (int64_t k = 0; k < g.n; k++)
            out->at[i] = num_mul(out->at[i], g.at[i * g.n + k], o->unit);
    }
    return true;
}

/* number: correction. */
bool work_var(oracle *o, const statement *s, const known *const *in, known *out) {
    groups g;
    if (!group(o, in[0], &s->axes, &g) || !oracle_fresh(o, out, in[0]->dtype, g.shape))
        return false;
    const double divisor = (double)g.n - (double)s->number[0];
    for (int64_t i = 0; i < out->count; i++) {
        const num *x = g.at + i * g.n;
        const num mean = num_scaled(sum_of(x, g.n, o->unit), 1 / (double)g.n);
        total sum = {.n = 0};
        for (int64_t k = 0; k < g.n; k++) {
            const num apart = num_sub(x[k], mean, o->unit);
            total_add(&sum, num_mul(apart, apart, o->unit));
        }
        out->at[i] = num_rounded(num_scaled(total_of(&sum, o->unit), 1 / (divisor > 0 ? divisor : 0)), 3 * o->unit);
    }
    return true;
}

bool work_logsumexp(oracle *o, const statement *s, const known *const *in, known *out) {
    groups g;
    if (!group(o, in[0], &s->axes, &g) || !oracle_fresh(o, out, in[0]->dtype, g.shape))
        return false;
    for (int64_t i = 0; i < out->count; i++)
        out->at[i] = row_logsumexp(o, g.at + i * g.n, g.n);
    return true;
}

bool work_cumsum(oracle *o, const statement *s, const known *const *in, known *out) {
    int axis;
    if (!oracle_axis(o, in[0]->shape, s->number[0], &axis) ||
        !oracle_fresh(o, out, in[0]->dtype, in[0]->shape))
        return false;
    int64_t inner = 1, n = in[0]->shape.n[axis];
    for (int i = axis + 1; i < in[0]->shape.rank; i++)
        inner *= in[0]->shape.n[i];
    for (int64_t i = 0; i < out->count; i++) {
        total sum = {.n = 0};
        for (int64_t k = 0, last = i / inner % n; k <= last; k++)
            total_add(&sum, in[0]->at[i - (last - k) * inner]);
        out->at[i] = total_of(&sum, o->unit);
    }
    return true;
}

/* number: k. Each place is taken by the first greatest of what is left. */
bool work_topk(oracle *o, const statement *s, const known *const *in, known *out) {
    heed_shape shape = in[0]->shape;
    const int64_t k = s->number[0], n = shape.rank ? shape.n[shape.rank - 1] : 0;
    if (shape.rank == 0 || k < 0 || k > n)
        return oracle_refuse(o, "k");
    shape.n[shape.rank - 1] = k;
    if (!oracle_fresh(o, &out[0], in[0]->dtype, shape) || !oracle_fresh(o, &out[1], HEED_I32, shape))
        return false;
    bool *taken = pool_take(o->memory, (size_t)n + 1, sizeof *taken);
    for (int64_t i = 0; i < out->count; i++) {
        const num *row = in[0]->at + i / k * n;
        int64_t best = -1;
        if (i % k == 0)
            memset(taken, 0, (size_t)n * sizeof *taken);
        for (int64_t j = 0; j < n; j++)
            if (!taken[j] && (best < 0 || oracle_compare(o, row[j], row[best]) > 0))
                best = j;
        taken[best] = true;
        out[0].at[i] = row[best];
        out[1].at[i] = num_of((double)best);
    }
    return true;
}
