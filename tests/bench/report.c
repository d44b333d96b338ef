/* Results as tables for people, as JSON for programs, and raw for the process that asked for them. */
#include "bench.h"

#include <math.h>
#include <stdio.h>

/* ---- cells ---- */

enum { CELL = 32 };
typedef void write_cell(const bench_result *r, char text[CELL]);

/* Of NaN, nothing is known. */
static void write_number(char text[CELL], double x, int decimals, const char *unit) {
    if (isnan(x))
        snprintf(text, CELL, "-");
    else
        snprintf(text, CELL, "%.*f%s", decimals, x, unit);
}

static double rate_of(const bench_result *r) {
    return r->work / r->median;
}

static void threads(const bench_result *r, char text[CELL]) {
    snprintf(text, CELL, "%d", r->threads);
}

static void median_ms(const bench_result *r, char text[CELL]) {
    write_number(text, r->median * 1e3, 2, "");
}

static void min_ms(const bench_result *r, char text[CELL]) {
    write_number(text, r->min * 1e3, 2, "");
}

static void median_us(const bench_result *r, char text[CELL]) {
    write_number(text, r->median * 1e6, 1, "");
}

static void min_us(const bench_result *r, char text[CELL]) {
    write_number(text, r->min * 1e6, 1, "");
}

static void median_ns(const bench_result *r, char text[CELL]) {
    write_number(text, r->median * 1e9, 0, "");
}

static void min_ns(const bench_result *r, char text[CELL]) {
    write_number(text, r->min * 1e9, 0, "");
}

static void rate(const bench_result *r, char text[CELL]) {
    write_number(text, rate_of(r) / 1e9, 1, "");
}

static void share(const bench_result *r, char text[CELL]) {
    write_number(text, 100 * rate_of(r) / r->limit, 0, " %");
}

static void limit(const bench_result *r, char text[CELL]) {
    write_number(text, r->limit / 1e9, 0, "");
}

static void hop(const bench_result *r, char text[CELL]) {
    write_number(text, r->hop * 1e9, 0, "");
}

static void over_limit(const bench_result *r, char text[CELL]) {
    write_number(text, 100 * (r->median / r->limit - 1), 1, " %");
}

static void peak(const bench_result *r, char text[CELL]) {
    write_number(text, r->peak / (1 << 20), 0, "");
}

static void tape(const bench_result *r, char text[CELL]) {
    write_number(text, r->tape / (1 << 20), 1, "");
}

static void of_kept(const bench_result *r, char text[CELL]) {
    write_number(text, 100 * r->tape / r->tape_kept, 0, " %");
}

static void loss(const bench_result *r, char text[CELL]) {
    write_number(text, r->loss, 4, "");
}

static void over_openblas(const bench_result *r, char text[CELL]) {
    write_number(text, r->over_openblas, 2, "");
}

static void over_blis(const bench_result *r, char text[CELL]) {
    write_number(text, r->over_blis, 2, "");
}

/* ---- tables ---- */

typedef struct column {
    const char *head;
    write_cell *write;
} column;

enum { COLUMNS = 11 };
static const struct table {
    const char *head;
    int name_width;
    column columns[COLUMNS]; /* ended by one without a head */
} tables[BENCH_TABLES] = {
    [TABLE_WORKLOADS] = {"workload", 15,
                         {{"threads", threads},
                          {"median ms", median_ms},
                          {"min ms", min_ms},
                          {"GFLOP/s", rate},
                          {"FMA limit", limit},
                          {"share", share},
                          {"hop ns", hop},
                          {"peak MiB", peak},
                          {"tape MiB", tape},
                          {"of kept", of_kept},
                          {"loss", loss}}},
    [TABLE_PRODUCTS] = {"product, m x n x k", 40,
                        {{"threads", threads},
                         {"median us", median_us},
                         {"min us", min_us},
                         {"GFLOP/s", rate},
                         {"FMA limit", limit},
                         {"share", share},
                         {"xOpenBLAS", over_openblas},
                         {"xBLIS", over_blis}}},
    [TABLE_MEMORY] = {"op", 40,
                      {{"threads", threads},
                       {"median us", median_us},
                       {"min us", min_us},
                       {"GB/s", rate},
                       {"triad", limit},
                       {"share", share}}},
    [TABLE_TAPE] = {"one op, of 10000 in a chain", 40,
                    {{"threads", threads}, {"median ns", median_ns}, {"min ns", min_ns}}},
    [TABLE_RECORDER] = {"a step, the mean of a run", 40,
                        {{"threads", threads}, {"median ms", median_ms}, {"min ms", min_ms}, {"more", over_limit}}},
};

static void print_head(const struct table *t) {
    static const struct table *last;
    if (t == last)
        return;
    printf("%s%-*s", last ? "\n" : "", t->name_width, t->head);
    for (int i = 0; i < COLUMNS && t->columns[i].head; i++)
        printf("  %9s", t->columns[i].head);
    printf("\n");
    last = t;
}

void report_row(const bench_result *r) {
    const struct table *t = &tables[r->table];
    print_head(t);
    printf("%-*s", t->name_width, r->name);
    for (int i = 0; i < COLUMNS && t->columns[i].head; i++) {
        char text[CELL];
        t->columns[i].write(r, text);
        printf("  %9s", text);
    }
    printf("\n");
    fflush(stdout);
}

/* ---- programs ---- */

static void print_field(const char *key, double x, int decimals) {
    if (isnan(x))
        printf(", \"%s\": null", key);
    else
        printf(", \"%s\": %.*f", key, decimals, x);
}

void report_json(const bench_result *r) {
    bool bytes = r->table == TABLE_MEMORY;
    int decimals = r->table == TABLE_WORKLOADS ? 3 : 6;
    printf("{\"workload\": \"%s\", \"threads\": %d", r->name, r->threads);
    print_field("median_ms", r->median * 1e3, decimals);
    print_field("min_ms", r->min * 1e3, decimals);
    print_field("gflops", bytes ? NAN : rate_of(r) / 1e9, 1);
    print_field("hop_ns", r->hop * 1e9, 0);
    print_field("max_rss_mb", floor(r->peak / (1 << 20)), 0);
    print_field("tape_bytes", r->tape, 0);
    print_field("tape_bytes_kept", r->tape_kept, 0);
    print_field("loss", r->loss, 7);
    print_field("gbytes", bytes ? rate_of(r) / 1e9 : NAN, 1);
    print_field("share", rate_of(r) / r->limit, 3);
    print_field("over_openblas", r->over_openblas, 3);
    print_field("over_blis", r->over_blis, 3);
    printf("}\n");
    fflush(stdout);
}

void report_raw(const bench_result *r) {
    fwrite(r, sizeof *r, 1, stdout);
    fflush(stdout);
}
