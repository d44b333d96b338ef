/* Encoding. A piece's tokens are a chain; a heap holds the pairs in it that have a rank, the lowest first, then from
 * the left. A round takes all pairs of the lowest rank before it looks at those that it makes: none of these can have
 * that rank, since it holds a longer token. Entries whose tokens have been merged since are found out when they come
 * up. There are at most n - 1 entries at first, and 2 more a merge. */
#include <stdlib.h>
#include <string.h>

#include "bpe_internal.h"

/* ---- one piece ---- */

typedef struct candidate {
    int32_t rank, at;
} candidate;

typedef struct workspace {
    int32_t *id, *next, *previous; /* (capacity) */
    candidate *heap;               /* (3 capacity) */
    int32_t *round;                /* (capacity) */
    int32_t capacity, n_heap;
} workspace;

static void workspace_free(workspace *w) {
    free(w->id);
    free(w->next);
    free(w->previous);
    free(w->heap);
    free(w->round);
    *w = (workspace){.id = NULL};
}

static bool workspace_for(workspace *w, size_t n) {
    enum { SMALLEST = 64, LARGEST = INT32_MAX / 4 };
    if (n <= (size_t)w->capacity)
        return true;
    if (n > LARGEST)
        return false;
    size_t capacity = n < SMALLEST ? SMALLEST : n < LARGEST / 2 ? 2 * n : LARGEST;
    workspace_free(w);
    w->id = malloc(capacity * sizeof *w->id);
    w->next = malloc(capacity * sizeof *w->next);
    w->previous = malloc(capacity * sizeof *w->previous);
    w->heap = malloc(3 * capacity * sizeof *w->heap);
    w->round = malloc(capacity * sizeof *w->round);
    if (!w->id || !w->next || !w->previous || !w->heap || !w->round)
        return false;
    w->capacity = (int32_t)capacity;
    return true;
}

static bool before(candidate a, candidate b) { return a.rank != b.rank ? a.rank < b.rank : a.at < b.at; }

static void heap_push(workspace *w, candidate c) {
    int32_t i = w->n_heap++;
    for (; i > 0 && before(c, w->heap[(i - 1) / 2]); i = (i - 1) / 2)
        w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = c;
}

static candidate heap_pop(workspace *w) {
    candidate top = w->heap[0], last = w->heap[--w->n_heap];
    int32_t i = 0;
    for (int32_t child; (child = 2 * i + 1) < w->n_heap; i = child) {
        child += child + 1 < w->n_heap && before(w->heap[child + 1], w->heap[child]);
        if (!before(w->heap[child], last))
            break;
        w->heap[i] = w->heap[child];
    }
    w->heap[i] = last;
    return top;
}

/* The pair that begins at this place of the chain, if it has a rank. */
static void consider(const bpe *b, workspace *w, int32_t at) {
    int32_t rank = at >= 0 && w->next[at] >= 0 ? pair_table_get(&b->ranks, w->id[at], w->id[w->next[at]]) : -1;
    if (rank >= 0)
        heap_push(w, (candidate){rank, at});
}

static void merge_at(const bpe *b, workspace *w, int32_t at, int32_t rank) {
    const bpe_merge *merge = &b->merges[rank];
    int32_t right = w->next[at];
    if (w->id[at] != merge->left || right < 0 || w->id[right] != merge->right)
        return;
    w->id[at] = merge->made;
    w->id[right] = -1; /* no pair begins there any more */
    w->next[at] = w->next[right];
    if (w->next[at] >= 0)
        w->previous[w->next[at]] = at;
    consider(b, w, w->previous[at]);
    consider(b, w, at);
}

static void merge_piece(const bpe *b, workspace *w, const char *bytes, int32_t n) {
    w->n_heap = 0;
    for (int32_t i = 0; i < n; i++) {
        w->id[i] = b->byte_id[(unsigned char)bytes[i]];
        w->previous[i] = i - 1;
        w->next[i] = i + 1 < n ? i + 1 : -1;
    }
    for (int32_t i = 0; i < n; i++)
        consider(b, w, i);
    while (w->n_heap > 0) {
        int32_t rank = w->heap[0].rank, count = 0;
        while (w->n_heap > 0 && w->heap[0].rank == rank)
            w->round[count++] = heap_pop(w).at;
        for (int32_t i = 0; i < count; i++)
            merge_at(b, w, w->round[i], rank);
    }
}

static heed_status encode_piece(const bpe *b, workspace *w, const char *bytes, size_t n, heed_tokens *tokens,
                                heed_error *error) {
    if (n == 1)
        return heed_tokens_add(tokens, &b->byte_id[(unsigned char)bytes[0]], 1) ? vocabulary_no_memory(error) : HEED_OK;
    if (!workspace_for(w, n))
        return vocabulary_no_memory(error);
    merge_piece(b, w, bytes, (int32_t)n);
    for (int32_t i = 0; i >= 0; i = w->next[i])
        if (heed_tokens_add(tokens, &w->id[i], 1))
            return vocabulary_no_memory(error);
    return HEED_OK;
}

/* ---- a text: a piece that came before is copied from where its ids went ---- */

static heed_status copy_ids(heed_tokens *tokens, int64_t from, int64_t n) {
    heed_status status = HEED_OK;
    for (int64_t i = 0; i < n && !status; i++)
        status = heed_tokens_add(tokens, &(int32_t){tokens->ids[from + i]}, 1);
    return status;
}

typedef struct encoder {
    const bpe *b;
    const char *text;
    workspace work;
    piece_table seen; /* value: where in the list the piece's ids begin; count: how many they are */
} encoder;

static heed_status add_piece(encoder *e, size_t at, size_t n, heed_tokens *tokens, heed_error *error) {
    const piece *p = n > 1 ? piece_table_find(&e->seen, e->text, e->text + at, n) : NULL;
    int64_t first = tokens->count;
    if (p)
        return copy_ids(tokens, p->value, p->count) ? vocabulary_no_memory(error) : HEED_OK;
    heed_status status = encode_piece(e->b, &e->work, e->text + at, n, tokens, error);
    if (!status && n > 1 && !piece_table_put(&e->seen, e->text, at, n, first, tokens->count - first))
        status = vocabulary_no_memory(error);
    return status;
}

heed_status bpe_encode(const heed_vocabulary *v, const char *text, size_t begin, size_t end, heed_tokens *tokens,
                       heed_error *error) {
    bpe_walk walk;
    encoder e = {.b = v->own, .text = text};
    heed_error why = {.status = HEED_OK};
    if (!bpe_walk_begin(&walk, e.b->splitter, text, begin, end, error))
        return HEED_NO_MEMORY;
    size_t at, n;
    while (!why.status && (n = bpe_walk_next(&walk, &at, &why)) > 0)
        add_piece(&e, at, n, tokens, &why);
    bpe_walk_end(&walk);
    workspace_free(&e.work);
    piece_table_free(&e.seen);
    return why.status ? heed_error_set(error, why.status, "%s", why.text) : HEED_OK;
}
