/* A tape used as it should not be: nothing given, handles never set, calls after an error, scopes left too often, watchers that do
 * what they must not. Every answer is an error that says so, or nothing at all; never a crash. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <heed/heed.h>

static heed_tape *t;

static void open_tape(void) {
    t = heed_tape_new();
}

static void close_tape(void) {
    heed_tape_free(t);
}

TestSuite(tape_misuse, .init = open_tape, .fini = close_tape);

/* The tape says this, and is fresh again. */
#define SAYS(text) says(__LINE__, text)
static void says(int line, const char *text) {
    cr_expect_str_eq(heed_error_text(t), text, "line %d: \"%s\"", line, heed_error_text(t));
    heed_tape_reset(t);
}

static heed_tensor three(void) {
    return heed_variable(t, HEED_F64, HEED_SHAPE(3), (double[]){1, 2, 3});
}

/* ---- values brought in ---- */

Test(tape_misuse, data_that_is_null) {
    heed_input(t, HEED_F32, HEED_SHAPE(2), NULL);
    SAYS("input: the data of shape (2,) is NULL");
    heed_input_borrowed(t, HEED_F32, HEED_SHAPE(2, 3), NULL);
    SAYS("input: the data of shape (2, 3) is NULL");
    heed_variable(t, HEED_F32, HEED_SCALAR, NULL);
    SAYS("input: the data of shape () is NULL");
    cr_expect_eq(heed_count(t, heed_input(t, HEED_F32, HEED_SHAPE(2, 0), NULL)), 0);
    cr_expect_eq(heed_count(t, heed_input_borrowed(t, HEED_F32, HEED_SHAPE(0), NULL)), 0);
    SAYS("");
}

Test(tape_misuse, dtypes_and_shapes_that_are_none) {
    heed_input(t, (heed_dtype)77, HEED_SHAPE(2), (float[]){1, 2});
    SAYS("input: 77 is no dtype");
    heed_variable(t, (heed_dtype)-1, HEED_SHAPE(2), (float[]){1, 2});
    SAYS("variable: dtype no dtype has no gradient: use f32 or f64");
    heed_randn(t, HEED_BOOL, HEED_SHAPE(2));
    SAYS("randn: dtype is bool; it must be f32 or f64");
    heed_input_borrowed(t, HEED_F32, (heed_shape){.rank = -1}, (float[]){1});
    SAYS("input: shape () cannot be: rank must be 0 to 8, sizes not negative, all bytes countable");
    heed_arange(t, HEED_F32, -1);
    SAYS("arange: shape (-1,) cannot be: rank must be 0 to 8, sizes not negative, all bytes countable");
    heed_arange(t, HEED_I32, ((int64_t)1 << 31) + 1);
    SAYS("arange: 2147483648 is no i32");
}

/* As heed_masked_fill has it: a number that an i32 cannot be is not made another. */
Test(tape_misuse, integers_are_filled_with_integers) {
    const double wrong[] = {0.5, 3e9, -3e9, NAN, INFINITY};
    const char *const text[] = {"full: dtype is i32, and 0.5 is no i32", "full: dtype is i32, and 3e+09 is no i32",
                                "full: dtype is i32, and -3e+09 is no i32", "full: dtype is i32, and nan is no i32",
                                "full: dtype is i32, and inf is no i32"};
    for (int i = 0; i < 5; i++) {
        cr_expect(heed_is_nil(heed_full(t, HEED_I32, HEED_SHAPE(2), wrong[i])));
        SAYS(text[i]);
    }
    cr_expect_eq(heed_item(t, heed_full(t, HEED_I32, HEED_SCALAR, INT32_MIN)), INT32_MIN);
    cr_expect_eq(heed_item(t, heed_full(t, HEED_I32, HEED_SCALAR, INT32_MAX)), INT32_MAX);
    cr_expect_eq(heed_item(t, heed_full(t, HEED_BOOL, HEED_SCALAR, 0.5)), 1);
    int32_t filled = 5;
    heed_array one = {.data = &filled, .dtype = HEED_I32};
    heed_array_fill(&one, NAN, 1);
    cr_expect_eq(filled, 0); /* as heed_cast */
}

Test(tape_misuse, weights_are_numbers) {
    heed_set_weight(t, three(), NAN);
    SAYS("set_weight: the weight is nan; it must be finite, and negative for none");
    heed_set_weight(t, three(), INFINITY);
    SAYS("set_weight: the weight is inf; it must be finite, and negative for none");
    cr_expect_eq(heed_weight(t, heed_set_weight(t, three(), 7)), 7);
}

/* ---- reading ---- */

Test(tape_misuse, a_view_read_often_is_packed_once) {
    heed_tensor x =
        heed_variable(t, HEED_F64, HEED_SHAPE(300, 300), heed_f64(t, heed_randn(t, HEED_F64, HEED_SHAPE(300, 300))));
    heed_tensor turned = heed_transpose(t, x, 0, 1);
    const double *first = heed_f64(t, turned);
    size_t used = heed_tape_statistics(t).used_bytes;
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(heed_f64(t, turned), first);
    cr_assert_eq(heed_tape_statistics(t).used_bytes, used);
    heed_tensor y =
        heed_rmsnorm(t, turned, HEED_NIL, 1); /* takes packed inputs: a copy of its own, since it is differentiated */
    cr_assert_eq(heed_backward(t, heed_sum(t, y, HEED_ALL_AXES), NULL), HEED_OK, "%s", heed_error_text(t));
    cr_assert_neq(heed_f64(t, heed_grad(t, x))[0], 0);
}

typedef heed_tensor unary(heed_tape *, heed_tensor);

/* What a program does that does not look at errors, with a handle that is nil. */
static void use_everywhere(heed_tensor x) {
    char text[8];
    heed_tensor parts[2];
    cr_expect_eq(heed_rank(t, x), -1);
    cr_expect_eq(heed_size(t, x, 0), -1);
    cr_expect_eq(heed_count(t, x), -1);
    cr_expect_eq(heed_dtype_of(t, x), HEED_DTYPES);
    cr_expect_eq(heed_shape_of(t, x).rank, 0);
    cr_expect_lt(heed_weight(t, x), 0);
    cr_expect(isnan(heed_item(t, x)));
    cr_expect_null(heed_data(t, x));
    cr_expect_null(heed_f32(t, x));
    cr_expect_null(heed_f64(t, x));
    cr_expect_null(heed_i32(t, x));
    cr_expect_null(heed_bool(t, x));
    cr_expect_null(heed_tensor_array(t, x));
    cr_expect_eq(heed_print(t, x, text, sizeof text), 0);
    cr_expect_str_eq(text, "");
    heed_set_weight(t, x, 1);
    heed_keep_grad(t, x);
    cr_expect(heed_is_nil(heed_grad(t, x)));
    heed_watch(t, "x", x);
    cr_expect(heed_is_nil(heed_contiguous(t, x)));
    cr_expect(heed_is_nil(heed_reshape(t, x, HEED_SHAPE(-1))));
    cr_expect(heed_is_nil(heed_split(t, x, 0, 2, NULL, parts)));
    cr_expect(heed_is_nil(parts[0]) && heed_is_nil(parts[1]));
    cr_expect(heed_is_nil(heed_topk(t, x, 1, parts)));
    cr_expect(heed_is_nil(heed_concat(t, (heed_tensor[]){x, x}, 2, 0)));
    cr_expect(heed_is_nil(heed_linear(t, x, x, HEED_NIL)));
    cr_expect(heed_is_nil(heed_attention(t, x, x, x, (heed_attention_options){.pattern = parts})));
    cr_expect(heed_is_nil(heed_cross_entropy(t, x, x)));
    cr_expect_neq(heed_backward(t, x, NULL), HEED_OK);
    cr_expect_neq(heed_backward_with(t, x, NULL, (heed_backward_options){.seed = x}), HEED_OK);
}

/* [promises: other tapes] */
Test(tape_misuse, nil_and_stale_handles_everywhere) {
    use_everywhere(HEED_NIL);
    heed_tape_reset(t);
    heed_tensor stale = three();
    heed_tape_reset(t);
    use_everywhere(stale);
    heed_tape_reset(t);
    use_everywhere((heed_tensor){.epoch = three().epoch, .index = UINT64_MAX});
    heed_tape_reset(t);
    use_everywhere((heed_tensor){.epoch = three().epoch, .index = 0});
}

/* After an error sizes can be asked for still; nothing else happens. */
Test(tape_misuse, a_tape_after_an_error) {
    heed_tensor x = three();
    heed_reshape(t, x, HEED_SHAPE(2, 2));
    cr_expect_eq(heed_size(t, x, 0), 3);
    cr_expect_null(heed_f64(t, x));
    cr_expect(isnan(heed_item(t, x)));
    cr_expect(heed_is_nil(heed_input(t, HEED_F64, HEED_SHAPE(1), (double[]){1})));
    cr_expect(heed_is_nil(heed_full(t, HEED_I32, HEED_SCALAR, 0.5)));
    cr_expect(heed_is_nil(heed_add(t, x, x)));
    cr_expect_eq(heed_backward(t, x, NULL), HEED_INVALID);
    heed_enter_named(t, "scope");
    heed_leave(t);
    cr_expect_eq(heed_tape_statistics(t).nodes, 0);
    SAYS("reshape: (3,), of 3 elements, to (2, 2): the numbers of elements differ");
}

/* ---- settings ---- */

Test(tape_misuse, numbers_of_threads_beyond_reason) {
    heed_tape_set_threads(t, -5);
    cr_expect_geq(heed_tape_threads(t), 1);
    heed_tape_set_threads(t, INT32_MAX);
    cr_expect_eq(heed_tape_threads(t), 1024);
    heed_tensor y =
        heed_softmax(t, heed_ones(t, HEED_F32, HEED_SHAPE(3, 4, 5)), 1); /* takes workspace for each thread */
    cr_expect_eq(heed_f32(t, y)[0], 0.25, "%s", heed_error_text(t));
}

/* ---- scopes ---- */

Test(tape_misuse, leaving_more_than_entering) {
    char path[16];
    for (int i = 0; i < 3; i++)
        heed_leave(t);
    heed_enter_named(t, "a");
    cr_expect_eq(heed_path(t, path, sizeof path), 1);
    heed_leave(t);
    heed_leave(t);
    cr_expect_eq(heed_path(t, path, sizeof path), 0);
    SAYS("");
}

Test(tape_misuse, names_that_are_null) {
    char path[16];
    heed_enter_named(t, NULL);
    cr_expect_eq(heed_path(t, path, sizeof path), 0);
    heed_leave(t);
    heed_watch(t, NULL, three());
    cr_expect_not(heed_watching(t, NULL));
    SAYS("");
}

/* A path longer than any buffer is cut, and says so. */
Test(tape_misuse, paths_of_any_length) {
    static char name[5000], path[64];
    memset(name, 'n', sizeof name - 1);
    for (int i = 0; i < 20; i++)
        heed_enter_named(t, name);
    cr_expect_eq(heed_path(t, path, sizeof path), 20 * 4999 + 19);
    cr_expect_str_eq(path, "...");
    cr_expect_not(heed_watching(t, "x"));
    heed_neg(t, HEED_NIL);
    SAYS("...: neg: input 0 is nil: it was never set, or is the result of a call that failed on another tape");
}

/* ---- watchers ---- */

static int called;

static void count(void *user, heed_tape *tape, const char *path, heed_tensor x) {
    (void)user;
    (void)tape;
    (void)path;
    (void)x;
    called++;
}

Test(tape_misuse, watching_for_nothing) {
    cr_expect_eq(heed_tape_on_watch(t, NULL, count, NULL), HEED_INVALID);
    SAYS("watch: the pattern is NULL");
    cr_expect_eq(heed_tape_on_watch(t, "*", NULL, NULL), HEED_INVALID);
    SAYS("watch: the watcher is NULL");
    heed_tape_unwatch(t, count, NULL);
    heed_watch(t, "x", three());
    cr_expect_eq(called, 0);
}

/* Ops a watcher records are not seen by the loss. */
static void record_ops(void *user, heed_tape *tape, const char *path, heed_tensor x) {
    (void)user;
    (void)path;
    heed_tensor y = heed_exp(tape, heed_mul(tape, x, x));
    cr_assert_geq(heed_item(tape, heed_sum(tape, y, HEED_ALL_AXES)), 0);
    called++;
}

Test(tape_misuse, a_watcher_that_records_ops) {
    heed_tensor gradients[2];
    double values[2][3];
    for (int watched = 0; watched < 2; watched++) {
        heed_tape_reset(t);
        if (watched)
            cr_assert_eq(heed_tape_on_watch(t, "*", record_ops, NULL), HEED_OK);
        heed_tensor x = three(), y = heed_watch(t, "y", heed_square(t, x));
        cr_assert_eq(heed_backward(t, heed_sum(t, heed_mul(t, y, x), HEED_ALL_AXES), NULL), HEED_OK);
        gradients[watched] = heed_grad(t, x);
        memcpy(values[watched], heed_f64(t, gradients[watched]), sizeof values[watched]);
    }
    cr_expect_eq(called, 1);
    cr_expect_arr_eq(values[0], values[1], sizeof values[0]);
}

static void reset_tape(void *user, heed_tape *tape, const char *path, heed_tensor x) {
    (void)user;
    (void)path;
    (void)x;
    heed_tape_reset(tape);
}

Test(tape_misuse, a_watcher_that_resets_the_tape) {
    heed_model *model = heed_model_new();
    heed_self_attention attn;
    heed_self_attention_init(&attn, heed_model_root(model), "attn", 4, 2);
    cr_assert_eq(heed_model_build(model, HEED_F64, 1), HEED_OK);
    cr_assert_eq(heed_tape_on_watch(t, "*.q", reset_tape, NULL), HEED_OK);
    cr_assert_eq(heed_tape_on_watch(t, "*.q", count, NULL), HEED_OK);
    heed_tensor z = heed_self_attention_forward(&attn, t, heed_ones(t, HEED_F64, HEED_SHAPE(3, 4)), HEED_NIL);
    cr_expect(heed_is_nil(z));
    SAYS("attention: input 0 is not of this tape, or from before its last reset");
    heed_model_free(model);
}

/* Watchers may come and go while they are called: those who come are called from the next value on. */
static void add_another(void *user, heed_tape *tape, const char *path, heed_tensor x) {
    (void)path;
    (void)x;
    called++;
    cr_assert_eq(heed_tape_on_watch(tape, "*", add_another, user), HEED_OK);
}

static void go_away(void *user, heed_tape *tape, const char *path, heed_tensor x) {
    (void)path;
    (void)x;
    called++;
    heed_tape_unwatch(tape, go_away, user);
}

Test(tape_misuse, watchers_that_come_and_go) {
    cr_assert_eq(heed_tape_on_watch(t, "*", add_another, NULL), HEED_OK);
    heed_watch(t, "x", three());
    cr_expect_eq(called, 1);
    heed_watch(t, "x", three());
    cr_expect_eq(called, 3);
    heed_tape_unwatch(t, add_another, NULL);
    cr_assert_eq(heed_tape_on_watch(t, "*", go_away, NULL), HEED_OK);
    heed_watch(t, "x", three());
    heed_watch(t, "x", three());
    cr_expect_eq(called, 4);
}

/* ---- shapes ---- */

Test(tape_misuse, ranks_that_cannot_be_are_not_read) {
    heed_shape out, deep = {.rank = 1 << 20, .n = {1, 1, 1, 1, 1, 1, 1, 1}}, negative = {.rank = -3};
    cr_expect_eq(heed_shape_count(deep), -1);
    cr_expect_eq(heed_shape_count(negative), -1);
    cr_expect_not(heed_shape_equal(deep, deep)); /* of what cannot be nothing is the same */
    cr_expect_not(heed_shape_broadcast(deep, deep, &out));
    cr_expect_not(heed_shape_broadcast(HEED_SCALAR, negative, &out));
    cr_expect_eq(heed_shape_axis(deep, 1 << 19), -1);
    cr_expect_eq(heed_shape_axis(HEED_SHAPE(2, 3), INT32_MIN), -1);
    cr_expect_str_eq(HEED_SHAPE_STR(deep), "(1, 1, 1, 1, 1, 1, 1, 1)");
    heed_reshape(t, three(), deep);
    SAYS("reshape: rank 1048576 is outside 0..8");
    heed_expand(t, three(), deep);
    SAYS("expand: rank 1048576 is outside 0..8");
}
