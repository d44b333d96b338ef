/* make gradcheck: every op and every layer, and what ops promise where there is no difference to compare with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <heed/gradcheck.h>

#include "helpers/kinks.h"
#include "helpers/layer_cases.h"

enum { CASES_OF_LAYER = 8 }; /* that must count */

/* what: the layer's name, whose cases stand together. */
static heed_check check_layer(const void *what, const heed_check_options *options) {
    int first = 0, end;
    while (strcmp(layer_case_layer(first), what) != 0)
        first++;
    return layer_cases_check(first, options, &end);
}

static int list_rows(heed_check_row *rows) {
    int n = 0;
    for (int i = 0; heed_builtin_ops[i]; i++)
        rows[n++] = heed_check_row_of_op(heed_builtin_ops[i]);
    for (int i = 0; i < layer_cases_count(); i++)
        if (i == 0 || strcmp(layer_case_layer(i), layer_case_layer(i - 1)) != 0)
            rows[n++] = (heed_check_row){.name = layer_case_layer(i), .layer = true, .check = check_layer,
                                         .what = layer_case_layer(i), .least = CASES_OF_LAYER};
    rows[n++] = (heed_check_row){.name = "kinks", .layer = true, .check = kinks_check, .least = CASES_OF_LAYER};
    return n;
}

static int count_rows(void) {
    int n = layer_cases_count() + 1;
    for (int i = 0; heed_builtin_ops[i]; i++)
        n++;
    return n;
}

int main(int argc, char **argv) {
    heed_check_row *rows = calloc((size_t)count_rows(), sizeof *rows);
    if (rows == NULL) {
        fprintf(stderr, "gradcheck: out of memory\n");
        return EXIT_FAILURE;
    }
    const int status = heed_gradcheck_main(argc, argv, list_rows(rows), rows);
    free(rows);
    return status;
}
