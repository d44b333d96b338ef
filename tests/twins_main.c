/* Every op of the registry against a twin in numbers of 113 bits, and fused ops' compositions too: see twins/twins.h.
 *
 *     twins [--op NAME] [--seed N] [--all]
 *
 * --all takes the largest samples, too. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "twins/twins.h"

static const twin *const families[] = {twins_elementwise, twins_shape,     twins_choose,    twins_reduce, twins_softmax,
                                       twins_product,     twins_attention, twins_recurrent, twins_loss};

static const twin *twin_of(const char *op) {
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        for (const twin *w = families[i]; w->op; w++)
            if (strcmp(w->op, op) == 0)
                return w;
    return NULL;
}

static bool is_op(const char *name) {
    int i = 0;
    while (heed_builtin_ops[i] && strcmp(heed_builtin_ops[i]->name, name) != 0)
        i++;
    return heed_builtin_ops[i] != NULL;
}

/* ---- the table ---- */

typedef struct totals {
    int ops, cases, failed;
    double worst;
    const char *worst_of;
} totals;

/* "-" where nothing was compared. */
static void print_share(double share, bool any) {
    char text[16] = "-";
    if (any && share == 0)
        strcpy(text, "exact");
    else if (any && share < 10000)
        snprintf(text, sizeof text, "%d.%03d", (int)share, (int)(share * 1000) % 1000);
    else if (any)
        strcpy(text, "far");
    printf(" %10s", text);
}

static void print_head(void) {
    printf("\n  %-36s   largest error, as a share of what is allowed\n", "");
    printf("  %-24s %7s %10s %10s %10s\n", "", "", "f64", "", "f32");
    printf("  %-24s %7s %10s %10s %10s %10s\n", "op", "cases", "values", "gradients", "values", "gradients");
}

static void print_row(const char *name, const tally *t, bool differentiated, totals *all) {
    printf("  %-24s %7d", name, t->cases);
    print_share(t->value[HEED_F64], t->cases > 0);
    print_share(t->gradient[HEED_F64], differentiated);
    print_share(t->value[HEED_F32], t->cases > 0);
    print_share(t->gradient[HEED_F32], differentiated);
    if (t->failed)
        printf("  FAILED (%d)", t->failed);
    if (t->redrawn)
        printf("  (%d drawn again)", t->redrawn);
    printf("\n");
    all->cases += t->cases;
    all->failed += t->failed;
    if (tally_worst(t) >= all->worst) {
        all->worst = tally_worst(t);
        all->worst_of = name;
    }
}

static void check_ops(const settings *o, totals *all) {
    print_head();
    for (int i = 0; heed_builtin_ops[i]; i++) {
        const heed_op *op = heed_builtin_ops[i];
        const twin *w = twin_of(op->name);
        if (o->op && strcmp(o->op, op->name) != 0)
            continue;
        all->ops++;
        if (w == NULL) {
            printf("  %s has no twin: add it to tests/twins\n", op->name);
            all->failed++;
            continue;
        }
        const tally t = check_op(op, w, NULL, o);
        print_row(op->name, &t, !(op->flags & HEED_NO_GRADIENT), all);
        fflush(stdout);
    }
}

/* Fused ops as compositions: against the same twins, so within two bounds of the fused ones. */
static void check_compositions(const settings *o, totals *all) {
    for (const composition *c = compositions; c->op; c++) {
        if (o->op && strcmp(o->op, c->op) != 0)
            continue;
        int i = 0;
        while (strcmp(heed_builtin_ops[i]->name, c->op) != 0)
            i++;
        const tally t = check_op(heed_builtin_ops[i], twin_of(c->op), c, o);
        char name[64];
        snprintf(name, sizeof name, "%s, composed", c->op);
        print_row(name, &t, true, all);
        fflush(stdout);
    }
}

/* ---- the command line ---- */

static int usage(const char *program) {
    fprintf(stderr, "usage: %s [--op NAME] [--seed N] [--all]\n", program);
    return 2;
}

static bool read_options(int argc, char **argv, settings *o) {
    for (int i = 1; i < argc; i++) {
        char *end = "";
        if (strcmp(argv[i], "--all") == 0)
            o->all = true;
        else if (strcmp(argv[i], "--op") == 0 && i + 1 < argc)
            o->op = argv[++i];
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            o->seed = strtoull(argv[++i], &end, 10);
        else
            return false;
        if (*end != '\0')
            return false;
    }
    return true;
}

int main(int argc, char **argv) {
    settings o = {.seed = 1};
    totals all = {.worst_of = "none"};
    if (!read_options(argc, argv, &o))
        return usage(argv[0]);
    if (REAL_DIGITS < 64) {
        printf("twins: skipped: this machine has no numbers that are longer than f64\n");
        return 0;
    }
    if (o.op && !is_op(o.op))
        return fprintf(stderr, "twins: there is no op %s\n", o.op), 2;
    check_ops(&o, &all);
    check_compositions(&o, &all);
    quad_free();
    printf("twins: %d ops, %d cases, worst %.2g of the bound (%s), %d failed\n", all.ops, all.cases, all.worst,
           all.worst_of, all.failed);
    return all.failed > 0;
}
