/* One token word by word. */
#include "lesson.h"
#include "words.h"

#include <math.h>

static const char *const names[WORDS_TOKENS] = {"the", "small", "red", "cat"};
enum { SHOWN = WORDS_TOKENS - 1 }; /* the token that is followed */

static void introduce(const terminal *term, const words *w) {
    say_heading(term, "WORDS", "one word by hand, with the formula's own loops, and by the layer");
    say_text(term,
             "Four words, each a vector of %d numbers; %d heads, so d_k = %d; matrices as they are drawn before any "
             "training. What does \"%s\" become? No matrix product here: sums, one word after another. A layer does "
             "the same for all words and heads at once.",
             WORDS_D_MODEL, WORDS_HEADS, WORDS_D_K, names[SHOWN]);
    for (int i = 0; i < WORDS_TOKENS; i++) {
        say(term, "    x %-6s", names[i]);
        for (int c = 0; c < WORDS_D_MODEL; c++)
            say(term, " %7.3f", (double)w->x[i][c]);
        fputc('\n', term->out);
    }
    fputc('\n', term->out);
}

static void print_vector(const terminal *term, const char *name, const char *word, ink colour, const double *v, int n) {
    say(term, "    %s %-6s", name, word);
    for (int c = 0; c < n; c++)
        ink_print(term, colour, " %7.3f", v[c]);
    fputc('\n', term->out);
}

/* Steps 1 to 5 of one head. */
static void show_head(const terminal *term, const words_steps *s, int h) {
    say(term, "  {b|head %d}\n", h);
    say(term, "  {d|1. projections: q = x W^Q of \"%s\"; k = x W^K, v = x W^V of every word}\n", names[SHOWN]);
    print_vector(term, "q", names[SHOWN], INK_QUERY, s->q[h], WORDS_D_K);
    for (int j = 0; j < WORDS_TOKENS; j++) {
        say(term, "    k %-6s", names[j]);
        for (int c = 0; c < WORDS_D_K; c++)
            ink_print(term, INK_KEY, " %7.3f", s->k[h][j][c]);
        say(term, "  v");
        for (int c = 0; c < WORDS_D_K; c++)
            ink_print(term, INK_VALUE, " %7.3f", s->v[h][j][c]);
        fputc('\n', term->out);
    }
    say(term, "  {d|2. score q·k       3. over √d_k = %.2g     4. softmax: weight}\n", sqrt(WORDS_D_K));
    for (int j = 0; j < WORDS_TOKENS; j++) {
        say(term, "    %-6s %8.4f       %8.4f            %6.4f  ", names[j], s->score[h][j], s->scaled[h][j],
            s->weight[h][j]);
        say_bar(term, INK_QUERY, s->weight[h][j], 20);
        fputc('\n', term->out);
    }
    say(term, "  {d|5. sum of weight times v}\n");
    print_vector(term, "z", "", INK_VALUE, s->z + h * WORDS_D_K, WORDS_D_K);
    fputc('\n', term->out);
}

static void show_output(const terminal *term, const words *w, const words_steps *s) {
    say(term, "  {d|6. both heads' z side by side, times W^O}\n");
    say(term, "    by hand  ");
    for (int c = 0; c < WORDS_D_MODEL; c++)
        say(term, " %7.3f", s->y[c]);
    say(term, "\n    by layer ");
    for (int c = 0; c < WORDS_D_MODEL; c++)
        say(term, " %7.3f", (double)w->y[SHOWN][c]);
    fputc('\n', term->out);
    fputc('\n', term->out);
}

static heed_status show(classroom *c, const words *w, double apart) {
    words_steps s;
    heed_status status = words_by_hand(w, SHOWN, &s);
    if (status)
        return heed_error_set(&c->error, status, "out of memory");
    introduce(&c->term, w);
    for (int h = 0; h < WORDS_HEADS; h++)
        show_head(&c->term, &s, h);
    show_output(&c->term, w, &s);
    say_text(&c->term,
             "The largest difference over the %d outputs of all %d words is {b|%.1e}: the layer works in float with 24 "
             "bits, the loops in double.",
             WORDS_TOKENS * WORDS_D_MODEL, WORDS_TOKENS, apart);
    return HEED_OK;
}

heed_status lesson_words(classroom *c) {
    words w;
    double apart = 0;
    heed_status status = words_init(&w, (uint64_t)c->o.seed, &c->error);
    if (!status && (status = words_apart(&w, &apart)) != HEED_OK)
        heed_error_set(&c->error, status, "out of memory");
    if (!status && !c->o.quiet)
        status = show(c, &w, apart);
    words_free(&w);
    if (!status)
        say(&c->term, "words: %d outputs of %d words by hand and by layer, largest difference {b|%.1e}\n",
            WORDS_TOKENS * WORDS_D_MODEL, WORDS_TOKENS, apart);
    return status;
}
