#include "golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool skip_to_case(FILE *file, const char *name) {
    char line[4096], word[64];
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "case %63s", word) == 1 && strcmp(word, name) == 0)
            return true;
    return false;
}

static bool read_shape(FILE *file, golden_tensor *x) {
    if (fscanf(file, "%d", &x->shape.rank) != 1 || x->shape.rank < 0 || x->shape.rank > HEED_MAX_RANK)
        return false;
    for (int i = 0; i < x->shape.rank; i++) {
        long long n;
        if (fscanf(file, "%lld", &n) != 1)
            return false;
        x->shape.n[i] = n;
    }
    x->count = heed_shape_count(x->shape);
    return x->count >= 0;
}

static bool read_values(FILE *file, golden_tensor *x) {
    x->values = calloc((size_t)x->count + 1, sizeof *x->values);
    for (int64_t i = 0; i < x->count && x->values; i++)
        if (fscanf(file, "%lf", &x->values[i]) != 1)
            return false;
    return x->values != NULL;
}

/* 1: a tensor; 0: the next case, or the end; -1: neither. */
static int read_tensor(FILE *file, golden_tensor *x) {
    char letter;
    if (fscanf(file, "%63s", x->name) != 1 || strcmp(x->name, "case") == 0)
        return 0;
    if (fscanf(file, " %c", &letter) != 1)
        return -1;
    x->dtype = letter == 'f' ? HEED_F64 : letter == 'i' ? HEED_I32 : HEED_BOOL;
    return strchr("fib", letter) && read_shape(file, x) && read_values(file, x) ? 1 : -1;
}

bool golden_read(golden *g, const char *path, const char *name) {
    *g = (golden){.n = 0};
    snprintf(g->name, sizeof g->name, "%s", name);
    FILE *file = fopen(path, "r");
    bool good = file && skip_to_case(file, name);
    for (int got = 1; good && got == 1;) {
        got = g->n < GOLDEN_TENSORS ? read_tensor(file, &g->tensor[g->n]) : -1;
        good = got >= 0;
        g->n += got == 1;
    }
    if (file)
        fclose(file);
    if (!good)
        fprintf(stderr, "%s: case %s is not there, or not as it should be at tensor %d\n", path, name, g->n);
    return good;
}

const golden_tensor *golden_find(const golden *g, const char *part, const char *name) {
    size_t length = strlen(part);
    for (int i = 0; i < g->n; i++)
        if (strncmp(g->tensor[i].name, part, length) == 0 && g->tensor[i].name[length] == '.' &&
            strcmp(g->tensor[i].name + length + 1, name) == 0)
            return &g->tensor[i];
    return NULL;
}

double golden_largest(const golden_tensor *x) {
    double largest = 0;
    for (int64_t i = 0; i < x->count; i++)
        largest = fmax(largest, fabs(x->values[i]));
    return largest;
}

void golden_free(golden *g) {
    for (int i = 0; i < g->n; i++)
        free(g->tensor[i].values);
    g->n = 0;
}
