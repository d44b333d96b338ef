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

char *heed_text_shown(const char *text) {
    size_t bytes, used = 0;
    char *shown = __builtin_mul_overflow(strlen(text) + 1, CODE_BYTES, &bytes) ? NULL : malloc(bytes);
    uint32_t point;
    for (int n; shown && (n = utf8_next(text, &point)) > 0; text += n)
        used += (size_t)(is_unseen(point) ? snprintf(shown + used, CODE_BYTES, "<U+%04X>", (unsigned)point)
                                          : heed_utf8_write(point, shown + used));
    if (shown)
        shown[used] = '\0';
    return shown;
}
