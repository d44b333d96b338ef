/* Models in safetensors files: a JSON header with names, dtypes, shapes and offsets, then the raw numbers.
 * PyTorch's safetensors and NumPy read what Heed writes, and the reverse. */
#ifndef HEED_SAFETENSORS_H
#define HEED_SAFETENSORS_H

#include <heed/model.h>

HEED_BEGIN_DECLS

/* ---- models ---- */

typedef struct heed_load_options {
    bool partial; /* load what is there and fits by name and shape; otherwise a missing, extra or misshapen tensor is an error */
    heed_error *report; /* partial: not NULL: its text lists what was left (its status stays HEED_OK) */
} heed_load_options;

/* Every parameter and buffer under its path, and metadata: n pairs of key, value (NULL when n is 0). The file appears
 * whole or not at all: written beside, fsync, rename, fsync of the directory. error may be NULL. */
heed_status heed_model_save(const heed_model *model, const char *path, int n, const char *const (*metadata)[2], heed_error *error) HEED_MUST_CHECK;
/* Checks the whole file before the model is touched: on an error the model is as it was. dtypes convert (F32, F64, BF16, F16). */
heed_status heed_model_load(heed_model *model, const char *path, heed_load_options options, heed_error *error) HEED_MUST_CHECK;

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
