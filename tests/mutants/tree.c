/* All sources: their functions, macros and tables, the ops, and what each translation unit sees. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "mutants.h"

enum { BUCKETS = 4096, PATH = 512 };
static int buckets[BUCKETS];

/* ---- files ---- */

static bool ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_folder(tree *t, const char *folder) {
    struct dirent **entries;
    const int n = scandir(folder, &entries, NULL, by_name);
    if (n < 0)
        die("there is no folder %s: run this where framework/ is", folder);
    for (int i = 0; i < n; i++) {
        char path[PATH];
        struct stat about;
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && stat(path, &about) == 0 && S_ISDIR(about.st_mode)) {
            read_folder(t, path);
        } else if (ends_with(path, ".c") || ends_with(path, ".h")) {
            t->sources = grow(t->sources, t->n_sources, sizeof *t->sources);
            if (!source_read(path, &t->sources[t->n_sources++]))
                die("%s cannot be read", path);
        }
        free(entries[i]);
    }
    free(entries);
}

/* ---- names ---- */

/* name_f32 and name_f64 are one, TYPED(name). */
static char *common_name(const char *name, bool typed) {
    const int n = (int)strlen(name);
    const bool suffix = ends_with(name, "_f32") || ends_with(name, "_f64");
    char *common = take((size_t)n + 10);
    snprintf(common, (size_t)n + 10, typed || suffix ? "TYPED(%.*s)" : "%.*s", suffix ? n - 4 : n, name);
    return common;
}

char *tree_name_at(const source *s, int i) {
    char *name = token_text(s, i);
    char *common = common_name(name, token_is(s, i - 1, "(") && token_is(s, i - 2, "TYPED"));
    free(name);
    return common;
}

static unsigned bucket_of(const char *name) {
    unsigned hash = 5381;
    while (*name)
        hash = 33 * hash + (unsigned char)*name++;
    return hash % BUCKETS;
}

static void add_node(tree *t, node n) {
    t->nodes = grow(t->nodes, t->n_nodes, sizeof *t->nodes);
    const unsigned b = bucket_of(n.name);
    n.next = buckets[b] - 1;
    t->nodes[t->n_nodes++] = n;
    buckets[b] = t->n_nodes;
}

/* ---- functions, tables and macros of a file ---- */

/* The name whose last token is at i: softmax, or TYPED(softmax). *first: where it begins. */
static char *name_before(const source *s, int i, int *first) {
    *first = i;
    if (i >= 0 && s->tokens[i].kind == WORD)
        return tree_name_at(s, i);
    if (i < 3 || !token_is(s, i, ")") || !token_is(s, i - 3, "TYPED"))
        return NULL;
    *first = i - 3;
    return tree_name_at(s, i - 1);
}

static bool is_local(const source *s, int from, int to) {
    for (int i = from; i < to; i++)
        if (token_is(s, i, "static") || token_is(s, i, "HEED_SPECIALISED"))
            return true;
    return false;
}

/* At the brace that opens something outside of all functions. begin: where its declaration does. */
static void add_block(tree *t, int file, int begin, int brace, int end) {
    const source *s = &t->sources[file];
    int at = brace - 1;
    node n = {.kind = FUNCTION, .source = file, .head = begin, .first = brace + 1, .last = end};
    if (token_is(s, at, "=")) {
        n.kind = TABLE;
        at--;
        while (token_is(s, at, "]"))
            at = token_partner(s, at) - 1;
    } else if (token_is(s, at, ")")) {
        at = token_partner(s, at) - 1;
    } else {
        return;
    }
    int first;
    char *name = name_before(s, at, &first);
    if (name == NULL)
        return;
    n.name = name;
    n.local = is_local(s, begin, first);
    add_node(t, n);
}

static void add_blocks(tree *t, int file) {
    const source *s = &t->sources[file];
    int begin = 0;
    for (int i = 0; i < s->n; i++) {
        if (s->tokens[i].directive) {
            begin = i + 1;
        } else if (token_is(s, i, ";")) {
            begin = i + 1;
        } else if (token_is(s, i, "{")) {
            const int end = token_partner(s, i);
            if (end < 0)
                die("%s: braces do not match", s->path);
            add_block(t, file, begin, i, end);
            i = end;
            if (!token_is(s, end + 1, ";") && !token_is(s, end + 1, ","))
                begin = end + 1;
        }
    }
}

static void add_macros(tree *t, int file) {
    const source *s = &t->sources[file];
    for (int i = 0; i + 2 < s->n; i++) {
        if (!token_is(s, i, "#") || !token_is(s, i + 1, "define"))
            continue;
        const int directive = s->tokens[i].directive;
        node n = {
            .kind = MACRO, .source = file, .name = token_text(s, i + 2), .head = i + 2, .first = i + 3, .local = true};
        const token *name = &s->tokens[i + 2];
        if (token_is(s, i + 3, "(") && s->tokens[i + 3].at == name->at + name->length)
            n.first = token_partner(s, i + 3) + 1;
        for (n.last = n.first; n.last < s->n && s->tokens[n.last].directive == directive;)
            n.last++;
        add_node(t, n);
    }
}

/* ---- units ---- */

/* The source that `name`, included by `from`, is; -1: none of ours. */
static int included(const tree *t, const source *from, const char *name) {
    char path[PATH];
    const char *slash = strrchr(from->path, '/');
    snprintf(path, sizeof path, "%.*s/%s", (int)(slash - from->path), from->path, name);
    for (char *up; (up = strstr(path, "/../")) != NULL;) {
        char *before = up;
        while (before > path && before[-1] != '/')
            before--;
        memmove(before, up + 4, strlen(up + 4) + 1);
    }
    for (int i = 0; i < t->n_sources; i++)
        if (strcmp(t->sources[i].path, path) == 0)
            return i;
    return -1;
}

static void see(const tree *t, unit *u, int file) {
    if (file < 0 || u->sees[file])
        return;
    u->sees[file] = true;
    const source *s = &t->sources[file];
    for (int i = 0; i + 2 < s->n; i++)
        if (token_is(s, i, "#") && token_is(s, i + 1, "include") && s->tokens[i + 2].kind == TEXT)
            see(t, u, included(t, s, slice(s->text + s->tokens[i + 2].at + 1, s->tokens[i + 2].length - 2)));
}

static void add_units(tree *t) {
    for (int i = 0; i < t->n_sources; i++) {
        if (!ends_with(t->sources[i].path, ".c"))
            continue;
        t->units = grow(t->units, t->n_units, sizeof *t->units);
        t->units[t->n_units] = (unit){.source = i, .sees = take((size_t)t->n_sources)};
        see(t, &t->units[t->n_units++], i);
    }
}

static bool sees_any(const tree *t, int in_unit, int first, const char *name) {
    for (int i = first; i >= 0; i = t->nodes[i].next)
        if (t->units[in_unit].sees[t->nodes[i].source] && strcmp(t->nodes[i].name, name) == 0)
            return true;
    return false;
}

static int unit_that_sees(const tree *t, int file) {
    for (int u = 0; u < t->n_units; u++)
        if (t->units[u].sees[file])
            return u;
    return -1;
}

int tree_find(const tree *t, int in_unit, const char *name, int *at, int *where) {
    const int first = buckets[bucket_of(name)] - 1;
    const bool own = sees_any(t, in_unit, first, name);
    int i = *at < 0 ? first : t->nodes[*at].next;
    for (; i >= 0; i = t->nodes[i].next) {
        const node *n = &t->nodes[i];
        const bool seen = t->units[in_unit].sees[n->source];
        if (strcmp(n->name, name) != 0 || (own ? !seen : n->local))
            continue;
        *where = own ? in_unit : unit_that_sees(t, n->source);
        if (*where >= 0)
            break;
    }
    return *at = i;
}

/* ---- ops ---- */

/* The text that the token is, or that the macro it names stands for. */
static char *text_of(const tree *t, int in_unit, const source *s, int i) {
    if (s->tokens[i].kind == WORD) {
        char *name = tree_name_at(s, i);
        int at = -1, where;
        if (tree_find(t, in_unit, name, &at, &where) < 0)
            return name;
        s = &t->sources[t->nodes[at].source];
        i = t->nodes[at].first;
    }
    return slice(s->text + s->tokens[i].at + 1, s->tokens[i].length - 2);
}

static void add_op(tree *t, int in_unit, int file, int brace) {
    const source *s = &t->sources[file];
    op o = {.unit = in_unit, .source = file, .first = brace + 1, .last = token_partner(s, brace)};
    for (int i = o.first; i + 2 < o.last; i++)
        if (token_is(s, i, ".") && token_is(s, i + 1, "name"))
            o.name = text_of(t, in_unit, s, i + 3);
    if (o.name == NULL)
        return;
    t->ops = grow(t->ops, t->n_ops, sizeof *t->ops);
    t->ops[t->n_ops++] = o;
}

static void add_ops(tree *t) {
    for (int u = 0; u < t->n_units; u++)
        for (int file = 0; file < t->n_sources; file++) {
            const source *s = &t->sources[file];
            for (int i = 0; i + 3 < s->n && t->units[u].sees[file]; i++)
                if (token_is(s, i, "heed_op") && token_is(s, i + 2, "=") && token_is(s, i + 3, "{"))
                    add_op(t, u, file, i + 3);
        }
}

tree tree_read(void) {
    tree t = {.n_sources = 0};
    read_folder(&t, "framework/core");
    read_folder(&t, "framework/kernels");
    read_folder(&t, "framework/ops");
    for (int i = 0; i < t.n_sources; i++) {
        add_blocks(&t, i);
        add_macros(&t, i);
    }
    add_units(&t);
    add_ops(&t);
    return t;
}
