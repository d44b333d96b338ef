/* The recording of a run under way, as its recorder tells it. */
#include <stdlib.h>
#include <string.h>

#include "recording_internal.h"

heed_recording *recording_live_new(const char *header) {
    heed_recording *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->open_frame = -1;
    r->folder = strdup("the recorder");
    r->index_path = strdup("the recorder");
    r->header = strdup(header);
    r->header_json = json_loads(header, 0, NULL);
    if (r->folder && r->index_path && r->header && r->header_json)
        return r;
    heed_recording_close(r);
    return NULL;
}

/* ---- scalars ---- */

static curve *find_curve(heed_recording *r, const char *name) {
    for (size_t i = 0; i < r->n_curves; i++)
        if (strcmp(r->curves[i].name, name) == 0)
            return &r->curves[i];
    curve *grown = recording_grow(r->curves, r->n_curves, &r->cap_curves, sizeof *grown);
    if (grown == NULL)
        return NULL;
    r->curves = grown;
    r->curves[r->n_curves] = (curve){.name = strdup(name)};
    return r->curves[r->n_curves].name ? &r->curves[r->n_curves++] : NULL;
}

static bool has_room(curve *c) {
    size_t capacity = c->capacity;
    int64_t *steps = recording_grow(c->steps, c->n, &capacity, sizeof *steps);
    c->steps = steps ? steps : c->steps;
    double *values = steps ? recording_grow(c->values, c->n, &c->capacity, sizeof *values) : NULL;
    c->values = values ? values : c->values;
    return values != NULL;
}

/* Nearly always at the end. */
bool recording_live_scalar(heed_recording *r, int64_t step, const char *name, double value) {
    curve *c = find_curve(r, name);
    if (c == NULL || !has_room(c))
        return false;
    size_t at = c->n;
    while (at > 0 && c->steps[at - 1] >= step)
        at--;
    if (at == c->n || c->steps[at] != step) {
        memmove(c->steps + at + 1, c->steps + at, (c->n - at) * sizeof *c->steps);
        memmove(c->values + at + 1, c->values + at, (c->n - at) * sizeof *c->values);
        c->n++;
    }
    c->steps[at] = step;
    c->values[at] = value;
    r->last_step = step > r->last_step ? step : r->last_step;
    return true;
}

/* ---- the frame ---- */

/* The object of what f says; NULL: nothing, or out of memory. */
static json_t *said_of(const lens_frame *f) {
    lens_text text = {.data = NULL};
    if (f->said.n == 0)
        return NULL;
    lens_text_put(&text, "{", 1);
    lens_text_put(&text, f->said.data, f->said.n);
    lens_text_put(&text, "}", 1);
    json_t *said = text.failed ? NULL : json_loadb(text.data, text.n, 0, NULL);
    free(text.data);
    return said;
}

bool recording_live_show(heed_recording *r, const lens_frame *f) {
    recorded_frame *grown = recording_grow(r->frames, 0, &r->cap_frames, sizeof *grown);
    json_t *said = said_of(f);
    if (grown == NULL || (f->said.n && said == NULL)) {
        json_decref(said);
        return false;
    }
    r->frames = grown;
    r->frames[0] = (recorded_frame){.step = f->step, .said = said};
    r->n_frames = 1;
    r->live = f;
    return true;
}

void recording_live_hide(heed_recording *r) {
    recorded_frame_free(&r->frames[0]);
    r->n_frames = 0;
    r->live = NULL;
}
