/* Reads a date as a person would: takes numbers and words apart and looks every word up. It has its own list of words,
 * its own lower case and its own weekdays, so that it can contradict the generator of example 02. */
#include "date_reader.h"

#include <stdlib.h>
#include <string.h>

typedef struct meaning {
    int year, month, day, weekday; /* -1: the text does not say */
} meaning;

static const char *const month_words[] = {
    "january jan января янв januar jänner jän janvier janv enero ene",
    "february feb февраля февр februar février févr febrero",
    "march mar марта märz mars marzo",
    "april apr апреля апр avril avr abril abr",
    "may мая mai mayo",
    "june jun июня juni juin junio",
    "july jul июля juli juillet juil julio",
    "august aug августа авг août agosto ago",
    "september sept sep сентября сент septembre septiembre",
    "october oct октября окт oktober okt octobre octubre",
    "november nov ноября нояб novembre noviembre",
    "december dec декабря дек dezember dez décembre déc diciembre dic",
    NULL,
};

static const char *const weekday_words[] = {
    "monday mon понедельник пн montag mo lundi lun lunes",
    "tuesday tue вторник вт dienstag di mardi mar martes",
    "wednesday wed среда ср mittwoch mi mercredi mer miércoles",
    "thursday thu четверг чт donnerstag do jeudi jeu jueves",
    "friday fri пятница пт freitag fr vendredi ven viernes",
    "saturday sat суббота сб samstag sa samedi sam sábado",
    "sunday sun воскресенье вс sonntag so dimanche dim domingo",
    NULL,
};

static const char *const silent_words[] = {"st nd rd th er of the de el le den года г", NULL};

/* The row that lists the word, or -1. */
static int row_of(const char *const rows[], const char *word)
{
    size_t length = strlen(word);
    for (int row = 0; rows[row]; row++)
        for (const char *at = rows[row]; (at = strstr(at, word)); at += length)
            if ((at == rows[row] || at[-1] == ' ') && (at[length] == ' ' || at[length] == 0))
                return row;
    return -1;
}

/* Lower case, byte by byte: ASCII, the letters that start with C3, and the Cyrillic that starts with D0. */
static void fold(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at; at++) {
        if (*at >= 'A' && *at <= 'Z') {
            *at += 'a' - 'A';
        } else if (*at == 0xC3) {
            if (*++at < 0xA0)
                *at += 0x20;
        } else if (*at == 0xD0) {
            if (at[1] >= 0xA0 && at[1] < 0xB0) {
                *at++ = 0xD1;
                *at -= 0x20;
            } else if (*++at < 0xA0) {
                *at += 0x20;
            }
        }
    }
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes of letters that the text starts with; « and » are no letters though they are not ASCII. */
static size_t word_length(const char *text)
{
    size_t length = 0;
    while ((text[length] >= 'a' && text[length] <= 'z') || (unsigned char)text[length] >= 0xC3)
        length += (unsigned char)text[length] >= 0xC3 ? 2 : 1;
    return length;
}

typedef struct numbers {
    int count, value[4], digits[4];
} numbers;

/* Year first: year, month, day. Otherwise day, month, year. With a word for the month there are two numbers. */
static bool place_numbers(const numbers *found, meaning *m)
{
    bool year_first = found->digits[0] == 4;
    int last = found->count - 1;
    if (found->count < 2 || found->count > 3 || (found->count == 3) != (m->month < 0))
        return false;
    if (found->digits[year_first ? 0 : last] != 4 || found->digits[year_first ? last : 0] > 2)
        return false;
    m->year = found->value[year_first ? 0 : last];
    m->day = found->value[year_first ? last : 0];
    if (found->count == 3)
        m->month = found->value[1];
    return true;
}

/* "mar." is March in Spanish and Tuesday in French: it is the month unless another word is. */
static bool note_word(const char *word, meaning *m, bool *mar)
{
    if (strcmp(word, "mar") == 0)
        return *mar = true;
    int month = row_of(month_words, word), weekday = row_of(weekday_words, word);
    if (month >= 0)
        m->month = month + 1;
    if (weekday >= 0)
        m->weekday = weekday;
    return month >= 0 || weekday >= 0 || row_of(silent_words, word) >= 0;
}

static bool read_date(const char *source, meaning *m)
{
    char text[DATES_SOURCE_BYTES], word[DATES_SOURCE_BYTES];
    numbers found = {0};
    bool mar = false;
    *m = (meaning){-1, -1, -1, -1};
    strcpy(text, source);
    fold(text);
    for (const char *at = text; *at;) {
        size_t length = word_length(at);
        if (length) {
            memcpy(word, at, length);
            word[length] = 0;
            if (!note_word(word, m, &mar))
                return false;
            at += length;
        } else if (digit(*at)) {
            if (found.count == 4)
                return false;
            char *end;
            found.value[found.count] = (int)strtol(at, &end, 10);
            found.digits[found.count++] = (int)(end - at);
            at = end;
        } else {
            at++;
        }
    }
    if (mar && m->month >= 0)
        m->weekday = 1;
    else if (mar)
        m->month = 3;
    return place_numbers(&found, m);
}

int date_reader_weekday(int year, int month, int day)
{
    static const int shift[] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
    year -= month < 3;
    return (year + year / 4 - year / 100 + year / 400 + shift[month - 1] + day + 6) % 7;
}

bool date_reader_finds(const char *text, dates_civil date)
{
    meaning m;
    if (!read_date(text, &m))
        return false;
    int weekday = date_reader_weekday(date.year, date.month, date.day);
    return m.year == date.year && m.month == date.month && m.day == date.day &&
           (m.weekday < 0 || m.weekday == weekday);
}
