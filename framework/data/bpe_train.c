/* Learning merges. The distinct pieces of the text lie in one array of symbols, one behind the other, each a chain of
 * its tokens with the number of times the piece occurs as its weight. Every pair knows its weighted count and a list of
 * the places where it has come up; a heap gives the pair that occurs most. A merge visits the places of its pair alone,
 * so all merges together cost O(n log n) for n symbols (Larsson and Moffat, "Off-line dictionary-based compression",
 * 2000). */
#include <stdlib.h>
#include <string.h>

#include <heed/text.h>

#include "bpe_internal.h"

enum { NONE = -1, MOST_SYMBOLS = INT32_MAX / 4 };

typedef struct pair {
    int32_t left, right;
    int64_t count;
    int32_t places;  /* the newest in its list, or NONE; some may be out of date */
    int32_t in_heap; /* where, or NONE: merged, or not to be merged */
} pair;

typedef struct place {
    int32_t at, older;
} place;

typedef struct trainer {
    heed_vocabulary *v;
    bpe *b;
    const char *text;
    piece_table words;              /* value: the word's number; count: how often it occurs */
    int64_t *weight;                /* (words) */
    int32_t n;                      /* symbols */
    int32_t *symbol, *word; /* (n) token id, NONE where it was merged into its left neighbour; the word it is in */
    int32_t *next, *previous;       /* (n) within the word */
    place *places;                  /* (3 n): n at first, and 2 more a merged pair */
    int32_t n_places;
    pair *pairs;
    int32_t n_pairs, pairs_capacity;
    pair_table numbers;             /* of pairs */
    int32_t *heap, n_heap;          /* (pairs_capacity) */
    int32_t *now;                   /* (n) places of the pair being merged */
    piece_table tokens;             /* by their bytes, in v->bytes */
    char *joined;                   /* two tokens' bytes; no more than the longest piece's */
    size_t longest;
    heed_error *error;
} trainer;

static bool no_memory(trainer *t) { return vocabulary_no_memory(t->error), false; }

/* ---- the heap ---- */

static bool goes_first(const pair *a, const pair *b) {
    if (a->count != b->count)
        return a->count > b->count;
    return a->left != b->left ? a->left < b->left : a->right < b->right;
}

static bool heap_before(const trainer *t, int32_t a, int32_t b) {
    return goes_first(&t->pairs[t->heap[a]], &t->pairs[t->heap[b]]);
}

static void heap_swap(trainer *t, int32_t a, int32_t b) {
    int32_t number = t->heap[a];
    t->heap[a] = t->heap[b];
    t->heap[b] = number;
    t->pairs[t->heap[a]].in_heap = a;
    t->pairs[t->heap[b]].in_heap = b;
}

/* Puts right the place of an entry whose count changed. */
static void heap_settle(trainer *t, int32_t i) {
    for (; i > 0 && heap_before(t, i, (i - 1) / 2); i = (i - 1) / 2)
        heap_swap(t, i, (i - 1) / 2);
    for (int32_t child; (child = 2 * i + 1) < t->n_heap; i = child) {
        child += child + 1 < t->n_heap && heap_before(t, child + 1, child);
        if (!heap_before(t, child, i))
            break;
        heap_swap(t, i, child);
    }
}

static void heap_drop_first(trainer *t) {
    int32_t number = t->heap[0];
    heap_swap(t, 0, t->n_heap - 1);
    t->n_heap--;
    t->pairs[number].in_heap = NONE;
    if (t->n_heap > 0)
        heap_settle(t, 0);
}

/* ---- pairs and their counts ---- */

static bool grow_pairs(trainer *t) {
    enum { SMALLEST = 4096 };
    int32_t capacity = t->pairs_capacity ? 2 * t->pairs_capacity : SMALLEST;
    if (t->pairs_capacity > INT32_MAX / 2)
        return no_memory(t);
    pair *pairs = realloc(t->pairs, (size_t)capacity * sizeof *pairs);
    if (pairs)
        t->pairs = pairs;
    int32_t *heap = pairs ? realloc(t->heap, (size_t)capacity * sizeof *heap) : NULL;
    if (heap == NULL)
        return no_memory(t);
    t->heap = heap;
    t->pairs_capacity = capacity;
    return true;
}

static pair *new_pair(trainer *t, int32_t left, int32_t right) {
    if (t->n_pairs == t->pairs_capacity && !grow_pairs(t))
        return NULL;
    if (!pair_table_put(&t->numbers, left, right, t->n_pairs))
        return no_memory(t), NULL;
    pair *p = &t->pairs[t->n_pairs];
    *p = (pair){.left = left, .right = right, .places = NONE, .in_heap = t->n_heap};
    t->heap[t->n_heap++] = t->n_pairs++;
    return p;
}

/* The pair that begins at this place of a chain has come up there. */
static bool count_pair(trainer *t, int32_t at) {
    if (at == NONE || t->next[at] == NONE)
        return true;
    int32_t left = t->symbol[at], right = t->symbol[t->next[at]], number = pair_table_get(&t->numbers, left, right);
    pair *p = number >= 0 ? &t->pairs[number] : new_pair(t, left, right);
    if (p == NULL)
        return false;
    p->count += t->weight[t->word[at]];
    t->places[t->n_places] = (place){at, p->places};
    p->places = t->n_places++;
    if (p->in_heap != NONE)
        heap_settle(t, p->in_heap);
    return true;
}

/* It is about to go. */
static void discount_pair(trainer *t, int32_t at) {
    if (at == NONE || t->next[at] == NONE)
        return;
    pair *p = &t->pairs[pair_table_get(&t->numbers, t->symbol[at], t->symbol[t->next[at]])];
    p->count -= t->weight[t->word[at]];
    if (p->in_heap != NONE)
        heap_settle(t, p->in_heap);
}

/* ---- the text as words of symbols ---- */

static bool collect_words(trainer *t, size_t bytes) {
    bpe_walk walk;
    heed_error why = {.status = HEED_OK};
    size_t at, n, symbols = 0;
    if (!bpe_walk_begin(&walk, t->b->splitter, t->text, 0, bytes, t->error))
        return false;
    while (!why.status && (n = bpe_walk_next(&walk, &at, &why)) > 0) {
        piece *p = piece_table_find(&t->words, t->text, t->text + at, n);
        if (p) {
            p->count++;
            continue;
        }
        symbols += n;
        t->longest = n > t->longest ? n : t->longest;
        if (symbols > MOST_SYMBOLS)
            heed_error_set(&why, HEED_INVALID, "bpe: the text's distinct pieces have more than %d bytes",
                           (int)MOST_SYMBOLS);
        else if (!piece_table_put(&t->words, t->text, at, n, (int64_t)t->words.count, 1))
            vocabulary_no_memory(&why);
    }
    bpe_walk_end(&walk);
    t->n = (int32_t)symbols;
    return !why.status || (heed_error_set(t->error, why.status, "%s", why.text), false);
}

static bool take_memory(trainer *t) {
    size_t n = (size_t)t->n;
    t->weight = malloc(t->words.count * sizeof *t->weight);
    t->symbol = malloc(n * sizeof *t->symbol);
    t->word = malloc(n * sizeof *t->word);
    t->next = malloc(n * sizeof *t->next);
    t->previous = malloc(n * sizeof *t->previous);
    t->places = malloc(3 * n * sizeof *t->places);
    t->now = malloc(n * sizeof *t->now);
    t->joined = malloc(t->longest);
    return (t->weight && t->symbol && t->word && t->next && t->previous && t->places && t->now && t->joined) ||
           no_memory(t);
}

static void lay_out(trainer *t) {
    int32_t to = 0;
    for (size_t i = 0; i < t->words.size; i++) {
        const piece *p = &t->words.slots[i];
        if (p->n == 0)
            continue;
        t->weight[p->value] = p->count;
        for (size_t k = 0; k < p->n; k++, to++) {
            t->symbol[to] = t->b->byte_id[(unsigned char)t->text[p->at + k]];
            t->word[to] = (int32_t)p->value;
            t->previous[to] = k > 0 ? to - 1 : NONE;
            t->next[to] = k + 1 < p->n ? to + 1 : NONE;
        }
    }
}

/* ---- merging ---- */

/* 0: the pair's text is a token already; -1: out of memory; 1: `made` is its new token. */
static int make_token(trainer *t, const pair *p, int32_t *made) {
    size_t n = vocabulary_length(t->v, p->left), all = n + vocabulary_length(t->v, p->right);
    memcpy(t->joined, t->v->bytes + t->v->start[p->left], n);
    memcpy(t->joined + n, t->v->bytes + t->v->start[p->right], all - n);
    if (piece_table_find(&t->tokens, t->v->bytes, t->joined, all))
        return 0;
    *made = t->v->count;
    if (!vocabulary_add(t->v, t->joined, all, false, t->error) ||
        !bpe_add_merge(t->b, (bpe_merge){p->left, p->right, *made}, t->error))
        return -1;
    return piece_table_put(&t->tokens, t->v->bytes, t->v->start[*made], all, *made, 0) ? 1 : (no_memory(t), -1);
}

static bool merge_at(trainer *t, int32_t at, int32_t made) {
    int32_t right = t->next[at];
    discount_pair(t, t->previous[at]);
    discount_pair(t, right);
    t->symbol[at] = made;
    t->symbol[right] = NONE;
    t->next[at] = t->next[right];
    if (t->next[at] != NONE)
        t->previous[t->next[at]] = at;
    return count_pair(t, t->previous[at]) && count_pair(t, at);
}

static int ascending(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static bool merge_everywhere(trainer *t, pair p, int32_t made) {
    size_t count = 0;
    for (int32_t i = p.places; i != NONE; i = t->places[i].older) {
        int32_t at = t->places[i].at;
        if (t->symbol[at] == p.left && t->next[at] != NONE && t->symbol[t->next[at]] == p.right)
            t->now[count++] = at;
    }
    qsort(t->now, count, sizeof *t->now, ascending); /* from left to right: in "aaa" the first two are merged */
    for (size_t i = 0; i < count; i++) {
        int32_t at = t->now[i];
        if (t->symbol[at] == p.left && t->next[at] != NONE && t->symbol[t->next[at]] == p.right &&
            !merge_at(t, at, made))
            return false;
    }
    return true;
}

static bool learn(trainer *t, int32_t merges, int64_t min_count) {
    for (int32_t i = 0; i < t->n; i++)
        if (!count_pair(t, i))
            return false;
    while (t->b->n_merges < merges && t->n_heap > 0 && t->pairs[t->heap[0]].count >= min_count) {
        pair p = t->pairs[t->heap[0]];
        int32_t made = 0;
        int outcome = make_token(t, &p, &made);
        heap_drop_first(t);
        if (outcome < 0 || (outcome > 0 && !merge_everywhere(t, p, made)))
            return false;
    }
    return true;
}

/* ---- the whole ---- */

static bool add_bytes(trainer *t) {
    for (int id = 0; id < 256; id++) {
        int byte = bpe_byte_at(id);
        t->b->byte_id[byte] = id;
        if (!vocabulary_add(t->v, &(char){(char)byte}, 1, false, t->error))
            return false;
        if (!piece_table_put(&t->tokens, t->v->bytes, t->v->start[id], 1, id, 0))
            return no_memory(t);
    }
    return true;
}

/* A name must be told from the tokens' texts in vocab.json. */
static bool add_special(trainer *t, const char *name) {
    size_t n = name ? strlen(name) : 0;
    if (n == 0 || heed_utf8_valid(name, n) < n)
        return heed_error_set(t->error, HEED_INVALID, "bpe: a special token's name must be UTF-8 and not empty"), false;
    if (bpe_is_token_key(t->v, name) || heed_vocabulary_find(t->v, name, n) >= 0)
        return heed_error_set(t->error, HEED_INVALID,
                              "bpe: special token \"%s\": a token of that name is there already", name),
               false;
    return vocabulary_add(t->v, name, n, true, t->error);
}

static void trainer_free(trainer *t) {
    free(t->weight);
    free(t->symbol);
    free(t->word);
    free(t->next);
    free(t->previous);
    free(t->places);
    free(t->pairs);
    free(t->heap);
    free(t->now);
    free(t->joined);
    piece_table_free(&t->words);
    piece_table_free(&t->tokens);
    pair_table_free(&t->numbers);
}

static bool check_options(size_t bytes, heed_bpe_options o, heed_error *error) {
    if (bytes == 0)
        heed_error_set(error, HEED_INVALID, "bpe: the text is empty");
    else if (o.merges < 0 || o.merges > INT32_MAX - 256 - o.n_specials)
        heed_error_set(error, HEED_INVALID, "bpe: merges is %d; it must be 0 or more, and leave room for ids",
                       (int)o.merges);
    else if (o.min_count < 0)
        heed_error_set(error, HEED_INVALID, "bpe: min_count is %lld; it must be 0 (for 2) or more",
                       (long long)o.min_count);
    else
        return true;
    return false;
}

heed_vocabulary *heed_bpe_train(const char *text, size_t bytes, heed_bpe_options o, heed_error *error) {
    if (error)
        *error = (heed_error){.status = HEED_OK};
    if (!check_options(bytes, o, error))
        return NULL;
    trainer t = {.v = bpe_new(error), .text = text, .error = error};
    t.b = t.v ? t.v->own : NULL;
    bool good = t.v && add_bytes(&t) && collect_words(&t, bytes) && take_memory(&t);
    if (good)
        lay_out(&t);
    good = good && learn(&t, o.merges, o.min_count ? o.min_count : 2);
    for (int i = 0; i < o.n_specials && good; i++)
        good = add_special(&t, o.specials[i]);
    trainer_free(&t);
    if (good)
        return t.v;
    heed_vocabulary_free(t.v);
    return NULL;
}
