#include "show.h"

#include "../common/attention_view.h"
#include "../common/training.h"

#include <stdlib.h>
#include <string.h>

/* ---- one view ---- */

heed_status view_take(const translator *tr, heed_tape *t, int width, view *v) {
    batch *b = malloc(sizeof *b);
    int32_t ids[BATCH_TIME];
    if (b == NULL)
        return HEED_NO_MEMORY;
    v->e.T = 0;
    batch_fill(b, &v->e, 1);
    heed_status status = translator_read(tr, t, b, width, ids, &v->sure);
    if (!status) {
        while (v->e.T < tr->task->longest_target && ids[v->e.T] != TOKEN_EOS)
            v->e.T++;
        memcpy(v->e.target, ids, (size_t)v->e.T * sizeof *ids);
        batch_fill(b, &v->e, 1);
        v->heads = tr->reader ? tr->reader->decoder.n_layers * tr->reader->decoder.layer[0].cross_attn.n_heads : 1;
        tr->task->write(tr->task, false, v->e.source, v->e.S, v->source);
        tr->task->write(tr->task, true, v->e.target, v->e.T, v->answer);
        status = translator_look(tr, t, b, v->map, &v->looked);
    }
    free(b);
    return status;
}

typedef struct axis {
    char text[TASK_SOURCE][TASK_LABEL];
    const char *label[TASK_SOURCE];
} axis;

static void make_axis(axis *a, const task *what, bool target, const int32_t *tokens, int count) {
    for (int i = 0; i < count; i++) {
        what->label(what, target, tokens[i], a->text[i]);
        a->label[i] = a->text[i];
    }
}

static void print_map(const terminal *term, const task *what, const view *v) {
    axis read, written;
    make_axis(&read, what, false, v->e.source, v->e.S);
    make_axis(&written, what, true, v->e.target, v->e.T);
    attention_picture_print(term, &(attention_picture){.weights = v->map,
                                                       .rows = v->e.T,
                                                       .columns = v->e.S,
                                                       .row_names = written.label,
                                                       .column_names = read.label,
                                                       .maps = v->heads,
                                                       .note = "rows: what it writes, columns: what it reads"});
}

void view_print(const terminal *term, const task *what, const view *v) {
    fputs("  ", term->out);
    ink_print(term, INK_KEY, "%s", v->source);
    fputs("  →  ", term->out);
    ink_print(term, INK_QUERY, "%s", v->answer);
    fputc('\n', term->out);
    if (v->looked && v->e.T > 0)
        print_map(term, what, v);
}

/* ---- the board ---- */

enum { PLAIN_LINES = 10, PLAIN_FRAMES = 3, BAR = 24 };
static const double redraw_every = 0.1; /* seconds, on a terminal */

void board_init(board *b, int64_t steps) {
    *b = (board){.steps = steps, .started = training_clock()};
}

void board_end(board *b) {
    if (b->drawn > 0)
        fputc('\n', stdout);
    fflush(stdout);
}

void board_show_frame(void *user, heed_recording *so_far) {
    static const attention_view all = {.head = -1};
    board *b = user;
    terminal term = terminal_open(stdout);
    const int frames = (int)(heed_recording_step(so_far, 0) * PLAIN_FRAMES / b->steps);
    if (!term.live && frames == b->frames)
        return;
    terminal_again(&term, b->lines);
    b->lines = attention_view_print(&term, &all, so_far, 0);
    b->frames = frames;
    b->drawn = 0; /* the line of progress is gone, too */
    fflush(stdout);
}

static void print_numbers(const board *b, const terminal *term, int64_t step) {
    double spent = training_clock() - b->started, left = spent / (double)step * (double)(b->steps - step);
    fprintf(term->out, "step %lld/%lld  ", (long long)step, (long long)b->steps);
    if (term->live) {
        bar_print(term, (double)step / (double)b->steps, BAR);
        fputs("  ", term->out);
    }
    fprintf(term->out, "loss %.4f  %.0f s left", b->loss, left);
}

void board_show(board *b, int64_t step, double loss) {
    terminal term = terminal_open(stdout);
    const bool ended =
        step * PLAIN_LINES / b->steps > (step - 1) * PLAIN_LINES / b->steps; /* an even part of the run */
    b->loss = step == 1 ? loss : 0.95 * b->loss + 0.05 * loss;
    if (term.live ? step < b->steps && training_clock() - b->drawn < redraw_every : !ended)
        return;
    terminal_again(&term, 0);
    print_numbers(b, &term, step);
    if (!term.live)
        fputc('\n', term.out);
    fflush(term.out);
    b->drawn = term.live ? training_clock() : 0;
}
