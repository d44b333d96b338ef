/* Recordings made by hand, as recording.h describes them, without the recorder: for the tests of what reads them. */
#ifndef HELPERS_RECORDED_H
#define HELPERS_RECORDED_H

#include <heed/heed.h>

/* The folder is made, with an index of one line: the header. False: it could not be. */
bool recorded_begin(const char *folder, const char *header);
/* Adds a line to the index; %s etc. as printf. */
bool recorded_line(const char *folder, const char *format, ...) HEED_PRINTF(2, 3);
/* Adds a frame of n tensors, whose name, dtype, shape and data are set; scalars is JSON: "{}". */
bool recorded_frame(const char *folder, int64_t step, int n, const heed_file_tensor *tensors, const char *scalars);
/* The folder and its files, if it is one. */
void recorded_remove(const char *folder);

/* A small run of two attention layers, "attn" (self, 2 heads) and "dec.cross" (cross, 1 head), with one probe,
 * "question", and `frames` frames, of steps 1, 11, 21, ..., in f32. Each number is a function of its place. */
enum { RECORDED_TENSORS = 38 };
typedef struct recorded_tensor {
    const char *name;
    heed_shape shape;
} recorded_tensor;
extern const recorded_tensor recorded_sample_tensors[RECORDED_TENSORS];
float recorded_sample_value(int tensor, int frame, int64_t index);
bool recorded_sample(const char *folder, int frames);
bool recorded_sample_running(const char *folder, int frames); /* the same before its end */

#endif
