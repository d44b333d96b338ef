#include "patterns.h"

static void note(void *user, heed_tape *t, const char *path, heed_tensor x) {
    (void)t;
    (void)path;
    patterns *p = user;
    if (p->layers < PATTERNS_LAYERS)
        p->layer[p->layers++] = x;
}

heed_status patterns_watch(patterns *p, heed_tape *t) {
    p->layers = 0;
    return heed_tape_on_watch(t, "*.pattern", note, p);
}

void patterns_unwatch(patterns *p, heed_tape *t) {
    heed_tape_unwatch(t, note, p);
}

const float *patterns_of(const patterns *p, heed_tape *t, int layer, int64_t sequence, int head) {
    heed_tensor x = layer < p->layers ? p->layer[layer] : HEED_NIL;
    const float *weights = heed_f32(t, x);
    int64_t rows = heed_size(t, x, 2), columns = heed_size(t, x, 3), heads = heed_size(t, x, 1);
    return weights ? weights + (sequence * heads + head) * rows * columns : NULL;
}
