/* Positions left out, and the input shuffled. */
#include "lesson.h"
#include "places.h"

enum { NONE, ADDED, WAYS, USUAL_STEPS = 200 };
static const char *const way_names[WAYS] = {"no places", "places added"};

/* ---- the law ---- */

static heed_status shuffle_all(classroom *c, shuffle s[WAYS]) {
    heed_status status = HEED_OK;
    for (int way = 0; way < WAYS && !status; way++)
        status = places_shuffle(c->t, way == ADDED, (uint64_t)c->o.seed, &s[way]);
    return status ? classroom_tape_failed(c, status) : HEED_OK;
}

static void print_order(const terminal *term, const char *name, const int *order) {
    say(term, "    %-10s", name);
    for (int i = 0; i < PLACES_TOKENS; i++)
        say(term, " {k|x%d}", order ? order[i] : i);
    fputc('\n', term->out);
}

/* The first place that has another token than before. */
static int first_moved(const int *order) {
    int at = 0;
    while (at < PLACES_TOKENS - 1 && order[at] == at)
        at++;
    return at;
}

static void show_law(const terminal *term, const shuffle s[WAYS]) {
    say_heading(term, "PLACES", "queries and keys know nothing of where a token stands");
    say_text(term,
             "A {q|query} meets every {k|key}, and the weighted {v|values} are summed up: a sum has no order. So if "
             "the input is shuffled, the outputs are the same ones, shuffled alike: attention(P x) = P attention(x). "
             "%d random tokens of %d numbers, %d heads:",
             PLACES_TOKENS, PLACES_D_MODEL, PLACES_HEADS);
    print_order(term, "in order", NULL);
    print_order(term, "shuffled", s[NONE].order);
    say(term, "\n  largest difference of            outputs     their mean     typical output\n");
    for (int way = 0; way < WAYS; way++)
        say(term, "    %-24s %12.1e  %12.1e  %12.2f\n", way_names[way], s[way].apart, s[way].pooled, s[way].typical);
    fputc('\n', term->out);
    int moved = first_moved(s[NONE].order);
    say_text(term,
             "Without places what is left is rounding: the same terms are added in another order. With positions added "
             "to the tokens beforehand, x%d on place %d is another vector than x%d on place %d.",
             s[NONE].order[moved], moved, s[NONE].order[moved], s[NONE].order[moved]);
}

/* ---- which came first ---- */

typedef struct trained {
    double loss;
    first_mark mark;
} trained;

static heed_status train(classroom *c, int way, trained *tr) {
    first f;
    heed_status status = first_init(&f, way == ADDED, (uint64_t)c->o.seed);
    if (status)
        heed_error_set(&c->error, status, "%s", heed_model_error_text(f.model));
    else
        status = first_train(&f, classroom_steps(c, USUAL_STEPS), c->o.seed, c->o.threads, &tr->loss, &c->error);
    if (!status && (status = first_examine(&f, c->t, &tr->mark)) != HEED_OK)
        classroom_tape_failed(c, status);
    first_free(&f);
    return status;
}

static void print_question(const terminal *term, uint64_t index) {
    int32_t row[FIRST_TOKENS];
    int a_first = first_draw(0, index, row);
    say(term, "    ");
    for (int i = 0; i < FIRST_TOKENS; i++)
        say(term, row[i] == FIRST_A || row[i] == FIRST_B ? "{b|%c} " : "{d|%c} ", 'a' + row[i]);
    say(term, "   %c\n", a_first ? 'a' : 'b');
}

static void introduce_question(const classroom *c) {
    say_text(&c->term, "Whoever cannot tell where tokens stand cannot answer this: which came first, a or b?");
    for (uint64_t i = 0; i < 3; i++)
        print_question(&c->term, i);
    fputc('\n', c->term.out);
    say_text(&c->term,
             "An encoder of two layers, %lld steps, the mean over its tokens as the answer. Asked are %d rows, and "
             "each once more with a and b in each other's place, whose answer is the opposite:",
             (long long)classroom_steps(c, USUAL_STEPS), FIRST_EXAM);
    fflush(stdout);
}

static void show_answers(const terminal *term, const trained tr[WAYS]) {
    say(term, "                      loss      right    largest difference of row and mirror\n");
    for (int way = 0; way < WAYS; way++) {
        say(term, "    %-14s %8.4f   ", way_names[way], tr[way].loss);
        ink_print(term, way == ADDED ? INK_GOOD : INK_BAD, "%5.1f %%", 100.0 * tr[way].mark.right / tr[way].mark.asked);
        say(term, "    %.1e\n", tr[way].mark.apart);
    }
    fputc('\n', term->out);
    say_text(term, "Without places the two rows of a pair are the same set of letters: the same logits, one answer, "
                   "right for one of the two. No training helps; ln 2 = 0.693 is the loss of guessing.");
}

heed_status lesson_places(classroom *c) {
    shuffle s[WAYS];
    trained tr[WAYS];
    heed_status status = shuffle_all(c, s);
    if (!status && !c->o.quiet) {
        show_law(&c->term, s);
        introduce_question(c);
    }
    for (int way = 0; way < WAYS && !status; way++)
        status = train(c, way, &tr[way]);
    if (status)
        return status;
    if (!c->o.quiet)
        show_answers(&c->term, tr);
    say(&c->term, "places: shuffled {b|%.1e} apart, with places {b|%.1e}; order told {b|%.1f %%}, {b|%.1f %%}\n",
        s[NONE].apart, s[ADDED].apart, 100.0 * tr[NONE].mark.right / tr[NONE].mark.asked,
        100.0 * tr[ADDED].mark.right / tr[ADDED].mark.asked);
    return HEED_OK;
}
