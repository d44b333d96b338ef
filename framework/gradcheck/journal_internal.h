/* journal_internal.h: what a journal holds, for those who write it. */
#ifndef HEED_JOURNAL_INTERNAL_H
#define HEED_JOURNAL_INTERNAL_H

#include <heed/check_journal.h>
#include <pthread.h>

/* An input at the point that is kept of it. */
typedef struct journal_input {
    char name[HEED_CHECK_NAME]; /* of the op or function */
    int input, sample;
    char *parameter; /* or NULL */
    heed_shape shape;
    int64_t count;
    double worst;    /* the largest of error */
    double *error;   /* over the tolerance; NaN where it was not compared, infinity where the gradient is no number */
    char likely[sizeof ((heed_check_failure *)0)->likely];
} journal_input;

struct heed_check_journal {
    pthread_mutex_t lock;
    journal_input *inputs;
    size_t n_inputs, cap_inputs;
    heed_check *rows;
    size_t n_rows, cap_rows;
    bool failed; /* memory was out */
};

#endif
