/* The loader's tests as a plain program, for ThreadSanitizer. */
#include <stdio.h>

#include "helpers/loader_work.h"

int main(void) {
    int failed = 0;
    failed += !loader_gives_the_same_with_any_threads();
    failed += !loader_goes_on_from_any_position();
    failed += !loader_stops_at_any_time();
    failed += !loader_fails_where_its_fill_does();
    printf("loader tests: %d passed, %d failed\n", 4 - failed, failed);
    return failed != 0;
}
