#include "look.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *text_of(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = malloc((size_t)length + 1);
    va_start(arguments, format);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

/* ---- the recording and its frames ---- */

int64_t look_step(const look *l) {
    return heed_recording_step(l->r, l->frame);
}

static bool find_frame(look *l, const options *o) {
    int n = heed_recording_frames(l->r), after = 0;
    while (after < n && o->step >= 0 && heed_recording_step(l->r, after) < o->step)
        after++;
    l->frame = o->step < 0 ? n - 1 : after;
    if (n == 0)
        complain("%s: there is no whole frame in it yet", o->recordings[0]);
    else if (o->step < 0 || heed_recording_step(l->r, after) == o->step)
        return true;
    else if (after == 0 || after == n)
        complain("--step %lld: there is no frame of it; %s is that of step %lld", (long long)o->step,
                 after ? "the last" : "the first", (long long)heed_recording_step(l->r, after ? n - 1 : 0));
    else
        complain("--step %lld: there is no frame of it; the nearest are those of steps %lld and %lld",
                 (long long)o->step, (long long)heed_recording_step(l->r, after - 1),
                 (long long)heed_recording_step(l->r, after));
    return false;
}

bool look_open(look *l, const options *o, bool frame) {
    heed_error e;
    *l = (look){.r = heed_recording_open(o->recordings[0], &e), .frame = -1};
    if (l->r == NULL) {
        failed(e.text);
        return false;
    }
    if (*heed_recording_cut(l->r))
        complain("note: %s", heed_recording_cut(l->r));
    l->header = json_loads(heed_recording_header(l->r), 0, NULL);
    if (l->header && (!frame || find_frame(l, o)))
        return true;
    if (l->header == NULL)
        failed("");
    look_close(l);
    return false;
}

void look_close(look *l) {
    heed_recording_close(l->r);
    json_decref(l->header);
    *l = (look){.frame = -1};
}

/* ---- entries of its header ---- */

enum { NAMED = 40 }; /* that a message lists */

char *look_names(const json_t *list, const char *key) {
    size_t n = json_array_size(list);
    char *all = text_of("%s", n ? "" : "none");
    for (size_t i = 0; i < n && i < NAMED && all; i++) {
        char *name = heed_text_shown(json_string_value(json_object_get(json_array_get(list, i), key)));
        char *more = name ? text_of("%s%s%s", all, i ? ", " : "", name) : NULL;
        free(name);
        free(all);
        all = more;
    }
    if (n > NAMED && all) {
        char *more = text_of("%s and %zu more", all, n - NAMED);
        free(all);
        all = more;
    }
    return all;
}

const json_t *look_entry(const look *l, const char *list, const char *key, const char *wanted) {
    const json_t *all = json_object_get(l->header, list);
    for (size_t i = 0; i < json_array_size(all); i++) {
        const char *name = json_string_value(json_object_get(json_array_get(all, i), key));
        if (wanted == NULL || strcmp(name, wanted) == 0)
            return json_array_get(all, i);
    }
    static const char *const what[][2] = {{"probes", "probe"}, {"attention", "layer"}, {"parameters", "param"}};
    const char *option = "";
    for (int i = 0; i < 3; i++)
        option = strcmp(what[i][0], list) == 0 ? what[i][1] : option;
    char *names = look_names(all, key);
    if (wanted)
        complain("--%s \"%s\": the recording has none of that name; there are: %s", option, wanted, names ? names : "");
    else
        complain("the recording has no %s", strcmp(option, "layer") ? option : "attention layer");
    free(names);
    return NULL;
}

/* ---- patterns ---- */

bool look_pattern_read(look *l, const json_t *probe, const json_t *layer, recorded_pattern *p) {
    heed_error e;
    if (recorded_pattern_read(p, l->r, l->frame, probe, layer, &e) == HEED_OK)
        return true;
    failed(e.status == HEED_NO_MEMORY ? "" : e.text);
    return false;
}

bool look_head(const recorded_pattern *p, const json_t *layer, int64_t wanted, int *head) {
    *head = wanted < 0 ? 0 : (int)wanted;
    if (*head < p->heads)
        return true;
    complain("--head %d: %s has %d head%s, 0 to %d", *head, json_string_value(json_object_get(layer, "path")), p->heads,
             p->heads == 1 ? "" : "s", p->heads - 1);
    return false;
}
