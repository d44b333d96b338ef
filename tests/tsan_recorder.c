/* The recorder's thread beside a training on two, as a plain program, for ThreadSanitizer. */
#include <stdio.h>
#include <stdlib.h>

#include "helpers/observed.h"

int main(void) {
    char folder[] = "/tmp/heed_tsan_XXXXXX", path[64], remove[96];
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/run", folder);
    bool good = observed_while_training(path);
    snprintf(remove, sizeof remove, "rm -rf %s", folder);
    good = system(remove) == 0 && good;
    printf("recorder tests: %d passed, %d failed\n", good, !good);
    return !good;
}
