#include "shown_text_internal.h"

#include <heed/picture.h>
#include <heed/text.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPLACEMENT = 0xFFFD, CODE_BYTES = 16 };

int utf8_next(const char *text, uint32_t *point) {
    size_t bytes = strnlen(text, HEED_UTF8_BYTES);
    if (bytes == 0)
        return *point = 0, 0;
    int n = heed_utf8_read(text, bytes, point);
    if (n > 0)
        return n;
    *point = REPLACEMENT;
    return 1;
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
    return is_unseen(point) ? snprintf(to, CODE_BYTES, "<U+%04X>", (unsigned)point) : heed_utf8_write(point, to);
}

char *utf8_repaired(const char *text) {
    return rewritten(text, heed_utf8_write);
}

char *heed_text_shown(const char *text) {
    return rewritten(text, put_shown);
}
