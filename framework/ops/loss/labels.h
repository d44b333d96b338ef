/* What losses over class labels have in common: scores (..., V) and i32 labels (...), one for each row of V. */
#ifndef HEED_LOSS_LABELS_H
#define HEED_LOSS_LABELS_H

#include <heed/op.h>

enum { LOSS_SCORES, LOSS_LABELS };

/* Which labels count: `ignored` says of none, or of one value, that it does not. */
typedef struct heed_counting {
    bool has_ignored;
    int32_t ignored;
} heed_counting;

/* Checks in[0] and in[1], every label's value too, and makes out[0] a scalar of the scores' dtype. */
heed_status heed_shape_labelled(heed_call *call, const char *scores, heed_counting counting);

int64_t heed_labelled_rows(const heed_call *call);
int64_t heed_labelled_classes(const heed_call *call);
static inline bool heed_label_counts(heed_counting counting, int32_t label) {
    return !counting.has_ignored || label != counting.ignored;
}

/* Scores of many shapes, labels of every class; false past the last. */
bool heed_labelled_sample(int index, heed_sample *sample);

#endif
