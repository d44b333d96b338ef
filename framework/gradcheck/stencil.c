/* Numerical derivatives of a function of one step, by central differences.
 *
 * With D(h) = (f(x + h) - f(x - h)) / 2h = f' + a h² + b h⁴ + ..., Richardson's extrapolation makes stencils of higher order
 * of it, over steps that shrink by a ratio c:
 *     P(h) = (c² D(h/c) - D(h)) / (c² - 1)              order 4: points at x ± h, ± h/c
 *     Q(h) = (c⁴ P(h/c) - P(h)) / (c⁴ - 1)              order 6: points at x ± h, ± h/c, ± h/c²
 * Going down the ladder h, h/c, h/c², ... truncation shrinks, and rounding grows; each rung costs two more calls of f. At
 * each rung P(h/c) and Q(h) are compared. Where they agree best, Q is the derivative; they agree nowhere when a kink lies
 * nearer than the smallest step, or when f itself is noise.
 *
 * c² = 3. The usual c = 2 can take a saw-tooth (a function that rounds, or looks up a table) for a smooth slope, since its
 * steps fit into one grid; the golden ratio can too, by the identities it fulfils. The square root of 3 does neither. */
#include <math.h>

#include "checker_internal.h"

derivative heed_checker_derivative(slope_fn *slope, void *context, ladder steps, bound tol) {
    const double c = 1.7320508075688772;
    const double plenty = 0.01; /* of the tolerance: agreement that needs no smaller step */
    derivative best = {.value = NAN, .disagreement = INFINITY};
    double d0 = slope(context, steps.first), d1 = slope(context, steps.first / c), h = steps.first / 3;
    for (int rung = 0; rung < steps.rungs; rung++, h /= c) {
        double d2 = slope(context, h);
        double p0 = (3 * d1 - d0) / 2, p1 = (3 * d2 - d1) / 2, q = (9 * p1 - p0) / 8;
        double disagreement = fabs(q - p1);
        if (disagreement < best.disagreement)
            best = (derivative){.value = q, .disagreement = disagreement};
        if (best.disagreement <= plenty * allowed(tol, best.value))
            break;
        d0 = d1;
        d1 = d2;
    }
    return best;
}
