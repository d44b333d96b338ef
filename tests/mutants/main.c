/* mutants: makes mutants of all backward rules and counts those that the gradient check notices. See mutants.h. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mutants.h"

typedef struct options {
    const char *folder, *accepted, *in;
    int jobs, only, share, part;
    bool list;
} options;

static const char usage[] =
    "usage: mutants [options]\n"
    "Changes every backward rule in one place at a time, and counts the changes that gradcheck notices.\n"
    "\n"
    "  --folder F     work there\n"
    "  --accepted F   the list of mutants that change no gradient\n"
    "  --jobs N       so many at once (2)\n"
    "  --share N[:K]  every Nth mutant only, from the Kth on (0)\n"
    "  --in TEXT      only those in files or functions whose names contain TEXT\n"
    "  --only N       only mutant N: what it is, and what the check says\n"
    "  --list         say what there is, and do nothing\n";

static int whole_number(const char *text) {
    char *end;
    const long n = strtol(text, &end, 10);
    if (end == text || *end || n < 0 || n > 1000000)
        die("\"%s\" is no whole number from 0 to 1000000\n%s", text, usage);
    return (int)n;
}

/* N or N:K. */
static void read_share(char *text, options *o) {
    char *colon = strchr(text, ':');
    if (colon)
        *colon = '\0';
    o->share = whole_number(text);
    o->part = colon ? whole_number(colon + 1) : 0;
}

static options parse(int argc, char **argv) {
    static const struct option known[] = {
        {"folder", required_argument, NULL, 'f'}, {"accepted", required_argument, NULL, 'a'},
        {"jobs", required_argument, NULL, 'j'},   {"share", required_argument, NULL, 's'},
        {"in", required_argument, NULL, 'i'},     {"only", required_argument, NULL, 'o'},
        {"list", no_argument, NULL, 'l'},         {NULL, 0, NULL, 0}};
    options o = {
        .folder = "build/mutants/work", .accepted = "tests/mutants/accepted.txt", .jobs = 2, .only = -1, .share = 1};
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'f':
            o.folder = optarg;
            break;
        case 'a':
            o.accepted = optarg;
            break;
        case 'j':
            o.jobs = whole_number(optarg);
            break;
        case 's':
            read_share(optarg, &o);
            break;
        case 'i':
            o.in = optarg;
            break;
        case 'o':
            o.only = whole_number(optarg);
            break;
        case 'l':
            o.list = true;
            break;
        default:
            die("%s", usage);
        }
    }
    if (optind < argc || o.jobs < 1 || o.jobs > 64 || o.share < 1 || o.part < 0 || o.part >= o.share)
        die("%s", usage);
    return o;
}

/* ---- what is to be done ---- */

typedef struct campaign {
    options o;
    tree t;
    place *places;
    mutant *mutants;
    accepted *accepted;
    int n_places, n_mutants, n_accepted;
    int *chosen, n_chosen; /* the mutants to try */
} campaign;

static const node *node_of(const campaign *c, int mutant_index) {
    return &c->t.nodes[c->places[c->mutants[mutant_index].place].node];
}

static const source *source_of(const campaign *c, int mutant_index) {
    return &c->t.sources[node_of(c, mutant_index)->source];
}

static bool is_chosen(const campaign *c, int i) {
    if (c->o.only >= 0)
        return i == c->o.only;
    const char *part = c->o.in;
    if (part && strstr(source_of(c, i)->path, part) == NULL && strcmp(node_of(c, i)->name, part) != 0)
        return false;
    return i % c->o.share == c->o.part;
}

static campaign prepare(options o) {
    campaign c = {.o = o, .t = tree_read()};
    c.places = reach_places(&c.t, &c.n_places);
    c.mutants = operators_apply(&c.t, c.places, c.n_places, &c.n_mutants);
    c.accepted = accepted_read(o.accepted, &c.n_accepted);
    accepted_must_exist(c.accepted, c.n_accepted, &c.t, c.places, c.mutants, c.n_mutants);
    c.chosen = take((size_t)(c.n_mutants + 1) * sizeof *c.chosen);
    for (int i = 0; i < c.n_mutants; i++)
        if (is_chosen(&c, i))
            c.chosen[c.n_chosen++] = i;
    return c;
}

/* ---- saying it ---- */

static void print_mutant(const campaign *c, int i, const char *what) {
    char *before, *after;
    mutant_lines(source_of(c, i), &c->mutants[i], &before, &after);
    printf("%s: %s\n- %s\n+ %s\n  %d, %s: %s\n\n", source_of(c, i)->path, node_of(c, i)->name, before, after, i,
           c->mutants[i].mistake, what);
    free(before);
    free(after);
}

/* ---- doing it: as many processes as jobs, which take numbers from one pipe and put verdicts into another ---- */

typedef struct result {
    int at; /* in `chosen` */
    verdict v;
} result;

static workshop open_workshop(const campaign *c, int worker) {
    char folder[200];
    workshop w;
    snprintf(folder, sizeof folder, "%s%d", c->o.folder, worker);
    workshop_open(&w, &c->t, folder);
    return w;
}

static const char *what_of(const workshop *w, verdict v) {
    return v == NOT_MADE    ? "it does not compile"
           : v == SAME_CODE ? "the compiler makes the same code of it"
           : v == CRASHED   ? "the check crashes"
           : v == HUNG      ? "the check does not end"
                            : w->said;
}

static void work(const campaign *c, int worker, int tasks, int results) {
    workshop w = open_workshop(c, worker);
    for (result r; read(tasks, &r.at, sizeof r.at) == sizeof r.at;) {
        const int i = c->chosen[r.at];
        const mutant *m = &c->mutants[i];
        r.v = workshop_try(&w, &c->places[m->place], m);
        const char *reason =
            r.v == SURVIVED ? accepted_find(c->accepted, c->n_accepted, &c->t, &c->places[m->place], m) : NULL;
        if (reason)
            r.v = strncmp(reason, "seen by", 7) == 0 ? ELSEWHERE : EQUIVALENT;
        if (r.v == SURVIVED || c->o.only >= 0)
            print_mutant(c, i, r.v == SURVIVED ? "SURVIVED" : reason ? reason : what_of(&w, r.v));
        fflush(stdout);
        if (write(results, &r, sizeof r) != sizeof r)
            die("nobody reads the results");
    }
}

/* Counts the verdicts. */
static void work_all(const campaign *c, int *count) {
    int tasks[2], results[2], done = 0;
    if (pipe(tasks) != 0 || pipe(results) != 0)
        die("no pipe can be had");
    fflush(NULL);
    for (int worker = 0; worker < c->o.jobs && worker < c->n_chosen; worker++) {
        const pid_t child = fork();
        if (child < 0)
            die("no process can be started");
        if (child == 0) {
            close(tasks[1]);
            close(results[0]);
            work(c, worker, tasks[0], results[1]);
            exit(EXIT_SUCCESS);
        }
    }
    close(tasks[0]);
    close(results[1]);
    for (int at = 0; at < c->n_chosen; at++)
        if (write(tasks[1], &at, sizeof at) != sizeof at)
            die("nobody takes the work");
    close(tasks[1]);
    for (result r; read(results[0], &r, sizeof r) == sizeof r; done++)
        count[r.v]++;
    while (wait(NULL) > 0)
        continue;
    if (done < c->n_chosen)
        die("a worker gave up");
}

/* ---- the sum ---- */

static int run(const campaign *c) {
    workshop first = open_workshop(c, 0);
    workshop_trust(&first);
    int count[VERDICTS] = {0};
    work_all(c, count);
    const int killed = count[KILLED] + count[CRASHED] + count[HUNG];
    printf("%d by a failed check, %d by a crash, %d by never ending; besides, %d do not compile, %d compile to the "
           "same code\n",
           count[KILLED], count[CRASHED], count[HUNG], count[NOT_MADE], count[SAME_CODE]);
    printf("mutants: %d made, %d killed, %d equivalent, %d seen by other tests only, %d survived\n",
           killed + count[EQUIVALENT] + count[ELSEWHERE] + count[SURVIVED], killed, count[EQUIVALENT], count[ELSEWHERE],
           count[SURVIVED]);
    return count[SURVIVED] ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void list(const campaign *c) {
    for (int k = 0; k < c->n_chosen; k++)
        print_mutant(c, c->chosen[k], c->places[c->mutants[c->chosen[k]].place].checks[0].option);
    printf("%d mutants in %d functions of %d ops\n", c->n_chosen, c->n_places, c->t.n_ops);
}

int main(int argc, char **argv) {
    campaign c = prepare(parse(argc, argv));
    if (!c.o.list)
        return run(&c);
    list(&c);
    return EXIT_SUCCESS;
}
