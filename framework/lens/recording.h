/* Recordings of trainings, to be read: what a heed_recorder wrote, whole or up to where it was cut.
 *
 * A recording is a folder.
 *
 *   index.jsonl   UTF-8, one JSON object a line, appended only. The first line says what is recorded:
 *       {"heed_recording":1, "title":"...", "dtype":"f32",
 *        "parameters":[{"name":"attn.w_q","shape":[64,32]}, ...],
 *        "attention":[{"path":"attn", "kind":"self", "heads":1, "d_k":64, "w_q":"attn.w_q", "w_k":..., "w_v":..., "w_o":...,
 *                      "query_space":"tokens", "key_space":..., "out_space":...}],
 *        "spaces":[{"name":"tokens", "names":["a", ...], "embedding":null, "positions":null}],
 *        "probes":[{"name":"question", "queries":["c"], "keys":["k7", ...], "alignment":[2],
 *                   "attention":{"encoder.0.self_attn":{"queries":[...], "keys":[...], "alignment":null}}}],
 *        "optimizer":"sgd", "story":null}
 *     kind: self, causal, cross or states. Any of w_q .. out_space, alignment, optimizer and story may be null.
 *     The lines behind it, in any order of steps, which count from 1:
 *       {"step":17, "scalars":{"loss":2.31}}           before that step's update; null stands for what is not finite
 *       {"step":17, "frame":"00000017.safetensors", "bytes":12345, "scalars":{"grad_norm":0.4, "probe.question.loss":1.2},
 *        "said":{"question":["4"]}}                        what the model answered then at the probe's queries; may be absent
 *       {"forget":[3, 5, 7]}                           the frames of these steps are gone, there were too many
 *       {"graph":"graph.json"}                         the ops of a forward, see below
 *       {"ablation":{"path":"decoder.0.cross_attn", "head":1, "metric":"exact match", "whole":1.0, "without":0.12}}
 *       {"end":{"steps":1000}}
 *
 *   00000017.safetensors   a frame: the model and the probes just before step 17's update, in the model's dtype
 *       param/NAME, grad/NAME, update/NAME     a parameter, the batch's gradient, the parameter after the update minus before.
 *                                              (outputs, inputs), as stored: the textbook's W^Q is the transpose
 *       probe/P/PATH.x, .q, .k, .v             what came into the attention layer PATH (the queries' side), and what it made of it
 *       probe/P/PATH.attn_scores, .pattern     q kᵀ / sqrt(d_k) before any mask, and the weights a
 *       probe/P/PATH.z                         a v
 *       probe/P/d/PATH.z, .pattern, .attn_scores, .q, .k, .v   the gradients of the probe's loss with respect to these:
 *                                              da = dz vᵀ, ds = a (da - sum over keys of a da)
 *                                              Where keys and values are one tensor, as states that are scored by a dot
 *                                              product, d/k and d/v are both its whole gradient, of both uses
 *       probe/P/grad/NAME                      and to a parameter
 *     Shapes are (T, d) and (T, S), of layers with heads (H, T, d_k) and (H, T, S): a batch axis of 1 is left out. A layer
 *     that attends again and again in one forward, as a decoder that goes step by step, has all its steps along T.
 *
 *   graph.json   what the first probe's forward recorded, once:
 *       {"ops":[{"op":"matmul", "path":"attn", "out":[7,64], "inputs":[3,-2]}, ...], "leaves":[{"name":"attn.w_q","shape":[64,32]}, ...]}
 *     inputs: the op's number, or -1-i for leaf i; null where an optional input is absent. Leaves without a name are inputs and
 *     what is not differentiated. An op with n outputs, n > 1, has "outputs":n; out is the first one's shape.
 *
 * In Python:
 *     import json, safetensors.numpy
 *     index = [json.loads(line) for line in open("run/index.jsonl", encoding="utf-8")]
 *     frames = {i["step"]: safetensors.numpy.load_file("run/" + i["frame"]) for i in index if "frame" in i}
 * (without those of steps that a later "forget" names).
 *
 * A run that goes on from a checkpoint begins a recording of its own, whose steps go on, too: one that is there is never
 * added to, since what it has behind the checkpoint would be there twice. heed-lens shows the parts beside each other.
 *
 * What a recording can have lost. A frame's file is closed before its line is written, so after a kill -9 everything opens
 * up to the last line that is whole. Neither is synced to disk: after a power cut any number of the last frames may be
 * short or missing, and everything opens up to the first of these. A line without its newline, and a frame whose file
 * is missing or not as long as its line says, is as if it were not there, and so is everything behind it. Anything else
 * that is not as above is an error that names the file and the line. */
#ifndef HEED_RECORDING_H
#define HEED_RECORDING_H

#include <heed/error.h>

HEED_BEGIN_DECLS

typedef struct heed_recording heed_recording;

/* Reads the whole index and checks it, each frame's presence and size too; frames are read when asked for. NULL and the
 * reason on an error; error may be NULL. The running program may still write it: what is there so far opens. */
heed_recording *heed_recording_open(const char *folder, heed_error *error);
void heed_recording_close(heed_recording *r);

/* The first line, checked: of the members above each is there, and of its type. */
const char *heed_recording_header(const heed_recording *r);
/* Whether the run came to its end, and after how many steps (else the last step that is known, 0 if none). */
bool heed_recording_ended(const heed_recording *r);
int64_t heed_recording_steps(const heed_recording *r);
/* "", or what was left out, and from which line of the index on, because it was cut. */
const char *heed_recording_cut(const heed_recording *r);

/* ---- frames, in order of steps ---- */

int heed_recording_frames(const heed_recording *r);
int64_t heed_recording_step(const heed_recording *r, int frame);             /* -1 where there is no such frame */
const char *heed_recording_frame_path(const heed_recording *r, int frame);   /* of its safetensors file; NULL: in none */

/* The frame read last is kept in memory: ask for all of a frame before the next. Names in the file's order; alive until
 * another frame is read. -1 and NULL on an error. */
int heed_recording_tensors(heed_recording *r, int frame, heed_error *error);
const char *heed_recording_tensor_name(heed_recording *r, int frame, int index);
/* Whether the frame has it; an unreadable frame has nothing. */
bool heed_recording_has(heed_recording *r, int frame, const char *name);
/* values: for free(), as many as shape says, row-major. param/, grad/, update/ and probe/P/grad/ have the shape of the
 * header's parameter. Errors name the frame's file and the tensor; shape and values are then unchanged. */
heed_status heed_recording_tensor(heed_recording *r, int frame, const char *name, heed_shape *shape, double **values,
                                  heed_error *error) HEED_MUST_CHECK;

/* What the model answered at a query of the probe then, where the probe tells that; NULL. */
const char *heed_recording_said(const heed_recording *r, int frame, const char *probe, int query);

/* ---- scalars: curves over steps, those of frames too, in order of their first appearance ---- */

int heed_recording_scalars(const heed_recording *r);
const char *heed_recording_scalar_name(const heed_recording *r, int scalar); /* NULL */
/* How many points; steps ascend, and where a step was given twice the last counts. Values may be NaN. The arrays live
 * as long as the recording. */
int64_t heed_recording_points(const heed_recording *r, int scalar, const int64_t **steps, const double **values);

/* ---- the rest ---- */

/* What a metric is with all heads, and without one; of a head that was tried twice with one metric the last counts. */
typedef struct heed_recorded_ablation {
    const char *path, *metric;
    int head;
    double whole, without;
} heed_recorded_ablation;
int heed_recording_ablations(const heed_recording *r);
heed_recorded_ablation heed_recording_ablation(const heed_recording *r, int index); /* .path NULL */

/* The text of graph.json, checked; NULL where there is none. */
const char *heed_recording_graph(const heed_recording *r);

HEED_END_DECLS
#endif
