#include "show.h"

#include <string.h>

/* ---- the task ---- */

static void show_digits(const terminal *term, ink colour, const int32_t *digits, int n) {
    for (int i = 0; i < n; i++)
        ink_print(term, colour, "%d ", (int)digits[i]);
}

static void show_example(const terminal *term, const addition_task *task, int index) {
    int32_t row[ADDITION_LENGTH];
    char text[ADDITION_TEXT];
    addition_lesson(task, 1, (uint64_t)index, row);
    say(term, "      ");
    text_print(term, addition_text(task, row, text), 7 * task->digits + 3);
    show_digits(term, INK_KEY, row, task->digits);
    say(term, " ");
    show_digits(term, INK_VALUE, row + task->digits, task->digits);
    say(term, "→ ");
    show_digits(term, INK_QUERY, row + 2 * task->digits, task->digits + 1);
    say(term, "\n");
}

void show_task(const terminal *term, const addition_task *task, const answerer *a) {
    char number[GROUPED];
    say_heading(term, "ADDITION", "a GPT learns to add from examples, carries and all");
    for (int i = 0; i < 3; i++)
        show_example(term, task, i);
    say(term, "\n");
    say_text(term,
             "It reads the digits of two numbers and goes on with those of their sum, the ones first, as one adds by "
             "hand: so a "
             "carry is known before it is needed. %d layers, %d heads, width %d, %s parameters; only the answer is "
             "taught. One "
             "pair of numbers in ten is never shown to it, in neither order.",
             a->options.n_layers, a->options.n_heads, a->options.d_model,
             grouped(heed_model_trainable(a->model), number));
}

void show_line(const terminal *term, int64_t step, double loss, const school_count *count) {
    say(term, "  step %5lld   loss %.4f   held-out sums right: %5.1f %%\n", (long long)step, loss,
        100.0 * count->exact / count->asked);
    fflush(term->out);
}

/* ---- marks ---- */

void show_marks(const terminal *term, const addition_marks *marks) {
    char number[2][GROUPED];
    say(term, "\n");
    say_heading(term, "BY CARRIES", "sums it was never shown, exact in every digit");
    for (int i = 0; i <= marks->task->digits; i++) {
        double share = marks->asked[i] ? (double)marks->exact[i] / marks->asked[i] : 0;
        say(term, "  %d %-8s %6s of %-6s {b|%6.2f %%}  ", i, i == 1 ? "carry" : "carries",
            grouped(marks->exact[i], number[0]), grouped(marks->asked[i], number[1]), 100 * share);
        say_bar(term, INK_GOOD, share, 30);
        say(term, "\n");
    }
    for (int i = 0; i < marks->mistakes; i++) {
        char right[ADDITION_TEXT], given[ADDITION_TEXT];
        addition_text(marks->task, marks->right[i], right);
        addition_text(marks->task, marks->given[i], given);
        say(term, "  wrong   %s, it is %s\n", given, strstr(right, "= ") + 2);
    }
    say(term, "\n");
}

/* ---- where it looks ---- */

typedef struct axes {
    char text[ADDITION_LENGTH][16];
    const char *label[ADDITION_LENGTH];
} axes;

/* a1 a0 b1 b0 s0 s1 s2: counted from the right, as powers of ten are. */
static void name_axes(axes *x, const addition_task *task) {
    int n = task->digits;
    for (int i = 0; i <= 3 * n; i++) {
        int place = i < 2 * n ? n - 1 - i % n : i - 2 * n;
        snprintf(x->text[i], sizeof x->text[i], "%c%d", i < n ? 'a' : i < 2 * n ? 'b' : 's', place);
        x->label[i] = x->text[i];
    }
}

static void show_layer(const terminal *term, const addition_task *task, const answerer_options *model, const axes *x,
                       const double *maps, int layer) {
    enum { HEADS = 8, GAP = 3 };
    picture p[HEADS];
    char title[HEADS][48];
    int rows = task->digits + 1, columns = 3 * task->digits;
    for (int h = 0; h < model->n_heads && h < HEADS; h++) {
        snprintf(title[h], sizeof title[h], "   layer %d, head %d", layer + 1, h + 1);
        p[h] = (picture){.title = title[h],
                         .values = maps + (layer * model->n_heads + h) * rows * columns,
                         .rows = rows,
                         .columns = columns,
                         .row_labels = x->label + 2 * task->digits,
                         .column_labels = x->label,
                         .row_ink = INK_QUERY,
                         .column_ink = INK_KEY,
                         .scale = 1,
                         .shares = true,
                         .cell = 3};
    }
    int room = (term->width - 1 + GAP) / (picture_width(&p[0]) + GAP);
    for (int h = 0, count; h < model->n_heads && h < HEADS; h += count) {
        int left = model->n_heads - h;
        count = room < 1 ? 1 : room < left ? room : left;
        pictures_print(term, p + h, count, GAP);
        say(term, "\n");
    }
}

/* Shares of weight by place, mean over a layer's heads. */
static void show_places(const terminal *term, const addition_task *task, const answerer_options *model,
                        const double *maps, int layer, int written) {
    double share[ADDITION_PLACES] = {0};
    int rows = task->digits + 1, columns = 3 * task->digits;
    for (int h = 0; h < model->n_heads; h++)
        for (int j = 0; j < columns; j++)
            share[addition_place_of(task, written, j)] +=
                maps[((layer * model->n_heads + h) * rows + written) * columns + j] / model->n_heads;
    say(term, "  layer %d   {q|s%d}", layer + 1, written);
    for (int place = 0; place < ADDITION_PLACES; place++)
        ink_print(term, share[place] > 0.25 ? INK_BOLD : INK_PLAIN, "%9.0f %%", 100 * share[place]);
    say(term, "\n");
}

void show_maps(const terminal *term, const addition_task *task, const answerer_options *model, const double *maps,
               int sums) {
    axes x;
    name_axes(&x, task);
    say_heading(term, "WHERE IT LOOKS", "from each digit of the sum, down, to what it has read and written, across");
    for (int layer = 0; layer < model->n_layers; layer++)
        show_layer(term, task, model, &x, maps, layer);
    say(term, "  ");
    scale_print(term, true, "0", "1");
    say(term, "   mean of %d held-out sums\n\n", sums);
    say_text(term,
             "a0, b0 and s0 are the ones, a1, b1 and s1 the tens, and so on. By columns, mean over a layer's heads:");
    say(term, "                  own    one right     further      left   sum so far\n");
    for (int layer = 0; layer < model->n_layers; layer++)
        for (int written = 0; written <= task->digits; written++)
            show_places(term, task, model, maps, layer, written);
    say(term, "\n");
    say_text(term, "Each digit of the sum is made of the two above it, its own column, and of a carry; whether there "
                   "is one, the column "
                   "to its right decides, along with the digit written there, and where that column sums to nine, what "
                   "is further right. "
                   "The last digit has no column of its own: it is a carry.");
}

void show_result(const terminal *term, const addition_marks *marks) {
    char number[2][GROUPED];
    int asked = addition_asked(marks), exact = addition_exact(marks);
    say(term, "held-out sums of %d digits exact: {b|%s of %s, %.2f %%}\n", marks->task->digits,
        grouped(exact, number[0]), grouped(asked, number[1]), 100.0 * exact / asked);
}
