/* How elementwise kernels run. The output, always contiguous, is cut into spans; over one span every input steps evenly
 * through memory (0 where it is broadcast), so a kernel is a plain loop over spans, fast where all steps are 1 or 0:
 *
 *     static void values(const heed_span *s) { ... for (i = 0; i < s->n; i++) y[i] = f(x[i * s->step[0]]); }
 *     static void forward(heed_call *call) { heed_each_span(call, HEED_SPAN_GRAIN, values); }
 *
 * Threads share out the spans. No element's value depends on where a span begins or ends. */
#ifndef HEED_ELEMENTWISE_SPAN_H
#define HEED_ELEMENTWISE_SPAN_H

#include <heed/op.h>

/* Marks a loop whose steps are constants where it is called: every call becomes a vector loop of its own. */
#define HEED_SPECIALISED static inline __attribute__((always_inline))

/* Elements worth waking a thread for: of arithmetic and vector math, and of scalar libm functions. */
enum { HEED_SPAN_GRAIN = 16384, HEED_SPAN_GRAIN_SLOW = 2048 };

typedef struct heed_span {
    const heed_call *call;
    int64_t at, n; /* the output's elements at .. at + n - 1 in row-major order: index out, dx and dy by them */
    const void *in[HEED_WALK_MAX]; /* each input at element `at`; NULL where absent, or not saved for backward */
    int64_t step[HEED_WALK_MAX];   /* from one element to the next */
} heed_span;

typedef void heed_span_body(const heed_span *span);

/* Runs body over spans that cover the output. Inputs have the output's shape (HEED_BROADCASTS), any strides. */
void heed_each_span(const heed_call *call, int64_t grain, heed_span_body *body);

/* Shape rules: the broadcast of all inputs, which must be of one dtype, as that dtype or as bool. */
heed_status heed_shape_arithmetic(heed_call *call);
heed_status heed_shape_comparison(heed_call *call);

#endif
