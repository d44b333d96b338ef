#include "layer_cases.h"

#include <stdlib.h>
#include <string.h>

#include "layer_table.h"

static const layer_table *const tables[] = {&layer_cases_basic, &layer_cases_attention, &layer_cases_transformer,
                                            &layer_cases_recurrent, &layer_cases_states, &layer_cases_tape};
enum { TABLES = sizeof tables / sizeof *tables };

/* The index-th case of all; *room is what its layer needs. */
static const layer_case *case_at(int index, size_t *room) {
    int table = 0;
    while (index >= tables[table]->count)
        index -= tables[table++]->count;
    *room = tables[table]->room;
    return &tables[table]->cases[index];
}

int layer_cases_count(void) {
    int count = 0;
    for (int i = 0; i < TABLES; i++)
        count += tables[i]->count;
    return count;
}

const char *layer_case_layer(int index) {
    return case_at(index, &(size_t){0})->layer;
}

const char *layer_case_what(int index) {
    return case_at(index, &(size_t){0})->what;
}

/* ---- one case ---- */

typedef struct bound_case {
    const layer_case *c;
    void *layer;
} bound_case;

static heed_tensor call(void *user, heed_tape *t, const heed_tensor *variables) {
    const bound_case *bound = user;
    return bound->c->forward(bound->layer, t, variables, bound->c->options);
}

static heed_check failure(const layer_case *c, const char *text) {
    heed_check check = {.failed = 1, .n_failures = 1, .failures = {{.sample = -1, .input = -1, .coordinate = -1}}};
    snprintf(check.name, sizeof check.name, "%s", c->what);
    snprintf(check.failures[0].what, sizeof check.failures[0].what, "%s", text);
    return check;
}

heed_check layer_case_check(int index, const heed_check_options *options) {
    size_t room;
    const layer_case *c = case_at(index, &room);
    heed_sample_input inputs[LAYER_INPUTS];
    for (int i = 0; i < LAYER_INPUTS; i++) {
        inputs[i] = c->in[i];
        inputs[i].absent = inputs[i].absent || (inputs[i].dtype == HEED_F32 && inputs[i].shape.rank == 0); /* not in the table */
    }
    heed_check_options once = options ? *options : (heed_check_options){.seed = 0};
    once.cases = once.cases > 0 ? once.cases : 1;
    bound_case bound = {.c = c, .layer = calloc(1, room)};
    if (bound.layer == NULL)
        return failure(c, "out of memory");
    heed_model *model = heed_model_new();
    c->init(bound.layer, heed_model_root(model), c->options);
    bool built = heed_model_build(model, HEED_F64, 1 + (uint64_t)index) == HEED_OK;
    heed_check check = built ? heed_gradcheck(&(heed_check_case){.name = c->what, .fn = call, .user = &bound, .model = model,
                                                                 .n = LAYER_INPUTS, .inputs = inputs}, &once)
                             : failure(c, heed_model_error_text(model));
    heed_model_free(model);
    free(bound.layer);
    return check;
}

/* ---- one layer ---- */

heed_check layer_cases_check(int first, const heed_check_options *options, int *end) {
    const char *layer = layer_case_layer(first);
    heed_check all = {.cases = 0};
    snprintf(all.name, sizeof all.name, "%s", layer);
    heed_check_options each = options ? *options : (heed_check_options){.seed = 0};
    int most = each.cases, count = layer_cases_count();
    each.cases = 1;
    for (*end = first; *end < count && strcmp(layer_case_layer(*end), layer) == 0; ++*end) {
        if (most > 0 && *end - first >= most)
            continue;
        heed_check check = layer_case_check(*end, &each);
        heed_check_merge(&all, &check);
    }
    return all;
}
