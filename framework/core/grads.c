/* Gradients of a model's parameters, in one flat buffer. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../kernels/parallel.h"
#include "backward_internal.h"
#include "large_internal.h"

enum { ELEMENTS_A_RANGE = 16384, NORM_BLOCK = 4096 };

static int64_t norm_blocks(const heed_model *model) {
    return (model->size + NORM_BLOCK - 1) / NORM_BLOCK;
}

heed_grads *heed_grads_new(const heed_model *model) {
    static heed_grads out_of_memory = {
        .inert = true, .poisoned = true, .error = {.status = HEED_NO_MEMORY, .text = "heed_grads_new: out of memory"}};
    heed_grads *g = calloc(1, sizeof *g);
    size_t bytes = (size_t)model->size * heed_dtype_size(model->dtype);
    if (g) {
        g->model = model;
        g->n_entries = model->n_entries;
        g->empty = true;
        g->weight = -1;
        if (!model->built)
            heed_error_set(&g->error, HEED_STATE, "heed_grads_new: %s",
                           model->error.status ? model->error.text : "the model is not built yet");
        g->written = calloc(model->n_entries + 1, sizeof *g->written);
        g->data = large_take(bytes);
        g->partial = calloc((size_t)norm_blocks(model) + 1, sizeof *g->partial);
    }
    if (g == NULL || g->written == NULL || g->data == NULL || g->partial == NULL) {
        heed_grads_free(g);
        heed_error_raised(HEED_NO_MEMORY, out_of_memory.error.text);
        return &out_of_memory;
    }
    memset(g->data, 0, bytes); /* padding between parameters stays zero for good */
    return g;
}

void heed_grads_free(heed_grads *g) {
    if (g == NULL || g->inert)
        return;
    free(g->written);
    free(g->partial);
    free(g->data);
    free(g);
}

void heed_grads_clear(heed_grads *g) {
    if (g->inert)
        return;
    g->empty = true;
    g->poisoned = false;
    g->weight = -1;
    memset(g->written, 0, g->n_entries * sizeof *g->written);
}

bool heed_grads_empty(const heed_grads *g) { return g->empty; }
bool heed_grads_poisoned(const heed_grads *g) { return g->poisoned; }
const heed_model *heed_grads_model(const heed_grads *g) { return g->model; }
double heed_grads_weight(const heed_grads *g) { return g->weight; }
void *heed_grads_data(heed_grads *g) { return g->data; }

void *heed_grads_of(heed_grads *g, heed_param p) {
    extent e;
    if (g->error.status || !model_extent(g->model, p.index, &e))
        return NULL;
    return (char *)g->data + (size_t)e.offset * heed_dtype_size(g->model->dtype);
}

void grads_poison(heed_grads *g) {
    if (!g->inert)
        g->poisoned = true;
}

void grads_zero_entry(heed_grads *g, int index) {
    const entry *e = &g->model->entries[index];
    size_t size = heed_dtype_size(g->model->dtype);
    memset((char *)g->data + (size_t)e->offset * size, 0, (size_t)e->count * size);
}

/* ---- accumulating ---- */

/* a := a * ours + b * theirs; b may be NULL. */
typedef struct blend {
    heed_dtype dtype;
    void *a;
    const void *b;
    double ours, theirs;
} blend;

static void blend_range(void *context, int64_t begin, int64_t end) {
    const blend *j = context;
    if (j->dtype == HEED_F64) {
        double *a = j->a;
        const double *b = j->b;
        for (int64_t i = begin; i < end; i++)
            a[i] = a[i] * j->ours + (b ? b[i] * j->theirs : 0);
    } else {
        float *a = j->a, ours = (float)j->ours, theirs = (float)j->theirs;
        const float *b = j->b;
        for (int64_t i = begin; i < end; i++)
            a[i] = a[i] * ours + (b ? b[i] * theirs : 0);
    }
}

bool grads_may_add(const heed_grads *g, double weight) {
    return g->empty || (g->weight < 0) == (weight < 0);
}

/* How two averages become one: each counts by its items; without items they are added. */
static void shares(const heed_grads *g, double weight, double *ours, double *theirs) {
    double sum = g->weight + weight;
    *ours = weight >= 0 && sum > 0 ? g->weight / sum : 1;
    *theirs = weight < 0 ? 1 : sum > 0 ? weight / sum : 0;
}

void grads_open(heed_grads *g, double weight, int threads, double *share) {
    *share = 1;
    if (g->empty)
        return;
    double ours;
    shares(g, weight, &ours, share);
    if (ours != 1) {
        blend job = {.dtype = g->model->dtype, .a = g->data, .ours = ours};
        heed_parallel_for(threads, g->model->size, ELEMENTS_A_RANGE, blend_range, &job);
    }
}

static double added(double a, double b) {
    return a < 0 ? b : b < 0 ? a : a + b;
}

void grads_close(heed_grads *g, double weight) {
    for (size_t i = 0; i < g->n_entries; i++) {
        const entry *e = &g->model->entries[i];
        if (e->alias_of < 0 && (!g->written[i] || !e->trainable))
            grads_zero_entry(g, (int)i); /* never used, or frozen inside a stack */
        g->written[i] = true;
    }
    g->weight = g->empty ? weight : added(g->weight, weight);
    g->empty = false;
}

heed_status heed_grads_merge(heed_grads *to, const heed_grads *from, int threads) {
    if (to->error.status || from->error.status)
        return to->error.status ? to->error.status : from->error.status;
    if (to->poisoned || from->poisoned)
        return heed_error_set(NULL, HEED_STATE,
                              "heed_grads_merge: poisoned gradients cannot be merged: clear them first");
    if (to->model->dtype != from->model->dtype || !model_twins(to->model, from->model))
        return heed_error_set(NULL, HEED_INVALID, "heed_grads_merge: the models differ");
    if (from->empty)
        return HEED_OK;
    if (!grads_may_add(to, from->weight))
        return heed_error_set(NULL, HEED_STATE, "heed_grads_merge: gradients of averages and of sums cannot be merged");
    double ours, theirs;
    shares(to, from->weight, &ours, &theirs);
    if (to->empty) {
        memcpy(to->data, from->data, (size_t)to->model->size * heed_dtype_size(to->model->dtype));
        memset(to->written, true, to->n_entries * sizeof *to->written);
    } else {
        blend job = {.dtype = to->model->dtype, .a = to->data, .b = from->data, .ours = ours, .theirs = theirs};
        heed_parallel_for(threads, to->model->size, ELEMENTS_A_RANGE, blend_range, &job);
    }
    to->weight = to->empty ? from->weight : added(to->weight, from->weight);
    to->empty = false;
    return HEED_OK;
}

/* ---- the norm ---- */

/* Sixteen sums side by side, so that the order is fixed and the loop a vector's. */
static double squares_f32(const float *x, int64_t n) {
    double sum[16] = {0}, total = 0;
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int lane = 0; lane < 16; lane++)
            sum[lane] += (double)x[i + lane] * (double)x[i + lane];
    for (int lane = 0; i < n; i++, lane++)
        sum[lane] += (double)x[i] * (double)x[i];
    for (int lane = 0; lane < 16; lane++)
        total += sum[lane];
    return total;
}

static double squares_f64(const double *x, int64_t n) {
    double sum[16] = {0}, total = 0;
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (int lane = 0; lane < 16; lane++)
            sum[lane] += x[i + lane] * x[i + lane];
    for (int lane = 0; i < n; i++, lane++)
        sum[lane] += x[i] * x[i];
    for (int lane = 0; lane < 16; lane++)
        total += sum[lane];
    return total;
}

/* Blocks cut the flat buffer, whatever parameters lie in it: what is not trained is zero there. */
static void norm_range(void *context, int64_t begin, int64_t end) {
    heed_grads *g = context;
    for (int64_t b = begin; b < end; b++) {
        int64_t first = b * NORM_BLOCK, n = g->model->size - first < NORM_BLOCK ? g->model->size - first : NORM_BLOCK;
        g->partial[b] = g->model->dtype == HEED_F64 ? squares_f64((const double *)g->data + first, n)
                                                    : squares_f32((const float *)g->data + first, n);
    }
}

double heed_grads_norm(heed_grads *g, int threads) {
    if (g->inert || g->empty || g->poisoned)
        return NAN;
    int64_t blocks = norm_blocks(g->model);
    heed_parallel_for(threads, blocks, 8, norm_range, g);
    double sum = 0;
    for (int64_t b = 0; b < blocks; b++)
        sum += g->partial[b];
    return sqrt(sum);
}
