#include <math.h>

#include <heed/optim/schedule.h>

static double linear(const heed_schedule *s, double progress) {
    return s->lr + (s->lr_end - s->lr) * progress;
}

static double cosine(const heed_schedule *s, double progress) {
    return s->lr_end + (s->lr - s->lr_end) * (1 + cos(3.141592653589793 * progress)) / 2;
}

static double noam(const heed_schedule *s, int64_t step) {
    double n = (double)step + 1, warmup = (double)s->warmup;
    if (s->d_model <= 0 || s->warmup <= 0)
        return NAN;
    return s->lr / sqrt((double)s->d_model) * fmin(1 / sqrt(n), n / (warmup * sqrt(warmup)));
}

double heed_schedule_at(const heed_schedule *s, int64_t step) {
    if (step < 0 || s->warmup < 0)
        return NAN;
    if (s->kind == HEED_SCHEDULE_NOAM)
        return noam(s, step);
    if (step < s->warmup)
        return s->lr * (double)(step + 1) / (double)(s->warmup + 1);
    int64_t after = step - s->warmup, length = s->steps - s->warmup;
    bool whole_run = s->kind == HEED_SCHEDULE_LINEAR || s->kind == HEED_SCHEDULE_COSINE;
    if ((whole_run && length <= 0) || (s->kind == HEED_SCHEDULE_STEP && s->every <= 0))
        return NAN;
    double progress = whole_run ? fmin(1, (double)after / (double)length) : 0;
    switch (s->kind) {
    case HEED_SCHEDULE_CONSTANT: return s->lr;
    case HEED_SCHEDULE_LINEAR: return linear(s, progress);
    case HEED_SCHEDULE_COSINE: return cosine(s, progress);
    case HEED_SCHEDULE_STEP: return s->lr * pow(s->gamma, (double)(after / s->every));
    default: return NAN;
    }
}
