/* Recomputed blocks: the same bits as without, whatever a block holds and hands on; what stays beyond its end and what does not;
 * and that memory falls. The expected bits are those of the same program without blocks. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <heed/heed.h>

#define SAYS(text) cr_assert_str_eq(heed_error_text(t), text)

static heed_tape *t;

static void open_tape(void) {
    t = heed_tape_new();
}

static void close_tape(void) {
    heed_tape_free(t);
}

TestSuite(recompute, .init = open_tape, .fini = close_tape);

/* ---- programs, with and without blocks ---- */

enum { D = 6, ROWS = 5, MOST = 512 };

/* What programs are made of: three matrices, one of them frozen, and two variables. */
typedef struct setting {
    bool blocks; /* otherwise begin and end do nothing */
    heed_dtype dtype;
    heed_model *model;
    heed_param w, v, frozen; /* (D, D) */
    heed_tensor x, z;        /* (ROWS, D), (D, ROWS) */
} setting;

static void begin(const setting *s) {
    if (s->blocks)
        heed_recompute_begin(t);
}

static heed_tensor end(const setting *s, heed_tensor y) {
    return s->blocks ? heed_recompute_end(t, y) : y;
}

/* tanh(x wᵀ), dropped out. */
static heed_tensor layer(heed_tensor x, heed_param w) {
    return heed_dropout(t, heed_tanh(t, heed_linear(t, x, heed_use(t, w), HEED_NIL)), 0.25);
}

typedef heed_tensor program(setting *s);

static heed_tensor chain(setting *s) {
    heed_tensor y = s->x;
    for (int i = 0; i < 4; i++) {
        begin(s);
        y = heed_add(t, y, layer(layer(y, s->w), s->v));
        y = end(s, y);
    }
    return y;
}

/* x is taken before the block, in it twice, and behind it; w likewise. */
static heed_tensor taken_everywhere(setting *s) {
    heed_tensor before = layer(s->x, s->w);
    begin(s);
    heed_tensor y = heed_mul(t, layer(s->x, s->w), heed_add(t, s->x, before));
    y = end(s, heed_add(t, y, layer(y, s->w)));
    heed_tensor behind = layer(heed_add(t, y, s->x), s->w);
    return heed_add(t, heed_add(t, before, behind), heed_mul(t, y, s->x));
}

/* What it hands on is a view, of a value that another view shows; both are packed behind it. */
static heed_tensor hands_on_views(setting *s) {
    heed_tensor part[3];
    begin(s);
    heed_tensor y = layer(s->x, s->w); /* (ROWS, D) */
    heed_split(t, heed_tanh(t, y), 1, 3, NULL, part);
    part[1] = heed_transpose(t, part[1], 0, 1); /* (2, ROWS) */
    if (s->blocks)
        heed_recompute_end_many(t, part, 2);
    return heed_add(t, heed_matmul(t, part[0], part[1]), heed_softmax(t, heed_transpose(t, heed_matmul(t, part[0], part[1]), 0, 1), 0));
}

/* z's transpose is packed in the first block, since cumsum takes nothing strided, and its copy taken in the second and behind it. */
static heed_tensor packs_what_was_there(setting *s) {
    heed_tensor turned = heed_transpose(t, s->z, 0, 1), y = s->x; /* (ROWS, D) */
    for (int i = 0; i < 2; i++) {
        begin(s);
        y = heed_add(t, heed_cumsum(t, turned, 1), layer(y, s->w));
        y = end(s, y);
    }
    return heed_mul(t, y, heed_add(t, heed_cumsum(t, turned, 0), turned));
}

/* The view and its packed copy are the block's own; the view is handed on, and taken packed again. */
static heed_tensor packs_its_own(setting *s) {
    begin(s);
    heed_tensor y = heed_transpose(t, layer(s->x, s->w), 0, 1), sum = heed_cumsum(t, y, 0); /* (D, ROWS) */
    heed_tensor both[] = {y, heed_transpose(t, sum, 0, 1)};
    if (s->blocks)
        heed_recompute_end_many(t, both, 2);
    return heed_mul(t, heed_transpose(t, heed_cumsum(t, both[0], 1), 0, 1), heed_cumsum(t, both[1], 1));
}

/* Masks and frozen layers are on record in a block alone. */
static heed_tensor constants_inside(setting *s) {
    heed_tensor y = s->x;
    for (int i = 0; i < 3; i++) {
        begin(s);
        heed_tensor fixed = layer(heed_randn(t, s->dtype, HEED_SHAPE(ROWS, D)), s->frozen);
        heed_tensor mask = heed_gt(t, heed_detach(t, y), heed_transpose(t, heed_transpose(t, heed_tanh(t, fixed), 0, 1), 0, 1));
        y = heed_where(t, mask, layer(y, s->v), heed_mul(t, fixed, y));
        bool recorded = heed_tape_set_recording(t, false);
        heed_tensor teacher = layer(y, s->w);
        heed_tape_set_recording(t, recorded);
        y = end(s, heed_mul(t, y, heed_exp(t, teacher)));
    }
    return y;
}

/* Of h a view is made, and a constant, which is no use of it that a gradient comes from. */
static heed_tensor shown_beside_a_constant(setting *s) {
    begin(s);
    heed_tensor h = heed_tanh(t, layer(s->x, s->w)), large = heed_gt(t, h, heed_detach(t, s->x));
    heed_tensor turned = heed_square(t, heed_reshape(t, h, HEED_SHAPE(D, ROWS)));
    return end(s, heed_where(t, large, heed_reshape(t, turned, HEED_SHAPE(ROWS, D)), s->x));
}

static heed_tensor nested(setting *s) {
    begin(s);
    heed_tensor y = layer(s->x, s->w);
    begin(s);
    heed_tensor inner = layer(y, s->v);
    y = end(s, heed_add(t, y, inner));
    y = end(s, heed_mul(t, layer(y, s->w), inner)); /* of the inner block, but within the outer */
    begin(s);
    return end(s, layer(y, s->v));
}

/* A block whose result is taken in a later block, past one that nothing depends on. */
static heed_tensor skips(setting *s) {
    begin(s);
    heed_tensor y = end(s, layer(s->x, s->w));
    begin(s);
    end(s, layer(y, s->v));
    begin(s);
    return end(s, heed_mul(t, layer(y, s->v), y));
}

/* Values that ops have saved besides their inputs and results; attention with a pattern, of which no gradient comes. */
static heed_tensor saved_bytes(setting *s) {
    begin(s);
    heed_tensor q = heed_reshape(t, layer(s->x, s->w), HEED_SHAPE(1, ROWS, D)), pattern; /* 1 head */
    heed_tensor y = heed_attention(t, q, q, q, (heed_attention_options){.causal = true, .dropout = 0.3, .pattern = &pattern});
    heed_tensor best = heed_max(t, y, HEED_KEEP(2)), spread = heed_var(t, y, HEED_KEEP(1), 0);
    y = heed_rmsnorm(t, heed_add(t, heed_mul(t, y, best), spread), heed_select(t, heed_use(t, s->w), 0, 0), 1e-5);
    return end(s, heed_reshape(t, y, HEED_SHAPE(ROWS, D)));
}

/* The loss is in the block itself, and more behind it there. */
static heed_tensor ends_inside(setting *s) {
    begin(s);
    heed_tensor y = layer(s->x, s->w), loss = layer(y, s->v);
    layer(loss, s->w);
    return end(s, loss);
}

static const struct {
    const char *name;
    program *run;
} programs[] = {
    {"chain", chain},
    {"taken everywhere", taken_everywhere},
    {"hands on views", hands_on_views},
    {"packs what was there", packs_what_was_there},
    {"packs its own", packs_its_own},
    {"constants inside", constants_inside},
    {"shown beside a constant", shown_beside_a_constant},
    {"nested", nested},
    {"skips", skips},
    {"saved bytes", saved_bytes},
    {"ends inside", ends_inside},
};
enum { PROGRAMS = sizeof programs / sizeof *programs };

/* ---- the same bits ---- */

typedef struct bits {
    unsigned char at[MOST * 8 * 4];
    size_t n, gradients; /* what the plan of backward took */
} bits;

static void add_bytes(bits *b, const void *data, size_t bytes) {
    cr_assert(data && b->n + bytes <= sizeof b->at, "%s", heed_error_text(t));
    memcpy(b->at + b->n, data, bytes);
    b->n += bytes;
}

static void add_tensor(bits *b, heed_tensor x) {
    const void *data = heed_data(t, x);
    cr_assert_not_null(data, "%s", heed_error_text(t));
    add_bytes(b, data, (size_t)heed_count(t, x) * heed_dtype_size(heed_dtype_of(t, x)));
}

static heed_tensor drawn(heed_dtype dtype, heed_shape shape) {
    return heed_variable(t, dtype, shape, heed_data(t, heed_randn(t, dtype, shape)));
}

static void begin_setting(setting *s, heed_dtype dtype) {
    *s = (setting){.dtype = dtype, .model = heed_model_new()};
    const heed_module *root = heed_model_root(s->model);
    s->w = heed_param_new(root, "w", HEED_SHAPE(D, D), heed_init_normal(0, 0.5));
    s->v = heed_param_new(root, "v", HEED_SHAPE(D, D), heed_init_normal(0, 0.5));
    s->frozen = heed_param_new(root, "frozen", HEED_SHAPE(D, D), heed_init_normal(0, 0.5));
    cr_assert_eq(heed_model_build(s->model, dtype, 3), HEED_OK);
    heed_model_set_trainable(s->model, "frozen", false);
}

/* The program's result, all gradients of its sum of squares, and the next random numbers. Twice walked, into one heed_grads, where
 * `again`. */
static void run(setting *s, program *p, bool blocks, int threads, bool again, bits *b) {
    heed_grads *g = heed_grads_new(s->model);
    b->n = 0;
    s->blocks = blocks;
    heed_tape_reset(t);
    heed_tape_set_step(t, 7);
    heed_tape_set_threads(t, threads);
    s->x = drawn(s->dtype, HEED_SHAPE(ROWS, D));
    s->z = drawn(s->dtype, HEED_SHAPE(D, ROWS));
    heed_tensor y = p(s), loss = heed_sum(t, heed_square(t, y), HEED_ALL_AXES);
    for (int i = again; i >= 0; i--)
        cr_assert_eq(heed_backward_with(t, loss, g, (heed_backward_options){.retain = i > 0}), HEED_OK, "%s", heed_error_text(t));
    b->gradients = heed_tape_statistics(t).gradient_bytes;
    add_tensor(b, loss);
    add_tensor(b, y);
    add_tensor(b, heed_grad(t, s->x));
    add_tensor(b, heed_grad(t, s->z));
    add_bytes(b, heed_grads_data(g), (size_t)heed_model_size(s->model) * heed_dtype_size(s->dtype));
    add_tensor(b, heed_rand(t, HEED_F32, HEED_SHAPE(4)));
    cr_assert(!blocks || heed_tape_statistics(t).block_bytes > 0);
    heed_grads_free(g);
}

Test(recompute, not_a_bit_changes) {
    static bits without, with;
    for (int d = 0; d < 2; d++) {
        setting s;
        begin_setting(&s, d ? HEED_F64 : HEED_F32);
        for (int i = 0; i < PROGRAMS; i++)
            for (int again = 0; again < 2; again++) {
                run(&s, programs[i].run, false, 1, again, &without);
                for (int threads = 1; threads <= 3; threads += 2) {
                    run(&s, programs[i].run, true, threads, again, &with);
                    cr_expect(with.n == without.n && memcmp(with.at, without.at, with.n) == 0, "%s, %s, %d threads: bits differ",
                              programs[i].name, heed_dtype_name(s.dtype), threads);
                    cr_expect(threads > 1 || with.gradients == without.gradients, "%s: another plan", programs[i].name);
                }
            }
        heed_model_free(s.model);
    }
}

Test(recompute, nor_where_recording_is_off) {
    setting s;
    begin_setting(&s, HEED_F32);
    heed_tape_set_recording(t, false);
    for (int i = 0; i < PROGRAMS; i++) {
        static bits got[2];
        for (s.blocks = 0;; s.blocks = true) {
            bits *b = &got[s.blocks];
            b->n = 0;
            heed_tape_reset(t);
            heed_tape_set_step(t, 7);
            s.x = drawn(s.dtype, HEED_SHAPE(ROWS, D));
            s.z = drawn(s.dtype, HEED_SHAPE(D, ROWS));
            add_tensor(b, programs[i].run(&s));
            cr_expect_eq(heed_tape_statistics(t).nodes, 0, "%s", programs[i].name);
            if (s.blocks)
                break;
        }
        cr_expect(got[0].n == got[1].n && memcmp(got[0].at, got[1].at, got[0].n) == 0, "%s", programs[i].name);
    }
    heed_model_free(s.model);
}

/* ---- what stays, and what does not ---- */

static heed_tensor vector(int64_t n, double first) {
    double x[64];
    for (int i = 0; i < 64; i++)
        x[i] = first + i;
    return heed_variable(t, HEED_F64, HEED_SHAPE(n), x);
}

static heed_tensor total(heed_tensor x) {
    return heed_sum(t, x, HEED_ALL_AXES);
}

static void values_are(heed_tensor x, const double *expected) {
    const double *got = heed_f64(t, x);
    cr_assert_not_null(got, "%s", heed_error_text(t));
    for (int64_t i = 0; i < heed_count(t, x); i++)
        cr_assert_eq(got[i], expected[i], "element %d: %g, must be %g", (int)i, got[i], expected[i]);
}

Test(recompute, what_is_not_handed_on_is_gone) {
    heed_tensor x = vector(3, 1);
    heed_recompute_begin(t);
    heed_tensor inner = heed_square(t, x), y = heed_exp(t, inner);
    values_are(inner, (double[]){1, 4, 9}); /* before the end it is there */
    y = heed_recompute_end(t, y);
    cr_expect(heed_needs_grad(t, inner) && heed_shape_equal(heed_shape_of(t, inner), HEED_SHAPE(3)));
    heed_enter_named(t, "head");
    cr_expect(heed_is_nil(heed_add(t, y, inner)));
    SAYS("head: add: input 1 was made in a recomputed block, which has given its memory back: hand it on with heed_recompute_end");
    cr_expect_eq(heed_backward(t, total(y), NULL), HEED_INVALID);
}

Test(recompute, nor_can_it_be_read) {
    heed_tensor x = vector(3, 1);
    for (int how = 0; how < 4; how++) {
        heed_tape_reset(t);
        x = vector(3, 1);
        heed_recompute_begin(t);
        heed_tensor inner = total(heed_square(t, x));
        heed_recompute_end(t, heed_exp(t, x));
        if (how == 0)
            cr_expect_null(heed_f64(t, inner));
        else if (how == 1)
            cr_expect(!(heed_item(t, inner) == 14));
        else if (how == 2)
            cr_expect_null(heed_tensor_array(t, inner));
        else
            cr_expect_eq(heed_backward(t, inner, NULL), HEED_INVALID);
        cr_expect_not_null(strstr(heed_error_text(t), "was made in a recomputed block"), "%s", heed_error_text(t));
    }
}

/* d/dx sum(3 x²) = 6 x; of x² itself it is 3. */
Test(recompute, a_gradient_within_can_be_kept) {
    heed_tensor x = vector(3, 1);
    heed_recompute_begin(t);
    heed_tensor inner = heed_keep_grad(t, heed_square(t, x)), late = heed_scale(t, inner, 3), y = heed_scale(t, late, 1);
    y = heed_recompute_end(t, y);
    heed_keep_grad(t, late);
    cr_assert_eq(heed_backward(t, total(y), NULL), HEED_OK, "%s", heed_error_text(t));
    values_are(heed_grad(t, inner), (double[]){3, 3, 3});
    values_are(heed_grad(t, late), (double[]){1, 1, 1});
    values_are(heed_grad(t, x), (double[]){6, 12, 18});
}

static void note(void *user, heed_tape *tape, const char *path, heed_tensor x) {
    (void)path;
    *(heed_tensor *)user = heed_keep_grad(tape, x);
}

Test(recompute, what_is_watched_stays) {
    heed_tensor x = vector(4, 1), seen = HEED_NIL;
    cr_assert_eq(heed_tape_on_watch(t, "layer.squares", note, &seen), HEED_OK);
    heed_recompute_begin(t);
    heed_enter_named(t, "layer");
    heed_tensor squares = heed_reshape(t, heed_square(t, x), HEED_SHAPE(2, 2)); /* the watched one is a view */
    heed_watch(t, "squares", heed_transpose(t, squares, 0, 1));
    heed_watch(t, "others", heed_exp(t, squares));
    heed_leave(t);
    heed_tensor y = heed_recompute_end(t, heed_scale(t, squares, 2));
    heed_tape_unwatch(t, note, &seen);
    values_are(seen, (double[]){1, 9, 4, 16});
    cr_assert_eq(heed_backward(t, heed_add(t, total(y), total(seen)), NULL), HEED_OK, "%s", heed_error_text(t));
    values_are(seen, (double[]){1, 9, 4, 16});
    values_are(heed_grad(t, seen), (double[]){1, 1, 1, 1});
    values_are(heed_grad(t, x), (double[]){6, 12, 18, 24});
}

Test(recompute, what_is_brought_in_stays) {
    heed_recompute_begin(t);
    heed_tensor x = vector(3, 2), twos = heed_full(t, HEED_F64, HEED_SHAPE(3), 2);
    heed_tensor y = heed_recompute_end(t, heed_mul(t, heed_square(t, x), twos));
    cr_assert_eq(heed_backward(t, total(y), NULL), HEED_OK, "%s", heed_error_text(t));
    values_are(twos, (double[]){2, 2, 2});
    values_are(heed_grad(t, x), (double[]){8, 12, 16});
}

Test(recompute, what_was_there_may_be_handed_on) {
    heed_tensor x = vector(3, 1), y[2] = {x, HEED_NIL};
    heed_recompute_begin(t);
    y[1] = heed_reshape(t, x, HEED_SHAPE(3, 1));
    heed_recompute_end_many(t, y, 2);
    heed_recompute_begin(t);
    heed_recompute_end_many(t, NULL, 0);
    cr_assert_eq(heed_backward(t, heed_add(t, total(heed_square(t, y[0])), total(y[1])), NULL), HEED_OK, "%s", heed_error_text(t));
    values_are(heed_grad(t, x), (double[]){3, 5, 7});
}

/* d x² = 2 x; what is behind the square in its block is not walked, nor run again. */
Test(recompute, backward_may_start_within) {
    heed_tensor x = vector(3, 1);
    heed_recompute_begin(t);
    heed_tensor loss = total(heed_square(t, heed_scale(t, x, 1))), behind = loss;
    for (int i = 0; i < 100; i++)
        behind = heed_exp(t, heed_neg(t, behind));
    loss = heed_recompute_end(t, loss);
    cr_assert_eq(heed_backward(t, loss, NULL), HEED_OK, "%s", heed_error_text(t));
    values_are(heed_grad(t, x), (double[]){2, 4, 6});
}

/* ---- what is wrong ---- */

Test(recompute, begins_and_ends_must_match) {
    heed_tensor x = vector(3, 1);
    cr_expect(heed_is_nil(heed_recompute_end(t, x)));
    SAYS("recompute: no block is open: heed_recompute_begin comes first");
    heed_tape_reset(t);
    x = vector(3, 1);
    heed_enter_named(t, "net");
    heed_recompute_begin(t);
    cr_expect_eq(heed_backward(t, total(heed_square(t, x)), NULL), HEED_STATE);
    SAYS("net: backward: a recomputed block is open: heed_recompute_end comes first");
    heed_tape_reset(t); /* closes it */
    x = vector(3, 1);
    heed_tensor y = heed_square(t, x);
    cr_expect_eq(heed_backward(t, total(y), NULL), HEED_OK, "%s", heed_error_text(t));
    values_are(y, (double[]){1, 4, 9});
    cr_expect(heed_is_nil(heed_recompute_end(t, y)));
}

Test(recompute, an_error_within_is_the_first_one) {
    heed_tensor x = vector(3, 1), y[] = {HEED_NIL, x};
    heed_recompute_begin(t);
    heed_enter_named(t, "net");
    y[0] = heed_add(t, heed_square(t, x), vector(2, 1));
    heed_leave(t);
    heed_recompute_end_many(t, y, 2);
    cr_expect(heed_is_nil(y[0]) && heed_is_nil(y[1]));
    SAYS("net: add: shapes do not broadcast: (3,) and (2,)");
    heed_tape_reset(t);
    heed_recompute_begin(t);
    cr_expect(heed_is_nil(heed_recompute_end(t, HEED_NIL)));
    SAYS("recompute: what is handed on is nil: it was never set, or is the result of a call that failed on another tape");
    heed_tape_reset(t);
    x = vector(3, 1);
    heed_recompute_begin(t);
    x = heed_recompute_end(t, heed_square(t, x)); /* the tape is as good as new */
    cr_expect_eq(heed_backward(t, total(x), NULL), HEED_OK);
}

/* The frozen one gets no gradient, but what is made of it is computed again. */
Test(recompute, parameters_that_have_changed_are_an_error) {
    const char *const names[] = {"w", "frozen"};
    for (int i = 0; i < 2; i++) {
        setting s;
        begin_setting(&s, HEED_F64);
        heed_model *other = heed_model_new();
        heed_param frozen = heed_param_new(heed_model_root(other), names[i], HEED_SHAPE(ROWS, D), heed_init_constant(1));
        cr_assert_eq(heed_model_build(other, HEED_F64, 1), HEED_OK);
        heed_model_set_trainable(other, "frozen", false);
        heed_tape_reset(t);
        heed_tensor x = drawn(HEED_F64, HEED_SHAPE(ROWS, D));
        heed_recompute_begin(t);
        heed_tensor made = heed_tanh(t, heed_use(t, frozen)), y = heed_recompute_end(t, heed_mul(t, x, made));
        heed_model_changed(other);
        cr_expect_eq(heed_backward(t, total(y), NULL), HEED_STATE);
        SAYS("backward: parameters of the model have changed since the forward pass used them: record it again");
        heed_tape_reset(t);
        heed_model_free(other);
        heed_model_free(s.model);
    }
}

Test(recompute, is_walked_once_unless_it_is_retained) {
    heed_tensor x = vector(3, 1);
    heed_recompute_begin(t);
    heed_tensor y = heed_recompute_end(t, heed_square(t, heed_exp(t, x)));
    cr_assert_eq(heed_backward(t, total(y), NULL), HEED_OK);
    cr_expect_eq(heed_backward(t, total(y), NULL), HEED_STATE);
    SAYS("backward: this recording was walked before: sum the losses first, or ask the first backward to retain it");
}

/* sqrt's gradient at 0 is inf: found where the block is walked, under the path it was recorded in. */
Test(recompute, an_anomaly_names_the_path) {
    heed_tensor x = vector(3, 0);
    heed_tape_set_anomaly(t, true);
    heed_recompute_begin(t);
    heed_enter_named(t, "net");
    heed_tensor y = heed_sqrt(t, heed_scale(t, x, 2));
    heed_leave(t);
    y = heed_recompute_end(t, y);
    cr_expect_eq(heed_backward(t, total(y), NULL), HEED_NOT_FINITE);
    SAYS("net: sqrt: backward: the gradient of its input 0, of shape (3,), has an inf");
}

/* ---- what runs again ---- */

static int64_t calls(const heed_profile *p, const char *op, heed_phase phase) {
    int64_t n = 0;
    for (int i = 0; i < heed_profile_rows(p); i++) {
        heed_profile_row r = heed_profile_row_at(p, i);
        n += strcmp(r.op, op) == 0 && r.phase == phase ? r.calls : 0;
    }
    return n;
}

/* exp reads what it has made, mul what it is given, add nothing: so the last of them is not computed again, nor is the sum; and
 * nothing of a branch that only goes to a value nobody asks for. */
Test(recompute, only_what_is_read_runs_again) {
    heed_profile *p = heed_profile_new((heed_profile_options){0});
    heed_tape_set_profile(t, p);
    heed_tensor x = vector(3, 0);
    heed_recompute_begin(t);
    heed_tensor e = heed_exp(t, heed_tanh(t, heed_scale(t, x, 0.5)));
    heed_cos(t, e);
    heed_tensor y = heed_recompute_end(t, heed_add(t, heed_mul(t, e, x), x));
    cr_assert_eq(heed_backward(t, total(y), NULL), HEED_OK);
    static const struct {
        const char *op;
        int64_t again;
    } expected[] = {{"scale", 1}, {"tanh", 1}, {"exp", 1}, {"cos", 0}, {"mul", 0}, {"add", 0}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        cr_expect_eq(calls(p, expected[i].op, HEED_PHASE_FORWARD), 1, "%s", expected[i].op);
        cr_expect_eq(calls(p, expected[i].op, HEED_PHASE_RECOMPUTE), expected[i].again, "%s", expected[i].op);
    }
    cr_expect_eq(calls(p, "mul", HEED_PHASE_BACKWARD), 1);
    cr_expect_gt(heed_profile_totals(p).phase[HEED_PHASE_RECOMPUTE], 0);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    cr_assert_eq(heed_profile_print(p, out), HEED_OK);
    fclose(out);
    cr_expect_not_null(strstr(text, "of backward, computing again: "));
    free(text);
    heed_tape_free(t);
    heed_profile_free(p);
    t = NULL;
}

typedef struct list {
    char text[4096];
    size_t n;
} list;

static void write_item(void *user, heed_tape *tape, const heed_tape_item *item) {
    list *l = user;
    (void)tape;
    l->n += (size_t)snprintf(l->text + l->n, sizeof l->text - l->n, "%s %s %d %d\n", item->op ? item->op : "leaf", item->path,
                             item->n_out, item->n_in);
}

Test(recompute, the_tape_shows_the_same_ops) {
    static list l[2];
    setting s;
    begin_setting(&s, HEED_F64);
    for (s.blocks = 0;; s.blocks = true) {
        heed_tape_reset(t);
        s.x = drawn(s.dtype, HEED_SHAPE(ROWS, D));
        constants_inside(&s);
        cr_assert_eq(heed_tape_visit(t, write_item, &l[s.blocks]), HEED_OK, "%s", heed_error_text(t));
        if (s.blocks)
            break;
    }
    cr_expect_str_eq(l[0].text, l[1].text);
    cr_expect_gt(l[0].n, 100);
    heed_model_free(s.model);
}

/* ---- memory ---- */

enum { WIDE = 4096, BLOCKS = 32, OPS = 10 };

/* BLOCKS times OPS ops on WIDE numbers, each of which keeps what it has made. */
static heed_tape_stats long_step(heed_tape *on, bool blocks) {
    heed_tape_reset(on);
    heed_tensor x = heed_full(on, HEED_F32, HEED_SHAPE(WIDE), 0.5), y = heed_variable(on, HEED_F32, HEED_SHAPE(WIDE), heed_data(on, x));
    for (int i = 0; i < BLOCKS; i++) {
        if (blocks)
            heed_recompute_begin(on);
        for (int k = 0; k < OPS; k++)
            y = heed_tanh(on, y);
        if (blocks)
            y = heed_recompute_end(on, y);
    }
    cr_assert_eq(heed_backward(on, heed_sum(on, y, HEED_ALL_AXES), NULL), HEED_OK, "%s", heed_error_text(on));
    return heed_tape_statistics(on);
}

/* A value takes 16 KiB: with blocks those of BLOCKS and of OPS are there, x and its copy, and a few gradients; records beside. */
Test(recompute, memory_is_one_block_and_the_results_of_all) {
    const size_t value = WIDE * sizeof(float), records = 256 * BLOCKS * OPS;
    heed_tape *plain = heed_tape_new();
    for (int i = 0; i < 2; i++) {
        cr_expect_geq(long_step(plain, false).used_bytes, BLOCKS * OPS * value);
        heed_tape_stats s = long_step(t, true);
        cr_expect_eq(s.block_bytes / value, OPS, "%zu", s.block_bytes);
        cr_expect_leq(s.used_bytes, (BLOCKS + OPS + 6) * value + records, "%zu", s.used_bytes);
    }
    cr_expect_leq(long_step(t, true).arena_bytes, (BLOCKS + OPS + 6) * value + records); /* both merged */
    heed_tape_free(plain);
}

Test(recompute, the_same_step_again_takes_no_new_memory) {
    setting s;
    begin_setting(&s, HEED_F32);
    static bits b;
    for (int i = 0; i < PROGRAMS; i++) {
        uint64_t before = 0;
        for (int step = 0; step < 4; step++) {
            run(&s, programs[i].run, true, 2, true, &b);
            cr_expect(step < 2 || heed_tape_statistics(t).allocations == before, "%s, step %d", programs[i].name, step);
            before = heed_tape_statistics(t).allocations;
        }
    }
    heed_model_free(s.model);
}

/* ---- the gradient itself ---- */

static heed_tensor checked(void *user, heed_tape *tape, const heed_tensor *variables) {
    heed_tape *own = t;
    setting s = *(setting *)user;
    t = tape;
    s.x = variables[0];
    s.z = variables[1];
    heed_tensor y = heed_add(t, taken_everywhere(&s), packs_what_was_there(&s));
    t = own;
    return y;
}

Test(recompute, its_gradient_is_right) {
    setting s;
    begin_setting(&s, HEED_F64);
    s.blocks = true;
    heed_sample_input inputs[] = {{.dtype = HEED_F64, .shape = HEED_SHAPE(ROWS, D)}, {.dtype = HEED_F64, .shape = HEED_SHAPE(D, ROWS)}};
    heed_check check = heed_gradcheck(
        &(heed_check_case){.name = "recomputed", .fn = checked, .user = &s, .model = s.model, .n = 2, .inputs = inputs}, NULL);
    cr_expect(check.failed == 0 && check.cases >= 4 && check.worst <= 1, "%d of %d failed: %s", check.failed, check.cases,
              check.n_failures ? check.failures[0].what : "");
    heed_model_free(s.model);
}
