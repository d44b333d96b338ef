/* GPT: how it starts, its laws, and what it refuses. */
#include <heed/heed.h>

#include <criterion/criterion.h>

#include "layers_common.h"

/* ---- how it starts ---- */

typedef struct statistics {
    double mean, std;
    int64_t count;
} statistics;

static statistics statistics_of(heed_param_info info, heed_model *model) {
    statistics s = {.count = info.count};
    double *values = malloc((size_t)info.count * sizeof *values);
    cr_assert(heed_param_get(heed_model_find(model, info.path), values, info.count) == HEED_OK);
    for (int64_t i = 0; i < info.count; i++)
        s.mean += values[i] / (double)info.count;
    for (int64_t i = 0; i < info.count; i++)
        s.std += (values[i] - s.mean) * (values[i] - s.mean) / (double)info.count;
    s.std = sqrt(s.std);
    free(values);
    return s;
}

/* N(0, std²): the mean of n values is off by std / sqrt(n), their deviation by std / sqrt(2 n); five of those are allowed. */
static void expect_normal(heed_param_info info, heed_model *model, double std) {
    statistics s = statistics_of(info, model);
    cr_expect(fabs(s.mean) <= 5 * std / sqrt((double)s.count), "%s: mean %g", info.path, s.mean);
    cr_expect(fabs(s.std - std) <= 5 * std / sqrt(2.0 * (double)s.count), "%s: std %g, not %g", info.path, s.std, std);
}

static void expect_start(heed_gpt_options options, double residual) {
    heed_model *model = heed_model_new();
    heed_gpt gpt;
    heed_gpt_init(&gpt, heed_model_root(model), "gpt", options);
    built(model);
    for (int i = 0; i < heed_model_params(model); i++) {
        heed_param_info info = heed_model_param(model, i);
        if (info.shape.rank > 1)
            expect_normal(info, model, strstr(info.path, "w_o") || strstr(info.path, "down") ? residual : 0.02);
        else
            for (int64_t k = 0; k < info.count && !info.buffer; k++)
                cr_assert_eq(((double *)heed_param_data(heed_model_find(model, info.path)))[k], strstr(info.path, "gain") ? 1 : 0, "%s", info.path);
    }
    heed_model_free(model);
}

Test(gpt, starts_as_gpt_2_does) {
    heed_gpt_options options = {.vocabulary = 65, .context = 64, .d_model = 48, .n_heads = 4, .n_layers = 3};
    expect_start(options, 0.02 / sqrt(6));
    options.untied = true;
    options.activation = HEED_SWIGLU;
    expect_start(options, 0.02 / sqrt(6));
    options.no_mlp = true;
    expect_start(options, 0.02 / sqrt(3));
}

Test(gpt, has_as_many_parameters_as_gpt_2) {
    heed_model *model = heed_model_new();
    heed_gpt gpt;
    heed_gpt_init(&gpt, heed_model_root(model), "gpt",
                  (heed_gpt_options){.vocabulary = 50257, .context = 1024, .d_model = 768, .n_heads = 12, .n_layers = 12});
    int64_t count = 0;
    for (int i = 0; i < heed_model_params(model); i++)
        count += heed_model_param(model, i).buffer ? 0 : heed_model_param(model, i).count;
    cr_expect_eq(count, 124439808, "%lld", (long long)count); /* the smallest of the published ones */
    heed_model_free(model);
}
