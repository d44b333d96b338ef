/* The simple layers: how they start, and what PyTorch does not have against naive twins. */
#include <heed/heed.h>

#include <criterion/criterion.h>

#include <math.h>
#include "layers_common.h"

/* ---- how parameters start ---- */

static double largest_of(heed_param p) {
    int64_t count = heed_model_param(p.model, p.index).count;
    double *values = malloc((size_t)count * sizeof *values), largest = 0;
    cr_assert(heed_param_get(p, values, count) == HEED_OK);
    for (int64_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(values[i]));
    free(values);
    return largest;
}

static void expect_uniform(heed_param p, double bound) {
    double largest = largest_of(p);
    cr_expect(largest <= bound && largest > 0.95 * bound, "%s: the largest is %g, the bound %g",
              heed_model_param(p.model, p.index).path, largest, bound);
}

static void expect_constant(heed_param p, double value) {
    heed_param_info info = heed_model_param(p.model, p.index);
    const double *values = heed_param_data(p);
    for (int64_t i = 0; i < info.count; i++)
        cr_assert_eq(values[i], value, "%s", info.path);
}

static void expect_group(heed_param p, const char *group) {
    heed_param_info info = heed_model_param(p.model, p.index);
    cr_expect_str_eq(info.group, group, "%s", info.path);
}

Test(layers, parameters_start_as_in_pytorch) {
    heed_model *model = heed_model_new();
    const heed_module *root = heed_model_root(model);
    heed_linear_layer linear;
    heed_layernorm_layer norm;
    heed_rmsnorm_layer rms;
    heed_multi_head_attention attn;
    heed_self_attention one;
    heed_recurrent gru;
    heed_linear_init(&linear, root, "linear", 25, 40, true);
    heed_layernorm_init(&norm, root, "norm", 8, 1e-5, true);
    heed_rmsnorm_init(&rms, root, "rms", 8, 1e-5);
    heed_multi_head_attention_init(&attn, root, "attn", (heed_multi_head_options){.d_model = 32, .n_heads = 4});
    heed_self_attention_init(&one, root, "one", 32, 16);
    heed_recurrent_init(&gru, root, "gru", (heed_recurrent_options){.kind = HEED_GRU, .inputs = 12, .hidden = 16});
    const heed_cell *cell = &gru.cells[0];
    built(model);
    expect_uniform(linear.weight, 0.2);
    expect_uniform(linear.bias, 0.2);
    expect_constant(norm.gain, 1);
    expect_constant(norm.shift, 0);
    expect_constant(rms.gain, 1);
    expect_uniform(attn.w_q, sqrt(6.0 / (32 + 3 * 32)));
    expect_uniform(attn.w_v, sqrt(6.0 / (32 + 3 * 32)));
    expect_uniform(attn.w_o, 1 / sqrt(32.0));
    expect_constant(attn.b_k, 0);
    expect_constant(attn.b_o, 0);
    expect_constant(attn.head_on, 1);
    expect_uniform(one.w_k, sqrt(6.0 / (32 + 16)));
    expect_uniform(cell->w_i, 0.25);
    expect_uniform(cell->b_h, 0.25);
    heed_param decayed[] = {linear.weight, attn.w_q, attn.w_o, one.w_v, cell->w_i, cell->w_h};
    heed_param undecayed[] = {linear.bias, norm.gain, norm.shift, rms.gain,  attn.b_q,
                              attn.b_k,    attn.b_v,  attn.b_o,   cell->b_i, cell->b_h};
    for (size_t i = 0; i < sizeof decayed / sizeof *decayed; i++)
        expect_group(decayed[i], "");
    for (size_t i = 0; i < sizeof undecayed / sizeof *undecayed; i++)
        expect_group(undecayed[i], "no_decay");
    heed_model_free(model);
}

/* ---- rmsnorm ---- */

Test(layers, rmsnorm_is_its_formula) {
    enum { ROWS = 6, D = 17 };
    heed_model *model = heed_model_new();
    heed_rmsnorm_layer norm;
    heed_rmsnorm_init(&norm, heed_model_root(model), "norm", D, 1e-3);
    built(model);
    double *x = normals(ROWS * D, 1), *gain = normals(D, 2), want[ROWS * D];
    cr_assert(heed_param_set(norm.gain, gain, D) == HEED_OK);
    for (int r = 0; r < ROWS; r++) {
        double squares = 0;
        for (int i = 0; i < D; i++)
            squares += x[r * D + i] * x[r * D + i];
        for (int i = 0; i < D; i++)
            want[r * D + i] = x[r * D + i] / sqrt(squares / D + 1e-3) * gain[i];
    }
    heed_tape *t = heed_tape_new();
    heed_tensor y = heed_rmsnorm_forward(&norm, t, heed_input(t, HEED_F64, HEED_SHAPE(2, 3, D), x));
    expect_near(values_of(t, y), want, ROWS * D, 1e-13, "rmsnorm");
    heed_tape_free(t);
    heed_model_free(model);
    free(x);
    free(gain);
}

/* ---- positions ---- */

Test(layers, sinusoids_are_the_papers) {
    heed_model *model = heed_model_new();
    heed_position position;
    heed_position_init(&position, heed_model_root(model), "position", HEED_POSITION_SINUSOIDAL, 50, 6);
    built(model);
    cr_expect_eq(heed_model_trainable(model), 0);
    const double *weight = heed_param_data(position.weight);
    for (int p = 0; p < 50; p++)
        for (int i = 0; i < 3; i++) {
            double angle = p / pow(10000, 2.0 * i / 6);
            cr_expect_float_eq(weight[p * 6 + 2 * i], sin(angle), 1e-15);
            cr_expect_float_eq(weight[p * 6 + 2 * i + 1], cos(angle), 1e-15);
        }
    heed_tape *t = heed_tape_new();
    heed_tensor zeros = heed_zeros(t, HEED_F64, HEED_SHAPE(2, 3, 6));
    const double *y = values_of(t, heed_position_forward(&position, t, zeros, 47));
    cr_expect_arr_eq(y, weight + 47 * 6, 18 * sizeof *y);
    cr_expect_arr_eq(y + 18, weight + 47 * 6, 18 * sizeof *y);
    heed_tape_free(t);
    heed_model_free(model);
}

Test(layers, learned_positions_learn_at_the_places_used) {
    heed_model *model = heed_model_new();
    heed_position position;
    heed_position_init(&position, heed_model_root(model), "position", HEED_POSITION_LEARNED, 10, 4);
    built(model);
    heed_tape *t = heed_tape_new();
    heed_grads *g = heed_grads_new(model);
    heed_tensor y = heed_position_forward(&position, t, heed_randn(t, HEED_F64, HEED_SHAPE(3, 2, 4)), 5);
    cr_assert(heed_backward(t, heed_sum(t, y, HEED_ALL_AXES), g) == HEED_OK, "%s", heed_error_text(t));
    const double *dw = heed_grads_of(g, position.weight);
    for (int i = 0; i < 40; i++)
        cr_expect_eq(dw[i], i / 4 == 5 || i / 4 == 6 ? 3 : 0); /* once a sequence */
    heed_grads_free(g);
    heed_tape_free(t);
    heed_model_free(model);
}

/* ---- dropout ---- */

Test(layers, dropout_is_keyed_by_its_path) {
    heed_model *model = heed_model_new();
    heed_dropout_layer a, b;
    heed_dropout_init(&a, heed_model_root(model), "a", 0.5);
    heed_dropout_init(&b, heed_model_root(model), "b", 0.5);
    built(model);
    heed_tape *t = heed_tape_new();
    heed_tensor ones = heed_ones(t, HEED_F64, HEED_SHAPE(100));
    heed_tensor first = heed_dropout_forward(&a, t, ones), second = heed_dropout_forward(&a, t, ones);
    double kept[100];
    memcpy(kept, values_of(t, first), sizeof kept);
    cr_expect_arr_neq(kept, values_of(t, second), sizeof kept, "a second call draws anew");

    heed_tape *other = heed_tape_new();
    ones = heed_ones(other, HEED_F64, HEED_SHAPE(100));
    cr_expect_arr_neq(kept, values_of(other, heed_dropout_forward(&b, other, ones)), sizeof kept);
    cr_expect_arr_eq(kept, values_of(other, heed_dropout_forward(&a, other, ones)), sizeof kept,
                     "b's draw has changed a's mask");

    heed_tape_set_training(other, false);
    expect_same_bits(other, heed_dropout_forward(&a, other, ones), ones, "evaluation");
    heed_tape_free(t);
    heed_tape_free(other);
    heed_model_free(model);
}
