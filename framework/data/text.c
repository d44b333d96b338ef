#include <stdlib.h>

#include <heed/text.h>

#include "../io/file_reader_internal.h"

/* What may lead a sequence, the range of the byte after it, and the length: the second byte's range is where overlong
 * forms, surrogates and code points past U+10FFFF are kept out. */
static const struct sequence {
    unsigned char first, last;
    unsigned char second_first, second_last;
    unsigned char lead_bits;
    int bytes;
} sequences[] = {
    {0x00, 0x7F, 0x00, 0x00, 0x7F, 1}, {0xC2, 0xDF, 0x80, 0xBF, 0x1F, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 0x0F, 3},
    {0xE1, 0xEC, 0x80, 0xBF, 0x0F, 3}, {0xED, 0xED, 0x80, 0x9F, 0x0F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 0x0F, 3},
    {0xF0, 0xF0, 0x90, 0xBF, 0x07, 4}, {0xF1, 0xF3, 0x80, 0xBF, 0x07, 4}, {0xF4, 0xF4, 0x80, 0x8F, 0x07, 4},
};

enum { SEQUENCES = sizeof sequences / sizeof *sequences };

static const struct sequence *sequence_led_by(unsigned char lead) {
    for (int i = 0; i < SEQUENCES; i++)
        if (lead >= sequences[i].first && lead <= sequences[i].last)
            return &sequences[i];
    return NULL;
}

int heed_utf8_read(const char *text, size_t bytes, uint32_t *point) {
    const unsigned char *byte = (const unsigned char *)text;
    if (bytes == 0)
        return 0;
    const struct sequence *s = sequence_led_by(*byte);
    if (s == NULL || (size_t)s->bytes > bytes)
        return -1;
    uint32_t value = *byte & s->lead_bits;
    for (int i = 1; i < s->bytes; i++) {
        unsigned char first = i == 1 ? s->second_first : 0x80, last = i == 1 ? s->second_last : 0xBF;
        if (byte[i] < first || byte[i] > last)
            return -1;
        value = value << 6 | (byte[i] & 0x3F);
    }
    *point = value;
    return s->bytes;
}

int heed_utf8_write(uint32_t point, char bytes[HEED_UTF8_BYTES]) {
    static const unsigned char lead_mark[] = {0, 0, 0xC0, 0xE0, 0xF0};
    if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
        return 0;
    if (point < 0x80) {
        bytes[0] = (char)point;
        return 1;
    }
    int count = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (int i = count - 1; i > 0; i--, point >>= 6)
        bytes[i] = (char)(0x80 | (point & 0x3F));
    bytes[0] = (char)(lead_mark[count] | point);
    return count;
}

size_t heed_utf8_valid(const char *text, size_t bytes) {
    size_t at = 0;
    uint32_t point;
    for (int n; (n = heed_utf8_read(text + at, bytes - at, &point)) > 0;)
        at += (size_t)n;
    return at;
}

char *heed_text_read(const char *path, size_t *bytes, heed_error *error) {
    file_reader r;
    if (error)
        *error = (heed_error){.status = HEED_OK};
    if (!file_reader_open(&r, path, "text", error))
        return NULL;
    size_t n = r.left;
    char *text = n < SIZE_MAX ? malloc(n + 1) : NULL;
    bool good = text ? file_reader_read(&r, text, n) : file_reader_no_memory(&r);
    file_reader_close(&r);
    size_t valid = good ? heed_utf8_valid(text, n) : 0;
    if (good && valid < n)
        good = file_reader_refuse(&r, "byte %zu (0x%02X) is not UTF-8", valid, (unsigned char)text[valid]);
    if (!good) {
        free(text);
        return NULL;
    }
    text[n] = '\0';
    *bytes = n;
    return text;
}
