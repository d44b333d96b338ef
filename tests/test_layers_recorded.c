/* Layers introduce themselves: what each says of itself ends up in the recording's header. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include <heed/heed.h>

static char folder[64];
static heed_model *model;
static heed_recorder *r;

static void set_up(void) {
    snprintf(folder, sizeof folder, "/tmp/heed_lens_layers_%ld", (long)getpid());
    model = heed_model_new();
}

static void tear_down(void) {
    char path[128];
    heed_model_free(model);
    snprintf(path, sizeof path, "%s/index.jsonl", folder);
    remove(path);
    rmdir(folder);
}

TestSuite(lens_layers, .init = set_up, .fini = tear_down);

static const heed_module *root(void) { return heed_model_root(model); }

/* With the layers declared. */
static void begin(void) {
    cr_assert_eq(heed_model_build(model, HEED_F32, 1), HEED_OK, "%s", heed_model_error_text(model));
    r = heed_recorder_new(folder, model, (heed_recorder_options){.title = "layers"});
}

/* One member of the recording's header, for json_decref. */
static json_t *told(const char *member) {
    heed_error e = {.status = HEED_OK};
    cr_assert_eq(heed_recorder_end(r, &e), HEED_OK, "%s", e.text);
    heed_recording *read = heed_recording_open(folder, &e);
    cr_assert(read, "%s", e.text);
    json_t *header = json_loads(heed_recording_header(read), 0, NULL), *found = json_object_get(header, member);
    cr_assert(found);
    json_incref(found);
    json_decref(header);
    heed_recording_close(read);
    return found;
}

static void expect(const char *member, const char *json) {
    json_error_t why;
    json_t *found = told(member), *right = json_loads(json, 0, &why);
    cr_assert(right, "%s", why.text);
    char *text = json_dumps(found, JSON_COMPACT);
    cr_expect(json_equal(found, right), "%s: %s\nnot %s", member, text, json);
    free(text);
    json_decref(found);
    json_decref(right);
}

static void tell_space(const char *name) {
    static const char *const names[] = {"a", "b"};
    heed_recorder_space(r, (heed_recorded_space){.name = name, .n = 2, .names = names});
}

/* ---- one layer ---- */

Test(lens_layers, self_attention) {
    heed_self_attention attn, masked;
    heed_linear_layer w_o;
    heed_self_attention_init(&attn, root(), "attn", 6, 4);
    heed_self_attention_init(&masked, root(), "masked", 6, 3);
    masked.causal = true;
    heed_linear_init(&w_o, root(), "w_o", 4, 2, false);
    begin();
    tell_space("tokens");
    tell_space("answers");
    heed_record_self_attention(r, &attn, "w_o.weight", (heed_recorded_ends){"tokens", "tokens", "answers"});
    heed_record_self_attention(r, &masked, NULL, (heed_recorded_ends){NULL, NULL, NULL});
    expect(
        "attention",
        "[{\"path\":\"attn\",\"kind\":\"self\",\"heads\":1,\"d_k\":4,\"w_q\":\"attn.w_q\",\"w_k\":\"attn.w_k\",\"w_v\":"
        "\"attn.w_v\","
        "\"w_o\":\"w_o.weight\",\"query_space\":\"tokens\",\"key_space\":\"tokens\",\"out_space\":\"answers\"},"
        "{\"path\":\"masked\",\"kind\":\"causal\",\"heads\":1,\"d_k\":3,\"w_q\":\"masked.w_q\",\"w_k\":\"masked.w_k\","
        "\"w_v\":\"masked.w_v\",\"w_o\":null,\"query_space\":null,\"key_space\":null,\"out_space\":null}]");
}

Test(lens_layers, multi_head_attention) {
    heed_multi_head_attention attn;
    heed_multi_head_attention_init(
        &attn, root(), "attn", (heed_multi_head_options){.d_model = 12, .n_heads = 3, .features = {.n_kv_heads = 1}});
    begin();
    tell_space("source");
    heed_record_multi_head_attention(r, &attn, "cross", (heed_recorded_ends){.keys = "source"});
    expect(
        "attention",
        "[{\"path\":\"attn\",\"kind\":\"cross\",\"heads\":3,\"d_k\":4,\"w_q\":\"attn.w_q\",\"w_k\":\"attn.w_k\","
        "\"w_v\":\"attn.w_v\",\"w_o\":\"attn.w_o\",\"query_space\":null,\"key_space\":\"source\",\"out_space\":null}]");
}

/* What a score has of W^Q and W^K; NULL: none. */
static const struct score_row {
    heed_score_kind kind;
    const char *w_q, *w_k;
} scores[] = {
    {HEED_SCORE_DOT, NULL, NULL},
    {HEED_SCORE_SCALED_DOT, NULL, NULL},
    {HEED_SCORE_GENERAL, "attn.score.w", NULL},
    {HEED_SCORE_ADDITIVE, "attn.score.w_q", "attn.score.w_k"},
    {HEED_SCORE_CONCAT, "attn.score.w", NULL},
    {HEED_SCORE_LOCATION, "attn.score.w", NULL},
    {HEED_SCORE_COSINE, NULL, NULL},
};

static bool says(const json_t *layer, const char *key, const char *path) {
    const json_t *said = json_object_get(layer, key);
    return path ? json_is_string(said) && strcmp(json_string_value(said), path) == 0 : json_is_null(said);
}

Test(lens_layers, attention_over_states) {
    cr_assert_eq(sizeof scores / sizeof *scores, HEED_SCORES);
    for (size_t i = 0; i < HEED_SCORES; i++) {
        heed_state_attention attn;
        heed_state_attention_init(
            &attn, root(), "attn",
            (heed_state_attention_options){.score = {.kind = scores[i].kind, .d_query = 4, .d_key = 4, .longest = 5}});
        begin();
        heed_record_state_attention(r, &attn);
        json_t *all = told("attention");
        const json_t *layer = json_array_get(all, 0);
        cr_expect(says(layer, "path", "attn") && says(layer, "kind", "states") && says(layer, "w_q", scores[i].w_q) &&
                      says(layer, "w_k", scores[i].w_k) && says(layer, "w_v", NULL) && says(layer, "w_o", NULL),
                  "%s", heed_score_name(scores[i].kind));
        json_decref(all);
        tear_down();
        set_up();
    }
}

/* ---- stacks ---- */

/* The layers' "path kind query_space key_space", a line each. */
static void expect_layers(const char *right) {
    char text[1024] = "";
    json_t *all = told("attention");
    for (size_t i = 0, used = 0; i < json_array_size(all); i++) {
        const json_t *layer = json_array_get(all, i);
        const char *part[4] = {"path", "kind", "query_space", "key_space"};
        for (int p = 0; p < 4; p++) {
            const char *said = json_string_value(json_object_get(layer, part[p]));
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%c", said ? said : "-", p < 3 ? ' ' : '\n');
        }
    }
    cr_expect_str_eq(text, right);
    json_decref(all);
}

Test(lens_layers, encoder_and_decoder) {
    const heed_transformer_options shape = {.d_model = 8, .d_ff = 8, .n_heads = 2, .n_layers = 2};
    heed_encoder encoder;
    heed_decoder decoder;
    heed_encoder_init(&encoder, root(), "encoder", shape);
    heed_decoder_init(&decoder, root(), "decoder", shape);
    begin();
    tell_space("source");
    tell_space("target");
    heed_record_encoder(r, &encoder, "self", (heed_recorded_ends){"source", "source", NULL});
    heed_record_decoder(r, &decoder, (heed_recorded_ends){"target", "target", NULL},
                        (heed_recorded_ends){"target", "source", NULL});
    expect_layers("encoder.0.attn self source source\n"
                  "encoder.1.attn self source source\n"
                  "decoder.0.self_attn causal target target\n"
                  "decoder.0.cross_attn cross target source\n"
                  "decoder.1.self_attn causal target target\n"
                  "decoder.1.cross_attn cross target source\n");
}

/* ---- a GPT ---- */

static void make_gpt(heed_gpt *gpt, heed_attention_features features) {
    heed_gpt_init(gpt, root(), "gpt",
                  (heed_gpt_options){
                      .vocabulary = 2, .context = 5, .d_model = 8, .n_heads = 2, .n_layers = 2, .features = features});
    begin();
}

static const char *const letters[] = {"a", "b"};

Test(lens_layers, gpt) {
    heed_gpt gpt;
    make_gpt(&gpt, (heed_attention_features){0});
    heed_record_gpt(r, &gpt, letters);
    expect_layers("gpt.blocks.0.attn causal tokens tokens\ngpt.blocks.1.attn causal tokens tokens\n");
}

Test(lens_layers, gpt_has_a_space_of_tokens_and_places) {
    heed_gpt gpt;
    make_gpt(&gpt, (heed_attention_features){0});
    heed_record_gpt(r, &gpt, letters);
    expect("spaces", "[{\"name\":\"tokens\",\"names\":[\"a\",\"b\"],\"embedding\":\"gpt.token.weight\",\"positions\":"
                     "\"gpt.position.weight\"}]");
}

/* What blocks write is read by the output's own matrix. */
Test(lens_layers, gpt_with_an_output_of_its_own_has_two_spaces) {
    heed_gpt gpt;
    heed_gpt_init(
        &gpt, root(), "gpt",
        (heed_gpt_options){.vocabulary = 2, .context = 5, .d_model = 8, .n_heads = 2, .n_layers = 1, .untied = true});
    begin();
    heed_record_gpt(r, &gpt, letters);
    json_t *all = told("attention");
    cr_expect(says(json_array_get(all, 0), "query_space", "tokens") &&
              says(json_array_get(all, 0), "key_space", "tokens") &&
              says(json_array_get(all, 0), "out_space", "next tokens"));
    json_decref(all);
    heed_error e;
    heed_recording *read = heed_recording_open(folder, &e);
    cr_assert(read && strstr(heed_recording_header(read), "{\"name\":\"next tokens\",\"names\":[\"a\",\"b\"],"
                                                          "\"embedding\":\"gpt.output.weight\",\"positions\":null}"));
    heed_recording_close(read);
}

Test(lens_layers, gpt_with_rotary_positions_has_none_in_its_space) {
    heed_gpt gpt;
    make_gpt(&gpt, (heed_attention_features){.rope_base = 10000});
    heed_record_gpt(r, &gpt, letters);
    expect("spaces",
           "[{\"name\":\"tokens\",\"names\":[\"a\",\"b\"],\"embedding\":\"gpt.token.weight\",\"positions\":null}]");
}

Test(lens_layers, gpt_without_names_has_no_space) {
    heed_gpt gpt;
    make_gpt(&gpt, (heed_attention_features){0});
    heed_record_gpt(r, &gpt, NULL);
    expect_layers("gpt.blocks.0.attn causal - -\ngpt.blocks.1.attn causal - -\n");
}

/* What was named is what is recorded. */
Test(lens_layers, parameters_are_those_that_layers_and_spaces_name) {
    heed_gpt gpt;
    make_gpt(&gpt, (heed_attention_features){0});
    heed_record_gpt(r, &gpt, letters);
    json_t *all = told("parameters");
    cr_expect_eq(json_array_size(all), 2 + 2 * 4);
    for (size_t i = 0; i < json_array_size(all); i++) {
        const char *name = json_string_value(json_object_get(json_array_get(all, i), "name"));
        cr_expect(strstr(name, "attn.w_") || strcmp(name, "gpt.token.weight") == 0 ||
                      strcmp(name, "gpt.position.weight") == 0,
                  "%s", name);
    }
    json_decref(all);
}

Test(lens_layers, no_recorder_is_told_nothing) {
    heed_gpt gpt;
    make_gpt(&gpt, (heed_attention_features){0});
    heed_record_gpt(NULL, &gpt, letters);
    heed_record_encoder(NULL, &gpt.blocks, "causal", (heed_recorded_ends){NULL, NULL, NULL});
    expect("attention", "[]");
}
