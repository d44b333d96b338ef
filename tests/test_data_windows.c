/* Windows of tokens. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <heed/heed.h>

static heed_windows *windows_of(int64_t count, heed_windows_options o) {
    heed_error e;
    int32_t *ids = malloc((size_t)count * sizeof *ids);
    for (int64_t i = 0; i < count; i++)
        ids[i] = (int32_t)i;
    heed_windows *w = heed_windows_new(ids, count, o, &e);
    free(ids);
    cr_assert(w, "%s", e.text);
    return w;
}

Test(data_windows, a_text_is_cut_in_two) {
    static const struct {
        int64_t count;
        heed_windows_options o;
        int64_t training;
    } cuts[] = {
        {1115394, {64, 0.1, 0}, 1003854}, /* tinyshakespeare, as nanoGPT's prepare.py prints it */
        {100, {4, 0, 0}, 100},
        {100, {4, 0, 7}, 93},
        {100, {4, 0.5, 7}, 93},
        {100, {4, 0.25, 0}, 75},
        {5, {4, 0, 0}, 5},
    };
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        heed_windows *w = windows_of(cuts[i].count, cuts[i].o);
        int64_t n, m;
        const int32_t *training = heed_windows_tokens(w, HEED_PART_TRAINING, &n);
        const int32_t *validation = heed_windows_tokens(w, HEED_PART_VALIDATION, &m);
        cr_assert_eq(n, cuts[i].training, "%zu: %d", i, (int)n);
        cr_assert_eq(m, cuts[i].count - n);
        cr_assert(training[0] == 0 && training[n - 1] == n - 1 && (m == 0 || validation[0] == n));
        heed_windows_free(w);
    }
}

Test(data_windows, options_that_are_wrong_are_refused) {
    static const struct {
        int64_t count;
        heed_windows_options o;
        const char *why;
    } wrong[] = {
        {100, {0, 0, 0}, "windows: length is 0; it must be 1 or more"},
        {100, {INT64_MAX, 0, 0}, "windows: length is 9223372036854775807; it must be 1 or more"},
        {0, {4, 0, 0}, "windows: there are no tokens"},
        {100, {4, 1, 0}, "windows: validation is 1; it must be in [0, 1)"},
        {100, {4, -0.5, 0}, "windows: validation is -0.5; it must be in [0, 1)"},
        {100, {4, 0.0 / 0.0, 0}, "windows: validation is"},
        {100, {4, 0, 101}, "windows: validation_count is 101; it must be in 0 .. 100, the tokens there are"},
        {100, {4, 0, -1}, "windows: validation_count is -1; it must be in 0 .. 100, the tokens there are"},
        {4, {4, 0, 0}, "windows: the training part has 4 tokens; a window of 4 and its last target need 5"},
        {100, {4, 0.01, 0}, "windows: the validation part has 1 tokens; a window of 4 and its last target need 5"},
    };
    int32_t ids[100] = {0};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        heed_error e;
        cr_assert_null(heed_windows_new(ids, wrong[i].count, wrong[i].o, &e), "%zu", i);
        cr_assert_eq(strncmp(e.text, wrong[i].why, strlen(wrong[i].why)), 0, "%s", e.text);
        cr_assert_eq(e.status, HEED_INVALID);
    }
}

Test(data_windows, training_windows_start_anywhere_and_targets_follow) {
    enum { T = 5, B = 64, COUNT = 40 };
    heed_windows *w = windows_of(COUNT + 20, (heed_windows_options){.length = T, .validation_count = 20});
    int32_t x[B * T], y[B * T], again[2][B * T];
    int starts[COUNT] = {0};
    for (uint64_t batch = 0; batch < 100; batch++) {
        cr_assert_eq(heed_windows_draw(w, HEED_PART_TRAINING, 7, batch, B, x, y), HEED_OK);
        for (int i = 0; i < B; i++) {
            for (int t = 0; t < T; t++)
                cr_assert(x[i * T + t] == x[i * T] + t && y[i * T + t] == x[i * T + t] + 1 && y[i * T + t] < COUNT);
            starts[x[i * T]]++;
        }
    }
    /* 6400 draws of 35 starts: 183 each, give or take 13; five times that never happens to an honest draw. */
    for (int s = 0; s < COUNT; s++)
        cr_assert(s < COUNT - T ? abs(starts[s] - 183) < 67 : starts[s] == 0, "start %d: %d", s, starts[s]);
    cr_assert_eq(heed_windows_draw(w, HEED_PART_TRAINING, 7, 99, B, again[0], again[1]), HEED_OK);
    cr_assert(memcmp(again[0], x, sizeof x) == 0 && memcmp(again[1], y, sizeof y) == 0);
    cr_assert_eq(heed_windows_draw(w, HEED_PART_TRAINING, 7, 99 * B, 1, again[0], again[1]), HEED_OK);
    cr_assert_eq(memcmp(again[0], x, T * sizeof *x), 0, "the walk does not depend on B");
    cr_assert_eq(heed_windows_draw(w, HEED_PART_TRAINING, 8, 99, B, again[0], again[1]), HEED_OK);
    cr_assert_neq(memcmp(again[0], x, sizeof x), 0);
    cr_assert_eq(heed_windows_draw(w, HEED_PART_VALIDATION, 7, 0, B, x, y), HEED_OK);
    for (int i = 0; i < B * T; i++)
        cr_assert(x[i] >= COUNT && y[i] < COUNT + 20);
    heed_windows_free(w);
}

Test(data_windows, a_pass_reads_the_whole_text) {
    enum { T = 5, COUNT = 55, STARTS = COUNT - T, PASS = STARTS / T };
    heed_windows *w = windows_of(COUNT, (heed_windows_options){.length = T});
    int32_t x[PASS * T], y[PASS * T], before[PASS * T] = {0};
    for (uint64_t pass = 0; pass < 20; pass++) {
        int read[COUNT] = {0}, forwards = 0;
        cr_assert_eq(heed_windows_draw(w, HEED_PART_TRAINING, 3, pass, PASS, x, y), HEED_OK);
        for (int i = 0; i < PASS * T; i++)
            read[x[i]]++;
        for (int s = T; s < STARTS; s++) /* but for where a window may cross the end */
            cr_assert_eq(read[s], 1, "pass %d, token %d: %d", (int)pass, s, read[s]);
        for (int i = 1; i < PASS; i++) {
            cr_assert_eq(x[i * T] % T, x[0] % T);
            forwards += x[i * T] == (x[(i - 1) * T] + T) % STARTS;
        }
        cr_assert_lt(forwards, PASS - 1, "in a random order");
        cr_assert_neq(memcmp(x, before, sizeof x), 0, "in another one each pass");
        memcpy(before, x, sizeof x);
    }
    heed_windows_free(w);
}

Test(data_windows, evaluation_covers_every_token_once) {
    enum { T = 4, B = 3 };
    for (int64_t count = T + 1; count < 40; count++) {
        heed_windows *w = windows_of(count, (heed_windows_options){.length = T});
        int32_t x[B * T], y[B * T], next = 1;
        int64_t windows = heed_windows_count(w, HEED_PART_TRAINING), targets = 0;
        cr_assert_eq(windows, (count - 1 + T - 1) / T);
        for (int64_t first = 0; first < windows; first += B) {
            int64_t here = heed_windows_read(w, HEED_PART_TRAINING, first, B, x, y), seen = 0;
            for (int i = 0; i < B * T; i++)
                if (y[i] != HEED_IGNORED) {
                    cr_assert(y[i] == next++ && x[i] == y[i] - 1);
                    seen++;
                } else
                    cr_assert_eq(x[i], 0);
            cr_assert_eq(here, seen);
            targets += here;
        }
        cr_assert_eq(targets, count - 1);
        cr_assert_eq(heed_windows_read(w, HEED_PART_TRAINING, windows, B, x, y), 0);
        cr_assert_eq(heed_windows_read(w, HEED_PART_TRAINING, -9, 1, x, y), 0);
        cr_assert_eq(heed_windows_count(w, HEED_PART_VALIDATION), 0);
        cr_assert_eq(heed_windows_read(w, HEED_PART_VALIDATION, 0, B, x, y), 0);
        cr_assert_eq(heed_windows_draw(w, HEED_PART_VALIDATION, 0, 0, B, x, y), HEED_INVALID);
        cr_assert_eq(heed_windows_draw(w, HEED_PART_TRAINING, 0, 0, 0, x, y), HEED_INVALID);
        heed_windows_free(w);
    }
}

Test(data_windows, a_file_of_text_becomes_windows) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/heed_data_windows_%ld.txt", (long)getpid());
    FILE *f = fopen(path, "wb");
    cr_assert(f && fputs("d\u00e9j\u00e0 vu, d\u00e9j\u00e0 lu", f) >= 0 && fclose(f) == 0);
    heed_error e;
    heed_vocabulary *v = heed_vocabulary_characters(" ,djluv\u00e0\u00e9", 11, 0, &e);
    cr_assert(v, "%s", e.text);
    heed_windows *w = heed_windows_open(path, v, (heed_windows_options){.length = 6}, &e);
    cr_assert(w, "%s", e.text);
    int64_t count;
    const int32_t *ids = heed_windows_tokens(w, HEED_PART_TRAINING, &count);
    int32_t want[] = {2, 8, 3, 7, 0, 6, 5, 1, 0, 2, 8, 3, 7, 0, 4, 5};
    cr_assert(count == 16 && memcmp(ids, want, sizeof want) == 0);
    cr_assert_eq(heed_windows_length(w), 6);
    heed_windows_free(w);
    char want_text[256];
    cr_assert_null(heed_windows_open(path, v, (heed_windows_options){.length = 16}, &e));
    snprintf(want_text, sizeof want_text,
             "%s: windows: the training part has 16 tokens; a window of 16 and its last target need 17", path);
    cr_assert_str_eq(e.text, want_text);
    heed_vocabulary *few = heed_vocabulary_characters("d", 1, 0, &e);
    cr_assert_null(heed_windows_open(path, few, (heed_windows_options){.length = 6}, &e));
    snprintf(want_text, sizeof want_text,
             "%s: vocabulary: U+00E9 at byte 1 of the text is none of its 1 characters, and it has no <unk>", path);
    cr_assert_str_eq(e.text, want_text);
    remove(path);
    cr_assert_null(heed_windows_open(path, v, (heed_windows_options){.length = 6}, &e));
    heed_vocabulary_free(few);
    heed_vocabulary_free(v);
    heed_windows_free(NULL);
}
