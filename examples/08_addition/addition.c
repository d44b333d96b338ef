#include "addition.h"

#include <string.h>

static int64_t power_of_ten(int digits) {
    int64_t power = 1;
    while (digits-- > 0)
        power *= 10;
    return power;
}

bool addition_held_out(int64_t a, int64_t b) {
    uint64_t smaller = (uint64_t)(a < b ? a : b), larger = (uint64_t)(a < b ? b : a);
    return heed_rng_mix(heed_rng_mix(heed_rng_hash("addition"), smaller), larger) % 10 == 0;
}

void addition_row(const addition_task *task, int64_t a, int64_t b, int32_t *row) {
    int n = task->digits;
    int64_t sum = a + b;
    for (int i = n - 1; i >= 0; i--, a /= 10, b /= 10) {
        row[i] = (int32_t)(a % 10);
        row[n + i] = (int32_t)(b % 10);
    }
    for (int i = 0; i <= n; i++, sum /= 10)
        row[2 * n + i] = (int32_t)(sum % 10);
}

/* Draws until the pair is of the kind that is wanted. */
static void draw(const addition_task *task, uint64_t seed, uint64_t index, bool held_out, int32_t *row) {
    uint64_t key = heed_rng_mix(seed, index), bound = (uint64_t)power_of_ten(task->digits), drawn = 0;
    int64_t a, b;
    do {
        a = (int64_t)heed_rng_below(key, drawn++, bound);
        b = (int64_t)heed_rng_below(key, drawn++, bound);
    } while (addition_held_out(a, b) != held_out);
    addition_row(task, a, b, row);
}

void addition_lesson(const void *task, uint64_t seed, uint64_t index, int32_t *row) {
    draw(task, seed, index, false, row);
}

void addition_examination(const void *task, uint64_t seed, uint64_t index, int32_t *row) {
    draw(task, seed, index, true, row);
}

int addition_carries(const addition_task *task, const int32_t *row) {
    int carry = 0, carries = 0;
    for (int i = task->digits - 1; i >= 0; i--) {
        carry = row[i] + row[task->digits + i] + carry > 9;
        carries += carry;
    }
    return carries;
}

static long long number_of(const int32_t *digits, int n, int step) {
    long long number = 0;
    for (int i = 0; i < n; i++)
        number = 10 * number + digits[i * step];
    return number;
}

const char *addition_text(const addition_task *task, const int32_t *row, char text[ADDITION_TEXT]) {
    int n = task->digits;
    snprintf(text, ADDITION_TEXT, "%lld + %lld = %lld", number_of(row, n, 1), number_of(row + n, n, 1),
             number_of(row + 3 * n, n + 1, -1));
    return text;
}

answerer_options addition_model(const addition_task *task) {
    return (answerer_options){.vocabulary = 10,
                              .question = 2 * task->digits,
                              .answer = task->digits + 1,
                              .d_model = 64,
                              .n_heads = 4,
                              .n_layers = 2};
}

/* ---- marks ---- */

void addition_mark(void *marks, const int32_t *right, const int32_t *given) {
    addition_marks *m = marks;
    size_t bytes = (size_t)(3 * m->task->digits + 1) * sizeof *right;
    int carries = addition_carries(m->task, right);
    bool exact = memcmp(right, given, bytes) == 0;
    m->asked[carries]++;
    m->exact[carries] += exact;
    if (!exact && m->mistakes < (int)(sizeof m->right / sizeof *m->right)) {
        memcpy(m->right[m->mistakes], right, bytes);
        memcpy(m->given[m->mistakes++], given, bytes);
    }
}

static int total(const int *by_carries) {
    int sum = 0;
    for (int i = 0; i <= ADDITION_DIGITS; i++)
        sum += by_carries[i];
    return sum;
}

int addition_asked(const addition_marks *marks) {
    return total(marks->asked);
}

int addition_exact(const addition_marks *marks) {
    return total(marks->exact);
}

addition_place addition_place_of(const addition_task *task, int written, int read) {
    int n = task->digits;
    if (read >= 2 * n)
        return ANSWER_SO_FAR;
    int column = n - 1 - read % n; /* from the right, as the answer's digits are counted */
    return column == written       ? OWN_COLUMN
           : column == written - 1 ? CARRY_COLUMN
           : column < written      ? FURTHER_RIGHT
                                   : FURTHER_LEFT;
}
