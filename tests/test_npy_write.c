/* Writing npy: round trips bit for bit, the bytes NumPy writes, and what cannot be written. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <heed/heed.h>

static char path[64];

static void use_path(void) {
    snprintf(path, sizeof path, "/tmp/heed_test_%ld.npy", (long)getpid());
}

static void remove_path(void) {
    remove(path);
}

TestSuite(npy_write, .init = use_path, .fini = remove_path);

static const uint32_t odd_bits[6] = {0x7fc01234, 0xffa00001, 0x80000000, 0x00000001, 0x7f800000, 0x3f800000};

enum { LARGEST = 4096 };
static size_t get(const char *from, char bytes[LARGEST]) {
    FILE *f = fopen(from, "rb");
    cr_assert_not_null(f, "%s", from);
    size_t n = fread(bytes, 1, LARGEST, f);
    fclose(f);
    return n;
}

static void round_trip(heed_dtype dtype, const char *name, heed_shape shape, const void *data, size_t bytes) {
    heed_error e = {.status = HEED_INVALID, .text = "of another call"};
    cr_assert_eq(heed_npy_write(path, dtype, shape, data, &e), HEED_OK, "%s", e.text);
    cr_expect_eq(e.status, HEED_OK);
    heed_npy *file = heed_npy_open(path, &e);
    cr_assert_not_null(file, "%s", e.text);
    heed_file_tensor x = heed_npy_tensor(file);
    cr_expect_str_eq(x.dtype, name);
    cr_expect(heed_shape_equal(x.shape, shape));
    cr_assert_eq(x.bytes, bytes);
    cr_expect(bytes == 0 || memcmp(x.data, data, bytes) == 0, "%s %s", name, HEED_SHAPE_STR(shape));
    heed_npy_close(file);
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    cr_expect_eq(((size_t)info.st_size - bytes) % 64, 0, "the elements are not aligned");
}

/* [promises: files of nothing; bit for bit] */
Test(npy_write, arrays_round_trip_bit_for_bit) {
    const uint64_t wide[3] = {0x7ff4000000001234, 0x8000000000000000, 1}; /* a signaling NaN, -0, a denormal */
    const int32_t numbers[4] = {INT32_MIN, INT32_MAX, 0, -1};
    const bool flags[2] = {true, false};
    round_trip(HEED_F32, "F32", HEED_SHAPE(2, 3), odd_bits, sizeof odd_bits);
    round_trip(HEED_F32, "F32", HEED_SCALAR, odd_bits, 4);
    round_trip(HEED_F32, "F32", HEED_SHAPE(6), odd_bits, sizeof odd_bits);
    round_trip(HEED_F64, "F64", HEED_SHAPE(3, 1, 1, 1, 1, 1, 1, 1), wide, sizeof wide);
    round_trip(HEED_I32, "I32", HEED_SHAPE(1, 4), numbers, sizeof numbers);
    round_trip(HEED_BOOL, "BOOL", HEED_SHAPE(2), flags, sizeof flags);
    round_trip(HEED_F64, "F64", HEED_SHAPE(3, 0), NULL, 0);
    round_trip(HEED_I32, "I32", HEED_SHAPE(0, INT64_MAX, 1, 1, 1, 1, 1, 1), NULL, 0);
}

/* np.save writes the same bytes. */
Test(npy_write, the_bytes_are_numpys) {
    const struct {
        const char *name;
        heed_dtype dtype;
        heed_shape shape;
        const void *data;
    } cases[] = {
        {"tests/golden/npy/bits_f4.npy", HEED_F32, HEED_SHAPE(2, 3), odd_bits},
        {"tests/golden/npy/three_f4.npy", HEED_F32, HEED_SHAPE(3), (const float[]){1, 2, 3}},
        {"tests/golden/npy/scalar_f8.npy", HEED_F64, HEED_SCALAR, (const double[]){-2.5}},
    };
    char expected[LARGEST], got[LARGEST];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_eq(heed_npy_write(path, cases[i].dtype, cases[i].shape, cases[i].data, NULL), HEED_OK);
        size_t n = get(cases[i].name, expected);
        cr_assert_eq(get(path, got), n);
        cr_expect_arr_eq(got, expected, n, "%s", cases[i].name);
    }
}

Test(npy_write, what_cannot_be_written_is_refused) {
    const struct {
        heed_dtype dtype;
        heed_shape shape;
        bool no_data;
        const char *why;
    } cases[] = {
        {HEED_BF16, HEED_SHAPE(1), false, "NumPy has no dtype for bf16"},
        {HEED_DTYPES, HEED_SHAPE(1), false, "NumPy has no dtype for no dtype"},
        {HEED_F32, HEED_SHAPE(2, -1), false, "shape (2, -1) cannot be"},
        {HEED_F32, HEED_SHAPE(8589934592, 8589934592), false, "shape (8589934592, 8589934592) cannot be"},
        {HEED_F64, HEED_SHAPE(INT64_MAX), false, "shape (9223372036854775807,) cannot be"},
        {HEED_F32, {.rank = 9}, false, "shape (0, 0, 0, 0, 0, 0, 0, 0) cannot be"},
        {HEED_F32, HEED_SHAPE(2), true, "data is NULL, for shape (2,)"},
    };
    const double x[2] = {1, 2};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        heed_error e = {.status = HEED_OK};
        cr_expect_eq(heed_npy_write(path, cases[i].dtype, cases[i].shape, cases[i].no_data ? NULL : x, &e),
                     HEED_INVALID);
        char text[256];
        snprintf(text, sizeof text, "%s: %s", path, cases[i].why);
        cr_expect_str_eq(e.text, text);
        cr_expect_neq(access(path, F_OK), 0);
    }
    heed_error e = {.status = HEED_OK};
    cr_expect_eq(heed_npy_write("/nowhere/x.npy", HEED_F64, HEED_SHAPE(2), x, &e), HEED_IO);
    cr_expect_not_null(strstr(e.text, "/nowhere/x.npy: cannot create a file beside it: No such file or directory"));
}

/* A write that fails half way leaves the old file as it was, and nothing beside it. */
Test(npy_write, a_full_disk_loses_nothing) {
    static const double zeros[4096];
    FILE *old = fopen(path, "wb");
    cr_assert(old && fputs("the old file", old) >= 0 && fclose(old) == 0);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit small = {.rlim_cur = 8000, .rlim_max = 8000};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    heed_error e = {.status = HEED_OK};
    cr_assert_eq(heed_npy_write(path, HEED_F64, HEED_SHAPE(4096), zeros, &e), HEED_IO);
    char text[256], got[LARGEST];
    snprintf(text, sizeof text, "%s: cannot write: File too large; what was there before is unchanged", path);
    cr_expect_str_eq(e.text, text);
    cr_expect_eq(get(path, got), 12);
    cr_expect_arr_eq(got, "the old file", 12);
    snprintf(text, sizeof text, "ls %s.*.tmp >/dev/null 2>&1", path);
    cr_expect_neq(system(text), 0, "something was left beside it");
}
