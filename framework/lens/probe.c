#include "probe_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What attention shows under these names. differentiated: always by the tape; otherwise only where the scores are on
 * record, that is where weights are composed of plain ops. */
enum { SEEN_X, SEEN_Q, SEEN_K, SEEN_V, SEEN_SCORES, SEEN_PATTERN, SEEN_Z, SEEN_KINDS };
static const struct seen_kind {
    const char *name;
    bool gradient, differentiated;
} kinds[SEEN_KINDS] = {
    [SEEN_X] = {"x", false, false},          [SEEN_Q] = {"q", true, true},
    [SEEN_K] = {"k", true, true},            [SEEN_V] = {"v", true, true},
    [SEEN_SCORES] = {"attn_scores", true, false}, [SEEN_PATTERN] = {"pattern", true, false},
    [SEEN_Z] = {"z", true, true},
};

/* ---- watching ---- */

static const char *path_of(const lens_prober *p, const probe_seen *s) { return p->paths.data + s->path; }

/* The first value of this layer and kind; NULL. */
static probe_seen *find(const lens_prober *p, const char *path, int kind) {
    for (size_t i = 0; i < p->n_seen; i++)
        if (p->seen[i].kind == kind && strcmp(path_of(p, &p->seen[i]), path) == 0)
            return &p->seen[i];
    return NULL;
}

static bool is_differentiated(const lens_prober *p, const heed_tape *t, const probe_seen *s) {
    if (!kinds[s->kind].gradient || !heed_needs_grad(t, s->x))
        return false;
    const probe_seen *scores = find(p, path_of(p, s), SEEN_SCORES);
    return kinds[s->kind].differentiated || (scores && heed_needs_grad(t, scores->x));
}

static probe_seen *note(lens_prober *p, const char *path, size_t length, int kind, heed_tensor x) {
    if (p->n_seen == p->cap_seen) {
        const size_t count = p->cap_seen ? 2 * p->cap_seen : 64;
        probe_seen *more = realloc(p->seen, count * sizeof *more);
        if (more == NULL)
            return NULL;
        p->seen = more;
        p->cap_seen = count;
    }
    const size_t at = p->paths.n;
    lens_text_put(&p->paths, path, length);
    lens_text_put(&p->paths, "", 1);
    p->seen[p->n_seen] = (probe_seen){.path = at, .kind = kind, .x = x, .item = -1, .gradient = -1};
    return p->paths.failed ? NULL : &p->seen[p->n_seen++];
}

static void watch(void *user, heed_tape *t, const char *path, heed_tensor x) {
    lens_prober *p = user;
    const char *dot = strrchr(path, '.'), *name = dot ? dot + 1 : path;
    int kind = 0;
    while (kind < SEEN_KINDS && strcmp(kinds[kind].name, name) != 0)
        kind++;
    if (kind == SEEN_KINDS || p->no_memory || heed_is_nil(x))
        return;
    const probe_seen *s = note(p, path, dot ? (size_t)(dot - path) : 0, kind, x);
    if (s == NULL)
        p->no_memory = true;
    else if (is_differentiated(p, t, s))
        heed_keep_grad(t, x);
}

/* ---- into the frame ---- */

static heed_shape without_batch(heed_shape s) {
    if (s.rank < 3 || s.n[0] != 1)
        return s;
    for (int i = 1; i < s.rank; i++)
        s.n[i - 1] = s.n[i];
    s.rank--;
    return s;
}

/* What the k-th seen value adds to those of its layer and kind: nothing when it is the same tensor once more. */
static bool goes_with(const lens_prober *p, const probe_seen *first, size_t k) {
    const probe_seen *s = &p->seen[k];
    if (s->kind != first->kind || strcmp(path_of(p, s), path_of(p, first)) != 0)
        return false;
    for (const probe_seen *before = first; before < s; before++)
        if (before->kind == s->kind && before->x.index == s->x.index &&
            strcmp(path_of(p, before), path_of(p, first)) == 0)
            return false;
    return true;
}

/* The shape of all values of first's layer and kind one behind the other along T, the last axis but one. */
static heed_shape joined_shape(const lens_prober *p, heed_tape *t, const probe_seen *first) {
    heed_shape all = without_batch(heed_shape_of(t, first->x));
    for (size_t k = (size_t)(first - p->seen) + 1; k < p->n_seen; k++) {
        if (!goes_with(p, first, k))
            continue;
        heed_shape one = without_batch(heed_shape_of(t, p->seen[k].x)), like = one;
        if (all.rank >= 2 && one.rank == all.rank)
            like.n[all.rank - 2] = all.n[all.rank - 2];
        if (all.rank < 2 || !heed_shape_equal(like, all)) {
            heed_fail_tape(t, HEED_INVALID,
                           "%s.%s is %s and then %s; a layer that attends again must do so with the same sizes",
                           path_of(p, first), kinds[first->kind].name, HEED_SHAPE_STR(all), HEED_SHAPE_STR(one));
            return all;
        }
        all.n[all.rank - 2] += one.n[one.rank - 2];
    }
    return all;
}

/* x's rows to where they belong among the joined ones; at: the rows (along T) before it. */
static void copy_joined(heed_tape *t, heed_tensor x, heed_shape all, int64_t at, char *to) {
    const char *data = heed_data(t, x);
    if (data == NULL)
        return;
    const size_t bytes = (size_t)heed_count(t, x) * heed_dtype_size(heed_dtype_of(t, x));
    const heed_shape one = without_batch(heed_shape_of(t, x));
    if (all.rank < 2 || heed_shape_equal(one, all)) {
        memcpy(to, data, bytes);
        return;
    }
    size_t outer = 1, row = (size_t)one.n[one.rank - 1] * heed_dtype_size(heed_dtype_of(t, x));
    for (int i = 0; i < all.rank - 2; i++)
        outer *= (size_t)all.n[i];
    const size_t mine = (size_t)one.n[one.rank - 2] * row, theirs = (size_t)all.n[all.rank - 2] * row;
    for (size_t i = 0; i < outer; i++)
        memcpy(to + i * theirs + (size_t)at * row, data + i * mine, mine);
}

/* Adds the values, or with `gradient` what the loss's gradient is there. */
static int add_joined(lens_prober *p, const probe_seen *first, const char *prefix, bool gradient, lens_frame *f) {
    heed_tape *t = p->tape;
    char suffix[32];
    const char *path = path_of(p, first);
    const heed_shape all = joined_shape(p, t, first);
    snprintf(suffix, sizeof suffix, "%s%s", *path ? "." : "", kinds[first->kind].name);
    int item = heed_tape_status(t) ? -1 : lens_frame_add(f, heed_dtype_of(t, first->x), all, prefix, path, suffix);
    if (item < 0)
        return -1;
    int64_t at = 0;
    for (size_t k = (size_t)(first - p->seen); k < p->n_seen; k++) {
        if (!goes_with(p, first, k))
            continue;
        const heed_tensor x = gradient ? heed_grad(t, p->seen[k].x) : p->seen[k].x;
        copy_joined(t, x, all, at, lens_frame_data(f, item));
        at += all.rank >= 2 ? heed_size(t, p->seen[k].x, -2) : 0;
    }
    return item;
}

/* da and ds of a layer whose weights come out of one op, from its weights, values and dz. */
static void add_derived(lens_prober *p, const char *path, const char *prefix, lens_frame *f) {
    probe_seen *scores = find(p, path, SEEN_SCORES), *pattern = find(p, path, SEEN_PATTERN);
    const probe_seen *v = find(p, path, SEEN_V), *z = find(p, path, SEEN_Z);
    if (!scores || !pattern || !v || !z || pattern->item < 0 || v->item < 0 || z->gradient < 0 || scores->gradient >= 0)
        return;
    const frame_item *a = &f->items[pattern->item], *values = &f->items[v->item], *dz = &f->items[z->gradient];
    int64_t heads = 1, value_heads = 1;
    const int rank = a->shape.rank;
    bool fits = rank >= 2 && values->shape.rank == rank && dz->shape.rank == rank && a->dtype == values->dtype &&
                a->dtype == dz->dtype && a->shape.n[rank - 1] == values->shape.n[rank - 2] &&
                a->shape.n[rank - 2] == dz->shape.n[rank - 2] && values->shape.n[rank - 1] == dz->shape.n[rank - 1];
    for (int i = 0; i < rank - 2 && fits; i++) {
        heads *= a->shape.n[i];
        value_heads *= values->shape.n[i];
    }
    if (!fits || value_heads == 0 || heads % value_heads != 0)
        return;
    const heed_shape shape = a->shape;
    const heed_dtype dtype = a->dtype;
    const int da = lens_frame_add(f, dtype, shape, prefix, path, *path ? ".pattern" : "pattern");
    const int ds = lens_frame_add(f, dtype, shape, prefix, path, *path ? ".attn_scores" : "attn_scores");
    if (ds >= 0)
        lens_frame_add_attention(
            f, (frame_attention){.a = pattern->item, .v = v->item, .dz = z->gradient, .da = da, .ds = ds});
}

/* Values first, then gradients. Layers that showed no pattern are none of attention's: a GRU has a z too. */
static void add_seen(lens_prober *p, const char *values, const char *gradients, lens_frame *f) {
    for (size_t i = 0; i < p->n_seen; i++) {
        probe_seen *s = &p->seen[i];
        if (find(p, path_of(p, s), s->kind) == s && find(p, path_of(p, s), SEEN_PATTERN))
            s->item = add_joined(p, s, values, false, f);
    }
    for (size_t i = 0; i < p->n_seen; i++) {
        probe_seen *s = &p->seen[i];
        if (s->item >= 0 && is_differentiated(p, p->tape, s))
            s->gradient = add_joined(p, s, gradients, true, f);
    }
    for (size_t i = 0; i < p->n_seen; i++)
        if (p->seen[i].item >= 0 && p->seen[i].kind == SEEN_PATTERN)
            add_derived(p, path_of(p, &p->seen[i]), gradients, f);
}

static void add_gradients(lens_prober *p, int n, const int *parameters, const char *prefix, lens_frame *f) {
    for (int i = 0; i < n; i++) {
        const heed_param_info info = heed_model_param(p->model, parameters[i]);
        const int item = lens_frame_add(f, heed_model_dtype(p->model), info.shape, prefix, info.path, "");
        if (item >= 0)
            memcpy(lens_frame_data(f, item), heed_grads_of(p->grads, (heed_param){p->model, parameters[i]}),
                   f->items[item].bytes);
    }
}

/* ---- a run ---- */

heed_status lens_prober_init(lens_prober *p, heed_model *model) {
    *p = (lens_prober){.model = model, .tape = heed_tape_new(), .grads = heed_grads_new(model)};
    heed_tape_set_threads(p->tape, 1); /* what the training's threads do must not wait for it, nor it for them */
    heed_tape_set_training(p->tape, false);
    heed_status status = heed_tape_on_watch(p->tape, "*", watch, p);
    return status ? status : heed_grads_poisoned(p->grads) ? HEED_NO_MEMORY : HEED_OK;
}

void lens_prober_free(lens_prober *p) {
    heed_grads_free(p->grads);
    heed_tape_free(p->tape);
    free(p->seen);
    free(p->paths.data);
    *p = (lens_prober){.model = NULL};
}

/* The loss on the tape, with all that attention shows on the way. */
static heed_tensor forward(lens_prober *p, const lens_probe *probe) {
    heed_tape *t = p->tape;
    p->n_seen = p->paths.n = 0;
    p->no_memory = p->paths.failed = false;
    heed_tape_reset(t);
    heed_tape_set_step(t, 0); /* the same draws, if there are any, each time */
    heed_tensor loss = probe->loss(probe->user, t);
    if (heed_tape_status(t) == HEED_OK && heed_is_nil(loss))
        return heed_fail_tape(t, HEED_INVALID, "its forward returned HEED_NIL, no loss");
    return loss;
}

/* What the model answers, off the record: "p":["4","2"]. */
static void put_said(heed_tape *t, const lens_probe *probe, lens_text *text) {
    if (probe->said == NULL || probe->n_queries == 0)
        return;
    for (int i = 0; i < probe->n_queries; i++)
        probe->names[i] = "";
    const bool recorded = heed_tape_set_recording(t, false);
    probe->said(probe->user, t, probe->names);
    heed_tape_set_recording(t, recorded);
    lens_text_format(text, "%s\"%s\":[", text->n ? "," : "", probe->name);
    for (int i = 0; i < probe->n_queries; i++) {
        lens_text_put(text, ",", i > 0);
        lens_text_string(text, probe->names[i] ? probe->names[i] : "");
    }
    lens_text_put(text, "]", 1);
}

heed_status lens_prober_run(lens_prober *p, const lens_probe *probe, int n, const int *parameters, bool graph,
                            lens_frame *f, double *loss, heed_error *error) {
    heed_tape *t = p->tape;
    const heed_tensor x = forward(p, probe);
    heed_status status = heed_tape_status(t);
    if (!status && graph)
        status = lens_graph(t, &f->graph);
    if (!status)
        put_said(t, probe, &f->said);
    heed_grads_clear(p->grads);
    if (!status)
        status = heed_backward(t, x, p->grads);
    if (!status) {
        *loss = heed_item(t, x);
        add_seen(p, probe->values, probe->gradients, f);
        add_gradients(p, n, parameters, probe->parameters, f);
    }
    if (heed_tape_status(t))
        return heed_error_set(error, heed_tape_status(t), "probe \"%s\": %s", probe->name, heed_error_text(t));
    if (status || p->no_memory)
        return heed_error_set(error, status ? status : HEED_NO_MEMORY, "probe \"%s\": out of memory", probe->name);
    return HEED_OK;
}
