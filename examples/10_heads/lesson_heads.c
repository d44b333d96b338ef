/* One head against many that have, together, as many parameters. */
#include "lesson.h"

#include <math.h>

static void introduce(const classroom *c) {
    const terminal *term = &c->term;
    say_heading(term, "HEADS", "one head, or four that together have as many parameters");
    say_text(term,
             "A head of attention is one look around: for each word, shares that sum up to one. Whoever needs two "
             "things at once, the noun for its gender and the adjective for its meaning, must blend them. So a "
             "transformer splits its %d numbers: one head compares {q|queries} and {k|keys} of d_k = %d, four heads "
             "those of d_k = %d, each with weights of its own. W^Q, W^K, W^V and W^O stay %d x %d; nothing is added.",
             READER_D_MODEL, READER_D_MODEL, READER_D_MODEL / READER_HEADS, READER_D_MODEL, READER_D_MODEL);
    say_text(term,
             "Both learn to translate English phrases into French, %lld steps of 64 from one seed; then %d sentences "
             "that neither has seen. A translation counts if every word is right.",
             (long long)classroom_steps(c, TRANSLATOR_STEPS), SENTENCES);
    fflush(stdout);
}

static double share(const mark *m) {
    return (double)m->exact / m->asked;
}

enum { BAR = 20 };

static void print_row(const terminal *term, int heads, int64_t parameters, const mark *m) {
    char number[GROUPED];
    say(term, "  %5d   %4d   %10s   %8.4f    %5.1f %%   ", heads, READER_D_MODEL / heads, grouped(parameters, number),
        m->loss, 100 * share(m));
    say_bar(term, INK_GOOD, share(m), BAR);
    fputc('\n', term->out);
}

/* Two standard errors of the difference of two shares. */
static double left_to_chance(const mark *one, const mark *many) {
    double p = share(one), q = share(many);
    return 2 * sqrt(p * (1 - p) / one->asked + q * (1 - q) / many->asked);
}

static void conclude(const terminal *term, const mark *one, const mark *many) {
    double more = share(many) - share(one), chance = left_to_chance(one, many);
    const char *said =
        "The difference is what so few sentences leave to chance: this run shows no advantage for either.";
    if (more > chance)
        said = "More than that: four looks of 16 numbers are worth more here than one of 64.";
    else if (more < -chance)
        said = "More than that, and the other way round: in this run one head did better.";
    if (one->exact + many->exact < one->asked / 5)
        said = "But neither has learned to translate yet, so it says little: give it more --steps.";
    say_text(term,
             "Four heads: {b|%+.1f points}, the loss %.2f times that of one. Two standard errors of such a difference "
             "are %.1f points. %s Another seed may differ (--seed).",
             100 * more, many->loss / one->loss, 100 * chance, said);
}

heed_status lesson_heads(classroom *c) {
    mark one;
    if (!c->o.quiet)
        introduce(c);
    reader *single = classroom_translator(c, 1, &one);
    if (single == NULL || classroom_need_many(c)) {
        reader_free(single);
        return c->error.status;
    }
    const int64_t sizes[] = {heed_model_trainable(single->model), heed_model_trainable(c->many->model)};
    reader_free(single);
    if (!c->o.quiet) {
        say(&c->term, "  heads    d_k   parameters       loss      exact\n");
        print_row(&c->term, 1, sizes[0], &one);
        print_row(&c->term, READER_HEADS, sizes[1], &c->many_mark);
        fputc('\n', c->term.out);
        conclude(&c->term, &one, &c->many_mark);
    }
    char number[2][GROUPED];
    say(&c->term, "heads: exact {b|%.1f %%} with 1, {b|%.1f %%} with %d; parameters %s and %s\n", 100 * share(&one),
        100 * share(&c->many_mark), READER_HEADS, grouped(sizes[0], number[0]), grouped(sizes[1], number[1]));
    return HEED_OK;
}
