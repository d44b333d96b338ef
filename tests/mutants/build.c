/* Making a mutant and looking at it. Each workshop has a copy of the tree's sources, in which one file at a time is
 * mutated; of the library only the one object is compiled again, and put before all others where gradcheck is linked.
 * How is said by three variables of the environment, which the Makefile sets:
 *
 *     MUTANTS_COMPILE    the command that compiles, up to its -c
 *     MUTANTS_LINK       the command that links, up to its -o
 *     MUTANTS_OBJECTS    what is linked behind the mutant */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mutants.h"

enum { CPU_SECONDS = 20, SECONDS = 120, COMMAND = 40000 };

/* ---- commands ---- */

static const char *setting(const char *name) {
    const char *value = getenv(name);
    if (value == NULL)
        die("%s is not set: run this by make gradcheck-mutants", name);
    return value;
}

/* In the child: what it says goes to a file, and neither time nor memory are without an end. */
static _Noreturn void become(const char *command, const char *output) {
    const struct rlimit time = {CPU_SECONDS, CPU_SECONDS + 1}, memory = {(rlim_t)8 << 30, (rlim_t)8 << 30},
                        core = {0, 0};
    setrlimit(RLIMIT_CPU, &time);
    setrlimit(RLIMIT_AS, &memory);
    setrlimit(RLIMIT_CORE, &core);
    setpgid(0, 0);
    if (freopen(output, "w", stdout) == NULL || dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
        _exit(126);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

/* Waits for the child's end. False: it did not come in time, and the child was ended with all that it had started. */
static bool wait_for(pid_t child, int *status) {
    const struct timespec nap = {0, 5000000};
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (;;) {
        const pid_t ended = waitpid(child, status, WNOHANG);
        if (ended == child)
            return true;
        if (ended < 0 && errno != EINTR)
            die("a child is lost");
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - begin.tv_sec > SECONDS) {
            kill(-child, SIGKILL);
            waitpid(child, status, 0);
            return false;
        }
        nanosleep(&nap, NULL);
    }
}

typedef enum end { PASSED, FAILED, CRASH, TIME_OUT } end;

static end run(const char *command, const char *output) {
    fflush(NULL);
    const pid_t child = fork();
    if (child < 0)
        die("no process can be started");
    if (child == 0)
        become(command, output);
    int status;
    if (!wait_for(child, &status))
        return TIME_OUT;
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL ? TIME_OUT : CRASH;
    return WEXITSTATUS(status) == 0 ? PASSED : WEXITSTATUS(status) == 1 ? FAILED : CRASH;
}

/* ---- building ---- */

static void write_file(const char *folder, const char *path, const char *text) {
    char to[600];
    snprintf(to, sizeof to, "%s/%s", folder, path);
    FILE *file = fopen(to, "w");
    if (file == NULL || fputs(text, file) == EOF || fclose(file) != 0)
        die("%s cannot be written", to);
}

static bool compile(const workshop *w, int in_unit, const char *object) {
    char *command = take(COMMAND), output[300];
    snprintf(output, sizeof output, "%s/compiler", w->folder);
    snprintf(command, COMMAND, "exec %s -c -o %s/%s %s/%s", setting("MUTANTS_COMPILE"), w->folder, object, w->folder,
             w->tree->sources[w->tree->units[in_unit].source].path);
    const bool compiled = run(command, output) == PASSED;
    free(command);
    return compiled;
}

/* Without a mutant, where object is NULL. */
static bool link_with(const workshop *w, const char *object) {
    char *command = take(COMMAND), output[300];
    snprintf(output, sizeof output, "%s/linker", w->folder);
    snprintf(command, COMMAND, "exec %s -o %s/gradcheck %s%s%s %s", setting("MUTANTS_LINK"), w->folder,
             object ? w->folder : "", object ? "/" : "", object ? object : "", setting("MUTANTS_OBJECTS"));
    const bool linked = run(command, output) == PASSED;
    free(command);
    return linked;
}

/* Whether the unit's object is what it is without the mutant. */
static bool same_code(workshop *w, int in_unit) {
    char command[700];
    if (w->unit != in_unit && !compile(w, in_unit, "original.o"))
        die("%s does not compile, unchanged; see %s/compiler", w->tree->sources[w->tree->units[in_unit].source].path,
            w->folder);
    w->unit = in_unit;
    snprintf(command, sizeof command, "exec cmp -s %s/original.o %s/mutant.o", w->folder, w->folder);
    return run(command, "/dev/null") == PASSED;
}

/* ---- the check ---- */

/* What the check's output says first, after the row's verdict. */
static void note_complaint(workshop *w) {
    char path[300], line[400];
    snprintf(path, sizeof path, "%s/check", w->folder);
    FILE *file = fopen(path, "r");
    w->said[0] = '\0';
    while (file && fgets(line, sizeof line, file))
        if (strstr(line, "sample") || strstr(line, "point ") || strstr(line, "cases had")) {
            snprintf(w->said, sizeof w->said, "%.300s", line + strspn(line, " "));
            w->said[strcspn(w->said, "\n")] = '\0';
            break;
        }
    if (file)
        fclose(file);
}

static end check_with(workshop *w, const char *option) {
    char command[600], output[300];
    snprintf(command, sizeof command, "OMP_WAIT_POLICY=passive exec %s/gradcheck --first %s", w->folder, option);
    snprintf(output, sizeof output, "%s/check", w->folder);
    const end ended = run(command, output);
    note_complaint(w);
    return ended;
}

void workshop_trust(workshop *w) {
    if (!link_with(w, NULL))
        die("the unchanged gradcheck does not link; see %s/linker", w->folder);
    if (check_with(w, "--cases 1") != PASSED)
        die("gradcheck fails without a mutant; see %s/check", w->folder);
}

static verdict verdict_of(end ended) {
    static const verdict verdicts[] = {[PASSED] = SURVIVED, [FAILED] = KILLED, [CRASH] = CRASHED, [TIME_OUT] = HUNG};
    return verdicts[ended];
}

static bool is_seen(verdict v) {
    return v == KILLED || v == CRASHED || v == HUNG;
}

/* Of one mutant in two units: what one does not compile, or compiles to the same code, the other may notice. */
static verdict both(verdict a, verdict b) {
    return is_seen(b) || a == PENDING || a == NOT_MADE || (a == SAME_CODE && b == SURVIVED) ? b : a;
}

/* The mutated file is in place: is the mutant seen, compiled into this unit? */
static verdict look(workshop *w, const place *p, int in_unit) {
    if (!compile(w, in_unit, "mutant.o") || !link_with(w, "mutant.o"))
        return NOT_MADE;
    verdict v = SURVIVED;
    for (int i = 0; i < p->n_checks && v == SURVIVED; i++)
        if (p->checks[i].unit == in_unit)
            v = verdict_of(check_with(w, p->checks[i].option));
    return v;
}

static verdict try_in_unit(workshop *w, const place *p, const mutant *m, int in_unit) {
    const source *s = &w->tree->sources[w->tree->nodes[p->node].source];
    char *text = mutant_text(s, m);
    write_file(w->folder, s->path, text);
    const verdict v = look(w, p, in_unit);
    write_file(w->folder, s->path, s->text);
    free(text);
    return v == SURVIVED && same_code(w, in_unit) ? SAME_CODE : v;
}

verdict workshop_try(workshop *w, const place *p, const mutant *m) {
    verdict v = PENDING;
    for (int i = 0; i < p->n_checks && !is_seen(v); i++) {
        bool done = false;
        for (int j = 0; j < i; j++)
            done = done || p->checks[j].unit == p->checks[i].unit;
        if (!done)
            v = both(v, try_in_unit(w, p, m, p->checks[i].unit));
    }
    return v;
}

void workshop_open(workshop *w, const tree *t, const char *folder) {
    char command[1000];
    *w = (workshop){.tree = t, .unit = -1};
    snprintf(w->folder, sizeof w->folder, "%s", folder);
    snprintf(command, sizeof command,
             "rm -rf %s && mkdir -p %s/framework && cp -R framework/core framework/kernels framework/ops %s/framework",
             folder, folder, folder);
    if (run(command, "/dev/null") != PASSED)
        die("%s cannot be set up", folder);
}
