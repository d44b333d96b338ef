#include "answerer_kept.h"

#include "gpt_kept.h"

#include <stdio.h>

static heed_tensor loss_of_probe(void *user, heed_tape *t) {
    const answerer_kept *followed = user;
    return answerer_loss(followed->a, t, followed->row, 1);
}

static void name_digit(const void *user, int32_t token, char text[RECORDING_NAME]) {
    (void)user;
    snprintf(text, RECORDING_NAME, "%d", (int)token);
}

heed_recorder *answerer_kept_begin(const recording *kept, const char *title, const char *probe, int64_t steps,
                                   answerer_kept *followed) {
    const gpt_kept about = {.gpt = &followed->a->gpt,
                            .title = title,
                            .steps = steps,
                            .name = name_digit,
                            .probe = probe,
                            .loss = loss_of_probe,
                            .loss_user = followed,
                            .read = followed->row,
                            .T = answerer_length(followed->a) - 1};
    return gpt_kept_begin(kept, followed->a->model, &about);
}
