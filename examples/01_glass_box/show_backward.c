/* One backward step, quantity by quantity. */
#include "show.h"

#include <math.h>

static void show_where_we_are(const terminal *term, const backward_lesson *lesson) {
    char text[64];
    snprintf(text, sizeof text, "training is stopped after step %d", lesson->steps_done);
    say_heading(term, "ONE BACKWARD STEP, BY HAND", text);
    bool knows_values_only = lesson->marks.present > 0.8 && lesson->marks.right < 0.3;
    say_text(term,
             "The same question; its loss is %.3f now. Of the head's answers to fresh questions %.0f %% are one of "
             "the six values that are there, and %.0f %% are the right one%s",
             lesson->hand.loss, 100 * lesson->marks.present, 100 * lesson->marks.right,
             knows_values_only ? ": it knows what to say, and not yet where to look." : ".");
    say_text(term,
             "What would lower the loss? Go back from it, quantity by quantity. {g|dz} is short for the gradient of "
             "the loss with respect to z.");
}

static void show_output(const terminal *term, const backward_lesson *lesson) {
    const inside *x = &lesson->hand;
    int answer = lesson->question.value[lesson->question.asked];
    say(term, "  {g|dlogits} = the chances, less 1 at the right value:  %.3f - 1 = %.3f at {v|%c}\n", x->chance[answer],
        x->dlogit[answer], right_value(&lesson->question));
    say(term, "  {g|dz} = {g|dlogits} W^Oᵀ = ");
    say_vector(term, INK_GRADIENT, x->dz, 2);
    say(term, "\n\n");
}

/* Where the step moves a score: against its gradient. */
static void show_pull(const terminal *term, double ds, double largest) {
    enum { LEFT = 8, RIGHT = 12 };
    int length = largest > 0 ? (int)lround(RIGHT * fabs(ds) / largest) : 0, left = length < LEFT ? length : LEFT;
    say(term, "%*s", ds > 0 ? LEFT - left : LEFT, "");
    for (int i = 0; i < left && ds > 0; i++)
        ink_print(term, INK_BAD, "◂");
    say(term, "{d|│}");
    for (int i = 0; i < length && ds < 0; i++)
        ink_print(term, INK_GOOD, "▸");
}

static void show_scores(const terminal *term, const backward_lesson *lesson) {
    const inside *x = &lesson->hand;
    double largest = 0, mean = 0, sum = 0;
    for (int j = 0; j < GLASS_PAIRS; j++) {
        largest = fmax(largest, fabs(x->ds[j]));
        mean += x->a[j] * x->da[j];
        sum += x->ds[j];
    }
    say(term, "  pair  weight   its value     its score\n"
              "        a_j      {g|da_j} = {g|dz}·{v|v_j}  {g|ds_j} = a_j (da_j - Σ a·da)/√64   the score goes\n");
    for (int j = 0; j < GLASS_PAIRS; j++) {
        say(term, "   ");
        say_pair(term, &lesson->question, j);
        say(term, "  %6.3f   {g|%9.3f}      {g|%9.5f}             ", x->a[j], x->da[j], x->ds[j]);
        show_pull(term, x->ds[j], largest);
        say(term, "\n");
    }
    say(term, "  {d|Σ a·da       %9.3f Σ ds %9.5f}\n\n", mean, fabs(sum) < 5e-6 ? 0.0 : sum);
    say_text(term,
             "Where da_j is below the average Σ a·da, more of that value would lower the loss. The step goes against "
             "the gradient, so that key is pulled up; and as the ds_j sum to zero, the others pay for it.");
}

static void show_vectors(const terminal *term, const backward_lesson *lesson) {
    const inside *x = &lesson->hand;
    int asked = lesson->question.asked;
    say(term, "  {g|dq}   = Σ ds_j {k|k_j}  = ");
    say_vector(term, INK_GRADIENT, x->dq, 4);
    say(term, "\n  {g|dk_j} = ds_j {q|q}      = ");
    say_vector(term, INK_GRADIENT, x->dk[asked], 4);
    say(term, "  for ");
    say_pair(term, &lesson->question, asked);
    say(term, "\n  {g|dv_j} = a_j {g|dz}      = ");
    say_vector(term, INK_GRADIENT, x->dv[asked], 4);
    say(term, "  for ");
    say_pair(term, &lesson->question, asked);
    say(term, "\n\n");
    say_text(term,
             "So the query moves towards the keys that are pulled up and away from the others, those keys towards "
             "the query and the others away, and every value, as far as it is looked at, to where z should have "
             "been.");
}

/* Lengths of the 32 rows of a gradient, as cells below the rows' names. */
static void show_rows(const terminal *term, ink colour, const char *name, double (*dw)[GLASS_D_K]) {
    double length[GLASS_D_MODEL], largest = 0;
    for (int i = 0; i < GLASS_D_MODEL; i++)
        largest = fmax(largest, length[i] = glass_norm(dw[i], GLASS_D_K));
    ink_print(term, colour, "  %s  ", name);
    for (int i = 0; i < GLASS_D_MODEL; i++)
        cell_share(term, largest > 0 ? length[i] / largest : 0, 2);
    say(term, "  %.3f\n", largest);
}

static void show_weights(const terminal *term, backward_lesson *lesson) {
    inside *x = &lesson->hand;
    char asked = asked_key(&lesson->question);
    say_text(term,
             "{q|dW^Q}~=~{q|xᵀ}~{g|dq} is an outer product; as x is a 1 at %c and zeros, one of its 32 rows is not "
             "zero: row %c, and that is {g|dq}. {k|dW^K}~=~Σ~{k|x_jᵀ}~{g|dk_j} and {v|dW^V}~=~Σ~{v|x_jᵀ}~{g|dv_j} "
             "fill two rows a pair, its key's and its value's. Length of each row, the longest in figures:",
             asked, asked);
    say(term, "        ");
    for (int i = 0; i < GLASS_KEYS; i++)
        ink_print(term, INK_KEY, "%c ", key_name(i));
    for (int i = 0; i < GLASS_VALUES; i++)
        ink_print(term, INK_VALUE, "%c ", value_name(i));
    say(term, "\n");
    show_rows(term, INK_QUERY, "dW^Q", x->dw.q);
    show_rows(term, INK_KEY, "dW^K", x->dw.k);
    show_rows(term, INK_VALUE, "dW^V", x->dw.v);
    say(term, "\n");
    say_text(term, "{d|(Heed stores w_q, w_k, w_v transposed, (d_k, d_model): 64 x 32.)}");
}

/* The gradients among the quantities compared. */
static int gradients_compared(const backward_lesson *lesson, inside_difference out[INSIDE_COMPARED]) {
    inside_difference all[INSIDE_COMPARED];
    inside_compare(&lesson->engine, &lesson->hand, all);
    int count = 0;
    for (int i = 0; i < INSIDE_COMPARED; i++)
        if (all[i].name[0] == 'd')
            out[count++] = all[i];
    return count;
}

static void show_check(const terminal *term, const backward_lesson *lesson) {
    inside_difference gradient[INSIDE_COMPARED];
    int count = gradients_compared(lesson, gradient), numbers = 0;
    double worst = 0;
    say(term, "  Did the engine do the same? heed_backward on this question, number by number:\n\n         ");
    for (int i = 0; i < count; i++)
        say(term, "{g|%7s}", gradient[i].name);
    say(term, "\n  numbers");
    for (int i = 0; i < count; i++) {
        say(term, "%7d", gradient[i].count);
        numbers += gradient[i].count;
    }
    say(term, "\n  differ ");
    for (int i = 0; i < count; i++) {
        say(term, "%7.0e", gradient[i].difference);
        worst = worst >= gradient[i].difference ? worst : gradient[i].difference;
    }
    say(term, "\n\n");
    say_text(term, "Of %d numbers none differs by more than {b|%.1e}: %s.", numbers, worst,
             worst < 1e-5 ? "the rounding of f32" : "that is more than rounding, and wrong");
}

void show_backward(const terminal *term, backward_lesson *lesson) {
    show_where_we_are(term, lesson);
    show_output(term, lesson);
    show_scores(term, lesson);
    show_vectors(term, lesson);
    show_weights(term, lesson);
    show_check(term, lesson);
    say_text(term,
             "The step is W := W - dW for all four matrices (the learning rate is 1). Taken on this question alone "
             "it brings the loss from {b|%.3f} to {+|%.3f}.",
             lesson->hand.loss, lesson->loss_after);
}
