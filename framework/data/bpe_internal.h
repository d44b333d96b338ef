/* The parts of byte pair encoding: splitting, merging, training, files. */
#ifndef HEED_BPE_INTERNAL_H
#define HEED_BPE_INTERNAL_H

#include <heed/bpe.h>

#include "bpe_tables_internal.h"
#include "vocabulary_internal.h"

typedef struct bpe_merge {
    int32_t left, right, made; /* token ids */
} bpe_merge;

typedef struct bpe_splitter bpe_splitter;

/* What a vocabulary of this kind owns. */
typedef struct bpe {
    bpe_splitter *splitter;
    int32_t byte_id[256];
    bpe_merge *merges; /* by rank */
    int32_t n_merges, capacity;
    pair_table ranks;
} bpe;

extern const vocabulary_kind heed_vocabulary_kind_bpe;

/* A vocabulary without tokens or merges, and a splitter. */
heed_vocabulary *bpe_new(heed_error *error);
/* Makes the parts that bpe_new does, in a vocabulary that the file's reader made. */
bool bpe_begin(heed_vocabulary *v, heed_error *error);
bool bpe_add_merge(bpe *b, bpe_merge merge, heed_error *error);

/* ---- GPT-2's table: each byte as a visible character ---- */

/* Byte number `place` in the table's order: '!' .. '~', U+A1 .. U+AC, U+AE .. U+FF, then the others. */
int bpe_byte_at(int place);
/* Its character: itself where it is visible, else U+100 and on. */
uint32_t bpe_point_of(int byte);
/* The byte of a character, or -1. */
int bpe_byte_of(uint32_t point);

/* ---- splitting: GPT-2's pattern ---- */

bpe_splitter *bpe_splitter_new(heed_error *error);
void bpe_splitter_free(bpe_splitter *s);

/* A walk over a text's pieces. One splitter serves any number of walks, in any threads. */
typedef struct bpe_walk {
    const bpe_splitter *splitter;
    void *match;
    const char *text;
    size_t at, end;           /* of the text that is left */
    size_t run_begin, run_end; /* of the UTF-8 in which it is */
} bpe_walk;
bool bpe_walk_begin(bpe_walk *w, const bpe_splitter *s, const char *text, size_t begin, size_t end, heed_error *error);
/* The next piece: its length, and its offset through `at`; 0 at the end, and on an error, which is then set. */
size_t bpe_walk_next(bpe_walk *w, size_t *at, heed_error *error);
void bpe_walk_end(bpe_walk *w);

/* ---- files ---- */

/* Whether an ordinary token stands in vocab.json under this key. */
bool bpe_is_token_key(const heed_vocabulary *v, const char *key);
/* As a kind writes and reads its part of a vocabulary's own file. */
bool bpe_write(const heed_vocabulary *v, json_t *to);
bool bpe_read(heed_vocabulary *v, const json_t *from, heed_error *error);

/* ---- encoding ---- */

heed_status bpe_encode(const heed_vocabulary *v, const char *text, size_t begin, size_t end, heed_tokens *tokens,
                       heed_error *error);

#endif
