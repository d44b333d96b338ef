/* The table of what Heed promises at the edges, and of the tests that hold each promise.
 *
 * A test says which it holds in the comment above it, by key:
 *     [promises: 1/0; 0/0]
 * and the first test of a promise that PyTorch would break quotes what the table says of PyTorch. test_promises.c
 * checks that table and comments say the same; `make promises` prints the table. */
#ifndef PROMISES_H
#define PROMISES_H

enum { PROMISE_TESTS = 8, PROMISE_SECTIONS = 10 };

/* "ERR" in a text: the tape's sticky error with a message. */
typedef struct promise {
    const char *key, *text;
    const char *tests[PROMISE_TESTS]; /* "suite/name", to the first NULL; in every build, the sanitizers' too */
    const char *pytorch;              /* what it does where it differs on purpose, or NULL */
} promise;

typedef struct promise_section {
    const char *title;
    const promise *promises;
    int n;
} promise_section;
extern const promise_section promise_sections[PROMISE_SECTIONS];

#endif
