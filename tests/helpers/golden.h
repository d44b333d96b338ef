/* Reads the results of other programs that tests compare with: the text files in tests/golden. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <heed/base.h>

typedef struct golden_tensor {
    char name[64];    /* "in.x", "grad.layer.weight" */
    heed_dtype dtype; /* HEED_F64 for f, HEED_I32 for i, HEED_BOOL for b */
    heed_shape shape;
    int64_t count;
    double *values;
} golden_tensor;

enum { GOLDEN_TENSORS = 256 };
typedef struct golden {
    char name[64];
    int n;
    golden_tensor tensor[GOLDEN_TENSORS];
} golden;

/* Reads `case name` of a file: lines that begin with # are comments, then for each case
 *     case NAME
 *     NAME f|i|b RANK SIZE... numbers...        as often as there are tensors, spaces and line ends alike
 * False, with the reason on stderr, where the file is not there, has no such case or is not of this form. */
bool golden_read(golden *g, const char *path, const char *name);
/* The tensor called `part.name`, NULL where there is none. */
const golden_tensor *golden_find(const golden *g, const char *part, const char *name);
double golden_largest(const golden_tensor *x); /* magnitude */
void golden_free(golden *g);

#endif
