/* The law of the gradient: what one backward pass says, against differences of many forward passes.
 *
 * A probe is a direction in which the point is moved: along one coordinate, or along all at once with random signs. Its analytic
 * slope is the gradient's dot product with it; its numeric slope is that of L = sum u_i y_i. The outputs are subtracted one by
 * one before they are weighed, so that outputs which do not move add no rounding. */
#include <math.h>
#include <string.h>

#include "checker_internal.h"

static const double ABSOLUTE = 1e-10, RELATIVE = 1e-7; /* of sum |u_i y_i|, of |n| */
static const double FIRST_STEP = 0.01;                  /* of an input's scale */
/* Stencils that differ by more than this part of the tolerance can't decide a comparison. */
static const double AGREEMENT = 0.25;
static const double TERM_STEP = 1e-4; /* of an input's scale */
enum { MOST_TERMS = 1 << 20, MOST_ROUGH = 4096 };
enum { EVERY_COORDINATE = 512, DIRECTIONS = 8, COORDINATES = 64 };

typedef struct probe {
    checker *k;
    const subject *s;
    int64_t flat;      /* the coordinate, as an index into g, or -1 for a direction ... */
    place at;          /* the same as value and coordinate */
    const double *along; /* ... which is this: n_wanted numbers */
    outcome below, above; /* values at x - h and x + h */
    double *numeric;   /* of all of g: NaN until it is known */
} probe;

/* u · (above - below) */
static double rise(const probe *p) {
    double sum = 0;
    for (int64_t i = 0; i < p->k->n_y; i++)
        if (p->k->u[i] != 0)
            sum += p->k->u[i] * (p->above.y[i] - p->below.y[i]);
    return sum;
}

static double slope_along_coordinate(void *context, double h) {
    probe *p = context;
    value *v = &p->s->values[p->at.value];
    double x = heed_checker_get(v, p->at.coordinate), step[2];
    outcome *outs[2] = {&p->below, &p->above};
    bool ran = true;
    for (int side = 0; side < 2 && ran; side++) {
        step[side] = heed_checker_set(v, p->at.coordinate, x + (side ? h : -h) * v->scale);
        if (p->s->model)
            heed_model_changed(p->s->model);
        ran = heed_checker_run(p->k, p->s, plain_wiring(false), outs[side]);
    }
    heed_checker_set(v, p->at.coordinate, x);
    return ran ? rise(p) / (step[1] - step[0]) : NAN;
}

typedef struct direction {
    probe *p;
    const double *origin;
} direction;

static double slope_along_direction(void *context, double h) {
    const direction *d = context;
    probe *p = d->p;
    heed_checker_move(p->s, d->origin, -h, p->along);
    bool ran = heed_checker_run(p->k, p->s, plain_wiring(false), &p->below);
    heed_checker_move(p->s, d->origin, h, p->along);
    ran = ran && heed_checker_run(p->k, p->s, plain_wiring(false), &p->above);
    return ran ? rise(p) / (2 * h) : NAN;
}

/* ---- comparing ---- */

static double analytic_slope(const probe *p, const double *g) {
    if (p->flat >= 0)
        return g[p->flat];
    double sum = 0;
    for (int64_t i = 0; i < p->s->n_wanted; i++)
        sum += g[i] * p->along[i];
    return sum;
}

static void note_worst(heed_check *report, double error, double tol) {
    double ratio = error == 0 ? 0 : error / tol;
    if (!(ratio <= report->worst))
        report->worst = isnan(ratio) ? INFINITY : ratio;
}

static void judge(checker *k, const probe *p, double analytic, double numeric, double tol) {
    double error = fabs(analytic - numeric);
    note_worst(k->report, error, tol);
    if (error <= tol)
        return;
    comparison c = {
        .input = p->at.value, .coordinate = p->at.coordinate, .got = analytic, .want = numeric, .tolerance = tol};
    if (p->flat < 0) {
        heed_checker_fail(k, c, "gradient along a random direction");
        return;
    }
    heed_param param = p->s->values[p->at.value].param;
    heed_checker_fail(k, c, "gradient%s%s", param.model ? " of " : "",
                      param.model ? heed_model_param(param.model, param.index).path : "");
}

/* False at a kink. */
static bool compare_coordinate(checker *k, probe *p, const double *g, int64_t flat, bound tol) {
    p->flat = flat;
    p->at = heed_checker_place(p->s, flat);
    derivative n = heed_checker_derivative(slope_along_coordinate, p, (ladder){FIRST_STEP, RUNGS}, tol);
    if (!(n.disagreement <= AGREEMENT * allowed(tol, n.value)))
        return false;
    p->numeric[flat] = n.value;
    judge(k, p, analytic_slope(p, g), n.value, allowed(tol, n.value));
    return true;
}

static bool compare_direction(checker *k, probe *p, const double *g, const double *origin, bound tol) {
    p->flat = -1;
    p->at = (place){.value = -1, .coordinate = -1};
    direction d = {.p = p, .origin = origin};
    /* All n inputs move at once, so that a kink is nearer: about as near as steps smaller by the square root of n. */
    const ladder steps = {FIRST_STEP, RUNGS + (int)(log((double)p->s->n_wanted) / log(3))};
    derivative n = heed_checker_derivative(slope_along_direction, &d, steps, tol);
    heed_checker_move(p->s, origin, 0, p->along);
    if (!(n.disagreement <= AGREEMENT * allowed(tol, n.value)))
        return false;
    judge(k, p, analytic_slope(p, g), n.value, allowed(tol, n.value));
    return true;
}

/* Every value in turn: first its last coordinate, where a loop may end too early, then its first, then any. */
static int64_t pick_coordinate(const subject *s, const int *differentiated, int n, int index) {
    const value *v = &s->values[differentiated[index % n]];
    int round = index / n;
    if (round < 2)
        return v->offset + (round == 0 ? v->count - 1 : 0);
    return v->offset + (int64_t)heed_rng_below(heed_rng_mix(s->key, 3), (uint64_t)index, (uint64_t)v->count);
}

static bool compare_coordinates(checker *k, probe *p, const double *g, bound tol) {
    int *differentiated = heed_checker_take(k, p->s->n_values, sizeof *differentiated), n = 0;
    if (differentiated == NULL)
        return true;
    for (int i = 0; i < p->s->n_values; i++)
        if (p->s->values[i].wanted && p->s->values[i].count > 0)
            differentiated[n++] = i;
    for (int i = 0; i < (n > COORDINATES ? n : COORDINATES); i++)
        if (!compare_coordinate(k, p, g, pick_coordinate(p->s, differentiated, n, i), tol))
            return false;
    return true;
}

static bool compare_some(checker *k, probe *p, const double *g, bound tol) {
    double *origin = heed_checker_take(k, p->s->n_wanted, sizeof *origin);
    double *along = heed_checker_take(k, p->s->n_wanted, sizeof *along);
    if (origin == NULL || along == NULL)
        return true;
    heed_checker_read_point(p->s, origin);
    p->along = along;
    for (int i = 0; i < DIRECTIONS; i++) {
        heed_checker_draw_direction(p->s, heed_rng_mix(p->s->key, 16 + (uint64_t)i), along);
        if (!compare_direction(k, p, g, origin, tol))
            return false;
    }
    return compare_coordinates(k, p, g, tol);
}

static bool compare_all(checker *k, probe *p, const double *g, bound tol) {
    for (int64_t i = 0; i < p->s->n_wanted; i++)
        if (!compare_coordinate(k, p, g, i, tol))
            return false;
    return true;
}

/* ---- showing it, and what is wrong with it ---- */

static bool is_wrong(const value *v, const double *g, const double *n, bound tol) {
    for (int64_t i = 0; i < v->count; i++)
        if (!isnan(n[i]) && !(fabs(g[i] - n[i]) <= allowed(tol, n[i])))
            return true;
    return false;
}

/* The numeric gradient with the entries that were not compared, roughly; NULL where they are too many. */
static const double *whole_gradient(checker *k, probe *p, int input) {
    const value *v = &p->s->values[input];
    double *n = v->count <= MOST_ROUGH ? heed_checker_take(k, v->count, sizeof *n) : NULL;
    for (int64_t i = 0; n && i < v->count; i++) {
        n[i] = p->numeric[v->offset + i];
        p->at = (place){.value = input, .coordinate = i};
        if (isnan(n[i]))
            n[i] = slope_along_coordinate(p, TERM_STEP);
    }
    return n;
}

/* (n_y, count): u_o dy_o/dx_i; NULL where they are too many. */
static double *terms_of(checker *k, probe *p, int input) {
    const value *v = &p->s->values[input];
    if (v->count * k->n_y > MOST_TERMS)
        return NULL;
    double *terms = heed_checker_take(k, v->count * k->n_y, sizeof *terms);
    for (int64_t i = 0; terms && i < v->count; i++) {
        p->at = (place){.value = input, .coordinate = i};
        slope_along_coordinate(p, TERM_STEP);
        for (int64_t o = 0; o < k->n_y; o++)
            terms[o * v->count + i] = k->u[o] * (p->above.y[o] - p->below.y[o]) / (2 * TERM_STEP * v->scale);
    }
    return terms;
}

/* The gradients of the other inputs, as they should be. */
static int others_of(const probe *p, int input, struct other_input *others) {
    int n = 0;
    for (int i = 0; i < p->s->n_values; i++) {
        const value *v = &p->s->values[i];
        if (i != input && v->wanted && n < HEED_SAMPLE_INPUTS)
            others[n++] = (struct other_input){.input = i, .count = v->count, .want = p->numeric + v->offset};
    }
    return n;
}

/* Names the mistake that input's gradient looks like, in all failures that were noted of it. */
static const char *diagnose(checker *k, probe *p, int input, const double *g, char likely[CHECK_LIKELY]) {
    const value *v = &p->s->values[input];
    struct other_input others[HEED_SAMPLE_INPUTS];
    evidence e = {.shape = v->shape, .count = v->count, .got = g + v->offset, .want = whole_gradient(k, p, input),
                  .outs = k->outs, .n_outs = k->n_outs, .others = others};
    e.n_others = others_of(p, input, others);
    e.made = heed_checker_take(k, v->count, sizeof *e.made);
    e.terms = terms_of(k, p, input);
    if (e.made && e.want)
        heed_checker_diagnose(&e);
    for (int i = 0; i < k->report->n_failures; i++) {
        heed_check_failure *f = &k->report->failures[i];
        if (f->sample == k->sample && f->input == input)
            memcpy(f->likely, e.likely, sizeof f->likely);
    }
    return memcpy(likely, e.likely, CHECK_LIKELY);
}

static void show_inputs(checker *k, probe *p, const double *g, bound tol) {
    const heed_check_options *o = k->options;
    for (int i = 0; i < p->s->n_values; i++) {
        const value *v = &p->s->values[i];
        char likely[CHECK_LIKELY] = "";
        if (!v->wanted || v->count == 0)
            continue;
        const bool wrong = is_wrong(v, g + v->offset, p->numeric + v->offset, tol);
        if (wrong)
            diagnose(k, p, i, g, likely);
        if (o && o->entries)
            o->entries(o->user, &(heed_check_entries){
                                    .name = k->report->name, .sample = k->sample, .input = i, .shape = v->shape,
                                    .parameter = v->param.model ? heed_model_param(v->param.model, v->param.index).path : NULL,
                                    .analytic = g + v->offset, .numeric = p->numeric + v->offset,
                                    .absolute = tol.absolute, .relative = tol.relative, .failed = wrong, .likely = likely});
    }
}

bool heed_checker_gradient(checker *k, const subject *s, const outcome *analytic, bool *counts) {
    double size = 0;
    for (int64_t i = 0; i < k->n_y; i++)
        size += fabs(k->u[i] != 0 ? analytic->y[i] : 0);
    bound tol = {.absolute = ABSOLUTE * size, .relative = RELATIVE};
    *counts = false;
    for (int64_t i = 0; analytic->g && i < s->n_wanted; i++)
        *counts = *counts || !(fabs(analytic->g[i]) <= tol.absolute);
    if (analytic->g == NULL)
        return true;
    probe p = {.k = k, .s = s};
    p.below.y = heed_checker_take(k, k->n_y, sizeof *p.below.y);
    p.above.y = heed_checker_take(k, k->n_y, sizeof *p.above.y);
    p.numeric = heed_checker_take(k, s->n_wanted, sizeof *p.numeric);
    if (p.below.y == NULL || p.above.y == NULL || p.numeric == NULL)
        return true;
    for (int64_t i = 0; i < s->n_wanted; i++)
        p.numeric[i] = NAN;
    const int failed = k->report->failed;
    bool smooth = s->n_wanted <= EVERY_COORDINATE ? compare_all(k, &p, analytic->g, tol)
                                                  : compare_some(k, &p, analytic->g, tol);
    /* Of a gradient that is wrong there is nothing more to say. */
    if (smooth && k->under == NULL && k->report->failed == failed)
        smooth = heed_checker_second_order(k, s, analytic, size);
    if (smooth && k->under == NULL)
        show_inputs(k, &p, analytic->g, tol);
    return smooth;
}
