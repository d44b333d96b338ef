/* make_pages FOLDER: the pages that tests/browser looks at. */
#include "pages.h"

#include <stdio.h>

bool pages_fail(const char *what, const char *why) {
    fprintf(stderr, "make_pages: %s: %s\n", what, why);
    return false;
}

const char *pages_path(char *out, size_t size, const char *folder, const char *name, const char *ending) {
    snprintf(out, size, "%s/%s%s", folder, name, ending);
    return out;
}

bool pages_finish(heed_recorder *r, const char *folder, const char *name, int64_t most_bytes) {
    char recording[PAGES_PATH], html[PAGES_PATH];
    heed_error error = {0};
    if (heed_recorder_end(r, &error))
        return pages_fail(name, error.text);
    pages_path(recording, sizeof recording, folder, name, "");
    pages_path(html, sizeof html, folder, name, ".html");
    if (heed_lens_report(recording, html, (heed_lens_report_options){.most_bytes = most_bytes}, &error))
        return pages_fail(name, error.text);
    return true;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: make_pages FOLDER\n");
        return 2;
    }
    bool (*const all[])(const char *) = {pages_glass, pages_reverse, pages_seeds, pages_hostile, pages_bare};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!all[i](argv[1]))
            return 1;
    return 0;
}
