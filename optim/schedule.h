/* Learning rates over time: values, not objects; a schedule is its numbers. */
#ifndef HEED_SCHEDULE_H
#define HEED_SCHEDULE_H

#include <heed/base.h>

HEED_BEGIN_DECLS

typedef enum heed_schedule_kind {
    HEED_SCHEDULE_CONSTANT, /* lr */
    HEED_SCHEDULE_LINEAR,   /* from lr down to lr_end at step `steps` */
    HEED_SCHEDULE_COSINE,   /* lr_end + (lr - lr_end) (1 + cos(pi progress)) / 2, lr_end from step `steps` on */
    HEED_SCHEDULE_STEP,     /* lr gamma^floor(s / every), s counted from the end of the warm-up */
    HEED_SCHEDULE_NOAM, /* lr d_model^-1/2 min(n^-1/2, n warmup^-3/2), n = step + 1; Vaswani et al. 2017, equation 3 */
} heed_schedule_kind;

typedef struct heed_schedule {
    heed_schedule_kind kind;
    double lr, lr_end;
    int64_t
        warmup; /* steps of linear growth before: at step s < warmup the rate is lr (s + 1) / (warmup + 1) (not for noam) */
    int64_t steps;  /* of the whole run */
    double gamma;
    int64_t every;
    int64_t d_model;
} heed_schedule;

/* The learning rate of step 0, 1, ...; NaN where the schedule's own numbers make no sense (the optimizer refuses it). */
double heed_schedule_at(const heed_schedule *s, int64_t step);

HEED_END_DECLS
#endif
