#include "bpe_tables_internal.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 1024 };

/* Fuller than this, and a table doubles. */
static bool crowded(size_t count, size_t size) { return count >= size - size / 4; }

static size_t doubled(size_t size) { return size == 0 ? FIRST_SIZE : size <= SIZE_MAX / 2 ? 2 * size : 0; }

/* Spreads a key over 64 bits: the finisher of Steele, Lea, Flood's SplitMix (OOPSLA 2014). */
static uint64_t spread(uint64_t x) {
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

/* ---- pairs ---- */

static const uint64_t no_key = UINT64_MAX; /* ids are not negative */

static uint64_t pair_key(int32_t left, int32_t right) { return (uint64_t)(uint32_t)left << 32 | (uint32_t)right; }

static size_t pair_slot(const pair_table *table, uint64_t key) {
    size_t i = spread(key) & (table->size - 1);
    while (table->keys[i] != key && table->keys[i] != no_key)
        i = (i + 1) & (table->size - 1);
    return i;
}

int32_t pair_table_get(const pair_table *table, int32_t left, int32_t right) {
    if (table->size == 0)
        return -1;
    size_t i = pair_slot(table, pair_key(left, right));
    return table->keys[i] == no_key ? -1 : table->values[i];
}

static bool grow_pairs(pair_table *table) {
    pair_table grown = {.size = doubled(table->size), .count = table->count};
    grown.keys = grown.size ? calloc(grown.size, sizeof *grown.keys) : NULL;
    grown.values = grown.keys ? calloc(grown.size, sizeof *grown.values) : NULL;
    if (grown.values == NULL) {
        free(grown.keys);
        return false;
    }
    memset(grown.keys, 0xFF, grown.size * sizeof *grown.keys);
    for (size_t i = 0; i < table->size; i++)
        if (table->keys[i] != no_key) {
            size_t to = pair_slot(&grown, table->keys[i]);
            grown.keys[to] = table->keys[i];
            grown.values[to] = table->values[i];
        }
    pair_table_free(table);
    *table = grown;
    return true;
}

bool pair_table_put(pair_table *table, int32_t left, int32_t right, int32_t value) {
    if (crowded(table->count, table->size) && !grow_pairs(table))
        return false;
    size_t i = pair_slot(table, pair_key(left, right));
    table->keys[i] = pair_key(left, right);
    table->values[i] = value;
    table->count++;
    return true;
}

void pair_table_free(pair_table *table) {
    free(table->keys);
    free(table->values);
    *table = (pair_table){.keys = NULL};
}

/* ---- pieces ---- */

static uint64_t hash_bytes(const char *bytes, size_t n) {
    uint64_t hash = n, word;
    for (; n >= sizeof word; bytes += sizeof word, n -= sizeof word) {
        memcpy(&word, bytes, sizeof word);
        hash = spread(hash ^ word);
    }
    word = 0;
    memcpy(&word, bytes, n);
    return spread(hash ^ word);
}

static piece *piece_slot(const piece_table *table, const char *base, const char *key, size_t n, uint64_t hash) {
    for (size_t i = hash & (table->size - 1);; i = (i + 1) & (table->size - 1)) {
        piece *p = &table->slots[i];
        if (p->n == 0 || (p->hash == hash && p->n == n && memcmp(base + p->at, key, n) == 0))
            return p;
    }
}

piece *piece_table_find(const piece_table *table, const char *base, const char *key, size_t n) {
    piece *p = table->size ? piece_slot(table, base, key, n, hash_bytes(key, n)) : NULL;
    return p && p->n > 0 ? p : NULL;
}

static bool grow_pieces(piece_table *table) {
    piece_table grown = {.size = doubled(table->size), .count = table->count};
    grown.slots = grown.size ? calloc(grown.size, sizeof *grown.slots) : NULL;
    if (grown.slots == NULL)
        return false;
    for (size_t i = 0; i < table->size; i++) {
        size_t to = table->slots[i].hash & (grown.size - 1);
        if (table->slots[i].n == 0)
            continue;
        while (grown.slots[to].n > 0)
            to = (to + 1) & (grown.size - 1);
        grown.slots[to] = table->slots[i];
    }
    piece_table_free(table);
    *table = grown;
    return true;
}

bool piece_table_put(piece_table *table, const char *base, size_t at, size_t n, int64_t value, int64_t count) {
    if (crowded(table->count, table->size) && !grow_pieces(table))
        return false;
    uint64_t hash = hash_bytes(base + at, n);
    *piece_slot(table, base, base + at, n, hash) =
        (piece){.hash = hash, .at = at, .n = n, .value = value, .count = count};
    table->count++;
    return true;
}

void piece_table_free(piece_table *table) {
    free(table->slots);
    *table = (piece_table){.slots = NULL};
}
