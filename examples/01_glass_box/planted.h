/* Is there one right W^Q? A planted teacher answers: attention whose matrices are known makes the targets, and students
 * that start from other noise learn from its outputs alone.
 *
 * The scores are x W^Q (x W^K)ᵀ = x (W^Q W^Kᵀ) xᵀ, so for any invertible A of (d_k, d_k) the pair W^Q A, W^K (A⁻¹)ᵀ
 * gives the same ones: the product is determined, its factors are not. */
#ifndef GLASS_BOX_PLANTED_H
#define GLASS_BOX_PLANTED_H

#include <heed/heed.h>

enum { PLANTED_D_MODEL = 12, PLANTED_D_K = 8, PLANTED_TIME = 8, PLANTED_BATCH = 32, PLANTED_STUDENTS = 2 };

/* As textbooks write them, (d_model, d_k). */
typedef struct planted_matrices {
    double q[PLANTED_D_MODEL][PLANTED_D_K], k[PLANTED_D_MODEL][PLANTED_D_K], v[PLANTED_D_MODEL][PLANTED_D_K];
    double product[PLANTED_D_MODEL][PLANTED_D_MODEL]; /* W^Q W^Kᵀ */
} planted_matrices;

/* How far from the teacher's, relative to the teacher's norm: ‖A - B‖ / ‖B‖, Frobenius; 0.01 is 1 %. */
typedef struct planted_distance {
    double product, q, k, v;
} planted_distance;
planted_distance planted_compare(const planted_matrices *a, const planted_matrices *b);

typedef struct planted_student {
    planted_matrices learned;
    planted_distance before, after; /* from the teacher */
    double loss;                    /* mean squared error of the last step's batch */
} planted_student;

typedef struct planted_lesson {
    int steps;
    planted_matrices teacher;
    planted_student student[PLANTED_STUDENTS];
} planted_lesson;

/* Trains both students, each from its own noise, on random tokens (each entry N(0, 1)): Adam, learning rate 0.02, down to
 * 0 along half a cosine. */
heed_status planted_teach(planted_lesson *lesson, uint64_t seed, int steps, int threads,
                          heed_error *error) HEED_MUST_CHECK;

#endif
