/* gemm.c: the matrix product.
 *
 * First, how it is shared out: the batch and the rows and columns of c are cut into units, each a block of one c, and every worker multiplies
 * its own units, packing what they need into its own part of the workspace. No worker waits for another.
 *
 * Then, once per type (the file includes itself), the product of one unit, after Goto and van de Geijn, "Anatomy of High-Performance Matrix
 * Multiplication" (2008): b is packed into panels of a few columns, a into panels of a few rows, in blocks that stay in the caches, and a
 * micro-kernel multiplies a panel by a panel into a tile of c held in registers.
 */
#ifndef REAL

#include "gemm.h"

#include <string.h>

#include "gemm_simd.h"
#include "parallel.h"

enum {
    WORKSPACE_ALIGNMENT = 64,
    /* The blocks packed at a time, in tiles: 12 x 14 rows of a (200 KB in f32) and 16 tiles' columns of b (512 KB), so that both stay in the
     * second-level cache, while one panel of b (32 KB) is read from the first level for each panel of a in the block. */
    BLOCK_TILES_M = 12,
    BLOCK_TILES_N = 16,
};

/* Multiply-adds that are worth a thread: some microseconds. */
static const double least_work = 1 << 17;

static int64_t smaller(int64_t x, int64_t y)
{
    return x < y ? x : y;
}

static int64_t divide_up(int64_t x, int64_t y)
{
    return x / y + (x % y != 0);
}

static int64_t round_up(int64_t x, int64_t unit)
{
    return divide_up(x, unit) * unit;
}

/* How a product is shared out: units_m x units_n units to each c, of rows x columns each, less at the edges. Worker w takes its share of
 * the batch * units_m * units_n units, in order. */
typedef struct plan {
    int64_t rows, columns;
    int64_t units_m, units_n;
    int64_t workers;
    size_t a_bytes, b_bytes; /* of packed panels, per worker */
} plan;

/* One worker's memory and the element type's constants meet here; see multiply_unit. */
typedef void unit_body(const heed_gemm *unit, void *a_panels, void *b_panels);

typedef struct task {
    const heed_gemm *product;
    plan plan;
    size_t element_size;
    unit_body *multiply;
    char *workspace;
} task;
#endif
