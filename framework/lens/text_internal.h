/* Text that grows, in memory that is used again; JSON's strings and numbers in it. */
#ifndef HEED_LENS_TEXT_INTERNAL_H
#define HEED_LENS_TEXT_INTERNAL_H

#include <heed/base.h>

typedef struct lens_text {
    char *data; /* n bytes, and a NUL behind them once something was put; for free() */
    size_t n, capacity;
    bool failed; /* memory is out: what was put since is not there */
} lens_text;

void lens_text_put(lens_text *text, const char *bytes, size_t n);
void lens_text_format(lens_text *text, const char *format, ...) HEED_PRINTF(2, 3);
/* "..." with its quotes; bytes that are no UTF-8 become U+FFFD. */
void lens_text_string(lens_text *text, const char *string);
/* The shortest of 15 and 17 digits that is x again; null where x is not finite. In the locale "C". */
void lens_text_number(lens_text *text, double x);
/* A copy whose bytes that are no UTF-8 are U+FFFD; for free(), NULL: out of memory. */
char *lens_utf8(const char *string);

#endif
