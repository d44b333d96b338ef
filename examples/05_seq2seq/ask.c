#include "ask.h"

#include "show.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int show(const options *o, const translator *tr, const view *v) {
    terminal term = terminal_open(stdout);
    if (o->quiet) {
        printf("%s\n", v->answer);
        return DONE;
    }
    view_print(&term, tr->task, v);
    printf("  it is %.2f %% sure\n", 100 * v->sure);
    return DONE;
}

static int answer(const options *o, const translator *tr, heed_tape *t, view *v) {
    return view_take(tr, t, (int)o->beam, v) ? failed(heed_error_text(t)) : show(o, tr, v);
}

int ask_one(const options *o, const translator *tr) {
    char why[TASK_WHY];
    view *v = calloc(1, sizeof *v);
    if (v == NULL)
        return failed("");
    int result = MISUSED;
    if (!tr->task->read(tr->task, o->ask, &v->e, why)) {
        complain("--ask: %s", why);
    } else {
        heed_tape *t = heed_tape_new();
        heed_tape_set_threads(t, (int)o->threads);
        result = answer(o, tr, t, v);
        heed_tape_free(t);
    }
    free(v);
    return result;
}

/* One line; what cannot be read is answered by "?". */
static int answer_line(const options *o, const translator *tr, heed_tape *t, const char *text, size_t length,
                       int64_t number) {
    char why[TASK_WHY] = "a NUL byte is not text";
    view *v = calloc(1, sizeof *v);
    if (v == NULL)
        return failed("");
    int result = DONE;
    if (strlen(text) < length || !tr->task->read(tr->task, text, &v->e, why)) {
        complain("line %lld: %s", (long long)number, why);
        puts("?");
        result = MISUSED;
    } else if (view_take(tr, t, (int)o->beam, v)) {
        result = failed(heed_error_text(t));
    } else {
        puts(v->answer);
    }
    free(v);
    return result;
}

int ask_lines(const options *o, const translator *tr) {
    char *text = NULL;
    size_t size = 0;
    int result = DONE;
    heed_tape *t = heed_tape_new();
    heed_tape_set_threads(t, (int)o->threads);
    int64_t number = 0;
    for (ssize_t length; result != FAILED && (length = getline(&text, &size, stdin)) >= 0;) {
        int now = answer_line(o, tr, t, text, (size_t)length, ++number);
        result = now == DONE ? result : now;
        fflush(stdout);
    }
    if (ferror(stdin))
        result = (complain("standard input: %s", strerror(errno)), FAILED);
    heed_tape_free(t);
    free(text);
    return result == DONE ? DONE : FAILED;
}
