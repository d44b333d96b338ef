/* Vocabularies of characters and of bytes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <heed/heed.h>

static char path[64];

static void use_path(void) {
    snprintf(path, sizeof path, "/tmp/heed_data_vocabulary_%ld.json", (long)getpid());
}

static void remove_path(void) {
    remove(path);
}

TestSuite(data_vocabulary, .init = use_path, .fini = remove_path);

static void put(const char *text) {
    FILE *f = fopen(path, "wb");
    cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static heed_vocabulary *characters(const char *text, unsigned specials) {
    heed_error e;
    heed_vocabulary *v = heed_vocabulary_characters(text, strlen(text), specials, &e);
    cr_assert(v, "%s", e.text);
    return v;
}

static void ids_are(const heed_vocabulary *v, const char *text, int64_t count, const int32_t *want) {
    heed_error e = {.status = HEED_OK};
    heed_tokens got = {.ids = NULL};
    cr_assert_eq(heed_encode(v, text, strlen(text), &got, &e), HEED_OK, "%s", e.text);
    cr_assert_eq(got.count, count, "%d", (int)got.count);
    for (int64_t i = 0; i < count; i++)
        cr_assert_eq(got.ids[i], want[i], "id %d is %d", (int)i, got.ids[i]);
    heed_tokens_free(&got);
}

/* nanoGPT: chars = sorted(set(text)). By hand: '\n' U+A < ' ' U+20 < 'a' < 'b' < 'é' U+E9 < '中' U+4E2D < U+FFFD <
 * U+1F600. */
Test(data_vocabulary, characters_are_numbered_by_code_point) {
    heed_vocabulary *v = characters("b😀a中 \néab\uFFFD", 0);
    cr_expect_eq(heed_vocabulary_count(v), 8);
    cr_expect_str_eq(heed_vocabulary_kind(v), "characters");
    ids_are(v, "\n ab\u00e9中\uFFFD😀", 8, (int32_t[]){0, 1, 2, 3, 4, 5, 6, 7});
    ids_are(v, "bab", 3, (int32_t[]){3, 2, 3});
    cr_expect_eq(heed_vocabulary_special(v, HEED_PAD), -1);
    cr_expect_eq(heed_vocabulary_find(v, "中", 3), 5);
    cr_expect_eq(heed_vocabulary_find(v, "z", 1), -1);
    size_t n;
    cr_expect(memcmp(heed_vocabulary_token(v, 7, &n), "😀", 4) == 0 && n == 4);
    cr_expect(heed_vocabulary_token(v, 8, &n) == NULL && n == 0);
    heed_vocabulary_free(v);
}

Test(data_vocabulary, special_tokens_come_last_and_have_roles) {
    heed_vocabulary *v = characters("ba", HEED_UNK | HEED_PAD | HEED_EOS);
    cr_expect_eq(heed_vocabulary_count(v), 5);
    cr_expect_eq(heed_vocabulary_special(v, HEED_PAD), 2);
    cr_expect_eq(heed_vocabulary_special(v, HEED_BOS), -1);
    cr_expect_eq(heed_vocabulary_special(v, HEED_EOS), 3);
    cr_expect_eq(heed_vocabulary_special(v, HEED_UNK), 4);
    cr_expect_eq(heed_vocabulary_special(v, HEED_PAD | HEED_EOS), -1);
    cr_expect(heed_vocabulary_is_special(v, 2) && !heed_vocabulary_is_special(v, 1) &&
              !heed_vocabulary_is_special(v, 9));
    ids_are(v, "abé", 3, (int32_t[]){0, 1, 4});
    char text[64];
    cr_expect_eq(heed_decode(v, (int32_t[]){2, 0, 4, 1, 3, -1, 5}, 7, text, sizeof text), 11);
    cr_expect_str_eq(text, "a\uFFFDb\uFFFD\uFFFD");
    cr_expect_eq(heed_decode_with_specials(v, (int32_t[]){2, 0, 4, 1, 3}, 5, text, sizeof text), 17);
    cr_expect_str_eq(text, "<pad>a<unk>b<eos>");
    heed_vocabulary_free(v);
}

Test(data_vocabulary, names_of_special_tokens_are_read_when_asked) {
    heed_error e = {.status = HEED_OK};
    heed_vocabulary *v = characters("<>abdeops", HEED_PAD | HEED_BOS);
    static const char text[] = "ab<pad><bos<bos>";
    heed_tokens plain = {.ids = NULL}, with = {.ids = NULL};
    cr_assert_eq(heed_encode(v, text, strlen(text), &plain, &e), HEED_OK);
    cr_assert_eq(plain.count, 16);
    cr_assert_eq(heed_encode_with_specials(v, text, strlen(text), &with, &e), HEED_OK);
    int32_t want[] = {2, 3, 9, 0, 3, 6, 8, 10};
    cr_assert(with.count == 8 && memcmp(with.ids, want, sizeof want) == 0);
    char back[32];
    heed_decode_with_specials(v, with.ids, with.count, back, sizeof back);
    cr_assert_str_eq(back, text);
    cr_assert_eq(heed_encode_with_specials(v, "<pad>a\xFF", 7, &with, &e), HEED_INVALID);
    cr_assert_str_eq(e.text, "vocabulary: byte 6 (0xFF) of the text is not UTF-8");
    cr_assert_eq(with.count, 8, "the list is as it was");
    heed_tokens_free(&plain);
    heed_tokens_free(&with);
    heed_vocabulary_free(v);
}

Test(data_vocabulary, what_a_text_may_not_hold) {
    heed_error e = {.status = HEED_OK};
    heed_vocabulary *v = characters("abc", 0);
    heed_tokens list = {.ids = NULL};
    cr_assert_eq(heed_encode(v, "ab\u00e9", 4, &list, &e), HEED_INVALID);
    cr_assert_str_eq(e.text,
                     "vocabulary: U+00E9 at byte 2 of the text is none of its 3 characters, and it has no <unk>");
    cr_assert_eq(list.count, 0);
    heed_tokens_free(&list);
    heed_vocabulary_free(v);
    cr_assert_null(heed_vocabulary_characters("ab\xC0\x80", 4, 0, &e));
    cr_assert_str_eq(e.text, "vocabulary: byte 2 (0xC0) of the text is not UTF-8");
    cr_assert_null(heed_vocabulary_characters("", 0, 0, &e));
    cr_assert_str_eq(e.text, "vocabulary: the text is empty; it must have a character");
    cr_assert_null(heed_vocabulary_bytes(16, &e));
    cr_assert_eq(e.status, HEED_INVALID);
    heed_vocabulary_free(NULL);
    heed_tokens_free(NULL);
}

Test(data_vocabulary, any_bytes_come_back_through_bytes) {
    heed_error e = {.status = HEED_OK};
    heed_vocabulary *v = heed_vocabulary_bytes(HEED_PAD, &e);
    char all[512], back[513];
    for (int i = 0; i < 512; i++)
        all[i] = (char)(i * 7);
    heed_tokens list = {.ids = NULL};
    cr_assert_eq(heed_encode(v, all, sizeof all, &list, &e), HEED_OK);
    cr_assert_eq(list.count, 512);
    for (int i = 0; i < 512; i++)
        cr_assert_eq(list.ids[i], i * 7 % 256);
    cr_assert_eq(heed_decode(v, list.ids, list.count, back, sizeof back), 512);
    cr_assert_eq(memcmp(all, back, 512), 0);
    cr_assert_eq(heed_vocabulary_special(v, HEED_PAD), 256);
    /* As snprintf: the length is whole, the text is cut. */
    memset(back, 'x', sizeof back);
    cr_assert_eq(heed_decode(v, (int32_t[]){'a', 'b', 'c'}, 3, back, 3), 3);
    cr_assert_eq(memcmp(back, "ab\0x", 4), 0);
    cr_assert_eq(heed_decode(v, (int32_t[]){'a'}, 1, NULL, 0), 1);
    heed_tokens_free(&list);
    heed_vocabulary_free(v);
}

static void same(const heed_vocabulary *a, const heed_vocabulary *b) {
    cr_assert_eq(heed_vocabulary_count(a), heed_vocabulary_count(b));
    cr_assert_str_eq(heed_vocabulary_kind(a), heed_vocabulary_kind(b));
    for (int32_t id = 0; id < heed_vocabulary_count(a); id++) {
        size_t n, m;
        const char *x = heed_vocabulary_token(a, id, &n), *y = heed_vocabulary_token(b, id, &m);
        cr_assert(n == m && memcmp(x, y, n) == 0, "token %d", id);
        cr_assert_eq(heed_vocabulary_is_special(a, id), heed_vocabulary_is_special(b, id));
    }
    for (unsigned s = HEED_PAD; s <= HEED_UNK; s *= 2)
        cr_assert_eq(heed_vocabulary_special(a, s), heed_vocabulary_special(b, s));
}

Test(data_vocabulary, files_bring_back_the_same) {
    heed_error e;
    heed_vocabulary *made[] = {heed_vocabulary_characters("a\0\"\\\n\u00e9中😀\x7f", 16, HEED_ALL_SPECIALS, &e),
                               heed_vocabulary_bytes(0, &e), heed_vocabulary_bytes(HEED_EOS, &e), characters("z", 0)};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        cr_assert_eq(heed_vocabulary_save(made[i], path, &e), HEED_OK, "%s", e.text);
        heed_vocabulary *back = heed_vocabulary_load(path, &e);
        cr_assert(back, "%s", e.text);
        same(made[i], back);
        heed_vocabulary_free(back);
        heed_vocabulary_free(made[i]);
    }
    heed_vocabulary *v = characters("z", 0);
    cr_assert_eq(heed_vocabulary_save(v, "/no/such/folder/x.json", &e), HEED_IO);
    heed_vocabulary_free(v);
}

Test(data_vocabulary, files_that_are_wrong_are_refused) {
    static const struct {
        const char *text, *why;
    } wrong[] = {
        {"", ": not a good vocabulary file: it is empty"},
        {"[]", ": not a good vocabulary file: it must be a JSON object"},
        {"{}", ": its \"format\" must be \"heed vocabulary 1\""},
        {"{\"format\": 1}", ": its \"format\" must be \"heed vocabulary 1\""},
        {"{\"format\": \"heed vocabulary 1\"}", ": its kind is \"\", which is none that is known"},
        {"{\"format\": \"heed vocabulary 1\", \"kind\": \"words\"}",
         ": its kind is \"words\", which is none that is known"},
        {"{\"format\": \"heed vocabulary 1\", \"kind\": \"characters\"}",
         ": \"characters\" must be a text that is not empty"},
        {"{\"format\": \"heed vocabulary 1\", \"kind\": \"characters\", \"characters\": \"\"}",
         ": \"characters\" must be a text that is not empty"},
        {"{\"format\": \"heed vocabulary 1\", \"kind\": \"characters\", \"characters\": \"ba\"}",
         ": \"characters\" must be in ascending order, each once"},
        {"{\"format\": \"heed vocabulary 1\", \"kind\": \"characters\", \"characters\": \"aab\"}",
         ": \"characters\" must be in ascending order, each once"},
        {"{\"format\": \"heed vocabulary 1\", \"kind\": \"bytes\", \"specials\": 3}", ": \"specials\" must be a list"},
        {"{\"format\": \"heed vocabulary 1\", \"kind\": \"bytes\", \"specials\": [3]}",
         ": \"specials\" must hold names"},
        {"{\"format\": \"heed vocabulary 1\", \"kind\": \"bytes\", \"specials\": [\"\"]}",
         ": \"specials\" must hold names"},
        {"{\"format\": \"heed vocabulary 1\", \"kind\": \"bytes\", \"specials\": [\"<eos>\", \"<eos>\"]}",
         ": special token \"<eos>\" is there twice"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        heed_error e;
        char want[256];
        put(wrong[i].text);
        snprintf(want, sizeof want, "%s%s", path, wrong[i].why);
        cr_assert_null(heed_vocabulary_load(path, &e));
        cr_assert_str_eq(e.text, want);
        cr_assert_eq(e.status, HEED_IO);
        cr_assert_null(heed_vocabulary_load(path, NULL));
    }
    heed_error e;
    put("{\"format\": \"heed vocabulary 1\", \"format\": 2}");
    cr_assert_null(heed_vocabulary_load(path, &e));
    cr_assert(strstr(e.text, "duplicate"), "%s", e.text);
}

Test(data_vocabulary, lists_grow) {
    heed_tokens list = {.ids = NULL};
    for (int32_t i = 0; i < 1000; i++)
        cr_assert_eq(heed_tokens_add(&list, (int32_t[]){i, -i}, 2), HEED_OK);
    cr_assert_eq(heed_tokens_add(&list, NULL, 0), HEED_OK);
    cr_assert_eq(heed_tokens_add(&list, (int32_t[]){1}, -1), HEED_NO_MEMORY);
    cr_assert_eq(heed_tokens_add(&list, (int32_t[]){1}, INT64_MAX), HEED_NO_MEMORY);
    cr_assert_eq(list.count, 2000);
    for (int32_t i = 0; i < 1000; i++)
        cr_assert(list.ids[2 * i] == i && list.ids[2 * i + 1] == -i);
    heed_tokens_free(&list);
    cr_assert(list.ids == NULL && list.count == 0 && list.capacity == 0);
}
