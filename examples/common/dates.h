/* The lesson's material: dates as people write them in English, Russian, German, French and Spanish, each beside the
 * same day in ISO 8601, and the characters of both as numbers.
 *
 *     "Thursday, 3 May 1979"      "1979-05-03"
 *     "le 1er août 2014"          "2014-08-01"
 *     "ВТ, 9 НОЯБ.2027 Г."        "2027-11-09"
 *
 * Nothing here has state: sample `index` of `seed` is the same pair in every run, whatever was drawn before it and on
 * whatever thread. */
#ifndef EXAMPLES_DATES_H
#define EXAMPLES_DATES_H

#include "utf8.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DATES_FIRST_YEAR = 1900,
    DATES_LAST_YEAR = 2099,
    DATES_DAYS = 73049,       /* real calendar days in those years */
    DATES_SOURCE_LENGTH = 40, /* code points: no source is longer, slips of the typist included */
    DATES_SOURCE_BYTES = DATES_SOURCE_LENGTH * UTF8_BYTES + 1,
    DATES_TARGET_LENGTH = 10, /* "1979-05-03" */
    DATES_TARGET_BYTES = DATES_TARGET_LENGTH + 1
};

/* The calendar. A day is a number, 0 for 1900-01-01, DATES_DAYS - 1 for 2099-12-31. */

typedef struct dates_civil {
    int year, month, day; /* 1979, 5, 3 */
    int weekday;          /* 0 for Monday, 6 for Sunday */
} dates_civil;

/* -1 where the calendar has no such date, or it lies outside 1900 to 2099. */
int dates_day(int year, int month, int day);
dates_civil dates_civil_of(int day);

/* The day of "1979-05-03", or -1 for any text that is not exactly a date in that form. */
int dates_parse_iso(const char *text);
void dates_write_iso(int day, char text[DATES_TARGET_BYTES]);

/* Ways of writing, numbered from 0. None can be read as two dates: where the month is a number, either the year leads
 * (ISO) or points part the numbers, which all who write so read as day, month, year. */

typedef struct dates_format {
    const char *language; /* "French" */
    const char *pattern;  /* "le {nth} {month} {year}" */
    const char *example;  /* 1979-09-01 written so: "le 1er septembre 1979" */
} dates_format;

int dates_formats(void);
dates_format dates_describe(int format);

/* The day written without a slip. */
void dates_write(int day, int format, char text[DATES_SOURCE_BYTES]);
/* And for each byte what part of the date it says: 'y', 'm', 'd', or ' ' for none ("rd" of "3rd" among these). */
void dates_write_parts(int day, int format, char text[DATES_SOURCE_BYTES], char parts[DATES_SOURCE_BYTES]);

/* Pairs. */

typedef enum dates_part { DATES_TRAINING, DATES_HELD_OUT } dates_part;

/* True for one day in ten, the same days for every seed and run, so that weights kept in a file stay honest: those
 * whose hash, mix(day) of dates.c, is a multiple of ten. The hash is of the day's number, so a held-out day is absent
 * from training however it is written. */
bool dates_held_out(int day);

typedef struct dates_pair {
    char source[DATES_SOURCE_BYTES]; /* UTF-8, as typed: perhaps with a slip of case, space or comma */
    char target[DATES_TARGET_BYTES]; /* ISO 8601 */
    int day;
    int format;
    uint64_t from[DATES_TARGET_LENGTH]; /* the true alignment: bit s where the digit is said by code point s; 0: "-" */
} dates_pair;

/* Sample `index` of `seed`: any format and any day of that part, each as likely as the others; then, independently,
 * one in five changes its case and one in six a space or comma, or two. The two parts of one seed are drawn apart. */
void dates_make(uint64_t seed, uint64_t index, dates_part part, dates_pair *pair);

/* Characters as numbers. */

enum { DATES_PAD, DATES_BOS, DATES_EOS, DATES_UNKNOWN, DATES_FIRST_CHARACTER, DATES_VOCABULARY_MAX = 256 };

typedef struct dates_vocabulary {
    int count;                                /* ids are 0 to count - 1 */
    uint32_t character[DATES_VOCABULARY_MAX]; /* the code point of an id from DATES_FIRST_CHARACTER on, ascending */
} dates_vocabulary;

/* Every character a source can hold (both cases of every letter), and those of a target: the digits and "-".
 * They follow from the table of formats alone, so the ids are the same in every run. */
dates_vocabulary dates_source_vocabulary(void);
dates_vocabulary dates_target_vocabulary(void);

enum { DATES_NOT_UTF8 = -1, DATES_TOO_LONG = -2 };

/* Writes the ids of the text's characters, no BOS nor EOS, and returns how many; one that the vocabulary lacks becomes
 * DATES_UNKNOWN. DATES_NOT_UTF8 or DATES_TOO_LONG (more than `capacity`) where the text cannot be encoded; then
 * `*where`, unless NULL, is the offset in bytes of the character that is at fault. */
int dates_encode(const dates_vocabulary *vocabulary, const char *text, int32_t *ids, int capacity, size_t *where);

/* Writes the text of `count` ids up to the first DATES_EOS. PAD and BOS write nothing; UNKNOWN and what is no id of
 * the vocabulary, U+FFFD. Returns the bytes of the whole text; where that is not below `size` (at least 1), the text
 * was cut after a whole character. */
size_t dates_decode(const dates_vocabulary *vocabulary, const int32_t *ids, int count, char *text, size_t size);

#endif
