/* What the tape costs: long chains of ops on so few numbers that the numbers cost nothing. */
#include "workload.h"

#include <math.h>
#include <stdio.h>

#include "measure.h"

enum { CHAIN = 10000 };
static const double SECONDS_A_CASE = 0.2;

typedef struct chain_case {
    const char *name;
    heed_tensor (*apply)(heed_tape *t, heed_tensor y, heed_tensor x);
} chain_case;

typedef struct chain {
    trainer train;
    const chain_case *op;
    heed_param x; /* (1, 1) */
    bool recording;
} chain;

static heed_tensor neg(heed_tape *t, heed_tensor y, heed_tensor x) {
    (void)x;
    return heed_neg(t, y);
}

static heed_tensor transpose(heed_tape *t, heed_tensor y, heed_tensor x) {
    (void)x;
    return heed_transpose(t, y, 0, 1);
}

static heed_tensor linear(heed_tape *t, heed_tensor y, heed_tensor x) {
    return heed_linear(t, y, x, HEED_NIL);
}

static const chain_case cases[] = {
    {"neg, one input", neg},
    {"mul, two inputs", heed_mul},
    {"transpose, a view", transpose},
    {"linear 1x1", linear},
};
enum { CASES = sizeof cases / sizeof *cases };

static heed_tensor lay(const chain *c) {
    heed_tape *t = c->train.t;
    heed_tensor x = heed_use(t, c->x), y = x;
    for (int i = 0; i < CHAIN; i++)
        y = c->op->apply(t, y, x);
    return y;
}

static double record(void *context) {
    chain *c = context;
    heed_tape_reset(c->train.t);
    heed_tape_set_recording(c->train.t, c->recording);
    double start = now();
    heed_tensor y = lay(c);
    double seconds = now() - start;
    return heed_is_nil(y) ? NAN : seconds / CHAIN;
}

static double walk(void *context) {
    chain *c = context;
    heed_tape_reset(c->train.t);
    heed_grads_clear(c->train.grads);
    heed_tensor y = lay(c);
    double start = now();
    heed_status status = heed_backward(c->train.t, y, c->train.grads);
    double seconds = now() - start;
    return status ? NAN : seconds / CHAIN;
}

static bool time_chain(chain *c, const char *what, timed_call *call) {
    bench_result result = bench_result_new(TABLE_TAPE, "", heed_tape_threads(c->train.t));
    snprintf(result.name, sizeof result.name, "%s: %s", c->op->name, what);
    times taken = measure(call, c, SECONDS_A_CASE);
    if (isnan(taken.median))
        return trainer_fail(&c->train);
    result.median = taken.median;
    result.min = taken.min;
    bench_put(&result);
    return true;
}

static bool run_chain(const chain_case *op, int threads) {
    chain c = {.train = {.name = op->name, .model = heed_model_new()}, .op = op};
    c.x = heed_param_new(heed_model_root(c.train.model), "x", HEED_SHAPE(1, 1), heed_init_constant(1));
    bool ran = trainer_build(&c.train, threads) && time_chain(&c, "computed, not recorded", record);
    c.recording = true;
    ran = ran && time_chain(&c, "recorded", record) && time_chain(&c, "walked back", walk);
    trainer_free(&c.train);
    return ran;
}

bool bench_tape(const bench *self, const bench_plan *plan) {
    (void)self;
    bool ran = true;
    for (int i = 0; i < CASES && ran; i++)
        ran = run_chain(&cases[i], plan->threads);
    return ran;
}
