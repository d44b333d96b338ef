/* "The same bits": parameters, optimizer state and random numbers after 200 steps, for every number of threads. With delays, and
 * shared out in other ways: same_bits_main.c. */
#include "helpers/siblings.h"

#include <criterion/criterion.h>

enum { STEPS = 200 };

static void train_with_threads(int which) {
    static const int threads[] = {2, 3, 4, 7, 8, 16};
    uint64_t alone, bits, shorter;
    cr_assert(sibling_train(which, 1, STEPS, &alone));
    cr_assert(sibling_train(which, 1, STEPS - 1, &shorter));
    cr_assert_neq(shorter, alone, "the hash sees no step");
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        cr_assert(sibling_train(which, threads[i], STEPS, &bits));
        cr_expect_eq(bits, alone, "%s with %d threads", sibling_name(which), threads[i]);
    }
}

/* [promises: any threads] */
Test(same_bits, gpt) {
    train_with_threads(SIBLING_GPT);
}
/* [promises: any threads] */
Test(same_bits, seq2seq) {
    train_with_threads(SIBLING_SEQ2SEQ);
}
/* [promises: any threads] */
Test(same_bits, attention) {
    train_with_threads(SIBLING_ATTENTION);
}
