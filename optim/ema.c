#include <stdlib.h>
#include <string.h>

#include <heed/op.h>
#include <heed/optim/ema.h>

enum { ELEMENTS_A_RANGE = 16384 };

struct heed_ema {
    heed_error error;
    bool inert, swapped;
    heed_model *model, *average;
    double decay;
};

heed_ema *heed_ema_new(heed_model *model, double decay) {
    static heed_ema out_of_memory = {.inert = true, .error = {.status = HEED_NO_MEMORY, .text = "ema: out of memory"}};
    heed_ema *ema = calloc(1, sizeof *ema);
    if (ema == NULL) {
        heed_error_raised(HEED_NO_MEMORY, out_of_memory.error.text);
        return &out_of_memory;
    }
    ema->model = model;
    ema->decay = decay;
    ema->average = heed_model_clone(model, heed_model_dtype(model));
    if (heed_model_status(ema->average))
        heed_error_set(&ema->error, heed_model_status(ema->average), "ema: %s", heed_model_error_text(ema->average));
    else if (!(decay >= 0 && decay < 1))
        heed_error_set(&ema->error, HEED_INVALID, "ema: decay is %g; it must be in [0, 1)", decay);
    return ema;
}

void heed_ema_free(heed_ema *ema) {
    if (ema == NULL || ema->inert)
        return;
    heed_model_free(ema->average);
    free(ema);
}

heed_status heed_ema_status(const heed_ema *ema) { return ema->error.status; }
bool heed_ema_swapped(const heed_ema *ema) { return ema->swapped; }
const heed_model *heed_ema_of(const heed_ema *ema) { return ema->model; }
const char *heed_ema_error_text(const heed_ema *ema) { return ema->error.text; }
heed_model *heed_ema_model(heed_ema *ema) { return ema->average; }

typedef struct pair {
    heed_dtype dtype;
    void *average, *values;
    double decay;
} pair;

static void average_range(void *context, int64_t begin, int64_t end) {
    const pair *p = context;
    if (p->dtype == HEED_F64) {
        double *a = p->average, *w = p->values, keep = p->decay, take = 1 - p->decay;
        for (int64_t i = begin; i < end; i++)
            a[i] = keep * a[i] + take * w[i];
    } else {
        float *a = p->average, *w = p->values, keep = (float)p->decay, take = (float)(1 - p->decay);
        for (int64_t i = begin; i < end; i++)
            a[i] = keep * a[i] + take * w[i];
    }
}

static void swap_range(void *context, int64_t begin, int64_t end) {
    const pair *p = context;
    size_t size = heed_dtype_size(p->dtype);
    unsigned char *a = p->average, *w = p->values;
    for (size_t i = (size_t)begin * size; i < (size_t)end * size; i++) {
        unsigned char was = a[i];
        a[i] = w[i];
        w[i] = was;
    }
}

static pair pair_of(const heed_ema *ema) {
    return (pair){.dtype = heed_model_dtype(ema->model),
                  .average = heed_model_data(ema->average),
                  .values = heed_model_data(ema->model),
                  .decay = ema->decay};
}

heed_status heed_ema_update(heed_ema *ema) {
    if (ema->error.status)
        return ema->error.status;
    if (ema->swapped)
        return heed_error_set(&ema->error, HEED_STATE, "ema: updated while swapped in: swap back first");
    pair p = pair_of(ema);
    heed_parallel_for(0, heed_model_size(ema->model), ELEMENTS_A_RANGE, average_range, &p);
    heed_model_changed(ema->average);
    return HEED_OK;
}

heed_status heed_ema_swap(heed_ema *ema) {
    if (ema->error.status)
        return ema->error.status;
    pair p = pair_of(ema);
    heed_parallel_for(0, heed_model_size(ema->model), ELEMENTS_A_RANGE, swap_range, &p);
    ema->swapped = !ema->swapped;
    heed_model_changed(ema->model);
    heed_model_changed(ema->average);
    return HEED_OK;
}
