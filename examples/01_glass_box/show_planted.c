/* The planted teacher: what of the matrices is determined, and what is not. */
#include "show.h"

/* "131 %", "0.29 %", "0.000003 %" */
typedef struct percent {
    char text[32];
} percent;

static percent percent_of(double share) {
    percent p;
    double x = 100 * share;
    snprintf(p.text, sizeof p.text, x >= 10 ? "%.0f %%" : x >= 0.01 ? "%.2f %%" : "%.6f %%", x);
    return p;
}

static void distances(const terminal *term, const char *who, const planted_distance *d) {
    say(term, "  %-24s{b|%13s}{v|%13s}{q|%11s}{k|%11s}\n", who, percent_of(d->product).text, percent_of(d->v).text,
        percent_of(d->q).text, percent_of(d->k).text);
}

static void show_distances(const terminal *term, const planted_lesson *lesson) {
    say(term, "                               {q|W^Q} {k|W^K}ᵀ          {v|W^V}        {q|W^Q}        {k|W^K}\n");
    for (int i = 0; i < PLANTED_STUDENTS; i++) {
        char who[32];
        snprintf(who, sizeof who, "student %d, at the start", i + 1);
        distances(term, who, &lesson->student[i].before);
        distances(term, "           at the end", &lesson->student[i].after);
    }
    planted_distance between = planted_compare(&lesson->student[0].learned, &lesson->student[1].learned);
    distances(term, "student 1 from student 2", &between);
}

/* The same matrix of the teacher and of both students, side by side. */
static void show_three(const terminal *term, const double *teacher, const double *first, const double *second,
                       int columns, int cell) {
    picture pictures[3] = {{.title = "teacher's", .values = teacher},
                           {.title = "student 1's", .values = first},
                           {.title = "student 2's", .values = second}};
    for (int i = 0; i < 3; i++) {
        pictures[i].rows = PLANTED_D_MODEL;
        pictures[i].columns = columns;
        pictures[i].cell = cell;
    }
    pictures_print(term, pictures, 3, 3);
}

void show_planted(const terminal *term, const planted_lesson *lesson) {
    const planted_matrices *teacher = &lesson->teacher, *first = &lesson->student[0].learned,
                           *second = &lesson->student[1].learned;
    say_heading(term, "A PLANTED TEACHER", "is there one right W^Q?");
    say_text(term,
             "An attention head whose {q|W^Q}, {k|W^K} and {v|W^V} (12 x 8) are known, drawn at random, reads random "
             "tokens. Two students start with other matrices, near zero. They see the tokens and what the teacher "
             "makes of them, its z, but never its matrices. This is how far from the teacher's theirs are, "
             "‖difference‖ / ‖teacher's‖, before and after %d steps of Adam on the mean squared error:",
             lesson->steps);
    show_distances(term, lesson);
    say(term, "\n  All three W^Q W^Kᵀ, entry by entry:\n\n");
    show_three(term, teacher->product[0], first->product[0], second->product[0], PLANTED_D_MODEL, 2);
    say(term, "\n  And all three W^Q:\n\n");
    show_three(term, teacher->q[0], first->q[0], second->q[0], PLANTED_D_K, 3);
    say(term, "\n");
}

void show_planted_answer(const terminal *term, const planted_lesson *lesson) {
    const planted_distance *a = &lesson->student[0].after, *b = &lesson->student[1].after;
    say_heading(term, "WHAT IS DETERMINED", "");
    say_text(term,
             "The learned {q|W^Q} {k|W^K}ᵀ came within {b|%s} and {b|%s} of the teacher's; {q|W^Q} alone is {b|%s} "
             "and {b|%s} away. For the scores are x~{q|W^Q}~(x~{k|W^K})ᵀ = x~({q|W^Q}~{k|W^K}ᵀ)~xᵀ: with any "
             "invertible A, {q|W^Q}~A and {k|W^K}~(A⁻¹)ᵀ give the same ones, and which of them is found depends on "
             "the noise at the start. To see what a head has learned, look at the product.",
             percent_of(a->product).text, percent_of(b->product).text, percent_of(a->q).text, percent_of(b->q).text);
}
