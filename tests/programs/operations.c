/* The operations that programs are made of: a row each, with how the library is called, how that is written as C, how
 * inputs and options are drawn, and the oracle's rule. */
#include <string.h>

#include "draw.h"

/* ---- calls ---- */

#define IN(i) (c->in[i])
#define NUMBER(i) (c->s->number[i])

static void call_input(const calling *c, heed_tensor *out);

static void call_one(const calling *c, heed_tensor *out) {
    out[0] = c->s->op->one(c->t, IN(0));
}

static void call_one_real(const calling *c, heed_tensor *out) {
    out[0] = c->s->op->one_real(c->t, IN(0), c->s->real[0]);
}

static void call_clamp(const calling *c, heed_tensor *out) {
    out[0] = heed_clamp(c->t, IN(0), c->s->real[0], c->s->real[1]);
}

static void call_two(const calling *c, heed_tensor *out) {
    out[0] = c->s->op->two(c->t, IN(0), IN(1));
}

static void call_reduce(const calling *c, heed_tensor *out) {
    out[0] = c->s->op->reduce(c->t, IN(0), c->s->axes);
}

static void call_along(const calling *c, heed_tensor *out) {
    out[0] = c->s->op->along(c->t, IN(0), (int)NUMBER(0));
}

static void call_triangle(const calling *c, heed_tensor *out) {
    out[0] = c->s->op->triangle(c->t, IN(0), NUMBER(0));
}

static void call_parameter(const calling *c, heed_tensor *out) {
    out[0] = heed_use(c->t, c->param);
}

static void call_full(const calling *c, heed_tensor *out) {
    out[0] = heed_full(c->t, c->s->dtype, c->s->shape, c->s->real[0]);
}

static void call_arange(const calling *c, heed_tensor *out) {
    out[0] = heed_arange(c->t, c->s->dtype, NUMBER(0));
}

static void call_cast(const calling *c, heed_tensor *out) {
    out[0] = heed_cast(c->t, IN(0), c->s->dtype);
}

static void call_where(const calling *c, heed_tensor *out) {
    out[0] = heed_where(c->t, IN(0), IN(1), IN(2));
}

static void call_masked_fill(const calling *c, heed_tensor *out) {
    out[0] = heed_masked_fill(c->t, IN(0), IN(1), c->s->real[0]);
}

static void call_reshape(const calling *c, heed_tensor *out) {
    out[0] = heed_reshape(c->t, IN(0), c->s->shape);
}

static void call_permute(const calling *c, heed_tensor *out) {
    int axes[HEED_MAX_RANK];
    for (int i = 0; i < HEED_MAX_RANK; i++)
        axes[i] = (int)NUMBER(i);
    out[0] = heed_permute(c->t, IN(0), axes);
}

static void call_transpose(const calling *c, heed_tensor *out) {
    out[0] = heed_transpose(c->t, IN(0), (int)NUMBER(0), (int)NUMBER(1));
}

static void call_slice(const calling *c, heed_tensor *out) {
    out[0] = heed_slice_step(c->t, IN(0), (int)NUMBER(0), NUMBER(1), NUMBER(2), NUMBER(3));
}

static void call_select(const calling *c, heed_tensor *out) {
    out[0] = heed_select(c->t, IN(0), (int)NUMBER(0), NUMBER(1));
}

static void call_split(const calling *c, heed_tensor *out) {
    heed_split(c->t, IN(0), (int)NUMBER(0), (int)NUMBER(1), c->s->n_numbers > 2 ? &NUMBER(2) : NULL, out);
}

static void call_expand(const calling *c, heed_tensor *out) {
    out[0] = heed_expand(c->t, IN(0), c->s->shape);
}

static void call_concat(const calling *c, heed_tensor *out) {
    out[0] = heed_concat(c->t, c->in, c->s->n_in, (int)NUMBER(0));
}

static void call_stack(const calling *c, heed_tensor *out) {
    out[0] = heed_stack(c->t, c->in, c->s->n_in, (int)NUMBER(0));
}

static void call_repeat(const calling *c, heed_tensor *out) {
    out[0] = heed_repeat(c->t, IN(0), c->s->number);
}

static void call_pad(const calling *c, heed_tensor *out) {
    out[0] = heed_pad(c->t, IN(0), c->s->number, c->s->number + HEED_MAX_RANK, c->s->real[0]);
}

static void call_one_hot(const calling *c, heed_tensor *out) {
    out[0] = heed_one_hot(c->t, IN(0), NUMBER(0), c->s->dtype);
}

static void call_gather(const calling *c, heed_tensor *out) {
    out[0] = heed_gather(c->t, IN(0), IN(1), (int)NUMBER(0));
}

static void call_scatter_add(const calling *c, heed_tensor *out) {
    out[0] = heed_scatter_add(c->t, IN(0), IN(1), IN(2), (int)NUMBER(0));
}

static void call_index_select(const calling *c, heed_tensor *out) {
    out[0] = heed_index_select(c->t, IN(0), IN(1), (int)NUMBER(0));
}

static void call_argmax(const calling *c, heed_tensor *out) {
    out[0] = heed_argmax(c->t, IN(0), (int)NUMBER(0), NUMBER(1) != 0);
}

static void call_var(const calling *c, heed_tensor *out) {
    out[0] = heed_var(c->t, IN(0), c->s->axes, (int)NUMBER(0));
}

static void call_topk(const calling *c, heed_tensor *out) {
    out[0] = heed_topk(c->t, IN(0), NUMBER(0), &out[1]);
}

static void call_matmul(const calling *c, heed_tensor *out) {
    const bool plain = !NUMBER(0) && !NUMBER(1);
    out[0] = plain ? heed_matmul(c->t, IN(0), IN(1)) : heed_matmul_t(c->t, IN(0), NUMBER(0), IN(1), NUMBER(1));
}

static void call_linear(const calling *c, heed_tensor *out) {
    out[0] = heed_linear(c->t, IN(0), IN(1), IN(2));
}

static void call_einsum(const calling *c, heed_tensor *out) {
    out[0] = heed_einsum(c->t, c->s->text, c->in, c->s->n_in);
}

static void call_layernorm(const calling *c, heed_tensor *out) {
    out[0] = heed_layernorm(c->t, IN(0), IN(1), IN(2), c->s->real[0]);
}

static void call_rmsnorm(const calling *c, heed_tensor *out) {
    out[0] = heed_rmsnorm(c->t, IN(0), IN(1), c->s->real[0]);
}

static void call_cross_entropy(const calling *c, heed_tensor *out) {
    const heed_cross_entropy_options options = {.has_ignore_index = NUMBER(0) != 0, .ignore_index = (int32_t)NUMBER(1),
                                                .label_smoothing = c->s->real[0], .class_weights = IN(2)};
    out[0] = heed_cross_entropy_with(c->t, IN(0), IN(1), options);
}

static void call_huber(const calling *c, heed_tensor *out) {
    out[0] = heed_huber(c->t, IN(0), IN(1), c->s->real[0]);
}

static void call_attention(const calling *c, heed_tensor *out) {
    const heed_attention_options options = {.mask = IN(3), .relative = IN(4), .causal = NUMBER(0) != 0,
                                            .window = NUMBER(1), .scale = c->s->real[0], .dropout = c->s->real[1],
                                            .pattern = c->s->n_out > 1 ? &out[1] : NULL};
    out[0] = heed_attention(c->t, IN(0), IN(1), IN(2), options);
}

static void call_additive_scores(const calling *c, heed_tensor *out) {
    out[0] = heed_additive_scores(c->t, IN(0), IN(1), IN(2));
}

static void call_rope(const calling *c, heed_tensor *out) {
    out[0] = heed_rope(c->t, IN(0), (heed_rope_options){.first = NUMBER(0), .base = c->s->real[0],
                                                        .interleaved = NUMBER(1) != 0});
}

static void call_relative_bias(const calling *c, heed_tensor *out) {
    const heed_relative_options options = {.bidirectional = NUMBER(2) != 0, .longest = NUMBER(3)};
    out[0] = heed_relative_bias(c->t, IN(0), NUMBER(0), NUMBER(1), options);
}

/* c and the gates, where the cell has them. */
static void call_recurrence(const calling *c, heed_tensor *out) {
    const bool lstm = NUMBER(0) == HEED_LSTM;
    heed_recurrence_options options = {.kind = (heed_cell_kind)NUMBER(0), .reverse = NUMBER(1) != 0, .h = IN(3),
                                       .c = IN(4), .padding = IN(5), .cells = lstm ? &out[1] : NULL};
    if (NUMBER(2))
        options.gates = &out[lstm ? 2 : 1];
    out[0] = heed_recurrence(c->t, IN(0), IN(1), IN(2), options);
}

/* What the values are in memory. */
static void *packed(const statement *s, int64_t count, void *room) {
    for (int64_t i = 0; i < count; i++) {
        const double x = s->values[i];
        const float narrow = (float)x;
        switch (s->dtype) {
        case HEED_F32: ((float *)room)[i] = narrow; break;
        case HEED_F64: ((double *)room)[i] = x; break;
        case HEED_I32: ((int32_t *)room)[i] = (int32_t)x; break;
        case HEED_BOOL: ((bool *)room)[i] = x != 0; break;
        default: {
            uint32_t bits;
            memcpy(&bits, &narrow, sizeof bits);
            ((uint16_t *)room)[i] = (uint16_t)(bits >> 16);
        }
        }
    }
    return room;
}

static void call_input(const calling *c, heed_tensor *out) {
    const statement *s = c->s;
    /* what is borrowed must outlive the program */
    static double room[MOST_STATEMENTS][MOST_ELEMENTS];
    const int64_t count = heed_shape_count(s->shape);
    const bool known_dtype = (unsigned)s->dtype < HEED_DTYPES;
    void *data = known_dtype && count >= 0 && count <= MOST_ELEMENTS ? packed(s, count, room[s->number[0]]) : NULL;
    if (s->op->kind == 0)
        out[0] = heed_input(c->t, s->dtype, s->shape, data);
    else if (s->op->kind == 1)
        out[0] = heed_input_borrowed(c->t, s->dtype, s->shape, data);
    else
        out[0] = heed_variable(c->t, s->dtype, s->shape, data);
}

/* ---- layers ---- */

static void call_linear_layer(const calling *c, heed_tensor *out) {
    out[0] = heed_linear_forward(&c->layer->linear, c->t, IN(0));
}

static void call_embedding_layer(const calling *c, heed_tensor *out) {
    out[0] = heed_embedding_forward(&c->layer->embedding, c->t, IN(0));
}

static void call_norm_layer(const calling *c, heed_tensor *out) {
    out[0] = heed_norm_forward(&c->layer->norm, c->t, IN(0));
}

static void call_feed_forward(const calling *c, heed_tensor *out) {
    out[0] = heed_feed_forward_forward(&c->layer->feed_forward, c->t, IN(0));
}

static void call_self_attention(const calling *c, heed_tensor *out) {
    out[0] = heed_self_attention_forward(&c->layer->self_attention, c->t, IN(0), HEED_NIL);
}

static void call_multi_head(const calling *c, heed_tensor *out) {
    out[0] = heed_multi_head_attention_forward(&c->layer->multi_head, c->t, IN(0), IN(1),
                                               (heed_attend){.causal = NUMBER(4) != 0});
}

static void call_recurrent(const calling *c, heed_tensor *out) {
    out[0] = heed_recurrent_forward(&c->layer->recurrent, c->t, IN(0), (heed_state){.h = HEED_NIL}, HEED_NIL, NULL);
}

enum layer_kind { PARAMETER, LINEAR, EMBEDDING, NORM, FEED_FORWARD, SELF_ATTENTION, MULTI_HEAD, RECURRENT };

void declare_layer(const statement *s, const heed_module *root, const char *name, layer *l, heed_param *param) {
    const int64_t *n = s->number;
    switch (s->op->kind) {
    case PARAMETER: *param = heed_param_new(root, name, s->param[0].shape, heed_init_constant(0)); break;
    case LINEAR: heed_linear_init(&l->linear, root, name, n[0], n[1], n[2] != 0); break;
    case EMBEDDING: heed_embedding_init(&l->embedding, root, name, n[0], n[1]); break;
    case NORM: heed_norm_init(&l->norm, root, name, (heed_norm_kind)n[1], n[0], s->real[0], n[2] != 0); break;
    case FEED_FORWARD:
        heed_feed_forward_init(&l->feed_forward, root, name,
                               (heed_feed_forward_options){.d_model = n[0], .d_ff = n[1],
                                                           .activation = (heed_activation)n[2], .no_bias = !n[3]});
        break;
    case SELF_ATTENTION:
        heed_self_attention_init(&l->self_attention, root, name, n[0], n[1]);
        l->self_attention.causal = n[2] != 0;
        break;
    case MULTI_HEAD:
        heed_multi_head_attention_init(&l->multi_head, root, name,
                                       (heed_multi_head_options){.d_model = n[0], .n_heads = (int)n[1], .no_bias = !n[3],
                                                                 .features = {.n_kv_heads = (int)n[2]}});
        break;
    default:
        heed_recurrent_init(&l->recurrent, root, name,
                            (heed_recurrent_options){.kind = (heed_cell_kind)n[0], .inputs = n[1], .hidden = n[2],
                                                     .bidirectional = n[3] != 0, .no_bias = !n[4]});
    }
}

/* ---- the table ---- */

#define UNARY(n) \
    {.name = #n, .family = OP, .text = "heed_" #n "(t, $0)", .call = call_one, .propose = propose_one, .work = work_curve, \
     .takes = REALS, .curve = curve_##n, .one = heed_##n}
#define UNARY_REAL(n) \
    {.name = #n, .family = OP, .text = "heed_" #n "(t, $0, ~0)", .call = call_one_real, .propose = propose_one, \
     .work = work_curve, .takes = REALS, .curve = curve_##n, .one_real = heed_##n, .reals = 1}
#define BINARY(n, dtypes) \
    {.name = #n, .family = OP, .text = "heed_" #n "(t, $0, $1)", .call = call_two, .propose = propose_two, \
     .work = work_pair, .takes = dtypes, .pair = pair_##n, .two = heed_##n}
#define COMPARISON(n, dtypes, orders) \
    {.name = #n, .family = OP, .text = "heed_" #n "(t, $0, $1)", .call = call_two, .propose = propose_two, \
     .work = work_compare, .takes = dtypes, .two = heed_##n, .kind = orders, .constant = true}
#define LOGIC(n, counts) \
    {.name = #n, .family = OP, .text = "heed_" #n "(t, $0, $1)", .call = call_two, .propose = propose_two, \
     .work = work_logic, .takes = BOOLS, .two = heed_##n, .kind = counts, .constant = true}
#define REDUCTION(n, rule, k) \
    {.name = #n, .family = OP, .text = "heed_" #n "(t, $0, ^)", .call = call_reduce, .propose = propose_reduce, \
     .work = rule, .takes = REALS, .reduce = heed_##n, .kind = k}
#define ALONG(n, rule, k) \
    {.name = #n, .family = OP, .text = "heed_" #n "(t, $0, #0)", .call = call_along, .propose = propose_axis, \
     .work = rule, .takes = REALS, .along = heed_##n, .kind = k}
#define TRIANGLE(n, k) \
    {.name = #n, .family = OP, .text = "heed_" #n "(t, $0, #0)", .call = call_triangle, .propose = propose_triangle, \
     .work = work_triangle, .takes = ANY, .triangle = heed_##n, .kind = k}
#define PAIRWISE(n, k) \
    {.name = #n, .family = OP, .text = "heed_" #n "(t, $0, $1)", .call = call_two, .propose = propose_pairwise, \
     .work = work_pairwise, .takes = REALS, .two = heed_##n, .kind = k}
#define MORE(n, type, dtypes, form) \
    .name = #n, .family = type, .text = form, .call = call_##n, .propose = propose_##n, .work = work_##n, .takes = dtypes

const operation operations[] = {
    {.name = "input", .family = LEAF, .text = "heed_input(t, !, @, data%)", .call = call_input, .propose = propose_input,
     .work = work_leaf, .kind = 0},
    {.name = "borrowed", .family = LEAF, .text = "heed_input_borrowed(t, !, @, data%)", .call = call_input,
     .propose = propose_input, .work = work_leaf, .kind = 1},
    {.name = "variable", .family = LEAF, .text = "heed_variable(t, !, @, data%)", .call = call_input,
     .propose = propose_input, .work = work_leaf, .kind = 2},
    {MORE(parameter, LEAF, ANY, "heed_use(t, param%)"), .kind = PARAMETER},
    {MORE(full, LEAF, ANY, "heed_full(t, !, @, ~0)")},
    {MORE(arange, LEAF, ANY, "heed_arange(t, !, #0)")},

    BINARY(add, NUMBERS),
    BINARY(sub, NUMBERS),
    BINARY(mul, NUMBERS),
    BINARY(div, REALS),
    BINARY(maximum, REALS),
    BINARY(minimum, REALS),
    BINARY(pow, REALS),
    COMPARISON(eq, NUMBERS | BOOLS, 2),
    COMPARISON(ne, NUMBERS | BOOLS, 5),
    COMPARISON(lt, NUMBERS, 1),
    COMPARISON(le, NUMBERS, 3),
    COMPARISON(gt, NUMBERS, 4),
    COMPARISON(ge, NUMBERS, 6),
    LOGIC(and, 4),
    LOGIC(or, 6),
    LOGIC(xor, 2),
    {.name = "not", .family = OP, .text = "heed_not(t, $0)", .call = call_one, .propose = propose_one, .work = work_not,
     .takes = BOOLS, .one = heed_not, .constant = true},
    {MORE(cast, OP, ANY, "heed_cast(t, $0, !)"), .mixed = true},
    UNARY_REAL(scale),
    UNARY_REAL(add_scalar),
    UNARY(neg),
    UNARY(abs),
    {.name = "sign", .family = OP, .text = "heed_sign(t, $0)", .call = call_one, .propose = propose_one,
     .work = work_curve, .takes = REALS, .curve = curve_sign, .one = heed_sign, .constant = true},
    UNARY(exp),
    UNARY(log),
    UNARY(sqrt),
    UNARY(rsqrt),
    UNARY(square),
    UNARY(sin),
    UNARY(cos),
    UNARY(tanh),
    UNARY(sigmoid),
    UNARY(logsigmoid),
    UNARY(relu),
    UNARY_REAL(leaky_relu),
    UNARY_REAL(elu),
    UNARY(gelu),
    UNARY(gelu_tanh),
    UNARY(silu),
    UNARY(softplus),
    {.name = "clamp", .family = OP, .text = "heed_clamp(t, $0, ~0, ~1)", .call = call_clamp, .propose = propose_one,
     .work = work_curve, .takes = REALS, .curve = curve_clamp, .reals = 2},
    {MORE(where, OP, BOOLS, "heed_where(t, $0, $1, $2)")},
    {MORE(masked_fill, OP, ANY, "heed_masked_fill(t, $0, $1, ~0)"), .reals = 1},
    {.name = "dropout", .family = OP, .text = "heed_dropout(t, $0, ~0)", .call = call_one_real, .propose = propose_dropout,
     .work = work_dropout, .takes = REALS, .one_real = heed_dropout, .reals = 1},

    {MORE(reshape, OP, ANY, "heed_reshape(t, $0, @)")},
    {MORE(permute, OP, ANY, "heed_permute(t, $0, (int[]){#*})")},
    {MORE(transpose, OP, ANY, "heed_transpose(t, $0, #0, #1)")},
    {MORE(slice, OP, ANY, "heed_slice_step(t, $0, #0, #1, #2, #3)")},
    {MORE(select, OP, ANY, "heed_select(t, $0, #0, #1)")},
    {.name = "flip", .family = OP, .text = "heed_flip(t, $0, #0)", .call = call_along, .propose = propose_axis,
     .work = work_flip, .takes = ANY, .along = heed_flip},
    {MORE(split, OP, ANY, "heed_split(t, $0, #0, #1, &, %)")},
    {MORE(expand, OP, ANY, "heed_expand(t, $0, @)")},
    {.name = "contiguous", .family = OP, .text = "heed_contiguous(t, $0)", .call = call_one, .propose = propose_one,
     .work = work_same, .takes = ANY, .one = heed_contiguous},
    {.name = "detach", .family = OP, .text = "heed_detach(t, $0)", .call = call_one, .propose = propose_one,
     .work = work_same, .takes = ANY, .one = heed_detach, .constant = true},
    {MORE(concat, OP, ANY, "heed_concat(t, (heed_tensor[]){$*}, #n, #0)")},
    {MORE(stack, OP, ANY, "heed_stack(t, (heed_tensor[]){$*}, #n, #0)")},
    {MORE(repeat, OP, ANY, "heed_repeat(t, $0, (int64_t[]){#*})")},
    {MORE(pad, OP, ANY, "heed_pad(t, $0, (int64_t[]){#<}, (int64_t[]){#>}, ~0)"), .reals = 1},
    TRIANGLE(tril, 0),
    TRIANGLE(triu, 1),
    {MORE(one_hot, OP, ANY, "heed_one_hot(t, $0, #0, !)"), .constant = true},
    {MORE(gather, OP, ANY, "heed_gather(t, $0, $1, #0)")},
    {MORE(scatter_add, OP, REALS, "heed_scatter_add(t, $0, $1, $2, #0)")},
    {.name = "embedding", .family = OP, .text = "heed_embedding(t, $0, $1)", .call = call_two,
     .propose = propose_embedding, .work = work_embedding, .takes = ANY, .two = heed_embedding},
    {MORE(index_select, OP, ANY, "heed_index_select(t, $0, $1, #0)")},
    REDUCTION(sum, work_sum, 0),
    REDUCTION(mean, work_sum, 1),
    REDUCTION(max, work_max, 1),
    REDUCTION(min, work_max, -1),
    REDUCTION(prod, work_prod, 0),
    REDUCTION(logsumexp, work_logsumexp, 0),
    {MORE(argmax, OP, REALS, "heed_argmax(t, $0, #0, #1)"), .constant = true},
    {MORE(var, OP, REALS, "heed_var(t, $0, ^, #0)")},
    ALONG(cumsum, work_cumsum, 0),
    {MORE(topk, OP, REALS, "heed_topk(t, $0, #0, &%[1])"), .constant = true},

    {MORE(matmul, OP, REALS, "heed_matmul_t(t, $0, #0, $1, #1)")},
    {MORE(linear, OP, REALS, "heed_linear(t, $0, $1, $2)"), .optional = 1 << 2},
    {MORE(einsum, OP, ANY, "heed_einsum(t, \", (heed_tensor[]){$*}, #n)")},
    ALONG(softmax, work_softmax, 0),
    ALONG(log_softmax, work_softmax, 1),
    {.name = "masked_softmax", .family = OP, .text = "heed_masked_softmax(t, $0, $1)", .call = call_two,
     .propose = propose_masked_softmax, .work = work_masked_softmax, .takes = REALS, .two = heed_masked_softmax},
    {.name = "layernorm", .family = OP, .text = "heed_layernorm(t, $0, $1, $2, ~0)", .call = call_layernorm,
     .propose = propose_layernorm, .work = work_norm, .takes = REALS, .optional = 1 << 1 | 1 << 2, .kind = 0, .reals = 1},
    {.name = "rmsnorm", .family = OP, .text = "heed_rmsnorm(t, $0, $1, ~0)", .call = call_rmsnorm,
     .propose = propose_rmsnorm, .work = work_norm, .takes = REALS, .optional = 1 << 1, .kind = 1, .reals = 1},
    {MORE(cross_entropy, OP, REALS,
          "heed_cross_entropy_with(t, $0, $1, (heed_cross_entropy_options){#0, #1, ~0, $2})"),
     .optional = 1 << 2, .still = 1 << 2, .reals = 1},
    {.name = "nll", .family = OP, .text = "heed_nll(t, $0, $1)", .call = call_two, .propose = propose_nll,
     .work = work_nll, .takes = REALS, .two = heed_nll},
    PAIRWISE(mse, 0),
    PAIRWISE(l1, 1),
    {.name = "huber", .family = OP, .text = "heed_huber(t, $0, $1, ~0)", .call = call_huber, .propose = propose_pairwise,
     .work = work_pairwise, .takes = REALS, .kind = 2, .reals = 1},
    PAIRWISE(bce_with_logits, 3),
    {.name = "kl_div", .family = OP, .text = "heed_kl_div(t, $0, $1)", .call = call_two, .propose = propose_kl_div,
     .work = work_kl_div, .takes = REALS, .two = heed_kl_div},
    {MORE(recurrence, OP, REALS,
          "heed_recurrence(t, $0, $1, $2, (heed_recurrence_options){.kind = (heed_cell_kind)#0, .reverse = #1, .h = $3, "
          ".c = $4, .padding = $5, &})"),
     .optional = 1 << 2 | 1 << 4 | 1 << 5},
    {MORE(attention, OP, REALS,
          "heed_attention(t, $0, $1, $2, (heed_attention_options){.mask = $3, .relative = $4, .causal = #0, .window = #1, "
          ".scale = ~0, .dropout = ~1, .pattern = &})"),
     .optional = 1 << 3 | 1 << 4, .reals = 2},
    {MORE(additive_scores, OP, REALS, "heed_additive_scores(t, $0, $1, $2)")},
    {MORE(rope, OP, REALS, "heed_rope(t, $0, (heed_rope_options){.first = #0, .base = ~0, .interleaved = #1})"),
     .reals = 1},
    {MORE(relative_bias, OP, REALS,
          "heed_relative_bias(t, $0, #0, #1, (heed_relative_options){.bidirectional = #2, .longest = #3})")},

    {MORE(linear_layer, LAYER, REALS, "heed_linear_forward(&layer%, t, $0)"), .kind = LINEAR},
    {MORE(embedding_layer, LAYER, ANY, "heed_embedding_forward(&layer%, t, $0)"), .kind = EMBEDDING},
    {MORE(norm_layer, LAYER, REALS, "heed_norm_forward(&layer%, t, $0)"), .kind = NORM, .reals = 1},
    {MORE(feed_forward, LAYER, REALS, "heed_feed_forward_forward(&layer%, t, $0)"), .kind = FEED_FORWARD},
    {MORE(self_attention, LAYER, REALS, "heed_self_attention_forward(&layer%, t, $0, HEED_NIL)"),
     .kind = SELF_ATTENTION},
    {MORE(multi_head, LAYER, REALS,
          "heed_multi_head_attention_forward(&layer%, t, $0, $1, (heed_attend){.causal = #4})"),
     .kind = MULTI_HEAD},
    {MORE(recurrent, LAYER, REALS,
          "heed_recurrent_forward(&layer%, t, $0, (heed_state){.h = HEED_NIL}, HEED_NIL, NULL)"),
     .kind = RECURRENT},
};
const int n_operations = (int)(sizeof operations / sizeof *operations);

bool may_return_its_input(const operation *op) {
    return op->work == work_same || op->work == work_dropout;
}

const operation *operation_named(const char *name) {
    for (int i = 0; i < n_operations; i++)
        if (strcmp(operations[i].name, name) == 0)
            return &operations[i];
    return NULL;
}
