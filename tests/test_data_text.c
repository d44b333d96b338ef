/* UTF-8 and files of text. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <heed/heed.h>

static char path[64];

static void use_path(void) {
    snprintf(path, sizeof path, "/tmp/heed_data_text_%ld.txt", (long)getpid());
}

static void remove_path(void) {
    remove(path);
}

TestSuite(data_text, .init = use_path, .fini = remove_path);

static void put(const void *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    cr_assert(f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0);
}

/* Table 3-6 of the standard, written as arithmetic; surrogates are no scalar values. */
Test(data_text, every_code_point_is_written_and_read) {
    char bytes[HEED_UTF8_BYTES];
    uint32_t back;
    for (uint32_t point = 0; point <= 0x110010; point++) {
        int want = point < 0x80                        ? 1
                   : point < 0x800                     ? 2
                   : point >= 0xD800 && point < 0xE000 ? 0
                   : point < 0x10000                   ? 3
                   : point <= 0x10FFFF                 ? 4
                                                       : 0;
        int n = heed_utf8_write(point, bytes);
        if (n != want || (n > 0 && (heed_utf8_read(bytes, (size_t)n, &back) != n || back != point)))
            cr_assert_fail("U+%04X: %d bytes, not %d, or another on the way back", (unsigned)point, n, want);
        if (n > 1 && heed_utf8_read(bytes, (size_t)n - 1, &back) != -1)
            cr_assert_fail("U+%04X is read though it is cut short", (unsigned)point);
    }
}

/* All 65,536 pairs and all three-byte texts led by E0..EF, against a decoder by the definition: decode loosely, encode,
 * compare. */
static bool is_utf8(const unsigned char *b, int n) {
    uint32_t loose = n == 2 ? (uint32_t)(b[0] & 0x1F) << 6 | (b[1] & 0x3F)
                            : (uint32_t)(b[0] & 0x0F) << 12 | (uint32_t)(b[1] & 0x3F) << 6 | (b[2] & 0x3F);
    char back[HEED_UTF8_BYTES];
    return heed_utf8_write(loose, back) == n && memcmp(back, b, (size_t)n) == 0;
}

Test(data_text, sequences_of_two_and_three_bytes_are_good_where_they_are_canonical) {
    uint32_t point;
    for (int a = 0x80; a < 0xF0; a++)
        for (int b = 0; b < 256; b++)
            for (int c = 0; c < (a < 0xE0 ? 1 : 256); c++) {
                unsigned char bytes[] = {(unsigned char)a, (unsigned char)b, (unsigned char)c};
                int n = a < 0xE0 ? 2 : 3;
                if ((heed_utf8_read((char *)bytes, (size_t)n, &point) == n) != is_utf8(bytes, n))
                    cr_assert_fail("%02X %02X %02X", a, b, c);
            }
    static const char *const bad[] = {"\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF",
                                      "\xF0\x90\x80",     "\xF0\x90\x80\xC0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_eq(heed_utf8_read(bad[i], strlen(bad[i]), &point), -1, "%zu", i);
    cr_expect_eq(heed_utf8_read("", 0, &point), 0);
}

Test(data_text, the_first_bad_byte_is_found) {
    cr_expect_eq(heed_utf8_valid("a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80", 10), 10);
    cr_expect_eq(heed_utf8_valid("ab\xC3", 3), 2);
    cr_expect_eq(heed_utf8_valid("\xC3\xA9\xA9", 3), 2);
    cr_expect_eq(heed_utf8_valid("a\0b\xED\xA0\x80", 6), 3);
    cr_expect_eq(heed_utf8_valid("", 0), 0);
}

static void refused(const char *format) {
    heed_error e = {.status = HEED_STATE}; /* from before */
    size_t bytes = 77;
    char want[256];
    snprintf(want, sizeof want, format, path);
    cr_assert_null(heed_text_read(path, &bytes, &e));
    cr_assert_str_eq(e.text, want);
    cr_assert_eq(e.status, HEED_IO);
    cr_assert_null(heed_text_read(path, &bytes, NULL));
}

Test(data_text, a_file_comes_whole_or_is_refused) {
    size_t bytes;
    put("d\xC3\xA9j\xC3\xA0\0vu\n", 10);
    heed_error e;
    char *text = heed_text_read(path, &bytes, &e);
    cr_assert(text && bytes == 10 && memcmp(text, "d\xC3\xA9j\xC3\xA0\0vu\n", 11) == 0);
    free(text);
    put("abc\x80", 4);
    refused("%s: not a good text file: byte 3 (0x80) is not UTF-8");
    put("", 0);
    refused("%s: not a good text file: it is empty");
    remove(path);
    refused("%s: cannot open: No such file or directory");
    cr_assert_eq(mkfifo(path, 0600), 0);
    refused("%s: is a pipe or device, not a file");
    remove(path);
    cr_assert_eq(mkdir(path, 0700), 0);
    refused("%s: is a directory, not a file");
}
