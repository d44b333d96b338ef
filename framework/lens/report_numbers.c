#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "recording_internal.h"
#include "report_internal.h"

static bool no_memory(heed_error *error) {
    heed_error_set(error, HEED_NO_MEMORY, "page: out of memory");
    return false;
}

static void forget_numbers(page_array *array) {
    free(array->bytes);
    free(array->scale);
    free(array->packed);
    array->bytes = array->packed = NULL;
    array->scale = NULL;
}

void page_numbers_free(page_numbers *numbers) {
    for (size_t i = 0; i < numbers->n; i++) {
        free(numbers->arrays[i].tensor);
        forget_numbers(&numbers->arrays[i]);
    }
    free(numbers->arrays);
    free(numbers->frames);
    json_decref(numbers->by_name);
}

const page_array *page_numbers_get(const page_numbers *numbers, const char *tensor) {
    const json_t *known = json_object_get(numbers->by_name, tensor);
    return known ? &numbers->arrays[json_integer_value(known)] : NULL;
}

/* ---- which there are ---- */

/* False for a tensor that no page shows. */
static bool kind_of(const char *tensor, number_kind *kind) {
    static const struct {
        const char *begin;
        number_kind kind;
    } kinds[] = {
        {"update/", NUMBER_UPDATE}, {"grad/", NUMBER_GRAD}, {"param/", NUMBER_VALUE}, {"probe/", NUMBER_PROBE}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(tensor, kinds[i].begin, strlen(kinds[i].begin)) == 0) {
            *kind = kinds[i].kind;
            const char *rest = *kind == NUMBER_PROBE ? strchr(tensor + strlen("probe/"), '/') : NULL;
            if (rest && strncmp(rest, "/grad/", strlen("/grad/")) == 0)
                *kind = NUMBER_PROBE_GRAD;
            return true;
        }
    return false;
}

static bool note_array(page_numbers *numbers, page_array *array) {
    json_t *name = json_string(array->tensor);
    array->name_bytes = page_json_bytes(name);
    json_decref(name);
    page_array *grown = recording_grow(numbers->arrays, numbers->n, &numbers->capacity, sizeof *grown);
    numbers->arrays = grown ? grown : numbers->arrays;
    if (grown == NULL || array->name_bytes < 0)
        return false;
    if (json_object_set_new(numbers->by_name, array->tensor, json_integer((json_int_t)numbers->n)) != 0)
        return false;
    numbers->arrays[numbers->n++] = *array;
    return true;
}

static bool find_in_frame(page_numbers *numbers, heed_recording *r, int frame, heed_error *error) {
    int tensors = heed_recording_tensors(r, frame, error);
    for (int i = 0; i < tensors; i++) {
        const char *name = heed_recording_tensor_name(r, frame, i);
        page_array array = {0};
        double *values = NULL;
        if (!kind_of(name, &array.kind) || page_numbers_get(numbers, name))
            continue;
        if (heed_recording_tensor(r, frame, name, &array.shape, &values, error))
            return false;
        free(values);
        array.count = heed_shape_count(array.shape);
        array.tensor = strdup(name);
        if (array.tensor == NULL || !note_array(numbers, &array)) {
            free(array.tensor);
            return no_memory(error);
        }
    }
    return tensors >= 0;
}

bool page_numbers_find(page_numbers *numbers, heed_recording *r, heed_error *error) {
    *numbers = (page_numbers){.by_name = json_object()};
    if (numbers->by_name == NULL)
        return no_memory(error);
    for (int frame = 0; frame < heed_recording_frames(r); frame++)
        if (!find_in_frame(numbers, r, frame, error))
            return false;
    return true;
}

/* ---- how exact, and how many frames ---- */

/* Bytes beside the data: a scale a frame, at its longest; marks and names of members; sizes of the shape. */
enum { SCALE = 16, MARKS = 128, SIZE = 21 };

/* What is only looked at gives way; what one computes with, or what is small, stays in each frame. */
static bool may_be_thin(number_kind kind) {
    return kind == NUMBER_UPDATE || kind == NUMBER_GRAD || kind == NUMBER_PROBE_GRAD;
}

/* Batches' gradients have little in common from one frame to the next. */
bool page_numbers_differ(number_kind kind) {
    return kind != NUMBER_UPDATE && kind != NUMBER_GRAD;
}

/* Frames 0, every, 2 every, ..., and the last. */
int page_numbers_frames(const page_numbers *numbers, number_kind kind, int n) {
    const int every = may_be_thin(kind) ? numbers->every : 1;
    return n < 2 ? n : (n - 1) / every + 1 + ((n - 1) % every != 0);
}

/* The place of a frame among those; -1: it is not one of them. */
static int place_of(const page_numbers *numbers, number_kind kind, int frame) {
    const int every = may_be_thin(kind) ? numbers->every : 1;
    if (frame % every == 0)
        return frame / every;
    return frame == numbers->n_frames - 1 ? frame / every + 1 : -1;
}

/* What an array is believed to take of the page, or INT64_MAX. */
static int64_t array_bytes(const page_numbers *numbers, const page_array *array, int n_frames) {
    const int bits = numbers->bits[array->kind], n = page_numbers_frames(numbers, array->kind, n_frames);
    const int64_t beside = array->name_bytes + MARKS + array->shape.rank * SIZE + (bits < 32 ? (int64_t)n * SCALE : 0);
    const double data = numbers->ratio[array->kind] * (double)array->count * n * (bits / 8) / 3 * 4 + 4;
    return data < 1e15 ? (int64_t)data + beside : INT64_MAX;
}

static int64_t all_bytes(const page_numbers *numbers, int n_frames) {
    int64_t total = 0;
    for (size_t i = 0; i < numbers->n; i++)
        if (__builtin_add_overflow(total, array_bytes(numbers, &numbers->arrays[i], n_frames), &total))
            return INT64_MAX;
    return total;
}

/* The most frames that fit, from `fewest` on; 0 where these do not. */
static int frames_that_fit(const page_numbers *numbers, int fewest, int all, int64_t room) {
    if (all_bytes(numbers, fewest) > room)
        return 0;
    int fit = fewest, too_many = all + 1;
    while (too_many - fit > 1) {
        int middle = fit + (too_many - fit) / 2;
        if (all_bytes(numbers, middle) <= room)
            fit = middle;
        else
            too_many = middle;
    }
    return fit;
}

/* n of `all` frames, evenly, the first and the last among them. */
static bool choose_frames(page_numbers *numbers, int n, int all) {
    free(numbers->frames);
    numbers->frames = malloc((size_t)n * sizeof *numbers->frames);
    numbers->n_frames = n;
    for (int i = 0; i < n && numbers->frames; i++)
        numbers->frames[i] = n > 1 ? (int)(((int64_t)i * (all - 1) * 2 + n - 1) / (2 * ((int64_t)n - 1))) : 0;
    return numbers->frames != NULL;
}

enum { THINNEST = 8 };

static bool fit(page_numbers *numbers, int all_frames, int64_t most, int64_t taken, const char *recording,
                heed_error *error) {
    static const struct {
        number_kind kind;
        int bits;
    } steps[] = {{NUMBER_UPDATE, 16},     {NUMBER_GRAD, 16},  {NUMBER_UPDATE, 8}, {NUMBER_GRAD, 8},
                 {NUMBER_PROBE_GRAD, 16}, {NUMBER_VALUE, 16}, {NUMBER_PROBE, 16}, {NUMBER_PROBE_GRAD, 8},
                 {NUMBER_VALUE, 8},       {NUMBER_PROBE, 8}};
    const int64_t room = most - taken;
    numbers->every = 1;
    for (int kind = 0; kind < NUMBER_KINDS; kind++)
        numbers->bits[kind] = 32;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && all_bytes(numbers, all_frames) > room; i++)
        numbers->bits[steps[i].kind] = steps[i].bits;
    while (numbers->every < THINNEST && numbers->every < all_frames - 1 && all_bytes(numbers, all_frames) > room)
        numbers->every++;
    int fewest = all_frames < 2 ? all_frames : 2, n = frames_that_fit(numbers, fewest, all_frames, room);
    if (n > 0)
        return choose_frames(numbers, n, all_frames) || no_memory(error);
    int64_t least = all_bytes(numbers, fewest);
    if (__builtin_add_overflow(least, taken, &least))
        least = INT64_MAX;
    heed_error_set(error, HEED_INVALID,
                   "%s: a page with %d frame%s and 8 bits a number takes up to %lld bytes; most_bytes is %lld. "
                   "Allow a larger page, or record fewer parameters",
                   recording, fewest, fewest == 1 ? "" : "s", (long long)least, (long long)most);
    return false;
}

/* ---- rounding ---- */

static double largest_of(const double *values, int64_t count) {
    double largest = 0;
    for (int64_t i = 0; i < count; i++)
        if (isfinite(values[i]) && fabs(values[i]) > largest)
            largest = fabs(values[i]);
    return largest;
}

static void put_little(unsigned char *to, uint32_t bits, int bytes) {
    for (int i = 0; i < bytes; i++)
        to[i] = (unsigned char)(bits >> (8 * i));
}

static void put_floats(unsigned char *to, const double *values, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        float x = values ? (float)values[i] : NAN;
        uint32_t bits;
        memcpy(&bits, &x, sizeof bits);
        put_little(to + 4 * i, bits, 4);
    }
}

/* value = scale * integer; the smallest integer, which has no opposite, stands for what is no finite number. */
static float put_rounded(unsigned char *to, const double *values, int64_t count, int bits) {
    const int most = (1 << (bits - 1)) - 1, bytes = bits / 8;
    float scale = values ? (float)fmin(largest_of(values, count) / most, FLT_MAX) : 0;
    for (int64_t i = 0; i < count; i++) {
        double share = values && isfinite(values[i]) ? (scale > 0 ? values[i] / (double)scale : 0) : NAN;
        int n = isnan(share) ? -most - 1 : (int)fmin(fmax(round(share), -most), most);
        put_little(to + bytes * i, (uint32_t)n, bytes);
    }
    return scale;
}

/* at: the place of the frame among those that have it; values: NULL where the frame lacks the tensor. */
static void put_frame(page_array *array, int at, int bits, const double *values) {
    unsigned char *to = array->bytes + (size_t)array->count * (size_t)at * (size_t)bits / 8;
    if (bits == 32)
        put_floats(to, values, array->count);
    else
        array->scale[at] = put_rounded(to, values, array->count, bits);
}

static bool read_frame(page_numbers *numbers, heed_recording *r, int frame, heed_error *error) {
    const int number = numbers->frames[frame];
    for (size_t i = 0; i < numbers->n; i++) {
        page_array *array = &numbers->arrays[i];
        const int at = place_of(numbers, array->kind, frame);
        heed_shape shape;
        double *values = NULL;
        if (at < 0)
            continue;
        if (heed_recording_has(r, number, array->tensor) &&
            heed_recording_tensor(r, number, array->tensor, &shape, &values, error))
            return false;
        bool shown = values && heed_shape_equal(shape, array->shape);
        put_frame(array, at, numbers->bits[array->kind], shown ? values : NULL);
        free(values);
    }
    return true;
}

/* Where they are not there yet: room for an array's numbers. */
static bool make_room(page_numbers *numbers, page_array *array) {
    const size_t n = (size_t)page_numbers_frames(numbers, array->kind, numbers->n_frames);
    forget_numbers(array);
    array->bytes = calloc((size_t)array->count * n + 1, (size_t)numbers->bits[array->kind] / 8);
    array->scale = calloc(n, sizeof *array->scale);
    return array->bytes && array->scale;
}

static bool read_numbers(page_numbers *numbers, heed_recording *r, heed_error *error) {
    for (size_t i = 0; i < numbers->n; i++)
        if (!make_room(numbers, &numbers->arrays[i]))
            return no_memory(error);
    for (int frame = 0; frame < numbers->n_frames; frame++)
        if (heed_recording_tensors(r, numbers->frames[frame], error) < 0 || !read_frame(numbers, r, frame, error))
            return false;
    for (size_t i = 0; i < numbers->n; i++) {
        page_array *array = &numbers->arrays[i];
        const int n = page_numbers_frames(numbers, array->kind, numbers->n_frames);
        if (!page_array_pack(array, numbers->bits[array->kind], n, page_numbers_differ(array->kind)))
            return no_memory(error);
    }
    return true;
}

/* What they take, and to what part of themselves those of a kind have shrunk. */
static int64_t measure(page_numbers *numbers) {
    double raw[NUMBER_KINDS] = {0}, packed[NUMBER_KINDS] = {0};
    for (size_t i = 0; i < numbers->n; i++) {
        const page_array *array = &numbers->arrays[i];
        const int n = page_numbers_frames(numbers, array->kind, numbers->n_frames);
        raw[array->kind] += (double)array->count * n * (numbers->bits[array->kind] / 8);
        packed[array->kind] += (double)array->packed_bytes;
    }
    for (int kind = 0; kind < NUMBER_KINDS; kind++)
        numbers->ratio[kind] = raw[kind] > 0 ? packed[kind] / raw[kind] : 1;
    return all_bytes(numbers, numbers->n_frames);
}

/* A choice as one number: the higher, the more there is to see. */
static double worth(const page_numbers *numbers) {
    double bits = 0;
    for (int kind = 0; kind < NUMBER_KINDS; kind++)
        bits += numbers->bits[kind];
    return numbers->n_frames * 1e6 + bits * 1e3 - numbers->every;
}

/* To what part of themselves numbers of each kind may be hoped to shrink, as a transformer's did. */
static const double hoped[NUMBER_KINDS] = {
    [NUMBER_UPDATE] = 0.8, [NUMBER_GRAD] = 0.7, [NUMBER_PROBE_GRAD] = 0.7, [NUMBER_VALUE] = 0.4, [NUMBER_PROBE] = 0.5};

/* How far they do shrink shows when they are packed. So one chooses again by what came out, until the choice fits, and what
 * came out would not allow a better one that has not failed already. */
enum { PASSES = 12 };
static const double careful = 0.005; /* after a choice that did not fit */

bool page_numbers_make(page_numbers *numbers, heed_recording *r, int64_t most, int64_t taken, const char *recording,
                       heed_error *error) {
    const int all = heed_recording_frames(r);
    double failed = INFINITY;
    memcpy(numbers->ratio, hoped, sizeof hoped);
    for (int pass = 0; pass < PASSES; pass++) {
        if (!fit(numbers, all, most, taken, recording, error) || !read_numbers(numbers, r, error))
            return false;
        if (measure(numbers) <= most - taken) {
            page_numbers next = *numbers;
            next.frames = NULL;
            bool better = fit(&next, all, most, taken, recording, &(heed_error){.status = HEED_OK}) &&
                          worth(&next) > worth(numbers) && worth(&next) < failed;
            free(next.frames);
            if (!better)
                return true;
        } else {
            failed = fmin(failed, worth(numbers));
            for (int kind = 0; kind < NUMBER_KINDS; kind++)
                numbers->ratio[kind] *= 1 + careful * (pass + 1);
        }
    }
    heed_error_set(error, HEED_INVALID, "%s: no choice of numbers fits in most_bytes, %lld", recording,
                   (long long)most);
    return false;
}
