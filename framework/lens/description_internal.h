/* The first line of a recording while it is put together. */
#ifndef HEED_LENS_DESCRIPTION_INTERNAL_H
#define HEED_LENS_DESCRIPTION_INTERNAL_H

#include <jansson.h>

#include <heed/recorder.h>

typedef struct lens_description {
    const heed_model *model;
    char *patterns; /* or NULL: what is named below */
    json_t *header;
} lens_description;

/* Each returns a status, and on an error the text that says what is wrong. */
heed_status lens_description_init(lens_description *d, const heed_model *model, const heed_recorder_options *options,
                                  heed_error *error);
void lens_description_free(lens_description *d);
heed_status lens_describe_probe(lens_description *d, const heed_probe *probe, heed_error *error);
heed_status lens_describe_names(lens_description *d, const char *probe, const char *path, const heed_probe *names,
                                heed_error *error);
heed_status lens_describe_attention(lens_description *d, const heed_recorded_attention *attention, heed_error *error);
heed_status lens_describe_space(lens_description *d, const heed_recorded_space *space, heed_error *error);
heed_status lens_describe_story(lens_description *d, const char *json, heed_error *error);

/* Chooses the parameters that are recorded, and makes the line, for free(). The indexes, for free() too, are the model's. */
heed_status lens_description_close(lens_description *d, int *n, int **parameters, char **line, heed_error *error);

#endif
