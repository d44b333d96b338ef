/* Checkpoints written by a thread of their own: at most one at a time, from a copy. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint_internal.h"

struct heed_checkpoint_writer {
    bool inert;
    char *path;
    bool running;
    pthread_t thread;
    snapshot shot;    /* the thread's while it runs, as is the error */
    heed_error error; /* of the last file */
};

heed_checkpoint_writer *heed_checkpoint_writer_new(const char *path) {
    static heed_checkpoint_writer out_of_memory = {.inert = true};
    heed_checkpoint_writer *writer = calloc(1, sizeof *writer);
    if (writer)
        writer->path = strdup(path);
    if (writer == NULL || writer->path == NULL) {
        free(writer);
        heed_error_raised(HEED_NO_MEMORY, "checkpoint writer: out of memory");
        return &out_of_memory;
    }
    return writer;
}

static void *write_it(void *user) {
    heed_checkpoint_writer *writer = user;
    (void)!snapshot_write(&writer->shot, writer->path, &writer->error);
    return NULL;
}

/* Signals are for the program's own threads. */
static int start(heed_checkpoint_writer *writer) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(&writer->thread, NULL, write_it, writer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

heed_status heed_checkpoint_wait(heed_checkpoint_writer *writer, heed_error *error) {
    if (error)
        *error = (heed_error){.status = HEED_OK};
    if (writer->inert)
        return heed_error_set(error, HEED_NO_MEMORY, "checkpoint writer: out of memory");
    if (!writer->running)
        return HEED_OK;
    pthread_join(writer->thread, NULL);
    writer->running = false;
    snapshot_free(&writer->shot);
    heed_status status = writer->error.status;
    if (error)
        *error = writer->error;
    writer->error = (heed_error){.status = HEED_OK};
    return status;
}

heed_status heed_checkpoint_save_later(heed_checkpoint_writer *writer, const heed_checkpoint *parts,
                                       heed_error *error) {
    heed_error unseen;
    error = error ? error : &unseen;
    if (heed_checkpoint_wait(writer, error))
        return error->status;
    bool taken = snapshot_take(&writer->shot, parts, true, writer->path, error);
    if (taken && start(writer) == 0) {
        writer->running = true;
        return HEED_OK;
    }
    if (taken)
        heed_error_set(error, HEED_STATE, "%s: no thread can be started to write it: out of memory or of threads",
                       writer->path);
    snapshot_free(&writer->shot);
    return error->status;
}

void heed_checkpoint_writer_free(heed_checkpoint_writer *writer) {
    if (writer == NULL || writer->inert)
        return;
    (void)!heed_checkpoint_wait(writer, NULL);
    free(writer->path);
    free(writer);
}
