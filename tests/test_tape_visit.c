/* What a tape shows of what it has recorded. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include <heed/heed.h>

enum { MOST = 32 };
typedef struct seen {
    char text[MOST][96]; /* "op path n_out: inputs", or "leaf path" */
    int n;
} seen;

static void note(void *user, heed_tape *t, const heed_tape_item *item) {
    seen *s = user;
    cr_assert_lt(s->n, MOST);
    char *at = s->text[s->n++], *end = at + 96;
    at += snprintf(at, (size_t)(end - at), "%llu = %s [%s]", (unsigned long long)item->out.index,
                   item->op ? item->op : "leaf", item->path);
    if (item->n_out > 1)
        at += snprintf(at, (size_t)(end - at), " x%d", item->n_out);
    for (int i = 0; i < item->n_in; i++)
        at += snprintf(at, (size_t)(end - at), " %llu", (unsigned long long)item->in[i].index);
    cr_expect_eq(heed_rank(t, item->out) >= 0, true);
}

typedef struct two {
    heed_module module;
    heed_param a, b, both;
} two;

Test(tape_visit, ops_come_in_order_and_leaves_before_their_first_use) {
    heed_model *model = heed_model_new();
    two m;
    heed_module_init(&m.module, heed_model_root(model), "m");
    m.a = heed_param_new(&m.module, "a", HEED_SHAPE(1, 3), heed_init_constant(1));
    m.b = heed_param_new(&m.module, "b", HEED_SHAPE(1, 3), heed_init_constant(2));
    m.both = heed_param_stack(2, (heed_param[]){m.a, m.b});
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_OK);

    heed_tape *t = heed_tape_new();
    heed_tensor x = heed_ones(t, HEED_F32, HEED_SHAPE(5, 3));
    heed_tensor unused = heed_neg(t, x); /* of constants: not on record */
    heed_enter(t, &m.module);
    heed_tensor both = heed_use(t, m.both), y = heed_linear(t, x, both, HEED_NIL), part[2]; /* (5, 2) */
    heed_split(t, y, 1, 2, NULL, part);
    heed_leave(t);
    heed_tensor a = heed_use(t, m.a), z = heed_add(t, part[1], heed_sum(t, a, HEED_ALL_AXES)),
                sum = heed_sum(t, z, HEED_ALL_AXES);
    cr_assert_eq(heed_tape_status(t), HEED_OK, "%s", heed_error_text(t));

    cr_expect(!heed_needs_grad(t, x) && !heed_needs_grad(t, unused) && heed_needs_grad(t, both) &&
              heed_needs_grad(t, part[0]) && heed_needs_grad(t, sum));
    cr_expect(!heed_needs_grad(t, HEED_NIL) && !heed_needs_grad(t, (heed_tensor){sum.epoch, 1000}));

    seen s = {.n = 0};
    cr_assert_eq(heed_tape_visit(t, note, &s), HEED_OK);
    char must[8][96];
    int n = 0;
    snprintf(must[n++], 96, "%llu = leaf []", (unsigned long long)x.index);
    snprintf(must[n++], 96, "%llu = leaf [m.a + m.b]", (unsigned long long)both.index);
    snprintf(must[n++], 96, "%llu = linear [m] %llu %llu 0", (unsigned long long)y.index, (unsigned long long)x.index,
             (unsigned long long)both.index);
    snprintf(must[n++], 96, "%llu = split [m] x2 %llu", (unsigned long long)part[0].index, (unsigned long long)y.index);
    snprintf(must[n++], 96, "%llu = leaf [m.a]", (unsigned long long)a.index);
    cr_assert_geq(s.n, n + 3);
    for (int i = 0; i < n; i++)
        cr_expect_str_eq(s.text[i], must[i]);
    cr_expect_not_null(strstr(s.text[s.n - 1], "= sum []"));

    const heed_tape_stats before = heed_tape_statistics(t);
    cr_assert_eq(heed_backward(t, sum, NULL), HEED_OK, "%s", heed_error_text(t)); /* as if nobody had looked */
    cr_expect_eq(before.nodes, heed_tape_statistics(t).nodes);
    heed_tape_reset(t);
    s.n = 0;
    cr_expect(heed_tape_visit(t, note, &s) == HEED_OK && s.n == 0);
    heed_fail_tape(t, HEED_INVALID, "no");
    cr_expect_eq(heed_tape_visit(t, note, &s), HEED_INVALID);
    heed_tape_free(t);
    heed_model_free(model);
}

Test(tape_visit, frozen_parameters_are_leaves_without_gradient) {
    heed_model *model = heed_model_new();
    heed_param a = heed_param_new(heed_model_root(model), "a", HEED_SHAPE(2), heed_init_constant(1));
    heed_param b = heed_param_new(heed_model_root(model), "b", HEED_SHAPE(2), heed_init_constant(1));
    cr_assert_eq(heed_model_build(model, HEED_F64, 1), HEED_OK);
    heed_model_set_trainable(model, "a", false);
    heed_tape *t = heed_tape_new();
    heed_tensor product = heed_mul(t, heed_use(t, a), heed_use(t, b));
    cr_expect(!heed_needs_grad(t, heed_use(t, a)) && heed_needs_grad(t, product));
    seen s = {.n = 0};
    cr_assert_eq(heed_tape_visit(t, note, &s), HEED_OK);
    cr_assert_eq(s.n, 3);
    cr_expect_not_null(strstr(s.text[0], "leaf [a]"));
    cr_expect_not_null(strstr(s.text[1], "leaf [b]"));
    cr_expect_not_null(strstr(s.text[2], "mul []"));
    heed_tape_free(t);
    heed_model_free(model);
}
