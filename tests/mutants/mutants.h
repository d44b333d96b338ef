/* mutants.h: does the gradient check notice a wrong gradient? Every backward rule is changed in one place at a time, as
 * a mistake would change it, and the gradient check of the ops that use the rule must fail.
 *
 *     source.c      a file as tokens
 *     tree.c        all files: functions, macros, ops, and what each translation unit sees
 *     reach.c       which functions are a backward rule, and of which ops
 *     rule.c        a rule's text, token by token
 *     operators.c   the mistakes
 *     accepted.c    the list of mutants that the gradient check cannot see, each with its reason
 *     build.c       compiling a mutant, and running the check against it
 *     main.c        the command: which mutants, and what became of them
 *
 * Places are found by name and pattern, never by line, so that the rules may be rewritten freely. */
#ifndef HEED_TESTS_MUTANTS_H
#define HEED_TESTS_MUTANTS_H

#include <stdbool.h>
#include <stddef.h>

/* Memory that lives as long as the program, which ends here when there is none. */
void *take(size_t bytes);
/* A copy of n characters. */
char *slice(const char *text, int n);
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* items, which has n, with room for one more. */
void *grow(void *items, int n, size_t size);

/* ---- source.c ---- */

typedef enum token_kind { WORD, NUMBER, TEXT, MARK } token_kind;
typedef struct token {
    token_kind kind;
    int at, length; /* in the file's text */
    int directive;  /* 0, or the number of the preprocessor's line that it is part of */
} token;

typedef struct source {
    char *path, *text;
    int size;
    token *tokens;
    int n;
} source;

/* False: it cannot be read. */
bool source_read(const char *path, source *s);
bool token_is(const source *s, int i, const char *text);
char *token_text(const source *s, int i);
/* The bracket that belongs to the one at i; -1 where there is none. */
int token_partner(const source *s, int i);
/* The lines from the one with `at` to the one with `end`, spaces squeezed. */
char *source_lines(const source *s, int at, int end);

/* ---- tree.c ---- */

typedef enum node_kind { FUNCTION, MACRO, TABLE } node_kind;
typedef struct node {
    node_kind kind;
    int source;
    char *name;      /* softmax, or of one that is there for f32 and f64, TYPED(softmax) */
    int head;        /* the first token of what it returns; of a macro, its name */
    int first, last; /* tokens of its body, without the braces: first .. last - 1 */
    bool local;      /* static: not seen from other units */
    int next;        /* of the nodes whose names share a bucket */
} node;

typedef struct unit { /* a .c file with all that it includes */
    int source;
    bool *sees; /* by source */
} unit;

typedef struct op {
    char *name;
    int unit, source, first, last; /* the tokens of its descriptor */
} op;

typedef struct tree {
    source *sources;
    node *nodes;
    unit *units;
    op *ops;
    int n_sources, n_nodes, n_units, n_ops;
} tree;

/* Reads framework/core, kernels and ops below the current folder. */
tree tree_read(void);
/* The name at token i, as nodes are named. */
char *tree_name_at(const source *s, int i);
/* The nodes that a name may mean in a unit, one after the other: start with *at = -1. -1 when there are no more; *where
 * is the unit in which the node's own names are to be looked up. */
int tree_find(const tree *t, int in_unit, const char *name, int *at, int *where);

/* ---- reach.c ---- */

/* One way to compile a place and to look at it: the unit, and what gradcheck is asked for. */
typedef struct check {
    int unit;
    char option[80]; /* "--op softmax", "--layer gpt" */
} check;

enum { MOST_CHECKS = 8 };
typedef struct place {
    int node;
    int n_checks;
    check checks[MOST_CHECKS];
} place;

/* All functions and macros that only backward uses, in the order of their files. */
place *reach_places(const tree *t, int *n);

/* ---- operators.c ---- */

typedef struct mutant {
    int place;
    const char *mistake;
    int at, length;   /* what is replaced ... */
    const char *with; /* ... by this */
} mutant;

mutant *operators_apply(const tree *t, const place *places, int n_places, int *n);
/* The whole text of the mutated file. */
char *mutant_text(const source *s, const mutant *m);
/* The lines that differ, spaces squeezed. */
void mutant_lines(const source *s, const mutant *m, char **before, char **after);

/* ---- accepted.c ---- */

typedef struct accepted {
    char *file, *function, *before, *after, *reason;
    bool met; /* there is such a mutant */
} accepted;

accepted *accepted_read(const char *path, int *n);
/* The reason, or NULL. A reason that begins with "seen by" names what else notices the mutant: it is no equivalent. */
const char *accepted_find(accepted *list, int n, const tree *t, const place *p, const mutant *m);
/* Ends the program where an entry is of no mutant any more. */
void accepted_must_exist(accepted *list, int n, const tree *t, const place *places, const mutant *mutants,
                         int n_mutants);

/* ---- build.c ---- */

typedef enum verdict { PENDING, KILLED, CRASHED, HUNG, NOT_MADE, SAME_CODE, SURVIVED, EQUIVALENT, ELSEWHERE, VERDICTS } verdict;

/* A folder with a copy of the tree, in which one mutant at a time is made. */
typedef struct workshop {
    const tree *tree;
    char folder[200];
    int unit;       /* of which original.o was made; -1: none */
    char said[400]; /* the check's complaint about the last mutant */
} workshop;

void workshop_open(workshop *w, const tree *t, const char *folder);
/* Ends the program if a check fails without a mutant: then it proves nothing. */
void workshop_trust(workshop *w);
verdict workshop_try(workshop *w, const place *p, const mutant *m);

#endif
