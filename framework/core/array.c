/* Copying, adding, filling and summing arrays of any strides. */
#include <math.h>
#include <string.h>

#include <heed/array.h>

#include "../kernels/parallel.h"
#include "tape_internal.h"

enum { ELEMENTS_A_RANGE = 16384, LINES_KEPT = 64 };

bool heed_array_contiguous(const heed_array *a) {
    int64_t expected = 1;
    for (int i = a->shape.rank - 1; i >= 0; i--) {
        if (a->shape.n[i] != 1 && a->stride[i] != expected)
            return heed_array_count(a) == 0;
        expected *= a->shape.n[i];
    }
    return true;
}

void heed_array_set_strides(heed_array *a) {
    int64_t stride = 1;
    for (int i = a->shape.rank - 1; i >= 0; i--) {
        a->stride[i] = stride;
        stride *= a->shape.n[i] > 0 ? a->shape.n[i] : 1;
    }
}

heed_array heed_array_expanded(const heed_array *a, heed_shape shape) {
    heed_array out = {.data = a->data, .dtype = a->dtype, .shape = shape};
    int skipped = shape.rank - a->shape.rank;
    for (int i = skipped; i < shape.rank; i++)
        out.stride[i] = a->shape.n[i - skipped] == 1 && shape.n[i] != 1 ? 0 : a->stride[i - skipped];
    return out;
}

bool array_bytes(const heed_shape *shape, heed_dtype dtype, size_t *bytes) {
    int64_t count = shape_count(shape);
    return count >= 0 && !__builtin_mul_overflow((size_t)count, heed_dtype_size(dtype), bytes) && *bytes <= PTRDIFF_MAX;
}

/* ---- the walk ---- */

void heed_walk_init(heed_walk *w, int n, const heed_array *const *arrays) {
    const heed_shape *shape = &arrays[0]->shape;
    w->n = n; /* the walk is as large as a small op's work: what its axes don't need is left as it is */
    w->outer = 0;
    w->rows = w->length = 1;
    for (int i = 0; i < HEED_WALK_MAX; i++) {
        w->base[i] = i < n ? arrays[i]->data : NULL;
        w->step[i] = 1;
    }
    bool in_row = true, empty_row = true;
    for (int axis = shape->rank - 1; axis >= 0; axis--) {
        int64_t size = shape->n[axis];
        if (size == 1)
            continue;
        bool merges = in_row;
        for (int i = 0; i < n && !empty_row; i++)
            merges = merges && arrays[i]->stride[axis] == w->step[i] * w->length;
        if (merges) {
            for (int i = 0; i < n && empty_row; i++)
                w->step[i] = arrays[i]->stride[axis];
            w->length *= size;
            empty_row = false;
            continue;
        }
        in_row = false;
        w->rows *= size;
        w->size[w->outer] = size;
        for (int i = 0; i < HEED_WALK_MAX; i++)
            w->jump[w->outer][i] =
                i < n ? arrays[i]->stride[axis] * (int64_t)heed_dtype_size(arrays[i]->dtype) : 0;
        w->outer++;
    }
    if (w->length == 0)
        w->rows = 0;
}

/* Pointers of arrays that are not there are written, too: HEED_WALK_MAX of them are one vector. */
void heed_walk_row(const heed_walk *w, int64_t row, void *pointers[HEED_WALK_MAX]) {
    int64_t offset[HEED_WALK_MAX] = {0};
    for (int axis = 0; axis < w->outer && row > 0; axis++) {
        const int64_t size = w->size[axis], at = row < size ? row : row % size;
        row = row < size ? 0 : row / size; /* a division takes as long as to copy a short row */
        for (int i = 0; i < HEED_WALK_MAX; i++)
            offset[i] += at * w->jump[axis][i];
    }
    for (int i = 0; i < HEED_WALK_MAX; i++)
        pointers[i] = w->base[i] + offset[i];
}

/* ---- copy, add, fill ---- */

typedef struct pair_job {
    heed_walk walk;
    void (*row)(char *to, int64_t to_step, const char *from, int64_t from_step, int64_t n);
    size_t size;
    int64_t piece;    /* a row is cut into pieces of this length */
    int64_t pieces;
    bool across;      /* the first pieces of all rows come first, then the second ones, ... */
} pair_job;

static void copy_8(char *to, int64_t ts, const char *from, int64_t fs, int64_t n) {
    uint64_t *y = (uint64_t *)(void *)to;
    const uint64_t *x = (const uint64_t *)(const void *)from;
    for (int64_t i = 0; i < n; i++)
        y[i * ts] = x[i * fs];
}

static void copy_4(char *to, int64_t ts, const char *from, int64_t fs, int64_t n) {
    uint32_t *y = (uint32_t *)(void *)to;
    const uint32_t *x = (const uint32_t *)(const void *)from;
    for (int64_t i = 0; i < n; i++)
        y[i * ts] = x[i * fs];
}

static void copy_2(char *to, int64_t ts, const char *from, int64_t fs, int64_t n) {
    uint16_t *y = (uint16_t *)(void *)to;
    const uint16_t *x = (const uint16_t *)(const void *)from;
    for (int64_t i = 0; i < n; i++)
        y[i * ts] = x[i * fs];
}

static void copy_1(char *to, int64_t ts, const char *from, int64_t fs, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        to[i * ts] = from[i * fs];
}

static void add_f32(char *to, int64_t ts, const char *from, int64_t fs, int64_t n) {
    float *y = (float *)(void *)to;
    const float *x = (const float *)(const void *)from;
    if (ts == 1 && fs == 1)
        for (int64_t i = 0; i < n; i++)
            y[i] += x[i];
    else
        for (int64_t i = 0; i < n; i++)
            y[i * ts] += x[i * fs];
}

static void add_f64(char *to, int64_t ts, const char *from, int64_t fs, int64_t n) {
    double *y = (double *)(void *)to;
    const double *x = (const double *)(const void *)from;
    for (int64_t i = 0; i < n; i++)
        y[i * ts] += x[i * fs];
}

static void run_pairs(void *context, int64_t begin, int64_t end) {
    const pair_job *job = context;
    const heed_walk *w = &job->walk;
    for (int64_t i = begin; i < end; i++) {
        void *p[HEED_WALK_MAX];
        int64_t row = i, first = 0;
        if (job->pieces > 1) {
            row = job->across ? i % w->rows : i / job->pieces;
            first = (job->across ? i / w->rows : i % job->pieces) * job->piece;
        }
        heed_walk_row(w, row, p);
        int64_t n = w->length - first < job->piece ? w->length - first : job->piece;
        int64_t size = (int64_t)job->size;
        char *to = (char *)p[0] + first * w->step[0] * size;
        const char *from = (const char *)p[1] + first * w->step[1] * size;
        bool plain = w->step[0] == 1 && w->step[1] == 1 && job->row != add_f32 && job->row != add_f64;
        if (plain)
            memcpy(to, from, (size_t)n * job->size);
        else
            job->row(to, w->step[0], from, w->step[1], n);
    }
}

static void pairs(const heed_array *to, const heed_array *from, int threads,
                  void (*row)(char *, int64_t, const char *, int64_t, int64_t)) {
    pair_job job = {.row = row, .size = heed_dtype_size(to->dtype)};
    heed_walk_init(&job.walk, 2, (const heed_array *const[]){to, from});
    if (job.walk.rows == 0)
        return;
    /* A row that jumps through memory (a transpose) leaves most of each cache line to the rows beside it: they follow at
     * once, a few lines at a time. */
    job.across = (job.walk.step[0] != 1 || job.walk.step[1] > 1 || job.walk.step[1] < 0) && job.walk.rows > 1;
    job.piece = job.across ? LINES_KEPT : ELEMENTS_A_RANGE;
    job.pieces = (job.walk.length + job.piece - 1) / job.piece;
    int64_t per_piece = job.walk.length < job.piece ? job.walk.length : job.piece;
    int64_t grain = (ELEMENTS_A_RANGE + per_piece - 1) / per_piece;
    heed_parallel_for(threads, job.walk.rows * job.pieces, grain, run_pairs, &job);
}

void heed_array_copy(const heed_array *to, const heed_array *from, int threads) {
    switch (heed_dtype_size(to->dtype)) {
    case 8: pairs(to, from, threads, copy_8); break;
    case 4: pairs(to, from, threads, copy_4); break;
    case 2: pairs(to, from, threads, copy_2); break;
    default: pairs(to, from, threads, copy_1); break;
    }
}

void heed_array_add(const heed_array *to, const heed_array *from, int threads) {
    pairs(to, from, threads, to->dtype == HEED_F64 ? add_f64 : add_f32);
}

void heed_array_fill(const heed_array *to, double number, int threads) {
    union {
        double f64;
        float f32;
        int32_t i32;
        bool b;
        uint16_t bf16;
    } one;
    switch (to->dtype) {
    case HEED_F64: one.f64 = number; break;
    case HEED_F32: one.f32 = (float)number; break;
    case HEED_I32: one.i32 = number > INT32_MIN - 1.0 && number < INT32_MAX + 1.0 ? (int32_t)number : 0; break;
    case HEED_BF16: one.bf16 = heed_bf16_from_float((float)number); break;
    default: one.b = number != 0; break;
    }
    heed_array from = {.data = &one, .dtype = to->dtype, .shape = to->shape}; /* strides 0: the same one everywhere */
    heed_array_copy(to, &from, threads);
}

/* ---- sum to a smaller shape ---- */

/* to[o] (+)= sum over the summed axes of from. The outputs are walked over their own axes; each sum runs over the summed
 * axes in row-major order in double, so it depends on nothing else. */
typedef struct sum_job {
    const heed_array *to, *from;
    bool accumulate;
    int n_kept, n_summed;
    int64_t kept_size[HEED_MAX_RANK], kept_from[HEED_MAX_RANK], kept_to[HEED_MAX_RANK];
    int64_t summed_size[HEED_MAX_RANK], summed_from[HEED_MAX_RANK];
    int64_t summed_count;
} sum_job;

static double read_real(const heed_array *a, int64_t at) {
    return a->dtype == HEED_F64 ? ((const double *)a->data)[at] : (double)((const float *)a->data)[at];
}

static int64_t summed_offset(const sum_job *job, int64_t s) {
    int64_t at = 0;
    for (int axis = job->n_summed - 1; axis >= 0; axis--) {
        at += s % job->summed_size[axis] * job->summed_from[axis];
        s /= job->summed_size[axis];
    }
    return at;
}

enum { STRIP = 64 }; /* neighbouring outputs summed together: rows of memory are read along, not across */

static void finish_strip(const sum_job *job, int64_t to_at, const double *sums, int64_t n, int64_t step) {
    for (int64_t j = 0; j < n; j++) {
        int64_t at = to_at + j * step;
        if (job->to->dtype == HEED_F64) {
            double *y = (double *)job->to->data + at;
            *y = job->accumulate ? *y + sums[j] : sums[j];
        } else {
            float *y = (float *)job->to->data + at;
            *y = job->accumulate ? *y + (float)sums[j] : (float)sums[j];
        }
    }
}

static void sum_strip(const sum_job *job, int64_t from_at, int64_t step, int64_t n, double *sums) {
    for (int64_t j = 0; j < n; j++)
        sums[j] = 0;
    for (int64_t s = 0; s < job->summed_count; s++) {
        int64_t at = from_at + summed_offset(job, s);
        if (job->from->dtype == HEED_F32 && step == 1) {
            const float *x = (const float *)job->from->data + at;
            for (int64_t j = 0; j < n; j++)
                sums[j] += (double)x[j];
        } else {
            for (int64_t j = 0; j < n; j++)
                sums[j] += read_real(job->from, at + j * step);
        }
    }
}

/* A strip is up to STRIP outputs along the innermost kept axis. */
static void run_sum(void *context, int64_t begin, int64_t end) {
    const sum_job *job = context;
    int inner = job->n_kept - 1;
    int64_t length = job->kept_size[inner], strips = (length + STRIP - 1) / STRIP;
    double sums[STRIP];
    for (int64_t i = begin; i < end; i++) {
        int64_t row = i / strips, first = i % strips * STRIP;
        int64_t n = length - first < STRIP ? length - first : STRIP;
        int64_t from_at = first * job->kept_from[inner], to_at = first * job->kept_to[inner];
        for (int axis = inner - 1; axis >= 0; axis--) {
            from_at += row % job->kept_size[axis] * job->kept_from[axis];
            to_at += row % job->kept_size[axis] * job->kept_to[axis];
            row /= job->kept_size[axis];
        }
        sum_strip(job, from_at, job->kept_from[inner], n, sums);
        finish_strip(job, to_at, sums, n, job->kept_to[inner]);
    }
}

void heed_array_sum_to(const heed_array *to, const heed_array *from, bool accumulate, int threads) {
    sum_job job = {.to = to, .from = from, .accumulate = accumulate, .summed_count = 1};
    heed_array wide = heed_array_expanded(to, from->shape);
    int64_t outputs = 1;
    int skipped = from->shape.rank - to->shape.rank;
    for (int axis = 0; axis < from->shape.rank; axis++) {
        int64_t n = from->shape.n[axis];
        bool summed = axis < skipped || (to->shape.n[axis - skipped] == 1 && n != 1);
        if (summed) {
            job.summed_size[job.n_summed] = n;
            job.summed_from[job.n_summed++] = from->stride[axis];
            job.summed_count *= n;
        } else if (n != 1) {
            job.kept_size[job.n_kept] = n;
            job.kept_from[job.n_kept] = from->stride[axis];
            job.kept_to[job.n_kept++] = wide.stride[axis];
            outputs *= n;
        }
    }
    if (outputs == 0)
        return;
    if (job.n_kept == 0)
        job.kept_size[job.n_kept++] = 1;
    int64_t length = job.kept_size[job.n_kept - 1], strips = outputs / length * ((length + STRIP - 1) / STRIP);
    int64_t work = (length < STRIP ? length : STRIP) * (job.summed_count > 0 ? job.summed_count : 1);
    heed_parallel_for(threads, strips, ELEMENTS_A_RANGE / (work < ELEMENTS_A_RANGE ? work : ELEMENTS_A_RANGE), run_sum,
                      &job);
}

int array_not_finite(const heed_array *a) {
    if (!heed_dtype_real(a->dtype))
        return 0;
    heed_walk w;
    heed_walk_init(&w, 1, (const heed_array *const[]){a});
    int found = 0;
    for (int64_t r = 0; r < w.rows; r++) {
        void *p[HEED_WALK_MAX];
        heed_walk_row(&w, r, p);
        heed_array row = {.data = p[0], .dtype = a->dtype};
        for (int64_t i = 0; i < w.length; i++) {
            double x = read_real(&row, i * w.step[0]);
            if (isnan(x))
                return 1;
            if (isinf(x))
                found = 2;
        }
    }
    return found;
}
