#include "reduction.h"

#include "../shape/layout.h"

enum { ELEMENTS_A_RANGE = 16384, BLOCK = 8192, LANES = 16 };

/* ---- axes ---- */

heed_status heed_reduction_shape(heed_call *call, const heed_axes *axes) {
    heed_shape x = call->in[0]->shape, shape = {.rank = 0};
    bool reduced[HEED_MAX_RANK] = {false};
    if (axes->n < 0 || axes->n > x.rank)
        return heed_fail(call, "%d axes are given, %s has %d", axes->n, HEED_SHAPE_STR(x), x.rank);
    for (int i = 0; i < axes->n; i++) {
        int axis;
        if (heed_check_axis(call, x, axes->axis[i], &axis))
            return HEED_INVALID;
        if (reduced[axis])
            return heed_fail(call, "axis %d is given twice", axis);
        reduced[axis] = true;
    }
    for (int i = 0; i < x.rank; i++)
        if (axes->keepdim || (axes->n > 0 && !reduced[i]))
            shape.n[shape.rank++] = axes->n == 0 || reduced[i] ? 1 : x.n[i];
    call->out[0]->shape = shape;
    call->out[0]->dtype = call->in[0]->dtype;
    return HEED_OK;
}

heed_reduction heed_reduction_of(heed_shape x, const heed_axes *axes) {
    heed_reduction r = {.rows = 1, .n = 1, .inner = 1};
    for (int i = 0; i < axes->n; i++)
        r.reduced[heed_shape_axis(x, axes->axis[i])] = true;
    bool alternate = false;
    for (int i = 0; i < x.rank; i++) {
        r.reduced[i] = r.reduced[i] || axes->n == 0;
        if (r.reduced[i] && x.n[i] != 1) {
            alternate = alternate || r.inner != 1;
            r.n *= x.n[i];
        } else {
            r.rows *= x.n[i];
            r.inner *= r.n != 1 ? x.n[i] : 1;
        }
    }
    if (alternate)
        r.inner = 0;
    if (r.rows == 0 || r.n == 0)
        r.inner = 1;
    return r;
}

heed_array heed_reduction_expanded(const heed_reduction *r, const heed_array *y, heed_shape x) {
    heed_array wide = {.data = y->data, .dtype = y->dtype, .shape = x};
    bool kept_dims =
        y->shape.rank == x.rank; /* as without reduced axes, which there always are in a shape of rank > 0 */
    for (int i = 0, from = 0; i < x.rank; i++) {
        wide.stride[i] = r->reduced[i] ? 0 : y->stride[from];
        from += kept_dims || !r->reduced[i];
    }
    return wide;
}

/* ---- rows ---- */

size_t heed_room(int64_t n, size_t element) {
    size_t bytes;
    if (__builtin_mul_overflow((size_t)n, element, &bytes) || bytes > SIZE_MAX / 16)
        return SIZE_MAX / 16;
    return (bytes + 63) / 64 * 64;
}

size_t heed_rows_bytes(const heed_reduction *r, heed_dtype dtype) {
    return r->inner == 1 ? 0 : heed_room(r->rows * r->n, heed_dtype_size(dtype));
}

/* x with its kept axes before its reduced ones. */
static heed_array kept_first(const heed_reduction *r, const heed_array *x) {
    heed_array view = {.data = x->data, .dtype = x->dtype};
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < x->shape.rank; i++)
            if (r->reduced[i] == (pass == 1)) {
                view.stride[view.shape.rank] = x->stride[i];
                view.shape.n[view.shape.rank++] = x->shape.n[i];
            }
    return view;
}

static heed_array packed_like(const heed_array *view, void *data) {
    heed_array packed = {.data = data, .dtype = view->dtype, .shape = view->shape};
    heed_array_set_strides(&packed);
    return packed;
}

const void *heed_rows_of(const heed_call *call, const heed_reduction *r, const heed_array *x, void *room) {
    if (r->inner == 1)
        return x->data;
    heed_array view = kept_first(r, x), packed = packed_like(&view, room);
    heed_array_copy(&packed, &view, call->threads);
    return room;
}

void *heed_rows_to_write(const heed_reduction *r, const heed_array *x, void *room) {
    return r->inner == 1 ? x->data : room;
}

void heed_rows_done(const heed_call *call, const heed_reduction *r, const heed_array *x, void *room) {
    if (r->inner == 1)
        return;
    heed_array view = kept_first(r, x), packed = packed_like(&view, room);
    heed_array_copy(&view, &packed, call->threads);
}

int64_t heed_rows_flat(const heed_reduction *r, heed_shape x, int64_t row, int64_t i) {
    int64_t flat = 0, stride = 1;
    for (int axis = x.rank - 1; axis >= 0; axis--) {
        int64_t *from = r->reduced[axis] ? &i : &row;
        flat += *from % x.n[axis] * stride;
        *from /= x.n[axis];
        stride *= x.n[axis];
    }
    return flat;
}

int64_t heed_rows_grain(int64_t n) {
    return ELEMENTS_A_RANGE / (n + 1) + 1;
}

/* ---- sums ---- */

static double add_lanes(double *lane) {
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++)
            lane[l] += lane[l + width];
    return lane[0];
}

double heed_add_up_f32(const float *x, int64_t n) {
    double lane[LANES] = {0};
    if (n < LANES) {
        for (int64_t i = 0; i < n; i++)
            lane[0] += (double)x[i];
        return lane[0];
    }
    int64_t whole = n - n % LANES;
    for (int64_t i = 0; i < whole; i += LANES)
        for (int l = 0; l < LANES; l++)
            lane[l] += (double)x[i + l];
    for (int64_t i = whole; i < n; i++)
        lane[i - whole] += (double)x[i];
    return add_lanes(lane);
}

double heed_add_up_f64(const double *x, int64_t n) {
    double lane[LANES] = {0};
    if (n < LANES) {
        for (int64_t i = 0; i < n; i++)
            lane[0] += x[i];
        return lane[0];
    }
    int64_t whole = n - n % LANES;
    for (int64_t i = 0; i < whole; i += LANES)
        for (int l = 0; l < LANES; l++)
            lane[l] += x[i + l];
    for (int64_t i = whole; i < n; i++)
        lane[i - whole] += x[i];
    return add_lanes(lane);
}

typedef struct row_blocks {
    const char *rows;
    size_t element;
    int64_t n, blocks; /* elements and blocks of a row */
    heed_block_sum *f;
    const double *shift;
    double *partial;
} row_blocks;

static void sum_blocks(void *context, int64_t begin, int64_t end) {
    const row_blocks *job = context;
    for (int64_t b = begin; b < end; b++) {
        int64_t row = b / job->blocks, first = b % job->blocks * BLOCK;
        int64_t n = job->n - first < BLOCK ? job->n - first : BLOCK;
        const char *x = job->rows + (size_t)(row * job->n + first) * job->element;
        job->partial[b] = job->f(x, n, job->shift ? job->shift[row] : 0);
    }
}

static int64_t blocks_in_row(int64_t n) {
    return n > BLOCK ? (n + BLOCK - 1) / BLOCK : 1;
}

size_t heed_row_sums_bytes(const heed_reduction *r) {
    int64_t blocks = blocks_in_row(r->n);
    return blocks == 1 ? 0 : heed_room(r->rows * blocks, sizeof(double));
}

void heed_row_sums(const heed_call *call, const heed_reduction *r, const void *rows, size_t element, heed_block_sum *f,
                   const double *shift, double *total, void *room) {
    int64_t blocks = blocks_in_row(r->n);
    row_blocks job = {rows, element, r->n, blocks, f, shift, blocks == 1 ? total : room};
    heed_parallel(call, r->rows * blocks, heed_rows_grain(r->n < BLOCK ? r->n : BLOCK), sum_blocks, &job);
    for (int64_t row = 0; row < r->rows && blocks > 1; row++) {
        total[row] = 0;
        for (int64_t b = 0; b < blocks; b++)
            total[row] += job.partial[row * blocks + b];
    }
}
