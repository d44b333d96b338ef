#include "options.h"

static const char *const recipe_names[] = {"nanogpt", "best", NULL};
static const char *const alphabets[] = {"characters", "bytes", "bpe", NULL};

static const option_row rows[] = {
    {"text", "PATH", "what to learn from: a file, or all .c and .h files of a folder (this\nproject's own sources)",
     OPTION_TEXT, offsetof(options, text), 0, 0, NULL},
    {"tokens-are", "KIND", "characters, bytes or bpe (characters)", OPTION_CHOICE, offsetof(options, alphabet),
     .choices = alphabets},
    {"merges", "N", "of bpe: tokens to make beside the 256 bytes (500)", OPTION_WHOLE, offsetof(options, merges), 1,
     1e5, NULL},
    {"recipe", "NAME", "nanogpt: nanoGPT's configuration for a CPU; best: our own of its size\n(nanogpt)",
     OPTION_CHOICE, offsetof(options, recipe), .choices = recipe_names},
    {"steps", "N", "steps of training (2000)", OPTION_WHOLE, offsetof(options, steps), 1, 1e7, NULL},
    {"seed", "N", "seed of the first weights, of the windows drawn, of what is written (1)", OPTION_WHOLE,
     offsetof(options, seed), 0, 1e9, NULL},
    {"save", "FILE", "where the weights go (" DEFAULT_FILE "); the vocabulary beside them", OPTION_TEXT,
     offsetof(options, save), 0, 0, NULL},
    {"checkpoint", "FILE", "keep the run there while it goes on; if the file is there, go on from it,\nbit for bit (--record then has the steps from there, in a new folder)",
     OPTION_TEXT, offsetof(options, checkpoint), 0, 0, NULL},
    {"every", "N", "steps from one checkpoint to the next (100)", OPTION_WHOLE, offsetof(options, every), 1, 1e7, NULL},
    {"recompute", NULL, "compute each layer again in backward instead of keeping its values: less\nmemory, more time, the same bits",
     OPTION_FLAG, offsetof(options, recompute), 0, 0, NULL},
    RECORDING_ROWS(options),
    PROFILING_ROWS(options),
    {"load", "FILE", "train nothing: take these weights", OPTION_TEXT, offsetof(options, load), 0, 0, NULL},
    {"prompt", "TEXT", "let saved weights go on from here (without --load: " DEFAULT_FILE ")", OPTION_TEXT,
     offsetof(options, prompt), 0, 0, NULL},
    {"tokens", "N", "how many tokens to write (400)", OPTION_WHOLE, offsetof(options, tokens), 1, 1e6, NULL},
    {"temperature", "X", "0: always the likeliest token; 1: as the model has it (0.8)", OPTION_REAL,
     offsetof(options, temperature), 0, 100, NULL},
    {"top-k", "N", "draw from the N likeliest tokens alone, 0: from all (0)", OPTION_WHOLE, offsetof(options, top_k), 0,
     1e6, NULL},
    {"top-p", "X", "draw from the smallest set of tokens with this share alone (1)", OPTION_REAL,
     offsetof(options, top_p), 0, 1, NULL},
    {"threads", "N", "threads, 0 for one a core (0); the result has the same bits", OPTION_WHOLE,
     offsetof(options, threads), 0, 256, NULL},
    {"quiet", NULL, "print the result alone", OPTION_FLAG, offsetof(options, quiet), 0, 0, NULL},
    {"help", NULL, "print this", OPTION_HELP, offsetof(options, help), 0, 0, NULL},
};
enum { ROWS = sizeof rows / sizeof *rows };

static const option_table table = {
    "A GPT of 800,000 parameters learns to write, one character after another.", rows, ROWS,
    "Train on any text, then let it go on from yours:\n"
    "  %s --text shakespeare.txt --recipe best\n"
    "  %s --prompt \"ROMEO:\"\n"};

void tiny_options_print_help(const char *program) {
    options_print_help(&table, program);
}

bool tiny_options_read(options *o, int argc, char **argv) {
    const int64_t page_bytes = 30000000; /* a frame of this model is two million, its numbers rounded to a byte */
    *o = (options){.merges = 500,
                   .seed = 1,
                   .save = DEFAULT_FILE,
                   .every = 100,
                   .tokens = 400,
                   .temperature = 0.8,
                   .top_p = 1,
                   .kept = {.page_bytes = page_bytes}};
    if (!options_read(&table, o, NULL, argc, argv))
        return false;
    if ((o->kept.folder || o->kept.page) && (o->load || o->prompt)) {
        complain("--%s is of a training, and with --%s nothing is trained", o->kept.folder ? "record" : "report",
                 o->load ? "load" : "prompt");
        return false;
    }
    if ((o->profile.table || o->profile.trace) && (o->load || o->prompt)) {
        complain("--%s is of a training, and with --%s nothing is trained", o->profile.table ? "profile" : "trace",
                 o->load ? "load" : "prompt");
        return false;
    }
    if (o->recompute && (o->load || o->prompt)) {
        complain("--recompute is of a training, and with --%s nothing is trained", o->load ? "load" : "prompt");
        return false;
    }
    return true;
}
