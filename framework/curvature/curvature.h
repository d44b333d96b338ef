/* How a loss curves: products with its Hessian H = d²L / dθ², and H's largest eigenvalue. H itself is never made.
 *
 *     heed_curvature *c = heed_curvature_new(model, loss, user, (heed_curvature_options){.dtype = HEED_F64});
 *     if (heed_hvp(c, v, hv, NULL))
 *         complain(heed_curvature_error_text(c));
 *
 * H v is the derivative of the gradient along v. It is taken from gradients at points on both sides of the model's, by
 * Richardson's extrapolation (order 6) down a ladder of steps, to the rung where two orders agree best; how well they do is
 * known, so a wrong answer is an error and no number. Against a second rule of differentiation for every op: it holds for
 * every op that has a backward, a user's own too, and what it is right about is the very backward that trains. In f64 it
 * has some ten digits. Where the gradient jumps on the way (a relu's kink), or is not the same at every call, the orders
 * don't agree, and that is what the error says. Where backward stops at an op that depends on the parameters
 * (HEED_NO_GRADIENT, as heed_detach), its gradient is not the loss's, whose values at the same points show it: an error,
 * too. (What is constant but for jumps, a comparison or argmax, does no harm.)
 *
 * All is done on a twin of the model: the model, and whoever trains it, see nothing of it. */
#ifndef HEED_CURVATURE_H
#define HEED_CURVATURE_H

#include <heed/model.h>

HEED_BEGIN_DECLS

typedef struct heed_curvature heed_curvature;

/* The loss, a scalar, on a tape that is not in training; its parameters are the twin's (heed_tape_bind), in the dtype that
 * was asked for. It must be the same function at every call: inputs fixed. */
typedef heed_tensor heed_loss_fn(void *user, heed_tape *t);

typedef struct heed_curvature_options {
    /* What is computed in. Take HEED_F64 where the loss brings no real inputs of its own, or makes them in the dtype of
     * the parameters: f32 leaves three digits, and needs long steps. */
    heed_dtype dtype;
    double tolerance; /* |difference of the two orders| / |H v| that is borne; 0: 1e-7, in f32 0.02 */
    int threads;      /* 0: all cores */
} heed_curvature_options;

/* The model must be built, and outlive it. Never NULL; what is wrong is said by the first call. */
heed_curvature *heed_curvature_new(heed_model *model, heed_loss_fn *loss, void *user, heed_curvature_options options);
void heed_curvature_free(heed_curvature *c);
/* Of the last call that failed; "" where none has. */
const char *heed_curvature_error_text(const heed_curvature *c);

/* hv = H v at the model's present values. v and hv have heed_model_trainable(model) elements: the trainable parameters one
 * after another, in order of declaration. doubt, if not NULL, is set to the relative difference of the two orders, which is
 * more than the error as a rule. v = 0 gives 0. */
heed_status heed_hvp(heed_curvature *c, const double *v, double *hv, double *doubt) HEED_MUST_CHECK;

typedef struct heed_eigenvalue {
    double value;
    double residual;   /* |H x - value x| for its unit vector x: an eigenvalue lies within that distance */
    int products;      /* with H, that it took */
} heed_eigenvalue;
/* The largest eigenvalue of H, by at most `steps` (0: 20) steps of Lanczos's method with full reorthogonalisation from a
 * start that is always the same; it ends once the residual is below a thousandth of the value. Gradient descent with a
 * learning rate above 2 / value moves away from a minimum (Cohen et al. 2021, "the edge of stability"). vector, if not
 * NULL, gets the unit vector. */
heed_status heed_hessian_largest(heed_curvature *c, int steps, heed_eigenvalue *largest, double *vector) HEED_MUST_CHECK;

HEED_END_DECLS
#endif
