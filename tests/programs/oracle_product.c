/* The oracle's products: each result is one sum over what its formula sums over. */
#include <string.h>

#include "program.h"

/* number: whether a, b are read transposed. */
bool work_matmul(oracle *o, const statement *s, const known *const *in, known *out) {
    heed_shape a = in[0]->shape, b = in[1]->shape, batch_a = a, batch_b = b, shape;
    if (in[0]->dtype != in[1]->dtype)
        return oracle_refuse(o, "dtypes differ");
    if (a.rank == 0 || b.rank == 0)
        return oracle_refuse(o, "a scalar");
    const bool a_turned = a.rank > 1 && s->number[0], b_turned = b.rank > 1 && s->number[1];
    const int64_t inner = a.n[a.rank - 1 - a_turned];
    if (inner != (b.rank == 1 ? b.n[0] : b.n[b.rank - 2 + b_turned]))
        return oracle_refuse(o, "inner sizes differ");
    batch_a.rank = a.rank > 2 ? a.rank - 2 : 0;
    batch_b.rank = b.rank > 2 ? b.rank - 2 : 0;
    if (!oracle_broadcasts(batch_a, batch_b, &shape))
        return oracle_refuse(o, "batch axes do not broadcast");
    const int batch = shape.rank;
    if (a.rank > 1)
        shape.n[shape.rank++] = a.n[a.rank - 2 + a_turned];
    if (b.rank > 1)
        shape.n[shape.rank++] = b.n[b.rank - 1 - b_turned];
    if (!oracle_fresh(o, out, in[0]->dtype, shape))
        return false;
    for (int64_t i = 0; i < out->count; i++) {
        int64_t at[HEED_MAX_RANK];
        oracle_place(shape, i, at);
        const int64_t row = a.rank > 1 ? at[batch] : 0, column = b.rank > 1 ? at[shape.rank - 1] : 0;
        const int64_t from_a = oracle_flat(batch_a, at, batch) * (a.rank > 1 ? a.n[a.rank - 2] * a.n[a.rank - 1] : 0);
        const int64_t from_b = oracle_flat(batch_b, at, batch) * (b.rank > 1 ? b.n[b.rank - 2] * b.n[b.rank - 1] : 0);
        total sum = {.n = 0};
        for (int64_t k = 0; k < inner; k++) {
            const int64_t x = a_turned ? k * a.n[a.rank - 1] + row : row * inner + k;
            const int64_t y = b.rank == 1 ? k : b_turned ? column * inner + k : k * b.n[b.rank - 1] + column;
            total_add(&sum, num_mul(in[0]->at[from_a + x], in[1]->at[from_b + y], o->unit));
        }
        out->at[i] = total_of(&sum, o->unit);
    }
    return true;
}

num row_dot(oracle *o, const num *x, const num *y, int64_t n) {
    total sum = {.n = 0};
    for (int64_t i = 0; i < n; i++)
        total_add(&sum, num_mul(x[i], y[i], o->unit));
    return total_of(&sum, o->unit);
}

void rows_linear(oracle *o, const num *x, const num *w, const num *b, const int64_t sizes[3], num *y) {
    const int64_t inputs = sizes[1], outputs = sizes[2];
    for (int64_t r = 0; r < sizes[0]; r++)
        for (int64_t j = 0; j < outputs; j++) {
            num *to = &y[r * outputs + j];
            *to = row_dot(o, x + r * inputs, w + j * inputs, inputs);
            if (b)
                *to = num_add(*to, b[j], o->unit);
        }
}

bool work_linear(oracle *o, const statement *s, const known *const *in, known *out) {
    (void)s;
    const known *x = in[0], *w = in[1], *b = in[2];
    heed_shape shape = x->shape;
    if (w->dtype != x->dtype || (b && b->dtype != x->dtype))
        return oracle_refuse(o, "dtypes differ");
    if (w->shape.rank != 2 || shape.rank == 0 || shape.n[shape.rank - 1] != w->shape.n[1])
        return oracle_refuse(o, "inner sizes differ");
    if (b && (b->shape.rank != 1 || b->shape.n[0] != w->shape.n[0]))
        return oracle_refuse(o, "bias");
    shape.n[shape.rank - 1] = w->shape.n[0];
    if (!oracle_fresh(o, out, x->dtype, shape))
        return false;
    const int64_t outputs = w->shape.n[0];
    rows_linear(o, x->at, w->at, b ? b->at : NULL,
                (int64_t[]){outputs ? out->count / outputs : 0, w->shape.n[1], outputs}, out->at);
    return true;
}

/* ---- einsum ---- */

enum { MOST_LETTERS = 16 };

/* The axes of a term: letters, and for those of "..." the digits '0' to '7', the last axis '7'. */
typedef struct term {
    char letter[3 * HEED_MAX_RANK];
    int n;
} term;

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Reads up to ',', '-' or the end. dots: how many axes "..." stands for. */
static bool read_term(const char **text, int dots, term *t) {
    bool dotted = false;
    *t = (term){.n = 0};
    for (; **text && **text != ',' && **text != '-'; (*text)++) {
        if (**text == ' ')
            continue;
        if (is_letter(**text) && t->n < 2 * HEED_MAX_RANK) {
            t->letter[t->n++] = **text;
        } else if (strncmp(*text, "...", 3) == 0 && !dotted) {
            for (int i = 0; i < dots; i++)
                t->letter[t->n++] = (char)('8' - dots + i);
            *text += 2;
            dotted = true;
        } else {
            return false;
        }
    }
    return true;
}

static int letters_of(const char *text, bool *dotted) {
    int n = 0;
    *dotted = false;
    for (; *text && *text != ',' && *text != '-'; text++) {
        n += is_letter(*text);
        *dotted = *dotted || *text == '.';
    }
    return n;
}

/* What a text says of operands of these shapes. */
typedef struct equation {
    term in[MOST_IN], out;
    int64_t size[128];
    int occurrences[128];
} equation;

static bool read_operands(oracle *o, const char **text, const statement *s, const known *const *in, equation *e) {
    for (int i = 0; i < s->n_in; i++) {
        bool dotted;
        const int letters = letters_of(*text, &dotted), dots = dotted ? in[i]->shape.rank - letters : 0;
        if (dots < 0 || letters + dots != in[i]->shape.rank || !read_term(text, dots, &e->in[i]))
            return oracle_refuse(o, "a term does not fit");
        if (i < s->n_in - 1 ? *(*text)++ != ',' : **text == ',')
            return oracle_refuse(o, "the number of operands");
    }
    return true;
}

/* All axes of a letter are of one size; those of "..." may also be 1. */
static bool find_sizes(oracle *o, const statement *s, const known *const *in, equation *e) {
    for (int i = 0; i < s->n_in; i++)
        for (int a = 0; a < e->in[i].n; a++) {
            const int c = e->in[i].letter[a];
            const int64_t n = in[i]->shape.n[a];
            if (e->occurrences[c] == 0 || (c <= '9' && e->size[c] == 1))
                e->size[c] = n;
            else if (n != e->size[c] && !(c <= '9' && n == 1))
                return oracle_refuse(o, "sizes of an axis differ");
            e->occurrences[c]++;
        }
    return true;
}

static bool read_result(oracle *o, const char *text, equation *e) {
    int dots = 0;
    for (int c = '0'; c <= '7'; c++)
        dots += e->occurrences[c] > 0;
    if (*text == '\0') { /* those that occur once, sorted */
        for (int c = '0'; c <= 'z'; c++)
            if (e->occurrences[c] > 0 && (c <= '9' || e->occurrences[c] == 1))
                e->out.letter[e->out.n++] = (char)c;
        return true;
    }
    text += 2;
    if (!read_term(&text, dots, &e->out) || *text)
        return oracle_refuse(o, "the result");
    for (int i = 0; i < e->out.n; i++) {
        if (e->occurrences[(int)e->out.letter[i]] == 0)
            return oracle_refuse(o, "an axis that is in no operand");
        for (int j = 0; j < i; j++)
            if (e->out.letter[i] == e->out.letter[j])
                return oracle_refuse(o, "an axis twice");
    }
    return true;
}

static int64_t flat_at(const term *t, heed_shape shape, const int64_t *at) {
    int64_t flat = 0;
    for (int a = 0; a < t->n; a++)
        flat = flat * shape.n[a] + (shape.n[a] == 1 ? 0 : at[(int)t->letter[a]]);
    return flat;
}

/* Adds the products of all places of the summed letters to one result. */
static num einsum_at(oracle *o, const statement *s, const known *const *in, const equation *e, int64_t *at) {
    char summed[MOST_LETTERS + 1] = "";
    int64_t count = 1;
    int n = 0;
    for (int c = '0'; c <= 'z'; c++)
        if (e->occurrences[c] && memchr(e->out.letter, c, (size_t)e->out.n) == NULL && n < MOST_LETTERS) {
            summed[n++] = (char)c;
            count *= e->size[c];
        }
    total sum = {.n = 0};
    for (int64_t k = 0; k < count; k++) {
        int64_t rest = k;
        for (int i = 0; i < n; i++) {
            at[(int)summed[i]] = rest % e->size[(int)summed[i]];
            rest /= e->size[(int)summed[i]];
        }
        num product = in[0]->at[flat_at(&e->in[0], in[0]->shape, at)];
        for (int i = 1; i < s->n_in; i++)
            product = num_mul(product, in[i]->at[flat_at(&e->in[i], in[i]->shape, at)], o->unit);
        total_add(&sum, product);
    }
    return total_of(&sum, o->unit);
}

static bool has_letters_twice(const term *t) {
    bool twice = false;
    for (int i = 0; i < t->n; i++)
        for (int j = 0; j < i; j++)
            twice = twice || t->letter[i] == t->letter[j];
    return twice;
}

/* Of real operands; of any where the axes of one only change places. */
bool work_einsum(oracle *o, const statement *s, const known *const *in, known *out) {
    equation e;
    memset(&e, 0, sizeof e);
    const char *text = s->text;
    if (!read_operands(o, &text, s, in, &e))
        return false;
    if (*text && strncmp(text, "->", 2) != 0)
        return oracle_refuse(o, "the arrow");
    if (!find_sizes(o, s, in, &e) || !read_result(o, text, &e))
        return false;
    const bool permutes = s->n_in == 1 && e.out.n == e.in[0].n && !has_letters_twice(&e.in[0]);
    for (int i = 0; i < s->n_in && !permutes; i++)
        if (in[i]->dtype != in[0]->dtype || !(REALS >> in[i]->dtype & 1))
            return oracle_refuse(o, "dtype");
    heed_shape shape = {.rank = e.out.n};
    if (shape.rank > HEED_MAX_RANK)
        return oracle_refuse(o, "too many axes");
    double work = 1;
    for (int c = 0; c < 128; c++)
        work *= e.occurrences[c] ? (double)e.size[c] : 1;
    for (int i = 0; i < shape.rank; i++)
        shape.n[i] = e.size[(int)e.out.letter[i]];
    o->unsure = work > 50 * MOST_ELEMENTS;
    if (o->unsure || !oracle_fresh(o, out, in[0]->dtype, shape))
        return false;
    for (int64_t i = 0; i < out->count; i++) {
        int64_t place[HEED_MAX_RANK], at[128] = {0};
        oracle_place(shape, i, place);
        for (int a = 0; a < shape.rank; a++)
            at[(int)e.out.letter[a]] = place[a];
        out->at[i] = einsum_at(o, s, in, &e, at);
    }
    return true;
}
