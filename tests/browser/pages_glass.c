/* The glass box, trained for a while; and what the engine says its losses are, for the page to be held against. */
#include "pages.h"

#include "../../examples/01_glass_box/glass.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 700, SEED = 1 };

static const char *key_names[GLASS_D_MODEL] = {
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p",
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "A", "B", "C", "D", "E", "F",
};
static const char *const *const answer_names = key_names + GLASS_KEYS;

typedef struct probe {
    const glass *g;
    glass_question question;
    char text[GLASS_TIME][3];
    const char *tokens[GLASS_TIME];
} probe;

static heed_tensor probe_loss(void *user, heed_tape *t) {
    const probe *p = user;
    return glass_loss(t, &p->question, 1, glass_logits(p->g, t, &p->question, 1, glass_mask(t)));
}

static void probe_init(probe *p, const glass *g) {
    *p = (probe){.g = g, .question = glass_draw(SEED + 100, 0)};
    for (int i = 0; i < GLASS_TIME; i++) {
        const bool asks = i == GLASS_PAIRS;
        p->text[i][0] = key_names[p->question.key[asks ? p->question.asked : i]][0];
        p->text[i][1] = asks ? '?' : answer_names[p->question.value[i]][0];
        p->tokens[i] = p->text[i];
    }
}

static json_t *texts(const char *const *names, int n) {
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(list, json_string(names[i]));
    return list;
}

static bool tell(heed_recorder *r, const probe *p) {
    json_t *story = json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:o, s:o}", "kind", "glass", "probe",
                              "question", "attention", "attn", "w_o", "w_o.weight", "query", GLASS_PAIRS, "keys",
                              GLASS_PAIRS, "answer", p->question.value[p->question.asked], "learning_rate", 1, "tokens",
                              texts(p->tokens, GLASS_TIME), "answers", texts(answer_names, GLASS_VALUES));
    char *text = json_dumps(story, JSON_COMPACT);
    json_decref(story);
    heed_status status = text ? heed_recorder_story(r, text) : HEED_NO_MEMORY;
    free(text);
    return status == HEED_OK;
}

static bool describe(heed_recorder *r, probe *p) {
    int alignment[GLASS_TIME];
    for (int i = 0; i < GLASS_TIME; i++)
        alignment[i] = i == GLASS_PAIRS ? p->question.asked : -1;
    const heed_recorded_attention attention = {"attn",     "self",       1,        GLASS_D_K, "attn.w_q", "attn.w_k",
                                               "attn.w_v", "w_o.weight", "tokens", "tokens",  "answers"};
    const heed_recorded_space tokens = {"tokens", GLASS_D_MODEL, key_names, NULL, NULL};
    const heed_recorded_space answers = {"answers", GLASS_VALUES, answer_names, NULL, NULL};
    const heed_probe question = {.name = "question",
                                 .loss = probe_loss,
                                 .user = p,
                                 .n_queries = GLASS_TIME,
                                 .n_keys = GLASS_TIME,
                                 .queries = p->tokens,
                                 .keys = p->tokens,
                                 .alignment = alignment};
    return !heed_recorder_attention(r, attention) && !heed_recorder_space(r, tokens) &&
           !heed_recorder_space(r, answers) && !heed_recorder_probe(r, question) && tell(r, p);
}

/* One training step by hand, so that the recorder stands between backward and the optimizer. */
static heed_status step(glass_training *tr, heed_recorder *r) {
    glass_question questions[GLASS_BATCH];
    for (int i = 0; i < GLASS_BATCH; i++)
        questions[i] = glass_draw(tr->seed, (uint64_t)tr->steps * GLASS_BATCH + (uint64_t)i);
    heed_tape_reset(tr->t);
    heed_tensor logits = glass_logits(tr->g, tr->t, questions, GLASS_BATCH, glass_mask(tr->t));
    heed_tensor loss = glass_loss(tr->t, questions, GLASS_BATCH, logits);
    heed_status status = heed_backward(tr->t, loss, tr->grads);
    if (status)
        return status;
    tr->steps++;
    heed_recorder_scalar(r, tr->steps, "loss", heed_item(tr->t, loss));
    heed_recorder_before(r, tr->steps, tr->grads);
    status = heed_optim_step(tr->sgd, tr->grads);
    heed_recorder_after(r);
    return status;
}

/* ---- what the engine says ---- */

static const char *const matrices[] = {"attn.w_q", "attn.w_k", "attn.w_v", "w_o.weight"};

/* Puts a frame's matrices into the model, less `rate` times the probe's gradients of the first `moved` of them. */
static heed_status put(heed_recording *recording, int frame, const glass *g, int moved, double rate) {
    heed_status status = HEED_OK;
    for (int i = 0; !status && i < 4; i++) {
        char name[64];
        double *value = NULL, *grad = NULL;
        heed_shape shape;
        snprintf(name, sizeof name, "param/%s", matrices[i]);
        status = heed_recording_tensor(recording, frame, name, &shape, &value, NULL);
        snprintf(name, sizeof name, "probe/question/grad/%s", matrices[i]);
        if (!status && i < moved)
            status = heed_recording_tensor(recording, frame, name, &shape, &grad, NULL);
        int64_t count = heed_shape_count(shape);
        for (int64_t j = 0; !status && grad && j < count; j++)
            value[j] -= rate * grad[j];
        if (!status)
            status = heed_param_set(heed_model_find(g->model, matrices[i]), value, count);
        free(value);
        free(grad);
    }
    return status;
}

static double engine_loss(heed_tape *t, probe *p) {
    heed_tape_reset(t);
    return heed_item(t, probe_loss(p, t));
}

/* For each frame: its step, the probe's loss, and the loss after one step of SGD along the probe's own gradient, of W^Q alone and
 * of all four matrices. In double precision. */
static bool write_expected(const char *folder) {
    char path[PAGES_PATH];
    heed_recording *recording = heed_recording_open(pages_path(path, sizeof path, folder, "glass", ""), NULL);
    glass g;
    probe p;
    heed_tape *t = heed_tape_new();
    heed_status status = recording ? glass_init(&g, HEED_F64, SEED) : HEED_INVALID;
    json_t *all = json_array();
    probe_init(&p, &g);
    for (int frame = 0; !status && frame < heed_recording_frames(recording); frame++) {
        double loss[3];
        const int moved[3] = {0, 1, 4};
        for (int i = 0; !status && i < 3; i++) {
            status = put(recording, frame, &g, moved[i], 1);
            loss[i] = engine_loss(t, &p);
        }
        json_array_append_new(all, json_pack("{s:I, s:f, s:f, s:f}", "step",
                                             (json_int_t)heed_recording_step(recording, frame), "loss", loss[0], "q",
                                             loss[1], "all", loss[2]));
    }
    bool written = !status && json_dump_file(all, pages_path(path, sizeof path, folder, "glass", ".json"), 0) == 0;
    json_decref(all);
    heed_tape_free(t);
    heed_recording_close(recording);
    if (recording)
        glass_free(&g);
    return written || pages_fail("glass.json", "cannot be worked out or written");
}

bool pages_glass(const char *folder) {
    char path[PAGES_PATH];
    glass g;
    probe p;
    glass_training tr;
    heed_status status = glass_init(&g, HEED_F32, SEED);
    if (!status)
        status = glass_training_init(&tr, &g, SEED, 1);
    if (status)
        return pages_fail("glass", "cannot be trained");
    probe_init(&p, &g);
    heed_recorder *r = heed_recorder_new(
        pages_path(path, sizeof path, folder, "glass", ""), g.model,
        (heed_recorder_options){
            .title = "The glass box", .most_frames = 40, .last = STEPS, .optimizer = "sgd", .replace = true});
    bool described = describe(r, &p);
    while (!status && described && tr.steps < STEPS)
        status = step(&tr, r);
    if (status)
        pages_fail("glass", glass_training_error(&tr));
    bool done = pages_finish(r, folder, "glass", 0) && described && !status;
    glass_training_free(&tr);
    glass_free(&g);
    return done && write_expected(folder);
}
