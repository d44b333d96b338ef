/* Every layer, with the shapes and options its gradient is checked at. */
#ifndef LAYER_CASES_H
#define LAYER_CASES_H

#include <heed/gradcheck.h>

/* Cases of one layer stand together. */
int layer_cases_count(void);
const char *layer_case_layer(int index); /* "gru" */
const char *layer_case_what(int index);  /* "padding" */

/* Builds the layer's model in f64 and checks the gradients of its inputs and parameters, at one point unless options ask
 * for more. The result's name is layer_case_what. */
heed_check layer_case_check(int index, const heed_check_options *options);

/* All cases of the layer whose first case is `first`, merged under the layer's name; *end is the first case of the next. At
 * most options->cases of them. */
heed_check layer_cases_check(int first, const heed_check_options *options, int *end);

#endif
