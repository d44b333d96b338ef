/* The dtypes of files: models and arrays written in another one than their own, rounded once; and GPT-2's weights as F32 keeps them. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <heed/heed.h>

#include "helpers/comma_locale.h"
#include "helpers/golden.h"

static char path[64];

static void use_path(void) { snprintf(path, sizeof path, "/tmp/heed_dtypes_%ld", (long)getpid()); }
static void remove_path(void) { remove(path); }
TestSuite(file_dtypes, .init = use_path, .fini = remove_path);

/* [promises: bit for bit] */
Test(file_dtypes, all_six_come_back_bit_for_bit) {
    const uint32_t f32[2] = {0xffa00001, 0x00000001}; /* a signaling NaN, a denormal */
    const uint64_t f64[2] = {0x7ff4000000001234, 0x8000000000000000};
    const uint16_t bf16[2] = {0x7f81, 0x8001}, f16[2] = {0x7c01, 0x8001};
    const int32_t i32[2] = {INT32_MIN, -1};
    const unsigned char flags[2] = {1, 0};
    const heed_file_tensor all[] = {{.name = "F32", .dtype = "F32", .shape = HEED_SHAPE(2), .data = f32},
                                    {.name = "F64", .dtype = "F64", .shape = HEED_SHAPE(2), .data = f64},
                                    {.name = "BF16", .dtype = "BF16", .shape = HEED_SHAPE(2), .data = bf16},
                                    {.name = "F16", .dtype = "F16", .shape = HEED_SHAPE(2), .data = f16},
                                    {.name = "I32", .dtype = "I32", .shape = HEED_SHAPE(2), .data = i32},
                                    {.name = "BOOL", .dtype = "BOOL", .shape = HEED_SHAPE(2), .data = flags}};
    heed_error e;
    cr_assert_eq(heed_safetensors_write(path, 6, all, 0, NULL, &e), HEED_OK, "%s", e.text);
    heed_safetensors *file = heed_safetensors_open(path, &e);
    cr_assert_not_null(file, "%s", e.text);
    for (int i = 0; i < 6; i++) {
        heed_file_tensor x = heed_safetensors_at(file, heed_safetensors_find(file, all[i].name));
        cr_expect_str_eq(x.dtype, all[i].dtype);
        cr_expect_eq(memcmp(x.data, all[i].data, x.bytes), 0, "%s", all[i].name);
    }
    heed_safetensors_close(file);
}

/* ---- rounding, worked out by hand ---- */

static const struct {
    double x;
    uint16_t f16, bf16;
} rounded[] = {
    {1, 0x3c00, 0x3f80},
    {-0.0, 0x8000, 0x8000},
    {0x1.004p0, 0x3c01, 0x3f80},           /* 1 + 2^-10: F16's next number */
    {0x1.002p0, 0x3c00, 0x3f80},           /* half way: to the even one */
    {0x1.006p0, 0x3c02, 0x3f80},           /* half way, the even one above */
    {0x1.0020000000001p0, 0x3c01, 0x3f80}, /* just above half: by way of a float it would be half */
    {0x1.01p0, 0x3c04, 0x3f80},            /* half of BF16's step */
    {0x1.03p0, 0x3c0c, 0x3f82},
    {0x1.0100000000001p0, 0x3c04, 0x3f81},
    {65504, 0x7bff, 0x4780},
    {65519, 0x7bff, 0x4780},
    {65520, 0x7c00, 0x4780}, /* half way past F16's largest: inf */
    {-1e300, 0xfc00, 0xff80},
    {0x1p-24, 0x0001, 0x3380}, /* F16's smallest */
    {0x1p-25, 0x0000, 0x3300}, /* half of it: 0 */
    {0x1.8p-25, 0x0001, 0x3340},
    {0x1.ffcp-15, 0x0400,
     0x3880}, /* a carry from the largest denormal to the smallest normal; in BF16 to the next power of 2 */
    {0x1p-133, 0x0000, 0x0001}, /* BF16's smallest */
    {0x1p-134, 0x0000, 0x0000},
    {5e-324, 0x0000, 0x0000},
    {INFINITY, 0x7c00, 0x7f80},
};
enum { N = sizeof rounded / sizeof *rounded };

static heed_model *model_of_them(void) {
    heed_model *model = heed_model_new();
    heed_param p = heed_param_new(heed_model_root(model), "x", HEED_SHAPE(N), heed_init_constant(0));
    cr_assert_eq(heed_model_build(model, HEED_F64, 1), HEED_OK);
    double values[N];
    for (int i = 0; i < N; i++)
        values[i] = rounded[i].x;
    cr_assert_eq(heed_param_set(p, values, N), HEED_OK);
    return model;
}

Test(file_dtypes, models_are_rounded_once_to_nearest_even) {
    heed_model *model = model_of_them();
    const char *const dtypes[] = {"F16", "BF16", "F32", "F64"};
    for (int d = 0; d < 4; d++) {
        heed_error e;
        cr_assert_eq(heed_model_save(model, path, (heed_save_options){.dtype = dtypes[d]}, &e), HEED_OK, "%s", e.text);
        heed_safetensors *file = heed_safetensors_open(path, &e);
        heed_file_tensor x = heed_safetensors_at(file, 0);
        cr_assert_str_eq(x.dtype, dtypes[d]);
        for (int i = 0; i < N; i++) {
            if (d < 2)
                cr_expect_eq(((const uint16_t *)x.data)[i], d ? rounded[i].bf16 : rounded[i].f16, "%a as %s: %04x",
                             rounded[i].x, dtypes[d], ((const uint16_t *)x.data)[i]);
            else if (d == 2)
                cr_expect_eq(((const float *)x.data)[i], (float)rounded[i].x, "%a", rounded[i].x);
        }
        heed_safetensors_close(file);
    }
    heed_error e;
    cr_expect_eq(heed_model_save(model, path, (heed_save_options){.dtype = "I32"}, &e), HEED_INVALID);
    cr_expect_not_null(strstr(e.text, "a model is saved as F32, F64, F16 or BF16, not as I32"), "%s", e.text);
    heed_model_free(model);
}

/* Each of the 65,536 numbers of 16 bits, read into f64 and written again; NaNs stay NaNs. */
Test(file_dtypes, every_number_of_16_bits_comes_back) {
    enum { ALL = 65536 };
    static uint16_t bits[ALL];
    for (int i = 0; i < ALL; i++)
        bits[i] = (uint16_t)i;
    const char *const dtypes[] = {"F16", "BF16"};
    for (int d = 0; d < 2; d++) {
        heed_model *model = heed_model_new();
        heed_param_new(heed_model_root(model), "x", HEED_SHAPE(ALL), heed_init_constant(0));
        cr_assert_eq(heed_model_build(model, HEED_F64, 1), HEED_OK);
        const heed_file_tensor x = {.name = "x", .dtype = dtypes[d], .shape = HEED_SHAPE(ALL), .data = bits};
        cr_assert_eq(heed_safetensors_write(path, 1, &x, 0, NULL, NULL), HEED_OK);
        cr_assert_eq(heed_model_load(model, path, (heed_load_options){.partial = false}, NULL), HEED_OK);
        cr_assert_eq(heed_model_save(model, path, (heed_save_options){.dtype = dtypes[d]}, NULL), HEED_OK);
        heed_safetensors *file = heed_safetensors_open(path, NULL);
        const uint16_t *back = heed_safetensors_at(file, 0).data;
        const uint16_t infinite = d ? 0x7f80 : 0x7c00;
        for (int i = 0; i < ALL; i++) {
            bool nan = (i & 0x7fff) > infinite;
            cr_assert(nan ? (back[i] & 0x7fff) > infinite : back[i] == i, "%s %04x became %04x", dtypes[d], (unsigned)i,
                      back[i]);
        }
        heed_safetensors_close(file);
        heed_model_free(model);
    }
}

Test(file_dtypes, arrays_are_written_as_asked) {
    double values[N];
    for (int i = 0; i < N; i++)
        values[i] = rounded[i].x;
    heed_error e;
    cr_assert_eq(heed_npy_write_as(path, "F16", HEED_F64, HEED_SHAPE(N), values, &e), HEED_OK, "%s", e.text);
    heed_npy *file = heed_npy_open(path, &e);
    cr_assert_not_null(file, "%s", e.text);
    heed_file_tensor x = heed_npy_tensor(file);
    cr_assert_str_eq(x.dtype, "F16");
    for (int i = 0; i < N; i++)
        cr_expect_eq(((const uint16_t *)x.data)[i], rounded[i].f16, "%a", rounded[i].x);
    heed_npy_close(file);
    cr_expect_eq(heed_npy_write_as(path, "BF16", HEED_F32, HEED_SHAPE(1), values, &e), HEED_INVALID);
    cr_expect_not_null(strstr(e.text, "NumPy has no dtype for BF16"), "%s", e.text);
    cr_expect_eq(heed_npy_write_as(path, "F16", HEED_I32, HEED_SHAPE(1), values, &e), HEED_INVALID);
    cr_expect_not_null(strstr(e.text, "i32 cannot be written as F16"), "%s", e.text);
}

/* ---- promises that no other suite holds ---- */

/* [promises: names as paths] */
Test(file_dtypes, a_name_is_never_a_path) {
    const float one = 1;
    const heed_file_tensor x = {.name = "../../heed_escaped", .dtype = "F32", .shape = HEED_SHAPE(1), .data = &one};
    cr_assert_eq(heed_safetensors_write(path, 1, &x, 0, NULL, NULL), HEED_OK);
    heed_safetensors *file = heed_safetensors_open(path, NULL);
    cr_expect_str_eq(heed_safetensors_at(file, 0).name, "../../heed_escaped");
    heed_safetensors_close(file);
    cr_expect_neq(access("../../heed_escaped", F_OK), 0);
}

/* [promises: a point in every locale] */
Test(file_dtypes, files_are_the_same_in_every_locale) {
    heed_model *model = model_of_them();
    double best = 0.1, back = 0;
    heed_checkpoint_number number = {.name = "best", .value = &best};
    heed_checkpoint parts = {.model = model, .n_numbers = 1, .numbers = &number};
    heed_error e;
    if (!comma_locale_begin())
        cr_skip_test("no locale with a decimal comma can be made here");
    cr_assert_eq(heed_checkpoint_save(&parts, path, &e), HEED_OK, "%s", e.text);
    comma_locale_end();
    number.value = &back;
    cr_assert_eq(heed_checkpoint_load(&parts, path, &e), HEED_OK, "%s", e.text);
    cr_expect_eq(back, 0.1);
    heed_model_free(model);
}

/* ---- GPT-2 as PyTorch saved it in F32, without the prefix ---- */

static void logits_agree(const heed_gpt *gpt) {
    static golden g;
    cr_assert(golden_read(&g, "tests/golden/transformer.txt", "gpt2_tiny"));
    const golden_tensor *tokens = golden_find(&g, "in", "tokens"), *logits = golden_find(&g, "out", "y");
    heed_tape *t = heed_tape_new();
    heed_tensor x = heed_cast(t, heed_input(t, HEED_F64, tokens->shape, tokens->values), HEED_I32);
    heed_tensor y = heed_gpt_forward(gpt, t, x);
    const float *got = heed_f32(t, y);
    cr_assert_not_null(got, "%s", heed_error_text(t));
    for (int64_t i = 0; i < logits->count; i++)
        cr_expect(fabs((double)got[i] - logits->values[i]) <= 1e-5 * golden_largest(logits), "%lld", (long long)i);
    heed_tape_free(t);
    golden_free(&g);
}

Test(file_dtypes, gpt2_in_f32_is_saved_as_it_came) {
    const char *theirs = "tests/golden/gpt2_tiny.safetensors";
    heed_model *model = heed_model_new();
    heed_gpt gpt;
    heed_gpt_init(&gpt, heed_model_root(model), "gpt",
                  (heed_gpt_options){.vocabulary = 13, .context = 8, .d_model = 8, .n_heads = 2, .n_layers = 2});
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_OK);
    heed_file_names names = {.map = &heed_gpt2_names, .module = "gpt", .bare = true};
    heed_error e;
    cr_assert_eq(heed_model_load(model, theirs, (heed_load_options){.names = names}, &e), HEED_OK, "%s", e.text);
    logits_agree(&gpt);
    cr_assert_eq(heed_model_save(model, path, (heed_save_options){.names = names}, &e), HEED_OK, "%s", e.text);
    heed_safetensors *a = heed_safetensors_open(theirs, NULL), *b = heed_safetensors_open(path, NULL);
    cr_expect_eq(heed_safetensors_count(a), heed_safetensors_count(b));
    for (int i = 0; i < heed_safetensors_count(a); i++) {
        heed_file_tensor x = heed_safetensors_at(a, i), y = heed_safetensors_at(b, heed_safetensors_find(b, x.name));
        cr_assert_not_null(y.name, "%s", x.name);
        cr_expect(heed_shape_equal(x.shape, y.shape) && x.bytes == y.bytes && memcmp(x.data, y.data, x.bytes) == 0,
                  "%s", x.name);
    }
    heed_safetensors_close(a);
    heed_safetensors_close(b);
    heed_model_free(model);
}
