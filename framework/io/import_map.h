/* Import maps: how another program names and lays out what Heed's layers hold, as tables that are read in both directions.
 *
 * A parameter's path is translated in two parts. Its end is looked up among `tensors`, first line first; what stands before is
 * translated by `modules`, from left to right, and kept where no line speaks of it:
 *
 *     modules   #.attn   layers.#.self_attn            encoder.0.attn.w_k
 *     tensors   w_k      in_proj_weight, part 1 of 3   encoder.layers.0.self_attn.in_proj_weight, its second block of rows
 *
 * # stands for a number; the n-th # of one side is the n-th of the other. Names match by whole segments, between dots. */
#ifndef HEED_IMPORT_MAP_H
#define HEED_IMPORT_MAP_H

#include <heed/base.h>

HEED_BEGIN_DECLS

typedef struct heed_map_module {
    const char *native, *foreign;
    const char *beside; /* NULL, or the line holds only where the model has a module of this name at the same place */
} heed_map_module;

typedef struct heed_map_tensor {
    const char *native;
    const char *foreign;  /* NULL: a tensor that is only here; it is neither loaded nor saved */
    int part,
        parts; /* block of rows number `part` of the `parts` that the foreign tensor is made of, one below the other; 0, 0:
                             the whole. The line is passed over where the model lacks a part, or their other axes differ */
    bool transpose;       /* the foreign tensor, all its parts together, is (columns, rows) */
    int ones;             /* so many axes of size 1 come first in the foreign tensor */
    bool copy; /* beside the line that places it: this foreign name may hold the same values a second time (tied
                             weights). It is never written, and refused where it differs */
} heed_map_tensor;

typedef struct heed_import_map {
    const char *name;                /* of the program, for messages: "PyTorch" */
    const heed_map_module *modules;
    int n_modules;
    const heed_map_tensor *tensors;
    int n_tensors;
    const char *const *ignored;      /* ends of foreign names that hold nothing learned */
    int n_ignored;
    const char
        *prefix; /* NULL, or a beginning of foreign names, "transformer.", that some files leave out of all of them */
} heed_import_map;

/* In a file, where a model's parameters stand and under whose names. All zero: the whole model, under its own names. */
typedef struct heed_file_names {
    const heed_import_map *map; /* NULL: paths are names */
    const char
        *module; /* NULL: the whole model; "net.gpt": only what is below it, and this beginning is not in the file */
    const char
        *below; /* NULL, or what all names in the file begin with, "model.encoder"; others there are left alone */
    bool bare;                  /* when saving: without the map's prefix. Loading finds out by itself */
} heed_file_names;

HEED_END_DECLS
#endif
