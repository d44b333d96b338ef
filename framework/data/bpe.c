/* What a vocabulary of byte pairs owns, and GPT-2's table of bytes. */
#include <stdlib.h>
#include <string.h>

#include "bpe_internal.h"

/* ---- the table of bytes ---- */

/* The bytes that are not visible, and the character of the first of each run. */
static const struct {
    int first, last;
    uint32_t point;
} hidden[] = {{0, 32, 0x100}, {127, 160, 0x121}, {173, 173, 0x143}};

enum { HIDDEN = sizeof hidden / sizeof *hidden };

uint32_t bpe_point_of(int byte) {
    for (int i = 0; i < HIDDEN; i++)
        if (byte >= hidden[i].first && byte <= hidden[i].last)
            return hidden[i].point + (uint32_t)(byte - hidden[i].first);
    return (uint32_t)byte;
}

int bpe_byte_of(uint32_t point) {
    for (int i = 0; i < HIDDEN; i++)
        if (point >= hidden[i].point && point - hidden[i].point <= (uint32_t)(hidden[i].last - hidden[i].first))
            return hidden[i].first + (int)(point - hidden[i].point);
    return point < 256 && bpe_point_of((int)point) == point ? (int)point : -1;
}

int bpe_byte_at(int place) {
    for (int pass = 0; pass < 2; pass++)
        for (int byte = 0; byte < 256; byte++)
            if ((bpe_point_of(byte) == (uint32_t)byte) == (pass == 0) && place-- == 0)
                return byte;
    return -1;
}

/* ---- making and freeing ---- */

static void free_bpe(void *own) {
    bpe *b = own;
    if (b == NULL)
        return;
    bpe_splitter_free(b->splitter);
    free(b->merges);
    pair_table_free(&b->ranks);
    free(b);
}

bool bpe_begin(heed_vocabulary *v, heed_error *error) {
    bpe *b = calloc(1, sizeof *b);
    v->own = b;
    if (b == NULL)
        return vocabulary_no_memory(error), false;
    b->splitter = bpe_splitter_new(error);
    return b->splitter != NULL;
}

heed_vocabulary *bpe_new(heed_error *error) {
    heed_vocabulary *v = vocabulary_new(&heed_vocabulary_kind_bpe, error);
    if (v && bpe_begin(v, error))
        return v;
    heed_vocabulary_free(v);
    return NULL;
}

bool bpe_add_merge(bpe *b, bpe_merge merge, heed_error *error) {
    enum { SMALLEST = 256 };
    if (b->n_merges == b->capacity) {
        int32_t capacity = b->capacity ? 2 * b->capacity : SMALLEST;
        bpe_merge *grown = b->capacity <= INT32_MAX / 2 ? realloc(b->merges, (size_t)capacity * sizeof *grown) : NULL;
        if (grown == NULL)
            return vocabulary_no_memory(error), false;
        b->merges = grown;
        b->capacity = capacity;
    }
    if (!pair_table_put(&b->ranks, merge.left, merge.right, b->n_merges))
        return vocabulary_no_memory(error), false;
    b->merges[b->n_merges++] = merge;
    return true;
}

const vocabulary_kind heed_vocabulary_kind_bpe = {.name = "bpe",
                                                  .own_specials = true,
                                                  .encode = bpe_encode,
                                                  .write = bpe_write,
                                                  .read = bpe_read,
                                                  .free_own = free_bpe};
