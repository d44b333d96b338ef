#include <heed/recording.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "recording_internal.h"

static heed_recording *open_once(const char *folder, heed_error *error) {
    heed_recording *r = calloc(1, sizeof *r);
    if (r)
        r->open_frame = -1;
    if (r == NULL || (r->folder = strdup(folder)) == NULL)
        heed_error_set(error, HEED_NO_MEMORY, "%s: out of memory", folder);
    else if (recording_read(r, error))
        return r;
    heed_recording_close(r);
    return NULL;
}

static bool has_grown(const heed_recording *r) {
    struct stat info;
    return stat(r->index_path, &info) == 0 && (uintmax_t)info.st_size != r->index_bytes;
}

/* A program that is still recording may have deleted a frame between the index and the look at its file. */
enum { ATTEMPTS = 4 };

heed_recording *heed_recording_open(const char *folder, heed_error *error) {
    heed_error unseen;
    error = error ? error : &unseen;
    heed_recording *r = NULL;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        heed_recording_close(r);
        *error = (heed_error){.status = HEED_OK};
        r = open_once(folder, error);
        if (r == NULL || !*r->cut || !has_grown(r))
            break;
    }
    return r;
}

void recorded_frame_free(recorded_frame *f) {
    free(f->path);
    json_decref(f->said);
}

void heed_recording_close(heed_recording *r) {
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->n_frames; i++)
        recorded_frame_free(&r->frames[i]);
    for (size_t i = 0; i < r->n_curves; i++) {
        free(r->curves[i].name);
        free(r->curves[i].points);
        free(r->curves[i].steps);
        free(r->curves[i].values);
    }
    for (size_t i = 0; i < r->n_heads; i++)
        json_decref(r->heads[i].entry);
    heed_safetensors_close(r->open);
    json_decref(r->header_json);
    free(r->frames);
    free(r->curves);
    free(r->heads);
    free(r->header);
    free(r->graph);
    free(r->index_path);
    free(r->graph_path);
    free(r->folder);
    free(r);
}

const char *heed_recording_header(const heed_recording *r) { return r->header; }
const char *heed_recording_graph(const heed_recording *r) { return r->graph; }
const char *heed_recording_cut(const heed_recording *r) { return r->cut; }
bool heed_recording_ended(const heed_recording *r) { return r->ended; }
int64_t heed_recording_steps(const heed_recording *r) { return r->ended ? r->end_steps : r->last_step; }

/* ---- frames ---- */

static const recorded_frame *frame_at(const heed_recording *r, int frame) {
    return frame >= 0 && (size_t)frame < r->n_frames ? &r->frames[frame] : NULL;
}

int heed_recording_frames(const heed_recording *r) { return (int)r->n_frames; }

int64_t heed_recording_step(const heed_recording *r, int frame) {
    const recorded_frame *f = frame_at(r, frame);
    return f ? f->step : -1;
}

const char *heed_recording_frame_path(const heed_recording *r, int frame) {
    const recorded_frame *f = frame_at(r, frame);
    return f ? f->path : NULL;
}

static heed_status open_frame(heed_recording *r, int frame, heed_error *error) {
    const recorded_frame *f = frame_at(r, frame);
    if (f == NULL)
        return heed_error_set(error, HEED_INVALID, "%s: there is no frame %d; it has %zu", r->folder, frame,
                              r->n_frames);
    if (r->live || (r->open && r->open_frame == frame))
        return HEED_OK;
    heed_safetensors_close(r->open);
    heed_error why;
    r->open = heed_safetensors_open(f->path, &why);
    r->open_frame = frame;
    return r->open ? HEED_OK : heed_error_set(error, why.status, "%s", why.text);
}

/* error may be NULL; it is cleared. */
static heed_error *cleared(heed_error *error) {
    if (error)
        *error = (heed_error){.status = HEED_OK};
    return error;
}

const char *heed_recording_said(const heed_recording *r, int frame, const char *probe, int query) {
    const recorded_frame *f = frame_at(r, frame);
    const json_t *texts = f && probe ? json_object_get(f->said, probe) : NULL;
    return query >= 0 ? json_string_value(json_array_get(texts, (size_t)query)) : NULL;
}

/* ---- tensors of the frame that is open ---- */

static int tensors_of(const heed_recording *r) {
    return r->live ? r->live->n_items : heed_safetensors_count(r->open);
}

static heed_file_tensor tensor_at(const heed_recording *r, int index) {
    if (r->live == NULL)
        return heed_safetensors_at(r->open, index);
    const bool there = index >= 0 && index < r->live->n_items;
    return there ? lens_frame_tensor(r->live, index) : (heed_file_tensor){.name = NULL};
}

static int find_tensor(const heed_recording *r, const char *name) {
    if (r->live == NULL)
        return heed_safetensors_find(r->open, name);
    for (int i = 0; i < r->live->n_items; i++)
        if (strcmp(lens_frame_name(r->live, i), name) == 0)
            return i;
    return -1;
}

int heed_recording_tensors(heed_recording *r, int frame, heed_error *error) {
    return open_frame(r, frame, cleared(error)) ? -1 : tensors_of(r);
}

const char *heed_recording_tensor_name(heed_recording *r, int frame, int index) {
    return open_frame(r, frame, NULL) ? NULL : tensor_at(r, index).name;
}

bool heed_recording_has(heed_recording *r, int frame, const char *name) {
    return open_frame(r, frame, NULL) == HEED_OK && find_tensor(r, name) >= 0;
}

/* The header's entry of the parameter that a tensor of this name belongs to; NULL: to none. */
static const json_t *parameter_of(const heed_recording *r, const char *name) {
    static const char *const kinds[] = {"param/", "grad/", "update/"};
    const char *path = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(name, kinds[i], strlen(kinds[i])) == 0)
            path = name + strlen(kinds[i]);
    const char *probe = strncmp(name, "probe/", 6) == 0 ? strchr(name + 6, '/') : NULL;
    if (probe && strncmp(probe, "/grad/", 6) == 0)
        path = probe + 6;
    const json_t *all = json_object_get(r->header_json, "parameters");
    for (size_t i = 0; i < json_array_size(all) && path; i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(all, i), "name")), path) == 0)
            return json_array_get(all, i);
    return NULL;
}

static heed_status check_promised(const heed_recording *r, const heed_file_tensor *tensor, const char *file,
                                  heed_error *error) {
    const json_t *parameter = parameter_of(r, tensor->name);
    heed_shape must;
    if (parameter == NULL)
        return HEED_OK;
    const place at = {.file = r->index_path, .line = 1, .error = error};
    if (!check_shape(&at, tensor->name, json_object_get(parameter, "shape"), &must))
        return HEED_IO;
    if (heed_shape_equal(must, tensor->shape))
        return HEED_OK;
    return heed_error_set(error, HEED_IO, "%s: tensor \"%s\" has shape %s; the recording's header says %s", file,
                          tensor->name, HEED_SHAPE_STR(tensor->shape), HEED_SHAPE_STR(must));
}

heed_status heed_recording_tensor(heed_recording *r, int frame, const char *name, heed_shape *shape, double **values,
                                  heed_error *error) {
    heed_status status = open_frame(r, frame, cleared(error));
    if (status)
        return status;
    const char *file = r->live ? r->folder : r->frames[frame].path;
    int index = find_tensor(r, name);
    if (index < 0)
        return heed_error_set(error, HEED_INVALID, "%s: there is no tensor \"%s\"", file, name);
    heed_file_tensor tensor = tensor_at(r, index);
    if ((status = check_promised(r, &tensor, file, error)))
        return status;
    size_t bytes;
    bool fits = !__builtin_mul_overflow((size_t)tensor.count, sizeof **values, &bytes);
    double *numbers = fits ? malloc(bytes ? bytes : 1) : NULL;
    if (numbers == NULL)
        return heed_error_set(error, HEED_NO_MEMORY, "%s: tensor \"%s\": out of memory", file, name);
    if (!heed_file_tensor_doubles(&tensor, numbers, tensor.count)) {
        free(numbers);
        return heed_error_set(error, HEED_IO, "%s: tensor \"%s\" has dtype %s, which is no number", file, name,
                              tensor.dtype);
    }
    *shape = tensor.shape;
    *values = numbers;
    return HEED_OK;
}

/* ---- scalars and ablations ---- */

static const curve *curve_at(const heed_recording *r, int scalar) {
    return scalar >= 0 && (size_t)scalar < r->n_curves ? &r->curves[scalar] : NULL;
}

int heed_recording_scalars(const heed_recording *r) { return (int)r->n_curves; }

const char *heed_recording_scalar_name(const heed_recording *r, int scalar) {
    const curve *c = curve_at(r, scalar);
    return c ? c->name : NULL;
}

int64_t heed_recording_points(const heed_recording *r, int scalar, const int64_t **steps, const double **values) {
    const curve *c = curve_at(r, scalar);
    *steps = c ? c->steps : NULL;
    *values = c ? c->values : NULL;
    return c ? (int64_t)c->n : 0;
}

int heed_recording_ablations(const heed_recording *r) { return (int)r->n_heads; }

heed_recorded_ablation heed_recording_ablation(const heed_recording *r, int index) {
    return index >= 0 && (size_t)index < r->n_heads ? r->heads[index].what : (heed_recorded_ablation){.path = NULL};
}
