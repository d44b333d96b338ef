/* How the cases of the layers' gradient check are written: a table a room of the house, in layer_cases_ROOM.c, named in
 * layer_cases.c. To put a layer under the check: add it to the room's union, write how it is initialised and called, and give
 * it at least eight cases, over options and over sizes such as 1, 2, 15, 16, 17, 33. Cases of one layer stand together. */
#ifndef LAYER_TABLE_H
#define LAYER_TABLE_H

#include <heed/heed.h>

enum { LAYER_INPUTS = 6 };
typedef struct layer_case {
    const char *layer, *what;
    void (*init)(void *layer, const heed_module *root, const void *options);
    heed_tensor (*forward)(const void *layer, heed_tape *t, const heed_tensor *in, const void *options);
    heed_sample_input in[LAYER_INPUTS]; /* what is not given is absent: HEED_NIL */
    const void *options;                /* the room's own */
} layer_case;

typedef struct layer_table {
    const layer_case *cases;
    int count;
    size_t room; /* bytes, for any one layer of the table */
} layer_table;

extern const layer_table layer_cases_basic, layer_cases_attention, layer_cases_transformer, layer_cases_recurrent, layer_cases_states,
    layer_cases_tape;

/* ---- how inputs are drawn ---- */

#define SIZES(...) {(int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}}
#define REAL(...) {.dtype = HEED_F64, .shape = SIZES(__VA_ARGS__)}
#define FIXED(...) {.dtype = HEED_F64, .shape = SIZES(__VA_ARGS__), .constant = true}
#define TOKENS(vocabulary, ...) {.dtype = HEED_I32, .shape = SIZES(__VA_ARGS__), .low = 0, .high = (vocabulary)}
#define COINS(...) {.dtype = HEED_BOOL, .shape = SIZES(__VA_ARGS__)}                       /* half of them true */
#define MOSTLY(...) {.dtype = HEED_BOOL, .shape = SIZES(__VA_ARGS__), .low = 0, .high = 5} /* four of five true */
#define NOTHING {.absent = true}

#endif
