#include "show.h"

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
        v->rows = b->T;
        tr->task->write(tr->task, false, v->e.source, v->e.S, v->source);
        tr->task->write(tr->task, true, v->e.target, v->e.T, v->answer);
        status = translator_look(tr, t, b, v->map, &v->looked);
    }
    free(b);
    return status;
}

typedef struct axis {
    char text[TASK_SOURCE][TASK_LABEL + 2];
    const char *label[TASK_SOURCE];
    int widest;
} axis;

static void make_axis(axis *a, const task *what, bool target, const int32_t *tokens, int count) {
    a->widest = 0;
    for (int i = 0; i < count; i++) {
        char text[TASK_LABEL];
        what->label(what, target, tokens[i], text);
        snprintf(a->text[i], sizeof a->text[i], "%s%s", target ? "  " : "", text);
        a->label[i] = a->text[i];
        a->widest = text_columns(text) > a->widest ? text_columns(text) : a->widest;
    }
}

/* Cells wide enough for their labels, where the terminal is. */
static int cell_columns(const terminal *term, const view *v, const axis *read, const axis *written) {
    int room = (term->width - 1 - written->widest - 3) / v->e.S, wanted = read->widest + 1;
    return room < 1 ? 1 : wanted < room ? wanted : room;
}

static int print_map(const terminal *term, const task *what, const view *v) {
    axis read, written;
    make_axis(&read, what, false, v->e.source, v->e.S);
    make_axis(&written, what, true, v->e.target, v->e.T);
    picture p = {
        .values = v->map,
        .rows = v->e.T,
        .columns = v->e.S,
        .row_labels = written.label,
        .column_labels = read.label,
        .row_ink = INK_QUERY,
        .column_ink = INK_KEY,
        .scale = 1,
        .shares = true,
        .cell = cell_columns(term, v, &read, &written),
    };
    int lines = picture_print(term, &p);
    fputs("    ", term->out);
    scale_print(term, true, "0", "1");
    ink_print(term, INK_DIM, "  from what it writes (down) to what it reads (across)\n");
    return lines + 1;
}

int view_print(const terminal *term, const task *what, const view *v) {
    fputs("  ", term->out);
    ink_print(term, INK_KEY, "%s", v->source);
    fputs("  →  ", term->out);
    ink_print(term, INK_QUERY, "%s", v->answer);
    int wide = text_columns(v->source) + text_columns(v->answer) + 7, lines = 1 + (wide - 1) / term->width;
    fputc('\n', term->out);
    return v->looked && v->e.T > 0 ? lines + print_map(term, what, v) : lines;
}

/* ---- the board ---- */

enum { PLAIN_LINES = 10, PLAIN_VIEW_EVERY = 5, BAR = 24 };
static const double look_every = 2, redraw_every = 0.1; /* seconds, on a terminal */

heed_status board_init(board *b, const translator *tr, int64_t steps, int threads) {
    char why[TASK_WHY];
    *b = (board){.tr = tr, .t = heed_tape_new(), .steps = steps, .width = 1, .started = training_clock()};
    b->looked = b->started - look_every;
    heed_tape_set_threads(b->t, threads);
    return tr->task->read(tr->task, tr->task->probe, &b->v.e, why) ? heed_tape_status(b->t) : HEED_INVALID;
}

void board_end(board *b) {
    if (b->drawn > 0)
        fputc('\n', stdout);
    fflush(stdout);
    heed_tape_free(b->t);
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

/* Whether the k-th of PLAIN_LINES even intervals of the run ends with this step; 0 where none does. */
static int interval_ended(const board *b, int64_t step) {
    int64_t before = (step - 1) * PLAIN_LINES / b->steps, after = step * PLAIN_LINES / b->steps;
    return after > before ? (int)after : 0;
}

static heed_status show_live(board *b, const terminal *term, int64_t step) {
    double now = training_clock();
    bool look = now - b->looked >= look_every || step == b->steps;
    if (!look && now - b->drawn < redraw_every)
        return HEED_OK;
    heed_status status = look ? view_take(b->tr, b->t, b->width, &b->v) : HEED_OK;
    terminal_again(term, look ? b->lines : 0);
    if (look) {
        bool room = term->height > BATCH_TIME || term->height > b->v.rows + 5;
        b->lines = !status && room ? view_print(term, b->tr->task, &b->v) : 0;
        b->looked = training_clock();
    }
    print_numbers(b, term, step);
    fflush(term->out);
    b->drawn = training_clock();
    return status;
}

static heed_status show_plain(board *b, const terminal *term, int64_t step) {
    int interval = interval_ended(b, step);
    if (interval == 0)
        return HEED_OK;
    print_numbers(b, term, step);
    fputc('\n', term->out);
    heed_status status = HEED_OK;
    if (interval % PLAIN_VIEW_EVERY == 2) {
        status = view_take(b->tr, b->t, b->width, &b->v);
        if (!status)
            view_print(term, b->tr->task, &b->v);
    }
    fflush(term->out);
    return status;
}

heed_status board_show(board *b, int64_t step, double loss) {
    terminal term = terminal_open(stdout);
    b->loss = step == 1 ? loss : 0.95 * b->loss + 0.05 * loss;
    return term.live ? show_live(b, &term, step) : show_plain(b, &term, step);
}
