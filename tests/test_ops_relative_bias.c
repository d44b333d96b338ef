/* T5's bias by distance as an op: a table's rows laid out by distance, and the sum back into them. */
#include "op_testing.h"

TestSuite(relative_bias, .init = ops_setup, .fini = ops_teardown);

/* 4 buckets, one way: distances 0 and 1 back have their own, 2 and 3 share one, and so do all from 4 on. Row b has
 * 10 b + h. */
Test(relative_bias, by_hand) {
    heed_tensor table = GIVEN(HEED_SHAPE(4, 2), 0, 1, 10, 11, 20, 21, 30, 31);
    heed_tensor y = heed_relative_bias(t, table, 2, 7, (heed_relative_options){.longest = 8});
    /* distances -6 .. 1 */
    EXPECT(y, HEED_SHAPE(2, 8), 30, 30, 30, 20, 20, 10, 0, 0, 31, 31, 31, 21, 21, 11, 1, 1);
    GRADIENT(y, table, 1, 2, 3, 4, 5, 6, 7, 8, 10, 20, 30, 40, 50, 60, 70, 80);
    EXPECT(heed_grad(t, table), HEED_SHAPE(4, 2), 15, 150, 6, 60, 9, 90, 6, 60);
    y = heed_relative_bias(
        t, table, 3, 3,
        (heed_relative_options){.bidirectional = true, .longest = 3}); /* -2 .. 2: two buckets each way */
    EXPECT(y, HEED_SHAPE(2, 5), 10, 10, 0, 30, 30, 11, 11, 1, 31, 31);
}

static heed_tensor biased(const heed_tensor *in, void *user) {
    return heed_relative_bias(t, in[0], 130, 200, *(heed_relative_options *)user);
}

Test(relative_bias, bits_do_not_depend_on_threads) {
    heed_relative_options options = {.bidirectional = true};
    ops_expect_same_for_any_threads(biased, &options, 1, (heed_shape[]){{2, {32, 40}}});
}

Test(relative_bias, sizes_of_zero) {
    heed_tensor table = ops_random(HEED_F32, HEED_SHAPE(8, 2), 1);
    EXPECT(heed_relative_bias(t, table, 0, 0, (heed_relative_options){.longest = 9}), HEED_SHAPE(2, 0), 0);
    expect_shape(heed_relative_bias(t, table, 3, 0, (heed_relative_options){.longest = 9}), HEED_SHAPE(2, 2));
    EXPECT(
        heed_relative_bias(t, heed_zeros(t, HEED_F32, HEED_SHAPE(8, 0)), 2, 2, (heed_relative_options){.longest = 9}),
        HEED_SHAPE(0, 3), 0);
}

Test(relative_bias, messages) {
    ops_expect_error(
        heed_relative_bias(t, heed_zeros(t, HEED_F32, HEED_SHAPE(8)), 1, 1, (heed_relative_options){.longest = 9}),
        "relative_bias: the table is (8,), must be (buckets, heads)");
    ops_expect_error(heed_relative_bias(t, heed_zeros(t, HEED_F32, HEED_SHAPE(3, 1)), 1, 1,
                                        (heed_relative_options){.bidirectional = true}),
                     "relative_bias: the table is (3, 1): 3 buckets, must be 4 or more");
    ops_expect_error(
        heed_relative_bias(t, heed_zeros(t, HEED_F32, HEED_SHAPE(1, 1)), 1, 1, (heed_relative_options){.longest = 9}),
        "relative_bias: the table is (1, 1): 1 buckets, must be 2 or more");
    ops_expect_error(
        heed_relative_bias(t, heed_zeros(t, HEED_F32, HEED_SHAPE(32, 1)), 1, 1, (heed_relative_options){.longest = 16}),
        "relative_bias: the longest distance is 16, must be above 16, up to where each has a bucket of its own");
    ops_expect_error(
        heed_relative_bias(t, heed_zeros(t, HEED_F32, HEED_SHAPE(32, 1)), -1, 1, (heed_relative_options){.longest = 0}),
        "relative_bias: -1 queries and 1 keys must be 0 to 2^31 - 1");
}
