#include "observed.h"

#include <stdio.h>
#include <string.h>

bool observed_init(observed *r, heed_dtype dtype, int threads) {
    *r = (observed){.model = heed_model_new()};
    const heed_module *root = heed_model_root(r->model);
    heed_self_attention_init(&r->attn, root, "attn", OBSERVED_D, OBSERVED_K);
    r->attn.causal = true;
    heed_linear_init(&r->out, root, "out", OBSERVED_K, OBSERVED_CLASSES, true);
    r->t = heed_tape_new();
    heed_tape_set_threads(r->t, threads);
    heed_tape_set_seed(r->t, 5);
    if (heed_model_build(r->model, dtype, 7))
        return false;
    r->g = heed_grads_new(r->model);
    r->adamw = heed_adamw_new(r->model, heed_adam_defaults(1e-2));
    heed_optim_set_threads(r->adamw, threads);
    return heed_optim_status(r->adamw) == HEED_OK;
}

void observed_free(observed *r) {
    heed_optim_free(r->adamw);
    heed_grads_free(r->g);
    heed_tape_free(r->t);
    heed_model_free(r->model);
}

/* x (B, T, 6) -> the loss of labels 0, 1, 2, 3, 0, 1, ... */
static heed_tensor loss_of(const observed *r, heed_tape *t, heed_tensor x) {
    const int64_t B = heed_size(t, x, 0);
    int32_t labels[OBSERVED_BATCH * OBSERVED_T];
    for (int64_t i = 0; i < B * OBSERVED_T; i++)
        labels[i] = (int32_t)(i % OBSERVED_CLASSES);
    heed_tensor z = heed_self_attention_forward(&r->attn, t, x, HEED_NIL);
    heed_tensor logits = heed_reshape(t, heed_linear_forward(&r->out, t, z), HEED_SHAPE(-1, OBSERVED_CLASSES));
    return heed_cross_entropy(t, logits, heed_input(t, HEED_I32, HEED_SHAPE(B * OBSERVED_T), labels));
}

bool observed_step(observed *r, heed_recorder *rec) {
    heed_tape *t = r->t;
    heed_tape_reset(t);
    heed_tape_set_step(t, (uint64_t)++r->steps);
    heed_tensor x = heed_randn(t, heed_model_dtype(r->model), HEED_SHAPE(OBSERVED_BATCH, OBSERVED_T, OBSERVED_D));
    heed_tensor loss = loss_of(r, t, x);
    if (heed_backward(t, loss, r->g))
        return false;
    heed_recorder_scalar(rec, r->steps, "loss", heed_item(t, loss));
    heed_recorder_before(rec, r->steps, r->g);
    if (heed_optim_step(r->adamw, r->g))
        return false;
    heed_recorder_after(rec);
    return true;
}

uint64_t observed_hash(const observed *r) {
    const unsigned char *data = heed_model_data(r->model);
    const size_t bytes = (size_t)heed_model_size(r->model) * heed_dtype_size(heed_model_dtype(r->model));
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ data[i]) * 0x100000001b3u; /* FNV-1a */
    return hash;
}

heed_tensor observed_probe_loss(void *user, heed_tape *t) {
    const observed *r = user;
    double x[OBSERVED_T][OBSERVED_D];
    for (int i = 0; i < OBSERVED_T; i++)
        for (int j = 0; j < OBSERVED_D; j++)
            x[i][j] = ((i * 7 + j * 5) % 11 - 5) / 4.0;
    heed_tensor in = heed_input(t, HEED_F64, HEED_SHAPE(1, OBSERVED_T, OBSERVED_D), x);
    return loss_of(r, t, heed_dtype_of(t, heed_use(t, r->attn.w_q)) == HEED_F64 ? in : heed_cast(t, in, HEED_F32));
}

void observed_describe(observed *r, heed_recorder *rec) {
    static const char *const rows[OBSERVED_T] = {"one", "two", "three", "four", "five"};
    static const char *const entries[OBSERVED_D] = {"a", "b", "c", "d", "e", "f"}, *const answers[OBSERVED_CLASSES] = {"0", "1", "2", "3"};
    static const int alignment[OBSERVED_T] = {0, 0, 1, -1, 4};
    heed_recorder_space(rec, (heed_recorded_space){.name = "entries", .n = OBSERVED_D, .names = entries});
    heed_recorder_space(rec, (heed_recorded_space){.name = "answers", .n = OBSERVED_CLASSES, .names = answers});
    heed_recorder_attention(rec, (heed_recorded_attention){.path = "attn",
                                                           .kind = "causal",
                                                           .d_k = OBSERVED_K,
                                                           .w_q = "attn.w_q",
                                                           .w_k = "attn.w_k",
                                                           .w_v = "attn.w_v",
                                                           .w_o = "out.weight",
                                                           .query_space = "entries",
                                                           .key_space = "entries",
                                                           .out_space = "answers"});
    heed_recorder_probe(rec, (heed_probe){.name = "p",
                                          .loss = observed_probe_loss,
                                          .user = r,
                                          .n_queries = OBSERVED_T,
                                          .n_keys = OBSERVED_T,
                                          .queries = rows,
                                          .keys = rows,
                                          .alignment = alignment});
}

/* ---- for threads ---- */

static uint64_t train(const char *folder, int64_t steps) {
    observed r;
    heed_error e = {.status = HEED_OK};
    uint64_t hash = 0;
    bool good = observed_init(&r, HEED_F32, 2);
    heed_recorder *rec = folder ? heed_recorder_new(folder, r.model, (heed_recorder_options){.most_frames = 9}) : NULL;
    observed_describe(&r, rec);
    while (good && r.steps < steps && heed_recorder_status(rec) == HEED_OK)
        good = observed_step(&r, rec);
    if (good && heed_recorder_end(rec, &e) == HEED_OK)
        hash = observed_hash(&r);
    else
        printf("recording failed: %s\n", e.text);
    observed_free(&r);
    return hash;
}

bool observed_while_training(const char *folder) {
    const uint64_t plain = train(NULL, 40), hash = train(folder, 40);
    heed_error e;
    heed_recording *r = heed_recording_open(folder, &e);
    const int frames = r ? heed_recording_frames(r) : 0;
    if (r == NULL)
        printf("%s\n", e.text);
    heed_recording_close(r);
    return plain && hash == plain && frames >= 5 && frames <= 9;
}
