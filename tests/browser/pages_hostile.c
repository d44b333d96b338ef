/* Names that would be markup, scripts, or would hide and reorder text: of tokens, probes' rows, and the title. */
#include "pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS = 1000, SHOWN = 24, D_MODEL = 16, STEPS = 5 };

static const char *const pieces[] = {
    "<script>window.harm = 1</script>",
    "\"><img src=x onerror=window.harm=1>",
    "</script><script>window.harm = 1</script>",
    "<!--<script>",
    "]]>",
    "javascript:window.harm=1",
    "' onmouseover='window.harm=1",
    "<style>*{display:none}</style>",
    "</title></head><body onload=window.harm=1>",
    "&lt;b&gt;&#60;i&#62;",
    "\xe2\x80\xae"
    "drow"
    "\xe2\x80\xac", /* right-to-left override */
    "\xe2\x81\xa6"
    "isolate",
    "zero\xe2\x80\x8bwidth\xe2\x80\x8djoined\xef\xbb\xbf",
    "\x1b[31mred\x07\x01\x7f",
    "line\nbreak\ttab\rreturn",
    "\xff\xfe\xc0\x80 not UTF-8 \xed\xa0\x80",
    "\xf3\xa0\x81\x81tag",
    " ",
    "",
    "__proto__",
    "constructor",
    "{{7*7}}${7*7}[q|x]{name}",
    "combining a\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86\xcc\x87\xcc\x88",
    "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e \xd1\x80\xd1\x83\xd1\x81\xd1\x81\xd0\xba\xd0\xb8\xd0\xb9 \xf0\x9f\x90\x8c",
    "a name that is much longer than any place where it could be shown, and that goes on, and on, and on, without an "
    "end in sight",
};
enum { PIECES = sizeof pieces / sizeof *pieces };

/* Plain names, one for each token, for the page that this one is compared with. */
static void name_all(char **names, bool hostile) {
    for (int i = 0; i < TOKENS; i++) {
        size_t size = 256;
        names[i] = malloc(size);
        if (!names[i])
            abort();
        if (!hostile)
            snprintf(names[i], size, "token %d", i);
        else if (i < PIECES)
            snprintf(names[i], size, "%s", pieces[i]);
        else
            snprintf(names[i], size, "%s%d%s", pieces[i % PIECES], i, pieces[i / PIECES % PIECES]);
    }
}

typedef struct net {
    heed_model *model;
    heed_embedding_layer token;
    heed_self_attention attn;
    heed_linear_layer w_o, output;
    const char *const *names; /* (TOKENS) */
} net;

static heed_tensor loss_of(void *user, heed_tape *t) {
    const net *n = user;
    int32_t tokens[SHOWN], next[SHOWN];
    for (int i = 0; i < SHOWN; i++) {
        tokens[i] = i;
        next[i] = (i + 1) % SHOWN;
    }
    heed_tensor x = heed_embedding_forward(&n->token, t, heed_input(t, HEED_I32, HEED_SHAPE(SHOWN), tokens));
    heed_tensor y =
        heed_add(t, x, heed_linear_forward(&n->w_o, t, heed_self_attention_forward(&n->attn, t, x, HEED_NIL)));
    return heed_cross_entropy(t, heed_linear_forward(&n->output, t, y),
                              heed_input(t, HEED_I32, HEED_SHAPE(SHOWN), next));
}

/* Every second query is answered by its own name, the others by the name that follows. */
static void say(void *user, heed_tape *t, const char **said) {
    (void)t;
    for (int i = 0; i < SHOWN; i++)
        said[i] = ((const net *)user)->names[i + i % 2];
}

static bool describe(heed_recorder *r, net *n) {
    const char *const *all = n->names;
    const heed_recorded_attention attention = {"attn",     "causal",     1,        8,        "attn.w_q", "attn.w_k",
                                               "attn.w_v", "w_o.weight", "tokens", "tokens", "tokens"};
    return !heed_recorder_attention(r, attention) &&
           !heed_recorder_space(r, (heed_recorded_space){"tokens", TOKENS, all, "token.weight", NULL}) &&
           !heed_recorder_probe(r, (heed_probe){.name = "first",
                                                .loss = loss_of,
                                                .user = n,
                                                .n_queries = SHOWN,
                                                .n_keys = SHOWN,
                                                .queries = all,
                                                .keys = all,
                                                .said = say});
}

static heed_status train(net *n, heed_recorder *r) {
    heed_tape *t = heed_tape_new();
    heed_grads *g = heed_grads_new(n->model);
    heed_optim *sgd = heed_sgd_new(n->model, (heed_sgd_options){.lr = 0.5});
    heed_status status = HEED_OK;
    for (int step = 1; !status && step <= STEPS; step++) {
        heed_tape_reset(t);
        heed_tensor loss = loss_of(n, t);
        if ((status = heed_backward(t, loss, g)))
            break;
        heed_recorder_scalar(r, step, "loss", heed_item(t, loss));
        heed_recorder_scalar(r, step, "<b onclick=window.harm=1>metric</b>", step);
        heed_recorder_before(r, step, g);
        status = heed_optim_step(sgd, g);
        heed_recorder_after(r);
    }
    heed_recorder_ablation(r, "attn", 0, pieces[0], 1, 0.5);
    heed_optim_free(sgd);
    heed_grads_free(g);
    heed_tape_free(t);
    return status;
}

static bool make(const char *folder, const char *name, bool hostile) {
    char path[PAGES_PATH], *names[TOKENS];
    net n = {.model = heed_model_new()};
    const heed_module *root = heed_model_root(n.model);
    heed_embedding_init(&n.token, root, "token", TOKENS, D_MODEL);
    heed_self_attention_init(&n.attn, root, "attn", D_MODEL, 8);
    n.attn.causal = true;
    heed_linear_init(&n.w_o, root, "w_o", 8, D_MODEL, false);
    heed_linear_init(&n.output, root, "output", D_MODEL, TOKENS, false);
    heed_status status = heed_model_build(n.model, HEED_F32, 11);
    name_all(names, hostile);
    n.names = (const char *const *)names;
    heed_recorder *r = heed_recorder_new(pages_path(path, sizeof path, folder, name, ""), n.model,
                                         (heed_recorder_options){.title = hostile ? pieces[8] : "Plain names",
                                                                 .params = "token.weight,attn.*,w_o.weight",
                                                                 .replace = true});
    bool good = !status && describe(r, &n) && train(&n, r) == HEED_OK;
    good = pages_finish(r, folder, name, 1000000) && good;
    for (int i = 0; i < TOKENS; i++)
        free(names[i]);
    heed_model_free(n.model);
    return good || pages_fail(name, "cannot be trained");
}

bool pages_hostile(const char *folder) {
    return make(folder, "hostile", true) && make(folder, "plain", false);
}

/* ---- a run that has nothing of what the lens is for ---- */

bool pages_bare(const char *folder) {
    char path[PAGES_PATH];
    heed_model *model = heed_model_new();
    heed_linear_layer linear;
    heed_linear_init(&linear, heed_model_root(model), "linear", 3, 2, false);
    heed_status status = heed_model_build(model, HEED_F32, 1);
    heed_recorder *r =
        heed_recorder_new(pages_path(path, sizeof path, folder, "bare", ""), model,
                          (heed_recorder_options){.title = "Only a loss", .params = "linear.*", .replace = true});
    heed_tape *t = heed_tape_new();
    heed_grads *g = heed_grads_new(model);
    heed_optim *sgd = heed_sgd_new(model, (heed_sgd_options){.lr = 0.1});
    for (int step = 1; !status && step <= 10; step++) {
        heed_tape_reset(t);
        heed_tensor x = heed_input(t, HEED_F32, HEED_SHAPE(1, 3), (float[]){1, 2, 3});
        heed_tensor loss = heed_cross_entropy(t, heed_linear_forward(&linear, t, x),
                                              heed_input(t, HEED_I32, HEED_SHAPE(1), (int32_t[]){1}));
        if ((status = heed_backward(t, loss, g)))
            break;
        heed_recorder_scalar(r, step, "loss", heed_item(t, loss));
        heed_recorder_before(r, step, g);
        status = heed_optim_step(sgd, g);
        heed_recorder_after(r);
    }
    bool good = pages_finish(r, folder, "bare", 0) && !status;
    heed_optim_free(sgd);
    heed_grads_free(g);
    heed_tape_free(t);
    heed_model_free(model);
    return good || pages_fail("bare", "cannot be trained");
}
