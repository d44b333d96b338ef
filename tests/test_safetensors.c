/* safetensors: round trips bit for bit, and every way in which a file can be wrong. */
#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <heed/heed.h>

static char path[64];

static void use_path(void) {
    snprintf(path, sizeof path, "/tmp/heed_test_%ld.safetensors", (long)getpid());
}

static void remove_path(void) {
    remove(path);
}

TestSuite(safetensors, .init = use_path, .fini = remove_path);

static void put(const void *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    cr_assert(f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0);
}

/* A file of this header and `data` bytes of zeros behind it. */
static void put_header(const char *header, size_t data) {
    size_t n = strlen(header);
    unsigned char *file = calloc(8 + n + data, 1);
    for (int i = 0; i < 8; i++)
        file[i] = (unsigned char)((uint64_t)n >> (8 * i));
    memcpy(file + 8, header, n);
    put(file, 8 + n + data);
    free(file);
}

static void refused(const char *why) {
    heed_error e = {.status = HEED_OK};
    cr_assert_null(heed_safetensors_open(path, &e), "accepted; expected: %s", why);
    char text[256];
    snprintf(text, sizeof text, "%s: %s", path, why);
    cr_assert_str_eq(e.text, text);
    cr_assert_eq(e.status, HEED_IO);
}

static heed_model *model_of(heed_dtype dtype, heed_param *w, heed_param *b) {
    heed_model *model = heed_model_new();
    heed_module layer;
    heed_module_init(&layer, heed_model_root(model), "layer");
    *w = heed_param_new(&layer, "w", HEED_SHAPE(2, 3), heed_init_normal(0, 1));
    *b = heed_param_new(&layer, "b", HEED_SCALAR, heed_init_constant(7));
    heed_param_new(&layer, "none", HEED_SHAPE(0, 4), heed_init_constant(0));
    cr_assert_eq(heed_model_build(model, dtype, 1), HEED_OK);
    return model;
}

/* Zero-size and rank-0 fine; NaN payloads, -0 and denormals round-trip bit for bit. [promises: files of nothing; bit
 * for bit] */
Test(safetensors, a_model_round_trips_bit_for_bit) {
    heed_param w, b, w2, b2;
    heed_model *model = model_of(HEED_F32, &w, &b), *other = model_of(HEED_F32, &w2, &b2);
    const uint32_t bits[6] = {0x7fc01234, 0xffa00001, 0x80000000, 0x00000001, 0x7f800000, 0x3f800000};
    memcpy(heed_param_data(w), bits, sizeof bits);
    heed_error e = {.status = HEED_OK};
    const char *const metadata[][2] = {{"steps", "1400"}, {"note", "ключ \"k\""}};
    cr_assert_eq(heed_model_save(model, path, (heed_save_options){.metadata = metadata, .n_metadata = 2}, &e), HEED_OK, "%s", e.text);
    cr_assert_eq(heed_model_load(other, path, (heed_load_options){.partial = false}, &e), HEED_OK, "%s", e.text);
    cr_assert_arr_eq(heed_param_data(w2), bits, sizeof bits);
    heed_safetensors *file = heed_safetensors_open(path, &e);
    cr_assert_str_eq(heed_safetensors_metadata(file, "note"), "ключ \"k\"");
    cr_assert_null(heed_safetensors_metadata(file, "nothing"));
    cr_assert_eq(heed_safetensors_count(file), 3);
    heed_safetensors_close(file);
    heed_model_free(model);
    heed_model_free(other);
}

/* The bytes of a small file, written out by hand from the format's description. */
Test(safetensors, the_bytes_are_the_formats) {
    heed_model *model = heed_model_new();
    heed_param_new(heed_model_root(model), "w", HEED_SHAPE(2), heed_init_constant(1));
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_OK);
    cr_assert_eq(heed_model_save(model, path, (heed_save_options){.dtype = NULL}, NULL), HEED_OK);
    static const char expected[] = "\x38\0\0\0\0\0\0\0{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}  \0\0\x80\x3f\0\0\x80\x3f";
    char got[128];
    FILE *f = fopen(path, "rb");
    size_t n = fread(got, 1, sizeof got, f);
    fclose(f);
    cr_assert_eq(n, sizeof expected - 1, "%zu bytes", n);
    cr_assert_arr_eq(got, expected, sizeof expected - 1);
    heed_model_free(model);
}

Test(safetensors, half_precision_files_load) {
    heed_model *model = heed_model_new();
    heed_param h = heed_param_new(heed_model_root(model), "h", HEED_SHAPE(4), heed_init_constant(0));
    heed_param b = heed_param_new(heed_model_root(model), "b", HEED_SHAPE(2), heed_init_constant(0));
    cr_assert_eq(heed_model_build(model, HEED_F64, 1), HEED_OK);
    const uint16_t half[4] = {0x3c00, 0xc500, 0x0001, 0x7bff}, brain[2] = {0x4049, 0xbf80};
    const heed_file_tensor tensors[] = {{.name = "h", .dtype = "F16", .shape = HEED_SHAPE(4), .data = half},
                                        {.name = "b", .dtype = "BF16", .shape = HEED_SHAPE(2), .data = brain}};
    cr_assert_eq(heed_safetensors_write(path, 2, tensors, 0, NULL, NULL), HEED_OK);
    heed_error e = {.status = HEED_OK};
    cr_assert_eq(heed_model_load(model, path, (heed_load_options){.partial = false}, &e), HEED_OK, "%s", e.text);
    const double *x = heed_param_data(h), *y = heed_param_data(b);
    cr_assert(x[0] == 1 && x[1] == -5 && x[2] == 0x1p-24 && x[3] == 65504);
    cr_assert(y[0] == 3.140625 && y[1] == -1);
    heed_model_free(model);
}

/* Collects what a partial load left. */
static void note_left(void *user, const char *name, const char *why) {
    snprintf((char *)user + strlen(user), 256 - strlen(user), "%s: %s; ", name, why);
}

/* A missing, extra or misshapen tensor is an error, named, the model unchanged. [promises: load checks first;
 * missing; extra; misshapen] */
Test(safetensors, what_does_not_fit_is_named_and_changes_nothing) {
    heed_param w, b;
    heed_model *model = model_of(HEED_F32, &w, &b);
    float before[6], zeros[6] = {0};
    memcpy(before, heed_param_data(w), sizeof before);
    const struct {
        int n;
        heed_file_tensor tensors[4];
        const char *why;
    } cases[] = {
        {2, {{.name = "layer.w", .dtype = "F32", .shape = HEED_SHAPE(2, 3), .data = zeros}, {.name = "layer.none", .dtype = "F32", .shape = HEED_SHAPE(0, 4)}},
         "layer.b is missing; the model is unchanged"},
        {3, {{.name = "layer.w", .dtype = "F32", .shape = HEED_SHAPE(3, 2), .data = zeros}, {.name = "layer.b", .dtype = "F32", .data = zeros},
             {.name = "layer.none", .dtype = "F32", .shape = HEED_SHAPE(0, 4)}},
         "layer.w: its shape is (3, 2) in the file, (2, 3) in the model; the model is unchanged"},
        {3, {{.name = "layer.w", .dtype = "I32", .shape = HEED_SHAPE(2, 3), .data = zeros}, {.name = "layer.b", .dtype = "F32", .data = zeros},
             {.name = "layer.none", .dtype = "F32", .shape = HEED_SHAPE(0, 4)}},
         "layer.w: its dtype is I32; F32, F64, F16 or BF16 can be loaded; the model is unchanged"},
        {4, {{.name = "layer.w", .dtype = "F32", .shape = HEED_SHAPE(2, 3), .data = zeros}, {.name = "layer.b", .dtype = "F32", .data = zeros},
             {.name = "layer.none", .dtype = "F32", .shape = HEED_SHAPE(0, 4)}, {.name = "../x", .dtype = "F32", .data = zeros}},
         "tensor \"../x\" has no place in the model; the model is unchanged"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        cr_assert_eq(heed_safetensors_write(path, cases[c].n, cases[c].tensors, 0, NULL, NULL), HEED_OK);
        heed_error e = {.status = HEED_OK};
        cr_assert_eq(heed_model_load(model, path, (heed_load_options){.partial = false}, &e), HEED_IO);
        char text[256];
        snprintf(text, sizeof text, "%s: %s", path, cases[c].why);
        cr_assert_str_eq(e.text, text);
        cr_assert_arr_eq(heed_param_data(w), before, sizeof before);
        cr_assert_eq(*(float *)heed_param_data(b), 7);
    }
    char report[256] = "";
    cr_assert_eq(heed_safetensors_write(path, cases[0].n, cases[0].tensors, 0, NULL, NULL), HEED_OK);
    cr_assert_eq(heed_model_load(model, path, (heed_load_options){.partial = true, .left = note_left, .user = report}, NULL), HEED_OK);
    cr_assert_str_eq(report, "layer.b: is missing; ");
    cr_assert_eq(*(float *)heed_param_data(w), 0);
    heed_model_free(model);
}

/* [promises: header past the file; header past 100 MB; overlaps; holes; begin > end; trailing bytes; shape and
 * bytes; metadata; an empty file] */
Test(safetensors, malformed_files_are_refused) {
    put("", 0);
    refused("not a good safetensors file: it is empty");
    put("abc", 3);
    refused("not a good safetensors file: it is shorter than the 8 bytes of its header's length");
    put("\xff\0\0\0\0\0\0\0{}", 10);
    refused("not a good safetensors file: its header would be 255 bytes; the file is shorter");
    put("\0\0\0\0\0\0\0\x80{}", 10);
    refused("not a good safetensors file: its header would be 9223372036854775808 bytes; at most 100 MB are allowed");
    const struct {
        const char *header;
        size_t data;
        const char *why;
    } cases[] = {
        {"[]", 0, "its header must be a JSON object"},
        {" {}", 0, "its header must be a JSON object"},
        {"{}", 1, "there are bytes after the last tensor"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 8, "there are bytes after the last tensor"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 3, "tensor \"a\": its data would lie past the end of the file"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "tensor \"a\": data_offsets end before they begin"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4, "tensor \"a\": data_offsets must be two whole numbers"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 8, "tensor \"a\": data_offsets must be two whole numbers"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "tensor \"a\": there is a hole before its data"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12,
         "tensor \"b\": its data overlaps another's"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, "tensor \"a\": its shape and dtype do not make the bytes its data_offsets say"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]}}", 8,
         "tensor \"a\": its shape and dtype do not make the bytes its data_offsets say"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387905],\"data_offsets\":[0,4]}}", 4,
         "tensor \"a\": its shape and dtype do not make the bytes its data_offsets say"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "tensor \"a\": shape must hold whole numbers, 0 or more"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "tensor \"a\": its rank is above 8"},
        {"{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "tensor \"a\": its dtype is none of the format's"},
        {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "tensor \"a\": it must have dtype, shape and data_offsets, and nothing else"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "__metadata__ must hold strings only"},
        {"{\"__metadata__\":[]}", 0, "__metadata__ must be an object"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        char why[256];
        snprintf(why, sizeof why, "not a good safetensors file: %s", cases[c].why);
        put_header(cases[c].header, cases[c].data);
        refused(why);
    }
}

/* [promises: duplicate names; deep nesting; bad UTF-8] */
Test(safetensors, bad_json_is_refused) {
    const char *const headers[] = {
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
        "{\"\xff\xfe\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", "{\"a\":", "{} {}", ""};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        put_header(headers[i], 4);
        heed_error e = {.status = HEED_OK};
        cr_assert_null(heed_safetensors_open(path, &e), "%s", headers[i]);
        cr_assert_eq(e.status, HEED_IO);
    }
    size_t deep = 200000;
    char *nested = malloc(deep + 1);
    memset(nested, '[', deep);
    memcpy(nested, "{\"a\":", 5);
    nested[deep] = '\0';
    put_header(nested, 0);
    cr_assert_null(heed_safetensors_open(path, NULL));
    free(nested);
}

/* A FIFO, a directory, an empty file: an error, no hang. [promises: a FIFO; a directory] */
Test(safetensors, what_is_no_file_is_refused, .timeout = 10) {
    cr_assert_eq(mkfifo(path, 0600), 0);
    refused("is a pipe or device, not a file");
    remove(path);
    cr_assert_eq(mkdir(path, 0700), 0);
    refused("is a directory, not a file");
    rmdir(path);
    refused("cannot open: No such file or directory");
}

/* A write that fails half way leaves the old file as it was, and nothing beside it. */
Test(safetensors, a_full_disk_loses_nothing) {
    heed_model *model = heed_model_new();
    heed_param_new(heed_model_root(model), "w", HEED_SHAPE(4096), heed_init_constant(1));
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_OK);
    put("the old file", 12);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit small = {.rlim_cur = 8000, .rlim_max = 8000};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    heed_error e = {.status = HEED_OK};
    cr_assert_eq(heed_model_save(model, path, (heed_save_options){.dtype = NULL}, &e), HEED_IO);
    char text[256];
    snprintf(text, sizeof text, "%s: cannot write: File too large; what was there before is unchanged", path);
    cr_assert_str_eq(e.text, text);
    char got[32] = "", beside[512];
    FILE *f = fopen(path, "rb");
    cr_assert_eq(fread(got, 1, sizeof got, f), 12);
    fclose(f);
    cr_assert_str_eq(got, "the old file");
    snprintf(beside, sizeof beside, "ls %s.*.tmp >/dev/null 2>&1", path);
    cr_assert_neq(system(beside), 0, "something was left beside it");
    heed_model_free(model);
}

Test(safetensors, names_that_cannot_be_written_are_refused) {
    float x = 1;
    const heed_file_tensor twice[] = {{.name = "a", .dtype = "F32", .data = &x}, {.name = "a", .dtype = "F32", .data = &x}};
    const heed_file_tensor bad = {.name = "\xff", .dtype = "F32", .data = &x}, odd = {.name = "a", .dtype = "F33", .data = &x};
    cr_assert_eq(heed_safetensors_write(path, 2, twice, 0, NULL, NULL), HEED_INVALID);
    cr_assert_eq(heed_safetensors_write(path, 1, &bad, 0, NULL, NULL), HEED_INVALID);
    heed_error e = {.status = HEED_OK};
    cr_assert_eq(heed_safetensors_write(path, 1, &odd, 0, NULL, &e), HEED_INVALID);
    cr_assert(strstr(e.text, "tensor \"a\": F33 is no dtype of safetensors"));
    cr_assert_neq(access(path, F_OK), 0);
}

/* The format's name for metadata, names and data that are not there. */
Test(safetensors, what_cannot_be_written_is_refused) {
    float x = 1;
    const struct {
        heed_file_tensor tensor;
        const char *why;
    } cases[] = {
        {{.name = "__metadata__", .dtype = "F32", .data = &x}, "tensor \"__metadata__\": the name is the format's own"},
        {{.name = NULL, .dtype = "F32", .data = &x}, "tensor 0: its name, dtype or data is NULL"},
        {{.name = "a", .dtype = NULL, .data = &x}, "tensor 0: its name, dtype or data is NULL"},
        {{.name = "a", .dtype = "F32", .data = NULL}, "tensor 0: its name, dtype or data is NULL"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        heed_error e = {.status = HEED_OK};
        cr_expect_eq(heed_safetensors_write(path, 1, &cases[i].tensor, 0, NULL, &e), HEED_INVALID);
        char text[256];
        snprintf(text, sizeof text, "%s: %s", path, cases[i].why);
        cr_expect_str_eq(e.text, text);
        cr_expect_neq(access(path, F_OK), 0);
    }
    const heed_file_tensor nothing = {.name = "a", .dtype = "F32", .shape = HEED_SHAPE(0), .data = NULL};
    cr_expect_eq(heed_safetensors_write(path, 1, &nothing, 0, NULL, NULL), HEED_OK);
}

/* What a killed process with this one's number has left beside the file is stepped around. */
Test(safetensors, leftovers_of_another_process_are_in_nobodys_way) {
    char beside[128], gone[256];
    for (int i = 0; i < 5; i++) {
        snprintf(beside, sizeof beside, "%s.%ld-%d.tmp", path, (long)getpid(), i);
        FILE *f = fopen(beside, "wb");
        cr_assert(f && fclose(f) == 0);
    }
    heed_error e = {.status = HEED_OK};
    const heed_file_tensor nothing = {.name = "a", .dtype = "F32", .shape = HEED_SHAPE(0)};
    cr_expect_eq(heed_safetensors_write(path, 1, &nothing, 0, NULL, &e), HEED_OK, "%s", e.text);
    snprintf(gone, sizeof gone, "rm %s.*.tmp", path);
    cr_assert_eq(system(gone), 0);
}

/* An error is about the last call, whatever the calls before have left in it. */
Test(safetensors, an_error_may_be_used_again) {
    heed_param w, b;
    heed_model *model = model_of(HEED_F32, &w, &b), *unbuilt = heed_model_new();
    char text[128];
    heed_error e = {.status = HEED_INVALID, .text = "of another call"};
    cr_expect_eq(heed_model_save(unbuilt, path, (heed_save_options){.dtype = NULL}, &e), HEED_STATE);
    snprintf(text, sizeof text, "%s: the model is not built yet, there is nothing to save", path);
    cr_expect_str_eq(e.text, text);
    cr_expect_null(heed_safetensors_open(path, &e));
    snprintf(text, sizeof text, "%s: cannot open: No such file or directory", path);
    cr_expect_str_eq(e.text, text);
    cr_expect_eq(heed_model_save(model, path, (heed_save_options){.dtype = NULL}, &e), HEED_OK);
    cr_expect_eq(e.status, HEED_OK);
    heed_safetensors *file = heed_safetensors_open(path, &e);
    cr_expect_not_null(file);
    cr_expect_str_eq(e.text, "");
    heed_safetensors_close(file);
    heed_model_free(unbuilt);
    heed_model_free(model);
}

/* "header length past ... 100 MB", where the format's own library has it: at 100,000,000 bytes. [promises: header
 * past 100 MB] */
Test(safetensors, the_longest_header) {
    for (int over = 0; over < 2; over++) {
        uint64_t n = 100000000u + (uint64_t)over;
        unsigned char start[10] = {[8] = '{', [9] = '}'};
        for (int i = 0; i < 8; i++)
            start[i] = (unsigned char)(n >> (8 * i));
        put(start, sizeof start);
        cr_assert_eq(truncate(path, (off_t)n + 8), 0); /* zeros behind, which are no JSON either */
        heed_error e = {.status = HEED_OK};
        cr_expect_null(heed_safetensors_open(path, &e));
        cr_expect_eq(strstr(e.text, "its header would be 100000001 bytes; at most 100 MB are allowed") != NULL, over, "%s", e.text);
    }
}
