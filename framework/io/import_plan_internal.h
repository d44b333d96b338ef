/* Which tensors of a file a model's parameters are, and where in them: made of a model and an import map alone, so that loading
 * and saving read the same table. */
#ifndef HEED_IMPORT_PLAN_INTERNAL_H
#define HEED_IMPORT_PLAN_INTERNAL_H

#include <heed/error.h>
#include <heed/import_map.h>
#include <heed/model.h>

/* A parameter's place in a foreign tensor. */
typedef struct import_piece {
    int param;
    const heed_map_tensor *line;
    char *name; /* the foreign tensor's, from malloc */
} import_piece;

/* A foreign tensor: its pieces one below the other, by part. */
typedef struct import_target {
    const import_piece *piece;
    int n;
    heed_shape stacked; /* as the pieces make it */
    heed_shape shape;   /* as it is in the file: transposed, with axes of 1 in front */
} import_target;

typedef struct import_plan {
    const heed_model *model;
    heed_file_names names;
    const char *path; /* the file's, for messages */
    heed_error *error;
    import_piece *pieces; /* those that are copies come last */
    int n_pieces, n_copies;
    import_target *targets; /* in the order of their first parameters */
    int n_targets;
} import_plan;

/* False, with the error set, where the map is no good or has no name for a parameter, or a name would be used twice. */
bool import_plan_make(import_plan *plan, const heed_model *model, heed_file_names names, const char *path,
                      heed_error *error);
void import_plan_free(import_plan *plan);

/* -1 where there is none. */
int import_plan_find(const import_plan *plan, const char *name);
/* Whether the map says of a foreign name that it holds nothing learned. */
bool import_plan_ignores(const import_plan *plan, const char *name);
/* How messages call a target: what it is there and here. From malloc; NULL where there is no memory. */
char *import_target_text(const import_plan *plan, const import_target *target);

/* All elements of a target, of the model's dtype in the file's layout, from or to the model's values. */
void import_target_gather(const import_plan *plan, const import_target *target, void *foreign);
void import_target_scatter(const import_plan *plan, const import_target *target, const void *foreign);

#endif
