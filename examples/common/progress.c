#include "progress.h"

#include "training.h"

enum { BAR = 24 };
static const double redraw_every = 0.1; /* seconds */

void progress_show(progress *p, const terminal *term, int64_t step, int64_t steps, double loss) {
    double now = training_clock();
    if (p->started <= 0)
        p->started = now;
    if (!term->live || now - p->drawn < redraw_every)
        return;
    p->drawn = now;
    terminal_again(term, 0);
    fprintf(term->out, "  %s ", p->name);
    bar_print(term, (double)step / (double)steps, BAR);
    fprintf(term->out, "  %lld/%lld  loss %.3f", (long long)step, (long long)steps, loss);
    if (step > 0)
        fprintf(term->out, "  %.0f s left", (now - p->started) * (double)(steps - step) / (double)step);
    fflush(term->out);
    p->standing = true;
}

void progress_clear(progress *p, const terminal *term) {
    if (p->standing)
        terminal_again(term, 0);
    p->standing = false;
}
