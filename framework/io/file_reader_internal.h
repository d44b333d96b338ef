/* Reading a file from its beginning to its end: what is asked for comes whole, or the reason is said. */
#ifndef HEED_FILE_READER_INTERNAL_H
#define HEED_FILE_READER_INTERNAL_H

#include <heed/error.h>

typedef struct file_reader {
    const char *path;
    const char *format; /* for messages: "safetensors" */
    int fd;
    size_t left; /* bytes not read yet */
    heed_error *error;
} file_reader;

/* Each returns false (NULL) and sets the error. Opens regular files that are not empty, and never waits to do so. */
bool file_reader_open(file_reader *r, const char *path, const char *format, heed_error *error);
void file_reader_close(file_reader *r);
bool file_reader_read(file_reader *r, void *to, size_t bytes);
/* The next bytes in memory of their own, aligned to 64; for free(). */
void *file_reader_block(file_reader *r, size_t bytes);

/* What is wrong with the file; both return false. */
bool file_reader_refuse(const file_reader *r, const char *format, ...) HEED_PRINTF(2, 3);
bool file_reader_no_memory(const file_reader *r);

#endif
