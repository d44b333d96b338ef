/* The list of mutants that the gradient check cannot see, each with its reason. Entries are
 *
 *     file: function
 *     - the lines before
 *     + the lines after
 *       the reason
 *
 * with an empty line between them; a line that begins with # is a comment. Lines are compared with their spaces
 * squeezed, and without their numbers. "+ *" stands for any change of that line which survives. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mutants.h"

static char *squeezed(const char *text) {
    const source s = {.text = (char *)text, .size = (int)strlen(text)};
    return source_lines(&s, 0, s.size);
}

static void begin_entry(accepted **list, int *n, const char *line) {
    const char *colon = strchr(line, ':');
    if (colon == NULL)
        die("the list of accepted mutants: \"%s\" is no \"file: function\"", line);
    *list = grow(*list, *n, sizeof **list);
    (*list)[(*n)++] = (accepted){.file = slice(line, (int)(colon - line)), .function = squeezed(colon + 1)};
}

accepted *accepted_read(const char *path, int *n) {
    accepted *list = NULL;
    *n = 0;
    source s = {.n = 0};
    if (!source_read(path, &s))
        die("%s cannot be read", path);
    for (char *line = strtok(s.text, "\n"); line; line = strtok(NULL, "\n")) {
        accepted *last = *n ? &list[*n - 1] : NULL;
        if (line[0] == '#')
            continue;
        if (!isspace((unsigned char)line[0]) && line[0] != '-' && line[0] != '+')
            begin_entry(&list, n, line);
        else if (last == NULL)
            die("%s begins with no entry", path);
        else if (line[0] == '-')
            last->before = squeezed(line + 1);
        else if (line[0] == '+')
            last->after = squeezed(line + 1);
        else
            last->reason = squeezed(line);
    }
    for (int i = 0; i < *n; i++)
        if (list[i].before == NULL || list[i].after == NULL || list[i].reason == NULL)
            die("%s: an entry of %s, %s, lacks a line", path, list[i].file, list[i].function);
    return list;
}

static bool matches(const accepted *entry, const char *path, const char *function, const char *before,
                    const char *after) {
    return strcmp(entry->file, path) == 0 && strcmp(entry->function, function) == 0 &&
           strcmp(entry->before, before) == 0 &&
           (strcmp(entry->after, "*") == 0 || strcmp(entry->after, after) == 0);
}

const char *accepted_find(accepted *list, int n, const tree *t, const place *p, const mutant *m) {
    const node *of = &t->nodes[p->node];
    const source *s = &t->sources[of->source];
    char *before, *after;
    const char *reason = NULL;
    mutant_lines(s, m, &before, &after);
    for (int i = 0; i < n; i++)
        if (matches(&list[i], s->path, of->name, before, after)) {
            list[i].met = true;
            reason = list[i].reason;
        }
    free(before);
    free(after);
    return reason;
}

void accepted_must_exist(accepted *list, int n, const tree *t, const place *places, const mutant *mutants,
                         int n_mutants) {
    for (int i = 0; i < n_mutants; i++)
        accepted_find(list, n, t, &places[mutants[i].place], &mutants[i]);
    for (int i = 0; i < n; i++)
        if (!list[i].met)
            die("the list of accepted mutants: there is none of %s: %s\n- %s\n+ %s", list[i].file, list[i].function,
                list[i].before, list[i].after);
}
