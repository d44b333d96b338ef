/* Other libraries' matrix products, to be measured beside ours: loaded when they are asked for, if they are installed. */
#ifndef BENCH_RIVALS_H
#define BENCH_RIVALS_H

typedef enum rival_id { OPENBLAS, BLIS, RIVALS } rival_id;

/* CBLAS's: c (m, n) = alpha a b + beta c. */
typedef void cblas_sgemm_function(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                                  const float *a, int a_row, const float *b, int b_row, float beta, float *c,
                                  int c_row);
/* And y = alpha a x + beta y, a (m, n), or its transpose. */
typedef void cblas_sgemv_function(int order, int transpose_a, int m, int n, float alpha, const float *a, int a_row,
                                  const float *x, int x_step, float beta, float *y, int y_step);

typedef struct rival {
    const char *version;
    cblas_sgemm_function *sgemm;
    cblas_sgemv_function *sgemv;
} rival;

/* The library, to be run on so many threads from now on; NULL where it is not installed. */
const rival *rival_on_threads(rival_id id, int threads);

#endif
