/* How fast Heed is on this machine: whole training steps, and what they are made of. README.md says how to read it. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "workload.h"

/* ---- what there is ---- */

static const workload workloads[] = {
    {"gpt-tiny", 60, {4, 4, 128, 64, 12, 65}, &gpt_kind},
    {"gpt-baby", 7, {6, 6, 384, 256, 8, 65}, &gpt_kind},
    {"gpt2-124m", 7, {12, 12, 768, 64, 4, 50257}, &gpt_kind},
    {"seq2seq-64", 60, {64, 30, 10, 40, 64, 64}, &seq2seq_kind},
    {"seq2seq-256", 30, {64, 30, 10, 40, 128, 256}, &seq2seq_kind},
    {"attention-512", 7, {4, 8, 512, 64}, &attention_kind},
    {"attention-2048", 7, {1, 8, 2048, 64}, &attention_kind},
    {"attention-4096", 7, {1, 8, 4096, 64}, &attention_kind},
    {"recorder", 100, {4, 4, 128, 64, 12, 65}, &gpt_kind},
    {"gpt-long", 7, {6, 6, 384, 1024, 2, 65}, &gpt_kind},
    {"gpt-recomputed", 7, {6, 6, 384, 1024, 2, 65, true}, &gpt_kind},
};

static const bench benches[] = {
    {"gpt-tiny", "GPT, 4 layers of 128, 64 tokens (nanoGPT's for a CPU): a training step", true, bench_workload,
     &workloads[0]},
    {"gpt-baby", "GPT, 6 layers of 384, 256 tokens (nanoGPT's for a GPU, batch 8)", false, bench_workload,
     &workloads[1]},
    {"gpt2-124m", "GPT-2, 12 layers of 768, 64 tokens out of 50257", false, bench_workload, &workloads[2]},
    {"gpt-long", "gpt-baby's layers, 2 x 1024 tokens", false, bench_workload, &workloads[9]},
    {"gpt-recomputed", "the same, each layer computed again in backward", false, bench_workload, &workloads[10]},
    {"seq2seq-64", "recurrent encoder and decoder with additive attention, 64 wide", true, bench_workload,
     &workloads[3]},
    {"seq2seq-256", "the same, 256 wide", false, bench_workload, &workloads[4]},
    {"attention-512", "causal attention of 512 tokens, forward and backward", true, bench_workload, &workloads[5]},
    {"attention-2048", "the same, 2048 tokens", false, bench_workload, &workloads[6]},
    {"attention-4096", "the same, 4096 tokens", false, bench_workload, &workloads[7]},
    {"products", "matrix products in the shapes of the workloads", true, bench_products, NULL},
    {"memory", "softmax, layernorm, GELU and AdamW beside the triad", true, bench_memory, NULL},
    {"tape", "recording one op, and walking it back", true, bench_tape, NULL},
    {"recorder", "gpt-tiny's step with a recorder at its default rate, and without", true, bench_recorder,
     &workloads[8]},
};
enum { BENCHES = sizeof benches / sizeof *benches };

static void print_help(const char *program) {
    options_print(program);
    printf("\n");
    for (int i = 0; i < BENCHES; i++)
        printf("%s %-15s %s\n", benches[i].quick ? "*" : " ", benches[i].name, benches[i].what);
}

/* ---- which of it ---- */

static bool is(const char *word, size_t length, const char *name) {
    return strlen(name) == length && strncmp(word, name, length) == 0;
}

static bool choose(bool *chosen, const char *word, size_t length) {
    bool found = false;
    for (int i = 0; i < BENCHES; i++)
        if (is(word, length, benches[i].name) || is(word, length, "all") ||
            (is(word, length, "quick") && benches[i].quick))
            found = chosen[i] = true;
    return found || complain("there is no workload \"%.*s\" (see --help)", (int)length, word);
}

static bool choose_list(bool *chosen, const char *list) {
    for (const char *word = list;;) {
        size_t length = strcspn(word, ",");
        if (!choose(chosen, word, length))
            return false;
        if (word[length] == '\0')
            return true;
        word += length + 1;
    }
}

/* --save writes one file, of what a workload is. */
static bool one_workload(const bool *chosen) {
    int count = 0;
    bool all = true;
    for (int i = 0; i < BENCHES; i++) {
        count += chosen[i];
        all = all && (!chosen[i] || benches[i].run == bench_workload);
    }
    return (count == 1 && all) || complain("--save is of one workload: name it with --workload");
}

/* ---- results ---- */

static void (*report)(const bench_result *result) = report_row;

void bench_put(const bench_result *result) {
    report(result);
}

bench_result bench_result_new(int table, const char *name, int threads) {
    bench_result r = {.table = table, .threads = threads, .median = NAN, .min = NAN,
                      .work = NAN, .limit = NAN, .hop = NAN, .peak = NAN, .tape = NAN, .tape_kept = NAN,
                      .loss = NAN, .over_openblas = NAN, .over_blis = NAN};
    snprintf(r.name, sizeof r.name, "%s", name);
    return r;
}

bool bench_fail(const char *name, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "heed_bench: %s: ", name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return false;
}

/* ---- running ---- */

static int all_cores(void) {
    heed_tape *t = heed_tape_new();
    int threads = heed_tape_threads(t);
    heed_tape_free(t);
    return threads;
}

/* The exit status: 1 where a benchmark failed; the others have run all the same. */
static int run(const char *program, const options *o, const bool *chosen) {
    bool failed = false;
    for (int i = 0; i < BENCHES; i++) {
        const bench *b = &benches[i];
        const bool here = o->here || o->raw || o->plan.save || o->plan.profile;
        if (chosen[i] && !(here ? b->run(b, &o->plan) : bench_in_child(program, b, &o->plan, report)))
            failed = true;
    }
    return failed;
}

int main(int argc, char **argv) {
    options o;
    bool chosen[BENCHES] = {false};
    if (!options_read(&o, argc, argv) || !choose_list(chosen, o.workloads))
        return 2;
    if (o.help) {
        print_help(argv[0]);
        return 0;
    }
    if (o.plan.save && !one_workload(chosen))
        return 2;
    if (o.plan.threads == 0)
        o.plan.threads = all_cores();
    report = o.raw ? report_raw : o.json ? report_json : report_row;
    return run(argv[0], &o, chosen);
}
