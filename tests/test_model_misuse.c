/* Models declared, tied, stacked, copied and bound in ways that cannot be: an error that names the thing, never a wild pointer. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <heed/heed.h>

static heed_model *model;
static const heed_module *root;

static void fresh(void) {
    model = heed_model_new();
    root = heed_model_root(model);
}

static void drop(void) {
    heed_model_free(model);
}

TestSuite(model_misuse, .init = fresh, .fini = drop);

/* The model refused with this text; the next model is fresh. */
#define REFUSED(text) refused(__LINE__, text)
static void refused(int line, const char *text) {
    cr_expect_str_eq(heed_model_error_text(model), text, "line %d: \"%s\"", line, heed_model_error_text(model));
    cr_expect_neq(heed_model_build(model, HEED_F32, 1), HEED_OK, "line %d", line);
    drop();
    fresh();
}

static heed_param vector(const char *name, int64_t n) {
    return heed_param_new(root, name, HEED_SHAPE(n, 2), heed_init_constant(1));
}

static heed_param stack_of(heed_param a, heed_param b) {
    return heed_param_stack(2, (heed_param[]){a, b});
}

/* ---- stacks and ties ---- */

Test(model_misuse, stacks_are_of_neighbouring_parameters) {
    heed_param a = vector("a", 1), b = vector("b", 1), c = vector("c", 1);
    stack_of(a, c);
    REFUSED("stack: c must be declared right after a, with the same sizes but the first");
    a = vector("a", 1), b = heed_param_new(root, "b", HEED_SHAPE(1, 3), heed_init_constant(1));
    stack_of(a, b);
    REFUSED("stack: b must be declared right after a, with the same sizes but the first");
    a = vector("a", 1), b = vector("b", 1);
    stack_of(stack_of(a, b), b);
    REFUSED("stack: part 0 is no parameter of this model, or a stack or a second name itself");
    a = vector("a", 1), b = vector("b", 1);
    stack_of(a, stack_of(a, b));
    REFUSED("stack: part 1 is no parameter of this model, or a stack or a second name itself");
    a = vector("a", 1);
    stack_of(a, heed_param_tie(root, "tied", a));
    REFUSED("stack: part 1 is no parameter of this model, or a stack or a second name itself");
    a = vector("a", 1);
    stack_of(a, (heed_param){.model = model, .index = -1});
    REFUSED("stack: part 1 is no parameter of this model, or a stack or a second name itself");
    a = heed_param_new(root, "a", HEED_SHAPE((int64_t)1 << 62), heed_init_constant(0));
    b = heed_param_new(root, "b", HEED_SHAPE((int64_t)1 << 62), heed_init_constant(0));
    stack_of(a, b);
    REFUSED("stack: b does not fit: the sum of the first sizes is above 2^63 - 1");
}

Test(model_misuse, stacks_do_not_cross_models) {
    heed_model *other = heed_model_new();
    for (int i = 0; i < 3; i++)
        heed_param_new(heed_model_root(other), (const char *[]){"a", "b", "c"}[i], HEED_SHAPE(1, 2),
                       heed_init_constant(1));
    stack_of(vector("a", 1), (heed_param){.model = other, .index = 2});
    REFUSED("stack: part 1 is no parameter of this model, or a stack or a second name itself");
    heed_model_free(other);
}

Test(model_misuse, a_stack_of_one_and_of_nothing_known) {
    heed_param a = vector("a", 3), alone = heed_param_stack(1, &a), nowhere = heed_model_find(model, "nothing");
    cr_assert_null(heed_param_stack(1, &nowhere).model);
    cr_assert_null(heed_param_stack(0, NULL).model);
    cr_assert_eq(heed_model_build(model, HEED_F64, 1), HEED_OK);
    cr_assert_eq(heed_param_data(alone), heed_param_data(a));
}

Test(model_misuse, only_parameters_can_be_tied) {
    heed_param a = vector("a", 1), b = vector("b", 1);
    heed_param_tie(root, "tied", stack_of(a, b));
    REFUSED("tied cannot be tied: the other is no parameter of this model");
    heed_param_tie(root, "tied", (heed_param){.model = NULL});
    REFUSED("tied cannot be tied: the other is no parameter of this model");
}

/* ---- names and groups ---- */

Test(model_misuse, names_that_are_null) {
    heed_param_new(root, NULL, HEED_SHAPE(1), heed_init_constant(0));
    REFUSED("parameter name \"\" must be letters, digits and _");
    heed_module layer;
    heed_module_init(&layer, root, NULL);
    REFUSED("module name \"\" must be letters, digits and _");
    heed_param a = vector("a", 1);
    cr_expect_null(heed_model_find(model, NULL).model);
    cr_expect_eq(heed_model_set_trainable(model, NULL, false), 0);
    cr_expect_eq(heed_model_set_group(model, NULL, "slow"), 0);
    heed_param_set_group(a, NULL);
    cr_expect_str_eq(heed_model_param(model, a.index).group, "");
    heed_param_set_group((heed_param){.model = NULL}, "slow");
}

Test(model_misuse, group_names_are_kept_whole_or_refused) {
    heed_param a = vector("a", 1);
    heed_param_set_group(a, "a_name_of_thirty_one_characters");
    cr_expect_str_eq(heed_model_param(model, a.index).group, "a_name_of_thirty_one_characters");
    heed_param_set_group(a, "a_name_of_thirty_two_characters_");
    REFUSED("group \"a_name_of_thirty_two_characters_\" is longer than 31 characters");
}

Test(model_misuse, a_group_belongs_to_storage_under_all_its_names) {
    heed_param a = vector("a", 1), b = vector("b", 1), both = stack_of(a, b), tied = heed_param_tie(root, "tied", b);
    heed_param_set_group(both, "slow");
    cr_expect_str_eq(heed_model_param(model, a.index).group, "slow");
    cr_expect_str_eq(heed_model_param(model, b.index).group, "slow");
    cr_expect_eq(heed_model_set_group(model, "tied", "slower"), 1);
    cr_expect_str_eq(heed_model_param(model, b.index).group, "slower");
    cr_expect_str_eq(heed_model_param(model, tied.index).group, "slower");
    cr_expect_str_eq(heed_model_param(model, a.index).group, "slow");
}

/* ---- shapes, initialisers, sizes ---- */

Test(model_misuse, shapes_that_cannot_be) {
    heed_param_new(root, "w", HEED_SHAPE(2, -1), heed_init_constant(0));
    REFUSED("w: shape (2, -1) cannot be");
    heed_param_new(root, "w", (heed_shape){.rank = 9}, heed_init_constant(0));
    REFUSED("w: shape (0, 0, 0, 0, 0, 0, 0, 0) cannot be");
    heed_param_new(root, "w", HEED_SHAPE((int64_t)1 << 33, (int64_t)1 << 33), heed_init_constant(0));
    REFUSED("w: shape (8589934592, 8589934592) cannot be");
    for (int i = 0; i < 2; i++)
        heed_param_new(root, i ? "a" : "b", HEED_SHAPE(INT64_MAX), heed_init_constant(0));
    cr_expect_eq(heed_model_build(model, HEED_F32, 1), HEED_NO_MEMORY);
    REFUSED("model: out of memory after 2 parameters");
}

Test(model_misuse, initialisers_that_are_none) {
    heed_param_new(root, "w", HEED_SHAPE(2), (heed_init){.fill = NULL});
    REFUSED("w: its initialiser is empty: see heed_init_constant and its like");
    heed_buffer_new(root, "w", HEED_SHAPE(2), heed_init_custom(NULL, NULL));
    REFUSED("w: its initialiser is empty: see heed_init_constant and its like");
}

Test(model_misuse, dtypes_that_are_none) {
    vector("w", 1);
    cr_expect_eq(heed_model_build(model, HEED_I32, 1), HEED_INVALID);
    REFUSED("heed_model_build: dtype is i32; it must be f32 or f64");
    vector("w", 1);
    cr_expect_eq(heed_model_build(model, (heed_dtype)99, 1), HEED_INVALID);
    REFUSED("heed_model_build: dtype is no dtype; it must be f32 or f64");
}

/* ---- models that are not alike ---- */

static heed_model *other_model(int64_t n, const char *name) {
    heed_model *other = heed_model_new();
    heed_param_new(heed_model_root(other), name, HEED_SHAPE(n), heed_init_constant(7));
    cr_assert_eq(heed_model_build(other, HEED_F32, 1), HEED_OK);
    return other;
}

Test(model_misuse, values_are_copied_between_twins_only) {
    heed_param w = heed_param_new(root, "w", HEED_SHAPE(1000), heed_init_constant(1));
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_OK);
    heed_model *few = other_model(2, "w"), *same = other_model(1000, "w"), *renamed = other_model(1000, "v");
    cr_expect_eq(heed_model_copy(model, few), HEED_INVALID);
    cr_expect_eq(heed_model_copy(few, model), HEED_INVALID);
    cr_expect_eq(heed_model_copy(model, renamed), HEED_INVALID);
    cr_expect_eq(*(float *)heed_param_data(w), 1);
    cr_expect_eq(heed_model_copy(model, same), HEED_OK);
    cr_expect_eq(*(float *)heed_param_data(w), 7);
    heed_tape *t = heed_tape_new();
    cr_expect_eq(heed_tape_bind(t, model, few), HEED_INVALID);
    cr_expect_str_eq(heed_error_text(t),
                     "bind: the other model does not have the same parameters: clone it with heed_model_clone");
    heed_tape_reset(t);
    cr_expect_eq(heed_tape_bind(t, model, same), HEED_OK);
    heed_grads *g = heed_grads_new(model), *h = heed_grads_new(few);
    cr_expect_eq(heed_grads_merge(g, h, 1), HEED_INVALID);
    heed_grads_free(g);
    heed_grads_free(h);
    heed_tape_free(t);
    heed_model_free(few);
    heed_model_free(same);
    heed_model_free(renamed);
}

static void build_constant(heed_model *m, double value) {
    heed_param_new(heed_model_root(m), "w", HEED_SHAPE(1), heed_init_constant(value));
    cr_assert_eq(heed_model_build(m, HEED_F32, 1), HEED_OK);
}

/* A model at a freed model's address is another model: what was bound to the old one is not its. Neighbours keep the old one's
 * place from growing together with others, and spares go before it to where glibc puts the first few it gets back. */
Test(model_misuse, a_binding_does_not_outlive_its_model) {
    enum { SPARES = 7 };
    heed_tape *t = heed_tape_new();
    heed_model *spares[SPARES], *clone;
    for (int i = 0; i < SPARES; i++)
        spares[i] = heed_model_new();
    heed_model *before = heed_model_new(), *old = heed_model_new(), *behind = heed_model_new();
    build_constant(old, 1);
    clone = heed_model_clone(old, HEED_F32);
    cr_assert_eq(heed_tape_bind(t, old, clone), HEED_OK);
    for (int i = 0; i < SPARES; i++)
        heed_model_free(spares[i]);
    heed_model_free(old);
    heed_model *reborn = heed_model_new();
    build_constant(reborn, 5);
    cr_assert_eq(heed_item(t, heed_use(t, heed_model_find(reborn, "w"))), 5, "%s", heed_error_text(t));
    heed_model_free(reborn);
    heed_model_free(before);
    heed_model_free(behind);
    heed_model_free(clone);
    heed_tape_free(t);
}

Test(model_misuse, gradients_made_before_the_model_is_built_stay_useless) {
    heed_param w = vector("w", 1000);
    heed_grads *g = heed_grads_new(model);
    cr_assert_eq(heed_model_build(model, HEED_F64, 1), HEED_OK);
    cr_expect_null(heed_grads_of(g, w));
    heed_grads_clear(g);
    heed_tape *t = heed_tape_new();
    cr_expect_eq(heed_backward(t, heed_sum(t, heed_use(t, w), HEED_ALL_AXES), g), HEED_STATE);
    cr_expect_str_eq(heed_error_text(t), "backward: heed_grads_new: the model is not built yet");
    heed_tape_free(t);
    heed_grads_free(g);
}
