/* Reductions against naive twins in double, over all sets of axes and long rows, and with any number of threads. */
#include "op_testing.h"

TestSuite(reduce_twins, .init = ops_setup, .fini = ops_teardown);

/* ---- twins over all sets of axes ---- */

typedef heed_tensor reduce_fn(heed_tape *, heed_tensor, heed_axes);
static heed_tensor var_0(heed_tape *tape, heed_tensor x, heed_axes axes) { return heed_var(tape, x, axes, 0); }

static double twin_sum(const double *x, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += x[i];
    return sum;
}
static double twin_mean(const double *x, int n) { return twin_sum(x, n) / n; }
static double twin_max(const double *x, int n) {
    double best = x[0];
    for (int i = 1; i < n; i++)
        best = fmax(best, x[i]);
    return best;
}
static double twin_min(const double *x, int n) {
    double best = x[0];
    for (int i = 1; i < n; i++)
        best = fmin(best, x[i]);
    return best;
}
static double twin_prod(const double *x, int n) {
    double product = 1;
    for (int i = 0; i < n; i++)
        product *= x[i];
    return product;
}
static double twin_var(const double *x, int n) {
    double mean = twin_mean(x, n), sum = 0;
    for (int i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sum / n;
}
static double twin_logsumexp(const double *x, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += exp(x[i]);
    return log(sum);
}

static double slope_sum(const double *x, int n, int i) { return (void)x, (void)n, (void)i, 1; }
static double slope_mean(const double *x, int n, int i) { return (void)x, (void)i, 1.0 / n; }
static double slope_max(const double *x, int n, int i) { return x[i] == twin_max(x, n); }
static double slope_min(const double *x, int n, int i) { return x[i] == twin_min(x, n); }
static double slope_prod(const double *x, int n, int i) { return twin_prod(x, i) * twin_prod(x + i + 1, n - i - 1); }
static double slope_var(const double *x, int n, int i) { return 2 * (x[i] - twin_mean(x, n)) / n; }
static double slope_logsumexp(const double *x, int n, int i) { return exp(x[i] - twin_logsumexp(x, n)); }

static const struct {
    const char *name;
    reduce_fn *op;
    double (*value)(const double *x, int n);
    double (*slope)(const double *x, int n, int i);
} twins[] = {
    {"sum", heed_sum, twin_sum, slope_sum},
    {"mean", heed_mean, twin_mean, slope_mean},
    {"max", heed_max, twin_max, slope_max},
    {"min", heed_min, twin_min, slope_min},
    {"prod", heed_prod, twin_prod, slope_prod},
    {"var", var_0, twin_var, slope_var},
    {"logsumexp", heed_logsumexp, twin_logsumexp, slope_logsumexp},
};

enum { MOST = 2000 };

/* Which output each element of x belongs to. */
static void find_owners(heed_shape x, unsigned reduced, int *owner) {
    int64_t n = heed_shape_count(x);
    for (int64_t flat = 0; flat < n; flat++) {
        int64_t rest = flat, at = 0, stride = 1;
        for (int i = x.rank - 1; i >= 0; i--) {
            if (!(reduced >> i & 1)) {
                at += rest % x.n[i] * stride;
                stride *= x.n[i];
            }
            rest /= x.n[i];
        }
        owner[flat] = (int)at;
    }
}

static void check_twin(int which, heed_dtype dtype, heed_shape shape, unsigned reduced, bool keepdim) {
    static double values[MOST], seed[MOST], row[MOST];
    static int owner[MOST], place[MOST];
    heed_axes axes = {.keepdim = keepdim};
    for (int i = 0; i < shape.rank; i++)
        if (reduced >> i & 1)
            axes.axis[axes.n++] = i % 2 ? i - shape.rank : i;
    int n = (int)heed_shape_count(shape), outputs = 0;
    find_owners(shape, reduced, owner);
    for (int i = 0; i < n; i++) {
        values[i] = (double)(float)heed_rng_normal((uint64_t)which, (uint64_t)i);
        seed[i] = (double)(float)heed_rng_normal(99, (uint64_t)i);
        outputs = owner[i] >= outputs ? owner[i] + 1 : outputs;
    }
    heed_tensor x = ops_given(dtype, shape, values), y = twins[which].op(t, x, axes);
    cr_assert_eq(heed_tape_status(t), HEED_OK, "%s", heed_error_text(t));
    cr_assert_eq(heed_count(t, y), outputs);
    cr_assert_eq(heed_rank(t, y), keepdim ? shape.rank : shape.rank - axes.n);
    heed_tensor g = ops_gradient(y, x, seed);
    double tolerance = dtype == HEED_F32 ? 2e-6 : 1e-12;
    for (int o = 0; o < outputs; o++) {
        int m = 0;
        for (int i = 0; i < n; i++)
            if (owner[i] == o) {
                place[m] = i;
                row[m++] = values[i];
            }
        double want = twins[which].value(row, m);
        cr_assert(agree(ops_value(y, o), want, tolerance), "%s of %s, axes %x, output %d: %.17g, not %.17g",
                  twins[which].name, HEED_SHAPE_STR(shape), reduced, o, ops_value(y, o), want);
        for (int i = 0; i < m; i++) {
            double slope = seed[o] * twins[which].slope(row, m, i);
            cr_assert(agree(ops_value(g, place[i]), slope, tolerance),
                      "%s of %s, axes %x, gradient %d: %.17g, not %.17g", twins[which].name, HEED_SHAPE_STR(shape),
                      reduced, place[i], ops_value(g, place[i]), slope);
        }
    }
    heed_tape_reset(t);
}

/* Sizes 1, 15, 16, 17, 31, 33 all exact. [promises: odd sizes] */
Test(reduce_twins, every_set_of_axes_agrees_with_its_twin) {
    static const heed_shape shapes[] = {{1, {1}},          {1, {15}},         {1, {16}},           {1, {17}},
                                        {1, {31}},         {1, {33}},         {2, {16, 33}},       {2, {31, 1}},
                                        {2, {3, 129}},     {3, {2, 3, 4}},    {3, {5, 1, 17}},     {3, {15, 2, 16}},
                                        {4, {2, 3, 2, 5}}, {4, {3, 1, 4, 1}}, {5, {2, 3, 2, 3, 2}}};
    for (int which = 0; which < LENGTH(twins); which++)
        for (int s = 0; s < LENGTH(shapes); s++)
            for (unsigned reduced = 1; reduced < 1u << shapes[s].rank; reduced++) {
                check_twin(which, HEED_F64, shapes[s], reduced, reduced % 2);
                check_twin(which, HEED_F32, shapes[s], reduced, reduced % 2 == 0);
            }
}

/* Rows longer than a block, and columns with more rows than one. */
Test(reduce_twins, long_reductions_agree_with_their_twins) {
    enum { N = 300000 };
    static double values[N];
    for (int i = 0; i < N; i++)
        values[i] = heed_rng_normal(5, (uint64_t)i);
    static const heed_shape shapes[] = {
        {3, {1, 300000, 1}}, {3, {3, 100000, 1}}, {3, {1, 10000, 30}}, {3, {2, 1500, 100}}, {3, {1, 257, 65}}};
    for (int s = 0; s < LENGTH(shapes); s++) {
        int64_t n = shapes[s].n[1], inner = shapes[s].n[2];
        heed_tensor x = heed_input(t, HEED_F64, shapes[s], values);
        heed_tensor sum = heed_sum(t, x, HEED_AXES(1)), var = heed_var(t, x, HEED_AXES(1), 0),
                    lse = heed_logsumexp(t, x, HEED_AXES(1));
        static double column[N];
        for (int64_t o = 0; o < shapes[s].n[0] * inner; o++) {
            for (int64_t i = 0; i < n; i++)
                column[i] = values[(o / inner * n + i) * inner + o % inner];
            cr_assert(agree(heed_f64(t, sum)[o], twin_sum(column, (int)n), 1e-10));
            cr_assert(agree(heed_f64(t, var)[o], twin_var(column, (int)n), 1e-11));
            cr_assert(agree(heed_f64(t, lse)[o], twin_logsumexp(column, (int)n), 1e-12));
        }
    }
}

/* ---- threads ---- */

static void each_reduction(heed_tensor x, heed_axes axes, float *results, int64_t *n) {
    heed_tensor ys[] = {heed_sum(t, x, axes),
                        heed_mean(t, x, axes),
                        heed_max(t, x, axes),
                        heed_var(t, x, axes, 1),
                        heed_logsumexp(t, x, axes),
                        heed_prod(t, x, axes),
                        heed_cumsum(t, x, axes.n ? axes.axis[0] : 0)};
    for (int k = 0; k < LENGTH(ys); k++) {
        int64_t count = heed_count(t, ys[k]);
        heed_tensor g = heed_ones(t, HEED_F32, heed_shape_of(t, ys[k]));
        heed_status status = heed_backward_with(t, ys[k], NULL, (heed_backward_options){.seed = g});
        cr_assert_eq(status, HEED_OK, "%s", heed_error_text(t));
        memcpy(results + *n, heed_f32(t, ys[k]), (size_t)count * sizeof *results);
        *n += count;
        memcpy(results + *n, heed_f32(t, heed_grad(t, x)), (size_t)heed_count(t, x) * sizeof *results);
        *n += heed_count(t, x);
    }
}

/* The same bits for every thread count. */
Test(reduce_twins, the_same_bits_for_any_number_of_threads) {
    enum { N = 40 * 50 * 60, ROOM = 20 * N };
    static const int threads[] = {1, 2, 3, 7};
    static const heed_axes sets[] = {
        {0}, {1, {0}, false}, {1, {1}, false}, {1, {2}, false}, {2, {0, 2}, false}, {2, {0, 1}, true}};
    static float values[N], first[ROOM], now[ROOM];
    for (int i = 0; i < N; i++)
        values[i] = (float)heed_rng_normal(1, (uint64_t)i);
    for (int s = 0; s < LENGTH(sets); s++)
        for (int k = 0; k < LENGTH(threads); k++) {
            int64_t n = 0;
            heed_tape_reset(t);
            heed_tape_set_threads(t, threads[k]);
            each_reduction(heed_variable(t, HEED_F32, HEED_SHAPE(40, 50, 60), values), sets[s], k ? now : first, &n);
            cr_assert(k == 0 || memcmp(now, first, (size_t)n * sizeof *now) == 0, "axes %d, %d threads", s, threads[k]);
        }
}
