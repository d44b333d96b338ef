/* One array in a NumPy .npy file: np.load reads what Heed writes, and Heed what np.save writes. */
#ifndef HEED_NPY_H
#define HEED_NPY_H

#include <heed/safetensors.h>

HEED_BEGIN_DECLS

typedef struct heed_npy heed_npy;

/* Opens, checks and reads a file of version 1, 2 or 3; NULL and the reason on error. Elements may be floats of 2, 4 or
 * 8 bytes, integers of 1, 2, 4 or 8, signed or not, and bools, in either byte order, row by row or column by column.
 * Python objects, structures, complex numbers, texts and dates: an error, as are a FIFO, a directory, an empty file (no
 * hang), a header that is not as NumPy writes it, a rank above 8, and more or fewer bytes than shape and dtype make. */
heed_npy *heed_npy_open(const char *path, heed_error *error);
void heed_npy_close(heed_npy *file);
/* The array, without a name, valid until the file is closed: row-major, in this machine's byte order whatever the
 * file's, the dtype as safetensors spell it ("F32", "I64", "BOOL"). heed_file_tensor_doubles gives its numbers. */
heed_file_tensor heed_npy_tensor(const heed_npy *file);

/* Writes a row-major array, bit for bit, whole or not at all. bf16 is an error, as NumPy has none: heed_cast it, or use _as. */
heed_status heed_npy_write(const char *path, heed_dtype dtype, heed_shape shape, const void *data,
                           heed_error *error) HEED_MUST_CHECK;
/* The same as another dtype of files: f32, f64 and bf16 as "F16", "F32" or "F64", rounded to nearest even, too large is inf. */
heed_status heed_npy_write_as(const char *path, const char *file_dtype, heed_dtype dtype, heed_shape shape,
                              const void *data, heed_error *error) HEED_MUST_CHECK;

HEED_END_DECLS
#endif
