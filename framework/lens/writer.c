#include "writer_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../core/error_internal.h"
#include "../io/atomic_file_internal.h"
#include "folder_internal.h"

enum { LINES_WAIT = 20000000, MOST_LINES = 1 << 16 }; /* ns, bytes: a thread is not woken for each line of fast steps */

/* ---- errors ---- */

heed_status lens_writer_fail(lens_writer *w, heed_status status, const char *format, ...) {
    char text[HEED_ERROR_TEXT];
    va_list arguments;
    va_start(arguments, format);
    error_text(text, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&w->lock);
    status = heed_error_set(&w->error, status, "%s", text);
    atomic_store(&w->failed, true);
    pthread_cond_broadcast(&w->room);
    pthread_mutex_unlock(&w->lock);
    return status;
}

heed_status lens_writer_status(lens_writer *w) {
    if (!atomic_load(&w->failed))
        return HEED_OK;
    pthread_mutex_lock(&w->lock);
    heed_status status = w->error.status;
    pthread_mutex_unlock(&w->lock);
    return status;
}

/* What is said when the disk is full, or the folder was taken away. */
static void stop_recording(lens_writer *w, heed_status status, const char *why) {
    w->broken = true;
    lens_writer_fail(w, status,
                     "%s: recording has stopped, training goes on, and what was recorded until then can be read: %s",
                     w->folder, why);
}

static void stop_for_system(lens_writer *w, const char *doing) {
    char reason[128] = "unknown error", text[256];
    int number = errno;
    if (strerror_r(number, reason, sizeof reason) != 0)
        snprintf(reason, sizeof reason, "error %d", number);
    snprintf(text, sizeof text, "cannot %s: %s", doing, reason);
    stop_recording(w, HEED_IO, text);
}

/* ---- the thread's work ---- */

static void write_index(lens_writer *w, const char *text, size_t bytes) {
    while (bytes > 0 && !w->broken) {
        ssize_t n = write(w->index, text, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            stop_for_system(w, "write index.jsonl");
            return;
        }
        text += n;
        bytes -= (size_t)n;
    }
}

static void write_frame_line(lens_writer *w, const lens_frame *f, const char *name, uint64_t bytes) {
    w->out.n = 0;
    lens_text_format(&w->out, "{\"step\":%lld,\"frame\":\"%s\",\"bytes\":%llu,\"scalars\":{", (long long)f->step, name,
                     (unsigned long long)bytes);
    lens_text_put(&w->out, f->scalars.n ? f->scalars.data : "", f->scalars.n);
    lens_text_put(&w->out, "}", 1);
    if (f->said.n) {
        lens_text_format(&w->out, ",\"said\":{");
        lens_text_put(&w->out, f->said.data, f->said.n);
        lens_text_put(&w->out, "}", 1);
    }
    lens_text_put(&w->out, "}\n", 2);
    if (f->n_forget) {
        lens_text_put(&w->out, "{\"forget\":[", 11);
        for (size_t i = 0; i < f->n_forget; i++)
            lens_text_format(&w->out, "%s%lld", i ? "," : "", (long long)f->forget[i]);
        lens_text_put(&w->out, "]}\n", 3);
    }
    if (w->out.failed)
        stop_recording(w, HEED_NO_MEMORY, "out of memory");
    else
        write_index(w, w->out.data, w->out.n);
}

/* It is written once and early, so it is worth waiting for the disk: a power cut that takes it would take all. */
static heed_status write_graph(lens_writer *w, const lens_frame *f, heed_error *why) {
    static const char line[] = "{\"graph\":\"graph.json\"}\n";
    atomic_file file;
    char *path = lens_folder_path(w->folder, "graph.json");
    heed_status status =
        path ? atomic_file_open(&file, path, why) : heed_error_set(why, HEED_NO_MEMORY, "out of memory");
    if (!status && (status = atomic_file_write(&file, f->graph.data, f->graph.n)) != HEED_OK)
        atomic_file_abandon(&file);
    else if (!status)
        status = atomic_file_commit(&file);
    if (!status)
        write_index(w, line, sizeof line - 1);
    free(path);
    return status;
}

static void delete_frames(lens_writer *w, const lens_frame *f) {
    char name[LENS_FRAME_NAME];
    for (size_t i = 0; i < f->n_forget && !w->broken; i++) {
        char *path = lens_folder_path(w->folder, lens_frame_file(f->forget[i], name));
        if (path)
            unlink(path); /* a file that stays behind is no frame any more */
        free(path);
    }
}

static void write_frame(lens_writer *w, lens_frame *f) {
    char name[LENS_FRAME_NAME];
    heed_error why = {.status = HEED_OK};
    uint64_t bytes = 0;
    char *path = lens_folder_path(w->folder, lens_frame_file(f->step, name));
    heed_status status = f->graph.n ? write_graph(w, f, &why) : HEED_OK;
    if (!status)
        status = path && lens_frame_finish(f) ? lens_frame_write(f, path, &bytes, &why)
                                              : heed_error_set(&why, HEED_NO_MEMORY, "out of memory");
    if (status)
        stop_recording(w, status, why.text);
    else
        write_frame_line(w, f, name, bytes);
    delete_frames(w, f);
    free(path);
}

static void swap(lens_text *a, lens_text *b) {
    const lens_text was = *a;
    *a = *b;
    *b = was;
}

static void write_lines(lens_writer *w, const lens_text *lines) {
    if (lines->failed)
        stop_recording(w, HEED_NO_MEMORY, "out of memory");
    write_index(w, lines->data, lines->n);
}

static void *work(void *writer) {
    lens_writer *w = writer;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->stop && w->written == w->given && w->lines.n == 0)
            pthread_cond_wait(&w->work, &w->lock);
        lens_frame *f = w->written != w->given ? &w->frames[w->written % LENS_FRAMES] : NULL;
        if (f == NULL && w->lines.n == 0)
            break;
        if (f == NULL) {
            w->out.n = 0;
            swap(&w->out, &w->lines);
        }
        pthread_mutex_unlock(&w->lock);
        write_lines(w, f ? &f->lines : &w->out);
        if (f && !w->broken)
            write_frame(w, f);
        pthread_mutex_lock(&w->lock);
        if (f) {
            w->written++;
            pthread_cond_broadcast(&w->room);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- the caller's side ---- */

static int64_t clock_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void lens_writer_line(lens_writer *w, const char *line, size_t bytes) {
    if (w->index < 0 || atomic_load(&w->failed))
        return;
    int64_t now = clock_now();
    pthread_mutex_lock(&w->lock);
    lens_text_put(&w->lines, line, bytes);
    lens_text_put(&w->lines, "\n", 1);
    if (now - w->woken > LINES_WAIT || w->lines.n > MOST_LINES) {
        w->woken = now;
        pthread_cond_signal(&w->work);
    }
    pthread_mutex_unlock(&w->lock);
}

lens_frame *lens_writer_frame(lens_writer *w, int64_t step) {
    pthread_mutex_lock(&w->lock);
    while (w->given - w->written >= LENS_FRAMES && !atomic_load(&w->failed)) /* a thread that failed makes room, too */
        pthread_cond_wait(&w->room, &w->lock);
    pthread_mutex_unlock(&w->lock);
    if (atomic_load(&w->failed))
        return NULL;
    lens_frame *f = &w->frames[w->given % LENS_FRAMES];
    lens_frame_clear(f, step);
    return f;
}

void lens_writer_submit(lens_writer *w) {
    if (w->index < 0)
        return;
    pthread_mutex_lock(&w->lock);
    swap(&w->frames[w->given % LENS_FRAMES].lines, &w->lines);
    w->given++;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
}

/* ---- opening and closing ---- */

/* Signals are the program's business, and a file that grows past a limit is an error, no death: none is handled there. */
static int start(lens_writer *w) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&w->thread, NULL, work, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

static void open_index(lens_writer *w) {
    char *path = lens_folder_path(w->folder, "index.jsonl");
    w->index = path ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666) : -1;
    if (path == NULL)
        lens_writer_fail(w, HEED_NO_MEMORY, "%s: out of memory", w->folder);
    else if (w->index < 0)
        stop_for_system(w, "make index.jsonl");
    free(path);
}

void lens_writer_init(lens_writer *w) {
    *w = (lens_writer){.index = -1};
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    pthread_cond_init(&w->room, NULL);
}

void lens_writer_open(lens_writer *w, const char *folder, bool replace) {
    heed_error why = {.status = HEED_OK};
    w->folder = strdup(folder);
    if (w->folder == NULL)
        lens_writer_fail(w, HEED_NO_MEMORY, "recorder: out of memory");
    else if (lens_folder_prepare(folder, replace, &why))
        lens_writer_fail(w, why.status, "%s", why.text);
    else
        open_index(w);
    if (lens_writer_status(w))
        return;
    int failed = start(w);
    w->running = !failed;
    if (failed)
        lens_writer_fail(
            w, HEED_NO_MEMORY,
            "%s: the recorder's thread could not be started (error %d): out of memory, or past the system's limit",
            folder, failed);
}

void lens_writer_close(lens_writer *w) {
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
    if (w->running)
        pthread_join(w->thread, NULL);
    if (w->index >= 0 && close(w->index) != 0)
        stop_for_system(w, "close index.jsonl");
    for (int i = 0; i < LENS_FRAMES; i++)
        lens_frame_free(&w->frames[i]);
    free(w->lines.data);
    free(w->out.data);
    pthread_cond_destroy(&w->room);
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->lock);
    free(w->folder);
}
