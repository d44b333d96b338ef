/* What the reader of the terminal sees. */
#ifndef TINY_SHOW_H
#define TINY_SHOW_H

#include "../common/say.h"
#include "writer.h"

/* The text, the model, the recipe. */
void show_start(const terminal *term, const writer *w, const char *text, const heed_windows *windows, int64_t steps);

/* Lets the writer go on from the prompt, printed as it comes; indented, for a sample between others. */
heed_status show_writing(const terminal *term, const writer *w, heed_tape *t, const char *prompt, int64_t count,
                         heed_sampler sampler, bool indented, heed_error *error) HEED_MUST_CHECK;

/* Where each head looks, measured on the validation part: how much of its weight goes to the token itself, to the one before, to
 * earlier places with the same token, to what followed those, and how far back it looks. */
heed_status show_heads(const terminal *term, const writer *w, heed_tape *t,
                       const heed_windows *windows) HEED_MUST_CHECK;

/* Which tokens it finds alike: the nearest of a few frequent ones, by the angle between their vectors. */
heed_status show_alike(const terminal *term, const writer *w, const heed_windows *windows,
                       heed_error *error) HEED_MUST_CHECK;

#endif
