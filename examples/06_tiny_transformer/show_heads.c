/* Where each head looks, in five numbers. */
#include "show.h"

#include "../common/patterns.h"

#include <stdlib.h>

enum { WINDOWS = 16, MOST_HEADS = 64 };

typedef struct habits {
    double itself, before, same, after_same, distance; /* sums over queries */
    int64_t queries;
} habits;

/* One head's weights (T, T) for the tokens x (T). */
static void watch_head(habits *h, const float *pattern, const int32_t *x, int64_t T) {
    for (int64_t i = 1; i < T; i++, h->queries++) {
        const float *row = pattern + i * T;
        h->itself += (double)row[i];
        h->before += (double)row[i - 1];
        for (int64_t j = 0; j < i; j++) {
            h->same += x[j] == x[i] ? (double)row[j] : 0;
            h->after_same += j > 0 && x[j - 1] == x[i] ? (double)row[j] : 0;
            h->distance += (double)row[j] * (double)(i - j);
        }
    }
}

/* habits (layers, heads), from WINDOWS windows of the validation part. */
static heed_status watch_all(const writer *w, heed_tape *t, const heed_windows *windows, habits *all) {
    static int32_t x[WINDOWS * 256], y[WINDOWS * 256];
    int64_t T = heed_windows_length(windows);
    patterns caught;
    if (T > 256)
        return HEED_OK;
    if (patterns_watch(&caught, t))
        return heed_tape_status(t);
    int64_t rows = heed_windows_count(windows, HEED_PART_VALIDATION) < WINDOWS ? 1 : WINDOWS;
    heed_windows_read(windows, HEED_PART_VALIDATION, 0, rows, x, y);
    bool recorded = heed_tape_set_recording(t, false), trained = heed_tape_set_training(t, false);
    heed_tape_reset(t);
    heed_gpt_forward(&w->gpt, t, heed_input(t, HEED_I32, HEED_SHAPE(rows, T), x));
    patterns_unwatch(&caught, t);
    for (int layer = 0; layer < caught.layers; layer++)
        for (int head = 0; head < w->by->gpt.n_heads; head++)
            for (int64_t row = 0; row < rows; row++) {
                const float *pattern = patterns_of(&caught, t, layer, row, head);
                if (pattern)
                    watch_head(&all[layer * w->by->gpt.n_heads + head], pattern, x + row * T, T);
            }
    heed_tape_set_recording(t, recorded);
    heed_tape_set_training(t, trained);
    return heed_tape_status(t);
}

heed_status show_heads(const terminal *term, const writer *w, heed_tape *t, const heed_windows *windows) {
    habits all[MOST_HEADS] = {{0}};
    int heads = w->by->gpt.n_heads;
    heed_status status = watch_all(w, t, windows, all);
    if (status)
        return status;
    say(term, "  Where each head looks, in shares of its weight (validation text):\n\n"
              "    {d|layer.head   itself   one back   same token   what followed it   looks back by}\n");
    for (int i = 0; i < w->by->gpt.n_layers * heads && i < MOST_HEADS; i++) {
        const habits *h = &all[i];
        double n = h->queries > 0 ? (double)h->queries : 1;
        bool previous = h->before / n > 0.5, repeats = h->after_same / n > 0.3;
        say(term, "    %d.%d          %6.2f     %6.2f       %6.2f             %6.2f        %6.1f   %s\n", i / heads,
            i % heads, h->itself / n, h->before / n, h->same / n, h->after_same / n, h->distance / n,
            previous  ? "{q|the token before}"
            : repeats ? "{k|goes on as it went on before}"
                      : "");
    }
    return HEED_OK;
}
