/* SVG: well-formed whatever the texts are, the right colour at the right place, and curves where their numbers are. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <heed/heed.h>

#include "helpers/comma_locale.h"

/* ---- a reader of XML, strict as far as SVG of this library goes ---- */

static const char *skip_name(const char *at) {
    while (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-:", *at) && *at)
        at++;
    return at;
}

/* Text up to `end`: no markup, only references that XML knows, no control characters. */
static const char *skip_text(const char *at, char end) {
    static const char *const known[] = {"&lt;", "&gt;", "&amp;", "&quot;"};
    for (; *at && *at != end; at++) {
        cr_assert(*at != '<' && ((unsigned char)*at >= 0x20 || *at == '\n') && *at != 0x7F, "byte %02x", *at);
        bool reference = *at != '&';
        for (int i = 0; i < 4; i++)
            reference |= strncmp(at, known[i], strlen(known[i])) == 0;
        cr_assert(reference, "a bare &: %.20s", at);
    }
    return at;
}

/* Whether every tag is closed by its own, attributes are quoted, and one element holds all. Counts elements. */
static int elements_of(const char *xml) {
    const char *open[16];
    int depth = 0, n = 0;
    for (const char *at = xml; *at;) {
        if (*at != '<') {
            at = skip_text(at, '<');
            continue;
        }
        bool closing = at[1] == '/';
        const char *name = at + 1 + closing, *end = skip_name(name);
        cr_assert_gt(end, name, "no name: %.20s", at);
        at = end;
        while (!closing && *at == ' ') {
            at = skip_name(at + 1);
            cr_assert(at[0] == '=' && at[1] == '"', "%.20s", at);
            at = skip_text(at + 2, '"') + 1;
        }
        if (closing) {
            cr_assert(depth > 0 && strncmp(open[depth - 1], name, (size_t)(end - name)) == 0, "%.20s", name);
            depth--;
        } else {
            cr_assert(depth > 0 || n == 0, "a second root");
            n++;
            cr_assert_lt(depth, 16);
            if (*at != '/')
                open[depth++] = name;
            at += *at == '/';
        }
        cr_assert_eq(*at, '>', "%.20s", at);
        at++;
    }
    cr_assert_eq(depth, 0);
    return n;
}

static char *matrix_svg(const heed_matrix_picture *picture) {
    char *text = NULL;
    size_t bytes;
    heed_error error = {.status = HEED_OK};
    FILE *out = open_memstream(&text, &bytes);
    cr_assert_eq(heed_matrix_picture_write(picture, out, &error), HEED_OK, "%s", error.text);
    fclose(out);
    return text;
}

static char *curve_svg(const heed_curve_picture *picture) {
    char *text = NULL;
    size_t bytes;
    heed_error error = {.status = HEED_OK};
    FILE *out = open_memstream(&text, &bytes);
    cr_assert_eq(heed_curve_picture_write(picture, out, &error), HEED_OK, "%s", error.text);
    fclose(out);
    return text;
}

static int count(const char *text, const char *what) {
    int n = 0;
    for (; (text = strstr(text, what)) != NULL; text++)
        n++;
    return n;
}

/* ---- matrices ---- */

/* The colour of a cell: of the path whose pieces cover it. */
static void colour_at(const char *svg, int row, int column, char colour[8]) {
    strcpy(colour, "none");
    for (const char *path = svg; (path = strstr(path, "<path fill=\"#")) != NULL; path++) {
        const char *end = strchr(path, '>');
        for (const char *at = strstr(path, " d=\""); at && at < end; at = strchr(at + 1, 'M')) {
            int x, y, run;
            if (sscanf(at + (*at == ' ' ? 4 : 0), "M%d %dh%dv1", &x, &y, &run) == 3 && y == row && column >= x &&
                column < x + run) {
                cr_assert_str_eq(colour, "none", "two paths cover (%d, %d)", row, column);
                memcpy(colour, strchr(path, '#'), 7);
                colour[7] = '\0';
            }
            if (*at == ' ')
                at += 4;
        }
    }
}

static void expect_colour(const char *svg, int row, int column, const char *expected) {
    char colour[8];
    colour_at(svg, row, column, colour);
    cr_expect_str_eq(colour, expected, "(%d, %d)", row, column);
}

/* The scale by hand: zero fafafa, thirds of the way 92bede, 2f70b4, 0a2860 below and f6bb96, ce5434, 6e0a1c above. */
Test(lens_picture, signed_numbers_have_the_colours_of_the_scale) {
    const double values[] = {0, 3, 3, -3, 1, -2, NAN, 7, -INFINITY, 0, 0, 2};
    char *svg = matrix_svg(&(heed_matrix_picture){.values = values, .rows = 3, .columns = 4, .limit = 3});
    static const char *const expected[] = {"#fafafa", "#6e0a1c", "#6e0a1c", "#0a2860", "#f6bb96", "#2f70b4",
                                           "#b9bcc0", "#6e0a1c", "#0a2860", "#fafafa", "#fafafa", "#ce5434"};
    for (int i = 0; i < 12; i++)
        expect_colour(svg, i / 4, i % 4, expected[i]);
    elements_of(svg);
    cr_expect(strstr(svg, ">−3</text>") && strstr(svg, ">3</text>") && strstr(svg, ">0</text>"), "the legend's ends");
    free(svg);
}

Test(lens_picture, without_a_limit_the_largest_magnitude_is_it) {
    const double values[] = {0.5, -0.25, NAN};
    char *svg = matrix_svg(&(heed_matrix_picture){.values = values, .rows = 1, .columns = 3});
    expect_colour(svg, 0, 0, "#6e0a1c");
    cr_expect(strstr(svg, ">−0.5</text>"));
    free(svg);
}

Test(lens_picture, shares_run_from_zero_to_one_and_are_written_into_their_cells) {
    const double values[] = {1, 0, 0.25, 0.75};
    static const char *const queries[] = {"<s>", "the"}, *const keys[] = {" cat", ""};
    char *svg = matrix_svg(&(heed_matrix_picture){.title = "A & B",
                                                  .values = values,
                                                  .rows = 2,
                                                  .columns = 2,
                                                  .row_names = queries,
                                                  .column_names = keys,
                                                  .row_title = "query",
                                                  .column_title = "key",
                                                  .unit = "attention weight",
                                                  .shares = true,
                                                  .alignment = (const int[]){1, -1}});
    elements_of(svg);
    expect_colour(svg, 0, 0, "#6e0a1c");
    expect_colour(svg, 0, 1, "#fafafa");
    const char *const there[] = {">A &amp; B</text>",
                                 ">&lt;s&gt;</text>",
                                 ">the</text>",
                                 ">␣cat</text>",
                                 ">∅</text>",
                                 ">key →</text>",
                                 ">← query</text>",
                                 ">1.00</text>",
                                 ">.25</text>",
                                 ">.75</text>",
                                 ">attention weight</text>",
                                 ">0.5</text>"};
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        cr_expect(strstr(svg, there[i]), "%s", there[i]);
    cr_expect_eq(count(svg, "stroke=\"#1b1f24\""), 1, "one cell is framed");
    free(svg);
}

Test(lens_picture, large_matrices_name_only_some_rows_and_stay_small) {
    enum { ROWS = 600, COLUMNS = 400 };
    double *values = malloc(sizeof(double) * ROWS * COLUMNS);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        values[i] = sin(i * 0.7);
    char *svg = matrix_svg(&(heed_matrix_picture){.values = values, .rows = ROWS, .columns = COLUMNS});
    cr_expect_lt(count(svg, "<text"), 200);
    cr_expect_gt(count(svg, "<text"), 40);
    cr_expect_lt(strlen(svg), (size_t)ROWS * COLUMNS * 20);
    char colour[8];
    colour_at(svg, 599, 399, colour);
    cr_expect_str_neq(colour, "none", "the last cell is drawn");
    free(svg);
    free(values);
}

/* ---- curves ---- */

/* Where the plot is: its two axes are one path, "MLEFT TOPVBOTTOMHRIGHT". */
static void frame_of(const char *svg, double *left, double *top, double *bottom, double *right) {
    const char *at = strstr(svg, "<path fill=\"none\" stroke=\"#8a929c\" d=\"M");
    cr_assert_not_null(at);
    cr_assert_eq(sscanf(strchr(strstr(at, " d="), 'M'), "M%lf %lfV%lfH%lf", left, top, bottom, right), 4);
}

static const char *curve_path(const char *svg, const char *colour) {
    char begin[64];
    snprintf(begin, sizeof begin, "stroke=\"%s\"", colour);
    const char *at = svg, *last = NULL; /* the legend's stroke comes first */
    while ((at = strstr(at, begin)) != NULL)
        last = at++;
    cr_assert_not_null(last);
    return strstr(last, " d=\"") + 4;
}

Test(lens_picture, a_curve_goes_through_its_points) {
    const double x[] = {0, 50, 100}, y[] = {0, 4, 2};
    const heed_curve curve = {"loss", x, y, 3};
    char *svg = curve_svg(&(heed_curve_picture){
        .title = "t", .x_title = "step", .y_title = "loss (nats)", .curves = &curve, .n_curves = 1});
    double left, top, bottom, right, at[6];
    frame_of(svg, &left, &top, &bottom, &right);
    cr_assert_eq(sscanf(curve_path(svg, "#0b62b8"), "M%lf %lfL%lf %lfL%lf %lf\"", &at[0], &at[1], &at[2], &at[3],
                        &at[4], &at[5]),
                 6);
    const double expected[] = {left, bottom, (left + right) / 2,
                               top,  right,  (top + bottom) / 2}; /* axes from 0 to 100 and 0 to 4 */
    for (int i = 0; i < 6; i++)
        cr_expect_float_eq(at[i], expected[i], 0.06, "%d: %g, not %g", i, at[i], expected[i]);
    cr_expect(strstr(svg, ">loss</text>") && strstr(svg, ">step</text>") && strstr(svg, ">loss (nats)</text>") &&
              strstr(svg, ">100</text>"));
    elements_of(svg);
    free(svg);
}

Test(lens_picture, logarithms_and_gaps) {
    const double x[] = {1, 2, 3, 4, 5}, y[] = {100, 10, NAN, -1, 1}, z[] = {1, NAN, NAN, NAN, NAN};
    const heed_curve curves[] = {{"a", x, y, 5}, {"b", x, z, 5}};
    char *svg = curve_svg(&(heed_curve_picture){.curves = curves, .n_curves = 2, .logarithmic = true});
    double left, top, bottom, right, at[4];
    frame_of(svg, &left, &top, &bottom, &right);
    const char *path = curve_path(svg, "#0b62b8");
    cr_assert_eq(sscanf(path, "M%lf %lfL%lf %lf", &at[0], &at[1], &at[2], &at[3]), 4);
    cr_expect_float_eq(at[1], top, 0.06);
    cr_expect_float_eq(at[3], (top + bottom) / 2, 0.06, "10 is half way from 1 to 100");
    cr_expect_eq(count(path, "M"), 2 + count(strchr(path, '>'), "M"), "the gap begins a new piece");
    free(svg);
}

Test(lens_picture, many_points_keep_their_peaks) {
    enum { N = 100000 };
    double *x = malloc(sizeof(double) * N), *y = malloc(sizeof(double) * N);
    for (int i = 0; i < N; i++) {
        x[i] = i;
        y[i] = i == 61803 ? 8 : 1;
    }
    const heed_curve curve = {"loss", x, y, N};
    char *svg = curve_svg(&(heed_curve_picture){.curves = &curve, .n_curves = 1});
    double left, top, bottom, right;
    char peak[32];
    frame_of(svg, &left, &top, &bottom, &right);
    snprintf(peak, sizeof peak, "V%.1f", top);
    cr_expect(strstr(curve_path(svg, "#0b62b8"), peak), "the peak of one point is at the top");
    cr_expect_lt(strlen(svg), 40000);
    free(svg);
    free(x);
    free(y);
}

Test(lens_picture, curves_of_nothing_of_one_point_and_without_change_have_axes) {
    const double x[] = {5, 6}, y[] = {3, 3}, none[] = {NAN, INFINITY};
    const heed_curve curves[] = {{"nothing", NULL, NULL, 0}, {"one", x, y, 1}, {"flat", x, y, 2}, {"none", x, none, 2}};
    for (int i = 0; i < 8; i++) {
        char *svg = curve_svg(&(heed_curve_picture){.curves = &curves[i % 4], .n_curves = 1, .logarithmic = i > 3});
        elements_of(svg);
        cr_expect_geq(count(svg, "<text"), 5, "%d", i);
        cr_expect(!strstr(svg, "nan") && !strstr(svg, "inf"), "%d", i);
        free(svg);
    }
}

/* ---- texts ---- */

/* [promises: names as HTML] */
Test(lens_picture, hostile_texts_add_no_element) {
    static const char *const texts[] = {"</text><script>alert(1)</script>",
                                        "\"><svg onload=x>",
                                        "]]>",
                                        "-->",
                                        "&amp;&#60;",
                                        "'",
                                        "\u202e\u2066\u200b\ufeff",
                                        "\x01\x1b[31m\x7f\r\n\t",
                                        "\xff\xc0\x80\xed\xa0\x80\xf5",
                                        "\ufffe\uffff",
                                        "%s%n%d",
                                        "\U0001f600"};
    enum { N = sizeof texts / sizeof *texts };
    const double values[N] = {0}, x[] = {1}, y[] = {1};
    static const char *plain[N];
    heed_curve curves[N];
    for (int i = 0; i < N; i++)
        plain[i] = "a";
    for (int i = 0; i < N; i++) {
        const heed_matrix_picture harmless = {"t", values, 1, N, plain, plain, "r", "c", "u", 0, false, NULL};
        const heed_matrix_picture hostile = {texts[i], values,   1,        N, &texts[i], texts,
                                             texts[i], texts[i], texts[i], 0, false,     NULL};
        char *a = matrix_svg(&harmless), *b = matrix_svg(&hostile);
        cr_expect_eq(elements_of(a), elements_of(b), "%s", texts[i]);
        cr_expect_null(strstr(b, "<script"));
        free(a);
        free(b);
        curves[i] = (heed_curve){texts[i], x, y, 1};
    }
    char *svg = curve_svg(&(heed_curve_picture){texts[0], texts[1], texts[2], curves, N, false});
    elements_of(svg);
    free(svg);
}

Test(lens_picture, shown_texts_hide_nothing) {
    static const char *const cases[][2] = {
        {"", ""},
        {"a\u202eb", "a<U+202E>b"},
        {"\x1b[2J\n", "<U+001B>[2J<U+000A>"},
        {"\xc3\xa9 \xd0\xb6 \xe4\xba\x94 \xf0\x9f\x98\x80", "é ж 五 😀"},
        {"\x80", "\ufffd"},
        {"\xc3", "\ufffd"},
        {"\xe2\x82", "\ufffd\ufffd"},
        {"\xc0\xaf", "\ufffd\ufffd"},                     /* overlong */
        {"\xe0\x80\xaf", "\ufffd\ufffd\ufffd"},           /* overlong */
        {"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},           /* a surrogate */
        {"\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"}, /* past the last code point */
        {"\u00ad\u2028\u2066\ufeff\ufffe", "<U+00AD><U+2028><U+2066><U+FEFF><U+FFFE>"},
        {"\U000e0041", "<U+E0041>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *shown = heed_text_shown(cases[i][0]);
        cr_expect_str_eq(shown, cases[i][1]);
        free(shown);
    }
}

/* ---- files, locales, mistakes ---- */

Test(lens_picture, saved_whole_in_any_locale_and_byte_for_byte_again) {
    char path[64], file[40000];
    const double values[] = {0.125, -1.5};
    const heed_matrix_picture picture = {.values = values, .rows = 1, .columns = 2, .unit = "value"};
    snprintf(path, sizeof path, "/tmp/heed_test_%ld.svg", (long)getpid());
    char *svg = matrix_svg(&picture);
    bool comma = comma_locale_begin();
    heed_error error = {.status = HEED_OK};
    cr_assert_eq(heed_matrix_picture_save(&picture, path, &error), HEED_OK, "%s", error.text);
    if (comma)
        comma_locale_end();
    FILE *in = fopen(path, "r");
    size_t n = fread(file, 1, sizeof file - 1, in);
    file[n] = '\0';
    fclose(in);
    remove(path);
    cr_expect_str_eq(file, svg);
    free(svg);
}

Test(lens_picture, mistakes_are_named) {
    const double values[] = {1};
    heed_error e;
    e = (heed_error){.status = HEED_OK};
    cr_expect_eq(
        heed_matrix_picture_save(&(heed_matrix_picture){.values = values, .rows = 0, .columns = 3}, "/tmp/x", &e),
        HEED_INVALID);
    cr_expect(strstr(e.text, "0 x 3") && strstr(e.text, "4096"), "%s", e.text);
    e = (heed_error){.status = HEED_OK};
    cr_expect_eq(heed_matrix_picture_save(&(heed_matrix_picture){.rows = 1, .columns = 1}, "/tmp/x", &e), HEED_INVALID);
    e = (heed_error){.status = HEED_OK};
    cr_expect_eq(
        heed_matrix_picture_write(&(heed_matrix_picture){.values = values, .rows = 4096, .columns = 4096}, stderr, &e),
        HEED_INVALID);
    e = (heed_error){.status = HEED_OK};
    cr_expect_eq(heed_curve_picture_save(&(heed_curve_picture){.n_curves = 13}, "/tmp/x", &e), HEED_INVALID);
    cr_expect(strstr(e.text, "13 curves") && strstr(e.text, "12"), "%s", e.text);
    e = (heed_error){.status = HEED_OK};
    cr_expect_eq(heed_matrix_picture_save(&(heed_matrix_picture){.values = values, .rows = 1, .columns = 1},
                                          "/no/folder/x.svg", &e),
                 HEED_IO);
    cr_expect(strstr(e.text, "/no/folder/x.svg"), "%s", e.text);
}
