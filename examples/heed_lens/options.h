/* The command line. */
#ifndef HEED_LENS_OPTIONS_H
#define HEED_LENS_OPTIONS_H

#include "../common/options.h"
#include "../common/program.h"

typedef enum drawing { DRAW_NONE = -1, DRAW_ATTENTION, DRAW_MATRIX, DRAW_CURVE } drawing;
typedef enum matrix_kind { MATRIX_VALUE, MATRIX_GRAD, MATRIX_UPDATE } matrix_kind;

typedef struct options {
    char **recordings; /* NULL behind the last; where one can be looked at, the first */
    const char *output;
    bool list, terminal, safetensors, bertviz, logarithmic, help;
    int64_t svg; /* drawing */
    const char *npy;
    const char *layer, *probe, *param, *scalars, *title, *language;
    int64_t head, step; /* -1: not given */
    int64_t of;         /* matrix_kind */
    int64_t bytes;
} options;

extern const options options_defaults;
extern const option_table options_table;

/* What the program is to do. */
typedef struct action action;
struct action {
    const char *name;    /* as one asks for it: "--svg matrix" */
    const char *accepts; /* the options that it takes, each between spaces */
    bool writes;         /* to --output, which must then be given */
    int (*run)(const options *o);
};
/* Prints what is wrong where one asks for two things at once, for none, or with options that do nothing. */
const action *options_action(const options *o, const bool *given);

#endif
