/* What the benchmark's parts share: how to measure, what comes out, and where it goes.
 *
 * Each benchmark runs in a process of its own, which hands its results, one struct after another, to the one that
 * prints: main.c -> children.c -> a benchmark's run() -> bench_put() -> report.c. */
#ifndef BENCH_H
#define BENCH_H

#include <heed/heed.h>

typedef struct bench_plan {
    int threads; /* at least 1 */
    int steps;   /* of a workload, timed; 0: its own number */
    bool profile;     /* after a workload's timed steps as many more, whose profile goes to stderr */
    const char *save; /* a workload's start goes into this file, and nothing is measured; NULL: it is */
} bench_plan;

/* ---- results ---- */

enum { BENCH_NAME = 48 };
/* NaN stands for what was not measured. */
typedef struct bench_result {
    int table; /* a bench_table */
    char name[BENCH_NAME];
    int threads;
    double median, min; /* seconds a call */
    double work;        /* FLOPs of a call; in the table of memory, bytes */
    double limit;       /* work a second that this machine is capable of, measured beside the calls; in the table of the
                           recorder, seconds of a step that is not recorded */
    double hop;         /* seconds: a cache line's way from core to core, beside the calls */
    double peak;        /* bytes: the most memory that the process has had */
    double tape;        /* bytes: what the last step took of its tape's memory ... */
    double tape_kept;   /* ... and would have taken with every gradient in memory of its own, kept to the end */
    double loss;        /* the last step's */
    double over_openblas, over_blis; /* their time of the same call over ours: medians, pair by pair */
} bench_result;

/* Gives a result to whoever waits for this process, or prints it. */
void bench_put(const bench_result *result);
/* A result without numbers, to be filled in. */
bench_result bench_result_new(int table, const char *name, int threads);
/* One line on stderr, behind the benchmark's name. False, for `return`. */
bool bench_fail(const char *name, const char *format, ...) HEED_PRINTF(2, 3);

/* ---- benchmarks ---- */

typedef enum bench_table {
    TABLE_WORKLOADS,
    TABLE_PRODUCTS,
    TABLE_MEMORY,
    TABLE_TAPE,
    TABLE_RECORDER,
    BENCH_TABLES
} bench_table;

typedef struct bench bench;
struct bench {
    const char *name, *what;
    bool quick; /* runs when nothing is asked for by name */
    bool (*run)(const bench *self, const bench_plan *plan); /* false: it failed, and has said why */
    const struct workload *workload;
};

bool bench_products(const bench *self, const bench_plan *plan);
bool bench_memory(const bench *self, const bench_plan *plan);
bool bench_tape(const bench *self, const bench_plan *plan);
bool bench_recorder(const bench *self, const bench_plan *plan);
bool bench_workload(const bench *self, const bench_plan *plan);

/* Runs `program --raw` on one benchmark and gives each result to `put`. */
bool bench_in_child(const char *program, const bench *b, const bench_plan *plan,
                    void (*put)(const bench_result *result));

/* ---- printing ---- */

void report_row(const bench_result *result);  /* the table's head, too, before its first row */
void report_json(const bench_result *result); /* one object on one line */
void report_raw(const bench_result *result);  /* the struct itself */

#endif
