#include "scale.h"

#include "../common/training.h"

#include <math.h>
#include <stdlib.h>

/* ---- of weights ---- */

double scale_keys_seen(const float *weights, int n) {
    double entropy = 0;
    for (int j = 0; j < n; j++)
        entropy -= weights[j] > 0 ? (double)weights[j] * log((double)weights[j]) : 0;
    return exp(entropy);
}

double scale_share_passed(const float *weights, int n) {
    double squares = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double entry = (i == j ? (double)weights[i] : 0) - (double)weights[i] * (double)weights[j];
            squares += entry * entry;
        }
    return sqrt(squares / n);
}

static double largest_of(const float *weights, int n) {
    double most = 0;
    for (int j = 0; j < n; j++)
        most = fmax(most, (double)weights[j]);
    return most;
}

/* Means over `rows` rows of n weights. */
static void look_at_weights(const float *weights, int rows, int n, double *largest, double *keys) {
    *largest = *keys = 0;
    for (int i = 0; i < rows; i++) {
        *largest += largest_of(weights + i * n, n) / rows;
        *keys += scale_keys_seen(weights + i * n, n) / rows;
    }
}

/* ---- of numbers drawn at random ---- */

static double variance_of(const float *x, int n) {
    double mean = 0, sum = 0;
    for (int i = 0; i < n; i++)
        mean += (double)x[i] / n;
    for (int i = 0; i < n; i++)
        sum += ((double)x[i] - mean) * ((double)x[i] - mean);
    return sum / n;
}

static double length_of(const float *x, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts x. n is even. */
static double median(double *x, int n) {
    qsort(x, (size_t)n, sizeof *x, by_size);
    return (x[n / 2 - 1] + x[n / 2]) / 2;
}

/* ds, da (SCALE_QUERIES, SCALE_KEYS) */
static double median_share(const float *ds, const float *da) {
    double share[SCALE_QUERIES];
    for (int i = 0; i < SCALE_QUERIES; i++)
        share[i] = length_of(ds + i * SCALE_KEYS, SCALE_KEYS) / length_of(da + i * SCALE_KEYS, SCALE_KEYS);
    return median(share, SCALE_QUERIES);
}

/* Queries x keys -> their products as softmax reads them, (SCALE_QUERIES, SCALE_KEYS). */
static heed_tensor draw_scores(heed_tape *t, int d_k, bool divided) {
    heed_tensor q = heed_randn(t, HEED_F32, HEED_SHAPE(SCALE_QUERIES, 1, d_k));
    heed_tensor k = heed_randn(t, HEED_F32, HEED_SHAPE(SCALE_QUERIES, SCALE_KEYS, d_k));
    heed_tensor s = heed_reshape(t, heed_matmul_t(t, q, false, k, true), HEED_SHAPE(SCALE_QUERIES, SCALE_KEYS));
    return divided ? heed_scale(t, s, 1 / sqrt(d_k)) : s;
}

heed_status scale_draw_at(heed_tape *t, int d_k, bool divided, uint64_t seed, scale_draw *d) {
    heed_tape_reset(t);
    heed_tape_set_seed(t, seed);
    heed_tape_set_step(t, 0); /* the same numbers, divided or not */
    const float *drawn = heed_f32(t, draw_scores(t, d_k, divided));
    heed_tensor da = heed_randn(t, HEED_F32, HEED_SHAPE(SCALE_QUERIES, SCALE_KEYS));
    if (drawn == NULL)
        return heed_tape_status(t);
    heed_tensor s = heed_variable(t, HEED_F32, HEED_SHAPE(SCALE_QUERIES, SCALE_KEYS), drawn);
    heed_tensor a = heed_softmax(t, s, -1);
    heed_status status = heed_backward_with(t, a, NULL, (heed_backward_options){.seed = da});
    if (status)
        return status;
    d->variance = variance_of(drawn, SCALE_QUERIES * SCALE_KEYS);
    d->passed = median_share(heed_f32(t, heed_grad(t, s)), heed_f32(t, da));
    look_at_weights(heed_f32(t, a), SCALE_QUERIES, SCALE_KEYS, &d->largest, &d->keys);
    return heed_tape_status(t);
}

/* ---- the model ---- */

static void linear_of_variance_one(heed_linear_layer *layer, const heed_module *root, const char *name, int outputs) {
    heed_linear_init(layer, root, name, RECALL_D_MODEL, outputs, false);
    heed_param_set_init(layer->weight, heed_init_normal(0, 1 / sqrt(RECALL_D_MODEL)));
}

heed_status recall_init(recall *r, int d_k, bool divided, uint64_t seed) {
    *r = (recall){.model = heed_model_new(), .d_k = d_k, .divided = divided};
    const heed_module *root = heed_model_root(r->model);
    heed_embedding_init(&r->letter, root, "letter", RECALL_LETTERS, RECALL_D_MODEL);
    heed_embedding_init(&r->figure, root, "figure", RECALL_FIGURES, RECALL_D_MODEL);
    linear_of_variance_one(&r->w_q, root, "w_q", d_k);
    linear_of_variance_one(&r->w_k, root, "w_k", d_k);
    linear_of_variance_one(&r->w_v, root, "w_v", RECALL_D_MODEL);
    linear_of_variance_one(&r->out, root, "out", RECALL_FIGURES);
    return heed_model_build(r->model, HEED_F32, seed);
}

void recall_free(recall *r) {
    heed_model_free(r->model);
}

/* ---- questions ---- */

typedef struct questions {
    int n;
    int32_t letter[RECALL_EXAM * RECALL_PAIRS], figure[RECALL_EXAM * RECALL_PAIRS]; /* of the pairs */
    int32_t asked[RECALL_EXAM], right[RECALL_EXAM];
} questions;

/* The letters of one list are all different, so that there is one answer. */
static void draw_question(questions *q, int i, uint64_t key) {
    int at = (int)heed_rng_below(key, 0, RECALL_PAIRS);
    for (int j = 0; j < RECALL_PAIRS; j++) {
        q->letter[i * RECALL_PAIRS + j] = (int32_t)heed_rng_permuted(key, (uint64_t)j, RECALL_LETTERS);
        q->figure[i * RECALL_PAIRS + j] = (int32_t)heed_rng_below(key, 1 + (uint64_t)j, RECALL_FIGURES);
    }
    q->asked[i] = q->letter[i * RECALL_PAIRS + at];
    q->right[i] = q->figure[i * RECALL_PAIRS + at];
}

static void draw_questions(questions *q, uint64_t seed, uint64_t first, int n) {
    q->n = n;
    for (int i = 0; i < n; i++)
        draw_question(q, i, heed_rng_mix(seed, first + (uint64_t)i));
}

/* ---- forward ---- */

typedef struct answer {
    heed_tensor logits, pattern; /* (B, figures), (B, 1, pairs) */
} answer;

static heed_tensor embed(const heed_embedding_layer *table, heed_tape *t, heed_shape shape, const int32_t *ids) {
    return heed_embedding_forward(table, t, heed_input(t, HEED_I32, shape, ids));
}

static answer forward(const recall *r, heed_tape *t, const questions *q) {
    heed_shape pairs = HEED_SHAPE(q->n, RECALL_PAIRS);
    heed_tensor x = heed_add(t, embed(&r->letter, t, pairs, q->letter), embed(&r->figure, t, pairs, q->figure));
    x = heed_scale(t, x, sqrt(0.5)); /* the sum of two has variance 2 */
    answer a;
    heed_tensor z =
        heed_attention(t, heed_linear_forward(&r->w_q, t, embed(&r->letter, t, HEED_SHAPE(q->n, 1), q->asked)),
                       heed_linear_forward(&r->w_k, t, x), heed_linear_forward(&r->w_v, t, x),
                       (heed_attention_options){.scale = r->divided ? 0 : 1, .pattern = &a.pattern});
    a.logits = heed_reshape(t, heed_linear_forward(&r->out, t, z), HEED_SHAPE(q->n, RECALL_FIGURES));
    return a;
}

static heed_tensor loss_of(heed_tape *t, answer a, const questions *q) {
    return heed_cross_entropy(t, a.logits, heed_input(t, HEED_I32, HEED_SHAPE(q->n), q->right));
}

static double share_right(heed_tape *t, heed_tensor logits, const questions *q) {
    const int32_t *said = heed_i32(t, heed_argmax(t, logits, -1, false));
    int right = 0;
    for (int i = 0; said && i < q->n; i++)
        right += said[i] == q->right[i];
    return (double)right / q->n;
}

static heed_status look(const recall *r, heed_tape *t, const questions *q, recall_view *view) {
    double share[RECALL_EXAM];
    heed_tape_reset(t);
    answer a = forward(r, t, q);
    view->loss = heed_item(t, loss_of(t, a, q));
    view->right = share_right(t, a.logits, q);
    const float *weights = heed_f32(t, a.pattern); /* (B, 1, pairs) */
    if (weights == NULL)
        return heed_tape_status(t);
    look_at_weights(weights, q->n, RECALL_PAIRS, &view->largest, &view->keys);
    for (int i = 0; i < q->n; i++)
        share[i] = scale_share_passed(weights + i * RECALL_PAIRS, RECALL_PAIRS);
    view->passed = median(share, q->n);
    return heed_tape_status(t);
}

heed_status recall_look(const recall *r, heed_tape *t, recall_view *view) {
    questions *q = malloc(sizeof *q);
    if (q == NULL)
        return HEED_NO_MEMORY;
    bool recorded = heed_tape_set_recording(t, false);
    draw_questions(q, heed_rng_hash("questions of an examination"), 0, RECALL_EXAM);
    heed_status status = look(r, t, q, view);
    heed_tape_set_recording(t, recorded);
    free(q);
    return status;
}

/* ---- training ---- */

heed_status recall_train(const recall *r, int64_t steps, int64_t seed, int64_t threads, heed_error *error) {
    const training_plan plan = {.steps = steps,
                                .lr = 3e-3,
                                .warmup = steps / 20,
                                .beta2 = 0.98,
                                .clip_norm = 1,
                                .seed = seed,
                                .threads = threads};
    training tr;
    questions *q = malloc(sizeof *q);
    heed_status status = training_init(&tr, r->model, &plan);
    if (!status && q == NULL)
        status = HEED_NO_MEMORY;
    while (!status && tr.steps < steps) {
        draw_questions(q, (uint64_t)seed, (uint64_t)(tr.steps * RECALL_BATCH), RECALL_BATCH);
        heed_tape_reset(tr.t);
        status = training_step(&tr, loss_of(tr.t, forward(r, tr.t, q), q));
    }
    if (status)
        training_explain(&tr, status, error);
    free(q);
    training_free(&tr);
    return status;
}
