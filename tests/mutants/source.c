/* A C file as tokens. Comments and white space are left out; lines of the preprocessor are marked. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mutants.h"

void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("mutants: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

void *take(size_t bytes) {
    void *memory = calloc(1, bytes ? bytes : 1);
    if (memory == NULL)
        die("out of memory");
    return memory;
}

char *slice(const char *text, int n) {
    char *copy = take((size_t)n + 1);
    memcpy(copy, text, (size_t)n);
    return copy;
}

void *grow(void *items, int n, size_t size) {
    if (n & (n - 1)) /* room is a power of two */
        return items;
    void *more = realloc(items, (n ? 2 * (size_t)n : 1) * size);
    if (more == NULL)
        die("out of memory");
    return more;
}

/* ---- reading ---- */

static bool read_file(source *s) {
    FILE *file = fopen(s->path, "rb");
    if (file == NULL)
        return false;
    bool read = fseek(file, 0, SEEK_END) == 0 && (s->size = (int)ftell(file)) >= 0;
    rewind(file);
    s->text = take((size_t)s->size + 1);
    read = read && fread(s->text, 1, (size_t)s->size, file) == (size_t)s->size;
    fclose(file);
    return read;
}

static int mark_length(const char *text) {
    static const char *const marks[] = {"...", "<<=", ">>=", "->", "++", "--", "+=", "-=", "*=", "/=", "%=", "|=",
                                        "&=",  "^=",  "==",  "!=", "<=", ">=", "&&", "||", "<<", ">>", "##"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strncmp(text, marks[i], strlen(marks[i])) == 0)
            return (int)strlen(marks[i]);
    return 1;
}

static int text_length(const char *text) {
    int n = 1;
    while (text[n] && text[n] != text[0])
        n += text[n] == '\\' && text[n + 1] ? 2 : 1;
    return n + 1;
}

static bool in_word(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

/* A number goes on over the sign of its exponent: 1e-5, 0x1p-3. */
static int number_length(const char *text) {
    int n = 1;
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    for (; in_word(text[n]) || text[n] == '.' || text[n] == '+' || text[n] == '-'; n++)
        if ((text[n] == '+' || text[n] == '-') && strchr(hex ? "pP" : "eE", text[n - 1]) == NULL)
            break;
    return n;
}

static token token_at(const char *text, int at) {
    token t = {.at = at};
    const char *c = text + at;
    if (isdigit((unsigned char)*c) || (*c == '.' && isdigit((unsigned char)c[1]))) {
        t.kind = NUMBER;
        t.length = number_length(c);
    } else if (in_word(*c)) {
        t.kind = WORD;
        while (in_word(c[t.length]))
            t.length++;
    } else if (*c == '"' || *c == '\'') {
        t.kind = TEXT;
        t.length = text_length(c);
    } else {
        t.kind = MARK;
        t.length = mark_length(c);
    }
    return t;
}

static int comment_end(const source *s, int at) {
    const char *end = s->text[at + 1] == '/' ? strchr(s->text + at, '\n') : strstr(s->text + at + 2, "*/");
    return end == NULL ? s->size : (int)(end - s->text) + (*end == '\n' ? 0 : 2);
}

bool source_read(const char *path, source *s) {
    *s = (source){.path = slice(path, (int)strlen(path))};
    if (!read_file(s))
        return false;
    int directive = 0, directives = 0;
    bool fresh = true; /* nothing on this line yet */
    for (int at = 0; at < s->size;) {
        const char *c = s->text + at;
        if (*c == '\n') {
            if (at == 0 || c[-1] != '\\')
                directive = 0;
            fresh = true;
            at++;
        } else if (isspace((unsigned char)*c) || *c == '\\') {
            at++;
        } else if (*c == '/' && (c[1] == '*' || c[1] == '/')) {
            at = comment_end(s, at);
        } else {
            if (*c == '#' && fresh && directive == 0)
                directive = ++directives;
            s->tokens = grow(s->tokens, s->n, sizeof *s->tokens);
            s->tokens[s->n] = token_at(s->text, at);
            s->tokens[s->n].directive = directive;
            at += s->tokens[s->n++].length;
            fresh = false;
        }
    }
    return true;
}

/* ---- looking ---- */

bool token_is(const source *s, int i, const char *text) {
    if (i < 0 || i >= s->n)
        return false;
    const token *t = &s->tokens[i];
    return (int)strlen(text) == t->length && memcmp(s->text + t->at, text, (size_t)t->length) == 0;
}

char *token_text(const source *s, int i) {
    return slice(s->text + s->tokens[i].at, s->tokens[i].length);
}

static int bracket(const source *s, int i) {
    if (s->tokens[i].kind != MARK)
        return 0;
    const char c = s->text[s->tokens[i].at];
    return c == '(' || c == '[' || c == '{' ? 1 : c == ')' || c == ']' || c == '}' ? -1 : 0;
}

int token_partner(const source *s, int i) {
    const int step = bracket(s, i), directive = s->tokens[i].directive;
    int depth = 0;
    for (int j = i; j >= 0 && j < s->n && step != 0; j += step) {
        if (s->tokens[j].directive != directive)
            continue;
        depth += bracket(s, j);
        if (depth == 0)
            return j;
    }
    return -1;
}

char *source_lines(const source *s, int at, int end) {
    while (at > 0 && s->text[at - 1] != '\n')
        at--;
    while (end < s->size && s->text[end] != '\n')
        end++;
    char *line = take((size_t)(end - at) + 1);
    int n = 0;
    for (int i = at; i < end; i++) {
        bool space = isspace((unsigned char)s->text[i]);
        if (!space || (n > 0 && line[n - 1] != ' '))
            line[n++] = space ? ' ' : s->text[i];
    }
    while (n > 0 && line[n - 1] == ' ')
        n--;
    line[n] = '\0';
    return line;
}
