#include "report.h"

#include <string.h>

heed_status report_held_out(const terminal *term, const reader *r, heed_tape *t, int dates, bool brief) {
    exam *e = exam_new(r->task, 0, dates);
    score found;
    heed_status status = e ? exam_run(e, r, t, &found) : HEED_NO_MEMORY;
    exam_free(e);
    if (status)
        return status;
    fprintf(term->out, "held-out dates read exactly: ");
    ink_print(term, INK_BOLD, "%d/%d", found.exact, found.dates);
    fputc('\n', term->out);
    int wrong = found.dates - found.exact, shown = wrong < SCORE_MISTAKES ? wrong : SCORE_MISTAKES;
    for (int i = 0; i < shown && !brief; i++) {
        const mistake *m = &found.mistakes[i];
        fprintf(term->out, "  misread  ");
        text_print(term, m->source, DATES_SOURCE_LENGTH);
        fprintf(term->out, "  as %s, it is %s\n", m->answer, m->iso);
    }
    return HEED_OK;
}

/* ---- heads ---- */

/* The parts of a date in a score. */
enum { PARTS = 3 };
static const char *const part_names[PARTS] = {"year", "month", "day"};
typedef struct percents {
    double of[PARTS];
} percents;

static percents percents_of(const score *s) {
    double all = s->dates > 0 ? s->dates / 100.0 : 1;
    return (percents){{s->year / all, s->month / all, s->day / all}};
}

/* A fall, in percent of the dates, that is worth a colour and a word. */
static const double noticed = 1;

static void print_parts(const terminal *term, percents now, percents whole) {
    for (int i = 0; i < PARTS; i++)
        ink_print(term, whole.of[i] - now.of[i] > noticed ? INK_BAD : INK_PLAIN, "  %5.1f", now.of[i]);
}

/* What this head alone knows: the parts that suffer without it, the worst hit first. */
static void print_known(const terminal *term, percents now, percents whole) {
    bool named[PARTS] = {false};
    for (int n = 0; n < PARTS; n++) {
        int worst = -1;
        for (int i = 0; i < PARTS; i++)
            if (!named[i] && whole.of[i] - now.of[i] > noticed &&
                (worst < 0 || whole.of[i] - now.of[i] > whole.of[worst] - now.of[worst]))
                worst = i;
        if (worst < 0)
            break;
        ink_print(term, INK_BAD, "%s%s", n ? ", " : "  ", part_names[worst]);
        named[worst] = true;
    }
}

static void keep_parts(heed_recorder *recorder, const attention_place *place, int head, percents now, percents whole) {
    for (int i = 0; i < PARTS; i++)
        heed_recorder_ablation(recorder, place->path, head, part_names[i], whole.of[i] / 100, now.of[i] / 100);
}

static heed_status print_head(const terminal *term, const reader *r, heed_tape *t, const exam *e,
                              const attention_place *place, int head, percents whole, heed_recorder *recorder) {
    score found;
    heed_status status = exam_without(e, r, t, place->attn, head, &found);
    if (status)
        return status;
    percents now = percents_of(&found);
    keep_parts(recorder, place, head, now, whole);
    fprintf(term->out, "  %-20s  head %d", place->path, head);
    print_parts(term, now, whole);
    print_known(term, now, whole);
    fputc('\n', term->out);
    fflush(term->out);
    return HEED_OK;
}

static heed_status print_heads(const terminal *term, const reader *r, heed_tape *t, const exam *e,
                               heed_recorder *recorder) {
    score found;
    heed_status status = exam_run(e, r, t, &found);
    if (status)
        return status;
    percents whole = percents_of(&found);
    fprintf(term->out, "  %-28s   year  month    day  what suffers\n", "");
    fprintf(term->out, "  %-28s", "all heads on");
    print_parts(term, whole, whole);
    fputc('\n', term->out);
    attention_place places[READER_PLACES];
    int count = reader_attentions(r, places);
    for (int i = 0; i < count; i++)
        for (int head = 0; head < places[i].attn->n_heads && !status; head++)
            status = print_head(term, r, t, e, &places[i], head, whole, recorder);
    return status;
}

heed_status report_heads(const terminal *term, const reader *r, heed_tape *t, int dates, heed_recorder *recorder) {
    exam *e = exam_new(r->task, 0, dates);
    ink_print(term, INK_BOLD, "What each head reads");
    fprintf(term->out, ": percent right of %d held-out dates with that head switched off\n", dates);
    heed_status status = e ? print_heads(term, r, t, e, recorder) : HEED_NO_MEMORY;
    exam_free(e);
    return status;
}

/* ---- matrices ---- */

heed_status report_moved(const terminal *term, const reader *r, const reader *start) {
    attention_place now[READER_PLACES], then[READER_PLACES];
    int count = reader_attentions(r, now);
    reader_attentions(start, then);
    ink_print(term, INK_BOLD, "How far each matrix moved");
    fprintf(term->out, ": ||w - w0|| / ||w0||, w0 before the first step\n");
    fprintf(term->out, "  %-20s ", "");
    ink_print(term, INK_QUERY, "   w_q");
    ink_print(term, INK_KEY, "   w_k");
    ink_print(term, INK_VALUE, "   w_v");
    fprintf(term->out, "   w_o\n");
    for (int i = 0; i < count; i++) {
        const heed_multi_head_attention *a = now[i].attn, *b = then[i].attn;
        const heed_param w[] = {a->w_q, a->w_k, a->w_v, a->w_o}, w0[] = {b->w_q, b->w_k, b->w_v, b->w_o};
        fprintf(term->out, "  %-20s ", now[i].path);
        for (int m = 0; m < 4; m++) {
            double moved = distance_moved(w[m], w0[m]);
            if (moved < 0)
                return HEED_NO_MEMORY;
            fprintf(term->out, "%6.2f", moved);
        }
        fputc('\n', term->out);
    }
    return HEED_OK;
}
