/* How sharply the loss curves: the largest eigenvalue of its Hessian, on questions that are always the same. */
#ifndef GLASS_BOX_CURVATURE_H
#define GLASS_BOX_CURVATURE_H

#include "glass.h"

typedef struct glass_curvature {
    const glass *g;
    glass_question questions[GLASS_BATCH];
    heed_curvature *curvature;
} glass_curvature;

/* g must outlive it. What is wrong is said by the first question. */
void glass_curvature_init(glass_curvature *c, const glass *g);
void glass_curvature_free(glass_curvature *c);
/* Of g's weights as they are. */
heed_status glass_curvature_ask(glass_curvature *c, heed_eigenvalue *largest) HEED_MUST_CHECK;

#endif
