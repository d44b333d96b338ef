#include "kept.h"

#include <stdio.h>

/* Free of sampling: the right words are fed. */
static heed_tensor loss_of_probe(void *user, heed_tape *t) {
    translator_kept *followed = user;
    const batch *b = &followed->reader.probe;
    followed->reader.said.logits = translator_logits(followed->tr, t, b, 0);
    return translator_loss_of(followed->tr, t, followed->reader.said.logits, b);
}

static void say_probe(void *user, heed_tape *t, const char **names) {
    pair_say(&((translator_kept *)user)->reader.said, t, names);
}

static void tell_probe(heed_recorder *r, translator_kept *followed) {
    const task *what = followed->tr->task;
    pair_followed p;
    if (pair_followed_init(&p, what, &followed->reader.probe)) {
        heed_probe probe = pair_followed_probe(&p, what->one, loss_of_probe, followed);
        probe.said = say_probe;
        followed->reader.said.task = what;
        heed_recorder_probe(r, probe);
    }
    pair_followed_free(&p);
}

/* The parameters of the attention; W_c, which reads the context, where it has none. */
static const char *params_of(const translator *tr) {
    heed_score_kind kind = tr->seq2seq.attention.options.score.kind;
    bool bare = kind == HEED_SCORE_DOT || kind == HEED_SCORE_SCALED_DOT || kind == HEED_SCORE_COSINE;
    return bare ? "seq2seq.attention.*,seq2seq.combine.weight" : "seq2seq.attention.*";
}

static heed_recorder *begin_states(const recording *kept, const translator *tr, int64_t steps,
                                   translator_kept *followed) {
    char title[80];
    snprintf(title, sizeof title, "An encoder-decoder of %s cells that looks back by %s score",
             cell_names[tr->recipe.cell], look_names[tr->recipe.look]);
    heed_recorder *r = recording_begin(kept, tr->model,
                                       (heed_recorder_options){.title = title,
                                                               .params = params_of(tr),
                                                               .optimizer = "adamw",
                                                               .last = steps});
    if (r == NULL)
        return NULL;
    heed_record_state_attention(r, &tr->seq2seq.attention);
    tell_probe(r, followed);
    return r;
}

heed_recorder *translator_kept_begin(const recording *kept, const translator *tr, int64_t steps,
                                     translator_kept *followed) {
    followed->tr = tr;
    if (tr->reader)
        return reader_kept_begin(kept, tr->reader, "A transformer that translates", steps, &followed->reader);
    return begin_states(kept, tr, steps, followed);
}
