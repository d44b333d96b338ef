/* Where on the model's tree a call stands, and who watches there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tape_internal.h"

const heed_scope *scope_root(void) {
    static const heed_scope root = {.parent = NULL, .hash = 0, .name = ""};
    return &root;
}

const heed_scope *tape_scope(const heed_tape *t) {
    return t->n_scopes ? t->scopes[t->n_scopes - 1] : scope_root();
}

/* Written from the end: the chain leads from the leaf up to the root. */
size_t scope_path(const heed_scope *scope, char *text, size_t size) {
    size_t length = 0;
    for (const heed_scope *s = scope; s && s->parent; s = s->parent)
        length += strlen(s->name) + (s->parent->parent ? 1 : 0);
    if (size == 0)
        return length;
    if (length >= size) {
        snprintf(text, size, "...");
        return length;
    }
    text[length] = '\0';
    char *end = text + length;
    for (const heed_scope *s = scope; s && s->parent; s = s->parent) {
        size_t n = strlen(s->name);
        end -= n;
        memcpy(end, s->name, n);
        if (s->parent->parent)
            *--end = '.';
    }
    return length;
}

size_t heed_path(const heed_tape *t, char *text, size_t size) {
    return scope_path(tape_scope(t), text, size);
}

size_t heed_module_path(const heed_module *module, char *text, size_t size) {
    return scope_path(module->scope, text, size);
}

static void push(heed_tape *t, const heed_scope *scope) {
    const heed_scope **grown = arena_grow(&t->memory, t->scopes, &t->cap_scopes, t->n_scopes + 1, sizeof *grown);
    if (grown == NULL) {
        tape_no_memory(t, NULL, sizeof *grown);
        return;
    }
    t->scopes = grown;
    t->scopes[t->n_scopes++] = scope;
}

void heed_enter(heed_tape *t, const heed_module *module) {
    if (!t->inert)
        push(t, module->scope ? module->scope : scope_root());
}

void heed_enter_named(heed_tape *t, const char *name) {
    if (t->inert)
        return;
    name = name ? name : "";
    size_t length = strlen(name) + 1;
    heed_scope *scope = arena_take(&t->memory, sizeof *scope + length);
    if (scope == NULL) {
        tape_no_memory(t, NULL, sizeof *scope + length);
        return;
    }
    char *copy = (char *)(scope + 1);
    memcpy(copy, name, length);
    const heed_scope *parent = tape_scope(t);
    *scope = (heed_scope){.parent = parent, .hash = heed_rng_mix(parent->hash, heed_rng_hash(name)), .name = copy};
    push(t, scope);
}

void heed_leave(heed_tape *t) {
    if (t->n_scopes)
        t->n_scopes--;
}

uint64_t tape_next_key(heed_tape *t) {
    uint64_t path = tape_scope(t)->hash, count = 0;
    size_t i = 0;
    while (i < t->n_draws && t->draws[i].path != path)
        i++;
    if (i < t->n_draws) {
        count = t->draws[i].count++;
    } else {
        draw *grown = arena_grow(&t->memory, t->draws, &t->cap_draws, i + 1, sizeof *grown);
        if (grown == NULL) {
            tape_no_memory(t, NULL, sizeof *grown);
            return 0;
        }
        t->draws = grown;
        t->draws[t->n_draws++] = (draw){.path = path, .count = 1};
    }
    return heed_rng_mix(heed_rng_mix(t->seed, t->step), heed_rng_mix(path, count));
}

/* ---- watching ---- */

/* * is any run of characters, ? any one. Backs up to the last star only, so it takes time in proportion to both. */
bool path_matches(const char *pattern, const char *path) {
    const char *star = NULL, *retry = NULL;
    if (pattern == NULL)
        return false;
    while (*path) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = path;
        } else if (*pattern == '?' || *pattern == *path) {
            pattern++;
            path++;
        } else if (star) {
            pattern = star;
            path = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

enum { PATH_TEXT = 512 };

static void full_path(const heed_tape *t, const char *name, char *text) {
    size_t length = heed_path(t, text, PATH_TEXT);
    if (length >= PATH_TEXT)
        length = strlen(text);
    snprintf(text + length, PATH_TEXT - length, length ? ".%s" : "%s", name ? name : "");
}

heed_tensor heed_watch(heed_tape *t, const char *name, heed_tensor x) {
    if (t->n_watchers == 0 || t->error.status != HEED_OK)
        return x;
    char path[PATH_TEXT];
    full_path(t, name, path);
    size_t n = t->n_watchers; /* one that is called may add another */
    for (size_t i = 0; i < n && i < t->n_watchers; i++)
        if (path_matches(t->watchers[i].pattern, path)) {
            tape_keep_value(t, x);
            t->watchers[i].fn(t->watchers[i].user, t, path, x);
        }
    return x;
}

bool heed_watching(const heed_tape *t, const char *name) {
    if (t->n_watchers == 0)
        return false;
    char path[PATH_TEXT];
    full_path(t, name, path);
    for (size_t i = 0; i < t->n_watchers; i++)
        if (path_matches(t->watchers[i].pattern, path))
            return true;
    return false;
}

heed_status heed_tape_on_watch(heed_tape *t, const char *pattern, heed_watch_fn *fn, void *user) {
    if (t->inert)
        return t->error.status;
    if (pattern == NULL || fn == NULL)
        return tape_fail(t, tape_scope(t), "watch", HEED_INVALID, "the %s is NULL", pattern ? "watcher" : "pattern");
    watcher *grown = arena_grow(&t->memory, t->watchers, &t->cap_watchers, t->n_watchers + 1, sizeof *grown);
    char *copy = grown ? strdup(pattern) : NULL;
    if (grown)
        t->watchers = grown;
    if (copy == NULL)
        return tape_no_memory(t, "watch", strlen(pattern));
    t->watchers[t->n_watchers++] = (watcher){.pattern = copy, .fn = fn, .user = user};
    return HEED_OK;
}

void heed_tape_unwatch(heed_tape *t, heed_watch_fn *fn, void *user) {
    size_t kept = 0;
    for (size_t i = 0; i < t->n_watchers; i++) {
        if (t->watchers[i].fn == fn && t->watchers[i].user == user)
            free(t->watchers[i].pattern);
        else
            t->watchers[kept++] = t->watchers[i];
    }
    t->n_watchers = kept;
}
