/* Writing a file so that it appears whole or not at all:
 *     write beside it -> fsync -> close -> rename over it -> fsync the directory
 * A full disk shows at write, fsync or close; the old file is then untouched and nothing is left beside it. */
#ifndef HEED_ATOMIC_FILE_INTERNAL_H
#define HEED_ATOMIC_FILE_INTERNAL_H

#include <heed/error.h>

typedef struct atomic_file {
    const char *path;
    char *beside; /* the name it is written under */
    int fd;
    heed_error *error;
} atomic_file;

heed_status atomic_file_open(atomic_file *file, const char *path, heed_error *error);
heed_status atomic_file_write(atomic_file *file, const void *data, size_t bytes);
/* Puts the file in place. Whatever happens, the atomic_file is done with. */
heed_status atomic_file_commit(atomic_file *file);
/* The same without fsync: whole or not at all when the process is killed, but not when the power is cut. */
heed_status atomic_file_commit_unsynced(atomic_file *file);
/* Drops what was written. */
void atomic_file_abandon(atomic_file *file);

#endif
