#include "terminal.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- the terminal ---- */

static const char *setting(const char *name) {
    const char *value = getenv(name);
    return value ? value : "";
}

/* A number of columns or lines, or 0 where the variable holds none. */
static int size_setting(const char *name) {
    long size = strtol(setting(name), NULL, 10);
    return size > 0 && size <= USHRT_MAX ? (int)size : 0; /* as much as a winsize holds */
}

static int first_positive(int a, int b, int c) {
    return a > 0 ? a : b > 0 ? b : c;
}

terminal terminal_open(FILE *out) {
    const char *kind = setting("TERM"), *depth = setting("COLORTERM");
    bool live = isatty(fileno(out)) && kind[0] && strcmp(kind, "dumb") != 0;
    struct winsize size = {0};
    if (ioctl(fileno(out), TIOCGWINSZ, &size))
        size = (struct winsize){0};
    return (terminal){
        .out = out,
        .live = live,
        .colour = live && !setting("NO_COLOR")[0],
        .many = !strcmp(depth, "truecolor") || !strcmp(depth, "24bit") || strstr(kind, "direct"),
        .width = first_positive(size.ws_col, size_setting("COLUMNS"), 80),
        .height = first_positive(size.ws_row, size_setting("LINES"), 24),
    };
}

void terminal_again(const terminal *term, int lines) {
    if (!term->live)
        return;
    fputc('\r', term->out);
    if (lines > 0)
        fprintf(term->out, "\033[%dA", lines);
    fputs("\033[J", term->out);
}

/* ---- text ---- */

static bool starts_character(char byte) {
    return ((unsigned char)byte & 0xC0) != 0x80;
}

int text_columns(const char *text) {
    int columns = 0;
    for (; *text; text++)
        columns += starts_character(*text);
    return columns;
}

static void spaces(const terminal *term, int columns) {
    fprintf(term->out, "%*s", columns > 0 ? columns : 0, "");
}

void text_print(const terminal *term, const char *text, int columns) {
    const char *end = text;
    int used = 0;
    for (; *end; end++)
        if (starts_character(*end) && used++ == columns)
            break;
    fwrite(text, 1, (size_t)(end - text), term->out);
    spaces(term, columns - text_columns(text));
}

const char *grouped(long long number, char text[GROUPED]) {
    char digits[GROUPED];
    int length = snprintf(digits, sizeof digits, "%lld", number), used = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && digits[i - 1] != '-' && (length - i) % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = 0;
    return text;
}

/* The 256-colour palette's own numbers, so that a query is the same blue everywhere. */
static const char *const inks[INKS] = {
    [INK_PLAIN] = "",
    [INK_QUERY] = "38;5;75",
    [INK_KEY] = "38;5;214",
    [INK_VALUE] = "38;5;114",
    [INK_GRADIENT] = "38;5;176",
    [INK_GOOD] = "38;5;114",
    [INK_BAD] = "38;5;203",
    [INK_DIM] = "2",
    [INK_BOLD] = "1",
};

static void ink_begin(const terminal *term, ink colour) {
    if (term->colour && colour != INK_PLAIN)
        fprintf(term->out, "\033[%sm", inks[colour]);
}

static void ink_end(const terminal *term, ink colour) {
    if (term->colour && colour != INK_PLAIN)
        fputs("\033[0m", term->out);
}

void ink_print(const terminal *term, ink colour, const char *format, ...) {
    ink_begin(term, colour);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(term->out, format, arguments);
    va_end(arguments);
    ink_end(term, colour);
}

/* ---- cells ---- */

typedef struct rgb {
    int r, g, b;
} rgb;

/* How cells look from 0, the first entry, to 1, the last: 24-bit colours to mix, numbers of the 256-colour palette, which
 * holds no even ramp of its own, and shades. */
enum { STOPS = 4, STEPS = 10, SHADES = 6 };
typedef struct look {
    rgb stop[STOPS];
    int palette[STEPS];
    const char *shade[SHADES];
} look;

static const look share_look = {
    {{24, 26, 34}, {120, 58, 52}, {232, 130, 36}, {255, 236, 170}},
    {234, 235, 237, 58, 94, 130, 172, 214, 221, 229},
    {" ", "·", "░", "▒", "▓", "█"},
};
static const look above_look = {
    {{24, 26, 34}, {112, 66, 34}, {204, 112, 30}, {255, 176, 70}},
    {234, 235, 58, 94, 130, 136, 172, 208, 214, 215},
    {" ", "·", "░", "▒", "▓", "█"},
};
static const look below_look = {
    {{24, 26, 34}, {28, 68, 112}, {36, 116, 186}, {104, 182, 255}},
    {234, 235, 23, 24, 25, 31, 32, 39, 75, 117},
    {" ", ".", "-", "=", "≡", "#"},
};

static int between(int from, int to, double share) {
    return (int)lround(from + (to - from) * share);
}

static rgb mixed(const rgb stop[STOPS], double strength) {
    double place = strength * (STOPS - 1);
    int first = place >= STOPS - 1 ? STOPS - 2 : (int)place;
    const rgb *a = &stop[first], *b = &stop[first + 1];
    place -= first;
    return (rgb){between(a->r, b->r, place), between(a->g, b->g, place), between(a->b, b->b, place)};
}

static void fill(const terminal *term, const look *how, double strength, int columns) {
    rgb c = mixed(how->stop, strength);
    if (term->many)
        fprintf(term->out, "\033[48;2;%d;%d;%dm", c.r, c.g, c.b);
    else
        fprintf(term->out, "\033[48;5;%dm", how->palette[lround(strength * (STEPS - 1))]);
    spaces(term, columns);
    fputs("\033[0m", term->out);
}

static void repeat(const terminal *term, const char *character, int times) {
    while (times-- > 0)
        fputs(character, term->out);
}

static void cell_print(const terminal *term, const look *how, double strength, int columns) {
    if (isnan(strength)) {
        repeat(term, "?", columns);
        return;
    }
    strength = fmin(fmax(strength, 0), 1);
    if (term->colour)
        fill(term, how, strength, columns);
    else
        repeat(term, how->shade[lround(strength * (SHADES - 1))], columns);
}

void cell_signed(const terminal *term, double value, int columns) {
    cell_print(term, value < 0 ? &below_look : &above_look, fabs(value), columns);
}

void cell_share(const terminal *term, double share, int columns) {
    cell_print(term, &share_look, share, columns);
}

void scale_print(const terminal *term, bool shares, const char *low, const char *high) {
    fprintf(term->out, "%s ", low);
    for (int i = shares ? 0 : -STEPS; i <= STEPS; i++)
        (shares ? cell_share : cell_signed)(term, (double)i / STEPS, 1);
    fprintf(term->out, " %s", high);
}

/* ---- pictures ---- */

static int cell_width(const picture *p) {
    return p->cell > 0 ? p->cell : 2;
}

/* Of the row labels, the space behind them included. */
static int label_width(const picture *p) {
    int widest = 0;
    for (int row = 0; p->row_labels && row < p->rows; row++) {
        int columns = text_columns(p->row_labels[row]) + 1;
        widest = columns > widest ? columns : widest;
    }
    return widest;
}

int picture_width(const picture *p) {
    int cells = label_width(p) + p->columns * cell_width(p), title = p->title ? text_columns(p->title) : 0;
    return cells > title ? cells : title;
}

static double picture_scale(const picture *p) {
    double largest = p->scale > 0 ? p->scale : 0;
    for (int i = 0; p->scale <= 0 && i < p->rows * p->columns; i++)
        largest = fmax(largest, fabs(p->values[i]));
    return largest > 0 ? largest : 1;
}

/* Lines of a picture: title, column labels, rows. The first two are left out where no picture of the group has them. */
enum { TITLE_LINE = -2, LABEL_LINE = -1 };

static void print_cells(const terminal *term, const picture *p, int row) {
    double scale = picture_scale(p);
    for (int i = 0; i < p->columns; i++)
        (p->shares ? cell_share : cell_signed)(term, p->values[row * p->columns + i] / scale, cell_width(p));
}

static void print_column_labels(const terminal *term, const picture *p) {
    ink_begin(term, p->column_ink);
    for (int i = 0; i < p->columns; i++)
        text_print(term, p->column_labels ? p->column_labels[i] : "", cell_width(p));
    ink_end(term, p->column_ink);
}

static void print_row_label(const terminal *term, const picture *p, int row) {
    ink colour = row >= 0 && p->row_inks ? p->row_inks[row] : p->row_ink;
    ink_begin(term, colour);
    text_print(term, row >= 0 && p->row_labels ? p->row_labels[row] : "", label_width(p));
    ink_end(term, colour);
}

/* One line of a picture, filled up to its width. */
static void print_line(const terminal *term, const picture *p, int line) {
    int width = picture_width(p);
    if (line == TITLE_LINE) {
        text_print(term, p->title ? p->title : "", width);
        return;
    }
    if (line >= p->rows) {
        spaces(term, width);
        return;
    }
    print_row_label(term, p, line);
    if (line == LABEL_LINE)
        print_column_labels(term, p);
    else
        print_cells(term, p, line);
    spaces(term, width - label_width(p) - p->columns * cell_width(p));
}

int pictures_print(const terminal *term, const picture *p, int count, int gap) {
    bool wanted[2] = {false, false}; /* title, column labels */
    int rows = 0, printed = 0;
    for (int i = 0; i < count; i++) {
        wanted[0] |= p[i].title != NULL;
        wanted[1] |= p[i].column_labels != NULL;
        rows = p[i].rows > rows ? p[i].rows : rows;
    }
    for (int line = TITLE_LINE; line < rows; line++) {
        if (line < 0 && !wanted[line - TITLE_LINE])
            continue;
        for (int i = 0; i < count; i++) {
            spaces(term, i > 0 ? gap : 0);
            print_line(term, &p[i], line);
        }
        fputc('\n', term->out);
        printed++;
    }
    return printed;
}

int picture_print(const terminal *term, const picture *p) {
    return pictures_print(term, p, 1, 0);
}

/* ---- progress ---- */

void bar_print(const terminal *term, double share, int width) {
    share = isnan(share) ? 0 : fmin(fmax(share, 0), 1);
    int inside = term->colour ? width : width - 2;
    int done = inside > 0 ? (int)(share * inside) : 0;
    if (term->colour) {
        for (int i = 0; i < inside; i++)
            ink_print(term, i < done ? INK_GOOD : INK_DIM, "%s", i < done ? "━" : "─");
        return;
    }
    fputc('[', term->out);
    repeat(term, "#", done);
    repeat(term, ".", inside - done);
    fputc(']', term->out);
}
