#include "places.h"

#include "../common/training.h"

#include <math.h>
#include <string.h>

/* ---- the law ---- */

/* n different numbers below `of`, in a random order. */
static void draw_different(uint64_t key, int n, int of, int *out) {
    for (int i = 0; i < n; i++)
        out[i] = (int)heed_rng_permuted(key, (uint64_t)i, (uint64_t)of);
}

typedef struct layer {
    heed_model *model;
    heed_position place;
    heed_multi_head_attention attn;
    bool with_places;
} layer;

static heed_tensor attend(const layer *l, heed_tape *t, const float *x) {
    heed_tensor in = heed_input(t, HEED_F32, HEED_SHAPE(1, PLACES_TOKENS, PLACES_D_MODEL), x);
    if (l->with_places)
        in = heed_position_forward(&l->place, t, in, 0);
    return heed_multi_head_attention_forward(&l->attn, t, in, in, (heed_attend){.causal = false});
}

static double largest_difference(const float *a, const float *b, int n) {
    double most = 0;
    for (int i = 0; i < n; i++)
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
    return most;
}

/* y, of the input as it was, and of the shuffled one (tokens, d_model); and their means over the tokens. */
static void compare(shuffle *s, const float *y, const float *shuffled, const float *mean, const float *shuffled_mean) {
    double squares = 0;
    s->apart = 0;
    for (int i = 0; i < PLACES_TOKENS; i++)
        s->apart = fmax(s->apart, largest_difference(shuffled + i * PLACES_D_MODEL, y + s->order[i] * PLACES_D_MODEL,
                                                     PLACES_D_MODEL));
    for (int i = 0; i < PLACES_TOKENS * PLACES_D_MODEL; i++)
        squares += (double)y[i] * (double)y[i];
    s->pooled = largest_difference(mean, shuffled_mean, PLACES_D_MODEL);
    s->typical = sqrt(squares / (PLACES_TOKENS * PLACES_D_MODEL));
}

static heed_status shuffle_through(const layer *l, heed_tape *t, uint64_t seed, shuffle *s) {
    float x[PLACES_TOKENS * PLACES_D_MODEL], moved[PLACES_TOKENS * PLACES_D_MODEL];
    for (int i = 0; i < PLACES_TOKENS * PLACES_D_MODEL; i++)
        x[i] = (float)heed_rng_normal(heed_rng_mix(seed, 1), (uint64_t)i);
    for (int i = 0; i < PLACES_TOKENS; i++)
        memcpy(moved + i * PLACES_D_MODEL, x + s->order[i] * PLACES_D_MODEL, PLACES_D_MODEL * sizeof *x);
    heed_tape_reset(t);
    heed_tensor y = attend(l, t, x), shuffled = attend(l, t, moved);
    const float *mean = heed_f32(t, heed_mean(t, y, HEED_AXES(1))),
                *mean_too = heed_f32(t, heed_mean(t, shuffled, HEED_AXES(1)));
    if (mean && mean_too)
        compare(s, heed_f32(t, y), heed_f32(t, shuffled), mean, mean_too);
    return heed_tape_status(t);
}

heed_status places_shuffle(heed_tape *t, bool with_places, uint64_t seed, shuffle *s) {
    layer l = {.model = heed_model_new(), .with_places = with_places};
    const heed_module *root = heed_model_root(l.model);
    heed_position_init(&l.place, root, "place", HEED_POSITION_SINUSOIDAL, PLACES_TOKENS, PLACES_D_MODEL);
    heed_multi_head_attention_init(&l.attn, root, "attn",
                                   (heed_multi_head_options){.d_model = PLACES_D_MODEL, .n_heads = PLACES_HEADS});
    heed_status status = heed_model_build(l.model, HEED_F32, seed);
    draw_different(heed_rng_mix(seed, 2), PLACES_TOKENS, PLACES_TOKENS, s->order);
    if (!status)
        status = shuffle_through(&l, t, seed, s);
    heed_model_free(l.model);
    return status;
}

/* ---- which came first ---- */

int first_draw(uint64_t seed, uint64_t index, int32_t row[FIRST_TOKENS]) {
    uint64_t key = heed_rng_mix(seed, index);
    int others[FIRST_TOKENS - 2], spot[2], at[FIRST_TOKENS] = {0};
    draw_different(heed_rng_mix(key, 1), FIRST_TOKENS - 2, FIRST_LETTERS - 2, others);
    draw_different(heed_rng_mix(key, 2), 2, FIRST_TOKENS, spot);
    at[spot[FIRST_A]] = at[spot[FIRST_B]] = 1;
    for (int i = 0, n = 0; i < FIRST_TOKENS; i++)
        if (!at[i])
            row[i] = 2 + others[n++];
    row[spot[FIRST_A]] = FIRST_A;
    row[spot[FIRST_B]] = FIRST_B;
    return spot[FIRST_A] < spot[FIRST_B];
}

void first_mirror(int32_t row[FIRST_TOKENS]) {
    for (int i = 0; i < FIRST_TOKENS; i++)
        row[i] = row[i] == FIRST_A ? FIRST_B : row[i] == FIRST_B ? FIRST_A : row[i];
}

heed_status first_init(first *f, bool with_places, uint64_t seed) {
    const heed_transformer_options shape = {
        .d_model = 32, .d_ff = 64, .n_heads = 4, .n_layers = 2, .activation = HEED_RELU};
    *f = (first){.model = heed_model_new(), .with_places = with_places};
    const heed_module *root = heed_model_root(f->model);
    heed_embedding_init(&f->letter, root, "letter", FIRST_LETTERS, shape.d_model);
    heed_position_init(&f->place, root, "place", HEED_POSITION_SINUSOIDAL, FIRST_TOKENS, shape.d_model);
    heed_encoder_init(&f->encoder, root, "encoder", shape);
    heed_linear_init(&f->out, root, "out", shape.d_model, 2, true);
    return heed_model_build(f->model, HEED_F32, seed);
}

void first_free(first *f) {
    heed_model_free(f->model);
}

/* rows (n, tokens) -> logits (n, 2) */
static heed_tensor logits_of(const first *f, heed_tape *t, const int32_t *rows, int n) {
    heed_tensor x = heed_embedding_forward(&f->letter, t, heed_input(t, HEED_I32, HEED_SHAPE(n, FIRST_TOKENS), rows));
    if (f->with_places)
        x = heed_position_forward(&f->place, t, x, 0);
    x = heed_encoder_forward(&f->encoder, t, x, (heed_attend){.causal = false});
    return heed_linear_forward(&f->out, t, heed_mean(t, x, HEED_AXES(1)));
}

static heed_tensor loss_of(const first *f, heed_tape *t, uint64_t seed, uint64_t start) {
    int32_t rows[FIRST_BATCH * FIRST_TOKENS], right[FIRST_BATCH];
    for (int i = 0; i < FIRST_BATCH; i++)
        right[i] = first_draw(seed, start + (uint64_t)i, rows + i * FIRST_TOKENS);
    return heed_cross_entropy(t, logits_of(f, t, rows, FIRST_BATCH),
                              heed_input(t, HEED_I32, HEED_SHAPE(FIRST_BATCH), right));
}

heed_status first_train(const first *f, int64_t steps, int64_t seed, int64_t threads, double *loss, heed_error *error) {
    const training_plan plan = {.steps = steps,
                                .lr = 3e-3,
                                .warmup = steps / 20,
                                .beta2 = 0.98,
                                .clip_norm = 1,
                                .seed = seed,
                                .threads = threads};
    training tr;
    heed_status status = training_init(&tr, f->model, &plan);
    while (!status && tr.steps < steps) {
        heed_tape_reset(tr.t);
        status = training_step(&tr, loss_of(f, tr.t, (uint64_t)seed, (uint64_t)(tr.steps * FIRST_BATCH)));
    }
    if (status)
        training_explain(&tr, status, error);
    *loss = tr.loss;
    training_free(&tr);
    return status;
}

heed_status first_examine(const first *f, heed_tape *t, first_mark *m) {
    static const uint64_t seed = 1979;
    int32_t rows[2 * FIRST_EXAM * FIRST_TOKENS], right[2 * FIRST_EXAM];
    for (int i = 0; i < FIRST_EXAM; i++) {
        int32_t *row = rows + 2 * i * FIRST_TOKENS;
        right[2 * i] = first_draw(seed, (uint64_t)i, row);
        right[2 * i + 1] = !right[2 * i];
        memcpy(row + FIRST_TOKENS, row, FIRST_TOKENS * sizeof *row);
        first_mirror(row + FIRST_TOKENS);
    }
    *m = (first_mark){.asked = 2 * FIRST_EXAM};
    heed_tape_reset(t);
    const float *said = heed_f32(t, logits_of(f, t, rows, 2 * FIRST_EXAM)); /* (2 FIRST_EXAM, 2) */
    for (int i = 0; said && i < 2 * FIRST_EXAM; i++)
        m->right += (said[2 * i + 1] > said[2 * i]) == right[i];
    for (int i = 0; said && i < FIRST_EXAM; i++)
        m->apart = fmax(m->apart, largest_difference(said + 4 * i, said + 4 * i + 2, 2));
    return heed_tape_status(t);
}
