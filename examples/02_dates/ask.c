#include "ask.h"

#include "map.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- one date ---- */

static int show_answer(const attention_map *map, bool heads, bool quiet) {
    bool real = dates_parse_iso(map->answer) >= 0;
    terminal term = terminal_open(stdout);
    if (quiet) {
        printf("%s\n", real ? map->answer : "?");
        return real ? 0 : 1;
    }
    printf("%s  →  ", map->source);
    ink_print(&term, real ? INK_GOOD : INK_BAD, "%s", map->answer);
    printf("  (it is %.2f %% sure)\n", 100 * map->sure);
    if (!real)
        printf("That is no date of 1900 to 2099.\n");
    printf("\n");
    map_print(&term, map);
    if (heads)
        map_print_heads(&term, map);
    return real ? 0 : 1;
}

int ask_one(const reader *r, const options *o) {
    char why[TASK_WHY];
    example e;
    if (!r->task->read(r->task, o->ask, &e, why)) {
        complain("--ask: %s", why);
        return 2;
    }
    lookout *l = lookout_new((int)o->plan.threads);
    attention_map *map = calloc(1, sizeof *map);
    int status = 1;
    if (l == NULL || map == NULL)
        complain("out of memory");
    else if (lookout_take(l, r, &e, map))
        complain("%s", lookout_error_text(l));
    else
        status = show_answer(map, o->heads, o->quiet);
    free(map);
    lookout_free(l);
    return status;
}

/* ---- dates from standard input ---- */

/* Lines are answered together, as many as have come: one by one to a person who types, by the hundred from a file. */
enum { GROUP = 128, BUFFER = 1 << 16, LONG_LINE = 1 << 10 };

typedef struct inbox {
    const reader *r;
    heed_tape *t;
    int64_t line;          /* the number of the last */
    int lines, understood; /* in the group */
    bool clear[GROUP];     /* by line */
    example dates[GROUP];  /* of those that are clear */
    int32_t ids[GROUP * BATCH_TIME];
    batch b;
    bool failed; /* "?" was answered */
    size_t used;
    char bytes[BUFFER + 1];
} inbox;

static void print_answer(inbox *in, int64_t line, const int32_t *ids) {
    char answer[TASK_BYTES];
    in->r->task->write(in->r->task, true, ids, BATCH_TIME, answer);
    bool real = dates_parse_iso(answer) >= 0;
    if (!real)
        complain("line %lld: the model wrote \"%s\", which is no date of 1900 to 2099", (long long)line, answer);
    in->failed |= !real;
    puts(real ? answer : "?");
}

/* False: the run cannot go on; it was said why. */
static bool answer_group(inbox *in) {
    if (in->understood > 0) {
        batch_fill(&in->b, in->dates, in->understood);
        if (reader_read(in->r, in->t, &in->b, in->ids, NULL)) {
            complain("%s", heed_error_text(in->t));
            return false;
        }
    }
    for (int i = 0, next = 0; i < in->lines; i++) {
        if (in->clear[i])
            print_answer(in, in->line - in->lines + i + 1, in->ids + next++ * BATCH_TIME);
        else
            puts("?");
    }
    in->lines = in->understood = 0;
    if (fflush(stdout)) {
        complain("standard output: %s", strerror(errno));
        return false;
    }
    return true;
}

static bool take_line(inbox *in, char *text, size_t length) {
    char why[TASK_WHY];
    in->line++;
    text[length] = 0;
    bool clear = false;
    if (strlen(text) < length)
        snprintf(why, TASK_WHY, "byte %zu is not UTF-8 text", strlen(text) + 1);
    else
        clear = in->r->task->read(in->r->task, text, &in->dates[in->understood], why);
    if (!clear)
        complain("line %lld: %s", (long long)in->line, why);
    in->failed |= !clear;
    in->understood += clear;
    in->clear[in->lines++] = clear;
    return in->lines < GROUP || answer_group(in);
}

/* The whole lines in the buffer; what is left of a line moves to its front. */
static bool take_lines(inbox *in) {
    char *start = in->bytes, *end = in->bytes + in->used;
    for (char *stop; (stop = memchr(start, '\n', (size_t)(end - start))) != NULL; start = stop + 1)
        if (!take_line(in, start, (size_t)(stop - start)))
            return false;
    in->used = (size_t)(end - start);
    memmove(in->bytes, start, in->used);
    if (in->used == BUFFER) /* a line too long to be a date is too long without its end as well */
        in->used = LONG_LINE;
    return answer_group(in);
}

static bool read_all(inbox *in) {
    for (;;) {
        ssize_t count = read(STDIN_FILENO, in->bytes + in->used, BUFFER - in->used);
        if (count < 0) {
            complain("standard input: %s", strerror(errno));
            return false;
        }
        in->used += (size_t)count;
        if (!take_lines(in))
            return false;
        if (count == 0)
            return in->used == 0 || (take_line(in, in->bytes, in->used) && answer_group(in));
    }
}

int ask_lines(const reader *r, const options *o) {
    inbox *in = calloc(1, sizeof *in);
    if (in == NULL) {
        complain("out of memory");
        return 1;
    }
    in->r = r;
    in->t = heed_tape_new();
    heed_tape_set_threads(in->t, (int)o->plan.threads);
    bool good = read_all(in) && !in->failed;
    heed_tape_free(in->t);
    free(in);
    return good ? 0 : 1;
}
