/* The tape of one forward as JSON. */
#include <stdlib.h>

#include "probe_internal.h"

/* Where each value of the tape comes from: op i has i, leaf i has -1-i. */
typedef struct graph {
    lens_text ops, leaves;
    int64_t *source; /* by the value's index */
    int64_t n_ops, n_leaves;
} graph;

static void put_shape(lens_text *text, heed_shape shape) {
    lens_text_put(text, "[", 1);
    for (int i = 0; i < shape.rank; i++)
        lens_text_format(text, "%s%lld", i ? "," : "", (long long)shape.n[i]);
    lens_text_put(text, "]", 1);
}

static void put_leaf(graph *g, const heed_tape *t, const heed_tape_item *leaf) {
    lens_text_format(&g->leaves, "%s{\"name\":", g->n_leaves ? "," : "");
    lens_text_string(&g->leaves, leaf->path);
    lens_text_format(&g->leaves, ",\"shape\":");
    put_shape(&g->leaves, heed_shape_of(t, leaf->out));
    lens_text_put(&g->leaves, "}", 1);
    g->source[leaf->out.index] = -1 - g->n_leaves++;
}

static void put_op(graph *g, const heed_tape *t, const heed_tape_item *op) {
    lens_text_format(&g->ops, "%s{\"op\":", g->n_ops ? ",\n" : "");
    lens_text_string(&g->ops, op->op);
    lens_text_format(&g->ops, ",\"path\":");
    lens_text_string(&g->ops, op->path);
    lens_text_format(&g->ops, ",\"out\":");
    put_shape(&g->ops, heed_shape_of(t, op->out));
    if (op->n_out > 1)
        lens_text_format(&g->ops, ",\"outputs\":%d", op->n_out);
    lens_text_format(&g->ops, ",\"inputs\":[");
    for (int i = 0; i < op->n_in; i++) {
        if (heed_is_nil(op->in[i]))
            lens_text_format(&g->ops, "%snull", i ? "," : "");
        else
            lens_text_format(&g->ops, "%s%lld", i ? "," : "", (long long)g->source[op->in[i].index]);
    }
    lens_text_format(&g->ops, "]}");
    for (int o = 0; o < op->n_out; o++)
        g->source[op->out.index + (uint64_t)o] = g->n_ops;
    g->n_ops++;
}

static void put(void *user, heed_tape *t, const heed_tape_item *item) {
    graph *g = user;
    if (item->op)
        put_op(g, t, item);
    else
        put_leaf(g, t, item);
}

heed_status lens_graph(heed_tape *t, lens_text *text) {
    const size_t values = heed_tape_statistics(t).values + 1;
    graph g = {.source = calloc(values, sizeof *g.source)};
    heed_status status = g.source ? heed_tape_visit(t, put, &g) : HEED_NO_MEMORY;
    if (!status) {
        lens_text_format(text, "{\"ops\":[");
        lens_text_put(text, g.ops.n ? g.ops.data : "", g.ops.n);
        lens_text_format(text, "],\n\"leaves\":[");
        lens_text_put(text, g.leaves.n ? g.leaves.data : "", g.leaves.n);
        lens_text_format(text, "]}\n");
    }
    if (!status && (g.ops.failed || g.leaves.failed || text->failed))
        status = HEED_NO_MEMORY;
    free(g.source);
    free(g.ops.data);
    free(g.leaves.data);
    return status;
}
