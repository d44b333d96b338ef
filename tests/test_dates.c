/* The dates of example 02: calendar, ways of writing, slips, the part held out. What is generated is read back by
 * helpers/date_reader.c, which shares no table and no code with the generator. */
#include "../examples/common/dates.h"
#include "helpers/date_reader.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The numbers of a text, apart from each other and from nothing else: "3|1979|". */
static void digit_groups(const char *text, char *groups)
{
    for (; *text; text++)
        if (digit(*text)) {
            *groups++ = *text;
            if (!digit(text[1]))
                *groups++ = '|';
        }
    *groups = 0;
}

/* Calendar. */

Test(dates, weekdays_that_history_knows)
{
    static const struct {
        int year, month, day, weekday;
    } known[] = {
        {1900, 1, 1, 0},  {1945, 5, 9, 2},   {1961, 4, 12, 2},  {1969, 7, 20, 6},  {1979, 5, 3, 3},
        {1989, 11, 9, 3}, {2000, 1, 1, 5},   {2000, 2, 29, 1},  {2024, 2, 29, 3},  {2099, 12, 31, 3},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        int day = dates_day(known[i].year, known[i].month, known[i].day);
        cr_assert_geq(day, 0);
        cr_expect_eq(dates_civil_of(day).weekday, known[i].weekday, "%d-%d-%d", known[i].year, known[i].month,
                     known[i].day);
    }
}

Test(dates, leap_years_and_dates_that_do_not_exist)
{
    cr_expect_eq(dates_day(1900, 2, 29), -1);
    cr_expect_eq(dates_day(1900, 2, 28), 58);
    cr_expect_eq(dates_day(1900, 3, 1), 59);
    cr_expect_geq(dates_day(2000, 2, 29), 0);
    cr_expect_geq(dates_day(2096, 2, 29), 0);
    cr_expect_eq(dates_day(2001, 2, 29), -1);
    cr_expect_eq(dates_day(1979, 4, 31), -1);
    cr_expect_eq(dates_day(1979, 5, 0), -1);
    cr_expect_eq(dates_day(1979, 0, 3), -1);
    cr_expect_eq(dates_day(1979, 13, 3), -1);
    cr_expect_eq(dates_day(1899, 12, 31), -1);
    cr_expect_eq(dates_day(2100, 1, 1), -1);
}

Test(dates, every_day_follows_the_one_before)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int number = 0;
    for (int year = 1900; year <= 2099; year++)
        for (int month = 1; month <= 12; month++) {
            int length = lengths[month - 1] + (month == 2 && year % 4 == 0 && year != 1900);
            for (int day = 1; day <= length; day++, number++) {
                dates_civil date = dates_civil_of(number);
                char iso[DATES_TARGET_BYTES];
                dates_write_iso(number, iso);
                if (dates_day(year, month, day) != number || date.year != year || date.month != month ||
                    date.day != day || date.weekday != date_reader_weekday(year, month, day) ||
                    dates_parse_iso(iso) != number)
                    cr_assert_fail("day %d: %d-%d-%d, %s", number, year, month, day, iso);
            }
        }
    cr_expect_eq(number, DATES_DAYS);
}

Test(dates, iso_is_read_strictly)
{
    static const char *const wrong[] = {"",           "1979-05-0",   "1979-05-033", " 1979-05-03", "1979-05-03 ",
                                        "1979/05/03", "1979-5-3",    "1979-02-29",  "1979-13-01",  "+979-05-03",
                                        "1979-05-3a", "0000-00-00",  "1899-12-31",  "2100-01-01",  "９1979-05-03"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_eq(dates_parse_iso(wrong[i]), -1, "\"%s\"", wrong[i]);
    cr_expect_eq(dates_parse_iso("1979-05-03"), dates_day(1979, 5, 3));
}

/* Ways of writing. */

static int format_of(const char *language, const char *pattern)
{
    for (int format = 0; format < dates_formats(); format++)
        if (!strcmp(dates_describe(format).language, language) && !strcmp(dates_describe(format).pattern, pattern))
            return format;
    cr_assert_fail("no format %s of %s", pattern, language);
    return -1;
}

Test(dates, spelled_as_natives_do)
{
    static const struct {
        const char *language, *pattern, *day, *text;
    } known[] = {
        {"English", "{weekday}, {day} {month} {year}", "1979-05-03", "Thursday, 3 May 1979"},
        {"English", "{wkd}, {dd} {mmm} {year}", "1997-11-21", "Fri, 21 Nov 1997"},
        {"English", "{nth} of {month}, {year}", "1979-05-03", "3rd of May, 1979"},
        {"English", "{month} {nth}, {year}", "2001-09-11", "September 11th, 2001"},
        {"English", "{nth} {month} {year}", "1912-02-12", "12th February 1912"},
        {"English", "{nth} {month} {year}", "1913-06-13", "13th June 1913"},
        {"English", "{nth} {month} {year}", "1922-10-22", "22nd October 1922"},
        {"English", "the {nth} of {month} {year}", "2031-08-31", "the 31st of August 2031"},
        {"English", "{dd}-{mmm}-{year}", "1979-05-03", "03-May-1979"},
        {"English", "{mon} {day}, {year}", "1968-09-04", "Sept. 4, 1968"},
        {"English", "{year} {month} {day}", "1979-05-03", "1979 May 3"},
        {"ISO 8601", "{year}-{mm}-{dd}", "1979-05-03", "1979-05-03"},
        {"Russian", "{day} {month} {year} года", "1979-05-03", "3 мая 1979 года"},
        {"Russian", "{weekday}, {day} {month} {year} г.", "1979-05-03", "четверг, 3 мая 1979 г."},
        {"Russian", "{wkd}, {day} {mon} {year} г.", "1961-04-12", "ср, 12 апр. 1961 г."},
        {"Russian", "«{dd}» {month} {year} года", "2000-03-08", "«08» марта 2000 года"},
        {"German", "{day}. {month} {year}", "1979-05-03", "3. Mai 1979"},
        {"German", "{weekday}, den {day}. {month} {year}", "1979-05-03", "Donnerstag, den 3. Mai 1979"},
        {"German", "{wkd}., {day}. {mon} {year}", "1989-11-09", "Do., 9. Nov. 1989"},
        {"German", "{day}.{m}.{year}", "1979-05-03", "3.5.1979"},
        {"German (Austria)", "{day}. {month} {year}", "1955-01-15", "15. Jänner 1955"},
        {"German (Austria)", "{day}. {mon} {year}", "1955-01-15", "15. Jän. 1955"},
        {"French", "le {nth} {month} {year}", "1979-05-03", "le 3 mai 1979"},
        {"French", "le {weekday} {nth} {month} {year}", "1944-08-01", "le mardi 1er août 1944"},
        {"French", "{nth} {mon} {year}", "1999-02-21", "21 févr. 1999"},
        {"French", "{weekday} {nth} {month} {year}", "1979-05-03", "jeudi 3 mai 1979"},
        {"Spanish", "{day} de {month} de {year}", "1979-05-03", "3 de mayo de 1979"},
        {"Spanish", "{weekday}, {day} de {month} de {year}", "1979-05-03", "jueves, 3 de mayo de 1979"},
        {"Spanish", "{dd}-{mmm}-{year}", "2020-01-09", "09-ene-2020"},
    };
    char text[DATES_SOURCE_BYTES];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        dates_write(dates_parse_iso(known[i].day), format_of(known[i].language, known[i].pattern), text);
        cr_expect_str_eq(text, known[i].text);
    }
}

/* The letters of a text alone, those of an abbreviation's point too, and a bar. */
static void append_word(char *words, const char *text)
{
    words += strlen(words);
    for (; *text; text++)
        if (!digit(*text) && !strchr(" ,-", *text))
            *words++ = *text;
    strcpy(words, "|");
}

Test(dates, names_of_the_months)
{
    static const struct {
        const char *language, *pattern, *words;
    } known[] = {
        {"English", "{day} {month} {year}",
         "January|February|March|April|May|June|July|August|September|October|November|December|"},
        {"English", "{day} {mmm} {year}", "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|"},
        {"English", "{mon} {day}, {year}", "Jan.|Feb.|March|April|May|June|July|Aug.|Sept.|Oct.|Nov.|Dec.|"},
        {"Russian", "{day} {month} {year}",
         "января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря|"},
        {"German", "{day}. {month} {year}",
         ".Januar|.Februar|.März|.April|.Mai|.Juni|.Juli|.August|.September|.Oktober|.November|.Dezember|"},
        {"German", "{day}. {mon} {year}",
         ".Jan.|.Feb.|.März|.Apr.|.Mai|.Juni|.Juli|.Aug.|.Sept.|.Okt.|.Nov.|.Dez.|"},
        {"French", "{nth} {month} {year}",
         "janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre|"},
        {"French", "{nth} {mon} {year}", "janv.|févr.|mars|avr.|mai|juin|juil.|août|sept.|oct.|nov.|déc.|"},
        {"Spanish", "{day} {mon} {year}", "ene.|feb.|mar.|abr.|may.|jun.|jul.|ago.|sept.|oct.|nov.|dic.|"},
        {"Spanish", "{dd}-{mmm}-{year}", "ene|feb|mar|abr|may|jun|jul|ago|sep|oct|nov|dic|"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char words[256] = "", text[DATES_SOURCE_BYTES];
        for (int month = 1; month <= 12; month++) {
            dates_write(dates_day(2001, month, 15), format_of(known[i].language, known[i].pattern), text);
            append_word(words, text);
        }
        cr_expect_str_eq(words, known[i].words);
    }
}

Test(dates, ordinals)
{
    static const char *const known[31] = {"1st",  "2nd",  "3rd",  "4th",  "5th",  "6th",  "7th",  "8th",
                                          "9th",  "10th", "11th", "12th", "13th", "14th", "15th", "16th",
                                          "17th", "18th", "19th", "20th", "21st", "22nd", "23rd", "24th",
                                          "25th", "26th", "27th", "28th", "29th", "30th", "31st"};
    int english = format_of("English", "{nth} {month} {year}"), french = format_of("French", "{nth} {month} {year}");
    char text[DATES_SOURCE_BYTES], wanted[DATES_SOURCE_BYTES];
    for (int day = 1; day <= 31; day++) {
        dates_write(dates_day(2001, 1, day), english, text);
        snprintf(wanted, sizeof wanted, "%s January 2001", known[day - 1]);
        cr_expect_str_eq(text, wanted);
        dates_write(dates_day(2001, 1, day), french, text);
        snprintf(wanted, sizeof wanted, "%d%s janvier 2001", day, day == 1 ? "er" : "");
        cr_expect_str_eq(text, wanted);
    }
}

Test(dates, examples_are_true)
{
    char text[DATES_SOURCE_BYTES];
    cr_assert_geq(dates_formats(), 24);
    for (int format = 0; format < dates_formats(); format++) {
        dates_write(dates_day(1979, 9, 1), format, text);
        cr_expect_str_eq(text, dates_describe(format).example);
        for (int other = 0; other < format; other++)
            cr_expect(strcmp(dates_describe(format).pattern, dates_describe(other).pattern) ||
                          strcmp(dates_describe(format).language, dates_describe(other).language),
                      "formats %d and %d are one", other, format);
    }
}

static int characters(const char *text)
{
    int count = 0;
    for (; *text; text++)
        count += (*text & 0xC0) != 0x80;
    return count;
}

/* Since one reader gets the right day out of every text, no text is written for two days. */
Test(dates, every_day_is_read_back_from_every_format)
{
    char text[DATES_SOURCE_BYTES];
    for (int day = 0; day < DATES_DAYS; day++) {
        dates_civil date = dates_civil_of(day);
        for (int format = 0; format < dates_formats(); format++) {
            dates_write(day, format, text);
            if (!date_reader_finds(text, date) || characters(text) > DATES_SOURCE_LENGTH - 2)
                cr_assert_fail("%d-%d-%d was written \"%s\"", date.year, date.month, date.day, text);
        }
    }
}

/* Samples. */

enum { SAMPLES = 100000 };

Test(dates, samples_are_read_back_and_no_digits_join)
{
    dates_pair pair;
    char clean[DATES_SOURCE_BYTES], groups[2][DATES_SOURCE_BYTES * 2];
    for (int i = 0; i < 2 * SAMPLES; i++) {
        dates_make(7, (uint64_t)i / 2, i % 2 ? DATES_HELD_OUT : DATES_TRAINING, &pair);
        dates_write(pair.day, pair.format, clean);
        digit_groups(clean, groups[0]);
        digit_groups(pair.source, groups[1]);
        if (!date_reader_finds(pair.source, dates_civil_of(pair.day)) || strcmp(groups[0], groups[1]) != 0)
            cr_assert_fail("\"%s\" became \"%s\"", clean, pair.source);
        if (dates_parse_iso(pair.target) != pair.day || characters(pair.source) > DATES_SOURCE_LENGTH)
            cr_assert_fail("\"%s\", %s", pair.source, pair.target);
    }
}

typedef struct written {
    uint64_t text; /* a hash of it */
    int day;
} written;

static written written_as(const char *text, int day)
{
    uint64_t hash = 0xCBF29CE484222325u; /* FNV-1a */
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001B3u;
    return (written){hash, day};
}

static int by_text(const void *a, const void *b)
{
    uint64_t x = ((const written *)a)->text, y = ((const written *)b)->text;
    return (x > y) - (x < y);
}

/* Without leaning on the reader: 1e6 samples, most days of the calendar in several formats, slips included, among
 * all that is written clean in 1979 and 1980. */
Test(dates, no_text_stands_for_two_days)
{
    enum { DRAWN = 1000000, FIRST = 365 * 79, CLEAN_DAYS = 800 };
    size_t count = 0, most = DRAWN + (size_t)CLEAN_DAYS * (size_t)dates_formats();
    written *all = malloc(most * sizeof *all);
    cr_assert(all);
    dates_pair pair;
    for (int i = 0; i < DRAWN; i++) {
        dates_make(11, (uint64_t)i, i % 10 ? DATES_TRAINING : DATES_HELD_OUT, &pair);
        all[count++] = written_as(pair.source, pair.day);
    }
    for (int day = FIRST; day < FIRST + CLEAN_DAYS; day++)
        for (int format = 0; format < dates_formats(); format++) {
            dates_write(day, format, pair.source);
            all[count++] = written_as(pair.source, day);
        }
    qsort(all, count, sizeof *all, by_text);
    size_t repeated = 0;
    for (size_t i = 1; i < count; i++)
        if (all[i].text == all[i - 1].text) {
            repeated++;
            if (all[i].day != all[i - 1].day)
                cr_assert_fail("one text stands for days %d and %d", all[i - 1].day, all[i].day);
        }
    cr_expect_gt(repeated, 10000, "the check met only %zu repeated texts", repeated);
    free(all);
}

Test(dates, a_sample_does_not_depend_on_what_was_drawn_before)
{
    dates_pair forward[64], again;
    for (int i = 0; i < 64; i++)
        dates_make(3, (uint64_t)i, DATES_TRAINING, &forward[i]);
    for (int i = 63; i >= 0; i--) {
        dates_make(3, (uint64_t)i, DATES_TRAINING, &again);
        cr_expect_str_eq(again.source, forward[i].source);
        cr_expect_str_eq(again.target, forward[i].target);
    }
    dates_make(4, 0, DATES_TRAINING, &again);
    cr_expect_str_neq(again.source, forward[0].source);
    dates_make(3, 0, DATES_HELD_OUT, &again);
    cr_expect_str_neq(again.source, forward[0].source);
}

/* Among 2e5 comparisons about three meet on one day by chance. */
Test(dates, neighbouring_samples_differ)
{
    dates_pair a, b;
    int same = 0;
    for (int i = 0; i < SAMPLES; i++) {
        dates_make(21, (uint64_t)i, DATES_TRAINING, &a);
        dates_make(21, (uint64_t)i + 1, DATES_TRAINING, &b);
        same += a.day == b.day;
        dates_make(22, (uint64_t)i, DATES_TRAINING, &b);
        same += a.day == b.day;
    }
    cr_expect_leq(same, 15);
}

Test(dates, every_format_and_year_is_drawn_evenly)
{
    int formats[256] = {0}, years[200] = {0};
    dates_pair pair;
    for (int i = 0; i < SAMPLES; i++) {
        dates_make(5, (uint64_t)i, DATES_TRAINING, &pair);
        formats[pair.format]++;
        years[dates_civil_of(pair.day).year - 1900]++;
    }
    double per_format = (double)SAMPLES / dates_formats(); /* about 2,080, standard deviation 45 */
    for (int i = 0; i < dates_formats(); i++)
        cr_expect(formats[i] > 0.88 * per_format && formats[i] < 1.12 * per_format, "format %d: %d", i, formats[i]);
    for (int i = 0; i < 200; i++) /* 500 a year, standard deviation 22; few or many days of a year may be held out */
        cr_expect(years[i] > 350 && years[i] < 650, "%d: %d", 1900 + i, years[i]);
}

static int occurrences(const char *text, const char *of)
{
    int count = 0;
    for (; (text = strstr(text, of)); text++)
        count++;
    return count;
}

Test(dates, slips_of_every_kind_happen)
{
    int same = 0, shorter = 0, doubled_spaces = 0, doubled_commas = 0, commas_lost = 0;
    dates_pair pair;
    char clean[DATES_SOURCE_BYTES];
    for (int i = 0; i < SAMPLES; i++) {
        dates_make(9, (uint64_t)i, DATES_TRAINING, &pair);
        dates_write(pair.day, pair.format, clean);
        same += strcmp(clean, pair.source) == 0;
        shorter += strlen(pair.source) < strlen(clean);
        doubled_spaces += occurrences(pair.source, "  ") > 0;
        doubled_commas += occurrences(pair.source, ",,") > 0;
        commas_lost += occurrences(pair.source, ",") < occurrences(clean, ",");
    }
    cr_expect(same > SAMPLES * 65 / 100 && same < SAMPLES * 80 / 100, "%d without a slip", same);
    cr_expect_gt(shorter, SAMPLES / 50);
    cr_expect_gt(doubled_spaces, SAMPLES / 50);
    cr_expect_gt(doubled_commas, SAMPLES / 200);
    cr_expect_gt(commas_lost, SAMPLES / 200);
}

Test(dates, letters_change_case_in_every_alphabet)
{
    static const char *const wanted[] = {"AUGUST", "АВГУСТА", "AOÛT", "MIÉRCOLES", "MÄRZ", "1ER", "3RD",
                                         "august", "thursday", "donnerstag", "Le Samedi", "3 De Mayo", "Декабря"};
    enum { WANTED = sizeof wanted / sizeof *wanted };
    int found[WANTED] = {0};
    dates_pair pair;
    for (int i = 0; i < SAMPLES; i++) {
        dates_make(13, (uint64_t)i, DATES_TRAINING, &pair);
        for (int w = 0; w < WANTED; w++)
            found[w] += occurrences(pair.source, wanted[w]);
        cr_assert_eq(occurrences(pair.source, "3Rd") + occurrences(pair.source, "1Er"), 0);
    }
    for (int w = 0; w < WANTED; w++)
        cr_expect_gt(found[w], 0, "%s", wanted[w]);
}

Test(dates, held_out_days_stay_out_of_training)
{
    int held_out = 0;
    for (int day = 0; day < DATES_DAYS; day++)
        held_out += dates_held_out(day);
    cr_expect(held_out > DATES_DAYS * 97 / 1000 && held_out < DATES_DAYS * 103 / 1000, "%d", held_out);

    dates_pair pair;
    for (int i = 0; i < 2 * SAMPLES; i++) {
        dates_part part = i % 2 ? DATES_HELD_OUT : DATES_TRAINING;
        dates_make(1, (uint64_t)i / 2, part, &pair);
        if (dates_held_out(pair.day) != (part == DATES_HELD_OUT))
            cr_assert_fail("%s is in the wrong part", pair.target);
    }
}

/* Weights in files were trained without these days: the choice must never move. */
Test(dates, held_out_days_are_these)
{
    static const char *const first[] = {"1900-01-01", "1900-01-03", "1900-01-09", "1900-01-13", "1900-02-04",
                                        "1900-02-17", "1900-03-19", "1900-04-01", "1900-04-21", "1900-04-24"};
    char iso[DATES_TARGET_BYTES];
    for (int day = 0, found = 0; found < (int)(sizeof first / sizeof *first); day++)
        if (dates_held_out(day)) {
            dates_write_iso(day, iso);
            cr_expect_str_eq(iso, first[found++]);
        }
}

/* Alignment. */

/* The code points of a source at the bits of a mask, which must stand one behind the other. */
static void aligned_text(const char *source, uint64_t mask, char *text)
{
    uint32_t point;
    int last = -1, place = 0;
    for (int bytes; (bytes = utf8_read(source, &point)) > 0; source += bytes, place++)
        if (mask >> place & 1) {
            cr_expect(last < 0 || last == place - 1, "a part in two pieces: %s", source);
            memcpy(text, source, (size_t)bytes);
            text += bytes;
            last = place;
        }
    *text = 0;
}

Test(dates, each_digit_knows_the_characters_that_say_it)
{
    for (uint64_t i = 0; i < 20000; i++) {
        dates_pair pair;
        char year[DATES_SOURCE_BYTES], month[DATES_SOURCE_BYTES], day[DATES_SOURCE_BYTES];
        dates_make(3, i, DATES_TRAINING, &pair);
        const uint64_t *from = pair.from;
        dates_civil date = dates_civil_of(pair.day);
        aligned_text(pair.source, from[0] | from[1] | from[2] | from[3], year);
        aligned_text(pair.source, from[5] | from[6], month);
        aligned_text(pair.source, from[8] | from[9], day);
        cr_expect(strlen(year) == 4 && atoi(year) == date.year, "%s: year %s", pair.source, year);
        cr_expect(digit(month[0]) ? atoi(month) == date.month : strlen(month) >= 3, "%s: month %s", pair.source, month);
        cr_expect(digit(day[0]) && digit(day[strlen(day) - 1]) && atoi(day) == date.day, "%s: day %s", pair.source,
                  day);
        cr_expect(from[4] == 0 && from[7] == 0);
        for (int n = 0; n < 4; n++) {
            aligned_text(pair.source, from[n], year);
            cr_expect(year[0] == pair.target[n] && year[1] == 0, "%s: digit %d of the year", pair.source, n);
        }
    }
}
