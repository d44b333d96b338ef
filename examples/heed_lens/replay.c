/* The attention of a probe, frame after frame, where the terminal can be drawn over; else four frames of it. */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../common/say.h"
#include "actions.h"
#include "look.h"

enum {
    STILLS = 4,
    FILM = 8000,
    SHORTEST = 40,
    LONGEST = 500,
    /* milliseconds */ AROUND = 5 /* lines beside the rows */
};

typedef struct film {
    look *l;
    const json_t *probe, *layer;
    int head;
    terminal term;
    char **row_names, **column_names; /* safe to be shown */
    int rows, columns;                /* those that fit */
} film;

/* ---- names ---- */

static char **shown_names(const char *const *names, int n) {
    char **shown = calloc((size_t)n + 1, sizeof *shown);
    for (int i = 0; i < n && shown; i++)
        if ((shown[i] = heed_text_shown(*names[i] ? names[i] : "∅")) == NULL)
            shown[i] = calloc(1, 1);
    return shown;
}

static void free_names(char **names) {
    for (char **name = names; name && *name; name++)
        free(*name);
    free(names);
}

static int widest(char *const *names, int n) {
    int most = 1;
    for (int i = 0; i < n; i++) {
        int columns = text_columns(names[i]);
        most = columns > most ? columns : most;
    }
    return most;
}

/* ---- frames ---- */

/* A curve's last value up to a step; false where there is none. */
static bool scalar_at(const heed_recording *r, const char *name, int64_t step, double *value) {
    for (int i = 0; i < heed_recording_scalars(r); i++) {
        const int64_t *steps;
        const double *values;
        int64_t n = heed_recording_points(r, i, &steps, &values);
        if (strcmp(heed_recording_scalar_name(r, i), name) != 0)
            continue;
        while (n > 0 && steps[n - 1] > step)
            n--;
        *value = n > 0 ? values[n - 1] : 0;
        return n > 0;
    }
    return false;
}

static int cell_of(const film *f, int columns) {
    int room = f->term.width - widest(f->row_names, f->rows) - 2, names = widest(f->column_names, columns) + 1;
    int cell = names < 8 ? names : 8;
    while (cell > 1 && cell * columns > room)
        cell--;
    return cell;
}

/* Returns the lines that were printed. */
static int show_frame(film *f, const look_pattern *p, int64_t step) {
    double loss, *values = malloc((size_t)f->rows * (size_t)f->columns * sizeof *values);
    char *of_probe = text_of("probe.%s.loss", json_string_value(json_object_get(f->probe, "name")));
    if (values == NULL || of_probe == NULL) {
        free(values);
        free(of_probe);
        return 0;
    }
    for (int i = 0; i < f->rows * f->columns; i++)
        values[i] = p->values[((size_t)f->head * (size_t)p->rows + (size_t)(i / f->columns)) * (size_t)p->columns +
                              (size_t)(i % f->columns)];
    say(&f->term, "{b|step %lld}", (long long)step);
    if (scalar_at(f->l->r, "loss", step, &loss))
        say(&f->term, "   loss %.4f", loss);
    if (scalar_at(f->l->r, of_probe, step, &loss))
        say(&f->term, "   this probe's %.4f", loss);
    fputc('\n', f->term.out);
    const picture map = {.values = values,
                         .rows = f->rows,
                         .columns = f->columns,
                         .row_labels = (const char *const *)f->row_names,
                         .column_labels = (const char *const *)f->column_names,
                         .row_ink = INK_QUERY,
                         .column_ink = INK_KEY,
                         .scale = 1,
                         .shares = true,
                         .cell = cell_of(f, f->columns)};
    int lines = 1 + picture_print(&f->term, &map);
    free(values);
    free(of_probe);
    return lines;
}

static void begin(film *f, const look_pattern *p) {
    f->term = terminal_open(stdout);
    f->row_names = shown_names(p->row_names, p->rows);
    f->column_names = shown_names(p->column_names, p->columns);
    f->rows = f->term.live && p->rows > f->term.height - AROUND ? f->term.height - AROUND : p->rows;
    f->rows = f->rows < 1 ? 1 : f->rows;
    int room = f->term.width - widest(f->row_names, f->rows) - 2;
    f->columns = p->columns < room ? p->columns : room < 1 ? 1 : room;
    char *path = heed_text_shown(json_string_value(json_object_get(f->layer, "path")));
    char *name = heed_text_shown(json_string_value(json_object_get(f->probe, "name")));
    ink_print(&f->term, INK_BOLD, "%s, head %d of %d", path ? path : "", f->head, p->heads);
    ink_print(&f->term, INK_DIM, "  probe \"%s\"\n\n", name ? name : "");
    say(&f->term, "rows: {q|queries}, columns: {k|keys}, attention weight ");
    scale_print(&f->term, true, "0", "1");
    if (f->rows < p->rows || f->columns < p->columns)
        printf("\nthe first %d of %d queries and %d of %d keys, which fit here", f->rows, p->rows, f->columns,
               p->columns);
    printf("\n\n");
    free(path);
    free(name);
}

static void wait_for(int frames) {
    long pause = frames > 0 ? FILM / frames : 0;
    pause = pause < SHORTEST ? SHORTEST : pause > LONGEST ? LONGEST : pause;
    const struct timespec time = {.tv_sec = pause / 1000, .tv_nsec = pause % 1000 * 1000000};
    fflush(stdout);
    nanosleep(&time, NULL);
}

/* Whether a frame is shown: all in a film, else some evenly, the first and the last among them. */
static bool is_shown(const film *f, int frame, int frames) {
    if (f->term.live || frames <= STILLS)
        return true;
    for (int i = 0; i < STILLS; i++)
        if (frame == i * (frames - 1) / (STILLS - 1))
            return true;
    return false;
}

static void run(film *f, int rows, int columns, bool one) {
    int frames = heed_recording_frames(f->l->r), lines = 0;
    for (int frame = one ? f->l->frame : 0; frame < (one ? f->l->frame + 1 : frames); frame++) {
        look_pattern p;
        if (!(one || is_shown(f, frame, frames)) || !look_pattern_read(f->l, f->probe, f->layer, frame, true, &p))
            continue;
        if (p.rows == rows && p.columns == columns && f->head < p.heads) {
            terminal_again(&f->term, lines);
            lines = show_frame(f, &p, heed_recording_step(f->l->r, frame));
            if (f->term.live && !one)
                wait_for(frames);
            else
                fputc('\n', stdout);
        }
        look_pattern_free(&p);
    }
}

int replay(const options *o) {
    look l;
    look_pattern last;
    int result = MISUSED;
    if (!look_open(&l, o, true))
        return MISUSED;
    film f = {.l = &l, .probe = look_entry(&l, "probes", "name", o->probe)};
    f.layer = f.probe ? look_entry(&l, "attention", "path", o->layer) : NULL;
    if (f.layer && look_pattern_read(&l, f.probe, f.layer, l.frame, false, &last)) {
        if (look_head(&last, f.layer, o->head, &f.head)) {
            begin(&f, &last);
            run(&f, last.rows, last.columns, o->step >= 0);
            result = DONE;
        }
        free_names(f.row_names);
        free_names(f.column_names);
        look_pattern_free(&last);
    }
    look_close(&l);
    return result;
}
