#include "recorded_pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void recorded_pattern_free(recorded_pattern *p) {
    free(p->values);
    free(p->row_names);
    free(p->column_names);
    free(p->said);
    free(p->alignment);
    json_decref(p->numbers);
    *p = (recorded_pattern){0};
}

/* ---- names ---- */

/* The texts of a list of n, else numbers, which p keeps. */
static const char **names_of(recorded_pattern *p, const json_t *list, int n) {
    const char **names = malloc((size_t)n * sizeof *names);
    for (int i = 0; i < n && names; i++) {
        json_t *number = json_sprintf("%d", i);
        json_array_append_new(p->numbers, number);
        names[i] = json_array_size(list) == (size_t)n ? json_string_value(json_array_get(list, (size_t)i))
                                                      : json_string_value(number);
    }
    return names;
}

/* What a probe says is of its own queries, and so of the layers that have no others. */
static bool find_said(recorded_pattern *p, const heed_recording *r, int frame, const char *probe) {
    if (heed_recording_said(r, frame, probe, p->rows - 1) == NULL || heed_recording_said(r, frame, probe, p->rows))
        return true;
    p->said = malloc((size_t)p->rows * sizeof *p->said);
    for (int i = 0; i < p->rows && p->said; i++)
        p->said[i] = heed_recording_said(r, frame, probe, i);
    return p->said != NULL;
}

/* Of the layer itself where the probe says so, else of the probe; a self-attention's rows are what its columns are. */
static bool find_names(recorded_pattern *p, const heed_recording *r, int frame, const json_t *probe,
                       const json_t *layer) {
    const json_t *own =
        json_object_get(json_object_get(probe, "attention"), json_string_value(json_object_get(layer, "path")));
    const json_t *from = own ? own : probe, *rows = json_object_get(from, "queries"),
                 *columns = json_object_get(from, "keys");
    const json_t *alignment = json_object_get(from, "alignment");
    bool of_rows = json_array_size(rows) == (size_t)p->rows;
    if (!of_rows && p->rows == p->columns)
        rows = columns;
    p->row_names = names_of(p, rows, p->rows);
    p->column_names = names_of(p, columns, p->columns);
    if (of_rows && json_array_size(alignment) == (size_t)p->rows && json_array_size(columns) == (size_t)p->columns &&
        (p->alignment = malloc((size_t)p->rows * sizeof *p->alignment)) != NULL)
        for (int i = 0; i < p->rows; i++)
            p->alignment[i] = (int)json_integer_value(json_array_get(alignment, (size_t)i));
    return p->row_names && p->column_names &&
           (own || find_said(p, r, frame, json_string_value(json_object_get(probe, "name"))));
}

/* ---- the whole ---- */

/* p has the values, of this shape. */
static heed_status understand(recorded_pattern *p, heed_shape shape, heed_recording *r, int frame, const json_t *probe,
                              const json_t *layer, heed_error *error) {
    const bool fits = (shape.rank == 2 || shape.rank == 3) && heed_shape_count(shape) > 0;
    if (!fits)
        return heed_error_set(error, HEED_INVALID,
                              "the attention of %s has the shape %s; (T, S) or (H, T, S) can be shown",
                              json_string_value(json_object_get(layer, "path")), HEED_SHAPE_STR(shape));
    p->heads = shape.rank == 3 ? (int)shape.n[0] : 1;
    p->rows = (int)shape.n[shape.rank - 2];
    p->columns = (int)shape.n[shape.rank - 1];
    p->numbers = json_array();
    return p->numbers && find_names(p, r, frame, probe, layer) ? HEED_OK
                                                               : heed_error_set(error, HEED_NO_MEMORY, "out of memory");
}

heed_status recorded_pattern_read(recorded_pattern *p, heed_recording *r, int frame, const json_t *probe,
                                  const json_t *layer, heed_error *error) {
    heed_shape shape = HEED_SCALAR;
    json_t *name = json_sprintf("probe/%s/%s.pattern", json_string_value(json_object_get(probe, "name")),
                                json_string_value(json_object_get(layer, "path")));
    *p = (recorded_pattern){0};
    heed_status status = name ? heed_recording_tensor(r, frame, json_string_value(name), &shape, &p->values, error)
                              : heed_error_set(error, HEED_NO_MEMORY, "out of memory");
    json_decref(name);
    if (!status)
        status = understand(p, shape, r, frame, probe, layer, error);
    if (status)
        recorded_pattern_free(p);
    return status;
}
