/* What is to be learned: a language pair as rows of tokens, of a kind that every example of translation can take.
 *
 *     task_dates      characters of a date as people write it, to those of ISO 8601     dates.h
 *     task_phrases    words of an English sentence, to those of the French one          phrases.h */
#ifndef EXAMPLES_TASK_H
#define EXAMPLES_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOKEN_PAD, TOKEN_BOS, TOKEN_EOS, TOKEN_UNKNOWN, TOKEN_FIRST }; /* of both sides of every task */
enum { TASK_SOURCE = 40, TASK_TARGET = 32, TASK_BYTES = 512, TASK_LABEL = 32, TASK_WHY = 128 };

/* One pair in tokens. */
typedef struct example {
    int S, T; /* of the source, and of the target without BOS and EOS */
    int32_t source[TASK_SOURCE];
    int32_t target[TASK_TARGET];
    uint64_t from[TASK_TARGET]; /* the true alignment: bit s where the token comes from source[s]; 0: from none */
} example;

typedef struct task {
    const char *name;                   /* "dates" */
    const char *one, *many;             /* "date", "dates" */
    const char *probe;                  /* a source to look at while learning: held out */
    int source_count, target_count;     /* tokens there are */
    int longest_source, longest_target; /* without BOS and EOS */
    /* Example `index` of `seed`: to learn from, or held out. */
    void (*make)(const struct task *t, uint64_t seed, uint64_t index, bool held_out, example *e);
    /* A text as the source of an example, whose target stays empty, blanks at both ends being nothing; false: why says what is wrong with it. */
    bool (*read)(const struct task *t, const char *text, example *e, char why[TASK_WHY]);
    /* Tokens up to the first EOS as text. */
    void (*write)(const struct task *t, bool target, const int32_t *tokens, int count, char text[TASK_BYTES]);
    /* One token, as the axis of a picture has it. */
    void (*label)(const struct task *t, bool target, int32_t token, char text[TASK_LABEL]);
    const void *words; /* of both sides: its own affair */
} task;

/* NULL: out of memory. */
task *task_dates_new(void);
task *task_phrases_new(void);
void task_free(task *t);

#endif
