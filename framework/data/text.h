/* Text: UTF-8 read strictly, and files of it. */
#ifndef HEED_TEXT_H
#define HEED_TEXT_H

#include <heed/error.h>

HEED_BEGIN_DECLS

enum { HEED_UTF8_BYTES = 4 }; /* a code point takes at most so many */

/* The code point with which `text` begins, and its length, 1 to 4; 0 where `bytes` is 0; -1 where the bytes are no
 * UTF-8: cut short, overlong, a surrogate, past U+10FFFF (Unicode 15, table 3-7). NUL is a code point as any other. */
int heed_utf8_read(const char *text, size_t bytes, uint32_t *point);
/* Writes one code point, without a NUL, and returns its length; 0 where it is no Unicode scalar value. */
int heed_utf8_write(uint32_t point, char bytes[HEED_UTF8_BYTES]);
/* How many bytes from the beginning are UTF-8: `bytes`, or the offset of the first that is not. */
size_t heed_utf8_valid(const char *text, size_t bytes);

/* A whole file of UTF-8 in memory, for free(); a NUL follows that `*bytes` (not NULL) does not count. A directory, a
 * FIFO, an empty file, bytes that are no UTF-8 (the error names the offset): NULL and the reason. error may be NULL. */
char *heed_text_read(const char *path, size_t *bytes, heed_error *error);

HEED_END_DECLS
#endif
