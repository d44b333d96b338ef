/* What a recorder is told of a GPT: its tokens, its heads, and one sequence that is followed. */
#ifndef EXAMPLES_GPT_KEPT_H
#define EXAMPLES_GPT_KEPT_H

#include "recording.h"

typedef struct gpt_kept {
    const heed_gpt *gpt;
    const char *title;
    int64_t steps;       /* of the training */
    int64_t most_frames; /* 0: the recorder's */
    recording_name *name; /* of a token */
    const void *name_user;
    const char *probe;   /* what the sequence is called */
    heed_probe_fn *loss; /* of it; loss_user stays until the recorder has ended */
    void *loss_user;
    const int32_t *read; /* its T tokens that are read */
    int T;
} gpt_kept;

/* NULL where nothing is to be recorded. */
heed_recorder *gpt_kept_begin(const recording *kept, heed_model *model, const gpt_kept *about);

#endif
