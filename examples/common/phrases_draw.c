/* Which sentences there are, and which of them are held out. */
#include <heed/rng.h>

#include <string.h>

#include "phrases.h"
#include "phrases_tables.h"

/* Chance: number n of a stream is a function of its key and n. */
typedef struct stream {
    uint64_t key, drawn;
} stream;

static int below(stream *s, int bound) {
    return (int)heed_rng_below(s->key, s->drawn++, (uint64_t)bound);
}

static bool one_in(stream *s, int chances) {
    return below(s, chances) == 0;
}

static const char *draw_adjective(stream *s, bool before) {
    for (;;) {
        const phrases_adjective *adjective = &phrases_adjectives[below(s, phrases_adjective_count)];
        if (adjective->before == before)
            return adjective->english;
    }
}

/* Noun and adjectives. */
static phrases_thing draw_group(stream *s) {
    phrases_thing thing = {.noun = phrases_nouns[below(s, phrases_noun_count)].english[0], .plural = one_in(s, 3)};
    if (one_in(s, 3))
        thing.before = draw_adjective(s, true);
    if (one_in(s, 2))
        thing.after = draw_adjective(s, false);
    return thing;
}

static const char *draw_article(stream *s) {
    return one_in(s, 2) ? "the" : phrases_articles[below(s, phrases_article_count)].english;
}

/* 2 to 99; written as a word it may stand behind the, my, our, his and these. */
static void count_thing(stream *s, phrases_thing *thing) {
    thing->number = 2 + below(s, one_in(s, 2) ? 18 : 98);
    thing->digits = one_in(s, 2);
    thing->plural = true;
    if (thing->article && (strcmp(thing->article, "a") == 0 || one_in(s, 2)))
        thing->article = NULL;
}

static phrases_thing draw_thing(stream *s) {
    phrases_thing thing = draw_group(s);
    thing.article = draw_article(s);
    if (one_in(s, 5))
        count_thing(s, &thing);
    return thing;
}

static phrases_thing draw_owner(stream *s) {
    phrases_thing owner = draw_group(s);
    owner.article = draw_article(s);
    if (owner.plural && strcmp(owner.article, "a") == 0) /* "de des" is no French */
        owner.article = "the";
    return owner;
}

/* No sentence says of us what we do to me. */
static bool reflexive(const phrases_sentence *s) {
    static const char *const pairs[][2] = {{"i", "me"}, {"i", "us"}, {"we", "me"}, {"we", "us"}, {"you", "you"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs && s->subject.pronoun; i++)
        if (strcmp(s->subject.pronoun, pairs[i][0]) == 0 && strcmp(s->object.pronoun, pairs[i][1]) == 0)
            return true;
    return false;
}

static void draw_object(stream *s, phrases_sentence *sentence) {
    sentence->verb = phrases_verbs[below(s, phrases_verb_count)].english;
    if (!one_in(s, 4)) {
        sentence->object = draw_thing(s);
        return;
    }
    do
        sentence->object = (phrases_thing){.pronoun = phrases_objects[below(s, phrases_object_count)].english};
    while (reflexive(sentence));
}

/* Of I, we and you it is not known which gender they are. */
static void draw_quality(stream *s, phrases_sentence *sentence) {
    static const char *const known[] = {"he", "she", "they"};
    if (sentence->subject.pronoun)
        sentence->subject.pronoun = known[below(s, 3)];
    sentence->quality = draw_adjective(s, one_in(s, 3));
}

static void draw_place(stream *s, phrases_sentence *sentence) {
    sentence->preposition = phrases_prepositions[below(s, phrases_preposition_count)].english;
    sentence->place = draw_owner(s);
}

/* One owner at most, and then no place: else it is too long for a line. */
static void draw_sentence(stream *s, phrases_sentence *sentence, phrases_thing *owner) {
    *sentence = (phrases_sentence){0};
    *owner = draw_owner(s);
    if (one_in(s, 3))
        sentence->subject.pronoun = phrases_subjects[below(s, phrases_subject_count)].english;
    else
        sentence->subject = draw_thing(s);
    if (one_in(s, 3))
        sentence->denied = phrases_denials[below(s, phrases_denial_count)].english;
    if (one_in(s, 6) && (!sentence->denied || strcmp(sentence->denied, "never") != 0))
        sentence->adverb = phrases_adverbs[below(s, phrases_adverb_count)].english;
    if (one_in(s, 4))
        draw_quality(s, sentence);
    else
        draw_object(s, sentence);
    phrases_thing *owned = one_in(s, 2) ? &sentence->subject : &sentence->object;
    if (one_in(s, 3) && owned->noun) {
        owned->owner = owner;
        owned->article = NULL;
    } else if (one_in(s, 4)) {
        draw_place(s, sentence);
    }
}

bool phrases_held_out(const phrases_pair *pair) {
    char text[PHRASES_BYTES];
    phrases_text(pair->source, pair->S, text, sizeof text);
    return heed_rng_hash(text) % 10 == 0;
}

void phrases_make(uint64_t seed, uint64_t index, phrases_part part, phrases_pair *pair) {
    stream s = {.key = heed_rng_mix(heed_rng_mix(seed, index), (uint64_t)part)};
    do {
        phrases_sentence sentence;
        phrases_thing owner;
        draw_sentence(&s, &sentence, &owner);
        phrases_write(&sentence, pair);
    } while (phrases_held_out(pair) != (part == PHRASES_HELD_OUT));
}
