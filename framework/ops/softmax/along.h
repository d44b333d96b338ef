/* Running a kernel over the rows of arrays along one axis, whatever the layouts. A row whose elements are neighbours
 * in memory is handed to the kernel as it lies; any other is copied to the workspace, and its result back from it. */
#ifndef HEED_SOFTMAX_ALONG_H
#define HEED_SOFTMAX_ALONG_H

#include <heed/op.h>

enum { ALONG_INPUTS = 3 };

/* One row: n elements of each input, and room for n of the output. */
typedef void heed_row_kernel(int64_t n, const void *const *in, void *out);

typedef struct heed_along {
    int axis;
    int n_in;
    heed_array in[ALONG_INPUTS]; /* of one shape, expanded where they broadcast; any dtypes and strides */
    heed_array out;
    heed_row_kernel *kernel;
} heed_along;

void heed_along_run(const heed_call *call, const heed_along *along);

/* The workspace it needs for arrays of this shape, none wider than f64. */
size_t heed_along_workspace(const heed_call *call, heed_shape shape, int axis, int n_in);

/* For ops along one axis, which is their attribute (see along_op.h): it, the shape rule and samples. */
typedef struct heed_axis_attr {
    int axis;
} heed_axis_attr;
heed_status heed_shape_along(heed_call *call);
/* The kernel over arrays of out's shape, along the attribute's axis. */
void heed_along_attr(const heed_call *call, int n_in, const heed_array *const *in, const heed_array *out,
                     heed_row_kernel *kernel);
bool heed_sample_along(int index, heed_sample *sample);

#endif
