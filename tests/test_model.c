/* Models: declaring, building, initialising, finding, freezing, tying, cloning, and the mistakes on the way. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include <heed/heed.h>

#define SAYS(model, text) cr_assert_str_eq(heed_model_error_text(model), text)

static heed_param vector(const heed_module *module, const char *name, int64_t n) {
    return heed_param_new(module, name, HEED_SHAPE(n), heed_init_normal(0, 1));
}

Test(model, paths_offsets_and_alignment) {
    heed_model *model = heed_model_new();
    heed_module a, b;
    heed_module_init(&a, heed_model_root(model), "a");
    heed_module_init(&b, &a, "0");
    vector(&a, "first", 3);
    heed_param second = vector(&b, "second", 5);
    heed_buffer_new(&b, "table", HEED_SHAPE(2, 2), heed_init_constant(4));
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_OK);
    cr_assert_eq(heed_model_params(model), 3);
    cr_assert_str_eq(heed_model_param(model, 1).path, "a.0.second");
    cr_assert_eq(heed_model_param(model, 1).offset, 16);
    cr_assert_eq((uintptr_t)heed_param_data(second) % 64, 0);
    cr_assert(heed_model_param(model, 2).buffer && !heed_model_param(model, 2).trainable);
    cr_assert_eq(heed_model_trainable(model), 8);
    cr_assert_eq(heed_model_find(model, "a.0.second").index, second.index);
    cr_assert_null(heed_model_find(model, "a.second").model);
    heed_model_free(model);
}

Test(model, declaring_late_and_building_twice_are_errors) {
    heed_model *model = heed_model_new();
    vector(heed_model_root(model), "w", 2);
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_OK);
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_STATE);
    SAYS(model, "heed_model_build: the model is built already");
    heed_model_free(model);
    model = heed_model_new();
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_OK);
    heed_module late;
    heed_module_init(&late, heed_model_root(model), "late");
    SAYS(model, "module late is declared after heed_model_build: declare every layer first");
    heed_model_free(model);
}

Test(model, bad_names_and_duplicates_are_errors) {
    heed_model *model = heed_model_new();
    vector(heed_model_root(model), "a.b", 2);
    SAYS(model, "parameter name \"a.b\" must be letters, digits and _");
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_INVALID);
    heed_model_free(model);
    model = heed_model_new();
    vector(heed_model_root(model), "w", 2);
    vector(heed_model_root(model), "w", 2);
    SAYS(model, "two parameters are called w: give each a name of its own");
    heed_model_free(model);
    model = heed_model_new();
    heed_module layer;
    heed_module_init(&layer, heed_model_root(model), "layer");
    heed_module_init(&layer, heed_model_root(model), "layer");
    SAYS(model, "two modules are called layer: give each a name of its own");
    heed_model_free(model);
}

Test(model, an_unbuilt_model_cannot_be_used) {
    heed_model *model = heed_model_new();
    heed_linear_layer layer;
    heed_linear_init(&layer, heed_model_root(model), "out", 2, 2, true);
    heed_tape *t = heed_tape_new();
    heed_linear_forward(&layer, t, heed_zeros(t, HEED_F32, HEED_SHAPE(1, 2)));
    cr_assert_str_eq(heed_error_text(t),
                     "out: parameter: the model is not built yet: call heed_model_build after declaring its layers");
    heed_tape_free(t);
    heed_model_free(model);
}

Test(model, initial_values_depend_on_seed_and_path_alone) {
    double first[4], again[4];
    for (int extra = 0; extra < 2; extra++) {
        heed_model *model = heed_model_new();
        if (extra)
            vector(heed_model_root(model), "another", 9);
        heed_param w = vector(heed_model_root(model), "w", 4);
        cr_assert_eq(heed_model_build(model, HEED_F64, 11), HEED_OK);
        cr_assert_eq(heed_param_get(w, extra ? again : first, 4), HEED_OK);
        heed_model_free(model);
    }
    cr_assert_arr_eq(first, again, sizeof first);
}

static void built(heed_model *model, heed_init init, heed_shape shape, double *values) {
    heed_param w = heed_param_new(heed_model_root(model), "w", shape, init);
    cr_assert_eq(heed_model_build(model, HEED_F64, 3), HEED_OK);
    cr_assert_eq(heed_param_get(w, values, heed_shape_count(shape)), HEED_OK);
}

Test(model, initialisers_have_their_formulas_spread) {
    enum { OUT = 200, IN = 300, N = OUT * IN };
    static double w[N];
    const struct {
        heed_init init;
        double bound, std;
    } cases[] = {
        {heed_init_uniform(-2, 2), 2, 2 / sqrt(3)},
        {heed_init_normal(0, 0.02), INFINITY, 0.02},
        {heed_init_xavier_uniform(1), sqrt(6.0 / (IN + OUT)), sqrt(2.0 / (IN + OUT))},
        {heed_init_xavier_normal(2), INFINITY, 2 * sqrt(2.0 / (IN + OUT))},
        {heed_init_kaiming_uniform(sqrt(2)), sqrt(6.0 / IN), sqrt(2.0 / IN)},
        {heed_init_kaiming_normal(1), INFINITY, sqrt(1.0 / IN)},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        heed_model *model = heed_model_new();
        built(model, cases[c].init, HEED_SHAPE(OUT, IN), w);
        double mean = 0, square = 0, largest = 0;
        for (int i = 0; i < N; i++) {
            mean += w[i] / N;
            square += w[i] * w[i] / N;
            largest = fmax(largest, fabs(w[i]));
        }
        cr_assert(fabs(mean) < 0.02 * cases[c].std, "case %zu", c);
        cr_assert_float_eq(sqrt(square) / cases[c].std, 1, 0.015, "case %zu", c);
        cr_assert(largest <= cases[c].bound && (isinf(cases[c].bound) || largest > 0.99 * cases[c].bound), "case %zu",
                  c);
        heed_model_free(model);
    }
}

Test(model, orthogonal_rows_or_columns_are_orthonormal) {
    const heed_shape shapes[] = {HEED_SHAPE(5, 9), HEED_SHAPE(9, 5), HEED_SHAPE(7, 7)};
    for (size_t s = 0; s < 3; s++) {
        double w[81];
        heed_model *model = heed_model_new();
        built(model, heed_init_orthogonal(3), shapes[s], w);
        int64_t rows = shapes[s].n[0], columns = shapes[s].n[1], small = rows < columns ? rows : columns;
        for (int64_t a = 0; a < small; a++)
            for (int64_t b = 0; b < small; b++) {
                double dot = 0;
                for (int64_t i = 0; i < (rows < columns ? columns : rows); i++)
                    dot += rows < columns ? w[a * columns + i] * w[b * columns + i]
                                          : w[i * columns + a] * w[i * columns + b];
                cr_assert_float_eq(dot, a == b ? 9 : 0, 1e-12);
            }
        heed_model_free(model);
    }
}

static void count_up(void *user, heed_shape shape, uint64_t seed, double *values, int64_t count) {
    (void)shape;
    (void)seed;
    for (int64_t i = 0; i < count; i++)
        values[i] = *(const double *)user + (double)i;
}

Test(model, an_initialiser_of_ones_own) {
    double start = 10, w[3];
    heed_model *model = heed_model_new();
    built(model, heed_init_custom(count_up, &start), HEED_SHAPE(3), w);
    cr_assert(w[0] == 10 && w[1] == 11 && w[2] == 12);
    heed_model_free(model);
}

Test(model, tied_weights_are_one_place_with_two_names) {
    heed_model *model = heed_model_new();
    const heed_module *root = heed_model_root(model);
    heed_param table = heed_param_new(root, "embedding", HEED_SHAPE(4, 2), heed_init_normal(0, 1));
    heed_param out = heed_param_tie(root, "output", table);
    cr_assert_eq(heed_model_build(model, HEED_F64, 1), HEED_OK);
    cr_assert_eq(heed_param_data(table), heed_param_data(out));
    cr_assert_eq(heed_model_param(model, out.index).alias_of, table.index);
    cr_assert_eq(heed_model_trainable(model), 8);
    heed_tape *t = heed_tape_new();
    heed_grads *g = heed_grads_new(model);
    heed_tensor loss =
        heed_add(t, heed_sum(t, heed_use(t, table), HEED_ALL_AXES), heed_sum(t, heed_use(t, out), HEED_ALL_AXES));
    cr_assert_eq(heed_backward(t, loss, g), HEED_OK, "%s", heed_error_text(t));
    cr_assert_eq(*(double *)heed_grads_of(g, out), 2);
    heed_grads_free(g);
    heed_tape_free(t);
    heed_model_free(model);
}

Test(model, groups_and_freezing_go_by_pattern) {
    heed_model *model = heed_model_new();
    heed_linear_layer a, b;
    heed_linear_init(&a, heed_model_root(model), "a", 2, 2, true);
    heed_linear_init(&b, heed_model_root(model), "b", 2, 2, true);
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_OK);
    cr_assert_eq(heed_model_set_trainable(model, "a.*", false), 2);
    cr_assert_eq(heed_model_trainable(model), 6);
    cr_assert_eq(heed_model_set_group(model, "*.weight", "slow"), 2);
    cr_assert_str_eq(heed_model_param(model, b.weight.index).group, "slow");
    cr_assert_str_eq(heed_model_param(model, b.bias.index).group, "no_decay");
    heed_model_free(model);
}

Test(model, clones_have_values_of_their_own) {
    heed_model *model = heed_model_new();
    heed_param w = vector(heed_model_root(model), "w", 4);
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_OK);
    heed_model *twin = heed_model_clone(model, HEED_F64);
    heed_param w64 = heed_model_find(twin, "w");
    for (int i = 0; i < 4; i++)
        cr_assert_eq(((double *)heed_param_data(w64))[i], (double)((float *)heed_param_data(w))[i]);
    ((double *)heed_param_data(w64))[0] = 77;
    cr_assert_neq(((float *)heed_param_data(w))[0], 77);
    cr_assert_eq(heed_model_copy(model, twin), HEED_OK);
    cr_assert_eq(((float *)heed_param_data(w))[0], 77);
    heed_model_free(twin);
    heed_model_free(model);
}
