#include "planted.h"

#include "../common/profiling.h"

#include <math.h>

typedef struct head {
    heed_model *model;
    heed_self_attention attn;
} head;

static heed_status set_noise(heed_param p, uint64_t seed, double deviation) {
    double values[PLANTED_D_MODEL * PLANTED_D_K];
    const int count = PLANTED_D_MODEL * PLANTED_D_K;
    for (int i = 0; i < count; i++)
        values[i] = deviation * heed_rng_normal(seed, (uint64_t)i);
    return heed_param_set(p, values, count);
}

/* The teacher's scores vary by about 1 from key to key: neither all alike, nor one so large that it hides the rest.
 * Students start near zero, where there is little noise to unlearn. */
static const double teacher_deviation = 0.3, student_deviation = 0.1;

static heed_status head_init(head *h, uint64_t seed, double deviation) {
    h->model = heed_model_new();
    heed_self_attention_init(&h->attn, heed_model_root(h->model), "attn", PLANTED_D_MODEL, PLANTED_D_K);
    heed_status status = heed_model_build(h->model, HEED_F32, seed);
    const heed_param matrices[] = {h->attn.w_q, h->attn.w_k, h->attn.w_v};
    for (int i = 0; !status && i < 3; i++)
        status = set_noise(matrices[i], heed_rng_mix(seed, (uint64_t)i), deviation);
    return status;
}

static void read_matrix(heed_param p, double out[PLANTED_D_MODEL][PLANTED_D_K]) {
    const float *stored = heed_param_data(p); /* (d_k, d_model) */
    for (int i = 0; i < PLANTED_D_K; i++)
        for (int j = 0; j < PLANTED_D_MODEL; j++)
            out[j][i] = stored[i * PLANTED_D_MODEL + j];
}

static void read_matrices(const head *h, planted_matrices *m) {
    *m = (planted_matrices){0};
    read_matrix(h->attn.w_q, m->q);
    read_matrix(h->attn.w_k, m->k);
    read_matrix(h->attn.w_v, m->v);
    for (int i = 0; i < PLANTED_D_MODEL; i++)
        for (int j = 0; j < PLANTED_D_MODEL; j++)
            for (int inner = 0; inner < PLANTED_D_K; inner++)
                m->product[i][j] += m->q[i][inner] * m->k[j][inner];
}

static double relative(const double *a, const double *b, int n) {
    double apart = 0, whole = 0;
    for (int i = 0; i < n; i++) {
        apart += (a[i] - b[i]) * (a[i] - b[i]);
        whole += b[i] * b[i];
    }
    return sqrt(apart / whole);
}

planted_distance planted_compare(const planted_matrices *a, const planted_matrices *b) {
    const int count = PLANTED_D_MODEL * PLANTED_D_K;
    return (planted_distance){
        .product = relative(a->product[0], b->product[0], PLANTED_D_MODEL * PLANTED_D_MODEL),
        .q = relative(a->q[0], b->q[0], count),
        .k = relative(a->k[0], b->k[0], count),
        .v = relative(a->v[0], b->v[0], count),
    };
}

/* ---- training ---- */

typedef struct course {
    const head *teacher, *student;
    heed_tape *t;
    heed_grads *grads;
    heed_optim *adam;
} course;

/* What the teacher makes of x is a constant for the student. */
static heed_tensor target(const course *c, heed_tensor x) {
    bool recording = heed_tape_set_recording(c->t, false);
    heed_tensor z = heed_self_attention_forward(&c->teacher->attn, c->t, x, HEED_NIL);
    heed_tape_set_recording(c->t, recording);
    return z;
}

static heed_status step(course *c, double lr, double *loss) {
    heed_tape_reset(c->t);
    heed_tensor x = heed_randn(c->t, HEED_F32, HEED_SHAPE(PLANTED_BATCH, PLANTED_TIME, PLANTED_D_MODEL));
    heed_tensor z = heed_self_attention_forward(&c->student->attn, c->t, x, HEED_NIL);
    heed_tensor error = heed_mse(c->t, z, target(c, x));
    heed_status status = heed_backward(c->t, error, c->grads);
    if (!status)
        status = heed_optim_set_lr(c->adam, lr);
    if (!status)
        status = heed_optim_step(c->adam, c->grads);
    *loss = status ? NAN : heed_item(c->t, error);
    return status;
}

static heed_status train(const head *teacher, const head *student, uint64_t seed, int steps, int threads, double *loss,
                         heed_error *error) {
    heed_schedule schedule = {.kind = HEED_SCHEDULE_COSINE, .lr = 0.02, .steps = steps};
    course c = {teacher, student, heed_tape_new(), heed_grads_new(student->model),
                heed_adam_new(student->model, heed_adam_defaults(schedule.lr))};
    heed_tape_set_seed(c.t, seed);
    heed_tape_set_threads(c.t, threads);
    heed_optim_set_threads(c.adam, threads);
    profiling_watch(c.t, c.adam);
    heed_status status = HEED_OK;
    for (int i = 0; !status && i < steps; i++)
        status = step(&c, heed_schedule_at(&schedule, i), loss);
    if (status) {
        const char *text = heed_error_text(c.t);
        heed_error_set(error, status, "%s", text[0] ? text : heed_optim_error_text(c.adam));
    }
    heed_optim_free(c.adam);
    heed_grads_free(c.grads);
    heed_tape_free(c.t);
    return status;
}

/* ---- the lesson ---- */

static heed_status teach(planted_lesson *lesson, const head *teacher, planted_student *student, uint64_t seed,
                         int threads, heed_error *error) {
    head h;
    heed_status status = head_init(&h, seed, student_deviation);
    if (status) {
        heed_error_set(error, status, "%s", heed_model_error_text(h.model));
    } else {
        read_matrices(&h, &student->learned);
        student->before = planted_compare(&student->learned, &lesson->teacher);
        status = train(teacher, &h, seed, lesson->steps, threads, &student->loss, error);
        read_matrices(&h, &student->learned);
        student->after = planted_compare(&student->learned, &lesson->teacher);
    }
    heed_model_free(h.model);
    return status;
}

heed_status planted_teach(planted_lesson *lesson, uint64_t seed, int steps, int threads, heed_error *error) {
    *lesson = (planted_lesson){.steps = steps};
    head teacher;
    heed_status status = head_init(&teacher, heed_rng_mix(seed, 0), teacher_deviation);
    if (status)
        heed_error_set(error, status, "%s", heed_model_error_text(teacher.model));
    else
        read_matrices(&teacher, &lesson->teacher);
    for (int i = 0; !status && i < PLANTED_STUDENTS; i++)
        status = teach(lesson, &teacher, &lesson->student[i], heed_rng_mix(seed, (uint64_t)i + 1), threads, error);
    heed_model_free(teacher.model);
    return status;
}
