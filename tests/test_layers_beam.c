/* Beam search over a made-up language: what may follow depends on all that was said, so a search that mixed its hypotheses
 * up would be found out. The truth is an exhaustive search over all sequences. */
#include "layers_common.h"

enum { VOCABULARY = 3, LONGEST = 4, STOP = 2, MOST = 256 };

/* log P(token | prefix) for all tokens: a softmax of normal numbers that the prefix's hash gives. */
static void speak(uint64_t prefix, double *log_probs) {
    double total = 0;
    for (int v = 0; v < VOCABULARY; v++)
        total += exp(log_probs[v] = 1.5 * heed_rng_normal(prefix, (uint64_t)v));
    for (int v = 0; v < VOCABULARY; v++)
        log_probs[v] -= log(total);
}

static uint64_t root_of(uint64_t seed, int row) {
    return heed_rng_mix(seed, (uint64_t)row);
}

/* As a recurrent decoder would: a state a hypothesis, taken over from its parent. */
typedef struct speaker {
    uint64_t seed, state[MOST];
    int calls;
} speaker;

static heed_status next_words(void *user, const heed_beam_ask *ask, double *log_probs) {
    speaker *s = user;
    uint64_t before[MOST];
    cr_assert(ask->n <= MOST && ask->step == s->calls++);
    memcpy(before, s->state, sizeof before);
    for (int i = 0; i < ask->n; i++) {
        if (ask->step == 0)
            cr_assert(ask->tokens[i] == 7 && ask->parents[i] == i && ask->rows[i] == i);
        s->state[i] =
            ask->step == 0 ? root_of(s->seed, i) : heed_rng_mix(before[ask->parents[i]], (uint64_t)ask->tokens[i]);
        speak(s->state[i], log_probs + i * VOCABULARY);
    }
    return HEED_OK;
}

static heed_beam_options options_of(int width, double alpha, int n_best) {
    return (heed_beam_options){.width = width,
                               .longest = LONGEST,
                               .alpha = alpha,
                               .n_best = n_best,
                               .vocabulary = VOCABULARY,
                               .start = 7,
                               .stop = STOP};
}

static heed_beam *search(uint64_t seed, int rows, heed_beam_options options) {
    heed_error error = {.status = HEED_OK};
    speaker s = {.seed = seed};
    heed_beam *beam = heed_beam_search(&options, rows, next_words, &s, &error);
    cr_assert(beam != NULL, "%s", error.text);
    return beam;
}

/* ---- the truth ---- */

typedef struct sentence {
    int32_t tokens[LONGEST];
    int length;
    double log_prob, score;
} sentence;
typedef struct book {
    sentence all[MOST];
    int n;
} book;

static void write_all(book *b, uint64_t prefix, sentence so_far, double alpha) {
    double log_probs[VOCABULARY];
    speak(prefix, log_probs);
    for (int v = 0; v < VOCABULARY; v++) {
        sentence next = so_far;
        next.tokens[next.length++] = v;
        next.log_prob += log_probs[v];
        next.score = next.log_prob / pow((5.0 + next.length) / 6.0, alpha);
        if (v == STOP || next.length == LONGEST)
            b->all[b->n++] = next;
        else
            write_all(b, heed_rng_mix(prefix, (uint64_t)v), next, alpha);
    }
}

static int better_first(const void *a, const void *b) {
    double x = ((const sentence *)a)->score, y = ((const sentence *)b)->score;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void expect_sentence(const heed_hypothesis *h, const sentence *want) {
    cr_assert_eq(h->length, want->length);
    cr_assert(memcmp(h->tokens, want->tokens, (size_t)want->length * sizeof(int32_t)) == 0);
    cr_assert(fabs(h->log_prob - want->log_prob) <= 1e-14 && fabs(h->score - want->score) <= 1e-14);
    cr_assert_eq(h->finished, want->tokens[want->length - 1] == STOP);
}

Test(layers_beam, a_wide_beam_is_exhaustive_search) {
    const double alphas[] = {0, 0.6, 1, 3};
    for (int i = 0; i < 80; i++) {
        heed_beam *beam = search((uint64_t)i, 2, options_of(81, alphas[i % 4], 5));
        for (int row = 0; row < 2; row++) {
            book *b = calloc(1, sizeof *b);
            write_all(b, root_of((uint64_t)i, row), (sentence){.length = 0}, alphas[i % 4]);
            qsort(b->all, (size_t)b->n, sizeof *b->all, better_first);
            for (int k = 0; k < 5; k++)
                expect_sentence(&beam->best[row * 5 + k], &b->all[k]);
            free(b);
        }
        heed_beam_free(beam);
    }
}

Test(layers_beam, width_one_is_greedy) {
    for (int i = 0; i < 50; i++) {
        heed_beam *beam = search((uint64_t)i, 1, options_of(i % 2, 0.6, 0));
        sentence greedy = {.length = 0};
        uint64_t prefix = root_of((uint64_t)i, 0);
        for (int v = -1; v != STOP && greedy.length < LONGEST; prefix = heed_rng_mix(prefix, (uint64_t)v)) {
            double log_probs[VOCABULARY];
            speak(prefix, log_probs);
            v = 0;
            for (int other = 1; other < VOCABULARY; other++)
                v = log_probs[other] > log_probs[v] ? other : v;
            greedy.tokens[greedy.length++] = v;
            greedy.log_prob += log_probs[v];
        }
        greedy.score = greedy.log_prob / pow((5.0 + greedy.length) / 6.0, 0.6);
        expect_sentence(&beam->best[0], &greedy);
        heed_beam_free(beam);
    }
}

/* ---- a beam between the two, the naive way: all continuations sorted, the first few kept ---- */

static int likelier_first(const void *a, const void *b) {
    double x = ((const sentence *)a)->log_prob, y = ((const sentence *)b)->log_prob;
    return x < y ? 1 : x > y ? -1 : 0;
}

static uint64_t prefix_of(const sentence *s, uint64_t root) {
    for (int i = 0; i < s->length; i++)
        root = heed_rng_mix(root, (uint64_t)s->tokens[i]);
    return root;
}

static sentence naive_beam(uint64_t root, int width, double alpha) {
    sentence alive[MOST] = {{.length = 0}}, next[MOST], best = {.score = -INFINITY};
    for (int n = 1, left = width; n > 0;) {
        int made = 0, kept = 0;
        for (int i = 0; i < n * VOCABULARY; i++) {
            double log_probs[VOCABULARY];
            speak(prefix_of(&alive[i / VOCABULARY], root), log_probs);
            next[made] = alive[i / VOCABULARY];
            next[made].tokens[next[made].length++] = i % VOCABULARY;
            next[made++].log_prob += log_probs[i % VOCABULARY];
        }
        qsort(next, (size_t)made, sizeof *next, likelier_first);
        n = left < made ? left : made;
        for (int i = 0; i < n; i++) {
            next[i].score = next[i].log_prob / pow((5.0 + next[i].length) / 6.0, alpha);
            if (next[i].tokens[next[i].length - 1] != STOP && next[i].length < LONGEST)
                alive[kept++] = next[i];
            else if (next[i].score > best.score)
                best = next[i];
        }
        left -= n - kept;
        n = kept;
    }
    return best;
}

Test(layers_beam, a_beam_keeps_the_likeliest) {
    for (int i = 0; i < 200; i++) {
        int width = 2 + i % 6;
        heed_beam *beam = search((uint64_t)i, 1, options_of(width, 0.6, 1));
        sentence want = naive_beam(root_of((uint64_t)i, 0), width, 0.6);
        expect_sentence(beam->best, &want);
        heed_beam_free(beam);
    }
}

/* Rows are searched side by side, as if each were alone; and no beam finds better than the widest. */
Test(layers_beam, rows_do_not_touch_each_other) {
    int gained = 0;
    for (int width = 1; width <= 4; width++) {
        heed_beam *many = search(5, 60, options_of(width, 0.6, 1)), *widest = search(5, 3, options_of(81, 0.6, 1));
        heed_beam *few = search(5, 2, options_of(width, 0.6, 1));
        for (int row = 0; row < 2; row++) {
            cr_assert(many->best[row].length == few->best[row].length && many->best[row].score == few->best[row].score);
            cr_assert(memcmp(many->best[row].tokens, few->best[row].tokens,
                             (size_t)few->best[row].length * sizeof(int32_t)) == 0);
        }
        for (int row = 0; row < 3; row++) {
            cr_assert(many->best[row].score <= widest->best[row].score);
            gained += many->best[row].score < widest->best[row].score;
        }
        heed_beam_free(few);
        heed_beam_free(many);
        heed_beam_free(widest);
    }
    cr_expect(gained > 0, "a narrow beam never missed the best");
}

/* places lead back to the row of each step's log_probs that a token was chosen from. */
typedef struct listener {
    speaker speaker;
    double said[LONGEST][MOST * VOCABULARY];
} listener;

static heed_status listen(void *user, const heed_beam_ask *ask, double *log_probs) {
    listener *l = user;
    heed_status status = next_words(&l->speaker, ask, log_probs);
    memcpy(l->said[ask->step], log_probs, (size_t)ask->n * VOCABULARY * sizeof *log_probs);
    return status;
}

Test(layers_beam, places_lead_back) {
    listener *l = calloc(1, sizeof *l);
    l->speaker.seed = 3;
    heed_beam_options options = options_of(4, 0, 3);
    heed_beam *beam = heed_beam_search(&options, 6, listen, l, NULL);
    cr_assert(beam != NULL);
    for (int i = 0; i < 18; i++) {
        const heed_hypothesis *h = &beam->best[i];
        double sum = 0;
        for (int64_t k = 0; k < h->length; k++)
            sum += l->said[k][h->places[k] * VOCABULARY + h->tokens[k]];
        cr_assert(fabs(sum - h->log_prob) <= 1e-14, "hypothesis %d", i);
    }
    heed_beam_free(beam);
    free(l);
}

/* Wu et al.'s penalty: of no weight at one token; at seven tokens and alpha 1, two. */
Test(layers_beam, length_penalty) {
    cr_expect_eq(heed_length_penalty(1, 0.6), 1);
    cr_expect_eq(heed_length_penalty(7, 1), 2);
    cr_expect_eq(heed_length_penalty(100, 0), 1);
}

/* ---- edges ---- */

static heed_status all_alike(void *user, const heed_beam_ask *ask, double *log_probs) {
    (void)user;
    for (int64_t i = 0; i < ask->n * VOCABULARY; i++)
        log_probs[i] = -1;
    return HEED_OK;
}

Test(layers_beam, of_equals_the_first_wins) {
    heed_beam_options options = options_of(3, 0, 1);
    options.stop = -1;
    heed_beam *beam = heed_beam_search(&options, 1, all_alike, NULL, NULL);
    cr_assert(beam != NULL);
    cr_expect(beam->best->length == LONGEST && !beam->best->finished);
    for (int i = 0; i < LONGEST; i++)
        cr_expect_eq(beam->best->tokens[i], 0);
    heed_beam_free(beam);
}

/* Only what has a probability is said: here one word, then stop. The second place stays empty. */
static heed_status one_way(void *user, const heed_beam_ask *ask, double *log_probs) {
    (void)user;
    for (int64_t i = 0; i < ask->n * VOCABULARY; i++)
        log_probs[i] = i % VOCABULARY == (ask->step == 0 ? 1 : STOP) ? -0.5 : i % 2 ? NAN : -INFINITY;
    return HEED_OK;
}

Test(layers_beam, impossible_tokens_are_never_said) {
    heed_beam_options options = options_of(2, 0, 2);
    heed_beam *beam = heed_beam_search(&options, 1, one_way, NULL, NULL);
    cr_assert(beam != NULL);
    cr_expect(beam->best[0].length == 2 && beam->best[0].tokens[0] == 1 && beam->best[0].tokens[1] == STOP &&
              beam->best[0].finished);
    cr_expect_null(beam->best[1].tokens);
    heed_beam_free(beam);
    beam = heed_beam_search(&options, 0, one_way, NULL, NULL);
    cr_assert(beam != NULL && beam->rows == 0, "no rows are no work");
    heed_beam_free(beam);
}

static heed_status nothing_left(void *user, const heed_beam_ask *ask, double *log_probs) {
    for (int64_t i = 0; i < ask->n * VOCABULARY; i++)
        log_probs[i] = NAN;
    return *(heed_status *)user;
}

static void expect_refused(heed_beam_options options, heed_status answer, heed_status status, const char *text) {
    heed_error error = {.status = HEED_OK};
    cr_expect_null(heed_beam_search(&options, 1, nothing_left, &answer, &error));
    cr_expect(error.status == status && strcmp(error.text, text) == 0, "%d: %s", (int)error.status, error.text);
}

Test(layers_beam, errors_say_what_is_wrong) {
    heed_beam_options options = options_of(-1, 0, 1);
    expect_refused(options, HEED_OK, HEED_INVALID,
                   "beam search: width -1, longest 4 and n_best 1 must be positive, n_best at most width");
    options = options_of(2, 0, 3);
    expect_refused(options, HEED_OK, HEED_INVALID,
                   "beam search: width 2, longest 4 and n_best 3 must be positive, n_best at most width");
    options = options_of(2, NAN, 1);
    expect_refused(options, HEED_OK, HEED_INVALID, "beam search: alpha is nan; it must be finite, 0 or more");
    options = options_of(2, 0, 1);
    options.stop = VOCABULARY;
    expect_refused(options, HEED_OK, HEED_INVALID,
                   "beam search: stop is 3, the vocabulary 3: tokens are 0 to vocabulary - 1, no stop is -1");
    expect_refused(options_of(2, 0, 1), HEED_OK, HEED_NOT_FINITE,
                   "beam search: row 0, step 0: no token has a probability above 0");
    expect_refused(options_of(2, 0, 1), HEED_STATE, HEED_STATE, "beam search: the model failed at step 0");
    options = options_of(INT32_MAX, 0, 1); /* more than can be counted in bytes, so nothing is taken */
    options.vocabulary = INT32_MAX;
    expect_refused(options, HEED_OK, HEED_NO_MEMORY,
                   "beam search: out of memory for 1 rows, width 2147483647, vocabulary 2147483647");
}
