/* Each head of a trained model switched off in turn. */
#include "lesson.h"

#include "../common/heads.h"

#include <string.h>

/* One attention of the model: what is left without each of its heads, and without all, and where they look. */
typedef struct row {
    attention_place place;
    mark without[READER_HEADS], without_all;
    gaze gaze[GAZE_HEADS];
} row;

typedef struct table {
    int n;
    row rows[READER_PLACES];
} table;

static bool is_cross(const row *r) {
    return strstr(r->place.path, "cross") != NULL;
}

static double percent(const mark *m) {
    return 100.0 * m->exact / m->asked;
}

/* ---- measuring ---- */

static void record_row(classroom *c, const row *r) {
    for (int h = 0; h < READER_HEADS; h++)
        heed_recorder_ablation(c->recorder, r->place.path, h, "sentences exact", percent(&c->many_mark) / 100,
                               percent(&r->without[h]) / 100);
}

static heed_status fill_row(classroom *c, row *r) {
    heed_status status = translate_gaze(c->many, c->t, c->exam, &r->place, r->gaze);
    for (int h = 0; h < READER_HEADS && !status; h++)
        status = translate_without(c->many, c->t, c->exam, r->place.attn, h, &r->without[h]);
    return status ? status : translate_without(c->many, c->t, c->exam, r->place.attn, HEADS_ALL, &r->without_all);
}

static heed_status fill(classroom *c, table *t) {
    attention_place places[READER_PLACES];
    heed_status status = HEED_OK;
    t->n = reader_attentions(c->many, places);
    for (int i = 0; i < t->n && !status; i++) {
        t->rows[i] = (row){.place = places[i]};
        status = fill_row(c, &t->rows[i]);
        if (!status)
            record_row(c, &t->rows[i]);
    }
    return status ? classroom_tape_failed(c, status) : HEED_OK;
}

typedef struct spot {
    const row *row;
    int head;
} spot;

/* The head without which the fewest sentences are right; of equals that with the higher loss. */
static spot most_needed(const table *t) {
    spot most = {&t->rows[0], 0};
    for (int i = 0; i < t->n; i++)
        for (int h = 0; h < READER_HEADS; h++) {
            const mark *m = &t->rows[i].without[h], *than = &most.row->without[most.head];
            if (m->exact < than->exact || (m->exact == than->exact && m->loss > than->loss))
                most = (spot){&t->rows[i], h};
        }
    return most;
}

/* The attention without which the fewest are right. */
static const row *most_needed_row(const table *t) {
    const row *most = &t->rows[0];
    for (int i = 1; i < t->n; i++)
        most = t->rows[i].without_all.exact < most->without_all.exact ? &t->rows[i] : most;
    return most;
}

/* The head of cross-attention that is most on the true words. */
static spot most_aligned(const table *t) {
    spot most = {NULL, 0};
    for (int i = 0; i < t->n; i++)
        for (int h = 0; is_cross(&t->rows[i]) && h < READER_HEADS; h++)
            if (most.row == NULL || t->rows[i].gaze[h].aligned > most.row->gaze[most.head].aligned)
                most = (spot){&t->rows[i], h};
    return most;
}

/* How many heads may be missing, each alone, at the price of one point at most. */
static int hardly_missed(const table *t, const mark *whole) {
    int count = 0;
    for (int i = 0; i < t->n; i++)
        for (int h = 0; h < READER_HEADS; h++)
            count += percent(&t->rows[i].without[h]) >= percent(whole) - 1;
    return count;
}

/* ---- showing ---- */

static void introduce(const classroom *c) {
    say_heading(&c->term, "OFF", "what becomes of the translations without each head");
    say_text(&c->term, "The model with four heads has six attentions: two where the encoder reads the English words, "
                       "and in each of the decoder's two layers one over the French words written so far and one "
                       "{b|across}, back to the English ones. One head after another is switched off: its part of what "
                       "goes into W^O is zero, the others go on as they learned.");
    fflush(stdout);
}

typedef struct look {
    const char *at, *words; /* in the table, and in a sentence */
    double weight;
} look;

/* Where a head looks, by the largest of its mean weights. */
static look look_of(const row *r, int h) {
    const gaze *g = &r->gaze[h];
    if (is_cross(r))
        return (look){"true", "the true words", g->aligned};
    const look looks[] = {{"before", "the word before", g->before},
                          {"itself", "the word itself", g->self},
                          {"after", "the word after", g->after}};
    look most = looks[0];
    for (int i = 1; i < 3; i++)
        most = looks[i].weight > most.weight ? looks[i] : most;
    return most;
}

enum { PLACE = 20, CELL = 12 };

static void print_row(const terminal *term, const row *r, spot most) {
    say(term, "  %-*s", PLACE, r->place.path);
    for (int h = 0; h < READER_HEADS; h++)
        ink_print(term, r == most.row && h == most.head ? INK_BAD : INK_PLAIN, "%5.1f%c%*s", percent(&r->without[h]),
                  r == most.row && h == most.head ? '*' : ' ', CELL - 6, "");
    say(term, "%5.1f\n  %*s", percent(&r->without_all), PLACE, "");
    for (int h = 0; h < READER_HEADS; h++) {
        look l = look_of(r, h);
        char text[CELL + 1];
        snprintf(text, sizeof text, "%s .%02d", l.at, (int)(100 * (l.weight < 0.995 ? l.weight : 0.99) + 0.5));
        ink_print(term, is_cross(r) ? INK_KEY : INK_DIM, "%-*s", h < READER_HEADS - 1 ? CELL : 0, text);
    }
    fputc('\n', term->out);
}

static void show_table(const classroom *c, const table *t, spot most) {
    const terminal *term = &c->term;
    say(term, "  {b|exact without, %%}    head 0      head 1      head 2      head 3      all four\n");
    for (int i = 0; i < t->n; i++)
        print_row(term, &t->rows[i], most);
    say(term, "  {b|with all heads}      {b|%5.1f}\n\n", percent(&c->many_mark));
    say_text(term, "Under each figure is where that head looks most, with its mean weight there: {k|true}, the English "
                   "words that the French word to be written comes from; or the word before, itself, after.");
}

/* Below this there is no lesson to be told: the training was too short. */
static const double learned = 10; /* percent */

static void show_most(const classroom *c, const table *t, spot most) {
    look l = look_of(most.row, most.head);
    const row *layer = most_needed_row(t);
    if (percent(&c->many_mark) < learned) {
        say_text(&c->term, "But it has not learned to translate yet, so little can be lost: give it more --steps.");
        return;
    }
    say_text(&c->term,
             "The head that is missed most (*) is head %d of %s: %.1f %% without it instead of %.1f %%. Its largest "
             "mean weight, %.2f, is on %s.",
             most.head, most.row->place.path, percent(&most.row->without[most.head]), percent(&c->many_mark), l.weight,
             l.words);
    say_text(&c->term,
             "Of the %d heads %d cost a point at most when they alone are gone, and all four of %s leave %.1f %%: "
             "heads share their work, and what one drops others partly do.",
             t->n * READER_HEADS, hardly_missed(t, &c->many_mark), layer->place.path, percent(&layer->without_all));
}

static int largest_of(const float *x, int n) {
    int at = 0;
    for (int i = 1; i < n; i++)
        at = x[i] > x[at] ? i : at;
    return at;
}

enum { BAR = 16 };

static void print_label(const terminal *term, ink colour, const char *text) {
    ink_print(term, colour, "%*s%s", 2, "", text);
    fprintf(term->out, "%*s", text_columns(text) < 14 ? 16 - text_columns(text) : 2, "");
}

static void print_word(const classroom *c, const example *e, int i, const float *weights) {
    char written[TASK_LABEL], read[TASK_LABEL];
    int at = largest_of(weights, e->S);
    c->phrases->label(c->phrases, true, e->target[i], written);
    c->phrases->label(c->phrases, false, e->source[at], read);
    print_label(&c->term, INK_QUERY, written);
    say(&c->term, "{d|from}  ");
    print_label(&c->term, INK_KEY, read);
    say(&c->term, "%4.2f  ", (double)weights[at]);
    say_bar(&c->term, INK_KEY, (double)weights[at], BAR);
    if (e->from[i] && !(e->from[i] >> at & 1))
        say(&c->term, "  {d|(not its own)}");
    fputc('\n', c->term.out);
}

static heed_status show_sentence(classroom *c, spot aligned) {
    example e;
    char source[TASK_BYTES], target[TASK_BYTES];
    translate_pick(c->phrases, &e);
    c->phrases->write(c->phrases, false, e.source, e.S, source);
    c->phrases->write(c->phrases, true, e.target, e.T, target);
    const float *map = translate_map(c->many, c->t, &e, &aligned.row->place, aligned.head);
    if (map == NULL)
        return classroom_tape_failed(c, heed_tape_status(c->t));
    say_text(&c->term,
             "Head %d of %s looks at the true words most. Its largest weight for each word of a sentence it never saw:",
             aligned.head, aligned.row->place.path);
    say(&c->term, "    {k|%s}\n    {q|%s}\n\n", source, target);
    for (int i = 0; i < e.T; i++)
        print_word(c, &e, i, map + i * e.S);
    fputc('\n', c->term.out);
    return HEED_OK;
}

static heed_status show(classroom *c, const table *t, spot most, spot aligned) {
    show_table(c, t, most);
    show_most(c, t, most);
    return show_sentence(c, aligned);
}

heed_status lesson_off(classroom *c) {
    table t;
    if (!c->o.quiet)
        introduce(c);
    heed_status status = classroom_need_many(c);
    if (!status)
        status = fill(c, &t);
    if (status)
        return status;
    spot most = most_needed(&t), aligned = most_aligned(&t);
    if (!c->o.quiet)
        status = show(c, &t, most, aligned);
    if (!status)
        say(&c->term, "off: exact {b|%.1f %%}, {b|%.1f %%} without %s head %d; true words {k|%.2f}\n",
            percent(&c->many_mark), percent(&most.row->without[most.head]), most.row->place.path, most.head,
            aligned.row->gaze[aligned.head].aligned);
    return status;
}
