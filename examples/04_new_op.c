/* 04: an op of your own, in a page, with its gradient checked by one call, and attention that learns with it.
 *
 * Sparsemax (Martins and Astudillo 2016) is softmax's sharper sister: the point of the simplex nearest to x. Where softmax
 * gives every key some weight, sparsemax gives most of them exactly none.
 *
 *     y_i = max(x_i - tau, 0), with tau such that sum y = 1
 *
 * Where y_i > 0 the row is linear in x: with n such entries tau = (their sum of x - 1) / n, so
 *
 *     dx_i = dy_i - mean of dy over the n entries      where y_i > 0, and 0 elsewhere.
 *
 * The file compiles itself once for float and once for double (heed/real_f32.h says how). */
#ifndef REAL
#include <math.h>
#include <stdio.h>

#include <heed/heed.h>

#include "common/program.h"
#include "common/sample.h"
#include "common/training.h"

#include <heed/real_f32.h>
#include "04_new_op.c"
#include <heed/real_f64.h>
#include "04_new_op.c"
#include <heed/real_end.h>

/* Rows of 2 to 17 numbers, drawn so that in the longer ones some entries fall to zero. */
static bool samples(int index, heed_sample *sample) {
    static const int64_t lengths[] = {2, 3, 5, 15, 16, 17}, rows[] = {1, 2, 15, 33};
    if (index >= 24)
        return false;
    *sample = (heed_sample){
        .n_in = 1,
        .in = {
            {.dtype = HEED_F64, .shape = HEED_SHAPE(rows[index / 6], lengths[index % 6]), .low = -0.5, .high = 0.5}}};
    return true;
}

static heed_status shape_rule(heed_call *call) {
    heed_shape x = call->in[0]->shape;
    if (x.rank == 0 || x.n[x.rank - 1] == 0)
        return heed_fail(call, "shape is %s; the last axis must have at least one entry", HEED_SHAPE_STR(x));
    return heed_shape_same(call);
}

static const heed_op sparsemax_op = {
    .size = sizeof(heed_op),
    .name = "sparsemax",
    .min_in = 1,
    .max_in = 1,
    .n_out = 1,
    .shape = shape_rule,
    .forward = {[HEED_F32] = forward_f32, [HEED_F64] = forward_f64},
    .backward = {[HEED_F32] = backward_f32, [HEED_F64] = backward_f64},
    .save_out = HEED_SAVE(0), /* backward reads y, and nothing else */
    .samples = samples,
};

/* Over the last axis. */
static heed_tensor sparsemax(heed_tape *t, heed_tensor x) {
    return heed_apply(t, &sparsemax_op, &x, 1, NULL);
}

static int gradient_is_wrong(void) {
    puts("The gradient of a new op, against central differences:\n");
    heed_check check = heed_gradcheck_op(&sparsemax_op, NULL);
    heed_check_print_head(stdout);
    heed_check_print(&check, stdout);

    puts("\nThe same scores, by softmax and by sparsemax:\n");
    heed_tape *t = heed_tape_new();
    heed_tensor scores = heed_input(t, HEED_F32, HEED_SHAPE(5), (float[]){2.0F, 1.7F, 0.4F, 0.1F, -1.0F});
    char text[256];
    heed_print(t, heed_softmax(t, scores, -1), text, sizeof text);
    printf("softmax    %s\n", text);
    heed_print(t, sparsemax(t, scores), text, sizeof text);
    printf("sparsemax  %s\n", text);
    heed_tape_free(t);
    return check.failed != 0;
}

/* ---- attention that gives most keys nothing: each token must report the number of its right-hand neighbour ----
 *
 * A token is the place it stands at, one-hot, and a number. Behind the last one comes the first. */

enum { T = 8, D = T + 1, D_K = 8, B = 32, STEPS = 400 };

typedef struct learner {
    heed_model *model;
    heed_module attn;
    heed_param w_q, w_k, w_v; /* (D_K, D) each */
    heed_linear_layer out;    /* what comes of z */
} learner;

static void learner_init(learner *l) {
    l->model = heed_model_new();
    heed_module_init(&l->attn, heed_model_root(l->model), "attn");
    l->w_q = heed_param_new(&l->attn, "w_q", HEED_SHAPE(D_K, D), heed_init_xavier_uniform(1));
    l->w_k = heed_param_new(&l->attn, "w_k", HEED_SHAPE(D_K, D), heed_init_xavier_uniform(1));
    l->w_v = heed_param_new(&l->attn, "w_v", HEED_SHAPE(D_K, D), heed_init_xavier_uniform(1));
    heed_linear_init(&l->out, heed_model_root(l->model), "out", D_K, 1, true);
}

/* x (n, T, D) -> z (n, T, D_K), and the weights. */
static heed_tensor attend(const learner *l, heed_tape *t, heed_tensor x, heed_tensor *a) {
    heed_enter(t, &l->attn);
    heed_watch(t, "x", x);
    heed_tensor q = heed_watch(t, "q", heed_linear(t, x, heed_use(t, l->w_q), HEED_NIL));
    heed_tensor k = heed_watch(t, "k", heed_linear(t, x, heed_use(t, l->w_k), HEED_NIL));
    heed_tensor v = heed_watch(t, "v", heed_linear(t, x, heed_use(t, l->w_v), HEED_NIL));
    heed_tensor scores = heed_scale(t, heed_matmul_t(t, q, false, k, true), 1 / sqrt(D_K)); /* (n, T, T) */
    *a = heed_watch(t, "pattern", sparsemax(t, heed_watch(t, "attn_scores", scores)));
    heed_tensor z = heed_watch(t, "z", heed_matmul(t, *a, v));
    heed_leave(t);
    return z;
}

static heed_tensor loss_of(const learner *l, heed_tape *t, uint64_t seed, int n, heed_tensor *a) {
    float x[B * T * D] = {0}, y[B * T];
    for (int i = 0; i < n * T; i++) {
        x[i * D + i % T] = 1;
        x[i * D + T] = (float)heed_rng_normal(seed, (uint64_t)i);
    }
    for (int i = 0; i < n * T; i++)
        y[i] = x[(i / T * T + (i + 1) % T) * D + T];
    heed_tensor z = attend(l, t, heed_input(t, HEED_F32, HEED_SHAPE(n, T, D), x), a);
    return heed_mse(t, heed_linear_forward(&l->out, t, z), heed_input(t, HEED_F32, HEED_SHAPE(n, T, 1), y));
}

static heed_tensor followed(void *user, heed_tape *t) {
    heed_tensor a;
    return loss_of(user, t, STEPS + 1, 1, &a);
}

static heed_recorder *record(const recording *kept, learner *l) {
    static const char *const entries[D] = {"place 1", "place 2", "place 3", "place 4", "place 5",
                                           "place 6", "place 7", "place 8", "number"};
    static const int neighbours[T] = {1, 2, 3, 4, 5, 6, 7, 0};
    const heed_recorder_options options = {
        .title = "Sparsemax attention", .params = "*", .optimizer = "adamw", .last = STEPS};
    heed_recorder *r = recording_begin(kept, l->model, options);
    heed_recorder_space(r, (heed_recorded_space){.name = "entries", .n = D, .names = entries});
    heed_recorder_attention(r, (heed_recorded_attention){.path = "attn", .kind = "self", .d_k = D_K, .w_q = "attn.w_q",
                                                         .w_k = "attn.w_k", .w_v = "attn.w_v", .w_o = "out.weight",
                                                         .query_space = "entries", .key_space = "entries"});
    heed_recorder_probe(r, (heed_probe){.name = "tokens", .loss = followed, .user = l, .n_queries = T, .n_keys = T,
                                        .queries = entries, .keys = entries, .alignment = neighbours});
    return r;
}

/* "12 of 64 weights are not 0" */
static void print_weights(heed_tape *t, heed_tensor a, int n) {
    const float *weights = heed_data(t, a);
    int some = 0;
    for (int i = 0; weights && i < n * T * T; i++)
        some += weights[i] > 0;
    printf("of %d weights %d are not zero\n", n * T * T, some);
}

static heed_status train(learner *l, heed_recorder *r, const sample_options *o, heed_error *error) {
    training tr;
    const training_plan plan = {.steps = STEPS, .lr = 0.02, .constant = true, .threads = o->threads, .recorder = r};
    heed_status status = training_init(&tr, l->model, &plan);
    while (!status && tr.steps < STEPS) {
        heed_tensor a;
        heed_tape_reset(tr.t);
        status = training_step(&tr, loss_of(l, tr.t, (uint64_t)tr.steps + 1, B, &a));
        if (tr.steps == STEPS || (tr.steps % 100 == 1 && !o->quiet)) {
            printf("step %3d   mean squared error %.4f   ", (int)tr.steps, tr.loss);
            print_weights(tr.t, a, B);
        }
    }
    if (status)
        training_explain(&tr, status, error);
    training_free(&tr);
    return status;
}

static heed_status learn(const sample_options *o, heed_error *error) {
    learner l;
    learner_init(&l);
    heed_status status = heed_model_build(l.model, HEED_F32, 1);
    if (status)
        heed_error_set(error, status, "%s", heed_model_error_text(l.model));
    else {
        heed_recorder *r = record(&o->kept, &l);
        status = recording_end(&o->kept, r, o->quiet, train(&l, r, o, error), error);
    }
    heed_model_free(l.model);
    return status;
}

static int run(const sample_options *o) {
    heed_error error = {.status = HEED_OK};
    int wrong = o->quiet ? 0 : gradient_is_wrong();
    if (!o->quiet)
        puts("\nAttention by sparsemax learns to look at the neighbour on the right, and nowhere else:\n");
    return learn(o, &error) ? failed(error.text) : wrong;
}

int main(int argc, char **argv) {
    return sample_main("An op of your own: sparsemax, checked, and attention that learns with it.", run, argc,
                       argv);
}

#else

/* Lets tau rise until all entries above it, less tau, sum to 1: each round drops those that have fallen below. */
static void TYPED(project)(const REAL *x, REAL *y, int64_t n) {
    REAL tau = x[0] - 1;
    int64_t kept = 0, before = -1;
    for (int64_t i = 0; i < n; i++)
        tau = x[i] - 1 < tau ? x[i] - 1 : tau;
    while (kept != before) {
        REAL sum = 0;
        before = kept;
        kept = 0;
        for (int64_t i = 0; i < n; i++)
            if (x[i] > tau) {
                sum += x[i];
                kept++;
            }
        tau = (sum - 1) / (REAL)kept;
    }
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] > tau ? x[i] - tau : 0;
}

/* Rows are shared out to the threads; each is computed the same way whoever does it. */
static void TYPED(forward_rows)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    int64_t n = call->in[0]->shape.n[call->in[0]->shape.rank - 1];
    for (int64_t r = begin; r < end; r++)
        TYPED(project)((const REAL *)call->in[0]->data + r * n, (REAL *)call->out[0]->data + r * n, n);
}

static void TYPED(forward)(heed_call *call) {
    int64_t n = call->in[0]->shape.n[call->in[0]->shape.rank - 1];
    heed_parallel(call, heed_array_count(call->in[0]) / n, 64, TYPED(forward_rows), call);
}

static void TYPED(backward_rows)(void *context, int64_t begin, int64_t end) {
    const heed_call *call = context;
    int64_t n = call->out[0]->shape.n[call->out[0]->shape.rank - 1];
    for (int64_t r = begin; r < end; r++) {
        const REAL *y = (const REAL *)call->out[0]->data + r * n, *dy = (const REAL *)call->dy[0]->data + r * n;
        REAL *dx = (REAL *)call->dx[0]->data + r * n, sum = 0, kept = 0;
        for (int64_t i = 0; i < n; i++) {
            sum += y[i] > 0 ? dy[i] : 0;
            kept += y[i] > 0;
        }
        for (int64_t i = 0; i < n; i++)
            dx[i] = y[i] > 0 ? dy[i] - sum / kept : 0;
    }
}

static void TYPED(backward)(heed_call *call) {
    int64_t n = call->out[0]->shape.n[call->out[0]->shape.rank - 1];
    heed_parallel(call, heed_array_count(call->out[0]) / n, 64, TYPED(backward_rows), call);
}

#endif
