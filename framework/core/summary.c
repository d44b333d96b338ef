/* A model's parameters as a table, for people. */
#include <stdio.h>
#include <string.h>

#include "model_internal.h"

/* 1234567 as "1,234,567". */
enum { NUMBER = 32 };
static const char *grouped(int64_t n, char text[NUMBER]) {
    char digits[NUMBER];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)n), at = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

typedef struct widths {
    int path, shape, count;
} widths;

static int larger(int a, size_t b) {
    return b > (size_t)a ? (int)b : a;
}

static widths measure(const heed_model *model) {
    widths w = {.path = (int)strlen("parameter"), .shape = (int)strlen("shape"), .count = (int)strlen("numbers")};
    for (int i = 0; i < heed_model_params(model); i++) {
        heed_param_info info = heed_model_param(model, i);
        w.path = larger(w.path, strlen(info.path));
        w.shape = larger(w.shape, strlen(HEED_SHAPE_STR(info.shape)));
        w.count = larger(w.count, strlen(grouped(info.count, (char[NUMBER]){0})));
    }
    return w;
}

static void print_row(FILE *out, const widths *w, const char *path, const char *shape, const char *count,
                      const char *note) {
    fprintf(out, "%-*s  %-*s  %*s%s%s\n", w->path, path, w->shape, shape, w->count, count, *note ? "  " : "", note);
}

static void print_entry(const heed_model *model, FILE *out, const widths *w, int index) {
    heed_param_info info = heed_model_param(model, index);
    char note[HEED_ERROR_TEXT];
    if (info.alias_of >= 0)
        snprintf(note, sizeof note, "is %s", heed_model_param(model, info.alias_of).path);
    else
        snprintf(note, sizeof note, "%s%s%s", info.buffer ? "buffer" : info.trainable ? "" : "frozen",
                 *info.group && !info.trainable ? ", " : "", info.group);
    const char *count = info.alias_of >= 0 ? "" : grouped(info.count, (char[NUMBER]){0});
    print_row(out, w, info.path, HEED_SHAPE_STR(info.shape), count, note);
}

/* Every number once, however many names it has. */
static int64_t count_numbers(const heed_model *model) {
    int64_t count = 0;
    for (int i = 0; i < heed_model_params(model); i++) {
        heed_param_info info = heed_model_param(model, i);
        if (info.alias_of < 0)
            count += info.count;
    }
    return count;
}

heed_status heed_model_summary(const heed_model *model, FILE *out) {
    if (heed_model_status(model))
        return heed_model_status(model);
    widths w = measure(model);
    print_row(out, &w, "parameter", "shape", "numbers", "");
    for (int i = 0; i < heed_model_params(model); i++)
        print_entry(model, out, &w, i);
    fprintf(out, "%s numbers, %s of them trained", grouped(count_numbers(model), (char[NUMBER]){0}),
            grouped(heed_model_trainable(model), (char[NUMBER]){0}));
    if (model->built)
        fprintf(out, "; %s, %s bytes", heed_dtype_name(heed_model_dtype(model)),
                grouped(heed_model_size(model) * (int64_t)heed_dtype_size(heed_model_dtype(model)), (char[NUMBER]){0}));
    fprintf(out, "\n");
    if (fflush(out) || ferror(out))
        return heed_error_set(NULL, HEED_IO, "heed_model_summary: the table could not be written");
    return HEED_OK;
}
