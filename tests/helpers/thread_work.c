#include "thread_work.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "small_training.h"

/* ---- eight tapes ---- */

typedef struct worker {
    pthread_t thread;
    int steps;
    uint64_t hash; /* of all parameters at the end; 0 on an error */
} worker;

static uint64_t hash_bytes(const void *data, size_t n) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ ((const unsigned char *)data)[i]) * 0x100000001b3u;
    return hash;
}

static void *train_alone(void *argument) {
    worker *w = argument;
    small_training s;
    heed_tape *t = heed_tape_new();
    heed_tape_set_threads(t, 2);
    bool good = small_training_init(&s, HEED_F32);
    if (good)
        heed_optim_set_threads(s.optim, 2);
    for (int step = 0; step < w->steps && good; step++)
        good = isfinite(small_training_step(&s, t, step));
    w->hash = good ? hash_bytes(heed_model_data(s.model), (size_t)heed_model_size(s.model) * sizeof(float)) : 0;
    heed_tape_free(t);
    small_training_free(&s);
    return NULL;
}

bool eight_tapes_in_eight_threads(int steps) {
    worker alone = {.steps = steps}, workers[8];
    train_alone(&alone);
    for (int i = 0; i < 8; i++) {
        workers[i] = (worker){.steps = steps};
        if (pthread_create(&workers[i].thread, NULL, train_alone, &workers[i]))
            return false;
    }
    bool same = alone.hash != 0;
    for (int i = 0; i < 8; i++) {
        pthread_join(workers[i].thread, NULL);
        same = same && workers[i].hash == alone.hash;
    }
    return same;
}

/* ---- one model, two tapes ---- */

/* mean over rows of (x w - 1)², on rows first .. first + rows - 1 of a batch that is a function of the step. */
typedef struct half {
    pthread_t thread;
    heed_param w;
    heed_tape *t;
    heed_grads *g;
    int step, first, rows;
    bool good;
} half;

enum { WIDTH = 16, ROWS = 12 };

static heed_tensor loss_of(const half *h) {
    double x[ROWS * WIDTH];
    for (int i = 0; i < h->rows * WIDTH; i++)
        x[i] = heed_rng_normal((uint64_t)h->step, (uint64_t)(h->first * WIDTH + i));
    heed_tensor batch = heed_input(h->t, HEED_F64, HEED_SHAPE(h->rows, WIDTH), x);
    heed_tensor y = heed_tanh(h->t, heed_linear(h->t, batch, heed_use(h->t, h->w), HEED_NIL));
    return heed_mean(h->t, heed_square(h->t, heed_add_scalar(h->t, y, -1)), HEED_ALL_AXES);
}

static void *differentiate(void *argument) {
    half *h = argument;
    heed_tape_reset(h->t);
    heed_grads_clear(h->g);
    h->good = heed_backward(h->t, loss_of(h), h->g) == HEED_OK;
    return NULL;
}

static bool run_halves(half *halves) {
    for (int i = 0; i < 2; i++)
        if (pthread_create(&halves[i].thread, NULL, differentiate, &halves[i]))
            return false;
    for (int i = 0; i < 2; i++)
        pthread_join(halves[i].thread, NULL);
    return halves[0].good && halves[1].good && heed_grads_merge(halves[0].g, halves[1].g, 1) == HEED_OK;
}

static bool close_enough(heed_grads *a, heed_grads *b, heed_param w) {
    const double *x = heed_grads_of(a, w), *y = heed_grads_of(b, w);
    for (int i = 0; i < WIDTH * WIDTH; i++)
        if (!(fabs(x[i] - y[i]) <= 1e-12))
            return false;
    return true;
}

bool two_tapes_train_one_model(int steps) {
    heed_model *model = heed_model_new();
    heed_param w = heed_param_new(heed_model_root(model), "w", HEED_SHAPE(WIDTH, WIDTH), heed_init_xavier_uniform(1));
    bool good = heed_model_build(model, HEED_F64, 1) == HEED_OK;
    heed_optim *sgd = heed_sgd_new(model, (heed_sgd_options){.lr = 0.1, .momentum = 0.9});
    /* Unequal halves: the average must go by rows, not by threads. */
    half runs[3] = {{.first = 0, .rows = 4}, {.first = 4, .rows = ROWS - 4}, {.first = 0, .rows = ROWS}};
    for (int i = 0; i < 3; i++) {
        runs[i].w = w;
        runs[i].t = heed_tape_new();
        runs[i].g = heed_grads_new(model);
    }
    for (int step = 0; step < steps && good; step++) {
        for (int i = 0; i < 3; i++)
            runs[i].step = step;
        differentiate(&runs[2]);
        good = runs[2].good && run_halves(runs) && close_enough(runs[0].g, runs[2].g, w) && heed_optim_step(sgd, runs[0].g) == HEED_OK;
    }
    for (int i = 0; i < 3; i++) {
        heed_grads_free(runs[i].g);
        heed_tape_free(runs[i].t);
    }
    heed_optim_free(sgd);
    heed_model_free(model);
    return good;
}
