/* Models in safetensors files: a JSON header with names, dtypes, shapes and offsets, then the raw numbers.
 * PyTorch's safetensors and NumPy read what Heed writes, and the reverse. */
#ifndef HEED_SAFETENSORS_H
#define HEED_SAFETENSORS_H

#include <heed/import_map.h>
#include <heed/model.h>

HEED_BEGIN_DECLS

/* ---- models ---- */

typedef struct heed_load_options {
    heed_file_names names; /* of another program, or of a part of the model: see import_map.h */
    bool
        partial; /* load what is there and fits by name and shape; otherwise a missing, extra or misshapen tensor is an error */
    /* partial: called for each thing that was left, with its name and the reason: "missing", "not in the model", ... */
    void (*left)(void *user, const char *name, const char *why);
    void *user;
} heed_load_options;

typedef struct heed_save_options {
    heed_file_names names;
    const char *
        dtype; /* NULL: the model's; or "F32", "F64", "F16", "BF16": rounded to nearest even, too large is inf, as IEEE 754 */
    const char *const (*metadata)[2]; /* n_metadata pairs of key, value */
    int n_metadata;
} heed_save_options;

/* Every parameter and buffer under its path, or under another program's names and in its layout; tied ones once. The file
 * appears whole or not at all: written beside, fsync, rename, fsync of the directory. error may be NULL. */
heed_status heed_model_save(const heed_model *model, const char *path, heed_save_options options,
                            heed_error *error) HEED_MUST_CHECK;
/* Checks the whole file before the model is touched: on an error, which names the tensor there and here, the model is as it was.
 * dtypes convert (F32, F64, BF16, F16). */
heed_status heed_model_load(heed_model *model, const char *path, heed_load_options options,
                            heed_error *error) HEED_MUST_CHECK;

/* ---- files ---- */

typedef struct heed_safetensors heed_safetensors;
typedef struct heed_file_tensor {
    const char *name;
    const char *dtype; /* as the format spells it: "F32", "F64", "BF16", "F16", "I32", "BOOL", ... */
    heed_shape shape;
    int64_t count;
    const void *data; /* in the file's dtype, little-endian */
    size_t bytes;
} heed_file_tensor;

/* Opens and checks a file; NULL and the reason on error. A FIFO, a directory, an empty file: an error, no hang. */
heed_safetensors *heed_safetensors_open(const char *path, heed_error *error);
void heed_safetensors_close(heed_safetensors *file);
int heed_safetensors_count(const heed_safetensors *file);
heed_file_tensor heed_safetensors_at(const heed_safetensors *file, int index); /* in order of their place in the file */
int heed_safetensors_find(const heed_safetensors *file, const char *name);     /* -1 where there is none */
const char *heed_safetensors_metadata(const heed_safetensors *file, const char *key); /* NULL where there is none */
/* The tensor's numbers as doubles; false where the dtype has none (or count does not fit). */
bool heed_file_tensor_doubles(const heed_file_tensor *tensor, double *values, int64_t count);

/* Writes tensors (name, dtype, shape, data set; count and bytes are computed) and metadata, whole or not at all. */
heed_status heed_safetensors_write(const char *path, int n, const heed_file_tensor *tensors, int n_metadata,
                                   const char *const (*metadata)[2], heed_error *error) HEED_MUST_CHECK;

HEED_END_DECLS
#endif
