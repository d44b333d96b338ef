/* The mistakes: each operator looks at one token of a rule and says what a mistake would make of the text around it. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rule.h"

static void flip_sign(rule *r, int i) {
    const char *mistake = "flip a sign";
    if (r->places[i - r->n->first])
        return;
    if (is(r, i, "+") && binary(r, i))
        make(r, mistake, begin_of(r, i), end_of(r, i), "-");
    else if (is(r, i, "-") && binary(r, i))
        make(r, mistake, begin_of(r, i), end_of(r, i), "+");
    else if (is(r, i, "-") && !space_behind(r, i))
        make(r, mistake, begin_of(r, i), end_of(r, i), "%s", "");
    else if (is(r, i, "+=") || is(r, i, "-="))
        make(r, mistake, begin_of(r, i), end_of(r, i), is(r, i, "+=") ? "-=" : "+=");
}

static void forget_to_add(rule *r, int i) {
    if (is(r, i, "+=") || is(r, i, "-=") || is(r, i, "*="))
        make(r, "= for +=", begin_of(r, i), end_of(r, i), "=");
}

static void drop_operand(rule *r, int i) {
    const int level = binary(r, i);
    const char *mistake = is(r, i, "*") || is(r, i, "/")     ? "wrong scale"
                          : is(r, i, "+") || is(r, i, "-")   ? "drop a term"
                          : is(r, i, "&&") || is(r, i, "||") ? "skip a condition"
                                                             : NULL;
    if (level == 0 || mistake == NULL)
        return;
    make(r, mistake, end_of(r, i - 1), end_of(r, right_end(r, i, level)), "%s", "");
    if (!is(r, i, "-") && !is(r, i, "/") && !r->places[i - r->n->first])
        make(r, mistake, begin_of(r, left_begin(r, i, level)), begin_of(r, i + 1), "%s", "");
}

static void swap_operands(rule *r, int i) {
    const int level = binary(r, i);
    if (level == 0 || !(is(r, i, "-") || is(r, i, "/")) || r->places[i - r->n->first])
        return;
    const int first = left_begin(r, i, level), last = right_end(r, i, level);
    make(r, "swap operands", begin_of(r, first), end_of(r, last), "%s %s (%s)", span(r, i + 1, last),
         is(r, i, "-") ? "-" : "/", span(r, first, i - 1));
}

static void miss_an_end(rule *r, int i) {
    if (!r->heading[i - r->n->first])
        return;
    if (is(r, i, "<") && binary(r, i))
        make(r, "off by one at a tail", begin_of(r, i), end_of(r, i), "+ 1 <");
    if (is(r, i, "=") && !is(r, i - 1, "]"))
        make(r, "off by one at a start", begin_of(r, i), end_of(r, i), "= 1 +");
}

/* A result that is stored or returned: the expression behind `=` into an element, or behind return. */
static void spoil_result(rule *r, int i) {
    const bool stored = is(r, i, "=") && is(r, i - 1, "]") && !is(r, i + 1, "{") && !r->heading[i - r->n->first];
    const bool returned = is(r, i, "return") && !is(r, i + 1, ";") &&
                          (token_is(r->s, r->n->head + 1, "REAL") || token_is(r->s, r->n->head + 1, "double") ||
                           token_is(r->s, r->n->head + 2, "float"));
    if (!stored && !returned)
        return;
    const int last = expression_end(r, i + 1) - 1;
    if (last <= i)
        return;
    make(r, "flip a sign", begin_of(r, i + 1), end_of(r, last), "-(%s)", span(r, i + 1, last));
    make(r, "wrong scale", begin_of(r, i + 1), end_of(r, last), "2 * (%s)", span(r, i + 1, last));
}

static void spoil_formula(rule *r, int i) {
    if (r->n->kind != MACRO || i != r->n->first || r->n->last - r->n->first < 2)
        return;
    const int last = r->n->last - 1;
    make(r, "flip a sign", begin_of(r, i), end_of(r, last), "(-%s)", span(r, i, last));
    make(r, "wrong scale", begin_of(r, i), end_of(r, last), "(2 * %s)", span(r, i, last));
}

/* if (call->dx[0]): whether anybody wants that gradient. Where it is an op's only one, somebody does. */
static bool asks_for_wishes(const rule *r, int first, int last) {
    for (int i = first; i <= last; i++)
        if (binary(r, i))
            return false;
    return has_word(r, first, last, "dx");
}

static void skip_condition(rule *r, int i) {
    const char *mistake = "skip a condition";
    if (is(r, i, "if") && is(r, i + 1, "(")) {
        const int close = token_partner(r->s, i + 1);
        if (!asks_for_wishes(r, i + 2, close - 1))
            make(r, mistake, end_of(r, i + 1), begin_of(r, close), "1");
        make(r, mistake, end_of(r, i + 1), begin_of(r, close), "0");
    }
    if (!is(r, i, "?"))
        return;
    int depth = 0, colon = i + 1;
    for (; inside(r, colon) && !(is(r, colon, ":") && depth == 0); colon++) {
        depth += is(r, colon, "?") ? 1 : is(r, colon, ":") ? -1 : 0;
        if (is_one_of(r, colon, (const char *const[]){"(", "[", "{", NULL}))
            colon = token_partner(r->s, colon);
    }
    if (!inside(r, colon))
        return;
    const int first = left_begin(r, i, 1);
    int last = colon; /* the else part goes on over a further ?: */
    do
        last = right_end(r, last, 0);
    while ((is(r, last + 1, "?") || is(r, last + 1, ":")) && inside(r, ++last));
    make(r, mistake, begin_of(r, first), end_of(r, last), "%s", span(r, i + 1, colon - 1));
    make(r, mistake, begin_of(r, first), end_of(r, last), "%s", span(r, colon + 1, last));
}

/* Whether a statement that is no declaration and no jump begins at i. */
static bool begins_statement(const rule *r, int i) {
    const bool fresh = i == r->n->first || is_one_of(r, i - 1, (const char *const[]){";", "{", "}", "else", NULL});
    bool under = false;
    if (is(r, i - 1, ")")) {
        const int before = token_partner(r->s, i - 1) - 1;
        under = is_one_of(r, before, (const char *const[]){"if", "for", "while", NULL});
    }
    if ((!fresh && !under) || r->heading[i - r->n->first] || r->n->kind == MACRO)
        return false;
    return (r->s->tokens[i].kind == WORD || is(r, i, "*") || is(r, i, "(")) &&
           !is_one_of(r, i,
                      (const char *const[]){"return", "break", "continue", "if", "for", "while", "do", "else", "const",
                                            "enum", "static", NULL});
}

/* type name, type *name, TYPED(type) name */
static bool declares(const rule *r, int i) {
    if (is(r, i, "TYPED") && is(r, i + 1, "("))
        i = token_partner(r->s, i + 1);
    else if (r->s->tokens[i].kind != WORD)
        return false;
    const int name = i + 1 + (is(r, i + 1, "*") && !binary(r, i + 1));
    return r->s->tokens[name].kind == WORD;
}

static void leave_out(rule *r, int i) {
    if (!begins_statement(r, i) || declares(r, i))
        return;
    int end = i;
    while (inside(r, end) && !is(r, end, ";"))
        end = is_one_of(r, end, (const char *const[]){"(", "[", "{", NULL}) ? token_partner(r->s, end) + 1 : end + 1;
    if (is(r, end, ";"))
        make(r, "leave out a step", begin_of(r, i), begin_of(r, end), "%s", "");
}

/* The names that may be taken for each other: arrays of REAL, declared as *name or *restrict name, and a macro's
 * parameters. */
static int names_alike(const rule *r, char **names, int most) {
    const source *s = r->s;
    int n = 0;
    if (r->n->kind == MACRO) {
        for (int j = r->n->head + 2; j < r->n->first - 1 && n < most; j++)
            if (s->tokens[j].kind == WORD)
                names[n++] = token_text(s, j);
        return n;
    }
    bool real = false; /* the declaration that goes on is of REAL */
    for (int j = r->n->head; j < r->n->last && n < most; j++) {
        const int name = j + 1 + token_is(s, j + 1, "restrict");
        if (token_is(s, j, ";") || token_is(s, j, "{"))
            real = false;
        if (!token_is(s, j, "*") || (inside(r, j) && binary(r, j)) || s->tokens[name].kind != WORD)
            continue;
        if (s->tokens[j - 1].kind == WORD)
            real = token_is(s, j - 1, "REAL");
        if (real && (s->tokens[j - 1].kind == WORD || token_is(s, j - 1, ",")))
            names[n++] = token_text(s, name);
    }
    return n;
}

static void take_another(rule *r, int i) {
    enum { MOST = 16 };
    char *names[MOST];
    if (r->s->tokens[i].kind != WORD || is(r, i - 1, ".") || is(r, i - 1, "->") || is(r, i + 1, "("))
        return;
    const int n = names_alike(r, names, MOST);
    for (int k = 0; k < n; k++) {
        const char *other = names[(k + 1) % n];
        if (is(r, i, names[k]) && strcmp(other, names[k]) != 0 && !is(r, i + 1, "=")) {
            make(r, "wrong tensor", begin_of(r, i), end_of(r, i), "%s", other);
            return;
        }
    }
}

/* in[X] for in[GAIN], dx[0] for dx[1]. */
static void take_another_input(rule *r, int i) {
    static const char *const arrays[] = {"in", "out", "dx", "dy", "accumulate", NULL};
    if (!is(r, i, "[") || !is(r, i + 2, "]") || !is_one_of(r, i - 1, arrays) ||
        !(is(r, i - 2, "->") || is(r, i - 2, ".")))
        return;
    if (is(r, i - 1, "dx") && is(r, i + 3, ")")) /* if (call->dx[0]) */
        return;
    if (r->s->tokens[i + 1].kind == NUMBER) {
        make(r, "wrong tensor", begin_of(r, i + 1), end_of(r, i + 1), is(r, i + 1, "0") ? "1" : "0");
        return;
    }
    char *mine = token_text(r->s, i + 1);
    if (!isupper((unsigned char)mine[0]))
        return;
    for (int j = r->n->first; j + 2 < r->n->last; j++) { /* the next other one that the rule names */
        const int k = r->n->first + (j - r->n->first + i + 2 - r->n->first) % (r->n->last - r->n->first - 2);
        if (is(r, k, "[") && is(r, k + 2, "]") && r->s->tokens[k + 1].kind == WORD && !is(r, k + 1, mine) &&
            isupper((unsigned char)r->s->text[begin_of(r, k + 1)])) {
            make(r, "wrong tensor", begin_of(r, i + 1), end_of(r, i + 1), "%s", span(r, k + 1, k + 1));
            return;
        }
    }
}

static void take_another_member(rule *r, int i) {
    static const char *const circles[][4] = {/* each is taken for the one behind it */
                                             {"dq", "dk", "dv"},
                                             {"q", "k", "v"},
                                             {"mean", "r"},
                                             {"max", "inverse_sum"},
                                             {"weights", "gradient"},
                                             {"d_k", "d_v"},
                                             {"rows", "keys"},
                                             {"batch", "heads", "kv_heads"},
                                             {"a", "b"},
                                             {"outer", "inner"}};
    if (!is(r, i - 1, ".") && !is(r, i - 1, "->"))
        return;
    for (size_t c = 0; c < sizeof circles / sizeof *circles; c++)
        for (int k = 0; k < 4 && circles[c][k]; k++)
            if (is(r, i, circles[c][k]))
                make(r, "wrong tensor", begin_of(r, i), end_of(r, i), "%s",
                     k + 1 < 4 && circles[c][k + 1] ? circles[c][k + 1] : circles[c][0]);
}

/* x for xᵀ: TYPED(transposed)(x), and steps of rows for those of columns. */
static void transpose(rule *r, int i) {
    if (is(r, i, "transposed") && is(r, i + 1, ")") && is(r, i + 2, "("))
        make(r, "transpose an operand", begin_of(r, i - 2), end_of(r, i + 1), "%s", "");
    if (!is(r, i - 1, ".") || r->s->tokens[i].kind != WORD || !is(r, i + 1, "="))
        return;
    char *name = token_text(r->s, i), other[64];
    const size_t n = strlen(name);
    if (n < 5 || n > 40 || strcmp(name + n - 4, "_row") != 0)
        return;
    snprintf(other, sizeof other, "%.*s_col", (int)n - 4, name);
    const int end = expression_end(r, i + 1);
    if (is(r, end, ",") && is(r, end + 1, ".") && is(r, end + 2, other))
        make(r, "transpose an operand", begin_of(r, i), end_of(r, end + 2), "%s %s, .%s", other,
             span(r, i + 1, end - 1), name);
}

/* Whether two arguments may well be taken for each other: names, or members of one thing. */
static bool look_alike(const rule *r, int first, int comma, int end) {
    const int n = comma - first;
    if (n != end - comma - 1 || n > 3 || r->s->tokens[first].kind != WORD || r->s->tokens[comma + 1].kind != WORD)
        return false;
    if (n == 1)
        return islower((unsigned char)r->s->text[begin_of(r, first)]) &&
               islower((unsigned char)r->s->text[begin_of(r, comma + 1)]);
    char *base = token_text(r->s, first), *mark = token_text(r->s, first + 1);
    return n == 3 && (strcmp(mark, ".") == 0 || strcmp(mark, "->") == 0) && is(r, comma + 1, base) &&
           is(r, comma + 2, mark);
}

static void swap_arguments(rule *r, int i) {
    static const char *const symmetric[] = {"heed_row_dot", "smaller", "larger", "memset", "sizeof", "if",
                                            "for",          "while",   "return", "TYPED",  "switch", NULL};
    const bool call = is(r, i, "(") && (r->s->tokens[i - 1].kind == WORD || (is(r, i - 1, ")") && is(r, i - 3, "(")));
    if (!call || is_one_of(r, i - 1, symmetric) || (is(r, i - 1, ")") && is_one_of(r, i - 2, symmetric)))
        return;
    const int close = token_partner(r->s, i);
    for (int first = i + 1; first < close;) {
        const int comma = expression_end(r, first);
        if (!is(r, comma, ","))
            return;
        const int end = expression_end(r, comma + 1);
        char *a = span(r, first, comma - 1), *b = span(r, comma + 1, end - 1);
        if (strcmp(a, b) != 0 && look_alike(r, first, comma, end))
            make(r, "swap operands", begin_of(r, first), end_of(r, end - 1), "%s, %s", b, a);
        first = comma + 1;
    }
}

static bool calculates(const rule *r, int i) {
    return binary(r, i) && is_one_of(r, i, (const char *const[]){"+", "-", "*", "/", NULL});
}

/* A factor or a term, or the whole of a value. */
static void wrong_number(rule *r, int i) {
    const bool whole = assigns(r, i - 1) || is_one_of(r, i - 1, (const char *const[]){"return", "?", ":", NULL});
    if (!calculates(r, i - 1) && !calculates(r, i + 1) && !whole)
        return;
    if (r->s->tokens[i].kind != NUMBER || is(r, i - 1, "[") || is(r, i + 1, "]") || is(r, i - 1, "{") ||
        r->heading[i - r->n->first] || r->places[i - r->n->first])
        return;
    make(r, "wrong scale", begin_of(r, i), end_of(r, i), "(%s + 1)", span(r, i, i));
}

typedef void operate(rule *r, int i);
static operate *const operators[] = {flip_sign,   forget_to_add,  drop_operand,       swap_operands,
                                     miss_an_end, spoil_result,   spoil_formula,      skip_condition,
                                     leave_out,   take_another,   take_another_input, take_another_member,
                                     transpose,   swap_arguments, wrong_number};

/* ---- all rules ---- */

static int in_order(const void *a, const void *b) {
    const mutant *x = a, *y = b;
    const int at = (x->at > y->at) - (x->at < y->at), length = (x->length > y->length) - (x->length < y->length);
    return at ? at : length ? length : strcmp(x->with, y->with);
}

mutant *operators_apply(const tree *t, const place *places, int n_places, int *n) {
    mutant *mutants = NULL;
    *n = 0;
    for (int p = 0; p < n_places; p++) {
        const node *of = &t->nodes[places[p].node];
        const int before = *n;
        rule r = {.s = &t->sources[of->source], .n = of, .place = p, .mutants = &mutants, .n_mutants = n};
        rule_mark(&r);
        for (int i = of->first; i < of->last; i++)
            for (size_t k = 0; k < sizeof operators / sizeof *operators; k++)
                if (!r.spared[i - of->first] && (of->kind == MACRO || r.s->tokens[i].directive == 0))
                    operators[k](&r, i);
        free(r.heading);
        free(r.spared);
        free(r.places);
        if (*n > before)
            qsort(mutants + before, (size_t)(*n - before), sizeof *mutants, in_order);
    }
    return mutants;
}

char *mutant_text(const source *s, const mutant *m) {
    const size_t with = strlen(m->with), behind = (size_t)(s->size - m->at - m->length);
    char *text = take((size_t)m->at + with + behind + 1);
    memcpy(text, s->text, (size_t)m->at);
    memcpy(text + m->at, m->with, with);
    memcpy(text + (size_t)m->at + with, s->text + m->at + m->length, behind);
    return text;
}

void mutant_lines(const source *s, const mutant *m, char **before, char **after) {
    source changed = {.text = mutant_text(s, m)};
    changed.size = (int)strlen(changed.text);
    *before = source_lines(s, m->at, m->at + m->length);
    *after = source_lines(&changed, m->at, m->at + (int)strlen(m->with));
    free(changed.text);
}
