/* Files that hold one JSON object. */
#ifndef HEED_JSON_FILE_INTERNAL_H
#define HEED_JSON_FILE_INTERNAL_H

#include <jansson.h>

#include <heed/error.h>

/* The object, for json_decref; NULL and the reason: `format` says what the file should be. A key twice is an error. */
json_t *json_file_read(const char *path, const char *format, heed_error *error);
/* In order of insertion, ASCII alone, whole or not at all. */
heed_status json_file_write(const json_t *object, const char *path, heed_error *error);

#endif
