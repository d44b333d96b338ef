/* A training that is recorded, to be killed at any moment: tests/record_killed.sh does.
 *
 *   observe FOLDER STEPS    records STEPS steps into FOLDER, in the place of what was there, and prints the run's hash
 *   observe FOLDER          reads FOLDER whole: prints how many frames it has, and the last step of which it knows */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "helpers/observed.h"

static int complain(const char *text) {
    fprintf(stderr, "observe: %s\n", text);
    return 1;
}

static int train(const char *folder, int64_t steps) {
    observed r;
    heed_error e;
    if (!observed_init(&r, HEED_F32, 1))
        return complain("the training cannot be made");
    heed_recorder *rec =
        heed_recorder_new(folder, r.model, (heed_recorder_options){.most_frames = 12, .replace = true});
    observed_describe(&r, rec);
    while (r.steps < steps)
        if (!observed_step(&r, rec))
            return complain(heed_error_text(r.t));
    if (heed_recorder_end(rec, &e))
        return complain(e.text);
    printf("%016" PRIx64 "\n", observed_hash(&r));
    observed_free(&r);
    return 0;
}

static int look(const char *folder) {
    heed_error e;
    heed_recording *r = heed_recording_open(folder, &e);
    if (r == NULL)
        return complain(e.text);
    for (int f = 0; f < heed_recording_frames(r); f++)
        if (heed_recording_tensors(r, f, &e) < 1)
            return complain(e.text);
    printf("%d frames, step %" PRId64 "%s\n", heed_recording_frames(r), heed_recording_steps(r),
           heed_recording_ended(r) ? ", the end" : "");
    heed_recording_close(r);
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 2 && argc != 3)
        return complain("usage: observe FOLDER [STEPS]");
    return argc == 3 ? train(argv[1], atoll(argv[2])) : look(argv[1]);
}
