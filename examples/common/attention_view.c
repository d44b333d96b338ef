#include "attention_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "recorded_pattern.h"
#include "say.h"

/* ---- a picture ---- */

static int widest(const char *const *names, int n) {
    int most = 1;
    for (int i = 0; i < n; i++) {
        int columns = text_columns(names[i]);
        most = columns > most ? columns : most;
    }
    return most;
}

static int cell_columns(const terminal *term, const attention_picture *p) {
    enum { WIDEST = 16 };
    int room = (term->width - 1 - widest(p->row_names, p->rows) - 1) / p->columns,
        wanted = widest(p->column_names, p->columns) + 1;
    wanted = wanted < WIDEST ? wanted : WIDEST;
    return room < 1 ? 1 : wanted < room ? wanted : room;
}

int attention_picture_print(const terminal *term, const attention_picture *p) {
    const bool several = p->maps > 1;
    const picture map = {.values = p->weights,
                         .rows = p->rows,
                         .columns = p->columns,
                         .row_labels = p->row_names,
                         .column_labels = p->column_names,
                         .row_ink = INK_QUERY,
                         .row_inks = p->row_inks,
                         .column_ink = INK_KEY,
                         .scale = several ? 0.5 : 1,
                         .shares = true,
                         .cell = cell_columns(term, p)};
    int lines = picture_print(term, &map);
    fputs("  ", term->out);
    scale_print(term, true, "0", several ? "0.5+" : "1");
    if (several)
        ink_print(term, INK_DIM, "  mean of %d heads;", p->maps);
    ink_print(term, INK_DIM, "  %s\n", p->note);
    return lines + 1;
}

/* ---- what is shown of a frame ---- */

/* "3≠5", for free(). NULL: out of memory. */
static char *shown_pair(const char *said, const char *right) {
    const size_t room = strlen(said) + strlen("≠") + strlen(right) + 1;
    char *pair = malloc(room), *shown = NULL;
    if (pair) {
        snprintf(pair, room, "%s≠%s", said, right);
        shown = heed_text_shown(pair);
    }
    free(pair);
    return shown;
}

/* Names that are safe to be shown, ended by NULL. NULL: out of memory. */
static char **shown_names(const char *const *names, const char *const *said, int n) {
    char **shown = calloc((size_t)n + 1, sizeof *shown);
    bool good = shown != NULL;
    for (int i = 0; i < n && good; i++) {
        const bool wrong = said && strcmp(said[i], names[i]) != 0;
        const char *right = names[i][0] ? names[i] : "∅";
        shown[i] = wrong ? shown_pair(said[i], right) : heed_text_shown(right);
        good = shown[i] != NULL;
    }
    return shown;
}

static void free_names(char **names, int n) {
    for (int i = 0; i < n && names; i++)
        free(names[i]);
    free(names);
}

static bool all_named(char *const *names, int n) {
    int named = 0;
    while (names && named < n && names[named])
        named++;
    return names && named == n;
}

/* Weights of the layers and heads that are chosen, their mean, with the first layer's names. */
typedef struct chosen {
    recorded_pattern p;
    double *weights; /* (rows, columns) of p */
    int maps;        /* of which it is the mean */
} chosen;

static const json_t *entry_of(const json_t *list, const char *key, const char *wanted) {
    for (size_t i = 0; i < json_array_size(list); i++)
        if (wanted == NULL || strcmp(json_string_value(json_object_get(json_array_get(list, i), key)), wanted) == 0)
            return json_array_get(list, i);
    return NULL;
}

static bool looks_elsewhere(const json_t *layer) {
    const char *kind = json_string_value(json_object_get(layer, "kind"));
    return strcmp(kind, "cross") == 0 || strcmp(kind, "states") == 0;
}

static bool is_chosen(const attention_view *v, const json_t *layers, const json_t *layer) {
    bool elsewhere = false;
    if (v->layer)
        return strcmp(json_string_value(json_object_get(layer, "path")), v->layer) == 0;
    for (size_t i = 0; i < json_array_size(layers); i++)
        elsewhere |= looks_elsewhere(json_array_get(layers, i));
    return elsewhere ? looks_elsewhere(layer) : layer == json_array_get(layers, json_array_size(layers) - 1);
}

static void add_heads(chosen *c, const recorded_pattern *p, int head) {
    const int size = p->rows * p->columns;
    for (int h = 0; h < p->heads; h++) {
        if (head >= 0 && h != head)
            continue;
        c->maps++;
        for (int i = 0; i < size; i++)
            c->weights[i] += p->values[h * size + i];
    }
}

static bool add_layer(chosen *c, recorded_pattern *p, int head) {
    if (c->weights == NULL) {
        c->weights = calloc((size_t)p->rows * (size_t)p->columns, sizeof *c->weights);
        c->p = *p;
        *p = (recorded_pattern){0};
        p = &c->p;
    }
    if (c->weights && p->rows == c->p.rows && p->columns == c->p.columns)
        add_heads(c, p, head);
    return c->weights != NULL;
}

static void free_chosen(chosen *c) {
    recorded_pattern_free(&c->p);
    free(c->weights);
}

static bool choose(chosen *c, const attention_view *v, heed_recording *r, int frame, const json_t *header,
                   const json_t *probe) {
    heed_error e;
    const json_t *layers = json_object_get(header, "attention");
    bool good = probe != NULL;
    *c = (chosen){.weights = NULL};
    for (size_t i = 0; i < json_array_size(layers) && good; i++) {
        recorded_pattern p;
        const json_t *layer = json_array_get(layers, i);
        if (!is_chosen(v, layers, layer) || recorded_pattern_read(&p, r, frame, probe, layer, &e))
            continue;
        good = add_layer(c, &p, v->head);
        recorded_pattern_free(&p);
    }
    for (int i = 0; c->weights && i < c->p.rows * c->p.columns; i++)
        c->weights[i] /= c->maps > 0 ? c->maps : 1;
    if (good && c->maps > 0)
        return true;
    free_chosen(c);
    return false;
}

/* ---- numbers ---- */

/* A curve's points up to a step. */
static int64_t points_until(const heed_recording *r, int scalar, int64_t step, const int64_t **steps,
                            const double **values) {
    int64_t n = heed_recording_points(r, scalar, steps, values);
    while (n > 0 && (*steps)[n - 1] > step)
        n--;
    return n;
}

static int find_scalar(const heed_recording *r, const char *name) {
    for (int i = 0; i < heed_recording_scalars(r); i++)
        if (strcmp(heed_recording_scalar_name(r, i), name) == 0)
            return i;
    return -1;
}

static void print_value(const terminal *term, const heed_recording *r, const char *scalar, int64_t step,
                        const char *called) {
    const int64_t *steps;
    const double *values;
    const int64_t n = points_until(r, find_scalar(r, scalar), step, &steps, &values);
    if (n > 0)
        say(term, "   %s %.4f", called, values[n - 1]);
}

/* The loss from the first step to this one, as blocks up to the largest of them, each the mean of an even share. */
static void print_fall(const terminal *term, const heed_recording *r, int64_t step) {
    enum { BLOCKS = 20 };
    static const char *const heights[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const int64_t *steps;
    const double *values;
    const int64_t n = points_until(r, find_scalar(r, "loss"), step, &steps, &values), blocks = n < BLOCKS ? n : BLOCKS;
    double mean[BLOCKS] = {0}, most = 0;
    for (int64_t b = 0; b < blocks; b++) {
        const int64_t from = b * n / blocks, to = (b + 1) * n / blocks;
        for (int64_t i = from; i < to; i++)
            mean[b] += values[i] / (double)(to - from);
        most = fmax(most, mean[b]);
    }
    if (blocks > 1)
        fputs("   ", term->out);
    for (int64_t b = 0; b < blocks && blocks > 1; b++) {
        const double share = most > 0 ? fmax(mean[b] / most, 0) : 0;
        fputs(isfinite(share) ? heights[(int)lround(7 * share)] : "?", term->out);
    }
}

static bool is_said_elsewhere(const char *scalar) {
    return strcmp(scalar, "loss") == 0 || strcmp(scalar, "learning rate") == 0 || strcmp(scalar, "grad_norm") == 0 ||
           strncmp(scalar, "probe.", 6) == 0;
}

/* What the run itself measures, as far as a line goes; returns the lines. */
static int print_measures(const terminal *term, const heed_recording *r, int64_t step) {
    int used = 0;
    for (int i = 0; i < heed_recording_scalars(r); i++) {
        const int64_t *steps;
        const double *values;
        const int64_t n = points_until(r, i, step, &steps, &values);
        if (is_said_elsewhere(heed_recording_scalar_name(r, i)) || n == 0)
            continue;
        char *name = heed_text_shown(heed_recording_scalar_name(r, i));
        const int columns = name ? text_columns(name) + 12 : term->width;
        if (used + columns < term->width)
            fprintf(term->out, "%s%s %.3g", used ? "   " : "", name ? name : "", values[n - 1]);
        used += columns;
        free(name);
    }
    if (used)
        fputc('\n', term->out);
    return used > 0;
}

/* ---- the whole ---- */

enum { AROUND = 7 }; /* lines beside the rows, with the progress of a run */

/* As many of the first rows and columns as fit; weights are of these. */
static void cut(const terminal *term, const recorded_pattern *p, double *weights, char *const *row_names, int *rows,
                int *columns) {
    const int high = term->height > AROUND ? term->height - AROUND : 1;
    *rows = term->live && p->rows > high ? high : p->rows;
    const int wide = term->width - 2 - widest((const char *const *)row_names, *rows);
    *columns = p->columns < wide ? p->columns : wide < 1 ? 1 : wide;
    for (int i = 0; i < *rows * *columns; i++) /* to the front: nothing is overwritten before it is read */
        weights[i] = weights[i / *columns * p->columns + i % *columns];
}

static int print_map(const terminal *term, const chosen *c, char *const *row_names, char *const *column_names) {
    int rows, columns;
    cut(term, &c->p, c->weights, row_names, &rows, &columns);
    ink *inks = malloc((size_t)rows * sizeof *inks);
    for (int i = 0; i < rows && inks; i++)
        inks[i] = c->p.said && strcmp(c->p.said[i], c->p.row_names[i]) != 0 ? INK_BAD : INK_QUERY;
    const char *note = c->p.said ? "3≠5: it says 3, right is 5" : "rows: queries, columns: keys";
    int lines = attention_picture_print(term, &(attention_picture){.weights = c->weights,
                                                                   .rows = rows,
                                                                   .columns = columns,
                                                                   .row_names = (const char *const *)row_names,
                                                                   .column_names = (const char *const *)column_names,
                                                                   .row_inks = inks,
                                                                   .maps = c->maps,
                                                                   .note = note});
    free(inks);
    if (rows == c->p.rows && columns == c->p.columns)
        return lines;
    fprintf(term->out, "the first %d of %d queries and %d of %d keys, which fit here\n", rows, c->p.rows, columns,
            c->p.columns);
    return lines + 1;
}

static int print_numbers(const terminal *term, const heed_recording *r, int frame, const char *probe) {
    const int64_t step = heed_recording_step(r, frame);
    json_t *of_probe = json_sprintf("probe.%s.loss", probe);
    say(term, "{b|step %lld}", (long long)step);
    print_value(term, r, "loss", step, "loss");
    if (of_probe)
        print_value(term, r, json_string_value(of_probe), step, "this probe's");
    json_decref(of_probe);
    print_fall(term, r, step);
    fputc('\n', term->out);
    return 1 + print_measures(term, r, step);
}

static int print_chosen(const terminal *term, const chosen *c, heed_recording *r, int frame, const json_t *probe) {
    const recorded_pattern *p = &c->p;
    char **rows = shown_names(p->row_names, p->said, p->rows),
         **columns = shown_names(p->column_names, NULL, p->columns);
    int lines = 0;
    if (all_named(rows, p->rows) && all_named(columns, p->columns)) {
        lines = print_numbers(term, r, frame, json_string_value(json_object_get(probe, "name")));
        lines += print_map(term, c, rows, columns);
    }
    free_names(rows, p->rows);
    free_names(columns, p->columns);
    return lines;
}

int attention_view_print(const terminal *term, const attention_view *v, heed_recording *r, int frame) {
    json_t *header = json_loads(heed_recording_header(r), 0, NULL);
    const json_t *probe = entry_of(json_object_get(header, "probes"), "name", v->probe);
    chosen c;
    int lines = 0;
    if (choose(&c, v, r, frame, header, probe)) {
        lines = print_chosen(term, &c, r, frame, probe);
        free_chosen(&c);
    }
    json_decref(header);
    return lines;
}
