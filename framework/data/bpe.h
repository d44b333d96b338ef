/* Byte pair encoding over bytes, as GPT-2 has it (Radford et al. 2019, section 2.2; Sennrich, Haddow, Birch 2016): a
 * token is a byte or what merging two tokens made. A text is first split into pieces by GPT-2's pattern,
 *
 *     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *
 * and inside each piece the pair with the lowest rank, that is, the one merged earliest in training, is merged wherever
 * it stands, from left to right, again and again until no pair has a rank. Bytes that are no UTF-8 are pieces of their
 * own, so any text can be encoded, and decoding gives exactly its bytes. Encoding takes O(n log n) for any text, runs
 * of one character too. */
#ifndef HEED_BPE_H
#define HEED_BPE_H

#include <heed/vocabulary.h>

HEED_BEGIN_DECLS

typedef struct heed_bpe_options {
    int32_t merges;              /* at most so many, 0 or more */
    int64_t min_count;           /* stop where no pair is left that occurs so often; 0: 2 */
    int n_specials;
    const char *const *specials; /* names such as "<|endoftext|>", which is then bos and eos; their ids come last */
} heed_bpe_options;

/* Learns merges from a text. Ids are GPT-2's: the 256 bytes in the order of its table ('!' is 0), then one new token a
 * merge, then the special ones. Each step merges the pair that occurs most often; of several, that with the smallest id
 * on the left, then on the right. A pair whose text is a token already is passed over, so that each token is made in
 * one way and the text, as training leaves it, is what encoding gives. NULL and the reason on an error: an empty text,
 * special names that are none. */
heed_vocabulary *heed_bpe_train(const char *text, size_t bytes, heed_bpe_options options, heed_error *error);

/* GPT-2's two files: `vocab` holds {"token": id, ...}, with a visible character for each byte (a space is "Ġ");
 * `merges` one pair a line in order of rank, after a first line "#version: 0.2". Tokens that no merge makes, and that
 * are no byte, are special. Refused, with the reason: files that are none, a byte without a token, ids twice or with
 * holes, a merge that names or makes what is no token, or stands there twice. */
heed_vocabulary *heed_bpe_load(const char *vocab, const char *merges, heed_error *error);
/* Writes them; HEED_INVALID for a vocabulary of another kind. Each file appears whole or not at all. */
heed_status heed_bpe_save(const heed_vocabulary *v, const char *vocab, const char *merges,
                          heed_error *error) HEED_MUST_CHECK;

HEED_END_DECLS
#endif
