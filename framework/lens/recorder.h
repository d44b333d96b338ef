/* Recording a training while it runs: at chosen steps the parameters, their gradients and updates, and what probes see.
 *
 *     heed_recorder *rec = heed_recorder_new("run", model, (heed_recorder_options){.title = "...", .last = steps});
 *     heed_recorder_attention(rec, ...), heed_recorder_space(rec, ...), heed_recorder_probe(rec, ...)
 *     for (step = 1; step <= steps; step++) {
 *         ...forward, heed_backward(t, loss, g)...
 *         heed_recorder_scalar(rec, step, "loss", heed_item(t, loss));
 *         heed_recorder_before(rec, step, g);
 *         heed_optim_step(opt, g);
 *         heed_recorder_after(rec);
 *     }
 *     heed_recorder_end(rec, &error);
 *
 * What it writes, and what of it survives a kill or a power cut, stands in recording.h.
 *
 * It never changes a bit of the training: probes run on a tape and into gradients of its own, on one thread. What a frame
 * holds is copied on the caller's thread, into memory that is used again; a thread of the recorder's own does the rest.
 * When two frames wait for it, the caller waits too: no frame is dropped.
 *
 * Errors stick to the recorder, and training goes on: where the disk is full, or a probe fails, recording stops at the
 * last whole frame, every later call does nothing, and status and text say why. Nothing is printed. All calls are the
 * training thread's; heed_recorder_status and _error_text may be asked from any thread. NULL is no recorder: every
 * call on it does nothing, so that a program may record or not. */
#ifndef HEED_RECORDER_H
#define HEED_RECORDER_H

#include <heed/model.h>
#include <heed/recording.h>

HEED_BEGIN_DECLS

typedef struct heed_recorder heed_recorder;

typedef struct heed_recorder_options {
    const char *title;
    /* Which parameters: patterns (* is any run of characters, ? any one) apart by commas. NULL: those that attention layers,
     * spaces and the story name. Buffers are never recorded. */
    const char *params;
    /* Frames are taken at steps 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, ... (2^(k/2), rounded), unless no_logarithmic, and at
     * multiples of `every`. At most most_frames (at least 2; 0: 60) are kept: before there would be more, `every` is
     * doubled and frames that are no longer at a multiple are deleted; when the logarithmic ones take more than half of
     * the room, every other of them goes first. Step 1 and `last` are always kept. */
    int64_t most_frames;
    int64_t every; /* 0: 1, or with `last` as large as is needed for no frame to be deleted */
    bool no_logarithmic;
    int64_t last;          /* the last step, if it is known; 0: not */
    const char *optimizer; /* its name, for the reader; may be NULL */
    /* Of a folder that holds a recording, its files are deleted first. Without this it is an error. */
    bool replace;
} heed_recorder_options;

/* Makes the folder, which must not exist, or be empty; NULL: nothing is written, frames are for heed_recorder_watch
 * alone. The model must be built; it and what is handed over by pointer to
 * a probe must outlive the recorder; all texts and options are copied, bytes in them that are no UTF-8 as U+FFFD. Never
 * NULL; out of memory gives a recorder that says so. */
heed_recorder *heed_recorder_new(const char *folder, heed_model *model, heed_recorder_options options);
heed_status heed_recorder_status(const heed_recorder *r);
const char *heed_recorder_error_text(const heed_recorder *r); /* "" where there is none */

/* ---- what is to be seen: before the first step is recorded ---- */

/* A forward on inputs that are always the same, with the recorder's tape (training off): returns its loss, a scalar. */
typedef heed_tensor heed_probe_fn(void *user, heed_tape *t);
/* Behind the forward, its tensors still there: what the model now answers at each query, into names, which come as "".
 * The texts must last until the next call. */
typedef void heed_probe_said_fn(void *user, heed_tape *t, const char **names);

typedef struct heed_probe {
    const char *name; /* letters, digits, _ - and space */
    heed_probe_fn *loss;
    void *user;
    int n_queries, n_keys;
    const char *const *queries, *const *keys; /* names of the pattern's rows and columns */
    const int *alignment; /* NULL, or for each query the key that it should look at, -1 where there is none */
    heed_probe_said_fn *said; /* or NULL: kept with each frame, to be shown beside the queries */
} heed_probe;
/* At each frame the probe's x, q, k, v, attn_scores, pattern and z of every attention layer under way are recorded, and
 * what its loss's gradient is there. The first probe's forward is the recording's graph. */
heed_status heed_recorder_probe(heed_recorder *r, heed_probe probe);
/* Names for the layer at path where they are others than the probe's own: an encoder's, or a cross attention's. Of
 * `names`, name, loss, user and said are not looked at. */
heed_status heed_recorder_probe_names(heed_recorder *r, const char *probe, const char *path, heed_probe names);

typedef struct heed_recorded_attention {
    const char *path; /* "encoder.0.attn": under which it is watched */
    const char *kind; /* "self", "causal", "cross" or "states" */
    int heads;        /* 0: 1 */
    int64_t d_k;
    const char *w_q, *w_k, *w_v, *w_o; /* paths of parameters, (outputs, inputs); NULL: it has none */
    const char *query_space, *key_space, *out_space;      /* names of spaces, or NULL */
} heed_recorded_attention;
heed_status heed_recorder_attention(heed_recorder *r, heed_recorded_attention attention);

/* Named directions in the layers' inputs or the model's outputs: tokens, answers. */
typedef struct heed_recorded_space {
    const char *name;
    int n;
    const char *const *names;
    const char *embedding; /* path of the parameter whose row i is names[i]; NULL: names[i] is entry i of x itself */
    const char *positions; /* path of the position table, or NULL */
} heed_recorded_space;
heed_status heed_recorder_space(heed_recorder *r, heed_recorded_space space);

/* What the page needs to tell this recording step by step: a JSON object, kept as it is. Parameters that it names by
 * their whole paths are recorded. */
heed_status heed_recorder_story(heed_recorder *r, const char *json);

/* Called in heed_recorder_after with each frame once it is whole, before it is written. so_far is the recording as one
 * that opened it now would see it, with this frame alone (number 0), which is in no file (its path is NULL), and without
 * ablations and graph; it is the recorder's, and lasts for the call. */
typedef void heed_recorder_frame_fn(void *user, heed_recording *so_far);
/* One at most: the last one counts. */
heed_status heed_recorder_watch(heed_recorder *r, heed_recorder_frame_fn *watch, void *user);

/* ---- while training ---- */

/* Whether step, which must be above all before it, is one of the schedule's. */
bool heed_recorder_due(const heed_recorder *r, int64_t step);
/* Between backward and the optimizer's step, each step: where it is due, takes the parameters as they are and g, the
 * batch's gradient as backward left it, runs the probes, and notes the scalars "grad_norm" (of all of g) and
 * "probe.NAME.loss". */
void heed_recorder_before(heed_recorder *r, int64_t step, heed_grads *g);
/* After the optimizer's step: takes the update. Does nothing unless _before has taken a frame. */
void heed_recorder_after(heed_recorder *r);
/* A number at any step: the loss, a learning rate, a metric. Anything finite or not. Those of one step that are handed over
 * one after another share a line. */
void heed_recorder_scalar(heed_recorder *r, int64_t step, const char *name, double value);
/* What a metric of the trained model is, and what it is without one head (buffer head_on of heed_multi_head_attention). */
void heed_recorder_ablation(heed_recorder *r, const char *path, int head, const char *metric, double whole,
                            double without);

/* Waits for the recorder's thread, says in the recording that the run came to its end, and frees the recorder. The status is
 * the recorder's, its text is put into error, which may be NULL. */
heed_status heed_recorder_end(heed_recorder *r, heed_error *error);

HEED_END_DECLS
#endif
