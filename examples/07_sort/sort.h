/* Sorting, minGPT's task (Karpathy 2022): a few digits are read, the same digits are to be written in order. A GPT learns it
 * from examples alone; no one tells it what order is.
 *
 * There are only values^length inputs, 729 for six digits out of three. One in four is held out: which ones, a hash of the
 * input decides, so none of them is ever trained on. (Its digits in another order may be, and so may its answer.) */
#ifndef SORT_SORT_H
#define SORT_SORT_H

#include "../common/school.h"

enum { SORT_VALUES = 10, SORT_LENGTH = 12 }; /* at most */

typedef struct sort_task {
    int values; /* digits are 0 .. values - 1 */
    int length; /* of the input, and of the answer */
} sort_task;

bool sort_held_out(const sort_task *task, const int32_t *input);
/* A school_subject's two: input and answer, 2 length tokens. `task` is a sort_task. */
void sort_lesson(const void *task, uint64_t seed, uint64_t index, int32_t *row);
void sort_examination(const void *task, uint64_t seed, uint64_t index, int32_t *row);
/* How many inputs there are, and how many of them are held out; 0 where there are more than ten million. */
void sort_count(const sort_task *task, int64_t *all, int64_t *held_out);

/* As minGPT's gpt-nano: 3 layers, 3 heads, width 48. */
answerer_options sort_model(const sort_task *task);

/* Of how many digits of the input that a written digit looks at, in one row of a head's map, its own value is: the share
 * of the weight on the input that lies on digits like the one it writes. 0 where it does not look at the input. */
double sort_on_own_value(const sort_task *task, const int32_t *row, const double *map, int written);

#endif
