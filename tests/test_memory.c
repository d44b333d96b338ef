/* Memory: none is taken from the second step on; and wherever there is none, that is said, nothing leaks, and no file is lost.
 *
 * Each scenario is run again and again, the first time with its first malloc failing, then its second, and so on, alone or with all
 * that come behind it, until it runs through. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdatomic.h>
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
    bool fails = watched.fails_at &&
                 (watched.calls == watched.fails_at || (watched.for_good && watched.calls > watched.fails_at));
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

Test(memory, a_profile_takes_none_from_the_second_step_on) {
    small_training s;
    cr_assert(small_training_init(&s, HEED_F32));
    heed_tape *t = heed_tape_new();
    heed_profile *p = heed_profile_new((heed_profile_options){.trace_steps = 3});
    heed_tape_set_threads(t, 1);
    heed_tape_set_profile(t, p);
    heed_optim_set_threads(s.optim, 1);
    heed_optim_set_profile(s.optim, p);
    small_training_step(&s, t, 0);
    heed_tape_reset(t); /* merges the arena */
    watched.on = true;
    long before = watched.calls;
    for (int step = 1; step < 10; step++)
        small_training_step(&s, t, step);
    watched.on = false;
    cr_expect_eq(watched.calls, before);
    cr_expect_eq(heed_profile_totals(p).steps, 10);
    heed_tape_free(t);
    heed_profile_free(p);
    small_training_free(&s);
}

/* One stretch of a text, going on from the one before. Returns what the last state sums to, NaN on an error. */
static double carried_step(const heed_recurrent *layer, heed_tape *t, heed_grads *g, heed_carry *carry) {
    heed_state last;
    heed_tape_reset(t);
    heed_tensor x = heed_ones(t, HEED_F64, HEED_SHAPE(2, 3, 4));
    heed_tensor y = heed_recurrent_forward(layer, t, x, heed_carry_give_state(carry, t), HEED_NIL, &last);
    heed_grads_clear(g);
    if (heed_carry_take_state(carry, t, last) || heed_backward(t, heed_sum(t, y, HEED_ALL_AXES), g))
        return NAN;
    return heed_item(t, heed_sum(t, last.c, HEED_ALL_AXES));
}

static void init_lstm(heed_recurrent *layer, heed_model *model) {
    heed_recurrent_init(layer, heed_model_root(model), "lstm",
                        (heed_recurrent_options){.kind = HEED_LSTM, .inputs = 4, .hidden = 5});
}

Test(memory, no_malloc_from_the_second_stretch_on) {
    heed_model *model = heed_model_new();
    heed_recurrent layer;
    init_lstm(&layer, model);
    cr_assert_eq(heed_model_build(model, HEED_F64, 3), HEED_OK);
    heed_grads *g = heed_grads_new(model);
    heed_tape *t = heed_tape_new();
    heed_carry carry = {.n = 0};
    carried_step(&layer, t, g, &carry);
    carried_step(&layer, t, g, &carry); /* which begins with a state, so is larger than the first */
    heed_tape_reset(t);
    watched.on = true;
    const long before = watched.calls;
    for (int step = 0; step < 10; step++)
        cr_assert(!isnan(carried_step(&layer, t, g, &carry)), "%s", heed_error_text(t));
    watched.on = false;
    cr_expect_eq(watched.calls, before);
    heed_carry_free(&carry);
    heed_tape_free(t);
    heed_grads_free(g);
    heed_model_free(model);
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
            cr_assert(o.errors > 0 || o.result == good.result, "malloc %ld: nothing is said, but %g became %g", at,
                      good.result, o.result);
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
        heed_tensor loss = heed_mean(
            t, heed_square(t, heed_attention(t, y, y, y, (heed_attention_options){.causal = true})), HEED_ALL_AXES);
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

/* Recomputed blocks, each larger than the one before and than that of the step before, so that backward may be the first to find
 * that memory for it is out. */
static void recompute_blocks(outcome *o) {
    heed_tape *t = heed_tape_new();
    heed_tape_set_threads(t, 1);
    note(o, heed_tape_on_watch(t, "y", look, NULL), heed_error_text(t));
    for (int step = 0; step < 3; step++) {
        heed_tape_reset(t);
        const float *start = heed_f32(t, heed_randn(t, HEED_F32, HEED_SHAPE(40, 50)));
        heed_tensor x = start ? heed_variable(t, HEED_F32, HEED_SHAPE(40, 50), start) : HEED_NIL;
        for (int i = 0; i < 3; i++) {
            heed_recompute_begin(t);
            heed_tensor y = heed_rmsnorm(t, heed_transpose(t, twelve_views(t, x), 0, 1), HEED_NIL, 1e-5);
            heed_tensor mask = heed_gt(t, heed_detach(t, y), heed_full(t, HEED_F32, HEED_SCALAR, 0.1));
            y = heed_watch(t, "y", heed_where(t, mask, heed_tanh(t, heed_exp(t, y)), heed_dropout(t, y, 0.1)));
            x = heed_recompute_end(t, heed_square(t, heed_slice(t, y, 1, 0, 60 + 10 * i + 20 * step)));
        }
        heed_tensor loss = heed_mean(t, x, HEED_ALL_AXES);
        note(o, heed_backward_with(t, loss, NULL, (heed_backward_options){.retain = true}), heed_error_text(t));
        note(o, heed_backward(t, loss, NULL), heed_error_text(t));
        o->result += heed_item(t, loss);
        note(o, heed_tape_status(t), heed_error_text(t));
    }
    heed_tape_unwatch(t, look, NULL);
    heed_tape_free(t);
}

Test(memory, a_block_without_memory_says_so) {
    fail_everywhere(recompute_blocks);
}

/* A training goes on unmeasured: then rows or events are missing, which is counted, or there is no profile at all. */
static void measure(outcome *o) {
    heed_tape *t = heed_tape_new();
    heed_profile *p = heed_profile_new((heed_profile_options){.trace_steps = 2});
    heed_tape_set_threads(t, 1);
    heed_tape_set_profile(t, p);
    for (int step = 0; step < 2; step++) {
        heed_tape_reset(t);
        heed_tensor x = heed_variable(t, HEED_F32, HEED_SHAPE(2), (float[]){3, 4});
        heed_tensor loss = heed_sum(t, heed_square(t, x), HEED_ALL_AXES);
        note(o, heed_backward(t, loss, NULL), heed_error_text(t));
        o->result += heed_item(t, loss);
    }
    heed_profile_total total = heed_profile_totals(p);
    o->errors += total.steps != 2 || total.lost || total.untraced;
    heed_tape_free(t);
    heed_profile_free(p);
}

Test(memory, a_profile_without_memory_says_so) {
    fail_everywhere(measure);
}

typedef heed_optim *maker(heed_model *model);
static heed_optim *adamw(heed_model *model) { return heed_adamw_new(model, heed_adam_defaults(1e-2)); }
static heed_optim *sgd(heed_model *model) {
    return heed_sgd_new(model, (heed_sgd_options){.lr = 0.1, .momentum = 0.9});
}
static heed_optim *rmsprop(heed_model *model) { return heed_rmsprop_new(model, heed_rmsprop_defaults(1e-2)); }

static void train(outcome *o, heed_model *model, const heed_recurrent *gru, heed_tape *t, maker *make) {
    heed_grads *g = heed_grads_new(model), *h = heed_grads_new(model);
    heed_optim *opt = make(model);
    heed_optim_set_threads(opt, 1);
    heed_tape_reset(t);
    heed_tensor states = heed_recurrent_forward(gru, t, heed_ones(t, HEED_F32, HEED_SHAPE(2, 3, 4)),
                                                (heed_state){.h = HEED_NIL}, HEED_NIL, NULL);
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
    heed_recurrent_init(&gru, heed_model_root(model), "gru",
                        (heed_recurrent_options){.kind = HEED_GRU, .inputs = 4, .hidden = 5});
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

static void carry_states(outcome *o) {
    heed_model *model = heed_model_new();
    heed_recurrent layer;
    init_lstm(&layer, model);
    note(o, heed_model_build(model, HEED_F64, 3), heed_model_error_text(model));
    heed_grads *g = heed_grads_new(model);
    heed_tape *t = heed_tape_new();
    heed_tape_set_threads(t, 1);
    heed_carry carry = {.n = 0};
    for (int step = 0; step < 3; step++) {
        double sum = carried_step(&layer, t, g, &carry);
        note(o, heed_tape_status(t), heed_error_text(t));
        o->result += isnan(sum) ? 0 : sum;
    }
    heed_carry_free(&carry);
    heed_tape_free(t);
    heed_grads_free(g);
    heed_model_free(model);
}

Test(memory, carrying_without_memory_says_so) {
    fail_everywhere(carry_states);
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
    note(o, heed_model_save(saved, path, (heed_save_options){.metadata = metadata, .n_metadata = 1}, &e), e.text);
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

/* ---- data ---- */

static const char some_text[] = "the attention attends to the attended\nthe 12 men's 21 \xC3\xA9t\xC3\xA9s\n";

/* Adds what the text became. */
static void encode_some(outcome *o, const heed_vocabulary *v) {
    heed_error e = {.status = HEED_OK};
    heed_tokens tokens = {.ids = NULL};
    if (v) {
        note(o, heed_encode_with_specials(v, some_text, sizeof some_text - 1, &tokens, &e), e.text);
        for (int64_t i = 0; i < tokens.count; i++)
            o->result += tokens.ids[i] * (double)(i + 1);
    }
    heed_tokens_free(&tokens);
}

static void use_vocabularies(outcome *o) {
    heed_error e = {.status = HEED_OK};
    static const char *const names[] = {"<pad>", "the"};
    heed_vocabulary *v = heed_vocabulary_characters(some_text, sizeof some_text - 1, HEED_ALL_SPECIALS, &e);
    note(o, e.status, e.text);
    encode_some(o, v);
    heed_vocabulary_free(v);
    v = heed_vocabulary_bytes(HEED_EOS, &e);
    note(o, e.status, e.text);
    encode_some(o, v);
    heed_vocabulary_free(v);
    v = heed_bpe_train(some_text, sizeof some_text - 1,
                       (heed_bpe_options){.merges = 9, .n_specials = 1, .specials = names}, &e);
    note(o, e.status, e.text);
    encode_some(o, v);
    heed_vocabulary_free(v);
    e = (heed_error){.status = HEED_OK};
    o->result += (double)heed_edit_distance_text("kitten", 6, "sitting", 7, &e);
    note(o, e.status, e.text);
}

static void load_some(outcome *o, heed_loader *l, const heed_error *e) {
    note(o, e->status, e->text);
    for (int i = 0; i < 3 && l; i++) {
        const int32_t *numbers = heed_loader_next(l);
        note(o, heed_loader_status(l), heed_loader_error_text(l));
        o->result += numbers ? numbers[0] : 0;
    }
    heed_loader_free(l);
}

static void use_datasets(outcome *o) {
    heed_error e = {.status = HEED_OK};
    int32_t ids[300] = {0};
    heed_windows *w = heed_windows_new(ids, 300, (heed_windows_options){.length = 8, .validation = 0.1}, &e);
    note(o, e.status, e.text);
    heed_window_batches windows = {w, HEED_PART_TRAINING, 4};
    if (w)
        load_some(o,
                  heed_loader_new(heed_window_fill, &windows,
                                  (heed_loader_options){.bytes = heed_window_bytes(&windows)}, &e),
                  &e);
    heed_windows_free(w);
    heed_pairs *pairs = heed_pairs_new(&e);
    note(o, e.status, e.text);
    for (int i = 0; i < 300 && pairs && !e.status; i++)
        note(o, heed_pairs_add(pairs, ids, 1 + i % 5, ids, i % 3, &e), e.text);
    heed_pair_batches batches = {.pairs = pairs, .B = 7, .bucket = 3};
    if (pairs && !e.status)
        load_some(
            o, heed_loader_new(heed_pair_fill, &batches, (heed_loader_options){.bytes = heed_pair_bytes(&batches)}, &e),
            &e);
    heed_pairs_free(pairs);
}

/* The parser of JSON cannot always tell. */
static void load_vocabularies(outcome *o) {
    heed_error e;
    heed_vocabulary *v = heed_vocabulary_load(path, &e);
    if (v == NULL)
        note(o, HEED_NO_MEMORY, "memory");
    encode_some(o, v);
    heed_vocabulary_free(v);
}

static void save_vocabulary(outcome *o) {
    heed_error e = {.status = HEED_OK};
    heed_vocabulary *v = heed_vocabulary_characters(some_text, sizeof some_text - 1, HEED_PAD, &e);
    note(o, e.status, e.text);
    if (v)
        note(o, heed_vocabulary_save(v, path, &e), e.text);
    heed_vocabulary_free(v);
}

static void read_files(outcome *o) {
    heed_error e;
    heed_vocabulary *v = heed_vocabulary_bytes(0, &e);
    note(o, e.status, e.text);
    heed_windows *w = v ? heed_windows_open(path, v, (heed_windows_options){.length = 8}, &e) : NULL;
    note(o, e.status, e.text);
    heed_windows_free(w);
    heed_pairs *pairs = v ? heed_pairs_open(path, v, v, &e) : NULL;
    note(o, e.status, e.text);
    heed_pairs_free(pairs);
    heed_vocabulary_free(v);
}

Test(memory, text_without_memory_says_so) {
    fail_everywhere(use_vocabularies);
    fail_everywhere(use_datasets);
}

Test(memory, files_of_text_without_memory_say_so) {
    snprintf(path, sizeof path, "/tmp/heed_memory_%ld.json", (long)getpid());
    fail_everywhere(save_vocabulary);
    fail_everywhere(load_vocabularies);
    heed_error e;
    heed_vocabulary *v = heed_bpe_train(some_text, sizeof some_text - 1, (heed_bpe_options){.merges = 9}, &e);
    cr_assert_eq(heed_vocabulary_save(v, path, &e), HEED_OK);
    heed_vocabulary_free(v);
    fail_everywhere(load_vocabularies);
    FILE *f = fopen(path, "wb");
    cr_assert(f && fputs("some\ttext\nand\tmore", f) >= 0 && fclose(f) == 0);
    fail_everywhere(read_files);
    remove(path);
}

static atomic_long taken_by_fills;

static heed_status watched_fill(void *user, uint64_t seed, uint64_t batch, void *buffer, heed_error *error) {
    watched.on = true;
    long before = watched.calls;
    heed_status status = heed_pair_fill(user, seed, batch, buffer, error);
    atomic_fetch_add(&taken_by_fills, watched.calls - before);
    return status;
}

Test(memory, no_malloc_for_batches_prepared_ahead) {
    heed_error e;
    int32_t ids[8] = {0};
    heed_pairs *pairs = heed_pairs_new(&e);
    for (int i = 0; i < 300; i++)
        cr_assert_eq(heed_pairs_add(pairs, ids, 1 + i % 7, ids, i % 5, &e), HEED_OK);
    heed_pair_batches batches = {.pairs = pairs, .B = 10, .bucket = 30};
    for (int threads = 0; threads < 3; threads++) {
        heed_loader *l = heed_loader_new(
            watched_fill, &batches, (heed_loader_options){.bytes = heed_pair_bytes(&batches), .threads = threads}, &e);
        watched.on = true;
        long before = watched.calls;
        for (int i = 0; i < 100; i++)
            cr_assert(heed_loader_next(l));
        long taken = watched.calls - before;
        watched.on = false;
        heed_loader_free(l);
        cr_assert_eq(taken, 0, "%ld calls with %d threads", taken, threads);
        cr_assert_eq(atomic_load(&taken_by_fills), 0);
    }
    heed_pairs_free(pairs);
}

/* ---- checkpoints ---- */

static heed_checkpoint whole;

static void save_whole(outcome *o) {
    heed_error e = {.status = HEED_OK};
    note(o, heed_checkpoint_save(&whole, path, &e), e.text);
}

/* As with load, the parser of JSON cannot always tell. */
static void load_whole(outcome *o) {
    const double before = *(double *)heed_model_data(whole.model);
    if (heed_checkpoint_load(&whole, path, NULL))
        note(o, HEED_NO_MEMORY, "memory");
    o->result = *(double *)heed_model_data(whole.model) - before;
}

Test(memory, checkpoints_without_memory_leave_the_old_file_and_the_run) {
    snprintf(path, sizeof path, "/tmp/heed_memory_%ld.checkpoint", (long)getpid());
    heed_model *model = heed_model_new();
    heed_linear_layer layer;
    heed_linear_init(&layer, heed_model_root(model), "layer", 3, 2, true);
    cr_assert_eq(heed_model_build(model, HEED_F64, 1), HEED_OK);
    double best = 0.5;
    int64_t position = 7;
    const heed_checkpoint_number number = {.name = "best", .value = &best};
    whole = (heed_checkpoint){.model = model,
                              .optim = adamw(model),
                              .ema = heed_ema_new(model, 0.9),
                              .position = &position,
                              .n_numbers = 1,
                              .numbers = &number};
    cr_assert_eq(heed_optim_set_group(whole.optim, "no_decay", (heed_group_options){.lr_scale = 1}), HEED_OK);
    static char good[8192], now[8192];
    outcome o = run_failing(save_whole, 0, false);
    cr_assert_eq(o.errors, 0, "%s", o.text);
    const size_t n = contents(good, sizeof good);
    cr_assert_lt(n, sizeof good);
    for (int for_good = 0; for_good < 2; for_good++)
        for (long at = 1; at == 1 || watched.failed; at++) {
            o = run_failing(save_whole, at, for_good);
            cr_assert(contents(now, sizeof now) == n && memcmp(now, good, n) == 0, "malloc %ld: another file", at);
            cr_assert_eq(watched.live, 0, "malloc %ld: %ld are not given back", at, watched.live);
            cr_assert_eq(o.unclear, 0, "malloc %ld: \"%s\"", at, o.text);
        }
    fail_everywhere(load_whole);
    remove(path);
    heed_ema_free(whole.ema);
    heed_optim_free(whole.optim);
    heed_model_free(model);
}

#endif
