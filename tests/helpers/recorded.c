#include "recorded.h"

#include <dirent.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 512 };

static FILE *index_of(const char *folder, const char *mode) {
    char path[PATH];
    snprintf(path, sizeof path, "%s/index.jsonl", folder);
    return fopen(path, mode);
}

bool recorded_begin(const char *folder, const char *header) {
    FILE *index = mkdir(folder, 0777) == 0 ? index_of(folder, "w") : NULL;
    if (index == NULL)
        return false;
    fprintf(index, "%s\n", header);
    return fclose(index) == 0;
}

bool recorded_line(const char *folder, const char *format, ...) {
    FILE *index = index_of(folder, "a");
    va_list arguments;
    if (index == NULL)
        return false;
    va_start(arguments, format);
    vfprintf(index, format, arguments);
    va_end(arguments);
    fputc('\n', index);
    return fclose(index) == 0;
}

bool recorded_frame(const char *folder, int64_t step, int n, const heed_file_tensor *tensors, const char *scalars) {
    char path[PATH];
    struct stat info;
    snprintf(path, sizeof path, "%s/%08lld.safetensors", folder, (long long)step);
    if (heed_safetensors_write(path, n, tensors, 0, NULL, NULL) || stat(path, &info))
        return false;
    return recorded_line(folder, "{\"step\":%lld,\"frame\":\"%08lld.safetensors\",\"bytes\":%lld,\"scalars\":%s}",
                         (long long)step, (long long)step, (long long)info.st_size, scalars);
}

void recorded_remove(const char *folder) {
    DIR *all = opendir(folder);
    struct dirent *entry;
    char path[PATH];
    while (all && (entry = readdir(all)) != NULL) {
        snprintf(path, sizeof path, "%s/%.255s", folder, entry->d_name);
        unlink(path);
    }
    if (all)
        closedir(all);
    rmdir(folder);
}

/* ---- the sample ---- */

enum { D_MODEL = 5, INNER = 6, T = 4, HEADS = 2, D_K = 3, OUT = 2, ANSWERS = 4 };

#define MATRICES(kind)                                                                                                 \
    {kind "attn.w_q", {2, {INNER, D_MODEL}}}, {kind "attn.w_k", {2, {INNER, D_MODEL}}},                                \
        {kind "attn.w_v", {2, {INNER, D_MODEL}}}, {                                                                    \
        kind "w_o.weight", {                                                                                           \
            2, {                                                                                                       \
                ANSWERS, INNER                                                                                         \
            }                                                                                                          \
        }                                                                                                              \
    }

const recorded_tensor recorded_sample_tensors[RECORDED_TENSORS] = {
    MATRICES("param/"),
    MATRICES("grad/"),
    MATRICES("update/"),
    MATRICES("probe/question/grad/"),
    {"probe/question/attn.x", {2, {T, D_MODEL}}},
    {"probe/question/attn.q", {3, {HEADS, T, D_K}}},
    {"probe/question/attn.k", {3, {HEADS, T, D_K}}},
    {"probe/question/attn.v", {3, {HEADS, T, D_K}}},
    {"probe/question/attn.attn_scores", {3, {HEADS, T, T}}},
    {"probe/question/attn.pattern", {3, {HEADS, T, T}}},
    {"probe/question/attn.z", {3, {HEADS, T, D_K}}},
    {"probe/question/d/attn.z", {3, {HEADS, T, D_K}}},
    {"probe/question/d/attn.pattern", {3, {HEADS, T, T}}},
    {"probe/question/d/attn.attn_scores", {3, {HEADS, T, T}}},
    {"probe/question/d/attn.q", {3, {HEADS, T, D_K}}},
    {"probe/question/d/attn.k", {3, {HEADS, T, D_K}}},
    {"probe/question/d/attn.v", {3, {HEADS, T, D_K}}},
    {"probe/question/dec.cross.x", {2, {OUT, D_MODEL}}},
    {"probe/question/dec.cross.q", {2, {OUT, INNER}}},
    {"probe/question/dec.cross.k", {2, {T, INNER}}},
    {"probe/question/dec.cross.v", {2, {T, INNER}}},
    {"probe/question/dec.cross.attn_scores", {2, {OUT, T}}},
    {"probe/question/dec.cross.pattern", {2, {OUT, T}}},
    {"probe/question/dec.cross.z", {2, {OUT, INNER}}},
    {"probe/question/d/dec.cross.q", {2, {OUT, INNER}}},
    {"probe/question/d/dec.cross.v", {2, {T, INNER}}},
};

/* Weights are shares of their row, all else signed, each tensor of a size of its own. */
float recorded_sample_value(int tensor, int frame, int64_t index) {
    const char *name = recorded_sample_tensors[tensor].name, *end = strrchr(name, '.');
    if (strcmp(end, ".pattern") == 0 && strstr(name, "/d/") == NULL) {
        double sum = 0, mine = 0;
        for (int64_t key = 0; key < T; key++) {
            double x = exp(0.1 * frame * cos((double)(index / T * 5 + key * 3)));
            sum += x;
            mine = key == index % T ? x : mine;
        }
        return (float)(mine / sum);
    }
    return (float)(sin(1.7 * (double)index + 0.3 * frame + tensor) * pow(3, tensor % 7 - 3));
}

static const char header[] =
    "{\"heed_recording\":1,\"title\":\"A sample\",\"dtype\":\"f32\",\"parameters\":["
    "{\"name\":\"attn.w_q\",\"shape\":[6,5]},{\"name\":\"attn.w_k\",\"shape\":[6,5]},{\"name\":\"attn.w_v\",\"shape\":["
    "6,5]},"
    "{\"name\":\"w_o.weight\",\"shape\":[4,6]}],"
    "\"attention\":[{\"path\":\"attn\",\"kind\":\"self\",\"heads\":2,\"d_k\":3,\"w_q\":\"attn.w_q\",\"w_k\":\"attn.w_"
    "k\","
    "\"w_v\":\"attn.w_v\",\"w_o\":\"w_o.weight\",\"query_space\":\"tokens\",\"key_space\":\"tokens\",\"out_space\":"
    "\"answers\"},"
    "{\"path\":\"dec.cross\",\"kind\":\"cross\",\"heads\":1,\"d_k\":6,\"w_q\":null,\"w_k\":null,\"w_v\":null,\"w_o\":"
    "null,"
    "\"query_space\":null,\"key_space\":null,\"out_space\":null}],"
    "\"spaces\":[{\"name\":\"tokens\",\"names\":[\"a\",\"b\",\"c\",\"7\",\"8\"],\"embedding\":null,\"positions\":null},"
    "{\"name\":\"answers\",\"names\":[\"7\",\"8\",\"9\",\"no\"],\"embedding\":null,\"positions\":null}],"
    "\"probes\":[{\"name\":\"question\",\"queries\":[\"a7\",\"b8\",\"c9\",\"b?\"],\"keys\":[\"a7\",\"b8\",\"c9\",\"b?"
    "\"],"
    "\"alignment\":[-1,-1,-1,1],\"attention\":{\"dec.cross\":{\"queries\":[\"<s>\",\"8\"],\"keys\":[\"a7\",\"b8\","
    "\"c9\",\"b?\"],"
    "\"alignment\":null}}}],\"optimizer\":\"sgd\",\"story\":null}";

static bool sample_frame(const char *folder, int frame) {
    heed_file_tensor tensors[RECORDED_TENSORS];
    float *data[RECORDED_TENSORS] = {NULL};
    bool good = true;
    for (int i = 0; i < RECORDED_TENSORS && good; i++) {
        const recorded_tensor *x = &recorded_sample_tensors[i];
        int64_t count = heed_shape_count(x->shape);
        data[i] = malloc((size_t)count * sizeof **data);
        good = data[i] != NULL;
        for (int64_t k = 0; k < count && good; k++)
            data[i][k] = recorded_sample_value(i, frame, k);
        tensors[i] = (heed_file_tensor){.name = x->name, .dtype = "F32", .shape = x->shape, .data = data[i]};
    }
    char scalars[96];
    snprintf(scalars, sizeof scalars, "{\"loss\":%.3f,\"probe.question.loss\":%.3f}", 3.0 / (frame + 1),
             2.0 / (frame + 1));
    good = good && recorded_frame(folder, 10 * frame + 1, RECORDED_TENSORS, tensors, scalars);
    for (int i = 0; i < RECORDED_TENSORS; i++)
        free(data[i]);
    return good;
}

bool recorded_sample_running(const char *folder, int frames) {
    bool good = recorded_begin(folder, header);
    for (int frame = 0; frame < frames && good; frame++)
        good = sample_frame(folder, frame);
    return good;
}

bool recorded_sample(const char *folder, int frames) {
    return recorded_sample_running(folder, frames) &&
           recorded_line(folder, "{\"ablation\":{\"path\":\"attn\",\"head\":1,\"metric\":\"right\",\"whole\":1.0,"
                                 "\"without\":0.25}}") &&
           recorded_line(folder, "{\"end\":{\"steps\":%d}}", 10 * frames);
}
