#ifndef REAL

#include "elements.h"

#include "../../kernels/parallel.h"

enum { ELEMENTS_WORTH_A_THREAD = 16384 };

bool heed_contract_is_of_elements(const heed_contraction *nest) {
    bool rows = false, columns = false, summed = false;
    for (int i = 0; i < nest->n; i++) {
        const int64_t *step = nest->axis[i].step;
        summed = summed || step[CONTRACT_C] == 0;
        rows = rows || (step[CONTRACT_A] != 0 && step[CONTRACT_B] == 0);
        columns = columns || (step[CONTRACT_A] == 0 && step[CONTRACT_B] != 0);
    }
    return !summed && !(rows && columns) && nest->bias == NULL && nest->n <= HEED_MAX_RANK;
}

/* An operand as an array over the nest's axes, neighbours in c innermost. What lies beyond its rank is left as it is. */
static void show_operand(const heed_contraction *nest, int operand, heed_array *array) {
    const void *data[] = {nest->a, nest->b, nest->c};
    array->data = (void *)(uintptr_t)data[operand];
    array->dtype = nest->dtype;
    array->shape.rank = nest->n;
    int at = 0;
    for (int last = 0; last < 2; last++)
        for (int i = 0; i < nest->n; i++)
            if ((nest->axis[i].step[CONTRACT_C] == 1) == last) {
                array->shape.n[at] = nest->axis[i].size;
                array->stride[at++] = nest->axis[i].step[operand];
            }
}

typedef struct elements_job {
    heed_walk walk;
    bool accumulate;
} elements_job;

#include <heed/real_f32.h>
#include "elements.c"
#include <heed/real_f64.h>
#include "elements.c"
#include <heed/real_end.h>

void heed_contract_elements(const heed_contraction *nest, int threads) {
    heed_array a, b, c;
    show_operand(nest, CONTRACT_A, &a);
    show_operand(nest, CONTRACT_B, &b);
    show_operand(nest, CONTRACT_C, &c);
    elements_job job;
    job.accumulate = nest->accumulate;
    heed_walk_init(&job.walk, 3, (const heed_array *const[]){&a, &b, &c});
    int64_t grain = ELEMENTS_WORTH_A_THREAD / (job.walk.length + 1) + 1;
    heed_parallel_for(threads, job.walk.rows, grain, nest->dtype == HEED_F64 ? multiply_rows_f64 : multiply_rows_f32,
                      &job);
}

#else

/* Inlined with constant steps where rows are vectors or single numbers. */
static inline __attribute__((always_inline)) void TYPED(multiply_row)(const elements_job *job, void *const *start,
                                                                      int64_t a_step, int64_t b_step, int64_t c_step) {
    const REAL *restrict a = start[CONTRACT_A], *restrict b = start[CONTRACT_B];
    REAL *restrict c = start[CONTRACT_C];
    const int64_t n = job->walk.length;
    for (int64_t i = 0; i < n; i++) {
        const REAL product = a[i * a_step] * b[i * b_step] + 0; /* a sum has no -0 */
        c[i * c_step] = job->accumulate ? product + c[i * c_step] : product;
    }
}

static void TYPED(multiply_rows)(void *context, int64_t begin, int64_t end) {
    const elements_job *job = context;
    const heed_walk *w = &job->walk;
    const int64_t a_step = w->step[CONTRACT_A], b_step = w->step[CONTRACT_B], c_step = w->step[CONTRACT_C];
    for (int64_t row = begin; row < end; row++) {
        void *start[HEED_WALK_MAX];
        heed_walk_row(w, row, start);
        if (a_step == 0 && b_step == 1 && c_step == 1)
            TYPED(multiply_row)(job, start, 0, 1, 1);
        else if (a_step == 1 && b_step == 0 && c_step == 1)
            TYPED(multiply_row)(job, start, 1, 0, 1);
        else if (a_step == 1 && b_step == 1 && c_step == 1)
            TYPED(multiply_row)(job, start, 1, 1, 1);
        else
            TYPED(multiply_row)(job, start, a_step, b_step, c_step);
    }
}

#endif
