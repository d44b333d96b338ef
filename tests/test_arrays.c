/* Shapes and strided arrays, against the plainest loops. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <heed/array.h>

Test(shapes, counts_and_overflow) {
    cr_assert_eq(heed_shape_count(HEED_SCALAR), 1);
    cr_assert_eq(heed_shape_count(HEED_SHAPE(3, 0, 5)), 0);
    cr_assert_eq(heed_shape_count(HEED_SHAPE(3, -1)), -1);
    int64_t big = (int64_t)1 << 33;
    cr_assert_eq(heed_shape_count(HEED_SHAPE(big, big)), -1);
    cr_assert_eq(heed_shape_count(HEED_SHAPE(big, 0)), 0);
}

/* NumPy's broadcasting, strictly. [promises: broadcasting; (0) + (1)] */
Test(shapes, broadcasting_is_numpys) {
    heed_shape out;
    cr_assert(heed_shape_broadcast(HEED_SHAPE(2, 1, 3), HEED_SHAPE(4, 1), &out));
    cr_assert(heed_shape_equal(out, HEED_SHAPE(2, 4, 3)));
    cr_assert_not(heed_shape_broadcast(HEED_SHAPE(2, 6), HEED_SHAPE(4), &out));
    cr_assert(heed_shape_broadcast(HEED_SHAPE(0), HEED_SHAPE(1), &out));
    cr_assert(heed_shape_equal(out, HEED_SHAPE(0)));
    cr_assert_not(heed_shape_broadcast(HEED_SHAPE(0), HEED_SHAPE(3), &out));
    cr_assert(heed_shape_broadcast(HEED_SCALAR, HEED_SHAPE(2, 3), &out));
    cr_assert(heed_shape_equal(out, HEED_SHAPE(2, 3)));
}

Test(shapes, text) {
    cr_assert_str_eq(HEED_SHAPE_STR(HEED_SCALAR), "()");
    cr_assert_str_eq(HEED_SHAPE_STR(HEED_SHAPE(3)), "(3,)");
    cr_assert_str_eq(HEED_SHAPE_STR(HEED_SHAPE(2, 3)), "(2, 3)");
}

/* The element at a flat row-major index. */
static double *at(const heed_array *a, int64_t flat) {
    int64_t offset = 0;
    for (int axis = a->shape.rank - 1; axis >= 0; axis--) {
        offset += flat % a->shape.n[axis] * a->stride[axis];
        flat /= a->shape.n[axis];
    }
    return (double *)a->data + offset;
}

static double memory[4096];

/* Random shapes and strides: permuted, with steps, reversed, of size 1, broadcast. */
static heed_array random_array(unsigned *seed, bool may_repeat, double *base, const heed_shape *shape) {
    heed_array a = {.data = base, .dtype = HEED_F64};
    if (shape) {
        a.shape = *shape;
    } else {
        a.shape.rank = rand_r(seed) % 5;
        for (int i = 0; i < a.shape.rank; i++)
            a.shape.n[i] = rand_r(seed) % 4 + 1;
    }
    int order[HEED_MAX_RANK];
    for (int i = 0; i < a.shape.rank; i++)
        order[i] = i;
    for (int i = a.shape.rank - 1; i > 0; i--) {
        int j = rand_r(seed) % (i + 1), was = order[i];
        order[i] = order[j];
        order[j] = was;
    }
    int64_t stride = rand_r(seed) % 2 + 1;
    for (int i = 0; i < a.shape.rank; i++) {
        int axis = order[i];
        a.stride[axis] = stride;
        stride *= a.shape.n[axis] + rand_r(seed) % 2;
        if (may_repeat && rand_r(seed) % 4 == 0)
            a.stride[axis] = 0;
        else if (rand_r(seed) % 4 == 0) {
            a.data = (double *)a.data + (a.shape.n[axis] - 1) * a.stride[axis];
            a.stride[axis] = -a.stride[axis];
        }
    }
    return a;
}

Test(arrays, copy_and_add_of_any_strides) {
    unsigned seed = 1;
    for (int round = 0; round < 500; round++) {
        for (int i = 0; i < 4096; i++)
            memory[i] = i;
        heed_array to = random_array(&seed, false, memory, NULL),
                   from = random_array(&seed, true, memory + 2048, &to.shape);
        int64_t n = heed_array_count(&to);
        bool adds = round % 2;
        double before[256];
        for (int64_t i = 0; i < n; i++)
            before[i] = adds ? *at(&to, i) : 0;
        if (adds)
            heed_array_add(&to, &from, 1 + round % 3);
        else
            heed_array_copy(&to, &from, 1 + round % 3);
        for (int64_t i = 0; i < n; i++)
            cr_assert_eq(*at(&to, i), before[i] + *at(&from, i), "round %d", round);
    }
}

Test(arrays, sums_to_any_smaller_shape) {
    unsigned seed = 9;
    for (int round = 0; round < 500; round++) {
        for (int i = 0; i < 4096; i++)
            memory[i] = rand_r(&seed) % 100;
        heed_array from = {.data = memory + 2048, .dtype = HEED_F64};
        from.shape.rank = rand_r(&seed) % 5;
        for (int i = 0; i < from.shape.rank; i++)
            from.shape.n[i] = rand_r(&seed) % 4 + 1;
        heed_array_set_strides(&from);
        int dropped = from.shape.rank ? rand_r(&seed) % (from.shape.rank + 1) : 0;
        heed_array to = {.data = memory, .dtype = HEED_F64, .shape = {.rank = from.shape.rank - dropped}};
        for (int i = 0; i < to.shape.rank; i++)
            to.shape.n[i] = rand_r(&seed) % 2 ? 1 : from.shape.n[i + dropped];
        heed_array_set_strides(&to);
        bool accumulate = round % 2;
        double expected[256];
        heed_array wide = heed_array_expanded(&to, from.shape);
        int64_t outputs = heed_array_count(&to);
        for (int64_t i = 0; i < outputs; i++)
            expected[i] = accumulate ? memory[i] : 0;
        for (int64_t i = 0; i < heed_array_count(&from); i++)
            expected[at(&wide, i) - memory] += *at(&from, i);
        heed_array_sum_to(&to, &from, accumulate, 1 + round % 3);
        for (int64_t i = 0; i < outputs; i++)
            cr_assert_eq(memory[i], expected[i], "round %d", round);
    }
}

Test(arrays, bf16_rounds_to_nearest_even_and_keeps_nan) {
    cr_assert_eq(heed_bf16_from_float(1.0f), 0x3f80);
    cr_assert_eq(heed_bf16_from_float(1.00390625f), 0x3f80); /* half way, down to even */
    cr_assert_eq(heed_bf16_from_float(1.01171875f), 0x3f82); /* half way, up to even */
    cr_assert_eq(heed_bf16_from_float(-0.0f), 0x8000);
    cr_assert_eq(heed_bf16_from_float(INFINITY), 0x7f80);
    cr_assert_eq(heed_bf16_from_float(3.4e38f), 0x7f80);
    cr_assert(isnan(heed_bf16_to_float(heed_bf16_from_float(NAN))));
    union {
        uint32_t bits;
        float x;
    } low_nan = {0x7f800001u};
    cr_assert(isnan(heed_bf16_to_float(heed_bf16_from_float(low_nan.x))));
    cr_assert_eq(heed_bf16_to_float(0x4049), 3.140625f);
}
