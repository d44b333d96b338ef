/* heed-lens: the page, pictures and numbers of a recording. */
#include <stdio.h>

#include <heed/heed.h>

#include "actions.h"

/* "2.1 MB" */
static const char *size_text(int64_t bytes, char text[32]) {
    if (bytes < 1000000)
        snprintf(text, 32, "%.0f kB", (double)bytes / 1e3);
    else
        snprintf(text, 32, "%.1f MB", (double)bytes / 1e6);
    return text;
}

int write_page(const options *o) {
    heed_error e;
    heed_lens_shown shown;
    heed_lens_report_options how = {
        .most_bytes = o->bytes, .language = o->language, .title = o->title, .shown = &shown};
    how.beside = (const char *const *)&o->recordings[1];
    while (o->recordings[1 + how.n_beside])
        how.n_beside++;
    if (heed_lens_report(o->recordings[0], o->output, how, &e))
        return e.status == HEED_INVALID ? (failed(e.text), MISUSED) : failed(e.text);
    char size[32];
    printf("%s: %s, %d of %d frames", o->output, size_text(shown.bytes, size), shown.frames, shown.all_frames);
    if (shown.bits.update == 32) /* which gives way first */
        printf(", all numbers as recorded\n");
    else
        printf(", rounded to fit %s: bits of values %d, gradients %d, updates %d, probes %d, their gradients %d\n",
               size_text(o->bytes ? o->bytes : HEED_LENS_MOST_BYTES, size), shown.bits.value, shown.bits.grad,
               shown.bits.update, shown.bits.probe, shown.bits.probe_grad);
    if (shown.every > 1)
        printf("gradients and updates of parameters: of each frame in %d, and of the last\n", shown.every);
    return DONE;
}

int main(int argc, char **argv) {
    options o = options_defaults;
    bool given[OPTION_ROWS] = {false};
    if (!options_read(&options_table, &o, given, argc, argv))
        return MISUSED;
    if (o.help) {
        options_print_help(&options_table, argv[0]);
        return program_end(DONE);
    }
    const action *chosen = options_action(&o, given);
    return chosen ? program_end(chosen->run(&o)) : MISUSED;
}
