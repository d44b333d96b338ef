#include "json_file_internal.h"

#include <stdlib.h>
#include <string.h>

#include "../io/atomic_file_internal.h"
#include "../io/file_reader_internal.h"

json_t *json_file_read(const char *path, const char *format, heed_error *error) {
    file_reader r;
    if (!file_reader_open(&r, path, format, error))
        return NULL;
    size_t bytes = r.left;
    char *text = file_reader_block(&r, bytes);
    file_reader_close(&r);
    if (text == NULL)
        return NULL;
    json_error_t why;
    json_t *object = json_loadb(text, bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    free(text);
    if (json_is_object(object))
        return object;
    if (object == NULL && *why.text == '\0') /* the parser's way of saying so */
        file_reader_no_memory(&r);
    else
        file_reader_refuse(&r, "%s", object ? "it must be a JSON object" : why.text);
    json_decref(object);
    return NULL;
}

heed_status json_file_write(const json_t *object, const char *path, heed_error *error) {
    atomic_file file;
    char *text = json_dumps(object, JSON_ENSURE_ASCII);
    heed_status status =
        text ? atomic_file_open(&file, path, error) : heed_error_set(error, HEED_NO_MEMORY, "%s: out of memory", path);
    if (!status) {
        status = atomic_file_write(&file, text, strlen(text));
        if (status)
            atomic_file_abandon(&file);
        else
            status = atomic_file_commit(&file);
    }
    free(text);
    return status;
}
