#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "checkpoint_internal.h"

/* A tensor of bytes, not a text of the metadata: there its quotes would be escaped, and jansson's parser, out of memory on an escape,
 * does not fail but aborts. */
#define FACTS "checkpoint"
#define FACTS_SUM "checkpoint_crc32"
enum { SUM_TEXT = 9 };

static void checksum(const void *data, size_t bytes, char text[SUM_TEXT]) {
    snprintf(text, SUM_TEXT, "%08lx", (unsigned long)crc32_z(crc32_z(0, NULL, 0), data, bytes) & 0xffffffffUL);
}

static bool no_memory(const char *path, heed_error *error) {
    heed_error_set(error, HEED_NO_MEMORY, "%s: out of memory; nothing is changed", path);
    return false;
}

/* ---- tensors ---- */

static bool add(tensor_list *list, const char *section, const char *slot, const heed_param_info *info, heed_dtype dtype,
                void *data) {
    size_t room = strlen(section) + strlen(slot) + strlen(info->path) + 3;
    char *name = malloc(room);
    if (name == NULL)
        return false;
    snprintf(name, room, "%s.%s%s%s", section, slot, *slot ? "." : "", info->path);
    list->tensors[list->n++] = (heed_file_tensor){.name = name,
                                                  .dtype = dtype == HEED_F64 ? "F64" : "F32",
                                                  .shape = info->shape,
                                                  .count = info->count,
                                                  .data = data,
                                                  .bytes = (size_t)info->count * heed_dtype_size(dtype)};
    return true;
}

bool tensors_of(tensor_list *list, const heed_checkpoint *parts) {
    const int count = heed_model_params(parts->model), slots = parts->optim ? parts->optim->rule->n_slots : 0;
    const heed_dtype dtype = heed_model_dtype(parts->model);
    *list = (tensor_list){.tensors = calloc((size_t)count * (size_t)(2 + slots) + 1, sizeof *list->tensors)};
    bool good = list->tensors != NULL;
    for (int i = 0; i < count && good; i++) {
        heed_param_info info = heed_model_param(parts->model, i);
        heed_param p = {.model = parts->model, .index = i};
        if (info.alias_of >= 0)
            continue;
        good = add(list, "model", "", &info, dtype, heed_param_data(p));
        if (good && parts->ema)
            good = add(list, "ema", "", &info, dtype,
                       heed_param_data((heed_param){.model = heed_ema_model(parts->ema), .index = i}));
        for (int s = 0; s < slots && good && !info.buffer; s++)
            good = add(list, "optim", parts->optim->rule->slot_names[s], &info, dtype,
                       heed_optim_slot(parts->optim, p, s));
    }
    return good;
}

void tensors_free(tensor_list *list) {
    for (int i = 0; i < list->n; i++)
        free((char *)(uintptr_t)list->tensors[i].name);
    free(list->tensors);
}

/* ---- what can be saved or loaded into ---- */

static bool parts_good(const heed_checkpoint *parts, const char *path, heed_error *error) {
    const heed_optim *opt = parts->optim;
    if (parts->model == NULL || heed_model_data(parts->model) == NULL)
        heed_error_set(error, HEED_STATE, "%s: the model is not built yet", path);
    else if (opt && heed_optim_status(opt))
        heed_error_set(error, heed_optim_status(opt), "%s: %s", path, heed_optim_error_text(opt));
    else if (opt && opt->model != parts->model)
        heed_error_set(error, HEED_INVALID, "%s: the optimizer is of another model", path);
    else if (parts->ema && heed_ema_status(parts->ema))
        heed_error_set(error, heed_ema_status(parts->ema),
                       "%s: %s", path, heed_ema_error_text(parts->ema));
    else if (parts->ema && heed_ema_of(parts->ema) != parts->model)
        heed_error_set(error, HEED_INVALID, "%s: the average is of another model", path);
    else if (parts->ema && heed_ema_swapped(parts->ema))
        heed_error_set(error, HEED_STATE, "%s: the average is swapped in: swap back first", path);
    else if (parts->n_numbers < 0 || parts->n_texts < 0)
        heed_error_set(error, HEED_INVALID, "%s: %d numbers and %d texts cannot be", path, parts->n_numbers,
                       parts->n_texts);
    return error->status == HEED_OK;
}

/* ---- saving ---- */

static bool copy_data(snapshot *shot) {
    size_t all = 1, at = 0;
    for (int i = 0; i < shot->tensors.n; i++)
        all += shot->tensors.tensors[i].bytes;
    char *copy = shot->copy = malloc(all);
    for (int i = 0; copy && i < shot->tensors.n; i++) {
        heed_file_tensor *x = &shot->tensors.tensors[i];
        if (x->bytes)
            memcpy(copy + at, x->data, x->bytes);
        x->data = copy + at;
        at += x->bytes;
    }
    return copy != NULL;
}

bool snapshot_take(snapshot *shot, const heed_checkpoint *parts, bool copied, const char *path, heed_error *error) {
    *shot = (snapshot){.facts = NULL};
    if (!parts_good(parts, path, error))
        return false;
    fact_list facts;
    bool listed = facts_of(&facts, parts);
    if (listed)
        shot->facts = facts_to_json(&facts);
    facts_free(&facts);
    if (!listed || !tensors_of(&shot->tensors, parts) || (copied && !copy_data(shot)))
        return no_memory(path, error);
    if (shot->facts == NULL)
        heed_error_set(
            error, HEED_INVALID,
            "%s: numbers and texts must have names of UTF-8, each once, and texts be UTF-8 (or memory is out)", path);
    return shot->facts != NULL;
}

void snapshot_free(snapshot *shot) {
    tensors_free(&shot->tensors);
    json_decref(shot->facts);
    free(shot->copy);
}

/* The facts with all checksums, from malloc. Short of memory, the library's writer leaves things out and does not say so: the text
 * is read again. */
static char *facts_text(snapshot *shot) {
    json_t *sums = json_object();
    bool good = sums != NULL;
    for (int i = 0; i < shot->tensors.n && good; i++) {
        const heed_file_tensor *x = &shot->tensors.tensors[i];
        char sum[SUM_TEXT];
        checksum(x->data, x->bytes, sum);
        good = json_object_set_new(sums, x->name, json_string(sum)) == 0;
    }
    good = json_object_set_new(shot->facts, "checksums", sums) == 0 && good; /* takes sums, whatever it says */
    char *text = good ? json_dumps(shot->facts, JSON_COMPACT) : NULL;
    json_t *again = text ? json_loads(text, 0, NULL) : NULL;
    if (again == NULL || !json_equal(again, shot->facts)) {
        free(text);
        text = NULL;
    }
    json_decref(again);
    return text;
}

heed_status snapshot_write(snapshot *shot, const char *path, heed_error *error) {
    char sum[SUM_TEXT], *text = facts_text(shot);
    if (text == NULL)
        return heed_error_set(error, HEED_NO_MEMORY, "%s: out of memory, or a path that is not UTF-8", path);
    checksum(text, strlen(text), sum);
    const char *const metadata[][2] = {{FACTS_SUM, sum}};
    tensor_list *list = &shot->tensors; /* has room for one more */
    list->tensors[list->n] =
        (heed_file_tensor){.name = FACTS, .dtype = "U8", .shape = HEED_SHAPE((int64_t)strlen(text)), .data = text};
    heed_status status = heed_safetensors_write(path, list->n + 1, list->tensors, 1, metadata, error);
    free(text);
    return status;
}

heed_status heed_checkpoint_save(const heed_checkpoint *parts, const char *path, heed_error *error) {
    heed_error unseen = {.status = HEED_OK};
    error = error ? error : &unseen;
    *error = (heed_error){.status = HEED_OK};
    snapshot shot;
    heed_status status =
        snapshot_take(&shot, parts, false, path, error) ? snapshot_write(&shot, path, error) : error->status;
    snapshot_free(&shot);
    return status;
}

/* ---- loading ---- */

typedef struct loading {
    const heed_checkpoint *parts;
    const char *path;
    heed_error *error;
    const heed_safetensors *file;
    json_t *json;
    fact_list facts;
    tensor_list tensors;
} loading;

static bool damaged(const loading *l, const char *what, const char *name) {
    heed_error_set(l->error, HEED_IO,
                   "%s: %s%s: its checksum is not that of what was saved: the file is damaged; nothing is changed",
                   l->path, what, name);
    return false;
}

static bool read_facts(loading *l) {
    heed_file_tensor text = heed_safetensors_at(l->file, heed_safetensors_find(l->file, FACTS));
    const char *sum = heed_safetensors_metadata(l->file, FACTS_SUM);
    char own[SUM_TEXT];
    if (text.name == NULL || sum == NULL) {
        heed_error_set(l->error, HEED_IO, "%s: it is not a checkpoint: load it with heed_model_load", l->path);
        return false;
    }
    checksum(text.data, text.bytes, own);
    if (strcmp(sum, own) != 0)
        return damaged(l, "tensor ", FACTS);
    l->json = json_loadb(text.data, text.bytes, JSON_REJECT_DUPLICATES, NULL);
    if (l->json == NULL)
        return no_memory(l->path, l->error);
    if (json_integer_value(json_object_get(l->json, "version")) != 1)
        heed_error_set(l->error, HEED_IO, "%s: a checkpoint of a version that is not 1", l->path);
    return l->error->status == HEED_OK;
}

static bool check_sums(const loading *l) {
    const json_t *sums = json_object_get(l->json, "checksums");
    for (int i = 0; i < heed_safetensors_count(l->file); i++) {
        heed_file_tensor x = heed_safetensors_at(l->file, i);
        const char *sum = json_string_value(json_object_get(sums, x.name));
        char own[SUM_TEXT];
        if (strcmp(x.name, FACTS) == 0)
            continue; /* its own sum is elsewhere */
        checksum(x.data, x.bytes, own);
        if (sum == NULL || strcmp(sum, own) != 0)
            return damaged(l, "tensor ", x.name);
    }
    return true;
}

static bool check_tensor(const loading *l, const heed_file_tensor *mine) {
    int at = heed_safetensors_find(l->file, mine->name);
    heed_file_tensor x = heed_safetensors_at(l->file, at);
    if (at < 0)
        heed_error_set(l->error, HEED_IO, "%s: the checkpoint holds no tensor %s; nothing is changed", l->path,
                       mine->name);
    else if (!heed_shape_equal(x.shape, mine->shape))
        heed_error_set(l->error, HEED_INVALID, "%s: %s is %s in the checkpoint, %s here; nothing is changed", l->path,
                       mine->name, HEED_SHAPE_STR(x.shape), HEED_SHAPE_STR(mine->shape));
    else if (strcmp(x.dtype, mine->dtype) != 0)
        heed_error_set(l->error, HEED_INVALID, "%s: %s is %s in the checkpoint, %s here; nothing is changed", l->path,
                       mine->name, x.dtype, mine->dtype);
    return l->error->status == HEED_OK;
}

/* The file's tensor is of a part that is not asked for. */
static bool left_alone(const heed_checkpoint *parts, const char *name) {
    return (strncmp(name, "ema.", 4) == 0 && parts->ema == NULL) ||
           (strncmp(name, "optim.", 6) == 0 && parts->optim == NULL);
}

static bool check_tensors(const loading *l) {
    for (int i = 0; i < l->tensors.n; i++)
        if (!check_tensor(l, &l->tensors.tensors[i]))
            return false;
    for (int f = 0; f < heed_safetensors_count(l->file); f++) {
        const char *name = heed_safetensors_at(l->file, f).name;
        bool mine = strcmp(name, FACTS) == 0 || left_alone(l->parts, name);
        for (int i = 0; i < l->tensors.n && !mine; i++)
            mine = strcmp(l->tensors.tensors[i].name, name) == 0;
        if (!mine) {
            heed_error_set(l->error, HEED_IO, "%s: the checkpoint's tensor %s has no place here; nothing is changed",
                           l->path, name);
            return false;
        }
    }
    return true;
}

static void take_all(loading *l) {
    for (int i = 0; i < l->tensors.n; i++) {
        const heed_file_tensor *mine = &l->tensors.tensors[i];
        if (mine->bytes)
            memcpy((void *)(uintptr_t)mine->data,
                   heed_safetensors_at(l->file, heed_safetensors_find(l->file, mine->name)).data, mine->bytes);
    }
    facts_take(&l->facts, l->json);
    heed_model_changed(l->parts->model);
    if (l->parts->ema)
        heed_model_changed(heed_ema_model(l->parts->ema));
}

static heed_status load(loading *l) {
    if (!facts_of(&l->facts, l->parts) || !tensors_of(&l->tensors, l->parts))
        no_memory(l->path, l->error);
    else if (read_facts(l) && check_sums(l) && facts_check(&l->facts, l->json, l->path, l->error) && check_tensors(l))
        take_all(l);
    json_decref(l->json);
    facts_free(&l->facts);
    tensors_free(&l->tensors);
    return l->error->status;
}

heed_status heed_checkpoint_load(const heed_checkpoint *parts, const char *path, heed_error *error) {
    heed_error unseen = {.status = HEED_OK};
    error = error ? error : &unseen;
    *error = (heed_error){.status = HEED_OK};
    if (!parts_good(parts, path, error))
        return error->status;
    heed_safetensors *file = heed_safetensors_open(path, error);
    if (file == NULL)
        return error->status;
    loading l = {.parts = parts, .path = path, .error = error, .file = file};
    heed_status status = load(&l);
    heed_safetensors_close(file);
    return status;
}
