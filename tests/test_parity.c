/* The layers against PyTorch: tests/helpers/parity.h says how, tests/golden has what PyTorch gave. */
#include <criterion/criterion.h>

#include "helpers/parity.h"

static void check_all(heed_dtype dtype) {
    for (int s = 0; parity_sets[s]; s++)
        for (int i = 0; i < parity_sets[s]->count; i++) {
            const parity_case *c = &parity_sets[s]->cases[i];
            parity_result result = parity_check(parity_sets[s], c, dtype);
            cr_expect(result.failure[0] == '\0' && result.compared > 1, "%s %s %s: %s", heed_dtype_name(dtype),
                      parity_sets[s]->name, c->name, result.failure);
        }
}

/* [promises: else as PyTorch] */
Test(parity, f64_to_ten_digits) {
    check_all(HEED_F64);
}

/* [promises: else as PyTorch] */
Test(parity, f32_to_five_digits) {
    check_all(HEED_F32);
}

Test(parity, a_wrong_case_is_seen) {
    const parity_set *set = parity_sets[0];
    parity_case wrong = set->cases[0];
    wrong.name = "no such case";
    cr_expect(parity_check(set, &wrong, HEED_F64).failure[0] != '\0');
}
