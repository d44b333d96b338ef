/* Reading a rule's text, and making mutants of it.
 *
 * Text is read as clang-format lays it out: an operator of two operands has a space on both sides, and a sign or a
 * pointer's star has not. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rule.h"

/* ---- what stands where ---- */

bool inside(const rule *r, int i) {
    return i >= r->n->first && i < r->n->last;
}

bool is(const rule *r, int i, const char *text) {
    return inside(r, i) && token_is(r->s, i, text);
}

bool is_one_of(const rule *r, int i, const char *const *texts) {
    for (; *texts; texts++)
        if (is(r, i, *texts))
            return true;
    return false;
}

int begin_of(const rule *r, int i) {
    return r->s->tokens[i].at;
}

int end_of(const rule *r, int i) {
    return r->s->tokens[i].at + r->s->tokens[i].length;
}

static bool space_before(const rule *r, int i) {
    return isspace((unsigned char)r->s->text[begin_of(r, i) - 1]);
}

bool space_behind(const rule *r, int i) {
    return isspace((unsigned char)r->s->text[end_of(r, i)]);
}

static int precedence(const rule *r, int i) {
    static const char *const levels[][5] = {
        {"||"},       {"&&"},     {"|"},          {"^"}, {"&"}, {"==", "!="}, {"<", ">", "<=", ">="},
        {"<<", ">>"}, {"+", "-"}, {"*", "/", "%"}};
    for (int level = 0; level < 10; level++)
        if (is_one_of(r, i, levels[level]))
            return level + 1;
    return 0;
}

int binary(const rule *r, int i) {
    if (!inside(r, i) || r->s->tokens[i].kind != MARK || !space_before(r, i) || !space_behind(r, i))
        return 0;
    return i > r->n->first && r->s->tokens[i - 1].directive == r->s->tokens[i].directive ? precedence(r, i) : 0;
}

bool assigns(const rule *r, int i) {
    return is_one_of(r, i, (const char *const[]){"=", "+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", NULL});
}

static bool ends_expression(const rule *r, int i) {
    return !inside(r, i) || assigns(r, i) || is_one_of(r, i, (const char *const[]){",", ";", "?", ":", "return", NULL});
}

int right_end(const rule *r, int i, int level) {
    for (int j = i + 1;; j++) {
        if (ends_expression(r, j) || is_one_of(r, j, (const char *const[]){")", "]", "}", NULL}))
            return j - 1;
        const int b = binary(r, j);
        if (b && b <= level)
            return j - 1;
        if (is_one_of(r, j, (const char *const[]){"(", "[", "{", NULL}))
            j = token_partner(r->s, j);
    }
}

int left_begin(const rule *r, int i, int level) {
    for (int j = i - 1;; j--) {
        if (ends_expression(r, j) || is_one_of(r, j, (const char *const[]){"(", "[", "{", NULL}))
            return j + 1;
        const int b = binary(r, j);
        if (b && b < level)
            return j + 1;
        if (is_one_of(r, j, (const char *const[]){")", "]", "}", NULL}))
            j = token_partner(r->s, j);
    }
}

int expression_end(const rule *r, int i) {
    while (inside(r, i) && !is_one_of(r, i, (const char *const[]){",", ";", ")", "]", "}", NULL}))
        i = is_one_of(r, i, (const char *const[]){"(", "[", "{", NULL}) ? token_partner(r->s, i) + 1 : i + 1;
    return i;
}

bool has_word(const rule *r, int first, int last, const char *word) {
    for (int i = first; i <= last; i++)
        if (is(r, i, word))
            return true;
    return false;
}

/* ---- making mutants ---- */

static bool made_before(const rule *r, const mutant *m) {
    for (int i = *r->n_mutants - 1; i >= 0 && (*r->mutants)[i].place == m->place; i--) {
        const mutant *other = &(*r->mutants)[i];
        if (other->at == m->at && other->length == m->length && strcmp(other->with, m->with) == 0)
            return true;
    }
    return false;
}

void make(rule *r, const char *mistake, int from, int to, const char *format, ...) {
    char with[2000];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(with, sizeof with, format, arguments);
    va_end(arguments);
    if (n < 0 || n > (int)sizeof with - 100)
        return;
    int lines = 0;
    for (int i = from; i < to; i++)
        lines += r->s->text[i] == '\n';
    for (int i = 0; i < n; i++)
        lines -= with[i] == '\n';
    for (; lines > 0 && r->n->kind == FUNCTION; lines--)
        with[n++] = '\n';
    with[n] = '\0';
    mutant m = {r->place, mistake, from, to - from, slice(with, n)};
    if (made_before(r, &m))
        return;
    *r->mutants = grow(*r->mutants, *r->n_mutants, sizeof **r->mutants);
    (*r->mutants)[(*r->n_mutants)++] = m;
}

char *span(const rule *r, int first, int last) {
    return slice(r->s->text + begin_of(r, first), end_of(r, last) - begin_of(r, first));
}

/* ---- what is spared, and what is a place ---- */

/* Marks what says where something lies: between [ and ], behind a pointer's cast, and declarations of whole numbers. Of
 * such places one mistake in a term is as good as another: most read what is not theirs. */
static void mark_places(rule *r) {
    const node *n = r->n;
    for (int i = n->first; i < n->last; i++) {
        const bool cast = is(r, i, ")") && is(r, i - 1, "*") && !binary(r, i - 1);
        const bool counts =
            is_one_of(r, i, (const char *const[]){"int64_t", "size_t", "int", NULL}) && !is(r, i + 1, ")");
        int end = i;
        if (is(r, i, "["))
            end = token_partner(r->s, i);
        else if (cast)
            end = expression_end(r, i + 1);
        else if (counts && !r->heading[i - n->first])
            while (inside(r, end) && !is(r, end, ";"))
                end++;
        for (int j = i; j < end; j++)
            r->places[j - n->first] = true;
    }
}

/* The last token of the statement that begins at i. */
static int statement_end(const rule *r, int i) {
    if (is_one_of(r, i, (const char *const[]){"if", "for", "while", NULL}) && is(r, i + 1, "("))
        return statement_end(r, token_partner(r->s, i + 1) + 1);
    if (is(r, i, "{"))
        return token_partner(r->s, i);
    while (inside(r, i) && !is(r, i, ";"))
        i = is_one_of(r, i, (const char *const[]){"(", "[", "{", NULL}) ? token_partner(r->s, i) + 1 : i + 1;
    return i;
}

static bool begins_line(const rule *r, int i) {
    return i == r->n->first || is_one_of(r, i - 1, (const char *const[]){";", "{", "}", "else", NULL});
}

/* Whether tokens first .. last speak of NaN and inf. */
static bool speaks_of_bad(const rule *r, int first, int last) {
    for (int i = first; i <= last; i++) {
        char *name = token_text(r->s, i);
        const bool bad = strstr(name, "bad") || strcmp(name, "INFINITY") == 0 || strcmp(name, "hidden") == 0;
        free(name);
        if (bad)
            return true;
    }
    return false;
}

/* Marks steps that look for NaN and inf, and conditions that pick a loop for the steps through memory. */
static void mark_bad(rule *r) {
    const node *n = r->n;
    for (int i = n->first; i < n->last && n->kind == FUNCTION; i++) {
        const bool heads = is_one_of(r, i, (const char *const[]){"if", "for", "while", NULL}) && is(r, i + 1, "(");
        const int close = heads ? token_partner(r->s, i + 1) : i, end = statement_end(r, i);
        const bool picks = is(r, i, "if") && (has_word(r, i, close, "step") || has_word(r, i, close, "anomaly"));
        const bool bad = heads ? speaks_of_bad(r, i, close) : begins_line(r, i) && speaks_of_bad(r, i, end);
        for (int j = i; j <= (bad ? end : close) && (bad || picks); j++)
            r->spared[j - n->first] = true;
    }
}

/* Marks the brackets behind every for, and how heed_parallel is to share work out. */
void rule_mark(rule *r) {
    const node *n = r->n;
    r->heading = take((size_t)(n->last - n->first + 1));
    r->spared = take((size_t)(n->last - n->first + 1));
    r->places = take((size_t)(n->last - n->first + 1));
    for (int i = n->first; i < n->last; i++) {
        if (is(r, i, "for") && is(r, i + 1, "("))
            for (int j = i + 1; j <= token_partner(r->s, i + 1); j++)
                r->heading[j - n->first] = true;
        const bool simple = is(r, i, "heed_parallel"), plain = is(r, i, "heed_parallel_for");
        if ((!simple && !plain) || !is(r, i + 1, "("))
            continue;
        const int close = token_partner(r->s, i + 1);
        for (int argument = 0, j = i + 2; j < close; argument++) {
            const int end = expression_end(r, j);
            for (int k = j; k <= end && (argument == 2 || (plain && argument == 0)); k++)
                r->spared[k - n->first] = true;
            j = end + 1;
        }
    }
    mark_places(r);
    mark_bad(r);
}
