/* The oracle's frame: which handles and dtypes a statement may have, what its result needs, and whether that is well
 * enough known to compare with; backward. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "program.h"

/* ---- shapes ---- */

bool oracle_refuse(oracle *o, const char *reason) {
    o->reason = reason;
    return false;
}

static double count_of(heed_shape shape) {
    double count = 1;
    for (int i = 0; i < shape.rank; i++)
        count *= (double)shape.n[i];
    return count;
}

bool oracle_fresh(oracle *o, known *out, heed_dtype dtype, heed_shape shape) {
    if (shape.rank < 0 || shape.rank > HEED_MAX_RANK)
        return oracle_refuse(o, "rank");
    bool empty = false;
    for (int i = 0; i < shape.rank; i++) {
        if (shape.n[i] < 0)
            return oracle_refuse(o, "a size is negative");
        empty = empty || shape.n[i] == 0;
    }
    if ((int)dtype < 0 || dtype >= HEED_DTYPES)
        return oracle_refuse(o, "no dtype");
    const double count = count_of(shape);
    *out = (known){.dtype = dtype, .shape = shape};
    o->unsure = !empty && count > MOST_ELEMENTS; /* or it is refused: the oracle has no room to tell */
    if (o->unsure)
        return false;
    *out = (known){.dtype = dtype, .shape = shape, .count = empty ? 0 : (int64_t)count, .weight = -1};
    out->at = pool_take(o->memory, (size_t)out->count + 1, sizeof *out->at);
    return true;
}

bool oracle_same_shape(heed_shape a, heed_shape b) {
    bool same = a.rank == b.rank;
    for (int i = 0; i < a.rank && same; i++)
        same = a.n[i] == b.n[i];
    return same;
}

bool oracle_broadcasts(heed_shape a, heed_shape b, heed_shape *out) {
    heed_shape wide = a.rank >= b.rank ? a : b, narrow = a.rank >= b.rank ? b : a;
    for (int i = 1; i <= narrow.rank; i++) {
        int64_t *w = &wide.n[wide.rank - i], n = narrow.n[narrow.rank - i];
        if (*w != n && *w != 1 && n != 1)
            return false;
        *w = *w == 1 ? n : *w;
    }
    *out = wide;
    return true;
}

void oracle_place(heed_shape shape, int64_t flat, int64_t *at) {
    for (int i = shape.rank - 1; i >= 0; i--) {
        at[i] = flat % shape.n[i];
        flat /= shape.n[i];
    }
}

int64_t oracle_flat(heed_shape shape, const int64_t *at, int rank) {
    int64_t flat = 0;
    for (int i = 0; i < shape.rank; i++)
        flat = flat * shape.n[i] + (shape.n[i] == 1 ? 0 : at[rank - shape.rank + i]);
    return flat;
}

bool oracle_axis(oracle *o, heed_shape shape, int64_t given, int *axis) {
    if (given < -shape.rank || given >= shape.rank)
        return oracle_refuse(o, "axis");
    *axis = (int)(given < 0 ? given + shape.rank : given);
    return true;
}

int oracle_compare(oracle *o, num a, num b) {
    const double error = a.e + b.e;
    if (error > 0 && fabs(a.v - b.v) <= 4 * error)
        o->unsure = true;
    return a.v < b.v ? -1 : a.v > b.v;
}

/* ---- a statement ---- */

static bool real(heed_dtype dtype) {
    return dtype == HEED_F32 || dtype == HEED_F64;
}

/* Handles, then dtypes. */
static bool takes_inputs(oracle *o, const statement *s, const known **in) {
    int first_real = -1;
    for (int i = 0; i < s->n_in; i++) {
        in[i] = s->in[i] < 0 ? NULL : &o->value[s->in[i]];
        if (in[i] == NULL && !(s->in[i] == ABSENT && (s->op->optional >> i & 1)))
            return oracle_refuse(o, "nil, or not of this tape");
        if (in[i] == NULL || !real(in[i]->dtype))
            continue;
        if (first_real >= 0 && in[i]->dtype != in[first_real]->dtype && !s->op->mixed)
            return oracle_refuse(o, "dtypes differ");
        first_real = first_real < 0 ? i : first_real;
    }
    for (int i = 0; i < s->n_in; i++)
        o->unsure = o->unsure || (in[i] && in[i]->at == NULL);
    if (o->unsure)
        return false;
    if (s->n_in > 0 && in[0] && !(s->op->takes >> in[0]->dtype & 1))
        return oracle_refuse(o, "dtype");
    return true;
}

static double unit_of(heed_dtype dtype) {
    return dtype == HEED_F32 ? FLT_EPSILON / 2 : DBL_EPSILON / 2;
}

/* By the result's dtype; where that is none with a gradient, by what it is made of. */
static void set_unit(oracle *o, const statement *s, const known *const *in) {
    heed_dtype dtype = s->op->family == OP ? HEED_F64 : s->dtype;
    for (int i = 0; i < s->n_in; i++)
        if (in[i] && real(in[i]->dtype)) {
            dtype = in[i]->dtype;
            break;
        }
    if (s->op->family == LAYER || (s->op->family == LEAF && s->n_params > 0))
        dtype = o->p->model_dtype;
    o->unit = unit_of(dtype);
}

/* A gradient comes to what is made, on record, of something that one comes to. */
static bool needs_gradient(const oracle *o, const statement *s, const known *const *in) {
    if (s->op->family == LEAF)
        return !s->off_record && (s->n_params > 0 || s->direction != NULL);
    bool needs = s->n_params > 0;
    for (int i = 0; i < s->n_in; i++)
        needs = needs || (in[i] && in[i]->needs && !(s->op->still >> i & 1));
    (void)o;
    return needs && !s->op->constant && !s->off_record;
}

/* Well known: finite, and bounds of errors so far below the numbers that their squares are nothing; and far enough from
 * where numbers lose digits, which roundings relative to them do not tell. */
static bool well_known(const num *x, heed_dtype dtype) {
    const double much = 1e-3, size = fabs(x->v);
    if (size > 0 && size < (dtype == HEED_F32 ? 1e-34 : 1e-290))
        return false;
    return isfinite(x->v) && isfinite(x->a) && fabs(x->v) < 1e6 && x->a < 1e8 && x->e <= much * (1e-2 + fabs(x->v)) &&
           x->f <= much * (1e-2 + x->a);
}

/* An op on one element keeps a loss's weight, if there is but one. */
static double weight_of(const statement *s, const known *const *in, const known *out) {
    if (out->weight >= 0 || out->count != 1)
        return out->weight;
    double weight = -1;
    for (int i = 0; i < s->n_in; i++) {
        const double w = in[i] ? in[i]->weight : -1;
        if (w >= 0 && weight >= 0 && w != weight)
            return -1;
        weight = w >= 0 ? w : weight;
    }
    return weight;
}

/* Of the ops of a layer, or of a long einsum, each keeps the weight, or not: that is not followed here. */
static bool parts_may_keep_weight(const statement *s, const known *const *in, const known *out) {
    bool any = false;
    for (int i = 0; i < s->n_in; i++)
        any = any || (in[i] && in[i]->weight >= 0);
    const bool has_parts = s->op->family == LAYER || (s->op->work == work_einsum && s->n_in > 2);
    return has_parts && out->count == 1 && any;
}

static bool settle(oracle *o, const statement *s, const known *const *in, known *out, int index) {
    const bool needs = real(out->dtype) && needs_gradient(o, s, in);
    const double *direction = index == 0 && s->kept && s->op->family != LEAF && needs ? s->direction : NULL;
    out->needs = needs;
    if (parts_may_keep_weight(s, in, out))
        return false;
    if (s->op->family == OP && index == 0)
        out->weight = weight_of(s, in, out);
    for (int64_t i = 0; i < out->count; i++) {
        num *x = &out->at[i];
        if (!needs)
            x->d = x->a = x->f = 0;
        if (direction) { /* the gradient of what is kept shows as what moving it would do */
            x->d += direction[i];
            x->a += fabs(direction[i]);
        }
        if (!well_known(x, out->dtype))
            return false;
    }
    return true;
}

verdict oracle_step(oracle *o, int statement_, const bool *dropped) {
    const statement *s = &o->p->at[statement_];
    known *out = &o->value[statement_ * MOST_OUT];
    const known *in[MOST_IN] = {NULL};
    o->unsure = false;
    o->reason = NULL;
    o->dropped = dropped;
    memset(out, 0, MOST_OUT * sizeof *out);
    const bool taken = takes_inputs(o, s, in);
    set_unit(o, s, in);
    if (!taken || !s->op->work(o, s, in, out))
        return o->unsure ? UNSURE : REFUSED;
    for (int i = 0; i < s->n_out; i++)
        if (!settle(o, s, in, &out[i], i))
            o->unsure = true;
    return o->unsure ? UNSURE : FINE;
}

/* ---- backward ---- */

static bool is_parameter(const oracle *o, ref x) {
    const statement *s = &o->p->at[x / MOST_OUT];
    return s->op->family == LEAF && s->n_params > 0;
}

verdict oracle_backward(oracle *o, const backward *b, bool walked, bool accumulates, double weight) {
    o->reason = NULL;
    if (b->of < 0)
        oracle_refuse(o, "nil, or not of this tape");
    else if (is_parameter(o, b->of))
        oracle_refuse(o, "the loss is a parameter");
    else if (!o->value[b->of].needs)
        oracle_refuse(o, "the loss does not depend on anything");
    else if (b->seed == ABSENT && o->value[b->of].count != 1)
        oracle_refuse(o, "not one element");
    else if (b->seed < ABSENT)
        oracle_refuse(o, "the seed is not of this tape");
    else if (b->seed >= 0 && (!oracle_same_shape(o->value[b->seed].shape, o->value[b->of].shape) ||
                              o->value[b->seed].dtype != o->value[b->of].dtype))
        oracle_refuse(o, "the seed is not like what it seeds");
    else if (walked && o->p->at[b->of / MOST_OUT].op->family != LEAF)
        oracle_refuse(o, "walked already");
    else if (b->with_grads && accumulates && (weight < 0) != (o->value[b->of].weight < 0))
        oracle_refuse(o, "an average and a sum");
    return o->reason ? REFUSED : FINE;
}

num oracle_slope(const oracle *o, const backward *b) {
    const known *y = &o->value[b->of];
    total sum = {.n = 0};
    for (int64_t i = 0; i < y->count; i++) {
        const double u = b->seed >= 0 ? o->value[b->seed].at[i].v : 1;
        num x = num_scaled(y->at[i], u);
        if (b->seed >= 0) /* what the library was given may be rounded itself */
            x.f += x.a * 0 + o->value[b->seed].at[i].e * y->at[i].a;
        total_add(&sum, x);
    }
    return total_of(&sum, 0);
}

double oracle_walk_error(const oracle *o) {
    double roundings = 1, unit = DBL_EPSILON / 2;
    for (int k = 0; k < o->p->n; k++)
        for (int i = 0; i < o->p->at[k].n_out; i++) {
            const known *x = &o->value[k * MOST_OUT + i];
            if (x->needs)
                roundings += 1 + sqrt((double)x->count);
            if (x->needs && x->dtype == HEED_F32)
                unit = FLT_EPSILON / 2;
        }
    return unit * roundings;
}
