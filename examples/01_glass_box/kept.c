#include "kept.h"

#include <stdio.h>

static heed_tensor loss_of_probe(void *user, heed_tape *t) {
    const kept_probe *probe = user;
    return glass_loss(t, probe->question, 1, glass_logits(probe->g, t, probe->question, 1, glass_mask(t)));
}

/* ---- names ---- */

typedef char name[3];

/* "a" to "p", then "0" to "F": what the entries of a token stand for. */
static void name_entries(name *entries) {
    for (int i = 0; i < GLASS_KEYS; i++)
        snprintf(entries[i], sizeof(name), "%c", 'a' + i);
    for (int i = 0; i < GLASS_VALUES; i++)
        snprintf(entries[GLASS_KEYS + i], sizeof(name), "%X", (unsigned)i);
}

/* "k7", "a2", ..., and the question, "c?" */
static void name_tokens(const glass_question *q, name *tokens) {
    for (int j = 0; j < GLASS_PAIRS; j++)
        snprintf(tokens[j], sizeof(name), "%c%X", 'a' + q->key[j], (unsigned)q->value[j]);
    snprintf(tokens[GLASS_PAIRS], sizeof(name), "%c?", 'a' + q->key[q->asked]);
}

static void point_at(name *names, const char **pointers, int n) {
    for (int i = 0; i < n; i++)
        pointers[i] = names[i];
}

/* ---- what is told ---- */

static void tell_spaces(heed_recorder *r, const char *const *entries) {
    heed_recorder_space(r, (heed_recorded_space){.name = "tokens", .n = GLASS_D_MODEL, .names = entries});
    heed_recorder_space(r, (heed_recorded_space){.name = "answers", .n = GLASS_VALUES, .names = entries + GLASS_KEYS});
}

static void tell_probe(heed_recorder *r, kept_probe *probe, const char *const *tokens) {
    int alignment[GLASS_TIME];
    for (int i = 0; i < GLASS_TIME; i++)
        alignment[i] = i < GLASS_PAIRS ? -1 : probe->question->asked;
    heed_recorder_probe(r, (heed_probe){.name = "question",
                                        .loss = loss_of_probe,
                                        .user = probe,
                                        .n_queries = GLASS_TIME,
                                        .n_keys = GLASS_TIME,
                                        .queries = tokens,
                                        .keys = tokens,
                                        .alignment = alignment});
}

/* As a list in JSON, which these names need no escapes for. */
static void list(const char *const *names, int n, char *text, size_t size) {
    size_t used = 0;
    for (int i = 0; i < n; i++)
        used += (size_t)snprintf(text + used, size - used, "%c\"%s\"", i ? ',' : '[', names[i]);
    snprintf(text + used, size - used, "]");
}

/* What makes the page's guided path: the whole model is one head and W^O, so that the page can compute it. */
static void tell_story(heed_recorder *r, const glass_question *q, const char *const *tokens,
                       const char *const *answers) {
    char token_list[128], answer_list[128], story[512];
    list(tokens, GLASS_TIME, token_list, sizeof token_list);
    list(answers, GLASS_VALUES, answer_list, sizeof answer_list);
    snprintf(story, sizeof story,
             "{\"kind\":\"glass\",\"probe\":\"question\",\"attention\":\"attn\",\"w_o\":\"w_o.weight\",\"query\":%d,"
             "\"keys\":%d,"
             "\"answer\":%d,\"learning_rate\":1,\"tokens\":%s,\"answers\":%s}",
             GLASS_PAIRS, GLASS_PAIRS, q->value[q->asked], token_list, answer_list);
    heed_recorder_story(r, story);
}

enum { KEPT_FRAMES = 50 }; /* as many as a page holds without rounding their numbers */

heed_recorder *kept_begin(const recording *kept, int64_t steps, kept_probe *probe) {
    name entry_names[GLASS_D_MODEL], token_names[GLASS_TIME];
    const char *entries[GLASS_D_MODEL], *tokens[GLASS_TIME];
    heed_recorder *r =
        recording_begin(kept, probe->g->model,
                        (heed_recorder_options){
                            .title = "The glass box", .optimizer = "sgd", .last = steps, .most_frames = KEPT_FRAMES});
    if (r == NULL)
        return NULL;
    name_entries(entry_names);
    name_tokens(probe->question, token_names);
    point_at(entry_names, entries, GLASS_D_MODEL);
    point_at(token_names, tokens, GLASS_TIME);
    tell_spaces(r, entries);
    heed_record_self_attention(r, &probe->g->attn, "w_o.weight", (heed_recorded_ends){"tokens", "tokens", "answers"});
    tell_probe(r, probe, tokens);
    tell_story(r, probe->question, tokens, entries + GLASS_KEYS);
    return r;
}
