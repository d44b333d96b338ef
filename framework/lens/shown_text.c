#include "shown_text_internal.h"

#include <heed/picture.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPLACEMENT = 0xFFFD, UTF8_BYTES = 4, CODE_BYTES = 16 };

/* How a first byte goes on: how many bytes follow, and the first code point that needs so many. */
static int following(unsigned char first, uint32_t *least) {
    static const uint32_t from[] = {0, 0x80, 0x800, 0x10000};
    int n = first < 0x80 ? 0 : first < 0xC2 ? -1 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : first < 0xF5 ? 3 : -1;
    *least = n > 0 ? from[n] : 0;
    return n;
}

int utf8_next(const char *text, uint32_t *point) {
    const unsigned char *at = (const unsigned char *)text;
    uint32_t least, value;
    int n = following(*at, &least);
    if (*at == '\0')
        return *point = 0, 0;
    value = n < 1 ? *at : *at & (0x3Fu >> n);
    for (int i = 1; i <= n; i++) {
        if ((at[i] & 0xC0) != 0x80)
            n = -1;
        else
            value = value << 6 | (at[i] & 0x3Fu);
    }
    bool good = n >= 0 && value >= least && value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
    *point = good ? value : REPLACEMENT;
    return good ? n + 1 : 1;
}

static int utf8_put(uint32_t point, char *to) {
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    int n = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const unsigned char first[] = {0, 0xC0, 0xE0, 0xF0};
    to[0] = (char)(first[n] | point >> (6 * n));
    for (int i = 1; i <= n; i++)
        to[i] = (char)(0x80 | (point >> (6 * (n - i)) & 0x3F));
    return n + 1;
}

/* What could hide, reorder or break text, and what XML cannot hold. */
static bool is_unseen(uint32_t point) {
    static const uint32_t ranges[][2] = {{0x00, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},     {0x61C, 0x61C},
                                         {0x180E, 0x180E}, {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},
                                         {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xFFFE, 0xFFFF}, {0xE0000, 0xE007F}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (point >= ranges[i][0] && point <= ranges[i][1])
            return true;
    return false;
}

/* Each code point of the text as put writes it. */
static char *rewritten(const char *text, int (*put)(uint32_t point, char *to)) {
    size_t bytes, used = 0;
    char *out = __builtin_mul_overflow(strlen(text), CODE_BYTES, &bytes) ? NULL : malloc(bytes + 1);
    uint32_t point;
    for (int n; out && (n = utf8_next(text, &point)) > 0; text += n)
        used += (size_t)put(point, out + used);
    if (out)
        out[used] = '\0';
    return out;
}

static int put_shown(uint32_t point, char *to) {
    return is_unseen(point) ? snprintf(to, CODE_BYTES, "<U+%04X>", (unsigned)point) : utf8_put(point, to);
}

char *utf8_repaired(const char *text) {
    return rewritten(text, utf8_put);
}

char *heed_text_shown(const char *text) {
    return rewritten(text, put_shown);
}
