#include "next.h"

#include <math.h>

#include "../common/recording.h"

/* ---- the task ---- */

next_question next_draw(uint64_t seed, uint64_t index) {
    uint64_t key = heed_rng_mix(seed, index);
    int all[NEXT_NUMBERS];
    next_question q;
    for (int i = 0; i < NEXT_NUMBERS; i++)
        all[i] = i;
    for (int i = 0; i < NEXT_SHOWN; i++) { /* the first steps of Fisher and Yates */
        int other = i + (int)heed_rng_below(key, (uint64_t)i, (uint64_t)(NEXT_NUMBERS - i));
        q.number[i] = all[other];
        all[other] = all[i];
    }
    int largest = 0;
    for (int i = 1; i < NEXT_SHOWN; i++)
        largest = q.number[i] > q.number[largest] ? i : largest;
    int at = (int)heed_rng_below(key, NEXT_SHOWN, NEXT_SHOWN - 1); /* one of the others */
    q.asked = q.number[at < largest ? at : at + 1];
    q.answer = NEXT_NUMBERS;
    for (int i = 0; i < NEXT_SHOWN; i++)
        if (q.number[i] > q.asked && q.number[i] < q.answer)
            q.answer = q.number[i];
    return q;
}

/* ---- the head ---- */

heed_status next_init(next_head *h, uint64_t seed) {
    *h = (next_head){.model = heed_model_new()};
    const heed_module *root = heed_model_root(h->model);
    heed_self_attention_init(&h->attn, root, "attn", NEXT_NUMBERS, NEXT_D_K);
    heed_linear_init(&h->w_o, root, "w_o", NEXT_D_K, NEXT_NUMBERS, false);
    return heed_model_build(h->model, HEED_F32, seed);
}

void next_free(next_head *h) {
    heed_model_free(h->model);
}

heed_tensor next_logits(const next_head *h, heed_tape *t, const next_question *questions, int n) {
    int32_t tokens[NEXT_BATCH * NEXT_TIME];
    bool seen[NEXT_TIME];
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < NEXT_SHOWN; j++)
            tokens[i * NEXT_TIME + j] = questions[i].number[j];
        tokens[i * NEXT_TIME + NEXT_SHOWN] = questions[i].asked;
    }
    for (int j = 0; j < NEXT_TIME; j++)
        seen[j] = j < NEXT_SHOWN;
    heed_tensor x = heed_one_hot(t, heed_input(t, HEED_I32, HEED_SHAPE(n, NEXT_TIME), tokens), NEXT_NUMBERS, HEED_F32);
    heed_tensor z = heed_self_attention_forward(&h->attn, t, x, heed_input(t, HEED_BOOL, HEED_SHAPE(NEXT_TIME), seen));
    return heed_linear_forward(&h->w_o, t, heed_select(t, z, 1, NEXT_SHOWN)); /* (n, 16) -> (n, 16) */
}

static heed_tensor right_answers(heed_tape *t, const next_question *questions, int n) {
    int32_t answers[NEXT_BATCH];
    for (int i = 0; i < n; i++)
        answers[i] = questions[i].answer;
    return heed_input(t, HEED_I32, HEED_SHAPE(n), answers);
}

heed_tensor next_loss(const next_head *h, heed_tape *t, const next_question *questions, int n) {
    return heed_cross_entropy(t, next_logits(h, t, questions, n), right_answers(t, questions, n));
}

static void ask(const next_head *h, heed_tape *t, const next_question *questions, int n, next_marks *sum) {
    heed_tape_reset(t);
    heed_tensor logits = next_logits(h, t, questions, n);
    sum->loss += n * heed_item(t, heed_cross_entropy(t, logits, right_answers(t, questions, n)));
    const int32_t *given = heed_i32(t, heed_argmax(t, logits, -1, false));
    for (int i = 0; given && i < n; i++)
        sum->right += given[i] == questions[i].answer;
}

next_marks next_examine(const next_head *h, int count) {
    heed_tape *t = heed_tape_new();
    heed_tape_set_recording(t, false);
    heed_tape_set_threads(t, 1);
    next_question questions[NEXT_BATCH];
    next_marks sum = {0, 0};
    for (int first = 0; first < count; first += NEXT_BATCH) {
        int n = count - first < NEXT_BATCH ? count - first : NEXT_BATCH;
        for (int i = 0; i < n; i++)
            questions[i] = next_draw(heed_rng_hash("fresh questions"), (uint64_t)(first + i));
        ask(h, t, questions, n, &sum);
    }
    double asked = heed_tape_status(t) ? NAN : count;
    heed_tape_free(t);
    return (next_marks){sum.right / asked, sum.loss / asked};
}

/* ---- its matrices ---- */

static int largest_of(const double *row) {
    int at = 0;
    for (int i = 1; i < NEXT_NUMBERS; i++)
        at = row[i] > row[at] ? i : at;
    return at;
}

/* Heed stores w (outputs, inputs): column a of w_q is what textbooks call row a of W^Q. */
void next_look(const next_head *h, next_matrices *m) {
    const float *q = heed_param_data(h->attn.w_q), *k = heed_param_data(h->attn.w_k), *v = heed_param_data(h->attn.w_v),
                *o = heed_param_data(h->w_o.weight);
    *m = (next_matrices){.superdiagonal = 0};
    for (int a = 0; a < NEXT_NUMBERS; a++) {
        for (int b = 0; b < NEXT_NUMBERS; b++)
            for (int i = 0; i < NEXT_D_K; i++) {
                m->qk[a][b] += (double)q[i * NEXT_NUMBERS + a] * (double)k[i * NEXT_NUMBERS + b];
                m->vo[a][b] += (double)v[i * NEXT_NUMBERS + a] * (double)o[b * NEXT_D_K + i];
            }
        m->superdiagonal += a + 1 < NEXT_NUMBERS && largest_of(m->qk[a]) == a + 1;
        m->diagonal += a > 0 && largest_of(m->vo[a]) == a;
        for (int b = a + 1; b < NEXT_NUMBERS; b++)
            for (int c = b + 1; c < NEXT_NUMBERS; c++)
                m->in_order += m->qk[a][b] > m->qk[a][c];
    }
}

/* ---- training ---- */

enum { EXAMINED = 500 }; /* for each frame */

static bool to_be_seen(int64_t step, int64_t steps) {
    const int64_t parts = NEXT_FRAMES - 1;
    return step == 0 || step * parts / steps > (step - 1) * parts / steps;
}

static void take(next_film *film, const next_head *h, const next_plan *plan, int64_t step) {
    next_frame *frame = &film->frame[film->frames++];
    next_marks marks = next_examine(h, EXAMINED);
    *frame = (next_frame){.step = step, .loss = marks.loss, .right = marks.right};
    next_look(h, &frame->m);
    recording_measure(plan->recorder, step, plan->steps, "right answers", marks.right);
    recording_measure(plan->recorder, step, plan->steps, "rows largest on the superdiagonal", frame->m.superdiagonal);
}

static heed_status learn(training *tr, const next_head *h, int64_t seed) {
    next_question questions[NEXT_BATCH];
    for (int i = 0; i < NEXT_BATCH; i++)
        questions[i] = next_draw((uint64_t)seed, (uint64_t)(tr->steps * NEXT_BATCH + i));
    heed_tape_reset(tr->t);
    return training_step(tr, next_loss(h, tr->t, questions, NEXT_BATCH));
}

heed_status next_train(next_film *film, const next_head *h, const next_plan *plan, heed_error *error) {
    const training_plan how = {
        .steps = plan->steps, .lr = 0.02, .seed = plan->seed, .threads = plan->threads, .recorder = plan->recorder};
    training tr;
    heed_status status = training_init(&tr, h->model, &how);
    *film = (next_film){.frames = 0};
    take(film, h, plan, 0);
    while (!status && tr.steps < plan->steps) {
        double start = training_clock();
        status = learn(&tr, h, plan->seed);
        film->seconds += training_clock() - start;
        if (!status && to_be_seen(tr.steps, plan->steps))
            take(film, h, plan, tr.steps);
    }
    if (status)
        training_explain(&tr, status, error);
    training_free(&tr);
    return status;
}
