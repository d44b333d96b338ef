#include "words.h"

#include <math.h>
#include <string.h>

/* ---- the layer ---- */

static heed_status run_layer(words *w, heed_error *error) {
    heed_tape *t = heed_tape_new();
    heed_tensor x = heed_input(t, HEED_F32, HEED_SHAPE(1, WORDS_TOKENS, WORDS_D_MODEL), w->x);
    const float *y = heed_f32(t, heed_multi_head_attention_forward(&w->attn, t, x, x, (heed_attend){.causal = false}));
    if (y)
        memcpy(w->y, y, sizeof w->y);
    heed_status status = heed_tape_status(t);
    if (status)
        heed_error_set(error, status, "%s", heed_error_text(t));
    heed_tape_free(t);
    return status;
}

heed_status words_init(words *w, uint64_t seed, heed_error *error) {
    *w = (words){.model = heed_model_new()};
    heed_multi_head_attention_init(
        &w->attn, heed_model_root(w->model), "attn",
        (heed_multi_head_options){.d_model = WORDS_D_MODEL, .n_heads = WORDS_HEADS, .no_bias = true});
    heed_status status = heed_model_build(w->model, HEED_F32, seed);
    if (status)
        return heed_error_set(error, status, "%s", heed_model_error_text(w->model));
    for (int i = 0; i < WORDS_TOKENS; i++)
        for (int c = 0; c < WORDS_D_MODEL; c++)
            w->x[i][c] =
                (float)heed_rng_normal(heed_rng_mix(seed, heed_rng_hash("words")), (uint64_t)(i * WORDS_D_MODEL + c));
    return run_layer(w, error);
}

void words_free(words *w) {
    heed_model_free(w->model);
}

/* ---- by hand ---- */

typedef double matrix[WORDS_D_MODEL]
                     [WORDS_D_MODEL]; /* (outputs, inputs), as layers keep them: the transpose of W^Q, ... */

typedef struct matrices {
    matrix q, k, v, o;
} matrices;

static heed_status get(heed_param p, matrix m) {
    return heed_param_get(p, &m[0][0], (int64_t)WORDS_D_MODEL * WORDS_D_MODEL);
}

/* Entry `out` of x W. */
static double times(const float *x, const matrix w, int out) {
    double sum = 0;
    for (int in = 0; in < WORDS_D_MODEL; in++)
        sum += (double)x[in] * w[out][in];
    return sum;
}

static heed_status get_all(const heed_multi_head_attention *attn, matrices *m) {
    heed_status status = get(attn->w_q, m->q);
    status = status ? status : get(attn->w_k, m->k);
    status = status ? status : get(attn->w_v, m->v);
    return status ? status : get(attn->w_o, m->o);
}

static void project(const words *w, int token, const matrices *m, words_steps *s) {
    for (int h = 0; h < WORDS_HEADS; h++)
        for (int c = 0; c < WORDS_D_K; c++) {
            int row = h * WORDS_D_K + c; /* head h has rows of its own */
            s->q[h][c] = times(w->x[token], m->q, row);
            for (int j = 0; j < WORDS_TOKENS; j++) {
                s->k[h][j][c] = times(w->x[j], m->k, row);
                s->v[h][j][c] = times(w->x[j], m->v, row);
            }
        }
}

/* One head: its weights and its part of z. */
static void look(words_steps *s, int h) {
    double sum = 0;
    for (int j = 0; j < WORDS_TOKENS; j++) {
        s->score[h][j] = 0;
        for (int c = 0; c < WORDS_D_K; c++)
            s->score[h][j] += s->q[h][c] * s->k[h][j][c];
        s->scaled[h][j] = s->score[h][j] / sqrt(WORDS_D_K);
        sum += exp(s->scaled[h][j]);
    }
    for (int c = 0; c < WORDS_D_K; c++)
        s->z[h * WORDS_D_K + c] = 0;
    for (int j = 0; j < WORDS_TOKENS; j++) {
        s->weight[h][j] = exp(s->scaled[h][j]) / sum;
        for (int c = 0; c < WORDS_D_K; c++)
            s->z[h * WORDS_D_K + c] += s->weight[h][j] * s->v[h][j][c];
    }
}

heed_status words_by_hand(const words *w, int token, words_steps *s) {
    matrices m;
    heed_status status = get_all(&w->attn, &m);
    if (status)
        return status;
    project(w, token, &m, s);
    for (int h = 0; h < WORDS_HEADS; h++)
        look(s, h);
    for (int out = 0; out < WORDS_D_MODEL; out++) {
        s->y[out] = 0;
        for (int in = 0; in < WORDS_D_MODEL; in++)
            s->y[out] += s->z[in] * m.o[out][in];
    }
    return HEED_OK;
}

heed_status words_apart(const words *w, double *apart) {
    heed_status status = HEED_OK;
    *apart = 0;
    for (int i = 0; i < WORDS_TOKENS && !status; i++) {
        words_steps s;
        status = words_by_hand(w, i, &s);
        for (int c = 0; c < WORDS_D_MODEL && !status; c++)
            *apart = fmax(*apart, fabs(s.y[c] - (double)w->y[i][c]));
    }
    return status;
}
