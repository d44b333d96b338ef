/* An op for tests of the gradient checker, y = x² w, whose backward the test brings: right, or with a mistake. */
#ifndef WEIGH_OP_H
#define WEIGH_OP_H

#include <heed/gradcheck.h>

/* Element i of packed memory, f32 and f64 alike. */
double weigh_at(const heed_array *a, int64_t i);
void weigh_put(const heed_array *a, int64_t i, double x);

/* Elements of the first input. */
int64_t weigh_count(const heed_call *c);
/* y = x² w */
void weigh_forward(heed_call *c);
/* dx = 2 x w dy and dw = x² dy, times factors that should be 1. */
void weigh_backward_scaled(heed_call *c, double factor_x, double factor_w);
void weigh_backward(heed_call *c);

/* With six samples: x and w of one shape, (), (1), (17), (2, 15), (33, 16), (2, 3, 5). */
heed_op weigh_op(const char *name, heed_kernel *backward);

/* Whether one of the check's failures has this in its text. */
bool check_mentions(const heed_check *check, const char *what);

#endif
