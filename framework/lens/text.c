#include "text_internal.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <heed/text.h>

static bool has_room(lens_text *text, size_t n) {
    size_t need, count = text->capacity ? text->capacity : 256;
    if (text->failed || __builtin_add_overflow(text->n, n, &need) || need >= SIZE_MAX / 2)
        return !(text->failed = true);
    while (count <= need)
        count *= 2;
    if (count == text->capacity)
        return true;
    char *grown = realloc(text->data, count);
    if (grown == NULL)
        return !(text->failed = true);
    text->data = grown;
    text->capacity = count;
    return true;
}

void lens_text_put(lens_text *text, const char *bytes, size_t n) {
    if (!has_room(text, n))
        return;
    memcpy(text->data + text->n, bytes, n);
    text->n += n;
    text->data[text->n] = '\0';
}

void lens_text_format(lens_text *text, const char *format, ...) {
    char short_text[1024];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(short_text, sizeof short_text, format, arguments);
    va_end(arguments);
    if (n >= 0 && (size_t)n < sizeof short_text) {
        lens_text_put(text, short_text, (size_t)n);
        return;
    }
    if (n < 0 || !has_room(text, (size_t)n + 1)) {
        text->failed = true;
        return;
    }
    va_start(arguments, format);
    vsnprintf(text->data + text->n, (size_t)n + 1, format, arguments);
    va_end(arguments);
    text->n += (size_t)n;
}

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

void lens_text_string(lens_text *text, const char *string) {
    size_t left = strlen(string);
    lens_text_put(text, "\"", 1);
    while (left > 0) {
        uint32_t point;
        int n = heed_utf8_read(string, left, &point);
        if (n < 0)
            lens_text_put(text, replacement, sizeof replacement - 1);
        else if (point < 0x20 || point == '"' || point == '\\')
            lens_text_format(text, "\\u%04x", (unsigned)point);
        else
            lens_text_put(text, string, (size_t)n);
        string += n < 0 ? 1 : n;
        left -= n < 0 ? 1 : (size_t)n;
    }
    lens_text_put(text, "\"", 1);
}

/* snprintf and strtod speak the program's locale alike; JSON has points. */
void lens_text_number(lens_text *text, double x) {
    char digits[64];
    if (!isfinite(x)) {
        lens_text_put(text, "null", 4);
        return;
    }
    snprintf(digits, sizeof digits, "%.15g", x);
    if (strtod(digits, NULL) != x)
        snprintf(digits, sizeof digits, "%.17g", x);
    for (const char *at = digits; *at;) {
        size_t plain = strspn(at, "0123456789+-e");
        lens_text_put(text, at, plain);
        at += plain;
        if (*at)
            lens_text_put(text, ".", 1);
        at += strcspn(at, "0123456789+-e");
    }
}

char *lens_utf8(const char *string) {
    lens_text text = {.data = NULL};
    size_t left = strlen(string);
    lens_text_put(&text, "", 0);
    while (left > 0) {
        uint32_t point;
        int n = heed_utf8_read(string, left, &point);
        lens_text_put(&text, n < 0 ? replacement : string, n < 0 ? sizeof replacement - 1 : (size_t)n);
        string += n < 0 ? 1 : n;
        left -= n < 0 ? 1 : (size_t)n;
    }
    if (!text.failed)
        return text.data;
    free(text.data);
    return NULL;
}
