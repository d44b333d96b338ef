/* The words of phrases.h: the French forms of each English word, which comes first in its row. */
#ifndef EXAMPLES_PHRASES_TABLES_H
#define EXAMPLES_PHRASES_TABLES_H

#include <stdbool.h>

enum { MASCULINE, FEMININE };
enum { SINGULAR, PLURAL };
/* Persons, as verbs have them: of nouns the third. */
enum { I, HE, WE, YOU, THEY, PERSONS };

typedef struct phrases_noun {
    const char *english[2]; /* cat, cats */
    const char *french[2];
    int gender;
} phrases_noun;

typedef struct phrases_adjective {
    const char *english;
    const char *french[2][2]; /* by gender and number */
    const char *vowel;        /* masculine singular before a vowel, where that differs: bel */
    bool before;              /* the noun */
} phrases_adjective;

typedef struct phrases_verb {
    const char *english; /* as in phrases_sentence: "look for" */
    const char *base, *third, *particle;
    const char *french[PERSONS];
} phrases_verb;

typedef struct phrases_pronoun {
    const char *english;
    const char *french;
    int person, gender, number;
} phrases_pronoun;

typedef struct phrases_article {
    const char *english;    /* as in phrases_thing */
    const char *written[2]; /* by number: this, these */
    const char *french[2][2];
} phrases_article;

typedef struct phrases_word {
    const char *english;
    const char *french[2]; /* "near": près, de; else one */
} phrases_word;

extern const phrases_noun phrases_nouns[];
extern const phrases_adjective phrases_adjectives[];
extern const phrases_verb phrases_verbs[];
extern const phrases_pronoun phrases_subjects[], phrases_objects[];
extern const phrases_article phrases_articles[];
extern const phrases_word phrases_prepositions[], phrases_adverbs[], phrases_denials[];
extern const phrases_verb phrases_to_be;
extern const int phrases_noun_count, phrases_adjective_count, phrases_verb_count, phrases_subject_count,
    phrases_object_count, phrases_article_count, phrases_preposition_count, phrases_adverb_count, phrases_denial_count;

/* Numbers: English 0 to 19 and the tens, French 0 to 16 and the tens up to sixty; "joined" to what follows. */
extern const char *const phrases_english_small[20], *const phrases_english_tens[10],
                                                        *const phrases_english_tens_joined[10];
extern const char *const phrases_french_small[17], *const phrases_french_tens[7], *const phrases_french_tens_joined[7];
extern const char *const phrases_digits[10];

/* Words that are in no table above. */
extern const char *const phrases_english_rest[], *const phrases_french_rest[];
extern const int phrases_english_rest_count, phrases_french_rest_count;

/* What a French word becomes before a vowel; the word itself where it stays. */
const char *phrases_before_vowel(const char *word);
/* Whether the word before it loses its vowel. */
bool phrases_begins_with_vowel(const char *french);

#endif
