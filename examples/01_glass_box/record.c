#include "record.h"

#include <stdlib.h>

#include "../common/training.h"

static bool to_be_shown(const record *r, int step) {
    const int64_t parts = RECORD_FRAMES - 1;
    return step == 1 || step * parts / r->steps > (step - 1) * parts / r->steps;
}

glass_marks record_examine(const glass *g) {
    return glass_examine(g, heed_rng_hash("fresh questions"), RECORD_EXAMINED);
}

static void look(record_frame *frame, const glass_training *tr) {
    glass_weights w;
    glass_weights_of(tr->g, &w);
    glass_circuits_of(&w, &frame->circuits);
    frame->marks = record_examine(tr->g);
    heed_recorder_scalar(tr->recorder, tr->steps + 1, "right answers", frame->marks.right);
}

static heed_status measure(const record *r, record_frame *frame, const glass_training *tr) {
    if (r->curvature == NULL)
        return HEED_OK;
    const heed_status status = glass_curvature_ask(r->curvature, &frame->sharpest);
    heed_recorder_scalar(tr->recorder, tr->steps + 1, "largest Hessian eigenvalue", frame->sharpest.value);
    return status;
}

heed_status record_train(record *r, glass_training *tr, int until) {
    heed_status status = HEED_OK;
    while (!status && tr->steps < until) {
        bool shown = to_be_shown(r, tr->steps + 1);
        record_frame *frame = &r->frame[r->frames];
        if (shown) {
            look(frame, tr);
            status = measure(r, frame, tr);
        }
        if (status)
            break;
        double start = training_clock();
        glass_step step;
        status = glass_training_step(tr, &step);
        r->seconds += training_clock() - start;
        if (shown && !status) {
            frame->at = step;
            r->frames++;
        }
    }
    return status;
}

const record_frame *record_at(const record *r, double share) {
    int wanted = (int)(share * r->steps + 0.5), nearest = 0;
    for (int i = 1; i < r->frames; i++)
        if (abs(r->frame[i].at.step - wanted) < abs(r->frame[nearest].at.step - wanted))
            nearest = i;
    return &r->frame[nearest];
}
