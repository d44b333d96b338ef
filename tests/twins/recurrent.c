/* Recurrent cells, run over a sequence: one number at a time, gate by gate. */
#include <string.h>

#include "options.h"
#include "twins.h"

enum { X, W, BIAS, H, C, PADDING, RECURRENT_INPUTS };

/* One step of one row of the batch: the gates' inputs x, and the state before. */
typedef struct step {
    const twin_call *call;
    const quad *x, *h, *c;
    int64_t hidden, n; /* which number of the state */
} step;

/* The state after it, and what is shown of the gates. */
typedef struct after {
    quad h, c, gate[4];
} after;

static quad in(const step *s, int gate) {
    return s->x[gate * s->hidden + s->n];
}

/* W_h h + b_h, of one gate. */
static quad fed_back(const step *s, int gate) {
    const int64_t row = gate * s->hidden + s->n;
    const values *w = s->call->in[W], *bias = s->call->in[BIAS];
    quad sum = bias ? bias->at[row] : q_of(0);
    for (int64_t k = 0; k < s->hidden; k++)
        sum = q_mul_add(w->at[row * s->hidden + k], s->h[k], sum);
    return sum;
}

static quad both(const step *s, int gate) {
    return q_add(in(s, gate), fed_back(s, gate));
}

/* Elman 1990. */
static after rnn_tanh(const step *s) {
    return (after){.h = q_tanh(both(s, 0))};
}

static after rnn_relu(const step *s) {
    const quad sum = both(s, 0);
    return (after){.h = sum.v > 0 ? sum : q_of(0)};
}

/* Cho et al. 2014, equations 5 to 8, with the reset gate behind the product, and z the share that stays. */
static after gru(const step *s) {
    const quad r = q_sigmoid(both(s, 0)), z = q_sigmoid(both(s, 1)), y = fed_back(s, 2);
    const quad new = q_tanh(q_mul_add(r, y, in(s, 2)));
    const quad h = q_mul_add(q_sub(q_of(1), z), new, q_mul(z, s->h[s->n]));
    return (after){.h = h, .gate = {r, z, new, y}};
}

/* Hochreiter and Schmidhuber 1997, with the forget gate of Gers, Schmidhuber, Cummins 2000. */
static after lstm(const step *s) {
    const quad i = q_sigmoid(both(s, 0)), f = q_sigmoid(both(s, 1)), g = q_tanh(both(s, 2)), o = q_sigmoid(both(s, 3));
    const quad c = q_mul_add(f, s->c[s->n], q_mul(i, g));
    return (after){.h = q_mul(o, q_tanh(c)), .c = c, .gate = {i, f, g, o}};
}

static const struct {
    after (*work)(const step *s);
    int gates;
} cells[] = {
    [HEED_RNN_TANH] = {rnn_tanh, 1},
    [HEED_RNN_RELU] = {rnn_relu, 1},
    [HEED_GRU] = {gru, 3},
    [HEED_LSTM] = {lstm, 4},
};

/* The results of all steps: (B, T, H), and (B, T, 4 H). */
typedef struct results {
    quad *h, *c, *gates;
} results;

static results give(twin_call *call, heed_shape x, int64_t hidden) {
    const running *o = call->options;
    results r = {.h = NULL};
    x.n[x.rank - 1] = hidden;
    r.h = twin_gives(call, call->in[X]->dtype, x);
    if (o->kind == HEED_LSTM)
        r.c = twin_gives(call, call->in[X]->dtype, x);
    x.n[x.rank - 1] = 4 * hidden;
    if (o->with_gates)
        r.gates = twin_gives(call, call->in[X]->dtype, x);
    return r;
}

/* Row `at` of the results from the state before; with padding it stays as it was. */
static void go_on(step *s, const running *o, int64_t at, const results *r) {
    const values *padding = s->call->in[PADDING];
    const int64_t hidden = s->hidden;
    s->x = s->call->in[X]->at + at * cells[o->kind].gates * hidden;
    for (s->n = 0; s->n < hidden; s->n++) {
        const bool stays = padding && q_true(padding->at[at]);
        const after now = stays ? (after){.h = s->h[s->n], .c = s->c ? s->c[s->n] : q_of(0)} : cells[o->kind].work(s);
        r->h[at * hidden + s->n] = now.h;
        if (r->c)
            r->c[at * hidden + s->n] = now.c;
        for (int gate = 0; gate < 4 && r->gates && !stays; gate++)
            r->gates[(at * 4 + gate) * hidden + s->n] = now.gate[gate];
    }
    s->h = r->h + at * hidden;
    s->c = r->c ? r->c + at * hidden : NULL;
}

static void recurrence(twin_call *c) {
    const running *o = c->options;
    const heed_shape x = c->in[X]->shape;
    const int64_t hidden = c->in[W]->shape.n[1], batch = x.n[0], steps = x.rank == 3 ? x.n[1] : 1;
    const results r = give(c, x, hidden);
    for (int64_t b = 0; b < batch; b++) {
        step s = {.call = c, .hidden = hidden, .h = c->in[H]->at + b * hidden,
                  .c = c->in[C] ? c->in[C]->at + b * hidden : NULL};
        for (int64_t t = 0; t < steps; t++)
            go_on(&s, o, b * steps + (o->reverse ? steps - 1 - t : t), &r);
    }
}

/* Around the tiles of batch and width, each with every kind. */
static bool recurrence_sizes(int index, heed_sample *sample) {
    static const struct {
        int64_t batch, steps, hidden;
    } table[] = {{1, 2, 1},  {15, 2, 16}, {16, 1, 17}, {17, 2, 15}, {31, 1, 8},
                 {33, 2, 5}, {2, 1, 31},  {3, 2, 33},  {130, 1, 3}, {1, 1, 130}};
    const int sizes = (int)(sizeof table / sizeof table[0]);
    if (index >= sizes * HEED_CELL_KINDS)
        return false;
    const int kind = index % HEED_CELL_KINDS, at = index / HEED_CELL_KINDS;
    const int64_t hidden = table[at].hidden, wide = cells[kind].gates * hidden;
    const heed_sample_input state = {.dtype = HEED_F64, .shape = HEED_SHAPE(table[at].batch, hidden)};
    *sample = (heed_sample){.n_in = RECURRENT_INPUTS, .in = {[H] = state, [C] = state}};
    sample->in[X] = (heed_sample_input){.dtype = HEED_F64, .shape = HEED_SHAPE(table[at].batch, table[at].steps, wide)};
    sample->in[W] = (heed_sample_input){.dtype = HEED_F64, .shape = HEED_SHAPE(wide, hidden), .low = -0.5, .high = 0.5};
    sample->in[BIAS] = (heed_sample_input){.dtype = HEED_F64, .shape = HEED_SHAPE(wide)};
    sample->in[PADDING].absent = true;
    sample->in[C].absent = kind != HEED_LSTM;
    memcpy(sample->attr.bytes, &(running){.kind = (heed_cell_kind)kind}, sizeof(running));
    return true;
}

const twin twins_recurrent[] = {
    {"recurrence", recurrence, .options = sizeof(running), .sizes = recurrence_sizes},
    {0},
};
