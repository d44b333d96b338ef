#include "show.h"

#include <math.h>
#include <time.h>

enum { STRIP = 4, FRAME_MILLISECONDS = 100 };

/* ---- the task ---- */

void show_next_task(const terminal *term, const next_question *question) {
    say_heading(term, "THE NEXT LARGER", "one attention head learns an order from nothing but names");
    say_text(term,
             "Eight of the numbers 0 to 15, shuffled, then one of them again. Which is the next larger one there?");
    say(term, "      ");
    for (int i = 0; i < NEXT_SHOWN; i++)
        say(term, "{k|%d}  ", question->number[i]);
    say(term, "   {q|%d} ?   {v|%d}\n\n", question->asked, question->answer);
    say_text(term, "Each number is a unit vector, a 1 at its own place: a name, no size. So entry (a, b) of "
                   "{q|W^Q}~{k|W^K}ᵀ says how "
                   "strongly the question a looks at b, and that is all the head can know of an order. The numbers "
                   "look like numbers "
                   "to you; to the head they might be called apple and pear.");
}

/* ---- the film ---- */

typedef struct labels {
    char text[NEXT_NUMBERS][4];
    const char *name[NEXT_NUMBERS];
} labels;

static void name_rows(labels *l) {
    for (int i = 0; i < NEXT_NUMBERS; i++) {
        snprintf(l->text[i], sizeof l->text[i], "%d", i);
        l->name[i] = l->text[i];
    }
}

static picture map_of(const double *values, const labels *names, const char *title, int cell) {
    return (picture){.title = title,
                     .values = values,
                     .rows = NEXT_NUMBERS,
                     .columns = NEXT_NUMBERS,
                     .row_labels = names->name,
                     .column_labels = cell > 1 ? names->name : NULL,
                     .row_ink = INK_QUERY,
                     .column_ink = INK_KEY,
                     .cell = cell};
}

/* The film is drawn over itself, so all of a frame must be in the window. */
static bool can_run(const terminal *term) {
    return term->live && term->height > NEXT_NUMBERS + 5 && term->width >= 76;
}

static int draw_frame(const terminal *term, const next_frame *frame, const labels *names) {
    picture maps[2] = {map_of(frame->m.qk[0], names, "W^Q W^Kᵀ: question by number", 2),
                       map_of(frame->m.vo[0], names, "W^V W^O: number by answer", 2)};
    say(term, "  step {b|%4lld}  loss {b|%.3f}  right {b|%3.0f %%}  largest on the superdiagonal {b|%2d/15}\n\n",
        (long long)frame->step, frame->loss, 100 * frame->right, frame->m.superdiagonal);
    return pictures_print(term, maps, 2, 5) + 2;
}

static void run_film(const terminal *term, const next_film *film, const labels *names) {
    int drawn = 0;
    for (int i = 0; i < film->frames; i++) {
        terminal_again(term, drawn);
        drawn = draw_frame(term, &film->frame[i], names);
        fflush(term->out);
        nanosleep(&(struct timespec){.tv_nsec = FRAME_MILLISECONDS * 1000000L}, NULL);
    }
    say(term, "\n");
}

/* The frame nearest to a share of the way. */
static const next_frame *frame_at(const next_film *film, double share) {
    return &film->frame[(int)lround(share * (film->frames - 1))];
}

static void show_strip(const terminal *term, const next_film *film, const labels *names) {
    static const double shares[STRIP] = {0, 0.025, 0.075, 1};
    char titles[STRIP][32];
    picture maps[STRIP];
    for (int i = 0; i < STRIP; i++) {
        const next_frame *frame = frame_at(film, shares[i]);
        snprintf(titles[i], sizeof titles[i], "step %lld: %d/15", (long long)frame->step, frame->m.superdiagonal);
        maps[i] = map_of(frame->m.qk[0], names, titles[i], 1);
        if (i)
            maps[i].row_labels = NULL;
    }
    pictures_print(term, maps, STRIP, 3);
}

static void show_table(const terminal *term, const next_film *film) {
    static const double shares[] = {0, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1};
    const next_frame *last = NULL;
    say(term, "\n  step    loss   right   {q|W^Q} {k|W^K}ᵀ: superdiagonal   in order   {v|W^V W^O}: diagonal\n");
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        const next_frame *frame = frame_at(film, shares[i]);
        if (frame != last)
            say(term, "%6lld%8.3f%6.0f %%%22d/15%9.0f %%%17d/15\n", (long long)frame->step, frame->loss,
                100 * frame->right, frame->m.superdiagonal, 100.0 * frame->m.in_order / NEXT_TRIPLES,
                frame->m.diagonal);
        last = frame;
    }
    say(term, "\n");
    say_text(term, "{d|superdiagonal: rows whose largest entry is there; in order: how often, of two numbers above the "
                   "question, the "
                   "nearer has the higher score; diagonal: numbers that, looked at, say their own name loudest.}");
}

void show_next_film(const terminal *term, const next_film *film) {
    labels names;
    name_rows(&names);
    say_heading(term, "THE FILM", "W^Q W^Kᵀ, question by number: from noise to a staircase");
    if (can_run(term))
        run_film(term, film, &names);
    say(term, "  by the strongest entry of each frame  ");
    scale_print(term, false, "-", "+");
    say(term, "\n\n");
    show_strip(term, film, &names);
    show_table(term, film);
}

/* ---- the answer ---- */

/* One row of the product, over √d_k, for the numbers of the question; and what softmax makes of it. */
static void show_scores(const terminal *term, const next_question *q, const next_matrices *m) {
    double score[NEXT_SHOWN], most = -INFINITY, sum = 0;
    for (int i = 0; i < NEXT_SHOWN; i++) {
        score[i] = m->qk[q->asked][q->number[i]] / sqrt(NEXT_D_K);
        most = fmax(most, score[i]);
    }
    for (int i = 0; i < NEXT_SHOWN; i++)
        sum += exp(score[i] - most);
    say(term, "     {q|%d} looks at     score    weight\n", q->asked);
    for (int i = 0; i < NEXT_SHOWN; i++) {
        double weight = exp(score[i] - most) / sum;
        say(term, "          {k|%4d}  %9.2f  %8.3f  ", q->number[i], score[i], weight);
        say_bar(term, q->number[i] == q->answer ? INK_GOOD : INK_PLAIN, weight, 30);
        say(term, "\n");
    }
    say(term, "\n");
}

void show_next_answer(const terminal *term, const next_film *film, const next_question *question) {
    const next_frame *last = &film->frame[film->frames - 1];
    say_heading(term, "AFTER TRAINING", "the same question");
    show_scores(term, question, &last->m);
    if (last->m.superdiagonal < NEXT_ROWS)
        return;
    say_text(
        term,
        "Each row of {q|W^Q}~{k|W^K}ᵀ is highest at the next number and falls from there, step by step; what is not "
        "larger "
        "gets a low score. So whichever eight are there, the nearest larger one wins. The head was told right answers "
        "alone; to give them, it had to put all sixteen names in order: {b|%d of %d} triples a < b < c are. Training "
        "took %.1f s.",
        last->m.in_order, NEXT_TRIPLES, film->seconds);
}

void show_next_result(const terminal *term, const next_film *film, next_marks marks, int asked) {
    char number[GROUPED];
    say(term, "{b|%d/15} rows have their largest entry on the superdiagonal; right: {b|%.1f %%} of %s\n",
        film->frame[film->frames - 1].m.superdiagonal, 100 * marks.right, grouped(asked, number));
}
