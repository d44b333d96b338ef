/* The phrases of examples 05 and 10: sentences beside French written by hand, alignments, and what holds for every
 * sentence. */
#include "../examples/common/phrases.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- pairs by hand ---- */

static const phrases_thing the_cat = {.article = "the", .noun = "cat"},
                           cats = {.article = "the", .noun = "cat", .plural = true};

#define THING(...)                                                                                                     \
    (phrases_thing) {                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }
#define THE(word) THING(.article = "the", .noun = word)
#define SAID(word) THING(.pronoun = word)

static void expect_pair(const phrases_sentence *s, const char *english, const char *french) {
    phrases_pair pair;
    char text[PHRASES_BYTES];
    phrases_write(s, &pair);
    phrases_text(pair.source, pair.S, text, sizeof text);
    cr_expect_str_eq(text, english);
    phrases_text(pair.target, pair.T, text, sizeof text);
    cr_expect_str_eq(text, french, "%s: \"%s\", not \"%s\"", english, text, french);
}

typedef struct known {
    phrases_sentence s;
    const char *english, *french;
} known;

static void expect_all(const known *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        expect_pair(&list[i].s, list[i].english, list[i].french);
}
#define EXPECT_ALL(list) expect_all(list, sizeof(list) / sizeof *(list))

/* A sentence about one thing: "he sees ...". */
#define SEES(...)                                                                                                      \
    { .subject = {.pronoun = "he"}, .verb = "see", .object = __VA_ARGS__ }

Test(phrases, adjectives_stand_where_french_puts_them_and_agree) {
    static const known list[] = {
        {SEES({.article = "the", .after = "red", .noun = "house"}), "he sees the red house", "il voit la maison rouge"},
        {SEES({.article = "the", .before = "small", .after = "white", .noun = "house"}),
         "he sees the small white house", "il voit la petite maison blanche"},
        {SEES({.article = "the", .before = "big", .after = "green", .noun = "key", .plural = true}),
         "he sees the big green keys", "il voit les grandes clés vertes"},
        {SEES({.article = "the", .before = "old", .after = "happy", .noun = "king", .plural = true}),
         "he sees the old happy kings", "il voit les vieux rois heureux"},
        {SEES({.article = "the", .before = "bad", .after = "proud", .noun = "queen"}), "he sees the bad proud queen",
         "il voit la mauvaise reine fière"},
        {SEES({.article = "the", .after = "french", .noun = "newspaper", .plural = true}),
         "he sees the french newspapers", "il voit les journaux français"},
        {SEES({.article = "the", .before = "beautiful", .noun = "horse", .plural = true}),
         "he sees the beautiful horses", "il voit les beaux chevaux"},
        {SEES({.article = "the", .before = "good", .after = "italian", .noun = "mouse", .plural = true}),
         "he sees the good italian mice", "il voit les bonnes souris italiennes"},
    };
    EXPECT_ALL(list);
}

Test(phrases, beau_vieux_and_nouveau_change_before_a_vowel_in_the_singular_alone) {
    static const known list[] = {
        {SEES({.article = "a", .before = "beautiful", .noun = "tree"}), "he sees a beautiful tree",
         "il voit un bel arbre"},
        {SEES({.article = "the", .before = "old", .noun = "man"}), "he sees the old man", "il voit le vieil homme"},
        {SEES({.article = "his", .before = "new", .noun = "friend"}), "he sees his new friend",
         "il voit son nouvel ami"},
        {SEES({.article = "the", .before = "new", .noun = "friend", .plural = true}), "he sees the new friends",
         "il voit les nouveaux amis"},
        {SEES({.article = "the", .before = "old", .noun = "school"}), "he sees the old school",
         "il voit la vieille école"},
        {SEES({.article = "a", .before = "old", .noun = "owl"}), "he sees an old owl", "il voit un vieux hibou"},
    };
    EXPECT_ALL(list);
}

Test(phrases, articles_agree_and_lose_their_vowel) {
    static const known list[] = {
        {SEES({.article = "the", .noun = "tree"}), "he sees the tree", "il voit l'arbre"},
        {SEES({.article = "the", .noun = "school"}), "he sees the school", "il voit l'école"},
        {SEES({.article = "the", .noun = "story"}), "he sees the story", "il voit l'histoire"},
        {SEES({.article = "the", .noun = "egg"}), "he sees the egg", "il voit l'œuf"},
        {SEES({.article = "the", .noun = "island"}), "he sees the island", "il voit l'île"},
        {SEES({.article = "the", .noun = "owl"}), "he sees the owl", "il voit le hibou"}, /* its h is not mute */
        {SEES({.article = "this", .noun = "owl"}), "he sees this owl", "il voit ce hibou"},
        {SEES({.article = "this", .noun = "man"}), "he sees this man", "il voit cet homme"},
        {SEES({.article = "this", .noun = "cat"}), "he sees this cat", "il voit ce chat"},
        {SEES({.article = "this", .noun = "star"}), "he sees this star", "il voit cette étoile"},
        {SEES({.article = "this", .noun = "star", .plural = true}), "he sees these stars", "il voit ces étoiles"},
        {SEES({.article = "my", .noun = "school"}), "he sees my school", "il voit mon école"},
        {SEES({.article = "my", .before = "small", .noun = "school"}), "he sees my small school",
         "il voit ma petite école"},
        {SEES({.article = "his", .noun = "star"}), "he sees his star", "il voit son étoile"},
        {SEES({.article = "his", .noun = "car"}), "he sees his car", "il voit sa voiture"},
        {SEES({.article = "our", .noun = "key", .plural = true}), "he sees our keys", "il voit nos clés"},
        {SEES({.article = "our", .noun = "key"}), "he sees our key", "il voit notre clé"},
        {SEES({.article = "a", .noun = "apple"}), "he sees an apple", "il voit une pomme"},
        {SEES({.article = "a", .after = "red", .noun = "apple"}), "he sees a red apple", "il voit une pomme rouge"},
        {SEES({.article = "a", .noun = "apple", .plural = true}), "he sees some apples", "il voit des pommes"},
        {SEES({.article = "a", .before = "good", .noun = "apple", .plural = true}), "he sees some good apples",
         "il voit de bonnes pommes"},
    };
    EXPECT_ALL(list);
}

Test(phrases, negations_surround_the_verb_and_turn_un_into_de) {
    const known list[] = {
        {{.subject = the_cat, .denied = "not", .verb = "eat", .object = THE("apple")},
         "the cat does not eat the apple",
         "le chat ne mange pas la pomme"},
        {{.subject = cats, .denied = "not", .verb = "love", .object = THE("dog")},
         "the cats do not love the dog",
         "les chats n'aiment pas le chien"},
        {{.subject = SAID("he"), .denied = "never", .verb = "buy", .object = THING(.article = "a", .noun = "apple")},
         "he never buys an apple",
         "il n'achète jamais de pomme"},
        {{.subject = SAID("we"),
          .denied = "not",
          .verb = "see",
          .object = THING(.article = "a", .noun = "tree", .plural = true)},
         "we do not see any trees",
         "nous ne voyons pas d'arbres"},
        {{.subject = SAID("i"), .denied = "not", .verb = "see", .object = THING(.article = "a", .noun = "owl")},
         "i do not see an owl",
         "je ne vois pas de hibou"},
        {{.subject = SAID("she"), .denied = "not", .adverb = "often", .verb = "see", .object = the_cat},
         "she does not often see the cat",
         "elle ne voit pas souvent le chat"},
        {{.subject = the_cat, .denied = "not", .quality = "black"}, "the cat is not black", "le chat n'est pas noir"},
    };
    EXPECT_ALL(list);
}

Test(phrases, object_pronouns_go_before_the_verb) {
    const known list[] = {
        {{.subject = SAID("i"), .verb = "see", .object = SAID("him")}, "i see him", "je le vois"},
        {{.subject = SAID("i"), .verb = "love", .object = SAID("her")}, "i love her", "je l'aime"},
        {{.subject = SAID("i"), .verb = "love", .object = SAID("them")}, "i love them", "je les aime"},
        {{.subject = SAID("he"), .verb = "wait for", .object = SAID("me")}, "he waits for me", "il m'attend"},
        {{.subject = SAID("he"), .verb = "look for", .object = SAID("me")}, "he looks for me", "il me cherche"},
        {{.subject = SAID("they"), .denied = "not", .verb = "hear", .object = SAID("us")},
         "they do not hear us",
         "ils ne nous entendent pas"},
        {{.subject = SAID("she"), .denied = "never", .verb = "love", .object = SAID("him")},
         "she never loves him",
         "elle ne l'aime jamais"},
        {{.subject = SAID("we"), .adverb = "always", .verb = "find", .object = SAID("you")},
         "we always find you",
         "nous vous trouvons toujours"},
    };
    EXPECT_ALL(list);
}

Test(phrases, verbs_agree_with_their_subject) {
    const known list[] = {
        {{.subject = SAID("i"), .verb = "love", .object = the_cat}, "i love the cat", "j'aime le chat"},
        {{.subject = SAID("i"), .denied = "not", .verb = "love", .object = the_cat},
         "i do not love the cat",
         "je n'aime pas le chat"},
        {{.subject = SAID("you"), .verb = "take", .object = the_cat}, "you take the cat", "vous prenez le chat"},
        {{.subject = SAID("we"), .verb = "eat", .object = the_cat}, "we eat the cat", "nous mangeons le chat"},
        {{.subject = THING(.article = "the", .noun = "child", .plural = true), .verb = "want", .object = the_cat},
         "the children want the cat",
         "les enfants veulent le chat"},
        {{.subject = THING(.number = 3, .noun = "dog", .plural = true), .verb = "choose", .object = the_cat},
         "three dogs choose the cat",
         "trois chiens choisissent le chat"},
        {{.subject = THE("woman"), .verb = "listen to", .object = the_cat},
         "the woman listens to the cat",
         "la femme écoute le chat"},
    };
    EXPECT_ALL(list);
}

Test(phrases, qualities_agree_with_what_has_them) {
    const known list[] = {
        {{.subject = SAID("she"), .quality = "happy"}, "she is happy", "elle est heureuse"},
        {{.subject = SAID("they"), .adverb = "always", .quality = "sad"},
         "they are always sad",
         "ils sont toujours tristes"},
        {{.subject = THING(.article = "the", .after = "red", .noun = "house", .plural = true), .quality = "big"},
         "the red houses are big",
         "les maisons rouges sont grandes"},
        {{.subject = THE("tree"), .quality = "beautiful"}, "the tree is beautiful", "l'arbre est beau"},
        {{.subject = THE("key"), .denied = "never", .quality = "new"},
         "the key is never new",
         "la clé n'est jamais nouvelle"},
    };
    EXPECT_ALL(list);
}

Test(phrases, owners_and_places_stand_behind_and_de_runs_into_the_article) {
    static const phrases_thing boy = {.article = "the", .noun = "boy"},
                               boys = {.article = "the", .noun = "boy", .plural = true},
                               child = {.article = "the", .noun = "child"}, queen = {.article = "the", .noun = "queen"},
                               man = {.article = "a", .noun = "man"},
                               men = {.article = "this", .noun = "man", .plural = true};
    const known list[] = {
        {SEES({.owner = &boy, .after = "red", .noun = "house"}), "he sees the boy's red house",
         "il voit la maison rouge du garçon"},
        {SEES({.owner = &boys, .noun = "tree"}), "he sees the boys' tree", "il voit l'arbre des garçons"},
        {SEES({.owner = &child, .noun = "dog"}), "he sees the child's dog", "il voit le chien de l'enfant"},
        {SEES({.owner = &queen, .number = 2, .noun = "dog"}), "he sees the queen's two dogs",
         "il voit les deux chiens de la reine"},
        {SEES({.owner = &man, .noun = "hat"}), "he sees a man's hat", "il voit le chapeau d'un homme"},
        {SEES({.owner = &men, .noun = "hat", .plural = true}), "he sees these men's hats",
         "il voit les chapeaux de ces hommes"},
        {{.subject = SAID("i"), .verb = "see", .object = SAID("him"), .preposition = "in", .place = THE("garden")},
         "i see him in the garden",
         "je le vois dans le jardin"},
        {{.subject = the_cat, .quality = "sad", .preposition = "near", .place = THE("dog")},
         "the cat is sad near the dog",
         "le chat est triste près du chien"},
        {{.subject = the_cat, .quality = "sad", .preposition = "near", .place = THE("island")},
         "the cat is sad near the island",
         "le chat est triste près de l'île"},
        {{.subject = the_cat, .quality = "sad", .preposition = "near", .place = THING(.article = "a", .noun = "car")},
         "the cat is sad near a car",
         "le chat est triste près d'une voiture"},
    };
    EXPECT_ALL(list);
}

/* ---- numbers ---- */

static void count(int number, bool digits, const char *noun, char *english, char *french) {
    phrases_sentence s = SEES({.number = number, .digits = digits, .noun = noun, .plural = true});
    phrases_pair pair;
    phrases_write(&s, &pair);
    phrases_text(pair.source + 2, pair.S - 2, english, PHRASES_BYTES); /* without "he sees" */
    phrases_text(pair.target + 2, pair.T - 2, french, PHRASES_BYTES);
}

Test(phrases, numbers_are_said_as_the_french_say_them) {
    static const struct {
        int number;
        const char *english, *french;
    } list[] = {
        {2, "two apples", "deux pommes"},
        {10, "ten apples", "dix pommes"},
        {16, "sixteen apples", "seize pommes"},
        {17, "seventeen apples", "dix-sept pommes"},
        {20, "twenty apples", "vingt pommes"},
        {21, "twenty-one apples", "vingt et une pommes"},
        {22, "twenty-two apples", "vingt-deux pommes"},
        {61, "sixty-one apples", "soixante et une pommes"},
        {69, "sixty-nine apples", "soixante-neuf pommes"},
        {70, "seventy apples", "soixante-dix pommes"},
        {71, "seventy-one apples", "soixante et onze pommes"},
        {72, "seventy-two apples", "soixante-douze pommes"},
        {77, "seventy-seven apples", "soixante-dix-sept pommes"},
        {80, "eighty apples", "quatre-vingts pommes"},
        {81, "eighty-one apples", "quatre-vingt-une pommes"},
        {83, "eighty-three apples", "quatre-vingt-trois pommes"},
        {90, "ninety apples", "quatre-vingt-dix pommes"},
        {91, "ninety-one apples", "quatre-vingt-onze pommes"},
        {98, "ninety-eight apples", "quatre-vingt-dix-huit pommes"},
    };
    char english[PHRASES_BYTES], french[PHRASES_BYTES], digits[PHRASES_BYTES], again[PHRASES_BYTES];
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        count(list[i].number, false, "apple", english, french);
        cr_expect_str_eq(english, list[i].english);
        cr_expect_str_eq(french, list[i].french);
        snprintf(digits, sizeof digits, "%d apples", list[i].number);
        count(list[i].number, true, "apple", english, again);
        cr_expect_str_eq(english, digits);
        cr_expect_str_eq(again, french, "%s", digits);
    }
    count(21, true, "cat", english, french);
    cr_expect_str_eq(french, "vingt et un chats");
}

/* ---- alignment ---- */

/* "le(the) chat(cat)": each French word with the English ones it comes from. */
static void write_alignment(const phrases_pair *pair, char *text, size_t size) {
    size_t used = 0;
    for (int i = 0; i < pair->T; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%s(", i ? " " : "", pair->target[i]);
        for (int s = 0, first = 1; s < pair->S; s++)
            if (pair->from[i] >> s & 1) {
                used += (size_t)snprintf(text + used, size - used, "%s%s", first ? "" : " ", pair->source[s]);
                first = 0;
            }
        used += (size_t)snprintf(text + used, size - used, ")");
    }
}

static void expect_alignment(const phrases_sentence *s, const char *alignment) {
    phrases_pair pair;
    char text[2 * PHRASES_BYTES];
    phrases_write(s, &pair);
    write_alignment(&pair, text, sizeof text);
    cr_expect_str_eq(text, alignment);
}

Test(phrases, each_french_word_knows_the_english_ones_it_comes_from) {
    static const phrases_thing boy = {.article = "the", .before = "small", .noun = "boy"};
    const phrases_sentence owned = {.subject = THING(.owner = &boy, .after = "red", .noun = "cat"),
                                    .denied = "not",
                                    .verb = "look for",
                                    .object = SAID("them")},
                           counted = SEES({.number = 71, .digits = true, .noun = "key", .plural = true}),
                           spelt = SEES({.number = 97, .noun = "key", .plural = true}),
                           often = {.subject = SAID("i"),
                                    .denied = "never",
                                    .quality = "red",
                                    .preposition = "near",
                                    .place = THE("king")};
    expect_alignment(&owned, "le('s) chat(cat) rouge(red) du(the 's) petit(small) garçon(boy) ne(does not) les(them) "
                             "cherche(look for) pas(not)");
    expect_alignment(&counted, "il(he) voit(sees) soixante(7) et() onze(7 1) clés(keys)");
    expect_alignment(&spelt, "il(he) voit(sees) quatre-(ninety-) vingt-(ninety-) dix-(ninety-) sept(seven) clés(keys)");
    expect_alignment(&often, "je(i) ne(never) suis(are) jamais(never) rouge(red) près(near) du(near the) roi(king)");
}

/* ---- every sentence ---- */

enum { MANY = 20000 };

static bool in(const char *word, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, list[i]) == 0)
            return true;
    return false;
}
#define IN(word, ...) in(word, (const char *[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

/* Said of the spelling alone, apart from the tables of the grammar. */
static bool sounds_like_a_vowel(const char *word) {
    if (word[0] == 'h')
        return strncmp(word, "hibou", 5) != 0;
    unsigned char c = (unsigned char)word[0];
    return c >= 0x80 || (strchr("aeiou", c) && strcmp(word, "onze") != 0);
}

static void expect_good_neighbours(const char *text, const char *word, const char *next) {
    bool vowel = sounds_like_a_vowel(next);
    if (IN(word, "le", "la", "je", "ne", "de", "me", "ce", "ma", "sa"))
        cr_expect(!vowel, "%s: \"%s %s\"", text, word, next);
    if (IN(word, "beau", "vieux", "nouveau") && strcmp(next, "avec") != 0) /* plural vieux: "de vieux amis" */
        cr_expect(!vowel || word[0] == 'v', "%s: \"%s %s\"", text, word, next);
    if (IN(word, "l'", "j'", "n'", "d'", "m'", "cet", "bel", "vieil", "nouvel"))
        cr_expect(vowel, "%s: \"%s %s\"", text, word, next);
    if (IN(word, "de"))
        cr_expect(!IN(next, "le", "les", "des", "du"), "%s: \"de %s\"", text, next);
    cr_expect(!IN(word, "les", "des", "ces", "mes", "ses", "nos") || !IN(next, "le", "la", "les", "un", "une", "de"),
              "%s", text);
}

Test(phrases, no_sentence_breaks_the_rules_of_neighbours) {
    for (uint64_t i = 0; i < MANY; i++) {
        phrases_pair pair;
        char text[PHRASES_BYTES];
        phrases_make(7, i, PHRASES_TRAINING, &pair);
        phrases_text(pair.target, pair.T, text, sizeof text);
        for (int w = 0; w + 1 < pair.T; w++)
            expect_good_neighbours(text, pair.target[w], pair.target[w + 1]);
        cr_expect(strchr(pair.target[pair.T - 1], '\'') == NULL, "%s", text);
        bool opened = false;
        for (int w = 0; w < pair.T; w++) {
            opened = opened || IN(pair.target[w], "ne", "n'");
            cr_expect(!IN(pair.target[w], "pas", "jamais") || opened, "%s", text);
        }
    }
}

/* Whatever is aligned is inside the source, only "et" comes from nothing, and no English word is left out. */
Test(phrases, alignments_cover_both_sentences) {
    for (uint64_t i = 0; i < MANY; i++) {
        phrases_pair pair;
        phrases_make(8, i, PHRASES_TRAINING, &pair);
        uint64_t used = 0;
        for (int w = 0; w < pair.T; w++) {
            used |= pair.from[w];
            cr_expect_eq(pair.from[w] == 0, strcmp(pair.target[w], "et") == 0);
        }
        cr_expect_eq(used, ((uint64_t)1 << pair.S) - 1);
    }
}

Test(phrases, all_words_are_in_the_vocabularies_and_texts_are_read_back) {
    phrases_words english = phrases_words_of(PHRASES_ENGLISH), french = phrases_words_of(PHRASES_FRENCH);
    for (int i = 1; i < french.count; i++)
        cr_expect_lt(strcmp(french.word[i - 1], french.word[i]), 0);
    for (uint64_t i = 0; i < MANY; i++) {
        phrases_pair pair;
        char text[PHRASES_BYTES];
        int32_t places[PHRASES_SOURCE];
        const char *wrong = NULL;
        phrases_make(9, i, PHRASES_HELD_OUT, &pair);
        for (int w = 0; w < pair.T; w++)
            cr_assert_geq(phrases_find(&french, pair.target[w]), 0, "%s", pair.target[w]);
        phrases_text(pair.source, pair.S, text, sizeof text);
        cr_assert_eq(phrases_read(&english, text, places, PHRASES_SOURCE, &wrong), pair.S, "%s at %s", text, wrong);
        for (int s = 0; s < pair.S; s++)
            cr_expect_str_eq(english.word[places[s]], pair.source[s]);
    }
}

Test(phrases, what_cannot_be_read_is_pointed_to) {
    phrases_words english = phrases_words_of(PHRASES_ENGLISH);
    int32_t places[4];
    const char *wrong = NULL;
    cr_expect_eq(phrases_read(&english, "The BOY'S 72", places, 4, &wrong), -1); /* five words */
    cr_expect_str_eq(wrong, "2");
    cr_expect_eq(phrases_read(&english, "the helicopter", places, 4, &wrong), -1);
    cr_expect_str_eq(wrong, "helicopter");
    cr_expect_eq(phrases_read(&english, "  The BOY ", places, 4, &wrong), 2);
    cr_expect_eq(phrases_read(&english, "", places, 4, &wrong), 0);
    char text[8];
    phrases_text((const char *const[]){"the", "boy", "'s", "cat"}, 4, text, sizeof text);
    cr_expect_str_eq(text, "the boy");
}

Test(phrases, no_held_out_sentence_is_in_training_and_one_in_ten_is_held_out) {
    int held = 0;
    for (uint64_t i = 0; i < MANY; i++) {
        phrases_pair pair, again, other;
        phrases_make(1, i, PHRASES_TRAINING, &pair);
        cr_expect(!phrases_held_out(&pair));
        phrases_make(1, i, PHRASES_TRAINING, &again);
        cr_expect(pair.S == again.S && memcmp(pair.target, again.target, sizeof pair.target) == 0);
        phrases_make(1, i, PHRASES_HELD_OUT, &other);
        cr_expect(phrases_held_out(&other));
    }
    /* Sentences as they come, before a part is chosen: whole numbers of apples and the like. */
    for (int i = 0; i < 98 * 34; i++) {
        static const char *const verbs[] = {"see", "watch", "want", "find", "buy", "love", "eat", "draw"};
        phrases_sentence s = {.verb = verbs[i % 8], .object = THING(.number = 2 + i % 98, .noun = "nut")};
        phrases_pair pair;
        s.subject.pronoun = (const char *const[]){"i", "you", "he", "she", "we", "they"}[i % 6];
        phrases_write(&s, &pair);
        held += phrases_held_out(&pair);
    }
    cr_expect(held > 98 * 34 / 10 - 100 && held < 98 * 34 / 10 + 100, "%d of %d", held, 98 * 34);
}
