#include <heed/report.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "page_internal.h"
#include "report_internal.h"
#include "text_internal.h"

/* One recording's part of the page. */
typedef struct report {
    const char *folder;
    int n_runs; /* of the page: their parts are as large */
    heed_recording *r;
    heed_lens_report_options options;
    json_t *header; /* the recording's first line */
    json_t *rest;   /* the payload's members that are no arrays and do not depend on the frames that are shown */
    page_numbers numbers;
    heed_error *error;
} report;

static bool no_memory(report *page) {
    heed_error_set(page->error, HEED_NO_MEMORY, "%s: out of memory", page->folder);
    return false;
}

/* ---- members ---- */

static json_t *real_or_null(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

/* A curve of more points than anybody can see is cut in stretches, of which the smallest and the largest stay. */
enum { CURVE_POINTS = 4000 };

static bool put_point(json_t *curve, const int64_t *steps, const double *values, int64_t i) {
    return json_array_append_new(json_object_get(curve, "step"), json_integer(steps[i])) == 0 &&
           json_array_append_new(json_object_get(curve, "value"), real_or_null(values[i])) == 0;
}

/* The extremes of points [first, end), in their order; one point if they are one. */
static bool put_extremes(json_t *curve, const int64_t *steps, const double *values, int64_t first, int64_t end) {
    int64_t low = first, high = first;
    for (int64_t i = first; i < end; i++) {
        low = !(values[i] >= values[low]) ? i : low;
        high = !(values[i] <= values[high]) ? i : high;
    }
    int64_t early = low < high ? low : high, late = low < high ? high : low;
    return put_point(curve, steps, values, early) && (early == late || put_point(curve, steps, values, late));
}

static json_t *curve_of(const heed_recording *r, int scalar) {
    const int64_t *steps;
    const double *values;
    int64_t n = heed_recording_points(r, scalar, &steps, &values), stretches = n > CURVE_POINTS ? CURVE_POINTS / 2 : n;
    json_t *curve = json_pack("{s:I, s:[], s:[]}", "all", (json_int_t)n, "step", "value");
    bool good = curve != NULL;
    for (int64_t i = 0; i < stretches && good; i++)
        good = put_extremes(curve, steps, values, i * n / stretches, (i + 1) * n / stretches);
    if (!good) {
        json_decref(curve);
        return NULL;
    }
    return curve;
}

static json_t *make_scalars(report *page) {
    json_t *all = json_object();
    for (int i = 0; i < heed_recording_scalars(page->r) && all; i++)
        if (json_object_set_new(all, heed_recording_scalar_name(page->r, i), curve_of(page->r, i)) != 0) {
            json_decref(all);
            return NULL;
        }
    return all;
}

static json_t *make_ablations(report *page) {
    json_t *all = json_array();
    for (int i = 0; i < heed_recording_ablations(page->r) && all; i++) {
        heed_recorded_ablation a = heed_recording_ablation(page->r, i);
        json_t *one = json_pack("{s:s, s:i, s:s, s:o, s:o}", "path", a.path, "head", a.head, "metric", a.metric,
                                "whole", real_or_null(a.whole), "without", real_or_null(a.without));
        if (json_array_append_new(all, one) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

static json_t *make_graph(report *page) {
    const char *text = heed_recording_graph(page->r);
    return text ? json_loads(text, 0, NULL) : json_null();
}

static json_t *make_title(report *page) {
    if (page->options.title == NULL)
        return json_incref(json_object_get(page->header, "title"));
    char *title = lens_utf8(page->options.title);
    json_t *text = title ? json_string(title) : NULL;
    free(title);
    return text;
}

/* What tells runs of one title apart: the last part of the folder's path. Null where there is but one. */
static json_t *make_name(report *page) {
    size_t end = strlen(page->folder);
    while (end > 1 && page->folder[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && page->folder[begin - 1] != '/')
        begin--;
    if (page->n_runs == 1)
        return json_null();
    char *path = strndup(page->folder + begin, end - begin), *name = path ? lens_utf8(path) : NULL;
    json_t *text = name ? json_string(name) : NULL;
    free(path);
    free(name);
    return text;
}

static json_t *make_version(report *page) {
    (void)page;
    return json_integer(1);
}
static json_t *make_language(report *page) {
    return json_string(page->options.language);
}
static json_t *make_header(report *page) {
    return json_incref(page->header);
}
static json_t *make_all_frames(report *page) {
    return json_integer(heed_recording_frames(page->r));
}
static json_t *make_all_steps(report *page) {
    return json_integer(heed_recording_steps(page->r));
}
static json_t *make_ended(report *page) {
    return json_boolean(heed_recording_ended(page->r));
}
static json_t *make_cut(report *page) {
    char *cut = lens_utf8(heed_recording_cut(page->r));
    json_t *text = cut ? json_string(cut) : NULL;
    free(cut);
    return text;
}

static bool make_rest(report *page) {
    static const struct {
        const char *name;
        json_t *(*make)(report *page);
    } members[] = {{"version", make_version},     {"title", make_title},   {"name", make_name},
                   {"language", make_language},   {"header", make_header}, {"all_frames", make_all_frames},
                   {"all_steps", make_all_steps}, {"ended", make_ended},   {"cut", make_cut},
                   {"scalars", make_scalars},     {"graph", make_graph},   {"ablations", make_ablations}};
    page->header = json_loads(heed_recording_header(page->r), 0, NULL);
    page->rest = json_object();
    bool good = page->header && page->rest;
    for (size_t i = 0; i < sizeof members / sizeof *members && good; i++)
        good = json_object_set_new(page->rest, members[i].name, members[i].make(page)) == 0;
    return good || no_memory(page);
}

/* ---- the payload ---- */

static void put_key(page_writer *w, const char *name, bool first) {
    json_t *key = json_string(name);
    page_put_text(w, first ? "" : ",");
    page_put_json(w, key);
    page_put_text(w, ":");
    json_decref(key);
}

static void put_sizes(page_writer *w, heed_shape shape) {
    char text[24];
    page_put_text(w, "[");
    for (int i = 0; i < shape.rank; i++) {
        snprintf(text, sizeof text, "%s%lld", i ? "," : "", (long long)shape.n[i]);
        page_put_text(w, text);
    }
    page_put_text(w, "]");
}

static void put_steps(report *page, page_writer *w) {
    char text[24];
    put_key(w, "steps", false);
    page_put_text(w, "[");
    for (int i = 0; i < page->numbers.n_frames; i++) {
        snprintf(text, sizeof text, "%s%lld", i ? "," : "",
                 (long long)heed_recording_step(page->r, page->numbers.frames[i]));
        page_put_text(w, text);
    }
    page_put_text(w, "]");
}

static void put_shown(report *page, page_writer *w) {
    const int *bits = page->numbers.bits;
    json_t *shown =
        json_pack("{s:i, s:i, s:{s:i, s:i, s:i, s:i, s:i}}", "frames", page->numbers.n_frames, "every",
                  page->numbers.every, "bits", "update", bits[NUMBER_UPDATE], "grad", bits[NUMBER_GRAD], "probe_grad",
                  bits[NUMBER_PROBE_GRAD], "value", bits[NUMBER_VALUE], "probe", bits[NUMBER_PROBE]);
    put_key(w, "shown", false);
    page_put_json(w, shown);
    json_decref(shown);
}

/* The value of an array, if the recording has one of that name. */
static bool put_kind(report *page, page_writer *w, const char *folder, const char *name, const char *key) {
    size_t size = strlen(folder) + strlen(name) + 1;
    char *tensor = malloc(size);
    if (tensor == NULL)
        return no_memory(page);
    snprintf(tensor, size, "%s%s", folder, name);
    const page_array *array = page_numbers_get(&page->numbers, tensor);
    free(tensor);
    if (array) {
        put_key(w, key, false);
        page_put_array(w, &page->numbers, array);
    }
    return true;
}

static bool put_parameters(report *page, page_writer *w) {
    static const char *const kinds[][2] = {{"param/", "value"}, {"grad/", "grad"}, {"update/", "update"}};
    const json_t *list = json_object_get(page->header, "parameters");
    bool good = true;
    put_key(w, "parameters", false);
    page_put_text(w, "{");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *parameter = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(parameter, "name"));
        put_key(w, name, i == 0);
        page_put_text(w, "{\"shape\":");
        page_put_json(w, json_object_get(parameter, "shape"));
        for (int kind = 0; kind < 3 && good; kind++)
            good = put_kind(page, w, kinds[kind][0], name, kinds[kind][1]);
        page_put_text(w, "}");
    }
    page_put_text(w, "}");
    return good;
}

/* Its scalar "probe.NAME.loss" at the steps that are shown. */
static bool put_losses(report *page, page_writer *w, const char *probe) {
    char *name = NULL;
    size_t size = strlen(probe) + sizeof "probe..loss";
    json_t *losses = json_array();
    if ((name = malloc(size)) != NULL)
        snprintf(name, size, "probe.%s.loss", probe);
    int scalar = 0;
    while (name && scalar < heed_recording_scalars(page->r) &&
           strcmp(heed_recording_scalar_name(page->r, scalar), name) != 0)
        scalar++;
    const int64_t *steps;
    const double *values;
    int64_t n = heed_recording_points(page->r, scalar, &steps, &values), at = 0;
    bool good = name && losses;
    for (int i = 0; i < page->numbers.n_frames && good; i++) {
        int64_t step = heed_recording_step(page->r, page->numbers.frames[i]);
        while (at < n && steps[at] < step)
            at++;
        good = json_array_append_new(losses, at < n && steps[at] == step ? real_or_null(values[at]) : json_null()) == 0;
    }
    page_put_json(w, losses);
    json_decref(losses);
    free(name);
    return good || no_memory(page);
}

/* What it said in the frames that are shown, a list of texts each; null where it never says anything. */
static bool put_said(report *page, page_writer *w, const char *probe) {
    json_t *all = json_array();
    bool said = false, good = all != NULL;
    for (int i = 0; i < page->numbers.n_frames && good; i++) {
        json_t *texts = json_array();
        const char *text;
        for (int query = 0; (text = heed_recording_said(page->r, page->numbers.frames[i], probe, query)); query++)
            good = good && json_array_append_new(texts, json_string(text)) == 0;
        said |= json_array_size(texts) > 0;
        good = good && json_array_append_new(all, texts) == 0;
    }
    page_put_text(w, ",\"said\":");
    if (said)
        page_put_json(w, all);
    else
        page_put_text(w, "null");
    json_decref(all);
    return good || no_memory(page);
}

/* The tensors "probe/NAME/KEY" as "KEY":{"shape":[...],"data":array}. */
static void put_probe_values(report *page, page_writer *w, const char *probe) {
    const size_t length = strlen(probe), begin = strlen("probe/");
    bool first = true;
    for (size_t i = 0; i < page->numbers.n; i++) {
        const page_array *array = &page->numbers.arrays[i];
        if (strncmp(array->tensor, "probe/", begin) != 0 || strncmp(array->tensor + begin, probe, length) != 0 ||
            array->tensor[begin + length] != '/')
            continue;
        put_key(w, array->tensor + begin + length + 1, first);
        page_put_text(w, "{\"shape\":");
        put_sizes(w, array->shape);
        page_put_text(w, ",\"data\":");
        page_put_array(w, &page->numbers, array);
        page_put_text(w, "}");
        first = false;
    }
}

static bool put_probes(report *page, page_writer *w) {
    const json_t *list = json_object_get(page->header, "probes");
    bool good = true;
    put_key(w, "probes", false);
    page_put_text(w, "{");
    for (size_t i = 0; i < json_array_size(list) && good; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(list, i), "name"));
        put_key(w, name, i == 0);
        page_put_text(w, "{\"loss\":");
        good = put_losses(page, w, name);
        good = good && put_said(page, w, name);
        page_put_text(w, ",\"values\":{");
        put_probe_values(page, w, name);
        page_put_text(w, "}}");
    }
    page_put_text(w, "}");
    return good;
}

/* A run's object, but for its end. */
static bool put_run(report *page, page_writer *w) {
    const char *name;
    json_t *value;
    bool first = true;
    page_put_text(w, "{");
    json_object_foreach(page->rest, name, value) {
        put_key(w, name, first);
        page_put_json(w, value);
        first = false;
    }
    put_steps(page, w);
    put_shown(page, w);
    return put_parameters(page, w) && put_probes(page, w);
}

/* The first run's object, which has the others in "runs". */
static bool put_payload(report *pages, page_writer *w) {
    bool good = put_run(pages, w);
    put_key(w, "runs", false);
    page_put_text(w, "[");
    for (int i = 1; i < pages->n_runs && good; i++) {
        page_put_text(w, i > 1 ? "," : "");
        good = put_run(&pages[i], w);
        page_put_text(w, "}");
    }
    page_put_text(w, "]}");
    return good;
}

/* ---- the page ---- */

/* page: the first of them. */
static bool write_page(report *page, const char *path) {
    page_writer *w = malloc(sizeof *w);
    if (w == NULL)
        return no_memory(page);
    page_writer_open(w, path, page->error);
    if (!w->status) {
        page_put(w, lens_page_before, lens_page_before_bytes);
        if (!put_payload(page, w) && !w->status)
            w->status = HEED_NO_MEMORY; /* noted already */
        page_put(w, lens_page_after, lens_page_after_bytes);
        page_writer_close(w);
    }
    if (!w->status && page->options.shown) {
        const int *bits = page->numbers.bits;
        *page->options.shown =
            (heed_lens_shown){.frames = page->numbers.n_frames,
                              .all_frames = heed_recording_frames(page->r),
                              .every = page->numbers.every,
                              .bytes = w->bytes,
                              .bits = {bits[NUMBER_UPDATE], bits[NUMBER_GRAD], bits[NUMBER_PROBE_GRAD],
                                       bits[NUMBER_VALUE], bits[NUMBER_PROBE]}};
    }
    bool good = !w->status;
    free(w);
    return good;
}

/* What all but the arrays takes, each frame's part of it at its longest. */
static bool bytes_beside_arrays(report *page, int64_t *taken) {
    enum { STEP = 21, LOSS = 26, MARKS = 512, ESCAPED = 6 };
    const json_t *probes = json_object_get(page->header, "probes");
    int64_t rest = page_json_bytes(page->rest), frames = heed_recording_frames(page->r);
    int64_t page_itself = (int64_t)lens_page_before_bytes + (int64_t)lens_page_after_bytes;
    *taken = rest + page_itself / page->n_runs + 1 + MARKS + frames * STEP;
    for (size_t i = 0; i < json_array_size(probes); i++)
        *taken += frames * LOSS + MARKS +
                  ESCAPED * (int64_t)json_string_length(json_object_get(json_array_get(probes, i), "name"));
    return rest >= 0 || no_memory(page);
}

enum { MOST_BESIDE = 15 };

static bool check_options(report *page) {
    heed_lens_report_options *o = &page->options;
    o->most_bytes = o->most_bytes ? o->most_bytes : HEED_LENS_MOST_BYTES;
    o->language = o->language ? o->language : "en";
    if (o->most_bytes < 0)
        heed_error_set(page->error, HEED_INVALID, "page: most_bytes is %lld; it must be positive",
                       (long long)o->most_bytes);
    else if (strcmp(o->language, "en") != 0 && strcmp(o->language, "ru") != 0)
        heed_error_set(page->error, HEED_INVALID, "page: the language is \"%.40s\"; it must be en or ru", o->language);
    else if (o->n_beside < 0 || o->n_beside > MOST_BESIDE || (o->n_beside > 0 && o->beside == NULL))
        heed_error_set(page->error, HEED_INVALID, "page: n_beside is %d; it must be 0 to %d, of folders that are named",
                       o->n_beside, MOST_BESIDE);
    else
        return true;
    return false;
}

static bool read_page(report *page) {
    int64_t taken;
    page->r = heed_recording_open(page->folder, page->error);
    if (page->r == NULL)
        return false;
    if (heed_recording_frames(page->r) == 0) {
        heed_error_set(page->error, HEED_INVALID, "%s: there is no whole frame in it yet, so there is nothing to show",
                       page->folder);
        return false;
    }
    return make_rest(page) && page_numbers_find(&page->numbers, page->r, page->error) &&
           bytes_beside_arrays(page, &taken) &&
           page_numbers_make(&page->numbers, page->r, page->options.most_bytes / page->n_runs, taken, page->folder,
                             page->error);
}

static void close_page(report *page) {
    heed_recording_close(page->r);
    page_numbers_free(&page->numbers);
    json_decref(page->rest);
    json_decref(page->header);
    page->r = NULL;
    page->numbers = (page_numbers){.n = 0};
    page->rest = page->header = NULL;
}

/* A training that still runs may thin its frames while they are read: what was there a moment ago is gone. The new index
 * then does without them; the pauses, 1 s in all, are for a training that is still at it. */
enum { ATTEMPTS = 9 };

static void pause_before(int attempt) {
    nanosleep(&(struct timespec){.tv_nsec = (long)(1 << attempt) * 2000000L}, NULL); /* 4, 8, ..., 512 ms */
}

/* Of two readings that end at the same place because something is missing there, the second is believed. */
static bool ends_as_before(const heed_recording *r, char before[HEED_ERROR_TEXT]) {
    const char *cut = heed_recording_cut(r);
    bool same = strcmp(cut, before) == 0;
    snprintf(before, HEED_ERROR_TEXT, "%s", cut);
    return cut[0] == '\0' || same;
}

static bool read_settled(report *page) {
    char cut[HEED_ERROR_TEXT] = "";
    for (int attempt = 1;; attempt++) {
        bool good = read_page(page), running = page->r && !heed_recording_ended(page->r);
        bool moving = running && (good ? !ends_as_before(page->r, cut) : page->error->status == HEED_IO);
        if (!moving || attempt == ATTEMPTS)
            return good;
        close_page(page);
        *page->error = (heed_error){.status = HEED_OK};
        pause_before(attempt);
    }
}

heed_status heed_lens_report(const char *recording, const char *html_path, heed_lens_report_options options,
                             heed_error *error) {
    heed_error unseen;
    report pages[1 + MOST_BESIDE] = {{.folder = recording, .options = options, .error = error ? error : &unseen}};
    *pages->error = (heed_error){.status = HEED_OK};
    if (!check_options(pages))
        return pages->error->status;
    const int n = pages->n_runs = 1 + options.n_beside;
    for (int i = 1; i < n; i++) {
        pages[i] = *pages;
        pages[i].folder = options.beside[i - 1];
        pages[i].options.title = NULL; /* which is the first one's */
    }
    bool good = true;
    for (int i = 0; i < n && good; i++)
        good = read_settled(&pages[i]);
    good = good && write_page(pages, html_path);
    for (int i = 0; i < n; i++)
        close_page(&pages[i]);
    return good ? HEED_OK : pages->error->status;
}
