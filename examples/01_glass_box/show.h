/* What the glass box says, and how it looks: each function prints one part, for a reader who knows matrices but has
 * not met attention. A query is always blue, a key orange, a value green, a gradient violet; without colour the names
 * say it. No line is wider than 80 columns; behind each part stands an empty line. */
#ifndef GLASS_BOX_SHOW_H
#define GLASS_BOX_SHOW_H

#include "../common/say.h"
#include "inside.h"
#include "planted.h"
#include "record.h"

/* ---- small things the parts have in common ---- */

char key_name(int key);     /* a to p */
char value_name(int value); /* 0 to 9, A to F */
char asked_key(const glass_question *question);
char right_value(const glass_question *question);

void say_pair(const terminal *term, const glass_question *question, int pair); /* "c4" */
/* The first three numbers of a vector: " 0.04 -0.02  0.11 …". */
void say_vector(const terminal *term, ink colour, const double *x, int decimals);

/* ---- the pairs ---- */

void show_task(const terminal *term, const glass_question *question);
/* The six steps of attention for one question, and the answer that comes of them; explained at length or not. */
void show_six_steps(const terminal *term, const glass_question *question, const inside *x, bool explained);
/* Why a weight that is not 1 will do. */
void show_enough(const terminal *term, const glass_question *question, const inside *x, const glass_circuits *circuits);

/* One backward step, taken `steps_done` into training: by hand, by the engine, and the question's loss after it. */
typedef struct backward_lesson {
    int steps_done;
    glass_marks marks; /* at that time */
    glass_question question;
    inside engine, hand;
    double loss_after;
} backward_lesson;
void show_backward(const terminal *term, backward_lesson *lesson);

/* Where the terminal is live the film runs there, drawn over in place; what stays is four frames of it. */
void show_film(const terminal *term, const record *r);
/* Which matrix moved when. */
void show_norms(const terminal *term, const record *r);
/* How sharply the loss curved: rows from the film, where it was asked for. */
void show_curvature(const terminal *term, const record *r);
/* How one gets W^Q, W^K and W^V: the answer in three sentences, with this run's numbers. */
void show_answer(const terminal *term, const record *r, glass_marks marks);

/* ---- the planted teacher ---- */

void show_planted(const terminal *term, const planted_lesson *lesson);
void show_planted_answer(const terminal *term, const planted_lesson *lesson);

#endif
