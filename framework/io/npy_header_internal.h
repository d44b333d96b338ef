/* The header of a .npy file. After magic, version and length comes a Python dict literal:
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }          padded with spaces, and a line end */
#ifndef HEED_NPY_HEADER_INTERNAL_H
#define HEED_NPY_HEADER_INTERNAL_H

#include "file_dtypes_internal.h"
#include "file_reader_internal.h"

#define NPY_MAGIC "\x93NUMPY"
enum { NPY_MAGIC_BYTES = 6 };

#define NPY_NATIVE_ORDER (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<' : '>')

typedef struct npy_header {
    const char *dtype; /* as heed_file_tensor has it: "F32" */
    bool swap;         /* the file has the other byte order */
    bool fortran_order;
    heed_shape shape;
} npy_header;

/* Reads the literal. Keys in any order, each once; spaces; either kind of quotes. All else is refused. */
bool npy_header_parse(const file_reader *file, const char *text, size_t length, npy_header *out);

/* NumPy's name without the byte order, "f4" for "F32"; NULL where it has none. */
const char *npy_kind(const char *dtype);

#endif
