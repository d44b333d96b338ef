#include <heed/layers/state_attention.h>

#include <math.h>

#include "shared_internal.h"

/* ---- declaring ---- */

static const char *const window_names[HEED_WINDOWS] = {"global", "monotonic", "predictive"};

static bool is_window(heed_window window) {
    return (int)window >= 0 && (int)window < HEED_WINDOWS;
}

const char *heed_window_name(heed_window window) {
    return is_window(window) ? window_names[window] : NULL;
}

static void check_window(const heed_module *module, const heed_state_attention_options *o) {
    if (!is_window(o->window))
        heed_module_fail(module, "%d is no window", (int)o->window);
    else if (o->window != HEED_WINDOW_GLOBAL && (o->reach < 1 || o->reach > INT32_MAX))
        heed_module_fail(module, "a %s window reaches %lld places; it must be 1 to 2^31 - 1", window_names[o->window],
                         (long long)o->reach);
}

void heed_state_attention_init(heed_state_attention *attn, const heed_module *parent, const char *name,
                               heed_state_attention_options options) {
    *attn = (heed_state_attention){.options = options};
    heed_module_init(&attn->module, parent, name);
    check_window(&attn->module, &options);
    heed_score_init(&attn->score, &attn->module, "score", options.score);
    if (options.window != HEED_WINDOW_PREDICTIVE)
        return;
    int64_t d = options.score.d_query;
    double bound = 1 / sqrt((double)d);
    attn->w_p = heed_param_new(&attn->module, "w_p", HEED_SHAPE(d, d), heed_init_uniform(-bound, bound));
    attn->v_p = heed_param_new(&attn->module, "v_p", HEED_SHAPE(1, d), heed_init_uniform(-bound, bound));
}

/* ---- the source ---- */

/* look bool (B, 1, S) or HEED_NIL -> (B, 1, 1) in the states' dtype. */
static heed_tensor true_lengths(heed_tape *t, heed_tensor states, heed_tensor look) {
    heed_dtype dtype = heed_dtype_of(t, states);
    if (heed_is_nil(look))
        return heed_full(t, dtype, HEED_SHAPE(heed_size(t, states, 0), 1, 1), (double)heed_size(t, states, 1));
    return heed_sum(t, heed_cast(t, look, dtype), HEED_KEEP(2));
}

static heed_state_memory make_memory(const heed_state_attention *attn, heed_tape *t, heed_tensor states,
                                     heed_tensor padding) {
    heed_state_memory memory = {.states = states, .may_look = HEED_NIL};
    int rank = heed_rank(t, states);
    int64_t B = heed_size(t, states, 0), S = heed_size(t, states, 1);
    if (rank >= 0 && rank != 3) {
        heed_fail_tape(t, HEED_INVALID, "states are %s; they must be (batch, steps, d)",
                       HEED_SHAPE_STR(heed_shape_of(t, states)));
        return memory;
    }
    if (rank == 3 && !heed_is_nil(padding)) {
        memory.may_look = heed_layer_may_look(t, padding, B, S, 3);
        heed_tensor zero = heed_zeros(t, heed_dtype_of(t, states), HEED_SCALAR); /* not a product: 0 times NaN is NaN */
        memory.states = heed_where(t, heed_reshape(t, memory.may_look, HEED_SHAPE(B, S, 1)), states, zero);
    }
    memory.keys = heed_score_keys(&attn->score, t, memory.states);
    if (attn->options.window == HEED_WINDOW_PREDICTIVE)
        memory.lengths = true_lengths(t, memory.states, memory.may_look);
    return memory;
}

heed_state_memory heed_state_attention_memory(const heed_state_attention *attn, heed_tape *t, heed_tensor states,
                                              heed_tensor padding) {
    heed_enter(t, &attn->module);
    heed_state_memory memory = make_memory(attn, t, states, padding);
    heed_leave(t);
    return memory;
}

heed_state_memory heed_state_memory_rows(heed_tape *t, heed_state_memory memory, heed_tensor rows) {
    bool own_keys = memory.keys.index != memory.states.index;
    heed_state_memory some = {.states = heed_index_select(t, memory.states, rows, 0)};
    some.keys = own_keys ? heed_index_select(t, memory.keys, rows, 0) : some.states;
    if (!heed_is_nil(memory.may_look))
        some.may_look = heed_index_select(t, memory.may_look, rows, 0);
    if (!heed_is_nil(memory.lengths))
        some.lengths = heed_index_select(t, memory.lengths, rows, 0);
    return some;
}

/* ---- where a query may look ---- */

/* |s - (first + t)| <= D as bool (T, S): a band around a diagonal. */
static heed_tensor band(heed_tape *t, int64_t T, int64_t S, int64_t first, int64_t D) {
    heed_tensor all = heed_ones(t, HEED_BOOL, HEED_SHAPE(T, S));
    return heed_tril(t, heed_triu(t, all, first - D), first + D);
}

/* s - p_t, (B, T, S). h (B, T, d_query). */
static heed_tensor from_prediction(const heed_state_attention *attn, heed_tape *t, heed_tensor h,
                                   const heed_state_memory *memory) {
    heed_tensor hidden = heed_tanh(t, heed_linear(t, h, heed_use(t, attn->w_p), HEED_NIL));       /* (B, T, d_query) */
    heed_tensor part = heed_sigmoid(t, heed_linear(t, hidden, heed_use(t, attn->v_p), HEED_NIL)); /* (B, T, 1) */
    heed_tensor p = heed_watch(t, "p", heed_mul(t, memory->lengths, part));                       /* (B, T, 1) */
    return heed_sub(t, heed_arange(t, heed_dtype_of(t, p), heed_size(t, memory->states, 1)), p);
}

static heed_tensor both(heed_tape *t, heed_tensor a, heed_tensor b) {
    return heed_is_nil(a) ? b : heed_is_nil(b) ? a : heed_and(t, a, b);
}

/* ---- weights and context ---- */

/* z (B, T, d_key) where the weights are a plain softmax of products, which one op does at once. */
static heed_tensor fused(heed_tape *t, heed_tensor queries, const heed_state_memory *memory,
                         heed_attention_options options) {
    return heed_layer_attend(t, queries, memory->keys, memory->states, options);
}

/* z (B, T, d_key) from scores (B, T, S); bell HEED_NIL, or what the weights are multiplied by. */
static heed_tensor composed(heed_tape *t, heed_tensor scores, heed_tensor look, heed_tensor bell, heed_tensor states,
                            heed_tensor *weights) {
    heed_watch(t, "attn_scores", scores);
    heed_tensor a = heed_is_nil(look) ? heed_softmax(t, scores, -1) : heed_masked_softmax(t, scores, look);
    a = heed_watch(t, "pattern", heed_is_nil(bell) ? a : heed_mul(t, a, bell));
    if (weights)
        *weights = a;
    return heed_matmul(t, a, states);
}

/* h (B, T, d_query) -> z (B, T, d_key), weights (B, T, S). */
static heed_tensor look_back(const heed_state_attention *attn, heed_tape *t, heed_tensor h,
                             const heed_state_memory *memory, int64_t first, heed_tensor *weights) {
    heed_tensor queries = heed_score_queries(&attn->score, t, h), look = memory->may_look, bell = HEED_NIL;
    int64_t T = heed_size(t, h, 1), S = heed_size(t, memory->states, 1), D = attn->options.reach;
    if (heed_is_nil(queries))
        return HEED_NIL;
    heed_watch(t, "q", queries);
    heed_watch(t, "k", memory->keys);
    heed_watch(t, "v", memory->states);
    if (attn->options.window == HEED_WINDOW_MONOTONIC)
        look = both(t, look, band(t, T, S, first, D));
    if (attn->options.window == HEED_WINDOW_PREDICTIVE) {
        heed_tensor off = from_prediction(attn, t, h, memory); /* (B, T, S) */
        look = both(t, look, heed_le(t, heed_abs(t, off), heed_full(t, heed_dtype_of(t, off), HEED_SCALAR, (double)D)));
        bell = heed_exp(t, heed_scale(t, heed_square(t, off), -2 / ((double)D * (double)D))); /* 2 σ² = D² / 2 */
    }
    double scale;
    if (heed_score_is_product(&attn->score, &scale) && heed_is_nil(bell))
        return fused(t, queries, memory, (heed_attention_options){.mask = look, .scale = scale, .pattern = weights});
    return composed(t, heed_score_between(&attn->score, t, queries, memory->keys), look, bell, memory->states, weights);
}

static heed_tensor attend(const heed_state_attention *attn, heed_tape *t, heed_tensor h,
                          const heed_state_memory *memory, int64_t first, heed_tensor *weights) {
    int rank = heed_rank(t, h);
    int64_t B = heed_size(t, h, 0), d = heed_size(t, h, -1);
    if (rank >= 0 && rank != 2 && rank != 3)
        return heed_fail_tape(t, HEED_INVALID, "h is %s; it must be (batch, %lld) or (batch, steps, %lld)",
                              HEED_SHAPE_STR(heed_shape_of(t, h)), (long long)attn->options.score.d_query,
                              (long long)attn->options.score.d_query);
    if (first < 0 || first > INT32_MAX)
        return heed_fail_tape(t, HEED_INVALID, "the first step is %lld; it must be 0 to 2^31 - 1", (long long)first);
    if (heed_rank(t, memory->states) == 3 && rank >= 0 && heed_size(t, memory->states, 0) != B)
        return heed_fail_tape(t, HEED_INVALID, "h has %lld rows, the memory %lld", (long long)B,
                              (long long)heed_size(t, memory->states, 0));
    heed_tensor many = rank == 2 ? heed_reshape(t, h, HEED_SHAPE(B, 1, d)) : h;
    heed_watch(t, "x", many);
    heed_tensor z = heed_watch(t, "z", look_back(attn, t, many, memory, first, weights)); /* (B, T, d_key) */
    heed_tensor joined = heed_concat(t, (heed_tensor[]){z, many}, 2, -1);
    if (rank != 2)
        return joined;
    if (weights)
        *weights = heed_select(t, *weights, 1, 0);
    return heed_select(t, joined, 1, 0);
}

heed_tensor heed_state_attention_forward(const heed_state_attention *attn, heed_tape *t, heed_tensor h,
                                         heed_state_memory memory, int64_t first, heed_tensor *weights) {
    if (weights)
        *weights = HEED_NIL;
    heed_enter(t, &attn->module);
    heed_tensor joined = attend(attn, t, h, &memory, first, weights);
    heed_leave(t);
    return joined;
}
