#include "comma_locale.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[32];

static bool make_locale(void) {
    char path[64], command[160];
    snprintf(folder, sizeof folder, "/tmp/heed_locale_XXXXXX");
    if (mkdtemp(folder) == NULL)
        return false;
    snprintf(path, sizeof path, "%s/source", folder);
    FILE *source = fopen(path, "w");
    if (source == NULL)
        return false;
    fputs("LC_NUMERIC\ndecimal_point \",\"\nthousands_sep \".\"\ngrouping 3;3\nEND LC_NUMERIC\n", source);
    fclose(source);
    snprintf(command, sizeof command, "localedef -c -i %s/source %s/comma >/dev/null 2>&1", folder, folder);
    int status = system(command); /* not 0: the other categories are missing, which it warns about */
    return status != -1 && setenv("LOCPATH", folder, 1) == 0;
}

bool comma_locale_begin(void) {
    char text[8];
    if (!make_locale() || setlocale(LC_NUMERIC, "comma") == NULL) {
        comma_locale_end();
        return false;
    }
    snprintf(text, sizeof text, "%.1f", 1.5);
    return text[1] == ',';
}

void comma_locale_end(void) {
    char command[64];
    setlocale(LC_NUMERIC, "C");
    unsetenv("LOCPATH");
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) == -1)
        perror(command);
}
