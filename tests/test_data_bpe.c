/* Byte pair encoding against a slow twin written from its definition (golden/generate_bpe.py). */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <heed/heed.h>

#define GOLDEN "tests/golden/bpe/"

static char vocab_path[64], merges_path[64];

static void use_paths(void) {
    snprintf(vocab_path, sizeof vocab_path, "/tmp/heed_data_bpe_%ld.json", (long)getpid());
    snprintf(merges_path, sizeof merges_path, "/tmp/heed_data_bpe_%ld.txt", (long)getpid());
}

static void remove_paths(void) {
    remove(vocab_path);
    remove(merges_path);
}

TestSuite(data_bpe, .init = use_paths, .fini = remove_paths);

static const char *const endoftext[] = {"<|endoftext|>"};

static heed_vocabulary *golden(void) {
    heed_error e;
    heed_vocabulary *v = heed_bpe_load(GOLDEN "vocab.json", GOLDEN "merges.txt", &e);
    cr_assert(v, "%s", e.text);
    return v;
}

static void same(const heed_vocabulary *a, const heed_vocabulary *b) {
    cr_assert_eq(heed_vocabulary_count(a), heed_vocabulary_count(b));
    for (int32_t id = 0; id < heed_vocabulary_count(a); id++) {
        size_t n, m;
        const char *x = heed_vocabulary_token(a, id, &n), *y = heed_vocabulary_token(b, id, &m);
        cr_assert(n == m && memcmp(x, y, n) == 0, "token %d", id);
        cr_assert_eq(heed_vocabulary_is_special(a, id), heed_vocabulary_is_special(b, id));
    }
}

static char *whole(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    cr_assert(f, "%s", path);
    char *bytes = malloc(1 << 20);
    *n = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    return bytes;
}

/* ---- the twin's results ---- */

static size_t from_hex(const char *hex, char *bytes) {
    size_t n = 0;
    for (unsigned byte; sscanf(hex + 2 * n, "%2x", &byte) == 1 && hex[2 * n] != ':'; n++)
        bytes[n] = (char)byte;
    return n;
}

static int encode_cases(const heed_vocabulary *v) {
    static char line[1 << 16], bytes[1 << 15], back[1 << 15];
    FILE *f = fopen(GOLDEN "cases.txt", "r");
    cr_assert(f);
    int cases = 0;
    for (; fgets(line, sizeof line, f); cases++) {
        heed_error e = {.status = HEED_OK};
        heed_tokens got = {.ids = NULL};
        size_t n = from_hex(line, bytes);
        char *expected = strchr(line, ':') + 1;
        cr_assert_eq(heed_encode(v, bytes, n, &got, &e), HEED_OK, "%s", e.text);
        for (int64_t i = 0; i < got.count; i++) {
            char *end;
            long want = strtol(expected, &end, 10);
            cr_assert(end != expected && want == got.ids[i], "case %d, token %d: %d, not %ld", cases, (int)i,
                      got.ids[i], want);
            expected = end;
        }
        cr_assert_eq(*expected, '\n', "case %d: %d tokens, more expected", cases, (int)got.count);
        cr_assert(heed_decode(v, got.ids, got.count, back, sizeof back) == n && memcmp(back, bytes, n) == 0,
                  "case %d does not come back", cases);
        heed_tokens_free(&got);
    }
    fclose(f);
    return cases;
}

Test(data_bpe, encodes_as_the_slow_twin) {
    heed_vocabulary *v = golden();
    cr_assert_eq(encode_cases(v), 154);
    cr_assert_eq(heed_vocabulary_count(v), 472);
    cr_assert_str_eq(heed_vocabulary_kind(v), "bpe");
    cr_assert_eq(heed_vocabulary_special(v, HEED_EOS), 471);
    cr_assert_eq(heed_vocabulary_special(v, HEED_BOS), 471);
    cr_assert_eq(heed_vocabulary_special(v, HEED_PAD), -1);
    heed_vocabulary_free(v);
}

Test(data_bpe, learns_as_the_slow_twin) {
    size_t n, m;
    heed_error e;
    char *text = whole(GOLDEN "text.txt", &n);
    heed_vocabulary *v = heed_bpe_train(text, n,
                                        (heed_bpe_options){.merges = 240, .n_specials = 1, .specials = endoftext}, &e),
                    *twin = golden();
    cr_assert(v, "%s", e.text);
    same(v, twin);
    encode_cases(v);
    /* The files are the twin's, too: merges to the byte, the other as JSON. */
    cr_assert_eq(heed_bpe_save(v, vocab_path, merges_path, &e), HEED_OK, "%s", e.text);
    char *merges = whole(merges_path, &m), *twins = whole(GOLDEN "merges.txt", &n);
    cr_assert(m == n && memcmp(merges, twins, n) == 0);
    free(merges);
    free(twins);
    json_t *ids = json_load_file(vocab_path, 0, NULL), *twins_ids = json_load_file(GOLDEN "vocab.json", 0, NULL);
    cr_assert(ids && json_equal(ids, twins_ids));
    json_decref(ids);
    json_decref(twins_ids);
    heed_vocabulary *back = heed_bpe_load(vocab_path, merges_path, &e);
    cr_assert(back, "%s", e.text);
    same(v, back);
    encode_cases(back);
    heed_vocabulary_free(back);
    /* And as a vocabulary's own file. */
    cr_assert_eq(heed_vocabulary_save(v, vocab_path, &e), HEED_OK, "%s", e.text);
    back = heed_vocabulary_load(vocab_path, &e);
    cr_assert(back, "%s", e.text);
    same(v, back);
    encode_cases(back);
    heed_vocabulary_free(back);
    free(text);
    heed_vocabulary_free(twin);
    heed_vocabulary_free(v);
}

/* By hand: pairs of "aaabdaaabac" (Gage 1994's example). aa 4 times (overlaps count), then ab 2; Z = aa: Z a b d Z a b
 * a c; (Z,a) and (a,b) and then occur twice each; ids a = 64, b = 65, Z = 256, so (a,b) is first; then (Z,ab). */
Test(data_bpe, merges_what_occurs_most_and_of_equals_the_smallest_ids) {
    heed_error e;
    heed_vocabulary *v = heed_bpe_train("aaabdaaabac", 11, (heed_bpe_options){.merges = 50}, &e);
    cr_assert(v, "%s", e.text);
    cr_assert_eq(heed_vocabulary_count(v), 259);
    static const char *const want[] = {"aa", "ab", "aaab"};
    for (int i = 0; i < 3; i++)
        cr_assert_eq(heed_vocabulary_find(v, want[i], strlen(want[i])), 256 + i, "%s", want[i]);
    heed_vocabulary_free(v);
    v = heed_bpe_train("aaabdaaabac", 11, (heed_bpe_options){.merges = 2}, &e);
    cr_assert_eq(heed_vocabulary_count(v), 258);
    heed_vocabulary_free(v);
    v = heed_bpe_train("aaabdaaabac", 11, (heed_bpe_options){.merges = 50, .min_count = 3}, &e);
    cr_assert_eq(heed_vocabulary_count(v), 257);
    heed_vocabulary_free(v);
}

Test(data_bpe, special_tokens_are_text_unless_asked) {
    heed_vocabulary *v = golden();
    heed_error e = {.status = HEED_OK};
    heed_tokens plain = {.ids = NULL}, with = {.ids = NULL};
    static const char text[] = "the end<|endoftext|>the";
    cr_assert_eq(heed_encode(v, text, strlen(text), &plain, &e), HEED_OK);
    cr_assert_eq(heed_encode_with_specials(v, text, strlen(text), &with, &e), HEED_OK);
    char back[64];
    heed_decode(v, plain.ids, plain.count, back, sizeof back);
    cr_assert_str_eq(back, text);
    heed_decode(v, with.ids, with.count, back, sizeof back);
    cr_assert_str_eq(back, "the endthe");
    heed_decode_with_specials(v, with.ids, with.count, back, sizeof back);
    cr_assert_str_eq(back, text);
    int times = 0;
    for (int64_t i = 0; i < with.count; i++)
        times += with.ids[i] == 471;
    for (int64_t i = 0; i < plain.count; i++)
        cr_assert_neq(plain.ids[i], 471);
    cr_assert_eq(times, 1);
    heed_tokens_free(&plain);
    heed_tokens_free(&with);
    heed_vocabulary_free(v);
}

/* ---- merges in any order, also such as training never gives: GPT-2's loop, written out ---- */

enum { LETTERS = 3, LONGEST = 40 };

static void put(const char *path, const char *text) {
    FILE *f = fopen(path, "wb");
    cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* {"!": 0, ...} of the 256 bytes by their own file, without the closing brace. */
static void put_vocab(const char *more) {
    static char text[1 << 16];
    heed_error e;
    size_t n;
    heed_vocabulary *v = heed_bpe_train("x", 1, (heed_bpe_options){.merges = 0}, &e);
    cr_assert_eq(heed_bpe_save(v, vocab_path, merges_path, &e), HEED_OK);
    heed_vocabulary_free(v);
    char *bytes = whole(vocab_path, &n);
    bytes[n - 1] = '\0';
    cr_assert((size_t)snprintf(text, sizeof text, "%s%s}", bytes, more) < sizeof text);
    free(bytes);
    put(vocab_path, text);
}

typedef struct rule {
    char left[16], right[16];
} rule;

static int naive(const rule *rules, int n_rules, const char *text, char tokens[LONGEST][16]) {
    int n = 0;
    for (; text[n]; n++)
        snprintf(tokens[n], 16, "%c", text[n]);
    for (;;) {
        int best = n_rules;
        for (int i = 0; i + 1 < n; i++)
            for (int r = 0; r < best; r++)
                if (strcmp(tokens[i], rules[r].left) == 0 && strcmp(tokens[i + 1], rules[r].right) == 0)
                    best = r;
        if (best == n_rules)
            return n;
        int to = 0;
        for (int i = 0; i < n; to++) {
            bool fits =
                i + 1 < n && strcmp(tokens[i], rules[best].left) == 0 && strcmp(tokens[i + 1], rules[best].right) == 0;
            char token[16];
            snprintf(token, sizeof token, "%.7s%.7s", tokens[i], fits ? tokens[i + 1] : "");
            strcpy(tokens[to], token);
            i += fits ? 2 : 1;
        }
        n = to;
    }
}

/* Random merges that build tokens of up to 6 letters of "abc", several merges of one token among them, then shuffled.
 */
static int random_rules(uint64_t key, rule *rules, int most) {
    char known[64][16] = {"a", "b", "c"};
    int n_known = LETTERS, n = 0;
    for (uint64_t i = 0; i < 400 && n < most; i++) {
        const char *l = known[heed_rng_below(key, 2 * i, (uint64_t)n_known)],
                   *r = known[heed_rng_below(key, 2 * i + 1, (uint64_t)n_known)];
        bool there = strlen(l) + strlen(r) > 6, made = false;
        for (int k = 0; k < n; k++)
            there = there || (strcmp(rules[k].left, l) == 0 && strcmp(rules[k].right, r) == 0);
        if (there)
            continue;
        rule *new = &rules[n++];
        snprintf(new->left, 16, "%.7s", l);
        snprintf(new->right, 16, "%.7s", r);
        char token[16];
        snprintf(token, sizeof token, "%.7s%.7s", l, r);
        for (int k = 0; k < n_known; k++)
            made = made || strcmp(known[k], token) == 0;
        if (!made)
            strcpy(known[n_known++], token);
    }
    for (int i = n - 1; i > 0; i--) {
        int j = (int)heed_rng_below(key, 10000 + (uint64_t)i, (uint64_t)i + 1);
        rule swap = rules[i];
        rules[i] = rules[j];
        rules[j] = swap;
    }
    return n;
}

static heed_vocabulary *of_rules(const rule *rules, int n) {
    char more[4096] = "", merges[2048] = "";
    int id = 256;
    for (int i = 0; i < n; i++) {
        char key[64];
        snprintf(key, sizeof key, ", \"%.7s%.7s\": ", rules[i].left, rules[i].right);
        if (strstr(more, key) == NULL)
            snprintf(more + strlen(more), sizeof more - strlen(more), "%s%d", key, id++);
        snprintf(merges + strlen(merges), sizeof merges - strlen(merges), "%s %s\n", rules[i].left, rules[i].right);
    }
    heed_error e;
    put_vocab(more);
    put(merges_path, merges);
    heed_vocabulary *v = heed_bpe_load(vocab_path, merges_path, &e);
    cr_assert(v, "%s", e.text);
    return v;
}

Test(data_bpe, any_list_of_merges_means_what_it_means_to_gpt_2) {
    enum { LISTS = 60, TEXTS = 40, RULES = 24 };
    for (uint64_t list = 0; list < LISTS; list++) {
        rule rules[RULES];
        int n = random_rules(heed_rng_mix(11, list), rules, RULES);
        heed_vocabulary *v = of_rules(rules, n);
        for (uint64_t i = 0; i < TEXTS; i++) {
            uint64_t key = heed_rng_mix(list, i);
            char text[LONGEST + 1] = "", want[LONGEST][16];
            int length = 1 + (int)heed_rng_below(key, 0, LONGEST - 1);
            for (int k = 0; k < length; k++)
                text[k] = (char)('a' + heed_rng_below(key, 1 + (uint64_t)k, LETTERS));
            int count = naive(rules, n, text, want);
            heed_tokens got = {.ids = NULL};
            cr_assert_eq(heed_encode(v, text, (size_t)length, &got, NULL), HEED_OK);
            cr_assert_eq(got.count, count, "list %d: \"%s\"", (int)list, text);
            for (int k = 0; k < count; k++)
                cr_assert_eq(got.ids[k], heed_vocabulary_find(v, want[k], strlen(want[k])), "list %d: \"%s\"",
                             (int)list, text);
            heed_tokens_free(&got);
        }
        heed_vocabulary_free(v);
    }
}

/* ---- size ---- */

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Pieces of a megabyte: what is quadratic would take hours here. And training on such text. */
Test(data_bpe, long_pieces_take_no_longer_than_short_ones) {
    enum { BYTES = 1 << 20 };
    static char text[BYTES + 1], back[BYTES + 1];
    heed_vocabulary *v = golden();
    double start = seconds();
    for (int kind = 0; kind < 4; kind++) {
        for (int i = 0; i < BYTES; i++)
            text[i] = kind == 0   ? 'a'
                      : kind == 1 ? ' '
                      : kind == 2 ? (char)0x80
                                  : (char)('a' + heed_rng_below(5, (uint64_t)i, 4));
        heed_tokens got = {.ids = NULL};
        cr_assert_eq(heed_encode(v, text, BYTES, &got, NULL), HEED_OK);
        cr_assert(heed_decode(v, got.ids, got.count, back, sizeof back) == BYTES && memcmp(back, text, BYTES) == 0);
        heed_tokens_free(&got);
        heed_vocabulary *learned = heed_bpe_train(text, BYTES, (heed_bpe_options){.merges = 1000}, NULL);
        cr_assert(learned);
        if (kind == 0) /* a^2, a^4, ..., a^(2^19): a piece of 2^20 holds two of the last */
            cr_assert_eq(heed_vocabulary_count(learned), 256 + 19, "%d", heed_vocabulary_count(learned));
        heed_vocabulary_free(learned);
    }
    cr_assert_lt(seconds() - start, 60);
    heed_vocabulary_free(v);
}

/* ---- mistakes ---- */

Test(data_bpe, training_options_that_are_wrong_are_refused) {
    static const char *const empty[] = {""}, *const bad[] = {"\xFF"}, *const taken[] = {"ab"},
                             *const key[] = {"\u0120"}, *const twice[] = {"<s>", "<s>"};
    static const struct {
        const char *text;
        heed_bpe_options o;
        const char *why;
    } wrong[] = {
        {"", {.merges = 1}, "bpe: the text is empty"},
        {"abab", {.merges = -1}, "bpe: merges is -1; it must be 0 or more, and leave room for ids"},
        {"abab", {.merges = INT32_MAX}, "bpe: merges is 2147483647; it must be 0 or more, and leave room for ids"},
        {"abab", {.min_count = -1}, "bpe: min_count is -1; it must be 0 (for 2) or more"},
        {"abab", {.n_specials = 1, .specials = empty}, "bpe: a special token's name must be UTF-8 and not empty"},
        {"abab", {.n_specials = 1, .specials = bad}, "bpe: a special token's name must be UTF-8 and not empty"},
        {"abab",
         {.merges = 1, .n_specials = 1, .specials = taken},
         "bpe: special token \"ab\": a token of that name is there already"},
        {"abab",
         {.n_specials = 1, .specials = key},
         "bpe: special token \"\u0120\": a token of that name is there already"},
        {"abab",
         {.n_specials = 2, .specials = twice},
         "bpe: special token \"<s>\": a token of that name is there already"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        heed_error e;
        cr_assert_null(heed_bpe_train(wrong[i].text, strlen(wrong[i].text), wrong[i].o, &e), "%zu", i);
        cr_assert_str_eq(e.text, wrong[i].why);
        cr_assert_eq(e.status, HEED_INVALID);
    }
    heed_error e;
    heed_vocabulary *v = heed_vocabulary_bytes(0, NULL);
    cr_assert_eq(heed_bpe_save(v, vocab_path, merges_path, &e), HEED_INVALID);
    cr_assert_str_eq(e.text, "bpe: a vocabulary of bytes has no merges to save");
    heed_vocabulary_free(v);
    v = golden();
    cr_assert_eq(heed_bpe_save(v, "/no/such/folder/x", merges_path, &e), HEED_IO);
    cr_assert_eq(heed_bpe_save(v, vocab_path, "/no/such/folder/x", &e), HEED_IO);
    heed_vocabulary_free(v);
}

static void refused(const char *path, const char *why) {
    heed_error e;
    char want[256];
    snprintf(want, sizeof want, "%s: %s", path, why);
    cr_assert_null(heed_bpe_load(vocab_path, merges_path, &e), "accepted; expected: %s", want);
    cr_assert_str_eq(e.text, want);
    cr_assert_eq(e.status, HEED_IO);
    cr_assert_null(heed_bpe_load(vocab_path, merges_path, NULL));
}

Test(data_bpe, vocab_files_that_are_wrong_are_refused) {
    put(merges_path, "#version: 0.2\n");
    refused(vocab_path, "cannot open: No such file or directory");
    put(vocab_path, "");
    refused(vocab_path, "not a good vocab.json file: it is empty");
    put(vocab_path, "[1]");
    refused(vocab_path, "not a good vocab.json file: it must be a JSON object");
    put(vocab_path, "{\"a\": 0, \"b\": 2}");
    refused(vocab_path, "token \"b\" has the id 2; 2 tokens must have the ids 0 .. 1");
    put(vocab_path, "{\"a\": 0, \"b\": 0}");
    refused(vocab_path, "token \"b\" has an id that another has, too");
    put(vocab_path, "{\"a\": 0, \"b\": -1}");
    refused(vocab_path, "token \"b\" must have a whole number, 0 or more, as its id");
    put(vocab_path, "{\"a\": 0, \"b\": 1.0}");
    refused(vocab_path, "token \"b\" must have a whole number, 0 or more, as its id");
    put(vocab_path, "{\"\": 0}");
    refused(vocab_path, "token \"\" has no text");
    put(vocab_path, "{\"a\": 0}");
    refused(vocab_path, "byte 0x00 has no token; it should be \"\u0100\"");
    heed_error e;
    put(vocab_path, "{\"a\": 0, \"a\": 1}");
    cr_assert_null(heed_bpe_load(vocab_path, merges_path, &e));
    cr_assert(strstr(e.text, "duplicate"), "%s", e.text);
    put(vocab_path, "{\"a\": 0");
    cr_assert_null(heed_bpe_load(vocab_path, merges_path, &e));
    cr_assert(strstr(e.text, "not a good vocab.json file: "), "%s", e.text);
}

Test(data_bpe, merges_files_that_are_wrong_are_refused) {
    static const struct {
        const char *merges, *why;
    } wrong[] = {
        {"", "not a good text file: it is empty"},
        {"a \xFF\n", "not a good text file: byte 2 (0xFF) is not UTF-8"},
        {"ab\n", "merge \"ab\" must be two tokens with one space between them"},
        {"a  b\n", "merge \"a  b\" must be two tokens with one space between them"},
        {" b\n", "merge \" b\" must be two tokens with one space between them"},
        {"a \n", "merge \"a \" must be two tokens with one space between them"},
        {"a b\n\nab c\n", "merge \"\" must be two tokens with one space between them"},
        {"a b c\n", "merge \"a b c\" must be two tokens with one space between them"},
        {"#version: 0.2\n#version: 0.2\n", "a merge names \"#version:\" which is no token of the vocabulary"},
        {"a b\nab xyz\n", "a merge names \"xyz\" which is no token of the vocabulary"},
        {"a b\na d\n", "a merge makes \"ad\" which is no token of the vocabulary"},
        {"a b\na b\n", "the merge that makes \"ab\" of the same two tokens is there twice"},
        {"ab c\n", "a merge names \"ab\" which is no byte, and which no merge makes"},
    };
    put_vocab(", \"ab\": 256, \"abc\": 257, \"<|endoftext|>\": 258");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        put(merges_path, wrong[i].merges);
        refused(merges_path, wrong[i].why);
    }
    remove(merges_path);
    refused(merges_path, "cannot open: No such file or directory");
    heed_error e;
    put(merges_path, "a b\r\nab c"); /* line ends of Windows, and none at the end */
    heed_vocabulary *v = heed_bpe_load(vocab_path, merges_path, &e);
    cr_assert(v, "%s", e.text);
    cr_assert(!heed_vocabulary_is_special(v, 257) && heed_vocabulary_is_special(v, 258));
    heed_vocabulary_free(v);
}
