/* The lines of numerics.md that no other suite holds: each test quotes its line. Values are worked out by hand or by plain loops in
 * double. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <heed/heed.h>

#include "helpers/comma_locale.h"

static heed_tape *t;

static void open_tape(void) {
    t = heed_tape_new();
}

static void close_tape(void) {
    heed_tape_free(t);
}

TestSuite(numerics, .init = open_tape, .fini = close_tape);

/* ---- files ---- */

/* "Numbers print and parse with '.' in every locale": in errors too, and what was saved before the locale changed is read after. */
Test(numerics, errors_have_a_point_in_every_locale) {
    if (!comma_locale_begin())
        cr_skip_test("no locale with a decimal comma can be made here");
    heed_dropout(t, heed_zeros(t, HEED_F32, HEED_SHAPE(2)), 1.5);
    cr_expect_str_eq(heed_error_text(t), "dropout: p must be in [0, 1], is 1.5");
    heed_tape_reset(t);
    heed_fail_tape(t, HEED_INVALID, "%.2f is too much", 2.5);
    cr_expect_str_eq(heed_error_text(t), "2.50 is too much");
    heed_model *model = heed_model_new();
    heed_module_fail(heed_model_root(model), "%.1f is too much", 2.5);
    cr_expect_str_eq(heed_model_error_text(model), "2.5 is too much");
    heed_error e = {.status = HEED_OK};
    heed_error_set(&e, HEED_INVALID, "%g is too much", 1e-5);
    cr_expect_str_eq(e.text, "1e-05 is too much");
    char text[8];
    snprintf(text, sizeof text, "%.1f", 1.5);
    cr_expect_str_eq(text, "1,5", "the program's locale is its own");
    comma_locale_end();
    heed_model_free(model);
}
