/* Addition, as minGPT's adder (Karpathy 2022): the digits of both numbers, then those of the sum, the ones first, as one adds
 * by hand, so that each carry is known when it is needed.
 *
 *     57 + 68 = 125:     5 7 6 8   5 2 1
 *
 * One pair of numbers in ten is never trained on, in neither order; the examination is made of those. */
#ifndef ADDITION_ADDITION_H
#define ADDITION_ADDITION_H

#include "../common/school.h"

enum { ADDITION_DIGITS = 4, ADDITION_LENGTH = 3 * ADDITION_DIGITS + 1 }; /* at most */

typedef struct addition_task {
    int digits; /* of each of the two numbers */
} addition_task;

bool addition_held_out(int64_t a, int64_t b);
/* The 3 digits + 1 tokens of a + b. */
void addition_row(const addition_task *task, int64_t a, int64_t b, int32_t *row);
/* A school_subject's two; `task` is an addition_task. */
void addition_lesson(const void *task, uint64_t seed, uint64_t index, int32_t *row);
void addition_examination(const void *task, uint64_t seed, uint64_t index, int32_t *row);

/* How many columns of the sum carry: 0 .. digits. */
int addition_carries(const addition_task *task, const int32_t *row);
/* What a row says: "57 + 68 = 125". */
enum { ADDITION_TEXT = 48 };
const char *addition_text(const addition_task *task, const int32_t *row, char text[ADDITION_TEXT]);

answerer_options addition_model(const addition_task *task);

/* An examination, by carries. */
typedef struct addition_marks {
    const addition_task *task;
    int asked[ADDITION_DIGITS + 1], exact[ADDITION_DIGITS + 1];
    int mistakes;                                /* noted below, the first ones */
    int32_t right[3][ADDITION_LENGTH], given[3][ADDITION_LENGTH];
} addition_marks;
void addition_mark(void *marks, const int32_t *right, const int32_t *given); /* a school_mark */
int addition_asked(const addition_marks *marks);
int addition_exact(const addition_marks *marks);

/* Where one digit of the answer looks, in one map of (answer, read) as answerer_look makes them: the shares of its weight on
 * the two digits of its own column, on those of the column to the right, whose carry it takes, on the columns further to the
 * right, on those to the left, and on the answer's digits before it. */
typedef enum addition_place {
    OWN_COLUMN,
    CARRY_COLUMN,
    FURTHER_RIGHT,
    FURTHER_LEFT,
    ANSWER_SO_FAR,
    ADDITION_PLACES
} addition_place;
addition_place addition_place_of(const addition_task *task, int written, int read);

#endif
