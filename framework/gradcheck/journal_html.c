/* A journal as a page: a row a check, a heat map an input, drawn as SVG.
 *
 * An entry's colour is its error over its tolerance, in powers of ten: from 10^-5 and less, pale, to 1, dark; above 1 it is
 * wrong and red; hatched where it was not compared. Everything that is no number of ours is escaped. */
#include "journal_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../io/atomic_file_internal.h"

enum { SHADES = 6, CELL = 9, WIDEST = 64 };

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>Gradient check</title>\n<style>\n"
    ":root{--paper:#fff;--ink:#1c2733;--dim:#5b6773;--line:#dde3e8;--none:#f3f5f7}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#14191e;--ink:#e4e9ee;--dim:#9aa7b3;--line:#2b343c;--none:#1d242a}}\n"
    "body{margin:2rem auto;max-width:70rem;padding:0 1rem;background:var(--paper);color:var(--ink);"
    "font:16px/1.45 system-ui,sans-serif}\n"
    "section{border-top:1px solid var(--line);padding:.7rem 0;display:flex;flex-wrap:wrap;gap:.4rem 1.5rem}\n"
    "h2{font-size:1rem;margin:0;width:11rem;overflow-wrap:anywhere}h2 small{display:block;font-weight:400;color:var(--dim)}\n"
    "figure{margin:0}figcaption{font-size:.8rem;color:var(--dim)}\n"
    ".bad{color:#c62828;font-weight:600}p.bad{width:100%;margin:.2rem 0}@media(prefers-color-scheme:dark){.bad{color:#ff8a80}}\n"
    "svg{display:block;background:var(--none)}\n"
    ".s0{fill:#e3edf7}.s1{fill:#c1d7ec}.s2{fill:#93bbde}.s3{fill:#5b97c9}.s4{fill:#2f72ac}.s5{fill:#12467c}.s6{fill:#d32f2f}\n"
    "ul.key{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.3rem 1rem;font-size:.85rem;color:var(--dim)}\n"
    "ul.key svg{display:inline-block;vertical-align:-2px;margin-right:.3rem}\n"
    "</style></head><body>\n<h1>Gradient check</h1>\n";

static const char explained[] =
    "<p>Each square is one entry of one gradient: how far what backward says lies from what central differences say, over "
    "the tolerance, at the point where that was most. An empty place was not compared: of large inputs only some entries are.</p>\n";

/* ---- text ---- */

static void put_escaped(FILE *out, const char *text) {
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '<' || *c == '>' || *c == '&' || *c == '"' || *c == '\'' || *c < 32 || *c == 127)
            fprintf(out, "&#%d;", *c < 32 || *c == 127 ? 0xfffd : *c);
        else
            fputc(*c, out);
    }
}

static void put_key(FILE *out) {
    static const char *const meaning[SHADES + 1] = {"below 1e-5 of the tolerance", "1e-4", "0.001", "0.01", "0.1", "up to 1",
                                                    "wrong"};
    fputs("<ul class=\"key\">", out);
    for (int i = 0; i <= SHADES; i++)
        fprintf(out, "<li><svg width=\"12\" height=\"12\"><rect class=\"s%d\" width=\"12\" height=\"12\"/></svg>%s</li>", i,
                meaning[i]);
    fputs("</ul>\n", out);
}

/* ---- heat maps ---- */

static int shade_of(double error) {
    if (!(error <= 1))
        return SHADES;
    int shade = SHADES - 1;
    for (double bound = 0.1; shade > 0 && error < bound; bound /= 10)
        shade--;
    return shade;
}

/* Squares to a line: the last axis, or as many as there is room for. */
static int64_t columns_of(const journal_input *kept) {
    const int64_t last = kept->shape.rank ? kept->shape.n[kept->shape.rank - 1] : 1;
    return last < 1 ? 1 : last > WIDEST ? WIDEST : last;
}

static void put_map(FILE *out, const journal_input *kept) {
    const int64_t columns = columns_of(kept), rows = (kept->count + columns - 1) / columns;
    fprintf(out, "<svg width=\"%lld\" height=\"%lld\" role=\"img\" aria-label=\"errors of %lld entries\">",
            (long long)(columns * CELL), (long long)(rows * CELL), (long long)kept->count);
    for (int64_t i = 0; i < kept->count; i++)
        if (!isnan(kept->error[i]))
            fprintf(out, "<rect class=\"s%d\" x=\"%lld\" y=\"%lld\" width=\"%d\" height=\"%d\"/>",
                    shade_of(kept->error[i]), (long long)(i % columns * CELL), (long long)(i / columns * CELL), CELL - 1,
                    CELL - 1);
    fputs("</svg>", out);
}

static void put_input(FILE *out, const journal_input *kept) {
    fputs("<figure><figcaption>", out);
    if (kept->parameter)
        put_escaped(out, kept->parameter);
    else
        fprintf(out, "input %d", kept->input);
    fprintf(out, " %s, sample %d</figcaption>", HEED_SHAPE_STR(kept->shape), kept->sample);
    put_map(out, kept);
    if (kept->likely[0]) {
        fputs("<figcaption class=\"bad\">it looks like ", out);
        put_escaped(out, kept->likely);
        fputs("</figcaption>", out);
    }
    fputs("</figure>\n", out);
}

/* ---- rows ---- */

static void put_row(FILE *out, const heed_check_journal *j, const heed_check *check) {
    fputs("<section><h2>", out);
    put_escaped(out, check->name);
    fprintf(out, "<small>%d cases%s%s</small></h2>\n", check->no_gradient ? check->vacuous : check->cases,
            check->no_gradient ? ", no gradient" : "", check->failed ? ", <span class=\"bad\">failed</span>" : "");
    for (size_t i = 0; i < j->n_inputs; i++)
        if (strcmp(j->inputs[i].name, check->name) == 0)
            put_input(out, &j->inputs[i]);
    for (int i = 0; i < check->n_failures && check->failures[i].coordinate < 0; i++) {
        fputs("<p class=\"bad\">", out);
        put_escaped(out, check->failures[i].what);
        fputs("</p>\n", out);
    }
    fputs("</section>\n", out);
}

static void put_page(FILE *out, const heed_check_journal *j) {
    int cases = 0, failed = 0;
    for (size_t i = 0; i < j->n_rows; i++) {
        cases += j->rows[i].cases;
        failed += j->rows[i].failed > 0;
    }
    fputs(head, out);
    fprintf(out, "<p>%zu checks, %d cases, <span%s>%d failed</span>.</p>\n", j->n_rows, cases,
            failed ? " class=\"bad\"" : "", failed);
    fputs(explained, out);
    put_key(out);
    for (size_t i = 0; i < j->n_rows; i++)
        put_row(out, j, &j->rows[i]);
    fputs("</body></html>\n", out);
}

heed_status heed_check_journal_html(const heed_check_journal *j, const char *path, heed_error *error) {
    atomic_file file;
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = j->failed ? NULL : open_memstream(&text, &bytes);
    bool whole = out != NULL;
    if (out) {
        put_page(out, j);
        whole = !ferror(out);
        whole = fclose(out) == 0 && whole;
    }
    heed_status status = whole ? atomic_file_open(&file, path, error)
                               : heed_error_set(error, HEED_NO_MEMORY, "%s: out of memory", path);
    if (!status && (status = atomic_file_write(&file, text, bytes)) != HEED_OK)
        atomic_file_abandon(&file);
    else if (!status)
        status = atomic_file_commit(&file);
    free(text);
    return status;
}
