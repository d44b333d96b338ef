#include "lesson.h"

#include "../common/progress.h"

int64_t classroom_steps(const classroom *c, int64_t usual) {
    return c->o.steps ? c->o.steps : usual;
}

heed_status classroom_tape_failed(classroom *c, heed_status status) {
    const char *text = heed_error_text(c->t);
    return heed_error_set(&c->error, status, "%s", text[0] ? text : "out of memory");
}

typedef struct bar {
    classroom *c;
    progress line;
    int64_t steps;
} bar;

static void look(void *user, int64_t step, double loss) {
    bar *b = user;
    if (!b->c->o.quiet)
        progress_show(&b->line, &b->c->term, step, b->steps, loss);
}

/* The reader with many heads alone is recorded. */
static heed_recorder *begin_recording(classroom *c, const reader *r, int n_heads, int64_t steps) {
    if (n_heads != READER_HEADS)
        return NULL;
    c->recorder = reader_kept_begin(&c->o.kept, r, "A transformer that translates phrases", steps, &c->kept);
    return c->recorder;
}

static heed_status train(classroom *c, const reader *r, int n_heads, mark *m) {
    char name[32];
    snprintf(name, sizeof name, "%d head%s", n_heads, n_heads == 1 ? " " : "s");
    bar b = {.c = c, .line = {.name = name}, .steps = classroom_steps(c, TRANSLATOR_STEPS)};
    translate_plan plan = {.steps = b.steps, .seed = c->o.seed, .threads = c->o.threads};
    plan.recorder = begin_recording(c, r, n_heads, b.steps);
    heed_status status = translate_train(r, &plan, look, &b, &c->error);
    progress_clear(&b.line, &c->term);
    if (!status && (status = translate_examine(r, c->t, c->exam, m)) != HEED_OK)
        classroom_tape_failed(c, status);
    return status;
}

reader *classroom_translator(classroom *c, int n_heads, mark *m) {
    if (c->phrases == NULL)
        c->phrases = task_phrases_new();
    if (c->phrases && c->exam == NULL)
        c->exam = examination_new(c->phrases, SENTENCES);
    reader *r = c->exam ? reader_new(c->phrases, n_heads, (uint64_t)c->o.seed) : NULL;
    if (r == NULL)
        heed_error_set(&c->error, HEED_NO_MEMORY, "out of memory");
    if (r == NULL || train(c, r, n_heads, m) == HEED_OK)
        return r;
    heed_recorder_end(c->recorder, NULL); /* it must not outlive what it records */
    c->recorder = NULL;
    reader_free(r);
    return NULL;
}

heed_status classroom_need_many(classroom *c) {
    if (c->many == NULL)
        c->many = classroom_translator(c, READER_HEADS, &c->many_mark);
    return c->many ? HEED_OK : c->error.status;
}
