#include "kinks.h"

#include <math.h>

#include <heed/heed.h>

typedef heed_tensor call_fn(heed_tape *t, heed_tensor a, heed_tensor b);

static heed_tensor absolute(heed_tape *t, heed_tensor a, heed_tensor b) { return (void)b, heed_abs(t, a); }
static heed_tensor root(heed_tape *t, heed_tensor a, heed_tensor b) { return (void)b, heed_sqrt(t, a); }
static heed_tensor rectified(heed_tape *t, heed_tensor a, heed_tensor b) { return (void)b, heed_relu(t, a); }
static heed_tensor leaky(heed_tape *t, heed_tensor a, heed_tensor b) { return (void)b, heed_leaky_relu(t, a, 0.5); }
static heed_tensor clamped(heed_tape *t, heed_tensor a, heed_tensor b) { return (void)b, heed_clamp(t, a, -1, 2); }

typedef struct kink {
    const char *name;
    call_fn *call;
    double a, b;   /* b: of ops of two inputs */
    double da, db; /* for dL/dy = 3; of db NaN says that it is another's promise */
} kink;

static const kink kinks[] = {
    {"abs at 0", absolute, 0, 0, 0, 0},
    {"sqrt at 0", root, 0, 0, INFINITY, 0},
    {"relu at 0", rectified, 0, 0, 0, 0},
    {"leaky_relu at 0", leaky, 0, 0, 1.5, 0},
    {"clamp at its lower bound", clamped, -1, 0, 3, 0},
    {"clamp at its upper bound", clamped, 2, 0, 3, 0},
    {"maximum at a tie", heed_maximum, 2, 2, 1.5, 1.5},
    {"minimum at a tie", heed_minimum, 2, 2, 1.5, 1.5},
    {"l1 at its target", heed_l1, 2, 2, 0, 0},
    {"pow: 0^0", heed_pow, 0, 0, 0, 0},
    {"pow: 0^1", heed_pow, 0, 1, 3, 0},
    {"pow: 0^2", heed_pow, 0, 2, 0, 0},
    {"pow: 2^0", heed_pow, 2, 0, 0, 2.0794415416798357}, /* 3 log 2 */
    {"pow: (-2)^2", heed_pow, -2, 2, -12, NAN},
    {"pow: 0^(-1)", heed_pow, 0, -1, -INFINITY, -INFINITY},
};

static bool near(double got, double want) {
    return isnan(want) || got == want || (isfinite(want) && fabs(got - want) <= 1e-6 * fabs(want));
}

static double gradient(heed_tape *t, heed_tensor x) {
    double g = NAN;
    const heed_tensor dx = heed_grad(t, x);
    const void *data = heed_data(t, dx);
    if (data)
        g = heed_dtype_of(t, dx) == HEED_F64 ? *(const double *)data : (double)*(const float *)data;
    return g;
}

static void note(heed_check *report, const kink *k, int input, double got, double want) {
    if (near(got, want))
        return;
    report->failed++;
    if (report->n_failures == HEED_CHECK_FAILURES)
        return;
    heed_check_failure *f = &report->failures[report->n_failures++];
    *f = (heed_check_failure){.sample = (int)(k - kinks), .input = input, .coordinate = 0, .analytic = got, .numeric = want};
    snprintf(f->what, sizeof f->what, "%s: gradient", k->name);
}

static void check_kink(heed_check *report, heed_tape *t, const kink *k, heed_dtype dtype) {
    const float narrow[] = {(float)k->a, (float)k->b};
    const double wide[] = {k->a, k->b};
    heed_tape_reset(t);
    heed_tensor in[2];
    for (int i = 0; i < 2; i++)
        in[i] = heed_variable(t, dtype, HEED_SCALAR, dtype == HEED_F64 ? (const void *)&wide[i] : &narrow[i]);
    const heed_tensor y = k->call(t, in[0], in[1]);
    if (heed_backward(t, heed_scale(t, y, 3), NULL)) {
        report->failed++;
        return;
    }
    report->cases++;
    note(report, k, 0, gradient(t, in[0]), k->da);
    note(report, k, 1, gradient(t, in[1]), k->db);
}

heed_check kinks_check(const void *nothing, const heed_check_options *options) {
    heed_check report = {.name = "kinks"};
    heed_tape *t = heed_tape_new();
    (void)nothing;
    (void)options;
    for (size_t i = 0; i < sizeof kinks / sizeof *kinks; i++) {
        check_kink(&report, t, &kinks[i], HEED_F64);
        check_kink(&report, t, &kinks[i], HEED_F32);
    }
    heed_tape_free(t);
    return report;
}
