/* Batches prepared ahead. Under ThreadSanitizer the same runs in tsan_loader.c. */
#include <criterion/criterion.h>
#include <string.h>

#include <heed/heed.h>

#include "helpers/loader_work.h"

/* [promises: any loader] */
Test(data_loader, gives_the_same_with_any_threads) { cr_assert(loader_gives_the_same_with_any_threads()); }
Test(data_loader, goes_on_from_any_position) { cr_assert(loader_goes_on_from_any_position()); }
Test(data_loader, stops_at_any_time) { cr_assert(loader_stops_at_any_time()); }
Test(data_loader, fails_where_its_fill_does) { cr_assert(loader_fails_where_its_fill_does()); }

static heed_status nothing(void *user, uint64_t seed, uint64_t batch, void *buffer, heed_error *error) {
    (void)user, (void)seed, (void)batch, (void)buffer, (void)error;
    return HEED_OK;
}

static heed_status mute(void *user, uint64_t seed, uint64_t batch, void *buffer, heed_error *error) {
    (void)user, (void)seed, (void)batch, (void)buffer, (void)error;
    return HEED_INVALID;
}

Test(data_loader, options_that_are_wrong_are_refused) {
    static const struct {
        heed_fill *fill;
        heed_loader_options o;
        const char *why;
    } wrong[] = {
        {NULL, {.bytes = 1}, "loader: fill is NULL"},
        {nothing, {.bytes = 0}, "loader: bytes is 0; a batch must have at least 1"},
        {nothing, {.bytes = 1, .buffers = -1}, "loader: buffers is -1; it must be 0 (for 4) or in 1 .. 4096"},
        {nothing,
         {.bytes = 1, .buffers = 1, .threads = 1},
         "loader: buffers is 1; it must be 0 (for 4) or in 2 .. 4096"},
        {nothing, {.bytes = 1, .threads = -1}, "loader: threads is -1; it must be in 0 .. 256"},
        {nothing, {.bytes = 1, .start = UINT64_MAX}, "loader: start is 18446744073709551615; it must be below 2^63"},
        {nothing,
         {.bytes = SIZE_MAX, .threads = 1},
         "loader: out of memory for 4 buffers of 18446744073709551615 bytes"},
        {nothing,
         {.bytes = SIZE_MAX / 3, .threads = 1},
         "loader: out of memory for 4 buffers of 6148914691236517205 bytes"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        heed_error e;
        cr_assert_null(heed_loader_new(wrong[i].fill, NULL, wrong[i].o, &e), "%zu", i);
        cr_assert_str_eq(e.text, wrong[i].why);
    }
    heed_loader *l = heed_loader_new(mute, NULL, (heed_loader_options){.bytes = 1}, NULL);
    cr_assert_null(heed_loader_next(l));
    cr_assert_eq(heed_loader_status(l), HEED_INVALID);
    cr_assert_str_eq(heed_loader_error_text(l), "loader: batch 0: its fill failed");
    heed_loader_free(l);
}

Test(data_loader, windows_are_loaded_as_they_are_drawn) {
    enum { T = 8, B = 5, COUNT = 200 };
    int32_t ids[COUNT], x[B * T], y[B * T];
    for (int i = 0; i < COUNT; i++)
        ids[i] = i;
    heed_error e;
    heed_windows *w = heed_windows_new(ids, COUNT, (heed_windows_options){.length = T, .validation = 0.25}, &e);
    heed_window_batches batches = {w, HEED_PART_VALIDATION, B};
    cr_assert_eq(heed_window_bytes(&batches), 2 * B * T * sizeof(int32_t));
    heed_loader *l =
        heed_loader_new(heed_window_fill, &batches,
                        (heed_loader_options){.bytes = heed_window_bytes(&batches), .threads = 2, .seed = 3}, &e);
    for (uint64_t i = 0; i < 30; i++) {
        const int32_t *got = heed_loader_next(l);
        cr_assert_eq(heed_windows_draw(w, HEED_PART_VALIDATION, 3, i, B, x, y), HEED_OK);
        cr_assert(memcmp(got, x, sizeof x) == 0 && memcmp(got + B * T, y, sizeof y) == 0);
    }
    heed_loader_free(l);
    batches.B = INT64_MAX;
    cr_assert_eq(heed_window_bytes(&batches), 0);
    batches.B = 0;
    cr_assert_eq(heed_window_bytes(&batches), 0);
    heed_windows_free(w);
}
