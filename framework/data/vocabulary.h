/* Vocabularies: text as token ids, and back. One type for all kinds: the characters of a text, bytes, and byte pair
 * encoding (<heed/bpe.h>), so that a dataset or a program takes any of them.
 *
 *     heed_vocabulary *v = heed_vocabulary_characters(text, bytes, 0, &error);       ids in order of code points
 *     heed_tokens tokens = {0};
 *     if (v == NULL || heed_encode(v, text, bytes, &tokens, &error)) ...
 *
 * A vocabulary never changes once it is made: any number of threads may use it. */
#ifndef HEED_VOCABULARY_H
#define HEED_VOCABULARY_H

#include <heed/error.h>

HEED_BEGIN_DECLS

/* ---- lists of token ids, growing ---- */

typedef struct heed_tokens {
    int32_t *ids;
    int64_t count, capacity;
} heed_tokens; /* all zero: an empty list */

/* Adds n ids at the end; on HEED_NO_MEMORY the list is as it was. */
heed_status heed_tokens_add(heed_tokens *tokens, const int32_t *ids, int64_t n) HEED_MUST_CHECK;
/* Gives its memory back; the list is then empty. */
void heed_tokens_free(heed_tokens *tokens);

/* ---- making one ---- */

/* Tokens that stand for no text: padding, beginning and end of a sequence, what the vocabulary lacks. Their names are
 * "<pad>", "<bos>", "<eos>", "<unk>"; their ids follow those of all other tokens, in this order. */
enum { HEED_PAD = 1, HEED_BOS = 2, HEED_EOS = 4, HEED_UNK = 8, HEED_ALL_SPECIALS = 15 };

typedef struct heed_vocabulary heed_vocabulary;

/* The code points of a UTF-8 text, in ascending order; specials: a mask of those above. NULL and the reason on an
 * error: bytes that are no UTF-8 (with the offset), an empty text. error may be NULL, here and below. */
heed_vocabulary *heed_vocabulary_characters(const char *text, size_t bytes, unsigned specials, heed_error *error);
/* The 256 bytes: a byte's value is its id. Any text can be encoded, UTF-8 or not. */
heed_vocabulary *heed_vocabulary_bytes(unsigned specials, heed_error *error);
void heed_vocabulary_free(heed_vocabulary *v);

/* Any kind, in a JSON file. Saving writes the file whole or not at all; loading checks all of it: NULL and why. */
heed_status heed_vocabulary_save(const heed_vocabulary *v, const char *path, heed_error *error) HEED_MUST_CHECK;
heed_vocabulary *heed_vocabulary_load(const char *path, heed_error *error);

/* ---- what is in it ---- */

/* Ids are 0 .. count - 1. */
int32_t heed_vocabulary_count(const heed_vocabulary *v);
/* "characters", "bytes", "bpe". */
const char *heed_vocabulary_kind(const heed_vocabulary *v);
/* The id of HEED_PAD, HEED_BOS, HEED_EOS or HEED_UNK; -1 where the vocabulary has none. */
int32_t heed_vocabulary_special(const heed_vocabulary *v, unsigned special);
/* Whether the token stands for no text. */
bool heed_vocabulary_is_special(const heed_vocabulary *v, int32_t id);
/* A token's bytes (a special one's name), which need be neither UTF-8 nor end in NUL; NULL for what is no id. */
const char *heed_vocabulary_token(const heed_vocabulary *v, int32_t id, size_t *bytes);
/* The id of the ordinary token of these bytes, or of the special one of that name; -1 where there is none. */
int32_t heed_vocabulary_find(const heed_vocabulary *v, const char *token, size_t bytes);

/* ---- text to ids and back ---- */

/* Adds the ids of a text to the list. The names of special tokens are text as any other. On an error the list is as it
 * was: a character that the vocabulary lacks while it has no <unk>, and with characters, bytes that are no UTF-8 (with
 * the offset). */
heed_status heed_encode(const heed_vocabulary *v, const char *text, size_t bytes, heed_tokens *tokens,
                        heed_error *error) HEED_MUST_CHECK;
/* The same, but wherever a special token's name stands, its id is meant (the longest that fits): for trusted texts. */
heed_status heed_encode_with_specials(const heed_vocabulary *v, const char *text, size_t bytes, heed_tokens *tokens,
                                      heed_error *error) HEED_MUST_CHECK;

/* Writes the text of `count` ids, NUL behind it, cut where `size` is not enough (at a byte); returns the bytes of the
 * whole text. Special tokens write nothing, except that <unk>, and what is no id, become U+FFFD. */
size_t heed_decode(const heed_vocabulary *v, const int32_t *ids, int64_t count, char *text, size_t size);
/* The same, but special tokens write their names. */
size_t heed_decode_with_specials(const heed_vocabulary *v, const int32_t *ids, int64_t count, char *text, size_t size);

HEED_END_DECLS
#endif
