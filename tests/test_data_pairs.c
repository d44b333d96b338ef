/* Pairs and their batches; the order in which an epoch has them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <heed/heed.h>

/* ---- random orders ---- */

Test(data_pairs, an_order_has_each_element_once) {
    static const uint64_t sizes[] = {1, 2, 3, 4, 5, 16, 17, 63, 64, 65, 1000, 4097};
    static bool seen[4097];
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (uint64_t key = 0; key < 20; key++) {
            memset(seen, 0, sizeof seen);
            for (uint64_t i = 0; i < sizes[s]; i++) {
                uint64_t at = heed_rng_permuted(key, i, sizes[s]);
                cr_assert(at < sizes[s] && !seen[at]);
                seen[at] = true;
            }
        }
    for (uint64_t i = 0; i < 100; i++)
        cr_assert_lt(heed_rng_permuted(1, UINT64_MAX - 1 - i, UINT64_MAX), UINT64_MAX);
}

/* Where element 0 goes, and what follows what: each of 10 places for each of 20,000 keys is Binomial(20000, 1/10),
 * deviation 42. */
Test(data_pairs, orders_are_as_good_as_random) {
    enum { N = 10, KEYS = 20000 };
    int at[N][N] = {{0}}, apart[N] = {0};
    for (uint64_t key = 0; key < KEYS; key++)
        for (uint64_t i = 0; i < N; i++) {
            uint64_t here = heed_rng_permuted(heed_rng_mix(7, key), i, N),
                     next = heed_rng_permuted(heed_rng_mix(7, key), (i + 1) % N, N);
            at[i][here]++;
            apart[(next + N - here) % N]++;
        }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            cr_assert(abs(at[i][j] - KEYS / N) < 5 * 42, "%d at %d: %d", i, j, at[i][j]);
    for (int d = 1; d < N;
         d++) /* of 9 distances, 10 a key; dependent within a key, so twice the deviation is granted */
        cr_assert(abs(apart[d] - KEYS * N / (N - 1)) < 2 * 5 * 141, "%d apart: %d", d, apart[d]);
    cr_assert_eq(apart[0], 0);
}

/* ---- batches ---- */

enum { PAD = 90, TARGET_PAD = 91, BOS = 92, EOS = 93 };

/* Pair i: source of 1 + i % 7 tokens 1000 + i, target of i % 4 tokens 2000 + i. */
static heed_pairs *pairs_of(int n) {
    heed_error e;
    heed_pairs *pairs = heed_pairs_new(&e);
    for (int i = 0; i < n; i++) {
        int32_t source[7], target[4];
        for (int k = 0; k < 7; k++)
            source[k] = 1000 + i;
        for (int k = 0; k < 4; k++)
            target[k] = 2000 + i;
        cr_assert_eq(heed_pairs_add(pairs, source, 1 + i % 7, target, i % 4, &e), HEED_OK, "%s", e.text);
    }
    cr_assert_eq(heed_pairs_count(pairs), n);
    return pairs;
}

static heed_pair_batches batches_of(const heed_pairs *pairs, int64_t B) {
    return (heed_pair_batches){
        .pairs = pairs, .B = B, .source_pad = PAD, .target_pad = TARGET_PAD, .bos = BOS, .eos = EOS};
}

Test(data_pairs, a_batch_is_padded_to_its_longest) {
    heed_error e;
    heed_pairs *pairs = heed_pairs_new(&e);
    cr_assert_eq(heed_pairs_add(pairs, (int32_t[]){1, 2, 3}, 3, (int32_t[]){7}, 1, &e), HEED_OK);
    cr_assert_eq(heed_pairs_add(pairs, (int32_t[]){4}, 1, (int32_t[]){8, 9}, 2, &e), HEED_OK);
    cr_assert_eq(heed_pairs_add(pairs, (int32_t[]){5, 6}, 2, NULL, 0, &e), HEED_OK);
    heed_pair_batches how = batches_of(pairs, 2);
    how.in_order = true;
    cr_assert_eq(heed_pair_batches_count(&how), 2);
    heed_loader *l = heed_loader_new(heed_pair_fill, &how, (heed_loader_options){.bytes = heed_pair_bytes(&how)}, &e);
    const heed_pair_batch *b = heed_loader_next(l);
    cr_assert(b->B == 2 && b->S == 3 && b->T == 3 && b->targets == 5);
    cr_assert_eq(memcmp(b->source, (int32_t[]){1, 2, 3, 4, PAD, PAD}, 24), 0);
    cr_assert_eq(memcmp(b->padding, (bool[]){0, 0, 0, 0, 1, 1}, 6), 0);
    cr_assert_eq(memcmp(b->input, (int32_t[]){BOS, 7, TARGET_PAD, BOS, 8, 9}, 24), 0);
    cr_assert_eq(memcmp(b->output, (int32_t[]){7, EOS, HEED_IGNORED, 8, 9, EOS}, 24), 0);
    cr_assert_eq(memcmp(b->index, (int64_t[]){0, 1}, 16), 0);
    b = heed_loader_next(l);
    cr_assert(b->B == 1 && b->S == 2 && b->T == 1 && b->targets == 1 && b->input[0] == BOS && b->output[0] == EOS &&
              b->index[0] == 2);
    b = heed_loader_next(l); /* the next epoch */
    cr_assert(b->B == 2 && b->index[0] == 0);
    heed_loader_free(l);
    heed_pairs_free(pairs);
}

/* Each pair once an epoch, as itself; epochs and seeds differ; the same with threads. */
static void check_epochs(int n, int64_t B, int64_t bucket) {
    heed_error e;
    heed_pairs *pairs = pairs_of(n);
    heed_pair_batches how = batches_of(pairs, B);
    how.bucket = bucket;
    int64_t per = heed_pair_batches_count(&how), first[2][400] = {{0}};
    heed_loader *plain =
        heed_loader_new(heed_pair_fill, &how, (heed_loader_options){.bytes = heed_pair_bytes(&how), .seed = 5}, &e);
    heed_loader *threads = heed_loader_new(
        heed_pair_fill, &how, (heed_loader_options){.bytes = heed_pair_bytes(&how), .seed = 5, .threads = 2}, &e);
    cr_assert(plain && threads, "%s", e.text);
    for (int epoch = 0; epoch < 2; epoch++) {
        bool seen[400] = {false};
        int64_t at = 0;
        for (int64_t k = 0; k < per; k++) {
            const heed_pair_batch *b = heed_loader_next(plain), *c = heed_loader_next(threads);
            cr_assert(b->B == c->B && b->S == c->S && b->T == c->T &&
                      memcmp(b->source, c->source, (size_t)(b->B * b->S) * 4) == 0);
            cr_assert(memcmp(b->output, c->output, (size_t)(b->B * b->T) * 4) == 0 &&
                      memcmp(b->index, c->index, (size_t)b->B * 8) == 0);
            for (int64_t r = 0; r < b->B; r++) {
                int64_t i = b->index[r];
                cr_assert(!seen[i]);
                seen[i] = true;
                first[epoch][at++] = i;
                for (int64_t s = 0; s < b->S; s++)
                    cr_assert(b->source[r * b->S + s] == (s < 1 + i % 7 ? 1000 + i : PAD) &&
                              b->padding[r * b->S + s] == (s >= 1 + i % 7));
            }
        }
        cr_assert_eq(at, n);
    }
    cr_assert(n < 8 || memcmp(first[0], first[1], sizeof first[0]) != 0);
    heed_loader_free(plain);
    heed_loader_free(threads);
    heed_pairs_free(pairs);
}

Test(data_pairs, an_epoch_has_every_pair_once) {
    for (int64_t bucket = 0; bucket < 7; bucket++) {
        check_epochs(1, 4, bucket);
        check_epochs(64, 8, bucket);
        check_epochs(103, 10, bucket);
        check_epochs(37, 100, bucket);
        check_epochs(400, 1, bucket);
    }
}

Test(data_pairs, buckets_hold_less_padding) {
    heed_error e;
    int64_t padded[2] = {0};
    heed_pairs *pairs = pairs_of(1000);
    for (int bucketed = 0; bucketed < 2; bucketed++) {
        heed_pair_batches how = batches_of(pairs, 10);
        how.bucket = bucketed ? 20 : 0;
        heed_loader *l =
            heed_loader_new(heed_pair_fill, &how, (heed_loader_options){.bytes = heed_pair_bytes(&how)}, &e);
        for (int k = 0; k < 100; k++) {
            const heed_pair_batch *b = heed_loader_next(l);
            for (int64_t i = 0; i < b->B * b->S; i++)
                padded[bucketed] += b->padding[i];
        }
        heed_loader_free(l);
    }
    heed_pairs_free(pairs);
    cr_assert(padded[0] > 2000 && padded[1] < 350, "%d %d", (int)padded[0], (int)padded[1]);
}

Test(data_pairs, what_makes_no_batch_is_refused) {
    heed_error e;
    heed_pairs *none = heed_pairs_new(&e), *one = pairs_of(1);
    heed_pair_batches how = batches_of(none, 1);
    cr_assert_eq(heed_pair_bytes(&how), 0);
    cr_assert_eq(heed_pair_batches_count(&how), 0);
    how = batches_of(one, 0);
    cr_assert_eq(heed_pair_bytes(&how), 0);
    cr_assert_eq(heed_pair_fill(&how, 0, 0, NULL, &e), HEED_INVALID);
    cr_assert_str_eq(e.text,
                     "pairs: there must be at least one; B is 0 and must be at least 1, bucket 0 and at least 0");
    how = batches_of(one, INT64_MAX);
    cr_assert_neq(heed_pair_bytes(&how), 0, "no more rows than pairs");
    e.status = HEED_OK;
    cr_assert_eq(heed_pairs_add(none, NULL, 0, NULL, 0, &e), HEED_INVALID);
    cr_assert_str_eq(e.text, "pairs: the source has 0 tokens and the target 0; they must be at least 1 and 0");
    heed_pairs_free(none);
    heed_pairs_free(one);
    heed_pairs_free(NULL);
}

/* ---- files ---- */

Test(data_pairs, files_are_read_line_by_line) {
    static const struct {
        const char *text, *why;
    } wrong[] = {
        {"a\tb\nab\n", "line 2: it must be a source, a tab, a target"},
        {"a\tb\tb\n", "line 1: it must be a source, a tab, a target"},
        {"a\tb\n\tb\n", "line 2: pairs: the source has 0 tokens and the target 1; they must be at least 1 and 0"},
        {"a\tb\n\n", "line 2: it must be a source, a tab, a target"},
        {"a\tbc\n",
         "line 1: vocabulary: U+0063 at byte 1 of the text is none of its 2 characters, and it has no <unk>"},
    };
    char path[64], want[256];
    snprintf(path, sizeof path, "/tmp/heed_data_pairs_%ld.tsv", (long)getpid());
    heed_error e;
    heed_vocabulary *v = heed_vocabulary_characters("ab", 2, 0, &e);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        FILE *f = fopen(path, "wb");
        cr_assert(f && fputs(wrong[i].text, f) >= 0 && fclose(f) == 0);
        cr_assert_null(heed_pairs_open(path, v, v, &e));
        snprintf(want, sizeof want, "%s: %s", path, wrong[i].why);
        cr_assert_str_eq(e.text, want);
    }
    FILE *f = fopen(path, "wb");
    cr_assert(f && fputs("ab\tb\r\nb\t\nbba\tab", f) >= 0 && fclose(f) == 0);
    heed_pairs *pairs = heed_pairs_open(path, v, v, &e);
    cr_assert(pairs, "%s", e.text);
    int64_t n, m;
    cr_assert_eq(heed_pairs_count(pairs), 3);
    const int32_t *source = heed_pairs_source(pairs, 2, &n), *target = heed_pairs_target(pairs, 2, &m);
    cr_assert(n == 3 && m == 2 && memcmp(source, (int32_t[]){1, 1, 0}, 12) == 0 &&
              memcmp(target, (int32_t[]){0, 1}, 8) == 0);
    heed_pairs_target(pairs, 0, &n);
    heed_pairs_target(pairs, 1, &m);
    cr_assert(n == 1 && m == 0);
    heed_pairs_free(pairs);
    remove(path);
    cr_assert_null(heed_pairs_open(path, v, v, &e));
    heed_vocabulary_free(v);
}
