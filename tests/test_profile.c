/* Profiles: calls, FLOPs and bytes that were counted by hand, sums that agree, traces that parse and nest; and a training that
 * is not changed by being measured. */
#include <heed/heed.h>

#include "helpers/comma_locale.h"
#include "helpers/small_training.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a small step, of which all is known ---- */

enum { B = 3, IN = 5, MID = 7, OUT = 2, STEPS = 4 };

typedef struct two_layers {
    heed_model *model;
    heed_module net;
    heed_linear_layer first, second; /* "net.first", "net.second" */
    heed_tape *t;
    heed_grads *g;
    heed_optim *opt;
    heed_profile *p;
} two_layers;

static void begin(two_layers *n, heed_profile_options options) {
    *n = (two_layers){.model = heed_model_new(), .t = heed_tape_new(), .p = heed_profile_new(options)};
    heed_module_init(&n->net, heed_model_root(n->model), "net");
    heed_linear_init(&n->first, &n->net, "first", IN, MID, true);
    heed_linear_init(&n->second, &n->net, "second", MID, OUT, false);
    cr_assert_eq(heed_model_build(n->model, HEED_F32, 1), HEED_OK);
    n->g = heed_grads_new(n->model);
    n->opt = heed_adamw_new(n->model, heed_adam_defaults(0.01));
    heed_tape_set_profile(n->t, n->p);
    heed_optim_set_profile(n->opt, n->p);
}

static void end(two_layers *n) {
    heed_optim_free(n->opt);
    heed_grads_free(n->g);
    heed_tape_free(n->t);
    heed_profile_free(n->p);
    heed_model_free(n->model);
}

static heed_tensor forward(two_layers *n) {
    heed_tensor x = heed_ones(n->t, HEED_F32, HEED_SHAPE(B, IN));
    heed_tensor h = heed_relu(n->t, heed_linear_forward(&n->first, n->t, x)); /* (B, MID) */
    return heed_mean(n->t, heed_linear_forward(&n->second, n->t, h), HEED_ALL_AXES);
}

static void step(two_layers *n) {
    heed_tape_reset(n->t);
    heed_tensor loss = forward(n);
    cr_assert_eq(heed_backward(n->t, loss, n->g), HEED_OK, "%s", heed_error_text(n->t));
    cr_assert_eq(heed_optim_step(n->opt, n->g), HEED_OK, "%s", heed_optim_error_text(n->opt));
}

static heed_profile_row row(const heed_profile *p, const char *op, const char *path, heed_phase phase) {
    for (int i = 0; i < heed_profile_rows(p); i++) {
        heed_profile_row r = heed_profile_row_at(p, i);
        if (strcmp(r.op, op) == 0 && strcmp(r.path, path) == 0 && r.phase == phase)
            return r;
    }
    return (heed_profile_row){.calls = 0};
}

static void expect(const heed_profile *p, const char *op, const char *path, heed_phase phase, double flops,
                   double bytes) {
    heed_profile_row r = row(p, op, path, phase);
    cr_expect_eq(r.calls, STEPS, "%s of %s, %s: %lld calls", op, path, heed_phase_name(phase), (long long)r.calls);
    cr_expect_float_eq(r.flops, STEPS * flops, 1e-9, "%s of %s, %s: %g FLOPs", op, path, heed_phase_name(phase),
                       r.flops);
    cr_expect_float_eq(r.bytes, STEPS * bytes, 1e-9, "%s of %s, %s: %g bytes", op, path, heed_phase_name(phase),
                       r.bytes);
    cr_expect_gt(r.seconds, 0);
}

Test(profile, counts_calls_flops_and_bytes) {
    two_layers n;
    begin(&n, (heed_profile_options){0});
    for (int i = 0; i < STEPS; i++)
        step(&n);
    const heed_phase f = HEED_PHASE_FORWARD, b = HEED_PHASE_BACKWARD;
    /* x, w, b and y; backward reads x, w and dy and writes dw and db: x is no variable */
    expect(n.p, "linear", "net.first", f, 2 * B * IN * MID, 4 * (B * IN + IN * MID + MID + B * MID));
    expect(n.p, "linear", "net.first", b, 2 * B * IN * MID, 4 * (B * IN + IN * MID + B * MID + IN * MID + MID));
    expect(n.p, "linear", "net.second", f, 2 * B * MID * OUT, 4 * (B * MID + MID * OUT + B * OUT));
    expect(n.p, "linear", "net.second", b, 2 * 2 * B * MID * OUT, 4 * (2 * B * MID + 2 * MID * OUT + B * OUT));
    expect(n.p, "relu", "", f, 0, 4 * 2 * B * MID);
    /* w, gradient and two slots are read, w and the slots written */
    expect(n.p, "adamw", "", HEED_PHASE_UPDATE, 0, 4 * 7 * (IN * MID + MID + MID * OUT));
    cr_expect_eq(heed_profile_totals(n.p).steps, STEPS);
    heed_profile_clear(n.p);
    cr_expect_eq(heed_profile_rows(n.p), 0);
    step(&n);
    cr_expect_eq(row(n.p, "linear", "net.first", f).calls, 1);
    end(&n);
}

/* Attention's FLOPs, against pairs counted one by one. */
Test(profile, counts_the_pairs_that_attention_sees) {
    static const struct {
        int64_t T, S, window;
        bool causal;
    } cases[] = {{5, 5, 0, false}, {5, 5, 0, true},  {3, 8, 0, true},  {8, 3, 0, true},
                 {9, 9, 3, true},  {9, 9, 3, false}, {4, 11, 2, false}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        int64_t T = cases[c].T, S = cases[c].S, window = cases[c].window, pairs = 0;
        for (int64_t i = 0; i < T; i++)
            for (int64_t j = 0; j < S; j++) {
                int64_t ahead = j - (i + S - T);
                pairs += !(cases[c].causal && ahead > 0) && !(window && (ahead <= -window || ahead >= window));
            }
        heed_tape *t = heed_tape_new();
        heed_profile *p = heed_profile_new((heed_profile_options){0});
        heed_tape_set_profile(t, p);
        heed_tensor q = heed_randn(t, HEED_F32, HEED_SHAPE(2, 3, T, 4)),
                    k = heed_randn(t, HEED_F32, HEED_SHAPE(2, 3, S, 4));
        heed_tensor v = heed_randn(t, HEED_F32, HEED_SHAPE(2, 3, S, 6));
        heed_attention(t, q, k, v, (heed_attention_options){.causal = cases[c].causal, .window = window});
        cr_expect_eq(row(p, "attention", "", HEED_PHASE_FORWARD).flops, 2.0 * (double)pairs * (4 + 6) * 2 * 3,
                     "case %zu", c);
        heed_tape_free(t);
        heed_profile_free(p);
    }
}

Test(profile, counts_a_recurrence_s_products_over_all_steps) {
    enum { ROWS = 2, TIME = 5, H = 3, GATES = 3 * H };
    heed_tape *t = heed_tape_new();
    heed_profile *p = heed_profile_new((heed_profile_options){0});
    heed_tape_set_profile(t, p);
    float zeros[ROWS * TIME * GATES] = {0};
    heed_tensor x = heed_variable(t, HEED_F32, HEED_SHAPE(ROWS, TIME, GATES), zeros);
    heed_tensor w = heed_variable(t, HEED_F32, HEED_SHAPE(GATES, H), zeros);
    heed_recurrence_options gru = {.kind = HEED_GRU, .h = heed_zeros(t, HEED_F32, HEED_SHAPE(ROWS, H))};
    heed_tensor y = heed_recurrence(t, x, w, HEED_NIL, gru);
    cr_assert_eq(heed_backward(t, heed_sum(t, y, HEED_ALL_AXES), NULL), HEED_OK, "%s", heed_error_text(t));
    double product = 2.0 * ROWS * TIME * GATES * H;
    cr_expect_eq(row(p, "recurrence", "", HEED_PHASE_FORWARD).flops, product);
    cr_expect_eq(row(p, "recurrence", "", HEED_PHASE_BACKWARD).flops, 2 * product);
    heed_tape_free(t);
    heed_profile_free(p);
}

/* ---- sums ---- */

static double ops_of(const heed_profile_total *total) {
    return total->phase[HEED_PHASE_FORWARD] + total->phase[HEED_PHASE_BACKWARD] + total->phase[HEED_PHASE_UPDATE];
}

Test(profile, what_is_in_rows_is_in_the_totals) {
    two_layers n;
    begin(&n, (heed_profile_options){0});
    for (int i = 0; i < STEPS; i++)
        step(&n);
    double sum[HEED_PHASES] = {0};
    for (int i = 0; i < heed_profile_rows(n.p); i++)
        sum[heed_profile_row_at(n.p, i).phase] += heed_profile_row_at(n.p, i).seconds;
    heed_profile_total total = heed_profile_totals(n.p);
    for (int phase = 0; phase < HEED_PHASES; phase++)
        cr_expect_float_eq(sum[phase], total.phase[phase], 1e-12);
    cr_expect_gt(total.seconds, ops_of(&total), "a step holds its ops, and what is between them");
    end(&n);
}

/* Adds up the column of milliseconds of the lines from `head` to the next empty one that are indented by nothing. */
static double sum_column(FILE *table, const char *head) {
    char line[256];
    double sum = 0;
    bool in = false;
    rewind(table);
    while (fgets(line, sizeof line, table)) {
        if (in && (line[0] == '\n' || strstr(line, "more, below")))
            break;
        if (in && line[0] != ' ')
            sum += strtod(line + 20 + 6 + 8 + 9, NULL);
        in = in || strncmp(line, head, strlen(head)) == 0;
    }
    return sum;
}

/* Work enough for two decimals of milliseconds to say something. */
static void heavy_step(heed_tape *t) {
    heed_tape_reset(t);
    heed_enter_named(t, "outer");
    heed_enter_named(t, "inner");
    heed_tensor x =
        heed_variable(t, HEED_F32, HEED_SHAPE(128, 128), heed_data(t, heed_randn(t, HEED_F32, HEED_SHAPE(128, 128))));
    heed_tensor y = heed_matmul(t, x, x);
    heed_leave(t);
    y = heed_matmul(t, y, x);
    heed_leave(t);
    heed_enter_named(t, "other");
    y = heed_exp(t, heed_scale(t, y, 1e-3));
    heed_leave(t);
    cr_assert_eq(heed_backward(t, heed_mean(t, y, HEED_ALL_AXES), NULL), HEED_OK, "%s", heed_error_text(t));
}

static void check_table(void) {
    heed_tape *t = heed_tape_new();
    heed_profile *p = heed_profile_new((heed_profile_options){0});
    heed_tape_set_profile(t, p);
    for (int i = 0; i < 8; i++)
        heavy_step(t);
    FILE *table = tmpfile();
    cr_assert(table);
    cr_assert_eq(heed_profile_print(p, table), HEED_OK);
    heed_profile_total total = heed_profile_totals(p);
    double ms = 1e3 * ops_of(&total) / (double)total.steps;
    setlocale(LC_NUMERIC, "C");
    double layers = sum_column(table, "layer"), ops = sum_column(table, "op ");
    cr_expect_float_eq(layers, ms, 0.005 * 4 + 0.005 * 3 * ms, "layers add up to %g ms, the ops to %g", layers, ms);
    cr_expect_float_eq(ops, ms, 0.005 * 8 + 0.005 * 8 * ms, "ops add up to %g ms, all to %g", ops, ms);
    fclose(table);
    heed_tape_free(t);
    heed_profile_free(p);
}

Test(profile, layers_add_up_to_all) {
    check_table();
}

Test(profile, the_table_has_points_in_every_locale) {
    if (!comma_locale_begin())
        cr_skip_test("no locale with a decimal comma can be made here");
    setlocale(LC_NUMERIC, "comma");
    check_table();
    comma_locale_end();
}

/* An op within an op has its time for itself: both together are what the outer one took. */
Test(profile, a_packing_is_an_op_of_its_own) {
    heed_tape *t = heed_tape_new();
    heed_profile *p = heed_profile_new((heed_profile_options){0});
    heed_tape_set_profile(t, p);
    heed_tensor x = heed_transpose(t, heed_randn(t, HEED_F32, HEED_SHAPE(300, 200)), 0, 1);
    heed_layernorm(t, x, HEED_NIL, HEED_NIL, 1e-5);
    heed_profile_row packing = row(p, "contiguous", "", HEED_PHASE_FORWARD),
                     norm = row(p, "layernorm", "", HEED_PHASE_FORWARD);
    cr_expect_eq(packing.calls, 1);
    cr_expect_eq(norm.calls, 1);
    heed_profile_mark outer = heed_profile_begin(p), inner = heed_profile_begin(p);
    for (volatile int i = 0; i < 3000000; i++)
        ;
    heed_profile_end(p, inner, HEED_PHASE_FORWARD, "mine", "inner", (heed_cost){.flops = 1});
    heed_profile_end(p, outer, HEED_PHASE_FORWARD, "mine", "outer", (heed_cost){.flops = 2});
    double within = row(p, "inner", "mine", HEED_PHASE_FORWARD).seconds,
           rest = row(p, "outer", "mine", HEED_PHASE_FORWARD).seconds;
    cr_expect_gt(within, 1e-4);
    cr_expect_lt(rest, within / 2, "%g of the outer one, %g of the inner", rest, within);
    heed_tape_free(t);
    heed_profile_free(p);
}

/* ---- steps ---- */

Test(profile, what_is_not_recorded_is_no_step) {
    two_layers n;
    begin(&n, (heed_profile_options){.trace_steps = 2});
    for (int i = 0; i < STEPS; i++) {
        step(&n);
        heed_tape_set_recording(n.t, false);
        for (int j = 0; j < 3; j++) {
            heed_tape_reset(n.t);
            forward(&n);
        }
        heed_tape_set_recording(n.t, true);
    }
    cr_expect_eq(heed_profile_totals(n.p).steps, STEPS);
    cr_expect_eq(row(n.p, "linear", "net.first", HEED_PHASE_FORWARD).calls, STEPS);
    cr_expect_eq(row(n.p, "linear", "net.first", HEED_PHASE_ASIDE).calls, 3 * STEPS);
    end(&n);
}

/* The same bits with a profile, without, and with one that is taken off half-way. */
static uint64_t bits_of(int measured_steps) {
    enum { ALL = 12 };
    small_training s;
    cr_assert(small_training_init(&s, HEED_F32));
    heed_tape *t = heed_tape_new();
    heed_profile *p = heed_profile_new((heed_profile_options){.trace_steps = 2});
    heed_tape_set_threads(t, 2);
    for (int i = 0; i < ALL; i++) {
        heed_tape_set_profile(t, i < measured_steps ? p : NULL);
        heed_optim_set_profile(s.optim, i < measured_steps ? p : NULL);
        cr_assert(!isnan(small_training_step(&s, t, i)), "%s", heed_error_text(t));
    }
    uint64_t hash = 0;
    const uint32_t *words = heed_model_data(s.model);
    for (int64_t i = 0; i < heed_model_size(s.model); i++)
        hash = heed_rng_mix(hash, words[i]);
    heed_tape_free(t);
    heed_profile_free(p);
    small_training_free(&s);
    return hash;
}

Test(profile, measuring_changes_no_bit) {
    uint64_t without = bits_of(0);
    cr_expect_eq(bits_of(12), without);
    cr_expect_eq(bits_of(6), without);
}

/* ---- the trace ---- */

static char path[64];

static json_t *saved(const heed_profile *p) {
    heed_error error = {.status = HEED_OK};
    snprintf(path, sizeof path, "/tmp/heed_trace_%ld.json", (long)getpid());
    cr_assert_eq(heed_trace_save(p, path, &error), HEED_OK, "%s", error.text);
    json_error_t wrong;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &wrong);
    cr_assert(root, "line %d: %s", wrong.line, wrong.text);
    unlink(path);
    return root;
}

typedef struct event {
    const char *name, *category, *layers; /* layers: args.path of an op */
    double from, to;
} event;

/* Complete events alone. Returns how many. */
static int events_of(json_t *root, event *events, int room) {
    json_t *list = json_object_get(root, "traceEvents"), *item;
    size_t i;
    int n = 0;
    json_array_foreach(list, i, item) {
        if (strcmp(json_string_value(json_object_get(item, "ph")), "X") != 0)
            continue;
        cr_assert(json_is_integer(json_object_get(item, "pid")) && json_is_integer(json_object_get(item, "tid")));
        cr_assert(json_is_number(json_object_get(item, "ts")) && json_is_number(json_object_get(item, "dur")));
        double from = json_number_value(json_object_get(item, "ts"));
        cr_assert_lt(n, room);
        events[n++] =
            (event){json_string_value(json_object_get(item, "name")), json_string_value(json_object_get(item, "cat")),
                    json_string_value(json_object_get(json_object_get(item, "args"), "path")), from,
                    from + json_number_value(json_object_get(item, "dur"))};
    }
    return n;
}

/* Each event is within the last that is open, and an op's enclosing layers spell its path. Returns the ops. */
static int check_nesting(const event *events, int n) {
    const double rounding = 0.0015;
    int open[32], depth = 0, ops = 0;
    for (int i = 0; i < n; i++) {
        while (depth && events[open[depth - 1]].to <= events[i].from + 1e-6)
            depth--;
        bool outermost = strncmp(events[i].name, "step ", 5) == 0 && strcmp(events[i].category, "step") == 0;
        cr_assert_eq(depth == 0, outermost, "%s at %g", events[i].name, events[i].from);
        if (depth)
            cr_assert_leq(events[i].to, events[open[depth - 1]].to + rounding, "%s sticks out of %s", events[i].name,
                          events[open[depth - 1]].name);
        if (events[i].layers) {
            char spelled[512] = "";
            for (int d = 0; d < depth; d++)
                if (strcmp(events[open[d]].category, "layer") == 0)
                    snprintf(spelled + strlen(spelled), sizeof spelled - strlen(spelled), "%s%s", spelled[0] ? "." : "",
                             events[open[d]].name);
            cr_assert_str_eq(spelled, events[i].layers);
            cr_assert_str_eq(events[open[1]].name, events[i].category, "an op stands in its phase");
            ops++;
        }
        cr_assert_lt(depth, 32);
        open[depth++] = i;
    }
    return ops;
}

Test(profile, a_trace_holds_the_last_steps_and_nests) {
    two_layers n;
    begin(&n, (heed_profile_options){.trace_steps = 3});
    for (int i = 0; i < 9; i++)
        step(&n);
    static event events[512];
    json_t *root = saved(n.p);
    int count = events_of(root, events, 512), steps = 0;
    /* linear, relu, linear, mean and their backwards, the plan, adamw */
    cr_expect_eq(check_nesting(events, count), 3 * 10);
    for (int i = 0; i < count; i++)
        if (strcmp(events[i].category, "step") == 0) {
            char name[16];
            snprintf(name, sizeof name, "step %d", 7 + steps++);
            cr_expect_str_eq(events[i].name, name);
        }
    cr_expect_eq(steps, 3);
    cr_expect_str_eq(json_string_value(json_object_get(json_object_get(root, "otherData"), "about")),
                     "heed: the last 3 of 9 steps");
    json_decref(root);
    end(&n);
}

static json_t *op_event(json_t *root, const char *op, const char *category, const char *layers) {
    json_t *item;
    size_t i;
    json_array_foreach(json_object_get(root, "traceEvents"), i, item) {
        const char *said = json_string_value(json_object_get(json_object_get(item, "args"), "path"));
        const char *cat = json_string_value(json_object_get(item, "cat"));
        if (said && cat && strcmp(said, layers) == 0 && strcmp(cat, category) == 0 &&
            strcmp(json_string_value(json_object_get(item, "name")), op) == 0)
            return json_object_get(item, "args");
    }
    return NULL;
}

static void check_arguments(void) {
    two_layers n;
    begin(&n, (heed_profile_options){.trace_steps = 1});
    for (int i = 0; i < 3; i++)
        step(&n);
    json_t *root = saved(n.p), *said = op_event(root, "linear", "backward", "net.first");
    cr_assert(said);
    cr_expect_str_eq(json_string_value(json_object_get(said, "out")), "f32 (3, 7)");
    cr_expect_str_eq(json_string_value(json_object_get(said, "in 0")), "f32 (3, 5)");
    cr_expect_str_eq(json_string_value(json_object_get(said, "in 1")), "f32 (7, 5)");
    cr_expect_str_eq(json_string_value(json_object_get(said, "in 2")), "f32 (7,)");
    cr_expect(json_is_real(json_object_get(said, "GFLOP/s")) && json_is_real(json_object_get(said, "GB/s")));
    said = op_event(root, "linear", "forward", "net.second");
    cr_expect(said && json_object_get(said, "in 2") == NULL, "there is no bias");
    json_decref(root);
    end(&n);
}

Test(profile, a_trace_says_shapes_and_dtypes) {
    check_arguments();
}

Test(profile, a_trace_has_points_in_every_locale) {
    if (!comma_locale_begin())
        cr_skip_test("no locale with a decimal comma can be made here");
    setlocale(LC_NUMERIC, "comma");
    check_arguments();
    comma_locale_end();
}

Test(profile, hostile_names_are_only_names) {
    static const char hostile[] = "a\"b\\c\n\x01\xff\xc3(\xed\xa0\x80</script>\xc3\xa9";
    static const char shown[] =
        "a\"b\\c\n\x01\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd</script>\xc3\xa9";
    heed_tape *t = heed_tape_new();
    heed_profile *p = heed_profile_new((heed_profile_options){.trace_steps = 2});
    heed_tape_set_profile(t, p);
    heed_enter_named(t, hostile);
    heed_enter_named(t, "..");
    heed_relu(t, heed_ones(t, HEED_F32, HEED_SHAPE(2)));
    heed_leave(t);
    heed_leave(t);
    for (int i = 0; i < 200; i++)
        heed_enter_named(t, "deep");
    heed_relu(t, heed_ones(t, HEED_F32, HEED_SHAPE(2)));
    heed_profile_end(p, heed_profile_begin(p), HEED_PHASE_UPDATE, "", hostile,
                     (heed_cost){.bytes = NAN, .flops = INFINITY});
    heed_profile_end(p, heed_profile_begin(p), HEED_PHASE_UPDATE, NULL, NULL, (heed_cost){.bytes = -1});
    json_t *root = saved(p);
    char layers[sizeof shown + 8];
    snprintf(layers, sizeof layers, "%s...", shown);
    cr_expect(op_event(root, "relu", "forward", layers));
    cr_expect(op_event(root, shown, "update", ""));
    json_decref(root);
    FILE *table = tmpfile();
    cr_assert_eq(heed_profile_print(p, table), HEED_OK);
    rewind(table);
    for (int c; (c = fgetc(table)) != EOF;)
        cr_assert(c == '\n' || (c >= ' ' && c != 127), "the table has a control character");
    fclose(table);
    heed_tape_free(t);
    heed_profile_free(p);
}

Test(profile, a_trace_that_grows_too_long_says_so) {
    two_layers n;
    begin(&n, (heed_profile_options){.trace_steps = 2, .trace_most = 12}); /* five a step, with the one under way */
    for (int i = 0; i < 6; i++)
        step(&n);
    static event events[512];
    json_t *root = saved(n.p);
    cr_expect_eq(check_nesting(events, events_of(root, events, 512)), 2 * 5);
    cr_expect_str_eq(json_string_value(json_object_get(json_object_get(root, "otherData"), "about")),
                     "heed: the last 2 of 6 steps; without their last 10 ops, which had no room");
    json_decref(root);
    cr_expect_eq(heed_profile_totals(n.p).untraced, 6 * 5);
    cr_expect_eq(row(n.p, "adamw", "", HEED_PHASE_UPDATE).calls, 6, "the rows have all");
    end(&n);
}

Test(profile, a_trace_that_cannot_be_written_leaves_what_was_there) {
    two_layers n;
    heed_error error = {.status = HEED_OK};
    begin(&n, (heed_profile_options){0});
    step(&n);
    cr_expect_eq(heed_trace_save(n.p, "/tmp/none", &error), HEED_STATE);
    cr_expect(strstr(error.text, "trace_steps"), "%s", error.text);
    end(&n);
    begin(&n, (heed_profile_options){.trace_steps = 1});
    step(&n);
    cr_expect_eq(heed_trace_save(n.p, "/none/here/trace.json", &(heed_error){0}), HEED_IO);
    cr_expect_eq(heed_trace_save(n.p, NULL, NULL), HEED_INVALID);
    end(&n);
}
