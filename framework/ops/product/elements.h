/* Nests in which nothing is summed and nothing multiplied crosswise: one product an element, which no matrix is needed
 * for. */
#ifndef HEED_PRODUCT_ELEMENTS_H
#define HEED_PRODUCT_ELEMENTS_H

#include "contract.h"

bool heed_contract_is_of_elements(const heed_contraction *nest);
/* The same bits as a matrix product of one term would give. */
void heed_contract_elements(const heed_contraction *nest, int threads);

#endif
