/* Memory: none is taken from the second step on; and wherever there is none, that is said, nothing leaks, and no file is lost.
 *
 * Each scenario is run again and again, the first time with its first malloc failing, then its second, and so on, alone or with all
 * that come behind it, until it runs through. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helpers/small_training.h"

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)

/* ---- malloc, counted and made to fail ---- */

/* Of this thread, while it is watched. */
static _Thread_local struct {
    bool on;
    long calls, live;
    long fails_at; /* this call, counted from 1, and with `for_good` all behind it; 0: none */
    bool for_good, failed;
} watched;

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static bool granted(void) {
    if (!watched.on)
        return true;
    watched.calls++;
    bool fails = watched.fails_at && (watched.calls == watched.fails_at || (watched.for_good && watched.calls > watched.fails_at));
    watched.failed = watched.failed || fails;
    return !fails;
}

static void *counted(void *p) {
    watched.live += watched.on && p;
    return p;
}

/* The program's own malloc family takes the place of libc's, for the library and what it calls. */
void *malloc(size_t n) { return granted() ? counted(__libc_malloc(n)) : NULL; }
void *calloc(size_t n, size_t size) { return granted() ? counted(__libc_calloc(n, size)) : NULL; }
void *aligned_alloc(size_t alignment, size_t n) { return granted() ? counted(__libc_memalign(alignment, n)) : NULL; }

void *realloc(void *p, size_t n) {
    if (!granted())
        return NULL;
    return p ? __libc_realloc(p, n) : counted(__libc_realloc(p, n));
}

void free(void *p) {
    watched.live -= watched.on && p;
    __libc_free(p);
}

/* ---- none from the second step on ---- */

Test(memory, no_malloc_from_the_second_step_on) {
    small_training s;
    cr_assert(small_training_init(&s, HEED_F32));
    heed_tape *t = heed_tape_new();
    for (int threads = 1; threads <= 2; threads++) {
        heed_tape_set_threads(t, threads);
        heed_optim_set_threads(s.optim, threads);
        watched.on = true;
        long before = watched.calls;
        small_training_step(&s, t, 0);
        if (threads == 1)
            cr_assert_gt(watched.calls, before, "the count does not count");
        heed_tape_reset(t); /* merges the arena */
        before = watched.calls;
        for (int step = 1; step < 10; step++)
            small_training_step(&s, t, step);
        long taken = watched.calls - before;
        watched.on = false;
        cr_assert_eq(taken, 0, "%ld calls with %d threads", taken, threads);
    }
    heed_tape_free(t);
    small_training_free(&s);
}

/* ---- none at all ---- */

/* What a run said: all errors must speak of memory. */
typedef struct outcome {
    int errors, unclear;
    char text[HEED_ERROR_TEXT]; /* the first unclear one */
    double result;
} outcome;

static void note(outcome *o, heed_status status, const char *text) {
    if (status == HEED_OK)
        return;
    o->errors++;
    if (strstr(text, "memory") == NULL && o->unclear++ == 0)
        snprintf(o->text, sizeof o->text, "%s", text);
}

typedef void scenario(outcome *o);

static outcome run_failing(scenario *run, long at, bool for_good) {
    outcome o = {.errors = 0};
    watched.calls = watched.live = 0;
    watched.failed = false;
    watched.fails_at = at;
    watched.for_good = for_good;
    watched.on = true;
    run(&o);
    watched.on = false;
    return o;
}

static void fail_everywhere(scenario *run) {
    outcome good = run_failing(run, 0, false); /* also fills what libc keeps for good */
    cr_assert_eq(good.errors, 0, "%s", good.text);
    for (int for_good = 0; for_good < 2; for_good++)
        for (long at = 1;; at++) {
            outcome o = run_failing(run, at, for_good);
            cr_assert_eq(watched.live, 0, "malloc %ld: %ld are not given back", at, watched.live);
            cr_assert_eq(o.unclear, 0, "malloc %ld: \"%s\"", at, o.text);
            cr_assert(o.errors > 0 || o.result == good.result, "malloc %ld: nothing is said, but %g became %g", at, good.result, o.result);
            if (!watched.failed)
                break;
        }
}

static void look(void *user, heed_tape *t, const char *path, heed_tensor x) {
    (void)user;
    (void)path;
    heed_data(t, heed_keep_grad(t, x));
}

static heed_tensor twelve_views(heed_tape *t, heed_tensor x) {
    heed_tensor parts[12];
    for (int i = 0; i < 12; i++)
        parts[i] = heed_transpose(t, heed_scale(t, x, i), 0, 1);
    return heed_concat(t, parts, 12, 0);
}

/* All that a tape takes memory for. */
static void use_a_tape(outcome *o) {
    heed_tape *t = heed_tape_new();
    heed_tape_set_threads(t, 1);
    note(o, heed_tape_on_watch(t, "*", look, NULL), heed_error_text(t));
    for (int step = 0; step < 3; step++) {
        heed_tape_reset(t);
        heed_enter_named(t, "scope");
        const float *start = heed_f32(t, heed_randn(t, HEED_F32, HEED_SHAPE(40, 50)));
        heed_tensor x = start ? heed_variable(t, HEED_F32, HEED_SHAPE(40, 50), start) : HEED_NIL;
        heed_tensor y = heed_rmsnorm(t, heed_transpose(t, twelve_views(t, x), 0, 1), HEED_NIL, 1e-5);
        y = heed_dropout(t, heed_watch(t, "y", y), 0.1);
        heed_tensor loss = heed_mean(t, heed_square(t, heed_attention(t, y, y, y, (heed_attention_options){.causal = true})), HEED_ALL_AXES);
        heed_leave(t);
        note(o, heed_backward_with(t, loss, NULL, (heed_backward_options){.retain = true}), heed_error_text(t));
        note(o, heed_backward(t, loss, NULL), heed_error_text(t));
        char text[64];
        heed_print(t, heed_grad(t, x), text, sizeof text);
        o->result += heed_item(t, loss);
        note(o, heed_tape_status(t), heed_error_text(t));
    }
    heed_tape_unwatch(t, look, NULL);
    heed_tape_free(t);
}

Test(memory, a_tape_without_memory_says_so) {
    fail_everywhere(use_a_tape);
}

typedef heed_optim *maker(heed_model *model);
static heed_optim *adamw(heed_model *model) { return heed_adamw_new(model, heed_adam_defaults(1e-2)); }
static heed_optim *sgd(heed_model *model) { return heed_sgd_new(model, (heed_sgd_options){.lr = 0.1, .momentum = 0.9}); }
static heed_optim *rmsprop(heed_model *model) { return heed_rmsprop_new(model, heed_rmsprop_defaults(1e-2)); }

static void train(outcome *o, heed_model *model, const heed_recurrent *gru, heed_tape *t, maker *make) {
    heed_grads *g = heed_grads_new(model), *h = heed_grads_new(model);
    heed_optim *opt = make(model);
    heed_optim_set_threads(opt, 1);
    heed_tape_reset(t);
    heed_tensor states = heed_recurrent_forward(gru, t, heed_ones(t, HEED_F32, HEED_SHAPE(2, 3, 4)), (heed_state){.h = HEED_NIL}, HEED_NIL, NULL);
    heed_tensor loss = heed_mean(t, heed_square(t, states), HEED_ALL_AXES);
    heed_status first = heed_backward_with(t, loss, g, (heed_backward_options){.retain = true});
    heed_status second = heed_backward(t, loss, h);
    note(o, heed_tape_status(t), heed_error_text(t));
    if (!first && !second) {
        note(o, heed_grads_merge(g, h, 1), "a merge fails");
        note(o, heed_optim_step(opt, g), heed_optim_error_text(opt));
        o->result += heed_item(t, loss);
    }
    heed_optim_free(opt);
    heed_grads_free(g);
    heed_grads_free(h);
}

/* A model, its clone, its average, three optimizers. */
static void train_a_model(outcome *o) {
    heed_model *model = heed_model_new();
    heed_recurrent gru;
    heed_recurrent_init(&gru, heed_model_root(model), "gru", (heed_recurrent_options){.kind = HEED_GRU, .inputs = 4, .hidden = 5});
    if (gru.cells) {
        heed_param_stack(2, (heed_param[]){gru.cells[0].b_i, gru.cells[0].b_h});
        heed_param_tie(heed_model_root(model), "tied", gru.cells[0].w_i);
    }
    note(o, heed_model_build(model, HEED_F32, 3), heed_model_error_text(model));
    heed_model *clone = heed_model_clone(model, HEED_F64);
    note(o, heed_model_status(clone), heed_model_error_text(clone));
    heed_ema *ema = heed_ema_new(model, 0.9);
    note(o, heed_ema_update(ema), heed_ema_error_text(ema));
    heed_tape *t = heed_tape_new();
    heed_tape_set_threads(t, 1);
    maker *const makers[] = {adamw, sgd, rmsprop};
    for (int i = 0; i < 3; i++)
        train(o, model, &gru, t, makers[i]);
    heed_tape_reset(t);
    if (heed_model_status(clone) == HEED_OK) {
        note(o, heed_tape_bind(t, model, clone), heed_error_text(t));
        o->result += heed_item(t, heed_sum(t, heed_use(t, gru.cells[0].w_h), HEED_ALL_AXES));
        note(o, heed_tape_status(t), heed_error_text(t));
    }
    heed_tape_free(t);
    heed_ema_free(ema);
    heed_model_free(clone);
    heed_model_free(model);
}

Test(memory, a_training_without_memory_says_so) {
    fail_everywhere(train_a_model);
}

/* ---- files ---- */

static char path[64];
static heed_model *saved;

static size_t contents(char *bytes, size_t size) {
    FILE *f = fopen(path, "rb");
    cr_assert(f);
    size_t n = fread(bytes, 1, size, f);
    fclose(f);
    return n;
}

static void save(outcome *o) {
    heed_error e = {.status = HEED_OK};
    const char *const metadata[][2] = {{"steps", "1400"}};
    note(o, heed_model_save(saved, path, 1, metadata, &e), e.text);
}

/* The parser of JSON cannot always tell; the model is as it was all the same. */
static void load(outcome *o) {
    const double before = *(double *)heed_model_data(saved);
    if (heed_model_load(saved, path, (heed_load_options){.partial = false}, NULL))
        note(o, HEED_NO_MEMORY, "memory");
    o->result = *(double *)heed_model_data(saved) - before;
}

Test(memory, saving_without_memory_leaves_the_old_file) {
    snprintf(path, sizeof path, "/tmp/heed_memory_%ld.safetensors", (long)getpid());
    saved = heed_model_new();
    heed_module layer;
    heed_module_init(&layer, heed_model_root(saved), "layer");
    heed_param_new(&layer, "w", HEED_SHAPE(2, 3), heed_init_normal(0, 1));
    heed_param_new(&layer, "b", HEED_SHAPE(3), heed_init_constant(0));
    cr_assert_eq(heed_model_build(saved, HEED_F64, 1), HEED_OK);
    char good[1024], now[1024];
    outcome o = run_failing(save, 0, false);
    cr_assert_eq(o.errors, 0);
    size_t n = contents(good, sizeof good);
    for (int for_good = 0; for_good < 2; for_good++)
        for (long at = 1; at == 1 || watched.failed; at++) {
            o = run_failing(save, at, for_good);
            cr_assert(contents(now, sizeof now) == n && memcmp(now, good, n) == 0, "malloc %ld: another file", at);
            cr_assert_eq(watched.live, 0, "malloc %ld: %ld are not given back", at, watched.live);
            cr_assert_eq(o.unclear, 0, "malloc %ld: \"%s\"", at, o.text);
        }
    fail_everywhere(load);
    remove(path);
    heed_model_free(saved);
}

#endif
