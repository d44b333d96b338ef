/* rule.h: a backward rule's text, token by token, for the operators that change it. */
#ifndef HEED_TESTS_MUTANTS_RULE_H
#define HEED_TESTS_MUTANTS_RULE_H

#include "mutants.h"

typedef struct rule {
    const source *s;
    const node *n;
    bool *heading; /* by token, from n->first on: inside of the brackets of a for */
    bool *spared;  /* the same: is not changed */
    bool *places;  /* the same: says where something lies, or how many there are */
    int place;
    mutant **mutants;
    int *n_mutants;
} rule;

/* Finds heading, spared and places. */
void rule_mark(rule *r);

bool inside(const rule *r, int i);
bool is(const rule *r, int i, const char *text);
bool is_one_of(const rule *r, int i, const char *const *texts);
bool has_word(const rule *r, int first, int last, const char *word);
/* Offsets of a token's begin and end in the text. */
int begin_of(const rule *r, int i);
int end_of(const rule *r, int i);
bool space_behind(const rule *r, int i);
/* The text of tokens first .. last. */
char *span(const rule *r, int first, int last);

/* The precedence of the operator of two operands at i, or 0. */
int binary(const rule *r, int i);
bool assigns(const rule *r, int i);
/* The last token of the operand behind, and the first of that before, an operator of that precedence at i. */
int right_end(const rule *r, int i, int level);
int left_begin(const rule *r, int i, int level);
/* The end of the statement, declarator or argument that goes on at i: its , ; or bracket. */
int expression_end(const rule *r, int i);

/* A mutant: the text from..to, offsets, becomes what the format says. Lines stay where they are, so that code which
 * knows its line's number does not change for that. */
void make(rule *r, const char *mistake, int from, int to, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
