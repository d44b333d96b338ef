/* The thread tests as a plain program, for ThreadSanitizer (Criterion cannot run under it). */
#include <stdio.h>

#include "helpers/thread_work.h"

int main(void) {
    int failed = 0;
    failed += !eight_tapes_in_eight_threads(2);
    failed += !two_tapes_train_one_model(5);
    printf("thread tests: %d passed, %d failed\n", 2 - failed, failed);
    return failed != 0;
}
