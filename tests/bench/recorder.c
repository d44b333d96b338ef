/* What recording costs: runs with and without, in the order a, b, b, a, so that what drifts meanwhile weighs on both alike. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"
#include "workload.h"

enum { RUNS = 16, WARM_UP = 3, PATH = 256 };
/* A run of 1980 steps has, as a rule, 60 frames: one in 33 steps. Each timed run has these at their mean distance, one
 * unless more steps are asked for, behind frames that are not timed: a recorder's first ones take its memory. */
enum { EVERY = 33, LAST_STEP = 60 * EVERY, UNTIMED = 3 };

/* Every layer that has a w_q has w_k, w_v and w_o beside it. */
static void describe_layers(const trainer *s, int64_t heads, int64_t d_k) {
    for (int i = 0; i < heed_model_params(s->model); i++) {
        const char *w_q = heed_model_param(s->model, i).path;
        const size_t length = strlen(w_q);
        char path[PATH], w_k[PATH], w_v[PATH], w_o[PATH];
        if (length < 5 || length >= PATH - 4 || strcmp(w_q + length - 4, ".w_q") != 0)
            continue;
        snprintf(path, sizeof path, "%.*s", (int)length - 4, w_q);
        snprintf(w_k, sizeof w_k, "%.200s.w_k", path);
        snprintf(w_v, sizeof w_v, "%.200s.w_v", path);
        snprintf(w_o, sizeof w_o, "%.200s.w_o", path);
        heed_recorder_attention(s->recorder, (heed_recorded_attention){.path = path,
                                                                       .kind = "causal",
                                                                       .heads = (int)heads,
                                                                       .d_k = d_k,
                                                                       .w_q = w_q,
                                                                       .w_k = w_k,
                                                                       .w_v = w_v,
                                                                       .w_o = w_o});
    }
}

/* Mean seconds a step; NaN where a step failed. */
static double run(const workload *w, void *running, int steps) {
    double start = now();
    for (int i = 0; i < steps; i++)
        if (isnan(w->kind->step(running)))
            return NAN;
    return (now() - start) / steps;
}

/* Frames at once, one behind the other. */
static bool take_frames(const workload *w, trainer *s, int frames) {
    bool good = true;
    for (int i = 1; i <= frames && good; i++) {
        s->steps = (int64_t)i * EVERY - 1;
        good = !isnan(run(w, s, 1));
    }
    return good;
}

/* The same, with what is left to be written at the end. */
static double recorded_run(const workload *w, void *running, int steps, const char *folder) {
    trainer *s = running;
    heed_error e = {.status = HEED_OK};
    const heed_recorder_options options = {
        .title = w->name, .every = EVERY, .no_logarithmic = true, .last = LAST_STEP, .replace = true};
    s->recorder = heed_recorder_new(folder, s->model, options);
    describe_layers(s, w->size[1], w->size[2] / w->size[1]);
    heed_recorder_probe(s->recorder, (heed_probe){.name = "first", .loss = gpt_probe, .user = running});
    bool good = take_frames(w, s, UNTIMED) && !isnan(run(w, s, WARM_UP));
    s->steps = (int64_t)(UNTIMED + 1) * EVERY - EVERY / 2;
    double start = now(), seconds = good ? run(w, running, steps) : NAN;
    heed_recorder *recorder = s->recorder;
    s->recorder = NULL;
    if (heed_recorder_end(recorder, &e)) {
        bench_fail(w->name, "%s", e.text);
        return NAN;
    }
    return isnan(seconds) ? NAN : (now() - start) / steps;
}

/* alone: what it is compared with. */
static void put(const char *name, int threads, times taken, double alone) {
    bench_result result = bench_result_new(TABLE_RECORDER, name, threads);
    result.median = taken.median;
    result.min = taken.min;
    result.limit = alone;
    bench_put(&result);
}

static bool time_runs(const workload *w, void *running, int steps, int threads, const char *folder) {
    double alone[RUNS], recorded[RUNS];
    if (isnan(run(w, running, WARM_UP)))
        return false;
    for (int i = 0; i < 2 * RUNS; i++) {
        const bool records = i % 4 == 1 || i % 4 == 2;
        double *taken = records ? &recorded[i / 2] : &alone[i / 2];
        *taken = records ? recorded_run(w, running, steps, folder) : run(w, running, steps);
        if (isnan(*taken))
            return false;
    }
    double more[RUNS]; /* of each pair of neighbours, which are equally disturbed by what else goes on */
    for (int i = 0; i < RUNS; i++)
        more[i] = recorded[i] / alone[i];
    const times plain = times_of(alone, RUNS), seen = times_of(recorded, RUNS);
    put("not recorded", threads, plain, plain.median);
    put("recorded", threads, seen, seen.median / times_of(more, RUNS).median);
    return true;
}

bool bench_recorder(const bench *self, const bench_plan *plan) {
    const workload *w = self->workload;
    char folder[] = "/tmp/heed_bench_XXXXXX", command[64];
    if (mkdtemp(folder) == NULL)
        return bench_fail(w->name, "there is no room for a folder in /tmp");
    void *running = w->kind->start(w, plan->threads);
    const int wanted = plan->steps ? plan->steps : EVERY, steps = (wanted + EVERY - 1) / EVERY * EVERY;
    bool ran = running && time_runs(w, running, steps, plan->threads, folder);
    if (running)
        w->kind->stop(running);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 && ran;
}
