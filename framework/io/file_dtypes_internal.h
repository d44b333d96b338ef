/* The dtypes of files, which are more than those of tensors. */
#ifndef HEED_FILE_DTYPES_INTERNAL_H
#define HEED_FILE_DTYPES_INTERNAL_H

#include <heed/safetensors.h>

/* Bytes of an element; 0 where the name is none of the format's. */
size_t file_dtype_size(const char *name);
/* The format's name of a dtype. */
const char *file_dtype_name(heed_dtype dtype);
/* Whether elements of it are real or whole numbers that a double can stand for. */
bool file_dtype_is_number(const char *name);
/* Whether it is one of the floating-point ones a parameter may be loaded from. */
bool file_dtype_is_float(const char *name);
/* count elements from one dtype to another, at any addresses: equal ones bit for bit; floats to floats rounded to nearest even, too
 * large to inf. False, and nothing written, where that cannot be. */
bool file_dtype_convert(const char *to_dtype, void *to, const char *from_dtype, const void *from, int64_t count);

#endif
