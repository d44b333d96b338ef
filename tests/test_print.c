/* heed_print against NumPy's own text, from tests/golden/print.txt, in two locales. */
#include <heed/heed.h>

#include "helpers/comma_locale.h"

#include <criterion/criterion.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 1 << 16 };

typedef struct sample {
    char name[64];
    heed_dtype dtype;
    heed_shape shape;
    double *values;
    char text[TEXT];
} sample;

static heed_dtype dtype_called(const char *name) {
    for (int d = 0; d < HEED_DTYPES; d++)
        if (strcmp(name, heed_dtype_name((heed_dtype)d)) == 0)
            return (heed_dtype)d;
    return HEED_DTYPES;
}

static void read_text(FILE *file, char *text) {
    int lines;
    cr_assert_eq(fscanf(file, "%d", &lines), 1);
    cr_assert_eq(fgetc(file), '\n');
    size_t length = 0;
    for (int i = 0; i < lines; i++) {
        cr_assert(fgets(text + length, (int)(TEXT - length), file));
        length += strlen(text + length);
    }
    text[length - 1] = '\0';
}

static bool next_sample(FILE *file, sample *s) {
    char word[4096];
    while (fscanf(file, "%4095s", word) == 1 && strcmp(word, "case") != 0)
        ;
    if (feof(file))
        return false;
    cr_assert_eq(fscanf(file, "%63s %4095s %d", s->name, word, &s->shape.rank), 3);
    s->dtype = dtype_called(word);
    for (int i = 0; i < s->shape.rank; i++) {
        long long n;
        cr_assert_eq(fscanf(file, "%lld", &n), 1);
        s->shape.n[i] = n;
    }
    int64_t count = heed_shape_count(s->shape);
    s->values = calloc((size_t)count + 1, sizeof *s->values);
    for (int64_t i = 0; i < count; i++)
        cr_assert_eq(fscanf(file, "%lf", &s->values[i]), 1, "%s", s->name);
    read_text(file, s->text);
    return true;
}

/* The samples' file has '.', so it is read before the locale changes. */
static int check_all(bool comma) {
    FILE *file = fopen("tests/golden/print.txt", "r");
    cr_assert(file, "tests/golden/print.txt is not there");
    setlocale(LC_NUMERIC, "C");
    heed_tape *t = heed_tape_new();
    static sample s;
    static char got[TEXT];
    int n = 0;
    for (; next_sample(file, &s); n++) {
        heed_tape_reset(t);
        heed_tensor x = heed_cast(t, heed_input(t, HEED_F64, s.shape, s.values), s.dtype);
        setlocale(LC_NUMERIC, comma ? "comma" : "C");
        size_t length = heed_print(t, x, got, sizeof got);
        setlocale(LC_NUMERIC, "C");
        cr_expect_str_eq(got, s.text, "%s:\n%s\nNumPy prints\n%s", s.name, got, s.text);
        cr_expect_eq(length, strlen(s.text), "%s", s.name);
        cr_expect_eq(heed_tape_status(t), HEED_OK, "%s", heed_error_text(t));
        free(s.values);
    }
    heed_tape_free(t);
    fclose(file);
    return n;
}

Test(print, as_numpy_does) {
    cr_expect_geq(check_all(false), 40);
}

/* "Numbers print and parse with '.' in every locale." [promises: a point in every locale] */
Test(print, has_a_point_in_every_locale) {
    if (!comma_locale_begin())
        cr_skip_test("no locale with a decimal comma can be made here");
    cr_expect_geq(check_all(true), 40);
    comma_locale_end();
}

Test(print, a_view_is_printed_as_it_is_seen) {
    heed_tape *t = heed_tape_new();
    float values[] = {1, 2, 3, 4, 5, 6};
    char text[64];
    heed_print(t, heed_transpose(t, heed_input(t, HEED_F32, HEED_SHAPE(2, 3), values), 0, 1), text, sizeof text);
    cr_expect_str_eq(text, "[[1. 4.]\n [2. 5.]\n [3. 6.]]");
    heed_tape_free(t);
}

Test(print, bf16_is_printed_as_the_float_it_is) {
    heed_tape *t = heed_tape_new();
    float values[] = {1.5f, -0.1f};
    char text[64];
    heed_print(t, heed_cast(t, heed_input(t, HEED_F32, HEED_SHAPE(2), values), HEED_BF16), text, sizeof text);
    cr_expect_str_eq(text, "[ 1.5        -0.10009766]");
    heed_tape_free(t);
}

Test(print, what_does_not_fit_is_cut_and_counted) {
    heed_tape *t = heed_tape_new();
    float values[] = {1, 2.5f, 3};
    heed_tensor x = heed_input(t, HEED_F32, HEED_SHAPE(3), values);
    const char *whole = "[1.  2.5 3. ]";
    for (size_t size = 0; size <= strlen(whole) + 1; size++) {
        char text[32], want[32];
        memset(text, '#', sizeof text);
        memset(want, '#', sizeof want);
        if (size)
            snprintf(want, size, "%s", whole);
        cr_expect_eq(heed_print(t, x, text, size), strlen(whole));
        cr_expect_arr_eq(text, want, sizeof text, "size %zu", size);
    }
    heed_tape_free(t);
}

Test(print, nil_and_stale_print_nothing) {
    heed_tape *t = heed_tape_new();
    char text[8] = "before";
    cr_expect_eq(heed_print(t, HEED_NIL, text, sizeof text), 0);
    cr_expect_str_eq(text, "");
    cr_expect_neq(heed_tape_status(t), HEED_OK);
    heed_tape_free(t);
}
