/* The largest eigenvalue of the Hessian over training, beside what the learning rate bears. */
#include "show.h"

#include <math.h>

enum { ROWS = 11, WIDTH = 40 };
static const double LEARNING_RATE = 1;

static double largest_of(const record *r) {
    double most = 2 / LEARNING_RATE;
    for (int i = 0; i < r->frames; i++)
        most = fmax(most, r->frame[i].sharpest.value);
    return most;
}

/* A bar as long as the value is large, and a mark where 2 / lr lies. */
static void bar(const terminal *term, double value, double most) {
    const int length = (int)lround(WIDTH * fmax(value, 0) / most), mark = (int)lround(WIDTH * 2 / LEARNING_RATE / most);
    for (int i = 0; i <= (length > mark ? length : mark); i++)
        fputs(i == mark ? "│" : i < length ? "█" : " ", term->out);
}

void show_curvature(const terminal *term, const record *r) {
    const double most = largest_of(r);
    say_heading(term, "HOW SHARPLY THE LOSS CURVES", "the largest eigenvalue of its Hessian, on 32 questions");
    say_text(term,
             "Along the direction of this eigenvalue, a step against the gradient with learning rate η overshoots when the "
             "eigenvalue is above 2 / η, here 2, where the line is. Where the loss falls fastest it curves most.");
    say(term, "   step    loss  eigenvalue\n");
    for (int row = 0; row < ROWS; row++) {
        const record_frame *frame = record_at(r, (double)row / (ROWS - 1));
        say(term, "  %5d  %6.3f  {b|%10.4f}  ", frame->at.step, frame->at.loss, frame->sharpest.value);
        bar(term, frame->sharpest.value, most);
        say(term, "\n");
    }
    say(term, "\n");
}
