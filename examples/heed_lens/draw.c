/* Pictures. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "actions.h"
#include "look.h"

static int saved(heed_status status, const heed_error *e) {
    return status ? failed(e->text) : DONE;
}

static const char *path_of(const json_t *layer) {
    return json_string_value(json_object_get(layer, "path"));
}

/* ---- attention ---- */

static int draw_head(const options *o, const look *l, const json_t *probe, const json_t *layer,
                     const recorded_pattern *p) {
    int head;
    heed_error e = {.status = HEED_OK};
    if (!look_head(p, layer, o->head, &head))
        return MISUSED;
    char *title = p->heads > 1 ? text_of("%s, head %d, step %lld", path_of(layer), head, (long long)look_step(l))
                               : text_of("%s, step %lld", path_of(layer), (long long)look_step(l));
    char *unit =
        text_of("attention weight, a row's sum to 1; probe \"%s\"%s", json_string_value(json_object_get(probe, "name")),
                p->alignment ? "; framed: the true keys" : "");
    const heed_matrix_picture picture = {.title = o->title ? o->title : title,
                                         .values = p->values + (size_t)head * (size_t)p->rows * (size_t)p->columns,
                                         .rows = p->rows,
                                         .columns = p->columns,
                                         .row_names = p->row_names,
                                         .column_names = p->column_names,
                                         .row_title = "query",
                                         .column_title = "key",
                                         .unit = unit,
                                         .shares = true,
                                         .alignment = p->alignment};
    int result = saved(heed_matrix_picture_save(&picture, o->output, &e), &e);
    free(title);
    free(unit);
    return result;
}

int draw_attention(const options *o) {
    look l;
    recorded_pattern p;
    int result = MISUSED;
    if (!look_open(&l, o, true))
        return MISUSED;
    const json_t *probe = look_entry(&l, "probes", "name", o->probe),
                 *layer = probe ? look_entry(&l, "attention", "path", o->layer) : NULL;
    if (layer && look_pattern_read(&l, probe, layer, &p)) {
        result = draw_head(o, &l, probe, layer, &p);
        recorded_pattern_free(&p);
    }
    look_close(&l);
    return result;
}

/* ---- matrices ---- */

/* What textbooks call a parameter, if it is a matrix of an attention layer. */
typedef struct textbook {
    const char *symbol;           /* "W^Q"; NULL: none */
    const json_t *rows, *columns; /* the names of the space that its rows or columns live in, or NULL */
} textbook;

/* The names of a space whose entries are tokens themselves. */
static const json_t *space_names(const look *l, const json_t *name) {
    const json_t *spaces = json_object_get(l->header, "spaces");
    for (size_t i = 0; i < json_array_size(spaces); i++) {
        const json_t *space = json_array_get(spaces, i);
        if (json_equal(json_object_get(space, "name"), name) && json_is_null(json_object_get(space, "embedding")))
            return json_object_get(space, "names");
    }
    return NULL;
}

static textbook textbook_of(const look *l, const char *param) {
    static const char *const all[][3] = {{"w_q", "W^Q", "query_space"},
                                         {"w_k", "W^K", "key_space"},
                                         {"w_v", "W^V", "key_space"},
                                         {"w_o", "W^O", "out_space"}};
    const json_t *layers = json_object_get(l->header, "attention");
    for (size_t i = 0; i < json_array_size(layers); i++)
        for (int k = 0; k < 4; k++) {
            const json_t *layer = json_array_get(layers, i);
            const char *name = json_string_value(json_object_get(layer, all[k][0]));
            const json_t *names = space_names(l, json_object_get(layer, all[k][2]));
            if (name && strcmp(name, param) == 0)
                return (textbook){all[k][1], k < 3 ? names : NULL, k < 3 ? NULL : names};
        }
    return (textbook){NULL, NULL, NULL};
}

static const char **texts_of(const json_t *list, int64_t n) {
    const char **texts = json_array_size(list) == (size_t)n && n > 0 ? malloc((size_t)n * sizeof *texts) : NULL;
    for (int64_t i = 0; i < n && texts; i++)
        texts[i] = json_string_value(json_array_get(list, (size_t)i));
    return texts;
}

/* The largest magnitude of a tensor over all frames: pictures of several steps have one scale. */
static double limit_of(look *l, const char *tensor) {
    double most = 0;
    for (int frame = 0; frame < heed_recording_frames(l->r); frame++) {
        heed_shape shape;
        double *values = NULL;
        if (!heed_recording_has(l->r, frame, tensor) ||
            heed_recording_tensor(l->r, frame, tensor, &shape, &values, NULL))
            continue;
        for (int64_t i = 0; i < heed_shape_count(shape); i++)
            most = isfinite(values[i]) ? fmax(most, fabs(values[i])) : most;
        free(values);
    }
    return most;
}

static double *transposed(const double *values, int64_t rows, int64_t columns) {
    double *out = malloc((size_t)(rows * columns) * sizeof *out);
    for (int64_t i = 0; i < rows * columns && out; i++)
        out[i % columns * rows + i / columns] = values[i];
    return out;
}

/* values: (outputs, inputs) as stored, (inputs, outputs) where a textbook has a name for it; one row of a vector. */
static int draw_values(const options *o, look *l, const char *tensor, heed_shape shape, const double *values) {
    static const char *const kinds[] = {"value", "gradient of the batch's loss", "update of this step"};
    heed_error e = {.status = HEED_OK};
    textbook book = shape.rank == 2 ? textbook_of(l, o->param) : (textbook){NULL, NULL, NULL};
    int64_t outputs = shape.rank == 2 ? shape.n[0] : 1, inputs = shape.n[shape.rank - 1];
    double *turned = book.symbol ? transposed(values, outputs, inputs) : NULL;
    char *title = book.symbol ? text_of("%s (%s), step %lld", o->param, book.symbol, (long long)look_step(l))
                              : text_of("%s, step %lld", o->param, (long long)look_step(l));
    char *unit = text_of("%s; one scale for all steps", kinds[o->of]);
    const char **rows = texts_of(book.rows, inputs), **columns = texts_of(book.columns, outputs);
    const heed_matrix_picture picture = {.title = o->title ? o->title : title,
                                         .values = turned ? turned : values,
                                         .rows = (int)fmin((double)(turned ? inputs : outputs), INT32_MAX),
                                         .columns = (int)fmin((double)(turned ? outputs : inputs), INT32_MAX),
                                         .row_names = rows,
                                         .column_names = columns,
                                         .row_title = turned            ? "input"
                                                      : shape.rank == 2 ? "row"
                                                                        : NULL,
                                         .column_title = turned            ? "output"
                                                         : shape.rank == 2 ? "column"
                                                                           : "entry",
                                         .unit = unit,
                                         .limit = limit_of(l, tensor)};
    int result = book.symbol && !turned ? failed("") : saved(heed_matrix_picture_save(&picture, o->output, &e), &e);
    free(rows);
    free(columns);
    free(title);
    free(unit);
    free(turned);
    return result;
}

static int draw_parameter(const options *o, look *l) {
    static const char *const folders[] = {"param", "grad", "update"};
    heed_error e;
    heed_shape shape;
    double *values = NULL;
    char *tensor = text_of("%s/%s", folders[o->of], o->param);
    int result = FAILED;
    if (tensor == NULL || heed_recording_tensor(l->r, l->frame, tensor, &shape, &values, &e))
        failed(tensor ? e.text : "");
    else if (shape.rank != 1 && shape.rank != 2)
        complain("%s has the shape %s; a matrix or a vector can be drawn", o->param, HEED_SHAPE_STR(shape));
    else
        result = draw_values(o, l, tensor, shape, values);
    free(values);
    free(tensor);
    return result;
}

int draw_matrix(const options *o) {
    look l;
    if (!look_open(&l, o, true))
        return MISUSED;
    int result = MISUSED;
    if (o->param && look_entry(&l, "parameters", "name", o->param))
        result = draw_parameter(o, &l);
    else if (o->param == NULL) {
        char *names = look_names(json_object_get(l.header, "parameters"), "name");
        complain("--svg matrix: which --param? There are: %s", names ? names : "");
        free(names);
    }
    look_close(&l);
    return result;
}

/* ---- curves ---- */

enum { CURVES = 12 };

static int find_scalar(const look *l, const char *name, size_t length) {
    for (int i = 0; i < heed_recording_scalars(l->r); i++) {
        const char *other = heed_recording_scalar_name(l->r, i);
        if (strlen(other) == length && strncmp(other, name, length) == 0)
            return i;
    }
    json_t *all = json_array();
    for (int i = 0; i < heed_recording_scalars(l->r); i++)
        json_array_append_new(all, json_pack("{s:s}", "name", heed_recording_scalar_name(l->r, i)));
    char *names = look_names(all, "name");
    complain("--scalar \"%.*s\": the recording has none of that name; there are: %s", (int)length, name,
             names ? names : "");
    free(names);
    json_decref(all);
    return -1;
}

/* The curve's numbers, its steps as doubles for free(). */
static bool read_curve(const look *l, int scalar, heed_curve *curve, double **x) {
    const int64_t *steps;
    curve->n = heed_recording_points(l->r, scalar, &steps, &curve->y);
    curve->name = heed_recording_scalar_name(l->r, scalar);
    curve->x = *x = malloc(((size_t)curve->n + 1) * sizeof **x);
    for (int64_t i = 0; i < curve->n && *x; i++)
        (*x)[i] = (double)steps[i];
    return *x != NULL;
}

static int draw_scalars(const options *o, const look *l, const char *names) {
    heed_curve curves[CURVES];
    double *x[CURVES] = {NULL};
    int n = 0, result = DONE;
    heed_error e = {.status = HEED_OK};
    for (const char *at = names; at && result == DONE; n++) {
        size_t length = strcspn(at, ",");
        int scalar = n < CURVES ? find_scalar(l, at, length) : -1;
        if (n == CURVES)
            complain("--scalar %s: at most %d curves fit in one picture", names, CURVES);
        result = scalar < 0 ? MISUSED : read_curve(l, scalar, &curves[n], &x[n]) ? DONE : failed("");
        at = at[length] ? at + length + 1 : NULL;
    }
    const heed_curve_picture picture = {.title = o->title ? o->title
                                                          : json_string_value(json_object_get(l->header, "title")),
                                        .x_title = "step",
                                        .curves = curves,
                                        .n_curves = n,
                                        .logarithmic = o->logarithmic};
    if (result == DONE)
        result = saved(heed_curve_picture_save(&picture, o->output, &e), &e);
    for (int i = 0; i < CURVES; i++)
        free(x[i]);
    return result;
}

int draw_curve(const options *o) {
    look l;
    if (!look_open(&l, o, false))
        return MISUSED;
    int result = draw_scalars(o, &l, o->scalars ? o->scalars : "loss");
    look_close(&l);
    return result;
}
