/* When frames are taken and deleted, against lists by hand and a naive account of the rule. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "../framework/lens/schedule_internal.h"

enum { MOST_STEPS = 20000 };

/* Runs steps 1 .. n; taken, if it is not NULL, receives which were due. Returns how many frames were deleted. */
static size_t run(lens_schedule *s, int64_t n, bool *taken) {
    int64_t *forget = malloc((size_t)s->most * sizeof *forget);
    size_t all = 0;
    for (int64_t step = 1; step <= n; step++) {
        const bool due = heed_lens_schedule_due(s, step);
        if (taken)
            taken[step] = due;
        const size_t before = s->n, forgotten = due ? heed_lens_schedule_add(s, step, forget) : 0;
        all += forgotten;
        cr_assert_eq(s->n, before + due - forgotten);
        cr_assert_leq((int64_t)s->n, s->most, "step %lld", (long long)step);
    }
    free(forget);
    return all;
}

static void expect_kept(const lens_schedule *s, size_t n, const int64_t *steps) {
    cr_assert_eq(s->n, n, "%zu", s->n);
    for (size_t i = 0; i < n; i++)
        cr_expect_eq(s->kept[i], steps[i], "%lld", (long long)s->kept[i]);
}

Test(lens_schedule, powers_of_the_square_root_of_two) {
    static const int64_t steps[] = {1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256, 362, 512, 724, 1000};
    lens_schedule s;
    cr_assert(heed_lens_schedule_init(&s, 120, 1000, true, 0));
    run(&s, 1000, NULL);
    expect_kept(&s, 20, steps);
    heed_lens_schedule_free(&s);
}

Test(lens_schedule, the_spacing_doubles_when_there_are_too_many) {
    static const int64_t ten[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, even[] = {1, 2, 4, 6, 8, 10, 12},
                         fours[] = {1, 4, 8, 12, 16, 20, 24, 28, 32, 36};
    lens_schedule s;
    cr_assert(heed_lens_schedule_init(&s, 10, 0, false, 0));
    run(&s, 10, NULL);
    expect_kept(&s, 10, ten);
    bool taken[41];
    heed_lens_schedule_free(&s);
    cr_assert(heed_lens_schedule_init(&s, 10, 0, false, 0));
    run(&s, 12, taken);
    expect_kept(&s, 7, even);
    cr_expect(!taken[11] && taken[12], "11 would have been deleted at once");
    heed_lens_schedule_free(&s);
    cr_assert(heed_lens_schedule_init(&s, 10, 0, false, 0));
    run(&s, 39, taken);
    expect_kept(&s, 10, fours);
    heed_lens_schedule_free(&s);
}

/* With the number of steps known, none is taken in vain, and the last is there. */
Test(lens_schedule, a_known_end_spaces_frames_from_the_start) {
    static const int64_t lasts[] = {1, 2, 5, 100, 119, 120, 121, 1000, 1003, 5000, 20000},
                         mosts[] = {2, 3, 10, 40, 120};
    for (size_t l = 0; l < sizeof lasts / sizeof *lasts; l++)
        for (size_t m = 0; m < sizeof mosts / sizeof *mosts; m++) {
            lens_schedule s;
            cr_assert(heed_lens_schedule_init(&s, mosts[m], 0, true, lasts[l]));
            cr_expect_eq(run(&s, lasts[l], NULL), 0, "most %lld, last %lld", (long long)mosts[m], (long long)lasts[l]);
            cr_expect(s.kept[0] == 1 && s.kept[s.n - 1] == lasts[l]);
            cr_expect(2 * (int64_t)s.n >= mosts[m] || 2 * (int64_t)s.n >= lasts[l], "only %zu of %lld and %lld", s.n,
                      (long long)mosts[m], (long long)lasts[l]);
            heed_lens_schedule_free(&s);
        }
}

/* ---- the rule once more, naively ---- */

typedef struct naive {
    int64_t most, every, stride, last;
    bool kept[MOST_STEPS + 1];
} naive;

static bool is_power(const naive *x, int64_t step) {
    for (int k = 0; k < 40 && x->stride; k++)
        if ((int64_t)floor(pow(2, k / 2.0) + 0.5) == step)
            return k % x->stride == 0;
    return false;
}

static bool is_first_or_last(const naive *x, int64_t step) { return step == 1 || step == x->last; }
static bool on_grid(const naive *x, int64_t step) {
    return is_first_or_last(x, step) || step % x->every == 0 || is_power(x, step);
}

static void drop_what_is_off(naive *x, int64_t to) {
    for (int64_t i = 1; i <= to; i++)
        x->kept[i] = x->kept[i] && on_grid(x, i);
}

/* Takes the step, if it would still be there once there is room. */
static bool naive_takes(naive *x, int64_t step) {
    static naive trial;
    trial = *x;
    trial.kept[step] = on_grid(x, step);
    for (;;) {
        int64_t count = 0, powers = 0;
        for (int64_t i = 1; i <= step; i++) {
            count += trial.kept[i];
            powers += trial.kept[i] && !is_first_or_last(&trial, i) && is_power(&trial, i);
        }
        if (count <= trial.most)
            break;
        int64_t fixed = trial.kept[1] + (trial.last > 1 && trial.last <= step && trial.kept[trial.last]);
        if (powers > trial.most / 2 || count - fixed == powers)
            trial.stride *= 2;
        else
            trial.every *= 2;
        drop_what_is_off(&trial, step);
    }
    if (trial.kept[step])
        *x = trial;
    return trial.kept[step];
}

Test(lens_schedule, kept_frames_are_those_of_the_rule) {
    static const naive cases[] = {{2, 1, 1, 0, {0}},  {3, 1, 1, 0, {0}},   {5, 1, 0, 0, {0}},   {8, 3, 1, 0, {0}},
                                  {17, 1, 1, 0, {0}}, {120, 1, 1, 0, {0}}, {120, 7, 1, 0, {0}}, {40, 5, 1, 1003, {0}}};
    static naive x;
    enum { STEPS = 1200 };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        int64_t forget[128];
        lens_schedule s;
        x = cases[c];
        cr_assert(heed_lens_schedule_init(&s, x.most, x.every, x.stride, x.last));
        for (int64_t step = 1; step <= STEPS; step++) {
            const bool due = heed_lens_schedule_due(&s, step);
            cr_assert_eq(due, naive_takes(&x, step), "case %zu, step %lld", c, (long long)step);
            if (due)
                heed_lens_schedule_add(&s, step, forget);
        }
        size_t at = 0;
        for (int64_t i = 1; i <= STEPS; i++)
            cr_expect(!x.kept[i] || (at < s.n && s.kept[at++] == i), "case %zu: step %lld", c, (long long)i);
        cr_expect_eq(at, s.n, "case %zu", c);
        heed_lens_schedule_free(&s);
    }
}
