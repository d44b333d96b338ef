/* Errors stick: an object keeps the first one with its whole text, and later calls on it do nothing.
 * The library never exits, aborts or prints because of what a user did. */
#ifndef HEED_ERROR_H
#define HEED_ERROR_H

#include <heed/base.h>

HEED_BEGIN_DECLS

enum { HEED_ERROR_TEXT = 768 };

typedef struct heed_error {
    heed_status status;
    char text[HEED_ERROR_TEXT];
} heed_error;

/* Notes the error unless one is already there, and returns `status`. A NULL error only counts as raised.
 * The text says what was done, the thing, its actual and its required value. */
heed_status heed_error_set(heed_error *error, heed_status status, const char *format, ...) HEED_PRINTF(3, 4);

/* Every error of the library passes through here once, when it is raised: break on it in a debugger. */
void heed_error_raised(heed_status status, const char *text);

HEED_END_DECLS
#endif
