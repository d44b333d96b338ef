#include "einsum_text.h"

#include <heed/op.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool trouble(einsum_equation *equation, const char *format, ...) HEED_PRINTF(2, 3);
static bool trouble(einsum_equation *equation, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(equation->trouble, sizeof equation->trouble, format, arguments);
    va_end(arguments);
    return false;
}

/* Not isalpha, which depends on the locale. */
static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool ends_term(char c) {
    return c == '\0' || c == ',' || c == '-';
}

static int letters_in(const char *term) {
    int n = 0;
    for (; !ends_term(*term); term++)
        n += is_letter(*term);
    return n;
}

static bool has_dots(const char *term) {
    while (!ends_term(*term) && *term != '.')
        term++;
    return *term == '.';
}

/* Reads a term whose "..." stands for so many axes, and moves behind it. There is room for every axis: the caller has
 * counted. */
static bool read_term(einsum_equation *equation, const char **text, int dots, einsum_axes *axes) {
    int n = 0;
    bool dots_read = false;
    *axes = (einsum_axes){{0}};
    for (; !ends_term(**text); (*text)++) {
        if (**text == ' ')
            continue;
        if (is_letter(**text)) {
            axes->letter[n++] = **text;
        } else if (strncmp(*text, "...", 3) == 0 && !dots_read) {
            for (int i = 0; i < dots; i++)
                axes->letter[n++] = (char)('8' - dots + i);
            *text += 2;
            dots_read = true;
        } else {
            return trouble(equation, "'%c' at \"%s\" is no letter; axes are a-z, A-Z and one \"...\" a term", **text,
                           *text);
        }
    }
    return true;
}

/* An operand's term: as many letters as the operand has axes, or "..." for the others. */
static bool read_operand(einsum_equation *equation, const char **text, int i, heed_shape shape, einsum_axes *axes) {
    int letters = letters_in(*text), dots = has_dots(*text) ? shape.rank - letters : 0;
    if (dots < 0 || letters + dots != shape.rank)
        return trouble(equation, "operand %d is %s, its term \"%.*s\" names %d axes", i, HEED_SHAPE_STR(shape),
                       (int)strcspn(*text, ",-"), *text, letters);
    return read_term(equation, text, dots, axes);
}

/* Counts each letter once. */
static void count_users(einsum_equation *equation, const einsum_axes *axes, int by) {
    for (int i = 0; axes->letter[i]; i++)
        if (strchr(axes->letter, axes->letter[i]) == &axes->letter[i])
            equation->users[(int)axes->letter[i]] += by;
}

static bool read_operands(heed_tape *t, const char **text, const heed_tensor *xs, int n, einsum_equation *equation,
                          int *occurrences) {
    for (int i = 0; i < n; i++) {
        einsum_axes axes;
        if (heed_rank(t, xs[i]) < 0)
            return trouble(equation, "operand %d is nil, or not of this tape, or from before its last reset", i);
        if (!read_operand(equation, text, i, heed_shape_of(t, xs[i]), &axes))
            return false;
        count_users(equation, &axes, 1);
        for (const char *letter = axes.letter; *letter; letter++)
            occurrences[(int)*letter]++;
        if (i < n - 1 && *(*text)++ != ',')
            return trouble(equation, "%d operands are given, the equation names %d", n, i + 1);
    }
    if (**text == ',')
        return trouble(equation, "%d operands are given, the equation names more", n);
    return true;
}

/* Without "->": the axes of "...", then the letters that occur once, sorted. */
static bool guess_result(einsum_equation *equation, const int *occurrences) {
    int n = 0;
    for (int c = '0'; c <= 'z'; c++) {
        if (occurrences[c] == 0 || (c > '9' && occurrences[c] > 1))
            continue;
        if (n == HEED_MAX_RANK)
            return trouble(equation, "the result has more than %d axes", HEED_MAX_RANK);
        equation->out.letter[n++] = (char)c;
    }
    return true;
}

static bool read_result(einsum_equation *equation, const char *text) {
    int dots = 0;
    for (int c = '0'; c <= '7'; c++)
        dots += equation->users[c] > 0;
    if (letters_in(text) + (has_dots(text) ? dots : 0) > HEED_MAX_RANK)
        return trouble(equation, "the result has more than %d axes", HEED_MAX_RANK);
    if (!read_term(equation, &text, dots, &equation->out))
        return false;
    if (*text)
        return trouble(equation, "'%c' at \"%s\" comes after the result", *text, text);
    for (const char *letter = equation->out.letter; *letter; letter++) {
        if (equation->users[(int)*letter] == 0)
            return trouble(equation, "the result's axis '%c' is in no operand", *letter);
        if (strchr(letter + 1, *letter))
            return trouble(equation, "the result names axis '%c' twice", *letter);
    }
    return true;
}

bool einsum_read(heed_tape *t, const char *text, const heed_tensor *xs, int n, einsum_equation *equation) {
    int occurrences[128] = {0};
    *equation = (einsum_equation){.next = text};
    if (!read_operands(t, &text, xs, n, equation, occurrences))
        return false;
    if (*text && strncmp(text, "->", 2) != 0)
        return trouble(equation, "'-' at \"%s\" is not \"->\"", text);
    if (*text ? !read_result(equation, text + 2) : !guess_result(equation, occurrences))
        return false;
    count_users(equation, &equation->out, 1);
    return true;
}

einsum_axes einsum_next(einsum_equation *equation, int rank) {
    einsum_axes axes;
    read_term(equation, &equation->next, has_dots(equation->next) ? rank - letters_in(equation->next) : 0, &axes);
    equation->next += *equation->next == ',';
    count_users(equation, &axes, -1);
    return axes;
}
