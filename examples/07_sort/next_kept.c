#include "next_kept.h"

#include <stdio.h>
#include <stdlib.h>

static heed_tensor loss_of_probe(void *user, heed_tape *t) {
    const next_kept *followed = user;
    return next_loss(followed->h, t, followed->question, 1);
}

static void name_number(const void *user, int32_t token, char text[RECORDING_NAME]) {
    (void)user;
    snprintf(text, RECORDING_NAME, token < NEXT_NUMBERS ? "%d" : "%d?", (int)token % NEXT_NUMBERS);
}

/* The numbers, and the question behind them: it alone is to look somewhere, at the answer. */
static void tell_question(heed_recorder *r, next_kept *followed) {
    const next_question *q = followed->question;
    int32_t tokens[NEXT_TIME];
    int alignment[NEXT_TIME];
    for (int i = 0; i < NEXT_SHOWN; i++) {
        tokens[i] = q->number[i];
        alignment[i] = -1;
        if (q->number[i] == q->answer)
            alignment[NEXT_SHOWN] = i;
    }
    tokens[NEXT_SHOWN] = NEXT_NUMBERS + q->asked;
    const char **names = recording_names(NEXT_TIME, tokens, name_number, NULL);
    if (names)
        heed_recorder_probe(r, (heed_probe){.name = "question",
                                            .loss = loss_of_probe,
                                            .user = followed,
                                            .n_queries = NEXT_TIME,
                                            .n_keys = NEXT_TIME,
                                            .queries = names,
                                            .keys = names,
                                            .alignment = alignment});
    free(names);
}

heed_recorder *next_kept_begin(const recording *kept, int64_t steps, next_kept *followed) {
    static const char numbers[] = "numbers";
    heed_recorder *r = recording_begin(kept, followed->h->model,
                                       (heed_recorder_options){.title = "A head that looks for the next larger number",
                                                               .optimizer = "adamw",
                                                               .last = steps});
    if (r == NULL)
        return NULL;
    const char **names = recording_names(NEXT_NUMBERS, NULL, name_number, NULL);
    if (names)
        heed_recorder_space(r, (heed_recorded_space){.name = numbers, .n = NEXT_NUMBERS, .names = names});
    free(names);
    heed_record_self_attention(r, &followed->h->attn, "w_o.weight", (heed_recorded_ends){numbers, numbers, numbers});
    tell_question(r, followed);
    return r;
}
