/* One process a benchmark: this program again, told to write its results raw into a pipe. So a benchmark's peak memory is
 * its own, and none finds caches, heaps or threads that another has left. On Linux a process starts from the peak of the
 * one that spawned it, which therefore does nothing that takes memory. */
#include "bench.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Starts it with its standard output going into the pipe. 0, or an errno. */
static int start(const char *program, const bench *b, const bench_plan *plan, const int pipe_ends[2], pid_t *child) {
    char threads[16], steps[16];
    snprintf(threads, sizeof threads, "%d", plan->threads);
    snprintf(steps, sizeof steps, "%d", plan->steps);
    /* posix_spawn leaves its arguments alone, though its type does not say so. */
    char *const arguments[] = {(char *)program, "--raw", "--workload", (char *)b->name,
                               "--threads", threads, "--steps", steps, NULL};

    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return error;
    error = posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
    for (int i = 0; i < 2 && !error; i++)
        error = posix_spawn_file_actions_addclose(&actions, pipe_ends[i]);
    if (!error)
        error = posix_spawnp(child, program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static void hand_on(int from, void (*put)(const bench_result *)) {
    FILE *results = fdopen(from, "rb");
    if (results == NULL) {
        close(from);
        return;
    }
    bench_result r;
    while (fread(&r, sizeof r, 1, results) == 1)
        put(&r);
    fclose(results);
}

/* The child has said itself what went wrong, unless it was ended. */
static bool finish(const bench *b, pid_t child) {
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return bench_fail(b->name, "%s", strerror(errno));
    if (WIFSIGNALED(status))
        return bench_fail(b->name, "ended by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status) == 0;
}

bool bench_in_child(const char *program, const bench *b, const bench_plan *plan, void (*put)(const bench_result *)) {
    int pipe_ends[2];
    pid_t child;
    if (pipe(pipe_ends))
        return bench_fail(b->name, "%s", strerror(errno));
    int error = start(program, b, plan, pipe_ends, &child);
    close(pipe_ends[1]);
    if (error) {
        close(pipe_ends[0]);
        return bench_fail(b->name, "%s: %s", program, strerror(error));
    }
    hand_on(pipe_ends[0], put);
    return finish(b, child);
}
