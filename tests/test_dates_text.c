/* The characters of example 02's dates: the vocabularies, and UTF-8. */
#include "../examples/common/dates.h"

#include <criterion/criterion.h>

#include <string.h>

/* Vocabulary. */

static int characters(const char *text)
{
    int count = 0;
    for (; *text; text++)
        count += (*text & 0xC0) != 0x80;
    return count;
}

enum { SAMPLES = 400000 };

Test(dates_text, vocabulary_is_what_can_be_written)
{
    dates_vocabulary source = dates_source_vocabulary(), target = dates_target_vocabulary();
    int used[DATES_VOCABULARY_MAX] = {0};
    int32_t ids[DATES_SOURCE_LENGTH];
    dates_pair pair;
    char back[DATES_SOURCE_BYTES];
    for (int i = 0; i < SAMPLES; i++) {
        dates_make(17, (uint64_t)i, i % 2 ? DATES_HELD_OUT : DATES_TRAINING, &pair);
        int count = dates_encode(&source, pair.source, ids, DATES_SOURCE_LENGTH, NULL);
        for (int c = 0; c < count; c++)
            used[ids[c]]++;
        dates_decode(&source, ids, count, back, sizeof back);
        if (count != characters(pair.source) || strcmp(back, pair.source) != 0)
            cr_assert_fail("\"%s\" came back as \"%s\"", pair.source, back);
        if (dates_encode(&target, pair.target, ids, DATES_TARGET_LENGTH, NULL) != DATES_TARGET_LENGTH)
            cr_assert_fail("%s", pair.target);
        for (int c = 0; c < DATES_TARGET_LENGTH; c++)
            if (ids[c] < DATES_FIRST_CHARACTER || ids[c] >= target.count)
                cr_assert_fail("%s: %d", pair.target, ids[c]);
    }
    for (int id = 0; id < source.count; id++)
        cr_expect((used[id] > 0) == (id >= DATES_FIRST_CHARACTER), "id %d: %d times", id, used[id]);
    for (int id = DATES_FIRST_CHARACTER + 1; id < source.count; id++)
        cr_expect_lt(source.character[id - 1], source.character[id]);
    cr_expect_eq(target.count, DATES_FIRST_CHARACTER + 11);
}

Test(dates_text, what_is_not_in_the_vocabulary)
{
    dates_vocabulary source = dates_source_vocabulary();
    int32_t ids[8];
    size_t where = 99;
    cr_expect_eq(dates_encode(&source, "", ids, 8, &where), 0);
    cr_expect_eq(dates_encode(&source, "3 五月!", ids, 8, &where), 5);
    cr_expect(ids[0] > DATES_UNKNOWN && ids[1] > DATES_UNKNOWN);
    cr_expect(ids[2] == DATES_UNKNOWN && ids[3] == DATES_UNKNOWN && ids[4] == DATES_UNKNOWN);
    cr_expect_eq(where, 99, "set though nothing failed");

    cr_expect_eq(dates_encode(&source, "3 ма\xD1", ids, 8, &where), DATES_NOT_UTF8);
    cr_expect_eq(where, 6);
    cr_expect_eq(dates_encode(&source, "мая мая м", ids, 8, &where), DATES_TOO_LONG);
    cr_expect_eq(where, 14);
    cr_expect_eq(dates_encode(&source, "12345678", ids, 8, NULL), 8);
    cr_expect_eq(dates_encode(&source, "123456789", ids, 8, NULL), DATES_TOO_LONG);
}

Test(dates_text, decoding_stops_at_the_end_and_at_the_edge)
{
    dates_vocabulary source = dates_source_vocabulary();
    int32_t may[4], ids[10] = {DATES_BOS};
    char text[32];
    cr_assert_eq(dates_encode(&source, "мая3", may, 4, NULL), 4);
    memcpy(ids + 1, may, sizeof may);
    ids[5] = DATES_UNKNOWN, ids[6] = DATES_PAD, ids[7] = source.count, ids[8] = DATES_EOS, ids[9] = may[0];

    cr_expect_eq(dates_decode(&source, ids, 10, text, sizeof text), 13);
    cr_expect_str_eq(text, "мая3\uFFFD\uFFFD");
    cr_expect_eq(dates_decode(&source, ids, 5, text, 8), 7);
    cr_expect_str_eq(text, "мая3");
    cr_expect_eq(dates_decode(&source, ids, 5, text, 6), 7);
    cr_expect_str_eq(text, "ма", "no half of a letter, and no digit after a gap");
    cr_expect_eq(dates_decode(&source, ids, 5, text, 1), 7);
    cr_expect_str_eq(text, "");
    ids[1] = -5;
    dates_decode(&source, ids, 2, text, sizeof text);
    cr_expect_str_eq(text, "\uFFFD");
}

/* UTF-8. */

Test(dates_text, utf8_by_hand)
{
    static const struct {
        const char *bytes;
        int length;
        uint32_t point;
    } known[] = {
        {"", 0, 0},
        {"A", 1, 'A'},
        {"\x7F", 1, 0x7F},
        {"\xC2\x80", 2, 0x80},
        {"я", 2, 0x44F},
        {"\xDF\xBF", 2, 0x7FF},
        {"\xE0\xA0\x80", 3, 0x800},
        {"\xED\x9F\xBF", 3, 0xD7FF},
        {"\xEE\x80\x80", 3, 0xE000},
        {"\xEF\xBF\xBF", 3, 0xFFFF},
        {"\xF0\x90\x80\x80", 4, 0x10000},
        {"\xF4\x8F\xBF\xBF", 4, 0x10FFFF},
        {"\x80", -1, 0},                 /* a tail without its head */
        {"\xC0\x80", -1, 0},             /* overlong */
        {"\xC1\xBF", -1, 0},
        {"\xE0\x9F\xBF", -1, 0},
        {"\xF0\x8F\xBF\xBF", -1, 0},
        {"\xED\xA0\x80", -1, 0},         /* a surrogate */
        {"\xF4\x90\x80\x80", -1, 0},     /* past the last */
        {"\xF5\x80\x80\x80", -1, 0},
        {"\xFF", -1, 0},
        {"\xD1", -1, 0},                 /* cut short */
        {"\xE2\x82", -1, 0},
        {"\xF0\x9F\x98", -1, 0},
        {"\xE2\x82" "A", -1, 0},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint32_t point = 0;
        char bytes[UTF8_BYTES];
        cr_expect_eq(utf8_read(known[i].bytes, &point), known[i].length, "row %zu", i);
        cr_expect_eq(point, known[i].point, "row %zu", i);
        if (known[i].length > 0) {
            cr_expect_eq(utf8_write(point, bytes), known[i].length);
            cr_expect_eq(memcmp(bytes, known[i].bytes, (size_t)known[i].length), 0, "row %zu", i);
        }
    }
}

Test(dates_text, utf8_writes_no_surrogate)
{
    char bytes[UTF8_BYTES];
    cr_expect_eq(utf8_write(0xD800, bytes), 3);
    cr_expect_eq(memcmp(bytes, "\xEF\xBF\xBD", 3), 0);
    cr_expect_eq(utf8_write(0x110000, bytes), 3);
    cr_expect_eq(memcmp(bytes, "\xEF\xBF\xBD", 3), 0);
}

Test(dates_text, cases_of_letters)
{
    static const uint32_t pairs[][2] = {{'a', 'A'}, {'z', 'Z'}, {0xE0, 0xC0}, {0xFE, 0xDE}, {0x430, 0x410},
                                        {0x43F, 0x41F}, {0x440, 0x420}, {0x44F, 0x42F}, {0x451, 0x401}};
    static const uint32_t caseless[] = {'@', '[', '`', '{', '0', ' ', 0xAB, 0xBB, 0xBF, 0xD7, 0xDF, 0xF7, 0xFF, 0x460};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        cr_expect_eq(utf8_upper(pairs[i][0]), pairs[i][1]);
        cr_expect_eq(utf8_lower(pairs[i][1]), pairs[i][0]);
        cr_expect_eq(utf8_upper(pairs[i][1]), pairs[i][1]);
        cr_expect_eq(utf8_lower(pairs[i][0]), pairs[i][0]);
        cr_expect(utf8_is_letter(pairs[i][0]) && utf8_is_letter(pairs[i][1]));
    }
    for (size_t i = 0; i < sizeof caseless / sizeof *caseless; i++)
        cr_expect(!utf8_is_letter(caseless[i]), "U+%04X", (unsigned)caseless[i]);
}
