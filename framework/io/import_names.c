#include "import_names_internal.h"

#include <stdlib.h>
#include <string.h>

void name_add(name_text *text, const char *part, size_t length) {
    size_t need = text->used + length + 1;
    if (text->failed)
        return;
    if (need > text->room) {
        size_t room = 2 * need + 32;
        char *grown = realloc(text->at, room);
        if (grown == NULL) {
            text->failed = true;
            return;
        }
        text->at = grown;
        text->room = room;
    }
    memcpy(text->at + text->used, part, length);
    text->used += length;
    text->at[text->used] = '\0';
}

void name_fill(name_text *text, const char *pattern, const name_numbers *numbers) {
    int next = 0;
    for (const char *p = pattern; *p; p++) {
        if (*p != '#')
            name_add(text, p, 1);
        else if (next < numbers->n) {
            name_add(text, numbers->number[next].at, numbers->number[next].length);
            next++;
        }
    }
}

static bool digit(char c) { return c >= '0' && c <= '9'; }

static bool matches(const char *pattern, const char *text, size_t length, name_numbers *numbers) {
    const char *end = text + length;
    numbers->n = 0;
    for (; *pattern; pattern++) {
        if (*pattern != '#') {
            if (text == end || *text++ != *pattern)
                return false;
            continue;
        }
        const char *start = text;
        while (text < end && digit(*text))
            text++;
        if (text == start || numbers->n == NAME_NUMBERS)
            return false;
        numbers->number[numbers->n].at = start;
        numbers->number[numbers->n++].length = (size_t)(text - start);
    }
    return text == end;
}

static int segments(const char *name) {
    int n = 1;
    for (; *name; name++)
        n += *name == '.';
    return n;
}

bool name_ends(const char *pattern, const char *path, size_t *at, name_numbers *numbers) {
    int skip = segments(path) - segments(pattern);
    const char *p = path;
    for (; skip > 0; skip--)
        p = strchr(p, '.') + 1;
    *at = (size_t)(p - path);
    return skip == 0 && matches(pattern, p, strlen(p), numbers);
}

/* The length of so many segments with the dots behind each, 0 where there are fewer. */
static size_t run(const char *text, size_t length, int n) {
    for (size_t i = 0; i < length; i++)
        if (text[i] == '.' && --n == 0)
            return i + 1;
    return 0;
}

/* Whether the model has the line's other module, at the same place. */
static bool has_beside(name_text *text, const heed_model *model, const heed_map_module *line, const char *path,
                       const char *here, const name_numbers *numbers) {
    if (line->beside == NULL)
        return true;
    name_text other = {.at = NULL};
    name_add(&other, path, (size_t)(here - path));
    name_fill(&other, line->beside, numbers);
    name_add(&other, ".", 1);
    bool found = false;
    for (int i = 0; i < heed_model_params(model) && !found && !other.failed; i++)
        found = strncmp(heed_model_param(model, i).path, other.at, other.used) == 0;
    text->failed = text->failed || other.failed;
    free(other.at);
    return found;
}

/* The first line that speaks of the segments that begin here; *length is theirs. */
static const heed_map_module *module_line(name_text *text, const heed_model *model, const heed_import_map *map,
                                          const char *path, const char *here, size_t left, size_t *length,
                                          name_numbers *numbers) {
    for (int i = 0; i < map->n_modules; i++) {
        const heed_map_module *line = &map->modules[i];
        *length = run(here, left, segments(line->native));
        if (*length && matches(line->native, here, *length - 1, numbers) &&
            has_beside(text, model, line, path, here, numbers))
            return line;
    }
    return NULL;
}

void name_modules(name_text *text, const heed_model *model, const heed_import_map *map, const char *path, size_t begin,
                  size_t end) {
    for (const char *here = path + begin; here < path + end;) {
        name_numbers numbers;
        size_t left = (size_t)(path + end - here), taken;
        const heed_map_module *line = module_line(text, model, map, path, here, left, &taken, &numbers);
        if (line) {
            name_fill(text, line->foreign, &numbers);
            name_add(text, ".", 1);
        } else {
            taken = run(here, left, 1);
            name_add(text, here, taken);
        }
        here += taken;
    }
}

const char *name_below(const char *path, const char *module) {
    size_t n = module ? strlen(module) : 0;
    if (n == 0)
        return path;
    return strncmp(path, module, n) == 0 && path[n] == '.' ? path + n + 1 : NULL;
}
