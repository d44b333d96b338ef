/* What one asks of a recording, found in it: a frame, a probe, a layer, or a message that lists those there are. */
#ifndef HEED_LENS_LOOK_H
#define HEED_LENS_LOOK_H

#include <jansson.h>

#include <heed/heed.h>

#include "../common/recorded_pattern.h"
#include "options.h"

typedef struct look {
    heed_recording *r;
    json_t *header;
    int frame; /* the one that is asked for */
} look;

/* Each prints what is wrong, and returns false. */
bool look_open(look *l, const options *o, bool frame);
void look_close(look *l);
int64_t look_step(const look *l);
/* The entry of the header's list "probes" or "attention" that has this name (path), or the first one; NULL. */
const json_t *look_entry(const look *l, const char *list, const char *key, const char *wanted);
/* "a, b, c" of a list's entries, safe to print, for free(); cut where there are many. */
char *look_names(const json_t *list, const char *key);

/* A probe's attention in one layer, at the frame that is asked for. */
bool look_pattern_read(look *l, const json_t *probe, const json_t *layer, recorded_pattern *p);
/* A head that is not given is the first. */
bool look_head(const recorded_pattern *p, const json_t *layer, int64_t wanted, int *head);

/* printf into memory of its own, for free(). */
char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
