/* One line an op: adding one here registers it. No include guard, on purpose. */

/* elementwise */

/* shape, choosing, reductions */

/* products, softmax, norms, losses, attention */
