/* A training run, remembered as frames of a film: what the matrices did, and the step's loss and gradients. */
#ifndef GLASS_BOX_RECORD_H
#define GLASS_BOX_RECORD_H

#include "curvature.h"

enum { RECORD_FRAMES = 51 }; /* the first step, and every fiftieth part of the run */
enum { RECORD_EXAMINED = 512 };

typedef struct record_frame {
    glass_circuits circuits; /* before the step, so of the matrices that had this loss and these gradients */
    glass_step at;
    heed_eigenvalue sharpest; /* where it was asked for: the Hessian's largest */
    glass_marks marks; /* on RECORD_EXAMINED questions, the same at each frame, that training does not draw */
} record_frame;

typedef struct record {
    int steps; /* of the whole run */
    record_frame frame[RECORD_FRAMES];
    int frames;
    glass_curvature *curvature; /* to be asked at each frame; NULL: not */
    double seconds; /* that the training took, the looking apart */
} record;

/* Trains on until `until` steps are done, of record->steps. */
heed_status record_train(record *r, glass_training *tr, int until) HEED_MUST_CHECK;
glass_marks record_examine(const glass *g);
/* The frame nearest to a share of the run, 0 to 1. */
const record_frame *record_at(const record *r, double share);

#endif
