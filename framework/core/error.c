#include <stdarg.h>
#include <stdio.h>

#include <heed/error.h>

void heed_error_raised(heed_status status, const char *text) {
    (void)status;
    (void)text;
    __asm__ volatile(""); /* keeps the function, and so the breakpoint, in an optimised build */
}

heed_status heed_error_set(heed_error *error, heed_status status, const char *format, ...) {
    heed_error unseen = {.status = HEED_OK};
    if (error == NULL)
        error = &unseen;
    if (error->status != HEED_OK)
        return error->status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    error->status = status;
    heed_error_raised(status, error->text);
    return status;
}
