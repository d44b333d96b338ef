/* The page: what it holds is what was recorded, within the bytes it may take, and no text of a recording is markup. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include <heed/heed.h>

#include "helpers/comma_locale.h"
#include "helpers/recorded.h"

static char folder[64], html[80];

static void names(void) {
    snprintf(folder, sizeof folder, "/tmp/heed_test_report_%ld", (long)getpid());
    snprintf(html, sizeof html, "%s.html", folder);
    recorded_remove(folder);
}

static void clean(void) {
    recorded_remove(folder);
    remove(html);
}

TestSuite(lens_report, .init = names, .fini = clean);

/* ---- reading a page ---- */

static char *text_of(const char *path, size_t *bytes) {
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    fseek(file, 0, SEEK_END);
    *bytes = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(*bytes + 1);
    cr_assert_eq(fread(text, 1, *bytes, file), *bytes);
    text[*bytes] = '\0';
    fclose(file);
    return text;
}

static const char data_begins[] = "<script type=\"application/json\" id=\"heed-data\">", data_ends[] = "</script>";

/* The payload as a browser would take it: from its element's start to the first end tag. */
static json_t *payload_of(const char *page) {
    const char *begin = strstr(page, data_begins);
    cr_assert_not_null(begin);
    begin += strlen(data_begins);
    const char *end = strstr(begin, data_ends);
    cr_assert_not_null(end);
    json_error_t why;
    json_t *payload = json_loadb(begin, (size_t)(end - begin), JSON_REJECT_DUPLICATES, &why);
    cr_assert_not_null(payload, "%s at %d", why.text, why.position);
    return payload;
}

static json_t *report(heed_lens_report_options options) {
    heed_error error;
    size_t bytes;
    heed_lens_shown shown;
    options.shown = options.shown ? options.shown : &shown;
    cr_assert_eq(heed_lens_report(folder, html, options, &error), HEED_OK, "%s", error.text);
    char *page = text_of(html, &bytes);
    cr_expect_eq((size_t)options.shown->bytes, bytes);
    json_t *payload = payload_of(page);
    free(page);
    return payload;
}

static size_t base64_decoded(const char *text, unsigned char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = 0;
    uint32_t bits = 0;
    for (int have = 0; *text && *text != '='; text++) {
        bits = bits << 6 | (uint32_t)(strchr(digits, *text) - digits);
        if ((have += 6) >= 8)
            out[n++] = (unsigned char)(bits >> (have -= 8));
    }
    return n;
}

/* What was deflated without a header; room: for at most so many bytes. */
static size_t inflated(unsigned char *packed, size_t bytes, unsigned char *out, size_t room) {
    z_stream z = {.next_in = packed, .avail_in = (uInt)bytes, .next_out = out, .avail_out = (uInt)room};
    cr_assert_eq(inflateInit2(&z, -15), Z_OK);
    cr_assert_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
    const size_t n = z.total_out;
    inflateEnd(&z);
    return n;
}

/* The numbers of an array, of all frames that have it. */
static size_t decoded(const json_t *array, int64_t count, double *values) {
    const char *type = json_string_value(json_object_get(array, "type")),
               *data = json_string_value(json_object_get(array, "data"));
    int bytes = strcmp(type, "f32") == 0 ? 4 : strcmp(type, "i16") == 0 ? 2 : 1;
    const size_t room = 1 << 22, c = (size_t)count;
    const bool differences = json_is_true(json_object_get(array, "differences"));
    unsigned char *packed = malloc(strlen(data) + 4), *raw = malloc(room);
    uint32_t *whole = malloc(room * sizeof *whole);
    size_t n = inflated(packed, base64_decoded(data, packed), raw, room) / (size_t)bytes;
    for (size_t i = 0; i < n; i++) {
        double scale = json_number_value(json_array_get(json_object_get(array, "scale"), i / (size_t)count));
        uint32_t bits = 0;
        float single;
        for (int b = 0; b < bytes; b++) /* planes */
            bits |= (uint32_t)raw[i / c * c * (size_t)bytes + (size_t)b * c + i % c] << (8 * b);
        bits += differences && i >= c ? whole[i - c] : 0;
        whole[i] = bits &= bytes == 4 ? UINT32_MAX : (1U << 8 * bytes) - 1;
        memcpy(&single, &bits, sizeof single);
        values[i] = bytes == 4 ? (double)single : bytes == 2 ? scale * (int16_t)bits : scale * (int8_t)bits;
        if ((bytes == 2 && (int16_t)bits == INT16_MIN) || (bytes == 1 && (int8_t)bits == INT8_MIN))
            values[i] = NAN;
    }
    free(packed);
    free(raw);
    free(whole);
    return n;
}

/* Where the payload has a recorded tensor. */
static const json_t *array_of(const json_t *payload, const char *tensor) {
    static const char *const kinds[][2] = {{"param/", "value"}, {"grad/", "grad"}, {"update/", "update"}};
    for (int i = 0; i < 3; i++)
        if (strncmp(tensor, kinds[i][0], strlen(kinds[i][0])) == 0)
            return json_object_get(
                json_object_get(json_object_get(payload, "parameters"), tensor + strlen(kinds[i][0])), kinds[i][1]);
    const json_t *probe = json_object_get(json_object_get(payload, "probes"), "question");
    const char *key = strstr(tensor, "question/");
    return key ? json_object_get(json_object_get(json_object_get(probe, "values"), key + strlen("question/")), "data")
               : NULL;
}

static double largest_in(int tensor, int frame, int64_t count) {
    double largest = 0;
    for (int64_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)recorded_sample_value(tensor, frame, i)));
    return largest;
}

static int shown_every(const json_t *payload) {
    return (int)json_integer_value(json_object_get(json_object_get(payload, "shown"), "every"));
}

/* Every number of the sample, of the frames whose steps are there: exact in f32, else within half a step. */
static void expect_sample(const json_t *payload, int frames) {
    const json_t *steps = json_object_get(payload, "steps");
    cr_assert_eq(json_array_size(steps), (size_t)frames);
    double values[8 * 64];
    for (int tensor = 0; tensor < RECORDED_TENSORS; tensor++) {
        const recorded_tensor *x = &recorded_sample_tensors[tensor];
        const json_t *array = array_of(payload, x->name);
        cr_assert_not_null(array, "%s", x->name);
        const char *type = json_string_value(json_object_get(array, "type"));
        int64_t count = heed_shape_count(x->shape);
        int every = json_is_true(json_object_get(array, "thin")) ? shown_every(payload) : 1;
        int there = frames < 2 ? frames : (frames - 1) / every + 1 + ((frames - 1) % every != 0);
        cr_assert_eq(decoded(array, count, values), (size_t)(there * count), "%s", x->name);
        double most = strcmp(type, "f32") == 0 ? INFINITY : strcmp(type, "i16") == 0 ? 32767 : 127;
        for (int64_t i = 0; i < there * count; i++) {
            size_t at = (size_t)(i / count == there - 1 ? frames - 1 : i / count * every);
            int frame = (int)(json_integer_value(json_array_get(steps, at)) - 1) / 10;
            double true_value = (double)recorded_sample_value(tensor, frame, i % count);
            double bound = largest_in(tensor, frame, count) / most / 2 * 1.0001;
            cr_assert_leq(fabs(values[i] - true_value), bound, "%s[%d] %s: %g, %g", x->name, (int)i, type, values[i],
                          true_value);
        }
    }
}

/* ---- numbers ---- */

Test(lens_report, holds_every_number_exactly_where_there_is_room) {
    cr_assert(recorded_sample(folder, 5));
    heed_lens_shown shown;
    json_t *payload = report((heed_lens_report_options){.shown = &shown});
    expect_sample(payload, 5);
    cr_expect_eq(shown.frames, 5);
    cr_expect_eq(shown.all_frames, 5);
    cr_expect(shown.bits.update == 32 && shown.bits.grad == 32 && shown.bits.probe_grad == 32 &&
              shown.bits.value == 32 && shown.bits.probe == 32);
    cr_expect_eq(json_integer_value(json_array_get(json_object_get(payload, "steps"), 4)), 41);
    json_decref(payload);
}

Test(lens_report, takes_no_more_bytes_than_it_may_and_says_what_gave_way) {
    cr_assert(recorded_sample(folder, 5));
    heed_lens_shown whole, shown, before = {.bits = {32, 32, 32, 32, 32}, .frames = 5};
    json_decref(report((heed_lens_report_options){.shown = &whole}));
    int fewer = 0, rounded = 0;
    for (int64_t most = whole.bytes + 20000; most > 0; most -= 500) {
        heed_error error;
        heed_lens_report_options options = {.most_bytes = most, .shown = &shown};
        if (heed_lens_report(folder, html, options, &error)) {
            cr_expect_eq(error.status, HEED_INVALID);
            cr_expect(strstr(error.text, folder) && strstr(error.text, "most_bytes") &&
                          strstr(error.text, "2 frames and 8 bits"),
                      "%s", error.text);
            break;
        }
        json_t *payload = report(options);
        cr_assert_leq(shown.bytes, most);
        expect_sample(payload, shown.frames);
        const json_t *steps = json_object_get(payload, "steps");
        cr_expect_eq(json_integer_value(json_array_get(steps, 0)), 1);
        cr_expect_eq(json_integer_value(json_array_get(steps, (size_t)shown.frames - 1)), 41, "the last frame stays");
        const json_t *said = json_object_get(payload, "shown"), *bits = json_object_get(said, "bits");
        cr_expect_eq(json_integer_value(json_object_get(said, "frames")), shown.frames);
        cr_expect_eq(json_integer_value(json_object_get(bits, "update")), shown.bits.update);
        cr_expect_eq(json_integer_value(json_object_get(bits, "probe")), shown.bits.probe);
        cr_expect_eq(json_integer_value(json_object_get(payload, "all_frames")), 5);
        cr_expect(shown.bits.update <= shown.bits.grad && shown.bits.grad <= shown.bits.probe_grad &&
                  shown.bits.probe_grad <= shown.bits.value && shown.bits.value <= shown.bits.probe);
        cr_expect(shown.bits.probe <= before.bits.probe && shown.frames <= before.frames);
        cr_expect(shown.frames == 5 || shown.bits.probe == 8, "frames go before bits");
        rounded += shown.bits.update < 32;
        fewer += shown.frames < 5;
        before = shown;
        json_decref(payload);
    }
    cr_expect_gt(rounded, 3);
    cr_expect_gt(fewer, 0);
    cr_expect_leq(before.frames, 3);
}

/* Two in one page: the other one has all that it would have alone, and neither takes the other's room. */
Test(lens_report, holds_several_recordings_each_as_if_it_were_alone) {
    char second[80];
    snprintf(second, sizeof second, "%s_2", folder);
    recorded_remove(second);
    cr_assert(recorded_sample(folder, 5) && recorded_sample(second, 4));
    const char *const beside[] = {second};
    heed_lens_shown shown;
    json_t *payload = report((heed_lens_report_options){.beside = beside, .n_beside = 1, .shown = &shown});
    const json_t *runs = json_object_get(payload, "runs"), *other = json_array_get(runs, 0);
    cr_assert_eq(json_array_size(runs), 1);
    expect_sample(payload, 5);
    expect_sample(other, 4);
    cr_expect_str_eq(json_string_value(json_object_get(other, "name")), strrchr(second, '/') + 1);
    cr_expect(json_equal(json_object_get(payload, "header"), json_object_get(other, "header")));
    json_decref(payload);
    for (int64_t whole = shown.bytes, most = whole; most > whole - 15000; most -= 5000) {
        payload = report(
            (heed_lens_report_options){.beside = beside, .n_beside = 1, .most_bytes = most, .shown = &shown});
        cr_assert_leq(shown.bytes, most);
        expect_sample(payload, shown.frames);
        json_decref(payload);
    }
    recorded_remove(second);
    json_t *alone = report((heed_lens_report_options){.shown = &shown});
    cr_expect(json_is_null(json_object_get(alone, "name")) && json_array_size(json_object_get(alone, "runs")) == 0);
    json_decref(alone);
}

Test(lens_report, refuses_recordings_beside_it_that_are_none_and_leaves_no_page) {
    heed_error error;
    cr_assert(recorded_sample(folder, 2));
    const char *const nowhere[] = {"/no/recording"};
    heed_lens_report_options options = {.beside = nowhere, .n_beside = 1};
    cr_expect_eq(heed_lens_report(folder, html, options, &error), HEED_IO);
    cr_expect(strstr(error.text, "/no/recording"), "%s", error.text);
    const struct {
        const char *const *beside;
        int n;
    } wrong[] = {{nowhere, -1}, {nowhere, 16}, {NULL, 1}};
    for (int i = 0; i < 3; i++) {
        options = (heed_lens_report_options){.beside = wrong[i].beside, .n_beside = wrong[i].n};
        cr_expect_eq(heed_lens_report(folder, html, options, &error), HEED_INVALID);
        cr_expect(strstr(error.text, "n_beside"), "%s", error.text);
    }
    cr_expect_neq(access(html, F_OK), 0);
}

static bool odd_frame(int64_t step, int n, const heed_file_tensor *tensors) {
    return recorded_frame(folder, step, n, tensors, "{\"loss\":null}");
}

static const char odd_header[] = "{\"heed_recording\":1,\"title\":\"t\",\"dtype\":\"f32\",\"parameters\":[{\"name\":"
                                 "\"w\",\"shape\":[300]}],\"attention\":[],\"spaces\":[],"
                                 "\"probes\":[{\"name\":\"p\",\"queries\":[],\"keys\":[],\"alignment\":null,"
                                 "\"attention\":{}}],\"optimizer\":null,\"story\":null}";

enum { MANY = 300 };
/* a, b, c, and then what does not shrink when it is deflated, between -1 and 1. */
static void fill(float *to, float a, float b, float c) {
    const float first[] = {a, b, c};
    for (int i = 0; i < MANY; i++)
        to[i] = i < 3 ? first[i] : (float)heed_rng_below(1, (uint64_t)i, 1 << 20) / (1 << 19) - 1;
}

static void expect_odd(const json_t *payload) {
    double x[2 * MANY], g[2 * MANY], z[2 * MANY];
    const json_t *probe = json_object_get(json_object_get(payload, "probes"), "p");
    cr_assert_eq(decoded(array_of(payload, "param/w"), MANY, x), 2 * MANY);
    cr_expect(fabs(x[0] - 1) < 0.01 && isnan(x[1]) && fabs(x[2] + 2) < 1e-6);
    cr_expect(!isfinite(x[MANY]) && x[MANY + 1] == 0 && fabs(x[MANY + 2] - 4) < 1e-6);
    cr_assert_eq(decoded(array_of(payload, "grad/w"), MANY, g), 2 * MANY);
    cr_expect(g[0] == 0 && g[2] == 0 && isnan(g[MANY]) && isnan(g[2 * MANY - 1]), "the second frame lacks it");
    cr_assert_eq(decoded(json_object_get(json_object_get(json_object_get(probe, "values"), "a.z"), "data"), MANY, z),
                 2 * MANY);
    cr_expect(fabs(z[2] - 6) < 1e-6 && isnan(z[MANY]) && isnan(z[MANY + 1]),
              "the second frame has it in another shape");
    cr_expect(json_is_null(json_array_get(json_object_get(probe, "loss"), 0)));
    const json_t *loss = json_object_get(json_object_get(payload, "scalars"), "loss");
    cr_expect(json_is_null(json_array_get(json_object_get(loss, "value"), 0)));
}

/* What is no number, what a frame lacks, and what changes its shape, at each width. */
Test(lens_report, numbers_that_are_none_stay_so) {
    float first[MANY], second[MANY], zeros[MANY] = {0}, z[MANY];
    fill(first, 1, NAN, -2);
    fill(second, INFINITY, 0, 4);
    fill(z, 5, -3, 6);
    const heed_file_tensor w[] = {{.name = "param/w", .dtype = "F32", .shape = {1, {MANY}}, .data = first},
                                  {.name = "grad/w", .dtype = "F32", .shape = {1, {MANY}}, .data = zeros},
                                  {.name = "probe/p/a.z", .dtype = "F32", .shape = {1, {MANY}}, .data = z}};
    const heed_file_tensor v[] = {{.name = "param/w", .dtype = "F32", .shape = {1, {MANY}}, .data = second},
                                  {.name = "probe/p/a.z", .dtype = "F32", .shape = {2, {MANY, 1}}, .data = z}};
    cr_assert(recorded_begin(folder, odd_header) && odd_frame(1, 3, w) && odd_frame(2, 2, v));
    heed_lens_shown shown;
    json_decref(report((heed_lens_report_options){.shown = &shown}));
    int seen = 0;
    for (int64_t most = shown.bytes + 4000;
         !heed_lens_report(folder, html, (heed_lens_report_options){.most_bytes = most}, NULL); most -= 300) {
        json_t *payload = report((heed_lens_report_options){.most_bytes = most, .shown = &shown});
        expect_odd(payload);
        seen |= shown.bits.value | shown.bits.probe;
        json_decref(payload);
    }
    cr_expect_eq(seen, 32 | 16 | 8, "%d", seen);
}

/* ---- the rest of the payload ---- */

Test(lens_report, holds_what_the_index_says) {
    cr_assert(recorded_sample(folder, 3));
    heed_recording *r = heed_recording_open(folder, NULL);
    cr_assert_not_null(r);
    json_t *payload = report((heed_lens_report_options){.language = "ru", .title = "Заголовок"});
    json_t *header = json_loads(heed_recording_header(r), 0, NULL);
    cr_expect(json_equal(json_object_get(payload, "header"), header));
    cr_expect_str_eq(json_string_value(json_object_get(payload, "title")), "Заголовок");
    cr_expect_str_eq(json_string_value(json_object_get(payload, "language")), "ru");
    cr_expect_eq(json_integer_value(json_object_get(payload, "all_steps")), 30);
    cr_expect(json_is_true(json_object_get(payload, "ended")));
    cr_expect_str_eq(json_string_value(json_object_get(payload, "cut")), "");
    cr_expect(json_is_null(json_object_get(payload, "graph")));
    const json_t *ablation = json_array_get(json_object_get(payload, "ablations"), 0);
    cr_expect_eq(json_number_value(json_object_get(ablation, "without")), 0.25);
    const json_t *loss = json_object_get(json_object_get(payload, "scalars"), "loss");
    cr_expect_eq(json_integer_value(json_array_get(json_object_get(loss, "step"), 1)), 11);
    cr_expect_eq(json_number_value(json_array_get(json_object_get(loss, "value"), 1)), 1.5);
    const json_t *of_probe = json_object_get(json_object_get(json_object_get(payload, "probes"), "question"), "loss");
    cr_expect_eq(json_number_value(json_array_get(of_probe, 2)), 0.667);
    json_decref(payload);
    json_decref(header);
    heed_recording_close(r);
}

Test(lens_report, long_curves_keep_their_extremes) {
    cr_assert(recorded_sample(folder, 2));
    for (int step = 1; step <= 9001; step++)
        cr_assert(recorded_line(folder, "{\"step\":%d,\"scalars\":{\"x\":%d}}", step,
                                step == 777    ? 1000
                                : step == 4242 ? -1000
                                               : step % 3));
    json_t *payload = report((heed_lens_report_options){.language = NULL});
    const json_t *x = json_object_get(json_object_get(payload, "scalars"), "x"), *steps = json_object_get(x, "step");
    double low = 0, high = 0, last = 0;
    cr_expect_eq(json_integer_value(json_object_get(x, "all")), 9001);
    cr_expect_leq(json_array_size(steps), 4000);
    cr_expect_geq(json_array_size(steps), 2000);
    for (size_t i = 0; i < json_array_size(steps); i++) {
        double value = json_number_value(json_array_get(json_object_get(x, "value"), i));
        cr_assert_gt(json_number_value(json_array_get(steps, i)), last);
        last = json_number_value(json_array_get(steps, i));
        low = fmin(low, value);
        high = fmax(high, value);
    }
    cr_expect(low == -1000 && high == 1000);
    json_decref(payload);
}

Test(lens_report, equal_recordings_give_equal_pages_in_any_locale) {
    cr_assert(recorded_sample(folder, 3));
    heed_lens_report_options small = {.most_bytes = 0};
    heed_lens_shown shown;
    json_decref(report((heed_lens_report_options){.shown = &shown}));
    small.most_bytes = shown.bytes - 2000; /* so that there are rounded numbers */
    size_t bytes[2];
    char *page[2];
    for (int i = 0; i < 2; i++) {
        bool comma = i == 1 && comma_locale_begin();
        cr_assert_eq(heed_lens_report(folder, html, small, NULL), HEED_OK);
        if (comma)
            comma_locale_end();
        page[i] = text_of(html, &bytes[i]);
        recorded_remove(folder);
        cr_assert(recorded_sample(folder, 3));
    }
    cr_expect(bytes[0] == bytes[1] && memcmp(page[0], page[1], bytes[0]) == 0);
    free(page[0]);
    free(page[1]);
}

/* ---- a training that still runs ---- */

enum { THINNED = 60, BURST = 10 };

/* Every other frame goes, ten at a time, as the spacing of a long run is doubled part by part. */
static void *thin(void *done) {
    char path[128];
    for (int frame = 1; frame < THINNED; frame += 2) {
        recorded_line(folder, "{\"forget\":[%d]}", 10 * frame + 1);
        snprintf(path, sizeof path, "%s/%08d.safetensors", folder, 10 * frame + 1);
        unlink(path);
        if (frame / 2 % BURST == BURST - 1)
            nanosleep(&(struct timespec){.tv_nsec = 70000000}, NULL);
    }
    atomic_store((atomic_bool *)done, true);
    return NULL;
}

Test(lens_report, a_training_that_thins_its_frames_meanwhile_does_not_disturb) {
    pthread_t thread;
    atomic_bool done = false;
    int pages = 0;
    cr_assert(recorded_sample_running(folder, THINNED));
    cr_assert_eq(pthread_create(&thread, NULL, thin, &done), 0);
    for (bool last = false; !last; pages++) {
        heed_error error;
        heed_lens_shown shown;
        last = atomic_load(&done);
        cr_expect_eq(heed_lens_report(folder, html, (heed_lens_report_options){.shown = &shown}, &error), HEED_OK, "%s",
                     error.text);
        cr_expect_geq(shown.frames, THINNED / 2);
        cr_expect(!last || shown.frames == THINNED / 2);
    }
    pthread_join(thread, NULL);
    cr_expect_gt(pages, 1);
}

/* ---- what cannot be ---- */

static void refused(heed_lens_report_options options, heed_status status, const char *says) {
    heed_error error;
    cr_expect_eq(heed_lens_report(folder, html, options, &error), status, "%s", error.text);
    cr_expect(strstr(error.text, says), "%s", error.text);
    cr_expect_eq(access(html, F_OK), -1, "something was written");
}

Test(lens_report, errors_say_what_is_wrong_and_leave_nothing) {
    refused((heed_lens_report_options){.most_bytes = 0}, HEED_IO, "index.jsonl");
    cr_assert(recorded_sample(folder, 0));
    refused((heed_lens_report_options){.most_bytes = 0}, HEED_INVALID, "no whole frame");
    recorded_remove(folder);
    cr_assert(recorded_sample(folder, 1));
    refused((heed_lens_report_options){.language = "de"}, HEED_INVALID, "\"de\"; it must be en or ru");
    refused((heed_lens_report_options){.most_bytes = -1}, HEED_INVALID, "most_bytes is -1");
    refused((heed_lens_report_options){.most_bytes = 1000}, HEED_INVALID, "1 frame and 8 bits");
    heed_error error;
    cr_expect_eq(
        heed_lens_report(folder, "/tmp/no such folder/x.html", (heed_lens_report_options){.most_bytes = 0}, &error),
        HEED_IO);
    cr_expect(strstr(error.text, "/tmp/no such folder/x.html"), "%s", error.text);
    cr_expect_eq(heed_lens_report("/no/recording", html, (heed_lens_report_options){.most_bytes = 0}, NULL), HEED_IO);
}

/* ---- hostile texts ---- */

enum { HOSTILE = 1000 };

/* Text number i, as UTF-8: pieces that mean something to HTML, JSON, JavaScript or the order of text. */
static void hostile(int i, char *text, size_t size) {
    static const char *const pieces[] = {"<script>alert(1)</script>",
                                         "</script>",
                                         "<!--",
                                         "-->",
                                         "]]>",
                                         "\"",
                                         "'",
                                         "`",
                                         "\\",
                                         "&lt;",
                                         "&#60;script&#62;",
                                         "<img src=x onerror=alert(1)>",
                                         "{{x}}",
                                         "${x}",
                                         "\u2028",
                                         "\u2029",
                                         "\u202e",
                                         "\u2066",
                                         "\u200b",
                                         "\ufeff",
                                         "\x01",
                                         "\x1f",
                                         "\x7f",
                                         "\t",
                                         "\n",
                                         "\r",
                                         "</SCRIPT >",
                                         "<svg/onload=x>",
                                         "javascript:x",
                                         "\u00e9",
                                         "\U0001f600",
                                         "__proto__",
                                         "constructor",
                                         "<style>*{}</style>",
                                         "@DATA@",
                                         "@SCRIPT@"};
    const int n = sizeof pieces / sizeof *pieces;
    snprintf(text, size, "%d%s%s%s", i, pieces[i % n], pieces[(i * 7 + i / n) % n], pieces[(i / 3) % n]);
}

static void expect_clean(const char *page, size_t bytes) {
    const char *begin = strstr(page, data_begins) + strlen(data_begins), *end = strstr(begin, data_ends);
    for (const char *at = begin; at < end; at++)
        cr_assert(*at >= ' ' && *at < 0x7F && *at != '<', "byte %02x in the data", (unsigned char)*at);
    int scripts = 0, tags = 0;
    for (const char *at = page; (at = strstr(at, data_ends)) != NULL; at++)
        scripts++;
    for (const char *at = page; (at = strstr(at, "<script")) != NULL; at++)
        tags++;
    cr_expect_eq(scripts, 2);
    cr_expect_eq(tags, 2);
    cr_expect_eq(strlen(page), bytes);
}

static json_t *hostile_header(void) {
    json_t *parameters = json_array(), *names_list = json_array(), *space_names = json_array();
    char text[128];
    for (int i = 0; i < HOSTILE; i++) {
        hostile(i, text, sizeof text);
        json_array_append_new(names_list, json_string(text));
        json_array_append_new(space_names, json_string(text));
        if (i < 40)
            json_array_append_new(parameters, json_pack("{s:s, s:[i]}", "name", text, "shape", 1));
    }
    hostile(0, text, sizeof text);
    return json_pack("{s:i, s:s, s:s, s:o, s:[], s:[{s:s, s:o, s:n, s:n}], s:[{s:s, s:O, s:o, s:n, s:{}}], s:s, s:n}",
                     "heed_recording", 1, "title", text, "dtype", "f32", "parameters", parameters, "attention",
                     "spaces", "name", "<b>", "names", space_names, "embedding", "positions", "probes", "name",
                     "<i>\"'", "queries", names_list, "keys", names_list, "alignment", "attention", "optimizer",
                     "</script>", "story");
}

/* [promises: names as HTML] */
Test(lens_report, hostile_texts_are_data_and_nothing_else) {
    json_t *header = hostile_header();
    char *text = json_dumps(header, 0), names_of[42][192], one[128];
    static const float value[1] = {2};
    heed_file_tensor tensors[42];
    int n = 0;
    for (; n < 40; n++) {
        hostile(n, one, sizeof one);
        snprintf(names_of[n], sizeof names_of[n], "param/%s", one);
        tensors[n] = (heed_file_tensor){.name = names_of[n], .dtype = "F32", .shape = {1, {1}}, .data = value};
    }
    tensors[n++] =
        (heed_file_tensor){.name = "probe/<i>\"'/</script>.q", .dtype = "F32", .shape = {1, {1}}, .data = value};
    cr_assert(recorded_begin(folder, text) && recorded_frame(folder, 1, n, tensors, "{\"<loss>\":1}"));
    size_t bytes;
    heed_error error;
    cr_assert_eq(
        heed_lens_report(folder, html, (heed_lens_report_options){.title = "\xff<t>\xc3(\xed\xa0\x80\x80"}, &error),
        HEED_OK, "%s", error.text);
    char *page = text_of(html, &bytes);
    expect_clean(page, bytes);
    json_t *payload = payload_of(page);
    cr_expect(json_equal(json_object_get(payload, "header"), header), "the texts arrive as they were");
    cr_expect_str_eq(json_string_value(json_object_get(payload, "title")), "\ufffd<t>\ufffd(\ufffd\ufffd\ufffd\ufffd");
    cr_expect_eq(json_object_size(json_object_get(payload, "parameters")), 40);
    json_decref(payload);
    json_decref(header);
    free(page);
    free(text);
}
