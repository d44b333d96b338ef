#include "kept.h"

#include "../common/gpt_kept.h"

#include <stdio.h>

static heed_tensor loss_of_probe(void *user, heed_tape *t) {
    const kept_probe *followed = user;
    return writer_loss(followed->w, t, followed->tokens, followed->tokens + 1, 1, followed->T);
}

static void name_token(const void *user, int32_t token, char text[RECORDING_NAME]) {
    char room[RECORDING_NAME];
    snprintf(text, RECORDING_NAME, "%s", writer_visible(user, token, room, sizeof room));
}

heed_recorder *kept_begin(const recording *kept, const writer *w, const heed_windows *windows, int64_t steps,
                          kept_probe *followed) {
    int64_t held_out;
    *followed = (kept_probe){.w = w, .tokens = heed_windows_tokens(windows, HEED_PART_VALIDATION, &held_out)};
    followed->T = (int)(held_out > KEPT_TOKENS ? KEPT_TOKENS : held_out - 1);
    const gpt_kept about = {.gpt = &w->gpt,
                            .title = "A GPT that learns to write",
                            .steps = steps,
                            .most_frames = 40, /* one is some five megabytes */
                            .name = name_token,
                            .name_user = w,
                            .probe = "text",
                            .loss = loss_of_probe,
                            .loss_user = followed,
                            .read = followed->tokens,
                            .T = followed->T};
    return gpt_kept_begin(kept, w->model, &about);
}
