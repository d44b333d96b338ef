/* The text of errors. */
#ifndef HEED_ERROR_INTERNAL_H
#define HEED_ERROR_INTERNAL_H

#include <stdarg.h>

#include <heed/error.h>

/* As vsnprintf, with '.' in numbers whatever the program's locale. */
void error_text(char text[HEED_ERROR_TEXT], const char *format, va_list arguments) HEED_PRINTF(2, 0);

#endif
