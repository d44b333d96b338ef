/* The ways of writing a date: tables of names and patterns, and the few lines that fill a pattern in. */
#include "dates.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { MONTHS = 12, WEEKDAYS = 7 };

/* Languages: names as they stand inside a date, so Russian months are in the genitive. */

struct language {
    const char *name;
    const char *months[MONTHS];
    const char *short_months[MONTHS];  /* in running text, with the point that belongs to them */
    const char *column_months[MONTHS]; /* three letters, as tables and machines have them */
    const char *weekdays[WEEKDAYS];    /* from Monday */
    const char *short_weekdays[WEEKDAYS];
    const char *suffix;        /* turns a number into an ordinal: 4th */
    const char *suffix_of[32]; /* where the day of the month has another: 1st, 1er */
};

static const struct language english = {
    .name = "English",
    .months = {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
               "November", "December"},
    .short_months = {"Jan.", "Feb.", "March", "April", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov.", "Dec."},
    .column_months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
    .weekdays = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"},
    .short_weekdays = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"},
    .suffix = "th",
    .suffix_of = {[1] = "st", [2] = "nd", [3] = "rd", [21] = "st", [22] = "nd", [23] = "rd", [31] = "st"},
};

static const struct language russian = {
    .name = "Russian",
    .months = {"января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября",
               "ноября", "декабря"},
    .short_months = {"янв.", "февр.", "марта", "апр.", "мая", "июня", "июля", "авг.", "сент.", "окт.", "нояб.", "дек."},
    .weekdays = {"понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье"},
    .short_weekdays = {"пн", "вт", "ср", "чт", "пт", "сб", "вс"},
};

static const struct language german = {
    .name = "German",
    .months = {"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
               "November", "Dezember"},
    .short_months = {"Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."},
    .weekdays = {"Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"},
    .short_weekdays = {"Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"},
};

static const struct language austrian = {
    .name = "German (Austria)",
    .months = {"Jänner", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
               "November", "Dezember"},
    .short_months = {"Jän.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."},
};

static const struct language french = {
    .name = "French",
    .months = {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre",
               "novembre", "décembre"},
    .short_months = {"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."},
    .weekdays = {"lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"},
    .short_weekdays = {"lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim."},
    .suffix = "",
    .suffix_of = {[1] = "er"},
};

static const struct language spanish = {
    .name = "Spanish",
    .months = {"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre",
               "noviembre", "diciembre"},
    .short_months = {"ene.", "feb.", "mar.", "abr.", "may.", "jun.", "jul.", "ago.", "sept.", "oct.", "nov.", "dic."},
    .column_months = {"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"},
    .weekdays = {"lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"},
};

static const struct language iso = {.name = "ISO 8601"};

/* Formats: a new way of writing is a line here. What the braces may hold is the table of fields below. */

static const struct format {
    const struct language *language;
    const char *pattern;
    const char *example; /* 1979-09-01 */
} formats[] = {
    {&english, "{weekday}, {day} {month} {year}", "Saturday, 1 September 1979"},
    {&english, "{weekday}, {month} {day}, {year}", "Saturday, September 1, 1979"},
    {&english, "{weekday}, {nth} of {month} {year}", "Saturday, 1st of September 1979"},
    {&english, "{wkd} {day} {month} {year}", "Sat 1 September 1979"},
    {&english, "{wkd}, {dd} {mmm} {year}", "Sat, 01 Sep 1979"}, /* as mail headers have it */
    {&english, "{day} {month} {year}", "1 September 1979"},
    {&english, "{day} {mmm} {year}", "1 Sep 1979"},
    {&english, "{nth} {month} {year}", "1st September 1979"},
    {&english, "{nth} of {month}, {year}", "1st of September, 1979"},
    {&english, "the {nth} of {month} {year}", "the 1st of September 1979"},
    {&english, "{month} {day}, {year}", "September 1, 1979"},
    {&english, "{month} {nth}, {year}", "September 1st, 1979"},
    {&english, "{mon} {day}, {year}", "Sept. 1, 1979"},
    {&english, "{dd}-{mmm}-{year}", "01-Sep-1979"},
    {&english, "{dd}/{mmm}/{year}", "01/Sep/1979"}, /* as web servers log it */
    {&english, "{year} {month} {day}", "1979 September 1"},
    {&english, "{year}-{mmm}-{dd}", "1979-Sep-01"},
    {&iso, "{year}-{mm}-{dd}", "1979-09-01"},
    {&iso, "{year}/{mm}/{dd}", "1979/09/01"},
    {&russian, "{day} {month} {year} года", "1 сентября 1979 года"},
    {&russian, "{day} {month} {year} г.", "1 сентября 1979 г."},
    {&russian, "{day} {month} {year}", "1 сентября 1979"},
    {&russian, "{weekday}, {day} {month} {year} г.", "суббота, 1 сентября 1979 г."},
    {&russian, "{wkd}, {day} {mon} {year} г.", "сб, 1 сент. 1979 г."},
    {&russian, "«{dd}» {month} {year} года", "«01» сентября 1979 года"}, /* in contracts */
    {&russian, "{dd}.{mm}.{year} г.", "01.09.1979 г."},
    {&german, "{day}. {month} {year}", "1. September 1979"},
    {&german, "{weekday}, den {day}. {month} {year}", "Samstag, den 1. September 1979"},
    {&german, "{weekday}, {day}. {month} {year}", "Samstag, 1. September 1979"},
    {&german, "{wkd}., {day}. {mon} {year}", "Sa., 1. Sept. 1979"},
    {&german, "{day}. {mon} {year}", "1. Sept. 1979"},
    {&german, "{dd}.{mm}.{year}", "01.09.1979"},
    {&german, "{day}.{m}.{year}", "1.9.1979"},
    {&austrian, "{day}. {month} {year}", "1. September 1979"},
    {&austrian, "{day}. {mon} {year}", "1. Sept. 1979"},
    {&french, "le {nth} {month} {year}", "le 1er septembre 1979"},
    {&french, "{nth} {month} {year}", "1er septembre 1979"},
    {&french, "{weekday} {nth} {month} {year}", "samedi 1er septembre 1979"},
    {&french, "le {weekday} {nth} {month} {year}", "le samedi 1er septembre 1979"},
    {&french, "{nth} {mon} {year}", "1er sept. 1979"},
    {&french, "{wkd} {nth} {month} {year}", "sam. 1er septembre 1979"},
    {&spanish, "{day} de {month} de {year}", "1 de septiembre de 1979"},
    {&spanish, "el {day} de {month} de {year}", "el 1 de septiembre de 1979"},
    {&spanish, "{weekday}, {day} de {month} de {year}", "sábado, 1 de septiembre de 1979"},
    {&spanish, "{weekday} {day} de {month} de {year}", "sábado 1 de septiembre de 1979"},
    {&spanish, "{month} {day} de {year}", "septiembre 1 de 1979"}, /* in Colombia */
    {&spanish, "{day} {mon} {year}", "1 sept. 1979"},
    {&spanish, "{dd}-{mmm}-{year}", "01-sep-1979"},
};

int dates_formats(void)
{
    return sizeof formats / sizeof *formats;
}

dates_format dates_describe(int format)
{
    assert(format >= 0 && format < dates_formats());
    const struct format *form = &formats[format];
    return (dates_format){form->language->name, form->pattern, form->example};
}

/* What braces may hold: a number of at least `digits` digits, a word, or the one and then the other. */
struct field {
    const char *name;
    int digits, number;
    const char *word;
    char part; /* of the date that its digits, or else its word, say: 'y', 'm', 'd', or ' ' */
};

static int write_field(const struct field *field, char *text, char *parts, size_t size)
{
    int used = 0, said = 0;
    if (field->digits)
        said = used = snprintf(text, size, "%0*d", field->digits, field->number);
    if (field->word)
        used += snprintf(text + used, size - (size_t)used, "%s", field->word);
    assert(used > 0 && (size_t)used < size); /* nothing: the language lacks what its pattern names */
    memset(parts, ' ', (size_t)used);
    memset(parts, field->part, (size_t)(field->digits ? said : used));
    return used;
}

/* Writes the field that `length` bytes at `name` call for, and returns the bytes written. */
static int write_named(const char *name, size_t length, const struct language *in, dates_civil date, char *text,
                       char *parts, size_t size)
{
    const char *suffix = in->suffix_of[date.day] ? in->suffix_of[date.day] : in->suffix;
    const struct field fields[] = {
        {"weekday", 0, 0, in->weekdays[date.weekday], ' '},
        {"wkd", 0, 0, in->short_weekdays[date.weekday], ' '},
        {"month", 0, 0, in->months[date.month - 1], 'm'},
        {"mon", 0, 0, in->short_months[date.month - 1], 'm'},
        {"mmm", 0, 0, in->column_months[date.month - 1], 'm'},
        {"mm", 2, date.month, NULL, 'm'},
        {"m", 1, date.month, NULL, 'm'},
        {"dd", 2, date.day, NULL, 'd'},
        {"day", 1, date.day, NULL, 'd'},
        {"nth", 1, date.day, suffix, 'd'},
        {"year", 4, date.year, NULL, 'y'},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strlen(fields[i].name) == length && memcmp(fields[i].name, name, length) == 0)
            return write_field(&fields[i], text, parts, size);
    assert(!"a pattern names a field that there is not");
    return 0;
}

void dates_write_parts(int day, int format, char text[DATES_SOURCE_BYTES], char parts[DATES_SOURCE_BYTES])
{
    assert(format >= 0 && format < dates_formats());
    const struct language *in = formats[format].language;
    dates_civil date = dates_civil_of(day);
    size_t used = 0;
    for (const char *at = formats[format].pattern; *at;) {
        if (*at != '{') {
            parts[used] = ' ';
            text[used++] = *at++;
        } else {
            size_t length = strcspn(++at, "}");
            used += (size_t)write_named(at, length, in, date, text + used, parts + used, DATES_SOURCE_BYTES - used);
            at += length + 1;
        }
        assert(used < DATES_SOURCE_BYTES);
    }
    text[used] = 0;
}

void dates_write(int day, int format, char text[DATES_SOURCE_BYTES])
{
    char parts[DATES_SOURCE_BYTES];
    dates_write_parts(day, format, text, parts);
}
