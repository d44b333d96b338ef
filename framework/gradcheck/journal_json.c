/* A journal as JSON. */
#include "journal_internal.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../io/atomic_file_internal.h"

static json_t *number(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *failure(const heed_check_failure *f) {
    return json_pack("{si si sI so so so ss ss}", "sample", f->sample, "input", f->input, "coordinate",
                     (json_int_t)f->coordinate, "analytic", number(f->analytic), "numeric", number(f->numeric),
                     "tolerance", number(f->tolerance), "what", f->what, "likely", f->likely);
}

static json_t *failures(const heed_check *check) {
    json_t *array = json_array();
    for (int i = 0; i < check->n_failures; i++)
        json_array_append_new(array, failure(&check->failures[i]));
    return array;
}

static json_t *input(const journal_input *kept) {
    json_t *shape = json_array(), *error = json_array();
    for (int i = 0; i < kept->shape.rank; i++)
        json_array_append_new(shape, json_integer(kept->shape.n[i]));
    for (int64_t i = 0; i < kept->count; i++)
        json_array_append_new(error, number(kept->error[i]));
    return json_pack("{si ss? si so so ss so}", "input", kept->input, "parameter", kept->parameter, "sample", kept->sample,
                     "shape", shape, "worst", number(kept->worst), "likely", kept->likely, "error", error);
}

static json_t *inputs(const heed_check_journal *j, const char *name) {
    json_t *array = json_array();
    for (size_t i = 0; i < j->n_inputs; i++)
        if (strcmp(j->inputs[i].name, name) == 0)
            json_array_append_new(array, input(&j->inputs[i]));
    return array;
}

static json_t *row(const heed_check_journal *j, const heed_check *check) {
    return json_pack("{ss sb si si si so si so so}", "name", check->name, "ok", check->failed == 0, "cases", check->cases,
                     "vacuous", check->vacuous, "redrawn", check->redrawn, "worst", number(check->worst), "failed",
                     check->failed, "failures", failures(check), "inputs", inputs(j, check->name));
}

static char *text_of(const heed_check_journal *j) {
    json_t *rows = json_array();
    for (size_t i = 0; i < j->n_rows; i++)
        json_array_append_new(rows, row(j, &j->rows[i]));
    json_t *whole = json_pack("{so}", "checks", rows);
    char *text = whole && json_array_size(rows) == j->n_rows ? json_dumps(whole, JSON_INDENT(1)) : NULL;
    json_decref(whole);
    return text;
}

heed_status heed_check_journal_json(const heed_check_journal *j, const char *path, heed_error *error) {
    atomic_file file;
    char *text = j->failed ? NULL : text_of(j);
    heed_status status = text ? atomic_file_open(&file, path, error)
                              : heed_error_set(error, HEED_NO_MEMORY, "%s: out of memory", path);
    if (!status && (status = atomic_file_write(&file, text, strlen(text))) != HEED_OK)
        atomic_file_abandon(&file);
    else if (!status)
        status = atomic_file_commit(&file);
    free(text);
    return status;
}
