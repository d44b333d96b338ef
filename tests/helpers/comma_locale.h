/* A locale that writes 1,5 for 1.5, to see who follows it. */
#ifndef HELPERS_COMMA_LOCALE_H
#define HELPERS_COMMA_LOCALE_H

#include <stdbool.h>

/* Makes one and puts it in force for numbers; false where the system cannot (it has no localedef). */
bool comma_locale_begin(void);
void comma_locale_end(void);

#endif
