#include "inside.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* ---- by hand ---- */

static double dot(const double *a, const double *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* y += factor x */
static void add_times(double *y, double factor, const double *x, int n) {
    for (int i = 0; i < n; i++)
        y[i] += factor * x[i];
}

static void softmax(const double *x, double *p, int n) {
    double largest = -INFINITY, sum = 0;
    for (int i = 0; i < n; i++)
        largest = fmax(largest, x[i]);
    for (int i = 0; i < n; i++)
        sum += p[i] = exp(x[i] - largest);
    for (int i = 0; i < n; i++)
        p[i] /= sum;
}

/* The rows of W^K and W^V that a pair's two ones pick out. */
static int key_row(const glass_question *question, int pair) {
    return question->key[pair];
}

static int value_row(const glass_question *question, int pair) {
    return GLASS_KEYS + question->value[pair];
}

static int answer_to(const glass_question *question) {
    return question->value[question->asked];
}

static void forward(const glass_weights *w, const glass_question *question, inside *x) {
    memcpy(x->q, w->q[question->key[question->asked]], sizeof x->q);
    for (int j = 0; j < GLASS_PAIRS; j++) {
        add_times(x->k[j], 1, w->k[key_row(question, j)], GLASS_D_K);
        add_times(x->k[j], 1, w->k[value_row(question, j)], GLASS_D_K);
        add_times(x->v[j], 1, w->v[key_row(question, j)], GLASS_D_K);
        add_times(x->v[j], 1, w->v[value_row(question, j)], GLASS_D_K);
        x->dot[j] = dot(x->q, x->k[j], GLASS_D_K);
        x->s[j] = x->dot[j] / sqrt(GLASS_D_K);
    }
    softmax(x->s, x->a, GLASS_PAIRS);
    for (int j = 0; j < GLASS_PAIRS; j++)
        add_times(x->z, x->a[j], x->v[j], GLASS_D_K);
    for (int i = 0; i < GLASS_D_K; i++)
        add_times(x->logit, x->z[i], w->o[i], GLASS_VALUES);
    softmax(x->logit, x->chance, GLASS_VALUES);
    x->loss = -log(x->chance[answer_to(question)]);
}

/* From the loss back to q, k and v. */
static void backward(const glass_weights *w, const glass_question *question, inside *x) {
    memcpy(x->dlogit, x->chance, sizeof x->dlogit);
    x->dlogit[answer_to(question)] -= 1;
    for (int i = 0; i < GLASS_D_K; i++)
        x->dz[i] = dot(x->dlogit, w->o[i], GLASS_VALUES);

    for (int j = 0; j < GLASS_PAIRS; j++) {
        x->da[j] = dot(x->dz, x->v[j], GLASS_D_K);
        add_times(x->dv[j], x->a[j], x->dz, GLASS_D_K);
    }
    double mean = dot(x->a, x->da, GLASS_PAIRS);
    for (int j = 0; j < GLASS_PAIRS; j++) {
        x->ds[j] = x->a[j] * (x->da[j] - mean) / sqrt(GLASS_D_K);
        add_times(x->dq, x->ds[j], x->k[j], GLASS_D_K);
        add_times(x->dk[j], x->ds[j], x->q, GLASS_D_K);
    }
}

/* From q, k and v to the matrices: xᵀ dq, where x is all zeros but for a one or two, fills one row or two. */
static void backward_to_weights(const glass_question *question, inside *x) {
    add_times(x->dw.q[question->key[question->asked]], 1, x->dq, GLASS_D_K);
    for (int j = 0; j < GLASS_PAIRS; j++) {
        add_times(x->dw.k[key_row(question, j)], 1, x->dk[j], GLASS_D_K);
        add_times(x->dw.k[value_row(question, j)], 1, x->dk[j], GLASS_D_K);
        add_times(x->dw.v[key_row(question, j)], 1, x->dv[j], GLASS_D_K);
        add_times(x->dw.v[value_row(question, j)], 1, x->dv[j], GLASS_D_K);
    }
    for (int i = 0; i < GLASS_D_K; i++)
        add_times(x->dw.o[i], x->z[i], x->dlogit, GLASS_VALUES);
}

void inside_by_hand(const glass_weights *w, const glass_question *question, inside *out) {
    *out = (inside){0};
    forward(w, question, out);
    backward(w, question, out);
    backward_to_weights(question, out);
}

/* ---- by the engine ---- */

/* The tensors that the attention layer shows to its watcher. */
typedef enum seen { SEEN_Q, SEEN_K, SEEN_V, SEEN_SCORES, SEEN_PATTERN, SEEN_Z, SEEN } seen;
static const char *const seen_names[SEEN] = {"attn.q",           "attn.k",       "attn.v",
                                             "attn.attn_scores", "attn.pattern", "attn.z"};

static void note(void *user, heed_tape *t, const char *path, heed_tensor x) {
    heed_tensor *noted = user;
    for (int i = 0; i < SEEN; i++)
        if (!strcmp(path, seen_names[i]))
            noted[i] = heed_keep_grad(t, x);
}

/* The first `count` elements from `first` on, as doubles. */
static void copy(heed_tape *t, heed_tensor x, int first, int count, double *out) {
    bool is_f64 = heed_dtype_of(t, x) == HEED_F64;
    const double *wide = is_f64 ? heed_f64(t, x) : NULL;
    const float *narrow = is_f64 ? NULL : heed_f32(t, x);
    for (int i = 0; (wide || narrow) && i < count; i++)
        out[i] = wide ? wide[first + i] : (double)narrow[first + i];
}

/* Zeros and -inf to be added to the scores, in place of the true and false of glass_mask. Being a variable, it receives
 * the gradient of the scores, which the attention op keeps to itself otherwise. */
static heed_tensor mask_with_gradient(heed_tape *t, heed_dtype dtype) {
    double wide[GLASS_TIME] = {[GLASS_PAIRS] = -INFINITY};
    float narrow[GLASS_TIME] = {[GLASS_PAIRS] = -INFINITY};
    return heed_variable(t, dtype, HEED_SHAPE(GLASS_TIME), dtype == HEED_F64 ? (const void *)wide : narrow);
}

/* Where the last token's numbers begin in (time, d_k) and (time, time). */
enum { QUESTION_ROW = GLASS_PAIRS * GLASS_D_K, QUESTION_SCORES = GLASS_PAIRS * GLASS_TIME };

static void read_forward(heed_tape *t, const heed_tensor noted[SEEN], heed_tensor logits, inside *out) {
    copy(t, noted[SEEN_Q], QUESTION_ROW, GLASS_D_K, out->q);
    copy(t, noted[SEEN_K], 0, GLASS_PAIRS * GLASS_D_K, out->k[0]);
    copy(t, noted[SEEN_V], 0, GLASS_PAIRS * GLASS_D_K, out->v[0]);
    copy(t, noted[SEEN_SCORES], QUESTION_SCORES, GLASS_PAIRS, out->s);
    copy(t, noted[SEEN_PATTERN], QUESTION_SCORES, GLASS_PAIRS, out->a);
    copy(t, noted[SEEN_Z], QUESTION_ROW, GLASS_D_K, out->z);
    copy(t, logits, 0, GLASS_VALUES, out->logit);
    copy(t, heed_softmax(t, logits, -1), 0, GLASS_VALUES, out->chance);
    for (int j = 0; j < GLASS_PAIRS; j++)
        out->dot[j] = out->s[j] * sqrt(GLASS_D_K);
}

static void read_backward(heed_tape *t, const heed_tensor noted[SEEN], heed_tensor logits, heed_tensor mask,
                          inside *out) {
    copy(t, heed_grad(t, logits), 0, GLASS_VALUES, out->dlogit);
    copy(t, heed_grad(t, noted[SEEN_Z]), QUESTION_ROW, GLASS_D_K, out->dz);
    copy(t, heed_grad(t, mask), 0, GLASS_PAIRS, out->ds);
    copy(t, heed_grad(t, noted[SEEN_Q]), QUESTION_ROW, GLASS_D_K, out->dq);
    copy(t, heed_grad(t, noted[SEEN_K]), 0, GLASS_PAIRS * GLASS_D_K, out->dk[0]);
    copy(t, heed_grad(t, noted[SEEN_V]), 0, GLASS_PAIRS * GLASS_D_K, out->dv[0]);
    for (int j = 0; j < GLASS_PAIRS; j++)
        out->ds[j] /= sqrt(GLASS_D_K); /* of q · k_j, where the mask's is of s_j */
}

static heed_status explain(heed_error *error, heed_status status, const heed_tape *t) {
    return status ? heed_error_set(error, status, "%s", heed_error_text(t)) : HEED_OK;
}

heed_status inside_by_engine(const glass *g, const glass_question *question, inside *out, heed_error *error) {
    heed_tape *t = heed_tape_new();
    heed_tape_set_threads(t, 1);
    heed_grads *grads = heed_grads_new(g->model);
    heed_tensor noted[SEEN] = {HEED_NIL};
    heed_status status = heed_tape_on_watch(t, "attn.*", note, noted);

    *out = (inside){0};
    heed_tensor mask = mask_with_gradient(t, heed_model_dtype(g->model));
    heed_tensor logits = heed_keep_grad(t, glass_logits(g, t, question, 1, mask));
    heed_tensor loss = glass_loss(t, question, 1, logits);
    if (!status)
        status = heed_backward(t, loss, grads);
    if (!status) {
        out->loss = heed_item(t, loss);
        heed_tape_set_recording(t, false);
        read_forward(t, noted, logits, out);
        read_backward(t, noted, logits, mask, out);
        glass_gradients_of(g, grads, &out->dw);
        status = heed_tape_status(t);
    }
    explain(error, status, t);
    heed_grads_free(grads);
    heed_tape_free(t);
    return status;
}

/* ---- the two side by side ---- */

#define DOUBLES(field) offsetof(inside, field), sizeof(((inside *)0)->field) / sizeof(double)
static const struct quantity {
    const char *name;
    size_t offset, count;
} quantities[INSIDE_COMPARED] = {
    {"q", DOUBLES(q)},
    {"k", DOUBLES(k)},
    {"v", DOUBLES(v)},
    {"q·k", DOUBLES(dot)},
    {"s", DOUBLES(s)},
    {"a", DOUBLES(a)},
    {"z", DOUBLES(z)},
    {"logits", DOUBLES(logit)},
    {"p", DOUBLES(chance)},
    {"loss", DOUBLES(loss)},
    {"dlogits", DOUBLES(dlogit)},
    {"dz", DOUBLES(dz)},
    {"ds", DOUBLES(ds)},
    {"dq", DOUBLES(dq)},
    {"dk", DOUBLES(dk)},
    {"dv", DOUBLES(dv)},
    {"dW^Q", DOUBLES(dw.q)},
    {"dW^K", DOUBLES(dw.k)},
    {"dW^V", DOUBLES(dw.v)},
    {"dW^O", DOUBLES(dw.o)},
};

void inside_compare(const inside *engine, const inside *hand, inside_difference out[INSIDE_COMPARED]) {
    for (int i = 0; i < INSIDE_COMPARED; i++) {
        const struct quantity *quantity = &quantities[i];
        const double *theirs = (const double *)((const char *)engine + quantity->offset);
        const double *ours = (const double *)((const char *)hand + quantity->offset);
        out[i] = (inside_difference){.name = quantity->name, .count = (int)quantity->count};
        for (size_t e = 0; e < quantity->count; e++) {
            double difference = fabs(theirs[e] - ours[e]);
            out[i].largest = fmax(out[i].largest, fabs(ours[e]));
            if (!(difference <= out[i].difference)) /* so that NaN is the largest difference there is */
                out[i].difference = difference;
        }
    }
}

/* ---- one step for one question ---- */

static heed_status step_and_ask(const glass *g, const glass_question *question, double lr, double *loss,
                                heed_error *error) {
    heed_tape *t = heed_tape_new();
    heed_grads *grads = heed_grads_new(g->model);
    heed_optim *sgd = heed_sgd_new(g->model, (heed_sgd_options){.lr = lr});
    heed_tape_set_threads(t, 1);
    heed_optim_set_threads(sgd, 1);
    heed_tensor before = glass_loss(t, question, 1, glass_logits(g, t, question, 1, glass_mask(t)));
    heed_status status = heed_backward(t, before, grads);
    explain(error, status, t);
    if (!status && (status = heed_optim_step(sgd, grads)))
        heed_error_set(error, status, "%s", heed_optim_error_text(sgd));
    if (!status) {
        heed_tape_reset(t);
        *loss = heed_item(t, glass_loss(t, question, 1, glass_logits(g, t, question, 1, glass_mask(t))));
        status = explain(error, heed_tape_status(t), t);
    }
    heed_optim_free(sgd);
    heed_grads_free(grads);
    heed_tape_free(t);
    return status;
}

heed_status inside_loss_after_step(const glass *g, const glass_question *question, double lr, double *loss,
                                   heed_error *error) {
    glass copy_of;
    heed_status status = glass_init(&copy_of, heed_model_dtype(g->model), 0);
    if (!status)
        status = heed_model_copy(copy_of.model, g->model);
    if (status)
        heed_error_set(error, status, "%s", heed_model_error_text(copy_of.model));
    else
        status = step_and_ask(&copy_of, question, lr, loss, error);
    glass_free(&copy_of);
    return status;
}
