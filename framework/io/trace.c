/* A trace: first what encloses what, as spans in the order of their starts, then the spans as JSON. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <heed/text.h>
#include <heed/trace.h>

#include "../core/profile_internal.h"
#include "atomic_file_internal.h"

/* ---- spans ---- */

typedef struct span {
    int64_t started, ended;
    const char *category, *name;
    size_t length;              /* of the name */
    const profile_event *event; /* NULL: it is no op */
    int64_t step;               /* of a step, else 0 */
} span;

typedef struct timeline {
    const heed_profile *p;
    span *spans;
    size_t n, room;
    const profile_event **order; /* a step's events by their starts, outer ones first */
    size_t order_room;
    bool failed; /* out of memory */
} timeline;

static size_t put_span(timeline *l, span s) {
    if (l->n == l->room && !l->failed) {
        size_t room = l->room ? 2 * l->room : 1024;
        span *more = realloc(l->spans, room * sizeof *more);
        l->failed = more == NULL;
        l->spans = more ? more : l->spans;
        l->room = more ? room : l->room;
    }
    if (l->failed)
        return 0;
    l->spans[l->n] = s;
    return l->n++;
}

/* What stands open: a phase, then parts of a path. */
enum { DEEPEST = 64 };
typedef struct opened {
    size_t span[DEEPEST];
    int n;
    int64_t last; /* the end of the last op that is in no other */
} opened;

/* The n-th level above an op: its phase, then the parts of its path. */
static bool level_of(const profile_row *row, int n, span *s) {
    *s = (span){.category = "phase", .name = heed_phase_name(row->phase)};
    s->length = strlen(s->name);
    const char *at = row->path;
    for (int i = 0; i < n; i++) {
        if (*at == '\0' || n == DEEPEST)
            return false;
        *s = (span){.category = "layer", .name = at, .length = strcspn(at, ".")};
        at += s->length + (at[s->length] == '.');
    }
    return true;
}

static bool same_name(const span *a, const span *b) {
    return a->length == b->length && memcmp(a->name, b->name, a->length) == 0;
}

static void close_to(timeline *l, opened *o, int n) {
    while (o->n > n)
        l->spans[o->span[--o->n]].ended = o->last;
}

static void enclose(timeline *l, opened *o, const profile_event *e) {
    const profile_row *row = &l->p->rows[e->row];
    span level;
    int n = 0;
    while (n < o->n && level_of(row, n, &level) && same_name(&level, &l->spans[o->span[n]]))
        n++;
    close_to(l, o, n);
    for (; level_of(row, n, &level) && !l->failed; n++) {
        level.started = e->started;
        o->span[n] = put_span(l, level);
        o->n = n + 1;
    }
    o->last = e->started + e->ns;
}

static int by_start(const void *a, const void *b) {
    const profile_event *x = *(const profile_event *const *)a, *y = *(const profile_event *const *)b;
    if (x->started != y->started)
        return x->started < y->started ? -1 : 1;
    return x->ns == y->ns ? (x < y) - (x > y) : x->ns > y->ns ? -1 : 1;
}

static void lay_step(timeline *l, const profile_slot *slot) {
    const profile_event *events = profile_events(l->p, slot);
    opened o = {.n = 0};
    put_span(l, (span){.started = slot->started, .ended = slot->ended, .category = "step", .step = slot->step});
    for (size_t i = 0; i < slot->events; i++)
        l->order[i] = &events[i];
    qsort(l->order, slot->events, sizeof *l->order, by_start);
    for (size_t i = 0; i < slot->events && !l->failed; i++) {
        const profile_event *e = l->order[i];
        const profile_row *row = &l->p->rows[e->row];
        if (e->started >= o.last) /* else it is within the op before it */
            enclose(l, &o, e);
        put_span(l, (span){.started = e->started,
                           .ended = e->started + e->ns,
                           .category = heed_phase_name(row->phase),
                           .name = row->op,
                           .length = strlen(row->op),
                           .event = e});
    }
    if (!l->failed)
        close_to(l, &o, 0);
}

static heed_status lay(timeline *l) {
    const profile_slot *slot;
    l->order = malloc((l->p->slot_room + 1) * sizeof *l->order);
    l->failed = l->order == NULL;
    for (size_t i = 0; !l->failed && (slot = profile_shown(l->p, i)) != NULL; i++)
        if (slot->events)
            lay_step(l, slot);
    free(l->order);
    return l->failed ? HEED_NO_MEMORY : HEED_OK;
}

/* ---- JSON ---- */

typedef struct writer {
    atomic_file file;
    heed_status status;
    size_t n;
    char text[1 << 15];
} writer;

static void flush(writer *w) {
    if (!w->status)
        w->status = atomic_file_write(&w->file, w->text, w->n);
    w->n = 0;
}

enum { PIECE = 512 }; /* what is put at once is shorter */
static void put(writer *w, const char *format, ...) HEED_PRINTF(2, 3);
static void put(writer *w, const char *format, ...) {
    if (sizeof w->text - w->n < PIECE)
        flush(w);
    va_list arguments;
    va_start(arguments, format);
    w->n += (size_t)vsnprintf(w->text + w->n, PIECE, format, arguments);
    va_end(arguments);
}

static void put_character(writer *w, unsigned char c) {
    if (c == '"' || c == '\\')
        put(w, "\\%c", c);
    else if (c < ' ' || c == 127)
        put(w, "\\u%04x", c);
    else
        put(w, "%c", c);
}

/* Quoted; what is no UTF-8 becomes U+FFFD. */
static void put_string(writer *w, const char *text, size_t length) {
    put(w, "\"");
    for (size_t at = 0; at < length; at++) {
        size_t valid = heed_utf8_valid(text + at, length - at);
        for (size_t i = 0; i < valid; i++)
            put_character(w, (unsigned char)text[at + i]);
        at += valid;
        if (at < length)
            put(w, "\\ufffd");
    }
    put(w, "\"");
}

/* With a point in every locale. */
static void put_time(writer *w, const char *key, int64_t ns) {
    put(w, "\"%s\":%lld.%03lld", key, (long long)(ns / 1000), (long long)(ns % 1000));
}

static void put_rate(writer *w, const char *key, double work, int64_t ns) {
    if (!(work > 0 && ns > 0 && work / (double)ns < 1e15))
        return;
    long long tenths = (long long)(10 * work / (double)ns + 0.5);
    put(w, ",\"%s\":%lld.%lld", key, tenths / 10, tenths % 10);
}

static void put_arrays(writer *w, const profile_event *e) {
    const int64_t *size = e->size;
    for (int i = 0; i < e->arrays; i++) {
        if (e->rank[i] < 0)
            continue;
        heed_shape shape = {.rank = e->rank[i]};
        for (int axis = 0; axis < shape.rank; axis++)
            shape.n[axis] = *size++;
        put(w, ",\"%s", i == 0 ? "out" : "in ");
        if (i > 0)
            put(w, "%d", i - 1);
        put(w, "\":\"%s %s\"", heed_dtype_name((heed_dtype)e->dtype[i]), HEED_SHAPE_STR(shape));
    }
}

static void put_event(writer *w, const heed_profile *p, const span *s, int64_t zero) {
    put(w, ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"cat\":\"%s\",", s->category);
    put_time(w, "ts", s->started - zero);
    put(w, ",");
    put_time(w, "dur", s->ended - s->started);
    put(w, ",\"name\":");
    if (s->step)
        put(w, "\"step %lld\"", (long long)s->step);
    else
        put_string(w, s->name, s->length);
    if (s->event) {
        const char *path = p->rows[s->event->row].path;
        put(w, ",\"args\":{\"path\":");
        put_string(w, path, strlen(path));
        put_arrays(w, s->event);
        put_rate(w, "GFLOP/s", s->event->cost.flops, s->event->ns);
        put_rate(w, "GB/s", s->event->cost.bytes, s->event->ns);
        put(w, "}");
    }
    put(w, "}");
}

/* What the file holds, in a line: "heed: the last 3 of 200 steps". */
static void describe(const heed_profile *p, const timeline *l, char *text, size_t size) {
    long long steps = 0, left_out = 0;
    const profile_slot *slot;
    for (size_t i = 0; i < l->n; i++)
        steps += l->spans[i].step != 0;
    for (size_t i = 0; (slot = profile_shown(p, i)) != NULL; i++)
        left_out += slot->left_out;
    int n = snprintf(text, size, "heed: the last %lld of %lld steps", steps, (long long)heed_profile_totals(p).steps);
    if (left_out)
        snprintf(text + n, size - (size_t)n, "; without their last %lld ops, which had no room", left_out);
}

static void put_all(writer *w, const heed_profile *p, const timeline *l) {
    char about[160];
    describe(p, l, about, sizeof about);
    put(w, "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"about\":\"%s\",\"version\":\"" HEED_VERSION "\"},", about);
    put(w, "\"traceEvents\":[\n{\"ph\":\"M\",\"pid\":1,\"tid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"%s\"}}",
        about);
    put(w, ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":1,\"name\":\"thread_name\",\"args\":{\"name\":\"training\"}}");
    for (size_t i = 0; i < l->n; i++)
        put_event(w, p, &l->spans[i], l->spans[0].started);
    put(w, "\n]}\n");
    flush(w);
}

static heed_status write(const heed_profile *p, const timeline *l, const char *path, heed_error *error) {
    writer *w = malloc(sizeof *w);
    if (w == NULL)
        return heed_error_set(error, HEED_NO_MEMORY, "%s: out of memory", path);
    w->n = 0;
    w->status = atomic_file_open(&w->file, path, error);
    heed_status status = w->status;
    if (!status) {
        put_all(w, p, l);
        status = w->status;
        if (status)
            atomic_file_abandon(&w->file);
        else
            status = atomic_file_commit(&w->file);
    }
    free(w);
    return status;
}

heed_status heed_trace_save(const heed_profile *p, const char *path, heed_error *error) {
    if (path == NULL || p == NULL)
        return heed_error_set(error, HEED_INVALID, "trace: the %s is NULL", path ? "profile" : "path");
    if (p->n_slots == 0)
        return heed_error_set(error, HEED_STATE, "%s: the profile keeps no steps: ask it to by trace_steps", path);
    timeline l = {.p = p};
    heed_status status = lay(&l);
    if (status)
        heed_error_set(error, status, "%s: out of memory", path);
    else
        status = write(p, &l, path, error);
    free(l.spans);
    return status;
}
