/* --record DIR and --report FILE: a training that is kept, and the page that shows how its matrices were learned. */
#ifndef EXAMPLES_RECORDING_H
#define EXAMPLES_RECORDING_H

#include "options.h"

#include <heed/heed.h>

typedef struct recording {
    const char *folder, *page; /* NULL where not asked for */
    int64_t page_bytes;        /* at most; 0: heed_lens_report's */
    bool shown;                /* a recorder is wanted even if neither was asked for: its frames are shown meanwhile */
} recording;

/* Two rows of an option table whose struct has a `recording kept`. */
#define RECORDING_ROWS(type)                                                                                           \
    {"record",                                                                                                         \
     "DIR",                                                                                                            \
     "keep the training in this new folder, for heed-lens to show",                                                    \
     OPTION_TEXT,                                                                                                      \
     offsetof(type, kept.folder),                                                                                      \
     0,                                                                                                                \
     0,                                                                                                                \
     NULL},                                                                                                            \
    {                                                                                                                  \
        "report", "FILE", "write a page of HTML that shows how the matrices were learned", OPTION_TEXT,                \
            offsetof(type, kept.page), 0, 0, NULL                                                                      \
    }

/* Before all else: whether DIR is new or an empty folder, and FILE can be written; complains if not. */
bool can_record(const recording *kept);

/* NULL where nothing is to be recorded or shown. A page alone is made from a recording beside it, FILE.recording, in the
 * place of the one before. What goes wrong stays in the recorder: training_init sees it. */
heed_recorder *recording_begin(const recording *kept, heed_model *model, heed_recorder_options options);
/* Ends it, writes the page, and unless `quiet` says where they are. The recorder is gone. Without one: does nothing.
 * status: what the run ended with; an error, which then stands in `error`, stays the one that is returned. */
heed_status recording_end(const recording *kept, heed_recorder *r, bool quiet, heed_status status,
                          heed_error *error) HEED_MUST_CHECK;
/* The same behind a program that ended with `result`: what it ends with now. */
int recording_close(const recording *kept, heed_recorder *r, bool quiet, int result);

/* A number measured when `done` of `steps` are done: it is of the next step, before its update, or of the last. */
void recording_measure(heed_recorder *r, int64_t done, int64_t steps, const char *name, double value);

/* The names of n tokens, of 0 .. n - 1 where `tokens` is NULL; `name` writes one. For free(); NULL: out of memory. */
enum { RECORDING_NAME = 32 };
typedef void recording_name(const void *user, int32_t token, char text[RECORDING_NAME]);
const char **recording_names(int n, const int32_t *tokens, recording_name *name, const void *user);

#endif
