/* The benchmark's workloads in small on two and on three threads, as a plain program, for ThreadSanitizer. */
#include <stdio.h>

#include "helpers/siblings.h"

int main(void) {
    int failed = 0;
    for (int which = 0; which < SIBLINGS; which++)
        for (int threads = 2; threads <= 3; threads++) {
            uint64_t bits;
            failed += !sibling_train(which, threads, 3, &bits);
        }
    printf("small workloads: %d passed, %d failed\n", 2 * SIBLINGS - failed, failed);
    return failed != 0;
}
