/* Recordings that cannot begin, or go on: the training does, and what was recorded is whole. */
#include <sys/resource.h>
#include <sys/stat.h>

#include "lens_common.h"

TestSuite(lens_recorder_errors, .init = use_folder, .fini = remove_folder);

/* ---- when it cannot go on ---- */

/* The folder's disk is full after so many bytes a file: too few for a frame, or for the index of many. */
Test(lens_recorder_errors, a_full_disk_ends_the_recording_and_not_the_training) {
    static const struct {
        rlim_t bytes;
        int least, most;
    } disks[] = {{2000, 0, 0}, {12000, 1, 99}};
    observed *plain = started(HEED_F32, 1);
    steps(plain, NULL, 200);
    for (size_t i = 0; i < sizeof disks / sizeof *disks; i++) {
        observed *r = started(HEED_F32, 1);
        heed_error e;
        heed_recorder *rec =
            heed_recorder_new(folder, r->model, (heed_recorder_options){.most_frames = 100, .replace = true});
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
        cr_expect(strstr(e.text, folder) == e.text && strstr(e.text, "recording has stopped, training goes on") &&
                      strstr(e.text, "File too large"),
                  "%s", e.text);
        cr_expect_eq(observed_hash(r), observed_hash(plain));
        heed_recording *in = heed_recording_open(folder, &e);
        cr_assert_not_null(in, "%s", e.text);
        cr_expect(heed_recording_frames(in) >= disks[i].least && heed_recording_frames(in) <= disks[i].most, "%d",
                  heed_recording_frames(in));
        cr_expect(!heed_recording_ended(in));
        cr_expect_eq(files_like(".tmp"), 0, "%s", in_folder("", path));
        for (int f = 0; f < heed_recording_frames(in); f++)
            cr_expect_gt(heed_recording_tensors(in, f, NULL), 0);
        heed_recording_close(in);
        stopped(r);
    }
    stopped(plain);
}

Test(lens_recorder_errors, a_folder_that_goes_away_ends_it_too) {
    observed *r = started(HEED_F32, 1);
    heed_recorder *rec = heed_recorder_new(folder, r->model, (heed_recorder_options){.title = NULL});
    observed_describe(r, rec);
    steps(r, rec, 3);
    char command[192];
    snprintf(command, sizeof command, "mv %s %s.b", folder, folder);
    cr_assert_eq(system(command), 0);
    steps(r, rec, 100);
    cr_expect_eq(heed_recorder_status(rec), HEED_IO);
    cr_expect_not_null(strstr(heed_recorder_error_text(rec), "No such file or directory"), "%s",
                       heed_recorder_error_text(rec));
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

Test(lens_recorder_errors, a_probe_that_fails_ends_it_too) {
    heed_error e;
    observed *r = started(HEED_F32, 1);
    heed_recorder *rec = heed_recorder_new(folder, r->model, (heed_recorder_options){.params = "*"});
    heed_recorder_probe(rec, (heed_probe){.name = "p", .loss = fails_at_step_3, .user = r});
    steps(r, rec, 6);
    cr_expect_eq(heed_recorder_end(rec, &e), HEED_INVALID);
    cr_expect_not_null(strstr(e.text, "recording has stopped before step 3, training goes on: probe \"p\": no more"),
                       "%s", e.text);
    heed_recording *in = opened();
    cr_expect_eq(heed_recording_frames(in), 2);
    heed_recording_close(in);
    stopped(r);
}

/* ---- mistakes ---- */

static void refused(heed_recorder *rec, heed_status status, const char *why) {
    heed_error e;
    cr_expect_eq(heed_recorder_status(rec), status);
    cr_expect_not_null(strstr(heed_recorder_error_text(rec), why), "\"%s\" instead of \"%s\"",
                       heed_recorder_error_text(rec), why);
    cr_expect_eq(heed_recorder_end(rec, &e), status);
    cr_expect_not_null(strstr(e.text, why));
}

Test(lens_recorder_errors, folders_of_others_are_left_alone) {
    observed *r = observed_run(HEED_F32, 3, (heed_recorder_options){.title = "first"});
    char path[160];
    refused(heed_recorder_new(folder, r->model, (heed_recorder_options){.title = "second"}), HEED_INVALID,
            "there is a recording in it");
    heed_recording_close(opened());
    end(heed_recorder_new(folder, r->model, (heed_recorder_options){.title = "second", .replace = true}));
    heed_recording *in = opened();
    cr_expect_not_null(strstr(heed_recording_header(in), "\"second\""));
    cr_expect(heed_recording_frames(in) == 0 && files_like(".safetensors") == 0);
    heed_recording_close(in);
    cut_file("letter.txt", "dear", 4);
    refused(heed_recorder_new(folder, r->model, (heed_recorder_options){.replace = true}), HEED_INVALID,
            "there is letter.txt in it");
    cr_expect_eq(access(in_folder("index.jsonl", path), F_OK), 0);
    remove(in_folder("letter.txt", path));
    remove(in_folder("index.jsonl", path));
    cut_file("00000001.safetensors", "mine", 4);
    refused(heed_recorder_new(folder, r->model, (heed_recorder_options){.replace = true}), HEED_INVALID,
            "no recording's");
    cr_expect_eq(access(in_folder("00000001.safetensors", path), F_OK), 0);
    refused(heed_recorder_new("/nowhere/at/all", r->model, (heed_recorder_options){.replace = true}), HEED_IO,
            "cannot make the folder: No such file");
    refused(heed_recorder_new("/dev/null", r->model, (heed_recorder_options){.replace = true}), HEED_IO,
            "cannot look into it: Not a directory");
    stopped(r);
}

/* What cannot be deleted stops it half way: that is no recording any more, but may be replaced once nothing is in the way. */
Test(lens_recorder_errors, a_half_deleted_recording_may_be_replaced) {
    observed *r = observed_run(HEED_F32, 3, (heed_recorder_options){.title = "first"});
    char path[160];
    heed_error e;
    cr_assert_eq(mkdir(in_folder("00000099.safetensors", path), 0777), 0);
    refused(heed_recorder_new(folder, r->model, (heed_recorder_options){.replace = true}), HEED_IO,
            "cannot delete the recording in it");
    cr_expect_null(heed_recording_open(folder, &e));
    cr_assert_eq(rmdir(in_folder("00000099.safetensors", path)), 0);
    end(heed_recorder_new(folder, r->model, (heed_recorder_options){.title = "second", .replace = true}));
    heed_recording *in = opened();
    cr_expect(heed_recording_frames(in) == 0 && files_like(".safetensors") == 0);
    heed_recording_close(in);
    stopped(r);
}

static heed_recorder *fresh(observed *r) {
    return heed_recorder_new(folder, r->model, (heed_recorder_options){.replace = true});
}

Test(lens_recorder_errors, wrong_descriptions_are_refused) {
    observed *r = started(HEED_F32, 1);
    static const char *const names[] = {"a", "b"};
    const int far[] = {0, 2};
    const heed_recorded_attention good = {.path = "attn", .kind = "self", .d_k = 3, .w_q = "attn.w_q"};
    const heed_probe probe = {.name = "p", .loss = observed_probe_loss, .user = r};
    heed_recorder *rec = fresh(r);
    cr_expect_eq(heed_recorder_attention(rec, (heed_recorded_attention){.path = "attn", .kind = "own", .d_k = 3}),
                 HEED_INVALID);
    refused(rec, HEED_INVALID, "kind must be self, causal, cross or states");
    heed_recorder_attention(rec = fresh(r),
                            (heed_recorded_attention){.path = "attn", .kind = "self", .d_k = 3, .w_k = "attn.w_x"});
    refused(rec, HEED_INVALID, "attn: its w_k is \"attn.w_x\"; the model has no such parameter");
    heed_recorder_attention(rec = fresh(r), good);
    heed_recorder_attention(rec, good);
    refused(rec, HEED_INVALID, "attention \"attn\" is there already");
    heed_recorder_attention(rec = fresh(r),
                            (heed_recorded_attention){.path = "attn", .kind = "self", .d_k = 3, .key_space = "words"});
    steps(r, rec, 1);
    refused(rec, HEED_INVALID, "attention 0: its \"key_space\" is none of the spaces");
    heed_recorder_probe(rec = fresh(r), (heed_probe){.name = "a/b", .loss = observed_probe_loss});
    refused(rec, HEED_INVALID, "its name must be of letters, digits, _ - and space");
    heed_recorder_probe(rec = fresh(r), probe);
    heed_recorder_probe(rec, probe);
    refused(rec, HEED_INVALID, "there is a probe \"p\" already");
    heed_recorder_probe(rec = fresh(r), (heed_probe){.name = "p",
                                                     .loss = observed_probe_loss,
                                                     .n_queries = 2,
                                                     .n_keys = 2,
                                                     .queries = names,
                                                     .keys = names,
                                                     .alignment = far});
    refused(rec, HEED_INVALID, "query 1 is aligned with key 2; there are 2");
    heed_recorder_probe_names(rec = fresh(r), "q", "attn", (heed_probe){.n_queries = 0});
    refused(rec, HEED_INVALID, "there is no probe \"q\"");
    heed_recorder_space(rec = fresh(r),
                        (heed_recorded_space){.name = "s", .n = 5, .names = names, .embedding = "out.weight"});
    refused(rec, HEED_INVALID, "its embedding out.weight is (4, 3); it must have a row for each of 5 names");
    heed_recorder_story(rec = fresh(r), "{\"kind\":");
    refused(rec, HEED_INVALID, "the story: ");
    refused(heed_recorder_new(folder, r->model, (heed_recorder_options){.most_frames = 1}), HEED_INVALID,
            "most_frames is 1; it must be 0 (for 60) or at least 2");
    steps(r, rec = heed_recorder_new(folder, r->model, (heed_recorder_options){.params = "no.*", .replace = true}), 1);
    refused(rec, HEED_INVALID, "params is \"no.*\"; no parameter of the model is called so");
    steps(r, rec = fresh(r), 1);
    heed_recorder_probe(rec, probe);
    refused(rec, HEED_STATE, "the probe comes too late: steps have been recorded");
    stopped(r);
}

Test(lens_recorder_errors, steps_must_ascend_and_bring_their_gradients) {
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
Test(lens_recorder_errors, a_frame_without_its_update_is_dropped) {
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

Test(lens_recorder_errors, no_recorder_is_fine) {
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
