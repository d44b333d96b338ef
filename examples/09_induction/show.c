#include "show.h"

#include "../common/plot.h"

#include <math.h>

/* The heads whose scores are shown: layer 1's with the highest previous-token score, layer 2's with the highest matching. */
enum { FIRST = 0, SECOND = 1 };

static const induction_scores *end_of(const history *r) {
    return &r->at[r->frames - 1];
}

/* Whether there is a lesson to be told: a training may have been too short. */
static bool has_learned(const history *two) {
    const induction_scores *s = end_of(two);
    return s->loss < two->at[0].loss / 2 && s->previous[FIRST][history_best_previous(two, FIRST)] > 0.5 &&
           s->matching[SECOND][history_best_matching(two, SECOND)] > 0.5;
}

/* ---- the task ---- */

static void show_sequence(const terminal *term, const repeats *r) {
    enum { SHOWN = 26 };
    say(term, "      ");
    for (int i = 0; i < SHOWN; i++)
        say(term, i < r->period ? "{d|%c} " : "{b|%c} ", repeats_name(r->token[i]));
    say(term, "…\n\n");
}

static void say_periods(const terminal *term, const history_plan *plan) {
    if (plan->shortest == plan->longest)
        say_text(term, "Here every stretch is %d tokens long: a fixed way back to what will come next.",
                 plan->shortest);
    else
        say_text(
            term,
            "How long a stretch is differs from sequence to sequence, %d to %d tokens, so there is no fixed way back "
            "either. The one thing that helps is to find where the present token stood before, and to say what came "
            "after it.",
            plan->shortest, plan->longest);
}

void show_task(const terminal *term, const history_plan *plan, const repeats *example) {
    say_heading(term, "INDUCTION", "two layers of attention learn to go on with what they have never seen");
    say_text(term, "A stretch of tokens, drawn at random from %d, comes again and again. What comes next?",
             REPEATS_VOCABULARY);
    show_sequence(term, example);
    say_text(term,
             "The first time through nobody can know. From the second time on everything is known, yet nothing can be "
             "learned by heart: in the next sequence other tokens follow each other.");
    say_periods(term, plan);
    say_text(
        term,
        "The model: tokens and places, %d numbers each, then %d layers of attention with %d heads, no feed-forward. "
        "And a second one with one layer, to compare.",
        INDUCTION_D_MODEL, INDUCTION_LAYERS, plan->heads);
}

/* ---- curves ---- */

enum { PLOT_COLUMNS = 68, LOSS_ROWS = 9, SCORE_ROWS = 7 };

static plot plot_of(const char *title, const history *r, const double *steps, const curve *curves, int count) {
    return (plot){.title = title,
                  .x = steps,
                  .n = r->frames,
                  .curves = curves,
                  .count = count,
                  .last = (double)r->plan.steps,
                  .columns = PLOT_COLUMNS,
                  .x_name = "step"};
}

static void steps_of(const history *r, double out[HISTORY_FRAMES]) {
    for (int i = 0; i < HISTORY_FRAMES; i++)
        out[i] = i < r->frames ? (double)r->step[i] : 0;
}

static void plot_losses(const terminal *term, const history *two, const history *one) {
    double steps[HISTORY_FRAMES], of_two[HISTORY_FRAMES], of_one[HISTORY_FRAMES];
    steps_of(two, steps);
    history_losses(two, of_two);
    for (int i = 0; i < HISTORY_FRAMES; i++)
        of_one[i] = i < one->frames ? one->at[i].loss : NAN;
    const curve curves[] = {{"two layers", of_two, "●", INK_GOOD}, {"one layer", of_one, "○", INK_BAD}};
    plot p = plot_of("loss on the repeat", two, steps, curves, 2);
    p.high = 4.5;
    p.decimals = 1;
    p.rows = LOSS_ROWS;
    plot_print(term, &p);
}

static void plot_scores(const terminal *term, const history *two) {
    double steps[HISTORY_FRAMES], previous[HISTORY_FRAMES], matching[HISTORY_FRAMES];
    int first = history_best_previous(two, FIRST), second = history_best_matching(two, SECOND);
    char names[2][64];
    steps_of(two, steps);
    history_previous(two, FIRST, first, previous);
    history_matching(two, SECOND, second, matching);
    snprintf(names[0], sizeof names[0], "previous token: layer 1, head %d", first + 1);
    snprintf(names[1], sizeof names[1], "matching: layer 2, head %d", second + 1);
    const curve curves[] = {{names[0], previous, "+", INK_KEY}, {names[1], matching, "×", INK_QUERY}};
    plot p = plot_of("scores", two, steps, curves, 2);
    p.high = 1;
    p.decimals = 1;
    p.rows = SCORE_ROWS;
    plot_print(term, &p);
}

void show_plots(const terminal *term, const history *two, const history *one) {
    plot_losses(term, two, one);
    plot_scores(term, two);
}

/* ---- the story ---- */

static void say_drop(const terminal *term, const history *two) {
    double previous[HISTORY_FRAMES], matching[HISTORY_FRAMES];
    history_previous(two, FIRST, history_best_previous(two, FIRST), previous);
    history_matching(two, SECOND, history_best_matching(two, SECOND), matching);
    history_drop drop = history_find_drop(two);
    say_text(
        term,
        "{b|The drop:} from step %lld to step %lld, %.0f %% of the run, the loss falls from %.2f to %.2f, half of all "
        "it "
        "ever loses. The scores come half their way by step %lld (previous token) and %lld (matching): the two layers "
        "need each other, and move together.",
        (long long)drop.from, (long long)drop.to, 100.0 * (double)(drop.to - drop.from) / (double)two->plan.steps,
        drop.before, drop.after, (long long)history_halfway(two, previous), (long long)history_halfway(two, matching));
}

static void say_control(const terminal *term, const history *two, const history *one) {
    double loss = end_of(one)->loss;
    if (two->plan.shortest == two->plan.longest)
        say_text(term,
                 "{b|One layer} ends at %.3f, two at %.3f: with a period that never varies places alone say where to "
                 "look, and "
                 "neither score need rise. Let the period vary, and one layer is lost.",
                 loss, end_of(two)->loss);
    else if (has_learned(two))
        say_text(term,
                 "{b|One layer} ends at %.2f (guessing among %d is %.2f; among %.0f it would be %.2f): it can tell "
                 "which tokens "
                 "are in play, not which is next. For a key is made of a token and its place, and knows nothing of the "
                 "token "
                 "before it.",
                 loss, REPEATS_VOCABULARY, log(REPEATS_VOCABULARY), round(exp(loss)), log(round(exp(loss))));
    else
        say_text(term, "Nothing much was learned in %lld steps; it takes some more.", (long long)two->plan.steps);
}

void show_story(const terminal *term, const history *two, const history *one) {
    say(term, "\n");
    if (has_learned(two))
        say_drop(term, two);
    say_control(term, two, one);
}

/* ---- the heads ---- */

/* A score, as a number and a bar, fills SCORE columns. */
enum { BAR = 12, SCORE = 22 };
static void say_score(const terminal *term, ink colour, double score) {
    ink_print(term, colour, "%5.2f", score);
    say(term, "  ");
    say_bar(term, colour, score, BAR);
    int eighths = (int)lround(fmin(fmax(score, 0), 1) * BAR * 8);
    say(term, "%*s", SCORE - 7 - (eighths + 7) / 8, "");
}

static void head_line(const terminal *term, int layer, int head, const induction_scores *s, double without) {
    say(term, "  layer %d  head %d   ", layer + 1, head + 1);
    say_score(term, layer == FIRST ? INK_KEY : INK_DIM, s->previous[layer][head]);
    say_score(term, layer == SECOND ? INK_QUERY : INK_DIM, s->matching[layer][head]);
    say(term, "%7.3f\n", without);
}

void show_heads(const terminal *term, const history *two, const show_losses *without) {
    const induction_scores *s = end_of(two);
    say_heading(term, "WHAT THE HEADS DO", "and what becomes of the loss without them");
    say(term, "                     {k|previous token}        {q|matching}              loss without\n");
    for (int layer = 0; layer < INDUCTION_LAYERS; layer++) {
        for (int head = 0; head < two->plan.heads; head++)
            head_line(term, layer, head, s, without->head[layer][head]);
        say(term, "  layer %d  all     %*s%7.3f\n", layer + 1, 2 * SCORE, "", without->layer[layer]);
    }
    say(term, "  all heads on     %*s%7.3f\n\n", 2 * SCORE, "", s->loss);
    say_text(term, "{k|previous token}: the mean weight on the token before, the first time through. {q|matching}: the "
                   "mean weight, "
                   "on the repeat, on what followed the present token before; that is the score of an induction head.");
}

/* ---- where they look ---- */

void show_maps(const terminal *term, const history *two, const repeats *r, const double *first, const double *second) {
    char text[SHOW_TOKENS][2], title[2][64];
    const char *label[SHOW_TOKENS];
    for (int i = 0; i < SHOW_TOKENS; i++) {
        text[i][0] = repeats_name(r->token[i]);
        text[i][1] = '\0';
        label[i] = text[i];
    }
    snprintf(title[0], sizeof title[0], "  layer 1, head %d", history_best_previous(two, FIRST) + 1);
    snprintf(title[1], sizeof title[1], "  layer 2, head %d", history_best_matching(two, SECOND) + 1);
    picture maps[2];
    for (int i = 0; i < 2; i++)
        maps[i] = (picture){.title = title[i],
                            .values = i ? second : first,
                            .rows = SHOW_TOKENS,
                            .columns = SHOW_TOKENS,
                            .row_labels = label,
                            .column_labels = label,
                            .row_ink = INK_QUERY,
                            .column_ink = INK_KEY,
                            .scale = 1,
                            .shares = true,
                            .cell = 1};
    say_heading(term, "WHERE THEY LOOK", "from each token, down, to those it has read, across");
    pictures_print(term, maps, 2, 8);
    say(term, "\n  ");
    scale_print(term, true, "0", "1");
    say(term, "\n\n");
    if (!has_learned(two))
        return;
    char now = repeats_name(r->token[r->period]), next = repeats_name(r->token[r->period + 1]);
    say_text(
        term,
        "When {q|%c} comes again, in row %d, layer 2 looks at the {k|%c} after the first one. How does it find that? "
        "In "
        "layer 1 {k|%c} had looked at the token before itself and taken down its name; so its key says \"I came after "
        "%c\", and the query asks for just that.",
        now, r->period + 1, next, next, now);
}

void show_result(const terminal *term, const history *two, const history *one) {
    const induction_scores *s = end_of(two);
    say(term,
        "loss on repeats: {b|2 layers %.3f}, {b|1 layer %.3f}; previous token {k|%.2f}, matching {q|%.2f}\n",
        s->loss, end_of(one)->loss, s->previous[FIRST][history_best_previous(two, FIRST)],
        s->matching[SECOND][history_best_matching(two, SECOND)]);
}
