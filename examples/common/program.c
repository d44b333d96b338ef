#include "program.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <heed/error.h>
#include <heed/picture.h>

static const char *name = "heed";

void program_named(const char *path) {
    const char *slash = path ? strrchr(path, '/') : NULL;
    if (path)
        name = slash ? slash + 1 : path;
}

void complain(const char *format, ...) {
    char text[2 * HEED_ERROR_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    char *shown = heed_text_shown(text);
    fprintf(stderr, "%s: %s\n", name, shown ? shown : "out of memory");
    free(shown);
}

int failed(const char *text) {
    complain("%s", text[0] ? text : "out of memory");
    return FAILED;
}

/* ---- interruption ---- */

static volatile sig_atomic_t signal_seen;

static void note_signal(int number) {
    signal_seen = number;
}

static void watch_signal(int number, bool watch) {
    struct sigaction action = {.sa_handler = watch ? note_signal : SIG_DFL,
                               .sa_flags = watch ? SA_RESETHAND | SA_RESTART : 0};
    struct sigaction before;
    sigemptyset(&action.sa_mask);
    if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(number, &action, NULL);
}

void interruption_watch(bool watch) {
    watch_signal(SIGINT, watch);
    watch_signal(SIGTERM, watch);
}

int interrupted(void) {
    return signal_seen;
}

/* ---- beginning and end ---- */

bool can_write(const char *option, const char *path) {
    char folder[4096];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        complain("--%s %s: this is no regular file", option, path);
    else if (access(folder, W_OK | X_OK))
        complain("--%s %s: the folder cannot be written: %s", option, path, strerror(errno));
    else
        return true;
    return false;
}

int program_end(int result) {
    if ((fflush(stdout) || ferror(stdout)) && result == DONE) {
        complain("standard output: %s", strerror(errno));
        result = FAILED;
    }
    if (signal_seen) {
        interruption_watch(false);
        raise(signal_seen);
    }
    return result;
}
