/* Ops and optimizers whose time goes into reading and writing, beside the triad. What is counted is what must be moved: each
 * operand once, in or out. */
#include "workload.h"

#include <math.h>
#include <stdio.h>

#include "measure.h"

static const double SECONDS_A_CASE = 0.25;

/* Two parameters: x (rows, width), and a gain (width) for those who take one. */
typedef struct rows_run {
    trainer train;
    const struct rows_case *op;
    heed_param x, gain;
    int64_t rows, width;
} rows_run;

typedef struct rows_case {
    const char *name;
    heed_tensor (*apply)(const rows_run *r, heed_tape *t);
} rows_case;

static heed_tensor softmax(const rows_run *r, heed_tape *t) {
    return heed_softmax(t, heed_use(t, r->x), -1);
}

static heed_tensor layernorm(const rows_run *r, heed_tape *t) {
    return heed_layernorm(t, heed_use(t, r->x), heed_use(t, r->gain), HEED_NIL, 1e-5);
}

static heed_tensor rmsnorm(const rows_run *r, heed_tape *t) {
    return heed_rmsnorm(t, heed_use(t, r->x), heed_use(t, r->gain), 1e-5);
}

static heed_tensor gelu(const rows_run *r, heed_tape *t) {
    return heed_gelu(t, heed_use(t, r->x));
}

static const rows_case rows_cases[] = {{"softmax", softmax}, {"layernorm", layernorm}, {"rmsnorm", rmsnorm}, {"gelu", gelu}};
enum { ROWS_CASES = sizeof rows_cases / sizeof *rows_cases };

/* Rows as gpt-tiny has them, small enough for a cache, and 32 MiB of longer ones. */
static const int64_t sizes[][2] = {{768, 512}, {8192, 1024}};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* ---- rows ---- */

static double forward(void *context) {
    rows_run *r = context;
    heed_tape_reset(r->train.t);
    double start = now();
    heed_tensor y = r->op->apply(r, r->train.t);
    double seconds = now() - start;
    return heed_is_nil(y) ? NAN : seconds;
}

static double backward(void *context) {
    rows_run *r = context;
    heed_tape *t = r->train.t;
    heed_tape_reset(t);
    heed_grads_clear(r->train.grads);
    heed_tensor y = r->op->apply(r, t);
    heed_tensor seed = heed_input_borrowed(t, HEED_F32, heed_shape_of(t, y), heed_model_data(r->train.model));
    double start = now();
    heed_status status = heed_backward_with(t, y, r->train.grads, (heed_backward_options){.seed = seed});
    double seconds = now() - start;
    return status ? NAN : seconds;
}

/* passes: how many arrays of the size of x are moved. */
static bool time_rows(rows_run *r, const char *direction, timed_call *call, int passes, double limit) {
    bench_result result = bench_result_new(TABLE_MEMORY, "", heed_tape_threads(r->train.t));
    snprintf(result.name, sizeof result.name, "%s%s %lldx%lld", r->op->name, direction, (long long)r->rows,
             (long long)r->width);
    times taken = measure(call, r, SECONDS_A_CASE);
    if (isnan(taken.median))
        return trainer_fail(&r->train);
    result.median = taken.median;
    result.min = taken.min;
    result.work = passes * (double)(r->rows * r->width) * sizeof(float);
    result.limit = limit;
    bench_put(&result);
    return true;
}

static bool run_rows(const rows_case *op, const int64_t *size, int threads, double limit) {
    rows_run r = {.train = {.name = op->name, .model = heed_model_new()}, .op = op, .rows = size[0], .width = size[1]};
    const heed_module *root = heed_model_root(r.train.model);
    r.x = heed_param_new(root, "x", HEED_SHAPE(r.rows, r.width), heed_init_uniform(-2, 2));
    r.gain = heed_param_new(root, "gain", HEED_SHAPE(r.width), heed_init_constant(1));
    bool ran = trainer_build(&r.train, threads) && time_rows(&r, "", forward, 2, limit) &&
               time_rows(&r, " backward", backward, 3, limit);
    trainer_free(&r.train);
    return ran;
}

/* ---- optimizers ---- */

/* A step needs a gradient: sum(x) gives x one of ones, outside of the time that is measured. */
static double update(void *context) {
    rows_run *r = context;
    heed_tape *t = r->train.t;
    heed_tape_reset(t);
    if (heed_backward(t, heed_sum(t, heed_use(t, r->x), HEED_ALL_AXES), r->train.grads))
        return NAN;
    double start = now();
    heed_status status = heed_optim_step(r->train.optim, r->train.grads);
    double seconds = now() - start;
    return status ? NAN : seconds;
}

/* Moved: the value, both moments, in and out; the gradient in, and once more for its norm. */
static bool run_adamw(const int64_t *size, bool clip, int threads, double limit) {
    const rows_case op = {clip ? "adamw, clip by norm" : "adamw", NULL};
    rows_run r = {.train = {.name = op.name, .model = heed_model_new()}, .op = &op, .rows = size[0], .width = size[1]};
    r.x = heed_param_new(heed_model_root(r.train.model), "x", HEED_SHAPE(r.rows, r.width), heed_init_uniform(-2, 2));
    bool ran = trainer_build(&r.train, threads);
    if (ran) {
        r.train.optim = heed_adamw_new(r.train.model, heed_adam_defaults(1e-3));
        heed_optim_set_threads(r.train.optim, threads);
        ran = heed_optim_set_clip_norm(r.train.optim, clip ? 1 : 0) == HEED_OK || trainer_fail(&r.train);
    }
    ran = ran && time_rows(&r, "", update, clip ? 8 : 7, limit);
    trainer_free(&r.train);
    return ran;
}

bool bench_memory(const bench *self, const bench_plan *plan) {
    (void)self;
    double limit = 0; /* what the machine has shown once, it can do */
    bool ran = true;
    for (int s = 0; s < SIZES && ran; s++) {
        limit = fmax(limit, limit_bytes(plan->threads));
        for (int i = 0; i < ROWS_CASES && ran; i++)
            ran = run_rows(&rows_cases[i], sizes[s], plan->threads, limit);
        ran =
            ran && run_adamw(sizes[s], false, plan->threads, limit) && run_adamw(sizes[s], true, plan->threads, limit);
    }
    return ran;
}
