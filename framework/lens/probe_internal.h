/* One run of a probe, into a frame. */
#ifndef HEED_LENS_PROBE_INTERNAL_H
#define HEED_LENS_PROBE_INTERNAL_H

#include <heed/recorder.h>

#include "frame_internal.h"

/* A probe with the names of what it leaves. */
typedef struct lens_probe {
    heed_probe_fn *loss;
    heed_probe_said_fn *said;
    void *user;
    int n_queries;
    const char **names; /* room for what is said at each query */
    char *name, *loss_name; /* "probe.P.loss" */
    char *values, *gradients, *parameters; /* prefixes of tensors: "probe/P/", "probe/P/d/", "probe/P/grad/" */
} lens_probe;

/* A value that attention showed. */
typedef struct probe_seen {
    size_t path; /* offset in paths: of the layer */
    int kind;    /* index in probe.c's table */
    heed_tensor x;
    int item, gradient; /* of the frame; -1: none. Set for the first of a layer and kind, which stands for all */
} probe_seen;

/* A recorder's tape and gradients for its probes, and what the probe under way has shown. */
typedef struct lens_prober {
    heed_model *model;
    heed_tape *tape;
    heed_grads *grads;
    probe_seen *seen;
    size_t n_seen, cap_seen;
    lens_text paths;
    bool no_memory;
} lens_prober;

/* Status: out of memory, or the model's. */
heed_status lens_prober_init(lens_prober *p, heed_model *model);
void lens_prober_free(lens_prober *p);
/* The probe's forward and backward: adds to f what attention shows and its gradients, the gradients of the n parameters
 * with these indexes in the model, what the probe says, and with `graph` the graph. Sets the loss. */
heed_status lens_prober_run(lens_prober *p, const lens_probe *probe, int n, const int *parameters, bool graph,
                            lens_frame *f, double *loss, heed_error *error);

/* graph.json of what t has recorded. */
heed_status lens_graph(heed_tape *t, lens_text *text);

#endif
