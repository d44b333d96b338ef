/* At which steps frames are taken, and which are deleted again so that there are never too many. */
#ifndef HEED_LENS_SCHEDULE_INTERNAL_H
#define HEED_LENS_SCHEDULE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Step 1, `last`, multiples of `every`, and 2^(k/2), rounded, for k that are multiples of `stride`. */
typedef struct lens_rule {
    int64_t every;  /* 0: no multiples */
    int64_t stride; /* 0: no powers */
    int64_t last;   /* 0: not known */
} lens_rule;

typedef struct lens_schedule {
    lens_rule rule;
    int64_t most;
    int64_t *kept; /* the steps of frames that are there, ascending; room for most + 1 */
    size_t n;
} lens_schedule;

/* every, last: 0 where they are not given. False: out of memory. */
bool heed_lens_schedule_init(lens_schedule *s, int64_t most, int64_t every, bool logarithmic, int64_t last);
void heed_lens_schedule_free(lens_schedule *s);
/* Whether a frame of this step, which must be above all others, is to be taken: it would still be there after those were
 * deleted for which there is no room any more. */
bool heed_lens_schedule_due(const lens_schedule *s, int64_t step);
/* Notes that the frame was taken. forget, with room for `most`, receives the steps whose frames are to be deleted;
 * returns how many. */
size_t heed_lens_schedule_add(lens_schedule *s, int64_t step, int64_t *forget);

#endif
