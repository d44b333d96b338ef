/* Random programs of ops through the library, each held against an oracle: see programs/program.h.
 *
 *     programs [--count N] [--seed N] [--jobs N] [--only N]
 *
 * Programs run in processes of their own, a share each, so that one that crashes is found, shrunk and written out like
 * any other, and the rest go on. --only runs one, says what comes of it, and writes it as C. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "programs/draw.h"

enum { MOST_JOBS = 16, MOST_SHOWN = 5, MOST_OPERATIONS = 256 };

typedef struct options {
    uint64_t seed, count, only;
    bool one;
    int jobs;
} options;

/* What processes tell each other. */
typedef struct board {
    uint64_t at[MOST_JOBS]; /* the program that each is at */
    uint64_t run[MOST_JOBS], valid[MOST_JOBS], ended[MOST_JOBS], skipped[MOST_JOBS], failed[MOST_JOBS];
    uint64_t uses[MOST_JOBS][MOST_OPERATIONS]; /* of each operation, in programs that were judged */
} board;

/* ---- one process's share ---- */

static void count_uses(board *b, int job, const program *p) {
    for (int k = 0; k < p->n; k++)
        b->uses[job][p->at[k].op - operations]++;
}

/* Draws and runs one; NULL why: nothing is said. */
static outcome judge(runner *r, pool *memory, program *p, const options *o, uint64_t number, char *why) {
    oracle drawn;
    pool_reset(memory);
    draw_program(p, &drawn, memory, o->seed, number);
    return run_program(r, p, memory, why);
}

/* Every jobs-th program from first on. */
static void run_share(const options *o, board *b, int job, uint64_t first) {
    static program p;
    char why[MOST_WHY];
    runner *r = runner_new();
    pool *memory = pool_new();
    for (uint64_t number = first; number < o->count; number += (uint64_t)o->jobs) {
        b->at[job] = number;
        const outcome result = judge(r, memory, &p, o, number, why);
        b->run[job]++;
        b->valid[job] += result == AGREES;
        b->ended[job] += result == ENDED;
        b->skipped[job] += result == SKIPPED;
        count_uses(b, job, &p);
        if (result == FAILED) {
            printf("program %" PRIu64 ": %s\n", number, why);
            fflush(stdout);
            b->failed[job]++;
            if (b->failed[job] >= MOST_SHOWN)
                break;
        }
    }
    b->at[job] = UINT64_MAX;
    runner_free(r);
    pool_free(memory);
}

/* ---- one failure ---- */

/* In a process of its own, as it may crash. 0: it does not fail. */
static int try_apart(const program *p, bool loud) {
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        char why[MOST_WHY];
        if (!loud) {
            freopen("/dev/null", "w", stderr);
            alarm(20);
        }
        runner *r = runner_new();
        pool *memory = pool_new();
        const outcome result = run_program(r, p, memory, why);
        if (loud)
            printf("program %" PRIu64 ": %s\n", p->number,
                   result == FAILED    ? why
                   : result == AGREES  ? "agrees with the oracle"
                   : result == SKIPPED ? "skipped: the oracle cannot tell"
                                       : "ends in its error");
        fflush(stdout);
        _exit(result == FAILED);
    }
    int status = 0;
    while (child < 0 || (waitpid(child, &status, 0) < 0 && errno == EINTR))
        if (child < 0)
            return 0;
    return status;
}

/* The same kind of failure: a crash stays a crash. */
static bool still_fails(void *context, const program *p) {
    const int status = try_apart(p, false);
    const bool crashed = *(const bool *)context;
    return crashed ? status != 0 && status != 256 : status == 256;
}

static int show_one(const options *o, uint64_t number) {
    static program p;
    oracle drawn;
    pool *memory = pool_new();
    draw_program(&p, &drawn, memory, o->seed, number);
    const int status = try_apart(&p, true);
    if (status != 0) {
        bool crashed = status != 256;
        shrink_program(&p, memory, still_fails, &crashed);
        printf("the smallest that fails so:\n\n");
        try_apart(&p, true);
    }
    write_program(&p, stdout);
    pool_free(memory);
    return status != 0;
}

/* ---- all ---- */

static void start_share(const options *o, board *b, int job, uint64_t first, pid_t *child) {
    fflush(stdout);
    *child = fork();
    if (*child == 0) {
        run_share(o, b, job, first);
        exit(0); /* through the leak check */
    }
}

/* A process that ended otherwise than it should has crashed at a program, or leaks. */
static void after_share(const options *o, board *b, int job, int status, pid_t *child) {
    *child = 0;
    if (status == 0)
        return;
    b->failed[job]++;
    if (b->at[job] == UINT64_MAX) {
        printf("process %d ended badly after its last program (status %d)\n", job, status);
        return;
    }
    printf("program %" PRIu64 " crashes\n", b->at[job]);
    if (b->failed[job] < MOST_SHOWN)
        start_share(o, b, job, b->at[job] + (uint64_t)o->jobs, child);
}

static uint64_t sum(const uint64_t *x) {
    uint64_t s = 0;
    for (int i = 0; i < MOST_JOBS; i++)
        s += x[i];
    return s;
}

/* Every op that is registered must be one that programs are made of. */
static bool all_known(void) {
    bool all = n_operations <= MOST_OPERATIONS;
    for (int i = 0; heed_builtin_ops[i]; i++) {
        const operation *op = operation_named(heed_builtin_ops[i]->name);
        if (op == NULL || op->family != OP)
            printf("programs know no op %s: add it to programs/operations.c\n", heed_builtin_ops[i]->name);
        all = all && op && op->family == OP;
    }
    return all;
}

/* Ops that no program had would be tested by nobody. */
static bool all_used(const board *b) {
    bool all = true;
    for (int i = 0; i < n_operations; i++) {
        uint64_t uses = 0;
        for (int job = 0; job < MOST_JOBS; job++)
            uses += b->uses[job][i];
        if (uses == 0)
            printf("no program has %s\n", operations[i].name);
        all = all && uses > 0;
    }
    return all;
}

static int run_all(const options *o) {
    struct timespec from, to;
    board *b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child[MOST_JOBS] = {0};
    if (b == MAP_FAILED)
        return 2;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int job = 0; job < o->jobs; job++)
        start_share(o, b, job, (uint64_t)job, &child[job]);
    int status;
    for (pid_t done; (done = waitpid(-1, &status, 0)) > 0;)
        for (int job = 0; job < o->jobs; job++)
            if (child[job] == done)
                after_share(o, b, job, status, &child[job]);
    clock_gettime(CLOCK_MONOTONIC, &to);
    const uint64_t failed = sum(b->failed), run = sum(b->run);
    const bool known_all = all_known(), all = known_all && (o->count < 20000 || failed > 0 || all_used(b));
    if (failed > 0)
        printf("to see one, made small and written as C: --seed %" PRIu64 " --only N\n", o->seed);
    if (sum(b->skipped) > 0)
        printf("and %" PRIu64 " that do not count: the oracle cannot tell, for what a dropout left of them\n", sum(b->skipped));
    printf("programs: %" PRIu64 " run, %" PRIu64 " valid, %" PRIu64 " ended in their error, %" PRIu64
           " failed, seed %" PRIu64 ", %.0f s\n", run - sum(b->skipped), sum(b->valid), sum(b->ended), failed, o->seed,
           (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec));
    return failed > 0 || !all;
}

/* ---- the command line ---- */

static bool read_option(int argc, char **argv, int *i, const char *name, uint64_t *to) {
    if (strcmp(argv[*i], name) != 0 || *i + 1 == argc)
        return false;
    char *end;
    *to = strtoull(argv[*i + 1], &end, 10);
    if (*end != '\0' || end == argv[*i + 1])
        return false;
    *i += 1;
    return true;
}

int main(int argc, char **argv) {
    options o = {.seed = 1, .count = 100000, .jobs = (int)sysconf(_SC_NPROCESSORS_ONLN)};
    for (int i = 1; i < argc; i++) {
        uint64_t jobs = 0;
        if (read_option(argc, argv, &i, "--seed", &o.seed) || read_option(argc, argv, &i, "--count", &o.count))
            continue;
        if (read_option(argc, argv, &i, "--only", &o.only))
            o.one = true;
        else if (read_option(argc, argv, &i, "--jobs", &jobs))
            o.jobs = (int)jobs;
        else
            return fprintf(stderr, "usage: %s [--count N] [--seed N] [--jobs N] [--only N]\n", argv[0]), 2;
    }
    o.jobs = o.jobs < 1 ? 1 : o.jobs > MOST_JOBS ? MOST_JOBS : o.jobs;
    return o.one ? show_one(&o, o.only) : run_all(&o);
}
