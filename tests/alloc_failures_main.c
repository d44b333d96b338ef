/* A whole run, with a loader's threads, a recorder's and a checkpoint writer's, in which the k-th allocation or start of
 * a thread fails, for every k, alone or with all behind it: each run ends in errors that say so, or well; the files are
 * the old ones or the new ones; the next run is as good as the first; nothing leaks.
 *
 *     alloc_failures FOLDER [EVERY]        every EVERY-th k; FOLDER must exist
 *
 * The linker hands the library's calls of malloc and the like to this file (--wrap), from whatever thread. Calls inside
 * other libraries are not the library's to answer for and are left alone, OpenMP's foremost: it makes its team of
 * threads once and ends the process where it cannot. So are libc's own, behind fopen, and jansson's, whose parser cannot
 * always tell: tests/test_memory.c takes those in. Under AddressSanitizer each run is searched for leaks. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "helpers/observed.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
static int leaks(void) { return __lsan_do_recoverable_leak_check(); }
#else
static int leaks(void) { return 0; }
#endif

/* ---- what fails ---- */

static atomic_bool watched, for_good, failed;
static atomic_long calls, fails_at; /* this call, counted from 1; 0: none */

static bool granted(void) {
    if (!atomic_load(&watched))
        return true;
    const long call = atomic_fetch_add(&calls, 1) + 1, at = atomic_load(&fails_at);
    const bool fails = at > 0 && (call == at || (atomic_load(&for_good) && call > at));
    if (fails)
        atomic_store(&failed, true);
    return !fails;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t alignment, size_t n);
int __real_posix_memalign(void **p, size_t alignment, size_t n);
char *__real_strdup(const char *s);
FILE *__real_open_memstream(char **text, size_t *size);
void *__real_mmap(void *at, size_t n, int protection, int flags, int file, off_t offset);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t alignment, size_t n);
int __wrap_posix_memalign(void **p, size_t alignment, size_t n);
char *__wrap_strdup(const char *s);
FILE *__wrap_open_memstream(char **text, size_t *size);
void *__wrap_mmap(void *at, size_t n, int protection, int flags, int file, off_t offset);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);

void *__wrap_malloc(size_t n) { return granted() ? __real_malloc(n) : NULL; }
void *__wrap_calloc(size_t n, size_t size) { return granted() ? __real_calloc(n, size) : NULL; }
void *__wrap_realloc(void *p, size_t n) { return granted() ? __real_realloc(p, n) : NULL; }
void *__wrap_aligned_alloc(size_t alignment, size_t n) { return granted() ? __real_aligned_alloc(alignment, n) : NULL; }
int __wrap_posix_memalign(void **p, size_t alignment, size_t n) {
    return granted() ? __real_posix_memalign(p, alignment, n) : 12; /* ENOMEM */
}
char *__wrap_strdup(const char *s) { return granted() ? __real_strdup(s) : NULL; }
FILE *__wrap_open_memstream(char **text, size_t *size) { return granted() ? __real_open_memstream(text, size) : NULL; }
void *__wrap_mmap(void *at, size_t n, int protection, int flags, int file, off_t offset) {
    return granted() ? __real_mmap(at, n, protection, flags, file, offset) : MAP_FAILED;
}
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
    return granted() ? __real_pthread_create(thread, attributes, start, argument) : 11; /* EAGAIN */
}

/* ---- a run ---- */

enum { STEPS = 4 };

typedef struct places {
    char model[512], checkpoint[512], recording[512];
} places;

/* What a run said. Every error must speak of memory, or of a thread that could not be started. */
typedef struct outcome {
    int errors, unclear;
    char text[HEED_ERROR_TEXT + 32]; /* the first unclear one */
    uint64_t hash;              /* of the parameters it ended with */
} outcome;

static void note(outcome *o, heed_status status, const char *text) {
    if (status == HEED_OK)
        return;
    o->errors++;
    const bool clear = strstr(text, "memory") || strstr(text, "thread");
    if (!clear && o->unclear++ == 0)
        snprintf(o->text, sizeof o->text, "status %d: %s", (int)status, text);
}

static heed_status fill(void *user, uint64_t seed, uint64_t batch, void *buffer, heed_error *error) {
    (void)user;
    (void)error;
    for (int i = 0; i < 16; i++)
        ((uint64_t *)buffer)[i] = seed + batch * 16 + (uint64_t)i;
    return HEED_OK;
}

/* The run goes on without its recording where that fails. */
static void train(outcome *o, observed *x, heed_loader *l, const char *folder) {
    heed_error e = {.status = HEED_OK};
    heed_recorder *rec = heed_recorder_new(folder, x->model, (heed_recorder_options){.replace = true, .last = STEPS});
    observed_describe(x, rec);
    for (int i = 0; i < STEPS && o->errors == 0; i++) {
        const uint64_t *batch = heed_loader_next(l);
        note(o, heed_loader_status(l), heed_loader_error_text(l));
        if (batch && batch[0] != (uint64_t)i * 16)
            note(o, HEED_INVALID, "the loader gave another batch");
        if (!observed_step(x, rec)) {
            note(o, heed_tape_status(x->t), heed_error_text(x->t));
            note(o, heed_optim_status(x->adamw), heed_optim_error_text(x->adamw));
        }
    }
    note(o, heed_recorder_end(rec, &e), e.text);
}

static heed_checkpoint parts_of(observed *x) {
    return (heed_checkpoint){.model = x->model, .optim = x->adamw, .tape = x->t, .position = &x->steps};
}

static void save(outcome *o, observed *x, const places *p) {
    heed_error e = {.status = HEED_OK};
    const heed_checkpoint parts = parts_of(x);
    note(o, heed_model_save(x->model, p->model, (heed_save_options){.metadata = NULL}, &e), e.text);
    e = (heed_error){.status = HEED_OK};
    note(o, heed_checkpoint_save(&parts, p->checkpoint, &e), e.text);
    e = (heed_error){.status = HEED_OK};
    heed_checkpoint_writer *writer = heed_checkpoint_writer_new(p->checkpoint);
    note(o, heed_checkpoint_save_later(writer, &parts, &e), e.text);
    e = (heed_error){.status = HEED_OK};
    note(o, heed_checkpoint_wait(writer, &e), e.text);
    heed_checkpoint_writer_free(writer);
}

static void load(outcome *o, const places *p) {
    observed x;
    heed_error e = {.status = HEED_OK};
    if (observed_init(&x, HEED_F32, 1)) {
        const heed_checkpoint parts = parts_of(&x);
        note(o, heed_model_load(x.model, p->model, (heed_load_options){.partial = false}, &e), e.text);
        e = (heed_error){.status = HEED_OK};
        note(o, heed_checkpoint_load(&parts, p->checkpoint, &e), e.text);
    } else {
        note(o, heed_model_status(x.model), heed_model_error_text(x.model));
        note(o, x.adamw ? heed_optim_status(x.adamw) : HEED_OK, x.adamw ? heed_optim_error_text(x.adamw) : "");
    }
    observed_free(&x);
}

static void whole_run(outcome *o, const places *p) {
    observed x;
    heed_error e = {.status = HEED_OK};
    heed_loader *l = heed_loader_new(fill, NULL, (heed_loader_options){.bytes = 128, .threads = 2}, &e);
    note(o, e.status, e.text);
    if (observed_init(&x, HEED_F32, 1) && l) {
        train(o, &x, l, p->recording);
        o->hash = observed_hash(&x);
        save(o, &x, p);
    } else if (l) {
        note(o, heed_model_status(x.model), heed_model_error_text(x.model));
        note(o, x.adamw ? heed_optim_status(x.adamw) : HEED_OK, x.adamw ? heed_optim_error_text(x.adamw) : "");
    }
    observed_free(&x);
    heed_loader_free(l);
    load(o, p);
}

static outcome run_failing(const places *p, long at, bool all_behind) {
    outcome o = {.errors = 0};
    atomic_store(&calls, 0);
    atomic_store(&failed, false);
    atomic_store(&fails_at, at);
    atomic_store(&for_good, all_behind);
    atomic_store(&watched, true);
    whole_run(&o, p);
    atomic_store(&watched, false);
    return o;
}

/* ---- all runs ---- */

static int wrong(long at, bool all_behind, const char *what) {
    printf("call %ld fails%s: %s\n", at, all_behind ? ", and all behind it" : "", what);
    return 1;
}

/* One failing run, and what it left behind. */
static int try_one(const places *p, long at, bool all_behind, const outcome *good, int *said) {
    const outcome o = run_failing(p, at, all_behind);
    const bool hit = atomic_load(&failed);
    int bad = 0;
    *said += o.errors > 0;
    if (o.unclear)
        bad += wrong(at, all_behind, o.text);
    if (o.errors == 0 && o.hash != good->hash)
        bad += wrong(at, all_behind, "nothing is said, but the parameters are others");
    outcome after = {.errors = 0}; /* the files are whole, whether old or new */
    load(&after, p);
    if (after.errors)
        bad += wrong(at, all_behind, after.text[0] ? after.text : "its files do not load");
    if (at % 16 == 0) {
        outcome again = run_failing(p, 0, false);
        if (again.errors || again.hash != good->hash)
            bad += wrong(at, all_behind, again.text[0] ? again.text : "the run after it is not as the first");
        atomic_store(&failed, hit);
    }
    if (leaks())
        bad += wrong(at, all_behind, "it leaks");
    return bad;
}

int main(int argc, char **argv) {
    places p;
    const long every = argc > 2 ? atol(argv[2]) : 1;
    if (argc < 2 || every < 1)
        return fprintf(stderr, "usage: %s FOLDER [EVERY]\n", argv[0]), 2;
    snprintf(p.model, sizeof p.model, "%s/model.safetensors", argv[1]);
    snprintf(p.checkpoint, sizeof p.checkpoint, "%s/run.safetensors", argv[1]);
    snprintf(p.recording, sizeof p.recording, "%s/recording", argv[1]);
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    const outcome good = run_failing(&p, 0, false);
    if (good.errors)
        return printf("a run with memory enough: %s\n", good.text), 1;
    int bad = 0, said = 0;
    long runs = 0;
    for (int all_behind = 0; all_behind < 2; all_behind++)
        for (long at = 1; bad < 20; at += every) {
            bad += try_one(&p, at, all_behind, &good, &said);
            runs++;
            if (!atomic_load(&failed))
                break;
        }
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("allocation failures: %ld runs, %d ended in errors, %d wrong, %.0f s\n", runs, said, bad,
           (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec));
    return bad > 0;
}
