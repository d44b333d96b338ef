#include <heed/layers/lora.h>
#include <heed/ops.h>

#include <math.h>
#include <stdlib.h>

void heed_lora_init(heed_lora *lora, const heed_module *parent, const char *name, int64_t inputs, int64_t outputs,
                    int rank, double alpha) {
    *lora = (heed_lora){.factor = alpha != 0 ? alpha / rank : 1};
    heed_module_init(&lora->module, parent, name);
    if (inputs < 1 || outputs < 1 || rank < 1)
        heed_module_fail(&lora->module, "inputs %lld, outputs %lld and rank %d must be positive", (long long)inputs,
                         (long long)outputs, rank);
    else if (!isfinite(alpha))
        heed_module_fail(&lora->module, "alpha %g must be finite", alpha);
    lora->a = heed_param_new(&lora->module, "a", HEED_SHAPE(rank, inputs), heed_init_kaiming_normal(1));
    lora->b = heed_param_new(&lora->module, "b", HEED_SHAPE(outputs, rank), heed_init_constant(0));
}

static heed_shape shape_of(heed_param p) { return heed_model_param(p.model, p.index).shape; }

void heed_lora_init_linear(heed_lora *lora, const heed_linear_layer *layer, int rank, double alpha) {
    heed_shape weight = shape_of(layer->weight);
    heed_lora_init(lora, &layer->module, "lora", weight.n[1], weight.n[0], rank, alpha);
}

heed_tensor heed_lora_forward(const heed_lora *lora, heed_tape *t, heed_tensor x, heed_tensor y) {
    heed_enter(t, &lora->module);
    heed_tensor narrow = heed_linear(t, x, heed_use(t, lora->a), HEED_NIL);      /* (..., rank) */
    heed_tensor update = heed_linear(t, narrow, heed_use(t, lora->b), HEED_NIL); /* (..., outputs) */
    y = heed_add(t, y, heed_scale(t, update, lora->factor));
    heed_leave(t);
    return y;
}

/* weight (outputs, inputs) += factor b a */
static void add_product(double *weight, const double *a, const double *b, int64_t outputs, int64_t inputs, int64_t rank,
                        double factor) {
    for (int64_t o = 0; o < outputs; o++)
        for (int64_t r = 0; r < rank; r++)
            for (int64_t i = 0; i < inputs; i++)
                weight[o * inputs + i] += factor * b[o * rank + r] * a[r * inputs + i];
}

heed_status heed_lora_merge(const heed_lora *lora, heed_param weight) {
    heed_shape a_shape = shape_of(lora->a), b_shape = shape_of(lora->b), is = shape_of(weight);
    const int64_t rank = a_shape.n[0], inputs = a_shape.n[1], outputs = b_shape.n[0];
    if (!heed_shape_equal(is, HEED_SHAPE(outputs, inputs)))
        return heed_module_fail(&lora->module, "the weight to merge into is %s; it must be %s", HEED_SHAPE_STR(is),
                                HEED_SHAPE_STR(HEED_SHAPE(outputs, inputs)));
    double *values = malloc((size_t)(outputs * inputs + rank * inputs + outputs * rank) * sizeof *values);
    if (values == NULL)
        return heed_module_fail(&lora->module, "out of memory");
    double *a = values + outputs * inputs, *b = a + rank * inputs;
    heed_status status = heed_param_get(weight, values, outputs * inputs);
    status = status ? status : heed_param_get(lora->a, a, rank * inputs);
    status = status ? status : heed_param_get(lora->b, b, outputs * rank);
    if (status == HEED_OK) {
        add_product(values, a, b, outputs, inputs, rank, lora->factor);
        for (int64_t i = 0; i < outputs * rank; i++)
            b[i] = 0;
        status = heed_param_set(weight, values, outputs * inputs);
        status = status ? status : heed_param_set(lora->b, b, outputs * rank);
    }
    free(values);
    return status;
}
