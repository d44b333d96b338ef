#include <heed/recorder.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "description_internal.h"
#include "probe_internal.h"
#include "recording_internal.h"
#include "schedule_internal.h"
#include "writer_internal.h"

enum { MOST_FRAMES = 60 };

struct heed_recorder {
    bool inert; /* the static one that stands for "out of memory" */
    heed_model *model;
    lens_writer writer;
    lens_description description;
    lens_schedule schedule;
    lens_prober prober;
    lens_probe *probes;
    size_t n_probes;
    int n_params, *params; /* once it has begun */
    bool begun, has_graph;
    lens_frame *frame;     /* taken before an update that is not done yet; NULL */
    int64_t framed;        /* the last step that was asked for a frame */
    int64_t steps;         /* the last that anything was noted of */
    int64_t scalars_step;  /* whose members are waiting in scalars */
    lens_text scalars, line;
    heed_recorder_frame_fn *watch; /* or NULL */
    void *watch_user;
    heed_recording *so_far; /* with a watch, once it has begun */
};

/* Not made with the others, since a static one must not be written to. */
static const char out_of_memory[] = "heed_recorder_new: out of memory";

/* Whether r can do anything. */
static bool works(const heed_recorder *r) {
    return r && !r->inert && !atomic_load(&r->writer.failed);
}

static heed_status no_memory(heed_recorder *r) {
    return lens_writer_fail(&r->writer, HEED_NO_MEMORY, "recorder: out of memory");
}

/* For messages. */
static const char *folder_of(const heed_recorder *r) {
    return r->writer.folder ? r->writer.folder : "recorder";
}

/* ---- making ---- */

static heed_status check_options(heed_recorder *r, const char *folder, heed_model *model,
                                 const heed_recorder_options *o) {
    lens_writer *w = &r->writer;
    if (model == NULL || (folder && *folder == '\0'))
        return lens_writer_fail(w, HEED_INVALID, "recorder: the %s", model ? "folder has no name" : "model is NULL");
    if (heed_model_data(model) == NULL)
        return lens_writer_fail(w, HEED_STATE, "recorder: %s",
                                heed_model_status(model) ? heed_model_error_text(model) : "the model is not built yet");
    if (o->most_frames < 0 || o->most_frames == 1 || o->most_frames > INT_MAX)
        return lens_writer_fail(w, HEED_INVALID, "recorder: most_frames is %lld; it must be 0 (for %d) or at least 2",
                                (long long)o->most_frames, MOST_FRAMES);
    if (o->every < 0 || o->last < 0)
        return lens_writer_fail(w, HEED_INVALID, "recorder: every is %lld, last %lld; they must not be negative",
                                (long long)o->every, (long long)o->last);
    return HEED_OK;
}

static void set_up(heed_recorder *r, const char *folder, heed_model *model, const heed_recorder_options *o) {
    heed_error why = {.status = HEED_OK};
    lens_writer_init(&r->writer);
    if (check_options(r, folder, model, o))
        return;
    r->model = model;
    const int64_t most = o->most_frames ? o->most_frames : MOST_FRAMES;
    if (lens_description_init(&r->description, model, o, &why) || lens_prober_init(&r->prober, model) ||
        !heed_lens_schedule_init(&r->schedule, most, o->every, !o->no_logarithmic, o->last)) {
        no_memory(r);
        return;
    }
    for (int i = 0; i < LENS_FRAMES; i++)
        if ((r->writer.frames[i].forget = malloc((size_t)most * sizeof(int64_t))) == NULL)
            no_memory(r);
    if (works(r) && folder)
        lens_writer_open(&r->writer, folder, o->replace);
}

heed_recorder *heed_recorder_new(const char *folder, heed_model *model, heed_recorder_options options) {
    static heed_recorder inert = {.inert = true};
    heed_recorder *r = calloc(1, sizeof *r);
    if (r == NULL) {
        heed_error_raised(HEED_NO_MEMORY, out_of_memory);
        return &inert;
    }
    set_up(r, folder, model, &options);
    return r;
}

static void free_probe(lens_probe *p) {
    free(p->name);
    free(p->loss_name);
    free(p->values);
    free(p->gradients);
    free(p->parameters);
    free(p->names);
}

static void free_recorder(heed_recorder *r) {
    for (size_t i = 0; i < r->n_probes; i++)
        free_probe(&r->probes[i]);
    free(r->probes);
    free(r->params);
    free(r->scalars.data);
    free(r->line.data);
    lens_description_free(&r->description);
    heed_lens_schedule_free(&r->schedule);
    lens_prober_free(&r->prober);
    heed_recording_close(r->so_far);
    free(r);
}

heed_status heed_recorder_status(const heed_recorder *r) {
    if (r == NULL || r->inert)
        return r ? HEED_NO_MEMORY : HEED_OK;
    return lens_writer_status((lens_writer *)(uintptr_t)&r->writer);
}

const char *heed_recorder_error_text(const heed_recorder *r) {
    if (r && r->inert)
        return out_of_memory;
    return heed_recorder_status(r) ? r->writer.error.text : ""; /* written once, before the status was */
}

/* ---- what is to be seen ---- */

/* NULL, or out of memory. */
static char *joined(const char *a, const char *b, const char *c) {
    lens_text text = {.data = NULL};
    lens_text_format(&text, "%s%s%s", a, b, c);
    if (!text.failed)
        return text.data;
    free(text.data);
    return NULL;
}

static bool may_describe(heed_recorder *r, const char *what) {
    if (!works(r))
        return false;
    if (r->begun)
        lens_writer_fail(&r->writer, HEED_STATE, "recorder: the %s comes too late: steps have been recorded", what);
    return !r->begun;
}

/* The outcome of describing something. */
static heed_status described(heed_recorder *r, heed_status status, const heed_error *why) {
    return status ? lens_writer_fail(&r->writer, status, "%s", why->text) : HEED_OK;
}

static heed_status add_probe(heed_recorder *r, const heed_probe *probe) {
    lens_probe *more = realloc(r->probes, (r->n_probes + 1) * sizeof *more);
    if (more)
        r->probes = more;
    lens_probe p = {.loss = probe->loss,
                    .said = probe->said,
                    .user = probe->user,
                    .n_queries = probe->n_queries,
                    .names = malloc(((size_t)probe->n_queries + 1) * sizeof *p.names),
                    .name = joined("", probe->name, ""),
                    .loss_name = joined("probe.", probe->name, ".loss"),
                    .values = joined("probe/", probe->name, "/"),
                    .gradients = joined("probe/", probe->name, "/d/"),
                    .parameters = joined("probe/", probe->name, "/grad/")};
    if (more && p.names && p.name && p.loss_name && p.values && p.gradients && p.parameters) {
        r->probes[r->n_probes++] = p;
        return HEED_OK;
    }
    free_probe(&p);
    return no_memory(r);
}

heed_status heed_recorder_probe(heed_recorder *r, heed_probe probe) {
    heed_error why = {.status = HEED_OK};
    if (!may_describe(r, "probe"))
        return heed_recorder_status(r);
    heed_status status = described(r, lens_describe_probe(&r->description, &probe, &why), &why);
    return status ? status : add_probe(r, &probe);
}

heed_status heed_recorder_probe_names(heed_recorder *r, const char *probe, const char *path, heed_probe names) {
    heed_error why = {.status = HEED_OK};
    if (!may_describe(r, "names"))
        return heed_recorder_status(r);
    return described(r, lens_describe_names(&r->description, probe, path, &names, &why), &why);
}

heed_status heed_recorder_attention(heed_recorder *r, heed_recorded_attention attention) {
    heed_error why = {.status = HEED_OK};
    if (!may_describe(r, "attention layer"))
        return heed_recorder_status(r);
    return described(r, lens_describe_attention(&r->description, &attention, &why), &why);
}

heed_status heed_recorder_space(heed_recorder *r, heed_recorded_space space) {
    heed_error why = {.status = HEED_OK};
    if (!may_describe(r, "space"))
        return heed_recorder_status(r);
    return described(r, lens_describe_space(&r->description, &space, &why), &why);
}

heed_status heed_recorder_story(heed_recorder *r, const char *json) {
    heed_error why = {.status = HEED_OK};
    if (!may_describe(r, "story"))
        return heed_recorder_status(r);
    return described(r, lens_describe_story(&r->description, json, &why), &why);
}

heed_status heed_recorder_watch(heed_recorder *r, heed_recorder_frame_fn *watch, void *user) {
    if (!may_describe(r, "watch"))
        return heed_recorder_status(r);
    r->watch = watch;
    r->watch_user = user;
    return HEED_OK;
}

/* The first line is written once the first other is. */
static bool begin(heed_recorder *r) {
    heed_error why = {.status = HEED_OK};
    char *line;
    if (!works(r) || r->begun)
        return works(r);
    r->begun = true;
    if (described(r, lens_description_close(&r->description, &r->n_params, &r->params, &line, &why), &why) == HEED_OK) {
        lens_writer_line(&r->writer, line, strlen(line));
        if (r->watch && (r->so_far = recording_live_new(line)) == NULL)
            no_memory(r);
    }
    free(line);
    return works(r);
}

/* ---- numbers ---- */

static void put_scalar(lens_text *text, const char *name, double value) {
    if (text->n)
        lens_text_put(text, ",", 1);
    lens_text_string(text, name);
    lens_text_put(text, ":", 1);
    lens_text_number(text, value);
}

/* To who watches. */
static void show_scalar(heed_recorder *r, int64_t step, const char *name, double value) {
    if (r->so_far && !recording_live_scalar(r->so_far, step, name, value))
        no_memory(r);
}

static void put_line(heed_recorder *r) {
    if (r->line.failed)
        no_memory(r);
    else
        lens_writer_line(&r->writer, r->line.data, r->line.n);
    r->line.n = 0;
}

static void flush_scalars(heed_recorder *r) {
    if (r->scalars.n == 0)
        return;
    lens_text_format(&r->line, "{\"step\":%lld,\"scalars\":{", (long long)r->scalars_step);
    lens_text_put(&r->line, r->scalars.data, r->scalars.n);
    lens_text_put(&r->line, "}}", 2);
    r->line.failed = r->line.failed || r->scalars.failed;
    r->scalars.n = 0;
    put_line(r);
}

/* Notes that something is known of a step. */
static bool reaches(heed_recorder *r, int64_t step) {
    if (step < 1) {
        lens_writer_fail(&r->writer, HEED_INVALID, "recorder: step is %lld; steps count from 1", (long long)step);
        return false;
    }
    r->steps = step > r->steps ? step : r->steps;
    return begin(r);
}

/* Whether one of this name waits already; names stand in scalars as JSON has them, each before a colon. r->line is empty. */
static bool is_waiting(heed_recorder *r, const char *name) {
    lens_text_string(&r->line, name);
    lens_text_put(&r->line, ":", 1);
    bool found = !r->line.failed && r->scalars.n && strstr(r->scalars.data, r->line.data);
    r->line.n = 0;
    return found;
}

void heed_recorder_scalar(heed_recorder *r, int64_t step, const char *name, double value) {
    if (!works(r) || name == NULL || !reaches(r, step))
        return;
    show_scalar(r, step, name, value);
    if (step != r->scalars_step || is_waiting(r, name))
        flush_scalars(r);
    r->scalars_step = step;
    put_scalar(&r->scalars, name, value);
}

void heed_recorder_ablation(heed_recorder *r, const char *path, int head, const char *metric, double whole,
                            double without) {
    if (!works(r) || !begin(r))
        return;
    if (path == NULL || metric == NULL || head < 0) {
        lens_writer_fail(&r->writer, HEED_INVALID,
                         "recorder: ablation of head %d: the path or metric is NULL, or there is no such head", head);
        return;
    }
    lens_text_format(&r->line, "{\"ablation\":{\"path\":");
    lens_text_string(&r->line, path);
    lens_text_format(&r->line, ",\"head\":%d,\"metric\":", head);
    lens_text_string(&r->line, metric);
    lens_text_format(&r->line, ",\"whole\":");
    lens_text_number(&r->line, whole);
    lens_text_format(&r->line, ",\"without\":");
    lens_text_number(&r->line, without);
    lens_text_format(&r->line, "}}");
    put_line(r);
}

/* ---- frames ---- */

bool heed_recorder_due(const heed_recorder *r, int64_t step) {
    return works(r) && step > r->framed && heed_lens_schedule_due(&r->schedule, step);
}

static char *bytes_at(void *buffer, const heed_recorder *r, const heed_param_info *info) {
    return (char *)buffer + (size_t)info->offset * heed_dtype_size(heed_model_dtype(r->model));
}

static void add_parameters(const heed_recorder *r, lens_frame *f, const char *prefix, void *from) {
    for (int i = 0; i < r->n_params; i++) {
        const heed_param_info info = heed_model_param(r->model, r->params[i]);
        const int item = lens_frame_add(f, heed_model_dtype(r->model), info.shape, prefix, info.path, "");
        if (item >= 0)
            memcpy(lens_frame_data(f, item), bytes_at(from, r, &info), f->items[item].bytes);
    }
}

static void put_frame_scalar(heed_recorder *r, lens_frame *f, const char *name, double value) {
    put_scalar(&f->scalars, name, value);
    show_scalar(r, f->step, name, value);
}

static bool run_probes(heed_recorder *r, lens_frame *f) {
    heed_error why = {.status = HEED_OK};
    for (size_t i = 0; i < r->n_probes; i++) {
        double loss = 0;
        heed_status status =
            lens_prober_run(&r->prober, &r->probes[i], r->n_params, r->params, !r->has_graph, f, &loss, &why);
        if (status) {
            lens_writer_fail(&r->writer, status, "%s: recording has stopped before step %lld, training goes on: %s",
                             folder_of(r), (long long)f->step, why.text);
            return false;
        }
        r->has_graph = true;
        put_frame_scalar(r, f, r->probes[i].loss_name, loss);
    }
    return true;
}

/* Parameters, gradients, and room for the updates come first, in that order. */
static void fill(heed_recorder *r, lens_frame *f, heed_grads *g) {
    add_parameters(r, f, "param/", heed_model_data(r->model));
    add_parameters(r, f, "grad/", heed_grads_data(g));
    add_parameters(r, f, "update/", heed_model_data(r->model));
    put_frame_scalar(r, f, "grad_norm", heed_grads_norm(g, 1));
    if (run_probes(r, f))
        r->frame = f;
}

void heed_recorder_before(heed_recorder *r, int64_t step, heed_grads *g) {
    if (!works(r) || !reaches(r, step))
        return;
    if (step <= r->framed) {
        lens_writer_fail(&r->writer, HEED_INVALID, "recorder: step %lld comes after step %lld; steps must ascend",
                         (long long)step, (long long)r->framed);
        return;
    }
    const bool due = heed_recorder_due(r, step);
    r->framed = step;
    r->frame = NULL;
    if (!due)
        return;
    if (g == NULL || heed_grads_model(g) != r->model || heed_grads_empty(g) || heed_grads_poisoned(g)) {
        lens_writer_fail(
            &r->writer, HEED_STATE,
            "recorder: step %lld: its gradients are NULL, another model's, empty, or of a backward that failed",
            (long long)step);
        return;
    }
    flush_scalars(r);
    lens_frame *f = lens_writer_frame(&r->writer, step);
    if (f)
        fill(r, f, g);
}

static void subtract(void *after_to, const void *after, const void *before, size_t bytes, heed_dtype dtype) {
    if (dtype == HEED_F64) {
        double *to = after_to;
        for (size_t i = 0; i < bytes / sizeof *to; i++)
            to[i] = ((const double *)after)[i] - ((const double *)before)[i];
    } else {
        float *to = after_to;
        for (size_t i = 0; i < bytes / sizeof *to; i++)
            to[i] = ((const float *)after)[i] - ((const float *)before)[i];
    }
}

/* To who watches, on the caller's thread, and so with what is otherwise computed when it is written. */
static void show_frame(heed_recorder *r, lens_frame *f) {
    if (r->so_far == NULL)
        return;
    if (!lens_frame_finish(f) || !recording_live_show(r->so_far, f)) {
        no_memory(r);
        return;
    }
    r->watch(r->watch_user, r->so_far);
    recording_live_hide(r->so_far);
}

void heed_recorder_after(heed_recorder *r) {
    lens_frame *f = works(r) ? r->frame : NULL;
    if (f == NULL)
        return;
    r->frame = NULL;
    for (int i = 0; i < r->n_params && !f->no_memory; i++) {
        const heed_param_info info = heed_model_param(r->model, r->params[i]);
        const int before = i, update = 2 * r->n_params + i;
        subtract(lens_frame_data(f, update), bytes_at(heed_model_data(r->model), r, &info), lens_frame_data(f, before),
                 f->items[update].bytes, heed_model_dtype(r->model));
    }
    if (f->no_memory || f->scalars.failed || f->said.failed) {
        lens_writer_fail(&r->writer, HEED_NO_MEMORY,
                         "%s: recording has stopped before step %lld, training goes on: out of memory", folder_of(r),
                         (long long)f->step);
        return;
    }
    show_frame(r, f);
    f->n_forget = heed_lens_schedule_add(&r->schedule, f->step, f->forget);
    lens_writer_submit(&r->writer);
}

/* ---- the end ---- */

heed_status heed_recorder_end(heed_recorder *r, heed_error *error) {
    if (error)
        *error = (heed_error){.status = HEED_OK};
    if (r == NULL)
        return HEED_OK;
    if (r->inert)
        return heed_error_set(error, HEED_NO_MEMORY, "%s", out_of_memory);
    if (begin(r)) {
        flush_scalars(r);
        lens_text_format(&r->line, "{\"end\":{\"steps\":%lld}}", (long long)r->steps);
        put_line(r);
    }
    lens_writer_close(&r->writer);
    const heed_status status = r->writer.error.status;
    if (status)
        heed_error_set(error, status, "%s", r->writer.error.text);
    free_recorder(r);
    return status;
}
