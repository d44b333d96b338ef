/* A ring of buffers: batch i goes into slot i mod n. A thread takes the number of the next batch to be filled as soon
 * as that batch's slot is free, and fills it outside the lock; heed_loader_next waits for the slot of its position.
 *
 *     position                       taken
 *     |  lent  |  ready  | filling  |  free ...
 *
 * All that changes does so under the lock; `room` says that a slot became free, `filled` that a fill ended. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <heed/loader.h>
#include <heed/rng.h>

enum { BUFFERS = 4, MOST_BUFFERS = 4096, MOST_THREADS = 256, ALIGN = 64 };

typedef struct slot {
    char *buffer;
    bool ready;
} slot;

struct heed_loader {
    heed_fill *fill;
    void *user;
    uint64_t seed;
    pthread_mutex_t lock;
    pthread_cond_t room, filled;
    char *memory;
    slot *slots;
    pthread_t *threads;
    int n_slots, n_threads; /* threads: those that run */
    uint64_t position;      /* batch that next will give; written by the caller's thread alone */
    uint64_t taken;         /* first batch that no thread has taken */
    int filling;            /* fills under way */
    bool lent;              /* the slot of position - 1 is in the caller's hands */
    bool held, stop;
    bool failed; /* the fill of batch failed_at, the lowest that did */
    uint64_t failed_at;
    heed_error failure;
    heed_error error; /* the caller's thread has come to it */
};

static slot *slot_of(const heed_loader *l, uint64_t batch) { return &l->slots[batch % (uint64_t)l->n_slots]; }

/* ---- the threads ---- */

/* A fill that fails without saying why has its number in the text all the same. */
static heed_status fill_slot(const heed_loader *l, uint64_t batch, heed_error *error) {
    heed_error why = {.status = HEED_OK};
    heed_status status = l->fill(l->user, l->seed, batch, slot_of(l, batch)->buffer, &why);
    if (status)
        heed_error_set(error, status, "loader: batch %llu: %s", (unsigned long long)batch,
                       why.status ? why.text : "its fill failed");
    return status;
}

static bool may_take(const heed_loader *l) {
    uint64_t first_kept = l->position - l->lent;
    return !l->held && !l->failed && l->taken - first_kept < (uint64_t)l->n_slots;
}

static void note_fill(heed_loader *l, uint64_t batch, const heed_error *error) {
    l->filling--;
    slot_of(l, batch)->ready = true;
    if (error->status && (!l->failed || batch < l->failed_at)) {
        l->failed = true;
        l->failed_at = batch;
        l->failure = *error;
    }
    pthread_cond_broadcast(&l->filled);
}

static void *work(void *loader) {
    heed_loader *l = loader;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (!l->stop && !may_take(l))
            pthread_cond_wait(&l->room, &l->lock);
        if (l->stop)
            break;
        uint64_t batch = l->taken++;
        heed_error error = {.status = HEED_OK};
        l->filling++;
        pthread_mutex_unlock(&l->lock);
        fill_slot(l, batch, &error);
        pthread_mutex_lock(&l->lock);
        note_fill(l, batch, &error);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* Signals are the program's business: none is handled on these threads. */
static bool start_threads(heed_loader *l, int n, heed_error *error) {
    sigset_t all, before;
    int failed = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 0; i < n && !failed; i++) {
        failed = pthread_create(&l->threads[i], NULL, work, l);
        l->n_threads += !failed;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        heed_error_set(
            error, HEED_NO_MEMORY,
            "loader: thread %d of %d could not be started (error %d): out of memory, or past the system's limit",
            l->n_threads + 1, n, failed);
    return !failed;
}

static void stop_threads(heed_loader *l) {
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->room);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->n_threads; i++)
        pthread_join(l->threads[i], NULL);
}

/* ---- making and freeing ---- */

static bool check_options(heed_fill *fill, heed_loader_options o, heed_error *error) {
    if (fill == NULL || o.bytes == 0)
        heed_error_set(error, HEED_INVALID, "loader: %s",
                       fill ? "bytes is 0; a batch must have at least 1" : "fill is NULL");
    else if (o.buffers < 0 || o.buffers > MOST_BUFFERS || (o.threads > 0 && o.buffers == 1))
        heed_error_set(error, HEED_INVALID, "loader: buffers is %d; it must be 0 (for %d) or in %d .. %d", o.buffers,
                       BUFFERS, o.threads > 0 ? 2 : 1, MOST_BUFFERS);
    else if (o.threads < 0 || o.threads > MOST_THREADS)
        heed_error_set(error, HEED_INVALID, "loader: threads is %d; it must be in 0 .. %d", o.threads, MOST_THREADS);
    else if (o.start > INT64_MAX)
        heed_error_set(error, HEED_INVALID, "loader: start is %llu; it must be below 2^63",
                       (unsigned long long)o.start);
    else
        return true;
    return false;
}

static bool take_memory(heed_loader *l, heed_loader_options o) {
    size_t each, all;
    if (__builtin_add_overflow(o.bytes, ALIGN - 1, &each))
        return false;
    each = each / ALIGN * ALIGN;
    if (__builtin_mul_overflow(each, (size_t)l->n_slots, &all))
        return false;
    l->slots = calloc((size_t)l->n_slots, sizeof *l->slots);
    l->threads = calloc((size_t)o.threads + 1, sizeof *l->threads);
    l->memory = l->slots && l->threads ? aligned_alloc(ALIGN, all) : NULL;
    if (l->memory == NULL)
        return false;
    memset(l->memory, 0, all); /* so that the first batches don't wait for the system's pages */
    for (int i = 0; i < l->n_slots; i++)
        l->slots[i].buffer = l->memory + (size_t)i * each;
    return true;
}

static void give_memory(heed_loader *l) {
    free(l->slots);
    free(l->threads);
    free(l->memory);
    free(l);
}

/* 0, or the error of the first that the system refuses; then none is left made. */
static int make_locks(heed_loader *l) {
    int failed = pthread_mutex_init(&l->lock, NULL);
    if (failed)
        return failed;
    if ((failed = pthread_cond_init(&l->room, NULL)) == 0) {
        if ((failed = pthread_cond_init(&l->filled, NULL)) == 0)
            return 0;
        pthread_cond_destroy(&l->room);
    }
    pthread_mutex_destroy(&l->lock);
    return failed;
}

heed_loader *heed_loader_new(heed_fill *fill, void *user, heed_loader_options o, heed_error *error) {
    if (error)
        *error = (heed_error){.status = HEED_OK};
    if (!check_options(fill, o, error))
        return NULL;
    heed_loader *l = calloc(1, sizeof *l);
    if (l) {
        *l = (heed_loader){.fill = fill, .user = user, .seed = o.seed, .position = o.start, .taken = o.start};
        l->n_slots = o.threads == 0 ? 1 : o.buffers ? o.buffers : BUFFERS;
    }
    if (l == NULL || !take_memory(l, o) || make_locks(l) != 0) {
        heed_error_set(error, HEED_NO_MEMORY, "loader: out of memory for %d buffers of %zu bytes", l ? l->n_slots : 1,
                       o.bytes);
        if (l)
            give_memory(l);
        return NULL;
    }
    if (!start_threads(l, o.threads, error)) {
        heed_loader_free(l);
        return NULL;
    }
    return l;
}

void heed_loader_free(heed_loader *l) {
    if (l == NULL)
        return;
    stop_threads(l);
    pthread_cond_destroy(&l->filled);
    pthread_cond_destroy(&l->room);
    pthread_mutex_destroy(&l->lock);
    give_memory(l);
}

/* ---- the caller's side ---- */

static void next_filled_here(heed_loader *l) {
    heed_error error = {.status = HEED_OK};
    if (fill_slot(l, l->position, &error))
        l->error = error;
}

static void next_from_ring(heed_loader *l) {
    pthread_mutex_lock(&l->lock);
    if (l->lent) {
        slot_of(l, l->position - 1)->ready = false;
        l->lent = false;
        pthread_cond_signal(&l->room);
    }
    /* Batches are taken in order, so up to the lowest that failed each is taken, and its slot becomes ready. */
    while (!slot_of(l, l->position)->ready)
        pthread_cond_wait(&l->filled, &l->lock);
    if (l->failed && l->failed_at <= l->position)
        l->error = l->failure;
    pthread_mutex_unlock(&l->lock);
}

const void *heed_loader_next(heed_loader *l) {
    if (l->error.status)
        return NULL;
    if (l->n_threads == 0)
        next_filled_here(l);
    else
        next_from_ring(l);
    if (l->error.status)
        return NULL;
    pthread_mutex_lock(&l->lock);
    l->lent = true;
    void *buffer = slot_of(l, l->position++)->buffer;
    pthread_mutex_unlock(&l->lock);
    return buffer;
}

uint64_t heed_loader_position(const heed_loader *l) { return l->position; }

heed_status heed_loader_seek(heed_loader *l, uint64_t position) {
    if (position > INT64_MAX)
        return heed_error_set(&l->error, HEED_INVALID, "loader: position is %llu; it must be below 2^63",
                              (unsigned long long)position);
    pthread_mutex_lock(&l->lock);
    l->held = true;
    while (l->filling > 0)
        pthread_cond_wait(&l->filled, &l->lock);
    for (int i = 0; i < l->n_slots; i++)
        l->slots[i].ready = false;
    l->position = l->taken = position;
    l->held = l->lent = l->failed = false;
    l->error = (heed_error){.status = HEED_OK};
    pthread_cond_broadcast(&l->room);
    pthread_mutex_unlock(&l->lock);
    return HEED_OK;
}

heed_status heed_loader_status(const heed_loader *l) { return l->error.status; }
const char *heed_loader_error_text(const heed_loader *l) { return l->error.text; }
