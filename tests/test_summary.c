/* heed_model_summary: the table, word for word. */
#include <heed/heed.h>

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static const char *summary_of(const heed_model *model) {
    static char text[4096];
    memset(text, 0, sizeof text);
    FILE *out = fmemopen(text, sizeof text - 1, "w");
    cr_assert(heed_model_summary(model, out) == HEED_OK);
    fclose(out);
    return text;
}

Test(summary, is_a_table) {
    heed_model *model = heed_model_new();
    const heed_module *root = heed_model_root(model);
    heed_embedding_layer tokens;
    heed_layernorm_layer norm;
    heed_module out;
    heed_embedding_init(&tokens, root, "tokens", 1200, 16);
    heed_layernorm_init(&norm, root, "norm", 16, 1e-5, true);
    heed_module_init(&out, root, "out");
    heed_param_tie(&out, "weight", tokens.weight);
    heed_buffer_new(root, "scale", HEED_SCALAR, heed_init_constant(1));
    cr_expect_eq(heed_model_set_trainable(model, "norm.shift", false), 1);
    cr_expect_str_eq(summary_of(model), "parameter      shape       numbers\n"
                                        "tokens.weight  (1200, 16)   19,200\n"
                                        "norm.gain      (16,)            16  no_decay\n"
                                        "norm.shift     (16,)            16  frozen, no_decay\n"
                                        "out.weight     (1200, 16)           is tokens.weight\n"
                                        "scale          ()                1  buffer\n"
                                        "19,233 numbers, 19,216 of them trained\n");
    cr_assert(heed_model_build(model, HEED_F64, 1) == HEED_OK);
    cr_expect_not_null(strstr(summary_of(model), "19,233 numbers, 19,216 of them trained; f64, 153,920 bytes\n"), "%s",
                       summary_of(model));
    heed_model_free(model);
}

Test(summary, of_nothing) {
    heed_model *model = heed_model_new();
    cr_expect_str_eq(summary_of(model), "parameter  shape  numbers\n0 numbers, 0 of them trained\n");
    heed_model_free(model);
}

Test(summary, says_when_it_cannot_be_written) {
    heed_model *model = heed_model_new();
    FILE *full = fopen("/dev/full", "w");
    if (full == NULL)
        cr_skip_test("there is no /dev/full");
    cr_expect_eq(heed_model_summary(model, full), HEED_IO);
    fclose(full);
    heed_model_free(model);
}

Test(summary, of_a_refused_model_is_its_error) {
    heed_model *model = heed_model_new();
    heed_linear_layer linear;
    heed_linear_init(&linear, heed_model_root(model), "out", 0, 1, true);
    cr_expect_eq(heed_model_summary(model, stderr), HEED_INVALID);
    heed_model_free(model);
}
