/* 09_induction: the task, the scores against what their words say, and that two layers do what one cannot. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "../examples/09_induction/history.h"

/* ---- the task ---- */

Test(induction, a_stretch_of_different_tokens_repeats) {
    int periods[REPEATS_TIME] = {0};
    for (uint64_t i = 0; i < 2500; i++) {
        repeats r = repeats_draw(7, i, 8, 32), again = repeats_draw(7, i, 8, 32);
        cr_assert_eq(memcmp(&r, &again, sizeof r), 0);
        cr_assert(r.period >= 8 && r.period <= 32);
        periods[r.period]++;
        bool seen[REPEATS_VOCABULARY] = {false};
        for (int j = 0; j < r.period; j++) {
            cr_assert(r.token[j] >= 0 && r.token[j] < REPEATS_VOCABULARY && !seen[r.token[j]]);
            seen[r.token[j]] = true;
        }
        for (int j = r.period; j <= REPEATS_TIME; j++)
            cr_assert_eq(r.token[j], r.token[j - r.period]);
    }
    for (int p = 8; p <= 32; p++)
        cr_assert(periods[p] > 60, "period %d was drawn %d times of 2500", p, periods[p]); /* 100 expected */
}

Test(induction, every_token_has_a_name_of_its_own) {
    for (int i = 0; i < REPEATS_VOCABULARY; i++)
        for (int j = 0; j < i; j++)
            cr_assert_neq(repeats_name(i), repeats_name(j));
}

/* ---- the loss ---- */

static void begin(induction *ind, int layers, int heads, uint64_t seed) {
    cr_assert_eq(induction_init(ind, layers, heads, seed), HEED_OK, "%s", heed_model_error_text(ind->model));
}

/* Cross-entropy of one place, in double. */
static double surprise(const float *logits, int32_t next) {
    double sum = 0;
    for (int v = 0; v < REPEATS_VOCABULARY; v++)
        sum += exp((double)logits[v]);
    return log(sum) - (double)logits[next];
}

Test(induction, the_loss_is_that_of_the_repeat) {
    induction ind;
    begin(&ind, 2, 4, 3);
    repeats list[2] = {repeats_draw(5, 0, 8, 8), repeats_draw(5, 1, 40, 40)};
    heed_tape *t = heed_tape_new();
    double sum = 0;
    int counted = 0;
    for (int b = 0; b < 2; b++) {
        const float *logits = heed_f32(
            t, heed_gpt_forward(&ind.gpt, t, heed_input(t, HEED_I32, HEED_SHAPE(1, REPEATS_TIME), list[b].token)));
        cr_assert_not_null(logits);
        /* The stretch has been read once when its last token has; the next one is known from there on. */
        for (int i = list[b].period; i < REPEATS_TIME; i++, counted++)
            sum += surprise(logits + i * REPEATS_VOCABULARY, list[b].token[i + 1]);
    }
    cr_assert_eq(counted, 64 - 8 + 64 - 40);
    double loss = heed_item(t, induction_loss(&ind, t, list, 2));
    cr_assert_float_eq(loss, sum / counted, 1e-5, "%.9g, by hand %.9g", loss, sum / counted);
    heed_tape_free(t);
    induction_free(&ind);
}

/* ---- the scores ---- */

/* Both scores of one head, from their words: previous token, matching. */
static void scores_by_hand(observer *o, const induction *ind, int layer, int head, double score[2]) {
    score[0] = score[1] = 0;
    for (int b = 0; b < INDUCTION_BATCH; b++) {
        const repeats r = o->list[b];
        const float *map = observer_map(o, ind, &r, layer, head);
        cr_assert_not_null(map);
        double previous = 0, matching = 0;
        for (int i = 1; i <= r.period; i++)
            previous += (double)map[i * REPEATS_TIME + i - 1];
        for (int i = r.period; i < REPEATS_TIME; i++)
            for (int j = 1; j <= i; j++)
                if (r.token[j - 1] == r.token[i]) /* j followed one like i */
                    matching += (double)map[i * REPEATS_TIME + j];
        score[0] += previous / r.period / INDUCTION_BATCH;
        score[1] += matching / (REPEATS_TIME - r.period) / INDUCTION_BATCH;
    }
}

Test(induction, scores_are_what_their_words_say) {
    induction ind;
    begin(&ind, 2, 2, 11);
    observer *o = observer_new(8, 32, 1);
    induction_scores s;
    cr_assert_eq(observer_take(o, &ind, &s), HEED_OK);
    for (int layer = 0; layer < 2; layer++)
        for (int head = 0; head < 2; head++) {
            double hand[2];
            scores_by_hand(o, &ind, layer, head, hand);
            cr_assert_float_eq(s.previous[layer][head], hand[0], 1e-5);
            cr_assert_float_eq(s.matching[layer][head], hand[1], 1e-5);
            cr_assert(hand[0] > 0 && hand[1] > 0 && fabs(hand[0] - hand[1]) > 1e-3);
        }
    observer_free(o);
    induction_free(&ind);
}

Test(induction, a_head_is_switched_off_and_on_again) {
    induction ind;
    begin(&ind, 2, 4, 1);
    observer *o = observer_new(8, 32, 1);
    induction_scores before, after;
    double one, all;
    cr_assert_eq(observer_take(o, &ind, &before), HEED_OK);
    cr_assert_eq(observer_without(o, &ind, 1, 2, &one), HEED_OK);
    cr_assert_eq(observer_without(o, &ind, 1, -1, &all), HEED_OK);
    cr_assert_eq(observer_take(o, &ind, &after), HEED_OK);
    cr_assert(one != before.loss && all != before.loss && one != all);
    cr_assert_eq(memcmp(&before, &after, sizeof before), 0);
    observer_free(o);
    induction_free(&ind);
}

/* ---- the history ---- */

static history history_of(const double *losses, int n) {
    history h = {.frames = n};
    for (int i = 0; i < n; i++) {
        h.step[i] = 10 * i;
        h.at[i].loss = losses[i];
    }
    return h;
}

Test(induction, the_drop_is_the_shortest_stretch_that_loses_half) {
    const double losses[] = {4, 3.9, 3.8, 3.0, 1.0, 0.4, 0.2, 0.0};
    history h = history_of(losses, 8);
    history_drop drop = history_find_drop(&h);
    cr_assert(drop.from == 30 && drop.to == 40, "from %d to %d", (int)drop.from, (int)drop.to);
    cr_assert(drop.before == 3.0 && drop.after == 1.0);
    cr_assert_eq(history_halfway(&h, losses), 40); /* 4 to 0: below 2 */
    const double rising[] = {0, 0, 0.1, 0.4, 0.5, 0.9, 0.8, 1};
    cr_assert_eq(history_halfway(&h, rising), 40);
    const double flat[] = {1, 1};
    h = history_of(flat, 2);
    cr_assert_eq(history_find_drop(&h).to, 0);
    cr_assert_eq(history_halfway(&h, flat), 0);
}

/* ---- what it shows ---- */

static history trained(int layers, int shortest, int longest, int steps) {
    static history h;
    induction ind;
    heed_error error = {0};
    observer *o = observer_new(shortest, longest, 1);
    begin(&ind, layers, 4, 2);
    history_plan plan = {.layers = layers,
                         .heads = 4,
                         .shortest = shortest,
                         .longest = longest,
                         .steps = steps,
                         .seed = 2,
                         .threads = 1};
    cr_assert_eq(history_train(&h, &plan, &ind, o, NULL, NULL, &error), HEED_OK, "%s", error.text);
    observer_free(o);
    induction_free(&ind);
    return h;
}

Test(induction, two_layers_do_what_one_cannot, .timeout = 600) {
    history two = trained(2, 8, 32, 330), one = trained(1, 8, 32, 330);
    const induction_scores *end = &two.at[two.frames - 1];
    cr_assert_eq(two.step[two.frames - 1], 330);
    cr_assert(end->loss < 1, "two layers: %g", end->loss);
    cr_assert(one.at[one.frames - 1].loss > 2.8, "one layer: %g", one.at[one.frames - 1].loss);
    double previous = end->previous[0][history_best_previous(&two, 0)],
           matching = end->matching[1][history_best_matching(&two, 1)];
    cr_assert(previous > 0.65 && matching > 0.75, "scores %g, %g", previous, matching);
    cr_assert(two.at[0].previous[0][0] < 0.2 && two.at[0].matching[1][0] < 0.1);
    history_drop drop = history_find_drop(&two);
    cr_assert(drop.to - drop.from < 120, "from %d to %d", (int)drop.from, (int)drop.to);
}

Test(induction, one_layer_suffices_where_the_period_never_varies, .timeout = 300) {
    history one = trained(1, 16, 16, 200);
    cr_assert(one.at[one.frames - 1].loss < 0.1, "%g", one.at[one.frames - 1].loss);
}
