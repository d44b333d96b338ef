#include "show.h"

/* ---- the task ---- */

static void show_digits(const terminal *term, ink colour, const int32_t *digits, int n) {
    for (int i = 0; i < n; i++)
        ink_print(term, colour, "%d ", (int)digits[i]);
}

void show_sort_task(const terminal *term, const sort_task *task, const answerer *a) {
    char number[3][GROUPED];
    int64_t all, held_out;
    sort_count(task, &all, &held_out);
    say_heading(term, "SORTING", "a GPT learns to go on with the same digits in order");
    say(term, "      {d|read          to be written}\n");
    for (int i = 0; i < 3; i++) {
        int32_t row[2 * SORT_LENGTH];
        sort_lesson(task, 1, (uint64_t)i, row);
        say(term, "      ");
        show_digits(term, INK_KEY, row, task->length);
        say(term, "→ ");
        show_digits(term, INK_QUERY, row + task->length, task->length);
        say(term, "\n");
    }
    say(term, "\n");
    say_text(
        term,
        "It reads left to right, as any GPT: %d layers, %d heads, width %d, %s parameters. What it is asked for is the "
        "answer "
        "alone; no one can foretell the input. As in Karpathy's minGPT, a hash of the input holds one in four out.",
        a->options.n_layers, a->options.n_heads, a->options.d_model,
        grouped(heed_model_trainable(a->model), number[0]));
    if (all > 0)
        say_text(term,
                 "There are %d^%d = %s inputs, and %s of them are held out: never trained on. (Their digits in another "
                 "order "
                 "may well be.)",
                 task->values, task->length, grouped(all, number[1]), grouped(held_out, number[2]));
}

void show_sort_line(const terminal *term, int64_t step, double loss, const school_count *count) {
    say(term, "  step %5lld   loss %.4f   held-out inputs sorted: %5.1f %%\n", (long long)step, loss,
        100.0 * count->exact / count->asked);
    fflush(term->out);
}

/* ---- where it looks ---- */

typedef struct axes {
    char text[2 * SORT_LENGTH][4];
    const char *read[2 * SORT_LENGTH], *written[SORT_LENGTH];
} axes;

static void name_axes(axes *x, const sort_task *task, const int32_t *row) {
    for (int i = 0; i < 2 * task->length; i++) {
        snprintf(x->text[i], sizeof x->text[i], "%d", (int)row[i]);
        x->read[i] = x->text[i];
        if (i >= task->length)
            x->written[i - task->length] = x->text[i];
    }
}

static void show_layer(const terminal *term, const sort_task *task, const answerer_options *model, const axes *x,
                       const show_sort_maps *maps, int layer) {
    enum { HEADS = 4, GAP = 2 };
    picture p[HEADS];
    char title[HEADS][48];
    int heads = model->n_heads < HEADS ? model->n_heads : HEADS, size = task->length * (2 * task->length - 1);
    int cell = heads * (2 + 2 * (2 * task->length - 1) + GAP) - GAP < term->width ? 2 : 1;
    for (int h = 0; h < heads; h++) {
        int place = layer * model->n_heads + h;
        snprintf(title[h], sizeof title[h], "  %d.%d: own %.0f %%", layer + 1, h + 1, 100 * maps->own[place]);
        p[h] = (picture){.title = title[h],
                         .values = maps->maps + place * size,
                         .rows = task->length,
                         .columns = 2 * task->length - 1,
                         .row_labels = x->written,
                         .column_labels = x->read,
                         .row_ink = INK_QUERY,
                         .column_ink = INK_KEY,
                         .scale = 1,
                         .shares = true,
                         .cell = cell};
    }
    pictures_print(term, p, heads, GAP);
    say(term, "\n");
}

void show_sort_heads(const terminal *term, const sort_task *task, const answerer_options *model,
                     const show_sort_maps *maps) {
    axes x;
    name_axes(&x, task, maps->row);
    say(term, "\n");
    say_heading(term, "WHERE IT LOOKS", "from each digit it writes, down, to what it has read and written, across");
    for (int layer = 0; layer < model->n_layers; layer++)
        show_layer(term, task, model, &x, maps, layer);
    say(term, "  ");
    scale_print(term, true, "0", "1");
    say(term, "   layer.head of a held-out input\n\n");
    int best = 0;
    for (int i = 1; i < model->n_layers * model->n_heads; i++)
        best = maps->own[i] > maps->own[best] ? i : best;
    say_text(term,
             "own: of the weight that falls on the input, the share that falls on digits like the one being written, "
             "mean over "
             "held-out inputs. It would be {b|%.0f %%} if all were looked at alike; in layer %d, head %d it is {b|%.0f "
             "%%}: before "
             "a digit is written, its likes have been found.",
             100 * maps->chance, best / model->n_heads + 1, best % model->n_heads + 1, 100 * maps->own[best]);
}

void show_sort_result(const terminal *term, const sort_task *task, const school_count *count) {
    char number[2][GROUPED];
    int64_t all, held_out;
    sort_count(task, &all, &held_out);
    say(term, "held-out inputs sorted: {b|%.1f %%} of %s", 100.0 * count->exact / count->asked,
        grouped(count->asked, number[0]));
    if (all > 0)
        say(term, " drawn from the %s there are", grouped(held_out, number[1]));
    say(term, "\n");
}
