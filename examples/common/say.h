/* Words with colour in them, as the lessons speak: a query is always blue, a key orange, a value green, a gradient violet;
 * without colour the names say it. No line is wider than 79 columns. */
#ifndef EXAMPLES_SAY_H
#define EXAMPLES_SAY_H

#include "terminal.h"

/* printf, where {q|...} is in the colour of queries, {k|...} keys, {v|...} values, {g|...} gradients, {+|...} what is
 * good, {b|...} bold and {d|...} dim. They do not nest. */
void say(const terminal *term, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same as a paragraph: indented by two columns, broken between words (~ is a space that is not broken at), an empty
 * line behind it. */
void say_text(const terminal *term, const char *format, ...) __attribute__((format(printf, 2, 3)));
void say_heading(const terminal *term, const char *title, const char *rest);
/* `share` of `columns`, to an eighth of a column; without colour too. */
void say_bar(const terminal *term, ink colour, double share, int columns);

#endif
