#include "board.h"

#include "../common/attention_view.h"
#include "../common/training.h"
#include "exam.h"

#include <math.h>
#include <stdlib.h>

enum {
    SAMPLE = 100,        /* held-out dates read for the line of progress */
    SAMPLE_FIRST = 5000, /* beyond those of the final count */
    PLAIN_LINES = 14,    /* in a run, where there is no terminal */
    PLAIN_MAPS = 5,
};
static const double look_every = 2;     /* seconds between two samples on a terminal */
static const double redraw_every = 0.1; /* between two lines of progress */

struct board {
    const reader *r;
    const plan *p;
    bool quiet;
    heed_status status; /* of the looks so far */
    exam *sample;
    heed_tape *t;                  /* the sample's */
    score found;                   /* of the last sample */
    double loss;                   /* averaged over some twenty steps */
    double started, looked, drawn; /* seconds; drawn 0 where no line is on the terminal */
    int lines;                     /* of the map on the terminal now */
    int maps;                      /* shown elsewhere */
};

board *board_new(const reader *r, const plan *p, bool quiet) {
    board *b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    *b =
        (board){.r = r, .p = p, .quiet = quiet, .t = heed_tape_new(), .started = training_clock(), .looked = -INFINITY};
    heed_tape_set_threads(b->t, (int)p->threads);
    b->sample = exam_new(r->task, SAMPLE_FIRST, SAMPLE);
    if (b->sample == NULL) {
        board_free(b);
        return NULL;
    }
    return b;
}

void board_free(board *b) {
    if (b == NULL)
        return;
    exam_free(b->sample);
    heed_tape_free(b->t);
    free(b);
}

const char *board_error_text(const board *b) {
    const char *text = heed_error_text(b->t);
    return b->status && !text[0] ? "out of memory" : text;
}

static heed_status look(board *b) {
    b->status = exam_run(b->sample, b->r, b->t, &b->found);
    b->looked = training_clock();
    return b->status;
}

void board_end(board *b) {
    if (b->drawn > 0)
        fputc('\n', stdout);
    b->drawn = 0;
}

/* ---- the map ---- */

void board_show_frame(void *user, heed_recording *so_far) {
    static const attention_view all = {.head = -1};
    board *b = user;
    terminal term = terminal_open(stdout);
    const int maps = (int)(heed_recording_step(so_far, 0) * PLAIN_MAPS / b->p->steps);
    if (!term.live && maps == b->maps)
        return;
    terminal_again(&term, b->lines);
    b->lines = attention_view_print(&term, &all, so_far, 0);
    b->drawn = 0; /* the line of progress is gone, too */
    b->maps = maps;
    fflush(stdout);
}

/* ---- the line of progress ---- */

enum { PART = 96 };

static void write_step(const board *b, const progress *now, char text[PART]) {
    int wide = snprintf(NULL, 0, "%lld", (long long)b->p->steps);
    snprintf(text, PART, "step %*lld/%lld", wide, (long long)now->step, (long long)b->p->steps);
}

static void write_numbers(const board *b, const progress *now, char text[PART]) {
    double spent = training_clock() - b->started, left = spent / (double)now->step * (double)(b->p->steps - now->step);
    double exact = b->found.dates ? 100.0 * b->found.exact / b->found.dates : 0;
    char speed[GROUPED];
    snprintf(text, PART, "loss %.4f  exact %3.0f %%  %7s char/s  %3.0f s left", b->loss, exact,
             grouped((long long)((double)now->characters / spent), speed), left);
}

static void show_live(board *b, const terminal *term, const progress *now) {
    char step[PART], numbers[PART];
    write_step(b, now, step);
    write_numbers(b, now, numbers);
    terminal_again(term, 0);
    int room = term->width - text_columns(step) - text_columns(numbers) - 7; /* the gaps, and an echoed "^C" */
    fprintf(term->out, "%s  ", step);
    if (room >= 4) {
        bar_print(term, (double)now->step / (double)b->p->steps, room < 40 ? room : 40);
        fputs("  ", term->out);
    }
    fputs(numbers, term->out);
    fflush(term->out);
    b->drawn = training_clock();
}

static void show_plain(board *b, const terminal *term, const progress *now) {
    char step[PART], numbers[PART];
    write_step(b, now, step);
    write_numbers(b, now, numbers);
    fprintf(term->out, "%s  %s\n", step, numbers);
    fflush(term->out);
}

/* Whether one of `parts` even intervals of the run ends with this step. */
static bool interval_ended(const plan *p, int64_t step, int parts) {
    return step * parts / p->steps > (step - 1) * parts / p->steps;
}

heed_status board_show(board *b, const progress *now) {
    b->loss = now->step == 1 ? now->loss : 0.95 * b->loss + 0.05 * now->loss;
    if (b->quiet)
        return HEED_OK;
    terminal term = terminal_open(stdout);
    double clock = training_clock();
    bool last = now->step == b->p->steps;
    bool due = term.live ? clock - b->looked >= look_every || last : interval_ended(b->p, now->step, PLAIN_LINES);
    if (due && look(b))
        return b->status;
    if (term.live && (due || clock - b->drawn >= redraw_every))
        show_live(b, &term, now);
    if (!term.live && due)
        show_plain(b, &term, now);
    return HEED_OK;
}
