/* What the files that propose statements have in common. */
#ifndef PROGRAMS_PROPOSE_H
#define PROGRAMS_PROPOSE_H

#include "draw.h"

static inline const known *in_of(drawing *g, const statement *s, int i) {
    return draw_known(g, s->in[i]);
}

static inline void put(statement *s, ref x) {
    s->in[s->n_in++] = x;
}

static inline void number(statement *s, int64_t x) {
    s->number[s->n_numbers++] = x;
}

/* An axis of x, from either end; x has one. */
static inline int64_t some_axis(drawing *g, heed_shape shape) {
    return draw_between(g, -shape.rank, shape.rank - 1);
}

static inline ref with_axes(drawing *g, unsigned dtypes, int least) {
    return draw_some(g, (want){.dtypes = dtypes, .min_rank = least});
}

static inline ref like(drawing *g, const known *x, heed_shape shape) {
    return draw_some(g, (want){.dtypes = 1u << x->dtype, .exact = &shape, .max_rank = HEED_MAX_RANK});
}

/* i32 of this shape, 0 .. n - 1. */
static inline ref indices(drawing *g, heed_shape shape, int64_t n) {
    return draw_leaf(g, HEED_I32, shape, 0, (double)(n > 0 ? n : 1));
}

#endif
