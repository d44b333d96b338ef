#include "file_reader_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ALIGN = 64 };

bool file_reader_refuse(const file_reader *r, const char *format, ...) {
    char what[HEED_ERROR_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    heed_error_set(r->error, HEED_IO, "%s: not a good %s file: %s", r->path, r->format, what);
    return false;
}

bool file_reader_no_memory(const file_reader *r) {
    heed_error_set(r->error, HEED_NO_MEMORY, "%s: out of memory", r->path);
    return false;
}

static bool system_error(const file_reader *r, const char *doing) {
    char reason[128] = "unknown error";
    int number = errno;
    if (strerror_r(number, reason, sizeof reason) != 0)
        snprintf(reason, sizeof reason, "error %d", number);
    heed_error_set(r->error, HEED_IO, "%s: cannot %s: %s", r->path, doing, reason);
    return false;
}

static bool check_kind(file_reader *r) {
    struct stat info;
    if (fstat(r->fd, &info) != 0)
        return system_error(r, "look at it");
    if (!S_ISREG(info.st_mode)) {
        heed_error_set(r->error, HEED_IO, "%s: is %s, not a file", r->path,
                       S_ISDIR(info.st_mode) ? "a directory" : "a pipe or device");
        return false;
    }
    r->left = (size_t)info.st_size;
    return r->left > 0 || file_reader_refuse(r, "it is empty");
}

bool file_reader_open(file_reader *r, const char *path, const char *format, heed_error *error) {
    *r = (file_reader){.path = path, .format = format, .error = error};
    /* A FIFO opened without O_NONBLOCK would wait for a writer. */
    r->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (r->fd < 0)
        return system_error(r, "open");
    if (check_kind(r))
        return true;
    file_reader_close(r);
    return false;
}

void file_reader_close(file_reader *r) {
    close(r->fd);
    r->fd = -1;
}

bool file_reader_read(file_reader *r, void *to, size_t bytes) {
    char *at = to;
    if (bytes > r->left)
        return file_reader_refuse(r, "it ends too early");
    while (bytes > 0) {
        ssize_t got = read(r->fd, at, bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return system_error(r, "read");
        if (got == 0)
            return file_reader_refuse(r, "it became shorter while it was read");
        at += got;
        bytes -= (size_t)got;
        r->left -= (size_t)got;
    }
    return true;
}

void *file_reader_block(file_reader *r, size_t bytes) {
    void *block = bytes <= SIZE_MAX - ALIGN ? aligned_alloc(ALIGN, (bytes / ALIGN + 1) * ALIGN) : NULL;
    if (block == NULL)
        file_reader_no_memory(r);
    else if (!file_reader_read(r, block, bytes)) {
        free(block);
        block = NULL;
    }
    return block;
}
