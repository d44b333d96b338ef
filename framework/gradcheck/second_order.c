/* The law of second order: how the gradient changes, against how values bend.
 *
 * L = sum u_i y_i, H its Hessian, v and w random directions. What backward says of vᵀ H w, by differences of its gradient
 * along w and, the other way round, along v:
 *     A(h) = v · (g(x + h w) - g(x - h w)) / 2h        B(h) = w · (g(x + h v) - g(x - h v)) / 2h
 * and what forward says of it, with no gradient at all:
 *     N(h) = (L(x + h (v + w)) - L(x + h (v - w)) - L(x - h (v - w)) + L(x - h (v + w))) / 4h²
 * All three err by a h² + b h⁴ + ..., so that stencil.c makes derivatives of high order of them. A = B, since a gradient's
 * derivative is symmetric; and A = N.
 *
 * The law of the gradient holds backward to one point, to seven digits. This one holds it to the points around: there it must
 * be the gradient still, and a smooth one. So it sees what is narrowed to float on the way in backward, of which the first
 * law sees nothing where that is an input (drawn so that f32 can represent it) and too little elsewhere (four parts in 10⁸);
 * and what a call remembers from the one before. */
#include <math.h>

#include "checker_internal.h"

static const double FIRST_STEP = 0.02; /* of the inputs' scale, for all of them together */
static const double SHORT_STEP = 0.004;
static const double AGREEMENT = 0.25;  /* as in gradient.c */
/* Of |vᵀ H w|; of the gradient, sum |g_i v_i|, and of values, sum |u_i y_i|, from which it may be left over by rounding. */
static const double SYMMETRY = 1e-8, SYMMETRY_SLOPE = 1e-10, SYMMETRY_SIZE = 1e-12;
static const double BENDING = 1e-7, BENDING_SIZE = 1e-9;

enum { CORNERS = 4 };
typedef struct bend {
    checker *k;
    const subject *s;
    const double *origin;
    double *v, *w;       /* unit vectors, times the inputs' scales */
    double *sum, *apart; /* v + w, v - w */
    outcome at[CORNERS];
} bend;

static bool run_at(bend *b, double h, const double *along, bool record, outcome *out) {
    heed_checker_move(b->s, b->origin, h, along);
    return heed_checker_run(b->k, b->s, plain_wiring(record), out);
}

/* B(h); A(h) is B(h) with v and w exchanged. */
static double slope_of_gradient(void *context, double h) {
    bend *b = context;
    if (!run_at(b, h, b->v, true, &b->at[0]) || !run_at(b, -h, b->v, true, &b->at[1]))
        return NAN;
    double sum = 0;
    for (int64_t i = 0; i < b->s->n_wanted; i++)
        sum += b->w[i] * (b->at[0].g[i] - b->at[1].g[i]);
    return sum / (2 * h);
}

/* N(h), output by output before they are weighed. */
static double bend_of_values(void *context, double h) {
    bend *b = context;
    if (!run_at(b, h, b->sum, false, &b->at[0]) || !run_at(b, h, b->apart, false, &b->at[1]) ||
        !run_at(b, -h, b->apart, false, &b->at[2]) || !run_at(b, -h, b->sum, false, &b->at[3]))
        return NAN;
    double sum = 0;
    for (int64_t i = 0; i < b->k->n_y; i++)
        if (b->k->u[i] != 0)
            sum += b->k->u[i] * (b->at[0].y[i] - b->at[1].y[i] - b->at[2].y[i] + b->at[3].y[i]);
    return sum / (4 * h * h);
}

static bool is_known(derivative d, bound tol) {
    return d.disagreement <= AGREEMENT * allowed(tol, d.value);
}

/* Two stencils may agree on a bend that reaches over a kink by little: steps that are shorter from the start tell. */
static bool bends_again(bend *b, double first, bound tol) {
    const derivative again = heed_checker_derivative(bend_of_values, b, (ladder){SHORT_STEP, RUNGS}, tol);
    return is_known(again, tol) && fabs(again.value - first) <= AGREEMENT * allowed(tol, first);
}

static void judge(checker *k, double got, double want, double tolerance, const char *what) {
    if (!(fabs(got - want) <= tolerance))
        heed_checker_fail(k, (comparison){.input = -1, .coordinate = -1, .got = got, .want = want, .tolerance = tolerance},
                          "second order: %s", what);
}

/* False at a kink: where values have no second derivative, backward owes none. */
static bool compare(bend *b, bound of_gradients, bound of_values) {
    checker *k = b->k;
    const derivative bent = heed_checker_derivative(bend_of_values, b, (ladder){FIRST_STEP, RUNGS}, of_values);
    if (!is_known(bent, of_values))
        return false;
    const derivative one = heed_checker_derivative(slope_of_gradient, b, (ladder){FIRST_STEP, RUNGS}, of_gradients);
    double *const v = b->v;
    b->v = b->w;
    b->w = v;
    const derivative other = heed_checker_derivative(slope_of_gradient, b, (ladder){FIRST_STEP, RUNGS}, of_gradients);
    if (!is_known(one, of_gradients) || !is_known(other, of_gradients)) {
        heed_checker_error(k, "second order: values are smooth here, but the gradient jumps, or is noise: is something "
                              "narrowed to float on the way?");
        return true;
    }
    if (!(fabs(one.value - bent.value) <= allowed(of_values, bent.value)) && !bends_again(b, bent.value, of_values))
        return false;
    judge(k, one.value, other.value, allowed(of_gradients, other.value), "not symmetric: w·Hv by differences of the gradient");
    judge(k, one.value, bent.value, allowed(of_values, bent.value), "w·Hv by differences of the gradient, and of values");
    return true;
}

/* Rounding to f32 is no small step. */
static bool moves_freely(const subject *s) {
    for (int i = 0; i < s->n_values; i++)
        if (s->values[i].wanted && s->values[i].dtype != HEED_F64)
            return false;
    return true;
}

static void make_directions(bend *b) {
    const int64_t n = b->s->n_wanted;
    heed_checker_draw_direction(b->s, heed_rng_mix(b->s->key, 4), b->v);
    heed_checker_draw_direction(b->s, heed_rng_mix(b->s->key, 5), b->w);
    for (int64_t i = 0; i < n; i++) {
        b->v[i] /= sqrt((double)n);
        b->w[i] /= sqrt((double)n);
        b->sum[i] = b->v[i] + b->w[i];
        b->apart[i] = b->v[i] - b->w[i];
    }
}

bool heed_checker_second_order(checker *k, const subject *s, const outcome *plain, double size) {
    const int64_t n = s->n_wanted;
    double *const memory = heed_checker_take(k, 5 * n, sizeof *memory);
    if (memory == NULL || !moves_freely(s))
        return true;
    bend b = {.k = k, .s = s, .origin = memory, .v = memory + n, .w = memory + 2 * n, .sum = memory + 3 * n, .apart = memory + 4 * n};
    heed_checker_read_point(s, memory);
    make_directions(&b);
    double slope = 0;
    for (int64_t i = 0; i < n; i++)
        slope += fabs(plain->g[i] * b.v[i]);
    const bool smooth = compare(&b, (bound){.absolute = SYMMETRY_SLOPE * slope + SYMMETRY_SIZE * size, .relative = SYMMETRY},
                                (bound){.absolute = BENDING_SIZE * size, .relative = BENDING});
    heed_checker_move(s, memory, 0, b.v);
    return smooth;
}
