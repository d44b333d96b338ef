/* Random numbers: the published known answers, and that a stream is a function of key and index. */
#include <criterion/criterion.h>
#include <math.h>

#include <heed/rng.h>

/* Known answers of the authors' own distribution (Random123, kat_vectors, philox4x32 10). */
Test(rng, philox_known_answers) {
    static const struct {
        uint32_t counter[4], key[2], answer[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        heed_philox out = heed_philox4x32(known[i].counter, known[i].key);
        for (int w = 0; w < 4; w++)
            cr_assert_eq(out.word[w], known[i].answer[w], "vector %zu, word %d: %08x", i, w, out.word[w]);
    }
}

Test(rng, uniform_has_the_moments_of_a_uniform) {
    double sum = 0, squares = 0;
    enum { N = 200000 };
    for (uint64_t i = 0; i < N; i++) {
        double x = heed_rng_uniform(42, i);
        cr_assert(x >= 0 && x < 1);
        sum += x;
        squares += x * x;
    }
    cr_assert_float_eq(sum / N, 0.5, 0.003); /* 4.6 standard errors */
    cr_assert_float_eq(squares / N, 1.0 / 3, 0.003);
}

Test(rng, normal_has_the_moments_of_a_normal) {
    double sum = 0, squares = 0, fourth = 0, neighbours = 0, before = 0;
    enum { N = 200000 };
    for (uint64_t i = 0; i < N; i++) {
        double x = heed_rng_normal(7, i);
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
        neighbours += x * before;
        before = x;
    }
    cr_assert_float_eq(sum / N, 0, 0.01);
    cr_assert_float_eq(squares / N, 1, 0.015);
    cr_assert_float_eq(fourth / N, 3, 0.1);
    cr_assert_float_eq(neighbours / N, 0, 0.01);
}

Test(rng, below_is_fair_and_in_range) {
    int count[6] = {0};
    enum { N = 60000 };
    for (uint64_t i = 0; i < N; i++)
        count[heed_rng_below(3, i, 6)]++;
    for (int face = 0; face < 6; face++)
        cr_assert(abs(count[face] - N / 6) < 450, "face %d: %d", face, count[face]);
    cr_assert_eq(heed_rng_below(3, 9, 1), 0);
    cr_assert_lt(heed_rng_below(3, 9, UINT64_MAX), UINT64_MAX);
}

Test(rng, keys_make_different_streams) {
    int equal = 0;
    for (uint64_t i = 0; i < 1000; i++)
        equal += heed_rng_u32(1, i) == heed_rng_u32(2, i);
    cr_assert_leq(equal, 1);
    cr_assert_neq(heed_rng_mix(1, 2), heed_rng_mix(2, 1));
    cr_assert_neq(heed_rng_hash("w_q"), heed_rng_hash("w_k"));
}
