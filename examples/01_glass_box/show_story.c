/* Which matrix moved when; and the answer. */
#include "show.h"

/* The first frame at which every row of a circuit had its largest entry on the diagonal; NULL if there was none. */
static const record_frame *first_right(const record *r, bool values) {
    for (int i = 0; i < r->frames; i++) {
        const glass_circuits *c = &r->frame[i].circuits;
        if ((values ? c->vo_right : c->qk_right) == GLASS_KEYS)
            return &r->frame[i];
    }
    return NULL;
}

static void norms_line(const terminal *term, const record_frame *frame) {
    const glass_step *at = &frame->at;
    say(term, "%5d%8.3f {q|%9.5f}{k|%9.5f}{v|%9.5f}%6.0f%6.0f %%%4.0f %%%6d/16%6d/16\n", at->step, at->loss, at->norm_q,
        at->norm_k, at->norm_v, at->norm_v / at->norm_q, 100 * frame->marks.present, 100 * frame->marks.right,
        frame->circuits.qk_right, frame->circuits.vo_right);
}

static void norms_story(const terminal *term, const record *r) {
    const record_frame *values = first_right(r, true), *keys = first_right(r, false);
    say_text(term,
             "At step 1 all weights are alike. {v|dW^V} comes straight from the output, a_j dz; {q|dW^Q} comes only "
             "of what the values and the keys differ by, and that is little yet: it is {b|%.0f times} shorter. So "
             "{v|W^V} moves first, with W^O: the head learns to say what it sees.",
             r->frame[0].at.norm_v / r->frame[0].at.norm_q);
    if (values && keys && values->at.step < keys->at.step) {
        say_text(term,
                 "By step %d each value says its own name loudest, but which of the six to answer is a guess. Now it "
                 "matters where to look: {q|W^Q} and {k|W^K} follow, and by step %d each question scores highest "
                 "with its own key.",
                 values->at.step, keys->at.step);
    }
}

void show_norms(const terminal *term, const record *r) {
    static const double shares[] = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1};
    say_heading(term, "WHO MOVES FIRST", "how long the gradients are, and what the head can do");
    say(term,
        "                  length of the gradient       answers     diagonal largest in\n"
        " step    loss     {q|dW^Q}     {k|dW^K}     {v|dW^V}   V/Q  there right {q|W^Q} {k|W^K}ᵀ  {v|W^V} W^O\n");
    const record_frame *last = NULL;
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        const record_frame *frame = record_at(r, shares[i]);
        if (frame != last)
            norms_line(term, frame);
        last = frame;
    }
    say(term, "\n");
    say_text(term,
             "{d|there: the answer is one of the six values in the context; right: the one asked for. The last two "
             "columns: in how many rows the entry on the diagonal is the largest.}");
    norms_story(term, r);
}

/* ---- the answer ---- */

void show_answer(const terminal *term, const record *r, glass_marks marks) {
    const record_frame *first = &r->frame[0], *last = &r->frame[r->frames - 1];
    say_heading(term, "SO HOW DOES ONE GET W^Q, W^K AND W^V?", "");
    say_text(term,
             "{b|Nobody writes them:} they start as noise, and in %d step%s each is moved a little against its "
             "gradient, which brings the loss from %.3f to %.2g; %.1f %% of fresh questions are answered rightly "
             "now.",
             r->steps, r->steps == 1 ? "" : "s", first->at.loss, last->at.loss, 100 * marks.right);
    say_text(term,
             "{b|The gradient comes back through the six steps:} from the sum to {v|W^V}, which moved first (at step "
             "1 its gradient was %.0f times as long as that of {q|W^Q}); then from the weights to the scores, and "
             "from each score {q|q}~·~{k|k} to the row of {q|W^Q} that asked and to the rows of {k|W^K} that were "
             "there.",
             first->at.norm_v / first->at.norm_q);
    say_text(term,
             "{b|What they mean is in their products:} {q|W^Q}~{k|W^K}ᵀ is largest on the diagonal in %d of 16 rows "
             "(a question finds its key), {v|W^V} W^O in %d of 16 (a value says its name).",
             last->circuits.qk_right, last->circuits.vo_right);
    say_text(term, "{d|Training took %.2f s. Next: is W^Q alone determined? Ask with --task planted}", r->seconds);
}
