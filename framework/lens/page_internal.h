/* The page that shows recordings, as the build put it together from framework/lens/viewer: see embed.sh. The payload's
 * JSON stands between the two parts. */
#ifndef HEED_PAGE_INTERNAL_H
#define HEED_PAGE_INTERNAL_H

#include <stddef.h>

extern const unsigned char lens_page_before[], lens_page_after[];
extern const size_t lens_page_before_bytes, lens_page_after_bytes;

#endif
