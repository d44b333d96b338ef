/* 10_heads: each lesson's measure against what it says it is. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "../examples/10_heads/places.h"
#include "../examples/10_heads/scale.h"
#include "../examples/10_heads/translate.h"
#include "../examples/10_heads/words.h"
#include "../examples/common/heads.h"

/* ---- heads, off ---- */

enum { SENTENCES = 100, EXAM_SEED = 1979 };

typedef struct school {
    task *phrases;
    reader *r;
    examination *e;
    heed_tape *t;
} school;

static school open_school(int n_heads, int64_t steps, int sentences) {
    school s = {.phrases = task_phrases_new(), .t = heed_tape_new()};
    heed_error error = {0};
    heed_tape_set_threads(s.t, 1);
    s.r = reader_new(s.phrases, n_heads, 3);
    s.e = examination_new(s.phrases, sentences);
    cr_assert(s.r && s.e);
    translate_plan plan = {.steps = steps, .seed = 3, .threads = 1};
    if (steps)
        cr_assert_eq(translate_train(s.r, &plan, NULL, NULL, &error), HEED_OK, "%s", error.text);
    return s;
}

static void close_school(school *s) {
    reader_free(s->r);
    examination_free(s->e);
    task_free(s->phrases);
    heed_tape_free(s->t);
}

static mark examined(const school *s) {
    mark m;
    cr_assert_eq(translate_examine(s->r, s->t, s->e, &m), HEED_OK, "%s", heed_error_text(s->t));
    return m;
}

Test(heads, any_number_of_heads_has_as_many_parameters) {
    task *phrases = task_phrases_new();
    reader *one = reader_new(phrases, 1, 1);
    int64_t size = heed_model_trainable(one->model);
    for (int heads = 2; heads <= 16; heads *= 2) {
        reader *many = reader_new(phrases, heads, 1);
        cr_assert_eq(heed_model_trainable(many->model), size);
        reader_free(many);
    }
    cr_assert_null(reader_new(phrases, 3, 1));
    reader_free(one);
    task_free(phrases);
}

/* How many of the same sentences it writes right by itself, one after another. */
static int written_right(const school *s) {
    static batch b;
    int32_t ids[BATCH_TIME];
    int right = 0;
    for (uint64_t i = 0; i < SENTENCES; i++) {
        example e;
        s->phrases->make(s->phrases, EXAM_SEED, i, true, &e);
        batch_fill(&b, &e, 1);
        cr_assert_eq(reader_read(s->r, s->t, &b, ids, NULL), HEED_OK);
        right += memcmp(ids, e.target, (size_t)e.T * sizeof *ids) == 0 && ids[e.T] == TOKEN_EOS;
    }
    return right;
}

Test(heads, one_pass_finds_exact_what_is_written_exactly, .timeout = 600) {
    school s = open_school(4, 260, SENTENCES);
    mark m = examined(&s);
    cr_assert_eq(m.asked, SENTENCES);
    cr_assert_eq(m.exact, written_right(&s));
    cr_assert(m.exact > 5 && m.exact < SENTENCES, "%d right: nothing is shown by that", m.exact);
    close_school(&s);
}

/* Sets to zero the columns of w_o that multiply one head's z. */
static void cut_off(const heed_multi_head_attention *attn, int head, double *kept) {
    enum { D = READER_D_MODEL };
    double w[D * D];
    cr_assert_eq(heed_param_get(attn->w_o, kept, D * D), HEED_OK);
    memcpy(w, kept, sizeof w);
    for (int row = 0; row < D; row++)
        for (int c = 0; c < attn->d_k; c++)
            w[row * D + head * attn->d_k + c] = 0;
    cr_assert_eq(heed_param_set(attn->w_o, w, D * D), HEED_OK);
}

Test(heads, a_head_is_off_as_if_its_part_of_w_o_were_zero) {
    school s = open_school(4, 0, 20);
    attention_place places[READER_PLACES];
    int count = reader_attentions(s.r, places);
    double before = examined(&s).loss, kept[READER_D_MODEL * READER_D_MODEL];
    for (int i = 0; i < count; i++) {
        const heed_multi_head_attention *attn = places[i].attn;
        mark off;
        cr_assert_eq(translate_without(s.r, s.t, s.e, attn, i % 4, &off), HEED_OK);
        cr_assert_eq(examined(&s).loss, before, "it is on again");
        cut_off(attn, i % 4, kept);
        double cut = examined(&s).loss;
        cr_assert_eq(heed_param_set(attn->w_o, kept, READER_D_MODEL * READER_D_MODEL), HEED_OK);
        cr_assert_float_eq(off.loss, cut, 1e-6, "%s: %.9g off, %.9g cut", places[i].path, off.loss, cut);
        cr_assert(fabs(off.loss - before) > 1e-5, "%s: it did nothing", places[i].path);
    }
    close_school(&s);
}

/* Means over all words of all sentences, from maps of one sentence at a time. */
static gaze gaze_by_maps(const school *s, const attention_place *place, int head, int sentences) {
    gaze sum = {0};
    int aligned = 0, tokens = 0, pairs = 0;
    bool cross = strstr(place->path, "cross") != NULL, decoder = place->path[0] == 'd';
    for (int n = 0; n < sentences; n++) {
        example e;
        s->phrases->make(s->phrases, EXAM_SEED, (uint64_t)n, true, &e);
        const float *map = translate_map(s->r, s->t, &e, place, head);
        cr_assert_not_null(map);
        int rows = decoder ? e.T + 1 : e.S, columns = cross ? e.S : rows;
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++) {
                double weight = (double)map[i * columns + j];
                sum.aligned += cross && i < e.T && (e.from[i] >> j & 1) ? weight : 0;
                sum.self += !cross && i == j ? weight : 0;
                sum.before += !cross && j == i - 1 ? weight : 0;
                sum.after += !cross && j == i + 1 ? weight : 0;
            }
        for (int i = 0; i < e.T; i++)
            aligned += e.from[i] != 0;
        tokens += rows;
        pairs += rows - 1;
    }
    return (gaze){sum.aligned / aligned, sum.before / pairs, sum.self / tokens, sum.after / pairs};
}

Test(heads, a_gaze_is_the_mean_over_single_sentences) {
    enum { FEW = 70 }; /* more than one batch, of different lengths */
    school s = open_school(4, 0, FEW);
    attention_place places[READER_PLACES];
    int count = reader_attentions(s.r, places);
    for (int i = 0; i < count; i++) {
        gaze seen[GAZE_HEADS];
        cr_assert_eq(translate_gaze(s.r, s.t, s.e, &places[i], seen), HEED_OK);
        gaze hand = gaze_by_maps(&s, &places[i], i % 4, FEW), *is = &seen[i % 4];
        cr_assert_float_eq(is->aligned, hand.aligned, 1e-5, "%s aligned %g, %g", places[i].path, is->aligned,
                           hand.aligned);
        cr_assert_float_eq(is->before, hand.before, 1e-5, "%s before %g, %g", places[i].path, is->before, hand.before);
        cr_assert_float_eq(is->self, hand.self, 1e-5);
        cr_assert_float_eq(is->after, hand.after, 1e-5);
        cr_assert(hand.aligned + hand.self > 0.01);
    }
    close_school(&s);
}

/* ---- scale ---- */

Test(heads, weights_say_how_many_keys_are_seen_and_what_they_let_through) {
    const float even[] = {0.25F, 0.25F, 0.25F, 0.25F}, one[] = {0, 1, 0, 0}, two[] = {0.5F, 0, 0.5F, 0};
    cr_assert_float_eq(scale_keys_seen(even, 4), 4, 1e-9);
    cr_assert_float_eq(scale_keys_seen(one, 4), 1, 1e-9);
    cr_assert_float_eq(scale_keys_seen(two, 4), 2, 1e-9);
    cr_assert_eq(scale_share_passed(one, 4), 0);
    /* J is (1/2)(I - 1 1'/2) on two keys: entries ±1/4, four of them. */
    cr_assert_float_eq(scale_share_passed(two, 4), 0.5 / sqrt(4), 1e-9);
    /* (1/4)(I - 1 1'/4): |.| = sqrt(3) / 4 */
    cr_assert_float_eq(scale_share_passed(even, 4), sqrt(3) / 4 / 2, 1e-9);
}

Test(heads, scores_have_variance_d_k_or_one) {
    heed_tape *t = heed_tape_new();
    scale_draw before = {.passed = 1};
    for (int d_k = 4; d_k <= SCALE_LARGEST; d_k *= 4) {
        scale_draw plain, divided;
        cr_assert_eq(scale_draw_at(t, d_k, false, 9, &plain), HEED_OK, "%s", heed_error_text(t));
        cr_assert_eq(scale_draw_at(t, d_k, true, 9, &divided), HEED_OK);
        cr_assert_float_eq(plain.variance / d_k, 1, 0.12, "d_k %d: %g", d_k, plain.variance);
        cr_assert_float_eq(plain.variance / d_k, divided.variance, 1e-3, "not the same numbers");
        /* Of 16 keys an even softmax lets through 1/16 of what is not common to all, sqrt(15/16). */
        cr_assert(divided.passed > 0.05 && divided.passed < 0.09, "%g", divided.passed);
        cr_assert(plain.passed < before.passed && plain.largest > before.largest, "d_k %d", d_k);
        cr_assert(plain.keys > 1 && divided.keys > 9 && divided.keys < 13, "%g, %g", plain.keys, divided.keys);
        before = plain;
    }
    cr_assert(before.passed < 0.01 && before.largest > 0.85);
    heed_tape_free(t);
}

/* Dividing the scores by sqrt(d_k) is dividing the queries by it. */
Test(heads, a_divided_head_is_an_undivided_one_with_shorter_queries) {
    enum { D_K = 64 };
    recall plain, divided;
    recall_view a, b, c;
    double w[D_K * RECALL_D_MODEL];
    heed_tape *t = heed_tape_new();
    cr_assert_eq(recall_init(&plain, D_K, false, 5), HEED_OK);
    cr_assert_eq(recall_init(&divided, D_K, true, 5), HEED_OK);
    cr_assert_eq(recall_look(&plain, t, &a), HEED_OK);
    cr_assert_eq(heed_param_get(plain.w_q.weight, w, D_K * RECALL_D_MODEL), HEED_OK);
    for (int i = 0; i < D_K * RECALL_D_MODEL; i++)
        w[i] /= 8;
    cr_assert_eq(heed_param_set(plain.w_q.weight, w, D_K * RECALL_D_MODEL), HEED_OK);
    cr_assert_eq(recall_look(&plain, t, &b), HEED_OK);
    cr_assert_eq(recall_look(&divided, t, &c), HEED_OK);
    cr_assert_float_eq(b.loss, c.loss, 1e-5, "%g, %g", b.loss, c.loss);
    cr_assert_float_eq(b.largest, c.largest, 1e-5);
    cr_assert_float_eq(b.passed, c.passed, 1e-5);
    cr_assert(a.largest > c.largest + 0.3 && a.keys < c.keys - 2 && a.passed < c.passed / 2);
    recall_free(&plain);
    recall_free(&divided);
    heed_tape_free(t);
}

Test(heads, a_divided_head_learns_to_look_things_up, .timeout = 300) {
    recall r;
    recall_view start, end;
    heed_error error = {0};
    heed_tape *t = heed_tape_new();
    cr_assert_eq(recall_init(&r, 64, true, 2), HEED_OK);
    cr_assert_eq(recall_look(&r, t, &start), HEED_OK);
    cr_assert_eq(recall_train(&r, 100, 2, 1, &error), HEED_OK, "%s", error.text);
    cr_assert_eq(recall_look(&r, t, &end), HEED_OK);
    cr_assert(start.right < 0.2 && end.right > 0.98, "%g, %g", start.right, end.right);
    recall_free(&r);
    heed_tape_free(t);
}

/* ---- places ---- */

Test(heads, shuffled_tokens_give_shuffled_outputs_until_they_have_places) {
    heed_tape *t = heed_tape_new();
    for (uint64_t seed = 0; seed < 20; seed++) {
        shuffle none, added;
        cr_assert_eq(places_shuffle(t, false, seed, &none), HEED_OK, "%s", heed_error_text(t));
        cr_assert_eq(places_shuffle(t, true, seed, &added), HEED_OK);
        int seen = 0, stayed = 0;
        for (int i = 0; i < PLACES_TOKENS; i++) {
            seen |= 1 << none.order[i];
            stayed += none.order[i] == i;
        }
        cr_assert_eq(seen, (1 << PLACES_TOKENS) - 1, "all tokens are still there");
        cr_assert(stayed < PLACES_TOKENS);
        cr_assert(none.apart < 1e-6 && none.pooled < 1e-6, "seed %d: %g, %g", (int)seed, none.apart, none.pooled);
        cr_assert(added.apart > 0.02 && added.pooled > 0.002, "seed %d: %g, %g", (int)seed, added.apart, added.pooled);
        cr_assert(none.typical > 0.05);
    }
    heed_tape_free(t);
}

Test(heads, the_answer_is_the_letter_that_comes_first) {
    int a_first = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        int32_t row[FIRST_TOKENS], mirror[FIRST_TOKENS];
        int answer = first_draw(11, i, row), a = -1, b = -1;
        for (int j = 0; j < FIRST_TOKENS; j++) {
            cr_assert(row[j] >= 0 && row[j] < FIRST_LETTERS);
            for (int k = 0; k < j; k++)
                cr_assert_neq(row[j], row[k]);
            a = row[j] == FIRST_A ? j : a;
            b = row[j] == FIRST_B ? j : b;
        }
        cr_assert(a >= 0 && b >= 0 && answer == (a < b));
        a_first += answer;
        memcpy(mirror, row, sizeof row);
        first_mirror(mirror);
        cr_assert(mirror[a] == FIRST_B && mirror[b] == FIRST_A);
        mirror[a] = FIRST_A, mirror[b] = FIRST_B;
        cr_assert_eq(memcmp(mirror, row, sizeof row), 0);
    }
    cr_assert(a_first > 420 && a_first < 580, "%d of 1000", a_first);
}

static first_mark first_after(bool with_places, int64_t steps) {
    first f;
    first_mark m;
    heed_error error = {0};
    heed_tape *t = heed_tape_new();
    double loss;
    cr_assert_eq(first_init(&f, with_places, 4), HEED_OK);
    cr_assert_eq(first_train(&f, steps, 4, 1, &loss, &error), HEED_OK, "%s", error.text);
    cr_assert_eq(first_examine(&f, t, &m), HEED_OK);
    first_free(&f);
    heed_tape_free(t);
    return m;
}

Test(heads, order_is_learned_with_places_only, .timeout = 300) {
    first_mark none = first_after(false, 100), added = first_after(true, 100);
    cr_assert_eq(none.asked, 2 * FIRST_EXAM);
    cr_assert_eq(none.right, FIRST_EXAM, "%d", none.right);
    cr_assert(none.apart < 1e-5 && added.apart > 1);
    cr_assert(added.right > 0.98 * added.asked, "%d", added.right);
}

/* ---- words ---- */

Test(heads, word_by_word_is_what_the_layer_does) {
    for (uint64_t seed = 0; seed < 20; seed++) {
        words w;
        words_steps s;
        heed_error error = {0};
        double apart = -1, sum = 0;
        cr_assert_eq(words_init(&w, seed, &error), HEED_OK, "%s", error.text);
        cr_assert_eq(words_apart(&w, &apart), HEED_OK);
        cr_assert(apart >= 0 && apart < 1e-6, "seed %d: %g", (int)seed, apart);
        cr_assert_eq(words_by_hand(&w, 2, &s), HEED_OK);
        for (int j = 0; j < WORDS_TOKENS; j++) {
            sum += s.weight[1][j];
            cr_assert_float_eq(s.scaled[1][j], s.score[1][j] / 2, 1e-12);
        }
        cr_assert_float_eq(sum, 1, 1e-12);
        words_free(&w);
    }
}

Test(heads, another_word_or_matrix_is_another_output) {
    words w;
    heed_error error = {0};
    double apart;
    cr_assert_eq(words_init(&w, 1, &error), HEED_OK);
    w.x[1][3] += 0.5F; /* the layer has seen the old one */
    cr_assert_eq(words_apart(&w, &apart), HEED_OK);
    cr_assert(apart > 1e-3, "%g", apart);
    w.x[1][3] -= 0.5F;
    double w_o[WORDS_D_MODEL * WORDS_D_MODEL];
    cr_assert_eq(heed_param_get(w.attn.w_o, w_o, sizeof w_o / sizeof *w_o), HEED_OK);
    w_o[10] += 0.5;
    cr_assert_eq(heed_param_set(w.attn.w_o, w_o, sizeof w_o / sizeof *w_o), HEED_OK);
    cr_assert_eq(words_apart(&w, &apart), HEED_OK);
    cr_assert(apart > 1e-3, "%g", apart);
    words_free(&w);
}
