/* Writing safetensors for what is written often and may be lost in a power cut. */
#ifndef HEED_SAFETENSORS_INTERNAL_H
#define HEED_SAFETENSORS_INTERNAL_H

#include <heed/safetensors.h>

/* heed_safetensors_write without fsync: the file appears whole or not at all as long as the power stays on. bytes receives
 * its size. */
heed_status safetensors_write_unsynced(const char *path, int n, const heed_file_tensor *tensors, int n_metadata,
                                       const char *const (*metadata)[2], uint64_t *bytes, heed_error *error);

#endif
