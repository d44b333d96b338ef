#include <heed/layers/carry.h>

#include <stdlib.h>
#include <string.h>

static size_t bytes_of(const heed_tape *t, heed_tensor x) {
    return (size_t)heed_count(t, x) * heed_dtype_size(heed_dtype_of(t, x)); /* of a tensor there is: it fits */
}

/* Memory for x at item i, without touching what is held: what is there is copied along. */
static bool make_room(heed_carry *carry, heed_tape *t, int i, size_t bytes) {
    struct heed_carried *c = &carry->at[i];
    if (bytes <= c->room)
        return true;
    void *more = realloc(c->values, bytes);
    if (more == NULL) {
        heed_fail_tape(t, HEED_NO_MEMORY, "carry: out of memory: %zu bytes for tensor %d", bytes, i);
        return false;
    }
    c->values = more;
    c->room = bytes;
    return true;
}

/* All that can fail, before anything is overwritten: packs each tensor, takes memory for it. */
static bool prepare(heed_carry *carry, heed_tape *t, int n, const heed_tensor *xs, const void **data) {
    if (n < 0 || n > HEED_CARRIED) {
        heed_fail_tape(t, HEED_INVALID, "carry: %d tensors are to be carried; it takes 0 to %d", n, HEED_CARRIED);
        return false;
    }
    for (int i = 0; i < n; i++) {
        data[i] = heed_is_nil(xs[i]) ? NULL : heed_data(t, xs[i]);
        if (heed_tape_status(t) || (!heed_is_nil(xs[i]) && !make_room(carry, t, i, bytes_of(t, xs[i]))))
            return false;
    }
    return heed_tape_status(t) == HEED_OK;
}

heed_status heed_carry_take(heed_carry *carry, heed_tape *t, int n, const heed_tensor *xs) {
    const void *data[HEED_CARRIED];
    if (!prepare(carry, t, n, xs, data))
        return heed_tape_status(t);
    for (int i = 0; i < n; i++) {
        struct heed_carried *c = &carry->at[i];
        c->nil = heed_is_nil(xs[i]);
        if (c->nil)
            continue;
        c->dtype = heed_dtype_of(t, xs[i]);
        c->shape = heed_shape_of(t, xs[i]);
        size_t bytes = bytes_of(t, xs[i]);
        if (bytes)
            memcpy(c->values, data[i], bytes);
    }
    carry->n = n;
    return HEED_OK;
}

heed_tensor heed_carry_give(const heed_carry *carry, heed_tape *t, int i) {
    if (i < 0 || i >= HEED_CARRIED || (carry->n > 0 && i >= carry->n))
        return heed_fail_tape(t, HEED_INVALID, "carry: tensor %d is asked for, it holds %d", i, carry->n);
    if (carry->n == 0 || carry->at[i].nil)
        return HEED_NIL;
    const struct heed_carried *c = &carry->at[i];
    return heed_input(t, c->dtype, c->shape, c->values);
}

heed_status heed_carry_take_state(heed_carry *carry, heed_tape *t, heed_state state) {
    return heed_carry_take(carry, t, 2, (heed_tensor[]){state.h, state.c});
}

heed_state heed_carry_give_state(const heed_carry *carry, heed_tape *t) {
    heed_tensor h = heed_carry_give(carry, t, 0);
    return (heed_state){.h = h, .c = heed_carry_give(carry, t, 1)};
}

void heed_carry_reset(heed_carry *carry) {
    carry->n = 0;
}

void heed_carry_free(heed_carry *carry) {
    for (int i = 0; i < HEED_CARRIED; i++)
        free(carry->at[i].values);
    *carry = (heed_carry){.n = 0};
}
