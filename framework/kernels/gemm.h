/* gemm.h: the matrix product, c = alpha a b, and what goes with it.
 *
 * One struct says what to multiply; the caller also gives the scratch memory, so a product cannot fail and never
 * calls malloc:
 *
 *     heed_gemm product = {.m = m, .n = n, .k = k,
 *                          .a = x, .a_row = k, .a_col = 1,              x  (m, k)
 *                          .b = w, .b_row = 1, .b_col = k,              w  (n, k), read as its transpose
 *                          .c = y, .c_row = n, .c_col = 1,              y  (m, n)
 *                          .batch = 1, .bias = bias, .alpha = 1.0};
 *     void *workspace = 64-aligned memory of heed_gemm_workspace(&product, sizeof(float), threads) bytes;
 *     heed_gemm_f32(&product, threads, workspace);
 *
 * What the numbers are. The sum over p is taken in blocks of HEED_GEMM_BLOCK_K. A block's sum is one chain of fused
 * multiply-adds in the order of p, starting at zero; it is multiplied by alpha, the first block's has bias(j) added,
 * and then it is added to c(i, j), in the order of the blocks. Nothing else enters: neither m, n, the strides, the
 * batch, the number of threads nor the place of i and j. So results are the same bits for every number of threads,
 * and a row multiplied alone is the same bits as in a matrix. (Where there are no FMA instructions, each step rounds
 * twice, for all elements alike.) No product is skipped for being zero: 0 * inf is NaN.
 */
#ifndef HEED_KERNELS_GEMM_H
#define HEED_KERNELS_GEMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEED_GEMM_BLOCK_K = 256 };

/* For a (m, k), b (k, n), c (m, n): c(i, j) = alpha * sum over p of a(i, p) b(p, j) + bias(j) + c(i, j) if accumulate.
 *
 * Every stride is in elements, and any value is allowed, zero and negative ones too, except that c's elements must
 * not coincide with each other, nor with those of a, b and bias. A transpose is a and b with their two strides
 * exchanged. With c_col = 1 and one of each operand's strides 1 it is fastest. */
typedef struct heed_gemm {
    int64_t m, n, k; /* m or n 0: nothing is done; k 0: a sum of nothing, zero */
    const void *a;
    int64_t a_row, a_col; /* a(i, p) is at a[i * a_row + p * a_col] */
    const void *b;
    int64_t b_row, b_col; /* b(p, j) is at b[p * b_row + j * b_col] */
    void *c;
    int64_t c_row, c_col;              /* c(i, j) is at c[i * c_row + j * c_col] */
    int64_t batch;                     /* that many independent products; none does nothing */
    int64_t a_batch, b_batch, c_batch; /* from one to the next; zero for an a or b that all share */
    const void *bias;                  /* n values, added to each row; or NULL */
    double alpha;
    bool accumulate; /* c is added to, not overwritten: until then it need not be initialised */
} heed_gemm;

/* Bytes of scratch memory, aligned to 64, that the product needs with elements of element_size bytes and at most
 * `threads` threads (<= 0: all cores). At most 1 MiB a thread. */
size_t heed_gemm_workspace(const heed_gemm *product, size_t element_size, int threads);

/* As much or more, at less cost: for any product, or batch of them, of so many terms and multiply-adds (a sum of nothing
 * counts as one) and no more than `across` rows and columns, the rows of a batch counted together. */
size_t heed_gemm_room(int64_t across, int64_t terms, double multiply_adds, size_t element_size, int threads);
/* How many of at most `threads` threads so many multiply-adds can be worth. */
int64_t heed_gemm_workers(double multiply_adds, int threads);

/* Carries it out in f32 or f64. `threads` as for the workspace. */
void heed_gemm_f32(const heed_gemm *product, int threads, void *workspace);
void heed_gemm_f64(const heed_gemm *product, int threads, void *workspace);

#endif
