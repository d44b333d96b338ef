#include "frame_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../io/file_dtypes_internal.h"
#include "../io/safetensors_internal.h"

enum { ALIGN = 64 };

void lens_frame_clear(lens_frame *f, int64_t step) {
    f->step = step;
    f->n_items = 0;
    f->names.n = f->scalars.n = f->said.n = f->lines.n = f->graph.n = f->bytes = f->n_attention = f->n_forget = 0;
    f->names.failed = f->scalars.failed = f->said.failed = f->lines.failed = f->graph.failed = f->no_memory = false;
}

void lens_frame_free(lens_frame *f) {
    free(f->items);
    free(f->names.data);
    free(f->data);
    free(f->attention);
    free(f->scalars.data);
    free(f->said.data);
    free(f->lines.data);
    free(f->graph.data);
    free(f->forget);
    *f = (lens_frame){.step = 0};
}

/* array with room for need items; NULL: out of memory, array is as it was. */
static void *grown(void *array, size_t *capacity, size_t need, size_t size) {
    size_t count = *capacity ? *capacity : 16, bytes;
    if (need <= *capacity)
        return array;
    while (count < need)
        count *= 2;
    void *more = __builtin_mul_overflow(count, size, &bytes) ? NULL : realloc(array, bytes);
    if (more)
        *capacity = count;
    return more;
}

static bool has_bytes(lens_frame *f, size_t end) {
    if (end <= f->capacity)
        return true;
    const size_t least = end > 2 * f->capacity ? end : 2 * f->capacity;
    size_t count = end > SIZE_MAX / 4 ? 0 : (least + ALIGN) / ALIGN * ALIGN;
    char *more = count ? aligned_alloc(ALIGN, count) : NULL;
    if (more == NULL)
        return false;
    if (f->bytes)
        memcpy(more, f->data, f->bytes);
    free(f->data);
    f->data = more;
    f->capacity = count;
    return true;
}

int lens_frame_add(lens_frame *f, heed_dtype dtype, heed_shape shape, const char *prefix, const char *name,
                   const char *suffix) {
    const int64_t count = heed_shape_count(shape);
    const size_t begin = (f->bytes + ALIGN - 1) / ALIGN * ALIGN, at = f->names.n;
    size_t bytes, end;
    frame_item *items = f->no_memory ? NULL : grown(f->items, &f->cap_items, (size_t)f->n_items + 1, sizeof *items);
    if (items)
        f->items = items;
    if (items == NULL || count < 0 || __builtin_mul_overflow((size_t)count, heed_dtype_size(dtype), &bytes) ||
        __builtin_add_overflow(begin, bytes, &end) || !has_bytes(f, end)) {
        f->no_memory = true;
        return -1;
    }
    lens_text_put(&f->names, prefix, strlen(prefix));
    lens_text_put(&f->names, name, strlen(name));
    lens_text_put(&f->names, suffix, strlen(suffix) + 1);
    f->no_memory = f->names.failed;
    f->bytes = end;
    f->items[f->n_items] = (frame_item){.name = at, .data = begin, .dtype = dtype, .shape = shape, .bytes = bytes};
    return f->no_memory ? -1 : f->n_items++;
}

void *lens_frame_data(const lens_frame *f, int item) { return f->data + f->items[item].data; }
const char *lens_frame_name(const lens_frame *f, int item) { return f->names.data + f->items[item].name; }

bool lens_frame_add_attention(lens_frame *f, frame_attention attention) {
    frame_attention *more = grown(f->attention, &f->cap_attention, f->n_attention + 1, sizeof *more);
    if (more == NULL) {
        f->no_memory = true;
        return false;
    }
    f->attention = more;
    f->attention[f->n_attention++] = attention;
    return true;
}

/* ---- the gradients of weights and scores ---- */

static double get(const void *data, heed_dtype dtype, size_t i) {
    return dtype == HEED_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static void set(void *data, heed_dtype dtype, size_t i, double x) {
    if (dtype == HEED_F64)
        ((double *)data)[i] = x;
    else
        ((float *)data)[i] = (float)x;
}

/* One attention's sizes: a (..., T, S), dz (..., T, d), v (..., S, d). v may have fewer heads, each for several of a's,
 * one after another. */
typedef struct sizes {
    size_t heads, value_heads, T, S, d;
} sizes;

static sizes sizes_of(const lens_frame *f, const frame_attention *g) {
    const heed_shape *a = &f->items[g->a].shape, *v = &f->items[g->v].shape;
    sizes n = {1, 1, (size_t)a->n[a->rank - 2], (size_t)a->n[a->rank - 1], (size_t)v->n[v->rank - 1]};
    for (int axis = 0; axis < a->rank - 2; axis++)
        n.heads *= (size_t)a->n[axis];
    for (int axis = 0; axis < v->rank - 2; axis++)
        n.value_heads *= (size_t)v->n[axis];
    return n;
}

/* One query's da and ds, S long. values (d, S): the head's vᵀ; row: S numbers to work in, since da may be rounded to f32. */
static void finish_query(const lens_frame *f, const frame_attention *g, const sizes *n, size_t query,
                         const double *values, double *row) {
    const heed_dtype dtype = f->items[g->a].dtype;
    const void *a = lens_frame_data(f, g->a), *dz = lens_frame_data(f, g->dz);
    void *da = lens_frame_data(f, g->da), *ds = lens_frame_data(f, g->ds);
    const size_t S = n->S;
    double mean = 0;
    for (size_t s = 0; s < S; s++)
        row[s] = 0;
    for (size_t i = 0; i < n->d; i++) {
        const double x = get(dz, dtype, query * n->d + i);
        for (size_t s = 0; s < S; s++)
            row[s] += x * values[i * S + s];
    }
    for (size_t s = 0; s < S; s++)
        mean += get(a, dtype, query * S + s) * row[s];
    for (size_t s = 0; s < S; s++) {
        set(da, dtype, query * S + s, row[s]);
        set(ds, dtype, query * S + s, get(a, dtype, query * S + s) * (row[s] - mean));
    }
}

/* work: (d + 1) S numbers. */
static void finish_attention(const lens_frame *f, const frame_attention *g, double *work) {
    const sizes n = sizes_of(f, g);
    const heed_dtype dtype = f->items[g->a].dtype;
    const void *v = lens_frame_data(f, g->v);
    for (size_t head = 0; head < n.heads; head++) {
        const size_t first = head / (n.heads / n.value_heads) * n.S;
        for (size_t s = 0; s < n.S; s++)
            for (size_t i = 0; i < n.d; i++)
                work[i * n.S + s] = get(v, dtype, (first + s) * n.d + i);
        for (size_t t = 0; t < n.T; t++)
            finish_query(f, g, &n, head * n.T + t, work, work + n.d * n.S);
    }
}

bool lens_frame_finish(lens_frame *f) {
    size_t most = 0;
    for (size_t i = 0; i < f->n_attention; i++) {
        const sizes n = sizes_of(f, &f->attention[i]);
        most = (n.d + 1) * n.S > most ? (n.d + 1) * n.S : most;
    }
    double *work = malloc((most + 1) * sizeof *work);
    for (size_t i = 0; i < f->n_attention && work; i++)
        finish_attention(f, &f->attention[i], work);
    free(work);
    f->n_attention = 0;
    return work != NULL;
}

/* ---- the file ---- */

heed_file_tensor lens_frame_tensor(const lens_frame *f, int item) {
    const frame_item *it = &f->items[item];
    return (heed_file_tensor){.name = lens_frame_name(f, item),
                              .dtype = file_dtype_name(it->dtype),
                              .shape = it->shape,
                              .count = heed_shape_count(it->shape),
                              .data = lens_frame_data(f, item),
                              .bytes = it->bytes};
}

heed_status lens_frame_write(const lens_frame *f, const char *path, uint64_t *bytes, heed_error *error) {
    char step[32];
    snprintf(step, sizeof step, "%lld", (long long)f->step);
    const char *const metadata[1][2] = {{"step", step}};
    heed_file_tensor *tensors = calloc((size_t)f->n_items + 1, sizeof *tensors);
    if (tensors == NULL)
        return heed_error_set(error, HEED_NO_MEMORY, "%s: out of memory", path);
    for (int i = 0; i < f->n_items; i++)
        tensors[i] = lens_frame_tensor(f, i);
    heed_status status = safetensors_write_unsynced(path, f->n_items, tensors, 1, metadata, bytes, error);
    free(tensors);
    return status;
}
