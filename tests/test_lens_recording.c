/* Reading recordings: all that was written, all that is left of a cut one, and nothing of one that is wrong. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <heed/heed.h>

static char folder[64];

static const char *in_folder(const char *name, char path[160]) {
    snprintf(path, 160, "%s/%s", folder, name);
    return path;
}

static void make_folder(void) {
    snprintf(folder, sizeof folder, "/tmp/heed_recording_%ld", (long)getpid());
    mkdir(folder, 0777);
}

static void remove_folder(void) {
    static const char *const names[] = {"index.jsonl", "graph.json", "00000001.safetensors", "00000002.safetensors",
                                        "00000003.safetensors"};
    char path[160];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        remove(in_folder(names[i], path));
    rmdir(folder);
}

TestSuite(lens_recording, .init = make_folder, .fini = remove_folder);

static void put(const char *name, const char *text, size_t bytes) {
    char path[160];
    FILE *f = fopen(in_folder(name, path), "wb");
    cr_assert(f && fwrite(text, 1, bytes, f) == bytes && fclose(f) == 0);
}

/* Frame `step`: w is {step, 10 step}, in f32. Returns the file's size. */
static long put_frame(int step) {
    char path[160], name[32];
    const float w[] = {(float)step, 10 * (float)step};
    const double z[] = {0.5, NAN, -INFINITY};
    const heed_file_tensor tensors[] = {{.name = "param/a.w", .dtype = "F32", .shape = HEED_SHAPE(1, 2), .data = w},
                                        {.name = "probe/p/a.z", .dtype = "F64", .shape = HEED_SHAPE(3), .data = z}};
    struct stat info;
    heed_error e;
    snprintf(name, sizeof name, "%08d.safetensors", step);
    cr_assert_eq(heed_safetensors_write(in_folder(name, path), 2, tensors, 0, NULL, &e), HEED_OK, "%s", e.text);
    cr_assert_eq(stat(path, &info), 0);
    return (long)info.st_size;
}

#define HEADER                                                                                                         \
    "{\"heed_recording\":1,\"title\":\"t\",\"dtype\":\"f32\",\"parameters\":[{\"name\":\"a.w\",\"shape\":[1,2]}],"     \
    "\"attention\":[{\"path\":\"a\",\"kind\":\"self\",\"heads\":1,\"d_k\":1,\"w_q\":\"a.w\",\"w_k\":null,\"w_v\":"     \
    "null,"                                                                                                            \
    "\"w_o\":null,\"query_space\":\"s\",\"key_space\":null,\"out_space\":null}],"                                      \
    "\"spaces\":[{\"name\":\"s\",\"names\":[\"x\",\"y\"],\"embedding\":null,\"positions\":null}],"                     \
    "\"probes\":[{\"name\":\"p\",\"queries\":[\"x\"],\"keys\":[\"x\",\"y\"],\"alignment\":[1],\"attention\":{}}],"     \
    "\"optimizer\":\"sgd\",\"story\":null}\n"

enum { INDEX = 4096, LINES = 12 };
/* A whole recording of 3 steps, whose frame 2 is gone; returns the index's length and where lines begin. */
static size_t put_recording(char index[INDEX], size_t *begin) {
    long bytes[4];
    for (int step = 1; step <= 3; step++)
        bytes[step] = put_frame(step);
    static const char graph[] = "{\"ops\":[{\"op\":\"mul\",\"path\":\"a\",\"out\":[2],\"inputs\":[-1,-1]},"
                                "{\"op\":\"sum\",\"path\":\"\",\"out\":[],\"inputs\":[0,null]}],\"leaves\":[{\"name\":"
                                "\"a.w\",\"shape\":[1,2]}]}";
    put("graph.json", graph, strlen(graph));
    snprintf(index, INDEX,
             HEADER "{\"step\":1,\"scalars\":{\"loss\":2.5,\"lr\":1}}\n"
                    "{\"graph\":\"graph.json\"}\n"
                    "{\"step\":1,\"frame\":\"00000001.safetensors\",\"bytes\":%ld,\"scalars\":{\"grad_norm\":0.25}}\n"
                    "{\"step\":3,\"scalars\":{\"loss\":1.5}}\n"
                    "{\"step\":2,\"scalars\":{\"loss\":null}}\n"
                    "{\"step\":2,\"frame\":\"00000002.safetensors\",\"bytes\":%ld,\"scalars\":{}}\n"
                    "{\"step\":3,\"frame\":\"00000003.safetensors\",\"bytes\":%ld,\"scalars\":{\"loss\":-1e-3}}\n"
                    "{\"forget\":[2]}\n"
                    "{\"ablation\":{\"path\":\"a\",\"head\":0,\"metric\":\"exact\",\"whole\":1,\"without\":0.5}}\n"
                    "{\"ablation\":{\"path\":\"a\",\"head\":0,\"metric\":\"exact\",\"whole\":1,\"without\":0.25}}\n"
                    "{\"end\":{\"steps\":4}}\n",
             bytes[1], bytes[2], bytes[3]);
    size_t length = strlen(index), line = 0;
    begin[line++] = 0;
    for (size_t i = 0; i < length; i++)
        if (index[i] == '\n')
            begin[line++] = i + 1;
    cr_assert_eq(line, LINES + 1);
    put("index.jsonl", index, length);
    char path[160];
    remove(in_folder("00000002.safetensors", path));
    return length;
}

static heed_recording *opened(void) {
    heed_error e;
    heed_recording *r = heed_recording_open(folder, &e);
    cr_assert_not_null(r, "%s", e.text);
    return r;
}

static void expect_curve(const heed_recording *r, int scalar, const char *name, int n, const int64_t *steps,
                         const double *values) {
    const int64_t *is;
    const double *at;
    cr_expect_str_eq(heed_recording_scalar_name(r, scalar), name);
    cr_assert_eq(heed_recording_points(r, scalar, &is, &at), n, "%s", name);
    for (int i = 0; i < n; i++)
        cr_expect(is[i] == steps[i] && (at[i] == values[i] || (isnan(at[i]) && isnan(values[i]))), "%s %d", name, i);
}

Test(lens_recording, all_that_was_written_is_read) {
    char index[INDEX], path[160];
    size_t begin[LINES + 1];
    put_recording(index, begin);
    heed_recording *r = opened();
    cr_expect_str_eq(heed_recording_cut(r), "");
    cr_expect(heed_recording_ended(r) && heed_recording_steps(r) == 4);
    cr_expect_eq(strlen(heed_recording_header(r)), strlen(HEADER) - 1);
    cr_expect_eq(strncmp(heed_recording_header(r), HEADER, strlen(HEADER) - 1), 0);
    cr_assert_eq(heed_recording_frames(r), 2);
    cr_expect(heed_recording_step(r, 0) == 1 && heed_recording_step(r, 1) == 3 && heed_recording_step(r, 2) == -1);
    cr_expect_str_eq(heed_recording_frame_path(r, 1), in_folder("00000003.safetensors", path));
    cr_assert_eq(heed_recording_scalars(r), 3);
    expect_curve(r, 0, "loss", 3, (const int64_t[]){1, 2, 3}, (const double[]){2.5, NAN, -1e-3});
    expect_curve(r, 1, "lr", 1, (const int64_t[]){1}, (const double[]){1});
    expect_curve(r, 2, "grad_norm", 1, (const int64_t[]){1}, (const double[]){0.25});
    cr_assert_eq(heed_recording_ablations(r), 1);
    heed_recorded_ablation a = heed_recording_ablation(r, 0);
    cr_expect(strcmp(a.path, "a") == 0 && a.head == 0 && strcmp(a.metric, "exact") == 0 && a.whole == 1 &&
              a.without == 0.25);
    cr_expect_not_null(strstr(heed_recording_graph(r), "\"op\":\"mul\""));
    heed_recording_close(r);
}

Test(lens_recording, tensors_come_as_doubles) {
    char index[INDEX];
    size_t begin[LINES + 1];
    heed_error e;
    heed_shape shape = HEED_SHAPE(7);
    double *values = NULL;
    put_recording(index, begin);
    heed_recording *r = opened();
    cr_expect_eq(heed_recording_tensors(r, 1, &e), 2);
    cr_expect_str_eq(heed_recording_tensor_name(r, 1, 0), "param/a.w");
    cr_assert_eq(heed_recording_tensor(r, 1, "param/a.w", &shape, &values, &e), HEED_OK, "%s", e.text);
    cr_expect(heed_shape_equal(shape, HEED_SHAPE(1, 2)) && values[0] == 3 && values[1] == 30);
    free(values);
    cr_assert_eq(heed_recording_tensor(r, 0, "probe/p/a.z", &shape, &values, &e), HEED_OK, "%s", e.text);
    cr_expect(heed_shape_equal(shape, HEED_SHAPE(3)) && values[0] == 0.5 && isnan(values[1]) && values[2] == -INFINITY);
    free(values);
    cr_expect(heed_recording_has(r, 0, "param/a.w") && !heed_recording_has(r, 0, "param/b") &&
              !heed_recording_has(r, 9, "param/a.w"));
    cr_expect_eq(heed_recording_tensor(r, 0, "param/b", &shape, &values, &e), HEED_INVALID);
    cr_expect_not_null(strstr(e.text, "00000001.safetensors: there is no tensor \"param/b\""), "%s", e.text);
    cr_expect_eq(heed_recording_tensor(r, 2, "param/a.w", &shape, &values, &e), HEED_INVALID);
    heed_recording_close(r);
}

/* How many of the two frames, whose lines are 4 and 8, the first `whole` lines have. Before the line that forgets frame 2
 * it is missing, which cuts the recording before line 7. */
static int frames_in(size_t whole) {
    return whole >= 9 ? 2 : whole >= 4 ? 1 : 0;
}

Test(lens_recording, an_index_cut_at_any_byte_opens_up_to_its_last_whole_frame) {
    char index[INDEX];
    size_t begin[LINES + 1], length = put_recording(index, begin);
    for (size_t cut = 0; cut <= length; cut++) {
        heed_error e;
        size_t whole = 0;
        while (whole < LINES && begin[whole + 1] <= cut)
            whole++;
        put("index.jsonl", index, cut);
        heed_recording *r = heed_recording_open(folder, &e);
        cr_expect_eq(r != NULL, whole >= 1, "cut at %zu: %s", cut, e.text);
        if (r == NULL)
            continue;
        cr_expect_eq(heed_recording_frames(r), frames_in(whole), "cut at %zu", cut);
        cr_expect_eq(heed_recording_ended(r), whole == LINES);
        cr_expect_eq(heed_recording_graph(r) != NULL, whole >= 3);
        cr_expect_eq(*heed_recording_cut(r) != '\0', cut != begin[whole] || whole == 7 || whole == 8, "cut at %zu: %s",
                     cut, heed_recording_cut(r));
        heed_recording_close(r);
    }
}

Test(lens_recording, a_frame_cut_short_is_left_out_with_what_follows) {
    char index[INDEX], path[160], name[] = "00000003.safetensors";
    size_t begin[LINES + 1];
    put_recording(index, begin);
    struct stat info;
    stat(in_folder(name, path), &info);
    for (long bytes = (long)info.st_size - 1; bytes >= 0; bytes -= 7) {
        cr_assert_eq(truncate(path, bytes), 0);
        heed_recording *r = opened();
        cr_expect_eq(heed_recording_frames(r), 1, "%ld bytes", bytes);
        cr_expect_not_null(
            strstr(heed_recording_cut(r), "index.jsonl: line 8: the frame of step 3 is not whole (its file has"), "%s",
            heed_recording_cut(r));
        cr_expect(!heed_recording_ended(r) && heed_recording_steps(r) == 3 && heed_recording_ablations(r) == 0);
        expect_curve(r, 0, "loss", 3, (const int64_t[]){1, 2, 3},
                     (const double[]){2.5, NAN, 1.5}); /* the frame's own is gone */
        heed_recording_close(r);
    }
}

/* ---- what is wrong ---- */

static void refuse(const char *text, const char *why) {
    heed_error e;
    put("index.jsonl", text, strlen(text));
    heed_recording *r = heed_recording_open(folder, &e);
    cr_expect_null(r, "%s", text);
    cr_expect(r == NULL && strstr(e.text, why) && strstr(e.text, "index.jsonl: "), "\"%s\" instead of \"%s\"",
              r ? "no error" : e.text, why);
    heed_recording_close(r);
}

/* The header with a text in it replaced. */
static void refuse_header(const char *was, const char *is, const char *why) {
    char text[INDEX];
    const char *at = strstr(HEADER, was);
    cr_assert_not_null(at, "%s", was);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - HEADER), HEADER, is, at + strlen(was));
    refuse(text, why);
}

Test(lens_recording, a_wrong_header_is_refused_by_name) {
    refuse_header("\"heed_recording\":1", "\"heed_recording\":2", "line 1: the recording is of version 2");
    refuse_header("\"dtype\":\"f32\"", "\"dtype\":\"i8\"", "line 1: \"dtype\" must be f32 or f64");
    refuse_header("\"title\":\"t\",", "", "line 1: the recording: \"title\" is missing; it must be a text");
    refuse_header("[1,2]}]", "[1,-2]}]", "line 1: parameters 0: its shape must hold whole numbers");
    refuse_header("[1,2]}]", "[4294967296,4294967296]}]",
                  "line 1: parameters 0: its shape is larger than can be counted");
    refuse_header("[1,2]}]", "[1,1,1,1,1,1,1,1,1]}]", "line 1: parameters 0: its shape must be a list of at most 8");
    refuse_header("\"heads\":1", "\"heads\":0", "line 1: attention 0: \"heads\" must be a whole number, 1 or more");
    refuse_header("\"kind\":\"self\"", "\"kind\":\"odd\"", "line 1: attention 0: \"kind\" must be self");
    refuse_header("\"query_space\":\"s\"", "\"query_space\":\"q\"",
                  "line 1: attention 0: its \"query_space\" is none of the spaces");
    refuse_header("[\"x\",\"y\"],\"emb", "[\"x\",1],\"emb", "line 1: spaces 0: \"names\" must hold texts only");
    refuse_header("\"alignment\":[1]", "\"alignment\":[2]",
                  "line 1: probes 0: \"alignment\" must hold numbers of its 2 keys");
    refuse_header("\"alignment\":[1]", "\"alignment\":[1,1]",
                  "line 1: probes 0: \"alignment\" must have a number for each of the 1 queries");
    refuse_header("\"name\":\"p\"", "\"name\":\"../p\"", "line 1: probes 0: its name must be a text without /");
    refuse_header("\"attention\":{}", "\"attention\":{\"b\":{}}", "line 1: probes 0: b: \"queries\" is missing");
    refuse_header("\"story\":null", "\"story\":[]", "line 1: the recording: \"story\" must be an object or null");
    refuse_header("\"title\":\"t\"", "\"title\":\"\xff\"", "line 1: unable to decode byte");
    refuse("", "not a good recording file: it is empty");
    refuse("{\"heed_recording\":1", "line 1: it ends in the middle: nothing was recorded yet");
}

static void refuse_line(const char *line, const char *why) {
    char text[INDEX], where[160];
    snprintf(text, sizeof text, "%s{\"step\":1,\"scalars\":{}}\n%s\n", HEADER, line);
    snprintf(where, sizeof where, "line 3: %s", why);
    refuse(text, where);
}

Test(lens_recording, a_wrong_line_is_refused_by_number) {
    refuse_line("{", "");
    refuse_line("[]", "it must be a JSON object");
    refuse_line("", "");
    refuse_line("{}", "it is none of scalars, frame");
    refuse_line("{\"step\":0,\"scalars\":{}}", "scalars: \"step\" must be a whole number, 1 or more");
    refuse_line("{\"step\":1,\"scalars\":{\"x\":\"1\"}}", "scalar \"x\" must be a number or null");
    refuse_line("{\"step\":1,\"scalars\":{\"x\":1,\"x\":2}}", "duplicate object key");
    refuse_line("{\"step\":99999999999999999999,\"scalars\":{}}", "too big");
    refuse_line("{\"step\":1,\"frame\":\"../../etc/passwd\",\"bytes\":1,\"scalars\":{}}",
                "the frame of step 1 must be in the file 00000001.safetensors");
    refuse_line("{\"step\":2,\"frame\":\"00000001.safetensors\",\"bytes\":1,\"scalars\":{}}",
                "the frame of step 2 must be in the file 00000002");
    refuse_line("{\"step\":1,\"frame\":\"00000001.safetensors\",\"bytes\":-1,\"scalars\":{}}",
                "frame: \"bytes\" must be a whole number, 0 or more");
    refuse_line("{\"step\":1,\"frame\":\"00000001.safetensors\",\"bytes\":1,\"scalars\":{},\"said\":[]}",
                "\"said\" must be an object");
    refuse_line("{\"step\":1,\"frame\":\"00000001.safetensors\",\"bytes\":1,\"scalars\":{},\"said\":{\"p\":\"x\"}}",
                "\"said\" must hold lists of texts");
    refuse_line("{\"step\":1,\"frame\":\"00000001.safetensors\",\"bytes\":1,\"scalars\":{},\"said\":{\"p\":[1]}}",
                "said: \"p\" must hold texts only");
    refuse_line("{\"forget\":[1]}", "\"forget\" must be a list of steps that have frames");
    refuse_line("{\"graph\":\"/etc/passwd\"}", "\"graph\" must be \"graph.json\"");
    refuse_line("{\"ablation\":{\"path\":\"a\",\"head\":-1,\"metric\":\"m\",\"whole\":1,\"without\":1}}",
                "ablation: \"head\" must be");
    refuse_line("{\"end\":{}}", "end: \"steps\" is missing");
    refuse_line("{\"end\":\"\\u0000\"}", "");
}

/* [promises: deep nesting] */
Test(lens_recording, deep_nesting_is_no_crash) {
    enum { DEEP = 200000 };
    char *text = malloc(strlen(HEADER) + DEEP + 2);
    size_t n = strlen(HEADER);
    memcpy(text, HEADER, n);
    memset(text + n, '[', DEEP);
    text[n + DEEP] = '\n';
    text[n + DEEP + 1] = '\0';
    refuse(text, "line 2: ");
    free(text);
}

Test(lens_recording, a_graph_that_is_wrong_is_refused) {
    static const char *const wrong[] = {
        "{\"ops\":[{\"op\":\"a\",\"path\":\"\",\"out\":[1],\"inputs\":[0]}],\"leaves\":[]}",
        ("{\"ops\":[{\"op\":\"a\",\"path\":\"\",\"out\":[1],\"inputs\":[-2]}],"
         "\"leaves\":[{\"name\":\"\",\"shape\":[]}]}"),
        "{\"ops\":[{\"op\":\"a\",\"path\":\"\",\"out\":[-1],\"inputs\":[]}],\"leaves\":[]}", "{\"ops\":[]}", "{"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        heed_error e;
        put("index.jsonl", HEADER "{\"graph\":\"graph.json\"}\n", strlen(HEADER "{\"graph\":\"graph.json\"}\n"));
        put("graph.json", wrong[i], strlen(wrong[i]));
        cr_expect_null(heed_recording_open(folder, &e));
        cr_expect_not_null(strstr(e.text, "graph.json: "), "%s", e.text);
    }
}

Test(lens_recording, a_frame_that_is_no_good_is_an_error_when_it_is_read) {
    char index[INDEX], path[160];
    size_t begin[LINES + 1];
    heed_error e;
    heed_shape shape;
    double *values;
    put_recording(index, begin);
    FILE *f = fopen(in_folder("00000003.safetensors", path), "r+b");
    cr_assert(f && fseek(f, 9, SEEK_SET) == 0 && fputc('!', f) != EOF && fclose(f) == 0);
    heed_recording *r = opened();
    cr_expect_eq(heed_recording_tensors(r, 1, &e), -1);
    cr_expect_not_null(strstr(e.text, "00000003.safetensors: "), "%s", e.text);
    cr_expect_eq(heed_recording_tensor(r, 1, "param/a.w", &shape, &values, &e), HEED_IO);
    cr_expect_eq(heed_recording_tensor(r, 0, "param/a.w", &shape, &values, &e), HEED_OK, "%s",
                 e.text); /* the other is as good as ever */
    free(values);
    heed_recording_close(r);
    cr_expect_null(heed_recording_open("/nowhere/at/all", &e));
    cr_expect_not_null(strstr(e.text, "/nowhere/at/all/index.jsonl: cannot open: No such file"), "%s", e.text);
}

Test(lens_recording, a_parameter_of_another_shape_is_refused) {
    char index[INDEX];
    size_t begin[LINES + 1];
    heed_error e;
    heed_shape shape;
    double *values;
    put_recording(index, begin);
    char *at = strstr(index, "[1,2]");
    memcpy(at, "[2,1]", 5);
    put("index.jsonl", index, strlen(index));
    heed_recording *r = opened();
    cr_expect_eq(heed_recording_tensor(r, 0, "param/a.w", &shape, &values, &e), HEED_IO);
    cr_expect_not_null(strstr(e.text, "tensor \"param/a.w\" has shape (1, 2); the recording's header says (2, 1)"),
                       "%s", e.text);
    heed_recording_close(r);
}
