/* Names under an import map: matching paths, writing what they are called elsewhere. */
#ifndef HEED_IMPORT_NAMES_INTERNAL_H
#define HEED_IMPORT_NAMES_INTERNAL_H

#include <heed/import_map.h>
#include <heed/model.h>

/* A growing text. */
typedef struct name_text {
    char *at; /* from malloc; NULL while empty */
    size_t used, room;
    bool failed; /* memory was out */
} name_text;
void name_add(name_text *text, const char *part, size_t length);

/* What stood for each # of a pattern. */
enum { NAME_NUMBERS = 4 };
typedef struct name_numbers {
    int n;
    struct {
        const char *at;
        size_t length;
    } number[NAME_NUMBERS];
} name_numbers;

/* Whether the last segments of a path match; *at is where they begin. */
bool name_ends(const char *pattern, const char *path, size_t *at, name_numbers *numbers);
/* Adds a pattern with its numbers put in. */
void name_fill(name_text *text, const char *pattern, const name_numbers *numbers);
/* Adds characters begin to end of a path, whole segments with their dots, as the map's modules translate them. */
void name_modules(name_text *text, const heed_model *model, const heed_import_map *map, const char *path, size_t begin,
                  size_t end);
/* Where the part of a path begins that is below a module; NULL where it is not below. A NULL module has all paths below. */
const char *name_below(const char *path, const char *module);

#endif
