/* A second opinion on what a written date says. */
#ifndef DATE_READER_H
#define DATE_READER_H

#include "../../examples/common/dates.h"

/* True where the text says this date and nothing unknown, and its weekday, if it names one, is right. */
bool date_reader_finds(const char *text, dates_civil date);

/* By Sakamoto's rule; 0 for Monday. */
int date_reader_weekday(int year, int month, int day);

#endif
