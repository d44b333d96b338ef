#include "compare.h"

#include "exam.h"
#include "train.h"

#include <stdio.h>

typedef struct row {
    int64_t look;
    int64_t parameters;
    mark mark;
    double ms; /* a step */
} row;

static const int64_t order[LOOKS] = {LOOK_NONE,         HEED_SCORE_LOCATION,   HEED_SCORE_DOT,
                                     HEED_SCORE_COSINE, HEED_SCORE_SCALED_DOT, HEED_SCORE_GENERAL,
                                     HEED_SCORE_CONCAT, HEED_SCORE_ADDITIVE,   LOOK_TRANSFORMER};

static recipe recipe_of(const options *o, int64_t look) {
    recipe how = o->recipe;
    how.look = look;
    if (look == LOOK_NONE || look == LOOK_TRANSFORMER)
        how.window = 0;
    return how;
}

static int fill(const options *o, const task *what, row *r) {
    recipe how = recipe_of(o, r->look);
    options own = *o;
    if (r->look == LOOK_TRANSFORMER)
        own.sampling = 0, own.lr = own.lr < 3e-3 ? own.lr : 3e-3; /* as 02 trains it */
    translator *tr = translator_new(what, &how, (uint64_t)o->seed);
    if (tr == NULL)
        return FAILED;
    heed_error error = {0};
    outcome end;
    heed_status status = train(tr, &own, NULL, NULL, &end, &error);
    r->parameters = heed_model_trainable(tr->model);
    r->ms = end.steps ? 1e3 * end.seconds / (double)end.steps : 0;
    heed_tape *t = heed_tape_new();
    heed_tape_set_threads(t, (int)o->threads);
    if (!status && !interrupted() && (status = examine(tr, t, 0, (int)o->examples, (int)o->beam, &r->mark)) != HEED_OK)
        heed_error_set(&error, status, "%s", heed_error_text(t));
    heed_tape_free(t);
    translator_free(tr);
    return status ? failed(error.text) : DONE;
}

static void print_row(const row *r) {
    char parameters[GROUPED], share[16] = "-";
    if (r->mark.looked)
        snprintf(share, sizeof share, "%.1f %%", 100 * r->mark.share);
    printf("  %-12s %10s   %6.1f %%   %9s   %8.1f\n", look_names[r->look], grouped(r->parameters, parameters),
           100.0 * r->mark.exact / r->mark.asked, share, r->ms);
    fflush(stdout);
}

int compare(const options *o, const task *what) {
    char steps[GROUPED];
    if (!o->quiet)
        printf("%s, %s, %s steps of %lld each, the transformer as 02 has it; %lld held-out %s\n\n", what->name,
               cell_names[o->recipe.cell], grouped(o->steps, steps), (long long)o->batch, (long long)o->examples,
               what->many);
    printf("  %-12s %10s   %8s   %9s   %8s\n", "score", "parameters", "exact", "aligned", "ms/step");
    fflush(stdout);
    interruption_watch(true);
    int result = DONE;
    for (int i = 0; i < LOOKS && result == DONE && !interrupted(); i++) {
        row r = {.look = order[i]};
        result = fill(o, what, &r);
        if (result == DONE && !interrupted())
            print_row(&r);
    }
    if (result == DONE && !o->quiet && !interrupted())
        printf("\naligned: share of the attention within one place of the true alignment, the right words being fed\n");
    return result;
}
