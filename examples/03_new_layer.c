/* 03: a layer of your own, in a page, with its gradients checked by one call, and its training to be looked at.
 *
 * Attention pooling turns a whole sequence into one vector: a single learned query asks every token, and the answer is
 * the weighted sum of what they tell.
 *
 *     k_j = x_j W^K        v_j = x_j W^V        a = softmax(q · k_j / sqrt(d_k))        z = sum_j a_j v_j
 *
 * q, W^K and W^V are parameters: declared in init, asked for in forward with heed_use. That is all a layer has to do; there
 * is no backward to write, since every op it is made of brings its own. */
#include <math.h>
#include <stdio.h>

#include <heed/heed.h>

#include "common/program.h"
#include "common/sample.h"
#include "common/training.h"

/* ---- the layer ---- */

typedef struct attention_pool {
    heed_module module;  /* first member of every layer: its place in the model */
    heed_param query;    /* (1, d_k) */
    heed_param w_k, w_v; /* (d_k, d_model) each */
} attention_pool;

static void attention_pool_init(attention_pool *pool, const heed_module *parent, const char *name, int64_t d_model,
                                int64_t d_k) {
    heed_module_init(&pool->module, parent, name);
    pool->query = heed_param_new(&pool->module, "query", HEED_SHAPE(1, d_k), heed_init_normal(0, 1));
    pool->w_k = heed_param_new(&pool->module, "w_k", HEED_SHAPE(d_k, d_model), heed_init_xavier_uniform(1));
    pool->w_v = heed_param_new(&pool->module, "w_v", HEED_SHAPE(d_k, d_model), heed_init_xavier_uniform(1));
}

/* x (B, T, d_model) -> (B, d_k). Values are shown by the names that the lens knows: free where nobody looks. */
static heed_tensor attention_pool_forward(const attention_pool *pool, heed_tape *t, heed_tensor x) {
    heed_enter(t, &pool->module); /* errors and watched values carry our path */
    heed_tensor k = heed_watch(t, "k", heed_linear(t, x, heed_use(t, pool->w_k), HEED_NIL)); /* (B, T, d_k) */
    heed_tensor v = heed_watch(t, "v", heed_linear(t, x, heed_use(t, pool->w_v), HEED_NIL)); /* (B, T, d_k) */
    heed_shape each = HEED_SHAPE(heed_size(t, x, 0), 1, heed_size(t, k, -1));
    heed_tensor q = heed_watch(t, "q", heed_expand(t, heed_use(t, pool->query), each));
    heed_tensor scores = heed_scale(t, heed_matmul_t(t, q, false, k, true), 1 / sqrt((double)heed_size(t, k, -1)));
    heed_tensor a = heed_softmax(t, heed_watch(t, "attn_scores", scores), -1);          /* (B, 1, T) */
    heed_tensor z = heed_watch(t, "z", heed_matmul(t, heed_watch(t, "pattern", a), v)); /* (B, 1, d_k) */
    heed_leave(t);
    return heed_select(t, z, 1, 0);
}

/* ---- its gradients, checked: of x and of every parameter, against differences ---- */

static heed_tensor call_pool(void *user, heed_tape *t, const heed_tensor *x) {
    return attention_pool_forward(user, t, x[0]);
}

static int gradients_are_wrong(void) {
    attention_pool pool;
    heed_model *model = heed_model_new();
    attention_pool_init(&pool, heed_model_root(model), "pool", 6, 4);
    if (heed_model_build(model, HEED_F64, 1)) {
        fprintf(stderr, "%s\n", heed_model_error_text(model));
        heed_model_free(model);
        return 1;
    }
    heed_sample_input x = {.dtype = HEED_F64, .shape = HEED_SHAPE(3, 5, 6)};
    heed_check check = heed_gradcheck(
        &(heed_check_case){
            .name = "attention_pool", .fn = call_pool, .user = &pool, .model = model, .n = 1, .inputs = &x},
        NULL);
    heed_check_print_head(stdout);
    heed_check_print(&check, stdout);
    heed_model_free(model);
    return check.failed != 0;
}

/* ---- and it learns: one token of eight is marked (its first entry is 3); report the number that stands second ---- */

enum { B = 32, T = 8, D = 6, D_K = 8, STEPS = 300, FOLLOWED = 2 };

/* n rows of x (T, D), of which those of `marked` are marked; each at random where that is NULL. */
static void draw(uint64_t seed, int n, const int *marked, float *x, float *y) {
    for (int b = 0; b < n; b++) {
        int here = marked ? marked[b] : (int)heed_rng_below(seed, (uint64_t)b, T);
        for (int i = 0; i < T * D; i++)
            x[b * T * D + i] = (float)heed_rng_normal(seed + 1, (uint64_t)(b * T * D + i)) * (i % D == 0 ? 0.3F : 1.0F);
        x[(b * T + here) * D] = 3;
        y[b] = x[(b * T + here) * D + 1];
    }
}

typedef struct learner {
    heed_model *model;
    attention_pool pool;
    heed_linear_layer out;
} learner;

static heed_tensor loss_of(const learner *l, heed_tape *t, int n, const float *x, const float *y) {
    heed_tensor z = attention_pool_forward(&l->pool, t, heed_input(t, HEED_F32, HEED_SHAPE(n, T, D), x));
    return heed_mse(t, heed_linear_forward(&l->out, t, z), heed_input(t, HEED_F32, HEED_SHAPE(n, 1), y));
}

/* ---- what the lens follows: eight tokens of which the third is marked ---- */

static const int marked = FOLLOWED;

static heed_tensor followed(void *user, heed_tape *t) {
    float x[T * D], y[1];
    draw(1000, 1, &marked, x, y);
    return loss_of(user, t, 1, x, y);
}

static heed_recorder *record(const recording *kept, learner *l) {
    static const char *const asks[] = {"pool"}, *const tokens[T] = {"1", "2", "3, marked", "4", "5", "6", "7", "8"},
                             *const entries[D] = {"mark", "number", "c", "d", "e", "f"};
    const heed_recorder_options options = {
        .title = "Attention pooling", .params = "*", .optimizer = "adamw", .last = STEPS};
    heed_recorder *r = recording_begin(kept, l->model, options);
    heed_recorder_space(r, (heed_recorded_space){.name = "entries", .n = D, .names = entries});
    heed_recorder_attention(
        r,
        (heed_recorded_attention){
            .path = "pool", .kind = "cross", .d_k = D_K, .w_k = "pool.w_k", .w_v = "pool.w_v", .key_space = "entries"});
    heed_recorder_probe(r, (heed_probe){.name = "tokens",
                                        .loss = followed,
                                        .user = l,
                                        .n_queries = 1,
                                        .n_keys = T,
                                        .queries = asks,
                                        .keys = tokens,
                                        .alignment = &marked});
    return r;
}

static heed_status train(learner *l, heed_recorder *r, const sample_options *o, heed_error *error) {
    training tr;
    const training_plan plan = {.steps = STEPS, .lr = 0.02, .constant = true, .threads = o->threads, .recorder = r};
    heed_status status = training_init(&tr, l->model, &plan);
    while (!status && tr.steps < STEPS) {
        float x[B * T * D], y[B];
        draw((uint64_t)tr.steps * 2, B, NULL, x, y);
        heed_tape_reset(tr.t);
        status = training_step(&tr, loss_of(l, tr.t, B, x, y));
        if (tr.steps == STEPS || (tr.steps % 50 == 1 && !o->quiet))
            printf("step %3d   mean squared error %.4f\n", (int)tr.steps, tr.loss);
    }
    if (status)
        training_explain(&tr, status, error);
    training_free(&tr);
    return status;
}

static heed_status learn(const sample_options *o, heed_error *error) {
    learner l = {.model = heed_model_new()};
    attention_pool_init(&l.pool, heed_model_root(l.model), "pool", D, D_K);
    heed_linear_init(&l.out, heed_model_root(l.model), "out", D_K, 1, true);
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
    if (!o->quiet)
        puts("The gradients of a new layer, against central differences:\n");
    int wrong = o->quiet ? 0 : gradients_are_wrong();
    if (!o->quiet)
        puts("\nAnd it learns to find the marked token and report its number:\n");
    return learn(o, &error) ? failed(error.text) : wrong;
}

int main(int argc, char **argv) {
    return sample_main("A layer of your own: attention pooling, checked, learning to find a marked token.", run, argc,
                       argv);
}
