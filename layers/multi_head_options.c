/* What multi-head attention is declared with: options checked, parameters laid out. */
#include <heed/layers/multi_head_attention.h>

#include <math.h>

/* ---- options ---- */

static bool check_sizes(const heed_module *module, const heed_multi_head_options *o) {
    if (o->d_model < 1 || o->n_heads < 1)
        heed_module_fail(module, "n_heads %d and d_model %lld must be positive", o->n_heads, (long long)o->d_model);
    else if (o->d_model % o->n_heads)
        heed_module_fail(module, "n_heads %d does not divide d_model %lld", o->n_heads, (long long)o->d_model);
    else if (o->d_key < 0 || o->d_value < 0)
        heed_module_fail(module, "d_key %lld and d_value %lld must be positive, or 0 for d_model", (long long)o->d_key,
                         (long long)o->d_value);
    else if (!(o->dropout >= 0 && o->dropout <= 1))
        heed_module_fail(module, "dropout %g is not in [0, 1]", o->dropout);
    else if (o->features.n_kv_heads < 0 || (o->features.n_kv_heads > 0 && o->n_heads % o->features.n_kv_heads))
        heed_module_fail(module, "n_kv_heads %d does not divide n_heads %d", o->features.n_kv_heads, o->n_heads);
    return heed_model_status(module->model) == HEED_OK;
}

static bool check_places(const heed_module *module, const heed_multi_head_options *o) {
    const heed_attention_features *f = &o->features;
    const int64_t d_k = o->d_model / o->n_heads, longest = f->relative_longest ? f->relative_longest : 128;
    if (!(f->rope_base >= 0 && isfinite(f->rope_base)))
        heed_module_fail(module, "rope_base %g must be positive, or 0 for none", f->rope_base);
    else if (f->rope_base > 0 && d_k % 2)
        heed_module_fail(module, "RoPE turns pairs, and d_k %lld is odd: d_model %lld, n_heads %d", (long long)d_k,
                         (long long)o->d_model, o->n_heads);
    else if (f->relative_buckets != 0 && f->relative_buckets < 4)
        heed_module_fail(module, "relative_buckets %d must be 4 or more, or 0 for none", f->relative_buckets);
    else if (f->relative_buckets != 0 && longest <= f->relative_buckets / 2)
        heed_module_fail(module, "relative_longest %lld must be above half of relative_buckets %d", (long long)longest,
                         f->relative_buckets);
    else if (f->window < 0)
        heed_module_fail(module, "window %lld must be positive, or 0 for all", (long long)f->window);
    return heed_model_status(module->model) == HEED_OK;
}

static bool check_lora(const heed_module *module, const heed_attention_features *f) {
    const unsigned all = HEED_LORA_Q | HEED_LORA_K | HEED_LORA_V | HEED_LORA_O;
    if (f->lora_rank < 0 || !isfinite(f->lora_alpha))
        heed_module_fail(module, "lora_rank %d must be 0 or more, lora_alpha %g finite", f->lora_rank, f->lora_alpha);
    else if (f->lora_on & ~all)
        heed_module_fail(module, "lora_on %#x has more than the projections, %#x", f->lora_on, all);
    else if (f->lora_rank == 0 && (f->lora_on || f->lora_alpha != 0))
        heed_module_fail(module, "lora_on and lora_alpha are given, but lora_rank is 0");
    return heed_model_status(module->model) == HEED_OK;
}

/* Zeros to what they stand for. */
static void take_options(heed_multi_head_attention *attn, const heed_multi_head_options *o) {
    *attn = (heed_multi_head_attention){.has_bias = !o->no_bias,
                                        .has_bias_kv = o->bias_kv,
                                        .zero_attn = o->zero_attn,
                                        .n_heads = o->n_heads,
                                        .d_model = o->d_model,
                                        .dropout = o->dropout,
                                        .features = o->features};
    attn->n_kv_heads = o->features.n_kv_heads ? o->features.n_kv_heads : o->n_heads;
    attn->d_key = o->d_key ? o->d_key : o->d_model;
    attn->d_value = o->d_value ? o->d_value : o->d_model;
    attn->has_kv = attn->d_key == attn->d_value;
    attn->has_qkv = attn->has_kv && attn->d_key == attn->d_model;
    heed_attention_features *f = &attn->features;
    f->n_kv_heads = attn->n_kv_heads;
    f->relative_longest = f->relative_longest ? f->relative_longest : 128;
    f->lora_on = f->lora_rank == 0 ? 0 : f->lora_on ? f->lora_on : HEED_LORA_Q | HEED_LORA_V;
}

/* ---- parameters ---- */

static heed_param new_bias(const heed_module *module, const char *name, int64_t d) {
    heed_param p = heed_param_new(module, name, HEED_SHAPE(d), heed_init_constant(0));
    heed_param_set_group(p, "no_decay");
    return p;
}

static heed_param new_weight(const heed_multi_head_attention *attn, const char *name, int64_t rows, int64_t columns) {
    /* Xavier's bound goes by rows + columns: of all three as one matrix where they can be one. */
    const int64_t all = (attn->n_heads + 2 * attn->n_kv_heads) * attn->d_k;
    const double gain = attn->has_qkv ? sqrt((double)(rows + columns) / (double)(all + columns)) : 1;
    return heed_param_new(&attn->module, name, HEED_SHAPE(rows, columns), heed_init_xavier_uniform(gain));
}

static void declare_projections(heed_multi_head_attention *attn) {
    const heed_module *module = &attn->module;
    const int64_t d = attn->d_model, kv = attn->n_kv_heads * attn->d_k;
    heed_param w[3] = {attn->w_q = new_weight(attn, "w_q", d, d), attn->w_k = new_weight(attn, "w_k", kv, attn->d_key),
                       attn->w_v = new_weight(attn, "w_v", kv, attn->d_value)};
    if (attn->has_qkv)
        attn->w_qkv = heed_param_stack(3, w);
    if (attn->has_kv)
        attn->w_kv = heed_param_stack(2, w + 1);
    if (attn->has_bias) {
        heed_param b[3] = {attn->b_q = new_bias(module, "b_q", d), attn->b_k = new_bias(module, "b_k", kv),
                           attn->b_v = new_bias(module, "b_v", kv)};
        attn->b_qkv = heed_param_stack(3, b);
        attn->b_kv = heed_param_stack(2, b + 1);
    }
    attn->w_o =
        heed_param_new(module, "w_o", HEED_SHAPE(d, d), heed_init_uniform(-1 / sqrt((double)d), 1 / sqrt((double)d)));
    if (attn->has_bias)
        attn->b_o = new_bias(module, "b_o", d);
    attn->head_on = heed_buffer_new(module, "head_on", HEED_SHAPE(attn->n_heads), heed_init_constant(1));
}

void heed_alibi_slopes(int n_heads, double *slopes) {
    int power = 1;
    while (power <= n_heads / 2)
        power *= 2;
    for (int h = 0; h < n_heads; h++)
        slopes[h] = h < power ? pow(2, -8.0 * (h + 1) / power) : pow(2, -4.0 * (2 * (h - power) + 1) / power);
}

static void fill_slopes(void *user, heed_shape shape, uint64_t seed, double *values, int64_t count) {
    (void)user, (void)shape, (void)seed;
    heed_alibi_slopes((int)count, values);
}

static void declare_places(heed_multi_head_attention *attn) {
    const heed_attention_features *f = &attn->features;
    if (f->alibi)
        attn->slopes =
            heed_buffer_new(&attn->module, "slopes", HEED_SHAPE(attn->n_heads), heed_init_custom(fill_slopes, NULL));
    if (f->relative_buckets) {
        heed_init start = heed_init_normal(0, 1 / sqrt((double)attn->d_model));
        attn->relative =
            heed_param_new(&attn->module, "relative", HEED_SHAPE(f->relative_buckets, attn->n_heads), start);
        heed_param_set_group(attn->relative, "no_decay");
    }
}

static void declare_extra_keys(heed_multi_head_attention *attn) {
    const int64_t kv = attn->n_kv_heads * attn->d_k;
    heed_init start = heed_init_normal(0, 1 / sqrt((double)attn->d_model));
    attn->bias_k = heed_param_new(&attn->module, "bias_k", HEED_SHAPE(kv), start);
    attn->bias_v = heed_param_new(&attn->module, "bias_v", HEED_SHAPE(kv), start);
    heed_param_set_group(attn->bias_k, "no_decay");
    heed_param_set_group(attn->bias_v, "no_decay");
}

/* The four updates, in order of their bits in lora_on. */
typedef struct updated {
    heed_lora *lora;
    heed_param weight;
    const char *name;
} updated;

static updated update_of(const heed_multi_head_attention *attn, int i) {
    heed_multi_head_attention *a = (heed_multi_head_attention *)attn;
    const updated all[] = {{&a->lora_q, a->w_q, "lora_q"},
                           {&a->lora_k, a->w_k, "lora_k"},
                           {&a->lora_v, a->w_v, "lora_v"},
                           {&a->lora_o, a->w_o, "lora_o"}};
    return all[i];
}

static void declare_lora(heed_multi_head_attention *attn) {
    const int64_t d = attn->d_model, kv = attn->n_kv_heads * attn->d_k, inputs[] = {d, attn->d_key, attn->d_value, d},
                  outputs[] = {d, kv, kv, d};
    for (int i = 0; i < 4; i++)
        if (attn->features.lora_on & 1u << i) {
            updated u = update_of(attn, i);
            heed_lora_init(u.lora, &attn->module, u.name, inputs[i], outputs[i], attn->features.lora_rank,
                           attn->features.lora_alpha);
        }
}

void heed_multi_head_attention_init(heed_multi_head_attention *attn, const heed_module *parent, const char *name,
                                    heed_multi_head_options options) {
    take_options(attn, &options);
    heed_module_init(&attn->module, parent, name);
    const heed_module *module = &attn->module;
    if (!check_sizes(module, &options) || !check_places(module, &options) || !check_lora(module, &options.features))
        return;
    attn->d_k = options.d_model / options.n_heads;
    declare_projections(attn);
    if (attn->has_bias_kv)
        declare_extra_keys(attn);
    declare_places(attn);
    if (attn->features.learned_temperature) {
        attn->log_temperature =
            heed_param_new(module, "log_temperature", HEED_SHAPE(attn->n_heads), heed_init_constant(0));
        heed_param_set_group(attn->log_temperature, "no_decay");
    }
    if (attn->features.qk_norm) {
        heed_rmsnorm_init(&attn->norm_q, module, "norm_q", attn->d_k, 1e-6);
        heed_rmsnorm_init(&attn->norm_k, module, "norm_k", attn->d_k, 1e-6);
    }
    declare_lora(attn);
}

heed_status heed_multi_head_attention_merge_lora(const heed_multi_head_attention *attn) {
    heed_status status = HEED_OK;
    for (int i = 0; i < 4 && status == HEED_OK; i++)
        if (attn->features.lora_on & 1u << i)
            status = heed_lora_merge(update_of(attn, i).lora, update_of(attn, i).weight);
    return status;
}
