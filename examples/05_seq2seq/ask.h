/* Asking a trained model. */
#ifndef SEQ2SEQ_ASK_H
#define SEQ2SEQ_ASK_H

#include "options.h"

/* The exit status: MISUSED where the text cannot be read. */
int ask_one(const options *o, const translator *tr);
/* A line of standard output for each of standard input: the translation, or "?" where the line cannot be read, and then
 * it ends FAILED. */
int ask_lines(const options *o, const translator *tr);

#endif
