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
    unsigned char *bytes; /* little-endian, frame after frame, of the frames that have it; until they are packed */
    float *scale;         /* of each of these; unused where 32 bits */
    unsigned char *packed;
    size_t packed_bytes;
} page_array;

typedef struct page_numbers {
    page_array *arrays; /* in the order in which the recording has them */
    size_t n, capacity;
    json_t *by_name;       /* tensor -> its index */
    int *frames, n_frames; /* of the recording, those that are shown */
    int bits[NUMBER_KINDS];
    int every;                  /* of so many frames one has what is only looked at; and the last */
    double ratio[NUMBER_KINDS]; /* to which numbers are believed to shrink when packed */
} page_numbers;

/* Finds all tensors of the recording that a page shows. */
bool page_numbers_find(page_numbers *numbers, heed_recording *r, heed_error *error);
/* Chooses frames and bits so that the page takes at most `most` bytes, of which all that is no array takes `taken`; reads,
 * rounds and packs the numbers. */
bool page_numbers_make(page_numbers *numbers, heed_recording *r, int64_t most, int64_t taken, const char *recording,
                       heed_error *error);
/* Deflates an array's n frames, with planes: first the lowest bytes of a frame's numbers, then the next ones; as
 * differences, modulo 2^bits, to the frame before. False: out of memory. */
bool page_array_pack(page_array *array, int bits, int n, bool differences);
/* Whether arrays of a kind are packed as differences. */
bool page_numbers_differ(number_kind kind);
/* How many of n frames have arrays of a kind. */
int page_numbers_frames(const page_numbers *numbers, number_kind kind, int n);
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
/* The array as the page reads it: {"type":"i16","thin":true,"differences":true,"scale":[...],"data":"base64"}. */
void page_put_array(page_writer *w, const page_numbers *numbers, const page_array *array);

/* The bytes that page_put_json would write; -1: out of memory. */
int64_t page_json_bytes(const json_t *value);

#endif
