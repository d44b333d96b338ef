/* What all kinds of vocabularies share: the table of tokens. A kind says how text becomes ids, and what files hold. */
#ifndef HEED_VOCABULARY_INTERNAL_H
#define HEED_VOCABULARY_INTERNAL_H

#include <jansson.h>

#include <heed/vocabulary.h>

enum { SPECIALS = 4 };

typedef struct vocabulary_kind {
    const char *name;
    bool own_specials; /* read and write take care of special tokens, too; else these follow all others */
    /* Adds the ids of text[begin .. end - 1]; offsets in errors count from `text`. */
    heed_status (*encode)(const heed_vocabulary *v, const char *text, size_t begin, size_t end, heed_tokens *tokens,
                          heed_error *error);
    /* Adds to the JSON object what makes the tokens; false: out of memory. */
    bool (*write)(const heed_vocabulary *v, json_t *to);
    /* Makes the tokens; false with the error set. */
    bool (*read)(heed_vocabulary *v, const json_t *from, heed_error *error);
    void (*free_own)(void *own);
} vocabulary_kind;

struct heed_vocabulary {
    const vocabulary_kind *kind;
    int32_t count, capacity;
    char *bytes; /* of all tokens, one behind the other */
    size_t bytes_capacity;
    size_t *start;            /* (count + 1): where in `bytes` a token begins */
    bool *special;            /* (count) */
    heed_tokens special_ids;  /* those that are */
    int32_t role[SPECIALS];   /* ids of pad, bos, eos, unk, or -1 */
    bool begins_special[256]; /* bytes with which names of special tokens begin */
    void *own;                /* the kind's */
};

extern const vocabulary_kind heed_vocabulary_kind_characters, heed_vocabulary_kind_bytes, heed_vocabulary_kind_bpe;

/* Without tokens. NULL: out of memory, and the error is set. */
heed_vocabulary *vocabulary_new(const vocabulary_kind *kind, heed_error *error);
/* The next id. A special token also takes the roles that its name says: "<pad>", "<|endoftext|>" (bos and eos), ... */
bool vocabulary_add(heed_vocabulary *v, const char *bytes, size_t n, bool special, heed_error *error);
/* The tokens of a mask, at the end. */
bool vocabulary_add_specials(heed_vocabulary *v, unsigned specials, heed_error *error);

static inline size_t vocabulary_length(const heed_vocabulary *v, int32_t id) { return v->start[id + 1] - v->start[id]; }

heed_status vocabulary_no_memory(heed_error *error);

#endif
