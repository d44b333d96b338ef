#include "import_plan_internal.h"

#include <stdlib.h>
#include <string.h>

#include "import_names_internal.h"

static bool refuse(const import_plan *plan, const char *what, const char *why) {
    heed_error_set(plan->error, HEED_INVALID, "%s: names of %s: \"%s\" %s", plan->path, plan->names.map->name, what,
                   why);
    return false;
}

static bool no_memory(const import_plan *plan) {
    heed_error_set(plan->error, HEED_NO_MEMORY, "%s: out of memory", plan->path);
    return false;
}

/* ---- is the table any good ---- */

static int count_of(const char *text, char c) {
    int n = 0;
    for (; *text; text++)
        n += *text == c;
    return n;
}

static bool good_pair(const import_plan *plan, const char *native, const char *foreign) {
    if (native == NULL || *native == '\0' || (foreign && *foreign == '\0'))
        return refuse(plan, native ? native : "", "is a line without a name");
    if (count_of(native, '#') > NAME_NUMBERS || (foreign && count_of(foreign, '#') > count_of(native, '#')))
        return refuse(plan, native, "has numbers on one side that the other has not, or more than 4");
    return true;
}

/* Lines that pass over to a later one of the same name are those with parts. */
static bool reachable(const heed_import_map *map, int i) {
    for (int k = 0; k < i; k++) {
        const heed_map_tensor *a = &map->tensors[k], *b = &map->tensors[i];
        if (strcmp(a->native, b->native) == 0 && a->copy == b->copy && (a->parts == 0 || a->copy))
            return false;
    }
    return true;
}

static bool map_good(const import_plan *plan) {
    const heed_import_map *map = plan->names.map;
    for (int i = 0; i < map->n_modules; i++)
        if (!good_pair(plan, map->modules[i].native, map->modules[i].foreign))
            return false;
    for (int i = 0; i < map->n_tensors; i++) {
        const heed_map_tensor *line = &map->tensors[i];
        if (!good_pair(plan, line->native, line->foreign))
            return false;
        if (line->parts < 0 || line->part < 0 || (line->parts ? line->part >= line->parts : line->part > 0))
            return refuse(plan, line->native, "is a part past the number of parts");
        if (line->copy && (line->parts || line->foreign == NULL))
            return refuse(plan, line->native, "is a copy in parts or without a name");
        if (!reachable(map, i))
            return refuse(plan, line->native, "has two lines: which holds is not said");
    }
    return true;
}

/* ---- from a parameter to its line ---- */

/* The parameter that a line's other part would be: the same path with that line's end. Notes in text where memory is out. */
static heed_param other_part(name_text *text, const heed_model *model, const heed_map_tensor *line, const char *path,
                             size_t at, const name_numbers *numbers) {
    name_text other = {.at = NULL};
    name_add(&other, path, at);
    name_fill(&other, line->native, numbers);
    heed_param p = other.failed ? (heed_param){.model = NULL} : heed_model_find(model, other.at);
    text->failed = text->failed || other.failed;
    free(other.at);
    return p;
}

static bool stacks(heed_shape a, heed_shape b) {
    if (a.rank == 0 || a.rank != b.rank)
        return false;
    a.n[0] = b.n[0] = 0;
    return heed_shape_equal(a, b);
}

/* Whether the model has all parts of a packed line, of shapes that can lie one below the other. */
static bool parts_there(name_text *text, const import_plan *plan, const heed_map_tensor *line, int param, size_t at,
                        const name_numbers *numbers) {
    const heed_import_map *map = plan->names.map;
    heed_param_info info = heed_model_param(plan->model, param);
    int found = 0;
    for (int i = 0; i < map->n_tensors; i++) {
        const heed_map_tensor *other = &map->tensors[i];
        if (other->foreign == NULL || other->parts != line->parts || strcmp(other->foreign, line->foreign) != 0)
            continue;
        heed_param p = other_part(text, plan->model, other, info.path, at, numbers);
        if (p.model == NULL || !stacks(info.shape, heed_model_param(plan->model, p.index).shape))
            return false;
        found++;
    }
    return found == line->parts;
}

static const heed_map_tensor itself = {.native = "", .foreign = ""};

/* Adds what stands before a parameter's own name in the file, and the name: begin is where its path is below the module. */
static void write_name(name_text *text, const import_plan *plan, const char *path, size_t begin, size_t at,
                       const heed_map_tensor *line, const name_numbers *numbers) {
    const heed_import_map *map = plan->names.map;
    name_text own = {.at = NULL};
    if (map) {
        name_modules(&own, plan->model, map, path, begin, at);
        name_fill(&own, line->foreign, numbers);
    } else {
        name_add(&own, path + begin, strlen(path + begin));
    }
    size_t n = map && map->prefix && plan->names.bare ? strlen(map->prefix) : 0;
    if (!own.failed && n && strncmp(own.at, map->prefix, n) != 0)
        n = 0;
    const char *below = plan->names.below;
    if (below && *below) {
        name_add(text, below, strlen(below));
        name_add(text, ".", 1);
    }
    if (!own.failed)
        name_add(text, own.at + n, own.used - n);
    text->failed = text->failed || own.failed;
    free(own.at);
}

static bool add_piece(import_plan *plan, int param, const heed_map_tensor *line, name_text *text) {
    if (text->failed) {
        free(text->at);
        return no_memory(plan);
    }
    import_piece piece = {.param = param, .line = line, .name = text->at};
    if (line->copy)
        plan->n_copies++;
    plan->pieces[plan->n_pieces++] = piece;
    return true;
}

/* The line of the map for a parameter, and its copies. */
static bool translate(import_plan *plan, int param) {
    const char *path = heed_model_param(plan->model, param).path;
    const size_t begin = (size_t)(name_below(path, plan->names.module) - path);
    const heed_import_map *map = plan->names.map;
    name_numbers numbers = {.n = 0};
    bool placed = map == NULL;
    name_text text = {.at = NULL};
    if (map == NULL) {
        write_name(&text, plan, path, begin, begin, &itself, &numbers);
        return add_piece(plan, param, &itself, &text);
    }
    for (int i = 0; i < map->n_tensors; i++) {
        const heed_map_tensor *line = &map->tensors[i];
        size_t at;
        if ((placed && !line->copy) || !name_ends(line->native, path + begin, &at, &numbers))
            continue;
        at += begin;
        text = (name_text){.at = NULL};
        if (line->parts && !parts_there(&text, plan, line, param, at, &numbers) && !text.failed)
            continue;
        placed = placed || !line->copy;
        if (line->foreign == NULL)
            continue;
        write_name(&text, plan, path, begin, at, line, &numbers);
        if (!add_piece(plan, param, line, &text))
            return false;
    }
    return placed || refuse(plan, path, "has no line");
}

/* ---- from pieces to foreign tensors ---- */

static int by_name(const void *a, const void *b) {
    const import_piece *x = a, *y = b;
    int order = x->line->copy - y->line->copy;
    order = order ? order : strcmp(x->name, y->name);
    order = order ? order : x->line->part - y->line->part;
    return order ? order : x->param - y->param;
}

static int by_param(const void *a, const void *b) {
    const import_target *x = a, *y = b;
    return x->piece->param - y->piece->param;
}

static bool used_twice(const import_plan *plan, const import_piece *a, const import_piece *b) {
    heed_error_set(plan->error, HEED_INVALID, "%s: names of %s: both %s and %s would be \"%s\"", plan->path,
                   plan->names.map ? plan->names.map->name : "the model", heed_model_param(plan->model, a->param).path,
                   heed_model_param(plan->model, b->param).path, a->name);
    return false;
}

static bool shape_target(const import_plan *plan, import_target *target) {
    const import_piece *first = target->piece;
    heed_shape shape = heed_model_param(plan->model, first->param).shape;
    for (int k = 1; k < target->n; k++) {
        const import_piece *piece = &first[k];
        heed_shape other = heed_model_param(plan->model, piece->param).shape;
        if (piece->line->part != k || first->line->parts != target->n || !stacks(shape, other))
            return used_twice(plan, first, piece);
        if (piece->line->transpose != first->line->transpose || piece->line->ones != first->line->ones)
            return refuse(plan, piece->line->native, "is laid out unlike the other parts of its tensor");
        shape.n[0] += other.n[0];
    }
    target->stacked = shape;
    const int ones = first->line->ones;
    if ((first->line->transpose && shape.rank != 2) || ones < 0 || shape.rank + ones > HEED_MAX_RANK)
        return refuse(plan, heed_model_param(plan->model, first->param).path,
                      "does not have the axes that its line speaks of");
    target->shape = (heed_shape){.rank = shape.rank + ones};
    for (int i = 0; i < target->shape.rank; i++)
        target->shape.n[i] = i < ones ? 1 : shape.n[first->line->transpose ? 1 - (i - ones) : i - ones];
    return true;
}

static bool group_pieces(import_plan *plan) {
    if (plan->n_pieces)
        qsort(plan->pieces, (size_t)plan->n_pieces, sizeof *plan->pieces, by_name);
    const int placed = plan->n_pieces - plan->n_copies;
    plan->targets = calloc((size_t)placed + 1, sizeof *plan->targets);
    if (plan->targets == NULL)
        return no_memory(plan);
    for (int i = 0; i < placed;) {
        import_target *target = &plan->targets[plan->n_targets++];
        target->piece = &plan->pieces[i];
        while (i + target->n < placed && strcmp(target->piece[target->n].name, target->piece->name) == 0)
            target->n++;
        if (!shape_target(plan, target))
            return false;
        i += target->n;
    }
    if (plan->n_targets)
        qsort(plan->targets, (size_t)plan->n_targets, sizeof *plan->targets, by_param);
    return true;
}

bool import_plan_make(import_plan *plan, const heed_model *model, heed_file_names names, const char *path,
                      heed_error *error) {
    *plan = (import_plan){.model = model, .names = names, .path = path, .error = error};
    if (names.map && !map_good(plan))
        return false;
    const size_t lines = names.map ? (size_t)names.map->n_tensors : 1, count = (size_t)heed_model_params(model);
    plan->pieces = calloc(count * lines + 1, sizeof *plan->pieces);
    if (plan->pieces == NULL)
        return no_memory(plan);
    int below = 0;
    for (int i = 0; i < (int)count; i++) {
        heed_param_info info = heed_model_param(model, i);
        if (name_below(info.path, names.module) == NULL)
            continue;
        below++;
        if (info.alias_of < 0 && !translate(plan, i))
            return false;
    }
    if (below == 0 && names.module && *names.module) {
        heed_error_set(error, HEED_INVALID, "%s: the model has no module \"%s\"", path, names.module);
        return false;
    }
    return group_pieces(plan);
}

void import_plan_free(import_plan *plan) {
    for (int i = 0; i < plan->n_pieces; i++)
        free(plan->pieces[i].name);
    free(plan->pieces);
    free(plan->targets);
}

/* ---- asking it ---- */

int import_plan_find(const import_plan *plan, const char *name) {
    for (int i = 0; i < plan->n_targets; i++)
        if (strcmp(plan->targets[i].piece->name, name) == 0)
            return i;
    return -1;
}

bool import_plan_ignores(const import_plan *plan, const char *name) {
    const heed_import_map *map = plan->names.map;
    size_t at;
    name_numbers numbers;
    for (int i = 0; map && i < map->n_ignored; i++)
        if (name_ends(map->ignored[i], name, &at, &numbers))
            return true;
    return false;
}

char *import_target_text(const import_plan *plan, const import_target *target) {
    name_text text = {.at = NULL};
    if (target->n > 1 || strcmp(target->piece->name, heed_model_param(plan->model, target->piece->param).path) != 0) {
        name_add(&text, "\"", 1);
        name_add(&text, target->piece->name, strlen(target->piece->name));
        name_add(&text, "\" (here ", 8);
    }
    const bool renamed = text.used > 0;
    for (int k = 0; k < target->n; k++) {
        const char *path = heed_model_param(plan->model, target->piece[k].param).path;
        name_add(&text, k ? ", " : "", k ? 2 : 0);
        name_add(&text, path, strlen(path));
    }
    name_add(&text, ")", renamed ? 1 : 0);
    if (text.failed) {
        free(text.at);
        return NULL;
    }
    return text.at;
}

/* ---- moving values ---- */

/* Elements of a matrix and of its transpose: a[i][k] is b[k][i]. */
static void transposed(size_t size, char *to, size_t to_row, size_t to_column, const char *from, size_t from_row,
                       size_t from_column, int64_t rows, int64_t columns) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t k = 0; k < columns; k++)
            memcpy(to + ((size_t)i * to_row + (size_t)k * to_column) * size,
                   from + ((size_t)i * from_row + (size_t)k * from_column) * size, size);
}

static void move(const import_plan *plan, const import_target *target, char *into, const char *from) {
    const size_t size = heed_dtype_size(heed_model_dtype(plan->model));
    int64_t row = 0; /* of the stacked tensor, where the piece begins */
    for (int k = 0; k < target->n; k++) {
        heed_param p = {.model = (heed_model *)(uintptr_t)plan->model, .index = target->piece[k].param};
        heed_param_info info = heed_model_param(plan->model, p.index);
        char *native = heed_param_data(p);
        if (info.count == 0) {
            row += info.shape.rank ? info.shape.n[0] : 0;
            continue;
        }
        const int64_t rows = info.shape.rank ? info.shape.n[0] : 1, columns = info.count / rows;
        if (target->piece->line->transpose) {
            const size_t all = (size_t)target->stacked.n[0], one = (size_t)columns, at = (size_t)row * size;
            if (into)
                transposed(size, into + at, 1, all, native, one, 1, rows, columns);
            else
                transposed(size, native, one, 1, from + at, 1, all, rows, columns);
        } else {
            const size_t at = (size_t)(row * columns) * size, bytes = (size_t)info.count * size;
            memcpy(into ? into + at : native, into ? native : from + at, bytes);
        }
        row += rows;
    }
}

void import_target_gather(const import_plan *plan, const import_target *target, void *foreign) {
    move(plan, target, foreign, NULL);
}
void import_target_scatter(const import_plan *plan, const import_target *target, const void *foreign) {
    move(plan, target, NULL, foreign);
}
