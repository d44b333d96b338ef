/* An exponential moving average of a model's parameters, swapped in for evaluation.
 *     average := decay average + (1 - decay) values
 * Polyak and Juditsky 1992, in the exponential form of today. */
#ifndef HEED_EMA_H
#define HEED_EMA_H

#include <heed/model.h>

HEED_BEGIN_DECLS

typedef struct heed_ema heed_ema;

/* Starts as a copy of the model's values. decay in [0, 1). Never NULL. */
heed_ema *heed_ema_new(heed_model *model, double decay);
void heed_ema_free(heed_ema *ema);
heed_status heed_ema_update(heed_ema *ema) HEED_MUST_CHECK; /* after each optimizer step */
/* Exchanges the model's values and the average; twice is as before. An update while swapped is an error. */
heed_status heed_ema_swap(heed_ema *ema) HEED_MUST_CHECK;
heed_status heed_ema_status(const heed_ema *ema);
const char *heed_ema_error_text(const heed_ema *ema);
bool heed_ema_swapped(const heed_ema *ema);
const heed_model *heed_ema_of(const heed_ema *ema); /* the model that is averaged */
heed_model *heed_ema_model(heed_ema *ema); /* the average as a model of its own: for heed_tape_bind or saving */

HEED_END_DECLS
#endif
