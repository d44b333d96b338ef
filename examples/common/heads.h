/* Switching heads of attention off, to see what they are for. */
#ifndef EXAMPLES_HEADS_H
#define EXAMPLES_HEADS_H

#include <heed/heed.h>

/* From now on this head's context is zero, and the others' as it was; HEADS_ALL: no head is left. */
enum { HEADS_ALL = -1, HEADS_LIMIT = 64 };
heed_status heads_switch_off(const heed_multi_head_attention *attn, int head) HEED_MUST_CHECK;
/* All on again. */
heed_status heads_switch_on(const heed_multi_head_attention *attn) HEED_MUST_CHECK;

#endif
