/* The folder of a recording. */
#ifndef HEED_LENS_FOLDER_INTERNAL_H
#define HEED_LENS_FOLDER_INTERNAL_H

#include <heed/error.h>

/* folder/name, for free(); NULL: out of memory. */
char *lens_folder_path(const char *folder, const char *name);
/* Leaves an empty folder: made, or empty before, or with replace an old recording's, whose files are deleted. Anything else
 * in it is an error, and then nothing is touched. */
heed_status lens_folder_prepare(const char *folder, bool replace, heed_error *error);
/* "00000017.safetensors" */
enum { LENS_FRAME_NAME = 64 };
const char *lens_frame_file(int64_t step, char name[LENS_FRAME_NAME]);

#endif
