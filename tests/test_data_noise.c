/* Every parser of data fed with noise: it may refuse, it may not crash, read out of bounds (run by make asan) or accept
 * what does not come back. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <heed/heed.h>

static char paths[2][64];

static void use_paths(void) {
    for (int i = 0; i < 2; i++)
        snprintf(paths[i], sizeof paths[i], "/tmp/heed_data_noise_%ld_%d", (long)getpid(), i);
}

static void remove_paths(void) {
    remove(paths[0]);
    remove(paths[1]);
}

TestSuite(data_noise, .init = use_paths, .fini = remove_paths);

static void put(const char *path, const char *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    cr_assert(f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0);
}

static char *whole(const char *path, size_t *n) {
    FILE *f = fopen(path, "rb");
    cr_assert(f, "%s", path);
    char *bytes = malloc(1 << 16);
    *n = fread(bytes, 1, 1 << 16, f);
    fclose(f);
    return bytes;
}

/* Overwrites, drops, doubles or swaps stretches of a good file; sometimes all of it is noise. */
static size_t damage(uint64_t key, const char *good, size_t n, char *bad) {
    static const char marks[] = "{}[]\",:0123456789-.\\un \t\n\r<>|\x00\x80\xC4\xA0\xFF";
    size_t count = n;
    memcpy(bad, good, n);
    if (heed_rng_below(key, 0, 8) == 0) {
        count = (size_t)heed_rng_below(key, 1, 200);
        for (size_t i = 0; i < count; i++)
            bad[i] = heed_rng_below(key, 2 * i + 2, 2) ? marks[heed_rng_below(key, 2 * i + 3, sizeof marks)]
                                                       : (char)heed_rng_u32(key, i);
        return count;
    }
    for (uint64_t k = 0; k < 1 + heed_rng_below(key, 2, 4) && count > 0; k++) {
        uint64_t at = heed_rng_below(key, 10 * k + 3, count), length = 1 + heed_rng_below(key, 10 * k + 4, 12);
        length = length < count - at ? length : count - at;
        if (heed_rng_below(key, 10 * k + 5, 3) == 0) {
            memmove(bad + at, bad + at + length, count - at - length);
            count -= length;
        } else if (heed_rng_below(key, 10 * k + 5, 3) == 1)
            for (uint64_t i = 0; i < length; i++)
                bad[at + i] = marks[heed_rng_below(key, 10 * k + 6 + i, sizeof marks)];
        else {
            memmove(bad + at + length, bad + at, count - at);
            count += length;
        }
    }
    return count;
}

/* What was accepted is a whole vocabulary: it encodes bytes and gives them back. */
static void check_accepted(const heed_vocabulary *v, const heed_error *e) {
    static const char text[] = "the attention \xFF\xC3\xA9 it's  12\n";
    char back[256];
    heed_tokens tokens = {.ids = NULL};
    cr_assert((v == NULL) == (e->status != HEED_OK) && (v != NULL || e->text[0] != '\0'));
    if (v == NULL || strcmp(heed_vocabulary_kind(v), "characters") == 0)
        return;
    cr_assert_eq(heed_encode(v, text, strlen(text), &tokens, NULL), HEED_OK);
    for (int64_t i = 0; i < tokens.count; i++)
        cr_assert(tokens.ids[i] >= 0 && tokens.ids[i] < heed_vocabulary_count(v));
    cr_assert_eq(heed_decode(v, tokens.ids, tokens.count, back, sizeof back), strlen(text));
    cr_assert_str_eq(back, text);
    heed_tokens_free(&tokens);
}

Test(data_noise, vocab_and_merges_files) {
    size_t n[2];
    char *good[2] = {whole("tests/golden/bpe/vocab.json", &n[0]), whole("tests/golden/bpe/merges.txt", &n[1])},
         bad[1 << 17];
    int accepted = 0;
    for (uint64_t i = 0; i < 3000; i++) {
        int which = (int)(i % 2);
        heed_error e;
        put(paths[which], bad, damage(heed_rng_mix(1, i), good[which], n[which], bad));
        put(paths[1 - which], good[1 - which], n[1 - which]);
        heed_vocabulary *v = heed_bpe_load(paths[0], paths[1], &e);
        check_accepted(v, &e);
        accepted += v != NULL;
        heed_vocabulary_free(v);
    }
    cr_assert(accepted > 0 && accepted < 1000, "%d", accepted);
    free(good[0]);
    free(good[1]);
}

Test(data_noise, vocabulary_files) {
    heed_error e;
    char bad[1 << 17];
    heed_vocabulary *made[] = {heed_vocabulary_characters("a b\nc\u00e9\u4e2d", 10, HEED_ALL_SPECIALS, &e),
                               heed_vocabulary_bytes(HEED_PAD, &e),
                               heed_bpe_load("tests/golden/bpe/vocab.json", "tests/golden/bpe/merges.txt", &e)};
    for (int kind = 0; kind < 3; kind++) {
        size_t n;
        cr_assert_eq(heed_vocabulary_save(made[kind], paths[0], &e), HEED_OK);
        char *good = whole(paths[0], &n);
        for (uint64_t i = 0; i < 1000; i++) {
            put(paths[0], bad, damage(heed_rng_mix(2 + (uint64_t)kind, i), good, n, bad));
            heed_vocabulary *v = heed_vocabulary_load(paths[0], &e);
            check_accepted(v, &e);
            heed_vocabulary_free(v);
        }
        free(good);
        heed_vocabulary_free(made[kind]);
    }
}

/* Memory of just the text's size, so that a byte read too far is seen by AddressSanitizer. */
Test(data_noise, texts) {
    heed_error e;
    heed_vocabulary *bpe = heed_bpe_load("tests/golden/bpe/vocab.json", "tests/golden/bpe/merges.txt", &e);
    static const unsigned char likely[] = {' ',  '\n', '\'', 's',  'a',  '1',  0xC3, 0xA9, 0xE4,
                                           0xB8, 0xAD, 0xF0, 0x9F, 0x98, 0x80, 0xED, 0xA0, 0xFF};
    for (uint64_t i = 0; i < 4000; i++) {
        uint64_t key = heed_rng_mix(9, i);
        size_t n = (size_t)heed_rng_below(key, 0, 60), valid;
        char *text = malloc(n + !n), back[64];
        for (size_t k = 0; k < n; k++)
            text[k] = i % 4 ? (char)likely[heed_rng_below(key, k + 1, sizeof likely)] : (char)heed_rng_u32(key, k);
        heed_tokens tokens = {.ids = NULL};
        cr_assert_eq(heed_encode_with_specials(bpe, text, n, &tokens, NULL), HEED_OK);
        cr_assert(heed_decode(bpe, tokens.ids, tokens.count, back, sizeof back) == n && memcmp(back, text, n) == 0);
        valid = heed_utf8_valid(text, n);
        heed_vocabulary *letters = heed_vocabulary_characters(text, n, 0, &e),
                        *learned = heed_bpe_train(text, n, (heed_bpe_options){.merges = 20}, &e);
        cr_assert((letters != NULL) == (valid == n && n > 0) && (learned != NULL) == (n > 0));
        put(paths[0], text, n);
        heed_pairs_free(heed_pairs_open(paths[0], bpe, bpe, NULL));
        heed_windows_free(
            heed_windows_open(paths[0], bpe, (heed_windows_options){.length = 4, .validation = 0.3}, NULL));
        heed_vocabulary_free(letters);
        heed_vocabulary_free(learned);
        heed_tokens_free(&tokens);
        free(text);
    }
    heed_vocabulary_free(bpe);
}
