/* The sampler: each filter by hand, draws against the exact probabilities, and what it refuses. */
#include <heed/heed.h>

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

enum { V = 6 };

static void expect_probabilities(heed_sampler sampler, const float *logits, int n_said, const int32_t *said,
                                 const double *want) {
    double p[V];
    heed_error error = {.status = HEED_OK};
    cr_assert(heed_sampler_probabilities(&sampler, logits, V, said, n_said, p, &error) == HEED_OK, "%s", error.text);
    for (int i = 0; i < V; i++)
        cr_expect(fabs(p[i] - want[i]) <= 1e-7, "p[%d] is %.9g, not %.9g", i, p[i],
                  want[i]); /* logs are rounded to f32 */
}

/* softmax of these is (0.1, 0.2, 0.4, 0.2, 0.05, 0.05). */
static const float *logs(void) {
    static float x[V];
    const double p[V] = {0.1, 0.2, 0.4, 0.2, 0.05, 0.05};
    for (int i = 0; i < V; i++)
        x[i] = (float)(log(p[i]) + 3);
    return x;
}

Test(sampler, nothing_set_is_greedy) {
    expect_probabilities((heed_sampler){.seed = 1}, logs(), 0, NULL, (double[V]){0, 0, 1, 0, 0, 0});
    expect_probabilities((heed_sampler){.seed = 1}, (float[V]){1, 3, 2, 3, 3, 0}, 0, NULL,
                         (double[V]){0, 1, 0, 0, 0, 0});
    for (uint64_t draw = 0; draw < 20; draw++)
        cr_expect_eq(heed_sampler_pick(&(heed_sampler){.seed = draw}, logs(), V, NULL, 0, draw, NULL), 2);
}

Test(sampler, temperature_one_is_softmax) {
    expect_probabilities((heed_sampler){.temperature = 1}, logs(), 0, NULL,
                         (double[V]){0.1, 0.2, 0.4, 0.2, 0.05, 0.05});
}

/* p^(1/2) and p², normalised. */
Test(sampler, temperature_flattens_and_sharpens) {
    const double p[V] = {0.1, 0.2, 0.4, 0.2, 0.05, 0.05};
    double flat[V], sharp[V], flat_sum = 0, sharp_sum = 0;
    for (int i = 0; i < V; i++) {
        flat_sum += flat[i] = sqrt(p[i]);
        sharp_sum += sharp[i] = p[i] * p[i];
    }
    for (int i = 0; i < V; i++) {
        flat[i] /= flat_sum;
        sharp[i] /= sharp_sum;
    }
    expect_probabilities((heed_sampler){.temperature = 2}, logs(), 0, NULL, flat);
    expect_probabilities((heed_sampler){.temperature = 0.5}, logs(), 0, NULL, sharp);
    expect_probabilities((heed_sampler){.temperature = 1e-300}, logs(), 0, NULL, (double[V]){0, 0, 1, 0, 0, 0});
}

Test(sampler, top_k_keeps_exactly_k) {
    for (int64_t k = 1; k <= V; k++) {
        double p[V];
        const heed_sampler sampler = {.temperature = 1, .top_k = k};
        cr_assert(heed_sampler_probabilities(&sampler, (float[V]){0}, V, NULL, 0, p, NULL) == HEED_OK);
        for (int i = 0; i < V; i++)
            cr_expect(fabs(p[i] - (i < k ? 1.0 / (double)k : 0)) <= 1e-15, "of equals the lower tokens stay");
    }
    expect_probabilities((heed_sampler){.temperature = 1, .top_k = 2}, logs(), 0, NULL,
                         (double[V]){0, 1.0 / 3, 2.0 / 3, 0, 0, 0});
    expect_probabilities((heed_sampler){.temperature = 1, .top_k = 100}, logs(), 0, NULL,
                         (double[V]){0.1, 0.2, 0.4, 0.2, 0.05, 0.05});
}

Test(sampler, top_p_keeps_the_smallest_set_that_reaches_it) {
    const double two[V] = {0, 1.0 / 3, 2.0 / 3, 0, 0, 0}, three[V] = {0, 0.25, 0.5, 0.25, 0, 0};
    expect_probabilities((heed_sampler){.temperature = 1, .top_p = 1e-9}, logs(), 0, NULL,
                         (double[V]){0, 0, 1, 0, 0, 0});
    expect_probabilities((heed_sampler){.temperature = 1, .top_p = 0.39}, logs(), 0, NULL,
                         (double[V]){0, 0, 1, 0, 0, 0});
    expect_probabilities((heed_sampler){.temperature = 1, .top_p = 0.41}, logs(), 0, NULL, two);
    expect_probabilities((heed_sampler){.temperature = 1, .top_p = 0.59}, logs(), 0, NULL, two);
    expect_probabilities((heed_sampler){.temperature = 1, .top_p = 0.61}, logs(), 0, NULL, three);
    expect_probabilities((heed_sampler){.temperature = 1, .top_p = 1}, logs(), 0, NULL,
                         (double[V]){0.1, 0.2, 0.4, 0.2, 0.05, 0.05});
    /* Exactly half: two of four equals reach it. */
    const float four[V] = {0, -INFINITY, 0, 0, -INFINITY, 0};
    expect_probabilities((heed_sampler){.temperature = 1, .top_p = 0.5}, four, 0, NULL,
                         (double[V]){0.5, 0, 0.5, 0, 0, 0});
}

/* The three likeliest have 0.25, 0.5, 0.25 among themselves; of all six they have 0.8, which would not reach 0.81. */
Test(sampler, top_p_looks_at_what_top_k_left) {
    expect_probabilities((heed_sampler){.temperature = 1, .top_k = 3, .top_p = 0.7}, logs(), 0, NULL,
                         (double[V]){0, 1.0 / 3, 2.0 / 3, 0, 0, 0});
    expect_probabilities((heed_sampler){.temperature = 1, .top_k = 3, .top_p = 0.81}, logs(), 0, NULL,
                         (double[V]){0, 0.25, 0.5, 0.25, 0, 0});
}

/* 2 / 2 = 1 and -1 * 2 = -2, each once though said twice. */
Test(sampler, what_was_said_is_penalised) {
    const float logits[V] = {2, -1, 0.5, 0, -INFINITY, 1};
    double want[V] = {exp(1), exp(-2), exp(0.5), 1, 0, exp(1)}, sum = 0;
    for (int i = 0; i < V; i++)
        sum += want[i];
    for (int i = 0; i < V; i++)
        want[i] /= sum;
    expect_probabilities((heed_sampler){.temperature = 1, .repetition_penalty = 2}, logits, 5,
                         (int32_t[]){0, 1, 0, 1, 3}, want);
    expect_probabilities((heed_sampler){.repetition_penalty = 2}, logits, 1, (int32_t[]){0},
                         (double[V]){1, 0, 0, 0, 0, 0});
    expect_probabilities((heed_sampler){.repetition_penalty = 2.5}, logits, 1, (int32_t[]){0},
                         (double[V]){0, 0, 0, 0, 0, 1});
}

/* ---- draws ---- */

/* Chi-square over the tokens with p > 0; 20.5 is exceeded once in a thousand with 5 degrees of freedom, less with fewer. */
static void expect_drawn_as(heed_sampler sampler, const float *logits) {
    enum { DRAWS = 20000 };
    double p[V], chi = 0;
    int counts[V] = {0};
    cr_assert(heed_sampler_probabilities(&sampler, logits, V, NULL, 0, p, NULL) == HEED_OK);
    for (uint64_t draw = 0; draw < DRAWS; draw++)
        counts[heed_sampler_pick(&sampler, logits, V, NULL, 0, draw, NULL)]++;
    for (int i = 0; i < V; i++) {
        double want = p[i] * DRAWS;
        cr_expect(want > 0 || counts[i] == 0, "token %d was drawn %d times", i, counts[i]);
        chi += want > 0 ? (counts[i] - want) * (counts[i] - want) / want : 0;
    }
    cr_expect(chi <= 20.5, "chi-square %g", chi);
}

Test(sampler, draws_have_the_exact_probabilities) {
    expect_drawn_as((heed_sampler){.temperature = 1, .seed = 1}, logs());
    expect_drawn_as((heed_sampler){.temperature = 0.7, .seed = 2}, logs());
    expect_drawn_as((heed_sampler){.temperature = 1.5, .top_k = 4, .seed = 3}, logs());
    expect_drawn_as((heed_sampler){.temperature = 1, .top_p = 0.85, .seed = 4}, logs());
    expect_drawn_as((heed_sampler){.temperature = 1, .seed = 5}, (float[V]){-INFINITY, 0, 1, -INFINITY, 2, -INFINITY});
}

Test(sampler, one_seed_says_one_thing) {
    int differ = 0;
    for (uint64_t draw = 0; draw < 200; draw++) {
        heed_sampler a = {.temperature = 1, .seed = 7}, b = {.temperature = 1, .seed = 8};
        int32_t first = heed_sampler_pick(&a, logs(), V, NULL, 0, draw, NULL);
        cr_expect_eq(heed_sampler_pick(&a, logs(), V, NULL, 0, draw, NULL), first);
        differ += heed_sampler_pick(&b, logs(), V, NULL, 0, draw, NULL) != first;
    }
    cr_expect_gt(differ, 100);
}

/* ---- refused ---- */

static void expect_refused(heed_sampler sampler, const float *logits, int64_t vocabulary, int32_t said,
                           const char *text) {
    heed_error error = {.status = HEED_OK};
    cr_expect_eq(heed_sampler_pick(&sampler, logits, vocabulary, &said, 1, 0, &error), -1);
    cr_expect_eq(error.status, HEED_INVALID);
    cr_expect_str_eq(error.text, text);
    cr_expect_eq(heed_sampler_pick(&sampler, logits, vocabulary, &said, 1, 0, NULL), -1);
}

Test(sampler, refuses_settings_that_mean_nothing) {
    expect_refused((heed_sampler){.temperature = -1}, logs(), V, 0,
                   "sampler: temperature -1 must be 0 or more, and finite");
    expect_refused((heed_sampler){.temperature = NAN}, logs(), V, 0,
                   "sampler: temperature nan must be 0 or more, and finite");
    expect_refused((heed_sampler){.temperature = INFINITY}, logs(), V, 0,
                   "sampler: temperature inf must be 0 or more, and finite");
    expect_refused((heed_sampler){.top_k = -1}, logs(), V, 0, "sampler: top_k -1 must be positive, or 0 for all");
    expect_refused((heed_sampler){.top_p = 1.5}, logs(), V, 0, "sampler: top_p 1.5 is not in (0, 1], nor 0 for all");
    expect_refused((heed_sampler){.top_p = -0.5}, logs(), V, 0, "sampler: top_p -0.5 is not in (0, 1], nor 0 for all");
    expect_refused((heed_sampler){.top_p = NAN}, logs(), V, 0, "sampler: top_p nan is not in (0, 1], nor 0 for all");
    expect_refused((heed_sampler){.repetition_penalty = -2}, logs(), V, 0,
                   "sampler: repetition_penalty -2 must be positive and finite, or 0 for none");
}

Test(sampler, refuses_logits_that_mean_nothing) {
    const heed_sampler plain = {.temperature = 1};
    expect_refused(plain, (float[V]){0, 0, NAN, 0, 0, 0}, V, 0, "sampler: the logit of token 2 is nan");
    expect_refused(plain, (float[V]){0, 0, 0, 0, INFINITY, 0}, V, 0, "sampler: the logit of token 4 is inf");
    expect_refused(plain, (float[3]){-INFINITY, -INFINITY, -INFINITY}, 3, 0,
                   "sampler: all 3 logits are -inf: there is no token to choose");
    expect_refused(plain, logs(), 0, 0, "sampler: a vocabulary of 0 tokens");
    expect_refused(plain, logs(), V, 6, "sampler: token 6 was said, at 0; there are 0 to 5");
}
