#include <stdlib.h>
#include <string.h>

#include "report_internal.h"

/* Reals have 17 digits in JSON, as many as a double may need; a float needs 9. */
enum { JSON_LOOK = JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY, FLOAT_DIGITS = 9 };

static void flush(page_writer *w) {
    if (!w->status && w->used)
        w->status = atomic_file_write(&w->file, w->buffer, w->used);
    w->used = 0;
}

void page_writer_open(page_writer *w, const char *path, heed_error *error) {
    w->used = 0;
    w->bytes = 0;
    w->status = atomic_file_open(&w->file, path, error);
}

heed_status page_writer_close(page_writer *w) {
    flush(w);
    if (!w->status)
        w->status = atomic_file_commit(&w->file);
    else
        atomic_file_abandon(&w->file);
    return w->status;
}

void page_put(page_writer *w, const void *data, size_t bytes) {
    const char *at = data;
    w->bytes += (int64_t)bytes;
    while (bytes > 0) {
        size_t room = sizeof w->buffer - w->used, part = bytes < room ? bytes : room;
        memcpy(w->buffer + w->used, at, part);
        w->used += part;
        at += part;
        bytes -= part;
        if (w->used == sizeof w->buffer)
            flush(w);
    }
}

void page_put_text(page_writer *w, const char *text) {
    page_put(w, text, strlen(text));
}

/* ---- JSON ---- */

/* "<" stands in JSON only within texts, where it may be written as a code; with none of them nothing ends the script
 * element early, nor begins a comment in it. Delete is written so too. All that is not ASCII is escaped already. */
static const char *code_of(char byte) {
    return byte == '<' ? "\\u003c" : byte == 0x7F ? "\\u007f" : NULL;
}
enum { CODE_BYTES = 6 };

static int put_part(const char *text, size_t bytes, void *writer) {
    size_t from = 0;
    for (size_t i = 0; i < bytes; i++)
        if (code_of(text[i])) {
            page_put(writer, text + from, i - from);
            page_put_text(writer, code_of(text[i]));
            from = i + 1;
        }
    page_put(writer, text + from, bytes - from);
    return 0;
}

static void put_json(page_writer *w, const json_t *value, size_t look) {
    if ((value == NULL || json_dump_callback(value, put_part, w, look) != 0) && !w->status)
        w->status =
            heed_error_set(w->file.error, HEED_NO_MEMORY, "%s: out of memory", w->file.path ? w->file.path : "page");
}

void page_put_json(page_writer *w, const json_t *value) {
    put_json(w, value, JSON_LOOK);
}

static int count_part(const char *text, size_t bytes, void *total) {
    int64_t escaped = (int64_t)bytes;
    for (size_t i = 0; i < bytes; i++)
        escaped += code_of(text[i]) ? CODE_BYTES - 1 : 0;
    *(int64_t *)total += escaped;
    return 0;
}

int64_t page_json_bytes(const json_t *value) {
    int64_t total = 0;
    return value && json_dump_callback(value, count_part, &total, JSON_LOOK) == 0 ? total : -1;
}

/* ---- arrays ---- */

/* RFC 4648, section 4. */
static void put_base64(page_writer *w, const unsigned char *data, size_t bytes) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes; i += 3) {
        size_t left = bytes - i;
        unsigned bits =
            (unsigned)data[i] << 16 | (left > 1 ? (unsigned)data[i + 1] << 8 : 0) | (left > 2 ? data[i + 2] : 0);
        const char four[] = {digits[bits >> 18], digits[bits >> 12 & 63], left > 1 ? digits[bits >> 6 & 63] : '=',
                             left > 2 ? digits[bits & 63] : '='};
        page_put(w, four, sizeof four);
    }
}

static void put_scales(page_writer *w, const page_array *array, int n_frames) {
    json_t *list = json_array();
    for (int i = 0; i < n_frames && list; i++)
        if (json_array_append_new(list, json_real((double)array->scale[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    page_put_text(w, "\"scale\":");
    put_json(w, list, JSON_LOOK | JSON_REAL_PRECISION(FLOAT_DIGITS));
    page_put_text(w, ",");
    json_decref(list);
}

void page_put_array(page_writer *w, const page_numbers *numbers, const page_array *array) {
    const int bits = numbers->bits[array->kind];
    page_put_text(w, bits == 32 ? "{\"type\":\"f32\"," : bits == 16 ? "{\"type\":\"i16\"," : "{\"type\":\"i8\",");
    if (numbers->every > 1 && page_numbers_frames(numbers, array->kind, numbers->n_frames) < numbers->n_frames)
        page_put_text(w, "\"thin\":true,");
    if (page_numbers_differ(array->kind))
        page_put_text(w, "\"differences\":true,");
    if (bits < 32)
        put_scales(w, array, page_numbers_frames(numbers, array->kind, numbers->n_frames));
    page_put_text(w, "\"data\":\"");
    put_base64(w, array->packed, array->packed_bytes);
    page_put_text(w, "\"}");
}
