/* heed_gradcheck_op and heed_gradcheck: going through samples and points. */
#include <stdlib.h>
#include <string.h>

#include "checker_internal.h"

enum { DRAWS = 8 }; /* of one point, before it is given up for being all kinks */

static heed_check new_report(const char *name) {
    heed_check report = {.worst = 0};
    snprintf(report.name, sizeof report.name, "%s", name ? name : "?");
    return report;
}

/* Room for n inputs; false when memory is out. */
static bool open_checker(checker *k, heed_check *report, const heed_check_options *options, int n) {
    size_t room = (size_t)(n > 0 ? n : 1);
    *k = (checker){.report = report,
                   .options = options,
                   .sample = -1,
                   .threads = options && options->threads > 0 ? options->threads : 3,
                   .n_outs = -1};
    k->tape = heed_tape_new();
    k->in = calloc(room, sizeof *k->in);
    k->bases = calloc(room, sizeof *k->bases);
    if (k->in && k->bases && heed_tape_status(k->tape) == HEED_OK)
        return true;
    heed_checker_error(k, "out of memory");
    return false;
}

static void close_checker(checker *k) {
    heed_checker_release(k);
    heed_tape_free(k->tape);
    free(k->in);
    free(k->bases);
}

/* A new point: what was known of the last one is forgotten. */
static uint64_t new_point(checker *k, uint64_t seed, int sample, int draw) {
    heed_checker_release(k);
    k->sample = sample;
    k->n_outs = -1;
    uint64_t key = heed_rng_mix(seed, heed_rng_hash(k->report->name));
    return heed_rng_mix(heed_rng_mix(key, (uint64_t)sample), (uint64_t)draw);
}

void heed_checker_lay_out(subject *s) {
    s->n_wanted = 0;
    for (int i = 0; i < s->n_values; i++) {
        s->values[i].offset = s->n_wanted;
        s->n_wanted += s->values[i].wanted ? s->values[i].count : 0;
    }
}

/* What there was at one point. */
typedef enum verdict { POINT_DONE, POINT_KINK } verdict;

/* The gradient at the point drawn, and then what `laws` says besides. */
typedef void laws_fn(checker *k, const subject *s, const outcome *plain);
static verdict check_point(checker *k, const subject *s, laws_fn *laws) {
    outcome plain = {0};
    bool counts;
    if (!heed_checker_must_run(k, s, plain_wiring(true), &plain, "it does not run"))
        return POINT_DONE;
    if (!heed_checker_gradient(k, s, &plain, &counts))
        return POINT_KINK;
    if (counts)
        k->report->cases++;
    else
        k->report->vacuous++;
    laws(k, s, &plain);
    return POINT_DONE;
}

static void give_up(checker *k) {
    heed_checker_error(
        k, "no point found where two stencils agree on the derivative, in %d draws: kinks everywhere, noise, or NaN",
        DRAWS);
}

static uint64_t seed_of(const heed_check_options *options) {
    return options ? options->seed : 0;
}

/* ---- an op ---- */

typedef struct op_context {
    const heed_op *op;
    const heed_sample *sample;
} op_context;

static int apply_op(const void *context, heed_tape *t, const heed_tensor *in, heed_tensor *outs) {
    const op_context *c = context;
    if (heed_is_nil(heed_apply_many(t, c->op, in, c->sample->n_in, c->sample->attr.bytes, outs)))
        return 0;
    return c->op->n_out > 0 ? c->op->n_out : c->op->outputs(c->sample->attr.bytes);
}

static bool differentiates(const heed_op *op, int i, const heed_sample_input *rule) {
    return !(op->flags & HEED_NO_GRADIENT) && !(op->no_gradient >> i & 1) && heed_dtype_real(rule->dtype) &&
           !rule->absent && !rule->constant;
}

static bool draw_sample(checker *k, const heed_op *op, const heed_sample *sample, uint64_t key, subject *s) {
    for (int i = 0; i < sample->n_in; i++) {
        s->values[i] = (value){.count = 0};
        if (!heed_checker_draw(k, &s->values[i], &sample->in[i], heed_rng_mix(key, 100 + (uint64_t)i)))
            return false;
        s->values[i].wanted = differentiates(op, i, &sample->in[i]);
    }
    s->n_inputs = s->n_values = sample->n_in;
    s->key = key;
    heed_checker_lay_out(s);
    return true;
}

static void check_sample(checker *k, const heed_op *op, const heed_sample *sample, uint64_t seed, int index) {
    value values[HEED_SAMPLE_INPUTS];
    op_context context = {.op = op, .sample = sample};
    subject s = {.apply = apply_op, .context = &context, .values = values, .refuses_views = op->flags & HEED_VIEW};
    for (int draw = 0; draw < DRAWS; draw++) {
        uint64_t key = new_point(k, seed, index, draw);
        if (!draw_sample(k, op, sample, key, &s) || check_point(k, &s, heed_checker_laws) == POINT_DONE)
            return;
        k->report->redrawn++;
    }
    give_up(k);
}

/* Whether enough is known to stop. */
static bool is_settled(const checker *k, const heed_check_options *options) {
    return options && options->first && k->report->failed > 0;
}

/* Few redraws are bad luck, many are an op that is not what its samples say. */
static void judge_redraws(checker *k) {
    const heed_check *report = k->report;
    k->sample = -1;
    if (50 * report->redrawn > report->cases + report->vacuous)
        heed_checker_error(
            k, "%d points of %d were drawn again, more than 2 %%: its samples lie too near to kinks (see avoid, apart)",
            report->redrawn, report->cases + report->vacuous);
}

static const char *why_unfit(const heed_op *op) {
    return op == NULL                        ? "it is NULL"
           : op->size != sizeof *op          ? "it was compiled against headers of another version"
           : op->samples == NULL             ? "it has no samples"
           : op->attr_size > HEED_SAMPLE_ATTR ? "its attributes are larger than a sample's room for them"
                                             : NULL;
}

static void check_samples(checker *k, const heed_op *op, const heed_check_options *options) {
    int most = options && options->cases > 0 ? options->cases : -1, index = 0;
    k->report->no_gradient = op->flags & HEED_NO_GRADIENT;
    for (; index != most && !is_settled(k, options); index++) {
        heed_sample sample = {.n_in = 0};
        if (!op->samples(index, &sample))
            break;
        if (sample.n_in < 0 || sample.n_in > HEED_SAMPLE_INPUTS)
            heed_checker_error(k, "sample %d has %d inputs, there can be %d", index, sample.n_in, HEED_SAMPLE_INPUTS);
        else
            check_sample(k, op, &sample, seed_of(options), index);
    }
    if (index == 0)
        heed_checker_error(k, "it has no samples");
    judge_redraws(k);
}

heed_check heed_gradcheck_op(const heed_op *op, const heed_check_options *options) {
    heed_check report = new_report(op && op->size == sizeof *op ? op->name : NULL);
    checker k;
    const char *unfit = why_unfit(op);
    if (open_checker(&k, &report, options, HEED_SAMPLE_INPUTS) && unfit)
        heed_checker_error(&k, "the op cannot be checked: %s", unfit);
    else if (unfit == NULL && report.failed == 0)
        check_samples(&k, op, options);
    close_checker(&k);
    return report;
}

/* ---- a function of variables and parameters ---- */

static int apply_function(const void *context, heed_tape *t, const heed_tensor *in, heed_tensor *outs) {
    const heed_check_case *c = context;
    outs[0] = c->fn(c->user, t, in);
    if (heed_is_nil(outs[0]) || heed_tape_status(t))
        return 0;
    if (heed_dtype_of(t, outs[0]) != HEED_F64)
        heed_fail_tape(t, HEED_INVALID, "the function's result is %s, it must be f64",
                       heed_dtype_name(heed_dtype_of(t, outs[0])));
    return 1;
}

static bool is_checked(heed_param_info info) {
    return info.trainable && !info.buffer && info.alias_of < 0;
}

/* The parameters behind the variables, their memory the model's. */
static void add_parameters(subject *s) {
    for (int i = 0; i < heed_model_params(s->model); i++) {
        heed_param_info info = heed_model_param(s->model, i);
        heed_param p = {.model = s->model, .index = i};
        if (is_checked(info))
            s->values[s->n_values++] = (value){.dtype = HEED_F64,
                                               .shape = info.shape,
                                               .count = info.count,
                                               .wanted = true,
                                               .scale = 1,
                                               .param = p,
                                               .data = heed_param_data(p)};
    }
}

/* Moves every parameter from its own value. */
static void shift_parameters(const subject *s, const double *original, uint64_t key) {
    memcpy(heed_model_data(s->model), original, (size_t)heed_model_size(s->model) * sizeof *original);
    for (int i = s->n_inputs; i < s->n_values; i++) {
        double *x = s->values[i].data;
        for (int64_t j = 0; j < s->values[i].count; j++)
            x[j] += 0.1 * heed_rng_normal(heed_rng_mix(key, 1000 + (uint64_t)i), (uint64_t)j);
    }
    heed_model_changed(s->model);
}

static bool draw_variables(checker *k, const heed_check_case *c, uint64_t key, const double *original, subject *s) {
    for (int i = 0; i < c->n; i++) {
        const heed_sample_input *rule = &c->inputs[i];
        s->values[i] = (value){.count = 0};
        if (!heed_checker_draw(k, &s->values[i], rule, heed_rng_mix(key, 100 + (uint64_t)i)))
            return false;
        s->values[i].wanted = heed_dtype_real(rule->dtype) && !rule->absent && !rule->constant;
    }
    if (s->model)
        shift_parameters(s, original, key);
    s->key = key;
    heed_checker_lay_out(s);
    return true;
}

static void function_laws(checker *k, const subject *s, const outcome *plain) {
    heed_checker_threads(k, s, HEED_F64, plain);
}

static void check_points(checker *k, const heed_check_case *c, const heed_check_options *options, subject *s,
                         const double *original) {
    int points = options && options->cases > 0 ? options->cases : 4;
    for (int point = 0; point < points && !is_settled(k, options); point++) {
        verdict v = POINT_KINK;
        for (int draw = 0; draw < DRAWS && v == POINT_KINK; draw++) {
            uint64_t key = new_point(k, seed_of(options), point, draw);
            v = draw_variables(k, c, key, original, s) ? check_point(k, s, function_laws) : POINT_DONE;
            k->report->redrawn += v == POINT_KINK;
        }
        if (v == POINT_KINK)
            give_up(k);
    }
}

/* With the model's values kept aside: whatever happens, they come back bit for bit. */
static void check_function(checker *k, const heed_check_case *c, const heed_check_options *options, subject *s) {
    if (s->model == NULL) {
        check_points(k, c, options, s, NULL);
        return;
    }
    size_t bytes = (size_t)heed_model_size(s->model) * sizeof(double);
    double *original = malloc(bytes ? bytes : 1);
    s->grads = heed_grads_new(s->model);
    if (original) {
        memcpy(original, heed_model_data(s->model), bytes);
        add_parameters(s);
        check_points(k, c, options, s, original);
        memcpy(heed_model_data(s->model), original, bytes);
        heed_model_changed(s->model);
    } else {
        heed_checker_error(k, "out of memory");
    }
    heed_grads_free(s->grads);
    free(original);
}

heed_check heed_gradcheck(const heed_check_case *c, const heed_check_options *options) {
    heed_check report = new_report(c->name);
    checker k;
    int parameters = c->model ? heed_model_params(c->model) : 0;
    subject s = {.apply = apply_function, .context = c, .n_inputs = c->n, .n_values = c->n, .model = c->model};
    s.values = calloc((size_t)(c->n + parameters + 1), sizeof *s.values);
    bool open = open_checker(&k, &report, options, c->n);
    if (open && s.values == NULL)
        heed_checker_error(&k, "out of memory");
    else if (open && c->model && heed_model_status(c->model))
        heed_checker_error(&k, "the model: %s", heed_model_error_text(c->model));
    else if (open && c->model && (heed_model_dtype(c->model) != HEED_F64 || heed_model_data(c->model) == NULL))
        heed_checker_error(&k, "the model must be built, as HEED_F64");
    else if (open)
        check_function(&k, c, options, &s);
    close_checker(&k);
    free(s.values);
    return report;
}

void heed_check_merge(heed_check *a, const heed_check *b) {
    a->no_gradient = a->no_gradient && b->no_gradient;
    a->cases += b->cases;
    a->vacuous += b->vacuous;
    a->redrawn += b->redrawn;
    a->failed += b->failed;
    a->worst = b->worst > a->worst ? b->worst : a->worst;
    for (int i = 0; i < b->n_failures && a->n_failures < HEED_CHECK_FAILURES; i++) {
        heed_check_failure *to = &a->failures[a->n_failures++];
        *to = b->failures[i];
        if (strcmp(a->name, b->name) != 0)
            snprintf(to->what, sizeof to->what, "%s: %s", b->name, b->failures[i].what);
    }
}
