/* A recording in memory: the index is read by recording_index.c, and asked by recording.c. */
#ifndef HEED_RECORDING_INTERNAL_H
#define HEED_RECORDING_INTERNAL_H

#include <heed/recording.h>
#include <heed/safetensors.h>

#include "frame_internal.h"
#include "recording_check_internal.h"

typedef struct recorded_frame {
    int64_t step, line;
    uint64_t bytes;
    char *path;
    json_t *said; /* or NULL */
} recorded_frame;

typedef struct point {
    int64_t step, line;
    double value;
} point;

/* Points as they come; then, and at once of a running recorder, in order of steps, as two arrays. */
typedef struct curve {
    char *name;
    point *points;
    size_t n, capacity;
    int64_t *steps;
    double *values;
} curve;

typedef struct recorded_head {
    heed_recorded_ablation what; /* texts are entry's */
    json_t *entry;
    int64_t line;
} recorded_head;

struct heed_recording {
    char *folder, *index_path, *graph_path;
    char *header;
    json_t *header_json;
    recorded_frame *frames;
    size_t n_frames, cap_frames;
    curve *curves;
    size_t n_curves, cap_curves;
    recorded_head *heads;
    size_t n_heads, cap_heads;
    char *graph;
    int64_t graph_line, end_line; /* 0: none */
    int64_t last_step, end_steps;
    bool ended;
    size_t index_bytes; /* as it was read: a running program may have gone on since */
    char cut[HEED_ERROR_TEXT];
    heed_safetensors *open; /* of frame open_frame */
    int open_frame;
    const lens_frame *live; /* of a running recorder: its frame, while it is shown */
};

/* Reads the index of r->folder into r, which is otherwise zero. False and the error. */
bool recording_read(heed_recording *r, heed_error *error);
void recorded_frame_free(recorded_frame *f);

/* ---- of a running recorder (recording_live.c) ---- */

/* header: the index's first line. NULL: out of memory. */
heed_recording *recording_live_new(const char *header);
/* False: out of memory. */
bool recording_live_scalar(heed_recording *r, int64_t step, const char *name, double value);
/* r has this frame and no other, until recording_live_hide. False: out of memory. */
bool recording_live_show(heed_recording *r, const lens_frame *f);
void recording_live_hide(heed_recording *r);

/* array with room for n + 1 items of size bytes, doubled when it is full; NULL: out of memory, array is as it was. */
void *recording_grow(void *array, size_t n, size_t *capacity, size_t size);

#endif
