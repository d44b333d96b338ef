#include "reader_kept.h"

#include <string.h>

static heed_tensor loss_of_probe(void *user, heed_tape *t) {
    reader_kept *kept = user;
    kept->said.logits = reader_logits(kept->r, t, &kept->probe);
    return reader_loss_of(t, kept->said.logits, &kept->probe);
}

static void say_probe(void *user, heed_tape *t, const char **names) {
    pair_say(&((reader_kept *)user)->said, t, names);
}

/* Where a layer looks at its own sequence. */
static void tell_own_names(heed_recorder *recorder, const reader *r, const pair_followed *p) {
    const heed_probe source = {.n_queries = p->S, .n_keys = p->S, .queries = p->source, .keys = p->source};
    const heed_probe target = {.n_queries = p->T, .n_keys = p->T, .queries = p->input, .keys = p->input};
    attention_place places[READER_PLACES];
    int count = reader_attentions(r, places);
    for (int i = 0; i < count; i++)
        if (strstr(places[i].path, "cross_attn") == NULL)
            heed_recorder_probe_names(recorder, r->task->one, places[i].path,
                                      strncmp(places[i].path, "encoder", strlen("encoder")) == 0 ? source : target);
}

static void tell_probe(heed_recorder *recorder, reader_kept *kept) {
    pair_followed p;
    if (pair_followed_init(&p, kept->r->task, &kept->probe)) {
        heed_probe probe = pair_followed_probe(&p, kept->r->task->one, loss_of_probe, kept);
        probe.said = say_probe;
        kept->said.task = kept->r->task;
        heed_recorder_probe(recorder, probe);
        tell_own_names(recorder, kept->r, &p);
    }
    pair_followed_free(&p);
}

heed_recorder *reader_kept_begin(const recording *kept, const reader *r, const char *title, int64_t steps,
                                 reader_kept *probe) {
    heed_recorder *recorder = recording_begin(
        kept, r->model,
        (heed_recorder_options){.title = title, .optimizer = "adamw", .last = steps, .most_frames = PAIR_KEPT_FRAMES});
    if (recorder == NULL)
        return NULL;
    probe->r = r;
    pair_kept_spaces(recorder, r->task, "source.weight", "target.weight", "out.weight");
    heed_record_encoder(recorder, &r->encoder, "self", (heed_recorded_ends){"source", "source", NULL});
    heed_record_decoder(recorder, &r->decoder, (heed_recorded_ends){"target", "target", "written"},
                        (heed_recorded_ends){"target", "source", "written"});
    tell_probe(recorder, probe);
    return recorder;
}
