#include <heed/layers/position.h>
#include <heed/ops.h>

#include <math.h>

/* Vaswani et al. 2017, 3.5. Even and odd features of one frequency are a point on a circle, so that the step from position
 * p to p + k is a rotation by k, whatever p is. */
static void sinusoids(void *user, heed_shape shape, uint64_t seed, double *values, int64_t count) {
    (void)user, (void)seed;
    int64_t d = shape.n[1];
    for (int64_t i = 0; i < count; i += 2) {
        int64_t position = i / d, feature = i % d;
        double angle = (double)position / pow(10000, (double)feature / (double)d);
        values[i] = sin(angle);
        values[i + 1] = cos(angle);
    }
}

void heed_position_init(heed_position *layer, const heed_module *parent, const char *name, heed_position_kind kind,
                        int64_t longest, int64_t d) {
    *layer = (heed_position){.longest = longest};
    heed_module_init(&layer->module, parent, name);
    const heed_module *module = &layer->module;
    heed_shape shape = HEED_SHAPE(longest, d);
    if (longest < 1 || d < 1)
        heed_module_fail(module, "longest %lld and d %lld must be positive", (long long)longest, (long long)d);
    if (kind == HEED_POSITION_SINUSOIDAL && d % 2)
        heed_module_fail(module, "d %lld must be even: each frequency takes a sine and a cosine", (long long)d);
    layer->weight = kind == HEED_POSITION_SINUSOIDAL
                        ? heed_buffer_new(module, "weight", shape, heed_init_custom(sinusoids, NULL))
                        : heed_param_new(module, "weight", shape, heed_init_normal(0, 0.02));
}

static heed_tensor add_rows(const heed_position *layer, heed_tape *t, heed_tensor x, int64_t first) {
    int64_t T = heed_rank(t, x) < 2 ? 0 : heed_size(t, x, -2);
    if (first < 0 || T > layer->longest - first)
        return heed_fail_tape(t, HEED_INVALID, "%lld positions from %lld on are asked for, there are %lld",
                              (long long)T, (long long)first, (long long)layer->longest);
    heed_tensor rows = heed_slice(t, heed_use(t, layer->weight), 0, first, first + T); /* (T, d) */
    return heed_add(t, x, rows);                                                      /* (..., T, d) */
}

heed_tensor heed_position_forward(const heed_position *layer, heed_tape *t, heed_tensor x, int64_t first) {
    heed_enter(t, &layer->module);
    heed_tensor y = add_rows(layer, t, x, first);
    heed_leave(t);
    return y;
}
