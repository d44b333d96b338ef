/* Products with the Hessian, and its largest eigenvalue. */
#include <criterion/criterion.h>
#include <heed/heed.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- one parameter vector, and losses of it ---- */

typedef struct subject {
    heed_model *model;
    heed_param x;
    int calls;
} subject;

static subject subject_of(int64_t n, const double *values) {
    subject s = {.model = heed_model_new()};
    s.x = heed_param_new(heed_model_root(s.model), "x", HEED_SHAPE(n), heed_init_constant(0));
    cr_assert_eq(heed_model_build(s.model, HEED_F64, 1), HEED_OK);
    cr_assert_eq(heed_param_set(s.x, values, n), HEED_OK);
    return s;
}

static const heed_curvature_options f64 = {.dtype = HEED_F64};

static void assert_near(const double *got, const double *want, int64_t n, double bound) {
    double scale = 0;
    for (int64_t i = 0; i < n; i++)
        scale = fmax(scale, fabs(want[i]));
    for (int64_t i = 0; i < n; i++)
        cr_assert(fabs(got[i] - want[i]) <= bound * scale, "element %d: %.17g, not %.17g", (int)i, got[i], want[i]);
}

/* ½ xᵀ A x, whose Hessian is A. */
static const double A[9] = {2, 1, 0, 1, 2, 1, 0, 1, 2};
static heed_tensor quadratic(void *user, heed_tape *t) {
    const subject *s = user;
    heed_tensor a = heed_input(t, HEED_F64, HEED_SHAPE(3, 3), A), x = heed_use(t, s->x);
    return heed_mul(t, heed_sum(t, heed_mul(t, heed_linear(t, x, a, HEED_NIL), x), HEED_ALL_AXES),
                    heed_full(t, HEED_F64, HEED_SCALAR, 0.5));
}

Test(curvature, of_a_quadratic_it_is_the_matrix) {
    subject s = subject_of(3, (double[]){0.3, -1.2, 2});
    heed_curvature *c = heed_curvature_new(s.model, quadratic, &s, f64);
    double hv[3], doubt = 1;
    cr_assert_eq(heed_hvp(c, (double[]){1, -2, 0.5}, hv, &doubt), HEED_OK, "%s", heed_curvature_error_text(c));
    assert_near(hv, (double[]){0, -2.5, -1}, 3, 1e-11);
    cr_assert(doubt < 1e-9);
    heed_curvature_free(c);
    heed_model_free(s.model);
}

/* A's eigenvalues are 2, 2 + √2, 2 - √2; the vector of the second is (1, √2, 1) / 2. */
Test(curvature, the_largest_eigenvalue_of_a_quadratic) {
    subject s = subject_of(3, (double[]){0, 0, 0});
    heed_curvature *c = heed_curvature_new(s.model, quadratic, &s, f64);
    heed_eigenvalue largest;
    double x[3];
    cr_assert_eq(heed_hessian_largest(c, 0, &largest, x), HEED_OK, "%s", heed_curvature_error_text(c));
    cr_assert_float_eq(largest.value, 2 + sqrt(2), 1e-9);
    cr_assert(largest.products <= 3 && largest.residual < 1e-3 * largest.value);
    cr_assert_float_eq(fabs(x[0] + sqrt(2) * x[1] + x[2]) / 2, 1, 1e-6);
    heed_curvature_free(c);
    heed_model_free(s.model);
}

/* log sum exp(x): its gradient is p = softmax(x), its Hessian diag(p) - p pᵀ. */
static heed_tensor log_sum_exp(void *user, heed_tape *t) {
    return heed_logsumexp(t, heed_use(t, ((const subject *)user)->x), HEED_ALL_AXES);
}

Test(curvature, of_log_sum_exp_it_is_the_covariance) {
    const double x[4] = {0.5, -1, 2, 0}, v[4] = {1, 2, -1, 0.5};
    double p[4], sum = 0, pv = 0, want[4], got[4];
    for (int i = 0; i < 4; i++)
        sum += p[i] = exp(x[i]);
    for (int i = 0; i < 4; i++)
        pv += (p[i] /= sum) * v[i];
    for (int i = 0; i < 4; i++)
        want[i] = p[i] * (v[i] - pv);
    subject s = subject_of(4, x);
    heed_curvature *c = heed_curvature_new(s.model, log_sum_exp, &s, f64);
    cr_assert_eq(heed_hvp(c, v, got, NULL), HEED_OK, "%s", heed_curvature_error_text(c));
    assert_near(got, want, 4, 1e-10);
    heed_curvature_free(c);
    heed_model_free(s.model);
}

/* ---- attention, against PyTorch: golden/generate_curvature.py ---- */

enum { T = 4, D_MODEL = 3, D_K = 2, N = 3 * D_K * D_MODEL };
static const double attention_hv[N] = {
    -0.51778098876956991, -0.09733155116496936, 0.52033341095811958, -0.53774182104808221, -0.11529532389314393,
    0.54776827370294501, 0.083217768684945681, 0.083217768684945681, -0.20594966136320075, -0.2508544085799419,
    -0.25085440857994185, 0.6320478951645172, 0.62896137894036386, -0.30301998249815376, -0.25066308941554483,
    0.71557114144978295, -0.23340458971032108, -0.48669726219792298};
static const double attention_largest = 1.3574047550557828;

static void steps(double *to, int n, int factor, int modulus, int middle, int unit) {
    for (int i = 0; i < n; i++)
        to[i] = (double)(i * factor % modulus - middle) / unit;
}

typedef struct attending {
    heed_model *model;
    heed_self_attention layer;
} attending;

static attending attending_new(void) {
    attending a = {.model = heed_model_new()};
    double theta[N];
    heed_self_attention_init(&a.layer, heed_model_root(a.model), "attn", D_MODEL, D_K);
    cr_assert_eq(heed_model_build(a.model, HEED_F64, 1), HEED_OK);
    steps(theta, N, 7, 11, 5, 10);
    const heed_param w[3] = {a.layer.w_q, a.layer.w_k, a.layer.w_v};
    for (int i = 0; i < 3; i++)
        cr_assert_eq(heed_param_set(w[i], theta + i * D_K * D_MODEL, D_K * D_MODEL), HEED_OK);
    return a;
}

static heed_tensor attention_loss(void *user, heed_tape *t) {
    const attending *a = user;
    double x[T * D_MODEL], y[T * D_K];
    steps(x, T * D_MODEL, 5, 13, 6, 4);
    steps(y, T * D_K, 3, 7, 3, 2);
    heed_tensor z = heed_self_attention_forward(&a->layer, t, heed_input(t, HEED_F64, HEED_SHAPE(T, D_MODEL), x), HEED_NIL);
    return heed_mse(t, z, heed_input(t, HEED_F64, HEED_SHAPE(T, D_K), y));
}

Test(curvature, of_attention_it_is_pytorchs) {
    attending a = attending_new();
    double v[N], hv[N];
    steps(v, N, 5, 7, 3, 4);
    heed_curvature *c = heed_curvature_new(a.model, attention_loss, &a, f64);
    cr_assert_eq(heed_hvp(c, v, hv, NULL), HEED_OK, "%s", heed_curvature_error_text(c));
    assert_near(hv, attention_hv, N, 1e-10);
    heed_eigenvalue largest;
    cr_assert_eq(heed_hessian_largest(c, N, &largest, NULL), HEED_OK, "%s", heed_curvature_error_text(c));
    cr_assert_float_eq(largest.value, attention_largest, 1e-3 * attention_largest);
    heed_curvature_free(c);
    heed_model_free(a.model);
}

Test(curvature, the_model_keeps_its_bits_and_frozen_parameters_have_no_part) {
    attending a = attending_new();
    double before[64], v[N], hv[N], values[D_K * D_MODEL];
    const size_t bytes = (size_t)heed_model_size(a.model) * sizeof(double);
    cr_assert(bytes <= sizeof before);
    memcpy(before, heed_model_data(a.model), bytes);
    cr_assert_eq(heed_model_set_trainable(a.model, "attn.w_q", false), 1);
    /* Hv of the other two with v's first part 0 is the whole's, less its first part. */
    steps(v, N, 5, 7, 3, 4);
    heed_curvature *some = heed_curvature_new(a.model, attention_loss, &a, f64);
    cr_assert_eq(heed_hvp(some, v + D_K * D_MODEL, hv, NULL), HEED_OK, "%s", heed_curvature_error_text(some));
    cr_assert_eq(heed_model_set_trainable(a.model, "attn.w_q", true), 1);
    memset(v, 0, sizeof values);
    double whole[N];
    heed_curvature *all = heed_curvature_new(a.model, attention_loss, &a, f64);
    cr_assert_eq(heed_hvp(all, v, whole, NULL), HEED_OK, "%s", heed_curvature_error_text(all));
    assert_near(hv, whole + D_K * D_MODEL, N - D_K * D_MODEL, 1e-9);
    cr_assert_arr_eq(before, heed_model_data(a.model), bytes);
    heed_curvature_free(some);
    heed_curvature_free(all);
    heed_model_free(a.model);
}

/* ---- a transformer ---- */

enum { VOCABULARY = 7, CONTEXT = 5, BATCH = 2 };
typedef struct writer {
    heed_model *model;
    heed_gpt gpt;
} writer;

static writer writer_new(heed_dtype dtype) {
    writer w = {.model = heed_model_new()};
    heed_gpt_init(&w.gpt, heed_model_root(w.model), "gpt",
                  (heed_gpt_options){.vocabulary = VOCABULARY, .context = CONTEXT, .d_model = 8, .n_heads = 2,
                                     .n_layers = 2, .init_std = 0.3});
    cr_assert_eq(heed_model_build(w.model, dtype, 3), HEED_OK);
    return w;
}

static heed_tensor writer_loss(void *user, heed_tape *t) {
    static const int32_t text[BATCH * CONTEXT] = {1, 4, 2, 2, 6, 0, 3, 5, 1, 1},
                         next[BATCH * CONTEXT] = {4, 2, 2, 6, 0, 3, 5, 1, 1, 2};
    const heed_shape shape = HEED_SHAPE(BATCH, CONTEXT);
    return heed_gpt_loss(&((const writer *)user)->gpt, t, heed_input(t, HEED_I32, shape, text),
                         heed_input(t, HEED_I32, shape, next));
}

static void draw(double *v, int64_t n, uint64_t key) {
    for (int64_t i = 0; i < n; i++)
        v[i] = heed_rng_u32(key, (uint64_t)i) / 2147483648.0 - 1;
}

static double dot(const double *a, const double *b, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

Test(curvature, a_transformers_hessian_is_symmetric) {
    writer w = writer_new(HEED_F64);
    const int64_t n = heed_model_trainable(w.model);
    double *u = malloc(4 * (size_t)n * sizeof *u), *v = u + n, *hu = v + n, *hv = hu + n;
    heed_curvature *c = heed_curvature_new(w.model, writer_loss, &w, f64);
    for (uint64_t round = 0; round < 5; round++) {
        draw(u, n, 2 * round);
        draw(v, n, 2 * round + 1);
        cr_assert_eq(heed_hvp(c, u, hu, NULL), HEED_OK, "%s", heed_curvature_error_text(c));
        cr_assert_eq(heed_hvp(c, v, hv, NULL), HEED_OK, "%s", heed_curvature_error_text(c));
        const double a = dot(v, hu, n), b = dot(u, hv, n), size = sqrt(dot(u, u, n) * dot(hv, hv, n));
        cr_assert(fabs(a - b) <= 1e-8 * size, "%.17g, %.17g", a, b);
        cr_assert(fabs(a) > 1e-6 * size); /* it could have failed */
    }
    heed_curvature_free(c);
    heed_model_free(w.model);
    free(u);
}

Test(curvature, a_model_in_f32_can_be_looked_at_in_f64_and_in_f32) {
    writer w = writer_new(HEED_F32);
    const int64_t n = heed_model_trainable(w.model);
    double *v = malloc(3 * (size_t)n * sizeof *v), *fine = v + n, *rough = fine + n;
    draw(v, n, 11);
    heed_curvature *c64 = heed_curvature_new(w.model, writer_loss, &w, f64);
    heed_curvature *c32 = heed_curvature_new(w.model, writer_loss, &w, (heed_curvature_options){.dtype = HEED_F32});
    cr_assert_eq(heed_hvp(c64, v, fine, NULL), HEED_OK, "%s", heed_curvature_error_text(c64));
    cr_assert_eq(heed_hvp(c32, v, rough, NULL), HEED_OK, "%s", heed_curvature_error_text(c32));
    for (int64_t i = 0; i < n; i++)
        v[i] = rough[i] - fine[i];
    cr_assert(dot(v, v, n) <= 0.02 * 0.02 * dot(fine, fine, n));
    heed_curvature_free(c64);
    heed_curvature_free(c32);
    heed_model_free(w.model);
    free(v);
}

/* ---- what can't be answered ---- */

static void refuse(subject *s, heed_loss_fn *loss, double v, const char *why) {
    heed_curvature *c = heed_curvature_new(s->model, loss, s, f64);
    double hv;
    cr_assert_neq(heed_hvp(c, &v, &hv, NULL), HEED_OK);
    cr_assert(strstr(heed_curvature_error_text(c), why), "%s", heed_curvature_error_text(c));
    heed_curvature_free(c);
}

static heed_tensor kinked(void *user, heed_tape *t) {
    return heed_sum(t, heed_relu(t, heed_use(t, ((const subject *)user)->x)), HEED_ALL_AXES);
}

static heed_tensor fickle(void *user, heed_tape *t) {
    subject *s = user;
    heed_tensor x = heed_use(t, s->x);
    heed_tensor factor = heed_full(t, HEED_F64, HEED_SCALAR, 1 + 0.3 * (s->calls++ % 5));
    return heed_sum(t, heed_mul(t, heed_mul(t, x, x), factor), HEED_ALL_AXES);
}

static heed_tensor nothing(void *user, heed_tape *t) {
    (void)user;
    (void)t;
    return HEED_NIL;
}

static heed_tensor no_scalar(void *user, heed_tape *t) {
    heed_tensor x = heed_use(t, ((const subject *)user)->x);
    return heed_concat(t, (heed_tensor[]){x, x}, 2, 0);
}

/* x · stop(x) = x²: backward says x where 2 x is the slope. */
static heed_tensor stopped(void *user, heed_tape *t) {
    const heed_tensor x = heed_use(t, ((const subject *)user)->x);
    return heed_sum(t, heed_mul(t, x, heed_detach(t, x)), HEED_ALL_AXES);
}

static void copy(heed_call *call) {
    heed_array_copy(call->out[0], call->in[0], call->threads);
}

static bool no_samples(int index, heed_sample *sample) {
    (void)index;
    (void)sample;
    return false;
}

/* What somebody else has written: y = x, with no gradient, or with no word of one. */
static heed_tensor without_rule(void *user, heed_tape *t, unsigned flags) {
    static heed_op op = {.size = sizeof op, .name = "mine", .min_in = 1, .max_in = 1, .n_out = 1, .shape = heed_shape_same,
                         .forward_any = copy, .samples = no_samples};
    const heed_tensor x = heed_use(t, ((const subject *)user)->x);
    op.flags = flags;
    return heed_sum(t, heed_mul(t, x, heed_apply(t, &op, &x, 1, NULL)), HEED_ALL_AXES);
}

static heed_tensor says_no_gradient(void *user, heed_tape *t) { return without_rule(user, t, HEED_NO_GRADIENT); }
static heed_tensor says_nothing(void *user, heed_tape *t) { return without_rule(user, t, 0); }

Test(curvature, an_op_without_a_rule_is_an_error) {
    subject s = subject_of(1, (double[]){1.5});
    for (int i = 0; i < 2; i++) {
        const heed_curvature_options options = {.dtype = i ? HEED_F32 : HEED_F64};
        heed_loss_fn *const losses[] = {stopped, says_no_gradient};
        for (int l = 0; l < 2; l++) {
            heed_curvature *c = heed_curvature_new(s.model, losses[l], &s, options);
            double hv;
            cr_expect_eq(heed_hvp(c, (double[]){1}, &hv, NULL), HEED_INVALID);
            cr_expect(strstr(heed_curvature_error_text(c), "an op that backward stops at (HEED_NO_GRADIENT"), "%s",
                      heed_curvature_error_text(c));
            heed_curvature_free(c);
        }
    }
    refuse(&s, says_nothing, 1, "mine: the descriptor has no backward: write one, or say HEED_NO_GRADIENT");
    heed_model_free(s.model);
}

/* x² sign x = ± x², and x² where x > 0: constants but for jumps, which are far. */
static heed_tensor signed_square(void *user, heed_tape *t) {
    const heed_tensor x = heed_use(t, ((const subject *)user)->x), zero = heed_zeros(t, HEED_F64, HEED_SCALAR);
    const heed_tensor y = heed_mul(t, heed_square(t, x), heed_sign(t, x));
    return heed_sum(t, heed_where(t, heed_gt(t, x, zero), heed_square(t, x), y), HEED_ALL_AXES);
}

Test(curvature, jumps_that_are_far_do_no_harm) {
    subject s = subject_of(2, (double[]){1.5, -2});
    heed_curvature *c = heed_curvature_new(s.model, signed_square, &s, f64);
    double hv[2];
    cr_assert_eq(heed_hvp(c, (double[]){1, 3}, hv, NULL), HEED_OK, "%s", heed_curvature_error_text(c));
    assert_near(hv, (double[]){2, -6}, 2, 1e-9);
    heed_curvature_free(c);
    heed_model_free(s.model);
}

Test(curvature, it_says_what_it_can_not_answer) {
    subject s = subject_of(1, (double[]){0});
    refuse(&s, kinked, 1, "kink");
    refuse(&s, fickle, 1, "not the same at every call");
    refuse(&s, nothing, 1, "returned HEED_NIL");
    refuse(&s, no_scalar, 1, "must have one element");
    refuse(&s, kinked, NAN, "NaN");
    heed_curvature *c = heed_curvature_new(s.model, NULL, NULL, f64);
    double hv;
    cr_assert_eq(heed_hvp(c, (double[]){1}, &hv, NULL), HEED_INVALID);
    cr_assert(strstr(heed_curvature_error_text(c), "loss is NULL"));
    heed_curvature_free(c);
    heed_model_free(s.model);
}

Test(curvature, away_from_the_kink_and_along_nothing_it_answers) {
    subject s = subject_of(1, (double[]){0.3});
    heed_curvature *c = heed_curvature_new(s.model, kinked, &s, f64);
    double hv = 7;
    cr_assert_eq(heed_hvp(c, (double[]){1}, &hv, NULL), HEED_OK, "%s", heed_curvature_error_text(c));
    cr_assert_eq(hv, 0);
    hv = 7;
    cr_assert_eq(heed_hvp(c, (double[]){0}, &hv, NULL), HEED_OK);
    cr_assert_eq(hv, 0);
    heed_curvature_free(c);
    heed_model_free(s.model);
}
