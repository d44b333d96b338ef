/* Layers held to PyTorch's: outputs, and the gradients of every parameter and input, in f64 and in f32.
 *
 * Where a new case goes:
 *   1. tests/golden/generate_ROOM.py calls PyTorch and writes the case, with Heed's names, to tests/golden/ROOM.txt
 *   2. tests/helpers/parity_ROOM.c declares the layer, calls it, and has a line for the case in its table
 *   3. `make test` holds it to its bounds; `make parity` prints all of them
 * A case's loss is the sum over its outputs of output * seed; the seeds are in the file. */
#ifndef PARITY_H
#define PARITY_H

#include <heed/heed.h>

#include "golden.h"

enum { PARITY_INPUTS = 8, PARITY_TEXT = 256 };

/* One case under way in one dtype. */
typedef struct parity_run {
    golden g;
    heed_dtype dtype;
    heed_tape *t;
    heed_tensor loss;
    int n_inputs;
    const golden_tensor *input[PARITY_INPUTS];
    heed_tensor variable[PARITY_INPUTS];
    double outputs, gradients;   /* the worst so far: error over the largest magnitude */
    char failure[PARITY_TEXT];   /* the first one; "" while all is right */
} parity_run;

typedef struct parity_case {
    const char *name;
    void (*declare)(void *layer, const heed_module *root, const void *options); /* under the name "layer" */
    void (*forward)(const void *layer, parity_run *r, const void *options);
    const void *options; /* the room's own */
} parity_case;

typedef struct parity_set {
    const char *name; /* "recurrent": the case's file is tests/golden/recurrent.txt */
    const parity_case *cases;
    int count;
    size_t room; /* bytes, for any one layer of the set */
} parity_set;
extern const parity_set *const parity_sets[]; /* ended by NULL */

/* ---- for a case's forward ---- */

/* The case's input of that name, on the tape; HEED_NIL where it has none. Real ones are variables. */
heed_tensor parity_given(parity_run *r, const char *name);
/* y is the case's output of that name: compared, and taken into the loss. */
void parity_produced(parity_run *r, const char *name, heed_tensor y);
/* Something else is wrong with the case. */
void parity_fail(parity_run *r, const char *format, ...) HEED_PRINTF(2, 3);

/* ---- for whoever runs them ---- */

typedef struct parity_result {
    double outputs, gradients;
    int compared; /* tensors */
    char failure[PARITY_TEXT];
} parity_result;
/* 1e-10 in f64, 1e-5 in f32, of the largest magnitude. */
double parity_bound(heed_dtype dtype);
parity_result parity_check(const parity_set *set, const parity_case *c, heed_dtype dtype);

#endif
