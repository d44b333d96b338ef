/* What a lesson is, and what all of them share. */
#ifndef HEADS_LESSON_H
#define HEADS_LESSON_H

#include "../common/reader_kept.h"
#include "../common/say.h"
#include "options.h"
#include "translate.h"

enum { LESSON_HEADS, LESSON_OFF, LESSON_SCALE, LESSON_PLACES, LESSON_WORDS, LESSONS, ALL_LESSONS = LESSONS };

/* What is made once, by the lesson that needs it first. */
typedef struct classroom {
    options o;
    terminal term;
    heed_tape *t; /* to examine on */
    task *phrases;
    examination *exam;
    reader *many; /* trained on phrases, with READER_HEADS heads */
    mark many_mark;
    heed_recorder *recorder; /* of its training; or NULL */
    reader_kept kept;
    heed_error error;
} classroom;

/* Each says what it will show, trains or measures, shows it, and ends with one line that has its figures, which is
 * all of it where --quiet is given. On an error its text is in the classroom's. */
typedef heed_status lesson(classroom *c);
lesson lesson_heads, lesson_off, lesson_scale, lesson_places, lesson_words;

int64_t classroom_steps(const classroom *c, int64_t usual);
/* A reader with so many heads that has learned phrases, and its mark; the caller's, or NULL. */
reader *classroom_translator(classroom *c, int n_heads, mark *m);
/* Has c->many trained, if it isn't yet. */
heed_status classroom_need_many(classroom *c) HEED_MUST_CHECK;
/* Takes the tape's text as the error's. */
heed_status classroom_tape_failed(classroom *c, heed_status status);

enum { SENTENCES = 1000, TRANSLATOR_STEPS = 700 };

#endif
