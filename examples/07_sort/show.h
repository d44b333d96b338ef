/* What the two lessons say, and how it looks. */
#ifndef SORT_SHOW_H
#define SORT_SHOW_H

#include "../common/say.h"
#include "next.h"
#include "sort.h"

/* ---- sorting ---- */

void show_sort_task(const terminal *term, const sort_task *task, const answerer *a);
/* A line of the training's table, its head before the first one. */
void show_sort_line(const terminal *term, int64_t step, double loss, const school_count *count);

/* One input with the answer that was given, and each head's map of it: (answer, read) as answerer_look makes them; `own` is the
 * mean over many inputs of sort_on_own_value by head, `chance` what it would be if all digits were looked at alike. */
typedef struct show_sort_maps {
    const int32_t *row;
    const double *maps, *own;
    double chance;
} show_sort_maps;
void show_sort_heads(const terminal *term, const sort_task *task, const answerer_options *model,
                     const show_sort_maps *maps);
void show_sort_result(const terminal *term, const sort_task *task, const school_count *count);

/* ---- the next larger ---- */

void show_next_task(const terminal *term, const next_question *question);
/* The film runs where the terminal is live; what stays is four frames of it, and a table. */
void show_next_film(const terminal *term, const next_film *film);
void show_next_answer(const terminal *term, const next_film *film, const next_question *question);
void show_next_result(const terminal *term, const next_film *film, next_marks marks, int asked);

#endif
