/* The encoding is read by a table of its legal sequences, the case of letters by a table of alphabets. */
#include "utf8.h"

#include <stddef.h>

/* What may lead a sequence, the range of the byte after it, and the length: the second byte's range is where overlong
 * forms, surrogates and code points past U+10FFFF are kept out. */
static const struct sequence {
    unsigned char first, last;
    unsigned char second_first, second_last;
    int bytes;
} sequences[] = {
    {0x01, 0x7F, 0x00, 0x00, 1},
    {0xC2, 0xDF, 0x80, 0xBF, 2},
    {0xE0, 0xE0, 0xA0, 0xBF, 3},
    {0xE1, 0xEC, 0x80, 0xBF, 3},
    {0xED, 0xED, 0x80, 0x9F, 3},
    {0xEE, 0xEF, 0x80, 0xBF, 3},
    {0xF0, 0xF0, 0x90, 0xBF, 4},
    {0xF1, 0xF3, 0x80, 0xBF, 4},
    {0xF4, 0xF4, 0x80, 0x8F, 4},
};

enum { SEQUENCES = sizeof sequences / sizeof *sequences };

static const struct sequence *sequence_led_by(unsigned char lead)
{
    for (int i = 0; i < SEQUENCES; i++)
        if (lead >= sequences[i].first && lead <= sequences[i].last)
            return &sequences[i];
    return NULL;
}

int utf8_read(const char *text, uint32_t *point)
{
    const unsigned char *byte = (const unsigned char *)text;
    if (*byte == 0)
        return 0;
    const struct sequence *sequence = sequence_led_by(*byte);
    if (!sequence)
        return -1;

    static const unsigned char lead_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t value = *byte & lead_bits[sequence->bytes];
    for (int i = 1; i < sequence->bytes; i++) {
        unsigned char first = i == 1 ? sequence->second_first : 0x80;
        unsigned char last = i == 1 ? sequence->second_last : 0xBF;
        if (byte[i] < first || byte[i] > last) /* a NUL is caught here too: nothing past the end is read */
            return -1;
        value = value << 6 | (byte[i] & 0x3F);
    }
    *point = value;
    return sequence->bytes;
}

int utf8_write(uint32_t point, char bytes[UTF8_BYTES])
{
    if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
        point = UTF8_REPLACEMENT;
    if (point < 0x80) {
        bytes[0] = (char)point;
        return 1;
    }
    static const unsigned char lead_mark[] = {0, 0, 0xC0, 0xE0, 0xF0};
    int count = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (int i = count - 1; i > 0; i--, point >>= 6)
        bytes[i] = (char)(0x80 | (point & 0x3F));
    bytes[0] = (char)(lead_mark[count] | point);
    return count;
}

/* Runs of lower-case letters, each `apart` code points above its capital. */
static const struct {
    uint32_t first, last, apart;
} letters[] = {
    {'a', 'z', 32},
    {0x00E0, 0x00F6, 32}, /* à to ö; U+00F7 is the division sign */
    {0x00F8, 0x00FE, 32}, /* ø to þ */
    {0x0430, 0x044F, 32}, /* а to я */
    {0x0450, 0x045F, 80}, /* ѐ to џ, ё among them */
};

enum { LETTERS = sizeof letters / sizeof *letters };

uint32_t utf8_upper(uint32_t point)
{
    for (int i = 0; i < LETTERS; i++)
        if (point >= letters[i].first && point <= letters[i].last)
            return point - letters[i].apart;
    return point;
}

uint32_t utf8_lower(uint32_t point)
{
    for (int i = 0; i < LETTERS; i++)
        if (point >= letters[i].first - letters[i].apart && point <= letters[i].last - letters[i].apart)
            return point + letters[i].apart;
    return point;
}

bool utf8_is_letter(uint32_t point)
{
    return utf8_upper(point) != utf8_lower(point);
}
