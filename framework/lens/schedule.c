#include "schedule_internal.h"

#include <math.h>
#include <stdlib.h>

/* The lowest k with 2^(k/2) = step, rounded; -1 where there is none. */
static int64_t power_of(int64_t step) {
    int64_t near = (int64_t)(2 * log2((double)step));
    for (int64_t k = near > 0 ? near - 1 : 0; k <= near + 1; k++)
        if ((int64_t)round(exp2((double)k / 2)) == step)
            return k;
    return -1;
}

static bool by_power(const lens_rule *r, int64_t step) {
    int64_t k = r->stride ? power_of(step) : -1;
    return k >= 0 && k % r->stride == 0;
}

static bool by_multiple(const lens_rule *r, int64_t step) {
    return r->every && step % r->every == 0;
}

static bool always(const lens_rule *r, int64_t step) {
    return step == 1 || step == r->last;
}

static bool keeps(const lens_rule *r, int64_t step) {
    return always(r, step) || by_multiple(r, step) || by_power(r, step);
}

static int64_t doubled(int64_t n) {
    return n > INT64_MAX / 2 ? 0 : n * 2;
}

/* The rule under which at most `most` of these steps are kept: one grid or the other is made twice as wide. Powers may have
 * half of the room. */
static lens_rule thinned(lens_rule r, int64_t most, const int64_t *steps, size_t n) {
    for (;;) {
        int64_t kept = 0, multiples = 0, powers = 0;
        for (size_t i = 0; i < n; i++) {
            bool free = keeps(&r, steps[i]) && !always(&r, steps[i]), power = free && by_power(&r, steps[i]);
            kept += keeps(&r, steps[i]);
            powers += power;
            multiples += free && !power;
        }
        if (kept <= most || multiples + powers == 0)
            return r;
        if (multiples == 0 || powers > most / 2)
            r.stride = doubled(r.stride);
        else
            r.every = doubled(r.every);
    }
}

/* How many powers there are in 2 .. last - 1 that are no multiples of every. */
static int64_t powers_until(const lens_rule *r, int64_t last, int64_t every) {
    int64_t count = 0;
    for (int64_t k = r->stride; r->stride && k < 124; k += r->stride) {
        double power = round(exp2((double)k / 2));
        if (power >= (double)last)
            break;
        count += power > 1 && (int64_t)power % every != 0;
    }
    return count;
}

static int64_t steps_until(const lens_rule *r, int64_t last) {
    return last / r->every + (r->every != 1) + (last % r->every != 0) + powers_until(r, last, r->every);
}

/* So that no frame will ever have to be deleted. */
static void widen(lens_rule *r, int64_t most, int64_t last) {
    while (r->stride && powers_until(r, last, last) > most / 2)
        r->stride = doubled(r->stride);
    if (last / most > 1)
        r->every = last / most;
    while (r->every < last && steps_until(r, last) > most)
        r->every += 1 + r->every / 128;
    while (r->stride && steps_until(r, last) > most)
        r->stride = doubled(r->stride);
}

bool heed_lens_schedule_init(lens_schedule *s, int64_t most, int64_t every, bool logarithmic, int64_t last) {
    *s = (lens_schedule){.most = most, .rule = {.every = every ? every : 1, .stride = logarithmic, .last = last}};
    if (last && !every)
        widen(&s->rule, most, last);
    s->kept = (uint64_t)most < SIZE_MAX / sizeof *s->kept - 1 ? malloc(((size_t)most + 1) * sizeof *s->kept) : NULL;
    return s->kept != NULL;
}

void heed_lens_schedule_free(lens_schedule *s) {
    free(s->kept);
}

/* The rule once step has been added, which is put behind the others for the time being. */
static lens_rule rule_with(const lens_schedule *s, int64_t step) {
    if ((int64_t)s->n < s->most)
        return s->rule;
    s->kept[s->n] = step;
    return thinned(s->rule, s->most, s->kept, s->n + 1);
}

bool heed_lens_schedule_due(const lens_schedule *s, int64_t step) {
    if (!keeps(&s->rule, step))
        return false;
    lens_rule rule = rule_with(s, step);
    return keeps(&rule, step);
}

size_t heed_lens_schedule_add(lens_schedule *s, int64_t step, int64_t *forget) {
    size_t forgotten = 0, kept = 0;
    s->rule = rule_with(s, step);
    for (size_t i = 0; i < s->n; i++) {
        if (keeps(&s->rule, s->kept[i]))
            s->kept[kept++] = s->kept[i];
        else
            forget[forgotten++] = s->kept[i];
    }
    s->n = kept;
    s->kept[s->n++] = step;
    return forgotten;
}
