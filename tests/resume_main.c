/* A training that saves after every step, to be killed at any moment: tests/resume_killed.sh does.
 *
 *   resume FILE STEPS [later]     goes on from FILE if it is there, to STEPS steps in all, and prints the run's hash; later: the
 *                                 files are written by a thread
 *   resume FILE                   only loads FILE: says at which step it is */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helpers/resumable.h"

static int complain(const char *text) {
    fprintf(stderr, "resume: %s\n", text);
    return 1;
}

static int train(resumable *r, const heed_checkpoint *parts, const char *path, int64_t steps, bool later) {
    heed_error e;
    heed_checkpoint_writer *writer = later ? heed_checkpoint_writer_new(path) : NULL;
    heed_status status = HEED_OK;
    while (!status && r->position < steps) {
        if (!resumable_step(r))
            return complain(heed_error_text(r->tape));
        status = later ? heed_checkpoint_save_later(writer, parts, &e) : heed_checkpoint_save(parts, path, &e);
    }
    if (later && !status)
        status = heed_checkpoint_wait(writer, &e);
    heed_checkpoint_writer_free(writer);
    return status ? complain(e.text) : 0;
}

int main(int argc, char **argv) {
    resumable r;
    heed_error e;
    if (argc < 2 || argc > 4 || !resumable_init(&r, HEED_F32, false))
        return complain("usage: resume FILE [STEPS [later]]");
    heed_checkpoint_number number;
    heed_checkpoint_text text;
    const heed_checkpoint parts = resumable_parts(&r, &number, &text);
    if ((argc == 2 || access(argv[1], F_OK) == 0) && heed_checkpoint_load(&parts, argv[1], &e))
        return complain(e.text);
    int result = argc > 2 ? train(&r, &parts, argv[1], atoll(argv[2]), argc == 4) : 0;
    if (result == 0 && argc == 2)
        printf("%" PRId64 "\n", r.position);
    else if (result == 0)
        printf("%016" PRIx64 "\n", resumable_hash(&r));
    resumable_free(&r);
    return result;
}
