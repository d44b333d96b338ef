/* Times the steps of one workload. */
#include "workload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "measure.h"

/* The first steps take memory and warm caches, so they do not count. */
enum { WARM_UP = 2 };

/* The last step's loss; NaN where a step failed. */
static double run_steps(const workload_kind *kind, void *self, int steps, double *seconds) {
    double loss = NAN;
    for (int i = 0; i < steps; i++) {
        double start = now();
        loss = kind->step(self);
        seconds[i] = now() - start;
        if (isnan(loss))
            break;
    }
    return loss;
}

/* The limits are measured on both sides of the steps, since what else the machine does changes. */
static bool time_steps(const workload *w, void *running, int steps, int threads, double *seconds) {
    if (isnan(run_steps(w->kind, running, WARM_UP, seconds)))
        return false;
    bench_result result = bench_result_new(TABLE_WORKLOADS, w->name, threads);
    const double before = limit_flops(threads), hop = threads > 1 ? hop_time() : NAN;
    result.loss = run_steps(w->kind, running, steps, seconds);
    if (isnan(result.loss))
        return false;
    result.limit = fmax(before, limit_flops(threads));
    result.hop = threads > 1 ? fmax(hop, hop_time()) : NAN;
    times taken = times_of(seconds, steps);
    result.median = taken.median;
    result.min = taken.min;
    result.work = w->kind->flops(running);
    result.peak = peak_memory();
    const heed_tape_stats stats = heed_tape_statistics(((const trainer *)running)->t);
    result.tape = (double)stats.used_bytes;
    result.tape_kept = (double)(stats.used_bytes - stats.gradient_bytes + stats.gradients_unplanned);
    bench_put(&result);
    return true;
}

static bool profile_steps(const workload *w, void *running, int steps, double *seconds) {
    const trainer *s = running;
    heed_profile *p = heed_profile_new((heed_profile_options){.trace_steps = 0});
    heed_tape_set_profile(s->t, p);
    if (s->optim)
        heed_optim_set_profile(s->optim, p);
    const bool ran = !isnan(run_steps(w->kind, running, steps, seconds));
    const bool printed = ran && heed_profile_print(p, stderr) == HEED_OK;
    heed_tape_set_profile(s->t, NULL);
    if (s->optim)
        heed_optim_set_profile(s->optim, NULL);
    heed_profile_free(p);
    return printed || (ran && bench_fail(w->name, "its profile cannot be written"));
}

/* The parameters as they are before the first step, and the batch. */
static bool save(const workload *w, const void *running, const char *path) {
    heed_model *model = ((const trainer *)running)->model;
    int params = heed_model_params(model), n = 0;
    heed_error error = {.status = HEED_OK};
    heed_file_tensor *tensors = malloc((size_t)(params + WORKLOAD_BATCH) * sizeof *tensors);
    if (tensors == NULL)
        return bench_fail(w->name, "out of memory");
    for (int i = 0; i < params; i++) {
        heed_param_info info = heed_model_param(model, i);
        const float *values = heed_model_data(model);
        if (info.trainable && info.alias_of < 0)
            tensors[n++] = (heed_file_tensor){
                .name = info.path, .dtype = "F32", .shape = info.shape, .data = values + info.offset};
    }
    n += w->kind->batch(running, tensors + n);
    heed_status status = heed_safetensors_write(path, n, tensors, 0, NULL, &error);
    free(tensors);
    return !status || bench_fail(w->name, "%s", error.text);
}

bool bench_workload(const bench *self, const bench_plan *plan) {
    const workload *w = self->workload;
    int steps = plan->steps ? plan->steps : w->steps;
    double *seconds = malloc((size_t)(steps + WARM_UP) * sizeof *seconds);
    if (seconds == NULL)
        return bench_fail(w->name, "out of memory");
    void *running = w->kind->start(w, plan->threads);
    bool ran = running && (plan->save ? save(w, running, plan->save)
                                      : time_steps(w, running, steps, plan->threads, seconds));
    if (ran && plan->profile && !plan->save)
        ran = profile_steps(w, running, steps, seconds);
    if (running)
        w->kind->stop(running);
    free(seconds);
    return ran;
}
