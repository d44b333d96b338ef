/* The text to learn from: a file, or all sources in a folder. */
#ifndef TINY_CORPUS_H
#define TINY_CORPUS_H

#include <heed/heed.h>

/* The text of a UTF-8 file; of a folder, that of every .c and .h below it, in order of their paths, so that it is the same text on
 * every machine. NULL as path: this project's own sources, from the folder it was cloned into. For free(); NULL and the reason on
 * an error. */
char *corpus_read(const char *path, size_t *bytes, heed_error *error);

#endif
