/* make parity: every layer that PyTorch has, against what PyTorch gave, as a table. */
#include <stdio.h>
#include <stdlib.h>

#include "helpers/parity.h"

static int print_case(const parity_set *set, const parity_case *c) {
    parity_result wide = parity_check(set, c, HEED_F64), narrow = parity_check(set, c, HEED_F32);
    const char *failure = wide.failure[0] ? wide.failure : narrow.failure;
    printf("%-44s %4d   %8.1e %8.1e   %8.1e %8.1e   %s\n", c->name, wide.compared, wide.outputs, wide.gradients,
           narrow.outputs, narrow.gradients, failure[0] ? failure : "ok");
    return failure[0] != '\0';
}

int main(void) {
    int cases = 0, failed = 0;
    printf("Largest error over the largest magnitude; f64 may have 1e-10, f32 1e-5.\n\n");
    for (int s = 0; parity_sets[s]; s++) {
        printf("%-44s %4s   %-17s   %-17s\n", "", "", "f64", "f32");
        printf("%-44s %4s   %8s %8s   %8s %8s\n", parity_sets[s]->name, "of", "outputs", "grads", "outputs", "grads");
        for (int i = 0; i < parity_sets[s]->count; i++, cases++)
            failed += print_case(parity_sets[s], &parity_sets[s]->cases[i]);
        putchar('\n');
    }
    printf("parity: %d configurations, outputs and every gradient, %d failed\n", cases, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
