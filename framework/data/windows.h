/* Windows of tokens, for language models: x is T tokens in a row, y the T tokens that follow each of them.
 *
 *     the tokens    5 2 7 7 1 0 3 ...
 *     x             2 7 7 1              a window of T = 4 that starts at 1
 *     y             7 7 1 0
 *
 * The tokens are cut once in two: the first part trains, the last is for validation. */
#ifndef HEED_WINDOWS_H
#define HEED_WINDOWS_H

#include <heed/loader.h>
#include <heed/vocabulary.h>

HEED_BEGIN_DECLS

typedef enum heed_part { HEED_PART_TRAINING, HEED_PART_VALIDATION } heed_part;

/* Targets that are not there, at the end of the last window: give it to heed_cross_entropy_with as its ignore_index. */
enum { HEED_IGNORED = -1 };

typedef struct heed_windows_options {
    int64_t length;           /* T, at least 1 */
    double validation;        /* this share of the count tokens: training keeps floor((1 - validation) count) ... */
    int64_t validation_count; /* ... or so many tokens, where it is not 0 */
} heed_windows_options;

typedef struct heed_windows heed_windows;

/* Copies the tokens. NULL and the reason on an error: a part (of more than no tokens) no longer than a window. */
heed_windows *heed_windows_new(const int32_t *tokens, int64_t count, heed_windows_options options, heed_error *error);
/* The tokens of a UTF-8 file. */
heed_windows *heed_windows_open(const char *path, const heed_vocabulary *v, heed_windows_options options,
                                heed_error *error);
void heed_windows_free(heed_windows *w);

int64_t heed_windows_length(const heed_windows *w); /* T */
/* A part's tokens and, through count, their number. */
const int32_t *heed_windows_tokens(const heed_windows *w, heed_part part, int64_t *count);

/* Training: B windows, x and y of shape (B, T): windows batch B .. batch B + B - 1 of an endless walk, which is a function of
 * the seed alone. It goes over the text again and again; a pass cuts it into windows from a random start on, and takes them
 * in a random order. So a pass reads every token about once, where starts drawn one by one would miss more than a third, and each of
 * the part's count - T starts is as likely. An error: a part without tokens, B below 1. */
heed_status heed_windows_draw(const heed_windows *w, heed_part part, uint64_t seed, uint64_t batch, int64_t B,
                              int32_t *x, int32_t *y) HEED_MUST_CHECK;

/* Evaluation: the windows that start at 0, T, 2 T, ... of a part. Each token but the first is one window's target, so
 * their number is ceil((count - 1) / T), 0 for a part without tokens. */
int64_t heed_windows_count(const heed_windows *w, heed_part part);
/* Windows first .. first + B - 1 of them; x and y of shape (B, T). Where the part ends, y is HEED_IGNORED and x 0.
 * Returns how many targets there are: 0 behind the last window. */
int64_t heed_windows_read(const heed_windows *w, heed_part part, int64_t first, int64_t B, int32_t *x, int32_t *y);

/* What a loader needs to draw windows: its buffers hold x (B, T) and y (B, T) behind it.
 *
 *     heed_window_batches batches = {windows, HEED_PART_TRAINING, B};
 *     heed_loader *loader = heed_loader_new(heed_window_fill, &batches, (heed_loader_options){
 *         .bytes = heed_window_bytes(&batches), .threads = 1, .seed = 1337}, &error);
 *     const int32_t *x = heed_loader_next(loader), *y = x + B * T; */
typedef struct heed_window_batches {
    const heed_windows *windows;
    heed_part part;
    int64_t B;
} heed_window_batches;
/* 0 where that is past size_t, or B below 1. */
size_t heed_window_bytes(const heed_window_batches *batches);
/* A heed_fill; batches: a heed_window_batches. */
heed_status heed_window_fill(void *batches, uint64_t seed, uint64_t batch, void *buffer, heed_error *error);

HEED_END_DECLS
#endif
