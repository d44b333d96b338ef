/* What a recording holds. */
#include <stdio.h>
#include <stdlib.h>

#include "actions.h"
#include "look.h"

static const char *text_in(const json_t *entry, const char *key) {
    const char *text = json_string_value(json_object_get(entry, key));
    return text ? text : "";
}

/* printf, but what is printed is safe to be shown. */
static void print_shown(const char *text) {
    char *shown = heed_text_shown(text);
    fputs(shown ? shown : "", stdout);
    free(shown);
}

static void print_named(const char *before, const char *name, const char *after) {
    fputs(before, stdout);
    print_shown(name);
    fputs(after, stdout);
}

static void list_frames(const heed_recording *r) {
    int n = heed_recording_frames(r);
    printf("%lld steps%s, %d frame%s", (long long)heed_recording_steps(r),
           heed_recording_ended(r) ? "" : " (it has not come to its end)", n, n == 1 ? "" : "s");
    for (int i = 0; i < n; i++)
        printf("%s%lld", i == 0 ? " of steps " : i % 20 == 0 ? "\n  " : " ", (long long)heed_recording_step(r, i));
    printf("\n");
}

static void list_parameters(const json_t *header) {
    const json_t *all = json_object_get(header, "parameters");
    printf("\nparameters\n");
    for (size_t i = 0; i < json_array_size(all); i++) {
        char *shape = json_dumps(json_object_get(json_array_get(all, i), "shape"), JSON_COMPACT);
        print_named("  ", text_in(json_array_get(all, i), "name"), "  ");
        printf("%s\n", shape ? shape : "");
        free(shape);
    }
}

static void list_layers(const json_t *header) {
    const json_t *all = json_object_get(header, "attention");
    printf("\nattention layers\n");
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *layer = json_array_get(all, i);
        print_named("  ", text_in(layer, "path"), "  ");
        int heads = (int)json_integer_value(json_object_get(layer, "heads"));
        printf("%s, %d head%s, d_k %d\n", text_in(layer, "kind"), heads, heads == 1 ? "" : "s",
               (int)json_integer_value(json_object_get(layer, "d_k")));
    }
}

static void list_probes(const json_t *header) {
    const json_t *all = json_object_get(header, "probes");
    printf("\nprobes\n");
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *probe = json_array_get(all, i), *keys = json_object_get(probe, "keys");
        print_named("  ", text_in(probe, "name"), " ");
        for (size_t k = 0; k < json_array_size(keys) && k < 32; k++)
            print_named(" ", json_string_value(json_array_get(keys, k)), "");
        printf("%s\n", json_array_size(keys) > 32 ? " ..." : "");
    }
}

static void list_scalars(const heed_recording *r) {
    printf("\nscalars\n");
    for (int i = 0; i < heed_recording_scalars(r); i++) {
        const int64_t *steps;
        const double *values;
        int64_t n = heed_recording_points(r, i, &steps, &values);
        print_named("  ", heed_recording_scalar_name(r, i), "  ");
        printf("%lld points, %g at last\n", (long long)n, n ? values[n - 1] : 0.0);
    }
}

static bool list_tensors(heed_recording *r) {
    heed_error e;
    int last = heed_recording_frames(r) - 1, n = last < 0 ? 0 : heed_recording_tensors(r, last, &e);
    if (n < 0)
        failed(e.text);
    if (n > 0)
        printf("\ntensors of the last frame\n");
    for (int i = 0; i < n; i++)
        print_named("  ", heed_recording_tensor_name(r, last, i), "\n");
    return n >= 0;
}

int list_all(const options *o) {
    look l;
    if (!look_open(&l, o, false))
        return MISUSED;
    print_named("", text_in(l.header, "title"), "\n");
    list_frames(l.r);
    list_parameters(l.header);
    list_layers(l.header);
    list_probes(l.header);
    list_scalars(l.r);
    bool good = list_tensors(l.r);
    look_close(&l);
    return good ? DONE : FAILED;
}
