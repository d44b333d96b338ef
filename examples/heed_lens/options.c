#include "options.h"

#include <stdio.h>
#include <string.h>

#include "actions.h"

const options options_defaults = {.svg = DRAW_NONE, .head = -1, .step = -1};

static const char *const drawings[] = {"attention", "matrix", "curve", NULL};
static const char *const kinds[] = {"value", "grad", "update", NULL};

static const option_row rows[] = {
    {"RECORDING...", NULL,
     "the folder that an example's --record, or a heed_recorder, has written;\na page can hold several, to be compared",
     OPTION_OPERANDS, offsetof(options, recordings), 0, 0, NULL},
    {"output", "FILE", "the file to write: without other options, the page", OPTION_OUTPUT, offsetof(options, output),
     0, 0, NULL},
    {"list", NULL, "say what the recording holds", OPTION_FLAG, offsetof(options, list), 0, 0, NULL},
    {"terminal", NULL, "replay the attention here", OPTION_FLAG, offsetof(options, terminal), 0, 0, NULL},
    {"svg", "WHAT", "draw attention, matrix or curve", OPTION_CHOICE, offsetof(options, svg), 0, 0, drawings},
    {"npy", "TENSOR", "write one tensor of a frame for NumPy (--list names them)", OPTION_TEXT, offsetof(options, npy),
     0, 0, NULL},
    {"safetensors", NULL, "write a frame's tensors", OPTION_FLAG, offsetof(options, safetensors), 0, 0, NULL},
    {"bertviz", NULL, "write a probe's attention as JSON for bertviz's head_view", OPTION_FLAG,
     offsetof(options, bertviz), 0, 0, NULL},
    {"step", "N", "the frame of step N (the last)", OPTION_WHOLE, offsetof(options, step), 1, 1e15, NULL},
    {"probe", "NAME", "the fixed input (the first that there is)", OPTION_TEXT, offsetof(options, probe), 0, 0, NULL},
    {"layer", "PATH", "the attention layer (the first that there is)", OPTION_TEXT, offsetof(options, layer), 0, 0,
     NULL},
    {"head", "N", "its head, counted from 0 (0)", OPTION_WHOLE, offsetof(options, head), 0, 1e6, NULL},
    {"param", "NAME", "the parameter that --svg matrix draws", OPTION_TEXT, offsetof(options, param), 0, 0, NULL},
    {"of", "WHAT", "of it the value, grad or update (value)", OPTION_CHOICE, offsetof(options, of), 0, 0, kinds},
    {"scalar", "NAMES", "the curves that --svg curve draws, apart by commas (loss)", OPTION_TEXT,
     offsetof(options, scalars), 0, 0, NULL},
    {"log", NULL, "a curve's numbers on a logarithmic axis", OPTION_FLAG, offsetof(options, logarithmic), 0, 0, NULL},
    {"title", "TEXT", "of the page or picture", OPTION_TEXT, offsetof(options, title), 0, 0, NULL},
    {"language", "NAME", "in which the page opens: en or ru (en)", OPTION_TEXT, offsetof(options, language), 0, 0,
     NULL},
    {"bytes", "N", "the largest page (10000000); its numbers are rounded to fit", OPTION_WHOLE,
     offsetof(options, bytes), 1, 1e15, NULL},
    {"help", NULL, "print this", OPTION_HELP, offsetof(options, help), 0, 0, NULL},
};
enum { ROWS = sizeof rows / sizeof *rows };

const option_table options_table = {
    .about = "Shows how attention was learned: reads what a training has recorded, and writes one page to look at.",
    .rows = rows,
    .n = ROWS,
    .after = "Examples:\n"
             "  %s run -o run.html\n"
             "  %s seed1 seed2 -o both.html\n"
             "  %s run --terminal --layer decoder.0.cross_attn --head 1\n"
             "  %s run --svg attention --step 400 -o map.svg\n"
             "  %s run --bertviz -o attention.json         and in Python:\n"
             "    import json, torch, bertviz\n"
             "    a = json.load(open(\"attention.json\"))\n"
             "    bertviz.head_view(**{k: [torch.tensor(x) for x in v] if \"attention\" in k else v for k, v in "
             "a.items()})\n",
};

/* ---- one action ---- */

static bool wants_list(const options *o) {
    return o->list;
}
static bool wants_terminal(const options *o) {
    return o->terminal;
}
static bool wants_attention(const options *o) {
    return o->svg == DRAW_ATTENTION;
}
static bool wants_matrix(const options *o) {
    return o->svg == DRAW_MATRIX;
}
static bool wants_curve(const options *o) {
    return o->svg == DRAW_CURVE;
}
static bool wants_npy(const options *o) {
    return o->npy != NULL;
}
static bool wants_safetensors(const options *o) {
    return o->safetensors;
}
static bool wants_bertviz(const options *o) {
    return o->bertviz;
}

static const struct {
    bool (*wanted)(const options *o);
    action action;
} actions[] = {
    {wants_list, {"--list", " list ", false, list_all}},
    {wants_terminal, {"--terminal", " terminal step probe layer head ", false, replay}},
    {wants_attention, {"--svg attention", " svg output step probe layer head title ", true, draw_attention}},
    {wants_matrix, {"--svg matrix", " svg output step param of title ", true, draw_matrix}},
    {wants_curve, {"--svg curve", " svg output scalar log title ", true, draw_curve}},
    {wants_npy, {"--npy", " npy output step ", true, export_npy}},
    {wants_safetensors, {"--safetensors", " safetensors output step ", true, export_safetensors}},
    {wants_bertviz, {"--bertviz", " bertviz output step probe ", true, export_bertviz}},
};

static const action page = {"a page", " output title language bytes ", true, write_page};

static bool accepts(const action *a, const char *option) {
    char word[64];
    snprintf(word, sizeof word, " %s ", option);
    return strstr(a->accepts, word) != NULL;
}

const action *options_action(const options *o, const bool *given) {
    const action *chosen = NULL;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (!actions[i].wanted(o))
            continue;
        if (chosen) {
            complain("%s and %s: one thing at a time (see --help)", chosen->name, actions[i].action.name);
            return NULL;
        }
        chosen = &actions[i].action;
    }
    chosen = chosen ? chosen : &page;
    for (int i = 0; i < ROWS; i++)
        if (given[i] && rows[i].kind != OPTION_OPERANDS && !accepts(chosen, rows[i].name)) {
            complain("--%s does nothing for %s (see --help)", rows[i].name, chosen->name);
            return NULL;
        }
    if (o->recordings[0] == NULL)
        complain("which RECORDING? Name the folder (see --help)");
    else if (chosen != &page && o->recordings[1])
        complain("\"%s\": %s is of one recording; a page can hold several", o->recordings[1], chosen->name);
    else if (chosen->writes && o->output == NULL)
        complain("%s: where to? Name a file by -o FILE (see --help)", chosen->name);
    else
        return chosen;
    return NULL;
}
