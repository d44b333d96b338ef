/* A profile's last steps as a timeline, in a file that https://ui.perfetto.dev, the Performance panel of
 * Chrome's developer tools (Load profile) and its chrome://tracing open. */
#ifndef HEED_TRACE_H
#define HEED_TRACE_H

#include <heed/error.h>
#include <heed/profile.h>

HEED_BEGIN_DECLS

/* Writes the steps that the profile has kept (heed_profile_options.trace_steps) in Chrome's trace-event format, as JSON, whole or
 * not at all. Each is one complete event ("ph": "X", times in microseconds from the first one's start) within another:
 *     step 198 > forward, backward or update > each part of the layer's path > the op
 * An op's "args" are its path, dtypes and shapes ("out": "f32 (12, 64, 128)", "in 0", ...) and, of what its descriptor counts,
 * GFLOP/s and GB/s. What had no room is told by the name of the process, and in "otherData".
 * Calls of one layer that follow each other with nothing between them are shown as one.
 * HEED_STATE: the profile keeps no steps. HEED_IO, HEED_NO_MEMORY. error may be NULL. */
heed_status heed_trace_save(const heed_profile *p, const char *path, heed_error *error) HEED_MUST_CHECK;

HEED_END_DECLS
#endif
