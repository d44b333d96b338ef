/* Every score with one budget, beside none and the transformer of 02, in one table. */
#ifndef SEQ2SEQ_COMPARE_H
#define SEQ2SEQ_COMPARE_H

#include "options.h"

/* The program's exit status; what went wrong was said. */
int compare(const options *o, const task *what);

#endif
