/* Characters as numbers: which there are, and text turned into ids and back. */
#include "dates.h"

#include <assert.h>
#include <string.h>

/* The first id whose character is not below `point`. */
static int place_of(const dates_vocabulary *vocabulary, uint32_t point)
{
    int low = DATES_FIRST_CHARACTER, high = vocabulary->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (vocabulary->character[middle] < point)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool holds_at(const dates_vocabulary *vocabulary, int id, uint32_t point)
{
    return id < vocabulary->count && vocabulary->character[id] == point;
}

static void add(dates_vocabulary *vocabulary, uint32_t point)
{
    int id = place_of(vocabulary, point);
    if (holds_at(vocabulary, id, point))
        return;
    assert(vocabulary->count < DATES_VOCABULARY_MAX);
    uint32_t *place = &vocabulary->character[id];
    memmove(place + 1, place, (size_t)(vocabulary->count - id) * sizeof *place);
    *place = point;
    vocabulary->count++;
}

static void add_both_cases(dates_vocabulary *vocabulary, const char *text)
{
    uint32_t point;
    for (int bytes; (bytes = utf8_read(text, &point)) > 0; text += bytes) {
        add(vocabulary, point);
        add(vocabulary, utf8_upper(point));
        add(vocabulary, utf8_lower(point));
    }
}

static dates_vocabulary only_specials(void)
{
    return (dates_vocabulary){.count = DATES_FIRST_CHARACTER, .character = {[DATES_UNKNOWN] = UTF8_REPLACEMENT}};
}

dates_vocabulary dates_source_vocabulary(void)
{
    dates_vocabulary vocabulary = only_specials();
    char text[DATES_SOURCE_BYTES];
    for (int format = 0; format < dates_formats(); format++)
        for (int day = 0; day < 365; day++) { /* a year has every month, weekday and day of the month */
            dates_write(day, format, text);
            add_both_cases(&vocabulary, text);
        }
    return vocabulary;
}

dates_vocabulary dates_target_vocabulary(void)
{
    dates_vocabulary vocabulary = only_specials();
    add_both_cases(&vocabulary, "-0123456789");
    return vocabulary;
}

static int failed_at(size_t offset, int failure, size_t *where)
{
    if (where)
        *where = offset;
    return failure;
}

int dates_encode(const dates_vocabulary *vocabulary, const char *text, int32_t *ids, int capacity, size_t *where)
{
    uint32_t point;
    size_t offset = 0;
    for (int count = 0;; count++) {
        int bytes = utf8_read(text + offset, &point);
        if (bytes == 0)
            return count;
        if (bytes < 0)
            return failed_at(offset, DATES_NOT_UTF8, where);
        if (count >= capacity)
            return failed_at(offset, DATES_TOO_LONG, where);
        int id = place_of(vocabulary, point);
        ids[count] = holds_at(vocabulary, id, point) ? id : DATES_UNKNOWN;
        offset += (size_t)bytes;
    }
}

static uint32_t character_of(const dates_vocabulary *vocabulary, int32_t id)
{
    return id >= DATES_FIRST_CHARACTER && id < vocabulary->count ? vocabulary->character[id] : UTF8_REPLACEMENT;
}

size_t dates_decode(const dates_vocabulary *vocabulary, const int32_t *ids, int count, char *text, size_t size)
{
    size_t used = 0, whole = 0;
    for (int i = 0; i < count && ids[i] != DATES_EOS; i++) {
        if (ids[i] == DATES_PAD || ids[i] == DATES_BOS)
            continue;
        char bytes[UTF8_BYTES];
        size_t length = (size_t)utf8_write(character_of(vocabulary, ids[i]), bytes);
        if (used == whole && length < size - used) { /* all so far was written, and this fits before the NUL */
            memcpy(text + used, bytes, length);
            used += length;
        }
        whole += length;
    }
    text[used] = 0;
    return whole;
}
