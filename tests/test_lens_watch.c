/* Watching a recorder: what is shown of a frame is what is written of it, with a folder and without one. */
#include "lens_common.h"

TestSuite(lens_watch, .init = use_folder, .fini = remove_folder);

/* ---- a probe that speaks ---- */

typedef struct speaker {
    observed *run;
    char text[OBSERVED_T][16];
} speaker;

static heed_tensor speaker_loss(void *user, heed_tape *t) {
    return observed_probe_loss(((speaker *)user)->run, t);
}

/* Other words at each step, of which one is no UTF-8 and one has a quote; the last query gets none. */
static void speak(void *user, heed_tape *t, const char **names) {
    speaker *s = user;
    cr_assert_eq(heed_tape_status(t), HEED_OK);
    for (int i = 0; i < OBSERVED_T - 1; i++) {
        snprintf(s->text[i], sizeof s->text[i], "%d%s", (int)s->run->steps + i, i == 1 ? "\xff" : i == 2 ? "\"" : "");
        names[i] = s->text[i];
    }
}

static void describe(heed_recorder *rec, speaker *s) {
    static const char *const rows[OBSERVED_T] = {"one", "two", "three", "four", "five"};
    heed_recorder_attention(
        rec, (heed_recorded_attention){.path = "attn", .kind = "causal", .d_k = OBSERVED_K, .w_q = "attn.w_q"});
    heed_recorder_probe(rec, (heed_probe){.name = "p",
                                          .loss = speaker_loss,
                                          .said = speak,
                                          .user = s,
                                          .n_queries = OBSERVED_T,
                                          .n_keys = OBSERVED_T,
                                          .queries = rows,
                                          .keys = rows});
}

/* ---- what was seen ---- */

enum { STEPS = 9, TENSORS = 64 };
typedef struct shown_tensor {
    char name[64];
    heed_shape shape;
    double *values;
} shown_tensor;
typedef struct shown_frame {
    int64_t step;
    int tensors;
    shown_tensor tensor[TENSORS];
    char said[OBSERVED_T][16];
    double loss, probe;
} shown_frame;
typedef struct witness {
    shown_frame frame[STEPS];
    int frames;
} witness;

static double last_point(const heed_recording *r, const char *name) {
    for (int i = 0; i < heed_recording_scalars(r); i++) {
        const int64_t *steps;
        const double *values;
        int64_t n = heed_recording_points(r, i, &steps, &values);
        if (strcmp(heed_recording_scalar_name(r, i), name) == 0 && steps[n - 1] == heed_recording_step(r, 0))
            return values[n - 1];
    }
    return NAN;
}

static void see(void *user, heed_recording *so_far) {
    witness *w = user;
    shown_frame *f = &w->frame[w->frames++];
    heed_error e;
    cr_assert_eq(heed_recording_frames(so_far), 1);
    cr_assert_null(heed_recording_frame_path(so_far, 0));
    cr_assert_not_null(strstr(heed_recording_header(so_far), "\"three\""));
    f->step = heed_recording_step(so_far, 0);
    f->tensors = heed_recording_tensors(so_far, 0, &e);
    cr_assert(f->tensors > 0 && f->tensors <= TENSORS);
    for (int i = 0; i < f->tensors; i++) {
        shown_tensor *x = &f->tensor[i];
        snprintf(x->name, sizeof x->name, "%s", heed_recording_tensor_name(so_far, 0, i));
        cr_assert(heed_recording_has(so_far, 0, x->name));
        cr_assert_eq(heed_recording_tensor(so_far, 0, x->name, &x->shape, &x->values, &e), HEED_OK, "%s", e.text);
    }
    for (int i = 0; i < OBSERVED_T; i++)
        snprintf(f->said[i], sizeof f->said[i], "%s", heed_recording_said(so_far, 0, "p", i));
    f->loss = last_point(so_far, "loss");
    f->probe = last_point(so_far, "probe.p.loss");
    cr_expect_null(heed_recording_tensor_name(so_far, 0, f->tensors));
    cr_expect_null(heed_recording_said(so_far, 0, "p", OBSERVED_T));
    cr_expect_null(heed_recording_said(so_far, 0, "q", 0));
    cr_expect(!heed_recording_has(so_far, 0, "param/none") && !heed_recording_has(so_far, 1, f->tensor[0].name));
    cr_expect(heed_recording_tensor(so_far, 0, "param/none", &(heed_shape){0}, &(double *){NULL}, &e) == HEED_INVALID);
}

static witness *watched(const char *where, uint64_t *hash) {
    witness *w = calloc(1, sizeof *w);
    speaker s = {.run = started(HEED_F32, 1)};
    heed_recorder *rec = heed_recorder_new(where, s.run->model, (heed_recorder_options){.title = "seen"});
    describe(rec, &s);
    cr_assert_eq(heed_recorder_watch(rec, see, w), HEED_OK);
    steps(s.run, rec, STEPS);
    end(rec);
    *hash = observed_hash(s.run);
    stopped(s.run);
    return w;
}

static void forget(witness *w) {
    for (int f = 0; f < w->frames; f++)
        for (int i = 0; i < w->frame[f].tensors; i++)
            free(w->frame[f].tensor[i].values);
    free(w);
}

static bool same_numbers(const shown_tensor *a, const double *b) {
    return memcmp(a->values, b, (size_t)heed_shape_count(a->shape) * sizeof *b) == 0;
}

Test(lens_watch, a_frame_is_shown_as_it_is_written) {
    uint64_t hash;
    witness *w = watched(folder, &hash);
    heed_recording *in = opened();
    cr_assert(w->frames == STEPS && heed_recording_frames(in) == STEPS);
    for (int f = 0; f < STEPS; f++) {
        const shown_frame *shown = &w->frame[f];
        cr_expect(shown->step == f + 1 && heed_recording_step(in, f) == f + 1);
        cr_assert_eq(heed_recording_tensors(in, f, NULL), shown->tensors);
        for (int i = 0; i < shown->tensors; i++) {
            double *values = tensor(in, f, shown->tensor[i].name, shown->tensor[i].shape);
            cr_expect(same_numbers(&shown->tensor[i], values), "step %d: %s", f + 1, shown->tensor[i].name);
            free(values);
        }
        for (int i = 0; i < OBSERVED_T; i++)
            cr_expect_str_eq(heed_recording_said(in, f, "p", i), shown->said[i]);
        cr_expect(isfinite(shown->loss) && isfinite(shown->probe));
    }
    /* The last gradients that are computed when a frame is written, and texts as they come out: by hand. */
    cr_expect(heed_recording_has(in, 0, "probe/p/d/attn.attn_scores"));
    cr_expect_str_eq(w->frame[2].said[0], "3");
    cr_expect_str_eq(w->frame[2].said[1], "4\xef\xbf\xbd");
    cr_expect_str_eq(w->frame[2].said[2], "5\"");
    cr_expect_str_eq(w->frame[2].said[OBSERVED_T - 1], "");
    heed_recording_close(in);
    forget(w);
}

Test(lens_watch, without_a_folder_the_same_is_shown_and_nothing_written) {
    uint64_t kept_hash, hash;
    witness *kept = watched(folder, &kept_hash);
    remove_folder();
    witness *w = watched(NULL, &hash);
    observed *plain = started(HEED_F32, 1);
    steps(plain, NULL, STEPS);
    cr_expect(hash == kept_hash && hash == observed_hash(plain), "watching changed the training");
    cr_expect_eq(access(folder, F_OK), -1);
    cr_assert_eq(w->frames, STEPS);
    for (int f = 0; f < STEPS; f++) {
        cr_assert_eq(w->frame[f].tensors, kept->frame[f].tensors);
        for (int i = 0; i < w->frame[f].tensors; i++)
            cr_expect(same_numbers(&w->frame[f].tensor[i], kept->frame[f].tensor[i].values));
        cr_expect(w->frame[f].loss == kept->frame[f].loss && w->frame[f].probe == kept->frame[f].probe);
    }
    stopped(plain);
    forget(kept);
    forget(w);
}

static void note_curve(void *user, heed_recording *so_far) {
    const int64_t *steps;
    const double *values, must[] = {1, 2, 3.5};
    int *calls = user;
    ++*calls;
    for (int i = 0; i < heed_recording_scalars(so_far); i++)
        if (strcmp(heed_recording_scalar_name(so_far, i), "x") == 0) {
            cr_assert_eq(heed_recording_points(so_far, i, &steps, &values), 3);
            for (int k = 0; k < 3; k++)
                cr_expect(steps[k] == k + 1 && values[k] == must[k], "point %d: %g at %d", k, values[k], (int)steps[k]);
        }
}

Test(lens_watch, curves_are_in_order_of_steps_and_the_last_value_counts) {
    int calls = 0;
    observed *r = started(HEED_F32, 1);
    heed_recorder *rec = heed_recorder_new(NULL, r->model, (heed_recorder_options){.params = "*"});
    cr_assert_eq(heed_recorder_watch(rec, note_curve, &calls), HEED_OK);
    heed_recorder_scalar(rec, 1, "x", 1);
    heed_recorder_scalar(rec, 3, "x", 3);
    heed_recorder_scalar(rec, 2, "x", 2);
    heed_recorder_scalar(rec, 3, "x", 3.5);
    steps(r, rec, 2);
    cr_expect_eq(calls, 2);
    cr_expect_eq(heed_recorder_watch(rec, NULL, NULL), HEED_STATE);
    cr_expect_not_null(strstr(heed_recorder_error_text(rec), "the watch comes too late"));
    cr_expect_eq(heed_recorder_end(rec, NULL), HEED_STATE);
    stopped(r);
}
