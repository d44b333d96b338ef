/* Reading index.jsonl: its whole lines are checked one by one, then it is cut before the first frame that is not whole. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../io/file_reader_internal.h"
#include "recording_internal.h"

enum { FRAME_NAME = 40 };

/* While lines are read. */
typedef struct reading {
    heed_recording *r;
    place at;
    json_t *curve_of; /* name -> its index */
    json_t *frame_of; /* step, as text -> true */
    json_t *forgotten;
} reading;

void *recording_grow(void *array, size_t n, size_t *capacity, size_t size) {
    if (n < *capacity)
        return array;
    size_t count = *capacity ? *capacity * 2 : 16, bytes;
    void *grown = __builtin_mul_overflow(count, size, &bytes) ? NULL : realloc(array, bytes);
    if (grown)
        *capacity = count;
    return grown;
}

static char *joined(const char *folder, const char *name) {
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%s", folder, name);
    return path;
}

/* ---- scalars ---- */

static curve *find_curve(reading *in, const char *name) {
    heed_recording *r = in->r;
    const json_t *known = json_object_get(in->curve_of, name);
    if (known)
        return &r->curves[json_integer_value(known)];
    curve *grown = recording_grow(r->curves, r->n_curves, &r->cap_curves, sizeof *grown);
    char *copy = grown ? strdup(name) : NULL;
    if (grown)
        r->curves = grown;
    if (copy == NULL || json_object_set_new(in->curve_of, name, json_integer((json_int_t)r->n_curves)) != 0) {
        free(copy);
        return NULL;
    }
    r->curves[r->n_curves] = (curve){.name = copy};
    return &r->curves[r->n_curves++];
}

static double number(const json_t *x) {
    return json_is_number(x) ? json_number_value(x) : NAN;
}

static bool note_scalars(reading *in, int64_t step, const json_t *scalars) {
    const char *name;
    json_t *x;
    json_object_foreach((json_t *)(uintptr_t)scalars, name, x) {
        if (!json_is_number(x) && !json_is_null(x))
            return place_refuse(&in->at, "scalar \"%.100s\" must be a number or null", name);
        curve *c = find_curve(in, name);
        point *grown = c ? recording_grow(c->points, c->n, &c->capacity, sizeof *grown) : NULL;
        if (grown == NULL)
            return place_no_memory(&in->at);
        c->points = grown;
        c->points[c->n++] = (point){.step = step, .line = in->at.line, .value = number(x)};
    }
    return true;
}

static bool read_scalars(reading *in, const json_t *line) {
    static const member members[] = {{"step", MEMBER_POSITIVE}, {"scalars", MEMBER_OBJECT}};
    return check_members(&in->at, "scalars", line, 2, members) &&
           note_scalars(in, json_integer_value(json_object_get(line, "step")), json_object_get(line, "scalars"));
}

/* ---- the other lines ---- */

static const char *step_key(int64_t step, char text[FRAME_NAME]) {
    snprintf(text, FRAME_NAME, "%08lld", (long long)step);
    return text;
}

static bool read_frame(reading *in, const json_t *line) {
    static const member members[] = {
        {"step", MEMBER_POSITIVE}, {"frame", MEMBER_TEXT}, {"bytes", MEMBER_COUNT}, {"scalars", MEMBER_OBJECT}};
    heed_recording *r = in->r;
    char key[FRAME_NAME], name[FRAME_NAME + 16];
    if (!check_members(&in->at, "frame", line, 4, members))
        return false;
    int64_t step = json_integer_value(json_object_get(line, "step"));
    snprintf(name, sizeof name, "%s.safetensors", step_key(step, key));
    if (strcmp(json_string_value(json_object_get(line, "frame")), name) != 0)
        return place_refuse(&in->at, "the frame of step %lld must be in the file %s", (long long)step, name);
    json_t *said = json_object_get(line, "said");
    if (said && !check_said(&in->at, said))
        return false;
    if (json_object_get(in->frame_of, key))
        return place_refuse(&in->at, "there is a frame of step %lld already", (long long)step);
    recorded_frame *grown = recording_grow(r->frames, r->n_frames, &r->cap_frames, sizeof *grown);
    char *path = grown ? joined(r->folder, name) : NULL;
    if (grown)
        r->frames = grown;
    if (path == NULL || json_object_set_new(in->frame_of, key, json_true()) != 0) {
        free(path);
        return place_no_memory(&in->at);
    }
    r->frames[r->n_frames++] = (recorded_frame){.step = step,
                                                .line = in->at.line,
                                                .path = path,
                                                .said = json_incref(said),
                                                .bytes = (uint64_t)json_integer_value(json_object_get(line, "bytes"))};
    return note_scalars(in, step, json_object_get(line, "scalars"));
}

static bool read_forget(reading *in, const json_t *line) {
    const json_t *steps = json_object_get(line, "forget");
    char key[FRAME_NAME];
    if (!json_is_array(steps))
        return place_refuse(&in->at, "\"forget\" must be a list of steps");
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);
        if (!json_is_integer(step) || !json_object_get(in->frame_of, step_key(json_integer_value(step), key)))
            return place_refuse(&in->at, "\"forget\" must be a list of steps that have frames");
        if (json_object_set_new(in->forgotten, key, json_true()) != 0)
            return place_no_memory(&in->at);
    }
    return true;
}

static bool read_graph(reading *in, const json_t *line) {
    const char *name = json_string_value(json_object_get(line, "graph"));
    if (name == NULL || strcmp(name, "graph.json") != 0)
        return place_refuse(&in->at, "\"graph\" must be \"graph.json\"");
    in->r->graph_line = in->r->graph_line ? in->r->graph_line : in->at.line;
    return true;
}

static bool read_ablation(reading *in, const json_t *line) {
    static const member members[] = {{"path", MEMBER_TEXT},
                                     {"head", MEMBER_COUNT},
                                     {"metric", MEMBER_TEXT},
                                     {"whole", MEMBER_NUMBER_OR_NULL},
                                     {"without", MEMBER_NUMBER_OR_NULL}};
    heed_recording *r = in->r;
    json_t *x = json_object_get(line, "ablation");
    if (!check_members(&in->at, "ablation", x, 5, members))
        return false;
    if (json_integer_value(json_object_get(x, "head")) > INT32_MAX)
        return place_refuse(&in->at, "ablation: there is no such head");
    recorded_head *grown = recording_grow(r->heads, r->n_heads, &r->cap_heads, sizeof *grown);
    if (grown == NULL)
        return place_no_memory(&in->at);
    r->heads = grown;
    const heed_recorded_ablation what = {.path = json_string_value(json_object_get(x, "path")),
                                         .metric = json_string_value(json_object_get(x, "metric")),
                                         .head = (int)json_integer_value(json_object_get(x, "head")),
                                         .whole = number(json_object_get(x, "whole")),
                                         .without = number(json_object_get(x, "without"))};
    r->heads[r->n_heads++] = (recorded_head){.what = what, .entry = json_incref(x), .line = in->at.line};
    return true;
}

static bool read_end(reading *in, const json_t *line) {
    static const member members[] = {{"steps", MEMBER_COUNT}};
    const json_t *end = json_object_get(line, "end");
    if (!check_members(&in->at, "end", end, 1, members))
        return false;
    in->r->end_line = in->at.line;
    in->r->end_steps = json_integer_value(json_object_get(end, "steps"));
    return true;
}

static bool read_line(reading *in, const char *text, size_t bytes) {
    static const struct {
        const char *key;
        bool (*read)(reading *in, const json_t *line);
    } kinds[] = {{"frame", read_frame}, {"scalars", read_scalars}, {"forget", read_forget},
                 {"graph", read_graph}, {"ablation", read_ablation}, {"end", read_end}};
    json_t *line = place_parse(&in->at, text, bytes);
    if (line == NULL)
        return false;
    bool good = false, known = false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !known; i++)
        if ((known = json_object_get(line, kinds[i].key) != NULL))
            good = kinds[i].read(in, line);
    json_decref(line);
    return known ? good : place_refuse(&in->at, "it is none of scalars, frame, forget, graph, ablation, end");
}

static bool read_header(reading *in, const char *text, size_t bytes) {
    heed_recording *r = in->r;
    r->header_json = place_parse(&in->at, text, bytes);
    if (r->header_json == NULL || !check_header(&in->at, r->header_json))
        return false;
    r->header = malloc(bytes + 1);
    if (r->header == NULL)
        return place_no_memory(&in->at);
    memcpy(r->header, text, bytes);
    r->header[bytes] = '\0';
    return true;
}

/* ---- where it is cut ---- */

static bool is_whole(const recorded_frame *frame, char *why, size_t size) {
    struct stat info;
    if (stat(frame->path, &info) != 0 || !S_ISREG(info.st_mode))
        snprintf(why, size, "its file is missing");
    else if ((uint64_t)info.st_size != frame->bytes)
        snprintf(why, size, "its file has %lld bytes, not %llu", (long long)info.st_size,
                 (unsigned long long)frame->bytes);
    else
        return true;
    return false;
}

static void drop_forgotten(reading *in) {
    heed_recording *r = in->r;
    size_t kept = 0;
    char key[FRAME_NAME];
    for (size_t i = 0; i < r->n_frames; i++) {
        if (json_object_get(in->forgotten, step_key(r->frames[i].step, key)))
            recorded_frame_free(&r->frames[i]);
        else
            r->frames[kept++] = r->frames[i];
    }
    r->n_frames = kept;
}

/* The first line that is not to be read, or INT64_MAX. */
static int64_t first_bad_frame(heed_recording *r) {
    char why[96];
    for (size_t i = 0; i < r->n_frames; i++)
        if (!is_whole(&r->frames[i], why, sizeof why)) {
            snprintf(r->cut, sizeof r->cut,
                     "%s: line %lld: the frame of step %lld is not whole (%s); it and what follows are left out",
                     r->index_path, (long long)r->frames[i].line, (long long)r->frames[i].step, why);
            return r->frames[i].line;
        }
    return INT64_MAX;
}

/* Lines ascend within each of these, so what is behind the cut is at their ends. */
static void cut_before(heed_recording *r, int64_t line) {
    size_t kept = 0;
    while (r->n_frames && r->frames[r->n_frames - 1].line >= line)
        recorded_frame_free(&r->frames[--r->n_frames]);
    while (r->n_heads && r->heads[r->n_heads - 1].line >= line)
        json_decref(r->heads[--r->n_heads].entry);
    for (size_t i = 0; i < r->n_curves; i++) {
        curve *c = &r->curves[i];
        while (c->n && c->points[c->n - 1].line >= line)
            c->n--;
        if (c->n) {
            r->curves[kept++] = *c;
        } else {
            free(c->name);
            free(c->points);
        }
    }
    r->n_curves = kept;
    if (r->graph_line >= line)
        r->graph_line = 0;
    r->ended = r->end_line && r->end_line < line;
}

/* ---- order ---- */

static int by_step(const void *a, const void *b) {
    const point *x = a, *y = b;
    return x->step != y->step ? (x->step > y->step) - (x->step < y->step) : (x->line > y->line) - (x->line < y->line);
}

static int frame_by_step(const void *a, const void *b) {
    const recorded_frame *x = a, *y = b;
    return (x->step > y->step) - (x->step < y->step);
}

static bool order_curve(curve *c) {
    qsort(c->points, c->n, sizeof *c->points, by_step);
    c->steps = malloc(c->n * sizeof *c->steps);
    c->values = malloc(c->n * sizeof *c->values);
    size_t n = 0;
    for (size_t i = 0; i < c->n && c->steps && c->values; i++) {
        n -= n && c->steps[n - 1] == c->points[i].step;
        c->steps[n] = c->points[i].step;
        c->values[n++] = c->points[i].value;
    }
    c->n = n;
    free(c->points);
    c->points = NULL;
    return n > 0;
}

static bool same_head(const heed_recorded_ablation *a, const heed_recorded_ablation *b) {
    return a->head == b->head && strcmp(a->path, b->path) == 0 && strcmp(a->metric, b->metric) == 0;
}

static void keep_last_heads(heed_recording *r) {
    size_t kept = 0;
    for (size_t i = 0; i < r->n_heads; i++) {
        size_t at = 0;
        while (at < kept && !same_head(&r->heads[at].what, &r->heads[i].what))
            at++;
        if (at < kept)
            json_decref(r->heads[at].entry);
        else
            kept++;
        r->heads[at] = r->heads[i];
    }
    r->n_heads = kept;
}

static bool put_in_order(heed_recording *r) {
    if (r->n_frames)
        qsort(r->frames, r->n_frames, sizeof *r->frames, frame_by_step);
    keep_last_heads(r);
    for (size_t i = 0; i < r->n_curves; i++) {
        const curve *c = &r->curves[i];
        for (size_t k = 0; k < c->n; k++)
            r->last_step = c->points[k].step > r->last_step ? c->points[k].step : r->last_step;
        if (!order_curve(&r->curves[i]))
            return false;
    }
    if (r->n_frames && r->frames[r->n_frames - 1].step > r->last_step)
        r->last_step = r->frames[r->n_frames - 1].step;
    return true;
}

/* ---- the whole ---- */

static bool read_graph_file(heed_recording *r, heed_error *error) {
    file_reader file;
    const place at = {.file = r->graph_path, .error = error};
    if (!file_reader_open(&file, r->graph_path, "graph", error))
        return false;
    size_t bytes = file.left;
    char *text = file_reader_block(&file, bytes);
    file_reader_close(&file);
    json_t *graph = text ? place_parse(&at, text, bytes) : NULL;
    bool good = graph && check_graph(&at, graph);
    json_decref(graph);
    if (good && (r->graph = malloc(bytes + 1)) != NULL) {
        memcpy(r->graph, text, bytes);
        r->graph[bytes] = '\0';
    }
    free(text);
    return good && (r->graph || place_no_memory(&at));
}

/* Returns the line at which reading stopped for an error, which is then noted, or INT64_MAX. */
static int64_t read_lines(reading *in, const char *text, size_t bytes) {
    const char *end = text + bytes, *newline;
    for (; (newline = memchr(text, '\n', (size_t)(end - text))) != NULL; text = newline + 1) {
        in->at.line++;
        bool good = in->at.line == 1 ? read_header(in, text, (size_t)(newline - text))
                                     : read_line(in, text, (size_t)(newline - text));
        if (!good)
            return in->at.line;
    }
    if (text != end)
        snprintf(in->r->cut, sizeof in->r->cut, "%s: line %lld ends in the middle; it is left out", in->r->index_path,
                 (long long)in->at.line + 1);
    return INT64_MAX;
}

static bool read_text(heed_recording *r, const char *text, size_t bytes, heed_error *error) {
    heed_error wrong = {.status = HEED_OK};
    reading in = {.r = r,
                  .at = {.file = r->index_path, .error = &wrong},
                  .curve_of = json_object(),
                  .frame_of = json_object(),
                  .forgotten = json_object()};
    int64_t stopped =
        in.curve_of && in.frame_of && in.forgotten ? read_lines(&in, text, bytes) : (place_no_memory(&in.at), 0);
    drop_forgotten(&in);
    json_decref(in.curve_of);
    json_decref(in.frame_of);
    json_decref(in.forgotten);
    int64_t cut = first_bad_frame(r);
    if (stopped < cut || wrong.status == HEED_NO_MEMORY) { /* what is wrong behind a cut is nobody's business */
        heed_error_set(error, wrong.status, "%s", wrong.text);
        return false;
    }
    in.at.error = error;
    in.at.line = 1;
    if (r->header == NULL)
        return place_refuse(&in.at, "it ends in the middle: nothing was recorded yet");
    cut_before(r, cut);
    in.at.line = 0;
    return put_in_order(r) || place_no_memory(&in.at);
}

bool recording_read(heed_recording *r, heed_error *error) {
    file_reader file;
    r->index_path = joined(r->folder, "index.jsonl");
    r->graph_path = joined(r->folder, "graph.json");
    if (r->index_path == NULL || r->graph_path == NULL)
        return place_no_memory(&(place){.file = r->folder, .error = error});
    if (!file_reader_open(&file, r->index_path, "recording", error))
        return false;
    size_t bytes = r->index_bytes = file.left;
    char *text = file_reader_block(&file, bytes);
    file_reader_close(&file);
    bool good = text && read_text(r, text, bytes, error);
    free(text);
    return good && (r->graph_line == 0 || read_graph_file(r, error));
}
