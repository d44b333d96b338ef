/* make gradcheck: every op and every layer against central differences, as a table.
 *
 * The rows are worked on by as many threads as there are cores, and printed in order, each as soon as those above it are. */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <heed/gradcheck.h>

#include "helpers/layer_cases.h"

enum { CASES_OF_OP = 24, CASES_OF_LAYER = 8 }; /* that must count */
enum { EXIT_USAGE = 2 };

/* ---- options ---- */

typedef struct arguments {
    const char *op, *layer; /* NULL: all, unless the other one is given */
    heed_check_options check;
    bool help;
} arguments;

static const char usage[] =
    "usage: gradcheck [options]\n"
    "Checks the gradients of every op and every layer against central differences.\n"
    "\n"
    "  --op NAME     only this op\n"
    "  --layer NAME  only this layer\n"
    "  --cases N     at most N cases of each (and then fewer than 24 are enough)\n"
    "  --seed N      draw other points (0)\n"
    "  --first       of each no more than the first case that fails\n"
    "  --help        this text\n"
    "\n"
    "A row is: the cases that had a gradient; points drawn again since they lay at a kink; the largest error\n"
    "over its tolerance. Exit status: 0 if all is right, 1 if something failed, 2 for a bad option.\n";

static bool parse_number(const char *option, const char *text, unsigned long long least, unsigned long long most,
                         unsigned long long *number) {
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    if (end != text && *end == '\0' && errno == 0 && strchr(text, '-') == NULL && *number >= least && *number <= most)
        return true;
    fprintf(stderr, "gradcheck: --%s takes a number from %llu to %llu, not \"%s\"\n", option, least, most, text);
    return false;
}

static bool parse(int argc, char **argv, arguments *a) {
    static const struct option options[] = {
        {"op", required_argument, NULL, 'o'},    {"layer", required_argument, NULL, 'l'},
        {"cases", required_argument, NULL, 'c'}, {"seed", required_argument, NULL, 's'},
        {"first", no_argument, NULL, 'f'},       {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    unsigned long long number;
    opterr = 0; /* its complaint would be a second line beside ours */
    for (int option; (option = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        switch (option) {
        case 'o': a->op = optarg; break;
        case 'l': a->layer = optarg; break;
        case 'f': a->check.first = true; break;
        case 'h': a->help = true; break;
        case 'c':
            if (!parse_number("cases", optarg, 1, 1000000, &number))
                return false;
            a->check.cases = (int)number;
            break;
        case 's':
            if (!parse_number("seed", optarg, 0, UINT64_MAX, &number))
                return false;
            a->check.seed = number;
            break;
        default:
            fprintf(stderr, "gradcheck: \"%s\" %s; see --help\n", argv[optind - 1],
                    option == ':' ? "takes a value" : "is no option");
            return false;
        }
    }
    if (optind < argc)
        fprintf(stderr, "gradcheck: \"%s\" is no option; see --help\n", argv[optind]);
    return optind == argc;
}

/* ---- the rows ---- */

typedef struct row {
    const heed_op *op; /* or NULL: a layer, whose cases begin at `layer` */
    int layer;
    heed_check check;
    bool done;
} row;

typedef struct table {
    row *rows;
    int n, next; /* next: the first that nobody works on */
    const heed_check_options *options;
    pthread_mutex_t lock;
    pthread_cond_t finished;
} table;

/* Whether a name is asked for: all are, unless --op or --layer names others. */
static bool selected(const char *name, const char *mine, const char *other) {
    return mine ? strcmp(name, mine) == 0 : other == NULL;
}

static void list_rows(const arguments *a, table *t) {
    for (int i = 0; heed_builtin_ops[i]; i++)
        if (selected(heed_builtin_ops[i]->name, a->op, a->layer))
            t->rows[t->n++] = (row){.op = heed_builtin_ops[i]};
    for (int i = 0; i < layer_cases_count(); i++) {
        bool first = i == 0 || strcmp(layer_case_layer(i), layer_case_layer(i - 1)) != 0;
        if (first && selected(layer_case_layer(i), a->layer, a->op))
            t->rows[t->n++] = (row){.layer = i};
    }
}

static void complain(heed_check *check, const char *text) {
    check->failed++;
    if (check->n_failures == HEED_CHECK_FAILURES)
        return;
    heed_check_failure *failure = &check->failures[check->n_failures++];
    *failure = (heed_check_failure){.sample = -1, .input = -1, .coordinate = -1};
    snprintf(failure->what, sizeof failure->what, "%s", text);
}

/* Too few cases prove nothing: so many must have had a gradient. */
static void require_cases(heed_check *check, int least) {
    char text[80];
    snprintf(text, sizeof text, "%d cases had a gradient, at least %d must", check->cases, least);
    if (!check->no_gradient && check->cases < least)
        complain(check, text);
}

static void check_row(row *r, const heed_check_options *options) {
    int end;
    r->check = r->op ? heed_gradcheck_op(r->op, options) : layer_cases_check(r->layer, options, &end);
    if (options->cases == 0)
        require_cases(&r->check, r->op ? CASES_OF_OP : CASES_OF_LAYER);
}

static void *work(void *user) {
    table *t = user;
    pthread_mutex_lock(&t->lock);
    while (t->next < t->n) {
        row *r = &t->rows[t->next++];
        pthread_mutex_unlock(&t->lock);
        check_row(r, t->options);
        pthread_mutex_lock(&t->lock);
        r->done = true;
        pthread_cond_broadcast(&t->finished);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/* ---- printing ---- */

static void print_rows(table *t) {
    heed_check_print_head(stdout);
    for (int i = 0; i < t->n; i++) {
        pthread_mutex_lock(&t->lock);
        while (!t->rows[i].done)
            pthread_cond_wait(&t->finished, &t->lock);
        pthread_mutex_unlock(&t->lock);
        if (i > 0 && t->rows[i - 1].op && t->rows[i].op == NULL)
            putchar('\n');
        heed_check_print(&t->rows[i].check, stdout);
        fflush(stdout);
    }
}

/* The number of rows that failed. */
static int print_summary(const table *t) {
    int ops = 0, cases = 0, failed = 0;
    const heed_check *worst = &t->rows[0].check;
    for (int i = 0; i < t->n; i++) {
        const heed_check *check = &t->rows[i].check;
        ops += t->rows[i].op != NULL;
        cases += check->cases;
        failed += check->failed > 0;
        worst = check->worst > worst->worst ? check : worst;
    }
    printf("gradcheck: %d ops, %d layers, %d cases, worst %.2g of tolerance (%s), %d failed\n", ops, t->n - ops, cases,
           worst->worst, worst->name, failed);
    return failed;
}

/* ---- the whole ---- */

static int count_rows(void) {
    int n = layer_cases_count();
    for (int i = 0; heed_builtin_ops[i]; i++)
        n++;
    return n;
}

/* This thread prints; if no other can be had, it does the work first. */
static int run(table *t) {
    enum { MOST = 64 };
    pthread_t workers[MOST];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int wanted = cores < 1 ? 1 : cores > MOST ? MOST : (int)cores, started = 0;
    while (started < wanted && pthread_create(&workers[started], NULL, work, t) == 0)
        started++;
    if (started == 0)
        work(t);
    print_rows(t);
    for (int i = 0; i < started; i++)
        pthread_join(workers[i], NULL);
    return print_summary(t) > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    arguments a = {.op = NULL};
    if (!parse(argc, argv, &a))
        return EXIT_USAGE;
    if (a.help) {
        fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    table t = {.options = &a.check, .lock = PTHREAD_MUTEX_INITIALIZER, .finished = PTHREAD_COND_INITIALIZER};
    t.rows = calloc((size_t)count_rows() + 1, sizeof *t.rows);
    if (t.rows == NULL) {
        fprintf(stderr, "gradcheck: out of memory\n");
        return EXIT_FAILURE;
    }
    list_rows(&a, &t);
    int status = EXIT_USAGE;
    if (t.n == 0)
        fprintf(stderr, "gradcheck: there is no %s \"%s\"\n", a.op ? "op" : "layer",
                a.op      ? a.op
                : a.layer ? a.layer
                          : "");
    else
        status = run(&t);
    free(t.rows);
    return status;
}
