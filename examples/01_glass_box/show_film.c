/* The film of the two circuits. */
#include "show.h"

#include <math.h>
#include <time.h>

enum { FRAME_MILLISECONDS = 60, STRIP = 4 };

/* Names of rows and columns, as the pictures take them. */
typedef struct labels {
    char text[GLASS_D_MODEL][2];
    const char *key[GLASS_KEYS], *value[GLASS_VALUES];
} labels;

static void name_rows(labels *l) {
    for (int i = 0; i < GLASS_KEYS; i++) {
        l->text[i][0] = key_name(i);
        l->text[i][1] = '\0';
        l->key[i] = l->text[i];
    }
    for (int i = 0; i < GLASS_VALUES; i++) {
        char *text = l->text[GLASS_KEYS + i];
        text[0] = value_name(i);
        text[1] = '\0';
        l->value[i] = text;
    }
}

static picture map_of(const double *values, const char *const *names, const char *title, int cell) {
    return (picture){.title = title,
                     .values = values,
                     .rows = GLASS_KEYS,
                     .columns = GLASS_KEYS,
                     .row_labels = names,
                     .column_labels = names,
                     .cell = cell};
}

/* ---- live ---- */

/* The loss up to a frame, a column a frame: full blocks for what guessing gives, log 16. */
static void loss_curve(const terminal *term, const record *r, int frames) {
    static const char *const heights[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    for (int i = 0; i < frames; i++) {
        double share = r->frame[i].at.loss / log(GLASS_VALUES);
        fputs(heights[(int)lround(8 * fmin(fmax(share, 0), 1))], term->out);
    }
}

static int draw_frame(const terminal *term, const record *r, int index, const labels *names) {
    const record_frame *frame = &r->frame[index];
    picture maps[2] = {map_of(frame->circuits.qk[0], names->key, "W^Q W^Kᵀ: question by key", 2),
                       map_of(frame->circuits.vo[0], names->value, "W^V W^O: value by answer", 2)};
    say(term, "  step {b|%5d}  loss {b|%.3f} ", frame->at.step, frame->at.loss);
    loss_curve(term, r, index + 1);
    say(term, "\n\n");
    return pictures_print(term, maps, 2, 6) + 2;
}

static void run_film(const terminal *term, const record *r, const labels *names) {
    int drawn = 0;
    for (int i = 0; i < r->frames; i++) {
        terminal_again(term, drawn);
        drawn = draw_frame(term, r, i, names);
        fflush(term->out);
        nanosleep(&(struct timespec){.tv_nsec = FRAME_MILLISECONDS * 1000000L}, NULL);
    }
    say(term, "\n");
}

/* ---- what stays ---- */

static void strip_row(const terminal *term, const record *r, bool values, const labels *names) {
    static const double shares[STRIP] = {0, 0.2, 0.4, 1};
    char titles[STRIP][32];
    picture maps[STRIP];
    for (int i = 0; i < STRIP; i++) {
        const record_frame *frame = record_at(r, shares[i]);
        const glass_circuits *c = &frame->circuits;
        snprintf(titles[i], sizeof titles[i], "step %d: %.3f", frame->at.step, frame->at.loss);
        maps[i] = map_of(values ? c->vo[0] : c->qk[0], values ? names->value : names->key, titles[i], 1);
        if (i)
            maps[i].row_labels = NULL;
    }
    pictures_print(term, maps, STRIP, 3);
}

/* The film is drawn over itself, so all of a frame must be in the window. */
static bool can_run(const terminal *term) {
    return term->live && term->height > GLASS_KEYS + 5 && term->width >= 76;
}

void show_film(const terminal *term, const record *r) {
    labels names;
    name_rows(&names);
    say_heading(term, "THE FILM", "what the matrices do to named tokens: from noise to a diagonal");
    say_text(term,
             "The score of question c with key a is entry (c, a) of {q|W^Q} {k|W^K}ᵀ, over √64: the 64 inner numbers "
             "are summed away. Entry (4, 7) of {v|W^V} W^O is what a value 4, looked at, adds to the answer 7. A "
             "diagonal means: find your own key; say what you see.");
    if (can_run(term))
        run_film(term, r, &names);
    say(term, "  {q|W^Q} {k|W^K}ᵀ, by the strongest entry of each frame  ");
    scale_print(term, false, "-", "+");
    say(term, "\n\n");
    strip_row(term, r, false, &names);
    say(term, "\n  {v|W^V} W^O, the same:\n\n");
    strip_row(term, r, true, &names);
    say(term, "\n");
}
