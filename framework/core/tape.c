/* A tape's life, settings and errors, and its handles. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../kernels/parallel.h"
#include "error_internal.h"
#include "profile_internal.h"

/* Every tape between two resets has a number of its own, so a handle that does not belong is told by comparing. */
static uint64_t next_epoch(void) {
    static atomic_uint_fast64_t last;
    return atomic_fetch_add(&last, 1) + 1;
}

heed_tape *heed_tape_new(void) {
    static heed_tape out_of_memory = {
        .inert = true,
        .error = {.status = HEED_NO_MEMORY,
                  .text = "heed_tape_new: out of memory; free something and make a new tape"}};
    heed_tape *t = calloc(1, sizeof *t);
    if (t == NULL) {
        heed_error_raised(HEED_NO_MEMORY, out_of_memory.error.text);
        return &out_of_memory;
    }
    t->memory.allocations = 1;
    t->epoch = next_epoch();
    t->recording = t->training = true;
    t->data = &t->memory;
    t->n_values = 1; /* index 0 is "absent" */
    t->values = arena_grow(&t->memory, NULL, &t->cap_values, 1, sizeof *t->values);
    if (t->values == NULL) {
        free(t);
        heed_error_raised(HEED_NO_MEMORY, out_of_memory.error.text);
        return &out_of_memory;
    }
    t->values[0] = (value){.node = NO_NODE, .use = NO_PARAM};
    return t;
}

void heed_tape_free(heed_tape *t) {
    if (t == NULL || t->inert)
        return;
    for (size_t i = 0; i < t->n_watchers; i++)
        free(t->watchers[i].pattern);
    for (size_t i = 0; i < t->n_models; i++)
        free(t->models[i].params);
    arena_free(&t->memory);
    arena_free(&t->inner);
    free(t->values);
    free(t->nodes);
    free(t->blocks);
    free(t->uses);
    free(t->models);
    free(t->bindings);
    free(t->watchers);
    free(t->draws);
    free(t->scopes);
    free(t->gradients.free);
    free(t->places);
    free(t->routes);
    free(t);
}

void heed_tape_reset(heed_tape *t) {
    if (t->inert)
        return;
    if (t->profile)
        profile_reset(t->profile);
    arena_reset(&t->memory);
    arena_reset(&t->inner);
    t->data = &t->memory;
    t->epoch = next_epoch();
    t->step++;
    t->passes = 0;
    t->n_values = 1;
    t->n_nodes = t->n_uses = t->n_draws = t->n_scopes = t->n_blocks = t->block_bytes = 0;
    t->open_blocks = 0;
    t->error.status = HEED_OK;
    t->error.text[0] = '\0';
}

heed_status heed_tape_status(const heed_tape *t) { return t->error.status; }
const char *heed_error_text(const heed_tape *t) { return t->error.text; }

static bool set(heed_tape *t, bool *what, bool to) {
    bool was = *what;
    if (!t->inert)
        *what = to;
    return was;
}

bool heed_tape_set_recording(heed_tape *t, bool recording) { return set(t, &t->recording, recording); }
bool heed_tape_set_training(heed_tape *t, bool training) { return set(t, &t->training, training); }
void heed_tape_set_anomaly(heed_tape *t, bool anomaly) { set(t, &t->anomaly, anomaly); }
bool heed_tape_recording(const heed_tape *t) { return t->recording; }
bool heed_tape_training(const heed_tape *t) { return t->training; }
uint64_t heed_tape_step(const heed_tape *t) { return t->step; }
uint64_t heed_tape_seed(const heed_tape *t) { return t->seed; }

void heed_tape_set_threads(heed_tape *t, int threads) {
    if (!t->inert)
        t->threads = threads < 0 ? 0 : threads < HEED_PARALLEL_MOST ? threads : HEED_PARALLEL_MOST;
}

void heed_tape_set_seed(heed_tape *t, uint64_t seed) {
    if (!t->inert)
        t->seed = seed;
}

void heed_tape_set_step(heed_tape *t, uint64_t step) {
    if (!t->inert)
        t->step = step;
}

int heed_tape_threads(const heed_tape *t) { return tape_thread_count(t); }

int tape_thread_count(const heed_tape *t) {
    return t->threads > 0 ? t->threads : heed_parallel_max();
}

size_t tape_held(const heed_tape *t) { return t->memory.held + t->inner.held; }

heed_tape_stats heed_tape_statistics(const heed_tape *t) {
    return (heed_tape_stats){.arena_bytes = tape_held(t),
                             .used_bytes = t->memory.used + t->block_bytes,
                             .block_bytes = t->block_bytes,
                             .gradient_bytes = t->gradient_bytes,
                             .gradients_unplanned = t->gradients_unplanned,
                             .allocations = t->memory.allocations + t->inner.allocations,
                             .nodes = t->n_nodes,
                             .values = t->n_values ? t->n_values - 1 : 0};
}

/* ---- errors ---- */

static heed_status fail_with(heed_tape *t, const heed_scope *scope, const char *op, heed_status status,
                             const char *text) {
    char path[256];
    size_t length = scope_path(scope, path, sizeof path);
    return heed_error_set(&t->error, status, "%s%s%s%s%s", length ? path : "", length ? ": " : "", op ? op : "",
                          op ? ": " : "", text);
}

heed_status tape_fail(heed_tape *t, const heed_scope *scope, const char *op, heed_status status, const char *format,
                      ...) {
    if (t->error.status != HEED_OK)
        return t->error.status;
    char text[HEED_ERROR_TEXT];
    va_list arguments;
    va_start(arguments, format);
    error_text(text, format, arguments);
    va_end(arguments);
    return fail_with(t, scope, op, status, text);
}

heed_tensor heed_fail_tape(heed_tape *t, heed_status status, const char *format, ...) {
    if (t->error.status != HEED_OK)
        return HEED_NIL;
    char text[HEED_ERROR_TEXT];
    va_list arguments;
    va_start(arguments, format);
    error_text(text, format, arguments);
    va_end(arguments);
    fail_with(t, tape_scope(t), NULL, status, text);
    return HEED_NIL;
}

heed_status tape_no_memory(heed_tape *t, const char *op, size_t bytes) {
    return tape_fail(t, tape_scope(t), op, HEED_NO_MEMORY, "out of memory: %zu more bytes were needed, %zu are in use",
                     bytes, tape_held(t));
}

/* ---- handles ---- */

heed_tensor tape_handle(const heed_tape *t, uint32_t index) {
    return index ? (heed_tensor){.epoch = t->epoch, .index = index} : HEED_NIL;
}

uint32_t tape_find(heed_tape *t, const char *op, heed_tensor x, const char *what) {
    if (t->error.status != HEED_OK)
        return 0;
    if (x.epoch == t->epoch && x.index > 0 && x.index < t->n_values)
        return (uint32_t)x.index;
    const char *why = heed_is_nil(x)
                          ? "is nil: it was never set, or is the result of a call that failed on another tape"
                          : "is not of this tape, or from before its last reset";
    tape_fail(t, tape_scope(t), op, HEED_INVALID, "%s %s", what, why);
    return 0;
}

uint32_t tape_resolve(heed_tape *t, const char *op, heed_tensor x, const char *what) {
    uint32_t index = tape_find(t, op, x, what);
    if (index == 0 || !(t->values[index].flags & VALUE_GONE))
        return index;
    tape_fail(t, tape_scope(t), op, HEED_INVALID,
              "%s was made in a recomputed block, which has given its memory back: hand it on with heed_recompute_end",
              what);
    return 0;
}

uint32_t tape_new_value(heed_tape *t, const heed_array *array) {
    value *grown = t->n_values < UINT32_MAX
                       ? arena_grow(&t->memory, t->values, &t->cap_values, t->n_values + 1, sizeof *grown)
                       : NULL;
    if (grown == NULL)
        return 0;
    t->values = grown;
    value *v = &t->values[t->n_values];
    *v = (value){.node = NO_NODE, .use = NO_PARAM, .root = (uint32_t)t->n_values, .weight = -1};
    v->array = *array;
    return (uint32_t)t->n_values++;
}

uint32_t tape_new_packed(heed_tape *t, heed_dtype dtype, heed_shape shape) {
    heed_array array = {.dtype = dtype, .shape = shape};
    heed_array_set_strides(&array);
    return tape_new_value(t, &array);
}

uint32_t tape_new_leaf(heed_tape *t, const char *op, heed_dtype dtype, heed_shape shape) {
    size_t bytes;
    if (t->error.status != HEED_OK)
        return 0;
    if (heed_dtype_size(dtype) == 0) {
        tape_fail(t, tape_scope(t), op, HEED_INVALID, "%d is no dtype", (int)dtype);
        return 0;
    }
    if (!array_bytes(&shape, dtype, &bytes)) {
        tape_fail(t, tape_scope(t), op, HEED_INVALID,
                  "shape %s cannot be: rank must be 0 to %d, sizes not negative, all bytes countable",
                  HEED_SHAPE_STR(shape), HEED_MAX_RANK);
        return 0;
    }
    void *data = arena_take(&t->memory, bytes);
    uint32_t index = data ? tape_new_packed(t, dtype, shape) : 0;
    if (index == 0)
        tape_no_memory(t, op, bytes);
    else
        t->values[index].array.data = data;
    return index;
}

const heed_array *heed_tensor_array(heed_tape *t, heed_tensor x) {
    uint32_t index = tape_resolve(t, NULL, x, "tensor");
    return index ? &t->values[index].array : NULL;
}
