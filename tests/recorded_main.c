/* Writes the sample recording of tests/helpers/recorded.h, by hand and without the recorder, for tests/lens_cli.sh:
 *
 *   recorded FOLDER FRAMES */
#include <stdio.h>
#include <stdlib.h>

#include "helpers/recorded.h"

int main(int argc, char **argv) {
    if (argc == 3 && recorded_sample(argv[1], atoi(argv[2])))
        return 0;
    fprintf(stderr, "recorded: usage: recorded FOLDER FRAMES, where FOLDER is not there yet\n");
    return 1;
}
