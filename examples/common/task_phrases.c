/* Phrases, word by word: token TOKEN_FIRST + i is word i of its language. */
#include "task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "phrases.h"

_Static_assert((int)PHRASES_SOURCE <= (int)TASK_SOURCE && (int)PHRASES_TARGET <= (int)TASK_TARGET &&
                   (int)PHRASES_BYTES <= (int)TASK_BYTES,
               "a sentence fits");

typedef struct lexicon {
    phrases_words source, target;
} lexicon;

static const phrases_words *words_of(const task *t, bool target) {
    const lexicon *both = t->words;
    return target ? &both->target : &both->source;
}

static void make(const task *t, uint64_t seed, uint64_t index, bool held_out, example *e) {
    phrases_pair pair;
    phrases_make(seed, index, held_out ? PHRASES_HELD_OUT : PHRASES_TRAINING, &pair);
    *e = (example){.S = pair.S, .T = pair.T};
    for (int i = 0; i < pair.S; i++)
        e->source[i] = TOKEN_FIRST + phrases_find(words_of(t, false), pair.source[i]);
    for (int i = 0; i < pair.T; i++)
        e->target[i] = TOKEN_FIRST + phrases_find(words_of(t, true), pair.target[i]);
    memcpy(e->from, pair.from, sizeof pair.from);
}

static bool understand(const task *t, const char *text, example *e, char why[TASK_WHY]) {
    const char *wrong = text;
    *e = (example){0};
    e->S = phrases_read(words_of(t, false), text, e->source, PHRASES_SOURCE, &wrong);
    if (e->S == 0)
        snprintf(why, TASK_WHY, "an empty line is no sentence");
    else if (e->S < 0)
        snprintf(why, TASK_WHY, "\"%.*s\" is no word it has learned, or one too many", TASK_WHY / 2, wrong);
    for (int i = 0; i < e->S; i++)
        e->source[i] += TOKEN_FIRST;
    return e->S > 0;
}

static const char *word_of(const task *t, bool target, int32_t token) {
    const phrases_words *words = words_of(t, target);
    return token >= TOKEN_FIRST && token < TOKEN_FIRST + words->count ? words->word[token - TOKEN_FIRST] : "?";
}

static void write_text(const task *t, bool target, const int32_t *tokens, int count, char text[TASK_BYTES]) {
    const char *words[TASK_SOURCE];
    int n = 0;
    for (; n < count && n < TASK_SOURCE && tokens[n] != TOKEN_EOS; n++)
        words[n] = word_of(t, target, tokens[n]);
    phrases_text(words, n, text, TASK_BYTES);
}

static void label(const task *t, bool target, int32_t token, char text[TASK_LABEL]) {
    snprintf(text, TASK_LABEL, "%s", word_of(t, target, token));
}

task *task_phrases_new(void) {
    task *t = malloc(sizeof *t);
    lexicon *both = malloc(sizeof *both);
    if (t == NULL || both == NULL) {
        free(t);
        free(both);
        return NULL;
    }
    *both = (lexicon){phrases_words_of(PHRASES_ENGLISH), phrases_words_of(PHRASES_FRENCH)};
    *t = (task){
        .name = "phrases",
        .one = "sentence",
        .many = "sentences",
        .probe = "the small boy's red cat does not see them in the garden",
        .source_count = TOKEN_FIRST + both->source.count,
        .target_count = TOKEN_FIRST + both->target.count,
        .longest_source = PHRASES_SOURCE,
        .longest_target = PHRASES_TARGET - 1,
        .make = make,
        .read = understand,
        .write = write_text,
        .label = label,
        .words = both,
    };
    return t;
}
