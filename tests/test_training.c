/* A whole training step: the same bits for any number of threads, in every run. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/small_training.h"
#include "helpers/thread_work.h"

static void train(int threads, int steps, float *values, int64_t count) {
    small_training s;
    cr_assert(small_training_init(&s, HEED_F32));
    cr_assert_eq(heed_model_size(s.model), count);
    heed_tape *t = heed_tape_new();
    heed_tape_set_threads(t, threads);
    heed_optim_set_threads(s.optim, threads);
    for (int step = 0; step < steps; step++)
        cr_assert(isfinite(small_training_step(&s, t, step)), "%s%s", heed_error_text(t),
                  heed_optim_error_text(s.optim));
    memcpy(values, heed_model_data(s.model), (size_t)count * sizeof *values);
    heed_tape_free(t);
    small_training_free(&s);
}

static int64_t size_of_model(void) {
    small_training s;
    cr_assert(small_training_init(&s, HEED_F32));
    int64_t size = heed_model_size(s.model);
    small_training_free(&s);
    return size;
}

/* [promises: any threads; any run] */
Test(training, parameters_have_the_same_bits_for_any_number_of_threads) {
    int64_t n = size_of_model();
    float *one = malloc((size_t)n * sizeof *one), *many = malloc((size_t)n * sizeof *many);
    train(1, 200, one, n);
    const int threads[] = {1, 2, 3, 7, 16};
    for (int i = 0; i < 5; i++) {
        train(threads[i], 200, many, n);
        cr_assert_arr_eq(one, many, (size_t)n * sizeof *one, "%d threads", threads[i]);
    }
    free(one);
    free(many);
}

Test(training, it_learns) {
    small_training s;
    cr_assert(small_training_init(&s, HEED_F32));
    heed_tape *t = heed_tape_new();
    double first = small_training_step(&s, t, 0), last = 0;
    for (int step = 1; step < 400; step++)
        last = small_training_step(&s, t, step);
    cr_assert(first > 2 && last < 0.5, "loss %g -> %g", first, last);
    heed_tape_free(t);
    small_training_free(&s);
}

static void count_watch(void *user, heed_tape *t, const char *path, heed_tensor x) {
    (void)path;
    cr_assert_geq(heed_count(t, x), 1);
    ++*(int *)user;
}

/* [promises: watched or not] */
Test(training, watching_changes_no_bit) {
    double losses[2];
    for (int watched = 0; watched < 2; watched++) {
        small_training s;
        cr_assert(small_training_init(&s, HEED_F32));
        heed_tape *t = heed_tape_new();
        int seen = 0;
        if (watched)
            cr_assert_eq(heed_tape_on_watch(t, "*", count_watch, &seen), HEED_OK);
        for (int step = 0; step < 20; step++)
            losses[watched] = small_training_step(&s, t, step);
        cr_assert(!watched || seen >= 20 * 6, "%d values seen", seen);
        heed_tape_free(t);
        small_training_free(&s);
    }
    cr_assert_eq(losses[0], losses[1]);
}

Test(threads, eight_tapes_in_eight_threads) {
    cr_assert(eight_tapes_in_eight_threads(20));
}

Test(threads, two_tapes_train_one_model) {
    cr_assert(two_tapes_train_one_model(50));
}
