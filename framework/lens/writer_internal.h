/* The recorder's thread: it writes lines and frames into the folder while training goes on.
 *
 *     caller: lens_writer_line ... lens_writer_frame, fill it, lens_writer_submit ...      lens_writer_close
 *     thread:              lines; finish the frame, its file, its line, what it has thinned out
 *
 * Lines and frames are written in the order in which they came. After the first error nothing more is taken; what was
 * taken is written, unless it was the writing that failed. What is there by then is whole. */
#ifndef HEED_LENS_WRITER_INTERNAL_H
#define HEED_LENS_WRITER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "frame_internal.h"

enum { LENS_FRAMES = 3 }; /* in memory: one is filled, one is written, one waits */

typedef struct lens_writer {
    char *folder;
    int index; /* file descriptor of index.jsonl; -1: nothing was opened, and nothing is written */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work, room;
    bool running, stop;
    lens_frame frames[LENS_FRAMES];
    unsigned taken, given,
        written; /* frames that the caller was lent, has submitted; that are done with. Modulo LENS_FRAMES */
    lens_text lines, out;           /* what waits to be written; what is being written */
    int64_t woken;                  /* when lines last woke the thread, in ns */
    atomic_bool failed;
    bool broken; /* the thread's own: it could not write */
    heed_error error; /* under the lock */
} lens_writer;

/* An empty writer, which has no folder yet. */
void lens_writer_init(lens_writer *w);
/* Makes the folder and its empty index, and starts the thread. An error is w's. */
void lens_writer_open(lens_writer *w, const char *folder, bool replace);
/* Writes all that there is, ends the thread, closes the files, frees what w points to; w->error stays. */
void lens_writer_close(lens_writer *w);

/* Notes an error, unless there is one, and ends all writing. Returns the status. */
heed_status lens_writer_fail(lens_writer *w, heed_status status, const char *format, ...) HEED_PRINTF(3, 4);
heed_status lens_writer_status(lens_writer *w);

/* A line without its newline. It may wait a moment for company, but not longer than to the next line or frame. */
void lens_writer_line(lens_writer *w, const char *line, size_t bytes);
/* An empty frame to be filled, once there is one; NULL where writing has ended. Until it is submitted it is the same one. */
lens_frame *lens_writer_frame(lens_writer *w, int64_t step);
void lens_writer_submit(lens_writer *w);

#endif
