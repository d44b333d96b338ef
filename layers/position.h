/* Where a token stands, added to what it is. */
#ifndef HEED_LAYERS_POSITION_H
#define HEED_LAYERS_POSITION_H

#include <heed/model.h>

HEED_BEGIN_DECLS

typedef enum heed_position_kind {
    HEED_POSITION_SINUSOIDAL, /* PE(p, 2i) = sin(p / 10000^(2i/d)), PE(p, 2i+1) = cos(same); a buffer. Vaswani et al. 2017, 3.5 */
    HEED_POSITION_LEARNED, /* a parameter, N(0, 0.02) at the start */
} heed_position_kind;

typedef struct heed_position {
    heed_module module;
    heed_param weight; /* (longest, d) */
    int64_t longest;
} heed_position;

/* longest: the largest T there will be. Sinusoidal needs an even d. */
void heed_position_init(heed_position *layer, const heed_module *parent, const char *name, heed_position_kind kind,
                        int64_t longest, int64_t d);
/* x (..., T, d) -> x + weight[first .. first + T - 1] */
heed_tensor heed_position_forward(const heed_position *layer, heed_tape *t, heed_tensor x, int64_t first);

HEED_END_DECLS
#endif
