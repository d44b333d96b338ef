#include <string.h>

#include "trial.h"

/* Which statements are one block, and what the blocks hand on. */
typedef struct cutting {
    int block[MOST_STATEMENTS]; /* its number, or -1: in none */
    bool hands_on[MOST_STATEMENTS * MOST_OUT];
} cutting;

enum { LONGEST_BLOCK = 10 };

static bool drawn(const program *p, int what, int percent) {
    return (int)heed_rng_below(heed_rng_mix(p->seed, p->number), (uint64_t)what, 100) < percent;
}

static void cut_statements(const program *p, cutting *c) {
    for (int k = 0, number = 0; k < p->n; number++) {
        const int length = 1 + (int)heed_rng_below(heed_rng_mix(p->number, p->seed), (uint64_t)k, LONGEST_BLOCK);
        const bool block = drawn(p, k, 80);
        for (int end = k + length; k < end && k < p->n; k++)
            c->block[k] = block ? number : -1;
    }
}

/* What statements outside of a block and backwards take of it, and now and then something else. */
static void find_handed_on(const program *p, cutting *c) {
    for (int at = 0; at < p->n * MOST_OUT; at++)
        c->hands_on[at] = at % MOST_OUT < p->at[at / MOST_OUT].n_out && drawn(p, MOST_STATEMENTS + at, 10);
    for (int k = 0; k < p->n; k++)
        for (int i = 0; i < p->at[k].n_in; i++) {
            const ref in = p->at[k].in[i];
            if (in >= 0 && (c->block[k] < 0 || c->block[k] != c->block[in / MOST_OUT]))
                c->hands_on[in] = true;
        }
    for (int i = 0; i < p->n_backwards; i++) {
        c->hands_on[p->back[i].of] = true;
        if (p->back[i].seed >= 0)
            c->hands_on[p->back[i].seed] = true;
    }
}

static bool begins(const program *p, const cutting *c, int k) {
    return k < p->n && c->block[k] >= 0 && (k == 0 || c->block[k - 1] != c->block[k]);
}

static void end_block(trial *x, const cutting *c, int number) {
    heed_tensor y[MOST_STATEMENTS * MOST_OUT];
    int n = 0, at[MOST_STATEMENTS * MOST_OUT];
    for (int i = 0; i < x->p->n * MOST_OUT; i++)
        if (c->block[i / MOST_OUT] == number && c->hands_on[i]) {
            at[n] = i;
            y[n++] = x->value[i];
        }
    heed_recompute_end_many(x->r->t, y, n);
    for (int i = 0; i < n; i++)
        x->value[at[i]] = y[i];
}

static void call_all(trial *x, const cutting *c, bool blocks) {
    trial_start(x);
    for (int k = 0; k < x->p->n; k++) {
        if (blocks && begins(x->p, c, k))
            heed_recompute_begin(x->r->t);
        trial_call(x, k);
        if (blocks && c->block[k] >= 0 && (k + 1 == x->p->n || c->block[k + 1] != c->block[k]))
            end_block(x, c, c->block[k]);
    }
}

/* ---- its bits ---- */

enum { MOST_ITEMS = 2 * MOST_STATEMENTS * MOST_OUT };
typedef struct bits {
    uint64_t item[MOST_ITEMS];
    int n;
} bits;

static void add_bytes(bits *b, const void *data, size_t bytes) {
    const unsigned char *at = data;
    uint64_t hash = bytes;
    for (size_t i = 0; data && i < bytes; i++)
        hash = heed_rng_mix(hash, at[i]);
    b->item[b->n++] = hash;
}

static void add_tensor(bits *b, heed_tape *t, heed_tensor x) {
    const void *data = heed_data(t, x);
    add_bytes(b, data, data ? (size_t)heed_count(t, x) * heed_dtype_size(heed_dtype_of(t, x)) : 0);
}

static void add_gradients(trial *x, bits *b) {
    for (int k = 0; k < x->p->n; k++)
        if (x->p->at[k].direction && x->o.value[k * MOST_OUT].needs)
            add_tensor(b, x->r->t, heed_grad(x->r->t, x->value[k * MOST_OUT]));
}

static bool run(trial *x, const cutting *c, bool blocks, bits *b) {
    heed_grads *g = heed_grads_new(x->model);
    bool good = true;
    call_all(x, c, blocks);
    for (int i = 0; i < x->p->n_backwards && good; i++) {
        good = trial_walk(x, &x->p->back[i], g) == HEED_OK;
        add_gradients(x, b);
    }
    for (int i = 0; i < x->p->n * MOST_OUT && good; i++)
        if (c->hands_on[i])
            add_tensor(b, x->r->t, x->value[i]);
    add_bytes(b, heed_grads_data(g), (size_t)heed_model_size(x->model) * heed_dtype_size(x->p->model_dtype));
    heed_grads_free(g);
    return heed_tape_status(x->r->t) == HEED_OK ||
           trial_fail(x, "%s blocks: %s", blocks ? "in" : "without", heed_error_text(x->r->t));
}

bool trial_recomputes(trial *x) {
    trial *y = pool_take(x->memory, 1, sizeof *y);
    program *again = pool_take(x->memory, 1, sizeof *again);
    cutting *c = pool_take(x->memory, 1, sizeof *c);
    bits *plain = pool_take(x->memory, 1, sizeof *plain), *blocks = pool_take(x->memory, 1, sizeof *blocks);
    cut_statements(x->p, c);
    find_handed_on(x->p, c);
    *again = *x->p;
    again->threads = x->p->threads % 3 + 1;
    *y = *x;
    if (!run(y, c, false, plain))
        return false;
    y->p = again;
    if (!run(y, c, true, blocks))
        return false;
    return (plain->n == blocks->n && memcmp(plain->item, blocks->item, (size_t)plain->n * sizeof *plain->item) == 0) ||
           trial_fail(x, "other bits where backward computes blocks of it again");
}
