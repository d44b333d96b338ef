/* Where the decoder looks: for one date, the weights of its cross-attention, from each character it writes to each
 * character it reads. They are caught as they pass, by watching a tape of its own, so training does not notice. */
#ifndef DATES_MAP_H
#define DATES_MAP_H

#include "../common/terminal.h"
#include "../common/dates.h"
#include "../common/reader.h"

enum { MAP_LAYERS = 8, MAP_HEADS = 16, MAP_SIZE = BATCH_TIME * DATES_SOURCE_LENGTH };

typedef struct attention_map {
    char source[TASK_BYTES], answer[TASK_BYTES];
    double sure; /* the probability that the model gives to the answer */
    int S, T;    /* characters of both */
    int layers, heads;
    double weights[MAP_LAYERS][MAP_HEADS][MAP_SIZE]; /* (T, S), rows of sum 1 */
} attention_map;

/* A tape that watches, with the scratch it needs. NULL: out of memory. */
typedef struct lookout lookout;
lookout *lookout_new(int threads);
void lookout_free(lookout *l);
const char *lookout_error_text(const lookout *l);

/* Lets the model read the example and takes down where it looked. */
heed_status lookout_take(lookout *l, const reader *r, const example *e, attention_map *map) HEED_MUST_CHECK;

/* Prints the mean over all layers and heads, characters on both axes. */
void map_print(const terminal *term, const attention_map *map);
/* Every head by itself, layer by layer, as many side by side as there is room for. */
void map_print_heads(const terminal *term, const attention_map *map);

#endif
