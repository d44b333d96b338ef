/* The oracle's layers: their formulas over rows, from the parameters by name; and recurrence, which some are made of. */
#include <math.h>
#include <string.h>

#include "program.h"

/* A declared parameter as numbers; NULL where the layer has none of that name. */
static const num *param(oracle *o, const statement *s, const char *name) {
    for (int i = 0; i < s->n_params; i++) {
        const parameter *p = &s->param[i];
        if (strcmp(p->name, name) != 0)
            continue;
        int64_t count = 1;
        for (int a = 0; a < p->shape.rank; a++)
            count *= p->shape.n[a];
        num *x = pool_take(o->memory, (size_t)count + 1, sizeof *x);
        for (int64_t k = 0; k < count; k++) {
            x[k] = num_of(p->values[k]);
            x[k].d = s->off_record ? 0 : p->direction[k];
            x[k].a = fabs(x[k].d);
        }
        return x;
    }
    return NULL;
}

/* Whether x is (..., width), of the model's dtype. */
static bool takes_width(oracle *o, const known *x, int64_t width) {
    if (x->dtype != o->p->model_dtype)
        return oracle_refuse(o, "dtypes differ");
    if (x->shape.rank == 0 || x->shape.n[x->shape.rank - 1] != width)
        return oracle_refuse(o, "width");
    return true;
}

static bool fresh_width(oracle *o, const known *x, int64_t width, known *out) {
    heed_shape shape = x->shape;
    shape.n[shape.rank - 1] = width;
    return oracle_fresh(o, out, x->dtype, shape);
}

/* number: inputs, outputs, bias. */
bool work_linear_layer(oracle *o, const statement *s, const known *const *in, known *out) {
    const int64_t inputs = s->number[0], outputs = s->number[1];
    if (!takes_width(o, in[0], inputs) || !fresh_width(o, in[0], outputs, out))
        return false;
    rows_linear(o, in[0]->at, param(o, s, "weight"), param(o, s, "bias"),
                (int64_t[]){out->count / outputs, inputs, outputs}, out->at);
    return true;
}

/* number: vocabulary, d. */
bool work_embedding_layer(oracle *o, const statement *s, const known *const *in, known *out) {
    heed_shape shape = in[0]->shape;
    const int64_t d = s->number[1];
    if (in[0]->dtype != HEED_I32)
        return oracle_refuse(o, "the index must be i32");
    for (int64_t i = 0; i < in[0]->count; i++)
        if (in[0]->at[i].v < 0 || in[0]->at[i].v >= (double)s->number[0])
            return oracle_refuse(o, "an index is outside");
    if (shape.rank == HEED_MAX_RANK)
        return oracle_refuse(o, "no room for an axis");
    shape.n[shape.rank++] = d;
    if (!oracle_fresh(o, out, o->p->model_dtype, shape))
        return false;
    const num *weight = param(o, s, "weight");
    for (int64_t i = 0; i < out->count; i++)
        out->at[i] = weight[(int64_t)in[0]->at[i / d].v * d + i % d];
    return true;
}

/* number: d, kind, shift. */
bool work_norm_layer(oracle *o, const statement *s, const known *const *in, known *out) {
    const int64_t d = s->number[0];
    if (!takes_width(o, in[0], d) || !fresh_width(o, in[0], d, out))
        return false;
    const num *gain = param(o, s, "gain"), *shift = param(o, s, "shift");
    for (int64_t i = 0; i < out->count; i += d) {
        row_norm(o, in[0]->at + i, d, s->number[1] == HEED_LAYERNORM, s->real[0], out->at + i);
        for (int64_t k = 0; k < d; k++)
            out->at[i + k] = num_mul(out->at[i + k], gain[k], o->unit);
        for (int64_t k = 0; k < d && shift; k++)
            out->at[i + k] = num_add(out->at[i + k], shift[k], o->unit);
    }
    return true;
}

static curve activation(int64_t kind, double x) {
    switch (kind) {
    case HEED_GELU: return curve_gelu(x, NULL);
    case HEED_GELU_TANH: return curve_gelu_tanh(x, NULL);
    case HEED_SILU:
    case HEED_SWIGLU: return curve_silu(x, NULL);
    default: return curve_relu(x, NULL);
    }
}

/* number: d_model, d_ff, activation, bias. */
bool work_feed_forward(oracle *o, const statement *s, const known *const *in, known *out) {
    const int64_t d = s->number[0], d_ff = s->number[1], rows = d ? in[0]->count / d : 0;
    const bool gated = s->number[2] == HEED_SWIGLU;
    if (!takes_width(o, in[0], d) || !fresh_width(o, in[0], d, out))
        return false;
    num *up = pool_take(o->memory, 2 * (size_t)(rows * d_ff) + 1, sizeof *up), *gate = up + rows * d_ff;
    rows_linear(o, in[0]->at, param(o, s, "up.weight"), param(o, s, "up.bias"), (int64_t[]){rows, d, d_ff}, up);
    if (gated)
        rows_linear(o, in[0]->at, param(o, s, "gate.weight"), param(o, s, "gate.bias"), (int64_t[]){rows, d, d_ff},
                    gate);
    for (int64_t i = 0; i < rows * d_ff; i++) {
        const num x = gated ? gate[i] : up[i], y = num_bend(x, activation(s->number[2], x.v), o->unit, &o->unsure);
        up[i] = gated ? num_mul(y, up[i], o->unit) : y;
    }
    rows_linear(o, up, param(o, s, "down.weight"), param(o, s, "down.bias"), (int64_t[]){rows, d_ff, d}, out->at);
    return true;
}

/* x (..., T, d_model). number: d_model, d_k, causal. */
bool work_self_attention(oracle *o, const statement *s, const known *const *in, known *out) {
    const int64_t d = s->number[0], d_k = s->number[1];
    if (!takes_width(o, in[0], d))
        return false;
    if (in[0]->shape.rank < 2 || in[0]->shape.rank > 4)
        return oracle_refuse(o, "rank");
    if (!fresh_width(o, in[0], d_k, out))
        return false;
    const int64_t T = in[0]->shape.n[in[0]->shape.rank - 2], rows = out->count / d_k;
    num *q = pool_take(o->memory, 3 * (size_t)(rows * d_k) + 1, sizeof *q), *k = q + rows * d_k, *v = k + rows * d_k;
    rows_linear(o, in[0]->at, param(o, s, "w_q"), NULL, (int64_t[]){rows, d, d_k}, q);
    rows_linear(o, in[0]->at, param(o, s, "w_k"), NULL, (int64_t[]){rows, d, d_k}, k);
    rows_linear(o, in[0]->at, param(o, s, "w_v"), NULL, (int64_t[]){rows, d, d_k}, v);
    const attending a = {.T = T, .S = T, .d_k = d_k, .d_v = d_k, .scale = 1 / sqrt((double)d_k),
                         .causal = s->number[2] != 0};
    for (int64_t r = 0; r < rows; r += T)
        rows_attend(o, &a, q + r * d_k, k + r * d_k, v + r * d_k, out->at + r * d_k);
    return true;
}

/* The columns of one head: (rows, heads d) -> (rows, d). */
static void take_head(const num *x, int64_t rows, int64_t heads, int64_t d, int64_t head, num *y) {
    for (int64_t r = 0; r < rows; r++)
        memcpy(y + r * d, x + (r * heads + head) * d, (size_t)d * sizeof *y);
}

/* query (B, T, d_model), memory (B, S, d_model). number: d_model, n_heads, n_kv_heads, bias, causal. */
bool work_multi_head(oracle *o, const statement *s, const known *const *in, known *out) {
    const int64_t d = s->number[0], heads = s->number[1], kv_heads = s->number[2], d_k = d / heads;
    const heed_shape x = in[0]->shape, m = in[1]->shape;
    if (!takes_width(o, in[0], d) || !takes_width(o, in[1], d))
        return false;
    if (x.rank != 3 || m.rank != 3 || x.n[0] != m.n[0])
        return oracle_refuse(o, "(B, T, d_model)");
    if (!fresh_width(o, in[0], d, out))
        return false;
    const int64_t B = x.n[0], T = x.n[1], S = m.n[1], width = kv_heads * d_k;
    num *q = pool_take(o->memory, (size_t)(B * T * d) + 1, sizeof *q);
    num *k = pool_take(o->memory, (size_t)(B * S * width) + 1, sizeof *k);
    num *v = pool_take(o->memory, (size_t)(B * S * width) + 1, sizeof *v);
    num *z = pool_take(o->memory, (size_t)(B * T * d) + 1, sizeof *z);
    num *part = pool_take(o->memory, (size_t)(2 * T + 2 * S) * (size_t)d_k + 1, sizeof *part);
    num *qh = part, *kh = qh + T * d_k, *vh = kh + S * d_k, *zh = vh + S * d_k;
    rows_linear(o, in[0]->at, param(o, s, "w_q"), param(o, s, "b_q"), (int64_t[]){B * T, d, d}, q);
    rows_linear(o, in[1]->at, param(o, s, "w_k"), param(o, s, "b_k"), (int64_t[]){B * S, d, width}, k);
    rows_linear(o, in[1]->at, param(o, s, "w_v"), param(o, s, "b_v"), (int64_t[]){B * S, d, width}, v);
    const attending a = {.T = T, .S = S, .d_k = d_k, .d_v = d_k, .scale = 1 / sqrt((double)d_k),
                         .causal = s->number[4] != 0};
    for (int64_t b = 0; b < B; b++)
        for (int64_t h = 0; h < heads; h++) {
            take_head(q + b * T * d, T, heads, d_k, h, qh);
            take_head(k + b * S * width, S, kv_heads, d_k, h / (heads / kv_heads), kh);
            take_head(v + b * S * width, S, kv_heads, d_k, h / (heads / kv_heads), vh);
            rows_attend(o, &a, qh, kh, vh, zh);
            for (int64_t i = 0; i < T; i++)
                memcpy(z + (b * T + i) * d + h * d_k, zh + i * d_k, (size_t)d_k * sizeof *z);
        }
    rows_linear(o, z, param(o, s, "w_o"), param(o, s, "b_o"), (int64_t[]){B * T, d, d}, out->at);
    return true;
}

/* ---- recurrent cells ---- */

static num bent(oracle *o, num x, curve_fn *f) {
    return num_bend(x, f(x.v, NULL), o->unit, &o->unsure);
}

/* One step of one row: in and from are the products of x and of h, their gates one after another. kept, (4, H), gets the
 * gates and, of a GRU, what its third is made of; NULL: nobody wants them. */
static void cell_step(oracle *o, int64_t kind, int64_t H, const num *in, const num *from, num *h, num *c, num *kept) {
    const double u = o->unit;
    for (int64_t j = 0; j < H; j++) {
        num sum[4], gate[4];
        for (int64_t k = 0; k < heed_cell_gates((heed_cell_kind)kind); k++)
            sum[k] = num_add(in[k * H + j], from[k * H + j], u);
        if (kind == HEED_RNN_TANH || kind == HEED_RNN_RELU) {
            h[j] = bent(o, sum[0], kind == HEED_RNN_TANH ? curve_tanh : curve_relu);
            continue;
        }
        gate[0] = bent(o, sum[0], curve_sigmoid);
        gate[1] = bent(o, sum[1], curve_sigmoid);
        if (kind == HEED_GRU) {
            gate[3] = from[2 * H + j];
            gate[2] = bent(o, num_add(in[2 * H + j], num_mul(gate[0], gate[3], u), u), curve_tanh);
            h[j] = num_add(num_mul(num_sub(num_of(1), gate[1], u), gate[2], u), num_mul(gate[1], h[j], u), u);
        } else {
            gate[2] = bent(o, sum[2], curve_tanh);
            gate[3] = bent(o, sum[3], curve_sigmoid);
            c[j] = num_add(num_mul(gate[1], c[j], u), num_mul(gate[0], gate[2], u), u);
            h[j] = num_mul(gate[3], bent(o, c[j], curve_tanh), u);
        }
        for (int k = 0; k < 4 && kept; k++)
            kept[k * H + j] = gate[k];
    }
}

/* ---- the op ---- */

enum { X, W, BIAS, H0, C0, PADDING };

static bool is_shape(const known *x, heed_shape shape) {
    return x == NULL || oracle_same_shape(x->shape, shape);
}

static bool recurrence_fits(oracle *o, const statement *s, const known *const *in) {
    const int64_t kind = s->number[0];
    const heed_shape x = in[X]->shape, w = in[W]->shape;
    if (kind < 0 || kind >= HEED_CELL_KINDS || (kind == HEED_LSTM) != (in[C0] != NULL))
        return oracle_refuse(o, "kind, or c");
    if (s->number[2] && kind != HEED_GRU && kind != HEED_LSTM)
        return oracle_refuse(o, "no gates");
    const int64_t G = heed_cell_gates((heed_cell_kind)kind), H = w.rank == 2 ? w.n[1] : 0;
    if ((x.rank != 2 && x.rank != 3) || H < 1 || w.n[0] != G * H || x.n[x.rank - 1] != G * H)
        return oracle_refuse(o, "x or w");
    heed_shape places = x;
    places.rank--;
    if (in[PADDING] && in[PADDING]->dtype != HEED_BOOL)
        return oracle_refuse(o, "padding must be bool");
    if (!is_shape(in[BIAS], HEED_SHAPE(G * H)) || !is_shape(in[H0], HEED_SHAPE(x.n[0], H)) ||
        !is_shape(in[C0], HEED_SHAPE(x.n[0], H)) || !is_shape(in[PADDING], places))
        return oracle_refuse(o, "bias, state or padding");
    for (int i = 1; i < PADDING; i++)
        if (in[i] && in[i]->dtype != in[X]->dtype)
            return oracle_refuse(o, "dtypes differ");
    return true;
}

/* number: kind, reverse, whether the gates are given out. out: h, c if the cell has it, gates. */
bool work_recurrence(oracle *o, const statement *s, const known *const *in, known *out) {
    if (!recurrence_fits(o, s, in))
        return false;
    const int64_t kind = s->number[0], H = in[W]->shape.n[1], GH = in[W]->shape.n[0], B = in[X]->shape.n[0];
    const int64_t T = in[X]->shape.rank == 3 ? in[X]->shape.n[1] : 1;
    heed_shape states = in[X]->shape, gates = in[X]->shape;
    states.n[states.rank - 1] = H;
    gates.n[gates.rank - 1] = 4 * H;
    known *cells = kind == HEED_LSTM ? &out[1] : NULL, *kept = s->number[2] ? &out[kind == HEED_LSTM ? 2 : 1] : NULL;
    if (!oracle_fresh(o, out, in[X]->dtype, states) || (cells && !oracle_fresh(o, cells, in[X]->dtype, states)) ||
        (kept && !oracle_fresh(o, kept, in[X]->dtype, gates)))
        return false;
    num *from = pool_take(o->memory, (size_t)GH + 1, sizeof *from), *h = pool_take(o->memory, 2 * (size_t)H, sizeof *h);
    num *c = h + H;
    for (int64_t b = 0; b < B; b++) {
        memcpy(h, in[H0]->at + b * H, (size_t)H * sizeof *h);
        if (cells)
            memcpy(c, in[C0]->at + b * H, (size_t)H * sizeof *c);
        for (int64_t step = 0; step < T; step++) {
            const int64_t place = b * T + (s->number[1] ? T - 1 - step : step);
            const bool pads = in[PADDING] && in[PADDING]->at[place].v != 0;
            rows_linear(o, h, in[W]->at, in[BIAS] ? in[BIAS]->at : NULL, (int64_t[]){1, H, GH}, from);
            if (!pads)
                cell_step(o, kind, H, in[X]->at + place * GH, from, h, c, kept ? kept->at + place * 4 * H : NULL);
            memcpy(out->at + place * H, h, (size_t)H * sizeof *h);
            if (cells)
                memcpy(cells->at + place * H, c, (size_t)H * sizeof *c);
        }
    }
    return true;
}

/* ---- the layer ---- */

static const num *cell_param(oracle *o, const statement *s, bool reverse, const char *name) {
    char path[32] = "l0.";
    if (reverse)
        strcpy(path, "l0_reverse.");
    strcat(path, name);
    return param(o, s, path);
}

/* x (B, T, inputs). number: kind, inputs, hidden, bidirectional, bias. */
bool work_recurrent(oracle *o, const statement *s, const known *const *in, known *out) {
    const int64_t kind = s->number[0], inputs = s->number[1], H = s->number[2];
    const int64_t ways = s->number[3] ? 2 : 1, G = heed_cell_gates((heed_cell_kind)kind);
    if (!takes_width(o, in[0], inputs))
        return false;
    if (in[0]->shape.rank != 3)
        return oracle_refuse(o, "(B, T, inputs)");
    if (!fresh_width(o, in[0], ways * H, out))
        return false;
    const int64_t B = in[0]->shape.n[0], T = in[0]->shape.n[1];
    num *from_x = pool_take(o->memory, 2 * (size_t)(G * H), sizeof *from_x), *from_h = from_x + G * H;
    for (int64_t way = 0; way < ways; way++) {
        const num *w_i = cell_param(o, s, way, "w_i"), *w_h = cell_param(o, s, way, "w_h");
        const num *b_i = cell_param(o, s, way, "b_i"), *b_h = cell_param(o, s, way, "b_h");
        for (int64_t b = 0; b < B; b++) {
            num *h = pool_take(o->memory, 2 * (size_t)H, sizeof *h), *c = h + H;
            for (int64_t step = 0; step < T; step++) {
                const int64_t row = b * T + (way ? T - 1 - step : step);
                rows_linear(o, in[0]->at + row * inputs, w_i, b_i, (int64_t[]){1, inputs, G * H}, from_x);
                rows_linear(o, h, w_h, b_h, (int64_t[]){1, H, G * H}, from_h);
                cell_step(o, kind, H, from_x, from_h, h, c, NULL);
                memcpy(out->at + (row * ways + way) * H, h, (size_t)H * sizeof *h);
            }
        }
    }
    return true;
}
