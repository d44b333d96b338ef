/* Hash tables of byte pair encoding: pairs of tokens, and pieces of text. Open addressing; a size is a power of two. */
#ifndef HEED_BPE_TABLES_INTERNAL_H
#define HEED_BPE_TABLES_INTERNAL_H

#include <heed/base.h>

/* (left, right) -> a number that is not negative. */
typedef struct pair_table {
    uint64_t *keys;
    int32_t *values;
    size_t size, count;
} pair_table; /* all zero: empty */

int32_t pair_table_get(const pair_table *table, int32_t left, int32_t right); /* -1 where the pair is not there */
/* A pair that is not there yet; false: out of memory. */
bool pair_table_put(pair_table *table, int32_t left, int32_t right, int32_t value);
void pair_table_free(pair_table *table);

/* base[at .. at + n - 1] -> two numbers. The bytes lie in the caller's memory, which may move. */
typedef struct piece {
    uint64_t hash;
    size_t at, n; /* n is 0 where the slot is free */
    int64_t value, count;
} piece;
typedef struct piece_table {
    piece *slots;
    size_t size, count;
} piece_table;

/* The piece whose bytes are those at key; NULL where there is none. */
piece *piece_table_find(const piece_table *table, const char *base, const char *key, size_t n);
/* A piece that is not there yet, n > 0; false: out of memory. */
bool piece_table_put(piece_table *table, const char *base, size_t at, size_t n, int64_t value,
                     int64_t count);
void piece_table_free(piece_table *table);

#endif
