/* The oracle's ops that move elements about, and those that choose them by index. Nothing is a view here: each result is
 * written out element by element from where it comes from. */
#include <math.h>

#include "program.h"

/* ---- where each element comes from ---- */

bool work_same(oracle *o, const statement *s, const known *const *in, known *out) {
    (void)s;
    if (!oracle_fresh(o, out, in[0]->dtype, in[0]->shape))
        return false;
    for (int64_t i = 0; i < out->count; i++)
        out->at[i] = in[0]->at[i];
    return true;
}

bool work_reshape(oracle *o, const statement *s, const known *const *in, known *out) {
    heed_shape shape = s->shape;
    int open = -1;
    double rest = 1;
    if (shape.rank < 0 || shape.rank > HEED_MAX_RANK)
        return oracle_refuse(o, "rank");
    for (int i = 0; i < shape.rank; i++) {
        if (shape.n[i] < -1 || (shape.n[i] == -1 && open >= 0))
            return oracle_refuse(o, "negative, or two are -1");
        if (shape.n[i] == -1)
            open = i;
        else
            rest *= (double)shape.n[i];
    }
    if (open >= 0 && (rest == 0 || fmod((double)in[0]->count, rest) != 0))
        return oracle_refuse(o, "no size for -1");
    if (open >= 0)
        shape.n[open] = in[0]->count / (int64_t)rest;
    else if (rest != (double)in[0]->count)
        return oracle_refuse(o, "the numbers of elements differ");
    if (!oracle_fresh(o, out, in[0]->dtype, shape))
        return false;
    for (int64_t i = 0; i < out->count; i++)
        out->at[i] = in[0]->at[i];
    return true;
}

/* out's axis i is in's axis axes[i]. */
static bool reorder(oracle *o, const known *in, const int *axes, known *out) {
    heed_shape shape = in->shape;
    for (int i = 0; i < shape.rank; i++)
        shape.n[i] = in->shape.n[axes[i]];
    if (!oracle_fresh(o, out, in->dtype, shape))
        return false;
    for (int64_t i = 0; i < out->count; i++) {
        int64_t at[HEED_MAX_RANK], from[HEED_MAX_RANK];
        oracle_place(shape, i, at);
        for (int axis = 0; axis < shape.rank; axis++)
            from[axes[axis]] = at[axis];
        out->at[i] = in->at[oracle_flat(in->shape, from, shape.rank)];
    }
    return true;
}

bool work_permute(oracle *o, const statement *s, const known *const *in, known *out) {
    int axes[HEED_MAX_RANK];
    for (int i = 0; i < in[0]->shape.rank; i++) {
        if (!oracle_axis(o, in[0]->shape, s->number[i], &axes[i]))
            return false;
        for (int j = 0; j < i; j++)
            if (axes[j] == axes[i])
                return oracle_refuse(o, "no order of the axes");
    }
    return reorder(o, in[0], axes, out);
}

bool work_transpose(oracle *o, const statement *s, const known *const *in, known *out) {
    int axes[HEED_MAX_RANK], a, b;
    if (!oracle_axis(o, in[0]->shape, s->number[0], &a) || !oracle_axis(o, in[0]->shape, s->number[1], &b))
        return false;
    for (int i = 0; i < in[0]->shape.rank; i++)
        axes[i] = i == a ? b : i == b ? a : i;
    return reorder(o, in[0], axes, out);
}

/* out[.., i, ..] = in[.., begin + i step, ..] for i < size. */
static bool part(oracle *o, const known *in, int axis, const int64_t from_size_step[3], known *out) {
    heed_shape shape = in->shape;
    shape.n[axis] = from_size_step[1];
    if (!oracle_fresh(o, out, in->dtype, shape))
        return false;
    for (int64_t i = 0; i < out->count; i++) {
        int64_t at[HEED_MAX_RANK];
        oracle_place(shape, i, at);
        at[axis] = from_size_step[0] + at[axis] * from_size_step[2];
        int64_t flat = 0; /* not oracle_flat: an axis of size 1 is none that is broadcast */
        for (int k = 0; k < shape.rank; k++)
            flat = flat * in->shape.n[k] + at[k];
        out->at[i] = in->at[flat];
    }
    return true;
}

static int64_t bound(int64_t at, int64_t n) {
    if (at < 0)
        at = at < -n ? 0 : at + n;
    return at > n ? n : at;
}

bool work_slice(oracle *o, const statement *s, const known *const *in, known *out) {
    int axis;
    const int64_t step = s->number[3];
    if (!oracle_axis(o, in[0]->shape, s->number[0], &axis))
        return false;
    if (step <= 0)
        return oracle_refuse(o, "step");
    const int64_t n = in[0]->shape.n[axis], begin = bound(s->number[1], n), end = bound(s->number[2], n);
    int64_t size = 0;
    for (int64_t i = begin; i < end; i += step < n ? step : n)
        size++;
    return part(o, in[0], axis, (int64_t[]){begin, size, step}, out);
}

bool work_select(oracle *o, const statement *s, const known *const *in, known *out) {
    int axis;
    known kept;
    if (!oracle_axis(o, in[0]->shape, s->number[0], &axis))
        return false;
    const int64_t n = in[0]->shape.n[axis], index = s->number[1] < 0 ? s->number[1] + n : s->number[1];
    if (s->number[1] < -n || index >= n)
        return oracle_refuse(o, "index");
    if (!part(o, in[0], axis, (int64_t[]){index, 1, 1}, &kept))
        return false;
    heed_shape shape = {.rank = kept.shape.rank - 1};
    for (int i = 0; i < shape.rank; i++)
        shape.n[i] = kept.shape.n[i < axis ? i : i + 1];
    *out = kept;
    out->shape = shape;
    return true;
}

bool work_flip(oracle *o, const statement *s, const known *const *in, known *out) {
    int axis;
    if (!oracle_axis(o, in[0]->shape, s->number[0], &axis))
        return false;
    const int64_t n = in[0]->shape.n[axis];
    return part(o, in[0], axis, (int64_t[]){n - 1, n, -1}, out);
}

/* number: axis, parts, and sizes unless they are equal. */
bool work_split(oracle *o, const statement *s, const known *const *in, known *out) {
    int axis;
    const int64_t parts = s->number[1];
    const bool equal = s->n_numbers == 2;
    if (parts < 1)
        return oracle_refuse(o, "the number of parts");
    if (!oracle_axis(o, in[0]->shape, s->number[0], &axis))
        return false;
    const int64_t n = in[0]->shape.n[axis];
    int64_t sum = 0;
    for (int p = 0; p < parts && !equal; p++) {
        if (s->number[2 + p] < 0 || s->number[2 + p] > n)
            return oracle_refuse(o, "sizes");
        sum += s->number[2 + p];
    }
    if (equal ? n % parts != 0 : sum != n)
        return oracle_refuse(o, "sizes");
    int64_t begin = 0;
    for (int p = 0; p < parts; p++) {
        const int64_t size = equal ? n / parts : s->number[2 + p];
        if (!part(o, in[0], axis, (int64_t[]){begin, size, 1}, &out[p]))
            return false;
        begin += size;
    }
    return true;
}

bool work_expand(oracle *o, const statement *s, const known *const *in, known *out) {
    heed_shape shape;
    if (s->shape.rank < 0 || s->shape.rank > HEED_MAX_RANK)
        return oracle_refuse(o, "rank");
    for (int i = 0; i < s->shape.rank; i++)
        if (s->shape.n[i] < 0)
            return oracle_refuse(o, "a size is negative");
    if (!oracle_broadcasts(in[0]->shape, s->shape, &shape) || !oracle_same_shape(shape, s->shape))
        return oracle_refuse(o, "does not expand");
    if (!oracle_fresh(o, out, in[0]->dtype, shape))
        return false;
    for (int64_t i = 0; i < out->count; i++) {
        int64_t at[HEED_MAX_RANK];
        oracle_place(shape, i, at);
        out->at[i] = in[0]->at[oracle_flat(in[0]->shape, at, shape.rank)];
    }
    return true;
}

/* ---- several in one ---- */

bool work_concat(oracle *o, const statement *s, const known *const *in, known *out) {
    int axis;
    heed_shape shape = in[0]->shape;
    if (!oracle_axis(o, shape, s->number[0], &axis))
        return false;
    for (int k = 1; k < s->n_in; k++) {
        heed_shape other = in[k]->shape;
        if (other.rank == shape.rank)
            other.n[axis] = in[0]->shape.n[axis];
        if (in[k]->dtype != in[0]->dtype || !oracle_same_shape(other, in[0]->shape))
            return oracle_refuse(o, "only the axis may differ");
        shape.n[axis] += in[k]->shape.n[axis];
    }
    if (!oracle_fresh(o, out, in[0]->dtype, shape))
        return false;
    for (int64_t i = 0; i < out->count; i++) {
        int64_t at[HEED_MAX_RANK], flat = 0;
        int k = 0;
        oracle_place(shape, i, at);
        for (; at[axis] >= in[k]->shape.n[axis]; k++)
            at[axis] -= in[k]->shape.n[axis];
        for (int a = 0; a < shape.rank; a++)
            flat = flat * in[k]->shape.n[a] + at[a];
        out->at[i] = in[k]->at[flat];
    }
    return true;
}

bool work_stack(oracle *o, const statement *s, const known *const *in, known *out) {
    heed_shape shape = {.rank = in[0]->shape.rank + 1};
    int axis, inner = 0;
    if (shape.rank > HEED_MAX_RANK)
        return oracle_refuse(o, "no room for an axis");
    if (!oracle_axis(o, shape, s->number[0], &axis))
        return false;
    for (int k = 1; k < s->n_in; k++)
        if (in[k]->dtype != in[0]->dtype || !oracle_same_shape(in[k]->shape, in[0]->shape))
            return oracle_refuse(o, "shapes must be equal");
    for (int i = 0; i < shape.rank; i++)
        shape.n[i] = i == axis ? s->n_in : in[0]->shape.n[inner++];
    if (!oracle_fresh(o, out, in[0]->dtype, shape))
        return false;
    for (int64_t i = 0; i < out->count; i++) {
        int64_t at[HEED_MAX_RANK], flat = 0;
        oracle_place(shape, i, at);
        for (int a = 0; a < shape.rank; a++)
            flat = a == axis ? flat : flat * shape.n[a] + at[a];
        out->at[i] = in[at[axis]]->at[flat];
    }
    return true;
}

bool work_repeat(oracle *o, const statement *s, const known *const *in, known *out) {
    const heed_shape from = in[0]->shape;
    heed_shape shape = from;
    for (int i = 0; i < from.rank; i++) {
        if (s->number[i] < 0)
            return oracle_refuse(o, "times");
        if (__builtin_mul_overflow(from.n[i], s->number[i], &shape.n[i]))
            return oracle_refuse(o, "above 2^63 - 1");
    }
    if (!oracle_fresh(o, out, in[0]->dtype, shape))
        return false;
    for (int64_t i = 0; i < out->count; i++) {
        int64_t at[HEED_MAX_RANK], flat = 0;
        oracle_place(shape, i, at);
        for (int a = 0; a < from.rank; a++)
            flat = flat * from.n[a] + at[a] % from.n[a];
        out->at[i] = in[0]->at[flat];
    }
    return true;
}

/* number: before each axis, then, from HEED_MAX_RANK on, after it. */
bool work_pad(oracle *o, const statement *s, const known *const *in, known *out) {
    const heed_shape from = in[0]->shape;
    const int64_t *before = s->number, *after = s->number + HEED_MAX_RANK;
    heed_shape shape = from;
    for (int i = 0; i < from.rank; i++) {
        const double size = (double)from.n[i] + (double)before[i] + (double)after[i];
        if (before[i] < -from.n[i] || after[i] < -from.n[i] || size < 0 || size > 9e18)
            return oracle_refuse(o, "cannot be cropped so far");
        shape.n[i] = (int64_t)size;
    }
    if (!oracle_fresh(o, out, in[0]->dtype, shape))
        return false;
    const double value = in[0]->dtype == HEED_BOOL  ? s->real[0] != 0
                         : in[0]->dtype == HEED_I32 ? trunc(s->real[0])
                                                    : s->real[0];
    for (int64_t i = 0; i < out->count; i++) {
        int64_t at[HEED_MAX_RANK], flat = 0;
        bool inside = true;
        oracle_place(shape, i, at);
        for (int a = 0; a < from.rank; a++) {
            const int64_t x = at[a] - before[a];
            inside = inside && x >= 0 && x < from.n[a];
            flat = flat * from.n[a] + x;
        }
        out->at[i] = inside ? in[0]->at[flat] : num_of(value);
    }
    return true;
}

/* s->op->kind: 0 the lower triangle, 1 the upper. */
bool work_triangle(oracle *o, const statement *s, const known *const *in, known *out) {
    if (in[0]->shape.rank < 2)
        return oracle_refuse(o, "two axes");
    if (!work_same(o, s, in, out))
        return false;
    for (int64_t i = 0; i < out->count; i++) {
        int64_t at[HEED_MAX_RANK];
        oracle_place(out->shape, i, at);
        const double apart = (double)(at[out->shape.rank - 1] - at[out->shape.rank - 2]), diagonal = (double)s->number[0];
        if (s->op->kind == 0 ? apart > diagonal : apart < diagonal)
            out->at[i] = num_of(0);
    }
    return true;
}

/* ---- by index ---- */

static bool check_indices(oracle *o, const known *index, int64_t n) {
    if (index->dtype != HEED_I32)
        return oracle_refuse(o, "the index must be i32");
    for (int64_t i = 0; i < index->count; i++)
        if (index->at[i].v < 0 || index->at[i].v >= (double)n)
            return oracle_refuse(o, "an index is outside");
    return true;
}

bool work_one_hot(oracle *o, const statement *s, const known *const *in, known *out) {
    const int64_t classes = s->number[0];
    heed_shape shape = in[0]->shape;
    if (classes < 1)
        return oracle_refuse(o, "classes");
    if (shape.rank == HEED_MAX_RANK)
        return oracle_refuse(o, "no room for an axis");
    if (!check_indices(o, in[0], classes))
        return false;
    shape.n[shape.rank++] = classes;
    if (!oracle_fresh(o, out, s->dtype, shape))
        return false;
    for (int64_t i = 0; i < out->count; i++)
        out->at[i] = num_of(in[0]->at[i / classes].v == (double)(i % classes));
    return true;
}

static bool index_fits(oracle *o, heed_shape x, heed_shape index, int axis) {
    bool fits = x.rank == index.rank;
    for (int i = 0; i < x.rank && fits; i++)
        fits = i == axis || index.n[i] <= x.n[i];
    return fits || oracle_refuse(o, "the index does not fit");
}

static int64_t flat_in(heed_shape shape, const int64_t *at) {
    int64_t flat = 0;
    for (int i = 0; i < shape.rank; i++)
        flat = flat * shape.n[i] + at[i];
    return flat;
}

bool work_gather(oracle *o, const statement *s, const known *const *in, known *out) {
    int axis;
    const known *x = in[0], *index = in[1];
    if (!oracle_axis(o, x->shape, s->number[0], &axis) || !index_fits(o, x->shape, index->shape, axis) ||
        !check_indices(o, index, x->shape.n[axis]) || !oracle_fresh(o, out, x->dtype, index->shape))
        return false;
    for (int64_t i = 0; i < out->count; i++) {
        int64_t at[HEED_MAX_RANK];
        oracle_place(index->shape, i, at);
        at[axis] = (int64_t)index->at[i].v;
        out->at[i] = x->at[flat_in(x->shape, at)];
    }
    return true;
}

bool work_scatter_add(oracle *o, const statement *s, const known *const *in, known *out) {
    int axis;
    const known *x = in[0], *index = in[1], *src = in[2];
    if (!oracle_axis(o, x->shape, s->number[0], &axis) || !index_fits(o, x->shape, index->shape, axis) ||
        !index_fits(o, src->shape, index->shape, -1) || !check_indices(o, index, x->shape.n[axis]))
        return false;
    if (src->dtype != x->dtype)
        return oracle_refuse(o, "dtypes differ");
    if (!oracle_fresh(o, out, x->dtype, x->shape))
        return false;
    total *sums = pool_take(o->memory, (size_t)x->count + 1, sizeof *sums);
    for (int64_t i = 0; i < x->count; i++)
        total_add(&sums[i], x->at[i]);
    for (int64_t i = 0; i < index->count; i++) {
        int64_t at[HEED_MAX_RANK];
        oracle_place(index->shape, i, at);
        const num term = src->at[flat_in(src->shape, at)];
        at[axis] = (int64_t)index->at[i].v;
        total_add(&sums[flat_in(x->shape, at)], term);
    }
    for (int64_t i = 0; i < x->count; i++)
        out->at[i] = total_of(&sums[i], o->unit);
    return true;
}

bool work_embedding(oracle *o, const statement *s, const known *const *in, known *out) {
    (void)s;
    const known *table = in[0], *index = in[1];
    heed_shape shape = index->shape;
    if (table->shape.rank != 2)
        return oracle_refuse(o, "the table must be (V, D)");
    if (shape.rank == HEED_MAX_RANK)
        return oracle_refuse(o, "no room for an axis");
    if (!check_indices(o, index, table->shape.n[0]))
        return false;
    const int64_t d = shape.n[shape.rank++] = table->shape.n[1];
    if (!oracle_fresh(o, out, table->dtype, shape))
        return false;
    for (int64_t i = 0; i < out->count; i++)
        out->at[i] = table->at[(int64_t)index->at[i / d].v * d + i % d];
    return true;
}

bool work_index_select(oracle *o, const statement *s, const known *const *in, known *out) {
    int axis;
    const known *x = in[0], *index = in[1];
    if (!oracle_axis(o, x->shape, s->number[0], &axis))
        return false;
    if (index->shape.rank != 1)
        return oracle_refuse(o, "the index must have one axis");
    if (!check_indices(o, index, x->shape.n[axis]))
        return false;
    heed_shape shape = x->shape;
    shape.n[axis] = index->shape.n[0];
    if (!oracle_fresh(o, out, x->dtype, shape))
        return false;
    for (int64_t i = 0; i < out->count; i++) {
        int64_t at[HEED_MAX_RANK];
        oracle_place(shape, i, at);
        at[axis] = (int64_t)index->at[at[axis]].v;
        out->at[i] = x->at[flat_in(x->shape, at)];
    }
    return true;
}
