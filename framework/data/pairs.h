/* Pairs of sequences, for translation and the like: batches of them, padded to their longest.
 *
 *     source    (B, S)   "3 mai" and padding behind it
 *     padding   (B, S)   true where that is
 *     input     (B, T)   <bos> "05-03" and padding     what the decoder has read so far, and at each of these places
 *     output    (B, T)   "05-03" <eos>                 what it should write next; HEED_IGNORED behind it */
#ifndef HEED_PAIRS_H
#define HEED_PAIRS_H

#include <heed/vocabulary.h>
#include <heed/windows.h>

HEED_BEGIN_DECLS

typedef struct heed_pairs heed_pairs;

/* Without pairs; NULL: out of memory. */
heed_pairs *heed_pairs_new(heed_error *error);
void heed_pairs_free(heed_pairs *pairs);
/* Copies a pair in: the source has at least one token, the target none of <bos> and <eos>, which batches bring. */
heed_status heed_pairs_add(heed_pairs *pairs, const int32_t *source, int64_t source_count, const int32_t *target,
                           int64_t target_count, heed_error *error) HEED_MUST_CHECK;
/* From a UTF-8 file: each line a source, a tab, a target. NULL and the reason (with the line) on an error. */
heed_pairs *heed_pairs_open(const char *path, const heed_vocabulary *source, const heed_vocabulary *target,
                            heed_error *error);

int64_t heed_pairs_count(const heed_pairs *pairs);
/* Tokens of pair i in 0 .. count - 1, and their number. */
const int32_t *heed_pairs_source(const heed_pairs *pairs, int64_t i, int64_t *count);
const int32_t *heed_pairs_target(const heed_pairs *pairs, int64_t i, int64_t *count);

/* ---- batches ---- */

/* How to make them. Each epoch has every pair once, in an order of its own that is a function of (seed, epoch); its
 * last batch may have fewer rows. With bucket = n, the pairs of n batches in a row are put in order of length before
 * they are cut into batches, and those are shuffled: less padding, and still nearly any order. */
typedef struct heed_pair_batches {
    const heed_pairs *pairs;
    int64_t B;                          /* rows */
    int32_t source_pad, target_pad;     /* token ids */
    int32_t bos, eos;
    bool in_order;                      /* pairs as they were added, for evaluation; no bucket */
    int64_t bucket;                     /* 0 or 1: none */
} heed_pair_batches;

typedef struct heed_pair_batch {
    int64_t B, S, T;                    /* rows; the longest source; the longest target and 1 */
    int64_t targets;                    /* outputs that count */
    int32_t *source;                    /* (B, S) */
    bool *padding;                      /* (B, S) */
    int32_t *input, *output;            /* (B, T) */
    int64_t *index;                     /* (B) which pairs */
} heed_pair_batch;

/* Batches of an epoch: ceil(pairs / B); 0 where B is below 1. */
int64_t heed_pair_batches_count(const heed_pair_batches *batches);
/* What a loader's buffer needs, which then begins with a heed_pair_batch; 0 where options make no sense, or it is past
 * size_t. The pairs must not change while a loader reads them.
 *
 *     heed_loader_options options = {.bytes = heed_pair_bytes(&batches), .threads = 1, .seed = 1};
 *     heed_loader *loader = heed_loader_new(heed_pair_fill, &batches, options, &error);
 *     const heed_pair_batch *b = heed_loader_next(loader); */
size_t heed_pair_bytes(const heed_pair_batches *batches);
/* A heed_fill; batches: a heed_pair_batches. */
heed_status heed_pair_fill(void *batches, uint64_t seed, uint64_t batch, void *buffer, heed_error *error);

HEED_END_DECLS
#endif
