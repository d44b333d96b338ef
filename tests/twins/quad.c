/* The arithmetic and the record. A node of the record has one edge to each operand that is on record. */
#include "quad.h"

#include <stdio.h>
#include <stdlib.h>

real REAL_FN(exp)(real), REAL_FN(expm1)(real), REAL_FN(log)(real), REAL_FN(log1p)(real), REAL_FN(sqrt)(real),
    REAL_FN(sin)(real), REAL_FN(cos)(real), REAL_FN(tanh)(real), REAL_FN(erfc)(real), REAL_FN(atan)(real);

typedef struct edge {
    quad slope; /* its id: the operand */
} edge;

static struct {
    bool on;
    edge *edges;
    int64_t n_edges, edges_room;
    int64_t *first; /* of each node's edges; one more than there are nodes */
    quad *slope;    /* of what was given, by each node */
    int n, room;
} record;

/* ---- the record ---- */

static void *resized(void *from, size_t count, size_t size) {
    void *to = realloc(from, count * size);
    if (to == NULL) {
        fprintf(stderr, "twins: out of memory\n");
        exit(2);
    }
    return to;
}

static int new_node(void) {
    if (record.n + 2 > record.room) {
        record.room = 2 * record.room + 1024;
        record.first = resized(record.first, (size_t)record.room, sizeof *record.first);
        record.slope = resized(record.slope, (size_t)record.room, sizeof *record.slope);
    }
    record.slope[record.n] = q_of(0);
    record.first[record.n + 1] = record.n_edges;
    return record.n++;
}

static void new_edge(int from, quad slope) {
    if (record.n_edges == record.edges_room) {
        record.edges_room = 2 * record.edges_room + 4096;
        record.edges = resized(record.edges, (size_t)record.edges_room, sizeof *record.edges);
    }
    slope.id = from;
    record.edges[record.n_edges++] = (edge){slope};
}

void quad_begin(void) {
    record.n = 0;
    record.n_edges = 0;
    record.on = true;
    new_node(); /* so that there is room */
    record.n = 0;
    record.first[0] = 0;
}

void quad_end(void) {
    record.on = false;
}

quad quad_variable(real v) {
    quad x = q_of(v);
    x.id = record.on ? new_node() : -1;
    return x;
}

void quad_seed(quad y, double weight) {
    if (y.id >= 0)
        record.slope[y.id] = q_add(record.slope[y.id], q_of(weight));
}

void quad_walk_back(void) {
    quad_end();
    for (int i = record.n - 1; i >= 0; i--) {
        const quad at = record.slope[i];
        for (int64_t e = record.first[i]; e < record.first[i + 1] && at.size > 0; e++) {
            quad slope = record.edges[e].slope;
            quad *to = &record.slope[slope.id];
            slope.id = -1;
            *to = q_add(*to, q_mul(slope, at));
        }
    }
}

quad quad_slope(quad variable) {
    return record.slope[variable.id];
}

void quad_free(void) {
    free(record.edges);
    free(record.first);
    free(record.slope);
}

/* ---- results ---- */

static double larger(double a, double b) {
    return a > b ? a : b;
}

static int more(int a, int b) {
    return a > b ? a : b;
}

static double magnitude(real v) {
    return fabs((double)v);
}

static bool is_zero(quad x) {
    return x.id < 0 && x.size == 0;
}

static bool is_one(quad x) {
    return x.id < 0 && x.steps == 0 && x.v == 1;
}

static bool recorded(quad x) {
    return record.on && x.id >= 0;
}

quad q_of(real v) {
    return (quad){.v = v, .size = magnitude(v), .id = -1};
}

/* A result of one operand, whose derivative is the slope. slope_size 0: as the operand's errors make it. */
static quad bent(quad x, real v, real slope, double slope_size) {
    const double worse = x.v != 0 ? x.size / magnitude(x.v) : 1;
    quad y = {.v = v, .size = larger(magnitude(v), magnitude(slope) * x.size), .steps = x.steps + 1, .id = -1};
    if (recorded(x)) {
        new_edge(x.id, (quad){slope, slope_size > 0 ? slope_size : magnitude(slope) * worse, y.steps, -1});
        y.id = new_node();
    }
    return y;
}

/* ---- sums and products ---- */

static quad sum(quad a, quad b, real sign) {
    quad y = {.v = a.v + sign * b.v, .size = a.size + b.size, .steps = more(a.steps, b.steps) + 1, .id = -1};
    if (recorded(a))
        new_edge(a.id, q_of(1));
    if (recorded(b))
        new_edge(b.id, q_of(sign));
    if (recorded(a) || recorded(b))
        y.id = new_node();
    return y;
}

quad q_add(quad a, quad b) {
    return is_zero(a) ? b : is_zero(b) ? a : sum(a, b, 1);
}

quad q_sub(quad a, quad b) {
    return is_zero(b) ? a : sum(a, b, -1);
}

/* Of a product: the larger of the two relative errors. */
static double size_of_product(quad a, quad b) {
    return larger(magnitude(a.v) * b.size, magnitude(b.v) * a.size);
}

/* c: nothing, or what is added. */
static quad product(quad a, quad b, quad c) {
    quad y = {.v = a.v * b.v, .size = size_of_product(a, b), .steps = more(a.steps, b.steps) + 1, .id = -1};
    if (!is_zero(c))
        y = (quad){y.v + c.v, y.size + c.size, more(y.steps, c.steps + 1), -1};
    if (recorded(a))
        new_edge(a.id, b);
    if (recorded(b))
        new_edge(b.id, a);
    if (recorded(c))
        new_edge(c.id, q_of(1));
    if (recorded(a) || recorded(b) || recorded(c))
        y.id = new_node();
    return y;
}

quad q_mul_add(quad a, quad b, quad c) {
    return product(a, b, c);
}

quad q_mul(quad a, quad b) {
    return is_one(a) ? b : is_one(b) ? a : product(a, b, q_of(0));
}

quad q_div(quad a, quad b) {
    return q_mul(a, bent(b, 1 / b.v, -1 / (b.v * b.v), 0));
}

quad q_neg(quad a) {
    return q_scale(a, -1);
}

quad q_scale(quad a, real factor) {
    return q_mul(a, q_of(factor));
}

/* ---- functions ---- */

real real_pi(void) {
    static real pi;
    if (pi == 0)
        pi = 4 * REAL_FN(atan)(1);
    return pi;
}

quad q_abs(quad x) {
    return x.v < 0 ? q_neg(x) : x;
}

quad q_exp(quad x) {
    const real y = REAL_FN(exp)(x.v);
    return bent(x, y, y, magnitude(y) * larger(1, x.size));
}

quad q_expm1(quad x) {
    const real slope = REAL_FN(exp)(x.v);
    return bent(x, REAL_FN(expm1)(x.v), slope, magnitude(slope) * larger(1, x.size));
}

quad q_log(quad x) {
    return bent(x, REAL_FN(log)(x.v), 1 / x.v, 0);
}

quad q_log1p(quad x) {
    const real slope = 1 / (1 + x.v);
    return bent(x, REAL_FN(log1p)(x.v), slope, magnitude(slope) * magnitude(slope) * (1 + x.size));
}

quad q_sqrt(quad x) {
    const real y = REAL_FN(sqrt)(x.v);
    return bent(x, y, 1 / (2 * y), 0);
}

quad q_sin(quad x) {
    const real s = REAL_FN(sin)(x.v), c = REAL_FN(cos)(x.v);
    return bent(x, s, c, larger(magnitude(c), magnitude(s) * x.size));
}

quad q_cos(quad x) {
    const real s = REAL_FN(sin)(x.v), c = REAL_FN(cos)(x.v);
    return bent(x, c, -s, larger(magnitude(s), magnitude(c) * x.size));
}

/* 1 - tanh² and s - s² are made of two terms; besides, x's errors come to them by the second derivative. */
quad q_tanh(quad x) {
    const real y = REAL_FN(tanh)(x.v), slope = 1 - y * y;
    return bent(x, y, slope, larger(magnitude(1 + y * y), magnitude(2 * y * slope) * x.size));
}

quad q_sigmoid(quad x) {
    const real y = 1 / (1 + REAL_FN(exp)(-x.v)), slope = y - y * y;
    return bent(x, y, slope, larger(magnitude(y + y * y), magnitude(slope * (1 - 2 * y)) * x.size));
}

quad q_erfc(quad x) {
    const real slope = -2 / REAL_FN(sqrt)(real_pi()) * REAL_FN(exp)(-x.v * x.v);
    return bent(x, REAL_FN(erfc)(x.v), slope, magnitude(slope) * larger(1, 2 * magnitude(x.v) * x.size));
}

/* e^(b log a); a is above 0. */
quad q_pow(quad a, quad b) {
    return q_exp(q_mul(b, q_log(a)));
}
