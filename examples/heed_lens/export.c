/* Numbers for other programs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actions.h"
#include "look.h"

/* ---- one tensor, one frame ---- */

static bool has_tensor(const heed_safetensors *file, const char *name, int64_t step) {
    if (heed_safetensors_find(file, name) >= 0)
        return true;
    json_t *all = json_array();
    for (int i = 0; i < heed_safetensors_count(file); i++)
        json_array_append_new(all, json_pack("{s:s}", "name", heed_safetensors_at(file, i).name));
    char *names = look_names(all, "name");
    complain("--npy \"%s\": the frame of step %lld has none of that name; there are: %s", name, (long long)step,
             names ? names : "");
    free(names);
    json_decref(all);
    return false;
}

int export_npy(const options *o) {
    look l;
    heed_error e = {.status = HEED_OK};
    if (!look_open(&l, o, true))
        return MISUSED;
    heed_safetensors *file = heed_safetensors_open(heed_recording_frame_path(l.r, l.frame), &e);
    int result = MISUSED;
    if (file == NULL)
        result = failed(e.text);
    else if (has_tensor(file, o->npy, look_step(&l))) {
        heed_file_tensor x = heed_safetensors_at(file, heed_safetensors_find(file, o->npy));
        double *values = malloc(((size_t)x.count + 1) * sizeof *values); /* f64 holds every f32: nothing is rounded */
        heed_status status = HEED_NO_MEMORY;
        if (values && heed_file_tensor_doubles(&x, values, x.count))
            status = heed_npy_write_as(o->output, x.dtype, HEED_F64, x.shape, values, &e);
        result = status ? failed(e.text) : DONE;
        free(values);
    }
    heed_safetensors_close(file);
    look_close(&l);
    return result;
}

static int write_frame(const options *o, const look *l, const heed_safetensors *file) {
    int n = heed_safetensors_count(file);
    char step[32];
    heed_error e = {.status = HEED_OK};
    heed_file_tensor *tensors = malloc(((size_t)n + 1) * sizeof *tensors);
    for (int i = 0; i < n && tensors; i++)
        tensors[i] = heed_safetensors_at(file, i);
    snprintf(step, sizeof step, "%lld", (long long)look_step(l));
    const char *const metadata[][2] = {{"title", json_string_value(json_object_get(l->header, "title"))},
                                       {"step", step}};
    heed_status status = tensors ? heed_safetensors_write(o->output, n, tensors, 2, metadata, &e) : HEED_NO_MEMORY;
    free(tensors);
    return status ? failed(e.text) : DONE;
}

int export_safetensors(const options *o) {
    look l;
    heed_error e;
    if (!look_open(&l, o, true))
        return MISUSED;
    heed_safetensors *file = heed_safetensors_open(heed_recording_frame_path(l.r, l.frame), &e);
    int result = file ? write_frame(o, &l, file) : failed(e.text);
    heed_safetensors_close(file);
    look_close(&l);
    return result;
}

/* ---- bertviz ---- */

/* The arguments of head_view. A model of one stack has "attention" and "tokens"; one with attention across has up to
 * three kinds of it, and two lists of tokens. Each kind's layers must agree in their sizes. */
typedef struct stack {
    const char *argument; /* "cross_attention" */
    json_t *layers;       /* each (1, H, T, S) */
    json_t *row_names, *column_names;
    int heads, rows, columns;
} stack;
enum { SELF, CAUSAL, CROSS, STACKS };

static int stack_of(const json_t *layer) {
    const char *kind = json_string_value(json_object_get(layer, "kind"));
    return strcmp(kind, "self") == 0 ? SELF : strcmp(kind, "causal") == 0 ? CAUSAL : CROSS;
}

static json_t *texts(const char *const *names, int n) {
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(list, json_string(names[i]));
    return list;
}

/* (1, H, T, S) as nested lists. */
static json_t *nested(const recorded_pattern *p) {
    json_t *heads = json_array(), *batch = json_array();
    const double *x = p->values;
    for (int h = 0; h < p->heads; h++) {
        json_t *rows = json_array();
        for (int r = 0; r < p->rows; r++) {
            json_t *row = json_array();
            for (int c = 0; c < p->columns; c++)
                json_array_append_new(row, json_real(*x++));
            json_array_append_new(rows, row);
        }
        json_array_append_new(heads, rows);
    }
    json_array_append_new(batch, heads);
    return batch;
}

/* False: it does not go with those before it. */
static bool add_layer(stack *s, const recorded_pattern *p) {
    if (s->layers == NULL) {
        *s = (stack){.argument = s->argument,
                     .layers = json_array(),
                     .heads = p->heads,
                     .rows = p->rows,
                     .columns = p->columns,
                     .row_names = texts(p->row_names, p->rows),
                     .column_names = texts(p->column_names, p->columns)};
    } else if (s->heads != p->heads || s->rows != p->rows || s->columns != p->columns) {
        return false;
    }
    json_array_append_new(s->layers, nested(p));
    return true;
}

static void read_stacks(look *l, const json_t *probe, stack stacks[STACKS]) {
    const json_t *layers = json_object_get(l->header, "attention");
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const json_t *layer = json_array_get(layers, i);
        recorded_pattern p;
        if (recorded_pattern_read(&p, l->r, l->frame, probe, layer, NULL))
            continue;
        if (!add_layer(&stacks[stack_of(layer)], &p))
            complain("note: %s has other sizes (%d, %d, %d) than the layers before it; it is left out",
                     json_string_value(json_object_get(layer, "path")), p.heads, p.rows, p.columns);
        recorded_pattern_free(&p);
    }
}

/* Whether a self-attention's tokens are those that the attention across has; the head view shows them side by side. */
static void drop_strangers(stack *s, const char *kind, const json_t *tokens) {
    if (s->layers == NULL || json_equal(s->row_names, tokens))
        return;
    complain("note: the %s layers look at other tokens than the attention across does; they are left out", kind);
    json_decref(s->layers);
    s->layers = NULL;
}

static json_t *arguments_of(stack stacks[STACKS]) {
    json_t *all = json_object();
    bool across = stacks[CROSS].layers != NULL || (stacks[SELF].layers && stacks[CAUSAL].layers);
    stack *one = stacks[SELF].layers ? &stacks[SELF] : &stacks[CAUSAL];
    if (!across) {
        json_object_set(all, "attention", one->layers);
        json_object_set(all, "tokens", one->row_names);
        return all;
    }
    json_t *encoder = stacks[CROSS].layers ? stacks[CROSS].column_names : stacks[SELF].row_names;
    json_t *decoder = stacks[CROSS].layers ? stacks[CROSS].row_names : stacks[CAUSAL].row_names;
    drop_strangers(&stacks[SELF], "self-attention", encoder);
    drop_strangers(&stacks[CAUSAL], "causal", decoder);
    for (int i = 0; i < STACKS; i++)
        if (stacks[i].layers)
            json_object_set(all, stacks[i].argument, stacks[i].layers);
    json_object_set(all, "encoder_tokens", encoder);
    json_object_set(all, "decoder_tokens", decoder);
    return all;
}

/* Beside it first, so that no half file has its name. */
static int write_json(const json_t *value, const char *path) {
    char *beside = text_of("%s.tmp", path);
    FILE *file = beside ? fopen(beside, "w") : NULL;
    bool good = file && json_dumpf(value, file, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0;
    if (file)
        good = fputc('\n', file) != EOF && good;
    if (file)
        good = fclose(file) == 0 && good;
    good = good && rename(beside, path) == 0;
    if (!good)
        complain("%s: cannot write it: %s", path, strerror(errno));
    if (!good && file)
        remove(beside);
    free(beside);
    return good ? DONE : FAILED;
}

int export_bertviz(const options *o) {
    look l;
    stack stacks[STACKS] = {
        {.argument = "encoder_attention"}, {.argument = "decoder_attention"}, {.argument = "cross_attention"}};
    int result = MISUSED;
    if (!look_open(&l, o, true))
        return MISUSED;
    const json_t *probe = look_entry(&l, "probes", "name", o->probe);
    if (probe)
        read_stacks(&l, probe, stacks);
    if (probe && !stacks[SELF].layers && !stacks[CAUSAL].layers && !stacks[CROSS].layers)
        complain("probe \"%s\" has no attention in the frame of step %lld",
                 json_string_value(json_object_get(probe, "name")), (long long)look_step(&l));
    else if (probe) {
        json_t *arguments = arguments_of(stacks);
        result = write_json(arguments, o->output);
        json_decref(arguments);
    }
    for (int i = 0; i < STACKS; i++) {
        json_decref(stacks[i].layers);
        json_decref(stacks[i].row_names);
        json_decref(stacks[i].column_names);
    }
    look_close(&l);
    return result;
}
