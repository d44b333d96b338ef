#include "folder_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *lens_folder_path(const char *folder, const char *name) {
    const size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%s", folder, name);
    return path;
}

const char *lens_frame_file(int64_t step, char name[LENS_FRAME_NAME]) {
    snprintf(name, LENS_FRAME_NAME, "%08lld.safetensors", (long long)step);
    return name;
}

static heed_status system_error(const char *folder, const char *doing, heed_error *error) {
    char reason[128] = "unknown error";
    int number = errno;
    if (strerror_r(number, reason, sizeof reason) != 0)
        snprintf(reason, sizeof reason, "error %d", number);
    return heed_error_set(error, HEED_IO, "%s: cannot %s: %s", folder, doing, reason);
}

/* What recorders write: the index, the graph, frames, and any of these half written when its program was killed. */
static bool is_ours(const char *name) {
    static const char *const fixed[] = {"index.jsonl", "graph.json"};
    size_t digits = strspn(name, "0123456789"), rest = 0;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (strncmp(name, fixed[i], strlen(fixed[i])) == 0)
            rest = strlen(fixed[i]);
    if (digits >= 8 && strncmp(name + digits, ".safetensors", 12) == 0)
        rest = digits + 12;
    const char *tail = name + rest;
    return rest &&
           (*tail == '\0' || (*tail == '.' && strlen(tail) > 4 && strcmp(tail + strlen(tail) - 4, ".tmp") == 0));
}

/* Calls each with the names in the folder until it returns false. */
typedef bool each_name(void *context, const char *folder, const char *name);
static heed_status for_each_name(const char *folder, each_name *each, void *context, heed_error *error) {
    DIR *directory = opendir(folder);
    if (directory == NULL)
        return system_error(folder, "look into it", error);
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            !each(context, folder, entry->d_name))
            break;
    closedir(directory);
    return HEED_OK;
}

typedef struct content {
    int files;
    bool has_index;
    char foreign[256]; /* a name that is not ours */
} content;

static bool look_at(void *context, const char *folder, const char *name) {
    content *c = context;
    (void)folder;
    c->files++;
    c->has_index = c->has_index || strcmp(name, "index.jsonl") == 0;
    if (!is_ours(name) && !*c->foreign)
        snprintf(c->foreign, sizeof c->foreign, "%s", name);
    return true;
}

static bool delete_one(void *context, const char *folder, const char *name) {
    int *failed = context;
    if (strcmp(name, "index.jsonl") == 0)
        return true;
    char *path = lens_folder_path(folder, name);
    if (path == NULL || unlink(path) != 0)
        *failed = path ? errno : ENOMEM;
    free(path);
    return *failed == 0;
}

/* What an index begins with. */
static const char begin[] = "{\"heed_recording\":";

/* Whether the index is a recording's, cut as it may be. */
static bool has_header(const char *index) {
    char text[sizeof begin - 1];
    FILE *file = fopen(index, "rb");
    size_t n = file ? fread(text, 1, sizeof text, file) : 0;
    if (file)
        fclose(file);
    return file && memcmp(text, begin, n) == 0;
}

/* The index is cut first, so that nothing half deleted looks like a whole recording, and deleted last, so that what is left
 * where this comes to no end is still known as one's, and may be replaced. */
static heed_status delete_recording(const char *folder, const char *index, heed_error *error) {
    int failed = truncate(index, sizeof begin - 1) != 0 ? errno : 0;
    heed_status status = failed ? HEED_OK : for_each_name(folder, delete_one, &failed, error);
    if (!status && !failed && unlink(index) != 0)
        failed = errno;
    if (status)
        return status;
    errno = failed;
    return failed ? system_error(folder, "delete the recording in it", error) : HEED_OK;
}

/* A folder in which there are files already, as c says. */
static heed_status prepare_used(const char *folder, const char *index, const content *c, bool replace,
                                heed_error *error) {
    if (*c->foreign || !c->has_index || !has_header(index))
        return heed_error_set(error, HEED_INVALID, "%s: %s%s%s; a recording needs a folder of its own, new or empty",
                              folder, *c->foreign ? "there is " : "there are files that are no recording's", c->foreign,
                              *c->foreign ? " in it" : "");
    if (!replace)
        return heed_error_set(error, HEED_INVALID,
                              "%s: there is a recording in it; record elsewhere, delete it, or ask to replace it",
                              folder);
    return delete_recording(folder, index, error);
}

heed_status lens_folder_prepare(const char *folder, bool replace, heed_error *error) {
    content c = {.files = 0};
    if (mkdir(folder, 0777) == 0)
        return HEED_OK;
    if (errno != EEXIST)
        return system_error(folder, "make the folder", error);
    if (for_each_name(folder, look_at, &c, error))
        return HEED_IO;
    if (c.files == 0)
        return HEED_OK;
    char *index = lens_folder_path(folder, "index.jsonl");
    if (index == NULL)
        return heed_error_set(error, HEED_NO_MEMORY, "%s: out of memory", folder);
    heed_status status = prepare_used(folder, index, &c, replace, error);
    free(index);
    return status;
}
