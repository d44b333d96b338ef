/* The matrix product by itself, in the shapes that the workloads multiply, by turns with other libraries' where these are
 * installed. Below the public interface: an op would add its own cost to products that take a few microseconds. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../framework/kernels/gemm.h"
#include "measure.h"
#include "rivals.h"

/* c (m, n) = a b. x, w: an op's input (tokens, inputs) and its weight (outputs, inputs).
 * NN: a (m, k), b (k, n), the gradient of x; NT: b (n, k) read as its transpose, x wᵀ; TN: a (k, m) as its, that of w. */
typedef enum layout { NN, NT, TN } layout;

typedef struct shape {
    const char *where;
    layout layout;
    int64_t m, n, k, batch;
} shape;

static const shape shapes[] = {
    {"square", NN, 64, 64, 64, 1},
    {"square", NN, 256, 256, 256, 1},
    {"square", NN, 1024, 1024, 1024, 1},
    {"gpt-tiny out", NT, 768, 128, 128, 1},
    {"gpt-tiny out dx", NN, 768, 128, 128, 1},
    {"gpt-tiny out dw", TN, 128, 128, 768, 1},
    {"gpt-tiny qkv", NT, 768, 384, 128, 1},
    {"gpt-tiny up", NT, 768, 512, 128, 1},
    {"gpt-tiny up dw", TN, 512, 128, 768, 1},
    {"gpt-tiny down", NT, 768, 128, 512, 1},
    {"gpt-tiny down dx", NN, 768, 512, 128, 1},
    {"gpt-tiny logits", NT, 768, 65, 128, 1},
    {"gpt-tiny scores", NT, 64, 64, 32, 48},
    {"gpt-tiny context", NN, 64, 32, 64, 48},
    {"gpt-baby qkv", NT, 2048, 1152, 384, 1},
    {"gpt-baby up dw", TN, 1536, 384, 2048, 1},
    {"gpt2-124m up", NT, 256, 3072, 768, 1},
    {"gpt2-124m down", NT, 256, 768, 3072, 1},
    {"gpt2-124m logits", NT, 256, 50257, 768, 1},
    {"gpt2-124m logits dx", NN, 256, 768, 50257, 1},
    {"seq2seq-64 input", NT, 1920, 192, 64, 1},
    {"seq2seq-64 step", NT, 64, 192, 64, 1},
    {"seq2seq-64 step dw", TN, 192, 64, 64, 1},
    {"seq2seq-256 step", NT, 64, 768, 256, 1},
    {"seq2seq-64 context", NN, 1, 64, 30, 64},
    {"seq2seq-256 context", NN, 1, 256, 30, 64},
    {"seq2seq-256 context dx", NT, 1, 30, 256, 64},
    {"attention-512 scores", NT, 512, 512, 64, 32},
    {"row", NN, 1, 1024, 1024, 1},
    {"row", NT, 1, 1024, 1024, 1},
    {"column", NN, 1024, 1, 1024, 1},
    {"column", TN, 1024, 1, 1024, 1},
    {"gpt2-124m next logits", NT, 1, 50257, 768, 1},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };
enum { FEWEST_ROUNDS = 5, ROUNDS = 20 };
static const double SECONDS_A_SHAPE = 1, SECONDS_A_SAMPLE = 200e-6;

typedef struct product {
    heed_gemm gemm;
    const shape *shape;
    int threads;
    int repeats; /* so that a sample is long against the clock's resolution */
    void *workspace;
    float *a, *b, *c;
} product;

/* ---- one turn ---- */

static void multiply(const product *p) {
    heed_gemm_f32(&p->gemm, p->threads, p->workspace);
}

enum { ROW_MAJOR = 101, NOT_TRANSPOSED = 111, TRANSPOSED = 112 };

/* One of a batch. CBLAS knows matrices by their rows' lengths in memory. */
static void multiply_matrices_by(const rival *r, const shape *s, const float *a, const float *b, float *c) {
    const int m = (int)s->m, n = (int)s->n, k = (int)s->k;
    const int a_how = s->layout == TN ? TRANSPOSED : NOT_TRANSPOSED, a_row = s->layout == TN ? m : k;
    const int b_how = s->layout == NT ? TRANSPOSED : NOT_TRANSPOSED, b_row = s->layout == NT ? k : n;
    r->sgemm(ROW_MAJOR, a_how, b_how, m, n, k, 1, a, a_row, b, b_row, 0, c, n);
}

/* The same where the product is a row or a column. */
static void multiply_vector_by(const rival *r, const shape *s, const float *a, const float *b, float *c) {
    const bool row = s->m == 1, stored_by_terms = row ? s->layout == NN : s->layout == TN;
    const int outputs = (int)(row ? s->n : s->m), k = (int)s->k;
    const float *matrix = row ? b : a, *vector = row ? a : b;
    if (stored_by_terms)
        r->sgemv(ROW_MAJOR, TRANSPOSED, k, outputs, 1, matrix, outputs, vector, 1, 0, c, 1);
    else
        r->sgemv(ROW_MAJOR, NOT_TRANSPOSED, outputs, k, 1, matrix, k, vector, 1, 0, c, 1);
}

static void multiply_by(const rival *r, const product *p) {
    const shape *s = p->shape;
    for (int64_t i = 0; i < s->batch; i++)
        (s->m == 1 || s->n == 1 ? multiply_vector_by : multiply_matrices_by)(r, s, p->a + i * s->m * s->k,
                                                                             p->b + i * s->k * s->n, p->c + i * s->m * s->n);
}

static void call(const product *p, const rival *r) {
    if (r)
        multiply_by(r, p);
    else
        multiply(p);
}

/* Threads that have finished their turn look out for more work for a while before they leave the core to others, and
 * threads that are woken begin on one core. */
static void let_threads_change(const product *p, const rival *r) {
    nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
    for (double start = now(); now() - start < 5e-3;)
        call(p, r);
}

/* Seconds a call, of a rival or, without one, of ours. */
static double turn(const product *p, const rival *r) {
    if (p->threads > 1)
        let_threads_change(p, r);
    else if (p->repeats > 1)
        call(p, r);
    double start = now();
    for (int i = 0; i < p->repeats; i++)
        call(p, r);
    return (now() - start) / p->repeats;
}

/* ---- turns in rounds ---- */

typedef struct contest {
    int rounds;
    double ours[ROUNDS], ratio[RIVALS][ROUNDS]; /* of the rival's time to ours in the same round */
} contest;

static void play_round(contest *c, const product *p) {
    int round = c->rounds++;
    c->ours[round] = turn(p, NULL);
    for (rival_id id = 0; id < RIVALS; id++) {
        const rival *r = rival_on_threads(id, p->threads);
        c->ratio[id][round] = r ? turn(p, r) / c->ours[round] : NAN;
    }
}

static void play(contest *c, const product *p) {
    c->rounds = 0;
    for (double start = now(); c->rounds < FEWEST_ROUNDS || (c->rounds < ROUNDS && now() - start < SECONDS_A_SHAPE);)
        play_round(c, p);
}

/* ---- a shape ---- */

static float *random_values(int64_t n) {
    float *values = aligned_alloc(64, ((size_t)n * sizeof *values + 63) / 64 * 64);
    for (int64_t i = 0; values && i < n; i++)
        values[i] = (float)(i * 37 % 101) / 50 - 1;
    return values;
}

static heed_gemm gemm_of(const shape *s) {
    int64_t m = s->m, n = s->n, k = s->k;
    heed_gemm g = {.m = m, .n = n, .k = k, .a_row = k, .a_col = 1, .b_row = n, .b_col = 1, .c_row = n, .c_col = 1,
                   .batch = s->batch, .a_batch = m * k, .b_batch = k * n, .c_batch = m * n, .alpha = 1};
    if (s->layout == NT) {
        g.b_row = 1;
        g.b_col = k;
    } else if (s->layout == TN) {
        g.a_row = 1;
        g.a_col = m;
    }
    return g;
}

static bool prepare(product *p, const shape *s, int threads) {
    *p = (product){.gemm = gemm_of(s), .shape = s, .threads = threads, .repeats = 1};
    p->gemm.a = p->a = random_values(s->batch * s->m * s->k);
    p->gemm.b = p->b = random_values(s->batch * s->k * s->n);
    p->gemm.c = p->c = random_values(s->batch * s->m * s->n);
    p->workspace = aligned_alloc(64, (heed_gemm_workspace(&p->gemm, sizeof(float), threads) + 64) / 64 * 64);
    if (p->a && p->b && p->c && p->workspace) {
        turn(p, NULL);
        p->repeats = (int)fmin(1 + SECONDS_A_SAMPLE / turn(p, NULL), 1e4);
        return true;
    }
    return false;
}

static bool run(const shape *s, int threads, double limit) {
    static const char *const layouts[] = {[NN] = "nn", [NT] = "nt", [TN] = "tn"};
    char name[BENCH_NAME], batch[24] = "";
    if (s->batch > 1)
        snprintf(batch, sizeof batch, "%lld of ", (long long)s->batch);
    snprintf(name, sizeof name, "%s%lldx%lldx%lld %s %s", batch, (long long)s->m, (long long)s->n, (long long)s->k,
             layouts[s->layout], s->where);
    product p;
    bool ready = prepare(&p, s, threads);
    if (ready) {
        bench_result result = bench_result_new(TABLE_PRODUCTS, name, threads);
        contest c;
        play(&c, &p);
        times taken = times_of(c.ours, c.rounds);
        result.median = taken.median;
        result.min = taken.min;
        result.work = 2 * (double)s->batch * (double)s->m * (double)s->n * (double)s->k;
        result.limit = limit;
        result.over_openblas = times_of(c.ratio[OPENBLAS], c.rounds).median;
        result.over_blis = times_of(c.ratio[BLIS], c.rounds).median;
        bench_put(&result);
    }
    free(p.workspace);
    free(p.a);
    free(p.b);
    free(p.c);
    return ready || bench_fail(name, "out of memory");
}

static void name_rivals(void) {
    for (rival_id id = 0; id < RIVALS; id++) {
        const rival *r = rival_on_threads(id, 1);
        if (r)
            fprintf(stderr, "beside %s %s\n", id == OPENBLAS ? "OpenBLAS:" : "BLIS", r->version);
    }
}

bool bench_products(const bench *self, const bench_plan *plan) {
    (void)self;
    name_rivals();
    double one = 0, all = 0; /* limits: what the machine has shown once, it can do */
    bool ran = true;
    for (int i = 0; i < SHAPES && ran; i++) {
        one = fmax(one, limit_flops(1));
        all = fmax(all, limit_flops(plan->threads));
        ran = run(&shapes[i], 1, one) && (plan->threads == 1 || run(&shapes[i], plan->threads, all));
    }
    return ran;
}
