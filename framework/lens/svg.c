#include "svg_internal.h"

#include <heed/picture.h>

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../io/atomic_file_internal.h"
#include "shown_text_internal.h"

/* ---- into memory, and out ---- */

static heed_status no_memory(heed_error *error) {
    return heed_error_set(error, HEED_NO_MEMORY, "picture: out of memory");
}

/* The picture's text, for free(); NULL: out of memory. Numbers are written in no locale but C's. */
static char *drawn(svg_draw *draw, const void *picture, size_t *bytes) {
    char *text = NULL;
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0), theirs = plain ? uselocale(plain) : (locale_t)0;
    svg s = {.out = plain ? open_memstream(&text, bytes) : NULL};
    if (s.out) {
        draw(&s, picture);
        s.failed |= ferror(s.out) != 0;
        s.failed |= fclose(s.out) != 0;
    }
    if (plain) {
        uselocale(theirs);
        freelocale(plain);
    }
    if (s.out == NULL || s.failed) {
        free(text);
        return NULL;
    }
    return text;
}

heed_status svg_write(svg_draw *draw, const void *picture, FILE *out, heed_error *error) {
    size_t bytes;
    char *text = drawn(draw, picture, &bytes);
    if (text == NULL)
        return no_memory(error);
    bool good = fwrite(text, 1, bytes, out) == bytes && fflush(out) == 0;
    free(text);
    return good ? HEED_OK : heed_error_set(error, HEED_IO, "picture: cannot write it: %s", strerror(errno));
}

heed_status svg_save(svg_draw *draw, const void *picture, const char *path, heed_error *error) {
    size_t bytes;
    atomic_file file;
    char *text = drawn(draw, picture, &bytes);
    if (text == NULL)
        return no_memory(error);
    heed_status status = atomic_file_open(&file, path, error);
    if (!status && !(status = atomic_file_write(&file, text, bytes)))
        status = atomic_file_commit(&file);
    else if (file.beside)
        atomic_file_abandon(&file);
    free(text);
    return status;
}

/* ---- text ---- */

void svg_put(svg *s, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(s->out, format, arguments);
    va_end(arguments);
}

static void put_escaped(svg *s, const char *text) {
    for (; *text; text++) {
        const char *code = *text == '<'   ? "&lt;"
                           : *text == '>' ? "&gt;"
                           : *text == '&' ? "&amp;"
                           : *text == '"' ? "&quot;"
                                          : NULL;
        if (code)
            fputs(code, s->out);
        else
            fputc(*text, s->out);
    }
}

/* Spaces at the ends, which nobody would see, as open boxes. */
static void put_token(svg *s, const char *text) {
    size_t end = strlen(text), begin = strspn(text, " ");
    while (end > begin && text[end - 1] == ' ')
        end--;
    for (size_t i = 0; text[i]; i++)
        if (i < begin || i >= end)
            fputs("\u2423", s->out);
        else
            put_escaped(s, (const char[]){text[i], '\0'});
    if (*text == '\0')
        fputs("\u2205", s->out);
}

enum { LONGEST = 40 }; /* characters of a token that are shown */

/* Cuts a text behind so many code points. */
static void shorten(char *text, int longest) {
    uint32_t point;
    char *at = text, *cut = NULL;
    for (int n = 0; utf8_next(at, &point) > 0; at += utf8_next(at, &point))
        if (++n == longest)
            cut = at;
    if (cut && *cut && strlen(cut) > strlen("\u2026"))
        strcpy(cut, "\u2026");
}

static void put_shown(svg *s, const char *text, bool token) {
    char *shown = heed_text_shown(text);
    if (shown == NULL) {
        s->failed = true;
        return;
    }
    if (token)
        shorten(shown, LONGEST);
    (token ? put_token : put_escaped)(s, shown);
    free(shown);
}

double svg_text_width(const char *text, double size, bool token) {
    double em = 0;
    uint32_t point;
    char *shown = heed_text_shown(text);
    if (shown && token)
        shorten(shown, LONGEST);
    for (const char *at = shown ? shown : ""; utf8_next(at, &point) > 0; at += utf8_next(at, &point))
        em += point >= 0x1100 && point < 0xFB00 && (point < 0x2000 || point >= 0x2E80) ? 1.05 : token ? 0.62 : 0.56;
    free(shown);
    return size * fmax(em, token ? 0.62 : 0);
}

void svg_text(svg *s, svg_label l, const char *text) {
    if (text == NULL)
        return;
    svg_put(s, "<text x=\"%.2f\" y=\"%.2f\" font-size=\"%.4g\" text-anchor=\"%s\" fill=\"%s\"", l.x,
            l.y + (l.middle ? 0.35 * l.size : 0), l.size, l.anchor, l.fill ? l.fill : "#1b1f24");
    if (l.bold)
        svg_put(s, " font-weight=\"bold\"");
    if (l.token)
        svg_put(s, " font-family=\"'DejaVu Sans Mono', Menlo, Consolas, monospace\"");
    if (l.turn != 0)
        svg_put(s, " transform=\"rotate(%.4g %.2f %.2f)\"", l.turn, l.x, l.y);
    svg_put(s, ">");
    put_shown(s, text, l.token);
    svg_put(s, "</text>\n");
}

const char *svg_number(double x, char text[SVG_NUMBER]) {
    snprintf(text, SVG_NUMBER, x < 0 ? "\u2212%.3g" : "%.3g", fabs(x));
    return text;
}

/* ---- the whole ---- */

void svg_begin(svg *s, double width, double height, const char *title, const char *description) {
    svg_put(s,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" "
            "role=\"img\" "
            "font-family=\"'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif\">\n<title>",
            width, height, width, height);
    put_shown(s, title ? title : "", false);
    svg_put(s, "</title>\n<desc>");
    put_shown(s, description, false);
    svg_put(s, "</desc>\n<rect width=\"%.0f\" height=\"%.0f\" fill=\"#ffffff\"/>\n", width, height);
}

void svg_end(svg *s) {
    svg_put(s, "</svg>\n");
}

/* ---- colours ---- */

/* From zero outwards, as the page has them in its light theme. */
enum { STOPS = 4 };
static const int below[STOPS][3] = {{250, 250, 250}, {146, 190, 222}, {47, 112, 180}, {10, 40, 96}};
static const int above[STOPS][3] = {{250, 250, 250}, {246, 187, 150}, {206, 84, 52}, {110, 10, 28}};

int svg_shade(double share) {
    return isnan(share) ? -1 : (int)lround(SVG_ZERO + SVG_ZERO * fmin(fmax(share, -1), 1));
}

const char *svg_colour(int shade, char text[SVG_COLOUR]) {
    const int(*stops)[3] = shade < SVG_ZERO ? below : above;
    double at = abs(shade - SVG_ZERO) / (double)SVG_ZERO * (STOPS - 1);
    int first = at >= STOPS - 1 ? STOPS - 2 : (int)at, rgb[3];
    for (int c = 0; c < 3; c++)
        rgb[c] = (int)lround(stops[first][c] + (at - first) * (stops[first + 1][c] - stops[first][c]));
    snprintf(text, SVG_COLOUR, "#%02x%02x%02x", (unsigned)rgb[0] & 0xFF, (unsigned)rgb[1] & 0xFF,
             (unsigned)rgb[2] & 0xFF);
    return shade < 0 ? "#b9bcc0" : text;
}
