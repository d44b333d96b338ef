#include <heed/layers/sampler.h>
#include <heed/rng.h>

#include <math.h>
#include <stdlib.h>

heed_status heed_sampler_check(const heed_sampler *s, heed_error *error) {
    if (!(s->temperature >= 0 && s->temperature < INFINITY))
        return heed_error_set(error, HEED_INVALID, "sampler: temperature %g must be 0 or more, and finite",
                              s->temperature);
    if (s->top_k < 0)
        return heed_error_set(error, HEED_INVALID, "sampler: top_k %lld must be positive, or 0 for all",
                              (long long)s->top_k);
    if (!(s->top_p >= 0 && s->top_p <= 1))
        return heed_error_set(error, HEED_INVALID, "sampler: top_p %g is not in (0, 1], nor 0 for all", s->top_p);
    if (!(s->repetition_penalty >= 0 && s->repetition_penalty < INFINITY))
        return heed_error_set(error, HEED_INVALID,
                              "sampler: repetition_penalty %g must be positive and finite, or 0 for none",
                              s->repetition_penalty);
    return HEED_OK;
}

static heed_status check_logits(const float *logits, int64_t V, const int32_t *said, int64_t n_said,
                                heed_error *error) {
    bool any = false;
    if (V < 1 || V - 1 > INT32_MAX)
        return heed_error_set(error, HEED_INVALID, "sampler: a vocabulary of %lld tokens", (long long)V);
    for (int64_t i = 0; i < V; i++) {
        if (isnan(logits[i]) || logits[i] == INFINITY)
            return heed_error_set(error, HEED_INVALID, "sampler: the logit of token %lld is %g", (long long)i,
                                  (double)logits[i]);
        any = any || logits[i] > -INFINITY;
    }
    if (!any)
        return heed_error_set(error, HEED_INVALID, "sampler: all %lld logits are -inf: there is no token to choose",
                              (long long)V);
    for (int64_t i = 0; i < n_said; i++)
        if (said[i] < 0 || said[i] >= V)
            return heed_error_set(error, HEED_INVALID, "sampler: token %d was said, at %lld; there are 0 to %lld",
                                  said[i], (long long)i, (long long)V - 1);
    return HEED_OK;
}

/* ---- the filters: x (V) are logits, p (V) weights that need not sum to 1 ---- */

/* Once a token, however often it was said. */
static void penalise(double penalty, const float *logits, const int32_t *said, int64_t n_said, double *x) {
    for (int64_t i = 0; i < n_said && penalty != 0; i++)
        x[said[i]] = logits[said[i]] > 0 ? logits[said[i]] / penalty : logits[said[i]] * penalty;
}

static int64_t largest(const double *x, int64_t V) {
    int64_t best = 0;
    for (int64_t i = 1; i < V; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

static void soften(double temperature, double *x, int64_t V) {
    const int64_t best = largest(x, V);
    const double top = x[best];
    for (int64_t i = 0; i < V; i++)
        x[i] = i == best ? 1 : temperature > 0 ? exp((x[i] - top) / temperature) : 0;
}

typedef struct candidate {
    double p;
    int64_t token;
} candidate;

static int likelier_first(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->p != y->p)
        return x->p > y->p ? -1 : 1;
    return (x->token > y->token) - (x->token < y->token);
}

/* How many of the first k candidates have the share together. */
static int64_t share_of(const candidate *order, int64_t k, double share) {
    double total = 0, sum = 0;
    int64_t n = 0;
    for (int64_t i = k - 1; i >= 0; i--)
        total += order[i].p;
    while (n < k && (n == 0 || sum < share * total))
        sum += order[n++].p;
    return n;
}

static heed_status keep_likeliest(const heed_sampler *s, double *p, int64_t V, heed_error *error) {
    const bool some = s->top_k > 0 && s->top_k < V, part = s->top_p > 0 && s->top_p < 1;
    if (!some && !part)
        return HEED_OK;
    candidate *order = (size_t)V > SIZE_MAX / sizeof *order ? NULL : malloc((size_t)V * sizeof *order);
    if (order == NULL)
        return heed_error_set(error, HEED_NO_MEMORY, "sampler: out of memory for %lld tokens", (long long)V);
    for (int64_t i = 0; i < V; i++)
        order[i] = (candidate){p[i], i};
    qsort(order, (size_t)V, sizeof *order, likelier_first);
    int64_t kept = some ? s->top_k : V;
    if (part)
        kept = share_of(order, kept, s->top_p);
    for (int64_t i = kept; i < V; i++)
        p[order[i].token] = 0;
    free(order);
    return HEED_OK;
}

/* ---- all of it ---- */

heed_status heed_sampler_probabilities(const heed_sampler *sampler, const float *logits, int64_t vocabulary,
                                       const int32_t *said, int64_t n_said, double *p, heed_error *error) {
    heed_status status = heed_sampler_check(sampler, error);
    if (status || (status = check_logits(logits, vocabulary, said, n_said, error)))
        return status;
    for (int64_t i = 0; i < vocabulary; i++)
        p[i] = logits[i];
    penalise(sampler->repetition_penalty, logits, said, n_said, p);
    soften(sampler->temperature, p, vocabulary);
    if ((status = keep_likeliest(sampler, p, vocabulary, error)))
        return status;
    double total = 0;
    for (int64_t i = 0; i < vocabulary; i++)
        total += p[i];
    for (int64_t i = 0; i < vocabulary; i++)
        p[i] /= total;
    return HEED_OK;
}

int32_t heed_sampler_draw(const heed_sampler *sampler, const double *p, int64_t vocabulary, uint64_t draw) {
    double total = 0, sum = 0;
    for (int64_t i = 0; i < vocabulary; i++)
        total += p[i];
    const double at = heed_rng_uniform(sampler->seed, draw) * total;
    int64_t last = 0;
    for (int64_t i = 0; i < vocabulary; i++) {
        if (p[i] > 0)
            last = i;
        if ((sum += p[i]) > at)
            break;
    }
    return (int32_t)last;
}

int32_t heed_sampler_pick(const heed_sampler *sampler, const float *logits, int64_t vocabulary, const int32_t *said,
                          int64_t n_said, uint64_t draw, heed_error *error) {
    double *p =
        vocabulary > 0 && (uint64_t)vocabulary <= SIZE_MAX / sizeof *p ? malloc((size_t)vocabulary * sizeof *p) : NULL;
    if (p == NULL && vocabulary > 0) {
        heed_error_set(error, HEED_NO_MEMORY, "sampler: out of memory for %lld tokens", (long long)vocabulary);
        return -1;
    }
    int32_t token = -1;
    if (heed_sampler_probabilities(sampler, logits, vocabulary, said, n_said, p, error) == HEED_OK)
        token = heed_sampler_draw(sampler, p, vocabulary, draw);
    free(p);
    return token;
}
