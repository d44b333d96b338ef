/* Reading npy: files NumPy wrote (tests/golden/npy), bytes by hand, and every way in which a file can be wrong. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
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

TestSuite(npy, .init = use_path, .fini = remove_path);

/* ---- files as bytes ---- */

static void put(const void *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    cr_assert(f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0);
}

enum { LARGEST = 4096 };
static size_t get(const char *from, char bytes[LARGEST]) {
    FILE *f = fopen(from, "rb");
    cr_assert_not_null(f, "%s", from);
    size_t n = fread(bytes, 1, LARGEST, f);
    fclose(f);
    return n;
}

/* A file of this version and header, and n bytes of data behind it. */
static void put_header(int major, const char *header, const void *data, size_t n) {
    char file[LARGEST] = "\x93NUMPY";
    size_t length = strlen(header), at = 8;
    file[6] = (char)major;
    for (int i = 0; i < (major == 1 ? 2 : 4); i++)
        file[at++] = (char)(length >> (8 * i) & 255);
    cr_assert_leq(at + length + n, sizeof file);
    memcpy(file + at, header, length);
    if (n > 0)
        memcpy(file + at + length, data, n);
    put(file, at + length + n);
}

static void put_zeros(const char *header, size_t n) {
    static const char zeros[64];
    put_header(1, header, zeros, n);
}

static void refused(const char *why) {
    heed_error e = {.status = HEED_OK};
    cr_assert_null(heed_npy_open(path, &e), "accepted; expected: %s", why);
    char text[HEED_ERROR_TEXT];
    snprintf(text, sizeof text, "%s: %s", path, why);
    cr_assert_str_eq(e.text, text);
    cr_assert_eq(e.status, HEED_IO);
}

static void not_good(const char *why) {
    char text[HEED_ERROR_TEXT];
    snprintf(text, sizeof text, "not a good npy file: %s", why);
    refused(text);
}

static heed_npy *opened(const char *name) {
    heed_error e = {.status = HEED_OK};
    heed_npy *file = heed_npy_open(name, &e);
    cr_assert_not_null(file, "%s", e.text);
    return file;
}

/* The file is right when dtype, shape and numbers are these. */
static void holds(const char *name, const char *dtype, heed_shape shape, const double *expected) {
    heed_npy *file = opened(name);
    heed_file_tensor x = heed_npy_tensor(file);
    double values[64];
    cr_expect_str_eq(x.dtype, dtype);
    cr_expect(heed_shape_equal(x.shape, shape), "%s: %s", name, HEED_SHAPE_STR(x.shape));
    cr_assert_eq(x.count, heed_shape_count(shape));
    cr_assert(heed_file_tensor_doubles(&x, values, x.count));
    for (int64_t i = 0; i < x.count; i++)
        cr_expect_eq(values[i], expected[i], "%s: element %lld is %g, not %g", name, (long long)i, values[i],
                     expected[i]);
    heed_npy_close(file);
}

/* ---- NumPy's files ---- */

/* v1, v2, v3; shapes () and (3,); fortran_order and '>f4' read right. [promises: npy's versions; npy's shapes; npy's
 * order] */
Test(npy, numpys_files_are_read_right) {
    double places[24];
    for (int i = 0; i < 24; i++)
        places[i] = 100 * (i / 12) + 10 * (i / 4 % 3) + i % 4;
    holds("tests/golden/npy/scalar_f8.npy", "F64", HEED_SCALAR, (double[]){-2.5});
    holds("tests/golden/npy/three_f4.npy", "F32", HEED_SHAPE(3), (double[]){1, 2, 3});
    holds("tests/golden/npy/fortran_i4.npy", "I32", HEED_SHAPE(2, 3, 4), places);
    holds("tests/golden/npy/big_fortran_f8.npy", "F64", HEED_SHAPE(3, 1, 2), (double[]){0, 1, 100, 101, 200, 201});
    holds("tests/golden/npy/ends_i8.npy", "I64", HEED_SHAPE(2, 2), (double[]){-0x1p63, 0x1p63, 0, -1});
    holds("tests/golden/npy/half_f2.npy", "F16", HEED_SHAPE(5), (double[]){1, -5, 0x1p-24, 65504, -INFINITY});
    holds("tests/golden/npy/bool.npy", "BOOL", HEED_SHAPE(2, 3), (double[]){1, 0, 0, 1, 1, 0});
    holds("tests/golden/npy/words_u2.npy", "U16", HEED_SHAPE(3), (double[]){1, 65535, 256});
    holds("tests/golden/npy/empty_u1.npy", "U8", HEED_SHAPE(0, 3), NULL);
}

/* NaN payloads, -0 and denormals round-trip bit for bit. [promises: npy's order; bit for bit] */
Test(npy, bits_are_kept_in_either_order) {
    static const uint32_t odd_bits[6] = {0x7fc01234, 0xffa00001, 0x80000000, 0x00000001, 0x7f800000, 0x3f800000};
    const char *const names[] = {"tests/golden/npy/bits_f4.npy", "tests/golden/npy/bits_big_fortran_f4.npy"};
    for (int i = 0; i < 2; i++) {
        heed_npy *file = opened(names[i]);
        heed_file_tensor x = heed_npy_tensor(file);
        cr_expect(heed_shape_equal(x.shape, HEED_SHAPE(2, 3)));
        cr_expect_null(x.name);
        cr_assert_eq(x.bytes, sizeof odd_bits);
        cr_expect_arr_eq(x.data, odd_bits, sizeof odd_bits, "%s", names[i]);
        heed_npy_close(file);
    }
}

/* [promises: npy of objects] */
Test(npy, numpys_other_dtypes_are_refused) {
    const char *const cases[][2] = {
        {"tests/golden/npy/objects.npy", "it holds Python objects ('|O'), which only Python can read"},
        {"tests/golden/npy/structure.npy", "its dtype is a structure; only arrays of plain numbers can be read"},
        {"tests/golden/npy/complex.npy",
         "its dtype is '<c8'; f2, f4, f8, i1 to i8, u1 to u8 and b1, after their byte order, can be read"},
    };
    char bytes[LARGEST];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put(bytes, get(cases[i][0], bytes));
        not_good(cases[i][1]);
    }
}

/* ---- bytes by hand ---- */

Test(npy, harmless_variations_are_read) {
    const struct {
        int major;
        const char *header;
    } cases[] = {
        {1, "{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }"},
        {2, "{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }\n"},
        {3, "{'shape':(2,),'fortran_order':False,'descr':'>i2'}"},
        {1, " { \"fortran_order\" :\tTrue ,\n \"descr\" : \">i2\" , 'shape' : ( 2 , ) } \r\n "},
        {1, "{'descr': '>i2', 'fortran_order': False, 'shape': (2L,), }"}, /* Python 2 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_header(cases[i].major, cases[i].header, "\x01\x02\xff\xfe", 4);
        holds(path, "I16", HEED_SHAPE(2), (double[]){258, -2});
    }
    put_header(1, "{'descr': '<u8', 'fortran_order': True, 'shape': (1, 1,)}", "\0\0\0\0\0\0\0\x80", 8);
    holds(path, "U64", HEED_SHAPE(1, 1), (double[]){0x1p63});
    put_header(1, "{'descr': '<i1', 'fortran_order': True, 'shape': (2, 0, 9223372036854775807)}", NULL, 0);
    refused("not a good npy file: its shape (2, 0, 9223372036854775807) of i1 is past int64");
    put_header(1, "{'descr': '<i1', 'fortran_order': True, 'shape': (0, 9223372036854775807)}", NULL, 0);
    holds(path, "I8", HEED_SHAPE(0, INT64_MAX), NULL);
}

/* NumPy takes any byte but 0 for true; a C bool must not be 2. */
Test(npy, bools_are_0_or_1) {
    put_header(1, "{'descr': '|b1', 'fortran_order': False, 'shape': (4,), }", "\0\1\2\xff", 4);
    heed_npy *file = opened(path);
    cr_expect_arr_eq(heed_npy_tensor(file).data, "\0\1\1\1", 4);
    heed_npy_close(file);
}

/* ---- what is refused ---- */

/* [promises: an empty file] */
Test(npy, malformed_beginnings_are_refused) {
    put("", 0);
    not_good("it is empty");
    put("abc", 3);
    not_good("it does not begin with \\x93NUMPY and a version");
    put("\x93NUMPX\1\0\0\0{}", 12);
    not_good("it does not begin with \\x93NUMPY and a version");
    put("\x93NUMPY\1", 7);
    not_good("it does not begin with \\x93NUMPY and a version");
    put("\x93NUMPY\0\0\2\0{}", 12);
    not_good("its version is 0.0; 1.0, 2.0 and 3.0 can be read");
    put("\x93NUMPY\4\0\2\0{}", 12);
    not_good("its version is 4.0; 1.0, 2.0 and 3.0 can be read");
    put("\x93NUMPY\1\1\2\0{}", 12);
    not_good("its version is 1.1; 1.0, 2.0 and 3.0 can be read");
    put("\x93NUMPY\1\0\2", 9);
    not_good("it ends too early");
    put("\x93NUMPY\2\0\2\0", 10);
    not_good("it ends too early");
    put("\x93NUMPY\1\0\3\0{}", 12);
    not_good("its header would be 3 bytes; the file is shorter");
    put("\x93NUMPY\1\0\xff\xff{}", 12);
    not_good("its header would be 65535 bytes; the file is shorter");
    put("\x93NUMPY\2\0\0\0\1\0{}", 14);
    not_good("its header would be 65536 bytes; a plain array's has at most 65535");
    put("\x93NUMPY\3\0\xff\xff\xff\xff{}", 14);
    not_good("its header would be 4294967295 bytes; a plain array's has at most 65535");
}

/* Each header is a good one with one thing wrong. */
Test(npy, malformed_headers_are_refused) {
    const char *const cases[][2] = {
        {"", "its header, at byte 0: a dict in braces is expected"},
        {"[]", "its header, at byte 0: a dict in braces is expected"},
        {"dict(descr='<f4')", "its header, at byte 0: a dict in braces is expected"},
        {"{", "its header, at byte 1: a text in quotes is expected"},
        {"{}", "its header lacks descr"},
        {"{,}", "its header, at byte 1: a text in quotes is expected"},
        {"{'descr': '<f4', 'fortran_order': False}", "its header lacks shape"},
        {"{'descr': '<f4', 'shape': (1,)}", "its header lacks fortran_order"},
        {"{'fortran_order': False, 'shape': (1,)}", "its header lacks descr"},
        {"{'descr': '<f4', 'descr': '<f4'}", "its header has descr twice"},
        {"{'order': 1}", "its header has 'order', which is none of the format's"},
        {"{'': 1}", "its header has '', which is none of the format's"},
        {"{descr: '<f4'}", "its header, at byte 1: a text in quotes is expected"},
        {"{u'descr': '<f4'}", "its header, at byte 1: a text in quotes is expected"},
        {"{'descr\": '<f4'}", "its header has 'descr\": ', which is none of the format's"},
        {"{'descr", "its header, at byte 7: the text does not end"},
        {"{'d\\x65scr': '<f4'}", "its header, at byte 3: this character has no place in a text"},
        {"{'d\xc3\xa9scr': '<f4'}", "its header, at byte 3: this character has no place in a text"},
        {"{'0123456789012345678901234567890123456789012345678901234567890123456789'}",
         "its header, at byte 66: the text is too long"},
        {"{'descr' '<f4'}", "its header, at byte 9: a colon is expected"},
        {"{'descr': '<f4' 'fortran_order': False}", "its header, at byte 16: a comma or } is expected"},
        {"{'descr': '<f4',, 'fortran_order': False}", "its header, at byte 16: a text in quotes is expected"},
        {"{'descr': 4}", "its header, at byte 10: a text in quotes is expected"},
        {"{'descr': '<f4', 'fortran_order': 0}", "its header, at byte 34: fortran_order must be True or False"},
        {"{'descr': '<f4', 'fortran_order': Tru", "its header, at byte 34: fortran_order must be True or False"},
        {"{'descr': '<f4', 'fortran_order': Falsely}", "its header, at byte 39: a comma or } is expected"},
        {"{'shape': 3}", "its header, at byte 10: shape must be a tuple"},
        {"{'shape': [3]}", "its header, at byte 10: shape must be a tuple"},
        {"{'shape': (3)}", "its header, at byte 13: shape must be a tuple: (3,), not (3)"},
        {"{'shape': (,)}", "its header, at byte 11: shape must hold whole numbers, 0 or more"},
        {"{'shape': (3,,)}", "its header, at byte 13: shape must hold whole numbers, 0 or more"},
        {"{'shape': (-1,)}", "its header, at byte 11: shape must hold whole numbers, 0 or more"},
        {"{'shape': (03,)}", "its header, at byte 13: shape must hold whole numbers, 0 or more"},
        {"{'shape': (0x3,)}", "its header, at byte 12: a comma or ) is expected"},
        {"{'shape': (3.0,)}", "its header, at byte 12: a comma or ) is expected"},
        {"{'shape': (3_0,)}", "its header, at byte 12: a comma or ) is expected"},
        {"{'shape': (3 4)}", "its header, at byte 13: a comma or ) is expected"},
        {"{'shape': (3,", "its header, at byte 13: shape must hold whole numbers, 0 or more"},
        {"{'shape': (1,1,1,1,1,1,1,1,1)}", "its header, at byte 27: its rank is above 8"},
        {"{'shape': (9223372036854775808,)}", "its header, at byte 29: this size is past int64"},
        {"{'shape': (92233720368547758070,)}", "its header, at byte 30: this size is past int64"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } x",
         "its header, at byte 58: nothing may stand behind the dict"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), ",
         "its header, at byte 56: a text in quotes is expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_zeros(cases[i][0], 4);
        not_good(cases[i][1]);
    }
    const char behind[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}\0"; /* a NUL is no space */
    char file[LARGEST] = "\x93NUMPY\1";
    file[8] = (char)(sizeof behind - 1);
    memcpy(file + 10, behind, sizeof behind - 1);
    put(file, 10 + sizeof behind - 1 + 4);
    not_good("its header, at byte 55: nothing may stand behind the dict");
}

Test(npy, dtypes_that_are_no_numbers_are_refused) {
    const char *const cases[] = {"f4",  "=f4", "|f4", "|i2", "<f16", "<c16", "|S3",     "<U3",  "|V4", "<M8[ns]", "<m8",
                                 "<b2", "<i3", "<f1", "",    "<",    "<f",   "float32", "<f4 ", "<F4", "<O"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[128], why[256];
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (1,)}", cases[i]);
        snprintf(why, sizeof why,
                 "its dtype is '%s'; f2, f4, f8, i1 to i8, u1 to u8 and b1, after their byte order, can be read",
                 cases[i]);
        put_zeros(header, 4);
        not_good(why);
    }
    put_zeros("{'descr': '|O8', 'fortran_order': False, 'shape': (1,)}", 8);
    not_good("it holds Python objects ('|O'), which only Python can read");
    put_zeros("{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': (1,)}", 8);
    not_good("its dtype is a structure; only arrays of plain numbers can be read");
}

Test(npy, sizes_that_do_not_match_the_file_are_refused) {
    const struct {
        const char *descr, *shape;
        size_t data;
        const char *why;
    } cases[] = {
        {"<f4", "(3,)", 11, "its shape (3,) of f4 makes 12 bytes; 11 stand behind the header"},
        {"<f4", "(3,)", 13, "its shape (3,) of f4 makes 12 bytes; 13 stand behind the header"},
        {"<f8", "()", 0, "its shape () of f8 makes 8 bytes; 0 stand behind the header"},
        {"|b1", "(0,)", 1, "its shape (0,) of b1 makes 0 bytes; 1 stand behind the header"},
        {"<f4", "(4294967296, 4294967296)", 0, "its shape (4294967296, 4294967296) of f4 is past int64"},
        {"<f4", "(8589934592, 8589934592)", 16, "its shape (8589934592, 8589934592) of f4 is past int64"},
        {"<f4", "(4611686018427387905,)", 4, "its shape (4611686018427387905,) of f4 is past int64"},
        {"|u1", "(9223372036854775807,)", 4,
         "its shape (9223372036854775807,) of u1 makes 9223372036854775807 bytes; 4 stand behind the header"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[160];
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': True, 'shape': %s, }\n", cases[i].descr,
                 cases[i].shape);
        put_zeros(header, cases[i].data);
        not_good(cases[i].why);
    }
}

/* A FIFO, a directory, an empty file: an error, no hang. [promises: a FIFO; a directory] */
Test(npy, what_is_no_file_is_refused, .timeout = 10) {
    cr_assert_eq(mkfifo(path, 0600), 0);
    refused("is a pipe or device, not a file");
    remove(path);
    cr_assert_eq(mkdir(path, 0700), 0);
    refused("is a directory, not a file");
    rmdir(path);
    refused("cannot open: No such file or directory");
}

/* Cut anywhere, a file is refused; with any byte of its beginning changed, it is read or refused, and nothing worse. */
Test(npy, damaged_files_do_no_harm) {
    const char *const names[] = {"tests/golden/npy/fortran_i4.npy", "tests/golden/npy/big_fortran_f8.npy",
                                 "tests/golden/npy/structure.npy"};
    char bytes[LARGEST];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = get(names[i], bytes);
        for (size_t cut = 0; cut < n; cut++) {
            put(bytes, cut);
            cr_assert_null(heed_npy_open(path, NULL), "%s: cut to %zu bytes, accepted", names[i], cut);
        }
        for (size_t at = 0; at < n && at < 128; at++)
            for (int bit = 0; bit < 8; bit++) {
                bytes[at] = (char)(bytes[at] ^ 1 << bit);
                put(bytes, n);
                heed_error e = {.status = HEED_OK};
                heed_npy *file = heed_npy_open(path, &e);
                cr_assert_eq(file == NULL, e.status != HEED_OK);
                cr_assert(file == NULL || heed_npy_tensor(file).count == heed_shape_count(heed_npy_tensor(file).shape));
                heed_npy_close(file);
                bytes[at] = (char)(bytes[at] ^ 1 << bit);
            }
    }
}
