/* A program that fails, made smaller step by step, each of which is taken back unless it fails still:
 * statements are left out, results become inputs, settings what they are without being set, values plain, sizes small. */
#include <string.h>

#include "program.h"

/* The program without statement k and what is made of it. */
static bool without(const program *from, int k, program *to) {
    int place[MOST_STATEMENTS];
    bool gone[MOST_STATEMENTS] = {false};
    *to = *from;
    to->n = to->n_backwards = 0;
    if (k == from->broken)
        return false;
    for (int i = 0; i < from->n; i++) {
        gone[i] = i == k;
        for (int j = 0; j < from->at[i].n_in; j++)
            gone[i] = gone[i] || (from->at[i].in[j] >= 0 && gone[from->at[i].in[j] / MOST_OUT]);
        place[i] = to->n;
        if (gone[i] && i == from->broken)
            return false;
        if (gone[i])
            continue;
        statement *s = &to->at[to->n++];
        *s = from->at[i];
        for (int j = 0; j < s->n_in; j++)
            if (s->in[j] >= 0)
                s->in[j] = place[s->in[j] / MOST_OUT] * MOST_OUT + s->in[j] % MOST_OUT;
        if (s->values)
            s->number[0] = place[i];
    }
    for (int i = 0; i < from->n_backwards; i++) {
        backward b = from->back[i];
        if ((b.of >= 0 && gone[b.of / MOST_OUT]) || (b.seed >= 0 && gone[b.seed / MOST_OUT])) {
            if (from->broken >= MOST_STATEMENTS)
                return false;
            continue;
        }
        b.of = b.of >= 0 ? place[b.of / MOST_OUT] * MOST_OUT + b.of % MOST_OUT : b.of;
        b.seed = b.seed >= 0 ? place[b.seed / MOST_OUT] * MOST_OUT + b.seed % MOST_OUT : b.seed;
        to->back[to->n_backwards++] = b;
    }
    if (from->broken >= 0 && from->broken < MOST_STATEMENTS)
        to->broken = place[from->broken];
    for (int i = 0; i < to->n_backwards; i++)
        to->back[i].with_grads = program_has_parameters(to);
    return true;
}

static bool take_if_fails(program *p, const program *smaller, fails_fn *fails, void *context) {
    if (!fails(context, smaller))
        return false;
    *p = *smaller;
    return true;
}

static bool drop_statements(program *p, fails_fn *fails, void *context) {
    program smaller;
    bool any = false;
    for (int k = p->n - 1; k >= 0; k--)
        if (k < p->n && without(p, k, &smaller) && take_if_fails(p, &smaller, fails, context))
            any = true;
    for (int i = p->n_backwards - 1; i >= 0; i--) {
        if (p->broken >= MOST_STATEMENTS)
            break;
        smaller = *p;
        memmove(&smaller.back[i], &smaller.back[i + 1], (size_t)(--smaller.n_backwards - i) * sizeof *smaller.back);
        any = take_if_fails(p, &smaller, fails, context) || any;
    }
    return any;
}

/* A result as an input that has its values: what made it is no longer needed. */
static bool cut_statements(program *p, pool *memory, fails_fn *fails, void *context) {
    oracle o = {.p = p, .memory = memory, .value = pool_take(memory, MOST_STATEMENTS * MOST_OUT, sizeof(known))};
    bool any = false;
    for (int k = 0; k < p->n; k++) {
        const known *y = &o.value[k * MOST_OUT];
        if (k == p->broken || oracle_step(&o, k, NULL) != FINE || p->at[k].op->family == LEAF || p->at[k].n_out != 1)
            continue;
        program smaller = *p;
        statement *s = &smaller.at[k];
        const bool wants = y->needs;
        *s = (statement){.op = operation_named(wants ? "variable" : "input"), .n_out = 1, .dtype = y->dtype,
                         .shape = y->shape, .n_numbers = 1, .number = {k}};
        s->values = pool_take(memory, (size_t)y->count + 1, sizeof(double));
        s->direction = wants ? pool_take(memory, (size_t)y->count + 1, sizeof(double)) : NULL;
        for (int64_t i = 0; i < y->count; i++) {
            s->values[i] = y->dtype == HEED_F32 ? (double)(float)y->at[i].v : y->at[i].v;
            if (wants)
                s->direction[i] = i % 2 ? -1 : 1;
        }
        for (int i = 0; i < smaller.n_backwards; i++)
            smaller.back[i].with_grads = program_has_parameters(&smaller);
        any = take_if_fails(p, &smaller, fails, context) || any;
    }
    return any;
}

static bool plain_settings(program *p, fails_fn *fails, void *context) {
    bool any = false;
    program smaller = *p;
    smaller.threads = 1;
    any = (p->threads != 1 && take_if_fails(p, &smaller, fails, context)) || any;
    smaller = *p;
    smaller.anomaly = false;
    any = (p->anomaly && take_if_fails(p, &smaller, fails, context)) || any;
    smaller = *p;
    smaller.training = true;
    any = (!p->training && take_if_fails(p, &smaller, fails, context)) || any;
    for (int k = 0; k < p->n; k++) {
        smaller = *p;
        smaller.at[k].off_record = false;
        any = (p->at[k].off_record && take_if_fails(p, &smaller, fails, context)) || any;
        smaller = *p;
        smaller.at[k].kept = false;
        if (p->at[k].op->family != LEAF)
            smaller.at[k].direction = NULL;
        any = (p->at[k].kept && take_if_fails(p, &smaller, fails, context)) || any;
    }
    return any;
}

/* All elements of a leaf 1, or its values rounded to halves. */
static bool plain_values(program *p, pool *memory, fails_fn *fails, void *context) {
    bool any = false;
    for (int k = 0; k < p->n; k++)
        for (int halves = 0; halves < 2 && p->at[k].values; halves++) {
            program smaller = *p;
            const int64_t n = heed_shape_count(p->at[k].shape);
            bool changes = false;
            smaller.at[k].values = pool_take(memory, (size_t)(n > 0 ? n : 0) + 1, sizeof(double));
            for (int64_t i = 0; i < n; i++) {
                const double x = p->at[k].values[i], plain = halves ? (double)(int64_t)(2 * x) / 2 : 1;
                smaller.at[k].values[i] = p->at[k].dtype == HEED_I32 && !halves ? x : plain;
                changes = changes || smaller.at[k].values[i] != x;
            }
            any = (changes && take_if_fails(p, &smaller, fails, context)) || any;
        }
    return any;
}

static bool set_size(heed_shape *shape, int64_t from, int64_t to) {
    bool changes = false;
    for (int i = 0; i < shape->rank && i < HEED_MAX_RANK; i++)
        if (shape->n[i] == from) {
            shape->n[i] = to;
            changes = true;
        }
    return changes;
}

/* One size everywhere made another: of leaves, parameters, shapes asked for and numbers. */
static bool smaller_sizes(program *p, fails_fn *fails, void *context) {
    bool any = false;
    for (int64_t from = 2; from <= 33; from++)
        for (int64_t to = 1; to < from; to++) {
            program smaller = *p;
            bool changes = false;
            for (int k = 0; k < p->n; k++) {
                statement *s = &smaller.at[k];
                changes = set_size(&s->shape, from, to) || changes;
                for (int i = 0; i < s->n_params; i++)
                    changes = set_size(&s->param[i].shape, from, to) || changes;
                for (int i = s->values ? 1 : 0; i < s->n_numbers; i++)
                    if (s->number[i] == from && s->n_params > 0)
                        s->number[i] = to;
            }
            any = (changes && take_if_fails(p, &smaller, fails, context)) || any;
        }
    return any;
}

void shrink_program(program *p, pool *memory, fails_fn *fails, void *context) {
    for (bool any = true; any;) {
        any = drop_statements(p, fails, context);
        any = cut_statements(p, memory, fails, context) || any;
        any = plain_settings(p, fails, context) || any;
        any = smaller_sizes(p, fails, context) || any;
        any = plain_values(p, memory, fails, context) || any;
    }
}
