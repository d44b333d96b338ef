#include <locale.h>
#include <stdio.h>

#include "error_internal.h"

void heed_error_raised(heed_status status, const char *text) {
    (void)status;
    (void)text;
    __asm__ volatile(""); /* keeps the function, and so the breakpoint, in an optimised build */
}

void error_text(char text[HEED_ERROR_TEXT], const char *format, va_list arguments) {
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0), theirs = plain ? uselocale(plain) : (locale_t)0;
    vsnprintf(text, HEED_ERROR_TEXT, format, arguments);
    if (plain) {
        uselocale(theirs);
        freelocale(plain);
    }
}

heed_status heed_error_set(heed_error *error, heed_status status, const char *format, ...) {
    heed_error unseen = {.status = HEED_OK};
    if (error == NULL)
        error = &unseen;
    if (error->status != HEED_OK)
        return error->status;
    va_list arguments;
    va_start(arguments, format);
    error_text(error->text, format, arguments);
    va_end(arguments);
    error->status = status;
    heed_error_raised(status, error->text);
    return status;
}
