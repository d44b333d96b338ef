/* UTF-8 as code points, and the upper and lower case of the letters in which Western Europe and Russia write. */
#ifndef EXAMPLES_UTF8_H
#define EXAMPLES_UTF8_H

#include <stdbool.h>
#include <stdint.h>

enum {
    UTF8_BYTES = 4,           /* a code point takes at most so many */
    UTF8_REPLACEMENT = 0xFFFD /* stands for a character that cannot be shown */
};

/* Reads the code point at `text`, a string that ends in NUL: its bytes, 1 to 4; 0 at the end of the string; -1 where
 * the bytes are no UTF-8 (cut short, overlong, a surrogate, past U+10FFFF: Unicode 15, table 3-7). */
int utf8_read(const char *text, uint32_t *point);

/* Writes one code point, without a NUL, and returns its bytes. What is no Unicode scalar value becomes U+FFFD. */
int utf8_write(uint32_t point, char bytes[UTF8_BYTES]);

/* The other case of a letter of ASCII, Latin-1 or the basic Cyrillic alphabet; every other code point stays itself. */
uint32_t utf8_upper(uint32_t point);
uint32_t utf8_lower(uint32_t point);

/* A letter is what has two cases. */
bool utf8_is_letter(uint32_t point);

#endif
