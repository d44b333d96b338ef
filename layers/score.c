#include <heed/layers/score.h>
#include <heed/ops.h>

#include <math.h>

/* ---- the kinds: what each declares, and what it makes of queries, of keys and of both ---- */

typedef struct score_rule {
    const char *name;
    bool one_size; /* d_query = d_key */
    void (*declare)(heed_score *score);
    heed_tensor (*queries)(const heed_score *score, heed_tape *t, heed_tensor q);
    heed_tensor (*keys)(const heed_score *score, heed_tape *t, heed_tensor k);
    heed_tensor (*between)(const heed_score *score, heed_tape *t, heed_tensor queries, heed_tensor keys);
    double (*scale)(const heed_score *score); /* NULL: scores are no product of queries and keys */
} score_rule;

static heed_init as_linear(int64_t inputs) {
    double bound = 1 / sqrt((double)inputs);
    return heed_init_uniform(-bound, bound);
}

static heed_tensor as_it_is(const heed_score *score, heed_tape *t, heed_tensor x) {
    (void)score;
    (void)t;
    return x;
}

static void no_parameters(heed_score *score) {
    (void)score;
}

static double one(const heed_score *score) {
    (void)score;
    return 1;
}

static double one_over_root(const heed_score *score) {
    return 1 / sqrt((double)score->options.d_key);
}

static const score_rule *rule_of(const heed_score *score);

/* (B, T, d), (B, S, d) -> (B, T, S) */
static heed_tensor product(const heed_score *score, heed_tape *t, heed_tensor queries, heed_tensor keys) {
    double scale = rule_of(score)->scale(score);
    heed_tensor scores = heed_matmul_t(t, queries, false, keys, true);
    return scale == 1 ? scores : heed_scale(t, scores, scale);
}

static void declare_general(heed_score *score) {
    const heed_score_options *o = &score->options;
    score->w = heed_param_new(&score->module, "w", HEED_SHAPE(o->d_query, o->d_key), as_linear(o->d_query));
}

static heed_tensor general_queries(const heed_score *score, heed_tape *t, heed_tensor q) {
    return heed_matmul(t, q, heed_use(t, score->w)); /* (B, T, d_key) */
}

static void declare_v(heed_score *score) {
    int64_t d = score->options.d_hidden;
    score->v = heed_param_new(&score->module, "v", HEED_SHAPE(1, d), as_linear(d));
}

static void declare_additive(heed_score *score) {
    const heed_score_options *o = &score->options;
    score->w_q = heed_param_new(&score->module, "w_q", HEED_SHAPE(o->d_hidden, o->d_query), as_linear(o->d_query));
    score->w_k = heed_param_new(&score->module, "w_k", HEED_SHAPE(o->d_hidden, o->d_key), as_linear(o->d_key));
    declare_v(score);
}

static heed_tensor additive_queries(const heed_score *score, heed_tape *t, heed_tensor q) {
    return heed_linear(t, q, heed_use(t, score->w_q), HEED_NIL); /* (B, T, d_hidden) */
}

static heed_tensor additive_keys(const heed_score *score, heed_tape *t, heed_tensor k) {
    return heed_linear(t, k, heed_use(t, score->w_k), HEED_NIL); /* (B, S, d_hidden) */
}

static heed_tensor under_tanh(const heed_score *score, heed_tape *t, heed_tensor queries, heed_tensor keys) {
    return heed_additive_scores(t, queries, keys, heed_use(t, score->v));
}

static void declare_concat(heed_score *score) {
    const heed_score_options *o = &score->options;
    int64_t both = o->d_query + o->d_key;
    score->w = heed_param_new(&score->module, "w", HEED_SHAPE(o->d_hidden, both), as_linear(both));
    declare_v(score);
}

/* W [q ; k] is a sum of two products: the columns that meet q, and those that meet k. */
static heed_tensor concat_queries(const heed_score *score, heed_tape *t, heed_tensor q) {
    return heed_linear(t, q, heed_slice(t, heed_use(t, score->w), 1, 0, score->options.d_query), HEED_NIL);
}

static heed_tensor concat_keys(const heed_score *score, heed_tape *t, heed_tensor k) {
    const heed_score_options *o = &score->options;
    return heed_linear(t, k, heed_slice(t, heed_use(t, score->w), 1, o->d_query, o->d_query + o->d_key), HEED_NIL);
}

static void declare_location(heed_score *score) {
    const heed_score_options *o = &score->options;
    if (o->longest < 1)
        heed_module_fail(&score->module, "location scores need the longest source: longest is %lld, must be positive",
                         (long long)o->longest);
    score->w = heed_param_new(&score->module, "w", HEED_SHAPE(o->longest, o->d_query), as_linear(o->d_query));
}

static heed_tensor location_queries(const heed_score *score, heed_tape *t, heed_tensor q) {
    return heed_linear(t, q, heed_use(t, score->w), HEED_NIL); /* (B, T, longest) */
}

static heed_tensor location_keys(const heed_score *score, heed_tape *t, heed_tensor k) {
    if (heed_size(t, k, 1) > score->options.longest)
        return heed_fail_tape(t, HEED_INVALID, "the source has %lld places, location scores have %lld",
                              (long long)heed_size(t, k, 1), (long long)score->options.longest);
    return k;
}

static heed_tensor first_places(const heed_score *score, heed_tape *t, heed_tensor queries, heed_tensor keys) {
    (void)score;
    return heed_slice(t, queries, -1, 0, heed_size(t, keys, 1));
}

static void declare_cosine(heed_score *score) {
    score->log_temperature =
        heed_param_new(&score->module, "log_temperature", HEED_SHAPE(1), heed_init_constant(log(0.1)));
    heed_param_set_group(score->log_temperature, "no_decay");
}

/* x sqrt(d) / |x|, and zero where x is. */
static heed_tensor cosine_keys(const heed_score *score, heed_tape *t, heed_tensor x) {
    (void)score;
    return heed_rmsnorm(t, x, HEED_NIL, 0);
}

static heed_tensor cosine_queries(const heed_score *score, heed_tape *t, heed_tensor q) {
    heed_tensor one_over_tau = heed_exp(t, heed_neg(t, heed_use(t, score->log_temperature))); /* (1) */
    return heed_mul(t, cosine_keys(score, t, q), one_over_tau);
}

static double one_over_size(const heed_score *score) {
    return 1 / (double)score->options.d_key;
}

static const score_rule rules[HEED_SCORES] = {
    [HEED_SCORE_DOT] = {"dot", true, no_parameters, as_it_is, as_it_is, product, one},
    [HEED_SCORE_SCALED_DOT] = {"scaled_dot", true, no_parameters, as_it_is, as_it_is, product, one_over_root},
    [HEED_SCORE_GENERAL] = {"general", false, declare_general, general_queries, as_it_is, product, one},
    [HEED_SCORE_ADDITIVE] = {"additive", false, declare_additive, additive_queries, additive_keys, under_tanh, NULL},
    [HEED_SCORE_CONCAT] = {"concat", false, declare_concat, concat_queries, concat_keys, under_tanh, NULL},
    [HEED_SCORE_LOCATION] = {"location", false, declare_location, location_queries, location_keys, first_places, NULL},
    [HEED_SCORE_COSINE] = {"cosine", true, declare_cosine, cosine_queries, cosine_keys, product, one_over_size},
};

static bool is_kind(heed_score_kind kind) {
    return (int)kind >= 0 && (int)kind < HEED_SCORES;
}

static const score_rule *rule_of(const heed_score *score) {
    return &rules[score->options.kind];
}

const char *heed_score_name(heed_score_kind kind) {
    return is_kind(kind) ? rules[kind].name : NULL;
}

/* ---- declaring ---- */

static bool check_options(const heed_module *module, const heed_score_options *o) {
    int64_t both;
    if (!is_kind(o->kind))
        return heed_module_fail(module, "%d is no kind of score", (int)o->kind), false;
    if (o->d_query < 1 || o->d_key < 1 || o->d_hidden < 1 || __builtin_add_overflow(o->d_query, o->d_key, &both))
        return heed_module_fail(module, "d_query %lld, d_key %lld and d_hidden %lld must be positive",
                                (long long)o->d_query, (long long)o->d_key, (long long)o->d_hidden),
               false;
    if (rules[o->kind].one_size && o->d_query != o->d_key)
        return heed_module_fail(module, "%s scores need queries and keys of one size: d_query is %lld, d_key %lld",
                                rules[o->kind].name, (long long)o->d_query, (long long)o->d_key),
               false;
    return true;
}

void heed_score_init(heed_score *score, const heed_module *parent, const char *name, heed_score_options options) {
    *score = (heed_score){.options = options};
    heed_module_init(&score->module, parent, name);
    if (score->options.d_hidden == 0)
        score->options.d_hidden = options.d_query;
    if (check_options(&score->module, &score->options))
        rule_of(score)->declare(score);
    else
        score->options.kind = HEED_SCORE_DOT; /* the model is refused; calls stay in the table */
}

/* ---- use ---- */

/* Whether x is (B, steps, d); of nil and stale handles ops will say so. */
static bool fits(heed_tape *t, const char *what, heed_tensor x, int64_t d) {
    if (heed_rank(t, x) < 0 || (heed_rank(t, x) == 3 && heed_size(t, x, 2) == d))
        return true;
    heed_fail_tape(t, HEED_INVALID, "%s %s; must be (batch, steps, %lld)", what, HEED_SHAPE_STR(heed_shape_of(t, x)),
                   (long long)d);
    return false;
}

heed_tensor heed_score_keys(const heed_score *score, heed_tape *t, heed_tensor k) {
    heed_enter(t, &score->module);
    heed_tensor keys = fits(t, "keys are", k, score->options.d_key) ? rule_of(score)->keys(score, t, k) : HEED_NIL;
    heed_leave(t);
    return keys;
}

heed_tensor heed_score_queries(const heed_score *score, heed_tape *t, heed_tensor q) {
    heed_enter(t, &score->module);
    heed_tensor queries =
        fits(t, "queries are", q, score->options.d_query) ? rule_of(score)->queries(score, t, q) : HEED_NIL;
    heed_leave(t);
    return queries;
}

heed_tensor heed_score_between(const heed_score *score, heed_tape *t, heed_tensor queries, heed_tensor keys) {
    heed_enter(t, &score->module);
    heed_tensor scores = rule_of(score)->between(score, t, queries, keys);
    heed_leave(t);
    return scores;
}

heed_tensor heed_score_forward(const heed_score *score, heed_tape *t, heed_tensor q, heed_tensor k) {
    return heed_score_between(score, t, heed_score_queries(score, t, q), heed_score_keys(score, t, k));
}

bool heed_score_is_product(const heed_score *score, double *scale) {
    const score_rule *rule = rule_of(score);
    *scale = rule->scale ? rule->scale(score) : 0;
    return rule->scale != NULL;
}
