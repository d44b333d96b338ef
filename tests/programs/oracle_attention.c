/* The oracle's attention, rotary positions, and T5's bias. */
#include <math.h>

#include "program.h"

enum { Q, K, V, MASK, RELATIVE };

static int64_t from_end(heed_shape shape, int i) {
    return i <= shape.rank ? shape.n[shape.rank - i] : 1;
}

static bool operands_fit(oracle *o, const known *const *in) {
    const heed_shape q = in[Q]->shape, k = in[K]->shape, v = in[V]->shape;
    if (in[K]->dtype != in[Q]->dtype || in[V]->dtype != in[Q]->dtype)
        return oracle_refuse(o, "dtypes differ");
    if (q.rank < 2 || q.rank > 4 || k.rank != q.rank || v.rank != q.rank)
        return oracle_refuse(o, "ranks");
    if (from_end(k, 4) != from_end(q, 4) || from_end(v, 4) != from_end(q, 4))
        return oracle_refuse(o, "batches");
    const int64_t heads = from_end(q, 3), kv_heads = from_end(k, 3);
    if (from_end(v, 3) != kv_heads || (kv_heads == 0 ? heads != 0 : heads % kv_heads != 0))
        return oracle_refuse(o, "heads");
    if (from_end(k, 1) != from_end(q, 1) || from_end(v, 2) != from_end(k, 2))
        return oracle_refuse(o, "widths or lengths");
    return true;
}

static bool options_fit(oracle *o, const statement *s, const known *const *in, heed_shape scores) {
    const known *mask = in[MASK], *relative = in[RELATIVE];
    heed_shape both;
    if (!(s->real[1] >= 0 && s->real[1] <= 1) || !isfinite(s->real[0]) || s->number[1] < 0)
        return oracle_refuse(o, "an option");
    if (mask && mask->dtype != HEED_BOOL && mask->dtype != in[Q]->dtype)
        return oracle_refuse(o, "the mask's dtype");
    if (mask && (!oracle_broadcasts(mask->shape, scores, &both) || !oracle_same_shape(both, scores)))
        return oracle_refuse(o, "the mask does not broadcast");
    if (relative == NULL)
        return true;
    const heed_shape r = relative->shape;
    const int64_t far = from_end(scores, 2) + from_end(scores, 1) - 1;
    if (relative->dtype != in[Q]->dtype || r.rank < 1 || r.rank > 2 || r.n[r.rank - 1] != (far < 0 ? 0 : far) ||
        (r.rank == 2 && r.n[0] != from_end(scores, 3) && r.n[0] != 1))
        return oracle_refuse(o, "the relative bias");
    return true;
}

/* Whether query i may look at key j. */
static bool in_sight(int64_t i, int64_t j, int64_t T, int64_t S, bool causal, int64_t window) {
    const int64_t place = i + S - T;
    if (window > T + S) /* hides nothing */
        window = 0;
    if (causal && j > place)
        return false;
    return window <= 0 || (j > place - window && (causal || j < place + window));
}

/* The scores of one query, and which of them count. at: of the scores, the last index free. */
static void score(oracle *o, const statement *s, const known *const *in, heed_shape scores, int64_t *at, num *x,
                  bool *kept) {
    const int rank = scores.rank;
    const int64_t T = from_end(scores, 2), S = from_end(scores, 1), i = at[rank - 2], d = from_end(in[Q]->shape, 1);
    const int64_t batch = rank > 3 ? at[0] : 0, h = rank > 2 ? at[rank - 3] : 0, heads = from_end(scores, 3);
    const int64_t kv_heads = from_end(in[K]->shape, 3), kv = h / (heads / kv_heads);
    const double scale = s->real[0] != 0 ? s->real[0] : 1 / sqrt((double)d);
    for (int64_t j = 0; j < S; j++) {
        at[rank - 1] = j;
        kept[j] = in_sight(i, j, T, S, s->number[0] != 0, s->number[1]);
        const num *q = in[Q]->at + ((batch * heads + h) * T + i) * d, *k = in[K]->at + ((batch * kv_heads + kv) * S + j) * d;
        x[j] = num_rounded(num_scaled(row_dot(o, q, k, d), d > 0 ? scale : 1), 2 * o->unit);
        if (in[MASK]) {
            const num m = in[MASK]->at[oracle_flat(in[MASK]->shape, at, rank)];
            kept[j] = kept[j] && (in[MASK]->dtype != HEED_BOOL || m.v != 0);
            x[j] = in[MASK]->dtype == HEED_BOOL ? x[j] : num_add(x[j], m, o->unit);
        }
        if (in[RELATIVE]) {
            const heed_shape r = in[RELATIVE]->shape;
            const int64_t row = r.rank == 2 && r.n[0] != 1 ? h : 0;
            x[j] = num_add(x[j], in[RELATIVE]->at[row * (T + S - 1) + j - i + T - 1], o->unit);
        }
    }
}

/* number: causal, window. real: scale, dropout (of all or of nothing: which weights it drops only the library knows). */
bool work_attention(oracle *o, const statement *s, const known *const *in, known *out) {
    if (!operands_fit(o, in))
        return false;
    heed_shape scores = in[Q]->shape, context = in[Q]->shape;
    const int64_t S = scores.n[scores.rank - 1] = from_end(in[K]->shape, 2);
    const int64_t d_v = context.n[context.rank - 1] = from_end(in[V]->shape, 1), kv_heads = from_end(in[K]->shape, 3);
    known pattern;
    if (!options_fit(o, s, in, scores) || !oracle_fresh(o, out, in[Q]->dtype, context) ||
        !oracle_fresh(o, &pattern, in[Q]->dtype, scores))
        return false;
    const bool drops = o->p->training && s->real[1] > 0;
    o->unsure = drops && s->real[1] < 1;
    if (o->unsure)
        return false;
    num *x = pool_take(o->memory, (size_t)S + 1, sizeof *x);
    bool *kept = pool_take(o->memory, (size_t)S + 1, sizeof *kept);
    const int64_t rows = d_v ? out->count / d_v : S ? pattern.count / S : 0;
    for (int64_t r = 0; r < rows; r++) {
        int64_t at[HEED_MAX_RANK] = {0}, rest = r;
        for (int a = scores.rank - 2; a >= 0; a--) {
            at[a] = rest % scores.n[a];
            rest /= scores.n[a];
        }
        score(o, s, in, scores, at, x, kept);
        num *p = pattern.at + r * S;
        if (!drops)
            row_softmax(o, x, kept, S, p);
        const int64_t heads = from_end(scores, 3), head = r / from_end(scores, 2);
        const int64_t kv = head / heads * kv_heads + head % heads / (heads / kv_heads);
        for (int64_t c = 0; c < d_v; c++) {
            total sum = {.n = 0};
            for (int64_t j = 0; j < S; j++)
                if (kept[j] && !drops)
                    total_add(&sum, num_mul(p[j], in[V]->at[(kv * S + j) * d_v + c], o->unit));
            out->at[r * d_v + c] = total_of(&sum, o->unit);
        }
    }
    if (s->n_out > 1)
        out[1] = pattern;
    return true;
}

void rows_attend(oracle *o, const attending *a, const num *q, const num *k, const num *v, num *y) {
    num *x = pool_take(o->memory, 2 * (size_t)a->S + 1, sizeof *x), *p = x + a->S;
    bool *kept = pool_take(o->memory, (size_t)a->S + 1, sizeof *kept);
    for (int64_t i = 0; i < a->T; i++) {
        for (int64_t j = 0; j < a->S; j++) {
            kept[j] = in_sight(i, j, a->T, a->S, a->causal, a->window);
            x[j] = num_rounded(num_scaled(row_dot(o, q + i * a->d_k, k + j * a->d_k, a->d_k), a->scale), 2 * o->unit);
        }
        row_softmax(o, x, kept, a->S, p);
        for (int64_t c = 0; c < a->d_v; c++) {
            total sum = {.n = 0};
            for (int64_t j = 0; j < a->S; j++)
                total_add(&sum, num_mul(p[j], v[j * a->d_v + c], o->unit));
            y[i * a->d_v + c] = total_of(&sum, o->unit);
        }
    }
}

/* q (B, T, d), k (B, S, d), v (d) or (1, d). */
bool work_additive_scores(oracle *o, const statement *s, const known *const *in, known *out) {
    (void)s;
    const heed_shape q = in[Q]->shape, k = in[K]->shape, v = in[V]->shape;
    if (in[K]->dtype != in[Q]->dtype || in[V]->dtype != in[Q]->dtype)
        return oracle_refuse(o, "dtypes differ");
    if (q.rank != 3 || k.rank != 3 || q.n[0] != k.n[0] || q.n[2] != k.n[2])
        return oracle_refuse(o, "q and k");
    if (v.rank < 1 || v.rank > 2 || v.n[v.rank - 1] != q.n[2] || (v.rank == 2 && v.n[0] != 1))
        return oracle_refuse(o, "v");
    const int64_t T = q.n[1], S = k.n[1], d = q.n[2];
    if (!oracle_fresh(o, out, in[Q]->dtype, HEED_SHAPE(q.n[0], T, S)))
        return false;
    for (int64_t i = 0; i < out->count; i++) {
        const num *from_q = in[Q]->at + i / S * d, *from_k = in[K]->at + (i / S / T * S + i % S) * d;
        total sum = {.n = 0};
        for (int64_t c = 0; c < d; c++) {
            const num x = num_add(from_q[c], from_k[c], o->unit);
            total_add(&sum, num_mul(in[V]->at[c], num_bend(x, curve_tanh(x.v, NULL), o->unit, &o->unsure), o->unit));
        }
        out->at[i] = total_of(&sum, o->unit);
    }
    return true;
}

/* number: first, interleaved. real: base, 0 for 10000. */
bool work_rope(oracle *o, const statement *s, const known *const *in, known *out) {
    const known *x = in[0];
    const double base = s->real[0] != 0 ? s->real[0] : 10000;
    if (x->shape.rank < 2 || from_end(x->shape, 1) % 2 != 0)
        return oracle_refuse(o, "pairs of rows");
    if (!(base > 0 && isfinite(base)))
        return oracle_refuse(o, "base");
    if (!oracle_fresh(o, out, x->dtype, x->shape))
        return false;
    const int64_t d = from_end(x->shape, 1), T = from_end(x->shape, 2);
    for (int64_t r = 0; r < (d ? out->count / d : 0); r++)
        for (int64_t n = 0; n < d / 2; n++) {
            const double place = (double)s->number[0] + (double)(r % T), angle = place * pow(base, -2.0 * (double)n / (double)d);
            const int64_t a = r * d + (s->number[1] ? 2 * n : n), b = a + (s->number[1] ? 1 : d / 2);
            if (place == 0) {
                out->at[a] = x->at[a];
                out->at[b] = x->at[b];
                continue;
            }
            num c = num_of(cos(angle)), si = num_of(sin(angle));
            c.e = si.e = o->unit + fabs(angle) * 0x1p-52;
            out->at[a] = num_sub(num_mul(x->at[a], c, o->unit), num_mul(x->at[b], si, o->unit), o->unit);
            out->at[b] = num_add(num_mul(x->at[a], si, o->unit), num_mul(x->at[b], c, o->unit), o->unit);
        }
    return true;
}

/* Buckets as T5's code has them: half for single distances, the rest growing as logarithms do. The logarithm is taken in
 * f32 there, so at an edge between two buckets it decides; those places the oracle leaves alone. */
static int64_t bucket_of(oracle *o, int64_t distance, int64_t buckets, int64_t longest, bool both_ways) {
    int64_t first = 0;
    if (both_ways) {
        buckets /= 2;
        first = distance > 0 ? buckets : 0;
    } else if (distance > 0) {
        distance = 0;
    }
    const int64_t n = distance < 0 ? -distance : distance, single = buckets / 2;
    if (n < single)
        return first + n;
    const double place =
        log((double)n / (double)single) / log((double)longest / (double)single) * (double)(buckets - single);
    if (n < longest && n != single && fabs(place - round(place)) < 1e-4)
        o->unsure = true;
    const int64_t bucket = single + (int64_t)floor(place);
    return first + (n >= longest || bucket >= buckets ? buckets - 1 : bucket);
}

/* number: queries, keys, bidirectional, longest (0: 128). */
bool work_relative_bias(oracle *o, const statement *s, const known *const *in, known *out) {
    const known *table = in[0];
    const int64_t queries = s->number[0], keys = s->number[1], longest = s->number[3] ? s->number[3] : 128;
    const bool both_ways = s->number[2] != 0;
    if (table->shape.rank != 2)
        return oracle_refuse(o, "the table");
    const int64_t buckets = table->shape.n[0], heads = table->shape.n[1], least = both_ways ? 4 : 2;
    if (buckets < least || longest <= buckets / least)
        return oracle_refuse(o, "buckets");
    if (queries < 0 || keys < 0 || queries > INT32_MAX || keys > INT32_MAX)
        return oracle_refuse(o, "queries and keys");
    const int64_t far = queries + keys > 0 ? queries + keys - 1 : 0;
    if (both_ways && buckets % 2 != 0) /* documented for even ones */
        o->unsure = true;
    if (!oracle_fresh(o, out, table->dtype, HEED_SHAPE(heads, far)))
        return false;
    for (int64_t i = 0; i < out->count; i++)
        out->at[i] = table->at[bucket_of(o, i % far - (keys - 1), buckets, longest, both_ways) * heads + i / far];
    return true;
}
