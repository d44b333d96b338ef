#include "recording.h"

#include "program.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For free(); NULL: out of memory, or nothing is to be recorded. */
static char *folder_of(const recording *kept) {
    static const char ending[] = ".recording";
    const char *name = kept->folder ? kept->folder : kept->page;
    size_t size = name ? strlen(name) + sizeof ending : 0;
    char *folder = name ? malloc(size) : NULL;
    if (folder)
        snprintf(folder, size, "%s%s", name, kept->folder ? "" : ending);
    return folder;
}

/* Whether nothing is there, or a folder with nothing in it. */
static bool is_free(const char *path) {
    DIR *folder = opendir(path);
    int entries = 0;
    if (folder == NULL)
        return errno == ENOENT;
    while (entries < 3 && readdir(folder))
        entries++;
    closedir(folder);
    return entries < 3; /* . and .. */
}

/* A folder that is not there yet is made where a file could be written. */
static bool can_make(const char *path) {
    char name[4096];
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    snprintf(name, sizeof name, "%.*s", (int)length, path);
    return access(name, F_OK) == 0 || can_write("record", name);
}

static bool is_recording(const char *path) {
    char name[4096];
    return snprintf(name, sizeof name, "%s/index.jsonl", path) < (int)sizeof name && access(name, F_OK) == 0;
}

bool can_record(const recording *kept) {
    if (kept->folder && is_recording(kept->folder)) {
        complain("--record %s: there is a recording in it, which stays as it is: name a new folder, also for a run that "
                 "goes on; heed-lens shows several recordings in one page",
                 kept->folder);
        return false;
    }
    if (kept->folder && !is_free(kept->folder)) {
        complain("--record %s: a recording needs a folder that is new, or empty", kept->folder);
        return false;
    }
    if (kept->folder && !can_make(kept->folder))
        return false;
    return kept->page == NULL || can_write("report", kept->page);
}

heed_recorder *recording_begin(const recording *kept, heed_model *model, heed_recorder_options options) {
    const bool kept_at_all = kept->folder || kept->page;
    if (!kept_at_all && !kept->shown)
        return NULL;
    char *folder = folder_of(kept);
    if (kept_at_all && folder == NULL) /* out of memory: a name that none can have says so */
        return heed_recorder_new("", model, options);
    options.replace = kept->folder == NULL; /* one that the last page was made from */
    heed_recorder *r = heed_recorder_new(folder, model, options);
    free(folder);
    return r;
}

static heed_status write_page(const recording *kept, bool quiet, heed_error *error) {
    char *folder = folder_of(kept);
    heed_status status = folder ? HEED_OK : heed_error_set(error, HEED_NO_MEMORY, "out of memory");
    if (!status && kept->page)
        status =
            heed_lens_report(folder, kept->page, (heed_lens_report_options){.most_bytes = kept->page_bytes}, error);
    if (!status && !quiet) {
        printf("the training is kept in %s", folder);
        if (kept->page)
            printf("; open %s in a browser", kept->page);
        putchar('\n');
    }
    free(folder);
    return status;
}

heed_status recording_end(const recording *kept, heed_recorder *r, bool quiet, heed_status status, heed_error *error) {
    heed_error own = {.status = HEED_OK};
    if (r == NULL)
        return status;
    heed_status ended = heed_recorder_end(r, &own);
    if (status)
        return status;
    if (ended)
        return heed_error_set(error, ended, "%s", own.text);
    return kept->folder || kept->page ? write_page(kept, quiet, error) : HEED_OK;
}

int recording_close(const recording *kept, heed_recorder *r, bool quiet, int result) {
    heed_error error = {.status = HEED_OK};
    heed_status status = recording_end(kept, r, quiet, result == DONE ? HEED_OK : HEED_INVALID, &error);
    return status && result == DONE ? failed(error.text) : result;
}

void recording_measure(heed_recorder *r, int64_t done, int64_t steps, const char *name, double value) {
    heed_recorder_scalar(r, done < steps ? done + 1 : steps, name, value);
}

const char **recording_names(int n, const int32_t *tokens, recording_name *name, const void *user) {
    const char **names = malloc((size_t)n * (sizeof *names + RECORDING_NAME));
    char(*text)[RECORDING_NAME] = (char(*)[RECORDING_NAME])(names + n); /* behind the pointers to them */
    for (int i = 0; i < n && names; i++) {
        name(user, tokens ? tokens[i] : i, text[i]);
        names[i] = text[i];
    }
    return names;
}
