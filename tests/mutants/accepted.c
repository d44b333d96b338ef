/* The list of mutants that change no gradient, each with its reason. Entries are
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

const char *accepted_find(const accepted *list, int n, const tree *t, const place *p, const mutant *m) {
    const node *of = &t->nodes[p->node];
    const source *s = &t->sources[of->source];
    char *before = NULL, *after = NULL;
    const char *reason = NULL;
    for (int i = 0; i < n && reason == NULL; i++) {
        if (strcmp(list[i].file, s->path) != 0 || strcmp(list[i].function, of->name) != 0)
            continue;
        if (before == NULL)
            mutant_lines(s, m, &before, &after);
        if (strcmp(list[i].before, before) == 0 &&
            (strcmp(list[i].after, "*") == 0 || strcmp(list[i].after, after) == 0))
            reason = list[i].reason;
    }
    free(before);
    free(after);
    return reason;
}
