#include "say.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

static const struct {
    char letter;
    ink colour;
} markup[] = {
    {'q', INK_QUERY}, {'k', INK_KEY},  {'v', INK_VALUE}, {'g', INK_GRADIENT},
    {'+', INK_GOOD},  {'b', INK_BOLD}, {'d', INK_DIM},
};

static ink ink_of(char letter) {
    for (size_t i = 0; i < sizeof markup / sizeof *markup; i++)
        if (markup[i].letter == letter)
            return markup[i].colour;
    return INK_PLAIN;
}

/* Whether `at` begins or ends a colour; how many bytes that takes, else 0. */
static int markup_length(const char *at) {
    return at[0] == '{' && at[1] && at[2] == '|' ? 3 : at[0] == '}' ? 1 : 0;
}

static void print_marked(const terminal *term, const char *text) {
    ink colour = INK_PLAIN;
    for (const char *at = text; *at;) {
        int mark = markup_length(at);
        if (mark)
            colour = mark > 1 ? ink_of(at[1]) : INK_PLAIN;
        at += mark;
        size_t length = strcspn(at, "{}");
        ink_print(term, colour, "%.*s", (int)length, at);
        at += length;
    }
}

enum { TEXT = 2048, COLUMNS = 79, INDENT = 2 };

void say(const terminal *term, const char *format, ...) {
    char text[TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    print_marked(term, text);
}

/* The columns that a word fills; *end is set behind it. */
static int word_columns(const char *at, const char **end) {
    int columns = 0;
    while (*at && *at != ' ') {
        int mark = markup_length(at);
        columns += !mark && ((unsigned char)*at & 0xC0) != 0x80; /* a byte that begins a character */
        at += mark ? mark : 1;
    }
    *end = at;
    return columns;
}

void say_text(const terminal *term, const char *format, ...) {
    char text[TEXT], broken[2 * TEXT] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    size_t used = 0;
    int column = 0;
    for (const char *word = text, *end; *word && used < sizeof broken; word = *end ? end + 1 : end) {
        int columns = word_columns(word, &end);
        bool fresh = column == 0 || column + 1 + columns > COLUMNS;
        const char *before = column == 0 ? "  " : fresh ? "\n  " : " ";
        column = (fresh ? INDENT : column + 1) + columns;
        used += (size_t)snprintf(broken + used, sizeof broken - used, "%s%.*s", before, (int)(end - word), word);
    }
    for (char *at = broken; *at; at++)
        *at = *at == '~' ? ' ' : *at;
    print_marked(term, broken);
    fputs("\n\n", term->out);
}

void say_heading(const terminal *term, const char *title, const char *rest) {
    for (int i = 0; i < COLUMNS; i++)
        ink_print(term, INK_DIM, "─");
    say(term, rest[0] ? "\n{b|%s}  {d|%s}\n\n" : "\n{b|%s}\n\n", title, rest);
}

void say_bar(const terminal *term, ink colour, double share, int columns) {
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    int filled = (int)lround(fmin(fmax(share, 0), 1) * columns * 8);
    for (int i = 0; i < filled / 8; i++)
        ink_print(term, colour, "█");
    ink_print(term, colour, "%s", eighths[filled % 8]);
}
