/* Keeping what checks found. */
#include "journal_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

heed_check_journal *heed_check_journal_new(void) {
    heed_check_journal *j = calloc(1, sizeof *j);
    if (j)
        pthread_mutex_init(&j->lock, NULL);
    return j;
}

static void free_input(journal_input *input) {
    free(input->parameter);
    free(input->error);
}

void heed_check_journal_free(heed_check_journal *j) {
    if (j == NULL)
        return;
    for (size_t i = 0; i < j->n_inputs; i++)
        free_input(&j->inputs[i]);
    free(j->inputs);
    free(j->rows);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

/* Room for one more; false when memory is out. */
static bool make_room(heed_check_journal *j, void **array, size_t n, size_t *capacity, size_t size) {
    if (n < *capacity)
        return true;
    const size_t more = *capacity ? 2 * *capacity : 64;
    void *grown = realloc(*array, more * size);
    if (grown == NULL) {
        j->failed = true;
        return false;
    }
    *array = grown;
    *capacity = more;
    return true;
}

void heed_check_journal_add(heed_check_journal *j, const heed_check *check) {
    pthread_mutex_lock(&j->lock);
    if (make_room(j, (void **)&j->rows, j->n_rows, &j->cap_rows, sizeof *j->rows))
        j->rows[j->n_rows++] = *check;
    pthread_mutex_unlock(&j->lock);
}

/* ---- entries ---- */

/* error / tolerance; NaN: it was not compared. */
static double error_of(const heed_check_entries *e, int64_t i) {
    if (isnan(e->numeric[i]))
        return NAN;
    const double error = fabs(e->analytic[i] - e->numeric[i]) / (e->absolute + e->relative * fabs(e->numeric[i]));
    return e->analytic[i] == e->numeric[i] ? 0 : isnan(error) ? INFINITY : error;
}

static double worst_of(const heed_check_entries *e, int64_t count) {
    double worst = 0;
    for (int64_t i = 0; i < count; i++)
        worst = fmax(worst, error_of(e, i)); /* NaN gives way */
    return worst;
}

static bool is_of(const journal_input *kept, const heed_check_entries *e) {
    const bool both = kept->parameter && e->parameter;
    return kept->input == e->input && strcmp(kept->name, e->name) == 0 && !kept->parameter == !e->parameter &&
           (!both || strcmp(kept->parameter, e->parameter) == 0);
}

/* Where the input is kept, or a new place; NULL when memory is out. */
static journal_input *place_of(heed_check_journal *j, const heed_check_entries *e) {
    for (size_t i = 0; i < j->n_inputs; i++)
        if (is_of(&j->inputs[i], e))
            return &j->inputs[i];
    if (!make_room(j, (void **)&j->inputs, j->n_inputs, &j->cap_inputs, sizeof *j->inputs))
        return NULL;
    journal_input *fresh = &j->inputs[j->n_inputs];
    *fresh = (journal_input){.input = e->input, .sample = e->sample, .worst = -1};
    snprintf(fresh->name, sizeof fresh->name, "%s", e->name);
    if (e->parameter && (fresh->parameter = strdup(e->parameter)) == NULL) {
        j->failed = true;
        return NULL;
    }
    j->n_inputs++;
    return fresh;
}

static void keep(heed_check_journal *j, journal_input *to, const heed_check_entries *e, int64_t count, double worst) {
    double *error = malloc((size_t)(count + 1) * sizeof *error);
    if (error == NULL) {
        j->failed = true;
        return;
    }
    for (int64_t i = 0; i < count; i++)
        error[i] = error_of(e, i);
    free(to->error);
    to->error = error;
    to->count = count;
    to->shape = e->shape;
    to->sample = e->sample;
    to->worst = worst;
    snprintf(to->likely, sizeof to->likely, "%s", e->likely);
}

/* Of two points that are wrong, the one whose mistake has a name; otherwise the one that is worse. */
static bool tells_more(const heed_check_entries *e, double worst, const journal_input *kept) {
    if (worst > 1 && kept->worst > 1 && !kept->likely[0] != !e->likely[0])
        return e->likely[0];
    return worst > kept->worst;
}

void heed_check_journal_entries(void *journal, const heed_check_entries *e) {
    heed_check_journal *j = journal;
    const int64_t count = heed_shape_count(e->shape);
    const double worst = worst_of(e, count);
    pthread_mutex_lock(&j->lock);
    journal_input *to = place_of(j, e);
    if (to && tells_more(e, worst, to))
        keep(j, to, e, count, worst);
    pthread_mutex_unlock(&j->lock);
}
