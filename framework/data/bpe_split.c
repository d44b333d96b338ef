/* Splitting a text by GPT-2's pattern. PCRE2 knows letters and numbers by Unicode; white space is written out, since
 * PCRE2's \s has one more (U+180E) than the property White_Space. The pattern fits at any place, so pieces follow each
 * other without a gap. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdlib.h>

#include <heed/text.h>

#include "bpe_internal.h"

#define SPACES                                                                                                         \
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
static const char pattern[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" SPACES "\\p{L}\\p{N}]+|[" SPACES
                              "]+(?![^" SPACES "])|[" SPACES "]+";

struct bpe_splitter {
    pcre2_code *code;
};

bpe_splitter *bpe_splitter_new(heed_error *error) {
    int why = 0;
    PCRE2_SIZE where;
    bpe_splitter *s = malloc(sizeof *s);
    if (s)
        s->code =
            pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_ANCHORED, &why, &where, NULL);
    if (s && s->code) {
        pcre2_jit_compile(s->code, PCRE2_JIT_COMPLETE); /* without it matching is slower, that is all */
        return s;
    }
    if (s && why != PCRE2_ERROR_HEAP_FAILED)
        heed_error_set(error, HEED_STATE,
                       "bpe: this PCRE2 does not take GPT-2's pattern (error %d): it must be built with Unicode", why);
    else
        vocabulary_no_memory(error);
    free(s);
    return NULL;
}

void bpe_splitter_free(bpe_splitter *s) {
    if (s)
        pcre2_code_free(s->code);
    free(s);
}

bool bpe_walk_begin(bpe_walk *w, const bpe_splitter *s, const char *text, size_t begin, size_t end, heed_error *error) {
    *w = (bpe_walk){.splitter = s, .text = text, .at = begin, .end = end, .run_begin = begin, .run_end = begin};
    w->match = pcre2_match_data_create(1, NULL);
    if (w->match == NULL)
        vocabulary_no_memory(error);
    return w->match != NULL;
}

void bpe_walk_end(bpe_walk *w) { pcre2_match_data_free(w->match); }

/* Bytes from here to where UTF-8 begins again. */
static size_t foreign_bytes(const bpe_walk *w) {
    size_t at = w->at;
    uint32_t point;
    while (at < w->end && heed_utf8_read(w->text + at, w->end - at, &point) < 0)
        at++;
    return at - w->at;
}

static size_t piece_length(bpe_walk *w, heed_error *error) {
    if (w->at == w->run_end) {
        w->run_begin = w->at;
        w->run_end = w->at + heed_utf8_valid(w->text + w->at, w->end - w->at);
        if (w->at == w->run_end) {
            size_t n = foreign_bytes(w);
            w->run_end += n;
            return n;
        }
    }
    PCRE2_SPTR run = (PCRE2_SPTR)w->text + w->run_begin;
    size_t from = w->at - w->run_begin;
    int found =
        pcre2_match(w->splitter->code, run, w->run_end - w->run_begin, from, PCRE2_NO_UTF_CHECK, w->match, NULL);
    if (found > 0)
        return pcre2_get_ovector_pointer(w->match)[1] - from;
    if (found == PCRE2_ERROR_NOMEMORY)
        vocabulary_no_memory(error);
    else
        heed_error_set(error, HEED_STATE, "bpe: PCRE2 cannot split the text at byte %zu (error %d)", w->at, found);
    return 0;
}

size_t bpe_walk_next(bpe_walk *w, size_t *at, heed_error *error) {
    size_t n = w->at < w->end ? piece_length(w, error) : 0;
    *at = w->at;
    w->at += n;
    return n;
}
