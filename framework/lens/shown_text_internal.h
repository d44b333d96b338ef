/* Texts that come from outside. */
#ifndef HEED_SHOWN_TEXT_INTERNAL_H
#define HEED_SHOWN_TEXT_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

/* The code point at `text`, which ends in NUL, and its bytes, 1 to 4; what is no UTF-8 (cut short, overlong, a
 * surrogate, past U+10FFFF: Unicode 15, table 3-7) is U+FFFD, of one byte. 0 at the end. */
int utf8_next(const char *text, uint32_t *point);

#endif
