#include "map.h"

#include "../common/attention_view.h"

#include <stdlib.h>
#include <string.h>

struct lookout {
    heed_tape *t;
    batch b;
    attention_map *map; /* where to write: set while taking */
    int32_t ids[BATCH_TIME];
};

/* One layer's weights (1, H, T, S) come by, the layers in their order. */
static void catch_pattern(void *user, heed_tape *t, const char *path, heed_tensor x) {
    (void)path;
    attention_map *map = ((lookout *)user)->map;
    const float *weights = heed_f32(t, x);
    int64_t T = heed_size(t, x, 2), S = heed_size(t, x, 3);
    if (map == NULL || weights == NULL || map->layers == MAP_LAYERS)
        return;
    map->heads = (int)heed_size(t, x, 1);
    for (int h = 0; h < map->heads && h < MAP_HEADS; h++)
        for (int64_t i = 0; i < T * S; i++)
            map->weights[map->layers][h][i] = weights[h * T * S + i];
    map->layers++;
}

lookout *lookout_new(int threads) {
    lookout *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    l->t = heed_tape_new();
    heed_tape_set_threads(l->t, threads);
    if (heed_tape_on_watch(l->t, "*cross_attn.pattern", catch_pattern, l)) {
        lookout_free(l);
        return NULL;
    }
    return l;
}

void lookout_free(lookout *l) {
    if (l)
        heed_tape_free(l->t);
    free(l);
}

const char *lookout_error_text(const lookout *l) {
    return heed_error_text(l->t);
}

heed_status lookout_take(lookout *l, const reader *r, const example *e, attention_map *map) {
    batch_fill(&l->b, e, 1);
    l->map = NULL; /* while it reads, each character is a pass of its own; only the last, over all of them, is wanted */
    heed_status status = reader_read(r, l->t, &l->b, l->ids, &map->sure);
    if (status)
        return status;
    r->task->write(r->task, false, e->source, e->S, map->source);
    r->task->write(r->task, true, l->ids, BATCH_TIME, map->answer);
    map->S = e->S;
    map->T = text_columns(map->answer);
    map->layers = 0;
    l->map = map;
    status = reader_replay(r, l->t, &l->b, l->ids);
    l->map = NULL;
    return status;
}

/* ---- printing ---- */

typedef struct axis {
    char text[DATES_SOURCE_LENGTH][UTF8_BYTES + 1];
    const char *label[DATES_SOURCE_LENGTH];
} axis;

/* A label for each character. */
static void make_axis(axis *a, const char *text) {
    uint32_t point;
    int bytes;
    for (int i = 0; i < DATES_SOURCE_LENGTH && (bytes = utf8_read(text, &point)) > 0; i++, text += bytes) {
        snprintf(a->text[i], sizeof a->text[i], "%.*s", bytes, text);
        a->label[i] = a->text[i];
    }
}

static void mean_of_heads(const attention_map *map, double mean[MAP_SIZE]) {
    for (int i = 0; i < map->T * map->S; i++) {
        mean[i] = 0;
        for (int layer = 0; layer < map->layers; layer++)
            for (int head = 0; head < map->heads; head++)
                mean[i] += map->weights[layer][head][i] / (map->layers * map->heads);
    }
}

/* The axes as labels: queries, what is written, down; keys, what is read, across. */
typedef struct frame {
    axis read, written;
} frame;

static void make_frame(frame *f, const attention_map *map) {
    make_axis(&f->read, map->source);
    make_axis(&f->written, map->answer);
}

void map_print(const terminal *term, const attention_map *map) {
    double mean[MAP_SIZE];
    frame f;
    mean_of_heads(map, mean);
    make_frame(&f, map);
    attention_picture_print(term, &(attention_picture){.weights = mean,
                                                       .rows = map->T,
                                                       .columns = map->S,
                                                       .row_names = f.written.label,
                                                       .column_names = f.read.label,
                                                       .maps = map->layers * map->heads,
                                                       .note = "rows: what it writes, columns: what it reads"});
}

/* Small, to stand beside others. */
static picture small(const frame *f, const attention_map *map, const double *weights, const char *title) {
    return (picture){
        .title = title,
        .values = weights,
        .rows = map->T,
        .columns = map->S,
        .row_labels = f->written.label,
        .column_labels = f->read.label,
        .row_ink = INK_QUERY,
        .column_ink = INK_KEY,
        .scale = 1,
        .shares = true,
        .cell = 1,
    };
}

void map_print_heads(const terminal *term, const attention_map *map) {
    enum { GAP = 2, TITLE = 48 };
    char title[MAP_HEADS][TITLE];
    picture p[MAP_HEADS];
    frame f;
    make_frame(&f, map);
    for (int layer = 0; layer < map->layers; layer++) {
        for (int head = 0; head < map->heads; head++) {
            snprintf(title[head], TITLE, "  decoder.%d head %d", layer, head);
            p[head] = small(&f, map, map->weights[layer][head], title[head]);
        }
        int room = (term->width + GAP) / (picture_width(&p[0]) + GAP);
        for (int head = 0, count; head < map->heads; head += count) {
            int left = map->heads - head;
            count = room < 1 ? 1 : room < left ? room : left;
            fputc('\n', term->out);
            pictures_print(term, p + head, count, GAP);
        }
    }
}
