/* What the type-generic rules need of either real dtype. */
#ifndef HEED_OPTIM_NUMBERS_INTERNAL_H
#define HEED_OPTIM_NUMBERS_INTERNAL_H

#include <float.h>
#include <math.h>

static inline float root_of_f32(float x) { return sqrtf(x); }
static inline double root_of_f64(double x) { return sqrt(x); }

/* eps, which is above 0, as one that is above 0 in this dtype too. */
static inline float eps_of_f32(double eps) { return (float)eps > 0 ? (float)eps : FLT_TRUE_MIN; }
static inline double eps_of_f64(double eps) { return eps; }

#endif
