/* The program that checks gradients: options, rows worked on side by side, a table, files.
 *
 * The rows are worked on by as many threads as there are cores, and printed in order, each as soon as those above it are. */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <heed/check_journal.h>

enum { CASES_OF_OP = 24 }; /* that must count */
enum { EXIT_USAGE = 2 };

/* ---- options ---- */

typedef struct arguments {
    const char *op, *layer; /* NULL: all, unless the other one is given */
    const char *json, *html; /* files to be written, or NULL */
    heed_check_options check;
    bool help;
} arguments;

static const char usage[] =
    "usage: gradcheck [options]\n"
    "Checks gradients against central differences.\n"
    "\n"
    "  --op NAME     only this op\n"
    "  --layer NAME  only this layer\n"
    "  --cases N     at most N cases of each (and then any number is enough)\n"
    "  --seed N      draw other points (0)\n"
    "  --first       of each no more than the first case that fails\n"
    "  --json FILE   write what was found, entry by entry\n"
    "  --html FILE   write it as a page of heat maps\n"
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
        {"first", no_argument, NULL, 'f'},       {"json", required_argument, NULL, 'j'},
        {"html", required_argument, NULL, 'w'},  {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    unsigned long long number;
    opterr = 0; /* its complaint would be a second line beside ours */
    for (int option; (option = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        switch (option) {
        case 'o': a->op = optarg; break;
        case 'l': a->layer = optarg; break;
        case 'f': a->check.first = true; break;
        case 'j': a->json = optarg; break;
        case 'w': a->html = optarg; break;
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
    const heed_check_row *of;
    heed_check check;
    bool done;
} row;

typedef struct table {
    row *rows;
    int n, next; /* next: the first that nobody works on */
    const heed_check_options *options;
    heed_check_journal *journal; /* or NULL */
    pthread_mutex_t lock;
    pthread_cond_t finished;
} table;

/* Whether a row is asked for: all are, unless --op or --layer names others. */
static bool selected(const arguments *a, const heed_check_row *r) {
    const char *mine = r->layer ? a->layer : a->op, *other = r->layer ? a->op : a->layer;
    return mine ? strcmp(r->name, mine) == 0 : other == NULL;
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

/* Entries under their row's name: a layer's cases have names of their own, which stand before the parameter's. */
typedef struct listener {
    heed_check_journal *journal;
    const char *name;
} listener;

static void listen(void *user, const heed_check_entries *entries) {
    const listener *l = user;
    heed_check_entries under = *entries;
    char text[2 * HEED_CHECK_NAME + 128];
    if (strcmp(entries->name, l->name) != 0) {
        snprintf(text, sizeof text, "%s: %s", entries->name, entries->parameter ? entries->parameter : "its input");
        under.parameter = text;
        under.name = l->name;
    }
    heed_check_journal_entries(l->journal, &under);
}

static void check_row(const table *t, row *r) {
    heed_check_options options = *t->options;
    listener l = {t->journal, r->of->name};
    if (t->journal) {
        options.entries = listen;
        options.user = &l;
    }
    r->check = r->of->check(r->of->what, &options);
    if (options.cases == 0)
        require_cases(&r->check, r->of->least);
}

static void *work(void *user) {
    table *t = user;
    pthread_mutex_lock(&t->lock);
    while (t->next < t->n) {
        row *r = &t->rows[t->next++];
        pthread_mutex_unlock(&t->lock);
        check_row(t, r);
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
        if (i > 0 && t->rows[i - 1].of->layer != t->rows[i].of->layer)
            putchar('\n');
        heed_check_print(&t->rows[i].check, stdout);
        fflush(stdout);
        if (t->journal)
            heed_check_journal_add(t->journal, &t->rows[i].check);
    }
}

/* The number of rows that failed. */
static int print_summary(const table *t) {
    int ops = 0, cases = 0, failed = 0;
    const heed_check *worst = &t->rows[0].check;
    for (int i = 0; i < t->n; i++) {
        const heed_check *check = &t->rows[i].check;
        ops += !t->rows[i].of->layer;
        cases += check->cases;
        failed += check->failed > 0;
        worst = check->worst > worst->worst ? check : worst;
    }
    printf("gradcheck: %d ops, %d layers, %d cases, worst %.2g of tolerance (%s), %d failed\n", ops, t->n - ops, cases,
           worst->worst, worst->name, failed);
    return failed;
}

/* ---- the whole ---- */

/* This thread prints; if no other can be had, it does the work first. */
static bool run(table *t) {
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
    return print_summary(t) == 0;
}

/* The files that were asked for. */
static bool write_files(const arguments *a, const heed_check_journal *journal) {
    heed_error error = {.status = HEED_OK};
    heed_status status = a->json ? heed_check_journal_json(journal, a->json, &error) : HEED_OK;
    if (!status && a->html)
        status = heed_check_journal_html(journal, a->html, &error);
    if (status)
        fprintf(stderr, "gradcheck: %s\n", error.text);
    return status == HEED_OK;
}

static int check_all(const arguments *a, table *t) {
    const bool journal = a->json || a->html;
    if (t->n == 0) {
        fprintf(stderr, "gradcheck: there is no %s \"%s\"\n", a->op ? "op" : "layer",
                a->op      ? a->op
                : a->layer ? a->layer
                           : "");
        return EXIT_USAGE;
    }
    if (journal && (t->journal = heed_check_journal_new()) == NULL) {
        fprintf(stderr, "gradcheck: out of memory\n");
        return EXIT_FAILURE;
    }
    const bool right = run(t), written = !journal || write_files(a, t->journal);
    heed_check_journal_free(t->journal);
    return right && written ? EXIT_SUCCESS : EXIT_FAILURE;
}

int heed_gradcheck_main(int argc, char **argv, int n, const heed_check_row *rows) {
    arguments a = {.op = NULL};
    if (!parse(argc, argv, &a))
        return EXIT_USAGE;
    if (a.help) {
        fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    table t = {.options = &a.check, .lock = PTHREAD_MUTEX_INITIALIZER, .finished = PTHREAD_COND_INITIALIZER};
    t.rows = calloc((size_t)n + 1, sizeof *t.rows);
    if (t.rows == NULL) {
        fprintf(stderr, "gradcheck: out of memory\n");
        return EXIT_FAILURE;
    }
    for (int i = 0; i < n; i++)
        if (selected(&a, &rows[i]))
            t.rows[t.n++].of = &rows[i];
    const int status = check_all(&a, &t);
    free(t.rows);
    return status;
}

static heed_check check_op(const void *op, const heed_check_options *options) {
    return heed_gradcheck_op(op, options);
}

heed_check_row heed_check_row_of_op(const heed_op *op) {
    return (heed_check_row){.name = op->name, .check = check_op, .what = op, .least = CASES_OF_OP};
}

static heed_check check_case(const void *c, const heed_check_options *options) {
    return heed_gradcheck(c, options);
}

heed_check_row heed_check_row_of_case(const heed_check_case *c) {
    return (heed_check_row){.name = c->name, .layer = true, .check = check_case, .what = c};
}
