#include "corpus.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- a list of paths ---- */

typedef struct paths {
    char **path;
    size_t count, room;
    bool failed; /* out of memory */
} paths;

static void add_path(paths *list, const char *folder, const char *name) {
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 64;
        char **more = realloc(list->path, room * sizeof *more);
        if (more == NULL) {
            list->failed = true;
            return;
        }
        list->path = more;
        list->room = room;
    }
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (path == NULL) {
        list->failed = true;
        return;
    }
    snprintf(path, size, "%s%s%s", folder, folder[0] ? "/" : "", name);
    list->path[list->count++] = path;
}

static void free_paths(paths *list) {
    for (size_t i = 0; i < list->count; i++)
        free(list->path[i]);
    free(list->path);
}

static int compare_paths(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- folders ---- */

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool is_source(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot && (strcmp(dot, ".c") == 0 || strcmp(dot, ".h") == 0);
}

/* Everything below the folders in the list, which are taken from it one after another; sources are put into `files`. Symbolic
 * links are left alone: they may lead round in a circle. */
static void search(paths *folders, paths *files) {
    for (size_t next = 0; next < folders->count && !folders->failed && !files->failed; next++) {
        DIR *folder = opendir(folders->path[next]);
        for (struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) {
            if (entry->d_name[0] == '.')
                continue;
            add_path(files, folders->path[next], entry->d_name);
            struct stat info;
            char *path = files->failed ? NULL : files->path[files->count - 1];
            bool known = path && lstat(path, &info) == 0;
            if (known && S_ISDIR(info.st_mode))
                add_path(folders, folders->path[next], entry->d_name);
            if (path && !(known && S_ISREG(info.st_mode) && is_source(path)))
                free(files->path[--files->count]);
        }
        if (folder)
            closedir(folder);
    }
}

/* The files one behind the other; those that are empty or no UTF-8 are no text. */
static char *join(const paths *files, size_t *bytes) {
    char *all = NULL;
    *bytes = 0;
    for (size_t i = 0; i < files->count; i++) {
        size_t size;
        char *text = heed_text_read(files->path[i], &size, NULL);
        char *more = text ? realloc(all, *bytes + size + 1) : all;
        if (text && more) {
            all = more;
            memcpy(all + *bytes, text, size);
            *bytes += size;
            all[*bytes] = '\0';
        }
        free(text);
        if (text && more == NULL) {
            free(all);
            return NULL;
        }
    }
    return all;
}

static char *read_sources(paths *folders, const char *what, size_t *bytes, heed_error *error) {
    paths files = {.path = NULL};
    search(folders, &files);
    if (files.count > 1)
        qsort(files.path, files.count, sizeof *files.path, compare_paths);
    char *text = files.failed || folders->failed ? NULL : join(&files, bytes);
    if (files.count == 0 && !files.failed)
        heed_error_set(error, HEED_IO, "%s: there are no .c and .h files below it", what);
    else if (text == NULL)
        heed_error_set(error, HEED_NO_MEMORY, "%s: out of memory, or no file of it can be read", what);
    free_paths(&files);
    return text;
}

char *corpus_read(const char *path, size_t *bytes, heed_error *error) {
    static const char *const own[] = {"framework", "layers", "optim", "examples"};
    paths folders = {.path = NULL};
    char *text = NULL;
    if (path && !is_folder(path))
        return heed_text_read(path, bytes, error);
    if (path)
        add_path(&folders, "", path);
    for (size_t i = 0; i < sizeof own / sizeof *own && path == NULL; i++)
        if (is_folder(own[i]))
            add_path(&folders, "", own[i]);
    if (path || folders.count == sizeof own / sizeof *own)
        text = read_sources(&folders, path ? path : "this project's sources", bytes, error);
    else
        heed_error_set(
            error, HEED_IO,
            "this project's sources are not in this folder: go where they are, or name a text with --text FILE");
    free_paths(&folders);
    return text;
}
