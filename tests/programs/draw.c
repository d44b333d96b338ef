/* Programs from a seed: statements one after another, each proposed until the oracle takes it; or, where the program is to
 * end in an error, spoilt until the oracle refuses it. */
#include <math.h>
#include <string.h>

#include "draw.h"

/* ---- random numbers: splitmix64 (Steele, Lea, Flood 2014) ---- */

uint64_t draw_bits(drawing *g) {
    uint64_t z = g->state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

int64_t draw_below(drawing *g, int64_t n) {
    return (int64_t)(draw_bits(g) % (uint64_t)n);
}

int64_t draw_between(drawing *g, int64_t low, int64_t high) {
    return low + draw_below(g, high - low + 1);
}

bool draw_chance(drawing *g, int percent) {
    return draw_below(g, 100) < percent;
}

double draw_uniform(drawing *g, double low, double high) {
    return low + (high - low) * (double)(draw_bits(g) >> 11) * 0x1p-53;
}

double draw_plain(drawing *g) {
    return (double)draw_between(g, -16, 16) / 8;
}

int64_t draw_size(drawing *g) {
    static const int64_t odd[] = {0, 8, 9, 15, 16, 17, 33};
    return draw_chance(g, 6) ? odd[draw_below(g, 7)] : draw_between(g, 1, 5);
}

heed_shape draw_shape(drawing *g, int min_rank, int max_rank) {
    heed_shape shape = {.rank = (int)draw_between(g, min_rank, max_rank)};
    for (int i = 0; i < shape.rank; i++)
        shape.n[i] = draw_size(g);
    return heed_shape_count(shape) <= 600 ? shape : draw_shape(g, min_rank, max_rank);
}

heed_dtype draw_dtype(drawing *g, unsigned dtypes) {
    for (;;) {
        const heed_dtype dtype = (heed_dtype)draw_below(g, HEED_DTYPES);
        if (dtypes >> dtype & 1)
            return dtype;
    }
}

/* ---- leaves ---- */

/* Along a single leaf in half of the programs: see the head of program.h. */
double *draw_direction(drawing *g, int64_t count) {
    double *v = pool_take(g->memory, (size_t)(count > 0 ? count : 0) + 1, sizeof *v);
    for (int64_t i = 0; i < count; i++)
        v[i] = draw_uniform(g, 0.5, 1.5) * (draw_chance(g, 50) ? 1 : -1);
    return v;
}

/* Values that f32 has too, so that both dtypes see the same program. */
double *draw_values(drawing *g, heed_dtype dtype, int64_t count, double low, double high) {
    double *x = pool_take(g->memory, (size_t)count + 1, sizeof *x);
    const int manner = (int)draw_below(g, 6);
    for (int64_t i = 0; i < count; i++) {
        if (dtype == HEED_BOOL)
            x[i] = draw_chance(g, manner == 0 ? 20 : 60);
        else if (dtype == HEED_I32)
            x[i] = low != high ? (double)draw_between(g, (int64_t)low, (int64_t)high - 1) : (double)draw_between(g, -3, 5);
        else if (dtype == HEED_BF16 || (manner == 0 && low == high))
            x[i] = (double)draw_between(g, -2, 2); /* with ties, and at kinks */
        else
            x[i] = (double)(float)(low != high   ? draw_uniform(g, low, high)
                                   : manner == 1 ? draw_uniform(g, 0.25, 2)
                                                 : draw_uniform(g, -2, 2));
    }
    return x;
}

const known *draw_known(const drawing *g, ref x) {
    return &g->o->value[x];
}

static ref append(drawing *g, const statement *s) {
    g->p->at[g->p->n] = *s;
    return g->p->n++ * MOST_OUT;
}

ref draw_leaf(drawing *g, heed_dtype dtype, heed_shape shape, double low, double high) {
    const bool real = dtype == HEED_F32 || dtype == HEED_F64;
    statement s = {.n_out = 1, .dtype = dtype, .shape = shape};
    if (real && dtype == g->p->model_dtype && draw_chance(g, 20)) {
        s.op = operation_named("parameter");
        s.n_params = 1;
        s.param[0] = (parameter){.name = "", .shape = shape};
        s.param[0].values = draw_values(g, dtype, heed_shape_count(shape), low, high);
        s.param[0].direction = draw_direction(g, heed_shape_count(shape));
    } else {
        s.op = operation_named(real && draw_chance(g, 75) ? "variable" : draw_chance(g, 50) ? "input" : "borrowed");
        s.values = draw_values(g, dtype, heed_shape_count(shape), low, high);
        s.number[s.n_numbers++] = g->p->n;
        if (s.op->kind == 2)
            s.direction = draw_direction(g, heed_shape_count(shape));
    }
    const ref x = append(g, &s);
    oracle_step(g->o, x / MOST_OUT, NULL);
    return x;
}

void draw_parameter(drawing *g, statement *s, const char *name, heed_shape shape) {
    parameter *p = &s->param[s->n_params++];
    *p = (parameter){.name = name, .shape = shape};
    p->values = draw_values(g, HEED_F32, heed_shape_count(shape), -1, 1);
    p->direction = draw_direction(g, heed_shape_count(shape));
}

/* ---- values that fit ---- */

static bool fits(const known *x, const want *w) {
    heed_shape both;
    const int most = w->max_rank ? w->max_rank : 4, rank = x->shape.rank;
    if (x->at == NULL || !(w->dtypes >> x->dtype & 1) || (w->exact && !oracle_same_shape(x->shape, *w->exact)))
        return false;
    if (!w->exact && (rank < w->min_rank || rank > most || x->count > 600))
        return false;
    if (w->joins && (!oracle_broadcasts(x->shape, *w->joins, &both) || (w->into && !oracle_same_shape(both, *w->joins))))
        return false;
    return (w->last == 0 || x->shape.n[rank - 1] == w->last) && (!w->even || x->shape.n[rank - 1] % 2 == 0);
}

/* One of those that fit, each as likely as another. */
static ref find(drawing *g, const want *w) {
    ref found = ABSENT;
    int64_t n = 0;
    for (int k = 0; k < g->p->n; k++)
        for (int i = 0; i < g->p->at[k].n_out; i++)
            if (fits(draw_known(g, k * MOST_OUT + i), w) && draw_below(g, ++n) == 0)
                found = k * MOST_OUT + i;
    return found;
}

static heed_shape wanted_shape(drawing *g, const want *w) {
    if (w->exact)
        return *w->exact;
    heed_shape shape = draw_shape(g, w->min_rank, w->max_rank ? w->max_rank : 4);
    if (w->joins) {
        const int64_t dropped = w->joins->rank ? draw_below(g, draw_chance(g, 40) ? w->joins->rank + 1 : 1) : 0;
        shape = (heed_shape){.rank = w->joins->rank - (int)dropped};
        for (int i = 0; i < shape.rank; i++)
            shape.n[i] = draw_chance(g, 25) ? 1 : w->joins->n[dropped + i];
        for (int i = 0; i < shape.rank && !w->into; i++)
            if (w->joins->n[dropped + i] == 1 && draw_chance(g, 50))
                shape.n[i] = draw_between(g, 1, 4);
    }
    if (w->last)
        shape.n[shape.rank - 1] = w->last;
    if (w->even)
        shape.n[shape.rank - 1] += shape.n[shape.rank - 1] % 2;
    return shape;
}

ref draw_some(drawing *g, want w) {
    const bool full = g->p->n > MOST_STATEMENTS - 8;
    const ref found = w.fresh || (!full && draw_chance(g, 35)) ? ABSENT : find(g, &w);
    return found >= 0 ? found : draw_leaf(g, draw_dtype(g, w.dtypes), wanted_shape(g, &w), w.low, w.high);
}

/* ---- spoiling ---- */

static void spoil_input(drawing *g, statement *s) {
    static const ref none[] = {ABSENT, STALE, FOREIGN};
    const int i = (int)draw_below(g, s->n_in);
    if (draw_chance(g, 40))
        s->in[i] = none[draw_below(g, 3)];
    else
        s->in[i] = draw_chance(g, 50) ? draw_some(g, (want){.dtypes = ANY, .max_rank = HEED_MAX_RANK})
                                      : draw_leaf(g, draw_dtype(g, ANY), draw_shape(g, 0, 6), 0, 0);
}

/* Whether a whole number is an int to the library, as axes are; others are int64_t. */
static bool is_int(const statement *s, int i) {
    static work_fn *const all[] = {work_transpose, work_permute, work_concat, work_stack, work_gather, work_var,
                                   work_scatter_add, work_index_select, work_argmax, work_cross_entropy,
                                   work_recurrence};
    static work_fn *const first[] = {work_slice, work_select, work_split};
    bool found = s->op->along != NULL;
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        found = found || s->op->work == all[k];
    for (size_t k = 0; k < sizeof first / sizeof *first; k++)
        found = found || (s->op->work == first[k] && i == 0);
    return found;
}

/* A whole number of an option that must not be: beyond what any tensor has, or a little off. How many parts there are stays
 * small: so many results are written. */
static void spoil_number(drawing *g, statement *s) {
    static const int64_t far[] = {-9, 9, -1, 99, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, (int64_t)1 << 40};
    const int i = (int)draw_below(g, s->n_numbers);
    if (s->op->work == work_split && i == 1)
        s->number[1] = draw_between(g, -2, 0);
    else if (draw_chance(g, 50))
        s->number[i] = (int64_t)((uint64_t)s->number[i] + (uint64_t)draw_between(g, -6, 6));
    else
        s->number[i] = far[draw_below(g, is_int(s, i) ? 6 : 9)];
}

static void spoil_real(drawing *g, statement *s) {
    const double wrong[] = {NAN, -1, -INFINITY, INFINITY, 2, -1e-3, 0, 1e300};
    s->real[draw_below(g, s->op->reals)] = wrong[draw_below(g, 8)];
}

static void spoil_shape(drawing *g, heed_shape *shape) {
    switch (draw_below(g, 5)) {
    case 0: shape->rank = draw_chance(g, 50) ? HEED_MAX_RANK + 1 : -1; break;
    case 1: *shape = HEED_SHAPE((int64_t)1 << 33, (int64_t)1 << 33); break;
    case 2: shape->n[0] = -1 - draw_below(g, 3), shape->rank = shape->rank ? shape->rank : 1; break;
    case 3: shape->n[shape->rank++ % HEED_MAX_RANK] = draw_between(g, 2, 7); break;
    default: *shape = HEED_SHAPE(-1, -1); break;
    }
}

static void spoil_text(drawing *g, statement *s) {
    static const char *const wrong[] = {"ij,jk->iz", "ij-jk", "i.j->i", "ij,jk->ii", "", "->", "i,,j", "ij>ji", "...", "i1,j"};
    if (draw_chance(g, 50))
        strcpy(s->text, wrong[draw_below(g, 10)]);
    else if (s->text[0])
        s->text[draw_below(g, (int64_t)strlen(s->text))] = "ijz.,->"[draw_below(g, 7)];
}

static void spoil_axes(drawing *g, statement *s) {
    s->axes.n = draw_chance(g, 80) ? (int)draw_between(g, 1, 3) : (int)draw_between(g, -1, HEED_MAX_RANK);
    for (int i = 0; i < s->axes.n; i++)
        s->axes.axis[i] = (int)draw_between(g, -6, 6);
}

/* One thing of the statement made another, which is wrong as a rule. Layers are declared with what fits their parameters;
 * only what they are given is spoilt. */
static void spoil(drawing *g, statement *s) {
    const bool declared = s->op->family == LAYER || s->n_params > 0;
    switch (draw_below(g, 6)) {
    case 0:
        if (s->n_in > 0)
            spoil_input(g, s);
        break;
    case 1:
        if (s->n_numbers > 0 && !declared && s->values == NULL)
            spoil_number(g, s);
        break;
    case 2:
        if (s->op->reals > 0 && !declared)
            spoil_real(g, s);
        break;
    case 3:
        if (strchr(s->op->text, '@'))
            spoil_shape(g, &s->shape);
        break;
    case 4:
        if (strchr(s->op->text, '!') && s->n_params == 0)
            s->dtype = draw_chance(g, 50) ? (heed_dtype)draw_between(g, -1, 9) : draw_dtype(g, ANY);
        break;
    default:
        if (strchr(s->op->text, '"'))
            spoil_text(g, s);
        else if (strchr(s->op->text, '^'))
            spoil_axes(g, s);
    }
}

/* ---- statements ---- */

static bool propose(drawing *g, statement *s) {
    *s = (statement){.n_out = 1};
    do
        s->op = &operations[draw_below(g, n_operations)];
    while (s->op->family == LEAF && draw_chance(g, 70));
    s->off_record = draw_chance(g, 3) && s->op->call != operation_named("parameter")->call && !may_return_its_input(s->op);
    return s->op->propose(g, s);
}

static bool has_room(const drawing *g) {
    return g->p->n < MOST_STATEMENTS - 10;
}

/* What the proposal made for itself and the oracle then refused is left out again. */
static void add_statement(drawing *g) {
    statement s;
    for (int tries = 0; tries < 20 && has_room(g); tries++) {
        const int before = g->p->n;
        if (propose(g, &s)) {
            const int at = append(g, &s) / MOST_OUT;
            if (oracle_step(g->o, at, NULL) == FINE)
                return;
        }
        g->p->n = before;
    }
}

static void add_broken(drawing *g) {
    statement s;
    for (int tries = 0; tries < 60 && g->p->broken < 0 && has_room(g); tries++) {
        const int before = g->p->n;
        if (propose(g, &s)) {
            for (int i = draw_chance(g, 80) ? 1 : 2; i > 0; i--)
                spoil(g, &s);
            const int at = append(g, &s) / MOST_OUT;
            if (oracle_step(g->o, at, NULL) == REFUSED) {
                g->p->broken = at;
                memset(&g->o->value[at * MOST_OUT], 0, MOST_OUT * sizeof(known)); /* nothing is made of it */
                return;
            }
        }
        g->p->n = before;
    }
}

/* ---- backward ---- */

/* A value that a gradient comes to, or ABSENT: late ones more often, losses most. */
static ref some_end(drawing *g) {
    ref found = ABSENT;
    int64_t n = 0;
    for (int k = 0; k < g->p->n; k++)
        for (int i = 0; i < g->p->at[k].n_out; i++) {
            const known *x = draw_known(g, k * MOST_OUT + i);
            if (k == g->p->broken || !x->needs || g->p->at[k].op->family == LEAF || may_return_its_input(g->p->at[k].op))
                continue;
            const int64_t share = 1 + k + (x->weight >= 0 ? 20 : 0);
            n += share;
            if (draw_below(g, n) < share)
                found = k * MOST_OUT + i;
        }
    return found;
}

/* u: random, of the value's shape. */
static ref seed_like(drawing *g, const known *y) {
    statement s = {.op = operation_named("input"), .n_out = 1, .dtype = y->dtype, .shape = y->shape};
    s.values = draw_values(g, y->dtype, y->count, -1, 1);
    s.number[s.n_numbers++] = g->p->n;
    const ref x = append(g, &s);
    oracle_step(g->o, x / MOST_OUT, NULL);
    return x;
}

static void add_backwards(drawing *g) {
    program *p = g->p;
    const int n = draw_chance(g, 70) ? 1 : (int)draw_between(g, 1, MOST_BACKWARDS);
    const bool with_grads = program_has_parameters(p);
    double weight = -1;
    bool accumulates = false;
    for (int i = 0; i < n && p->n < MOST_STATEMENTS - 1; i++) {
        backward b = {.of = some_end(g), .seed = ABSENT, .retain = true, .with_grads = with_grads};
        if (b.of == ABSENT)
            return;
        if (draw_known(g, b.of)->count != 1 || draw_chance(g, 20))
            b.seed = seed_like(g, draw_known(g, b.of));
        if (oracle_backward(g->o, &b, false, accumulates, weight) != FINE)
            continue;
        if (b.with_grads) {
            weight = draw_known(g, b.of)->weight;
            accumulates = true;
        }
        p->back[p->n_backwards++] = b;
    }
    if (p->n_backwards > 0 && draw_chance(g, 70))
        p->back[p->n_backwards - 1].retain = false;
}

/* A last backward that is to be refused. */
static void add_broken_backward(drawing *g) {
    program *p = g->p;
    if (p->n_backwards == MOST_BACKWARDS)
        p->n_backwards--;
    double weight = -1;
    bool accumulates = false;
    for (int i = 0; i < p->n_backwards; i++) {
        weight = p->back[i].with_grads ? draw_known(g, p->back[i].of)->weight : weight;
        accumulates = accumulates || p->back[i].with_grads;
    }
    for (int tries = 0; tries < 20 && p->broken < 0; tries++) {
        backward b = {.of = draw_chance(g, 20) ? (ref)draw_between(g, FOREIGN, ABSENT) : (ref)draw_below(g, p->n) * MOST_OUT,
                      .seed = draw_chance(g, 50) ? (ref)draw_between(g, FOREIGN, ABSENT) : (ref)draw_below(g, p->n) * MOST_OUT,
                      .with_grads = program_has_parameters(p)};
        if (p->n_backwards > 0 && draw_chance(g, 30)) {
            b = p->back[p->n_backwards - 1];
            p->back[p->n_backwards - 1].retain = false;
        }
        const bool walked = p->n_backwards > 0 && !p->back[p->n_backwards - 1].retain &&
                            b.of == p->back[p->n_backwards - 1].of;
        if (oracle_backward(g->o, &b, walked, accumulates, weight) == REFUSED) {
            p->broken = MOST_STATEMENTS + p->n_backwards;
            p->back[p->n_backwards++] = b;
        }
    }
}

/* Some values' gradients are kept. */
static void keep_some(drawing *g) {
    for (int k = 0; k < g->p->n; k++) {
        statement *s = &g->p->at[k];
        const known *x = draw_known(g, k * MOST_OUT);
        if (k == g->p->broken || s->op->family == LEAF || may_return_its_input(s->op) || !x->needs || !draw_chance(g, 8))
            continue;
        s->kept = true;
        s->direction = draw_direction(g, x->count);
    }
}

/* Leaves the directions of one leaf alone. */
static void single_out(drawing *g) {
    int chosen = -1;
    int64_t n = 0;
    for (int k = 0; k < g->p->n; k++)
        if ((g->p->at[k].direction || g->p->at[k].n_params > 0) && draw_below(g, ++n) == 0)
            chosen = k;
    for (int k = 0; k < g->p->n; k++) {
        statement *s = &g->p->at[k];
        const int only = s->n_params ? (int)draw_below(g, s->n_params) : 0;
        if (s->direction && k != chosen)
            memset(s->direction, 0, (size_t)draw_known(g, k * MOST_OUT)->count * sizeof *s->direction);
        for (int i = 0; i < s->n_params; i++)
            if (k != chosen || i != only)
                memset(s->param[i].direction, 0, (size_t)heed_shape_count(s->param[i].shape) * sizeof(double));
    }
}

void draw_program(program *p, oracle *o, pool *memory, uint64_t seed, uint64_t number) {
    *p = (program){.seed = seed, .number = number, .broken = -1};
    *o = (oracle){.p = p, .memory = memory,
                  .value = pool_take(memory, MOST_STATEMENTS * MOST_OUT, sizeof(known))};
    drawing g = {.p = p, .o = o, .memory = memory, .state = seed * 0x2545f4914f6cdd1d + number * 0x9e3779b97f4a7c15};
    draw_bits(&g);
    p->threads = (int)draw_between(&g, 1, 3);
    p->training = draw_chance(&g, 70);
    p->anomaly = draw_chance(&g, 20);
    p->model_dtype = draw_chance(&g, 60) ? HEED_F32 : HEED_F64;
    const bool breaks = draw_chance(&g, 30), breaks_backward = breaks && draw_chance(&g, 12);
    const int statements = (int)draw_between(&g, 1, 12);
    const int broken_at = breaks && !breaks_backward ? (int)draw_below(&g, statements) : -1;
    for (int i = 0; i < statements && has_room(&g); i++) {
        if (i == broken_at)
            add_broken(&g);
        else
            add_statement(&g);
    }
    add_backwards(&g);
    if (breaks_backward)
        add_broken_backward(&g);
    keep_some(&g);
    if (draw_chance(&g, 50))
        single_out(&g);
}
