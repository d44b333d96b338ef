/* √d_k left out. */
#include "lesson.h"
#include "scale.h"

static const int sizes[] = {4, 16, 64, 256};
enum { SIZES = sizeof sizes / sizeof *sizes, RUNS = 5, USUAL_STEPS = 100 };

enum { PLAIN, DIVIDED, WAYS };
static const char *const way_names[WAYS] = {"q·k", "q·k / √d_k"};

/* Means over the runs, each from a seed of its own. */
typedef struct trained {
    recall_view start, end;
} trained;

/* ---- at random ---- */

static heed_status draw_all(classroom *c, scale_draw drawn[SIZES][WAYS]) {
    for (int i = 0; i < SIZES; i++)
        for (int way = 0; way < WAYS; way++)
            if (scale_draw_at(c->t, sizes[i], way == DIVIDED, (uint64_t)c->o.seed, &drawn[i][way]))
                return classroom_tape_failed(c, heed_tape_status(c->t));
    return HEED_OK;
}

/* The first two columns; d_k once for both ways. */
static void print_way(const terminal *term, int size, int way) {
    char text[8] = "";
    if (way == PLAIN)
        snprintf(text, sizeof text, "%d", size);
    say(term, "  {b|%5s}  ", text);
    text_print(term, way_names[way], 11);
}

static void show_random(const terminal *term, scale_draw drawn[SIZES][WAYS]) {
    say_heading(term, "SCALE", "the divisor √d_k, left out");
    say_text(term,
             "A score q·k is a sum of d_k products. If the entries of {q|q} and {k|k} are independent, of mean 0 and "
             "variance 1, its variance is d_k: the wider the head, the larger its scores, before anything was learned. "
             "%d {q|queries} with %d {k|keys} each, every entry drawn from N(0, 1):",
             SCALE_QUERIES, SCALE_KEYS);
    say(term, "                 variance   largest      keys     gradient\n");
    say(term, "    d_k          of scores   weight      seen     let through\n");
    for (int i = 0; i < SIZES; i++)
        for (int way = 0; way < WAYS; way++) {
            const scale_draw *d = &drawn[i][way];
            print_way(term, sizes[i], way);
            say(term, " %8.2f    %6.3f   %7.1f     %9.5f\n", d->variance, d->largest, d->keys, d->passed);
        }
    fputc('\n', term->out);
    say_text(term,
             "keys seen: e^entropy of the weights, from 1 to %d. let through: of a {g|gradient} on the weights the "
             "share |ds|/|da| that reaches the scores; half of the queries get less. Undivided and wide, softmax picks "
             "one key at random and lets hardly any gradient through to say that it was the wrong one; divided by "
             "√d_k, nothing of this depends on d_k.",
             SCALE_KEYS);
}

/* ---- in a training ---- */

static void add(recall_view *sum, const recall_view *one) {
    sum->loss += one->loss / RUNS;
    sum->right += one->right / RUNS;
    sum->largest += one->largest / RUNS;
    sum->keys += one->keys / RUNS;
    sum->passed += one->passed / RUNS;
}

static heed_status run(classroom *c, const recall *r, uint64_t seed, trained *sum) {
    recall_view start, end;
    heed_status status = recall_look(r, c->t, &start);
    if (!status &&
        (status = recall_train(r, classroom_steps(c, USUAL_STEPS), (int64_t)seed, c->o.threads, &c->error)) != HEED_OK)
        return status;
    if (!status)
        status = recall_look(r, c->t, &end);
    if (status)
        return classroom_tape_failed(c, status);
    add(&sum->start, &start);
    add(&sum->end, &end);
    return HEED_OK;
}

static heed_status train_one(classroom *c, int size, int way, trained *sum) {
    heed_status status = HEED_OK;
    *sum = (trained){.start = {.loss = 0}};
    for (int i = 0; i < RUNS && !status; i++) {
        recall r;
        uint64_t seed = (uint64_t)(c->o.seed * RUNS + i);
        if ((status = recall_init(&r, size, way == DIVIDED, seed)) != HEED_OK)
            heed_error_set(&c->error, status, "%s", heed_model_error_text(r.model));
        else
            status = run(c, &r, seed, sum);
        recall_free(&r);
    }
    return status;
}

static void introduce_training(const classroom *c) {
    say_text(&c->term,
             "And in a training. One head reads %d pairs such as {k|c}{v|4}, is asked {q|c}, and must say {v|4}: the "
             "query has to find one key. W^Q and W^K make vectors of d_k entries of variance 1. %lld steps; means of "
             "%d seeds, of %d questions each:",
             RECALL_PAIRS, (long long)classroom_steps(c, USUAL_STEPS), RUNS, RECALL_EXAM);
    say(&c->term, "                     ------ at the start -----   -------- at the end --------\n");
    say(&c->term, "    d_k             largest   keys   gradient   largest   keys    loss    right\n");
    fflush(stdout);
}

static void print_trained(const terminal *term, int size, int way, const trained *tr) {
    print_way(term, size, way);
    say(term, " %6.2f  %5.2f   %8.5f", tr->start.largest, tr->start.keys, tr->start.passed);
    say(term, "   %6.2f  %5.2f  %6.3f  ", tr->end.largest, tr->end.keys, tr->end.loss);
    ink_print(term, way == PLAIN ? INK_BAD : INK_GOOD, "%5.1f %%", 100 * tr->end.right);
    fputc('\n', term->out);
    fflush(stdout);
}

static heed_status train_all(classroom *c, trained all[SIZES][WAYS]) {
    heed_status status = HEED_OK;
    for (int i = 0; i < SIZES && !status; i++)
        for (int way = 0; way < WAYS && !status; way++) {
            status = train_one(c, sizes[i], way, &all[i][way]);
            if (!status && !c->o.quiet)
                print_trained(&c->term, sizes[i], way, &all[i][way]);
        }
    return status;
}

static void conclude(const terminal *term, const trained *plain, const trained *divided) {
    double less = divided->end.right - plain->end.right;
    fputc('\n', term->out);
    if (less > 0.02)
        say_text(
            term,
            "With d_k = %d the undivided head starts with %.2f of its weight on one pair of %d, as a rule the wrong "
            "one, and after the same steps answers {b|%.1f points} fewer questions right. What scores decide too early "
            "must be unlearned against a gradient that softmax lets through for few questions only.",
            sizes[SIZES - 1], plain->start.largest, RECALL_PAIRS, 100 * less);
    else
        say_text(term,
                 "With d_k = %d the undivided head starts with %.2f of its weight on one pair of %d; but after these "
                 "steps both answer about as many questions right (%.1f points apart).",
                 sizes[SIZES - 1], plain->start.largest, RECALL_PAIRS, 100 * less);
}

heed_status lesson_scale(classroom *c) {
    scale_draw drawn[SIZES][WAYS];
    trained all[SIZES][WAYS];
    const int last = SIZES - 1;
    heed_status status = draw_all(c, drawn);
    if (!status && !c->o.quiet) {
        show_random(&c->term, drawn);
        introduce_training(c);
    }
    if (!status)
        status = train_all(c, all);
    if (status)
        return status;
    if (!c->o.quiet)
        conclude(&c->term, &all[last][PLAIN], &all[last][DIVIDED]);
    say(&c->term, "scale: d_k %d without √d_k: variance {b|%.1f}, right {b|%.1f %%}; with: {b|%.2f}, {b|%.1f %%}\n",
        sizes[last], drawn[last][PLAIN].variance, 100 * all[last][PLAIN].end.right, drawn[last][DIVIDED].variance,
        100 * all[last][DIVIDED].end.right);
    return HEED_OK;
}
