/* Asking a trained model. */
#ifndef DATES_ASK_H
#define DATES_ASK_H

#include "options.h"
#include "../common/reader.h"

/* Both return the program's exit status and say on stderr what was wrong. */

/* The date in o->ask, with the map of where the model looked. 2 where the text cannot be read at all, 1 where the
 * answer is no date of 1900 to 2099. */
int ask_one(const reader *r, const options *o);

/* A line of standard output for each line of standard input, as soon as it has come: the date, or "?" where the line
 * cannot be read or the answer is no date. 1 where there was such a line. */
int ask_lines(const reader *r, const options *o);

#endif
