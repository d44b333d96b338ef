/* A page while it is made. report.c says what is in it, report_numbers.c how exact its numbers are, report_write.c how
 * it comes into the file. */
#ifndef HEED_REPORT_INTERNAL_H
#define HEED_REPORT_INTERNAL_H

#include <jansson.h>

#include <heed/recording.h>
#include <heed/report.h>

#include "../io/atomic_file_internal.h"

/* ---- numbers ---- */

/* Those behind are never less exact than those before: see page_numbers_fit. */
typedef enum number_kind {
    NUMBER_UPDATE,
    NUMBER_GRAD,
    NUMBER_PROBE_GRAD,
    NUMBER_VALUE,
    NUMBER_PROBE,
    NUMBER_KINDS
} number_kind;

/* One tensor over all frames of the page. */
typedef struct page_array {
    char *tensor; /* its name in the frames */
    number_kind kind;
    heed_shape shape;
    int64_t count;        /* numbers in a frame */
    int64_t name_bytes;   /* of the name in JSON */
    unsigned char *bytes; /* little-endian, frame after frame */
    float *scale;         /* of each frame; unused where 32 bits */
} page_array;

typedef struct page_numbers {
    page_array *arrays; /* in the order in which the recording has them */
    size_t n, capacity;
    json_t *by_name;       /* tensor -> its index */
    int *frames, n_frames; /* of the recording, those that are shown */
    int bits[NUMBER_KINDS];
} page_numbers;

/* Finds all tensors of the recording that a page shows. */
bool page_numbers_find(page_numbers *numbers, heed_recording *r, heed_error *error);
/* Chooses frames and bits so that the page takes at most `most` bytes, of which all that is no array takes `taken`. */
bool page_numbers_fit(page_numbers *numbers, int all_frames, int64_t most, int64_t taken, const char *recording,
                      heed_error *error);
/* Reads and rounds them. */
bool page_numbers_read(page_numbers *numbers, heed_recording *r, heed_error *error);
const page_array *page_numbers_get(const page_numbers *numbers, const char *tensor); /* NULL: there is none */
void page_numbers_free(page_numbers *numbers);

/* ---- the file ---- */

typedef struct page_writer {
    atomic_file file;
    heed_status status;
    int64_t bytes; /* written so far */
    size_t used;
    char buffer[1 << 16];
} page_writer;

void page_writer_open(page_writer *w, const char *path, heed_error *error);
/* Puts the file in place, or drops it where anything failed. */
heed_status page_writer_close(page_writer *w);
void page_put(page_writer *w, const void *data, size_t bytes);
void page_put_text(page_writer *w, const char *text);
/* JSON in ASCII, without a "<" or anything else that a browser could take for markup. */
void page_put_json(page_writer *w, const json_t *value);
/* The array as the page reads it: {"type":"i16","scale":[...],"data":"base64"}. */
void page_put_array(page_writer *w, const page_array *array, int bits, int n_frames);

/* The bytes that page_put_json would write; -1: out of memory. */
int64_t page_json_bytes(const json_t *value);

#endif
