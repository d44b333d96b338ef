/* What every example does as a program: how it ends, complains, is interrupted, and sees early whether it can save. */
#ifndef EXAMPLES_PROGRAM_H
#define EXAMPLES_PROGRAM_H

#include <stdbool.h>

/* How a program ends. */
enum { DONE = 0, FAILED = 1, MISUSED = 2 };

/* "02_dates: ", the message, and a newline, to stderr. The name is what the program was started as; what a message quotes
 * from files can hide nothing, nor steer the terminal (heed_text_shown). */
void program_named(const char *path);
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Complains, of memory where the text is empty, and returns FAILED. */
int failed(const char *text);

/* While watched, the first Ctrl-C (or SIGTERM) is noted, and the program may save what it has; a second one ends it at once. A
 * signal that is ignored stays so, as it is in a script's background. */
void interruption_watch(bool watch);
/* The number of the signal that came, or 0. */
int interrupted(void);

/* Whether the file that an option names can be written, which is better known before a minute of training than after;
 * complains if not. */
bool can_write(const char *option, const char *path);

/* For main to return through: a standard output that could not be written makes DONE a FAILED, and whoever started an
 * interrupted program sees that it was. */
int program_end(int result);

#endif
