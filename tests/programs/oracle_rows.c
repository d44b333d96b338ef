/* The oracle's ops on rows: softmax and its kin, norms, losses. */
#include <math.h>

#include "program.h"

/* ---- softmax ---- */

/* The greatest kept value, as a number that nothing depends on: softmax does not change when all x are moved by it. */
static double greatest(const num *x, const bool *kept, int64_t n) {
    double m = -INFINITY;
    for (int64_t i = 0; i < n; i++)
        if (kept == NULL || kept[i])
            m = x[i].v > m ? x[i].v : m;
    return m;
}

/* e^(x_i - m), and their sum. */
static num exponentials(oracle *o, const num *x, const bool *kept, int64_t n, double m, num *e) {
    total sum = {.n = 0};
    for (int64_t i = 0; i < n; i++) {
        e[i] = kept == NULL || kept[i] ? num_exp(num_sub(x[i], num_of(m), o->unit), o->unit) : num_of(0);
        total_add(&sum, e[i]);
    }
    return total_of(&sum, o->unit);
}

void row_softmax(oracle *o, const num *x, const bool *kept, int64_t n, num *y) {
    const double m = greatest(x, kept, n);
    if (m == -INFINITY) {
        for (int64_t i = 0; i < n; i++)
            y[i] = num_of(0);
        return;
    }
    const num sum = exponentials(o, x, kept, n, m, y);
    for (int64_t i = 0; i < n; i++)
        y[i] = num_div(y[i], sum, o->unit);
}

num row_logsumexp(oracle *o, const num *x, int64_t n) {
    const double m = greatest(x, NULL, n);
    num *e = pool_take(o->memory, (size_t)n + 1, sizeof *e);
    return num_add(num_log(exponentials(o, x, NULL, n, m, e), o->unit), num_of(m), o->unit);
}

/* s->op->kind: 0 softmax, 1 its logarithm. number: axis. */
bool work_softmax(oracle *o, const statement *s, const known *const *in, known *out) {
    int axis;
    const known *x = in[0];
    if (!oracle_axis(o, x->shape, s->number[0], &axis) || !oracle_fresh(o, out, x->dtype, x->shape))
        return false;
    const int64_t n = x->shape.n[axis];
    int64_t inner = 1;
    for (int i = axis + 1; i < x->shape.rank; i++)
        inner *= x->shape.n[i];
    num *row = pool_take(o->memory, 2 * (size_t)n + 1, sizeof *row), *result = row + n;
    for (int64_t i = 0; i < out->count; i++) {
        if (i / inner % n != 0)
            continue;
        for (int64_t k = 0; k < n; k++)
            row[k] = x->at[i + k * inner];
        if (s->op->kind == 0)
            row_softmax(o, row, NULL, n, result);
        const num log_sum = s->op->kind == 1 ? row_logsumexp(o, row, n) : num_of(0);
        for (int64_t k = 0; k < n; k++)
            out->at[i + k * inner] = s->op->kind == 0 ? result[k] : num_sub(row[k], log_sum, o->unit);
    }
    return true;
}

bool work_masked_softmax(oracle *o, const statement *s, const known *const *in, known *out) {
    (void)s;
    const known *x = in[0], *mask = in[1];
    heed_shape both;
    if (mask->dtype != HEED_BOOL)
        return oracle_refuse(o, "the mask must be bool");
    if (x->shape.rank == 0)
        return oracle_refuse(o, "a scalar");
    if (!oracle_broadcasts(x->shape, mask->shape, &both) || !oracle_same_shape(both, x->shape))
        return oracle_refuse(o, "the mask does not broadcast");
    if (!oracle_fresh(o, out, x->dtype, x->shape))
        return false;
    const int64_t n = x->shape.n[x->shape.rank - 1];
    bool *kept = pool_take(o->memory, (size_t)n + 1, sizeof *kept);
    for (int64_t i = 0; i < out->count; i += n) {
        for (int64_t k = 0; k < n; k++) {
            int64_t at[HEED_MAX_RANK];
            oracle_place(x->shape, i + k, at);
            kept[k] = mask->at[oracle_flat(mask->shape, at, x->shape.rank)].v != 0;
        }
        row_softmax(o, x->at + i, kept, n, out->at + i);
    }
    return true;
}

/* ---- norms ---- */

/* (x - mean) / sqrt(mean (x - mean)² + eps), or with the mean taken as 0; where the root is 0, 0. */
void row_norm(oracle *o, const num *x, int64_t n, bool centred, double eps, num *y) {
    total sum = {.n = 0}, squares = {.n = 0};
    for (int64_t i = 0; i < n; i++)
        total_add(&sum, x[i]);
    const num mean = centred ? num_scaled(total_of(&sum, o->unit), 1 / (double)n) : num_of(0);
    for (int64_t i = 0; i < n; i++) {
        y[i] = num_sub(x[i], mean, o->unit);
        total_add(&squares, num_mul(y[i], y[i], o->unit));
    }
    const num spread = num_add(num_scaled(total_of(&squares, o->unit), 1 / (double)n), num_of(eps), o->unit);
    if (spread.v == 0) {
        o->unsure = true;
        return;
    }
    const num root = num_sqrt(spread, o->unit);
    for (int64_t i = 0; i < n; i++)
        y[i] = num_div(y[i], root, o->unit);
}

/* s->op->kind: 0 layernorm, 1 rmsnorm. */
bool work_norm(oracle *o, const statement *s, const known *const *in, known *out) {
    const known *x = in[0];
    if (!(s->real[0] >= 0))
        return oracle_refuse(o, "eps");
    if (x->shape.rank == 0)
        return oracle_refuse(o, "a scalar");
    const int64_t n = x->shape.n[x->shape.rank - 1];
    for (int i = 1; i < s->n_in; i++)
        if (in[i] && (in[i]->dtype != x->dtype || in[i]->shape.rank != 1 || in[i]->shape.n[0] != n))
            return oracle_refuse(o, "gain or shift");
    if (!oracle_fresh(o, out, x->dtype, x->shape))
        return false;
    for (int64_t i = 0; i < out->count; i += n) {
        row_norm(o, x->at + i, n, s->op->kind == 0, s->real[0], out->at + i);
        for (int64_t k = 0; k < n && in[1]; k++)
            out->at[i + k] = num_mul(out->at[i + k], in[1]->at[k], o->unit);
        for (int64_t k = 0; k < n && s->op->kind == 0 && in[2]; k++)
            out->at[i + k] = num_add(out->at[i + k], in[2]->at[k], o->unit);
    }
    return true;
}

/* ---- losses ---- */

/* Whether labels fit scores (..., V); ignored labels may be anything. */
static bool labels_fit(oracle *o, const known *x, const known *labels, bool ignores, double ignored) {
    if (labels->dtype != HEED_I32)
        return oracle_refuse(o, "the labels must be i32");
    heed_shape rows = x->shape;
    if (rows.rank == 0)
        return oracle_refuse(o, "a scalar");
    rows.rank--;
    if (!oracle_same_shape(rows, labels->shape))
        return oracle_refuse(o, "one label for each row");
    for (int64_t i = 0; i < labels->count; i++) {
        const double label = labels->at[i].v;
        if ((label < 0 || label >= (double)x->shape.n[rows.rank]) && !(ignores && label == ignored))
            return oracle_refuse(o, "a label is outside");
    }
    return true;
}

bool work_nll(oracle *o, const statement *s, const known *const *in, known *out) {
    (void)s;
    const known *x = in[0], *labels = in[1];
    if (!labels_fit(o, x, labels, false, 0) || !oracle_fresh(o, out, x->dtype, HEED_SCALAR))
        return false;
    const int64_t classes = x->shape.n[x->shape.rank - 1], rows = labels->count;
    total sum = {.n = 0};
    for (int64_t r = 0; r < rows; r++)
        total_add(&sum, x->at[r * classes + (int64_t)labels->at[r].v]);
    if (rows)
        out->at[0] = num_rounded(num_scaled(total_of(&sum, o->unit), -1 / (double)rows), o->unit);
    out->weight = (double)rows;
    return true;
}

/* The loss of one row: (1 - smoothing) w_label (-log p_label) + smoothing / V sum_c w_c (-log p_c). */
static num cross_entropy_row(oracle *o, const num *x, int64_t classes, const known *weights, const double *label_smooth) {
    const int64_t label = (int64_t)label_smooth[0];
    const double smoothing = label_smooth[1];
    const num log_sum = row_logsumexp(o, x, classes);
    total smooth = {.n = 0};
    num hit = num_of(0);
    for (int64_t c = 0; c < classes; c++) {
        const num w = weights ? num_of(weights->at[c].v) : num_of(1);
        const num surprise = num_mul(w, num_sub(log_sum, x[c], o->unit), o->unit);
        total_add(&smooth, surprise);
        hit = c == label ? surprise : hit;
    }
    return num_add(num_scaled(hit, 1 - smoothing), num_scaled(total_of(&smooth, o->unit), smoothing / (double)classes),
                   4 * o->unit);
}

/* number: whether a label is ignored, and which. real: smoothing. */
bool work_cross_entropy(oracle *o, const statement *s, const known *const *in, known *out) {
    const known *x = in[0], *labels = in[1], *weights = in[2];
    const double smoothing = s->real[0];
    if (!(smoothing >= 0 && smoothing <= 1))
        return oracle_refuse(o, "smoothing");
    if (!labels_fit(o, x, labels, s->number[0], (double)s->number[1]))
        return false;
    const int64_t classes = x->shape.n[x->shape.rank - 1];
    if (weights && (weights->dtype != x->dtype || weights->shape.rank != 1 || weights->shape.n[0] != classes))
        return oracle_refuse(o, "class weights");
    if (!oracle_fresh(o, out, x->dtype, HEED_SCALAR))
        return false;
    total sum = {.n = 0};
    double weight = 0, error = 0;
    for (int64_t r = 0; r < labels->count; r++) {
        const double label = labels->at[r].v;
        if (s->number[0] && label == (double)s->number[1])
            continue;
        weight += weights ? weights->at[(int64_t)label].v : 1;
        error += weights ? weights->at[(int64_t)label].e : 0;
        total_add(&sum, cross_entropy_row(o, x->at + r * classes, classes, weights, (double[]){label, smoothing}));
    }
    o->unsure = o->unsure || error > 0; /* the weights take part in ways whose rounding is not followed here */
    if (weight != 0)
        out->at[0] = num_rounded(num_scaled(total_of(&sum, o->unit), 1 / weight), 3 * o->unit);
    out->weight = weight;
    return true;
}

/* One term of a loss of pairs. s->op->kind picks it. */
enum { MSE, L1, HUBER, BCE };
static num pair_term(oracle *o, int kind, num x, num t, double delta) {
    const num e = num_sub(x, t, o->unit);
    switch (kind) {
    case MSE: return num_mul(e, e, o->unit);
    case L1: return num_bend(e, curve_abs(e.v, NULL), o->unit, &o->unsure);
    case HUBER: {
        const num size = num_bend(e, curve_abs(e.v, NULL), o->unit, &o->unsure);
        const bool far = oracle_compare(o, size, num_of(delta)) > 0;
        return far ? num_scaled(num_sub(size, num_of(delta / 2), o->unit), delta)
                   : num_scaled(num_mul(e, e, o->unit), 0.5);
    }
    default: { /* max(x, 0) + log(1 + e^-|x|) is softplus */
        const num s = num_bend(x, curve_softplus(x.v, NULL), 4 * o->unit, &o->unsure);
        return num_sub(s, num_mul(x, t, o->unit), 4 * o->unit);
    }
    }
}

static bool pair_fits(oracle *o, const known *const *in) {
    if (in[0]->dtype != in[1]->dtype || !oracle_same_shape(in[0]->shape, in[1]->shape))
        return oracle_refuse(o, "equal shapes");
    return true;
}

bool work_pairwise(oracle *o, const statement *s, const known *const *in, known *out) {
    if (s->op->kind == HUBER && !(s->real[0] > 0))
        return oracle_refuse(o, "delta");
    if (!pair_fits(o, in) || !oracle_fresh(o, out, in[0]->dtype, HEED_SCALAR))
        return false;
    total sum = {.n = 0};
    for (int64_t i = 0; i < in[0]->count; i++)
        total_add(&sum, pair_term(o, s->op->kind, in[0]->at[i], in[1]->at[i], s->real[0]));
    out->at[0] = num_rounded(num_scaled(total_of(&sum, o->unit), 1 / (double)in[0]->count), 3 * o->unit);
    out->weight = (double)in[0]->count;
    return true;
}

bool work_kl_div(oracle *o, const statement *s, const known *const *in, known *out) {
    (void)s;
    if (!pair_fits(o, in) || !oracle_fresh(o, out, in[0]->dtype, HEED_SCALAR))
        return false;
    const double items = in[0]->shape.rank ? (double)in[0]->shape.n[0] : 1;
    total sum = {.n = 0};
    for (int64_t i = 0; i < in[0]->count; i++) {
        const num x = in[0]->at[i], t = in[1]->at[i];
        if (t.v == 0 && in[1]->needs) /* a derivative there is -inf */
            o->unsure = true;
        if (t.v != 0)
            total_add(&sum, num_mul(t, num_sub(num_log(t, o->unit), x, o->unit), o->unit));
    }
    out->at[0] = num_rounded(num_scaled(total_of(&sum, o->unit), 1 / items), 3 * o->unit);
    out->weight = items;
    return true;
}
