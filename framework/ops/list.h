/* One line an op: adding one here registers it. No include guard, on purpose. */

/* elementwise */

/* shape, choosing, reductions */
OP(reshape)
OP(permute)
OP(transpose)
OP(slice)
OP(select)
OP(flip)
OP(split)
OP(expand)
OP(contiguous)
OP(detach)
OP(concat)
OP(stack)
OP(repeat)
OP(pad)
OP(tril)
OP(triu)
OP(one_hot)
OP(gather)
OP(scatter_add)
OP(embedding)
OP(index_select)
OP(sum)
OP(mean)
OP(max)
OP(min)
OP(argmax)
OP(prod)
OP(var)
OP(logsumexp)
OP(cumsum)
OP(topk)

/* products, softmax, norms, losses, attention */
