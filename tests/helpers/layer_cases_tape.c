/* Not a layer but what is between them: how the tape brings gradients together where a value, or part of a stack of
 * parameters, goes several ways, and where part of it goes none. */
#include "layer_table.h"

typedef struct stacked {
    heed_param first, second, both; /* (3, 4), (2, 4), (5, 4) */
} stacked;

typedef union room {
    stacked weights;
} room;

static void init_stack(void *layer, const heed_module *root, const void *options) {
    stacked *w = layer;
    (void)options;
    w->first = heed_param_new(root, "first", HEED_SHAPE(3, 4), heed_init_normal(0, 0.5));
    w->second = heed_param_new(root, "second", HEED_SHAPE(2, 4), heed_init_normal(0, 0.5));
    w->both = heed_param_stack(2, (heed_param[]){w->first, w->second});
}

static void init_nothing(void *layer, const heed_module *root, const void *options) {
    (void)layer;
    (void)root;
    (void)options;
}

/* ---- parameters: what is used later comes first in backward ---- */

static heed_tensor project(heed_tape *t, heed_tensor x, heed_param w) {
    return heed_linear(t, x, heed_use(t, w), HEED_NIL);
}

/* Backward writes a part before the whole. */
static heed_tensor whole_then_first(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const stacked *w = layer;
    (void)options;
    const heed_tensor ys[] = {project(t, in[0], w->both), project(t, in[1], w->first)};
    return heed_concat(t, ys, 2, -1);
}
static heed_tensor whole_then_second(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const stacked *w = layer;
    (void)options;
    const heed_tensor ys[] = {project(t, in[0], w->both), project(t, in[1], w->second)};
    return heed_concat(t, ys, 2, -1);
}

/* Backward writes the whole, and a part is added to. */
static heed_tensor second_then_whole(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const stacked *w = layer;
    (void)options;
    const heed_tensor ys[] = {project(t, in[1], w->second), project(t, in[0], w->both)};
    return heed_concat(t, ys, 2, -1);
}

static heed_tensor part_only(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const stacked *w = layer;
    (void)options;
    const heed_tensor ys[] = {project(t, in[0], w->second), project(t, in[1], w->second)};
    return heed_concat(t, ys, 2, -1);
}

static heed_tensor product_of_parts(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const stacked *w = layer;
    (void)options;
    const heed_tensor y = project(t, in[0], w->first), z = project(t, in[1], w->both);
    return heed_matmul(t, heed_transpose(t, y, -1, -2), z);
}

/* ---- values: a sum hands its gradient to both its parts, which share it until more comes to one of them ---- */

static heed_tensor part_of_sum_again(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    (void)layer;
    (void)options;
    const heed_tensor x = heed_exp(t, in[0]), z = heed_tanh(t, in[1]), before = heed_square(t, z);
    const heed_tensor ys[] = {before, heed_add(t, x, z)};
    return heed_concat(t, ys, 2, -1);
}
static heed_tensor sum_of_sums(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    (void)layer;
    (void)options;
    const heed_tensor x = heed_exp(t, in[0]), z = heed_tanh(t, in[1]), sum = heed_add(t, x, z);
    return heed_add(t, heed_square(t, x), heed_add(t, sum, heed_mul(t, sum, z)));
}

/* ---- views: x (.., 6) in parts of 2, 3 and 1 ---- */

static void cut(heed_tape *t, heed_tensor x, heed_tensor *parts) {
    heed_split(t, x, -1, 3, (int64_t[]){2, 3, 1}, parts);
}

/* A part goes nowhere, and x nowhere else. */
static heed_tensor unused_part(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    heed_tensor parts[3];
    (void)layer;
    (void)options;
    cut(t, in[0], parts);
    return heed_mul(t, parts[0], heed_slice(t, parts[1], -1, 1, 3));
}

/* A part goes nowhere, and x somewhere else: in backward before its parts do, ... */
static heed_tensor unused_part_before_whole(const void *layer, heed_tape *t, const heed_tensor *in,
                                            const void *options) {
    heed_tensor parts[3];
    (void)layer;
    (void)options;
    cut(t, in[0], parts);
    const heed_tensor ys[] = {heed_square(t, parts[0]), heed_sigmoid(t, in[0])};
    return heed_concat(t, ys, 2, -1);
}
/* ... or after them. */
static heed_tensor unused_part_behind_whole(const void *layer, heed_tape *t, const heed_tensor *in,
                                            const void *options) {
    heed_tensor parts[3];
    (void)layer;
    (void)options;
    const heed_tensor whole = heed_sigmoid(t, in[0]);
    cut(t, in[0], parts);
    const heed_tensor ys[] = {heed_square(t, parts[1]), whole};
    return heed_concat(t, ys, 2, -1);
}

/* One part's gradient is kept, so that it lies by itself while the others' lie in x's. */
static heed_tensor kept_part(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    const int *which = options;
    heed_tensor parts[3];
    (void)layer;
    cut(t, heed_tanh(t, in[0]), parts);
    heed_keep_grad(t, parts[*which]);
    const heed_tensor ys[] = {heed_square(t, parts[0]), heed_exp(t, parts[1]), heed_neg(t, parts[2])};
    return heed_concat(t, ys, 3, -1);
}

/* Views of views, of which one shows each element several times. */
static heed_tensor expanded_part(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    heed_tensor parts[3];
    (void)layer;
    (void)options;
    cut(t, heed_tanh(t, in[0]), parts);
    const heed_tensor wide = heed_expand(t, parts[2], HEED_SHAPE(5, 3, 7));
    return heed_mul(t, wide, in[1]);
}

/* ---- sums of what broadcasting has repeated ---- */

static heed_tensor broadcast(const void *layer, heed_tape *t, const heed_tensor *in, const void *options) {
    (void)layer;
    (void)options;
    return heed_mul(t, in[0], in[1]);
}

static const layer_case cases[] = {
    {"tape", "a stack, then its first part", init_stack, whole_then_first, {REAL(2, 4), REAL(2, 4)}, NULL},
    {"tape", "a stack, then its second part", init_stack, whole_then_second, {REAL(2, 4), REAL(2, 4)}, NULL},
    {"tape", "a part, then the stack", init_stack, second_then_whole, {REAL(2, 4), REAL(2, 4)}, NULL},
    {"tape", "a part twice", init_stack, part_only, {REAL(2, 4), REAL(2, 4)}, NULL},
    {"tape", "a part times the stack", init_stack, product_of_parts, {REAL(2, 4), REAL(2, 4)}, NULL},
    {"tape", "a sum's part used again", init_nothing, part_of_sum_again, {REAL(2, 3), REAL(2, 3)}, NULL},
    {"tape", "a sum of sums", init_nothing, sum_of_sums, {REAL(2, 3), REAL(2, 3)}, NULL},
    {"tape", "a part unused", init_nothing, unused_part, {REAL(3, 6)}, NULL},
    {"tape", "a part unused, then the whole", init_nothing, unused_part_before_whole, {REAL(3, 6)}, NULL},
    {"tape", "the whole, then a part unused", init_nothing, unused_part_behind_whole, {REAL(3, 6)}, NULL},
    {"tape", "the first part's gradient kept", init_nothing, kept_part, {REAL(3, 6)}, &(int){0}},
    {"tape", "the second part's gradient kept", init_nothing, kept_part, {REAL(3, 6)}, &(int){1}},
    {"tape", "the last part's gradient kept", init_nothing, kept_part, {REAL(3, 6)}, &(int){2}},
    {"tape", "a part shown 35 times", init_nothing, expanded_part, {REAL(3, 6), REAL(5, 3, 7)}, NULL},
    {"tape", "rows of 64 repeated", init_nothing, broadcast, {REAL(2, 1, 64), REAL(2, 3, 64)}, NULL},
    {"tape", "rows of 130 repeated", init_nothing, broadcast, {REAL(3, 1, 130), REAL(3, 2, 130)}, NULL},
    {"tape", "columns of 130 repeated", init_nothing, broadcast, {REAL(130, 1), REAL(130, 3)}, NULL},
    {"tape", "two axes repeated", init_nothing, broadcast, {REAL(3, 1, 5, 1), REAL(3, 4, 5, 2)}, NULL},
};

const layer_table layer_cases_tape = {cases, sizeof cases / sizeof *cases, sizeof(room)};
