/* What a recording has of its probes: values and gradients of attention, against another tape, formulas and hand. */
#include "lens_common.h"

TestSuite(lens_probes, .init = use_folder, .fini = remove_folder);

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

Test(lens_probes, probes_see_what_a_backward_of_its_own_sees) {
    for (int dtype = HEED_F32; dtype <= HEED_F64; dtype++) {
        observed *r = started((heed_dtype)dtype, 1);
        heed_recorder *rec =
            heed_recorder_new(folder, r->model, (heed_recorder_options){.every = 100, .last = 9, .replace = true});
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
Test(lens_probes, the_chain_of_gradients_is_whole) {
    enum { T = OBSERVED_T, K = OBSERVED_K, D = OBSERVED_D };
    stopped(observed_run(HEED_F64, 30, (heed_recorder_options){.title = NULL}));
    heed_recording *in = opened();
    for (int f = 0; f < heed_recording_frames(in); f += 5) {
        double *x = tensor(in, f, "probe/p/attn.x", HEED_SHAPE(T, D)),
               *k = tensor(in, f, "probe/p/attn.k", HEED_SHAPE(T, K));
        double *v = tensor(in, f, "probe/p/attn.v", HEED_SHAPE(T, K)),
               *a = tensor(in, f, "probe/p/attn.pattern", HEED_SHAPE(T, T));
        double *dz = tensor(in, f, "probe/p/d/attn.z", HEED_SHAPE(T, K)),
               *dq = tensor(in, f, "probe/p/d/attn.q", HEED_SHAPE(T, K));
        double *dv = tensor(in, f, "probe/p/d/attn.v", HEED_SHAPE(T, K)),
               *da = tensor(in, f, "probe/p/d/attn.pattern", HEED_SHAPE(T, T));
        double *ds = tensor(in, f, "probe/p/d/attn.attn_scores", HEED_SHAPE(T, T)),
               *dw = tensor(in, f, "probe/p/grad/attn.w_q", HEED_SHAPE(K, D));
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
                cr_expect(fabs(ds[i * T + j] - a[i * T + j] * (da[i * T + j] - mean)) <= 1e-15 &&
                          (j <= i || ds[i * T + j] == 0));
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

Test(lens_probes, two_keys_by_hand) {
    heed_model *model = heed_model_new();
    heed_self_attention attn;
    heed_self_attention_init(&attn, heed_model_root(model), "a", 1, 1);
    cr_assert_eq(heed_model_build(model, HEED_F64, 1), HEED_OK);
    const double one = 1;
    cr_assert(!heed_param_set(attn.w_q, &one, 1) && !heed_param_set(attn.w_k, &one, 1) &&
              !heed_param_set(attn.w_v, &one, 1));
    heed_recorder *rec = heed_recorder_new(folder, model, (heed_recorder_options){.params = "a.w_q"});
    heed_recorder_probe(rec, (heed_probe){.name = "two keys", .loss = first_z, .user = &attn});
    one_frame(model, rec, first_z, &attn);
    heed_recording *in = opened();
    /* s = (1, 2): a = (1 - p, p) with p = e / (1 + e). da = (1, 2), so ds = p (1 - p) (-1, 1). The second token has no part. */
    const double p = exp(1) / (1 + exp(1));
    const double a[] = {1 - p, p, 1 / (1 + exp(2)), exp(2) / (1 + exp(2))}, da[] = {1, 2, 0, 0},
                 ds[] = {-p * (1 - p), p * (1 - p), 0, 0};
    const double dq[] = {p * (1 - p), 0}, dk[] = {-p * (1 - p), p * (1 - p)}, dv[] = {1 - p, p};
    const struct {
        const char *name;
        heed_shape shape;
        const double *must;
    } all[] = {
        {"probe/two keys/a.pattern", HEED_SHAPE(2, 2), a},        {"probe/two keys/d/a.pattern", HEED_SHAPE(2, 2), da},
        {"probe/two keys/d/a.attn_scores", HEED_SHAPE(2, 2), ds}, {"probe/two keys/d/a.q", HEED_SHAPE(2, 1), dq},
        {"probe/two keys/d/a.k", HEED_SHAPE(2, 1), dk},           {"probe/two keys/d/a.v", HEED_SHAPE(2, 1), dv},
        {"probe/two keys/grad/a.w_q", HEED_SHAPE(1, 1), dq}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        double *values = tensor(in, 0, all[i].name, all[i].shape);
        expect_near(values, all[i].must, heed_shape_count(all[i].shape), 1e-15, all[i].name);
        free(values);
    }
    cr_expect(!heed_recording_has(in, 0, "param/a.w_k") && heed_recording_has(in, 0, "param/a.w_q"),
              "only a.w_q was asked for");
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
Test(lens_probes, heads_may_share_keys_and_values) {
    heed_model *model = heed_model_new();
    heed_multi_head_attention attn;
    heed_multi_head_attention_init(
        &attn, heed_model_root(model), "a",
        (heed_multi_head_options){.d_model = WIDE, .n_heads = HEADS, .features = {.n_kv_heads = KV_HEADS}});
    cr_assert_eq(heed_model_build(model, HEED_F64, 3), HEED_OK);
    heed_recorder *rec = heed_recorder_new(folder, model, (heed_recorder_options){.params = " a.w_?, nothing.* "});
    heed_recorder_probe(rec, (heed_probe){.name = "p", .loss = of_heads, .user = &attn});
    one_frame(model, rec, of_heads, &attn);
    heed_recording *in = opened();
    double *x = tensor(in, 0, "probe/p/a.x", HEED_SHAPE(TOKENS, WIDE)),
           *k = tensor(in, 0, "probe/p/a.k", HEED_SHAPE(KV_HEADS, TOKENS, WIDTH));
    double *ds = tensor(in, 0, "probe/p/d/a.attn_scores", HEED_SHAPE(HEADS, TOKENS, TOKENS));
    double *dq = tensor(in, 0, "probe/p/d/a.q", HEED_SHAPE(HEADS, TOKENS, WIDTH)),
           *dw = tensor(in, 0, "probe/p/grad/a.w_q", HEED_SHAPE(WIDE, WIDE));
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
    cr_expect(heed_recording_has(in, 0, "param/a.w_o") && !heed_recording_has(in, 0, "param/a.b_q") &&
              !heed_recording_has(in, 0, "param/a.head_on"));
    cr_expect(strstr(heed_recording_graph(in), "\"name\":\"a.w_k + a.w_v\"") ||
                  strstr(heed_recording_graph(in), "a.w_q + a.w_k + a.w_v"),
              "%s", heed_recording_graph(in));
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
        return heed_sum(t, heed_square(t, heed_state_attention_forward(&d->attn, t, h, memory, 0, NULL)),
                        HEED_ALL_AXES);
    for (int i = 0; i < 3; i++) {
        heed_tensor joined = heed_state_attention_forward(&d->attn, t, heed_select(t, h, 1, i), memory, i, NULL);
        heed_tensor part = heed_sum(t, heed_square(t, joined), HEED_ALL_AXES);
        sum = i ? heed_add(t, sum, part) : part;
    }
    return sum;
}

/* Step by step or all at once, composed of plain ops or in one, with a window's bell or without: the same is recorded. */
Test(lens_probes, a_decoder_that_goes_step_by_step_is_seen_whole) {
    static const struct {
        heed_score_kind score;
        heed_window window;
    } kinds[] = {{HEED_SCORE_SCALED_DOT, HEED_WINDOW_GLOBAL},
                 {HEED_SCORE_ADDITIVE, HEED_WINDOW_GLOBAL},
                 {HEED_SCORE_GENERAL, HEED_WINDOW_PREDICTIVE}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        heed_model *model = heed_model_new();
        decoder once = {.by_steps = false};
        heed_state_attention_init(
            &once.attn, heed_model_root(model), "a",
            (heed_state_attention_options){
                .score = {.kind = kinds[i].score, .d_query = 2, .d_key = 2}, .window = kinds[i].window, .reach = 2});
        heed_recurrent_init(&once.cell, heed_model_root(model), "gru",
                            (heed_recurrent_options){.kind = HEED_GRU, .inputs = 2, .hidden = 2});
        once.h = heed_param_new(heed_model_root(model), "h", HEED_SHAPE(3, 2), heed_init_normal(0, 1));
        once.states = heed_param_new(heed_model_root(model), "states", HEED_SHAPE(4, 2), heed_init_normal(0, 1));
        cr_assert_eq(heed_model_build(model, HEED_F64, 4), HEED_OK);
        decoder by_steps = once;
        by_steps.by_steps = true;
        heed_recorder *rec =
            heed_recorder_new(folder, model, (heed_recorder_options){.params = "h,states", .replace = true});
        heed_recorder_probe(rec, (heed_probe){.name = "once", .loss = of_states, .user = &once});
        heed_recorder_probe(rec, (heed_probe){.name = "steps", .loss = of_states, .user = &by_steps});
        one_frame(model, rec, of_states, &once);
        heed_recording *in = opened();
        static const char *const names[] = {"a.x",   "a.q",    "a.k",        "a.v",   "a.attn_scores",   "a.pattern",
                                            "a.z",   "d/a.q",  "d/a.k",      "d/a.v", "d/a.attn_scores", "d/a.pattern",
                                            "d/a.z", "grad/h", "grad/states"};
        for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
            char one[64], other[64];
            snprintf(one, sizeof one, "probe/once/%s", names[n]);
            snprintf(other, sizeof other, "probe/steps/%s", names[n]);
            heed_shape shape, again;
            double *a, *b;
            heed_error e;
            cr_assert_eq(heed_recording_tensor(in, 0, one, &shape, &a, &e), HEED_OK, "%s", e.text);
            cr_assert_eq(heed_recording_tensor(in, 0, other, &again, &b, &e), HEED_OK, "%s", e.text);
            cr_assert(heed_shape_equal(shape, again) && shape.rank == 2, "%s: %s, %s", one, HEED_SHAPE_STR(shape),
                      HEED_SHAPE_STR(again));
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
Test(lens_probes, composed_and_fused_scores_have_one_gradient) {
    double *ds[2], *da[2];
    heed_shape shape;
    heed_error e;
    for (int i = 0; i < 2; i++) {
        heed_model *model = heed_model_new();
        decoder d = {.by_steps = false};
        heed_state_attention_init(
            &d.attn, heed_model_root(model), "a",
            (heed_state_attention_options){
                .score = {.kind = i ? HEED_SCORE_CONCAT : HEED_SCORE_DOT, .d_query = 2, .d_key = 2}});
        heed_recurrent_init(&d.cell, heed_model_root(model), "gru",
                            (heed_recurrent_options){.kind = HEED_GRU, .inputs = 2, .hidden = 2});
        d.h = heed_param_new(heed_model_root(model), "h", HEED_SHAPE(3, 2), heed_init_normal(0, 1));
        d.states = heed_param_new(heed_model_root(model), "states", HEED_SHAPE(4, 2), heed_init_normal(0, 1));
        cr_assert_eq(heed_model_build(model, HEED_F64, 4), HEED_OK);
        heed_recorder *rec = heed_recorder_new(folder, model, (heed_recorder_options){.params = "h", .replace = true});
        heed_recorder_probe(rec, (heed_probe){.name = "p", .loss = of_states, .user = &d});
        one_frame(model, rec, of_states, &d);
        heed_recording *in = opened();
        double *a, *v, *dz;
        cr_assert_eq(heed_recording_tensor(in, 0, "probe/p/d/a.attn_scores", &shape, &ds[i], &e), HEED_OK, "%s",
                     e.text);
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
