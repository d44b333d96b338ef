/* The table of promises is true: every test in it is one of this program's, and the comment above that test names the promise;
 * and no test names a promise that the table does not have of it. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "promises.h"

/* ---- this program's tests: where Criterion's Test() leaves them, between two symbols that the linker makes ---- */

extern struct criterion_test *__start_cr_tst[], *__stop_cr_tst[];

static const struct criterion_test *find_test(const char *name) {
    for (struct criterion_test **at = __start_cr_tst; at < __stop_cr_tst; at++) {
        const size_t suite = *at ? strlen((*at)->category) : 0;
        if (*at && strncmp(name, (*at)->category, suite) == 0 && name[suite] == '/' && strcmp(name + suite + 1, (*at)->name) == 0)
            return *at;
    }
    return NULL;
}

/* ---- the comment above a test ---- */

enum { COMMENT = 4096, LINE = 512 };

/* Adds a line of a comment, with single spaces and without the star before it. */
static size_t add_line(char comment[COMMENT], size_t n, const char *line) {
    const char *c = line + strspn(line, " ");
    for (c += c[0] == '*' && c[1] != '/'; *c && n + 1 < COMMENT; c++)
        if (!isspace((unsigned char)*c))
            comment[n++] = *c;
        else if (n > 0 && comment[n - 1] != ' ')
            comment[n++] = ' ';
    return n;
}

/* The comment that ends on the line before the test, as one line; "" where there is none. */
static void read_comment(const struct criterion_test *test, char comment[COMMENT]) {
    char line[LINE];
    size_t n = 0;
    bool inside = false;
    FILE *f = fopen(test->data->file_, "r");
    cr_assert_not_null(f, "%s: tests run where the sources are", test->data->file_);
    for (unsigned at = 1; at < test->data->line_ && fgets(line, sizeof line, f); at++) {
        const bool begins = strncmp(line + strspn(line, " "), "/*", 2) == 0;
        n = begins || !inside ? 0 : n;
        if (begins || inside)
            n = add_line(comment, n, line);
        inside = (begins || inside) && strstr(line, "*/") == NULL;
    }
    fclose(f);
    comment[n] = '\0';
}

static const char citation[] = "[promises: ";

/* The next key of a citation, from *at on; false at its end. */
static bool next_key(const char **at, char key[LINE]) {
    const size_t n = strcspn(*at, ";]");
    if (**at == '\0' || n >= LINE)
        return false;
    memcpy(key, *at, n);
    key[n] = '\0';
    *at += n;
    *at += **at == ';' ? strspn(*at, "; ") : strlen(*at); /* "]" is the end */
    return n > 0;
}

static bool cites(const char *comment, const char *key) {
    const char *at = strstr(comment, citation);
    char each[LINE];
    for (at = at ? at + strlen(citation) : ""; next_key(&at, each);)
        if (strcmp(each, key) == 0)
            return true;
    return false;
}

/* ---- the table ---- */

static bool is_named(const promise *p, const struct criterion_test *test) {
    for (int i = 0; i < PROMISE_TESTS && p->tests[i]; i++)
        if (find_test(p->tests[i]) == test)
            return true;
    return false;
}

static const promise *find_promise(const char *key) {
    for (int s = 0; s < PROMISE_SECTIONS; s++)
        for (int i = 0; i < promise_sections[s].n; i++)
            if (strcmp(promise_sections[s].promises[i].key, key) == 0)
                return &promise_sections[s].promises[i];
    return NULL;
}

static void check_promise(const promise *p) {
    static char comment[COMMENT];
    cr_expect(p->key && p->text && p->tests[0], "\"%s\" is held by no test", p->key);
    cr_expect_eq(find_promise(p->key), p, "\"%s\" is the key of two promises", p->key);
    for (int i = 0; i < PROMISE_TESTS && p->tests[i]; i++) {
        const struct criterion_test *test = find_test(p->tests[i]);
        cr_expect_not_null(test, "\"%s\": there is no test %s", p->key, p->tests[i]);
        if (test == NULL)
            continue;
        read_comment(test, comment);
        cr_expect(cites(comment, p->key), "%s does not say [promises: %s]", p->tests[i], p->key);
        cr_expect(i > 0 || p->pytorch == NULL || strstr(comment, p->pytorch), "%s does not say: %s", p->tests[i], p->pytorch);
    }
}

Test(promises, are_held_by_tests_that_say_so) {
    for (int s = 0; s < PROMISE_SECTIONS; s++)
        for (int i = 0; i < promise_sections[s].n; i++)
            check_promise(&promise_sections[s].promises[i]);
}

Test(promises, are_all_in_the_table) {
    static char comment[COMMENT];
    char key[LINE];
    int cited = 0;
    for (struct criterion_test **test = __start_cr_tst; test < __stop_cr_tst; test++) {
        if (*test == NULL)
            continue;
        read_comment(*test, comment);
        const char *at = strstr(comment, citation);
        for (at = at ? at + strlen(citation) : ""; next_key(&at, key); cited++) {
            const promise *p = find_promise(key);
            cr_expect_not_null(p, "%s/%s: there is no promise \"%s\"", (*test)->category, (*test)->name, key);
            cr_expect(p == NULL || is_named(p, *test), "the table has \"%s\" without %s/%s", key, (*test)->category, (*test)->name);
        }
    }
    cr_expect_gt(cited, 200);
}

/* What reads the comments can fail. */
Test(promises, a_citation_is_read_to_its_end) {
    cr_expect(cites("/* Words. [promises: 1/0; of two words] */", "1/0"));
    cr_expect(cites("/* Words. [promises: 1/0; of two words] */", "of two words"));
    cr_expect(!cites("/* Words. [promises: 1/0; of two words] more; 0/0] */", "0/0"));
    cr_expect(!cites("/* Words. [promises: 1/0; of two words] */", "of two"));
    cr_expect(!cites("/* 1/0 */", "1/0"));
    cr_expect_null(find_test("promises/nothing"));
    cr_expect_not_null(find_test("promises/a_citation_is_read_to_its_end"));
}
