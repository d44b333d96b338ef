/* One frame in memory, in blocks that grow to what a frame takes and are then used again. */
#ifndef HEED_LENS_FRAME_INTERNAL_H
#define HEED_LENS_FRAME_INTERNAL_H

#include <heed/safetensors.h>

#include "text_internal.h"

typedef struct frame_item {
    size_t name, data; /* offsets in names, data */
    heed_dtype dtype;
    heed_shape shape;
    size_t bytes;
} frame_item;

/* The gradients of an attention's weights and scores, to be computed when the frame is written. Indexes of items. */
typedef struct frame_attention {
    int a, v, dz;   /* given */
    int da, ds;     /* to be computed */
} frame_attention;

typedef struct lens_frame {
    int64_t step;
    frame_item *items;
    int n_items;
    size_t cap_items;
    lens_text names;
    char *data;
    size_t bytes, capacity;
    frame_attention *attention;
    size_t n_attention, cap_attention;
    lens_text scalars; /* the members of the JSON object: "grad_norm":1,"probe.p.loss":2 */
    lens_text said;    /* as well: "p":["4"] */
    lens_text lines;   /* of the index, that came before it */
    lens_text graph;   /* of graph.json; empty: it is not this frame that brings it */
    int64_t *forget;   /* steps whose frames are deleted once this one is there */
    size_t n_forget;
    bool no_memory;
} lens_frame;

/* Empties it, and keeps its memory. */
void lens_frame_clear(lens_frame *f, int64_t step);
void lens_frame_free(lens_frame *f);
/* A tensor called prefix + name + suffix; its bytes are to be written at lens_frame_data, which moves with the next item.
 * Returns its index, or -1: out of memory, which f notes. */
int lens_frame_add(lens_frame *f, heed_dtype dtype, heed_shape shape, const char *prefix, const char *name,
                   const char *suffix);
void *lens_frame_data(const lens_frame *f, int item);
const char *lens_frame_name(const lens_frame *f, int item);
bool lens_frame_add_attention(lens_frame *f, frame_attention attention);
/* As it will be in the file. */
heed_file_tensor lens_frame_tensor(const lens_frame *f, int item);

/* What f->attention asks for, once: da = dz vᵀ, ds = a (da - sum over keys of a da). False: out of memory. */
bool lens_frame_finish(lens_frame *f);
/* As a safetensors file, whole or not at all, not synced to disk. */
heed_status lens_frame_write(const lens_frame *f, const char *path, uint64_t *bytes, heed_error *error);

#endif
