#include "kept.h"

#include "../common/gpt_kept.h"

#include <stdio.h>
#include <stdlib.h>

static heed_tensor loss_of_probe(void *user, heed_tape *t) {
    const kept_probe *followed = user;
    return induction_loss_of(followed->ind, t, &followed->sequence, 1, followed->T);
}

static void name_token(const void *user, int32_t token, char text[RECORDING_NAME]) {
    (void)user;
    snprintf(text, RECORDING_NAME, "%c", repeats_name(token));
}

/* Where each token should look for the trick to work: in the first layer at the token before it, in the last, once it is a
 * repeat, at what followed its like last time. */
static void tell_alignments(heed_recorder *r, const kept_probe *followed) {
    int previous[REPEATS_TIME], matching[REPEATS_TIME];
    const repeats *s = &followed->sequence;
    const char **names = recording_names(followed->T, s->token, name_token, NULL);
    for (int i = 0; i < followed->T; i++) {
        previous[i] = i - 1;
        matching[i] = i < s->period ? -1 : i - s->period + 1;
    }
    heed_probe rows = {.n_queries = followed->T, .n_keys = followed->T, .queries = names, .keys = names};
    for (int layer = 0; layer < followed->ind->layers && names; layer++) {
        char path[64];
        snprintf(path, sizeof path, "gpt.blocks.%d.attn", layer);
        rows.alignment = layer == 0 ? previous : matching;
        heed_recorder_probe_names(r, "sequence", path, rows);
    }
    free(names);
}

heed_recorder *kept_begin(const recording *kept, int64_t steps, kept_probe *followed) {
    int twice = 2 * followed->sequence.period;
    followed->T = twice < KEPT_TOKENS ? KEPT_TOKENS : twice < REPEATS_TIME ? twice : REPEATS_TIME;
    const gpt_kept about = {.gpt = &followed->ind->gpt,
                            .title = "Two layers of attention that learn to look back",
                            .steps = steps,
                            .name = name_token,
                            .probe = "sequence",
                            .loss = loss_of_probe,
                            .loss_user = followed,
                            .read = followed->sequence.token,
                            .T = followed->T};
    heed_recorder *r = gpt_kept_begin(kept, followed->ind->model, &about);
    if (r)
        tell_alignments(r, followed);
    return r;
}
