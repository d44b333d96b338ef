/* What the lesson says, and how it looks. */
#ifndef ADDITION_SHOW_H
#define ADDITION_SHOW_H

#include "../common/say.h"
#include "addition.h"

void show_task(const terminal *term, const addition_task *task, const answerer *a);
void show_line(const terminal *term, int64_t step, double loss,
               const school_count *count); /* of the training's table */
void show_marks(const terminal *term, const addition_marks *marks);
/* maps: as answerer_look makes them, mean over `sums` held-out sums. */
void show_maps(const terminal *term, const addition_task *task, const answerer_options *model, const double *maps,
               int sums);
void show_result(const terminal *term, const addition_marks *marks);

#endif
