#include "pair_kept.h"

#include <stdio.h>
#include <stdlib.h>

_Static_assert((int)TASK_LABEL <= (int)RECORDING_NAME, "a label is a name");

/* ---- names of tokens ---- */

static void name_token(const task *what, bool target, int32_t token, char text[RECORDING_NAME]) {
    static const char *const special[TOKEN_FIRST] = {
        [TOKEN_PAD] = "(pad)", [TOKEN_BOS] = "(start)", [TOKEN_EOS] = "(end)", [TOKEN_UNKNOWN] = "(unknown)"};
    if (token < TOKEN_FIRST)
        snprintf(text, RECORDING_NAME, "%s", special[token]);
    else
        what->label(what, target, token, text);
}

static void name_source(const void *what, int32_t token, char text[RECORDING_NAME]) {
    name_token(what, false, token, text);
}

static void name_target(const void *what, int32_t token, char text[RECORDING_NAME]) {
    name_token(what, true, token, text);
}

static void tell_space(heed_recorder *r, const task *what, recording_name *name, heed_recorded_space space) {
    const char **names = recording_names(space.n, NULL, name, what);
    space.names = names;
    if (names)
        heed_recorder_space(r, space);
    free(names);
}

void pair_kept_spaces(heed_recorder *r, const task *what, const char *source, const char *target, const char *output) {
    tell_space(r, what, name_source,
               (heed_recorded_space){.name = "source", .n = what->source_count, .embedding = source});
    tell_space(r, what, name_target,
               (heed_recorded_space){.name = "target", .n = what->target_count, .embedding = target});
    tell_space(r, what, name_target,
               (heed_recorded_space){.name = "written", .n = what->target_count, .embedding = output});
}

/* ---- the example that is followed ---- */

enum { SHORTEST = 10, LONGEST = 22 }; /* tokens */

static example find_example(const task *what) {
    example e = {.S = 0};
    for (uint64_t index = 0; e.S < SHORTEST || e.S > LONGEST; index++)
        what->make(what, heed_rng_hash("recorded"), index, true, &e);
    return e;
}

/* A token that comes from several, as a month's digits do from its name, has no one true key. */
static void align(const example *e, int T, int alignment[BATCH_TIME]) {
    for (int i = 0; i < T; i++) {
        uint64_t from = i < e->T ? e->from[i] : 0;
        alignment[i] = -1;
        for (int s = 0; s < e->S; s++)
            if (from == (uint64_t)1 << s)
                alignment[i] = s;
    }
}

bool pair_followed_init(pair_followed *p, const task *what, batch *b) {
    example e = find_example(what);
    batch_fill(b, &e, 1);
    *p = (pair_followed){.S = b->S,
                         .T = b->T,
                         .source = recording_names(b->S, b->source, name_source, what),
                         .input = recording_names(b->T, b->input, name_target, what),
                         .output = recording_names(b->T, b->output, name_target, what)};
    align(&e, b->T, p->alignment);
    return p->source && p->input && p->output;
}

void pair_followed_free(pair_followed *p) {
    free(p->source);
    free(p->input);
    free(p->output);
}

void pair_say(pair_said *said, heed_tape *t, const char **names) {
    const int32_t *likeliest = heed_i32(t, heed_argmax(t, said->logits, -1, false)); /* (1, T) */
    const int64_t T = heed_size(t, said->logits, 1);
    for (int64_t i = 0; likeliest && i < T && i < PAIR_SAID; i++) {
        name_token(said->task, true, likeliest[i], said->text[i]);
        names[i] = said->text[i];
    }
}

heed_probe pair_followed_probe(const pair_followed *p, const char *name, heed_probe_fn *loss, void *user) {
    return (heed_probe){.name = name,
                        .loss = loss,
                        .user = user,
                        .n_queries = p->T,
                        .n_keys = p->S,
                        .queries = p->output,
                        .keys = p->source,
                        .alignment = p->alignment};
}
