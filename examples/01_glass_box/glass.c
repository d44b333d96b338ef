#include "glass.h"

#include <math.h>

/* ---- the task ---- */

/* `drawn` different ones of 0, 1, ..., n - 1, in random order. */
static void draw_distinct(uint64_t key, int n, int drawn, int *out) {
    int all[GLASS_D_MODEL];
    for (int i = 0; i < n; i++)
        all[i] = i;
    for (int i = 0; i < drawn; i++) {
        int other = i + (int)heed_rng_below(key, (uint64_t)i, (uint64_t)(n - i));
        out[i] = all[other];
        all[other] = all[i];
    }
}

glass_question glass_draw(uint64_t seed, uint64_t index) {
    glass_question question;
    uint64_t key = heed_rng_mix(seed, index);
    draw_distinct(heed_rng_mix(key, 1), GLASS_KEYS, GLASS_PAIRS, question.key);
    draw_distinct(heed_rng_mix(key, 2), GLASS_VALUES, GLASS_PAIRS, question.value);
    question.asked = (int)heed_rng_below(key, 0, GLASS_PAIRS);
    return question;
}

/* ---- the model ---- */

static heed_status start_with_noise(heed_param p, uint64_t seed) {
    const double deviation = 0.05;
    double values[GLASS_D_MODEL * GLASS_D_K];
    int64_t count = heed_model_param(p.model, p.index).count;
    for (int64_t i = 0; i < count; i++)
        values[i] = deviation * heed_rng_normal(seed, (uint64_t)i);
    return heed_param_set(p, values, count);
}

heed_status glass_init(glass *g, heed_dtype dtype, uint64_t seed) {
    g->model = heed_model_new();
    const heed_module *root = heed_model_root(g->model);
    heed_self_attention_init(&g->attn, root, "attn", GLASS_D_MODEL, GLASS_D_K);
    heed_linear_init(&g->w_o, root, "w_o", GLASS_D_K, GLASS_VALUES, false);
    heed_status status = heed_model_build(g->model, dtype, seed);
    const heed_param matrices[] = {g->attn.w_q, g->attn.w_k, g->attn.w_v, g->w_o.weight};
    for (int i = 0; !status && i < 4; i++)
        status = start_with_noise(matrices[i], heed_rng_mix(seed, (uint64_t)i));
    return status;
}

void glass_free(glass *g) {
    heed_model_free(g->model);
}

static heed_tensor tokens(const glass *g, heed_tape *t, const glass_question *questions, int n) {
    double x[GLASS_BATCH][GLASS_TIME][GLASS_D_MODEL] = {0};
    for (int i = 0; i < n; i++) {
        const glass_question *question = &questions[i];
        for (int j = 0; j < GLASS_PAIRS; j++)
            x[i][j][question->key[j]] = x[i][j][GLASS_KEYS + question->value[j]] = 1;
        x[i][GLASS_PAIRS][question->key[question->asked]] = 1;
    }
    return heed_cast(t, heed_input(t, HEED_F64, HEED_SHAPE(n, GLASS_TIME, GLASS_D_MODEL), x),
                     heed_dtype_of(t, heed_use(t, g->attn.w_q)));
}

heed_tensor glass_mask(heed_tape *t) {
    bool pair[GLASS_TIME];
    for (int j = 0; j < GLASS_TIME; j++)
        pair[j] = j < GLASS_PAIRS;
    return heed_input(t, HEED_BOOL, HEED_SHAPE(GLASS_TIME), pair);
}

heed_tensor glass_logits(const glass *g, heed_tape *t, const glass_question *questions, int n, heed_tensor mask) {
    heed_tensor z = heed_self_attention_forward(&g->attn, t, tokens(g, t, questions, n), mask); /* (n, 7, 64) */
    return heed_linear_forward(&g->w_o, t, heed_select(t, z, 1, GLASS_PAIRS)); /* the question's: (n, 16) */
}

heed_tensor glass_loss(heed_tape *t, const glass_question *questions, int n, heed_tensor logits) {
    int32_t answers[GLASS_BATCH];
    for (int i = 0; i < n; i++)
        answers[i] = questions[i].value[questions[i].asked];
    return heed_cross_entropy(t, logits, heed_input(t, HEED_I32, HEED_SHAPE(n), answers));
}

/* ---- the matrices ---- */

/* From (outputs, inputs), as stored, to (inputs, outputs). */
static void textbook(heed_param p, const void *stored, double *out) {
    heed_shape shape = heed_model_param(p.model, p.index).shape;
    bool is_f64 = heed_model_dtype(p.model) == HEED_F64;
    for (int64_t row = 0; row < shape.n[0]; row++)
        for (int64_t column = 0; column < shape.n[1]; column++) {
            int64_t at = row * shape.n[1] + column;
            out[column * shape.n[0] + row] =
                is_f64 ? ((const double *)stored)[at] : (double)((const float *)stored)[at];
        }
}

void glass_weights_of(const glass *g, glass_weights *w) {
    textbook(g->attn.w_q, heed_param_data(g->attn.w_q), w->q[0]);
    textbook(g->attn.w_k, heed_param_data(g->attn.w_k), w->k[0]);
    textbook(g->attn.w_v, heed_param_data(g->attn.w_v), w->v[0]);
    textbook(g->w_o.weight, heed_param_data(g->w_o.weight), w->o[0]);
}

void glass_gradients_of(const glass *g, heed_grads *grads, glass_weights *dw) {
    textbook(g->attn.w_q, heed_grads_of(grads, g->attn.w_q), dw->q[0]);
    textbook(g->attn.w_k, heed_grads_of(grads, g->attn.w_k), dw->k[0]);
    textbook(g->attn.w_v, heed_grads_of(grads, g->attn.w_v), dw->v[0]);
    textbook(g->w_o.weight, heed_grads_of(grads, g->w_o.weight), dw->o[0]);
}

double glass_norm(const double *x, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sqrt(sum);
}

/* ---- training ---- */

heed_status glass_training_init(glass_training *tr, const glass *g, uint64_t seed, int threads) {
    *tr = (glass_training){.g = g, .t = heed_tape_new(), .grads = heed_grads_new(g->model), .seed = seed};
    tr->sgd = heed_sgd_new(g->model, (heed_sgd_options){.lr = 1});
    heed_tape_set_threads(tr->t, threads);
    heed_optim_set_threads(tr->sgd, threads);
    return heed_optim_status(tr->sgd);
}

void glass_training_free(glass_training *tr) {
    heed_optim_free(tr->sgd);
    heed_grads_free(tr->grads);
    heed_tape_free(tr->t);
}

static glass_step describe(const glass_training *tr, double loss) {
    glass_weights dw;
    glass_gradients_of(tr->g, tr->grads, &dw);
    return (glass_step){
        .step = tr->steps + 1,
        .loss = loss,
        .norm_q = glass_norm(dw.q[0], GLASS_D_MODEL * GLASS_D_K),
        .norm_k = glass_norm(dw.k[0], GLASS_D_MODEL * GLASS_D_K),
        .norm_v = glass_norm(dw.v[0], GLASS_D_MODEL * GLASS_D_K),
        .norm_o = glass_norm(dw.o[0], GLASS_D_K * GLASS_VALUES),
    };
}

heed_status glass_training_step(glass_training *tr, glass_step *step) {
    glass_question questions[GLASS_BATCH];
    for (int i = 0; i < GLASS_BATCH; i++)
        questions[i] = glass_draw(tr->seed, (uint64_t)tr->steps * GLASS_BATCH + (uint64_t)i);

    heed_tape_reset(tr->t);
    heed_tensor logits = glass_logits(tr->g, tr->t, questions, GLASS_BATCH, glass_mask(tr->t));
    heed_tensor loss = glass_loss(tr->t, questions, GLASS_BATCH, logits);
    heed_status status = heed_backward(tr->t, loss, tr->grads);
    if (!status) {
        *step = describe(tr, heed_item(tr->t, loss));
        heed_recorder_scalar(tr->recorder, step->step, "loss", step->loss);
        heed_recorder_before(tr->recorder, step->step, tr->grads);
        status = heed_optim_step(tr->sgd, tr->grads);
        heed_recorder_after(tr->recorder);
    }
    tr->steps += !status;
    return status;
}

const char *glass_training_error(const glass_training *tr) {
    const char *text = heed_error_text(tr->t);
    return text[0] ? text : heed_optim_error_text(tr->sgd);
}

/* ---- looking at what was learned ---- */

static bool is_present(const glass_question *question, int value) {
    for (int j = 0; j < GLASS_PAIRS; j++)
        if (question->value[j] == value)
            return true;
    return false;
}

static void mark(const glass *g, heed_tape *t, const glass_question *questions, int n, glass_marks *sum) {
    heed_tape_reset(t);
    heed_tensor logits = glass_logits(g, t, questions, n, glass_mask(t));
    const int32_t *answers = heed_i32(t, heed_argmax(t, logits, -1, false));
    for (int i = 0; answers && i < n; i++) {
        sum->right += answers[i] == questions[i].value[questions[i].asked];
        sum->present += is_present(&questions[i], answers[i]);
    }
}

glass_marks glass_examine(const glass *g, uint64_t seed, int count) {
    heed_tape *t = heed_tape_new();
    heed_tape_set_recording(t, false);
    heed_tape_set_threads(t, 1); /* a batch of 32 small questions is not worth waking another */
    glass_question questions[GLASS_BATCH];
    glass_marks sum = {0, 0};
    for (int first = 0; first < count; first += GLASS_BATCH) {
        int n = count - first < GLASS_BATCH ? count - first : GLASS_BATCH;
        for (int i = 0; i < n; i++)
            questions[i] = glass_draw(seed, (uint64_t)(first + i));
        mark(g, t, questions, n, &sum);
    }
    double asked = heed_tape_status(t) == HEED_OK ? count : NAN;
    heed_tape_free(t);
    return (glass_marks){sum.right / asked, sum.present / asked};
}

static int largest(const double *row, int n) {
    int at = 0;
    for (int i = 1; i < n; i++)
        at = row[i] > row[at] ? i : at;
    return at;
}

void glass_circuits_of(const glass_weights *w, glass_circuits *c) {
    *c = (glass_circuits){0};
    for (int row = 0; row < GLASS_KEYS; row++) {
        for (int column = 0; column < GLASS_KEYS; column++)
            for (int i = 0; i < GLASS_D_K; i++)
                c->qk[row][column] += w->q[row][i] * w->k[column][i];
        c->qk_right += largest(c->qk[row], GLASS_KEYS) == row;
    }
    for (int row = 0; row < GLASS_VALUES; row++) {
        for (int column = 0; column < GLASS_VALUES; column++)
            for (int i = 0; i < GLASS_D_K; i++)
                c->vo[row][column] += w->v[GLASS_KEYS + row][i] * w->o[i][column];
        c->vo_right += largest(c->vo[row], GLASS_VALUES) == row;
    }
}
