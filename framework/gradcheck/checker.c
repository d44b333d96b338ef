/* The checker's report and memory. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "checker_internal.h"

place heed_checker_place(const subject *s, int64_t flat) {
    for (int i = 0; i < s->n_values; i++) {
        const value *v = &s->values[i];
        if (v->wanted && flat >= v->offset && flat < v->offset + v->count)
            return (place){.value = i, .coordinate = flat - v->offset};
    }
    return (place){.value = -1, .coordinate = -1};
}

/* Two entries of an input tell what a hundred do, and leave room for other inputs. */
static bool told_enough(const heed_check *report, int sample, int input) {
    int told = 0;
    for (int i = 0; i < report->n_failures && input >= 0; i++)
        told += report->failures[i].sample == sample && report->failures[i].input == input;
    return told >= 2 || report->n_failures == HEED_CHECK_FAILURES;
}

static void note(checker *k, comparison at, const char *format, va_list arguments) {
    heed_check *report = k->report;
    report->failed++;
    if (told_enough(report, k->sample, at.input))
        return;
    heed_check_failure *failure = &report->failures[report->n_failures++];
    *failure = (heed_check_failure){.sample = k->sample, .input = at.input, .coordinate = at.coordinate,
                                    .analytic = at.got, .numeric = at.want, .tolerance = at.tolerance};
    const int n = k->under ? snprintf(failure->what, sizeof failure->what, "%s: ", k->under) : 0;
    vsnprintf(failure->what + n, sizeof failure->what - (size_t)n, format, arguments);
}

void heed_checker_fail(checker *k, comparison at, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    note(k, at, format, arguments);
    va_end(arguments);
}

void heed_checker_error(checker *k, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    note(k, (comparison){.input = -1, .coordinate = -1}, format, arguments);
    va_end(arguments);
}

/* ---- memory: a list of blocks, freed together ---- */

typedef struct block {
    struct block *next;
} block;
enum { ALIGNMENT = 64 };

void *heed_checker_take(checker *k, int64_t count, size_t size) {
    size_t bytes, padded;
    if (!__builtin_mul_overflow((size_t)count, size, &bytes) &&
        !__builtin_add_overflow(bytes, 2 * ALIGNMENT, &padded)) {
        block *b = aligned_alloc(ALIGNMENT, padded / ALIGNMENT * ALIGNMENT);
        if (b) {
            b->next = k->pool;
            k->pool = b;
            return memset((char *)b + ALIGNMENT, 0, bytes);
        }
    }
    heed_checker_error(k, "out of memory: %lld elements of %zu bytes", (long long)count, size);
    return NULL;
}

void heed_checker_release(checker *k) {
    while (k->pool) {
        block *b = k->pool;
        k->pool = b->next;
        free(b);
    }
}
