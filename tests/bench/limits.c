/* What the machine can do, measured on it: fused multiply-adds from registers, passes over memory, handing over from core to core.
 * This file alone is compiled with -ffp-contract=fast, so that x * y + z on vectors is one FMA on any machine that has it. */
#include "measure.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <heed/op.h>

#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64 };
#elif defined(__AVX2__)
enum { VECTOR_BYTES = 32 };
#else
enum { VECTOR_BYTES = 16 };
#endif
/* On some machines with AVX-512 clang halves vectors, unless a function says that it wants them whole. */
#if defined(__clang__) && defined(__AVX512F__)
#define WHOLE_VECTORS __attribute__((min_vector_width(512)))
#else
#define WHOLE_VECTORS
#endif
typedef float vector __attribute__((vector_size(VECTOR_BYTES)));

/* Independent chains: twelve keep two units of four or five cycles' latency busy, and fit in sixteen registers. */
enum { CHAINS = 12, LANES = VECTOR_BYTES / (int)sizeof(float), BURSTS = 25 };
static const int64_t ROUNDS = 200000;

/* Each chain goes to 1, so that no number is ever slow. The factor is read from memory: no compiler knows the end. */
WHOLE_VECTORS static float chains(int64_t rounds) {
    static const volatile float factor = 0.9F;
    const vector kept = (vector){0} + factor, added = 1 - kept;
    vector a = kept, b = a + 1, c = a + 2, d = a + 3, e = a + 4, f = a + 5, g = -a, h = -b, i = -c, j = -d, k = -e,
           l = -f;
    for (int64_t round = 0; round < rounds; round++) {
        a = a * kept + added, b = b * kept + added, c = c * kept + added, d = d * kept + added;
        e = e * kept + added, f = f * kept + added, g = g * kept + added, h = h * kept + added;
        i = i * kept + added, j = j * kept + added, k = k * kept + added, l = l * kept + added;
    }
    vector sum = a + b + c + d + e + f + g + h + i + j + k + l;
    return sum[0];
}

/* One thread's fastest burst, in a cache line of its own. */
typedef struct worker {
    _Alignas(64) double best;
    float result;
} worker;

static void burst(void *context, int64_t begin, int64_t end) {
    worker *workers = context;
    for (int64_t thread = begin; thread < end; thread++) {
        double start = now();
        workers[thread].result = chains(ROUNDS);
        workers[thread].best = fmin(workers[thread].best, now() - start);
    }
}

double limit_flops(int threads) {
    worker *workers = aligned_alloc(64, (size_t)threads * sizeof *workers);
    if (workers == NULL)
        return NAN;
    for (int i = 0; i < threads; i++)
        workers[i] = (worker){.best = INFINITY};
    for (int i = 0; i < BURSTS; i++)
        heed_parallel_for(threads, threads, 1, burst, workers);
    double rate = 0;
    for (int i = 0; i < threads; i++)
        rate += 2.0 * CHAINS * LANES * (double)ROUNDS / workers[i].best;
    free(workers);
    return rate;
}

/* ---- memory ---- */

typedef struct triad {
    float *a, *b, *c;
} triad;

static void fill(void *context, int64_t begin, int64_t end) {
    const triad *t = context;
    for (int64_t i = begin; i < end; i++) {
        t->a[i] = 0;
        t->b[i] = 1;
        t->c[i] = 2;
    }
}

static void add_scaled(void *context, int64_t begin, int64_t end) {
    const triad *t = context;
    float *restrict a = t->a;
    const float *restrict b = t->b, *restrict c = t->c;
    for (int64_t i = begin; i < end; i++)
        a[i] = b[i] + 3 * c[i];
}

static double triad_seconds(triad *t, int64_t n, int threads) {
    enum { PASSES = 10 };
    const int64_t grain = 1 << 14;
    heed_parallel_for(threads, n, grain, fill, t);
    double best = INFINITY;
    for (int pass = 0; pass < PASSES; pass++) {
        double start = now();
        heed_parallel_for(threads, n, grain, add_scaled, t);
        best = fmin(best, now() - start);
    }
    return best;
}

double limit_bytes(int threads) {
    const size_t bytes = 32 << 20;
    triad t = {aligned_alloc(64, bytes), aligned_alloc(64, bytes), aligned_alloc(64, bytes)};
    double rate = NAN;
    if (t.a && t.b && t.c)
        rate = 3.0 * (double)bytes / triad_seconds(&t, (int64_t)(bytes / sizeof(float)), threads);
    free(t.a);
    free(t.b);
    free(t.c);
    return rate;
}

/* ---- from core to core ---- */

enum { HOPS = 2000, ROUNDS_OF_HOPS = 20 };
static const double PATIENCE = 0.02; /* seconds */

typedef struct ball {
    _Alignas(64) _Atomic long hops; /* so far: even, it is with the first thread */
    _Alignas(64) double best;       /* seconds a hop, in the fastest round */
} ball;

/* False: the other thread is not there. */
static bool comes(ball *b, long hops) {
    enum { LOOKS = 10000 };
    for (double end = now() + PATIENCE; now() < end;)
        for (int look = 0; look < LOOKS; look++)
            if (atomic_load_explicit(&b->hops, memory_order_acquire) == hops)
                return true;
    return false;
}

/* One of two threads: it waits for the ball and sends it back. */
static void play(void *context, int64_t begin, int64_t end) {
    ball *b = context;
    double since = now();
    for (long hops = (long)begin; end - begin == 1 && hops <= HOPS * ROUNDS_OF_HOPS && comes(b, hops); hops += 2) {
        if (begin == 0 && hops > 0 && hops % HOPS == 0) {
            const double seconds = now() - since;
            b->best = fmin(b->best, seconds / HOPS);
            since += seconds;
        }
        atomic_store_explicit(&b->hops, hops + 1, memory_order_release);
    }
}

double hop_time(void) {
    enum { TRIES = 3 };
    ball b = {.best = INFINITY};
    for (int i = 0; i < TRIES && isinf(b.best); i++) {
        atomic_store(&b.hops, 0);
        heed_parallel_for(2, 2, 1, play, &b);
    }
    return isinf(b.best) ? NAN : b.best;
}
