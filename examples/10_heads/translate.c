#include "translate.h"

#include "../common/heads.h"
#include "../common/training.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- training ---- */

enum { TRAINING_ROWS = 64 };

static training_plan how(const translate_plan *plan) {
    return (training_plan){
        .steps = plan->steps,
        .lr = 3e-3,
        .warmup = plan->steps / 14,
        .beta2 = 0.98, /* a short run: the squares' average must settle within some fifty steps */
        .weight_decay = 0.01,
        .clip_norm = 1,
        .seed = plan->seed,
        .threads = plan->threads,
        .recorder = plan->recorder,
    };
}

heed_status translate_train(const reader *r, const translate_plan *plan, translate_look *look, void *user,
                            heed_error *error) {
    training_plan trained = how(plan);
    training tr;
    supply *pairs = supply_new(r->task, (uint64_t)plan->seed, TRAINING_ROWS);
    batch *b = malloc(sizeof *b);
    heed_status status = training_init(&tr, r->model, &trained);
    if (!status && (pairs == NULL || b == NULL))
        status = HEED_NO_MEMORY;
    while (!status && tr.steps < plan->steps) {
        supply_next(pairs, b);
        heed_tape_reset(tr.t);
        status = training_step(&tr, reader_loss(r, tr.t, b));
        if (!status && look)
            look(user, tr.steps, tr.loss);
    }
    if (status)
        training_explain(&tr, status, error);
    free(b);
    supply_free(pairs);
    training_free(&tr);
    return status;
}

/* ---- examination ---- */

enum { EXAM_SEED = 1979, EXAM_ROWS = 64 };

struct examination {
    int count;
    example list[];
};

examination *examination_new(const task *what, int count) {
    examination *e = malloc(sizeof *e + (size_t)count * sizeof *e->list);
    if (e == NULL)
        return NULL;
    e->count = count;
    for (int i = 0; i < count; i++)
        what->make(what, EXAM_SEED, (uint64_t)i, true, &e->list[i]);
    examples_sort(e->list, count);
    return e;
}

void examination_free(examination *e) {
    free(e);
}

/* The rows from `first` on as a batch: how many there are. */
static int rows_at(const examination *e, int first) {
    return e->count - first < EXAM_ROWS ? e->count - first : EXAM_ROWS;
}

static bool is_exact(const int32_t *said, const int32_t *right, int T) {
    for (int i = 0; i < T; i++)
        if (right[i] != TOKEN_PAD && said[i] != right[i])
            return false;
    return true;
}

static int64_t words_of(const batch *b) {
    int64_t words = 0;
    for (int i = 0; i < b->B * b->T; i++)
        words += b->output[i] != TOKEN_PAD;
    return words;
}

static heed_status mark_batch(const reader *r, heed_tape *t, const batch *b, mark *m, int64_t *words) {
    heed_tape_reset(t);
    heed_tensor logits = reader_logits(r, t, b); /* (B, T, V) */
    heed_tensor right = heed_input(t, HEED_I32, HEED_SHAPE(b->B, b->T), b->output);
    double loss = heed_item(
        t, heed_cross_entropy_with(t, logits, right,
                                   (heed_cross_entropy_options){.has_ignore_index = true, .ignore_index = TOKEN_PAD}));
    const int32_t *said = heed_i32(t, heed_argmax(t, logits, -1, false));
    int64_t n = words_of(b);
    for (int i = 0; said && i < b->B; i++)
        m->exact += is_exact(said + i * b->T, b->output + i * b->T, b->T);
    m->asked += b->B;
    m->loss += loss * (double)n;
    *words += n;
    return heed_tape_status(t);
}

heed_status translate_examine(const reader *r, heed_tape *t, const examination *e, mark *m) {
    batch *b = malloc(sizeof *b);
    heed_status status = b ? HEED_OK : HEED_NO_MEMORY;
    bool recorded = heed_tape_set_recording(t, false), trained = heed_tape_set_training(t, false);
    int64_t words = 0;
    *m = (mark){0};
    for (int first = 0; first < e->count && !status; first += EXAM_ROWS) {
        batch_fill(b, e->list + first, rows_at(e, first));
        status = mark_batch(r, t, b, m, &words);
    }
    m->loss /= words ? (double)words : 1;
    heed_tape_set_recording(t, recorded);
    heed_tape_set_training(t, trained);
    free(b);
    return status;
}

heed_status translate_without(const reader *r, heed_tape *t, const examination *e,
                              const heed_multi_head_attention *attn, int head, mark *m) {
    heed_status status = heads_switch_off(attn, head);
    if (!status)
        status = translate_examine(r, t, e, m);
    heed_status restored = heads_switch_on(attn);
    return status ? status : restored;
}

/* ---- where heads look ---- */

/* Sums over what has passed. */
typedef struct watcher {
    const batch *b;
    const example *list; /* the batch's */
    bool cross, decoder;
    int heads;
    gaze sum[GAZE_HEADS];
    int64_t aligned, before, self, after; /* words that count */
} watcher;

static double on_sources(const float *weights, uint64_t from, int S) {
    double sum = 0;
    for (int s = 0; s < S; s++)
        sum += from >> s & 1 ? (double)weights[s] : 0;
    return sum;
}

/* One sentence's map of one head, rows of `columns`. */
static void add_cross(gaze *g, const float *map, int columns, const example *e) {
    for (int i = 0; i < e->T; i++)
        g->aligned += on_sources(map + i * columns, e->from[i], e->S);
}

static void add_self(gaze *g, const float *map, int columns, int length) {
    for (int i = 0; i < length; i++) {
        const float *row = map + i * columns;
        g->self += (double)row[i];
        g->before += i > 0 ? (double)row[i - 1] : 0;
        g->after += i < length - 1 ? (double)row[i + 1] : 0;
    }
}

static void count_words(watcher *w, const example *e, int length) {
    for (int i = 0; w->cross && i < e->T; i++)
        w->aligned += e->from[i] != 0;
    w->self += length;
    w->before += length - 1;
    w->after += length - 1;
}

/* (B, H, rows, columns) */
static void catch_pattern(void *user, heed_tape *t, const char *path, heed_tensor x) {
    (void)path;
    watcher *w = user;
    const float *weights = heed_f32(t, x);
    int H = (int)heed_size(t, x, 1), rows = (int)heed_size(t, x, 2), columns = (int)heed_size(t, x, 3);
    w->heads = H < GAZE_HEADS ? H : GAZE_HEADS;
    for (int b = 0; weights && b < w->b->B; b++) {
        const example *e = &w->list[b];
        int length = w->decoder ? e->T + 1 : e->S; /* BOS is read too */
        count_words(w, e, length);
        for (int h = 0; h < w->heads; h++) {
            const float *map = weights + (int64_t)(b * H + h) * rows * columns;
            if (w->cross)
                add_cross(&w->sum[h], map, columns, e);
            else
                add_self(&w->sum[h], map, columns, length);
        }
    }
}

static double mean_of(double sum, int64_t count) {
    return count > 0 ? sum / (double)count : 0;
}

static heed_status watch_batches(const reader *r, heed_tape *t, const examination *e, batch *b, watcher *w) {
    heed_status status = HEED_OK;
    for (int first = 0; first < e->count && !status; first += EXAM_ROWS) {
        batch_fill(b, e->list + first, rows_at(e, first));
        w->b = b;
        w->list = e->list + first;
        heed_tape_reset(t);
        reader_logits(r, t, b);
        status = heed_tape_status(t);
    }
    return status;
}

heed_status translate_gaze(const reader *r, heed_tape *t, const examination *e, const attention_place *place,
                           gaze heads[GAZE_HEADS]) {
    watcher w = {.cross = strstr(place->path, "cross") != NULL, .decoder = strncmp(place->path, "decoder", 7) == 0};
    char pattern[READER_PATH + sizeof ".pattern"];
    batch *b = malloc(sizeof *b);
    snprintf(pattern, sizeof pattern, "%s.pattern", place->path);
    bool recorded = heed_tape_set_recording(t, false);
    heed_status status = b ? heed_tape_on_watch(t, pattern, catch_pattern, &w) : HEED_NO_MEMORY;
    if (!status)
        status = watch_batches(r, t, e, b, &w);
    heed_tape_unwatch(t, catch_pattern, &w);
    heed_tape_set_recording(t, recorded);
    for (int h = 0; h < w.heads; h++)
        heads[h] = (gaze){.aligned = mean_of(w.sum[h].aligned, w.aligned),
                          .before = mean_of(w.sum[h].before, w.before),
                          .self = mean_of(w.sum[h].self, w.self),
                          .after = mean_of(w.sum[h].after, w.after)};
    free(b);
    return status;
}

/* ---- one sentence ---- */

/* Whether a word comes from before what the last one came from. */
static bool turns_back(const example *e) {
    uint64_t last = 0;
    for (int i = 0; i < e->T; i++) {
        if (e->from[i] && last && e->from[i] < (last & -last))
            return true;
        last = e->from[i] ? e->from[i] : last;
    }
    return false;
}

void translate_pick(const task *what, example *e) {
    uint64_t i = 0;
    do
        what->make(what, EXAM_SEED, i++, true, e);
    while (e->T < 8 || e->T > 10 || !turns_back(e));
}

static void keep_pattern(void *user, heed_tape *t, const char *path, heed_tensor x) {
    (void)t;
    (void)path;
    *(heed_tensor *)user = x;
}

const float *translate_map(const reader *r, heed_tape *t, const example *e, const attention_place *place, int head) {
    char pattern[READER_PATH + sizeof ".pattern"];
    heed_tensor seen = HEED_NIL; /* (1, H, rows, columns) */
    batch *b = malloc(sizeof *b);
    snprintf(pattern, sizeof pattern, "%s.pattern", place->path);
    heed_tape_reset(t);
    if (b == NULL || heed_tape_on_watch(t, pattern, keep_pattern, &seen)) {
        free(b);
        heed_fail_tape(t, HEED_NO_MEMORY, "out of memory");
        return NULL;
    }
    batch_fill(b, e, 1);
    bool recorded = heed_tape_set_recording(t, false);
    reader_logits(r, t, b);
    heed_tape_set_recording(t, recorded);
    heed_tape_unwatch(t, keep_pattern, &seen);
    free(b);
    const float *weights = heed_f32(t, seen);
    return weights ? weights + (int64_t)head * heed_size(t, seen, 2) * heed_size(t, seen, 3) : NULL;
}
