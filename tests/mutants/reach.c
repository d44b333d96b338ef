/* Which functions are a backward rule: what backward reaches, and no op's forward does. What both use is left alone,
 * since changing it changes the function together with its gradient, which may then be right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mutants.h"

typedef struct walk {
    const tree *t;
    bool forward;
    bool *met; /* by unit and node */
} walk;

static bool contains(const char *name, const char *const *parts) {
    for (; *parts; parts++)
        if (strstr(name, *parts))
            return true;
    return false;
}

/* Where forward and backward stand side by side in one table, names tell them apart. */
static bool says_backward(const char *name) {
    return contains(name, (const char *const[]){"back", "gradient", "GRADIENT", NULL});
}

static void visit(walk *w, int in_unit, int node_index);

static void visit_names(walk *w, int in_unit, const source *s, int first, int last) {
    for (int i = first; i < last; i++) {
        if (s->tokens[i].kind != WORD || token_is(s, i - 1, ".") || token_is(s, i - 1, "->"))
            continue;
        char *name = tree_name_at(s, i);
        for (int at = -1, where;
             !(w->forward && says_backward(name)) && tree_find(w->t, in_unit, name, &at, &where) >= 0;)
            visit(w, where, at);
        free(name);
    }
}

static void visit(walk *w, int in_unit, int node_index) {
    const node *n = &w->t->nodes[node_index];
    bool *met = &w->met[in_unit * w->t->n_nodes + node_index];
    const source *s = &w->t->sources[n->source];
    for (int i = n->head; n->kind == TABLE && i < n->first; i++)
        if (token_is(s, i, "heed_op")) /* another op, which an op may be made of */
            return;
    if (*met)
        return;
    *met = true;
    visit_names(w, in_unit, s, n->first, n->last);
}

/* Visits what the op's descriptor gives for .forward or .backward, and .forward_any or .backward_any. */
static void visit_rule(walk *w, const op *o, const char *rule) {
    const source *s = &w->t->sources[o->source];
    char any[32];
    snprintf(any, sizeof any, "%s_any", rule);
    for (int i = o->first; i < o->last; i++) {
        if (!token_is(s, i, ".") || !(token_is(s, i + 1, rule) || token_is(s, i + 1, any)))
            continue;
        const int value = i + 3;
        visit_names(w, o->unit, s, value, token_is(s, value, "{") ? token_partner(s, value) : value + 1);
    }
}

/* ---- the engine's part: gradients that broadcasting, several users and views have added up. (Where each lies and whether an
 * op writes it there or aside, backward_route.c, are choices of equal results as a rule.) ---- */

static const struct {
    const char *file, *functions, *checks;
} engine[] = {
    {"framework/core/backward_walk.c",
     " open_gradient show_forward show_dy open_targets settle sum_repeats view_backward ",
     "--layer tape|--op mul|--op linear|--op split|--op expand|--op attention|--layer lstm|--layer multi_head_attention"},
    {"framework/core/array.c", " summed_offset finish_strip sum_strip run_sum heed_array_sum_to ",
     "--layer tape|--op linear|--op mul|--op expand|--op add|--op where"},
};

static int engine_part(const tree *t, const node *n) {
    char name[200];
    snprintf(name, sizeof name, " %s ", n->name);
    for (int i = 0; i < (int)(sizeof engine / sizeof *engine); i++)
        if (strcmp(t->sources[n->source].path, engine[i].file) == 0 && strstr(engine[i].functions, name))
            return i;
    return -1;
}

/* A part that was renamed would otherwise be left out in silence. */
static void engine_must_exist(const tree *t) {
    for (int i = 0; i < (int)(sizeof engine / sizeof *engine); i++) {
        int named = 0, met = 0;
        for (const char *at = engine[i].functions + 1; *at; at = strchr(at, ' ') + 1)
            named++;
        for (int n = 0; n < t->n_nodes; n++)
            met += engine_part(t, &t->nodes[n]) == i;
        if (met < named)
            die("of the functions%sonly %d are in %s", engine[i].functions, met, engine[i].file);
    }
}

/* ---- places ---- */

static void add_check(place *p, int in_unit, const char *option, size_t length) {
    if (p->n_checks == MOST_CHECKS)
        return;
    check *c = &p->checks[p->n_checks++];
    c->unit = in_unit;
    snprintf(c->option, sizeof c->option, "%.*s", (int)length, option);
}

static int unit_of(const tree *t, int file) {
    for (int u = 0; u < t->n_units; u++)
        if (t->units[u].source == file)
            return u;
    die("%s is no unit", t->sources[file].path);
}

static void add_engine_checks(const tree *t, int part, place *p) {
    const int in_unit = unit_of(t, t->nodes[p->node].source);
    for (const char *option = engine[part].checks; *option;) {
        const size_t length = strcspn(option, "|");
        add_check(p, in_unit, option, length);
        option += length + (option[length] == '|');
    }
}

/* Of the ops that use it, spread over all, and where kinks are, those. */
static void add_op_checks(const tree *t, const walk *backward, place *p) {
    typedef struct use {
        int op, unit;
    } use;
    use *uses = take((size_t)(t->n_ops * t->n_units) * sizeof *uses);
    int n = 0;
    for (int o = 0; o < t->n_ops; o++)
        for (int u = 0; u < t->n_units; u++)
            if (backward[o].met[u * t->n_nodes + p->node])
                uses[n++] = (use){o, u};
    const int checks = n < MOST_CHECKS - 1 ? n : MOST_CHECKS - 1;
    for (int i = 0; i < checks; i++) {
        char option[80];
        const use *of = &uses[i * n / checks];
        snprintf(option, sizeof option, "--op %s", t->ops[of->op].name);
        add_check(p, of->unit, option, strlen(option));
    }
    if (checks > 0 && strncmp(t->sources[t->nodes[p->node].source].path, "framework/ops/elementwise/", 26) == 0)
        add_check(p, uses[0].unit, "--layer kinks", strlen("--layer kinks"));
    free(uses);
}

static bool met_anywhere(const walk *w, int node_index) {
    for (int u = 0; u < w->t->n_units; u++)
        if (w->met[u * w->t->n_nodes + node_index])
            return true;
    return false;
}

/* How work is shared out, how much memory it takes, and what becomes of NaN and inf, is no rule: the gradient check
 * looks at numbers. */
static bool is_a_rule(const tree *t, const node *n) {
    static const char *const others[] = {"grain", "bytes", "workspace", "share", "bad", NULL};
    const char *path = t->sources[n->source].path;
    if (n->kind == TABLE || contains(n->name, others))
        return false;
    return n->kind == FUNCTION || (n->first > n->head + 1 && strncmp(path, "framework/ops/", 14) == 0);
}

static walk walk_rule(const tree *t, const op *o, const char *rule) {
    walk w = {.t = t, .forward = strcmp(rule, "forward") == 0, .met = take((size_t)(t->n_units * t->n_nodes))};
    visit_rule(&w, o, rule);
    return w;
}

place *reach_places(const tree *t, int *n) {
    bool *in_forward = take((size_t)t->n_nodes);
    walk *backward = take((size_t)t->n_ops * sizeof *backward);
    for (int o = 0; o < t->n_ops; o++) {
        walk forward = walk_rule(t, &t->ops[o], "forward");
        for (int i = 0; i < t->n_nodes; i++)
            in_forward[i] = in_forward[i] || met_anywhere(&forward, i);
        free(forward.met);
        backward[o] = walk_rule(t, &t->ops[o], "backward");
    }
    place *places = NULL;
    *n = 0;
    engine_must_exist(t);
    for (int i = 0; i < t->n_nodes; i++) {
        place p = {.node = i};
        const int part = engine_part(t, &t->nodes[i]);
        if (part >= 0)
            add_engine_checks(t, part, &p);
        else if (!in_forward[i] && is_a_rule(t, &t->nodes[i]))
            add_op_checks(t, backward, &p);
        if (p.n_checks == 0)
            continue;
        places = grow(places, *n, sizeof *places);
        places[(*n)++] = p;
    }
    return places;
}
