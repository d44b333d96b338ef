/* The calendar, and the drawing of pairs. */
#include "dates.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* The calendar. */

enum { MONTHS = 12, WEEKDAYS = 7 };

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
    static const int days[MONTHS] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1900-01-01 to the first of January. Every fourth year from 1904 on is a leap year, 2000 among them. */
static int days_before_year(int year)
{
    return 365 * (year - DATES_FIRST_YEAR) + (year - DATES_FIRST_YEAR - 1) / 4;
}

int dates_day(int year, int month, int day)
{
    if (year < DATES_FIRST_YEAR || year > DATES_LAST_YEAR || month < 1 || month > MONTHS || day < 1 ||
        day > days_in_month(year, month))
        return -1;
    int number = days_before_year(year) + day - 1;
    for (int m = 1; m < month; m++)
        number += days_in_month(year, m);
    return number;
}

dates_civil dates_civil_of(int day)
{
    assert(day >= 0 && day < DATES_DAYS);
    dates_civil date = {.weekday = day % WEEKDAYS}; /* 1900-01-01 was a Monday */
    date.year = DATES_FIRST_YEAR + day / 366;
    while (days_before_year(date.year + 1) <= day)
        date.year++;
    day -= days_before_year(date.year);
    for (date.month = 1; day >= days_in_month(date.year, date.month); date.month++)
        day -= days_in_month(date.year, date.month);
    date.day = day + 1;
    return date;
}

static int read_digits(const char *text, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

int dates_parse_iso(const char *text)
{
    static const char shape[DATES_TARGET_BYTES] = "dddd-dd-dd";
    for (int i = 0; i < DATES_TARGET_BYTES; i++)
        if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
            return -1;
    return dates_day(read_digits(text, 4), read_digits(text + 5, 2), read_digits(text + 8, 2));
}

void dates_write_iso(int day, char text[DATES_TARGET_BYTES])
{
    dates_civil date = dates_civil_of(day);
    unsigned year = (unsigned)date.year, month = (unsigned)date.month, of_month = (unsigned)date.day;
    snprintf(text, DATES_TARGET_BYTES, "%04u-%02u-%02u", year % 10000, month % 100, of_month % 100);
}

/* Chance: value n of a stream is a hash of the stream's key and n, so nothing has to be drawn in order. */

struct stream {
    uint64_t key, drawn;
};

/* The finaliser of SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

static struct stream stream_of(uint64_t seed, uint64_t index, dates_part part)
{
    return (struct stream){.key = mix(mix(mix(seed) + index) + (uint64_t)part)};
}

/* 0 to bound - 1, each as likely up to one in 2^32 / bound. */
static int draw(struct stream *stream, int bound)
{
    uint64_t value = mix(stream->key + ++stream->drawn * 0x9E3779B97F4A7C15u);
    return (int)((value >> 32) * (uint64_t)bound >> 32);
}

static bool one_in(struct stream *stream, int chances)
{
    return draw(stream, chances) == 0;
}

/* Slips of the typist. They work on code points, so that no letter is cut in two. */

enum { CASE_SLIP_ONE_IN = 5, SPACING_SLIP_ONE_IN = 6, SECOND_SLIP_ONE_IN = 3 };

struct line {
    int length;
    uint32_t point[DATES_SOURCE_LENGTH];
    char part[DATES_SOURCE_LENGTH]; /* as dates_write_parts has them */
};

static struct line line_of(const char *text, const char *parts)
{
    struct line line = {0};
    for (int bytes; (bytes = utf8_read(text, &line.point[line.length])) > 0; text += bytes, parts += bytes) {
        assert(line.length + 1 < DATES_SOURCE_LENGTH);
        line.part[line.length++] = *parts;
    }
    return line;
}

static void write_line(const struct line *line, char text[DATES_SOURCE_BYTES])
{
    for (int i = 0; i < line->length; i++)
        text += utf8_write(line->point[i], text);
    *text = 0;
}

enum kind { LETTER, DIGIT, SPACE, MARK };

static enum kind kind_of(uint32_t point)
{
    if (utf8_is_letter(point))
        return LETTER;
    if (point >= '0' && point <= '9')
        return DIGIT;
    return point == ' ' ? SPACE : MARK;
}

/* THE 3RD OF MAY, the 3rd of may, or The 3rd Of May. */
static void slip_case(struct line *line, struct stream *stream)
{
    enum { UPPER, LOWER, TITLE, WAYS } way = draw(stream, WAYS);
    enum kind before = SPACE;
    for (int i = 0; i < line->length; i++) {
        uint32_t *point = &line->point[i];
        enum kind kind = kind_of(*point);
        if (way == LOWER)
            *point = utf8_lower(*point);
        else if (way == UPPER || (before != LETTER && before != DIGIT))
            *point = utf8_upper(*point);
        before = kind;
    }
}

/* A space or comma may go where its neighbours stay apart without it: never between two digits, or "3 1979" would
 * become another number, nor between two letters. */
static bool may_drop(const struct line *line, int at)
{
    return at > 0 && at + 1 < line->length && kind_of(line->point[at - 1]) != kind_of(line->point[at + 1]);
}

/* Drops the code point at `at`, or with `by` 1 doubles it. */
static void shift(struct line *line, int at, int by)
{
    int from = by > 0 ? at : at + 1, to = by > 0 ? at + 1 : at, rest = line->length - from;
    memmove(&line->point[to], &line->point[from], (size_t)rest * sizeof *line->point);
    memmove(&line->part[to], &line->part[from], (size_t)rest);
    line->length += by;
}

/* Drops one space or comma; doubles it as often, and where it may not go. */
static void slip_spacing(struct line *line, struct stream *stream)
{
    int found = 0, where[DATES_SOURCE_LENGTH];
    for (int i = 0; i < line->length; i++)
        if (line->point[i] == ' ' || line->point[i] == ',')
            where[found++] = i;
    if (found == 0)
        return;
    int at = where[draw(stream, found)];
    if (one_in(stream, 2) && may_drop(line, at))
        shift(line, at, -1);
    else if (line->length < DATES_SOURCE_LENGTH)
        shift(line, at, +1);
}

/* Pairs. */

bool dates_held_out(int day)
{
    return mix((uint64_t)day) % 10 == 0;
}

static int draw_day(struct stream *stream, dates_part part)
{
    int day;
    do
        day = draw(stream, DATES_DAYS);
    while (dates_held_out(day) != (part == DATES_HELD_OUT));
    return day;
}

/* The places of a part, one after another: of "3rd" those of "3", of a month its whole name. */
static void align_part(const struct line *line, char part, int digits, uint64_t *from)
{
    int count = 0, where[DATES_SOURCE_LENGTH];
    uint64_t all = 0;
    bool number = true;
    for (int i = 0; i < line->length; i++)
        if (line->part[i] == part) {
            where[count++] = i;
            all |= (uint64_t)1 << i;
            number = number && kind_of(line->point[i]) == DIGIT;
        }
    for (int i = 0; i < digits; i++)
        from[i] = number && count == digits ? (uint64_t)1 << where[i] : all;
}

static void align(const struct line *line, uint64_t from[DATES_TARGET_LENGTH])
{
    memset(from, 0, DATES_TARGET_LENGTH * sizeof *from);
    align_part(line, 'y', 4, from);
    align_part(line, 'm', 2, from + 5);
    align_part(line, 'd', 2, from + 8);
}

void dates_make(uint64_t seed, uint64_t index, dates_part part, dates_pair *pair)
{
    char parts[DATES_SOURCE_BYTES];
    struct stream stream = stream_of(seed, index, part);
    pair->day = draw_day(&stream, part);
    pair->format = draw(&stream, dates_formats());
    dates_write_parts(pair->day, pair->format, pair->source, parts);
    dates_write_iso(pair->day, pair->target);

    struct line line = line_of(pair->source, parts);
    if (one_in(&stream, CASE_SLIP_ONE_IN))
        slip_case(&line, &stream);
    if (one_in(&stream, SPACING_SLIP_ONE_IN)) {
        slip_spacing(&line, &stream);
        if (one_in(&stream, SECOND_SLIP_ONE_IN))
            slip_spacing(&line, &stream);
    }
    write_line(&line, pair->source);
    align(&line, pair->from);
}
