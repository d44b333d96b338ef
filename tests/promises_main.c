/* `make promises`: the table of promises, for people. */
#include <stdio.h>
#include <string.h>

#include "promises.h"

enum { MOST = 512, INDENT = 6 };

/* Each test once. */
typedef struct tests {
    const char *names[MOST];
    int n;
} tests;

static void note(tests *seen, const char *name) {
    for (int i = 0; i < seen->n; i++)
        if (strcmp(seen->names[i], name) == 0)
            return;
    if (seen->n < MOST)
        seen->names[seen->n++] = name;
}

static void print_promise(const promise *p, tests *seen) {
    printf("  %s\n", p->text);
    for (int i = 0; i < PROMISE_TESTS && p->tests[i]; i++) {
        printf("%*s%s\n", INDENT, "", p->tests[i]);
        note(seen, p->tests[i]);
    }
    if (p->pytorch)
        printf("%*sdiffers: %s\n", INDENT, "", p->pytorch);
}

int main(void) {
    static tests seen;
    int held = 0, differ = 0;
    for (int s = 0; s < PROMISE_SECTIONS; s++) {
        printf("%s%s\n", s ? "\n" : "", promise_sections[s].title);
        for (int i = 0; i < promise_sections[s].n; i++) {
            print_promise(&promise_sections[s].promises[i], &seen);
            held++;
            differ += promise_sections[s].promises[i].pytorch != NULL;
        }
    }
    printf("\npromises: %d held by %d tests, %d differ from PyTorch on purpose\n", held, seen.n, differ);
    return 0;
}
