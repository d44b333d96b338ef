/* What else must hold of an op, beside its gradient: laws between two runs at the same point. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "checker_internal.h"

static const double VIEWS = 1e-13; /* of the largest number: sums over strided memory may run in another order */

/* ---- comparing rows ---- */

static bool same(double a, double b) {
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static double largest(const double *x, int64_t n) {
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = isfinite(x[i]) ? fmax(most, fabs(x[i])) : most;
    return most;
}

/* A tolerance that asks for the same bits; 0 takes -0 for 0. */
static const double BITS = -1;

/* One failure a law is enough: the first number that is out. */
static bool agree(const double *got, const double *want, int64_t n, double tolerance, int64_t *where) {
    for (int64_t i = 0; i < n; i++) {
        if (same(got[i], want[i]) || fabs(got[i] - want[i]) <= tolerance)
            continue;
        *where = i;
        return false;
    }
    return true;
}

static void values_agree(checker *k, const double *got, const double *want, double tolerance, const char *law) {
    int64_t i;
    if (!agree(got, want, k->n_y, tolerance, &i))
        heed_checker_fail(k, (comparison){.input = -1, .coordinate = i, .got = got[i], .want = want[i],
                                          .tolerance = fmax(tolerance, 0)}, "%s: values", law);
}

static void gradients_agree(checker *k, const subject *s, const double *got, const double *want, double tolerance,
                            const char *law) {
    int64_t i;
    if (got == NULL || want == NULL || agree(got, want, s->n_wanted, tolerance, &i))
        return;
    place at = heed_checker_place(s, i);
    heed_checker_fail(k, (comparison){.input = at.value, .coordinate = at.coordinate, .got = got[i], .want = want[i],
                                      .tolerance = fmax(tolerance, 0)}, "%s: gradient", law);
}

/* ---- accumulation ---- */

/* y goes two ways, with 3 u and -u: they must be added up, and then backward must be linear in them. (u alone, being ±1,
 * would not tell dy from dy³.) */
static void used_twice(checker *k, const subject *s, const outcome *plain) {
    outcome out = {0};
    wiring w = plain_wiring(true);
    w.twice = true;
    double *twice = heed_checker_take(k, s->n_wanted, sizeof *twice);
    if (twice == NULL || !heed_checker_must_run(k, s, w, &out, "used twice"))
        return;
    for (int64_t i = 0; i < s->n_wanted; i++)
        twice[i] = 2 * plain->g[i];
    gradients_agree(k, s, out.g, twice, BITS, "used twice");
}

/* The outputs' gradients one by one, of ops that have several. */
static void outputs_apart(checker *k, const subject *s, const outcome *plain) {
    outcome out = {0};
    int differentiated = 0;
    double *sum = heed_checker_take(k, s->n_wanted, sizeof *sum), most = 0;
    for (int o = 0; o < k->n_outs; o++)
        differentiated += k->outs[o].differentiated;
    if (differentiated < 2 || sum == NULL)
        return;
    for (int o = 0; o < k->n_outs; o++) {
        wiring w = plain_wiring(true);
        w.only = o;
        if (!k->outs[o].differentiated)
            continue;
        if (!heed_checker_must_run(k, s, w, &out, "one output alone"))
            return;
        most = fmax(most, largest(out.g, s->n_wanted));
        for (int64_t i = 0; i < s->n_wanted; i++)
            sum[i] += out.g[i];
    }
    gradients_agree(k, s, sum, plain->g, VIEWS * most, "outputs one by one");
}

/* x -> op(x, x). */
typedef struct same_context {
    const subject *s;
    int first, second;
} same_context;

static int apply_to_same(const void *context, heed_tape *t, const heed_tensor *in, heed_tensor *outs) {
    const same_context *c = context;
    heed_tensor both[HEED_SAMPLE_INPUTS];
    memcpy(both, in, (size_t)c->s->n_inputs * sizeof *in);
    both[c->second] = in[c->first];
    return c->s->apply(c->s->context, t, both, outs);
}

/* Its gradient against differences. Where x = y, max(x, y) has a kink; max(x, x) has none. */
static void same_against_differences(checker *k, const subject *s, int first, int second) {
    value values[HEED_SAMPLE_INPUTS];
    memcpy(values, s->values, (size_t)s->n_inputs * sizeof *values);
    values[second].wanted = false;
    const same_context context = {s, first, second};
    subject same = *s;
    same.apply = apply_to_same;
    same.context = &context;
    same.values = values;
    heed_checker_lay_out(&same);
    outcome out = {0};
    bool counts;
    if (!heed_checker_must_run(k, &same, plain_wiring(true), &out, "op(x, x)"))
        return;
    k->under = "op(x, x)";
    heed_checker_gradient(k, &same, &out, &counts); /* a kink there is nobody's fault */
    k->under = NULL;
}

/* One tensor given as two inputs, against two tensors of equal values. */
static void same_tensor_twice(checker *k, const subject *s, int first, int second) {
    value *a = &s->values[first], *b = &s->values[second];
    const value kept_a = *a, kept_b = *b;
    bool from_second = a->scale == 1 && b->scale != 1; /* a range may be a domain: that of log, say */
    a->data = b->data = from_second ? kept_b.data : kept_a.data;
    a->narrow = b->narrow = from_second ? kept_b.narrow : kept_a.narrow;
    same_against_differences(k, s, first, second);
    outcome two = {0}, one = {0};
    wiring w = plain_wiring(true);
    bool ran = heed_checker_must_run(k, s, w, &two, "op(x, y) at x = y");
    w.first = first;
    w.second = second;
    if (ran && heed_checker_must_run(k, s, w, &one, "op(x, x)") && two.g) {
        double most = largest(two.g, s->n_wanted);
        for (int64_t i = 0; i < a->count; i++) {
            two.g[a->offset + i] += two.g[b->offset + i];
            two.g[b->offset + i] = one.g[b->offset + i];
        }
        values_agree(k, one.y, two.y, BITS, "op(x, x)");
        gradients_agree(k, s, one.g, two.g, VIEWS * most, "op(x, x)");
    }
    *a = kept_a;
    *b = kept_b;
}

static void all_pairs(checker *k, const subject *s) {
    for (int i = 0; i < s->n_inputs; i++)
        for (int j = i + 1; j < s->n_inputs; j++)
            if (s->values[i].wanted && s->values[j].wanted && s->values[i].dtype == s->values[j].dtype &&
                heed_shape_equal(s->values[i].shape, s->values[j].shape))
                same_tensor_twice(k, s, i, j);
}

/* ---- constants ---- */

static void with_constants(checker *k, const subject *s, const outcome *plain, unsigned constant, const char *law) {
    outcome out = {0};
    wiring w = plain_wiring(true);
    w.constant = constant;
    w.threads = k->threads; /* where work is shared out among them otherwise, too */
    if (!heed_checker_must_run(k, s, w, &out, law) || out.g == NULL || plain->g == NULL)
        return;
    for (int i = 0; i < s->n_inputs; i++)
        if (s->values[i].wanted && (constant >> i & 1))
            memcpy(out.g + s->values[i].offset, plain->g + s->values[i].offset,
                   (size_t)s->values[i].count * sizeof *out.g);
    gradients_agree(k, s, out.g, plain->g, BITS, law);
}

static void each_without_gradient(checker *k, const subject *s, const outcome *plain) {
    for (int i = 0; i < s->n_inputs; i++) {
        if (!s->values[i].wanted || s->values[i].count == s->n_wanted)
            continue;
        char law[64];
        snprintf(law, sizeof law, "input %d a constant", i);
        with_constants(k, s, plain, 1u << i, law);
        snprintf(law, sizeof law, "input %d the only variable", i);
        with_constants(k, s, plain, ~(1u << i), law);
    }
}

/* ---- views ---- */

static void through_views(checker *k, const subject *s, const outcome *plain, layout_kind layout, const char *law) {
    outcome out = {0};
    wiring w = plain_wiring(true);
    w.layout = layout;
    if (!heed_checker_run(k, s, w, &out)) {
        if (!(s->refuses_views && heed_tape_status(k->tape) == HEED_INVALID))
            heed_checker_error(k, "%s: %s", law, heed_error_text(k->tape));
        return;
    }
    values_agree(k, out.y, plain->y, VIEWS * largest(plain->y, k->n_y), law);
    gradients_agree(k, s, out.g, plain->g, plain->g ? VIEWS * largest(plain->g, s->n_wanted) : 0, law);
    if (out.spilled)
        heed_checker_error(k, "%s: the gradient reaches memory that the view does not show", law);
}

/* The input's values with all that an expanded view repeats made equal. */
static bool repeat_value(checker *k, value *v) {
    window w = heed_checker_window(v->shape, LAYOUT_EXPANDED);
    size_t size = heed_dtype_size(v->dtype);
    char *data = heed_checker_take(k, v->count, size);
    const char *memory = heed_checker_window_fill(k, &w, v->dtype, v->data);
    if (data == NULL || memory == NULL)
        return false;
    for (int64_t i = 0; i < v->count; i++)
        memcpy(data + (size_t)i * size, memory + (size_t)heed_checker_window_at(&w, i) * size, size);
    v->data = data;
    return true;
}

/* Adds up what belongs to one repeated element, at the first place it is seen. */
static bool sum_repeated(checker *k, const value *v, double *g) {
    window w = heed_checker_window(v->shape, LAYOUT_EXPANDED);
    double *sum = heed_checker_take(k, w.length, sizeof *sum);
    if (sum == NULL)
        return false;
    for (int64_t i = 0; i < v->count; i++)
        sum[heed_checker_window_at(&w, i)] += g[i];
    for (int64_t i = 0; i < v->count; i++)
        g[i] = heed_checker_window_repeats(&w, i) ? 0 : sum[heed_checker_window_at(&w, i)];
    return true;
}

/* Inputs with stride 0. Their point is another than the sample's, so they have a plain run of their own. */
static void through_expanded(checker *k, const subject *s) {
    value kept[HEED_SAMPLE_INPUTS];
    outcome packed = {0};
    bool ready = true;
    for (int i = 0; i < s->n_inputs; i++) {
        kept[i] = s->values[i];
        ready = ready && (s->values[i].absent || repeat_value(k, &s->values[i]));
    }
    if (ready && heed_checker_must_run(k, s, plain_wiring(true), &packed, "expanded inputs")) {
        for (int i = 0; i < s->n_inputs; i++)
            ready = ready && (!packed.g || !s->values[i].wanted ||
                              sum_repeated(k, &s->values[i], packed.g + s->values[i].offset));
        if (ready)
            through_views(k, s, &packed, LAYOUT_EXPANDED, "expanded inputs");
    }
    memcpy(s->values, kept, (size_t)s->n_inputs * sizeof *kept);
}

/* ---- f32 ---- */

/* How far f32 may be from f64. A number that n others flow into goes through about n roundings of eps/2, relative to partial
 * results; being independent they add up like sqrt(n). Partial results are as large as the largest output as a rule, but a
 * sum may cancel: so the largest single contribution |g x| counts as well. 8 leaves room for functions that are right to
 * a few ulp rather than half a one. */
static double rounding(const subject *s, double size) {
    int64_t n = 1;
    for (int i = 0; i < s->n_inputs; i++)
        n = s->values[i].count > n ? s->values[i].count : n;
    return 8 * sqrt((double)n) * FLT_EPSILON * size;
}

static double largest_contribution(const subject *s, const double *g) {
    double most = 0;
    for (int i = 0; i < s->n_inputs; i++) {
        const value *v = &s->values[i];
        for (int64_t j = 0; v->wanted && j < v->count; j++)
            most = fmax(most, fabs(g[v->offset + j] * (double)v->narrow[j]));
    }
    return most;
}

static double largest_input(const subject *s) {
    double most = 0;
    for (int i = 0; i < s->n_inputs; i++)
        for (int64_t j = 0; s->values[i].wanted && j < s->values[i].count; j++)
            most = fmax(most, fabs((double)s->values[i].narrow[j]));
    return most;
}

/* Each output by its own size: a loss beside a large pattern is not excused by it. */
static void f32_values(checker *k, const subject *s, const outcome *f32, const outcome *f64) {
    double contribution = f64->g ? largest_contribution(s, f64->g) : 0;
    for (int o = 0; o < k->n_outs; o++) {
        const double *got = f32->y + k->outs[o].offset, *want = f64->y + k->outs[o].offset;
        double size = fmax(largest(want, k->outs[o].count), contribution);
        double tolerance = heed_dtype_real(k->outs[o].dtype) ? rounding(s, size) : BITS;
        int64_t i;
        if (!agree(got, want, k->outs[o].count, tolerance, &i))
            heed_checker_fail(k,
                              (comparison){.input = -1,
                                           .coordinate = k->outs[o].offset + i,
                                           .got = got[i],
                                           .want = want[i],
                                           .tolerance = fmax(tolerance, 0)},
                              "f32 forward");
    }
}

/* Gradients are sums too, whose parts are about as large as the largest gradient, or as outputs are over inputs. */
static void f32_gradients(checker *k, const subject *s, const outcome *f32, const outcome *f64) {
    if (f32->g == NULL || f64->g == NULL)
        return;
    double slope = largest(f64->y, k->n_y) / fmax(largest_input(s), DBL_MIN);
    double size = fmax(largest(f64->g, s->n_wanted), slope);
    gradients_agree(k, s, f32->g, f64->g, 4 * rounding(s, size), "f32");
}

static bool agree_with_f32(checker *k, const subject *s, const outcome *plain, outcome *f32) {
    wiring w = plain_wiring(true);
    w.real = HEED_F32;
    if (!heed_checker_must_run(k, s, w, f32, "f32"))
        return false;
    f32_values(k, s, f32, plain);
    f32_gradients(k, s, f32, plain);
    return true;
}

/* ---- inputs that are used elsewhere too ---- */

/* The op's gradient of one input must be added to what is there already, and what comes later to it: by the engine, or by
 * the op itself where it says that it can. */
static void used_elsewhere(checker *k, const subject *s, const outcome *plain, wiring w, int input) {
    const value *v = &s->values[input];
    outcome out = {0};
    char law[64];
    snprintf(law, sizeof law, "input %d used elsewhere, %s, %s", input, w.early ? "before" : "behind",
             heed_dtype_name(w.real));
    double *sum = heed_checker_take(k, s->n_wanted, sizeof *sum);
    w.elsewhere = 1u << input;
    if (sum == NULL || !heed_checker_must_run(k, s, w, &out, law))
        return;
    memcpy(sum, plain->g, (size_t)s->n_wanted * sizeof *sum);
    for (int64_t i = v->offset; i < v->offset + v->count; i++)
        sum[i] += ELSEWHERE;
    const double size = largest(plain->g, s->n_wanted) + ELSEWHERE;
    gradients_agree(k, s, out.g, sum, w.real == HEED_F32 ? rounding(s, size) : VIEWS * size, law);
}

static void each_used_elsewhere(checker *k, const subject *s, const outcome *plain, heed_dtype real) {
    for (int i = 0; i < s->n_inputs && plain->g; i++)
        for (int early = 0; early < 2 && s->values[i].wanted; early++) {
            wiring w = plain_wiring(true);
            w.real = real;
            w.early = early;
            used_elsewhere(k, s, plain, w, i);
        }
}

/* ---- threads, recording ---- */

void heed_checker_threads(checker *k, const subject *s, heed_dtype real, const outcome *one) {
    outcome several = {0};
    char law[64];
    snprintf(law, sizeof law, "1 thread = %d threads, %s", k->threads, heed_dtype_name(real));
    wiring w = plain_wiring(true);
    w.real = real;
    w.threads = k->threads;
    if (!heed_checker_must_run(k, s, w, &several, law))
        return;
    values_agree(k, several.y, one->y, BITS, law);
    gradients_agree(k, s, several.g, one->g, BITS, law);
}

static void unrecorded(checker *k, const subject *s, const outcome *plain) {
    outcome out = {0};
    if (heed_checker_must_run(k, s, plain_wiring(false), &out, "recording off"))
        values_agree(k, out.y, plain->y, BITS, "recording off");
}

void heed_checker_laws(checker *k, const subject *s, const outcome *plain) {
    outcome f32 = {0};
    heed_checker_threads(k, s, HEED_F64, plain); /* first, since laws that follow use several */
    if (plain->g) {
        used_twice(k, s, plain);
        each_used_elsewhere(k, s, plain, HEED_F64);
        outputs_apart(k, s, plain);
        all_pairs(k, s);
        each_without_gradient(k, s, plain);
    }
    unrecorded(k, s, plain);
    through_views(k, s, plain, LAYOUT_TRANSPOSED, "transposed inputs");
    through_views(k, s, plain, LAYOUT_SLICED, "sliced inputs");
    through_expanded(k, s);
    if (agree_with_f32(k, s, plain, &f32)) {
        heed_checker_threads(k, s, HEED_F32, &f32);
        each_used_elsewhere(k, s, &f32, HEED_F32);
    }
}
