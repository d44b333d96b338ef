/* What a journal of gradient checks writes. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <heed/check_journal.h>

#include "helpers/weigh_op.h"

static void twice_too_large(heed_call *c) { weigh_backward_scaled(c, 2, 1); }

static char folder[] = "/tmp/heed_journal_XXXXXX", path[64];

static void open_folder(void) {
    cr_assert(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/out", folder);
}

static void close_folder(void) {
    unlink(path);
    rmdir(folder);
}

TestSuite(check_journal, .init = open_folder, .fini = close_folder);

static void check(heed_check_journal *j, const heed_op *op) {
    heed_check result = heed_gradcheck_op(op, &(heed_check_options){.entries = heed_check_journal_entries, .user = j});
    heed_check_journal_add(j, &result);
}

static heed_check_journal *journal_of(const char *wrong_name) {
    heed_check_journal *j = heed_check_journal_new();
    heed_op right = weigh_op("right", weigh_backward), wrong = weigh_op(wrong_name, twice_too_large);
    check(j, &right);
    check(j, &wrong);
    return j;
}

static char *read_all(void) {
    FILE *file = fopen(path, "rb");
    cr_assert(file != NULL);
    char *text = calloc(1, 1 << 20);
    fread(text, 1, (1 << 20) - 1, file);
    fclose(file);
    return text;
}

static int count(const char *text, const char *what) {
    int n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
        n++;
    return n;
}

Test(check_journal, json_holds_every_entry) {
    heed_check_journal *j = journal_of("wrong");
    heed_error error = {.status = HEED_OK};
    cr_assert_eq(heed_check_journal_json(j, path, &error), HEED_OK, "%s", error.text);
    json_t *whole = json_load_file(path, 0, NULL), *checks = json_object_get(whole, "checks");
    cr_assert_eq(json_array_size(checks), 2);
    for (size_t i = 0; i < 2; i++) {
        json_t *row = json_array_get(checks, i), *inputs = json_object_get(row, "inputs");
        cr_assert_str_eq(json_string_value(json_object_get(row, "name")), i ? "wrong" : "right");
        cr_assert_eq(json_is_true(json_object_get(row, "ok")), i == 0);
        cr_assert_eq(json_array_size(inputs), 2);
        json_t *dx = json_array_get(inputs, 0), *errors = json_object_get(dx, "error"), *entry;
        size_t n, wrong = 0, elements = 1;
        json_array_foreach(json_object_get(dx, "shape"), n, entry)
            elements *= (size_t)json_integer_value(entry);
        cr_assert_eq(json_array_size(errors), elements);
        json_array_foreach(errors, n, entry)
            wrong += json_number_value(entry) > 1;
        cr_assert_eq(wrong, i ? elements : 0); /* all of dx is twice too large */
        cr_assert_eq(strcmp(json_string_value(json_object_get(dx, "likely")),
                            i ? "a factor: it is the right gradient times 2" : ""), 0);
    }
    json_decref(whole);
    heed_check_journal_free(j);
}

/* Of the samples (), (1), (17), (2, 15), (33, 16), (2, 3, 5) it is (33, 16) or another that was worst, so squares
 * are counted against the file's own shapes: one for each entry that was compared, beside the seven of the key.
 * [promises: names as HTML] */
Test(check_journal, the_page_has_a_square_for_each_entry_and_no_markup_of_others) {
    heed_check_journal *j = journal_of("<b onload=x>&\"'");
    heed_error error = {.status = HEED_OK};
    cr_assert_eq(heed_check_journal_json(j, path, &error), HEED_OK, "%s", error.text);
    char *text = read_all();
    json_t *whole = json_loads(text, 0, NULL), *row, *input, *entry;
    size_t i, k, n;
    int compared = 0, shown = 0;
    json_array_foreach(json_object_get(whole, "checks"), i, row)
        json_array_foreach(json_object_get(row, "inputs"), k, input)
            json_array_foreach(json_object_get(input, "error"), n, entry)
                compared += json_is_number(entry);
    free(text);
    cr_assert_eq(heed_check_journal_html(j, path, &error), HEED_OK, "%s", error.text);
    text = read_all();
    shown = count(text, "<rect ") - 7;
    cr_assert(compared > 40);
    cr_assert_eq(shown, compared);
    cr_assert_eq(count(text, "<b"), count(text, "<body")); /* none but ours */
    cr_assert(strstr(text, "&#60;b onload=x&#62;&#38;&#34;&#39;"));
    cr_assert(strstr(text, "it looks like a factor"));
    cr_assert_eq(count(text, "<script"), 0);
    free(text);
    json_decref(whole);
    heed_check_journal_free(j);
}

Test(check_journal, a_file_that_cannot_be_written_is_an_error) {
    heed_check_journal *j = heed_check_journal_new();
    heed_error error = {.status = HEED_OK};
    cr_assert_eq(heed_check_journal_json(j, "/nowhere/at/all", &error), HEED_IO);
    cr_assert(strstr(error.text, "/nowhere/at/all"), "%s", error.text);
    heed_check_journal_free(j);
}
