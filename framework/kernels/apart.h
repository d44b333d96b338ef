/* apart.h: APART stands before a loop whose iterations have nothing to do with each other: of so many arrays a compiler does
 * not find out that they do not overlap. Where it makes no vectors all the same, of f64's tanh, which is libm's, or for a
 * sanitizer, clang need not say so. */
#ifndef HEED_KERNELS_APART_H
#define HEED_KERNELS_APART_H

#ifdef _OPENMP
#define APART _Pragma("omp simd")
#else
#define APART
#endif
#ifdef __clang__
#pragma clang diagnostic ignored "-Wpass-failed"
#endif

#endif
