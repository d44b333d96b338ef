/*
 * Measures every function of kernels/vmath.h at all 2^32 floats, or with --stride N at every Nth bit pattern: one line
 * a function, exit status 1 where a bound is broken. The whole takes about twenty minutes on two cores.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "vmath_table.h"

typedef struct {
    uint64_t stride;
    const char *only; /* a function's name, or NULL for all */
} exhaustive_options;

static const uint64_t N_FLOATS = UINT64_C(1) << 32;

/*
 * The chunks are fixed and a tie takes the smaller bit pattern, so the line printed is the same for any number of
 * threads.
 */
static vmath_worst measure_all(const vmath_row *row, uint64_t stride) {
    const uint64_t chunk = UINT64_C(1) << 18;
    const uint64_t inputs = (N_FLOATS + stride - 1) / stride;
    const int64_t chunks = (int64_t)((inputs + chunk - 1) / chunk);
    vmath_worst worst = {-1.0, 0};
#pragma omp parallel for schedule(dynamic)
    for (int64_t c = 0; c < chunks; c++) {
        uint64_t begin = (uint64_t)c * chunk;
        uint64_t n = inputs - begin < chunk ? inputs - begin : chunk;
        vmath_worst here = vmath_measure(row, begin * stride, stride, n);
#pragma omp critical
        if (here.ulp > worst.ulp || (!(here.ulp < worst.ulp) && here.bits < worst.bits))
            worst = here;
    }
    return worst;
}

static int report(const vmath_row *row, uint64_t stride) {
    vmath_worst worst = measure_all(row, stride);
    float x = float_of_bits(worst.bits), y;
    row->loop(&y, &x, 1);
    int holds = worst.ulp <= row->bound;
    printf("%-13s worst %7.4f ulp  bound %4.1f  at %-16a (%.9g) -> %.9g  %s\n", row->name, worst.ulp, row->bound,
           (double)x, (double)x, (double)y, holds ? "holds" : "BROKEN");
    fflush(stdout);
    return holds;
}

static void usage(FILE *out) {
    fputs("usage: exhaustive [--stride N] [--only NAME]\n"
          "  --stride N   test every Nth bit pattern, N odd (default 1: all 2^32)\n"
          "  --only NAME  test one function, such as exp or gelu_erf_dx\n",
          out);
}

static int parse_stride(const char *text, uint64_t *stride) {
    char *end;
    unsigned long long n = strtoull(text, &end, 10);
    *stride = n;
    return *text >= '0' && *text <= '9' && *end == '\0' && n % 2 == 1 && n < N_FLOATS;
}

static exhaustive_options parse(int argc, char **argv) {
    static const struct option names[] = {{"stride", required_argument, NULL, 's'},
                                          {"only", required_argument, NULL, 'o'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    exhaustive_options options = {1, NULL};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c == 'h') {
            usage(stdout);
            exit(0);
        } else if (c == 'o') {
            options.only = optarg;
        } else if (c != 's' || !parse_stride(optarg, &options.stride)) {
            usage(stderr);
            exit(2);
        }
    }
    return options;
}

int main(int argc, char **argv) {
    exhaustive_options options = parse(argc, argv);
    int tested = 0, held = 0;
    for (int i = 0; i < VMATH_ROWS; i++) {
        if (options.only && strcmp(options.only, vmath_rows[i].name) != 0)
            continue;
        tested++;
        held += report(&vmath_rows[i], options.stride);
    }
    if (tested == 0) {
        fprintf(stderr, "exhaustive: no function named %s\n", options.only);
        return 2;
    }
    return held == tested ? 0 : 1;
}
