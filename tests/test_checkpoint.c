/* Checkpoints: a run goes on from one bit for bit, and nothing that does not fit changes anything. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helpers/resumable.h"

static char path[64];

static void use_path(void) { snprintf(path, sizeof path, "/tmp/heed_checkpoint_%ld.safetensors", (long)getpid()); }
static void remove_path(void) { remove(path); }
TestSuite(checkpoint, .init = use_path, .fini = remove_path);

/* A run with all its parts. */
typedef struct run {
    resumable r;
    heed_checkpoint_number number;
    heed_checkpoint_text text;
    heed_checkpoint parts;
} run;

static run *new_run(heed_dtype dtype, bool sgd) {
    run *x = malloc(sizeof *x);
    cr_assert(resumable_init(&x->r, dtype, sgd));
    x->parts = resumable_parts(&x->r, &x->number, &x->text);
    return x;
}

static void free_run(run *x) {
    resumable_free(&x->r);
    free(x);
}

static void steps(run *x, int n) {
    for (int i = 0; i < n; i++)
        cr_assert(resumable_step(&x->r), "%s", heed_error_text(x->r.tape));
}

static uint64_t never_stopped(heed_dtype dtype) {
    run *x = new_run(dtype, false);
    steps(x, 20);
    uint64_t hash = resumable_hash(&x->r);
    free_run(x);
    return hash;
}

/* With dropout, Adam, clipping, a schedule, groups, an average: values, slots, numbers and the next random numbers. */
Test(checkpoint, a_run_goes_on_bit_for_bit) {
    for (int dtype = HEED_F32; dtype <= HEED_F64; dtype++) {
        heed_error e;
        run *first = new_run((heed_dtype)dtype, false), *second = new_run((heed_dtype)dtype, false);
        steps(first, 10);
        cr_assert_eq(heed_checkpoint_save(&first->parts, path, &e), HEED_OK, "%s", e.text);
        free_run(first);
        /* All that a checkpoint must bring is otherwise here. */
        heed_tape_set_seed(second->r.tape, 1);
        second->r.schedule = (heed_schedule){.kind = HEED_SCHEDULE_CONSTANT, .lr = 1};
        cr_assert_eq(heed_optim_set_clip_norm(second->r.optim, 7), HEED_OK);
        cr_assert_eq(heed_optim_set_group(second->r.optim, "no_decay", (heed_group_options){.lr_scale = 3}), HEED_OK);
        cr_assert_eq(heed_checkpoint_load(&second->parts, path, &e), HEED_OK, "%s", e.text);
        cr_expect_eq(second->r.position, 10);
        cr_expect_str_eq(second->r.note, "шаг 10");
        steps(second, 10);
        cr_expect_eq(resumable_hash(&second->r), never_stopped((heed_dtype)dtype), "dtype %d", dtype);
        free_run(second);
    }
}

Test(checkpoint, a_thread_writes_what_was_when_it_was_asked) {
    heed_error e;
    run *first = new_run(HEED_F32, false), *second = new_run(HEED_F32, false);
    heed_checkpoint_writer *writer = heed_checkpoint_writer_new(path);
    for (int i = 0; i < 10; i++) {
        steps(first, 1);
        cr_assert_eq(heed_checkpoint_save_later(writer, &first->parts, &e), HEED_OK, "%s", e.text);
    }
    steps(first, 3); /* meanwhile */
    cr_assert_eq(heed_checkpoint_wait(writer, &e), HEED_OK, "%s", e.text);
    heed_checkpoint_writer_free(writer);
    cr_assert_eq(heed_checkpoint_load(&second->parts, path, &e), HEED_OK, "%s", e.text);
    steps(second, 10);
    cr_expect_eq(resumable_hash(&second->r), never_stopped(HEED_F32));
    free_run(first);
    free_run(second);

    writer = heed_checkpoint_writer_new("/nowhere/x");
    first = new_run(HEED_F32, false);
    cr_assert_eq(heed_checkpoint_save_later(writer, &first->parts, &e), HEED_OK);
    cr_expect_eq(heed_checkpoint_save_later(writer, &first->parts, &e), HEED_IO);
    cr_expect_not_null(strstr(e.text, "/nowhere/x: cannot create a file beside it: No such file or directory"), "%s",
                       e.text);
    cr_expect_eq(heed_checkpoint_wait(writer, &e), HEED_OK, "said twice: %s", e.text);
    heed_checkpoint_writer_free(writer);
    free_run(first);
}

/* ---- what does not fit changes nothing ---- */

static void refused(run *x, const char *why) {
    heed_error e;
    const size_t bytes = (size_t)heed_model_size(x->r.s.model) * heed_dtype_size(heed_model_dtype(x->r.s.model));
    void *before = malloc(bytes);
    memcpy(before, heed_model_data(x->r.s.model), bytes);
    const int64_t position = x->r.position;
    cr_expect_neq(heed_checkpoint_load(&x->parts, path, &e), HEED_OK, "%s", why);
    cr_expect_not_null(strstr(e.text, why), "\"%s\" instead of \"%s\"", e.text, why);
    cr_expect_arr_eq(heed_model_data(x->r.s.model), before, bytes);
    cr_expect_eq(x->r.position, position);
    free(before);
}

static void saved(run *x) {
    heed_error e;
    cr_assert_eq(heed_checkpoint_save(&x->parts, path, &e), HEED_OK, "%s", e.text);
}

/* Every byte of the data, one at a time, is one that a checksum holds; of the header every 97th. */
static void flip(long at, int bit) {
    FILE *f = fopen(path, "r+b");
    cr_assert(f && fseek(f, at, SEEK_SET) == 0);
    int c = fgetc(f);
    cr_assert(fseek(f, at, SEEK_SET) == 0 && fputc(c ^ 1 << bit, f) != EOF && fclose(f) == 0);
}

/* [promises: load checks first] */
Test(checkpoint, a_damaged_tensor_is_named) {
    run *x = new_run(HEED_F32, false);
    steps(x, 2);
    saved(x);
    heed_safetensors *file = heed_safetensors_open(path, NULL);
    FILE *f = fopen(path, "rb");
    cr_assert(f && fseek(f, 0, SEEK_END) == 0);
    const long size = ftell(f);
    fclose(f);
    const int n = heed_safetensors_count(file);
    const char *end = (const char *)heed_safetensors_at(file, n - 1).data + heed_safetensors_at(file, n - 1).bytes;
    for (int i = 0; i < n; i += 5) {
        heed_file_tensor t = heed_safetensors_at(file, i);
        char why[256];
        snprintf(why, sizeof why,
                 "tensor %s: its checksum is not that of what was saved: the file is damaged; nothing is changed",
                 t.name);
        const long at = size - (long)(end - (const char *)t.data) + (long)t.bytes / 2;
        flip(at, i % 8);
        refused(x, why);
        flip(at, i % 8);
    }
    const long header = size - (long)(end - (const char *)heed_safetensors_at(file, 0).data);
    for (long at = 0; at < header;
         at += 197) { /* no byte of the header may be another one, but for spaces at its end */
        heed_error e;
        flip(at, 0);
        cr_expect_neq(heed_checkpoint_load(&x->parts, path, &e), HEED_OK, "byte %ld of %ld", at, header);
        flip(at, 0);
    }
    heed_error e;
    cr_expect_eq(heed_checkpoint_load(&x->parts, path, &e), HEED_OK, "%s", e.text);
    heed_safetensors_close(file);
    free_run(x);
}

Test(checkpoint, another_runs_is_refused_by_name) {
    run *x = new_run(HEED_F32, false), *sgd = new_run(HEED_F32, true), *wide = new_run(HEED_F64, false);
    saved(x);
    refused(sgd, "the checkpoint is of the optimizer adam, not of sgd; nothing is changed");
    refused(wide, "model.tokens.weight is F32 in the checkpoint, F64 here; nothing is changed");
    x->number.name = "worst";
    refused(x, "the checkpoint holds no numbers worst; nothing is changed");
    x->number.name = "best";
    x->text.room = 5;
    refused(x, "text note has 6 bytes, its place has 5; nothing is changed");
    x->text.room = sizeof x->r.note;
    x->parts.ema = NULL;
    saved(x);
    x->parts.ema = x->r.ema;
    refused(x, "the checkpoint holds no tensor ema.tokens.weight; nothing is changed");
    x->parts.ema = NULL;
    x->parts.optim = NULL;
    saved(x);
    x->parts.optim = x->r.optim;
    refused(x, "the checkpoint holds no optimizer; nothing is changed");
    heed_error e;
    cr_assert_eq(heed_model_save(x->r.s.model, path, (heed_save_options){.dtype = NULL}, &e), HEED_OK);
    refused(x, "it is not a checkpoint: load it with heed_model_load");
    free_run(x);
    free_run(sgd);
    free_run(wide);
}

static heed_model *line(int64_t width, const char *name) {
    heed_model *model = heed_model_new();
    heed_linear_layer layer;
    heed_linear_init(&layer, heed_model_root(model), name, width, 2, true);
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_OK);
    return model;
}

Test(checkpoint, another_model_is_refused_by_name) {
    heed_model *model = line(3, "out"), *wider = line(4, "out"), *other = line(3, "in");
    heed_error e;
    cr_assert_eq(heed_checkpoint_save(&(heed_checkpoint){.model = model}, path, &e), HEED_OK, "%s", e.text);
    cr_expect_eq(heed_checkpoint_load(&(heed_checkpoint){.model = wider}, path, &e), HEED_INVALID);
    cr_expect_not_null(strstr(e.text, "model.out.weight is (2, 3) in the checkpoint, (2, 4) here"), "%s", e.text);
    cr_expect_eq(heed_checkpoint_load(&(heed_checkpoint){.model = other}, path, &e), HEED_IO);
    cr_expect_not_null(strstr(e.text, "the checkpoint holds no tensor model.in.weight"), "%s", e.text);
    heed_model_free(model);
    heed_model_free(wider);
    heed_model_free(other);
}

/* A model alone comes out of a run's checkpoint. */
Test(checkpoint, parts_that_nobody_asks_for_are_left_alone) {
    run *x = new_run(HEED_F32, false), *y = new_run(HEED_F32, false);
    steps(x, 2);
    saved(x);
    heed_error e;
    cr_assert_eq(heed_checkpoint_load(&(heed_checkpoint){.model = y->r.s.model}, path, &e), HEED_OK, "%s", e.text);
    cr_expect_arr_eq(heed_model_data(y->r.s.model), heed_model_data(x->r.s.model),
                     (size_t)heed_model_size(x->r.s.model) * sizeof(float));
    cr_expect_eq(heed_optim_steps(y->r.optim), 0);
    cr_expect_eq(y->r.position, 0);
    free_run(x);
    free_run(y);
}

Test(checkpoint, what_cannot_be_saved_is_refused) {
    run *x = new_run(HEED_F32, false), *y = new_run(HEED_F32, false);
    heed_error e;
    cr_assert_eq(heed_ema_swap(x->r.ema), HEED_OK);
    cr_expect_eq(heed_checkpoint_save(&x->parts, path, &e), HEED_STATE);
    cr_expect_not_null(strstr(e.text, "the average is swapped in: swap back first"));
    cr_assert_eq(heed_ema_swap(x->r.ema), HEED_OK);
    x->parts.optim = y->r.optim;
    cr_expect_eq(heed_checkpoint_save(&x->parts, path, &e), HEED_INVALID);
    cr_expect_not_null(strstr(e.text, "the optimizer is of another model"));
    x->parts.optim = x->r.optim;
    const heed_checkpoint_number twice[] = {{.name = "a", .value = &x->r.best}, {.name = "a", .value = &x->r.best}};
    x->parts.n_numbers = 2;
    x->parts.numbers = twice;
    cr_expect_eq(heed_checkpoint_save(&x->parts, path, &e), HEED_INVALID);
    x->parts.n_numbers = 0;
    strcpy(x->r.note, "\xff");
    cr_expect_eq(heed_checkpoint_save(&x->parts, path, &e), HEED_INVALID);
    cr_expect_neq(access(path, F_OK), 0);
    free_run(x);
    free_run(y);
}

/* Numbers that JSON has no word for. */
Test(checkpoint, numbers_of_every_kind_come_back) {
    const double kinds[] = {INFINITY, -INFINITY, NAN, -0.0, 5e-324, 0.1, 1.7976931348623157e308, 1e22};
    heed_model *model = line(3, "out");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        double x = kinds[i], y = 7;
        heed_error e;
        heed_checkpoint_number number = {.name = "x", .value = &x};
        heed_checkpoint parts = {.model = model, .n_numbers = 1, .numbers = &number};
        cr_assert_eq(heed_checkpoint_save(&parts, path, &e), HEED_OK, "%s", e.text);
        number.value = &y;
        cr_assert_eq(heed_checkpoint_load(&parts, path, &e), HEED_OK, "%s", e.text);
        cr_expect(isnan(x) ? isnan(y) : memcmp(&x, &y, sizeof x) == 0, "%g became %g", x, y);
    }
    heed_model_free(model);
}
