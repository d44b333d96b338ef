/* Recording a training: not a bit of it is changed, and what is recorded is what was there. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helpers/observed.h"

static char folder[64];

static void use_folder(void) { snprintf(folder, sizeof folder, "/tmp/heed_recorder_%ld", (long)getpid()); }

static void remove_folder(void) {
    char command[192];
    snprintf(command, sizeof command, "rm -rf %s %s.b", folder, folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(lens_recorder, .init = use_folder, .fini = remove_folder);

static const char *in_folder(const char *name, char path[160]) {
    snprintf(path, 160, "%s/%s", folder, name);
    return path;
}

/* Files in the folder whose names end so. */
static int files_like(const char *end) {
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

static observed *started(heed_dtype dtype, int threads) {
    observed *r = malloc(sizeof *r);
    cr_assert(observed_init(r, dtype, threads));
    return r;
}

static void stopped(observed *r) {
    observed_free(r);
    free(r);
}

static void steps(observed *r, heed_recorder *rec, int n) {
    for (int i = 0; i < n; i++)
        cr_assert(observed_step(r, rec), "%s", heed_error_text(r->t));
}

static void end(heed_recorder *rec) {
    heed_error e;
    cr_assert_eq(heed_recorder_end(rec, &e), HEED_OK, "%s", e.text);
}

static heed_recording *opened(void) {
    heed_error e;
    heed_recording *r = heed_recording_open(folder, &e);
    cr_assert_not_null(r, "%s", e.text);
    cr_assert_str_eq(heed_recording_cut(r), "");
    return r;
}

static double *tensor(heed_recording *r, int frame, const char *name, heed_shape must) {
    heed_error e;
    heed_shape shape;
    double *values;
    cr_assert_eq(heed_recording_tensor(r, frame, name, &shape, &values, &e), HEED_OK, "%s", e.text);
    cr_assert(heed_shape_equal(shape, must), "%s is %s", name, HEED_SHAPE_STR(shape));
    return values;
}

/* A training of n steps that is recorded as the options say. */
static observed *observed_run(heed_dtype dtype, int n, heed_recorder_options o) {
    observed *r = started(dtype, 1);
    heed_recorder *rec = heed_recorder_new(folder, r->model, o);
    observed_describe(r, rec);
    steps(r, rec, n);
    end(rec);
    return r;
}

/* ---- the training is left alone ---- */

Test(lens_recorder, recording_changes_no_bit_of_the_training) {
    for (int threads = 1; threads <= 3; threads += 2) {
        observed *plain = started(HEED_F32, threads), *seen = started(HEED_F32, threads);
        heed_recorder *rec = heed_recorder_new(folder, seen->model, (heed_recorder_options){.most_frames = 20, .replace = true});
        observed_describe(seen, rec);
        steps(plain, NULL, 60);
        steps(seen, rec, 60);
        end(rec);
        cr_expect_eq(observed_hash(plain), observed_hash(seen), "%d threads", threads);
        const size_t bytes = (size_t)heed_model_size(plain->model) * sizeof(float);
        cr_expect_arr_eq(heed_grads_data(plain->g), heed_grads_data(seen->g), bytes, "the last gradients differ");
        stopped(plain);
        stopped(seen);
    }
}

/* ---- what is recorded ---- */

enum { STEPS = 12, MOST_NUMBERS = 64 };
typedef struct copy {
    double before[MOST_NUMBERS], gradient[MOST_NUMBERS], after[MOST_NUMBERS];
} copy;

static void copy_gradient(observed *r, heed_param p, int64_t n, double *to) {
    const void *g = heed_grads_of(r->g, p);
    for (int64_t i = 0; i < n; i++)
        to[i] = heed_model_dtype(r->model) == HEED_F64 ? ((const double *)g)[i] : (double)((const float *)g)[i];
}

Test(lens_recorder, frames_hold_parameters_gradients_and_updates_of_their_steps) {
    static copy copies[STEPS + 1][2];
    static const char *const names[2] = {"attn.w_k", "out.weight"};
    const heed_shape shapes[2] = {HEED_SHAPE(OBSERVED_K, OBSERVED_D), HEED_SHAPE(OBSERVED_CLASSES, OBSERVED_K)};
    observed *r = started(HEED_F32, 1);
    heed_recorder *rec = heed_recorder_new(folder, r->model, (heed_recorder_options){.title = "run"});
    observed_describe(r, rec);
    for (int step = 1; step <= STEPS; step++)
        for (int phase = 0; phase < 2; phase++) {
            if (phase == 1)
                steps(r, rec, 1);
            for (int p = 0; p < 2; p++) {
                heed_param param = heed_model_find(r->model, names[p]);
                int64_t n = heed_shape_count(shapes[p]);
                cr_assert_eq(heed_param_get(param, phase ? copies[step][p].after : copies[step][p].before, n), HEED_OK);
                if (phase)
                    copy_gradient(r, param, n, copies[step][p].gradient);
            }
        }
    end(rec);
    heed_recording *in = opened();
    cr_assert_eq(heed_recording_frames(in), STEPS);
    for (int f = 0; f < STEPS; f++)
        for (int p = 0; p < 2; p++) {
            char name[64];
            const copy *c = &copies[heed_recording_step(in, f)][p];
            cr_expect_eq(heed_recording_step(in, f), f + 1);
            double *value = tensor(in, f, (snprintf(name, sizeof name, "param/%s", names[p]), name), shapes[p]);
            double *gradient = tensor(in, f, (snprintf(name, sizeof name, "grad/%s", names[p]), name), shapes[p]);
            double *update = tensor(in, f, (snprintf(name, sizeof name, "update/%s", names[p]), name), shapes[p]);
            for (int64_t i = 0; i < heed_shape_count(shapes[p]); i++)
                cr_expect(value[i] == c->before[i] && gradient[i] == c->gradient[i] &&
                              update[i] == (double)((float)c->after[i] - (float)c->before[i]) && update[i] != 0,
                          "step %d, %s, %lld", f + 1, names[p], (long long)i);
            free(value);
            free(gradient);
            free(update);
        }
    heed_recording_close(in);
    stopped(r);
}

static const int64_t *points(const heed_recording *in, const char *name, int n, const double **values) {
    const int64_t *at = NULL;
    for (int i = 0; i < heed_recording_scalars(in); i++)
        if (strcmp(heed_recording_scalar_name(in, i), name) == 0)
            cr_assert_eq(heed_recording_points(in, i, &at, values), n, "%s", name);
    cr_assert_not_null(at, "%s", name);
    return at;
}

/* Over all tensors grad/... of a frame. */
static double norm_of_gradients(heed_recording *in, int frame) {
    double sum = 0;
    for (int i = 0; i < heed_recording_tensors(in, frame, NULL); i++) {
        const char *name = heed_recording_tensor_name(in, frame, i);
        heed_shape shape;
        double *values;
        if (strncmp(name, "grad/", 5) != 0)
            continue;
        cr_assert_eq(heed_recording_tensor(in, frame, name, &shape, &values, NULL), HEED_OK);
        for (int64_t k = 0; k < heed_shape_count(shape); k++)
            sum += values[k] * values[k];
        free(values);
    }
    return sqrt(sum);
}

Test(lens_recorder, scalars_come_at_every_step) {
    static double losses[STEPS + 1], probes[STEPS + 1];
    observed *r = started(HEED_F64, 1), *twin = started(HEED_F64, 1);
    heed_recorder *rec = heed_recorder_new(folder, r->model, (heed_recorder_options){.every = 5, .no_logarithmic = true, .params = "*"});
    observed_describe(r, rec);
    heed_tape *t = heed_tape_new();
    for (int step = 1; step <= STEPS; step++) {
        heed_tape_reset(t);
        probes[step] = heed_item(t, observed_probe_loss(twin, t));
        steps(twin, NULL, 1);
        steps(r, rec, 1);
        losses[step] = step / 8.0;
        heed_recorder_scalar(rec, step, "own\n\"name\" \xff", losses[step]);
    }
    heed_recorder_scalar(rec, 3, "odd", NAN);
    heed_recorder_scalar(rec, 4, "odd", -INFINITY);
    heed_recorder_scalar(rec, 4, "odd", 0.1);
    heed_tape_free(t);
    end(rec);
    heed_recording *in = opened();
    const double *v;
    const int64_t *at = points(in, "own\n\"name\" \xEF\xBF\xBD", STEPS, &v);
    for (int i = 0; i < STEPS; i++)
        cr_expect(at[i] == i + 1 && v[i] == losses[i + 1]);
    points(in, "loss", STEPS, &v);
    at = points(in, "odd", 2, &v);
    cr_expect(at[0] == 3 && isnan(v[0]) && at[1] == 4 && v[1] == 0.1);
    at = points(in, "grad_norm", 3, &v);
    for (int i = 0; i < 3; i++)
        cr_expect(at[i] == (i ? 5 * i : 1) && fabs(v[i] - norm_of_gradients(in, i)) <= 1e-15, "%d", i);
    at = points(in, "probe.p.loss", 3, &v);
    for (int i = 0; i < 3; i++)
        cr_expect(at[i] == (i ? 5 * i : 1) && v[i] == probes[at[i]], "%d", i);
    cr_expect(heed_recording_ended(in) && heed_recording_steps(in) == STEPS);
    heed_recording_close(in);
    stopped(r);
    stopped(twin);
}

/* ---- probes ---- */

/* What another tape says of the probe. */
typedef struct watched {
    heed_tape *t;
    heed_tensor x[8];
    char name[8][32];
    int n;
} watched;

static void watch(void *user, heed_tape *t, const char *path, heed_tensor x) {
    watched *w = user;
    cr_assert_lt(w->n, 8);
    snprintf(w->name[w->n], sizeof w->name[0], "%s", path);
    w->x[w->n++] = heed_keep_grad(t, x);
}

static void expect_near(const double *a, const double *b, int64_t n, double bound, const char *what) {
    for (int64_t i = 0; i < n; i++)
        cr_expect(fabs(a[i] - b[i]) <= bound, "%s %lld: %.17g, not %.17g", what, (long long)i, a[i], b[i]);
}

/* The frame's numbers beside those of a backward in f64, on a clone of the model as it is. */
static void expect_probe(heed_recording *in, int frame, observed *r, double bound) {
    static const char *const differentiated[] = {"q", "k", "v", "z"};
    const heed_shape rows = HEED_SHAPE(OBSERVED_T, OBSERVED_K);
    heed_model *twin = heed_model_clone(r->model, HEED_F64);
    heed_grads *g = heed_grads_new(twin);
    watched w = {.t = heed_tape_new(), .n = 0};
    cr_assert_eq(heed_tape_bind(w.t, r->model, twin), HEED_OK);
    cr_assert_eq(heed_tape_on_watch(w.t, "attn.*", watch, &w), HEED_OK);
    cr_assert_eq(heed_backward(w.t, observed_probe_loss(r, w.t), g), HEED_OK, "%s", heed_error_text(w.t));
    for (int i = 0; i < w.n; i++) {
        char name[64];
        const char *kind = strchr(w.name[i], '.') + 1;
        snprintf(name, sizeof name, "probe/p/%s", w.name[i]);
        heed_shape shape = heed_shape_of(w.t, w.x[i]), must = HEED_SHAPE(shape.n[1], shape.n[2]);
        double *values = tensor(in, frame, name, must);
        expect_near(values, heed_f64(w.t, w.x[i]), heed_shape_count(must), bound, name);
        free(values);
        for (size_t k = 0; k < sizeof differentiated / sizeof *differentiated; k++)
            if (strcmp(kind, differentiated[k]) == 0) {
                snprintf(name, sizeof name, "probe/p/d/%s", w.name[i]);
                values = tensor(in, frame, name, rows);
                expect_near(values, heed_f64(w.t, heed_grad(w.t, w.x[i])), heed_shape_count(rows), bound, name);
                free(values);
            }
    }
    cr_expect_eq(w.n, 7);
    static const char *const params[] = {"attn.w_q", "attn.w_k", "attn.w_v", "out.weight"};
    for (int p = 0; p < 4; p++) {
        char name[64];
        heed_param param = heed_model_find(twin, params[p]);
        snprintf(name, sizeof name, "probe/p/grad/%s", params[p]);
        heed_shape shape = heed_model_param(twin, param.index).shape;
        double *values = tensor(in, frame, name, shape);
        expect_near(values, heed_grads_of(g, param), heed_shape_count(shape), bound, name);
        free(values);
    }
    heed_tape_free(w.t);
    heed_grads_free(g);
    heed_model_free(twin);
}

Test(lens_recorder, probes_see_what_a_backward_of_its_own_sees) {
    for (int dtype = HEED_F32; dtype <= HEED_F64; dtype++) {
        observed *r = started((heed_dtype)dtype, 1);
        heed_recorder *rec = heed_recorder_new(folder, r->model, (heed_recorder_options){.every = 100, .last = 9, .replace = true});
        observed_describe(r, rec);
        steps(r, rec, 8);
        heed_model *before = heed_model_clone(r->model, heed_model_dtype(r->model));
        steps(r, rec, 1);
        end(rec);
        cr_assert_eq(heed_model_copy(r->model, before), HEED_OK); /* as it was before step 9 */
        heed_recording *in = opened();
        cr_assert_eq(heed_recording_step(in, heed_recording_frames(in) - 1), 9);
        expect_probe(in, heed_recording_frames(in) - 1, r, dtype == HEED_F64 ? 0 : 1e-6);
        heed_recording_close(in);
        heed_model_free(before);
        stopped(r);
    }
}

/* da = dz vᵀ and ds = a (da - sum a da) by the formulas; ds sums to zero over keys; dq = ds k / sqrt(d_k), dk, dv come out
 * of them; and sum over tokens of dq xᵀ is the gradient of w_q. */
Test(lens_recorder, the_chain_of_gradients_is_whole) {
    enum { T = OBSERVED_T, K = OBSERVED_K, D = OBSERVED_D };
    stopped(observed_run(HEED_F64, 30, (heed_recorder_options){.title = NULL}));
    heed_recording *in = opened();
    for (int f = 0; f < heed_recording_frames(in); f += 5) {
        double *x = tensor(in, f, "probe/p/attn.x", HEED_SHAPE(T, D)), *k = tensor(in, f, "probe/p/attn.k", HEED_SHAPE(T, K));
        double *v = tensor(in, f, "probe/p/attn.v", HEED_SHAPE(T, K)), *a = tensor(in, f, "probe/p/attn.pattern", HEED_SHAPE(T, T));
        double *dz = tensor(in, f, "probe/p/d/attn.z", HEED_SHAPE(T, K)), *dq = tensor(in, f, "probe/p/d/attn.q", HEED_SHAPE(T, K));
        double *dv = tensor(in, f, "probe/p/d/attn.v", HEED_SHAPE(T, K)), *da = tensor(in, f, "probe/p/d/attn.pattern", HEED_SHAPE(T, T));
        double *ds = tensor(in, f, "probe/p/d/attn.attn_scores", HEED_SHAPE(T, T)), *dw = tensor(in, f, "probe/p/grad/attn.w_q", HEED_SHAPE(K, D));
        for (int i = 0; i < T; i++) {
            double mean = 0, sum = 0;
            for (int j = 0; j < T; j++) {
                double d = dz[i * K] * v[j * K] + dz[i * K + 1] * v[j * K + 1] + dz[i * K + 2] * v[j * K + 2];
                cr_expect(fabs(da[i * T + j] - d) <= 1e-15);
                mean += a[i * T + j] * d;
                sum += ds[i * T + j];
            }
            cr_expect(fabs(sum) <= 1e-15, "ds sums to %g", sum);
            for (int j = 0; j < T; j++)
                cr_expect(fabs(ds[i * T + j] - a[i * T + j] * (da[i * T + j] - mean)) <= 1e-15 && (j <= i || ds[i * T + j] == 0));
            for (int c = 0; c < K; c++) {
                double q = 0, value = 0;
                for (int j = 0; j < T; j++) {
                    q += ds[i * T + j] * k[j * K + c] / sqrt(K);
                    value += a[j * T + i] * dz[j * K + c];
                }
                cr_expect(fabs(dq[i * K + c] - q) <= 1e-14 && fabs(dv[i * K + c] - value) <= 1e-14);
            }
        }
        for (int c = 0; c < K; c++)
            for (int d = 0; d < D; d++) {
                double sum = 0;
                for (int i = 0; i < T; i++)
                    sum += dq[i * K + c] * x[i * D + d];
                cr_expect(fabs(dw[c * D + d] - sum) <= 1e-14);
            }
        double *all[] = {x, k, v, a, dz, dq, dv, da, ds, dw};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            free(all[i]);
    }
    heed_recording_close(in);
}

/* ---- by hand: two tokens, all of size 1, w_q = w_k = w_v = 1 ---- */

static heed_tensor first_z(void *user, heed_tape *t) {
    const double x[] = {1, 2};
    heed_tensor z = heed_self_attention_forward(user, t, heed_input(t, HEED_F64, HEED_SHAPE(2, 1), x), HEED_NIL);
    return heed_sum(t, heed_select(t, z, 0, 0), HEED_ALL_AXES); /* z of the first */
}

/* One step with a gradient of zeros. */
static void one_frame(heed_model *model, heed_recorder *rec, heed_tensor (*loss)(void *, heed_tape *), void *user) {
    heed_grads *g = heed_grads_new(model);
    heed_tape *t = heed_tape_new();
    cr_assert_eq(heed_backward(t, loss(user, t), g), HEED_OK, "%s", heed_error_text(t));
    heed_recorder_before(rec, 1, g);
    heed_recorder_after(rec);
    end(rec);
    heed_tape_free(t);
    heed_grads_free(g);
}

Test(lens_recorder, two_keys_by_hand) {
    heed_model *model = heed_model_new();
    heed_self_attention attn;
    heed_self_attention_init(&attn, heed_model_root(model), "a", 1, 1);
    cr_assert_eq(heed_model_build(model, HEED_F64, 1), HEED_OK);
    const double one = 1;
    cr_assert(!heed_param_set(attn.w_q, &one, 1) && !heed_param_set(attn.w_k, &one, 1) && !heed_param_set(attn.w_v, &one, 1));
    heed_recorder *rec = heed_recorder_new(folder, model, (heed_recorder_options){.params = "a.w_q"});
    heed_recorder_probe(rec, (heed_probe){.name = "two keys", .loss = first_z, .user = &attn});
    one_frame(model, rec, first_z, &attn);
    heed_recording *in = opened();
    /* s = (1, 2): a = (1 - p, p) with p = e / (1 + e). da = (1, 2), so ds = p (1 - p) (-1, 1). The second token has no part. */
    const double p = exp(1) / (1 + exp(1));
    const double a[] = {1 - p, p, 1 / (1 + exp(2)), exp(2) / (1 + exp(2))}, da[] = {1, 2, 0, 0}, ds[] = {-p * (1 - p), p * (1 - p), 0, 0};
    const double dq[] = {p * (1 - p), 0}, dk[] = {-p * (1 - p), p * (1 - p)}, dv[] = {1 - p, p};
    const struct {
        const char *name;
        heed_shape shape;
        const double *must;
    } all[] = {{"probe/two keys/a.pattern", HEED_SHAPE(2, 2), a},         {"probe/two keys/d/a.pattern", HEED_SHAPE(2, 2), da},
               {"probe/two keys/d/a.attn_scores", HEED_SHAPE(2, 2), ds}, {"probe/two keys/d/a.q", HEED_SHAPE(2, 1), dq},
               {"probe/two keys/d/a.k", HEED_SHAPE(2, 1), dk},           {"probe/two keys/d/a.v", HEED_SHAPE(2, 1), dv},
               {"probe/two keys/grad/a.w_q", HEED_SHAPE(1, 1), dq}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        double *values = tensor(in, 0, all[i].name, all[i].shape);
        expect_near(values, all[i].must, heed_shape_count(all[i].shape), 1e-15, all[i].name);
        free(values);
    }
    cr_expect(!heed_recording_has(in, 0, "param/a.w_k") && heed_recording_has(in, 0, "param/a.w_q"), "only a.w_q was asked for");
    heed_recording_close(in);
    heed_model_free(model);
}

/* ---- heads, and a layer that attends again and again ---- */

enum { TOKENS = 3, WIDE = 8, HEADS = 4, KV_HEADS = 2, WIDTH = WIDE / HEADS };

static heed_tensor of_heads(void *user, heed_tape *t) {
    double x[TOKENS * WIDE];
    for (int i = 0; i < TOKENS * WIDE; i++)
        x[i] = sin(3 * i) + 0.1;
    heed_tensor in = heed_input(t, HEED_F64, HEED_SHAPE(1, TOKENS, WIDE), x);
    heed_tensor out = heed_multi_head_attention_forward(user, t, in, in, (heed_attend){.causal = true});
    return heed_sum(t, heed_square(t, heed_square(t, out)), HEED_ALL_AXES);
}

/* With fewer heads of keys and values than of queries. ds is right if what the tape says of q follows from it. */
Test(lens_recorder, heads_may_share_keys_and_values) {
    heed_model *model = heed_model_new();
    heed_multi_head_attention attn;
    heed_multi_head_attention_init(&attn, heed_model_root(model), "a",
                                   (heed_multi_head_options){.d_model = WIDE, .n_heads = HEADS, .features = {.n_kv_heads = KV_HEADS}});
    cr_assert_eq(heed_model_build(model, HEED_F64, 3), HEED_OK);
    heed_recorder *rec = heed_recorder_new(folder, model, (heed_recorder_options){.params = " a.w_?, nothing.* "});
    heed_recorder_probe(rec, (heed_probe){.name = "p", .loss = of_heads, .user = &attn});
    one_frame(model, rec, of_heads, &attn);
    heed_recording *in = opened();
    double *x = tensor(in, 0, "probe/p/a.x", HEED_SHAPE(TOKENS, WIDE)), *k = tensor(in, 0, "probe/p/a.k", HEED_SHAPE(KV_HEADS, TOKENS, WIDTH));
    double *ds = tensor(in, 0, "probe/p/d/a.attn_scores", HEED_SHAPE(HEADS, TOKENS, TOKENS));
    double *dq = tensor(in, 0, "probe/p/d/a.q", HEED_SHAPE(HEADS, TOKENS, WIDTH)), *dw = tensor(in, 0, "probe/p/grad/a.w_q", HEED_SHAPE(WIDE, WIDE));
    for (int h = 0; h < HEADS; h++)
        for (int c = 0; c < WIDTH; c++) {
            for (int i = 0; i < TOKENS; i++) {
                double sum = 0;
                for (int j = 0; j < TOKENS; j++)
                    sum += ds[(h * TOKENS + i) * TOKENS + j] * k[(h / 2 * TOKENS + j) * WIDTH + c] / sqrt(WIDTH);
                cr_expect(fabs(dq[(h * TOKENS + i) * WIDTH + c] - sum) <= 1e-13 * (1 + fabs(sum)), "head %d", h);
            }
            for (int d = 0; d < WIDE; d++) {
                double sum = 0;
                for (int i = 0; i < TOKENS; i++)
                    sum += dq[(h * TOKENS + i) * WIDTH + c] * x[i * WIDE + d];
                cr_expect(fabs(dw[(h * WIDTH + c) * WIDE + d] - sum) <= 1e-13 * (1 + fabs(sum)));
            }
        }
    cr_expect(heed_recording_has(in, 0, "param/a.w_o") && !heed_recording_has(in, 0, "param/a.b_q") && !heed_recording_has(in, 0, "param/a.head_on"));
    cr_expect(strstr(heed_recording_graph(in), "\"name\":\"a.w_k + a.w_v\"") || strstr(heed_recording_graph(in), "a.w_q + a.w_k + a.w_v"), "%s", heed_recording_graph(in));
    double *all[] = {x, k, ds, dq, dw};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    heed_recording_close(in);
    heed_model_free(model);
}

typedef struct decoder {
    heed_state_attention attn;
    heed_param h, states; /* (3, 2), (4, 2) */
    heed_recurrent cell;  /* shows a z of its own */
    bool by_steps;
} decoder;

static heed_tensor of_states(void *user, heed_tape *t) {
    const decoder *d = user;
    heed_tensor states = heed_reshape(t, heed_use(t, d->states), HEED_SHAPE(1, 4, 2));
    heed_tensor h = heed_recurrent_forward(&d->cell, t, heed_reshape(t, heed_use(t, d->h), HEED_SHAPE(1, 3, 2)),
                                           (heed_state){HEED_NIL, HEED_NIL}, HEED_NIL, NULL);
    heed_state_memory memory = heed_state_attention_memory(&d->attn, t, states, HEED_NIL);
    heed_tensor sum = HEED_NIL;
    if (!d->by_steps)
        return heed_sum(t, heed_square(t, heed_state_attention_forward(&d->attn, t, h, memory, 0, NULL)), HEED_ALL_AXES);
    for (int i = 0; i < 3; i++) {
        heed_tensor joined = heed_state_attention_forward(&d->attn, t, heed_select(t, h, 1, i), memory, i, NULL);
        heed_tensor part = heed_sum(t, heed_square(t, joined), HEED_ALL_AXES);
        sum = i ? heed_add(t, sum, part) : part;
    }
    return sum;
}

/* Step by step or all at once, composed of plain ops or in one, with a window's bell or without: the same is recorded. */
Test(lens_recorder, a_decoder_that_goes_step_by_step_is_seen_whole) {
    static const struct {
        heed_score_kind score;
        heed_window window;
    } kinds[] = {{HEED_SCORE_SCALED_DOT, HEED_WINDOW_GLOBAL}, {HEED_SCORE_ADDITIVE, HEED_WINDOW_GLOBAL}, {HEED_SCORE_GENERAL, HEED_WINDOW_PREDICTIVE}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        heed_model *model = heed_model_new();
        decoder once = {.by_steps = false};
        heed_state_attention_init(&once.attn, heed_model_root(model), "a",
                                  (heed_state_attention_options){.score = {.kind = kinds[i].score, .d_query = 2, .d_key = 2}, .window = kinds[i].window, .reach = 2});
        heed_recurrent_init(&once.cell, heed_model_root(model), "gru", (heed_recurrent_options){.kind = HEED_GRU, .inputs = 2, .hidden = 2});
        once.h = heed_param_new(heed_model_root(model), "h", HEED_SHAPE(3, 2), heed_init_normal(0, 1));
        once.states = heed_param_new(heed_model_root(model), "states", HEED_SHAPE(4, 2), heed_init_normal(0, 1));
        cr_assert_eq(heed_model_build(model, HEED_F64, 4), HEED_OK);
        decoder by_steps = once;
        by_steps.by_steps = true;
        heed_recorder *rec = heed_recorder_new(folder, model, (heed_recorder_options){.params = "h,states", .replace = true});
        heed_recorder_probe(rec, (heed_probe){.name = "once", .loss = of_states, .user = &once});
        heed_recorder_probe(rec, (heed_probe){.name = "steps", .loss = of_states, .user = &by_steps});
        one_frame(model, rec, of_states, &once);
        heed_recording *in = opened();
        static const char *const names[] = {"a.x", "a.q", "a.k", "a.v", "a.attn_scores", "a.pattern", "a.z", "d/a.q", "d/a.k", "d/a.v",
                                            "d/a.attn_scores", "d/a.pattern", "d/a.z", "grad/h", "grad/states"};
        for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
            char one[64], other[64];
            snprintf(one, sizeof one, "probe/once/%s", names[n]);
            snprintf(other, sizeof other, "probe/steps/%s", names[n]);
            heed_shape shape, again;
            double *a, *b;
            heed_error e;
            cr_assert_eq(heed_recording_tensor(in, 0, one, &shape, &a, &e), HEED_OK, "%s", e.text);
            cr_assert_eq(heed_recording_tensor(in, 0, other, &again, &b, &e), HEED_OK, "%s", e.text);
            cr_assert(heed_shape_equal(shape, again) && shape.rank == 2, "%s: %s, %s", one, HEED_SHAPE_STR(shape), HEED_SHAPE_STR(again));
            expect_near(b, a, heed_shape_count(shape), 1e-14, other);
            double size = 0;
            for (int64_t k = 0; k < heed_shape_count(shape); k++)
                size += fabs(a[k]);
            cr_expect_gt(size, 0, "%s is all zero", one);
            free(a);
            free(b);
        }
        cr_expect(!heed_recording_has(in, 0, "probe/once/gru.l0.z"), "a gate is no context");
        heed_recording_close(in);
        heed_model_free(model);
    }
}

/* Scores composed of plain ops have gradients of the tape; those of one op are computed. They must be the same thing. */
Test(lens_recorder, composed_and_fused_scores_have_one_gradient) {
    double *ds[2], *da[2];
    heed_shape shape;
    heed_error e;
    for (int i = 0; i < 2; i++) {
        heed_model *model = heed_model_new();
        decoder d = {.by_steps = false};
        heed_state_attention_init(&d.attn, heed_model_root(model), "a",
                                  (heed_state_attention_options){.score = {.kind = i ? HEED_SCORE_CONCAT : HEED_SCORE_DOT, .d_query = 2, .d_key = 2}});
        heed_recurrent_init(&d.cell, heed_model_root(model), "gru", (heed_recurrent_options){.kind = HEED_GRU, .inputs = 2, .hidden = 2});
        d.h = heed_param_new(heed_model_root(model), "h", HEED_SHAPE(3, 2), heed_init_normal(0, 1));
        d.states = heed_param_new(heed_model_root(model), "states", HEED_SHAPE(4, 2), heed_init_normal(0, 1));
        cr_assert_eq(heed_model_build(model, HEED_F64, 4), HEED_OK);
        heed_recorder *rec = heed_recorder_new(folder, model, (heed_recorder_options){.params = "h", .replace = true});
        heed_recorder_probe(rec, (heed_probe){.name = "p", .loss = of_states, .user = &d});
        one_frame(model, rec, of_states, &d);
        heed_recording *in = opened();
        double *a, *v, *dz;
        cr_assert_eq(heed_recording_tensor(in, 0, "probe/p/d/a.attn_scores", &shape, &ds[i], &e), HEED_OK, "%s", e.text);
        cr_assert_eq(heed_recording_tensor(in, 0, "probe/p/d/a.pattern", &shape, &da[i], &e), HEED_OK, "%s", e.text);
        cr_assert_eq(heed_recording_tensor(in, 0, "probe/p/a.pattern", &shape, &a, &e), HEED_OK, "%s", e.text);
        cr_assert_eq(heed_recording_tensor(in, 0, "probe/p/a.v", &shape, &v, &e), HEED_OK, "%s", e.text);
        cr_assert_eq(heed_recording_tensor(in, 0, "probe/p/d/a.z", &shape, &dz, &e), HEED_OK, "%s", e.text);
        for (int row = 0; row < 3; row++) {
            double mean = 0;
            for (int s = 0; s < 4; s++) {
                double must = dz[row * 2] * v[s * 2] + dz[row * 2 + 1] * v[s * 2 + 1];
                cr_expect(fabs(da[i][row * 4 + s] - must) <= 1e-14);
                mean += a[row * 4 + s] * must;
            }
            for (int s = 0; s < 4; s++)
                cr_expect(fabs(ds[i][row * 4 + s] - a[row * 4 + s] * (da[i][row * 4 + s] - mean)) <= 1e-14, "%d", i);
        }
        double *all[] = {a, v, dz, ds[i], da[i]};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            free(all[k]);
        heed_recording_close(in);
        heed_model_free(model);
    }
}

/* ---- frames come and go ---- */

Test(lens_recorder, frames_past_the_most_are_deleted) {
    observed *r = started(HEED_F32, 1);
    heed_recorder *rec = heed_recorder_new(folder, r->model, (heed_recorder_options){.most_frames = 8});
    observed_describe(r, rec);
    steps(r, rec, 300);
    end(rec);
    heed_recording *in = opened();
    const int n = heed_recording_frames(in);
    cr_expect(n >= 4 && n <= 8, "%d frames", n);
    cr_expect_eq(files_like(".safetensors"), n);
    cr_expect_eq(files_like(".tmp"), 0);
    cr_expect_eq(heed_recording_step(in, 0), 1);
    for (int f = 0; f < n; f++)
        cr_expect_gt(heed_recording_tensors(in, f, NULL), 0);
    heed_recording_close(in);
    stopped(r);
}

Test(lens_recorder, a_recording_under_way_opens_at_any_moment) {
    observed *r = started(HEED_F32, 1);
    heed_recorder *rec = heed_recorder_new(folder, r->model, (heed_recorder_options){.most_frames = 6});
    observed_describe(r, rec);
    int last = 0;
    for (int i = 0; i < 200; i++) {
        heed_error e;
        steps(r, rec, 1);
        heed_recording *in = heed_recording_open(folder, &e);
        if (in == NULL && last == 0 && i < 100)
            continue; /* the first line is still on its way */
        cr_assert_not_null(in, "step %d: %s", i, e.text);
        int now = heed_recording_frames(in) ? (int)heed_recording_step(in, heed_recording_frames(in) - 1) : 0;
        cr_expect_geq(now, last, "step %d: %s", i, heed_recording_cut(in));
        last = now;
        heed_recording_close(in);
    }
    end(rec);
    stopped(r);
}

static void cut_file(const char *name, const char *text, size_t bytes) {
    char path[160];
    FILE *f = fopen(in_folder(name, path), "wb");
    cr_assert(f && fwrite(text, 1, bytes, f) == bytes && fclose(f) == 0);
}

static char *whole_file(const char *name, size_t *bytes) {
    char path[160], *text = malloc(1 << 20);
    FILE *f = fopen(in_folder(name, path), "rb");
    cr_assert_not_null(f);
    *bytes = fread(text, 1, 1 << 20, f);
    fclose(f);
    return text;
}

Test(lens_recorder, a_recording_cut_anywhere_opens_up_to_its_last_whole_frame) {
    stopped(observed_run(HEED_F32, 6, (heed_recorder_options){.title = "cut"}));
    size_t bytes, frame_bytes;
    char *index = whole_file("index.jsonl", &bytes), *frame = whole_file("00000006.safetensors", &frame_bytes);
    const char *first = memchr(index, '\n', bytes);
    int frames = 0, seen = 0;
    for (size_t cut = 0; cut < bytes; cut++) {
        if (cut && index[cut - 1] == '\n') {
            const char *line = &index[cut - 1], *frame_word;
            while (line > index && line[-1] != '\n')
                line--;
            frame_word = strstr(line, "\"frame\"");
            frames += frame_word && frame_word < &index[cut];
        }
        cut_file("index.jsonl", index, cut);
        heed_recording *in = heed_recording_open(folder, NULL);
        if ((in != NULL) != (&index[cut] > first) || (in && heed_recording_frames(in) != frames)) /* assertions are slow */
            cr_assert_fail("cut at %zu: %d frames, not %d", cut, in ? heed_recording_frames(in) : -1, frames);
        seen = in ? heed_recording_frames(in) : 0;
        heed_recording_close(in);
    }
    cr_expect_eq(seen, 6);
    cut_file("index.jsonl", index, bytes);
    for (size_t cut = 0; cut < frame_bytes; cut += cut < 64 ? 1 : 37) {
        cut_file("00000006.safetensors", frame, cut);
        heed_recording *in = heed_recording_open(folder, NULL);
        cr_expect_eq(heed_recording_frames(in), 5);
        cr_expect(*heed_recording_cut(in) && !heed_recording_ended(in), "cut at %zu: %s", cut, heed_recording_cut(in));
        heed_recording_close(in);
    }
    free(index);
    free(frame);
}

/* ---- when it cannot go on ---- */

/* The folder's disk is full after so many bytes a file: too few for a frame, or for the index of many. */
Test(lens_recorder, a_full_disk_ends_the_recording_and_not_the_training) {
    static const struct {
        rlim_t bytes;
        int least, most;
    } disks[] = {{2000, 0, 0}, {12000, 1, 99}};
    observed *plain = started(HEED_F32, 1);
    steps(plain, NULL, 200);
    for (size_t i = 0; i < sizeof disks / sizeof *disks; i++) {
        observed *r = started(HEED_F32, 1);
        heed_error e;
        heed_recorder *rec = heed_recorder_new(folder, r->model, (heed_recorder_options){.most_frames = 100, .replace = true});
        observed_describe(r, rec);
        struct rlimit all, small;
        getrlimit(RLIMIT_FSIZE, &all);
        small = all;
        small.rlim_cur = disks[i].bytes; /* nobody ignores SIGXFSZ: the recorder's thread must not let it through */
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
        steps(r, rec, 200);
        char path[160];
        cr_expect_eq(heed_recorder_end(rec, &e), HEED_IO);
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
        cr_expect(strstr(e.text, folder) == e.text && strstr(e.text, "recording has stopped, training goes on") && strstr(e.text, "File too large"), "%s", e.text);
        cr_expect_eq(observed_hash(r), observed_hash(plain));
        heed_recording *in = heed_recording_open(folder, &e);
        cr_assert_not_null(in, "%s", e.text);
        cr_expect(heed_recording_frames(in) >= disks[i].least && heed_recording_frames(in) <= disks[i].most, "%d", heed_recording_frames(in));
        cr_expect(!heed_recording_ended(in));
        cr_expect_eq(files_like(".tmp"), 0, "%s", in_folder("", path));
        for (int f = 0; f < heed_recording_frames(in); f++)
            cr_expect_gt(heed_recording_tensors(in, f, NULL), 0);
        heed_recording_close(in);
        stopped(r);
    }
    stopped(plain);
}

Test(lens_recorder, a_folder_that_goes_away_ends_it_too) {
    observed *r = started(HEED_F32, 1);
    heed_recorder *rec = heed_recorder_new(folder, r->model, (heed_recorder_options){.title = NULL});
    observed_describe(r, rec);
    steps(r, rec, 3);
    char command[192];
    snprintf(command, sizeof command, "mv %s %s.b", folder, folder);
    cr_assert_eq(system(command), 0);
    steps(r, rec, 100);
    cr_expect_eq(heed_recorder_status(rec), HEED_IO);
    cr_expect_not_null(strstr(heed_recorder_error_text(rec), "No such file or directory"), "%s", heed_recorder_error_text(rec));
    cr_expect(!heed_recorder_due(rec, 104));
    heed_recorder_scalar(rec, 104, "x", 1);
    cr_expect_eq(heed_recorder_end(rec, NULL), HEED_IO);
    stopped(r);
}

static heed_tensor fails_at_step_3(void *user, heed_tape *t) {
    const observed *r = user;
    if (r->steps == 3)
        return heed_fail_tape(t, HEED_INVALID, "no more");
    return observed_probe_loss(user, t);
}

Test(lens_recorder, a_probe_that_fails_ends_it_too) {
    heed_error e;
    observed *r = started(HEED_F32, 1);
    heed_recorder *rec = heed_recorder_new(folder, r->model, (heed_recorder_options){.params = "*"});
    heed_recorder_probe(rec, (heed_probe){.name = "p", .loss = fails_at_step_3, .user = r});
    steps(r, rec, 6);
    cr_expect_eq(heed_recorder_end(rec, &e), HEED_INVALID);
    cr_expect_not_null(strstr(e.text, "recording has stopped before step 3, training goes on: probe \"p\": no more"), "%s", e.text);
    heed_recording *in = opened();
    cr_expect_eq(heed_recording_frames(in), 2);
    heed_recording_close(in);
    stopped(r);
}

/* ---- mistakes ---- */

static void refused(heed_recorder *rec, heed_status status, const char *why) {
    heed_error e;
    cr_expect_eq(heed_recorder_status(rec), status);
    cr_expect_not_null(strstr(heed_recorder_error_text(rec), why), "\"%s\" instead of \"%s\"", heed_recorder_error_text(rec), why);
    cr_expect_eq(heed_recorder_end(rec, &e), status);
    cr_expect_not_null(strstr(e.text, why));
}

Test(lens_recorder, folders_of_others_are_left_alone) {
    observed *r = observed_run(HEED_F32, 3, (heed_recorder_options){.title = "first"});
    char path[160];
    refused(heed_recorder_new(folder, r->model, (heed_recorder_options){.title = "second"}), HEED_INVALID, "there is a recording in it");
    heed_recording_close(opened());
    end(heed_recorder_new(folder, r->model, (heed_recorder_options){.title = "second", .replace = true}));
    heed_recording *in = opened();
    cr_expect_not_null(strstr(heed_recording_header(in), "\"second\""));
    cr_expect(heed_recording_frames(in) == 0 && files_like(".safetensors") == 0);
    heed_recording_close(in);
    cut_file("letter.txt", "dear", 4);
    refused(heed_recorder_new(folder, r->model, (heed_recorder_options){.replace = true}), HEED_INVALID, "there is letter.txt in it");
    cr_expect_eq(access(in_folder("index.jsonl", path), F_OK), 0);
    remove(in_folder("letter.txt", path));
    remove(in_folder("index.jsonl", path));
    cut_file("00000001.safetensors", "mine", 4);
    refused(heed_recorder_new(folder, r->model, (heed_recorder_options){.replace = true}), HEED_INVALID, "no recording's");
    cr_expect_eq(access(in_folder("00000001.safetensors", path), F_OK), 0);
    refused(heed_recorder_new("/nowhere/at/all", r->model, (heed_recorder_options){.replace = true}), HEED_IO, "cannot make the folder: No such file");
    refused(heed_recorder_new("/dev/null", r->model, (heed_recorder_options){.replace = true}), HEED_IO, "cannot look into it: Not a directory");
    stopped(r);
}

static heed_recorder *fresh(observed *r) { return heed_recorder_new(folder, r->model, (heed_recorder_options){.replace = true}); }

Test(lens_recorder, wrong_descriptions_are_refused) {
    observed *r = started(HEED_F32, 1);
    static const char *const names[] = {"a", "b"};
    const int far[] = {0, 2};
    const heed_recorded_attention good = {.path = "attn", .kind = "self", .d_k = 3, .w_q = "attn.w_q"};
    const heed_probe probe = {.name = "p", .loss = observed_probe_loss, .user = r};
    heed_recorder *rec = fresh(r);
    cr_expect_eq(heed_recorder_attention(rec, (heed_recorded_attention){.path = "attn", .kind = "own", .d_k = 3}), HEED_INVALID);
    refused(rec, HEED_INVALID, "kind must be self, causal, cross or states");
    heed_recorder_attention(rec = fresh(r), (heed_recorded_attention){.path = "attn", .kind = "self", .d_k = 3, .w_k = "attn.w_x"});
    refused(rec, HEED_INVALID, "attn: its w_k is \"attn.w_x\"; the model has no such parameter");
    heed_recorder_attention(rec = fresh(r), good);
    heed_recorder_attention(rec, good);
    refused(rec, HEED_INVALID, "attention \"attn\" is there already");
    heed_recorder_attention(rec = fresh(r), (heed_recorded_attention){.path = "attn", .kind = "self", .d_k = 3, .key_space = "words"});
    steps(r, rec, 1);
    refused(rec, HEED_INVALID, "attention 0: its \"key_space\" is none of the spaces");
    heed_recorder_probe(rec = fresh(r), (heed_probe){.name = "a/b", .loss = observed_probe_loss});
    refused(rec, HEED_INVALID, "its name must be of letters, digits, _ - and space");
    heed_recorder_probe(rec = fresh(r), probe);
    heed_recorder_probe(rec, probe);
    refused(rec, HEED_INVALID, "there is a probe \"p\" already");
    heed_recorder_probe(rec = fresh(r), (heed_probe){.name = "p", .loss = observed_probe_loss, .n_queries = 2, .n_keys = 2, .queries = names, .keys = names, .alignment = far});
    refused(rec, HEED_INVALID, "query 1 is aligned with key 2; there are 2");
    heed_recorder_probe_names(rec = fresh(r), "q", "attn", (heed_probe){.n_queries = 0});
    refused(rec, HEED_INVALID, "there is no probe \"q\"");
    heed_recorder_space(rec = fresh(r), (heed_recorded_space){.name = "s", .n = 5, .names = names, .embedding = "out.weight"});
    refused(rec, HEED_INVALID, "its embedding out.weight is (4, 3); it must have a row for each of 5 names");
    heed_recorder_story(rec = fresh(r), "{\"kind\":");
    refused(rec, HEED_INVALID, "the story: ");
    refused(heed_recorder_new(folder, r->model, (heed_recorder_options){.most_frames = 1}), HEED_INVALID, "most_frames is 1; it must be 0 (for 120) or at least 2");
    steps(r, rec = heed_recorder_new(folder, r->model, (heed_recorder_options){.params = "no.*", .replace = true}), 1);
    refused(rec, HEED_INVALID, "params is \"no.*\"; no parameter of the model is called so");
    steps(r, rec = fresh(r), 1);
    heed_recorder_probe(rec, probe);
    refused(rec, HEED_STATE, "the probe comes too late: steps have been recorded");
    stopped(r);
}

Test(lens_recorder, steps_must_ascend_and_bring_their_gradients) {
    observed *r = started(HEED_F32, 1);
    heed_grads *empty = heed_grads_new(r->model);
    heed_recorder *rec = fresh(r);
    observed_describe(r, rec);
    steps(r, rec, 2);
    heed_recorder_before(rec, 2, r->g);
    refused(rec, HEED_INVALID, "step 2 comes after step 2; steps must ascend");
    heed_recorder_before(rec = fresh(r), 0, r->g);
    refused(rec, HEED_INVALID, "step is 0; steps count from 1");
    heed_recorder_before(rec = fresh(r), 1, empty);
    refused(rec, HEED_STATE, "step 1: its gradients are NULL, another model's, empty");
    heed_model *unbuilt = heed_model_new();
    refused(heed_recorder_new(folder, unbuilt, (heed_recorder_options){.replace = true}), HEED_STATE, "not built yet");
    heed_model_free(unbuilt);
    heed_grads_free(empty);
    stopped(r);
}

static void backward(observed *r) {
    heed_tape_reset(r->t);
    cr_assert_eq(heed_backward(r->t, observed_probe_loss(r, r->t), r->g), HEED_OK);
}

/* An update that never came is no frame. */
Test(lens_recorder, a_frame_without_its_update_is_dropped) {
    observed *r = started(HEED_F32, 1);
    heed_recorder *rec = fresh(r);
    observed_describe(r, rec);
    steps(r, rec, 1);
    backward(r);
    heed_recorder_before(rec, 2, r->g);
    heed_recorder_before(rec, 3, r->g);
    heed_recorder_after(rec);
    heed_recorder_after(rec);
    heed_recorder_before(rec, 4, r->g);
    end(rec);
    heed_recording *in = opened();
    cr_assert_eq(heed_recording_frames(in), 2);
    cr_expect(heed_recording_step(in, 0) == 1 && heed_recording_step(in, 1) == 3);
    double *update = tensor(in, 1, "update/attn.w_q", HEED_SHAPE(OBSERVED_K, OBSERVED_D));
    for (int i = 0; i < OBSERVED_K * OBSERVED_D; i++)
        cr_expect_eq(update[i], 0);
    free(update);
    heed_recording_close(in);
    stopped(r);
}

Test(lens_recorder, no_recorder_is_fine) {
    observed *r = started(HEED_F32, 1);
    observed_describe(r, NULL);
    cr_expect_eq(heed_recorder_story(NULL, "{}"), HEED_OK);
    steps(r, NULL, 2);
    heed_recorder_ablation(NULL, "attn", 0, "m", 1, 0);
    cr_expect(!heed_recorder_due(NULL, 1) && heed_recorder_status(NULL) == HEED_OK);
    cr_expect_str_eq(heed_recorder_error_text(NULL), "");
    cr_expect_eq(heed_recorder_end(NULL, NULL), HEED_OK);
    stopped(r);
}

Test(lens_recorder, what_was_said_of_it_is_in_the_header) {
    static const char *const odd[] = {"\xff\"<script>", "\xE2\x80\xAE"}, *const two[] = {"x", "y"};
    static const int alignment[] = {1, -1};
    observed *r = started(HEED_F32, 1);
    heed_recorder *rec = heed_recorder_new(folder, r->model, (heed_recorder_options){.title = "t\xff", .optimizer = "adamw"});
    observed_describe(r, rec);
    heed_recorder_space(rec, (heed_recorded_space){.name = "odd", .n = 2, .names = odd});
    heed_recorder_probe_names(rec, "p", "attn", (heed_probe){.n_queries = 2, .n_keys = 2, .queries = two, .keys = two, .alignment = alignment});
    heed_recorder_story(rec, "{\"kind\":\"glass\",\"deep\":[{\"b\":\"out.bias\"}]}");
    heed_recorder_ablation(rec, "attn", 0, "exact \"match\"", 1, NAN);
    end(rec);
    heed_recording *in = opened();
    static const char *const said[] = {"\"title\":\"t\xEF\xBF\xBD\"",
                                       "\"names\":[\"\xEF\xBF\xBD\\\"<script>\",\"\xE2\x80\xAE\"]",
                                       "\"attention\":{\"attn\":{\"queries\":[\"x\",\"y\"],\"keys\":[\"x\",\"y\"],\"alignment\":[1,-1]}}",
                                       "\"alignment\":[0,0,1,-1,4]",
                                       "\"optimizer\":\"adamw\"",
                                       "{\"name\":\"out.bias\",\"shape\":[4]}",
                                       "{\"name\":\"attn.w_q\",\"shape\":[3,6]}",
                                       "\"story\":{\"kind\":\"glass\""};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        cr_expect_not_null(strstr(heed_recording_header(in), said[i]), "%s is not in %s", said[i], heed_recording_header(in));
    heed_recorded_ablation a = heed_recording_ablation(in, 0);
    cr_expect(a.path && strcmp(a.metric, "exact \"match\"") == 0 && a.whole == 1 && isnan(a.without));
    heed_recording_close(in);
    stopped(r);
}

Test(lens_recorder, threads_beside_a_training) {
    char path[96];
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/run", folder);
    cr_expect(observed_while_training(path));
}
