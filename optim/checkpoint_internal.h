/* A checkpoint from within: a list of tensors and a list of facts. */
#ifndef HEED_OPTIM_CHECKPOINT_INTERNAL_H
#define HEED_OPTIM_CHECKPOINT_INTERNAL_H

#include <jansson.h>

#include <heed/optim/checkpoint.h>
#include <heed/safetensors.h>

#include "optim_internal.h"

/* ---- facts: all that is no tensor ---- */

typedef enum fact_kind { FACT_REAL, FACT_WHOLE, FACT_BITS, FACT_TEXT } fact_kind; /* double, int64_t, uint64_t, UTF-8 */
typedef struct fact {
    const char *section, *name;
    fact_kind kind;
    void *place;
    size_t room; /* of a text */
} fact;

typedef struct fact_list {
    const heed_checkpoint *parts;
    fact *facts;
    int n;
    uint64_t seed, step; /* the tape's, on their way */
    int64_t kind;        /* the schedule's */
} fact_list;

/* False where there is no memory. The list points to itself and must stay where it is. */
bool facts_of(fact_list *list, const heed_checkpoint *parts);
void facts_free(fact_list *list);
/* NULL where a text is not UTF-8, a name comes twice, or memory is out. */
json_t *facts_to_json(const fact_list *list);
/* Checks that all is there and can be; false with the error set. */
bool facts_check(const fact_list *list, const json_t *json, const char *path, heed_error *error);
/* Puts what was checked in its places. */
void facts_take(fact_list *list, const json_t *json);

/* ---- tensors ---- */

typedef struct tensor_list {
    heed_file_tensor *tensors; /* names from malloc; data: the very places */
    int n;
} tensor_list;

/* False where there is no memory. */
bool tensors_of(tensor_list *list, const heed_checkpoint *parts);
void tensors_free(tensor_list *list);

/* ---- the whole ---- */

/* What is to be written, from the moment when it was taken. */
typedef struct snapshot {
    tensor_list tensors;
    json_t *facts;
    void *copy; /* of the tensors' data; NULL: they are written from their places */
} snapshot;
bool snapshot_take(snapshot *shot, const heed_checkpoint *parts, bool copied, const char *path, heed_error *error);
heed_status snapshot_write(snapshot *shot, const char *path, heed_error *error);
void snapshot_free(snapshot *shot);

#endif
