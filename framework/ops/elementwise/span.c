#include "span.h"

typedef struct span_job {
    const heed_call *call;
    heed_span_body *body;
    heed_walk walk;
    int input[HEED_WALK_MAX]; /* which input the walk's i-th array is ... */
    int64_t size[HEED_WALK_MAX]; /* ... and the bytes of its elements */
} span_job;

/* An input that backward may not read has no memory to walk through: it is left out, and rows get longer by it. */
static void start_walk(span_job *job) {
    const heed_array *present[HEED_WALK_MAX];
    int n = 0;
    for (int i = 0; i < job->call->n_in; i++) {
        const heed_array *in = job->call->in[i];
        if (in == NULL || in->data == NULL)
            continue;
        job->input[n] = i;
        job->size[n] = (int64_t)heed_dtype_size(in->dtype);
        present[n++] = in;
    }
    if (n > 0)
        heed_walk_init(&job->walk, n, present);
    else
        job->walk = (heed_walk){.rows = 1, .length = heed_array_count(job->call->out[0])};
}

/* The elements begin .. end - 1 begin and end anywhere inside the walk's rows. */
static void run_spans(void *context, int64_t begin, int64_t end) {
    const span_job *job = context;
    const heed_walk *w = &job->walk;
    int64_t row = begin / w->length, skipped = begin % w->length;
    heed_span span = {.call = job->call, .at = begin};
    while (span.at < end) {
        int64_t rest_of_row = w->length - skipped, rest = end - span.at;
        span.n = rest_of_row < rest ? rest_of_row : rest;
        void *start[HEED_WALK_MAX];
        heed_walk_row(w, row++, start);
        for (int i = 0; i < w->n; i++) {
            span.in[job->input[i]] = (char *)start[i] + skipped * w->step[i] * job->size[i];
            span.step[job->input[i]] = w->step[i];
        }
        job->body(&span);
        span.at += span.n;
        skipped = 0;
    }
}

void heed_each_span(const heed_call *call, int64_t grain, heed_span_body *body) {
    span_job job = {.call = call, .body = body};
    start_walk(&job);
    heed_parallel(call, heed_array_count(call->out[0]), grain, run_spans, &job);
}

/* Only real dtypes are compared by the engine; a kernel reads every input as the dtype of in[0]. */
static heed_status one_dtype(heed_call *call) {
    for (int i = 1; i < call->n_in; i++)
        if (call->in[i]->dtype != call->in[0]->dtype)
            return heed_fail(call, "dtypes differ: input 0 is %s, input %d is %s; see heed_cast",
                             heed_dtype_name(call->in[0]->dtype), i, heed_dtype_name(call->in[i]->dtype));
    return heed_shape_elementwise(call);
}

heed_status heed_shape_arithmetic(heed_call *call) {
    return one_dtype(call);
}

heed_status heed_shape_comparison(heed_call *call) {
    heed_status status = one_dtype(call);
    call->out[0]->dtype = HEED_BOOL;
    return status;
}
