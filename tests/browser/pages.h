/* Recordings and pages for the tests in the browser: short real trainings, and names that mean harm. */
#ifndef TESTS_BROWSER_PAGES_H
#define TESTS_BROWSER_PAGES_H

#include <heed/heed.h>

/* Each writes FOLDER/NAME (the recording) and FOLDER/NAME.html; false, and the reason on stderr, if it can't. */
bool pages_glass(const char *folder); /* example 01; and FOLDER/glass.json: losses that the engine finds, see there */
bool pages_reverse(
    const char *folder); /* an encoder and a decoder of 2 layers and 4 heads that learn to turn words round */
bool pages_seeds(const char *folder); /* reverse, behind pages_reverse, beside the same run from another seed,
                                        * reverse2; and reverse in a page without room for all gradients, thin */
bool pages_hostile(const char *folder); /* 1,000 tokens whose names would be markup, scripts, controls */
bool pages_bare(const char *folder);    /* a loss and one matrix, without attention or probe */

/* FOLDER/NAME, with what is appended. */
const char *pages_path(char *out, size_t size, const char *folder, const char *name, const char *ending);
/* Ends the recording and makes its page of at most most_bytes (0: the report's own limit). */
bool pages_finish(heed_recorder *r, const char *folder, const char *name, int64_t most_bytes);
bool pages_fail(const char *what, const char *why);

enum { PAGES_PATH = 1024 };

#endif
