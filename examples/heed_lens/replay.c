/* The attention of a probe, frame after frame, where the terminal can be drawn over; else four frames of it. */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../common/attention_view.h"
#include "actions.h"
#include "look.h"

enum { STILLS = 4 };
enum { FILM = 8000, SHORTEST = 40, LONGEST = 500 }; /* milliseconds */

static void introduce(const terminal *term, const look *l, const attention_view *v) {
    char *title = heed_text_shown(json_string_value(json_object_get(l->header, "title")));
    char *layer = heed_text_shown(v->layer ? v->layer : "");
    ink_print(term, INK_BOLD, "%s", v->layer && layer ? layer : title ? title : "");
    if (v->head >= 0)
        ink_print(term, INK_BOLD, ", head %d", v->head);
    ink_print(term, INK_DIM, "  probe \"%s\"\n\n", v->probe);
    free(title);
    free(layer);
}

static void wait_for(int frames) {
    long pause = frames > 0 ? FILM / frames : 0;
    pause = pause < SHORTEST ? SHORTEST : pause > LONGEST ? LONGEST : pause;
    const struct timespec time = {.tv_sec = pause / 1000, .tv_nsec = pause % 1000 * 1000000};
    fflush(stdout);
    nanosleep(&time, NULL);
}

/* Whether a frame is shown: all in a film, else some evenly, the first and the last among them. */
static bool is_shown(const terminal *term, int frame, int frames) {
    if (term->live || frames <= STILLS)
        return true;
    for (int i = 0; i < STILLS; i++)
        if (frame == i * (frames - 1) / (STILLS - 1))
            return true;
    return false;
}

static void run_film(const terminal *term, const look *l, const attention_view *v) {
    const int frames = heed_recording_frames(l->r);
    for (int frame = 0, lines = 0; frame < frames; frame++) {
        if (!is_shown(term, frame, frames))
            continue;
        terminal_again(term, lines);
        lines = attention_view_print(term, v, l->r, frame);
        if (term->live)
            wait_for(frames);
        else if (lines)
            fputc('\n', term->out);
    }
}

static void show(const options *o, const look *l, const attention_view *v) {
    terminal term = terminal_open(stdout);
    introduce(&term, l, v);
    if (o->step < 0)
        run_film(&term, l, v);
    else
        attention_view_print(&term, v, l->r, l->frame);
}

/* A head is one of a layer's: of the first, unless one is named. */
int replay(const options *o) {
    look l;
    recorded_pattern last;
    int result = MISUSED, head = -1;
    if (!look_open(&l, o, true))
        return MISUSED;
    const json_t *probe = look_entry(&l, "probes", "name", o->probe),
                 *layer = probe ? look_entry(&l, "attention", "path", o->layer) : NULL;
    if (layer && look_pattern_read(&l, probe, layer, &last)) {
        if (o->head < 0 || look_head(&last, layer, o->head, &head)) {
            const bool named = o->layer || o->head >= 0;
            show(o, &l,
                 &(attention_view){.probe = json_string_value(json_object_get(probe, "name")),
                                   .layer = named ? json_string_value(json_object_get(layer, "path")) : NULL,
                                   .head = head});
            result = DONE;
        }
        recorded_pattern_free(&last);
    }
    look_close(&l);
    return result;
}
