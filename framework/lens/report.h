/* The page that shows a recording, or several that one wants to compare, such as those of two seeds: one HTML file with
 * everything in it, which opens from disk, without network.
 *
 * Its numbers are as exact as the size allows. They are f32 where that fits; else they are rounded to 16 and 8 bits, each
 * array of each frame on its own scale (its largest magnitude is 32767 or 127, so a number is at most half a step of
 * largest / 32767 off). What is only looked at gives way first: updates and gradients, to 8 bits; then what one computes
 * with: gradients of the probes, parameters, the probes' values. Then gradients and updates of parameters are left out of
 * frames between others (at least every eighth frame has them), and only then whole frames, evenly, the first and the last
 * never. The page says which of this it is; the recording has all. Numbers are deflated (RFC 1951), those that change
 * little from frame to frame as differences; the page inflates them by itself.
 *
 * Texts and names are data: none of them can add to the page's markup or scripts. Two recordings with the same contents
 * give the same page, byte for byte. */
#ifndef HEED_REPORT_H
#define HEED_REPORT_H

#include <heed/error.h>

HEED_BEGIN_DECLS

/* What a page holds. Bits are 32 (f32), 16 or 8. */
typedef struct heed_lens_shown {
    int frames, all_frames;
    int every;     /* gradients and updates of parameters are there of every so many frames, and of the last; 1: of all */
    int64_t bytes; /* of the file */
    struct {
        int update, grad, probe_grad, value, probe;
    } bits;
} heed_lens_shown;

typedef struct heed_lens_report_options {
    int64_t most_bytes;     /* of the file; 0: 10,000,000 */
    const char *language;   /* in which it opens: "en" or "ru"; NULL: "en" */
    const char *title;      /* NULL: the recording's. Bytes that are no UTF-8 become U+FFFD */
    heed_lens_shown *shown; /* NULL, or where to say what the page holds; of several recordings, of the first */
    /* n_beside folders of other recordings. The page opens at the first one and can be switched; what is pinned there stays
     * in view beside the same of another. Each may take as many bytes as the others; they are named by their folders. */
    const char *const *beside;
    int n_beside;
} heed_lens_report_options;

enum { HEED_LENS_MOST_BYTES = 10000000 };

/* Writes the page, whole or not at all. Errors: the recording cannot be read, has no whole frame, or does not fit in
 * most_bytes even with two frames of 8 bits; options; the file cannot be written. A tensor that a frame lacks, or has
 * in another shape than the first frame that has it, is shown as missing there. A training that still writes the recording
 * does not disturb: the page shows what there is so far. error may be NULL. */
heed_status heed_lens_report(const char *recording, const char *html_path, heed_lens_report_options options,
                             heed_error *error) HEED_MUST_CHECK;

HEED_END_DECLS
#endif
