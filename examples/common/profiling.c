#include "profiling.h"

#include "program.h"

enum { TRACED_STEPS = 3 };

static heed_profile *measured; /* NULL: nothing is */

bool profiling_begin(const profiling *asked) {
    if (asked->trace && !can_write("trace", asked->trace))
        return false;
    if (asked->table || asked->trace)
        measured = heed_profile_new((heed_profile_options){.trace_steps = asked->trace ? TRACED_STEPS : 0});
    return true;
}

void profiling_watch(heed_tape *t, heed_optim *opt) {
    heed_tape_set_profile(t, measured);
    heed_optim_set_profile(opt, measured);
}

static int report(const profiling *asked) {
    heed_error error = {.status = HEED_OK};
    if (heed_profile_totals(measured).steps == 0)
        return failed("nothing was trained, so nothing was measured");
    if (asked->table && heed_profile_print(measured, stderr))
        return failed("");
    if (asked->trace && heed_trace_save(measured, asked->trace, &error))
        return failed(error.text);
    return DONE;
}

int profiling_end(const profiling *asked, int result) {
    if (measured && result == DONE)
        result = report(asked);
    heed_profile_free(measured);
    measured = NULL;
    return result;
}
