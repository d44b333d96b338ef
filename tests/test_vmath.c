/*
 * kernels/vmath.h: the bounds of `make exhaustive` over every 8,191st float, edges and values by hand, body against
 * tail.
 */
#include "vmath_table.h"

#include <criterion/criterion.h>

static const vmath_row *row_named(const char *name) {
    for (int i = 0; i < VMATH_ROWS; i++)
        if (strcmp(vmath_rows[i].name, name) == 0)
            return &vmath_rows[i];
    return NULL;
}

/* One element through the loop, the way a vector's tail computes it. */
static float at(const vmath_row *row, float x) {
    float y;
    row->loop(&y, &x, 1);
    return y;
}

/* Equal as bits, so that zeros have signs; any NaN is as good as another. */
static bool same(float a, float b) {
    return bits_of_float(a) == bits_of_float(b) || (isnan(a) && isnan(b));
}

/* ---- bounds ------------------------------------------------------------------------------------------------------ */

/* [promises: ulp of exp, log; ulp of tanh, erf, sigmoid; ulp of gelu, silu] */
Test(vmath, bounds_hold_on_strided_bit_patterns) {
    const uint64_t stride = 8191, inputs = ((UINT64_C(1) << 32) + stride - 1) / stride;
    for (int i = 0; i < VMATH_ROWS; i++) {
        const vmath_row *row = &vmath_rows[i];
        vmath_worst worst = vmath_measure(row, 0, stride, inputs);
        cr_expect(worst.ulp <= row->bound, "%s: %g ulp at %a, promised %g", row->name, worst.ulp,
                  (double)float_of_bits(worst.bits), row->bound);
    }
}

/* Every float near the zero of a derivative, where a plain formula cancels to nothing. [promises: ulp of gelu, silu] */
Test(vmath, derivatives_keep_their_digits_beside_their_zeros) {
    static const struct {
        const char *name;
        float zero;
    } cases[] = {{"silu_dx", -1.2784645f}, {"gelu_erf_dx", -0.7517915f}, {"gelu_tanh_dx", -0.7524614f}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const vmath_row *row = row_named(cases[c].name);
        vmath_worst worst = vmath_measure(row, bits_of_float(cases[c].zero) - 2000, 1, 4000);
        cr_expect(worst.ulp <= row->bound, "%s: %g ulp at %a", row->name, worst.ulp, (double)float_of_bits(worst.bits));
        cr_expect_gt(at(row, cases[c].zero + 1e-6f), 0.0f);
        cr_expect_lt(at(row, cases[c].zero - 1e-6f), 0.0f);
    }
}

/* Every float in 4 .. 16, on both sides of where 1 is reached: past it, 1 - tanh(x)^2 would be a negative slope. */
Test(vmath, tanh_is_never_beyond_one) {
    enum { N = 1 << 12 };
    float x[N], y[N];
    int beyond = 0;
    for (uint32_t first = bits_of_float(4.0f); first < bits_of_float(16.0f); first += N) {
        for (int i = 0; i < N; i++)
            x[i] = float_of_bits(first + (uint32_t)i);
        row_named("tanh")->loop(y, x, N);
        for (int i = 0; i < N; i++)
            beyond += y[i] > 1.0f;
    }
    cr_expect_eq(beyond, 0);
}

/* ---- values from 40-digit arithmetic, so that the formulas of f64 and of the table are tested too ---------------- */

typedef struct known_values {
    const char *name;
    double (*f64)(double x);
    double y[4]; /* at -3, -0.75, 1, 2.5 */
} known_values;

static const known_values known[] = {
    {"exp", heed_exp_f64, {0.049787068367863943, 0.47236655274101471, 2.7182818284590452, 12.182493960703473}},
    {"expm1", heed_expm1_f64, {-0.95021293163213606, -0.52763344725898529, 1.7182818284590452, 11.182493960703473}},
    {"tanh", heed_tanh_f64, {-0.99505475368673045, -0.63514895238728732, 0.76159415595576489, 0.98661429815143029}},
    {"erf", heed_erf_f64, {-0.99997790950300141, -0.71115563365351513, 0.84270079294971487, 0.99959304798255504}},
    {"sigmoid",
     heed_sigmoid_f64,
     {0.047425873177566781, 0.32082130082460703, 0.73105857863000488, 0.92414181997875645}},
    {"softplus",
     heed_softplus_f64,
     {0.048587351573742059, 0.38687100611489994, 1.3132616875182228, 2.5788897342925496}},
    {"logsigmoid",
     heed_logsigmoid_f64,
     {-3.0485873515737421, -1.1368710061148999, -0.31326168751822283, -0.078889734292549623}},
    {"silu", heed_silu_f64, {-0.14227761953270034, -0.24061597561845527, 0.73105857863000488, 2.3103545499468911}},
    {"silu_dx",
     heed_silu_dx_f64,
     {-0.088104106015169617, 0.15740005550324650, 0.92767051187148673, 1.0994011113415268}},
    {"gelu_erf",
     heed_gelu_erf_f64,
     {-0.0040496940948902836, -0.16997051428265115, 0.84134474606854295, 2.4844758366855597}},
    {"gelu_erf_dx",
     heed_gelu_erf_dx_f64,
     {-0.011945647204183927, 0.00077427826076489563, 1.0833154705876863, 1.0376110859081452}},
    {"gelu_tanh",
     heed_gelu_tanh_f64,
     {-0.0036373920817730188, -0.17003944483437970, 0.84119199060827670, 2.4849157339100014}},
    {"gelu_tanh_dx",
     heed_gelu_tanh_dx_f64,
     {-0.011584166630969726, 0.0010617438625857023, 1.0829640838457826, 1.0379515762126662}},
};

Test(vmath, known_values_are_met_in_both_types) {
    static const double x[4] = {-3.0, -0.75, 1.0, 2.5};
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
        const vmath_row *row = row_named(known[k].name);
        for (int i = 0; i < 4; i++) {
            double y = known[k].y[i];
            cr_expect(fabs(known[k].f64(x[i]) - y) <= 1e-15, "%s_f64(%g)", row->name, x[i]);
            cr_expect(fabs(row->exact(x[i]) - y) <= 1e-15, "the table's %s(%g)", row->name, x[i]);
            cr_expect(ulp_error(at(row, (float)x[i]), y) <= row->bound, "%s_f32(%g)", row->name, x[i]);
        }
    }
}

/* ---- edges ------------------------------------------------------------------------------------------------------- */

typedef struct edge {
    const char *name;
    float x;
    float y; /* NaN where NaN is expected */
} edge;

static const edge edges[] = {
    {"exp", 0.0f, 1.0f},
    {"exp", 88.7228317f, 0x1.ffff08p127f},
    {"exp", 88.7228394f, INFINITY},
    {"exp", 1e20f, INFINITY},
    {"exp", INFINITY, INFINITY},
    {"exp", -100.0f, 27 * 0x1p-149f},
    {"exp", -103.97f, 0x1p-149f},
    {"exp", -103.98f, 0.0f},
    {"exp", -INFINITY, 0.0f},
    {"expm1", -0.0f, -0.0f},
    {"expm1", 0x1p-149f, 0x1p-149f},
    {"expm1", -1e20f, -1.0f},
    {"expm1", -INFINITY, -1.0f},
    {"expm1", 1e20f, INFINITY},
    {"log", 1.0f, 0.0f},
    {"log", 0.0f, -INFINITY},
    {"log", -0.0f, -INFINITY},
    {"log", -1.0f, NAN},
    {"log", -0x1p-149f, NAN},
    {"log", -INFINITY, NAN},
    {"log", INFINITY, INFINITY},
    {"log", 0x1p-149f, -103.278929903431851f},
    {"log", 0x1.fffffep127f, 88.7228391f},
    {"log1p", -0.0f, -0.0f},
    {"log1p", 0x1p-149f, 0x1p-149f},
    {"log1p", -1.0f, -INFINITY},
    {"log1p", -2.0f, NAN},
    {"log1p", INFINITY, INFINITY},
    {"log1p", 0x1.fffffep127f, 88.7228391f},
    {"tanh", -0.0f, -0.0f},
    {"tanh", -0x1p-149f, -0x1p-149f},
    {"tanh", 0x1.234566p-126f, 0x1.234566p-126f},
    {"tanh", 0x1.fffffep-14f, 0x1.fffffep-14f},
    {"tanh", 9.02f, 1.0f},
    {"tanh", 1e20f, 1.0f},
    {"tanh", -1e20f, -1.0f},
    {"tanh", -INFINITY, -1.0f},
    {"erf", -0.0f, -0.0f},
    {"erf", 1e20f, 1.0f},
    {"erf", -INFINITY, -1.0f},
    {"sigmoid", 0.0f, 0.5f},
    {"sigmoid", 1000.0f, 1.0f},
    {"sigmoid", -1000.0f, 0.0f},
    {"sigmoid", -100.0f, 27 * 0x1p-149f},
    {"sigmoid", -103.97f, 0x1p-149f},
    {"sigmoid", -103.98f, 0.0f},
    {"sigmoid", -INFINITY, 0.0f},
    {"softplus", 1e20f, 1e20f},
    {"softplus", -1e20f, 0.0f},
    {"softplus", -100.0f, 27 * 0x1p-149f},
    {"softplus", INFINITY, INFINITY},
    {"softplus", -INFINITY, 0.0f},
    {"logsigmoid", 1e20f, -0.0f},
    {"logsigmoid", -1e20f, -1e20f},
    {"logsigmoid", -INFINITY, -INFINITY},
    {"silu", 0.0f, 0.0f},
    {"silu", -0.0f, -0.0f},
    {"silu", 1e20f, 1e20f},
    {"silu", -1e20f, -0.0f},
    {"silu", INFINITY, INFINITY},
    {"silu", -INFINITY, -0.0f},
    {"silu_dx", 0.0f, 0.5f},
    {"silu_dx", 1e20f, 1.0f},
    {"silu_dx", -1e20f, -0.0f},
    {"silu_dx", INFINITY, 1.0f},
    {"silu_dx", -INFINITY, -0.0f},
    {"gelu_erf", 0.0f, 0.0f},
    {"gelu_erf", -0.0f, -0.0f},
    {"gelu_erf", 1e20f, 1e20f},
    {"gelu_erf", -1e20f, -0.0f},
    {"gelu_erf", INFINITY, INFINITY},
    {"gelu_erf", -INFINITY, -0.0f},
    {"gelu_erf_dx", 0.0f, 0.5f},
    {"gelu_erf_dx", 1e20f, 1.0f},
    {"gelu_erf_dx", -1e20f, -0.0f},
    {"gelu_erf_dx", INFINITY, 1.0f},
    {"gelu_tanh", 0.0f, 0.0f},
    {"gelu_tanh", -0.0f, -0.0f},
    {"gelu_tanh", 1e20f, 1e20f},
    {"gelu_tanh", -1e20f, -0.0f},
    {"gelu_tanh", INFINITY, INFINITY},
    {"gelu_tanh", -INFINITY, -0.0f},
    {"gelu_tanh_dx", 0.0f, 0.5f},
    {"gelu_tanh_dx", 1e20f, 1.0f},
    {"gelu_tanh_dx", -1e20f, -0.0f},
    {"gelu_tanh_dx", INFINITY, 1.0f},
    {"sqrt", 0.0f, 0.0f},
    {"sqrt", -1.0f, NAN},
    {"rsqrt", 4.0f, 0.5f},
    {"rsqrt", 0.0f, INFINITY},
    {"rsqrt", INFINITY, 0.0f},
    {"sin", INFINITY, NAN},
    {"cos", 0.0f, 1.0f},
    {"fabs", -0.0f, 0.0f},
    {"fabs", -INFINITY, INFINITY},
};

/* [promises: log of 0; log of -1; exp overflows; exp goes subnormal; activations far out; gelu, silu at 1e20] */
Test(vmath, edges_are_exact_to_the_bit) {
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        float y = at(row_named(edges[i].name), edges[i].x);
        cr_expect(same(y, edges[i].y), "%s(%g) = %a, not %a", edges[i].name, (double)edges[i].x, (double)y,
                  (double)edges[i].y);
    }
}

Test(vmath, nan_passes_through_every_function) {
    for (int i = 0; i < VMATH_ROWS; i++) {
        cr_expect(isnan(at(&vmath_rows[i], NAN)), "%s", vmath_rows[i].name);
        cr_expect(isnan(at(&vmath_rows[i], -NAN)), "%s", vmath_rows[i].name);
    }
}

Test(vmath, functions_of_two_arguments) {
    cr_expect_eq(heed_pow_f32(0.0f, 0.0f), 1.0f);
    cr_expect_eq(heed_pow_f32(2.0f, -3.0f), 0.125f);
    cr_expect_eq(heed_pow_f64(0.0, 0.0), 1.0);
    cr_expect_eq(heed_fma_f32(2.0f, 3.0f, 4.0f), 10.0f);
    cr_expect_eq(heed_fma_f64(2.0, 3.0, 4.0), 10.0);
    cr_expect_eq(heed_select_f32(1, 2.0f, 3.0f), 2.0f);
    cr_expect_eq(heed_select_f32(0, 2.0f, 3.0f), 3.0f);
}

/* ---- f64 --------------------------------------------------------------------------------------------------------- */

/* f64 has the same edges as f32, but where it does not overflow or underflow yet. [promises: activations far out;
 * gelu, silu at 1e20] */
Test(vmath, f64_is_right_at_the_ends) {
    static double (*const gates[])(double) = {heed_silu_f64, heed_gelu_erf_f64, heed_gelu_tanh_f64};
    static double (*const slopes[])(double) = {heed_silu_dx_f64, heed_gelu_erf_dx_f64, heed_gelu_tanh_dx_f64};
    static const double far[] = {1e3, 1e20, 1e300, INFINITY};
    for (int i = 0; i < 4; i++) {
        for (int f = 0; f < 3; f++) {
            cr_expect(gates[f](far[i]) == far[i]);
            cr_expect(gates[f](-far[i]) == 0.0 && signbit(gates[f](-far[i])));
            cr_expect(slopes[f](far[i]) == 1.0);
            cr_expect(slopes[f](-far[i]) == 0.0);
        }
        cr_expect(heed_sigmoid_f64(far[i]) == 1.0 && heed_sigmoid_f64(-far[i]) == 0.0);
        cr_expect(heed_softplus_f64(far[i]) == far[i] && heed_softplus_f64(-far[i]) == 0.0);
        cr_expect(heed_logsigmoid_f64(far[i]) == 0.0 && heed_logsigmoid_f64(-far[i]) == -far[i]);
    }
    for (int f = 0; f < 3; f++)
        cr_expect(isnan(gates[f](NAN)) && isnan(slopes[f](NAN)));
    cr_expect(isnan(heed_sigmoid_f64(NAN)) && isnan(heed_softplus_f64(NAN)) && isnan(heed_logsigmoid_f64(NAN)));
    cr_expect_eq(heed_rsqrt_f64(4.0), 0.5);
}

/* ---- the same bits wherever an element stands -------------------------------------------------------------------- */

/* 67 inputs over the whole range of magnitudes, ordinary and not. */
static void fill_inputs(float *x, int n) {
    static const float special[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e20f, -1e20f, 0x1p-149f, -0x1p-140f, 88.7f};
    uint32_t state = 1;
    for (int i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        float ordinary = ((float)(state >> 8) * 0x1p-23f - 1.0f) * (i % 3 == 0 ? 110.0f : 4.0f);
        x[i] = i % 7 == 3 ? special[i / 7] : ordinary;
    }
}

/* [promises: body and tail] */
Test(vmath, a_vectors_body_and_tail_give_the_same_bits) {
    enum { LONGEST = 67 };
    float x[LONGEST], alone[LONGEST], y[LONGEST];
    fill_inputs(x, LONGEST);
    for (int r = 0; r < VMATH_ROWS; r++) {
        for (int i = 0; i < LONGEST; i++)
            alone[i] = at(&vmath_rows[r], x[i]);
        for (int n = 1; n <= LONGEST; n++) {
            vmath_rows[r].loop(y, x, n);
            for (int i = 0; i < n; i++)
                cr_expect(same(y[i], alone[i]), "%s(%a): %a at %d of %d, %a alone", vmath_rows[r].name, (double)x[i],
                          (double)y[i], i, n, (double)alone[i]);
        }
    }
}
