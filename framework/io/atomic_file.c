#include "atomic_file_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REASON = 128 };
static const char *reason_of(int number, char reason[REASON]) {
    if (strerror_r(number, reason, REASON) != 0)
        snprintf(reason, REASON, "error %d", number);
    return reason;
}

static heed_status fail(atomic_file *file, const char *doing) {
    char reason[REASON];
    heed_error_set(file->error, HEED_IO, "%s: cannot %s: %s; what was there before is unchanged", file->path, doing,
                   reason_of(errno, reason));
    return HEED_IO;
}

void atomic_file_abandon(atomic_file *file) {
    if (file->fd >= 0)
        close(file->fd);
    if (file->beside)
        unlink(file->beside);
    free(file->beside);
    *file = (atomic_file){.fd = -1};
}

enum { ATTEMPTS = 1000 }; /* names that a killed process of the same number may have left behind */

heed_status atomic_file_open(atomic_file *file, const char *path, heed_error *error) {
    static atomic_uint_fast64_t count; /* two threads may write the same file */
    *file = (atomic_file){.path = path, .fd = -1, .error = error};
    size_t size = strlen(path) + 64;
    char *beside = malloc(size);
    if (beside == NULL)
        return heed_error_set(error, HEED_NO_MEMORY, "%s: out of memory", path);
    for (int attempt = 0; attempt < ATTEMPTS && file->fd < 0; attempt++) {
        snprintf(beside, size, "%s.%ld-%llu.tmp", path, (long)getpid(),
                 (unsigned long long)atomic_fetch_add(&count, 1));
        file->fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file->fd < 0 && errno != EEXIST)
            break;
    }
    if (file->fd < 0) {
        heed_status status = fail(file, "create a file beside it");
        free(beside);
        return status;
    }
    file->beside = beside;
    return HEED_OK;
}

heed_status atomic_file_write(atomic_file *file, const void *data, size_t bytes) {
    const char *at = data;
    while (bytes > 0) {
        ssize_t written = write(file->fd, at, bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return fail(file, "write");
        at += written;
        bytes -= (size_t)written;
    }
    return HEED_OK;
}

/* A rename is only sure to survive a power cut once the directory is on disk. Cuts `path` behind its directory. 0, or errno. */
static int sync_directory(char *path) {
    char *slash = strrchr(path, '/');
    if (slash)
        slash[slash == path] = '\0';
    int fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    const int why = fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP ? 0 : errno; /* some file systems cannot */
    close(fd);
    return why;
}

static heed_status commit(atomic_file *file, bool sync) {
    heed_status status = HEED_OK;
    if (sync && fsync(file->fd) != 0 && errno != EINVAL)
        status = fail(file, "write it to disk");
    int closed = close(file->fd);
    file->fd = -1;
    if (!status && closed != 0)
        status = fail(file, "close");
    if (!status && rename(file->beside, file->path) != 0)
        status = fail(file, "put it in place");
    if (!status) {
        char reason[REASON];
        const int why = sync ? sync_directory(file->beside) : 0;
        if (why)
            heed_error_set(file->error, status = HEED_IO,
                           "%s: written, but its directory could not be synced to disk: %s", file->path,
                           reason_of(why, reason));
        free(file->beside);
        file->beside = NULL; /* it is in place: nothing to be removed */
    }
    atomic_file_abandon(file);
    return status;
}

heed_status atomic_file_commit(atomic_file *file) {
    return commit(file, true);
}

heed_status atomic_file_commit_unsynced(atomic_file *file) {
    return commit(file, false);
}
