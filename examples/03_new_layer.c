/* 03: a layer of your own, in a page, with its gradients checked by one call.
 *
 * Attention pooling turns a whole sequence into one vector: a single learned query asks every token, and the answer is
 * the weighted sum of what they tell.
 *
 *     k_j = x_j W^K        v_j = x_j W^V        a = softmax(q · k_j / sqrt(d_k))        z = sum_j a_j v_j
 *
 * q, W^K and W^V are parameters: declared in init, asked for in forward with heed_use. That is all a layer has to do; there
 * is no backward to write, since every op it is made of brings its own. */
#include <stdio.h>

#include <heed/heed.h>

/* ---- the layer ---- */

typedef struct attention_pool {
    heed_module module; /* first member of every layer: its place in the model */
    heed_param query;   /* (1, d_k) */
    heed_param w_k, w_v; /* (d_k, d_model) each */
} attention_pool;

static void attention_pool_init(attention_pool *pool, const heed_module *parent, const char *name, int64_t d_model,
                                int64_t d_k) {
    heed_module_init(&pool->module, parent, name);
    pool->query = heed_param_new(&pool->module, "query", HEED_SHAPE(1, d_k), heed_init_normal(0, 1));
    pool->w_k = heed_param_new(&pool->module, "w_k", HEED_SHAPE(d_k, d_model), heed_init_xavier_uniform(1));
    pool->w_v = heed_param_new(&pool->module, "w_v", HEED_SHAPE(d_k, d_model), heed_init_xavier_uniform(1));
}

/* x (B, T, d_model) -> (B, d_k) */
static heed_tensor attention_pool_forward(const attention_pool *pool, heed_tape *t, heed_tensor x) {
    heed_enter(t, &pool->module);                                        /* errors and watched values carry our path */
    heed_tensor k = heed_linear(t, x, heed_use(t, pool->w_k), HEED_NIL); /* (B, T, d_k) */
    heed_tensor v = heed_linear(t, x, heed_use(t, pool->w_v), HEED_NIL); /* (B, T, d_k) */
    heed_tensor q = heed_expand(t, heed_use(t, pool->query), HEED_SHAPE(heed_size(t, x, 0), 1, heed_size(t, k, -1)));
    heed_tensor z = heed_attention(t, q, k, v, (heed_attention_options){.mask = HEED_NIL}); /* (B, 1, d_k) */
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

/* ---- and it learns: one token of eight is marked (its first entry is 3); report the number that stands second in it ---- */

enum { B = 32, T = 8, D = 6, STEPS = 300 };

static void draw_batch(uint64_t seed, float *x, float *y) {
    for (int b = 0; b < B; b++) {
        int marked = (int)heed_rng_below(seed, (uint64_t)b, T);
        for (int i = 0; i < T * D; i++)
            x[b * T * D + i] = (float)heed_rng_normal(seed + 1, (uint64_t)(b * T * D + i)) * (i % D == 0 ? 0.3F : 1.0F);
        x[(b * T + marked) * D] = 3;
        y[b] = x[(b * T + marked) * D + 1];
    }
}

static int train(void) {
    attention_pool pool;
    heed_linear_layer out;
    heed_model *model = heed_model_new();
    attention_pool_init(&pool, heed_model_root(model), "pool", D, 8);
    heed_linear_init(&out, heed_model_root(model), "out", 8, 1, true);
    heed_status failed = heed_model_build(model, HEED_F32, 1);
    heed_tape *t = heed_tape_new();
    heed_grads *g = heed_grads_new(model);
    heed_optim *adam = heed_adam_new(model, heed_adam_defaults(0.02));
    for (int step = 0; step < STEPS && !failed; step++) {
        float x[B * T * D], y[B];
        draw_batch((uint64_t)step * 2, x, y);
        heed_tape_reset(t);
        heed_tensor z = attention_pool_forward(&pool, t, heed_input(t, HEED_F32, HEED_SHAPE(B, T, D), x));
        heed_tensor loss = heed_mse(t, heed_linear_forward(&out, t, z), heed_input(t, HEED_F32, HEED_SHAPE(B, 1), y));
        failed = heed_backward(t, loss, g) ? heed_tape_status(t) : heed_optim_step(adam, g);
        if (step % 50 == 0 || step == STEPS - 1)
            printf("step %3d   mean squared error %.4f\n", step, heed_item(t, loss));
    }
    if (failed)
        fprintf(stderr, "%s%s%s\n", heed_model_error_text(model), heed_error_text(t), heed_optim_error_text(adam));
    heed_optim_free(adam);
    heed_grads_free(g);
    heed_tape_free(t);
    heed_model_free(model);
    return failed != HEED_OK;
}

int main(void) {
    puts("The gradients of a new layer, against central differences:\n");
    int wrong = gradients_are_wrong();
    puts("\nAnd it learns to find the marked token and report its number:\n");
    return train() | wrong;
}
