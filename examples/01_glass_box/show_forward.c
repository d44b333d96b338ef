/* The task, and the six steps of attention. */
#include "show.h"

void show_task(const terminal *term, const glass_question *question) {
    char asked = asked_key(question), answer = right_value(question);
    say_heading(term, "THE GLASS BOX", "one attention head learns W^Q, W^K and W^V, in plain sight");
    say(term, "  Six pairs of a key and a value, then a question, which is a key alone:\n\n      ");
    for (int j = 0; j < GLASS_PAIRS; j++) {
        say_pair(term, question, j);
        say(term, "   ");
    }
    say(term, "   {q|%c} ?\n\n", asked);
    say_text(term,
             "The answer is the value that stands with {q|%c}: {v|%c}. There are 16 keys, a to p, and 16 values, 0 "
             "to 9 and A to F. Every context is drawn afresh.",
             asked, answer);
    say_text(term,
             "A token x is a row of 32 numbers, one for each key and each value: {k|%c}{v|%c} has a 1 at {k|%c}, a 1 "
             "at {v|%c}, and zeros elsewhere; the question has a single 1, at {q|%c}. So its product x~{q|W^Q} is "
             "simply row %c of {q|W^Q}: each row of the matrices belongs to a key or a value. {q|W^Q}, {k|W^K} and "
             "{v|W^V} are 32 x 64, W^O is 64 x 16. All four start as noise.",
             asked, answer, asked, answer, asked, asked);
}

/* Step 1. */
static void show_vectors(const terminal *term, const glass_question *question, const inside *x, bool explained) {
    say(term, "  {b|1}  Each token makes vectors of 64 numbers (the first three are shown)%s\n\n",
        explained ? ": the\n     question a {q|query}, what it looks for; each pair a {k|key}, what it is found by,\n"
                    "     and a {v|value}, what it tells."
                  : ".");
    say(term, "     {q|%c}   {q|q = x W^Q}  ", asked_key(question));
    say_vector(term, INK_QUERY, x->q, 2);
    say(term, "\n");
    for (int j = 0; j < GLASS_PAIRS; j++) {
        say(term, "     ");
        say_pair(term, question, j);
        say(term, j ? "             " : "  {k|k = x W^K}  ");
        say_vector(term, INK_KEY, x->k[j], 2);
        say(term, j ? "                " : "     {v|v = x W^V}  ");
        say_vector(term, INK_VALUE, x->v[j], 2);
        say(term, "\n");
    }
    say(term, "\n");
}

/* Steps 2 to 4. */
static void show_scores(const terminal *term, const glass_question *question, const inside *x) {
    say(term, "          {b|2} compare   {b|3} scale   {b|4} softmax: weights that sum to 1\n"
              "             {q|q} · {k|k}         / √64     a\n");
    for (int j = 0; j < GLASS_PAIRS; j++) {
        say(term, "     ");
        say_pair(term, question, j);
        say(term, "  %9.3f   %9.3f   %6.3f  ", x->dot[j], x->s[j], x->a[j]);
        say_bar(term, j == question->asked ? INK_GOOD : INK_PLAIN, x->a[j], 36);
        say(term, "\n");
    }
    say(term, "\n");
}

/* Steps 5 and 6. */
static void show_sum(const terminal *term, const glass_question *question, const inside *x) {
    say(term, "  {b|5}  Weigh each value by its weight, {b|6} and add up:\n\n     z = ");
    for (int j = 0; j < GLASS_PAIRS; j++) {
        say(term, "%s%.3f {v|v}(", j == 0 ? "" : j == 3 ? "\n       + " : " + ", x->a[j]);
        say_pair(term, question, j);
        say(term, ")");
    }
    say(term, "\n       = ");
    say_vector(term, INK_PLAIN, x->z, 2);
    say(term, "\n\n");
}

/* -1: of all; else of all but one. */
static int likeliest(const double *chance, int but) {
    int best = but == 0;
    for (int i = 0; i < GLASS_VALUES; i++)
        if (i != but && chance[i] > chance[best])
            best = i;
    return best;
}

static void show_chances(const terminal *term, const glass_question *question, const inside *x) {
    int answer = question->value[question->asked], best = likeliest(x->chance, -1), next = likeliest(x->chance, best);
    say(term, "  z W^O is one number, a logit, for each value; softmax makes chances of them:\n\n      ");
    for (int i = 0; i < GLASS_VALUES; i++)
        ink_print(term, i == answer ? INK_VALUE : INK_PLAIN, "%4c", value_name(i));
    say(term, "\n     %%");
    for (int i = 0; i < GLASS_VALUES; i++)
        ink_print(term, i == answer ? INK_VALUE : i == best ? INK_BOLD : INK_PLAIN, "%4.0f", 100 * x->chance[i]);
    say(term, "\n\n");
    say_text(term,
             "It says {b|%c} (logit %.2f; next comes %c with %.2f). Right is {v|%c}, and the loss is -log %.4f = "
             "{b|%.3f}.",
             value_name(best), x->logit[best], value_name(next), x->logit[next], value_name(answer), x->chance[answer],
             x->loss);
}

void show_six_steps(const terminal *term, const glass_question *question, const inside *x, bool explained) {
    show_vectors(term, question, x, explained);
    show_scores(term, question, x);
    show_sum(term, question, x);
    show_chances(term, question, x);
}

void show_enough(const terminal *term, const glass_question *question, const inside *x,
                 const glass_circuits *circuits) {
    int answer = question->value[question->asked];
    double weight = x->a[question->asked], entry = circuits->vo[answer][answer];
    if (likeliest(x->chance, -1) != answer)
        return;
    say_text(term,
             "A weight of %.2f does it: entry (%c, %c) of {v|W^V} W^O is %.1f, so {v|%c} gets %.2f~·~%.1f~=~%.1f of "
             "its logit of %.1f from there.",
             weight, value_name(answer), value_name(answer), entry, value_name(answer), weight, entry, weight * entry,
             x->logit[answer]);
}
