/* What the tests of recordings share: a folder of their own, a training to be recorded, and looking at what was recorded. */
#ifndef TESTS_LENS_COMMON_H
#define TESTS_LENS_COMMON_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helpers/observed.h"

static char folder[64];

static inline void use_folder(void) { snprintf(folder, sizeof folder, "/tmp/heed_recorder_%ld", (long)getpid()); }

static inline void remove_folder(void) {
    char command[192];
    snprintf(command, sizeof command, "rm -rf %s %s.b", folder, folder);
    cr_assert_eq(system(command), 0);
}

static inline const char *in_folder(const char *name, char path[160]) {
    snprintf(path, 160, "%s/%s", folder, name);
    return path;
}

/* Files in the folder whose names end so. */
static inline int files_like(const char *end) {
    DIR *d = opendir(folder);
    int n = 0;
    for (const struct dirent *e; d && (e = readdir(d));) {
        size_t length = strlen(e->d_name), tail = strlen(end);
        n += length >= tail && strcmp(e->d_name + length - tail, end) == 0;
    }
    if (d)
        closedir(d);
    return n;
}

static inline observed *started(heed_dtype dtype, int threads) {
    observed *r = malloc(sizeof *r);
    cr_assert(observed_init(r, dtype, threads));
    return r;
}

static inline void stopped(observed *r) {
    observed_free(r);
    free(r);
}

static inline void steps(observed *r, heed_recorder *rec, int n) {
    for (int i = 0; i < n; i++)
        cr_assert(observed_step(r, rec), "%s", heed_error_text(r->t));
}

static inline void end(heed_recorder *rec) {
    heed_error e;
    cr_assert_eq(heed_recorder_end(rec, &e), HEED_OK, "%s", e.text);
}

static inline heed_recording *opened(void) {
    heed_error e;
    heed_recording *r = heed_recording_open(folder, &e);
    cr_assert_not_null(r, "%s", e.text);
    cr_assert_str_eq(heed_recording_cut(r), "");
    return r;
}

static inline double *tensor(heed_recording *r, int frame, const char *name, heed_shape must) {
    heed_error e;
    heed_shape shape;
    double *values;
    cr_assert_eq(heed_recording_tensor(r, frame, name, &shape, &values, &e), HEED_OK, "%s", e.text);
    cr_assert(heed_shape_equal(shape, must), "%s is %s", name, HEED_SHAPE_STR(shape));
    return values;
}

/* A training of n steps that is recorded as the options say. */
static inline observed *observed_run(heed_dtype dtype, int n, heed_recorder_options o) {
    observed *r = started(dtype, 1);
    heed_recorder *rec = heed_recorder_new(folder, r->model, o);
    observed_describe(r, rec);
    steps(r, rec, n);
    end(rec);
    return r;
}

static inline void expect_near(const double *a, const double *b, int64_t n, double bound, const char *what) {
    for (int64_t i = 0; i < n; i++)
        cr_expect(fabs(a[i] - b[i]) <= bound, "%s %lld: %.17g, not %.17g", what, (long long)i, a[i], b[i]);
}

static inline void cut_file(const char *name, const char *text, size_t bytes) {
    char path[160];
    FILE *f = fopen(in_folder(name, path), "wb");
    cr_assert(f && fwrite(text, 1, bytes, f) == bytes && fclose(f) == 0);
}

#endif
