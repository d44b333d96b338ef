/* 10: what the parts of attention are for. Each lesson takes one away, or computes it otherwise, and measures what
 * becomes of it.
 *
 *     build/examples/10_heads                     all of them
 *     build/examples/10_heads --lesson words      one
 *
 *     lesson_heads.c, lesson_off.c    translate.h    a transformer that learns phrases
 *     lesson_scale.c                  scale.h        scores at random, and one head that looks things up
 *     lesson_places.c                 places.h       the input shuffled, and "which came first?"
 *     lesson_words.c                  words.h        six steps with loops */
#include "lesson.h"

#include <stdlib.h>

static lesson *const lessons[LESSONS] = {lesson_heads, lesson_off, lesson_scale, lesson_places, lesson_words};

static heed_status teach(classroom *c) {
    heed_status status = HEED_OK;
    for (int i = 0; i < LESSONS && !status; i++)
        if (c->o.lesson == ALL_LESSONS || c->o.lesson == i) {
            status = lessons[i](c);
            fflush(stdout);
        }
    return status;
}

static int run(const options *o) {
    classroom *c = calloc(1, sizeof *c);
    if (c == NULL)
        return failed("");
    c->o = *o;
    c->term = terminal_open(stdout);
    c->t = heed_tape_new();
    heed_tape_set_threads(c->t, (int)o->threads);
    heed_status status = teach(c);
    status = recording_end(&o->kept, c->recorder, o->quiet, status, &c->error);
    int result = status ? failed(c->error.text) : DONE;
    reader_free(c->many);
    examination_free(c->exam);
    task_free(c->phrases);
    heed_tape_free(c->t);
    free(c);
    return result;
}

int main(int argc, char **argv) {
    options o;
    if (!heads_options_read(&o, argc, argv) || (!o.help && !can_record(&o.kept)) ||
        !profiling_begin(&o.profile))
        return MISUSED;
    int result = DONE;
    if (o.help)
        options_print_help(&options_table, argv[0]);
    else
        result = run(&o);
    return program_end(profiling_end(&o.profile, result));
}
