/* Shapes for the gradient check of elementwise ops: every awkward size and every kind of broadcast. */
#ifndef HEED_ELEMENTWISE_SAMPLES_H
#define HEED_ELEMENTWISE_SAMPLES_H

#include <heed/op.h>

/* Where an input is drawn from, as in heed_sample_input. */
typedef struct heed_draw {
    double low, high, avoid, avoid_by;
} heed_draw;

/* The index-th sample of real inputs; false past the last. Attributes are the caller's to fill in. */
bool heed_sample_unary(int index, const heed_draw *x, heed_sample *sample);
bool heed_sample_binary(int index, const heed_draw *a, const heed_draw *b, heed_sample *sample);

/* A real input, and one of another dtype: i32 from 0..3, or bool. */
heed_sample_input heed_sample_real(heed_shape shape, const heed_draw *draw);
heed_sample_input heed_sample_integer(heed_shape shape, heed_dtype dtype);

#endif
