/* The oracle's leaves and elementwise ops. */
#include <math.h>
#include <string.h>

#include "program.h"

/* ---- leaves ---- */

static void fill(known *out, const double *values, const double *direction) {
    for (int64_t i = 0; i < out->count; i++) {
        out->at[i] = num_of(values[i]);
        if (direction) {
            out->at[i].d = direction[i];
            out->at[i].a = fabs(direction[i]);
        }
    }
}

bool work_leaf(oracle *o, const statement *s, const known *const *in, known *out) {
    (void)in;
    if (s->direction && s->dtype != HEED_F32 && s->dtype != HEED_F64)
        return oracle_refuse(o, "dtype has no gradient");
    if (!oracle_fresh(o, out, s->dtype, s->shape))
        return false;
    fill(out, s->values, s->off_record ? NULL : s->direction);
    return true;
}

bool work_parameter(oracle *o, const statement *s, const known *const *in, known *out) {
    (void)in;
    if (!oracle_fresh(o, out, o->p->model_dtype, s->param[0].shape))
        return false;
    fill(out, s->param[0].values, s->param[0].direction);
    return true;
}

/* A value as its dtype holds it. */
static double held(heed_dtype dtype, double x) {
    switch (dtype) {
    case HEED_F32: return (double)(float)x;
    case HEED_BOOL: return x != 0;
    case HEED_BF16: {
        float narrow = (float)x;
        uint32_t bits;
        memcpy(&bits, &narrow, sizeof bits);
        bits += 0x7fff + (bits >> 16 & 1); /* to nearest, ties to even */
        bits &= 0xffff0000;
        memcpy(&narrow, &bits, sizeof narrow);
        return (double)narrow;
    }
    default: return x;
    }
}

static bool fits_i32(double x) {
    return x >= INT32_MIN && x <= INT32_MAX && x == floor(x);
}

bool work_full(oracle *o, const statement *s, const known *const *in, known *out) {
    (void)in;
    if (s->dtype == HEED_I32 && !fits_i32(s->real[0]))
        return oracle_refuse(o, "no i32");
    if (!oracle_fresh(o, out, s->dtype, s->shape))
        return false;
    for (int64_t i = 0; i < out->count; i++)
        out->at[i] = num_of(held(s->dtype, s->real[0]));
    return true;
}

bool work_arange(oracle *o, const statement *s, const known *const *in, known *out) {
    (void)in;
    if (s->dtype != HEED_F32 && s->dtype != HEED_F64 && s->dtype != HEED_I32)
        return oracle_refuse(o, "dtype");
    if (!oracle_fresh(o, out, s->dtype, HEED_SHAPE(s->number[0])))
        return false;
    for (int64_t i = 0; i < out->count; i++)
        out->at[i] = num_of((double)i);
    return true;
}

/* ---- one operand ---- */

bool work_curve(oracle *o, const statement *s, const known *const *in, known *out) {
    if (s->op->curve == curve_clamp && (isnan(s->real[0]) || isnan(s->real[1])))
        return oracle_refuse(o, "bounds must be numbers");
    if (!oracle_fresh(o, out, in[0]->dtype, in[0]->shape))
        return false;
    for (int64_t i = 0; i < out->count; i++) {
        const curve c = s->op->curve(in[0]->at[i].v, s->real);
        o->unsure = o->unsure || (in[0]->needs && !isfinite(c.slope)); /* even where v does not see it */
        out->at[i] = num_bend(in[0]->at[i], c, o->unit, &o->unsure);
    }
    if (s->op->curve == curve_sign)
        for (int64_t i = 0; i < out->count; i++)
            out->at[i].e = 0;
    return true;
}

bool work_not(oracle *o, const statement *s, const known *const *in, known *out) {
    (void)s;
    if (!oracle_fresh(o, out, HEED_BOOL, in[0]->shape))
        return false;
    for (int64_t i = 0; i < out->count; i++)
        out->at[i] = num_of(in[0]->at[i].v == 0);
    return true;
}

/* To a dtype with fewer values: known only if the whole interval of what x may be goes to one. */
static num narrowed(oracle *o, num x, heed_dtype dtype) {
    if (dtype == HEED_I32) {
        const double low = trunc(x.v - x.e), high = trunc(x.v + x.e);
        o->unsure = o->unsure || low != high || fabs(x.v) > 2e9;
        return num_of(trunc(x.v));
    }
    if (dtype == HEED_BOOL) {
        o->unsure = o->unsure || (x.e > 0 && fabs(x.v) <= 4 * x.e);
        return num_of(x.v != 0);
    }
    num y = num_of(held(HEED_BF16, x.v));
    o->unsure = o->unsure || held(HEED_BF16, x.v - 4 * x.e) != y.v || held(HEED_BF16, x.v + 4 * x.e) != y.v;
    return y;
}

bool work_cast(oracle *o, const statement *s, const known *const *in, known *out) {
    if (!oracle_fresh(o, out, s->dtype, in[0]->shape))
        return false;
    const heed_dtype from = in[0]->dtype, to = s->dtype;
    for (int64_t i = 0; i < out->count; i++) {
        const num x = in[0]->at[i];
        if (to == HEED_F64 || to == from)
            out->at[i] = x;
        else if (to == HEED_F32)
            out->at[i] = (double)(float)x.v == x.v && x.e == 0 && x.a == 0 ? x : num_rounded(x, 0x1p-24);
        else
            out->at[i] = narrowed(o, x, to);
    }
    return true;
}

/* Which elements are dropped only the library knows: its random numbers are its own. They are zeros where x has none. */
bool work_dropout(oracle *o, const statement *s, const known *const *in, known *out) {
    const double p = s->real[0];
    if (!(p >= 0 && p <= 1))
        return oracle_refuse(o, "p");
    if (!oracle_fresh(o, out, in[0]->dtype, in[0]->shape))
        return false;
    for (int64_t i = 0; i < out->count; i++)
        if (p == 0 || !o->p->training)
            out->at[i] = in[0]->at[i];
        else if (p < 1 && in[0]->at[i].v == 0)
            o->unsure = true;
        else if (p < 1 && !(o->dropped && o->dropped[i]))
            out->at[i] = num_rounded(num_rounded(num_scaled(in[0]->at[i], 1 / (1 - p)), o->unit), o->unit);
    return true;
}

/* ---- two and three ---- */

static bool joint(oracle *o, const known *const *in, int n, heed_shape *shape) {
    *shape = in[0]->shape;
    for (int i = 1; i < n; i++)
        if (!oracle_broadcasts(*shape, in[i]->shape, shape))
            return oracle_refuse(o, "shapes do not broadcast");
    return true;
}

static num at_place(const known *x, heed_shape shape, int64_t flat) {
    int64_t at[HEED_MAX_RANK];
    oracle_place(shape, flat, at);
    return x->at[oracle_flat(x->shape, at, shape.rank)];
}

/* Modulo 2^32. */
static double whole(const statement *s, double a, double b) {
    const uint32_t x = (uint32_t)(int32_t)a, y = (uint32_t)(int32_t)b;
    const uint32_t z = s->op->pair == pair_add ? x + y : s->op->pair == pair_sub ? x - y : x * y;
    return (double)(int32_t)z;
}

/* The derivatives of a^b where they are not finite, which v may not see. */
static bool has_slopes(const known *const *in, double a, double b) {
    return !(a < 0 && in[1]->needs) && !(a == 0 && b < 1 && b != 0 && in[0]->needs);
}

bool work_pair(oracle *o, const statement *s, const known *const *in, known *out) {
    heed_shape shape;
    if (in[0]->dtype != in[1]->dtype)
        return oracle_refuse(o, "dtypes differ");
    if (!joint(o, in, 2, &shape) || !oracle_fresh(o, out, in[0]->dtype, shape))
        return false;
    for (int64_t i = 0; i < out->count; i++) {
        const num a = at_place(in[0], shape, i), b = at_place(in[1], shape, i);
        o->unsure = o->unsure || (s->op->pair == pair_pow && !has_slopes(in, a.v, b.v));
        out->at[i] = in[0]->dtype == HEED_I32 ? num_of(whole(s, a.v, b.v)) : s->op->pair(a, b, o->unit, &o->unsure);
    }
    return true;
}

/* s->op->kind: mask of the orders, -1, 0, 1 as bits 0, 1, 2, that give true. */
bool work_compare(oracle *o, const statement *s, const known *const *in, known *out) {
    heed_shape shape;
    if (in[0]->dtype != in[1]->dtype)
        return oracle_refuse(o, "dtypes differ");
    if (!joint(o, in, 2, &shape) || !oracle_fresh(o, out, HEED_BOOL, shape))
        return false;
    for (int64_t i = 0; i < out->count; i++) {
        const int order = oracle_compare(o, at_place(in[0], shape, i), at_place(in[1], shape, i));
        out->at[i] = num_of(s->op->kind >> (order + 1) & 1);
    }
    return true;
}

/* s->op->kind: mask of how many of both are true that gives true. */
bool work_logic(oracle *o, const statement *s, const known *const *in, known *out) {
    heed_shape shape;
    if (in[0]->dtype != in[1]->dtype)
        return oracle_refuse(o, "dtypes differ");
    if (!joint(o, in, 2, &shape) || !oracle_fresh(o, out, HEED_BOOL, shape))
        return false;
    for (int64_t i = 0; i < out->count; i++) {
        const int count = (at_place(in[0], shape, i).v != 0) + (at_place(in[1], shape, i).v != 0);
        out->at[i] = num_of(s->op->kind >> count & 1);
    }
    return true;
}

bool work_where(oracle *o, const statement *s, const known *const *in, known *out) {
    (void)s;
    heed_shape shape;
    if (in[1]->dtype != in[2]->dtype)
        return oracle_refuse(o, "dtypes differ");
    if (!joint(o, in, 3, &shape) || !oracle_fresh(o, out, in[1]->dtype, shape))
        return false;
    for (int64_t i = 0; i < out->count; i++)
        out->at[i] = at_place(in[at_place(in[0], shape, i).v != 0 ? 1 : 2], shape, i);
    return true;
}

bool work_masked_fill(oracle *o, const statement *s, const known *const *in, known *out) {
    heed_shape shape;
    if (in[1]->dtype != HEED_BOOL)
        return oracle_refuse(o, "mask must be bool");
    if (in[0]->dtype == HEED_I32 && !fits_i32(s->real[0]))
        return oracle_refuse(o, "no i32");
    if (!oracle_broadcasts(in[0]->shape, in[1]->shape, &shape) || !oracle_same_shape(shape, in[0]->shape))
        return oracle_refuse(o, "mask does not broadcast to x");
    if (!oracle_fresh(o, out, in[0]->dtype, shape))
        return false;
    for (int64_t i = 0; i < out->count; i++)
        out->at[i] = at_place(in[1], shape, i).v != 0 ? num_of(held(in[0]->dtype, s->real[0])) : in[0]->at[i];
    return true;
}
