/* A probe's attention in one layer, at one frame of a recording, with its names. */
#ifndef EXAMPLES_RECORDED_PATTERN_H
#define EXAMPLES_RECORDED_PATTERN_H

#include <jansson.h>

#include <heed/heed.h>

typedef struct recorded_pattern {
    int heads, rows, columns;
    double *values;                         /* (heads, rows, columns) */
    const char **row_names, **column_names; /* of the header; "0", "1", ... where it has other numbers of them */
    const char **said;                      /* NULL, or what the model answered then at each row */
    int *alignment;                         /* NULL, or of each row */
    json_t *numbers;                        /* keeps these */
} recorded_pattern;

/* probe, layer: entries of the recording's header, which is alive as long as p. On an error p is empty. */
heed_status recorded_pattern_read(recorded_pattern *p, heed_recording *r, int frame, const json_t *probe,
                                  const json_t *layer, heed_error *error) HEED_MUST_CHECK;
void recorded_pattern_free(recorded_pattern *p);

#endif
