#include "rivals.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef void any_function(void);

/* POSIX has functions found as pointers to objects, which C cannot convert. */
static any_function *find(void *library, const char *name) {
    void *symbol = dlsym(library, name);
    any_function *found;
    memcpy(&found, &symbol, sizeof found);
    return found;
}

typedef char *version_function(void);

static void set_openblas_threads(void *library, int threads) {
    any_function *set = find(library, "openblas_set_num_threads");
    if (set)
        ((void (*)(int))set)(threads);
}

static void set_blis_threads(void *library, int threads) {
    any_function *set = find(library, "bli_thread_set_num_threads");
    if (set)
        ((void (*)(int64_t))set)(threads);
}

static const struct kind {
    const char *file, *version;
    void (*set_threads)(void *library, int threads);
} kinds[RIVALS] = {
    [OPENBLAS] = {"libopenblas.so.0", "openblas_get_config", set_openblas_threads},
    [BLIS] = {"libblis.so.4", "bli_info_get_version_str", set_blis_threads},
};

/* OpenBLAS's threads wait for more work in a loop, by default for some 0.1 s, in which whoever has the next turn lacks
 * their core: here for 2^20 cycles, which is longer than any pause between two of its calls. */
static void *load(rival_id id) {
    setenv("OPENBLAS_THREAD_TIMEOUT", "20", 1);
    return dlopen(kinds[id].file, RTLD_NOW | RTLD_LOCAL);
}

const rival *rival_on_threads(rival_id id, int threads) {
    static struct {
        bool tried;
        void *library;
        rival r;
    } loaded[RIVALS];
    if (!loaded[id].tried) {
        loaded[id].tried = true;
        loaded[id].library = load(id);
        if (loaded[id].library) {
            any_function *version = find(loaded[id].library, kinds[id].version);
            loaded[id].r.version = version ? ((version_function *)version)() : "?";
            loaded[id].r.sgemm = (cblas_sgemm_function *)find(loaded[id].library, "cblas_sgemm");
            loaded[id].r.sgemv = (cblas_sgemv_function *)find(loaded[id].library, "cblas_sgemv");
        }
    }
    if (loaded[id].r.sgemm == NULL || loaded[id].r.sgemv == NULL)
        return NULL;
    kinds[id].set_threads(loaded[id].library, threads);
    return &loaded[id].r;
}
