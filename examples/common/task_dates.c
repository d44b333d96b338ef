/* Dates, character by character. */
#include "task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dates.h"

_Static_assert((int)DATES_PAD == (int)TOKEN_PAD && (int)DATES_BOS == (int)TOKEN_BOS &&
                   (int)DATES_EOS == (int)TOKEN_EOS && (int)DATES_UNKNOWN == (int)TOKEN_UNKNOWN &&
                   (int)DATES_FIRST_CHARACTER == (int)TOKEN_FIRST,
               "dates and tasks agree on tokens");
_Static_assert((int)DATES_SOURCE_LENGTH <= (int)TASK_SOURCE && (int)DATES_TARGET_LENGTH <= (int)TASK_TARGET,
               "a date fits");

typedef struct alphabet {
    dates_vocabulary source, target;
} alphabet;

static const dates_vocabulary *letters(const task *t, bool target) {
    const alphabet *both = t->words;
    return target ? &both->target : &both->source;
}

static void make(const task *t, uint64_t seed, uint64_t index, bool held_out, example *e) {
    dates_pair pair;
    dates_make(seed, index, held_out ? DATES_HELD_OUT : DATES_TRAINING, &pair);
    *e = (example){.T = DATES_TARGET_LENGTH};
    e->S = dates_encode(letters(t, false), pair.source, e->source, DATES_SOURCE_LENGTH, NULL);
    dates_encode(letters(t, true), pair.target, e->target, DATES_TARGET_LENGTH, NULL);
    memcpy(e->from, pair.from, sizeof pair.from);
}

/* The first character of the text whose id is DATES_UNKNOWN. */
static void name_unknown(const char *text, const example *e, char why[TASK_WHY]) {
    uint32_t point;
    for (int i = 0; i < e->S; i++) {
        int bytes = utf8_read(text, &point);
        if (e->source[i] == DATES_UNKNOWN && point < ' ')
            snprintf(why, TASK_WHY, "a control character is in no date it has learned");
        else if (e->source[i] == DATES_UNKNOWN)
            snprintf(why, TASK_WHY, "\"%.*s\" is in no date it has learned", bytes, text);
        if (e->source[i] == DATES_UNKNOWN)
            return;
        text += bytes;
    }
}

static bool has_unknown(const example *e) {
    for (int i = 0; i < e->S; i++)
        if (e->source[i] == DATES_UNKNOWN)
            return true;
    return false;
}

/* Without blanks at both ends: those no date was learned with. What is cut is too long to be a date in any case. */
static void copy_trimmed(const char *text, char *copy, size_t size) {
    static const char blanks[] = " \t\r\n";
    text += strspn(text, blanks);
    size_t length = strlen(text);
    while (length > 0 && strchr(blanks, text[length - 1]))
        length--;
    snprintf(copy, size, "%.*s", (int)(length < size ? length : size - 1), text);
}

static bool understand(const task *t, const char *text, example *e, char why[TASK_WHY]) {
    char date[2 * DATES_SOURCE_BYTES];
    size_t at = 0;
    copy_trimmed(text, date, sizeof date);
    *e = (example){0};
    e->S = dates_encode(letters(t, false), date, e->source, DATES_SOURCE_LENGTH, &at);
    if (e->S == DATES_NOT_UTF8)
        snprintf(why, TASK_WHY, "byte %zu is not UTF-8", at + 1);
    else if (e->S == DATES_TOO_LONG)
        snprintf(why, TASK_WHY, "a date has at most %d characters", DATES_SOURCE_LENGTH);
    else if (e->S == 0)
        snprintf(why, TASK_WHY, "an empty line is no date");
    else if (has_unknown(e))
        name_unknown(date, e, why);
    else
        return true;
    return false;
}

static void write_text(const task *t, bool target, const int32_t *tokens, int count, char text[TASK_BYTES]) {
    dates_decode(letters(t, target), tokens, count, text, TASK_BYTES);
}

static void label(const task *t, bool target, int32_t token, char text[TASK_LABEL]) {
    dates_decode(letters(t, target), &token, 1, text, TASK_LABEL);
}

task *task_dates_new(void) {
    task *t = malloc(sizeof *t);
    alphabet *both = malloc(sizeof *both);
    if (t == NULL || both == NULL) {
        free(t);
        free(both);
        return NULL;
    }
    *both = (alphabet){dates_source_vocabulary(), dates_target_vocabulary()};
    *t = (task){
        .name = "dates",
        .one = "date",
        .many = "dates",
        .probe = "Thursday, 24th of May, 1979",
        .source_count = both->source.count,
        .target_count = both->target.count,
        .longest_source = DATES_SOURCE_LENGTH,
        .longest_target = DATES_TARGET_LENGTH,
        .make = make,
        .read = understand,
        .write = write_text,
        .label = label,
        .words = both,
    };
    return t;
}

void task_free(task *t) {
    if (t)
        free((void *)(uintptr_t)t->words);
    free(t);
}
