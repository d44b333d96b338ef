/* A new word is a line here. */
#include "phrases_tables.h"

#include <stddef.h>
#include <string.h>

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

/* ---- nouns ---- */

const phrases_noun phrases_nouns[] = {
    {{"cat", "cats"}, {"chat", "chats"}, MASCULINE},
    {{"dog", "dogs"}, {"chien", "chiens"}, MASCULINE},
    {{"boy", "boys"}, {"garçon", "garçons"}, MASCULINE},
    {{"friend", "friends"}, {"ami", "amis"}, MASCULINE},
    {{"book", "books"}, {"livre", "livres"}, MASCULINE},
    {{"tree", "trees"}, {"arbre", "arbres"}, MASCULINE},
    {{"bird", "birds"}, {"oiseau", "oiseaux"}, MASCULINE},
    {{"horse", "horses"}, {"cheval", "chevaux"}, MASCULINE},
    {{"man", "men"}, {"homme", "hommes"}, MASCULINE},
    {{"owl", "owls"}, {"hibou", "hiboux"}, MASCULINE},
    {{"child", "children"}, {"enfant", "enfants"}, MASCULINE},
    {{"garden", "gardens"}, {"jardin", "jardins"}, MASCULINE},
    {{"cake", "cakes"}, {"gâteau", "gâteaux"}, MASCULINE},
    {{"king", "kings"}, {"roi", "rois"}, MASCULINE},
    {{"hat", "hats"}, {"chapeau", "chapeaux"}, MASCULINE},
    {{"boat", "boats"}, {"bateau", "bateaux"}, MASCULINE},
    {{"newspaper", "newspapers"}, {"journal", "journaux"}, MASCULINE},
    {{"egg", "eggs"}, {"œuf", "œufs"}, MASCULINE},
    {{"house", "houses"}, {"maison", "maisons"}, FEMININE},
    {{"girl", "girls"}, {"fille", "filles"}, FEMININE},
    {{"woman", "women"}, {"femme", "femmes"}, FEMININE},
    {{"apple", "apples"}, {"pomme", "pommes"}, FEMININE},
    {{"school", "schools"}, {"école", "écoles"}, FEMININE},
    {{"car", "cars"}, {"voiture", "voitures"}, FEMININE},
    {{"star", "stars"}, {"étoile", "étoiles"}, FEMININE},
    {{"flower", "flowers"}, {"fleur", "fleurs"}, FEMININE},
    {{"island", "islands"}, {"île", "îles"}, FEMININE},
    {{"table", "tables"}, {"table", "tables"}, FEMININE},
    {{"queen", "queens"}, {"reine", "reines"}, FEMININE},
    {{"mouse", "mice"}, {"souris", "souris"}, FEMININE},
    {{"key", "keys"}, {"clé", "clés"}, FEMININE},
    {{"story", "stories"}, {"histoire", "histoires"}, FEMININE},
    {{"letter", "letters"}, {"lettre", "lettres"}, FEMININE},
    {{"nut", "nuts"}, {"noix", "noix"}, FEMININE},
};
const int phrases_noun_count = COUNT(phrases_nouns);

/* ---- adjectives: masculine and feminine, each singular and plural ---- */

const phrases_adjective phrases_adjectives[] = {
    {"small", {{"petit", "petits"}, {"petite", "petites"}}, NULL, true},
    {"big", {{"grand", "grands"}, {"grande", "grandes"}}, NULL, true},
    {"beautiful", {{"beau", "beaux"}, {"belle", "belles"}}, "bel", true},
    {"old", {{"vieux", "vieux"}, {"vieille", "vieilles"}}, "vieil", true},
    {"new", {{"nouveau", "nouveaux"}, {"nouvelle", "nouvelles"}}, "nouvel", true},
    {"young", {{"jeune", "jeunes"}, {"jeune", "jeunes"}}, NULL, true},
    {"good", {{"bon", "bons"}, {"bonne", "bonnes"}}, NULL, true},
    {"bad", {{"mauvais", "mauvais"}, {"mauvaise", "mauvaises"}}, NULL, true},
    {"pretty", {{"joli", "jolis"}, {"jolie", "jolies"}}, NULL, true},
    {"red", {{"rouge", "rouges"}, {"rouge", "rouges"}}, NULL, false},
    {"black", {{"noir", "noirs"}, {"noire", "noires"}}, NULL, false},
    {"white", {{"blanc", "blancs"}, {"blanche", "blanches"}}, NULL, false},
    {"green", {{"vert", "verts"}, {"verte", "vertes"}}, NULL, false},
    {"blue", {{"bleu", "bleus"}, {"bleue", "bleues"}}, NULL, false},
    {"grey", {{"gris", "gris"}, {"grise", "grises"}}, NULL, false},
    {"yellow", {{"jaune", "jaunes"}, {"jaune", "jaunes"}}, NULL, false},
    {"happy", {{"heureux", "heureux"}, {"heureuse", "heureuses"}}, NULL, false},
    {"sad", {{"triste", "tristes"}, {"triste", "tristes"}}, NULL, false},
    {"strange", {{"étrange", "étranges"}, {"étrange", "étranges"}}, NULL, false},
    {"intelligent", {{"intelligent", "intelligents"}, {"intelligente", "intelligentes"}}, NULL, false},
    {"fast", {{"rapide", "rapides"}, {"rapide", "rapides"}}, NULL, false},
    {"rich", {{"riche", "riches"}, {"riche", "riches"}}, NULL, false},
    {"proud", {{"fier", "fiers"}, {"fière", "fières"}}, NULL, false},
    {"french", {{"français", "français"}, {"française", "françaises"}}, NULL, false},
    {"italian", {{"italien", "italiens"}, {"italienne", "italiennes"}}, NULL, false},
};
const int phrases_adjective_count = COUNT(phrases_adjectives);

/* ---- verbs: I, he, we, you, they ---- */

const phrases_verb phrases_verbs[] = {
    {"see", "see", "sees", NULL, {"vois", "voit", "voyons", "voyez", "voient"}},
    {"watch", "watch", "watches", NULL, {"regarde", "regarde", "regardons", "regardez", "regardent"}},
    {"want", "want", "wants", NULL, {"veux", "veut", "voulons", "voulez", "veulent"}},
    {"find", "find", "finds", NULL, {"trouve", "trouve", "trouvons", "trouvez", "trouvent"}},
    {"buy", "buy", "buys", NULL, {"achète", "achète", "achetons", "achetez", "achètent"}},
    {"love", "love", "loves", NULL, {"aime", "aime", "aimons", "aimez", "aiment"}},
    {"eat", "eat", "eats", NULL, {"mange", "mange", "mangeons", "mangez", "mangent"}},
    {"draw", "draw", "draws", NULL, {"dessine", "dessine", "dessinons", "dessinez", "dessinent"}},
    {"choose", "choose", "chooses", NULL, {"choisis", "choisit", "choisissons", "choisissez", "choisissent"}},
    {"take", "take", "takes", NULL, {"prends", "prend", "prenons", "prenez", "prennent"}},
    {"hear", "hear", "hears", NULL, {"entends", "entend", "entendons", "entendez", "entendent"}},
    {"lose", "lose", "loses", NULL, {"perds", "perd", "perdons", "perdez", "perdent"}},
    {"look for", "look", "looks", "for", {"cherche", "cherche", "cherchons", "cherchez", "cherchent"}},
    {"wait for", "wait", "waits", "for", {"attends", "attend", "attendons", "attendez", "attendent"}},
    {"listen to", "listen", "listens", "to", {"écoute", "écoute", "écoutons", "écoutez", "écoutent"}},
};
const int phrases_verb_count = COUNT(phrases_verbs);

/* English: are, is. */
const phrases_verb phrases_to_be = {NULL, "are", "is", NULL, {"suis", "est", "sommes", "êtes", "sont"}};

/* ---- small words ---- */

const phrases_pronoun phrases_subjects[] = {
    {"i", "je", I, MASCULINE, SINGULAR},     {"he", "il", HE, MASCULINE, SINGULAR},
    {"she", "elle", HE, FEMININE, SINGULAR}, {"we", "nous", WE, MASCULINE, PLURAL},
    {"you", "vous", YOU, MASCULINE, PLURAL}, {"they", "ils", THEY, MASCULINE, PLURAL},
};
const int phrases_subject_count = COUNT(phrases_subjects);

const phrases_pronoun phrases_objects[] = {
    {"me", "me", I, MASCULINE, SINGULAR},    {"him", "le", HE, MASCULINE, SINGULAR},
    {"her", "la", HE, FEMININE, SINGULAR},   {"us", "nous", WE, MASCULINE, PLURAL},
    {"you", "vous", YOU, MASCULINE, PLURAL}, {"them", "les", THEY, MASCULINE, PLURAL},
};
const int phrases_object_count = COUNT(phrases_objects);

/* "some" is des, but de before an adjective; where denied, de. */
const phrases_article phrases_articles[] = {
    {"the", {"the", "the"}, {{"le", "les"}, {"la", "les"}}},
    {"a", {"a", "some"}, {{"un", "des"}, {"une", "des"}}},
    {"my", {"my", "my"}, {{"mon", "mes"}, {"ma", "mes"}}},
    {"our", {"our", "our"}, {{"notre", "nos"}, {"notre", "nos"}}},
    {"his", {"his", "his"}, {{"son", "ses"}, {"sa", "ses"}}},
    {"this", {"this", "these"}, {{"ce", "ces"}, {"cette", "ces"}}},
};
const int phrases_article_count = COUNT(phrases_articles);

const phrases_word phrases_prepositions[] = {
    {"in", {"dans", NULL}},   {"on", {"sur", NULL}},          {"under", {"sous", NULL}},
    {"with", {"avec", NULL}}, {"behind", {"derrière", NULL}}, {"near", {"près", "de"}},
};
const int phrases_preposition_count = COUNT(phrases_prepositions);

const phrases_word phrases_adverbs[] = {{"often", {"souvent", NULL}}, {"always", {"toujours", NULL}}};
const int phrases_adverb_count = COUNT(phrases_adverbs);

const phrases_word phrases_denials[] = {{"not", {"pas", NULL}}, {"never", {"jamais", NULL}}};
const int phrases_denial_count = COUNT(phrases_denials);

/* ---- numbers ---- */

const char *const phrases_english_small[20] = {
    "zero", "one",    "two",    "three",    "four",     "five",    "six",     "seven",     "eight",    "nine",
    "ten",  "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
const char *const phrases_english_tens[10] = {"zero",  "ten",   "twenty",  "thirty", "forty",
                                              "fifty", "sixty", "seventy", "eighty", "ninety"};
const char *const phrases_english_tens_joined[10] = {"zero-",  "ten-",   "twenty-",  "thirty-", "forty-",
                                                     "fifty-", "sixty-", "seventy-", "eighty-", "ninety-"};
const char *const phrases_french_small[17] = {"zéro",  "un",     "deux",     "trois",  "quatre", "cinq",
                                              "six",   "sept",   "huit",     "neuf",   "dix",    "onze",
                                              "douze", "treize", "quatorze", "quinze", "seize"};
const char *const phrases_french_tens[7] = {"zéro", "dix", "vingt", "trente", "quarante", "cinquante", "soixante"};
const char *const phrases_french_tens_joined[7] = {"zéro-",     "dix-",       "vingt-",   "trente-",
                                                   "quarante-", "cinquante-", "soixante-"};
const char *const phrases_digits[10] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

/* ---- the rest ---- */

const char *const phrases_english_rest[] = {"an", "any", "do", "does", "'s", "'"};
const int phrases_english_rest_count = COUNT(phrases_english_rest);
const char *const phrases_french_rest[] = {"ne", "n'",  "j'", "l'",  "m'",      "d'",
                                           "du", "cet", "et", "une", "quatre-", "vingts"};
const int phrases_french_rest_count = COUNT(phrases_french_rest);

const char *phrases_before_vowel(const char *word) {
    static const char *const changes[][2] = {{"le", "l'"}, {"la", "l'"},  {"je", "j'"},  {"ne", "n'"}, {"de", "d'"},
                                             {"me", "m'"}, {"ce", "cet"}, {"ma", "mon"}, {"sa", "son"}};
    for (int i = 0; i < COUNT(changes); i++)
        if (strcmp(word, changes[i][0]) == 0)
            return changes[i][1];
    return word;
}

/* An h is mute or, in some words, keeps the vowel before it: le hibou. */
bool phrases_begins_with_vowel(const char *french) {
    static const char *const vowels[] = {"a", "e", "i", "o", "u", "h", "â", "é", "è", "ê", "î", "œ"};
    static const char *const kept[] = {"hibou", "hiboux", "huit", "onze"};
    for (int i = 0; i < COUNT(kept); i++)
        if (strcmp(french, kept[i]) == 0)
            return false;
    for (int i = 0; i < COUNT(vowels); i++)
        if (strncmp(french, vowels[i], strlen(vowels[i])) == 0)
            return true;
    return false;
}
