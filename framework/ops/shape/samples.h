/* Samples for the gradient check of ops with an axis, or several: every awkward size, every axis of ranks 1 to 4. */
#ifndef HEED_SHAPE_SAMPLES_H
#define HEED_SHAPE_SAMPLES_H

#include <heed/op.h>
#include <heed/ops.h>

/* One real, normal input whose shape is the index-th of a fixed list; false past the last. */
bool heed_sample_shape(int index, heed_sample *sample);
/* The same over all pairs of a shape and one of its axes, which is counted from the end in every other sample. */
bool heed_sample_axis(int index, heed_sample *sample, int *axis);
/* The same over all sets of axes, with keepdim in every other sample. */
bool heed_sample_axes(int index, heed_sample *sample, heed_axes *axes);

/* Sets the sample's attributes. Returns true, so that a rule can end with it. */
bool heed_sample_attr(heed_sample *sample, const void *attr, size_t size);

#endif
