/* A small language pair, English to French, to learn translating by: it needs no corpus, every sentence is right, and of
 * every French word it is known which English ones it comes from.
 *
 *     "the small boy's red cat does not see them"      "le chat rouge du petit garçon ne les voit pas"
 *     "72 old trees"                                   "soixante-douze vieux arbres"
 *     "he never buys an apple"                         "il n'achète jamais de pomme"
 *
 * The languages part ways where they do in life: adjectives stand behind their noun (but small, big, old, ... before
 * it), owners behind what they own, object pronouns and half of a negation before the verb, adverbs behind it; articles,
 * adjectives and "un" agree in gender and number; le, la, je, ne, de and me lose their vowel before another, de le and
 * de les run together.
 *
 * A sentence is made as what it says, phrases_sentence, and then written in both languages. Nothing here has state: sentence
 * `index` of `seed` is the same in every run. */
#ifndef EXAMPLES_PHRASES_H
#define EXAMPLES_PHRASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- what a sentence says, in English dictionary forms; NULL where there is none ---- */

typedef struct phrases_thing {
    const char *pronoun; /* a subject: i you we they he she; an object: me you us them him her. Then nothing else */
    const char *article; /* the, a, my, our, his, this; NULL with a number or an owner */
    int number;          /* 2 to 99, then it is plural; 0: none */
    bool digits;         /* "72", not "seventy-two" */
    const char *before;  /* an adjective that French puts before the noun */
    const char *after;   /* one that it puts behind */
    const char *noun;    /* in the singular */
    bool plural;         /* "a" is then some or, where denied, any; "this" is these */
    const struct phrases_thing *owner; /* "the boy's": no pronoun, no owner of its own */
} phrases_thing;

typedef struct phrases_sentence {
    phrases_thing subject;
    const char *denied; /* not, never */
    const char *adverb; /* often, always */
    const char *verb;   /* "see", "look for"; NULL: to be, and then `quality` */
    phrases_thing object;
    const char *quality; /* an adjective; of he, she, they or a noun */
    const char *preposition;
    phrases_thing place; /* where there is a preposition */
} phrases_sentence;

/* ---- pairs ---- */

enum { PHRASES_SOURCE = 32, PHRASES_TARGET = 32, PHRASES_BYTES = 512 }; /* words and bytes: no sentence has more */

typedef struct phrases_pair {
    int S, T;                           /* words of the English and of the French sentence */
    const char *source[PHRASES_SOURCE]; /* "the", "boy", "'s", "seventy-", "two": as phrases_text joins them */
    const char *target[PHRASES_TARGET];
    uint64_t from[PHRASES_TARGET]; /* the true alignment: bit s where the word comes from source[s]; 0: from none */
} phrases_pair;

/* Writes a sentence in both languages. */
void phrases_write(const phrases_sentence *sentence, phrases_pair *pair);

typedef enum phrases_part { PHRASES_TRAINING, PHRASES_HELD_OUT } phrases_part;

/* One sentence in ten, by a hash of its English words: the same ones for every seed, and never in training. */
bool phrases_held_out(const phrases_pair *pair);
/* Sentence `index` of `seed` in that part, and with it, unless NULL, nothing else. There are more than 10^12 sentences. */
void phrases_make(uint64_t seed, uint64_t index, phrases_part part, phrases_pair *pair);

/* ---- words ---- */

typedef enum phrases_language { PHRASES_ENGLISH, PHRASES_FRENCH } phrases_language;

/* Every word of one language, in the order of strcmp. */
enum { PHRASES_WORDS = 512 };
typedef struct phrases_words {
    int count;
    const char *word[PHRASES_WORDS];
} phrases_words;
phrases_words phrases_words_of(phrases_language language);
/* The place of a word, or -1. */
int phrases_find(const phrases_words *words, const char *word);

/* "the boy's 72 cats", "l'arbre", "soixante-douze": a space between words but for elisions, hyphens, digits and "'s".
 * Cut where it does not fit into `size` bytes. */
void phrases_text(const char *const *words, int count, char *text, size_t size);
/* English text as places in `words`, at most `capacity`; capitals count as small letters. Returns how many, or -1: then
 * *wrong points to what is unknown, or too much. */
int phrases_read(const phrases_words *words, const char *text, int32_t *places, int capacity, const char **wrong);

#endif
