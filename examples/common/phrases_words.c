/* Words in order, and sentences as text. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "phrases.h"
#include "phrases_tables.h"

/* ---- the words of a language ---- */

/* The first place whose word is not before this one. */
static int place_of(const phrases_words *words, const char *word) {
    int low = 0, high = words->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (strcmp(words->word[middle], word) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int phrases_find(const phrases_words *words, const char *word) {
    int place = place_of(words, word);
    return place < words->count && strcmp(words->word[place], word) == 0 ? place : -1;
}

static void add(phrases_words *words, const char *word) {
    if (word == NULL || phrases_find(words, word) >= 0)
        return;
    assert(words->count < PHRASES_WORDS);
    int place = place_of(words, word);
    memmove(&words->word[place + 1], &words->word[place], (size_t)(words->count - place) * sizeof *words->word);
    words->word[place] = word;
    words->count++;
}

static void add_all(phrases_words *words, const char *const *list, int first, int count) {
    for (int i = first; i < count; i++)
        add(words, list[i]);
}

static void add_small_words(phrases_words *words, const phrases_word *table, int count, phrases_language language) {
    for (int i = 0; i < count; i++) {
        add(words, language == PHRASES_ENGLISH ? table[i].english : table[i].french[0]);
        add(words, language == PHRASES_ENGLISH ? NULL : table[i].french[1]);
    }
}

static void add_pronouns(phrases_words *words, const phrases_pronoun *table, int count, phrases_language language) {
    for (int i = 0; i < count; i++)
        add(words, language == PHRASES_ENGLISH ? table[i].english : table[i].french);
}

static void add_english(phrases_words *words) {
    for (int i = 0; i < phrases_noun_count; i++)
        add_all(words, phrases_nouns[i].english, 0, 2);
    for (int i = 0; i < phrases_adjective_count; i++)
        add(words, phrases_adjectives[i].english);
    for (int i = -1; i < phrases_verb_count; i++) {
        const phrases_verb *verb = i < 0 ? &phrases_to_be : &phrases_verbs[i];
        add_all(words, (const char *[]){verb->base, verb->third, verb->particle}, 0, 3);
    }
    for (int i = 0; i < phrases_article_count; i++)
        add_all(words, phrases_articles[i].written, 0, 2);
    add_all(words, phrases_english_small, 1, 20);
    add_all(words, phrases_english_tens, 2, 10);
    add_all(words, phrases_english_tens_joined, 2, 10);
    add_all(words, phrases_digits, 0, 10);
    add_all(words, phrases_english_rest, 0, phrases_english_rest_count);
}

static void add_french(phrases_words *words) {
    for (int i = 0; i < phrases_noun_count; i++)
        add_all(words, phrases_nouns[i].french, 0, 2);
    for (int i = 0; i < phrases_adjective_count; i++) {
        add_all(words, phrases_adjectives[i].french[0], 0, 2);
        add_all(words, phrases_adjectives[i].french[1], 0, 2);
        add(words, phrases_adjectives[i].vowel);
    }
    for (int i = -1; i < phrases_verb_count; i++)
        add_all(words, (i < 0 ? &phrases_to_be : &phrases_verbs[i])->french, 0, PERSONS);
    for (int i = 0; i < phrases_article_count; i++) {
        add_all(words, phrases_articles[i].french[0], 0, 2);
        add_all(words, phrases_articles[i].french[1], 0, 2);
    }
    add_all(words, phrases_french_small, 1, 17);
    add_all(words, phrases_french_tens, 1, 7);
    add_all(words, phrases_french_tens_joined, 1, 7);
    add_all(words, phrases_french_rest, 0, phrases_french_rest_count);
}

phrases_words phrases_words_of(phrases_language language) {
    phrases_words words = {0};
    (language == PHRASES_ENGLISH ? add_english : add_french)(&words);
    add_pronouns(&words, phrases_subjects, phrases_subject_count, language);
    add_pronouns(&words, phrases_objects, phrases_object_count, language);
    add_small_words(&words, phrases_prepositions, phrases_preposition_count, language);
    add_small_words(&words, phrases_adverbs, phrases_adverb_count, language);
    add_small_words(&words, phrases_denials, phrases_denial_count, language);
    return words;
}

/* ---- text ---- */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Whether two neighbours are written without a space. */
static bool together(const char *before, const char *after) {
    char last = before[strlen(before) - 1];
    bool elision = last == '\'' && before[0] != '\''; /* l', not the 's of boys' */
    return elision || last == '-' || after[0] == '\'' || (is_digit(last) && is_digit(after[0]));
}

void phrases_text(const char *const *words, int count, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < count && used < size; i++) {
        const char *space = i > 0 && !together(words[i - 1], words[i]) ? " " : "";
        used += (size_t)snprintf(text + used, size - used, "%s%s", space, words[i]);
    }
}

/* The bytes of the first word of a text: a digit, 's or ', letters with or without a hyphen behind them. */
static size_t word_length(const char *text) {
    if (is_digit(text[0]))
        return 1;
    if (text[0] == '\'')
        return text[1] == 's' || text[1] == 'S' ? 2 : 1;
    size_t length = strcspn(text, " \t\r\n'-0123456789");
    return length + (text[length] == '-');
}

static int find_part(const phrases_words *words, const char *text, size_t length) {
    char word[32];
    if (length >= sizeof word)
        return -1;
    for (size_t i = 0; i < length; i++)
        word[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
    word[length] = '\0';
    return phrases_find(words, word);
}

int phrases_read(const phrases_words *words, const char *text, int32_t *places, int capacity, const char **wrong) {
    int count = 0;
    for (text += strspn(text, " \t\r\n"); *text; text += strspn(text, " \t\r\n")) {
        size_t length = word_length(text);
        int place = find_part(words, text, length);
        *wrong = text;
        if (place < 0 || count == capacity)
            return -1;
        places[count++] = place;
        text += length;
    }
    return count;
}
