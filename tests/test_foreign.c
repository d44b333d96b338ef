/* Files that PyTorch made, under its names: loaded they give its outputs, and saved again they are what they were. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <heed/heed.h>

static char path[64];

static void use_path(void) { snprintf(path, sizeof path, "/tmp/heed_foreign_%ld.safetensors", (long)getpid()); }
static void remove_path(void) { remove(path); }
TestSuite(foreign, .init = use_path, .fini = remove_path);

enum { D = 6, HEADS = 2, FF = 10 };

/* Everything that a case may be made of; each uses a part. */
typedef struct net {
    heed_module module;
    heed_multi_head_attention attn;
    heed_encoder encoder;
    heed_decoder decoder;
    heed_recurrent recurrent;
    heed_embedding_layer embed;
    heed_layernorm_layer norm;
    heed_linear_layer out;
    heed_gpt gpt;
} net;

typedef struct inputs {
    heed_tensor x, memory, value; /* nil where the file has none */
} inputs;

static heed_transformer_options stack(bool post, int layers) {
    return (heed_transformer_options){.d_model = D, .d_ff = FF, .n_heads = HEADS, .n_layers = layers, .post_norm = post};
}

static void packed(net *n, const heed_module *root) {
    heed_multi_head_attention_init(&n->attn, root, "net", (heed_multi_head_options){.d_model = D, .n_heads = HEADS});
}
static void extra(net *n, const heed_module *root) {
    heed_multi_head_attention_init(&n->attn, root, "net", (heed_multi_head_options){.d_model = D, .n_heads = HEADS, .bias_kv = true});
}
static void apart(net *n, const heed_module *root) {
    heed_multi_head_attention_init(&n->attn, root, "net", (heed_multi_head_options){.d_model = D, .n_heads = HEADS, .d_key = 5, .d_value = 3});
}
static heed_tensor attend(const net *n, heed_tape *t, inputs in) {
    return heed_multi_head_attention_forward(&n->attn, t, in.x, heed_is_nil(in.memory) ? in.x : in.memory, (heed_attend){.value = in.value});
}

static void encoder_pre(net *n, const heed_module *root) { heed_encoder_init(&n->encoder, root, "net", stack(false, 2)); }
static void encoder_post(net *n, const heed_module *root) { heed_encoder_init(&n->encoder, root, "net", stack(true, 2)); }
static heed_tensor encode(const net *n, heed_tape *t, inputs in) {
    return heed_encoder_forward(&n->encoder, t, in.x, (heed_attend){.causal = true});
}

static void decoder_post(net *n, const heed_module *root) { heed_decoder_init(&n->decoder, root, "net", stack(true, 2)); }
static heed_tensor decode(const net *n, heed_tape *t, inputs in) {
    return heed_decoder_forward(&n->decoder, t, in.x, in.memory, (heed_attend){.causal = true}, (heed_attend){.causal = false});
}

static void transformer(net *n, const heed_module *root) {
    heed_module_init(&n->module, root, "net");
    heed_encoder_init(&n->encoder, &n->module, "encoder", stack(false, 1));
    heed_decoder_init(&n->decoder, &n->module, "decoder", stack(false, 2));
}
static heed_tensor translate(const net *n, heed_tape *t, inputs in) {
    in.memory = heed_encoder_forward(&n->encoder, t, in.memory, (heed_attend){.causal = false});
    return decode(n, t, in);
}

static void init_recurrent(net *n, const heed_module *root, heed_cell_kind kind, int layers, bool both) {
    heed_recurrent_init(&n->recurrent, root, "net",
                        (heed_recurrent_options){.kind = kind, .inputs = 3, .hidden = 4, .n_layers = layers, .bidirectional = both});
}
static void rnn(net *n, const heed_module *root) { init_recurrent(n, root, HEED_RNN_TANH, 1, false); }
static void gru(net *n, const heed_module *root) { init_recurrent(n, root, HEED_GRU, 2, true); }
static void lstm(net *n, const heed_module *root) { init_recurrent(n, root, HEED_LSTM, 2, true); }
static heed_tensor run(const net *n, heed_tape *t, inputs in) {
    return heed_recurrent_forward(&n->recurrent, t, in.x, (heed_state){.h = HEED_NIL}, HEED_NIL, NULL);
}

static void plain(net *n, const heed_module *root) {
    heed_module_init(&n->module, root, "net");
    heed_embedding_init(&n->embed, &n->module, "embed", 5, D);
    heed_layernorm_init(&n->norm, &n->module, "norm", D, 1e-5, true);
    heed_linear_init(&n->out, &n->module, "out", D, 3, true);
}
static heed_tensor classify(const net *n, heed_tape *t, inputs in) {
    heed_tensor x = heed_embedding_forward(&n->embed, t, in.x);
    return heed_linear_forward(&n->out, t, heed_layernorm_forward(&n->norm, t, x));
}

static void gpt2(net *n, const heed_module *root) {
    heed_gpt_init(&n->gpt, root, "net", (heed_gpt_options){.vocabulary = 7, .context = 6, .d_model = 8, .n_heads = HEADS, .n_layers = 2});
}
static heed_tensor predict(const net *n, heed_tape *t, inputs in) { return heed_gpt_forward(&n->gpt, t, in.x); }

typedef struct foreign_case {
    const char *name;
    const heed_import_map *map;
    void (*init)(net *n, const heed_module *root);
    heed_tensor (*forward)(const net *n, heed_tape *t, inputs in);
} foreign_case;

static const foreign_case cases[] = {
    {"attention_packed", &heed_torch_names, packed, attend},  {"attention_extra", &heed_torch_names, extra, attend},
    {"attention_apart", &heed_torch_names, apart, attend},    {"encoder_pre", &heed_torch_names, encoder_pre, encode},
    {"encoder_post", &heed_torch_names, encoder_post, encode}, {"decoder_post", &heed_torch_names, decoder_post, decode},
    {"transformer", &heed_torch_names, transformer, translate}, {"rnn", &heed_torch_names, rnn, run},
    {"gru", &heed_torch_names, gru, run},                     {"lstm", &heed_torch_names, lstm, run},
    {"plain", &heed_torch_names, plain, classify},               {"gpt2", &heed_gpt2_names, gpt2, predict},
};
enum { CASES = sizeof cases / sizeof *cases, GPT2 = CASES - 1 };

static const char *golden(const foreign_case *c) {
    static char text[128];
    snprintf(text, sizeof text, "tests/golden/foreign/%s.safetensors", c->name);
    return text;
}

static heed_file_names names_of(const foreign_case *c) { return (heed_file_names){.map = c->map, .module = "net", .below = "net"}; }

static heed_model *build(const foreign_case *c, net *n, heed_dtype dtype) {
    heed_model *model = heed_model_new();
    c->init(n, heed_model_root(model));
    cr_assert_eq(heed_model_build(model, dtype, 7), HEED_OK, "%s: %s", c->name, heed_model_error_text(model));
    return model;
}

static heed_model *loaded(const foreign_case *c, net *n, heed_dtype dtype) {
    heed_model *model = build(c, n, dtype);
    heed_error e;
    cr_assert_eq(heed_model_load(model, golden(c), (heed_load_options){.names = names_of(c)}, &e), HEED_OK, "%s", e.text);
    return model;
}

static double *doubles(const heed_safetensors *file, const char *name, heed_file_tensor *x) {
    int at = heed_safetensors_find(file, name);
    if (at < 0)
        return NULL;
    *x = heed_safetensors_at(file, at);
    double *values = malloc((size_t)x->count * sizeof *values + 1);
    cr_assert(heed_file_tensor_doubles(x, values, x->count));
    return values;
}

static heed_tensor input(const heed_safetensors *file, heed_tape *t, const char *name, heed_dtype dtype) {
    heed_file_tensor x;
    double *values = doubles(file, name, &x);
    if (values == NULL)
        return HEED_NIL;
    heed_tensor y = heed_input(t, HEED_F64, x.shape, values);
    free(values);
    return heed_cast(t, y, strcmp(x.dtype, "I32") == 0 ? HEED_I32 : dtype);
}

static void compare(const foreign_case *c, heed_dtype dtype, double bound) {
    net n;
    heed_model *model = loaded(c, &n, dtype);
    heed_safetensors *file = heed_safetensors_open(golden(c), NULL);
    heed_tape *t = heed_tape_new();
    inputs in = {input(file, t, "in.x", dtype), input(file, t, "in.memory", dtype), input(file, t, "in.value", dtype)};
    heed_tensor y = heed_cast(t, c->forward(&n, t, in), HEED_F64);
    cr_assert_eq(heed_tape_status(t), HEED_OK, "%s: %s", c->name, heed_error_text(t));
    heed_file_tensor theirs;
    double *expected = doubles(file, "out.y", &theirs), largest = 0, error = 0;
    const double *got = heed_f64(t, y);
    cr_assert(heed_shape_equal(heed_shape_of(t, y), theirs.shape), "%s", c->name);
    for (int64_t i = 0; i < theirs.count; i++) {
        largest = fmax(largest, fabs(expected[i]));
        error = fmax(error, fabs(expected[i] - got[i]));
    }
    cr_expect(error <= bound * largest, "%s: %g of %g", c->name, error, largest);
    free(expected);
    heed_tape_free(t);
    heed_safetensors_close(file);
    heed_model_free(model);
}

Test(foreign, outputs_are_pytorchs) {
    for (int i = 0; i < CASES; i++) {
        compare(&cases[i], HEED_F64, 1e-10);
        compare(&cases[i], HEED_F32, 1e-5);
    }
}

/* Whether a tensor holds nothing learned, or what another one holds. */
static bool not_saved(const char *name) {
    return strncmp(name, "net.", 4) != 0 || strstr(name, ".attn.bias") || strstr(name, ".attn.masked_bias") || strstr(name, "lm_head");
}

static void same_bytes(const foreign_case *c) {
    heed_safetensors *a = heed_safetensors_open(golden(c), NULL), *b = heed_safetensors_open(path, NULL);
    int expected = 0;
    for (int i = 0; i < heed_safetensors_count(a); i++) {
        heed_file_tensor x = heed_safetensors_at(a, i);
        int at = heed_safetensors_find(b, x.name);
        cr_assert_eq(at < 0, not_saved(x.name), "%s: %s", c->name, x.name);
        if (at < 0)
            continue;
        heed_file_tensor y = heed_safetensors_at(b, at);
        expected++;
        cr_expect(heed_shape_equal(x.shape, y.shape), "%s: %s is %s, then %s", c->name, x.name, HEED_SHAPE_STR(x.shape), HEED_SHAPE_STR(y.shape));
        cr_expect_str_eq(x.dtype, y.dtype);
        cr_expect(x.bytes == y.bytes && memcmp(x.data, y.data, x.bytes) == 0, "%s: %s", c->name, x.name);
    }
    cr_expect_eq(heed_safetensors_count(b), expected, "%s", c->name);
    heed_safetensors_close(a);
    heed_safetensors_close(b);
}

Test(foreign, saved_files_are_pytorchs_byte_for_byte) {
    for (int i = 0; i < CASES; i++) {
        net n;
        heed_model *model = loaded(&cases[i], &n, HEED_F64);
        heed_error e;
        cr_assert_eq(heed_model_save(model, path, (heed_save_options){.names = names_of(&cases[i])}, &e), HEED_OK, "%s", e.text);
        same_bytes(&cases[i]);
        heed_model_free(model);
    }
}

/* ---- GPT-2's ways of being kept ---- */

Test(foreign, gpt2_without_its_prefix) {
    net n, m;
    heed_model *model = loaded(&cases[GPT2], &n, HEED_F64), *other = build(&cases[GPT2], &m, HEED_F64);
    heed_file_names names = {.map = &heed_gpt2_names, .module = "net", .bare = true};
    heed_error e;
    cr_assert_eq(heed_model_save(model, path, (heed_save_options){.names = names}, &e), HEED_OK, "%s", e.text);
    heed_safetensors *file = heed_safetensors_open(path, &e);
    cr_expect_geq(heed_safetensors_find(file, "h.1.attn.c_attn.weight"), 0);
    cr_expect_geq(heed_safetensors_find(file, "wte.weight"), 0);
    heed_safetensors_close(file);
    names.bare = false; /* found out */
    cr_assert_eq(heed_model_load(other, path, (heed_load_options){.names = names}, &e), HEED_OK, "%s", e.text);
    cr_expect_arr_eq(heed_model_data(other), heed_model_data(model), (size_t)heed_model_size(model) * sizeof(double));
    heed_model_free(model);
    heed_model_free(other);
}

Test(foreign, a_head_that_should_be_tied_must_be_equal) {
    net n;
    heed_model *model = loaded(&cases[GPT2], &n, HEED_F64);
    heed_safetensors *file = heed_safetensors_open(golden(&cases[GPT2]), NULL);
    heed_file_tensor tensors[64];
    double head[7 * 8];
    int count = heed_safetensors_count(file);
    for (int i = 0; i < count; i++) {
        tensors[i] = heed_safetensors_at(file, i);
        if (strcmp(tensors[i].name, "net.lm_head.weight") == 0) {
            memcpy(head, tensors[i].data, sizeof head);
            head[3] += 1;
            tensors[i].data = head;
        }
    }
    cr_assert_eq(heed_safetensors_write(path, count, tensors, 0, NULL, NULL), HEED_OK);
    heed_error e;
    cr_expect_eq(heed_model_load(model, path, (heed_load_options){.names = names_of(&cases[GPT2])}, &e), HEED_IO);
    cr_expect_not_null(strstr(e.text, "\"net.lm_head.weight\" differs from \"net.transformer.wte.weight\", but both are net.token.weight, which the "
                                      "model ties; the model is unchanged"), "%s", e.text);
    heed_safetensors_close(file);
    heed_model_free(model);
}

/* ---- what does not fit ---- */

typedef struct left {
    int n;
    char text[4096];
} left;

static void note_left(void *user, const char *name, const char *why) {
    left *l = user;
    l->n++;
    size_t used = strlen(l->text);
    snprintf(l->text + used, sizeof l->text - used, "%s: %s\n", name, why);
}

static void refused(heed_model *model, const char *file, heed_file_names names, const char *why) {
    size_t bytes = (size_t)heed_model_size(model) * heed_dtype_size(heed_model_dtype(model));
    void *before = malloc(bytes + 1);
    memcpy(before, heed_model_data(model), bytes);
    heed_error e;
    cr_expect_neq(heed_model_load(model, file, (heed_load_options){.names = names}, &e), HEED_OK);
    cr_expect_not_null(strstr(e.text, why), "\"%s\" instead of \"%s\"", e.text, why);
    cr_expect_arr_eq(heed_model_data(model), before, bytes);
    free(before);
}

/* [promises: load checks first] */
Test(foreign, what_does_not_fit_is_named_there_and_here) {
    net n;
    heed_model *model = build(&cases[0], &n, HEED_F64);
    const heed_file_names names = names_of(&cases[0]);
    refused(model, golden(&cases[2]), names, "\"net.in_proj_weight\" (here net.w_q, net.w_k, net.w_v) is missing; the model is unchanged");
    refused(model, golden(&cases[1]), names, "tensor \"net.bias_k\" has no place in the model; the model is unchanged");
    left l = {.n = 0};
    heed_error e;
    cr_expect_eq(heed_model_load(model, golden(&cases[2]), (heed_load_options){.names = names, .partial = true, .left = note_left, .user = &l}, &e), HEED_OK);
    cr_expect_str_eq(l.text, "\"net.in_proj_weight\" (here net.w_q, net.w_k, net.w_v): is missing\n"
                             "tensor \"net.q_proj_weight\": has no place in the model\n"
                             "tensor \"net.k_proj_weight\": has no place in the model\n"
                             "tensor \"net.v_proj_weight\": has no place in the model\n");
    refused(model, golden(&cases[0]), (heed_file_names){.map = &heed_torch_names, .module = "nothing"}, "the model has no module \"nothing\"");
    heed_model_free(model);
    model = heed_model_new();
    heed_multi_head_attention_init(&n.attn, heed_model_root(model), "net", (heed_multi_head_options){.d_model = 8, .n_heads = HEADS});
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_OK);
    refused(model, golden(&cases[0]), names, "\"net.in_proj_weight\" (here net.w_q, net.w_k, net.w_v): its shape is (18, 6) in the file, (24, 8) in the model");
    heed_model_free(model);
}

/* ---- tables that are no good ---- */

static heed_model *two_matrices(void) {
    heed_model *model = heed_model_new();
    heed_param_new(heed_model_root(model), "a", HEED_SHAPE(2, 3), heed_init_constant(1));
    heed_param_new(heed_model_root(model), "b", HEED_SHAPE(2, 3), heed_init_constant(2));
    heed_param_new(heed_model_root(model), "c", HEED_SHAPE(4), heed_init_constant(3));
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_OK);
    return model;
}

Test(foreign, tables_that_are_no_good_are_refused) {
    heed_model *model = two_matrices();
    const struct {
        heed_map_tensor lines[4];
        int n;
        const char *why;
    } bad[] = {
        {{{.native = "a", .foreign = "x"}, {.native = "b", .foreign = "x"}, {.native = "c", .foreign = "c"}}, 3, "both a and b would be \"x\""},
        {{{.native = "a", .foreign = "x"}, {.native = "a", .foreign = "y"}}, 2, "\"a\" has two lines: which holds is not said"},
        {{{.native = "a", .foreign = "x"}, {.native = "b", .foreign = "y"}}, 2, "\"c\" has no line"},
        {{{.native = "a", .foreign = "x", .part = 1, .parts = 1}}, 1, "\"a\" is a part past the number of parts"},
        {{{.native = "a", .foreign = ""}}, 1, "\"a\" is a line without a name"},
        {{{.native = "a", .foreign = "x#"}}, 1, "\"a\" has numbers on one side that the other has not, or more than 4"},
        {{{.native = "a", .foreign = "x", .part = 0, .parts = 2}, {.native = "b", .foreign = "x", .part = 0, .parts = 2}, {.native = "c", .foreign = "c"}}, 3,
         "both a and b would be \"x\""},
        {{{.native = "a", .foreign = "x", .part = 0, .parts = 2}, {.native = "b", .foreign = "x", .part = 1, .parts = 2, .transpose = true},
          {.native = "c", .foreign = "c"}}, 3, "\"b\" is laid out unlike the other parts of its tensor"},
        {{{.native = "a", .foreign = "x"}, {.native = "b", .foreign = "y"}, {.native = "c", .foreign = "c", .transpose = true}}, 3,
         "\"c\" does not have the axes that its line speaks of"},
        {{{.native = "a", .foreign = "x", .part = 0, .parts = 2}, {.native = "c", .foreign = "x", .part = 1, .parts = 2}, {.native = "b", .foreign = "b"}}, 3,
         "\"a\" has no line"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const heed_import_map map = {.name = "elsewhere", .tensors = bad[i].lines, .n_tensors = bad[i].n};
        heed_error e;
        cr_expect_eq(heed_model_save(model, path, (heed_save_options){.names = {.map = &map}}, &e), HEED_INVALID);
        cr_expect_not_null(strstr(e.text, bad[i].why), "\"%s\" instead of \"%s\"", e.text, bad[i].why);
        cr_expect_neq(access(path, F_OK), 0);
    }
    heed_model_free(model);
}

/* By hand: a over b, transposed, with an axis in front; c only here. */
Test(foreign, a_table_of_ones_own) {
    heed_model *model = two_matrices();
    const heed_map_tensor lines[] = {{.native = "a", .foreign = "x", .part = 0, .parts = 2, .transpose = true, .ones = 1},
                                     {.native = "b", .foreign = "x", .part = 1, .parts = 2, .transpose = true, .ones = 1},
                                     {.native = "c"}};
    const heed_import_map map = {.name = "elsewhere", .tensors = lines, .n_tensors = 3};
    const double a[6] = {1, 2, 3, 4, 5, 6}, b[6] = {7, 8, 9, 10, 11, 12};
    const float expected[12] = {1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12};
    cr_assert_eq(heed_param_set(heed_model_find(model, "a"), a, 6), HEED_OK);
    cr_assert_eq(heed_param_set(heed_model_find(model, "b"), b, 6), HEED_OK);
    cr_assert_eq(heed_model_save(model, path, (heed_save_options){.names = {.map = &map}}, NULL), HEED_OK);
    heed_safetensors *file = heed_safetensors_open(path, NULL);
    heed_file_tensor x = heed_safetensors_at(file, 0);
    cr_expect_eq(heed_safetensors_count(file), 1);
    cr_expect(heed_shape_equal(x.shape, HEED_SHAPE(1, 3, 4)), "%s", HEED_SHAPE_STR(x.shape));
    cr_expect_arr_eq(x.data, expected, sizeof expected);
    heed_safetensors_close(file);
    heed_model *other = two_matrices();
    cr_assert_eq(heed_model_load(other, path, (heed_load_options){.names = {.map = &map}}, NULL), HEED_OK);
    cr_expect_arr_eq(heed_model_data(other), heed_model_data(model), (size_t)heed_model_size(model) * sizeof(float));
    heed_model_free(model);
    heed_model_free(other);
}
