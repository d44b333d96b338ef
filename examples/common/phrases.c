/* A sentence is written in English, which notes where each of its parts stands, and then in French, each word with the
 * places it comes from; elisions and contractions are made at the end, between neighbours. */
#include "phrases.h"

#include <assert.h>
#include <string.h>

#include "phrases_tables.h"

/* ---- tables ---- */

static bool same(const char *a, const char *b) {
    return a && b && strcmp(a, b) == 0;
}

/* The row of a table for an English word, which is the first member of every row; size: of a row. */
static const void *find(const void *table, int count, size_t size, const char *word) {
    for (const char *row = table; count-- > 0; row += size)
        if (same(*(const char *const *)(const void *)row, word))
            return row;
    assert(!"no such word");
    return NULL;
}

static const phrases_noun *find_noun(const char *word) {
    return find(phrases_nouns, phrases_noun_count, sizeof *phrases_nouns, word);
}

static const phrases_adjective *find_adjective(const char *word) {
    return find(phrases_adjectives, phrases_adjective_count, sizeof *phrases_adjectives, word);
}

static const phrases_article *find_article(const char *word) {
    return find(phrases_articles, phrases_article_count, sizeof *phrases_articles, word);
}

static const phrases_verb *find_verb(const char *word) {
    return find(phrases_verbs, phrases_verb_count, sizeof *phrases_verbs, word);
}

static const phrases_pronoun *find_subject(const char *word) {
    return find(phrases_subjects, phrases_subject_count, sizeof *phrases_subjects, word);
}

static const phrases_pronoun *find_object(const char *word) {
    return find(phrases_objects, phrases_object_count, sizeof *phrases_objects, word);
}

static const phrases_word *find_word(const phrases_word *table, int count, const char *word) {
    return find(table, count, sizeof *table, word);
}

/* ---- English ---- */

/* Where the parts of a thing stand in the source, as bits. */
typedef struct thing_places {
    uint64_t pronoun, article, tens, units, before, after, noun, owning; /* owning: 's */
} thing_places;

typedef struct sentence_places {
    thing_places subject, subject_owner, object, object_owner, place, place_owner;
    uint64_t helper, denied, adverb, verb, quality, preposition;
} sentence_places;

/* Appends a word and returns its bit. */
static uint64_t english(phrases_pair *pair, const char *word) {
    assert(pair->S < PHRASES_SOURCE);
    pair->source[pair->S] = word;
    return (uint64_t)1 << pair->S++;
}

static bool is_plural(const phrases_thing *thing) {
    return thing->plural || thing->number > 1;
}

static bool english_begins_with_vowel(const char *word) {
    return strchr("aeiou", word[0]) != NULL;
}

static const char *english_article(const phrases_thing *thing, bool denied) {
    const char *next = thing->before ? thing->before : thing->after ? thing->after : thing->noun;
    if (!same(thing->article, "a"))
        return find_article(thing->article)->written[is_plural(thing)];
    if (is_plural(thing))
        return denied ? "any" : "some";
    return english_begins_with_vowel(next) ? "an" : "a";
}

static void english_number(const phrases_thing *thing, phrases_pair *pair, thing_places *at) {
    int tens = thing->number / 10, units = thing->number % 10;
    if (thing->digits) {
        at->tens = tens ? english(pair, phrases_digits[tens]) : 0;
        at->units = english(pair, phrases_digits[units]);
    } else if (tens < 2 || units == 0) {
        at->tens = at->units =
            english(pair, tens < 2 ? phrases_english_small[thing->number] : phrases_english_tens[tens]);
    } else {
        at->tens = english(pair, phrases_english_tens_joined[tens]);
        at->units = english(pair, phrases_english_small[units]);
    }
}

/* Adjectives and noun, with what counts them. */
static void english_group(const phrases_thing *thing, phrases_pair *pair, thing_places *at) {
    if (thing->number)
        english_number(thing, pair, at);
    if (thing->before)
        at->before = english(pair, thing->before);
    if (thing->after)
        at->after = english(pair, thing->after);
    at->noun = english(pair, find_noun(thing->noun)->english[is_plural(thing)]);
}

static void english_thing(const phrases_thing *thing, bool denied, phrases_pair *pair, thing_places *at,
                          thing_places *owner) {
    if (thing->pronoun) {
        at->pronoun = english(pair, thing->pronoun);
        return;
    }
    if (thing->owner) {
        english_thing(thing->owner, false, pair, owner, NULL);
        const char *last = pair->source[pair->S - 1];
        bool ends_in_s = is_plural(thing->owner) && last[strlen(last) - 1] == 's';
        at->owning = english(pair, ends_in_s ? "'" : "'s");
    } else if (thing->article) {
        at->article = english(pair, english_article(thing, denied));
    }
    english_group(thing, pair, at);
}

static int person_of(const phrases_thing *subject) {
    return subject->pronoun ? find_subject(subject->pronoun)->person : is_plural(subject) ? THEY : HE;
}

/* "does not often see", "never looks for", "is always". */
static void english_verb(const phrases_sentence *s, phrases_pair *pair, sentence_places *at) {
    const phrases_verb *verb = s->verb ? find_verb(s->verb) : &phrases_to_be;
    bool third = person_of(&s->subject) == HE, helped = s->verb && same(s->denied, "not");
    if (!s->verb)
        at->verb = english(pair, third ? verb->third : verb->base);
    if (helped)
        at->helper = english(pair, third ? "does" : "do");
    if (s->denied)
        at->denied = english(pair, s->denied);
    if (s->adverb)
        at->adverb = english(pair, s->adverb);
    if (s->verb)
        at->verb = english(pair, third && !helped ? verb->third : verb->base);
    if (verb->particle)
        at->verb |= english(pair, verb->particle);
}

static void write_english(const phrases_sentence *s, phrases_pair *pair, sentence_places *at) {
    english_thing(&s->subject, false, pair, &at->subject, &at->subject_owner);
    english_verb(s, pair, at);
    if (s->verb)
        english_thing(&s->object, s->denied != NULL, pair, &at->object, &at->object_owner);
    else
        at->quality = english(pair, s->quality);
    if (s->preposition) {
        at->preposition = english(pair, s->preposition);
        english_thing(&s->place, false, pair, &at->place, &at->place_owner);
    }
}

/* ---- French ---- */

static void french(phrases_pair *pair, const char *word, uint64_t from) {
    assert(pair->T < PHRASES_TARGET);
    pair->target[pair->T] = word;
    pair->from[pair->T++] = from;
}

/* 1 to 19, or nothing for 0. */
static void french_small(int number, int gender, const thing_places *at, phrases_pair *pair) {
    if (number > 16) {
        french(pair, phrases_french_tens_joined[1], at->tens);
        french(pair, phrases_french_small[number - 10], at->units);
    } else if (number > 0) {
        const char *word = number == 1 && gender == FEMININE ? "une" : phrases_french_small[number];
        french(pair, word, number < 10 ? at->units : at->tens | at->units);
    }
}

/* Below 70 in tens; 70 to 79 are 60 and 10 to 19, 80 to 99 are 4 twenties and 0 to 19. Twenty has its s only at the very end,
 * "et" is said before 1 and 11 up to 71. */
static void french_number(int number, int gender, const thing_places *at, phrases_pair *pair) {
    int base = number < 20 ? 0 : number < 60 ? number / 10 * 10 : number < 80 ? 60 : 80, rest = number - base;
    uint64_t from = rest ? at->tens : at->tens | at->units;
    bool with_and = base > 0 && base < 80 && (rest == 1 || rest == 11), joined = rest > 0 && !with_and;
    if (base == 80) {
        french(pair, "quatre-", from);
        french(pair, joined ? phrases_french_tens_joined[2] : "vingts", from);
    } else if (base > 0) {
        french(pair, (joined ? phrases_french_tens_joined : phrases_french_tens)[base / 10], from);
    }
    if (with_and)
        french(pair, "et", 0);
    french_small(rest, gender, at, pair);
}

static const char *french_adjective(const char *word, int gender, int number, const char *next) {
    const phrases_adjective *adjective = find_adjective(word);
    bool changes =
        gender == MASCULINE && number == SINGULAR && adjective->vowel && next && phrases_begins_with_vowel(next);
    return changes ? adjective->vowel : adjective->french[gender][number];
}

static void french_group(const phrases_thing *thing, const thing_places *at, phrases_pair *pair) {
    const phrases_noun *noun = find_noun(thing->noun);
    int number = is_plural(thing) ? PLURAL : SINGULAR;
    const char *word = noun->french[number];
    if (thing->number)
        french_number(thing->number, noun->gender, at, pair);
    if (thing->before)
        french(pair, french_adjective(thing->before, noun->gender, number, word), at->before);
    french(pair, word, at->noun);
    if (thing->after)
        french(pair, french_adjective(thing->after, noun->gender, number, NULL), at->after);
}

static void french_thing(const phrases_thing *thing, bool denied, const thing_places *at, const thing_places *owner,
                         phrases_pair *pair) {
    int gender = find_noun(thing->noun)->gender, number = is_plural(thing) ? PLURAL : SINGULAR;
    bool some = same(thing->article, "a");
    if (thing->owner)
        french(pair, find_article("the")->french[gender][number], at->owning);
    else if (some && (denied || (number == PLURAL && thing->before)))
        french(pair, "de", at->article);
    else if (thing->article)
        french(pair, find_article(thing->article)->french[gender][number], at->article);
    french_group(thing, at, pair);
    if (thing->owner) {
        french(pair, "de", at->owning);
        french_thing(thing->owner, false, owner, NULL, pair);
    }
}

static void french_subject(const phrases_sentence *s, const sentence_places *at, phrases_pair *pair) {
    if (s->subject.pronoun)
        french(pair, find_subject(s->subject.pronoun)->french, at->subject.pronoun);
    else
        french_thing(&s->subject, false, &at->subject, &at->subject_owner, pair);
}

/* "ne les voit pas souvent". */
static void french_verb(const phrases_sentence *s, const sentence_places *at, phrases_pair *pair) {
    const phrases_verb *verb = s->verb ? find_verb(s->verb) : &phrases_to_be;
    if (s->denied)
        french(pair, "ne", at->helper | at->denied);
    if (s->verb && s->object.pronoun)
        french(pair, find_object(s->object.pronoun)->french, at->object.pronoun);
    french(pair, verb->french[person_of(&s->subject)], at->verb);
    if (s->denied)
        french(pair, find_word(phrases_denials, phrases_denial_count, s->denied)->french[0], at->denied);
    if (s->adverb)
        french(pair, find_word(phrases_adverbs, phrases_adverb_count, s->adverb)->french[0], at->adverb);
}

static void french_quality(const phrases_sentence *s, const sentence_places *at, phrases_pair *pair) {
    const phrases_pronoun *pronoun = s->subject.pronoun ? find_subject(s->subject.pronoun) : NULL;
    int gender = pronoun ? pronoun->gender : find_noun(s->subject.noun)->gender;
    int number = pronoun ? pronoun->number : is_plural(&s->subject) ? PLURAL : SINGULAR;
    french(pair, french_adjective(s->quality, gender, number, NULL), at->quality);
}

static void french_place(const phrases_sentence *s, const sentence_places *at, phrases_pair *pair) {
    const phrases_word *preposition = find_word(phrases_prepositions, phrases_preposition_count, s->preposition);
    for (int i = 0; i < 2 && preposition->french[i]; i++)
        french(pair, preposition->french[i], at->preposition);
    french_thing(&s->place, false, &at->place, &at->place_owner, pair);
}

static void write_french(const phrases_sentence *s, const sentence_places *at, phrases_pair *pair) {
    french_subject(s, at, pair);
    french_verb(s, at, pair);
    if (!s->verb)
        french_quality(s, at, pair);
    else if (!s->object.pronoun)
        french_thing(&s->object, s->denied != NULL, &at->object, &at->object_owner, pair);
    if (s->preposition)
        french_place(s, at, pair);
}

/* ---- neighbours ---- */

/* le arbre: l'arbre. */
static void elide(phrases_pair *pair) {
    for (int i = 0; i + 1 < pair->T; i++)
        if (phrases_begins_with_vowel(pair->target[i + 1]))
            pair->target[i] = phrases_before_vowel(pair->target[i]);
}

/* de le: du, de les: des. */
static void contract(phrases_pair *pair) {
    int kept = 0;
    for (int i = 0; i < pair->T; i++, kept++) {
        const char *word = pair->target[i], *next = i + 1 < pair->T ? pair->target[i + 1] : NULL, *one = NULL;
        if (same(word, "de"))
            one = same(next, "le") ? "du" : same(next, "les") ? "des" : NULL;
        pair->target[kept] = one ? one : word;
        pair->from[kept] = one ? pair->from[i] | pair->from[i + 1] : pair->from[i];
        i += one != NULL;
    }
    pair->T = kept;
}

void phrases_write(const phrases_sentence *sentence, phrases_pair *pair) {
    sentence_places at = {0};
    *pair = (phrases_pair){0};
    write_english(sentence, pair, &at);
    write_french(sentence, &at, pair);
    elide(pair);
    contract(pair);
}
