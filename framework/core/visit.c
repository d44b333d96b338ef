/* Looking at what a tape has recorded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_internal.h"

bool heed_needs_grad(const heed_tape *t, heed_tensor x) {
    return x.epoch == t->epoch && x.index > 0 && x.index < t->n_values && (t->values[x.index].flags & VALUE_NEEDS_GRAD);
}

enum { PATH_TEXT = 512 };

/* The parameter's path; of several seen as one, theirs with " + " between. */
static void parameter_path(heed_param p, char text[PATH_TEXT]) {
    extent e;
    size_t length = 0;
    text[0] = '\0';
    if (!model_extent(p.model, p.index, &e))
        return;
    int first = p.index < STACK_HANDLES ? p.index : e.first; /* a tied name is its own */
    for (int i = 0; i < e.entries && length < PATH_TEXT; i++)
        length += (size_t)snprintf(text + length, PATH_TEXT - length, "%s%s", i ? " + " : "",
                                   p.model->entries[first + i].path);
}

/* One walk. */
typedef struct walk {
    heed_tape *t;
    heed_visit_fn *visit;
    void *user;
    bool *seen; /* leaves that were shown, by index */
    heed_tensor *in;
    char path[PATH_TEXT];
} walk;

static void show_leaf(walk *w, uint32_t index) {
    const value *v = &w->t->values[index];
    if (index == 0 || w->seen[index] || v->node != NO_NODE)
        return;
    w->seen[index] = true;
    w->path[0] = '\0';
    if (v->use != NO_PARAM)
        parameter_path(w->t->uses[v->use].param, w->path);
    w->visit(w->user, w->t, &(heed_tape_item){.path = w->path, .out = tape_handle(w->t, index), .n_out = 1});
}

static void show_node(walk *w, const node *n) {
    for (int i = 0; i < n->n_in; i++) {
        show_leaf(w, n->inputs[i]);
        w->in[i] = tape_handle(w->t, n->inputs[i]);
    }
    scope_path(n->scope, w->path, sizeof w->path);
    w->visit(w->user, w->t,
             &(heed_tape_item){.op = n->op->name,
                               .path = w->path,
                               .out = tape_handle(w->t, n->first_out),
                               .n_out = n->n_out,
                               .n_in = n->n_in,
                               .in = w->in});
}

heed_status heed_tape_visit(heed_tape *t, heed_visit_fn *visit, void *user) {
    int most = 1;
    if (t->error.status)
        return t->error.status;
    for (size_t i = 0; i < t->n_nodes; i++)
        most = t->nodes[i].n_in > most ? t->nodes[i].n_in : most;
    walk *w = malloc(sizeof *w);
    if (w)
        *w = (walk){.t = t,
                    .visit = visit,
                    .user = user,
                    .seen = calloc(t->n_values, sizeof *w->seen),
                    .in = calloc((size_t)most, sizeof *w->in)};
    heed_status status = w && w->seen && w->in ? HEED_OK : tape_no_memory(t, "visit", sizeof *w + t->n_values);
    for (size_t i = 0; i < t->n_nodes && !status; i++)
        if (!t->nodes[i].constant)
            show_node(w, &t->nodes[i]);
    if (w) {
        free(w->seen);
        free(w->in);
    }
    free(w);
    return status;
}
