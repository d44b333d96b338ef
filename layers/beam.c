#include <heed/layers/beam.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* All beginnings ever kept are a tree, a node a token, so that a hypothesis is a leaf and costs nothing to branch. */
typedef struct node {
    int64_t parent; /* -1: the first */
    int32_t token, place;
    double log_prob;
} node;

/* A token that may follow hypothesis `place`. */
typedef struct candidate {
    double log_prob;
    int32_t place, token;
} candidate;

typedef struct search {
    heed_beam_options o;
    int64_t rows, n; /* n hypotheses are alive */
    node *nodes;
    int64_t n_nodes, room;
    int64_t *leaf;                      /* (rows width) of each that is alive */
    int32_t *tokens, *parents, *of_row; /* the same in words: what is asked */
    int64_t *next_leaf;
    int32_t *next_row;
    int *left;         /* (rows) places of the beam given up by those that left */
    candidate *chosen; /* (width) of one row */
    double *log_probs; /* (rows width, V) */
    heed_beam *beam;
    int64_t *best_leaf; /* (rows, n_best), -1: none */
    heed_error *error;
} search;

double heed_length_penalty(int64_t length, double alpha) {
    return pow((5 + (double)length) / 6, alpha);
}

/* ---- setting up ---- */

static heed_status check_options(const heed_beam_options *o, int64_t rows, heed_error *error) {
    if (o->width < 1 || o->longest < 1 || o->longest > INT32_MAX || o->n_best < 1 || o->n_best > o->width)
        return heed_error_set(
            error, HEED_INVALID,
            "beam search: width %d, longest %lld and n_best %d must be positive, n_best at most width", o->width,
            (long long)o->longest, o->n_best);
    if (!(o->alpha >= 0) || isinf(o->alpha))
        return heed_error_set(error, HEED_INVALID, "beam search: alpha is %g; it must be finite, 0 or more", o->alpha);
    if (o->vocabulary < 1 || o->vocabulary > INT32_MAX || o->stop < -1 || o->stop >= o->vocabulary)
        return heed_error_set(
            error, HEED_INVALID,
            "beam search: stop is %d, the vocabulary %lld: tokens are 0 to vocabulary - 1, no stop is -1", (int)o->stop,
            (long long)o->vocabulary);
    if (rows < 0)
        return heed_error_set(error, HEED_INVALID, "beam search: rows are %lld", (long long)rows);
    return HEED_OK;
}

static bool take(void *pointer, int64_t count, size_t size) {
    void *memory = calloc(count > 0 ? (size_t)count : 1, size);
    memcpy(pointer, &memory, sizeof memory);
    return memory != NULL;
}

static bool take_all(search *s) {
    int64_t most, wide;
    if (__builtin_mul_overflow(s->rows, (int64_t)s->o.width, &most) || most > INT32_MAX ||
        __builtin_mul_overflow(most, s->o.vocabulary, &wide) || wide > INT64_MAX / 16)
        return false;
    int64_t best = s->rows * s->o.n_best;
    return take(&s->leaf, most, sizeof *s->leaf) && take(&s->tokens, most, sizeof *s->tokens) &&
           take(&s->parents, most, sizeof *s->parents) && take(&s->of_row, most, sizeof *s->of_row) &&
           take(&s->next_leaf, most, sizeof *s->next_leaf) && take(&s->next_row, most, sizeof *s->next_row) &&
           take(&s->left, s->rows, sizeof *s->left) && take(&s->chosen, s->o.width, sizeof *s->chosen) &&
           take(&s->log_probs, wide, sizeof *s->log_probs) && take(&s->best_leaf, best, sizeof *s->best_leaf) &&
           take(&s->beam, 1, sizeof *s->beam) && take(&s->beam->best, best, sizeof *s->beam->best);
}

static void let_go(search *s) {
    void *all[] = {s->nodes,    s->leaf, s->tokens, s->parents,   s->of_row,   s->next_leaf,
                   s->next_row, s->left, s->chosen, s->log_probs, s->best_leaf};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

/* The new node's index, or -1: out of memory. */
static int64_t add_node(search *s, node new_node) {
    if (s->n_nodes == s->room) {
        int64_t room = s->room ? 2 * s->room : 256;
        node *more = realloc(s->nodes, (size_t)room * sizeof *more);
        if (more == NULL)
            return -1;
        s->nodes = more;
        s->room = room;
    }
    s->nodes[s->n_nodes] = new_node;
    return s->n_nodes++;
}

static bool plant(search *s) {
    s->beam->rows = s->rows;
    s->beam->n_best = s->o.n_best;
    for (int64_t i = 0; i < s->rows * s->o.n_best; i++)
        s->best_leaf[i] = -1;
    for (int64_t row = 0; row < s->rows; row++) {
        s->of_row[row] = (int32_t)row;
        s->leaf[row] = add_node(s, (node){.parent = -1, .token = s->o.start, .place = (int32_t)row, .log_prob = 0});
        if (s->leaf[row] < 0)
            return false;
    }
    s->n = s->rows;
    return true;
}

/* ---- one step ---- */

static heed_status ask(search *s, int64_t step, heed_beam_step *model, void *user) {
    for (int64_t i = 0; i < s->n; i++) {
        s->tokens[i] = s->nodes[s->leaf[i]].token;
        s->parents[i] = s->nodes[s->leaf[i]].place;
    }
    heed_beam_ask question = {.step = step, .n = s->n, .tokens = s->tokens, .parents = s->parents, .rows = s->of_row};
    heed_status status = model(user, &question, s->log_probs);
    if (status != HEED_OK)
        heed_error_set(s->error, status, "beam search: the model failed at step %lld", (long long)step);
    return status;
}

/* The k likeliest continuations of hypotheses first .. last - 1 into s->chosen, likeliest first; how many there are. */
static int choose(search *s, int64_t first, int64_t last, int k) {
    int n = 0;
    for (int64_t i = first; i < last; i++) {
        double before = s->nodes[s->leaf[i]].log_prob;
        for (int64_t token = 0; token < s->o.vocabulary; token++) {
            double log_prob = before + s->log_probs[i * s->o.vocabulary + token];
            if (!(log_prob > (n == k ? s->chosen[k - 1].log_prob : -INFINITY)))
                continue;
            int at = n == k ? k - 1 : n++;
            for (; at > 0 && s->chosen[at - 1].log_prob < log_prob; at--)
                s->chosen[at] = s->chosen[at - 1];
            s->chosen[at] = (candidate){log_prob, (int32_t)i, (int32_t)token};
        }
    }
    return n;
}

/* A hypothesis leaves the beam: it takes its rank among its row's best, if it has one. */
static void leave(search *s, int64_t row, int64_t leaf, int64_t length) {
    const node *last = &s->nodes[leaf];
    heed_hypothesis *best = s->beam->best + row * s->o.n_best;
    int64_t *best_leaf = s->best_leaf + row * s->o.n_best;
    double score = last->log_prob / heed_length_penalty(length, s->o.alpha);
    int at = s->o.n_best;
    for (; at > 0 && (best_leaf[at - 1] < 0 || best[at - 1].score < score); at--)
        if (at < s->o.n_best) {
            best[at] = best[at - 1];
            best_leaf[at] = best_leaf[at - 1];
        }
    if (at == s->o.n_best)
        return;
    best[at] = (heed_hypothesis){
        .length = length, .finished = last->token == s->o.stop, .log_prob = last->log_prob, .score = score};
    best_leaf[at] = leaf;
}

/* Continues one row, whose hypotheses are first .. last - 1; *alive counts those of all rows that go on. */
static heed_status continue_row(search *s, int64_t step, int64_t first, int64_t last, int64_t *alive) {
    int64_t row = s->of_row[first];
    int n = choose(s, first, last, s->o.width - s->left[row]);
    for (int c = 0; c < n; c++) {
        const candidate *next = &s->chosen[c];
        int64_t leaf = add_node(s, (node){s->leaf[next->place], next->token, next->place, next->log_prob});
        if (leaf < 0)
            return HEED_NO_MEMORY;
        if (next->token == s->o.stop || step + 1 == s->o.longest) {
            leave(s, row, leaf, step + 1);
            s->left[row]++;
        } else {
            s->next_leaf[*alive] = leaf;
            s->next_row[(*alive)++] = (int32_t)row;
        }
    }
    if (n == 0 && s->best_leaf[row * s->o.n_best] < 0)
        return heed_error_set(s->error, HEED_NOT_FINITE,
                              "beam search: row %lld, step %lld: no token has a probability above 0", (long long)row,
                              (long long)step);
    return HEED_OK;
}

static heed_status advance(search *s, int64_t step) {
    int64_t alive = 0;
    for (int64_t first = 0, last; first < s->n; first = last) {
        for (last = first + 1; last < s->n && s->of_row[last] == s->of_row[first];)
            last++;
        heed_status status = continue_row(s, step, first, last, &alive);
        if (status != HEED_OK)
            return status;
    }
    memcpy(s->leaf, s->next_leaf, (size_t)alive * sizeof *s->leaf);
    memcpy(s->of_row, s->next_row, (size_t)alive * sizeof *s->of_row);
    s->n = alive;
    return HEED_OK;
}

/* ---- the answers ---- */

/* From the leaf back to the root. */
static bool write_down(search *s, heed_hypothesis *h, int64_t leaf) {
    if (!take(&h->tokens, h->length, sizeof *h->tokens) || !take(&h->places, h->length, sizeof *h->places))
        return false;
    for (int64_t i = h->length; i-- > 0; leaf = s->nodes[leaf].parent) {
        h->tokens[i] = s->nodes[leaf].token;
        h->places[i] = s->nodes[leaf].place;
    }
    return true;
}

static heed_status run(search *s, heed_beam_step *model, void *user) {
    if (!take_all(s) || !plant(s))
        return HEED_NO_MEMORY;
    for (int64_t step = 0; s->n > 0; step++) {
        heed_status status = ask(s, step, model, user);
        if (status == HEED_OK)
            status = advance(s, step);
        if (status != HEED_OK)
            return status;
    }
    for (int64_t i = 0; i < s->rows * s->o.n_best; i++)
        if (s->best_leaf[i] >= 0 && !write_down(s, &s->beam->best[i], s->best_leaf[i]))
            return HEED_NO_MEMORY;
    return HEED_OK;
}

heed_beam *heed_beam_search(const heed_beam_options *options, int64_t rows, heed_beam_step *step, void *user,
                            heed_error *error) {
    search s = {.o = *options, .rows = rows, .error = error};
    s.o.width = options->width ? options->width : 1;
    s.o.n_best = options->n_best ? options->n_best : 1;
    if (check_options(&s.o, rows, error))
        return NULL;
    heed_status status = run(&s, step, user);
    if (status == HEED_NO_MEMORY)
        heed_error_set(error, status, "beam search: out of memory for %lld rows, width %d, vocabulary %lld",
                       (long long)rows, s.o.width, (long long)s.o.vocabulary);
    if (status != HEED_OK) {
        heed_beam_free(s.beam);
        s.beam = NULL;
    }
    let_go(&s);
    return s.beam;
}

void heed_beam_free(heed_beam *beam) {
    if (beam == NULL)
        return;
    for (int64_t i = 0; beam->best && i < beam->rows * beam->n_best; i++) {
        free(beam->best[i].tokens);
        free(beam->best[i].places);
    }
    free(beam->best);
    free(beam);
}
