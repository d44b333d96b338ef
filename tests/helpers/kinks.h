/* Gradients where no difference says anything: at kinks and at ends of domains, by hand. */
#ifndef KINKS_H
#define KINKS_H

#include <heed/gradcheck.h>

/* Every one of them, in f64 and in f32. */
heed_check kinks_check(const void *nothing, const heed_check_options *options);

#endif
