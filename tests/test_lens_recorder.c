/* Recording a training: not a bit of it is changed, and what is recorded is what was there. */
#include <sys/stat.h>

#include "lens_common.h"

TestSuite(lens_recorder, .init = use_folder, .fini = remove_folder);

/* ---- the training is left alone ---- */

/* [promises: watched or not] */
Test(lens_recorder, recording_changes_no_bit_of_the_training) {
    for (int threads = 1; threads <= 3; threads += 2) {
        observed *plain = started(HEED_F32, threads), *seen = started(HEED_F32, threads);
        heed_recorder *rec =
            heed_recorder_new(folder, seen->model, (heed_recorder_options){.most_frames = 20, .replace = true});
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
    heed_recorder *rec =
        heed_recorder_new(folder, r->model, (heed_recorder_options){.every = 5, .no_logarithmic = true, .params = "*"});
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

Test(lens_recorder, what_was_said_of_it_is_in_the_header) {
    static const char *const odd[] = {"\xff\"<script>", "\xE2\x80\xAE"}, *const two[] = {"x", "y"};
    static const int alignment[] = {1, -1};
    observed *r = started(HEED_F32, 1);
    heed_recorder *rec =
        heed_recorder_new(folder, r->model, (heed_recorder_options){.title = "t\xff", .optimizer = "adamw"});
    observed_describe(r, rec);
    heed_recorder_space(rec, (heed_recorded_space){.name = "odd", .n = 2, .names = odd});
    heed_recorder_probe_names(
        rec, "p", "attn",
        (heed_probe){.n_queries = 2, .n_keys = 2, .queries = two, .keys = two, .alignment = alignment});
    heed_recorder_story(rec, "{\"kind\":\"glass\",\"deep\":[{\"b\":\"out.bias\"}]}");
    heed_recorder_ablation(rec, "attn", 0, "exact \"match\"", 1, NAN);
    end(rec);
    heed_recording *in = opened();
    static const char *const said[] = {
        "\"title\":\"t\xEF\xBF\xBD\"",
        "\"names\":[\"\xEF\xBF\xBD\\\"<script>\",\"\xE2\x80\xAE\"]",
        "\"attention\":{\"attn\":{\"queries\":[\"x\",\"y\"],\"keys\":[\"x\",\"y\"],\"alignment\":[1,-1]}}",
        "\"alignment\":[0,0,1,-1,4]",
        "\"optimizer\":\"adamw\"",
        "{\"name\":\"out.bias\",\"shape\":[4]}",
        "{\"name\":\"attn.w_q\",\"shape\":[3,6]}",
        "\"story\":{\"kind\":\"glass\""};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        cr_expect_not_null(strstr(heed_recording_header(in), said[i]), "%s is not in %s", said[i],
                           heed_recording_header(in));
    heed_recorded_ablation a = heed_recording_ablation(in, 0);
    cr_expect(a.path && strcmp(a.metric, "exact \"match\"") == 0 && a.whole == 1 && isnan(a.without));
    heed_recording_close(in);
    stopped(r);
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
        if ((in != NULL) != (&index[cut] > first) ||
            (in && heed_recording_frames(in) != frames)) /* assertions are slow */
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

Test(lens_recorder, threads_beside_a_training) {
    char path[96];
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/run", folder);
    cr_expect(observed_while_training(path));
}
