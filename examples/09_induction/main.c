/* 09: induction heads. How does a transformer go on with a text that it has never seen? Two layers of attention alone
 * learn it, suddenly; one layer cannot.
 *
 *     build/examples/09_induction                                  the lesson
 *     build/examples/09_induction --shortest 16 --longest 16       where places alone suffice
 *
 *     repeats.h    the task         induction.h   the model, and the scores of its heads
 *     history.h    the training     show.h        what is shown */
#include <stdlib.h>

#include "../common/attention_view.h"
#include "../common/progress.h"
#include "kept.h"
#include "options.h"
#include "show.h"

typedef struct lesson {
    options o;
    terminal term;
    induction ind[INDUCTION_LAYERS]; /* with one layer, with two */
    history seen[INDUCTION_LAYERS];
    observer *observer;
    progress line;
    int drawn; /* lines of a frame on the terminal */
    kept_probe kept;         /* of the two layers, ... */
    heed_recorder *recorder; /* ... if they are recorded */
    heed_error error;
} lesson;

enum { ONE, TWO };

static history_plan plan_of(const options *o, int layers) {
    return (history_plan){.layers = layers,
                         .heads = (int)o->heads,
                         .shortest = (int)o->shortest,
                         .longest = (int)o->longest,
                         .steps = o->steps,
                         .seed = o->seed,
                         .threads = o->threads};
}

/* ---- while it trains ---- */

static void look(void *user, const history *r, int64_t step, double loss) {
    lesson *le = user;
    progress_show(&le->line, &le->term, step, r->plan.steps, loss);
}

/* On a terminal the two layers are seen learning, in the second one's heads. */
static void look_at_frame(void *user, heed_recording *so_far) {
    static const attention_view heads = {.head = -1};
    lesson *le = user;
    progress_clear(&le->line, &le->term);
    terminal_again(&le->term, le->drawn);
    le->drawn = attention_view_print(&le->term, &heads, so_far, 0);
    fflush(le->term.out);
}

/* A sequence with a short stretch, or one as the others where all are alike. */
static repeats probe_of(const options *o) {
    int period = o->shortest == o->longest || o->shortest > 12 ? (int)o->shortest
                 : 12 < o->longest                             ? 12
                                                               : (int)o->longest;
    return repeats_draw(heed_rng_hash("to be shown"), 2, period, period);
}

static heed_recorder *begin_recording(lesson *le) {
    le->kept = (kept_probe){.ind = &le->ind[TWO], .sequence = probe_of(&le->o)};
    le->recorder = kept_begin(&le->o.kept, le->o.steps, &le->kept);
    if (!le->o.quiet && le->term.live)
        heed_recorder_watch(le->recorder, look_at_frame, le);
    return le->recorder;
}

static heed_status train(lesson *le, int which) {
    static const char *const names[] = {"one layer ", "two layers"};
    history_plan plan = plan_of(&le->o, which + 1);
    le->line = (progress){.name = names[which]};
    heed_status status = induction_init(&le->ind[which], which + 1, plan.heads, (uint64_t)plan.seed);
    if (status)
        return heed_error_set(&le->error, status, "%s", heed_model_error_text(le->ind[which].model));
    if (which == TWO)
        plan.recorder = begin_recording(le);
    status = history_train(&le->seen[which], &plan, &le->ind[which], le->observer, le->o.quiet ? NULL : look, le,
                           &le->error);
    progress_clear(&le->line, &le->term);
    return status;
}

/* ---- afterwards ---- */

static heed_status switch_off(lesson *le, show_losses *without) {
    const induction *ind = &le->ind[TWO];
    heed_status status = HEED_OK;
    for (int layer = 0; layer < ind->layers && !status; layer++) {
        status = observer_without(le->observer, ind, layer, -1, &without->layer[layer]);
        for (int head = 0; head < ind->heads && !status; head++)
            status = observer_without(le->observer, ind, layer, head, &without->head[layer][head]);
    }
    return status;
}

static void record_losses(const lesson *le, const show_losses *without) {
    const history *two = &le->seen[TWO];
    for (int layer = 0; layer < two->plan.layers; layer++)
        for (int head = 0; head < two->plan.heads; head++) {
            char path[64];
            snprintf(path, sizeof path, "gpt.blocks.%d.attn", layer);
            heed_recorder_ablation(le->recorder, path, head, "loss on the repeat", two->at[two->frames - 1].loss,
                                   without->head[layer][head]);
        }
}

static bool take_map(lesson *le, const repeats *probe, int layer, int head, double out[SHOW_TOKENS * SHOW_TOKENS]) {
    const float *weights = observer_map(le->observer, &le->ind[TWO], probe, layer, head);
    for (int i = 0; weights && i < SHOW_TOKENS; i++)
        for (int j = 0; j < SHOW_TOKENS; j++)
            out[i * SHOW_TOKENS + j] = (double)weights[i * REPEATS_TIME + j];
    return weights != NULL;
}

static heed_status explain(lesson *le) {
    double first[SHOW_TOKENS * SHOW_TOKENS], second[SHOW_TOKENS * SHOW_TOKENS];
    repeats probe = probe_of(&le->o);
    history *two = &le->seen[TWO];
    show_losses without;
    terminal_again(&le->term, le->drawn);
    show_plots(&le->term, two, &le->seen[ONE]);
    show_story(&le->term, two, &le->seen[ONE]);
    heed_status status = switch_off(le, &without);
    if (!status && (!take_map(le, &probe, 0, history_best_previous(two, 0), first) ||
                    !take_map(le, &probe, 1, history_best_matching(two, 1), second)))
        status = HEED_INVALID;
    if (status)
        return heed_error_set(&le->error, status, "%s", heed_error_text(le->observer->t));
    record_losses(le, &without);
    show_heads(&le->term, two, &without);
    show_maps(&le->term, two, &probe, first, second);
    return HEED_OK;
}

static heed_status teach(lesson *le) {
    const options *o = &le->o;
    le->observer = observer_new((int)o->shortest, (int)o->longest, (int)o->threads);
    if (le->observer == NULL)
        return heed_error_set(&le->error, HEED_NO_MEMORY, "out of memory");
    if (!o->quiet) {
        history_plan plan = plan_of(o, INDUCTION_LAYERS);
        repeats example = probe_of(o);
        show_task(&le->term, &plan, &example);
    }
    heed_status status = train(le, TWO);
    if (!status)
        status = train(le, ONE);
    if (!status && !o->quiet)
        status = explain(le);
    if (!status)
        show_result(&le->term, &le->seen[TWO], &le->seen[ONE]);
    return status;
}

static int run(const options *o) {
    lesson *le = calloc(1, sizeof *le);
    if (le == NULL)
        return failed("");
    le->o = *o;
    le->term = terminal_open(stdout);
    le->o.kept.shown = !o->quiet && le->term.live;
    heed_status status = teach(le);
    status = recording_end(&o->kept, le->recorder, o->quiet, status, &le->error);
    int result = status ? failed(le->error.text) : DONE;
    observer_free(le->observer);
    for (int i = 0; i < INDUCTION_LAYERS; i++)
        if (le->ind[i].model)
            induction_free(&le->ind[i]);
    free(le);
    return result;
}

int main(int argc, char **argv) {
    options o;
    if (!induction_options_read(&o, argc, argv) || (!o.help && !can_record(&o.kept)) ||
        !profiling_begin(&o.profile))
        return MISUSED;
    int result = DONE;
    if (o.help)
        options_print_help(&options_table, argv[0]);
    else
        result = run(&o);
    return program_end(profiling_end(&o.profile, result));
}
