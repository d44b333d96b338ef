/* Elementwise ops: a formula of one or two numbers, at every place of the common shape. */
#include <string.h>

#include "twins.h"

/* ---- the loops ---- */

static void each_one(twin_call *c) {
    const values *x = c->in[0];
    quad *y = twin_gives(c, x->dtype, x->shape);
    for (int64_t i = 0; i < x->count; i++)
        y[i] = c->twin->one(x->at[i], c->options);
}

static void each_pair(twin_call *c, heed_dtype dtype) {
    const heed_shape shape = broadcast_of(c->in[0], c->in[1]);
    quad *y = twin_gives(c, dtype, shape);
    for (int64_t i = 0; i < heed_shape_count(shape); i++)
        y[i] = c->twin->two(broadcast_at(c->in[0], shape, i), broadcast_at(c->in[1], shape, i));
}

static void each_two(twin_call *c) {
    each_pair(c, c->in[0]->dtype);
}

static void each_comparison(twin_call *c) {
    each_pair(c, HEED_BOOL);
}

/* ---- of two numbers ---- */

static quad maximum(quad a, quad b) {
    return a.v > b.v ? a : b;
}

static quad minimum(quad a, quad b) {
    return a.v < b.v ? a : b;
}

static quad eq(quad a, quad b) {
    return q_of(a.v == b.v);
}

static quad ne(quad a, quad b) {
    return q_of(a.v != b.v);
}

static quad lt(quad a, quad b) {
    return q_of(a.v < b.v);
}

static quad le(quad a, quad b) {
    return q_of(a.v <= b.v);
}

static quad gt(quad a, quad b) {
    return q_of(a.v > b.v);
}

static quad ge(quad a, quad b) {
    return q_of(a.v >= b.v);
}

static quad and(quad a, quad b) {
    return q_of(q_true(a) && q_true(b));
}

static quad or(quad a, quad b) {
    return q_of(q_true(a) || q_true(b));
}

static quad xor(quad a, quad b) {
    return q_of(q_true(a) != q_true(b));
}

/* ---- of one; p: the op's numbers, in the order of its call ---- */

static quad not(quad x, const double *p) {
    (void)p;
    return q_of(!q_true(x));
}

static quad scale(quad x, const double *p) {
    return q_scale(x, p[0]);
}

static quad add_scalar(quad x, const double *p) {
    return q_add(x, q_of(p[0]));
}

static quad neg(quad x, const double *p) {
    (void)p;
    return q_neg(x);
}

static quad absolute(quad x, const double *p) {
    (void)p;
    return q_abs(x);
}

static quad sign(quad x, const double *p) {
    (void)p;
    return q_of((x.v > 0) - (x.v < 0));
}

static quad exponential(quad x, const double *p) {
    (void)p;
    return q_exp(x);
}

static quad logarithm(quad x, const double *p) {
    (void)p;
    return q_log(x);
}

static quad square_root(quad x, const double *p) {
    (void)p;
    return q_sqrt(x);
}

static quad rsqrt(quad x, const double *p) {
    (void)p;
    return q_div(q_of(1), q_sqrt(x));
}

static quad square(quad x, const double *p) {
    (void)p;
    return q_mul(x, x);
}

static quad sine(quad x, const double *p) {
    (void)p;
    return q_sin(x);
}

static quad cosine(quad x, const double *p) {
    (void)p;
    return q_cos(x);
}

static quad hyperbolic_tangent(quad x, const double *p) {
    (void)p;
    return q_tanh(x);
}

static quad sigmoid(quad x, const double *p) {
    (void)p;
    return q_sigmoid(x);
}

static quad logsigmoid(quad x, const double *p) { /* log 1/(1 + e^-x) */
    (void)p;
    return q_neg(q_log1p(q_exp(q_neg(x))));
}

static quad relu(quad x, const double *p) { /* Nair and Hinton 2010 */
    (void)p;
    return x.v > 0 ? x : q_of(0);
}

static quad leaky_relu(quad x, const double *p) { /* Maas, Hannun, Ng 2013 */
    return x.v > 0 ? x : q_scale(x, p[0]);
}

static quad elu(quad x, const double *p) { /* Clevert, Unterthiner, Hochreiter 2016, equation 15 */
    return x.v > 0 ? x : q_scale(q_expm1(x), p[0]);
}

static quad gelu(quad x, const double *p) { /* x Phi(x), Phi(x) = erfc(-x / sqrt 2) / 2; Hendrycks and Gimpel 2016 */
    (void)p;
    const quad root_two = q_of(q_sqrt(q_of(2)).v);
    return q_mul(x, q_scale(q_erfc(q_neg(q_div(x, root_two))), 0.5));
}

static quad gelu_tanh(quad x, const double *p) { /* the same paper, section 2 */
    (void)p;
    const quad cube = q_mul(q_mul(x, x), x), factor = q_of(q_sqrt(q_of(2 / real_pi())).v);
    const quad inner = q_mul(factor, q_mul_add(q_of((real)44715 / 1000000), cube, x));
    return q_mul(q_scale(x, 0.5), q_add(q_of(1), q_tanh(inner)));
}

static quad silu(quad x, const double *p) { /* x sigmoid(x); Elfwing, Uchibe, Doya 2017 */
    (void)p;
    return q_mul(x, q_sigmoid(x));
}

static quad softplus(quad x, const double *p) { /* Dugas et al. 2001 */
    (void)p;
    return q_log1p(q_exp(x));
}

static quad clamp(quad x, const double *p) {
    return x.v < p[0] ? q_of(p[0]) : x.v > p[1] ? q_of(p[1]) : x;
}

/* ---- of more, and of dtypes ---- */

static void where(twin_call *c) {
    const values *condition = c->in[0], *a = c->in[1], *b = c->in[2];
    const values both = {.shape = broadcast_of(a, b)};
    const heed_shape shape = broadcast_of(condition, &both);
    quad *y = twin_gives(c, a->dtype, shape);
    for (int64_t i = 0; i < heed_shape_count(shape); i++)
        y[i] = broadcast_at(q_true(broadcast_at(condition, shape, i)) ? a : b, shape, i);
}

static void masked_fill(twin_call *c) {
    const values *x = c->in[0], *mask = c->in[1];
    const double value = *(const double *)c->options;
    quad *y = twin_gives(c, x->dtype, x->shape);
    for (int64_t i = 0; i < x->count; i++)
        y[i] = q_true(broadcast_at(mask, x->shape, i)) ? q_of(value) : x->at[i];
}

/* The nearest number of 8 bits to the nearest f32, of two the even one. */
static double as_bf16(quad x) {
    int exponent;
    const double mantissa = frexp((double)(float)x.v, &exponent);
    return ldexp(nearbyint(mantissa * 256), exponent - 8);
}

static quad as_dtype(quad x, heed_dtype dtype) {
    switch (dtype) {
    case HEED_I32: return q_of(q_int(x)); /* towards zero */
    case HEED_BOOL: return q_of(q_true(x));
    case HEED_BF16: return q_of(as_bf16(x));
    default: return x; /* f32's rounding is what its bound allows */
    }
}

static void cast(twin_call *c) {
    const values *x = c->in[0];
    const heed_dtype dtype = *(const heed_dtype *)c->options;
    quad *y = twin_gives(c, dtype, x->shape);
    for (int64_t i = 0; i < x->count; i++)
        y[i] = as_dtype(x->at[i], dtype);
}

/* From reals, integers and booleans to each dtype. */
static bool casts(int index, heed_sample *sample) {
    static const heed_dtype from[] = {HEED_F64, HEED_I32, HEED_BOOL};
    const heed_dtype to = (heed_dtype)(index % HEED_DTYPES);
    *sample = (heed_sample){.n_in = 1};
    sample->in[0] = (heed_sample_input){.shape = HEED_SHAPE(257), .low = -3, .high = 4};
    memcpy(sample->attr.bytes, &to, sizeof to);
    if (index < 3 * HEED_DTYPES)
        sample->in[0].dtype = from[index / HEED_DTYPES];
    return index < 3 * HEED_DTYPES;
}

/* x / (1 - p) where the library kept it; which that were must look like independent draws. Srivastava et al. 2014. */
static void dropout(twin_call *c) {
    const values *x = c->in[0];
    const double p = *(const double *)c->options;
    quad *y = twin_gives(c, x->dtype, x->shape);
    int64_t dropped = 0;
    for (int64_t i = 0; i < x->count; i++) {
        const bool drops = p > 0 && c->seen[0] && c->seen[0][i] == 0 && x->at[i].v != 0;
        y[i] = drops ? q_of(0) : q_div(x->at[i], q_sub(q_of(1), q_of(p)));
        dropped += drops;
    }
    const double n = (double)x->count, far = fabs((double)dropped - p * n);
    if (far > 5 * sqrt(p * (1 - p) * n) + 1)
        snprintf(c->trouble, sizeof c->trouble, "%lld of %lld dropped, with p = %g", (long long)dropped,
                 (long long)x->count, p);
}

/* ---- far out, where the op's own samples do not go ---- */

static bool far_out(int index, double low, double high, heed_sample *sample) {
    *sample = (heed_sample){.n_in = 1, .in = {{.dtype = HEED_F64, .shape = HEED_SHAPE(257), .low = low, .high = high}}};
    return index == 0;
}

static bool both_sides(int index, heed_sample *sample) {
    return far_out(index, -20, 20, sample);
}

static bool positive(int index, heed_sample *sample) {
    return far_out(index, 1e-4, 1000, sample);
}

#define NUMBERS (2 * sizeof(double)) /* the attributes of an op of one operand that has any */

const twin twins_elementwise[] = {
    {"add", each_two, .two = q_add},
    {"sub", each_two, .two = q_sub},
    {"mul", each_two, .two = q_mul},
    {"div", each_two, .two = q_div},
    {"maximum", each_two, .two = maximum},
    {"minimum", each_two, .two = minimum},
    {"pow", each_two, .two = q_pow},
    {"eq", each_comparison, .two = eq},
    {"ne", each_comparison, .two = ne},
    {"lt", each_comparison, .two = lt},
    {"le", each_comparison, .two = le},
    {"gt", each_comparison, .two = gt},
    {"ge", each_comparison, .two = ge},
    {"and", each_comparison, .two = and},
    {"or", each_comparison, .two = or},
    {"xor", each_comparison, .two = xor},
    {"not", each_one, .one = not},
    {"cast", cast, .options = sizeof(heed_dtype), .sizes = casts},
    {"scale", each_one, .options = NUMBERS, .one = scale},
    {"add_scalar", each_one, .options = NUMBERS, .one = add_scalar},
    {"neg", each_one, .one = neg},
    {"abs", each_one, .one = absolute},
    {"sign", each_one, .one = sign},
    {"exp", each_one, .one = exponential, .sizes = both_sides},
    {"log", each_one, .one = logarithm, .sizes = positive},
    {"sqrt", each_one, .one = square_root, .sizes = positive},
    {"rsqrt", each_one, .one = rsqrt, .sizes = positive},
    {"square", each_one, .one = square},
    {"sin", each_one, .one = sine, .sizes = both_sides},
    {"cos", each_one, .one = cosine, .sizes = both_sides},
    {"tanh", each_one, .one = hyperbolic_tangent, .sizes = both_sides},
    {"sigmoid", each_one, .one = sigmoid, .sizes = both_sides},
    {"logsigmoid", each_one, .one = logsigmoid, .sizes = both_sides},
    {"relu", each_one, .one = relu},
    {"leaky_relu", each_one, .options = NUMBERS, .one = leaky_relu},
    {"elu", each_one, .options = NUMBERS, .one = elu},
    {"gelu", each_one, .one = gelu, .sizes = both_sides},
    {"gelu_tanh", each_one, .one = gelu_tanh, .sizes = both_sides},
    {"silu", each_one, .one = silu, .sizes = both_sides},
    {"softplus", each_one, .one = softplus, .sizes = both_sides},
    {"clamp", each_one, .options = NUMBERS, .one = clamp},
    {"where", .work = where},
    {"masked_fill", masked_fill, .options = sizeof(double)},
    {"dropout", dropout, .options = sizeof(double)},
    {0},
};
