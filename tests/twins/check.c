/* One op, case by case: the library against the twin. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "twins.h"

enum { DRAWS = 8, SHOWN = 4, LARGE = 8192, TAPE_SEED = 20, TAPE_STEP = 3 };
/* How well differences of the twin know a slope: their step is the cube root of a number's last digit. */
#define STEP (REAL_DIGITS > 64 ? 0x1p-38 : 0x1p-21)
#define CONFIRMED (REAL_DIGITS > 64 ? 1e-18 : 1e-9)

typedef struct bench {
    const heed_op *op;
    const twin *twin;
    const composition *composed; /* what is called; NULL: the op */
    heed_tape *tape;
    heed_sample sample;
    int number;     /* of the case */
    uint64_t state;
    drawn in[HEED_SAMPLE_INPUTS];
    twin_call call;
    double *weight[TWIN_OUTPUTS]; /* of each output's elements in the sum that is differentiated; NULL: none */
    tally *tally;
    int shown;
} bench;

quad *twin_gives(twin_call *c, heed_dtype dtype, heed_shape shape) {
    values *y = &c->out[c->n_out++];
    *y = (values){.dtype = dtype, .shape = shape, .count = heed_shape_count(shape)};
    y->at = take((size_t)y->count, sizeof *y->at);
    for (int64_t i = 0; i < y->count; i++)
        y->at[i] = q_of(0);
    return y->at;
}

static void fail(bench *b, const char *format, ...) HEED_PRINTF(2, 3);
static void fail(bench *b, const char *format, ...) {
    b->tally->failed++;
    if (b->shown++ >= SHOWN)
        return;
    va_list list;
    va_start(list, format);
    printf("      %s%s, case %d: ", b->op->name, b->composed ? " of plain ops" : "", b->number);
    vprintf(format, list);
    printf("\n");
    va_end(list);
}

/* ---- the twin ---- */

static void call_twin(bench *b) {
    twin_call *c = &b->call;
    c->n_out = 0;
    for (int i = 0; i < b->sample.n_in; i++)
        c->in[i] = b->in[i].absent ? NULL : &b->in[i].values;
    b->twin->work(c);
}

/* With a record, of which slopes can be asked. */
static void call_recorded(bench *b) {
    quad_begin();
    for (int i = 0; i < b->sample.n_in; i++)
        for (int64_t k = 0; k < b->in[i].values.count && b->in[i].wanted; k++)
            b->in[i].values.at[k] = quad_variable(b->in[i].values.at[k].v);
    call_twin(b);
    quad_end();
}

/* Weights that are exact in f32, and never 1: so a forgotten one shows. */
static void draw_weights(bench *b) {
    bool any = false;
    for (int i = 0; i < b->sample.n_in; i++)
        any = any || b->in[i].wanted;
    for (int o = 0; o < b->call.n_out; o++) {
        const values *y = &b->call.out[o];
        b->weight[o] = any && heed_dtype_real(y->dtype) ? take((size_t)y->count, sizeof(double)) : NULL;
        for (int64_t i = 0; i < y->count && b->weight[o]; i++) {
            const uint64_t bits = random_bits(&b->state);
            b->weight[o][i] = (bits & 1 ? -1 : 1) * (9 + (double)(bits >> 1 & 15)) / 8;
        }
    }
}

static void walk_back(bench *b) {
    for (int o = 0; o < b->call.n_out; o++)
        for (int64_t i = 0; i < b->call.out[o].count && b->weight[o]; i++)
            quad_seed(b->call.out[o].at[i], b->weight[o][i]);
    quad_walk_back();
}

/* The weighted sum, somewhat along a direction from the point drawn. */
static real sum_along(bench *b, double *const *direction, real far) {
    quad *kept[HEED_SAMPLE_INPUTS];
    for (int i = 0; i < b->sample.n_in; i++) {
        values *x = &b->in[i].values;
        kept[i] = x->at;
        if (!b->in[i].wanted)
            continue;
        x->at = take((size_t)x->count, sizeof *x->at);
        for (int64_t k = 0; k < x->count; k++)
            x->at[k] = q_of(kept[i][k].v + far * direction[i][k]);
    }
    values out[TWIN_OUTPUTS];
    memcpy(out, b->call.out, sizeof out);
    call_twin(b);
    real sum = 0;
    for (int o = 0; o < b->call.n_out; o++)
        for (int64_t i = 0; i < b->call.out[o].count && b->weight[o]; i++)
            sum += b->weight[o][i] * b->call.out[o].at[i].v;
    memcpy(b->call.out, out, sizeof out);
    for (int i = 0; i < b->sample.n_in; i++)
        b->in[i].values.at = kept[i];
    return sum;
}

/* Whether the twin's slopes are what its differences along a random direction say. At a kink they are not. */
static bool differences_agree(bench *b) {
    double *direction[HEED_SAMPLE_INPUTS], size = 0;
    real slope = 0;
    for (int i = 0; i < b->sample.n_in; i++) {
        const values *x = &b->in[i].values;
        direction[i] = b->in[i].wanted ? take((size_t)x->count, sizeof(double)) : NULL;
        for (int64_t k = 0; k < x->count && direction[i]; k++) {
            const quad g = quad_slope(x->at[k]);
            direction[i][k] = random_normal(&b->state);
            slope += g.v * direction[i][k];
            size += fabs(direction[i][k]) * g.size;
        }
    }
    const real difference = (sum_along(b, direction, STEP) - sum_along(b, direction, -STEP)) / (2 * (real)STEP);
    return fabs((double)(difference - slope)) <= CONFIRMED * size;
}

/* ---- the library ---- */

static heed_tensor put(bench *b, int i) {
    const drawn *x = &b->in[i];
    if (x->absent)
        return HEED_NIL;
    return x->wanted ? heed_variable(b->tape, x->dtype, x->values.shape, x->data)
                     : heed_input(b->tape, x->dtype, x->values.shape, x->data);
}

/* Returns the number of outputs; 0: an error, or nothing to compare. The tape is the same each time: so are the numbers
 * that an op draws. */
static int call_library(bench *b, const heed_sample *sample, heed_tensor *in, heed_tensor *out) {
    heed_tape_reset(b->tape);
    heed_tape_set_seed(b->tape, TAPE_SEED);
    heed_tape_set_step(b->tape, TAPE_STEP);
    for (int i = 0; i < sample->n_in; i++)
        in[i] = put(b, i);
    int n = 0;
    if (b->composed)
        n = b->composed->call(b->tape, sample, in, out);
    else if (!heed_is_nil(heed_apply_many(b->tape, b->op, in, sample->n_in, sample->attr.bytes, out)))
        n = b->op->n_out > 0 ? b->op->n_out : b->op->outputs(sample->attr.bytes);
    if (heed_tape_status(b->tape))
        fail(b, "the library says: %s", heed_error_text(b->tape));
    return heed_tape_status(b->tape) ? 0 : n;
}

/* The upper half of an f32. */
static double bf16_value(uint16_t upper) {
    const uint32_t bits = (uint32_t)upper << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return (double)x;
}

static double element(heed_dtype dtype, const void *data, int64_t i) {
    switch (dtype) {
    case HEED_F32: return (double)((const float *)data)[i];
    case HEED_F64: return ((const double *)data)[i];
    case HEED_I32: return ((const int32_t *)data)[i];
    case HEED_BOOL: return ((const bool *)data)[i];
    default: return bf16_value(((const uint16_t *)data)[i]);
    }
}

/* What the library gives, for a twin of something random to look at. */
static void look(bench *b) {
    heed_sample sample = b->sample;
    heed_tensor in[HEED_SAMPLE_INPUTS], out[TWIN_OUTPUTS];
    if (b->twin->reveal)
        b->twin->reveal(&sample);
    const int n = call_library(b, &sample, in, out);
    for (int o = 0; o < n; o++) {
        const int64_t count = heed_count(b->tape, out[o]);
        double *copy = take((size_t)count, sizeof *copy);
        for (int64_t i = 0; i < count; i++)
            copy[i] = element(heed_dtype_of(b->tape, out[o]), heed_data(b->tape, out[o]), i);
        b->call.seen[o] = copy;
    }
}

/* The sum of all outputs' elements times their weights. */
static heed_tensor weighted_sum(bench *b, const heed_tensor *out) {
    heed_tape *t = b->tape;
    heed_tensor sum = HEED_NIL;
    for (int o = 0; o < b->call.n_out; o++) {
        if (b->weight[o] == NULL)
            continue;
        const heed_dtype dtype = heed_dtype_of(t, out[o]);
        const heed_tensor weight =
            heed_cast(t, heed_input(t, HEED_F64, b->call.out[o].shape, b->weight[o]), dtype);
        const heed_tensor part = heed_sum(t, heed_mul(t, out[o], weight), HEED_ALL_AXES);
        sum = heed_is_nil(sum) ? part : heed_add(t, sum, part);
    }
    return sum;
}

/* ---- comparing ---- */

static double allowed(heed_dtype dtype, quad want) {
    const double rounding = 4 * sqrt((double)want.steps + 1) * (dtype == HEED_F32 ? 0x1p-23 : 0x1p-52);
    const double underflow = want.size == 0 ? 0 : dtype == HEED_F32 ? FLT_MIN : DBL_MIN;
    return fmin(rounding, dtype == HEED_F32 ? 1 : 1e-13) * want.size + underflow;
}

/* The error as a share of the bound: infinite where it is no number, or anything where nothing is allowed. */
static double share_of(heed_dtype dtype, double got, quad want) {
    const double error = fabs((double)(got - want.v)), most = allowed(dtype, want);
    if (!heed_dtype_real(dtype) || most == 0)
        return error == 0 ? 0 : INFINITY;
    return error / most <= INFINITY ? error / most : INFINITY;
}

/* All elements; the worst share of a bound goes to *worst. what: of which number. */
static void compare(bench *b, heed_dtype dtype, const void *got, int64_t n, const quad *want,
                    double *worst, const char *what, int number) {
    for (int64_t i = 0; i < n; i++) {
        const double x = element(dtype, got, i), share = share_of(dtype, x, want[i]);
        *worst = fmax(*worst, share);
        if (!(share <= 1))
            fail(b, "%s: %s %d[%lld] is %.17g, the twin's %.17g (%.3g of the bound)",
                 heed_dtype_name(b->call.run), what, number, (long long)i, x, (double)want[i].v, share);
    }
}

static bool same_outputs(bench *b, const heed_tensor *out, int n) {
    if (n != b->call.n_out)
        fail(b, "%d outputs, the twin has %d", n, b->call.n_out);
    for (int o = 0; o < n && n == b->call.n_out; o++) {
        const values *want = &b->call.out[o];
        const heed_shape shape = heed_shape_of(b->tape, out[o]);
        const heed_dtype got = heed_dtype_of(b->tape, out[o]);
        const bool same = got == want->dtype || (got == b->call.run && want->dtype == HEED_F64);
        if (!heed_shape_equal(shape, want->shape) || !same) {
            fail(b, "%s: output %d is %s %s, the twin's %s %s", heed_dtype_name(b->call.run), o, heed_dtype_name(got),
                 HEED_SHAPE_STR(shape), heed_dtype_name(want->dtype), HEED_SHAPE_STR(want->shape));
            return false;
        }
    }
    return n == b->call.n_out;
}

static void compare_gradients(bench *b, const heed_tensor *in) {
    for (int i = 0; i < b->sample.n_in; i++) {
        const values *x = &b->in[i].values;
        if (!b->in[i].wanted)
            continue;
        const void *got = heed_data(b->tape, heed_grad(b->tape, in[i]));
        quad *want = take((size_t)x->count, sizeof *want);
        for (int64_t k = 0; k < x->count; k++)
            want[k] = quad_slope(x->at[k]);
        if (got)
            compare(b, b->call.run, got, x->count, want, &b->tally->gradient[b->call.run], "gradient of input", i);
        else
            fail(b, "%s: no gradient of input %d: %s", heed_dtype_name(b->call.run), i, heed_error_text(b->tape));
    }
}

static void compare_all(bench *b) {
    heed_tensor in[HEED_SAMPLE_INPUTS], out[TWIN_OUTPUTS];
    const int n = call_library(b, &b->sample, in, out);
    if (n == 0 || !same_outputs(b, out, n))
        return;
    b->tally->cases++;
    for (int o = 0; o < n; o++)
        compare(b, heed_dtype_of(b->tape, out[o]), heed_data(b->tape, out[o]), b->call.out[o].count,
                b->call.out[o].at, &b->tally->value[b->call.run], "output", o);
    const heed_tensor sum = weighted_sum(b, out);
    if (heed_is_nil(sum))
        return;
    if (heed_backward(b->tape, sum, NULL))
        fail(b, "%s: backward: %s", heed_dtype_name(b->call.run), heed_error_text(b->tape));
    else
        compare_gradients(b, in);
}

/* ---- cases ---- */

static bool is_wanted(const heed_op *op, int i, const heed_sample_input *rule) {
    return !(op->flags & HEED_NO_GRADIENT) && !(op->no_gradient >> i & 1) && heed_dtype_real(rule->dtype) &&
           !rule->absent && !rule->constant;
}

/* False: at a kink. */
static bool draw_case(bench *b) {
    release_all();
    bool any = false;
    b->call = (twin_call){.options = b->sample.attr.bytes, .run = b->call.run, .n_in = b->sample.n_in,
                         .twin = b->twin};
    for (int i = 0; i < b->sample.n_in; i++) {
        draw_input(&b->in[i], &b->sample.in[i], b->call.run, &b->state);
        b->in[i].wanted = is_wanted(b->op, i, &b->sample.in[i]);
        any = any || b->in[i].wanted;
    }
    if ((b->op->flags & HEED_RANDOM) && b->composed == NULL)
        look(b);
    call_recorded(b);
    draw_weights(b);
    if (!any)
        return true;
    walk_back(b);
    return differences_agree(b);
}

static bool draw_until_smooth(bench *b) {
    for (int draws = 0; draws < DRAWS; draws++) {
        if (draw_case(b))
            return true;
        b->tally->redrawn++;
    }
    return false;
}

static void check_case(bench *b, heed_dtype run) {
    b->call.run = run;
    if (!draw_until_smooth(b))
        fail(b, "the twin's slopes are not what its differences say, in %d draws", DRAWS);
    if (b->call.trouble[0])
        fail(b, "%s", b->call.trouble);
    compare_all(b);
}

static int64_t elements_of(const heed_sample *sample) {
    int64_t n = 0;
    for (int i = 0; i < sample->n_in; i++)
        n += sample->in[i].absent ? 0 : heed_shape_count(sample->in[i].shape);
    return n;
}

static void check_samples(bench *b, heed_sample_rule *rule, const settings *o, bool all) {
    for (int i = 0; rule; i++, b->number++) {
        b->sample = (heed_sample){.n_in = 0};
        if (!rule(i, &b->sample))
            return;
        if (all || elements_of(&b->sample) <= LARGE) {
            b->state = o->seed * 1000003 + (uint64_t)b->number;
            check_case(b, HEED_F64);
            check_case(b, HEED_F32);
        } else {
            b->tally->skipped++;
        }
    }
}

tally check_op(const heed_op *op, const twin *w, const composition *composed, const settings *o) {
    tally result = {.cases = 0};
    bench b = {.op = op, .twin = w, .composed = composed, .tape = heed_tape_new(), .tally = &result};
    if (w->options != op->attr_size)
        fail(&b, "the twin reads %zu bytes of attributes, the op has %zu", w->options, op->attr_size);
    else {
        check_samples(&b, op->samples, o, o->all);
        check_samples(&b, w->sizes, o, true);
    }
    if (50 * result.redrawn > result.cases)
        fail(&b, "%d of %d cases were drawn again", result.redrawn, result.cases);
    heed_tape_free(b.tape);
    release_all();
    return result;
}

double tally_worst(const tally *t) {
    return fmax(fmax(t->value[HEED_F64], t->gradient[HEED_F64]), fmax(t->value[HEED_F32], t->gradient[HEED_F32]));
}
