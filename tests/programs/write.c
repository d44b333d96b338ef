/* A program as C: what a person pastes into a file and runs. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "program.h"

static const char *const dtype_names[] = {"HEED_F32", "HEED_F64", "HEED_I32", "HEED_BOOL", "HEED_BF16"};
static const char *const element_names[] = {"float", "double", "int32_t", "bool", "uint16_t"};

static void write_dtype(FILE *out, heed_dtype dtype) {
    if ((unsigned)dtype < HEED_DTYPES)
        fputs(dtype_names[dtype], out);
    else
        fprintf(out, "(heed_dtype)%d", (int)dtype);
}

static void write_number(FILE *out, int64_t x) {
    if (x == INT64_MIN)
        fputs("INT64_MIN", out);
    else
        fprintf(out, "%" PRId64, x);
}

static void write_real(FILE *out, double x) {
    if (isnan(x))
        fputs("NAN", out);
    else if (isinf(x))
        fputs(x < 0 ? "-INFINITY" : "INFINITY", out);
    else
        fprintf(out, "%.17g", x);
}

static void write_shape(FILE *out, heed_shape shape) {
    fprintf(out, "(heed_shape){%d, {", shape.rank);
    for (int i = 0; i < shape.rank && i < HEED_MAX_RANK; i++) {
        fputs(i ? ", " : "", out);
        write_number(out, shape.n[i]);
    }
    fputs(shape.rank > 0 ? "}}" : "0}}", out);
}

static void write_axes(FILE *out, const heed_axes *axes) {
    fprintf(out, "(heed_axes){%d, {", axes->n);
    for (int i = 0; i < axes->n && i < HEED_MAX_RANK; i++)
        fprintf(out, "%s%d", i ? ", " : "", axes->axis[i]);
    fprintf(out, axes->n > 0 ? "}, %s}" : "0}, %s}", axes->keepdim ? "true" : "false");
}

static void write_ref(FILE *out, ref x) {
    if (x >= 0)
        fprintf(out, "v%d[%d]", x / MOST_OUT, x % MOST_OUT);
    else
        fputs(x == ABSENT ? "HEED_NIL" : x == STALE ? "stale" : "foreign", out);
}

static void write_numbers(FILE *out, const statement *s, int first, int n) {
    for (int i = 0; i < n; i++) {
        fputs(i ? ", " : "", out);
        write_number(out, s->number[first + i]);
    }
}

static void write_states(FILE *out, const statement *s, int k) {
    const bool lstm = s->number[0] == HEED_LSTM;
    fprintf(out, lstm ? ".cells = &v%d[1], " : ".cells = NULL, ", k);
    fprintf(out, s->number[2] ? ".gates = &v%d[%d]" : ".gates = NULL", k, lstm ? 2 : 1);
}

/* "&": the last argument that depends on how many outputs, or sizes, there are. */
static void write_pointer(FILE *out, const statement *s, int k) {
    if (s->op->work == work_attention)
        fprintf(out, s->n_out > 1 ? "&v%d[1]" : "NULL", k);
    else if (s->op->work == work_recurrence)
        write_states(out, s, k);
    else if (s->n_numbers > 2) {
        fputs("(int64_t[]){", out);
        write_numbers(out, s, 2, s->n_numbers - 2);
        fputs("}", out);
    } else {
        fputs("NULL", out);
    }
}

/* What follows '#': a number, or all, or those of pad. */
static void write_whole(FILE *out, const statement *s, char which) {
    switch (which) {
    case '*': write_numbers(out, s, 0, s->n_numbers); break;
    case '<': write_numbers(out, s, 0, HEED_MAX_RANK); break;
    case '>': write_numbers(out, s, HEED_MAX_RANK, HEED_MAX_RANK); break;
    case 'n': fprintf(out, "%d", s->n_in); break;
    default: write_number(out, s->number[which - '0']);
    }
}

static void write_inputs(FILE *out, const statement *s, char which) {
    if (which != '*') {
        write_ref(out, s->in[which - '0']);
        return;
    }
    for (int i = 0; i < s->n_in; i++) {
        fputs(i ? ", " : "", out);
        write_ref(out, s->in[i]);
    }
}

/* The operation's text, with what stands for this statement's own; see program.h. */
static void write_call(FILE *out, const statement *s, int k) {
    for (const char *c = s->op->text; *c; c++) {
        switch (*c) {
        case '$': write_inputs(out, s, *++c); break;
        case '#': write_whole(out, s, *++c); break;
        case '~': write_real(out, s->real[*++c - '0']); break;
        case '@': write_shape(out, s->shape); break;
        case '^': write_axes(out, &s->axes); break;
        case '!': write_dtype(out, s->dtype); break;
        case '"': fprintf(out, "\"%s\"", s->text); break;
        case '%':
            /* after a name, its number; alone, the outputs */
            fprintf(out, c[-1] == ' ' || c[-1] == '&' ? "v%d" : "%d", k);
            break;
        case '&':
            if (c[1] == ',' || c[1] == '}') {
                write_pointer(out, s, k);
                break;
            }
            /* falls through */
        default: fputc(*c, out);
        }
    }
}

static void write_values(FILE *out, const char *type, const char *name, int k, const double *values, int64_t count) {
    fprintf(out, "    static const %s %s%d[] = {", type, name, k);
    for (int64_t i = 0; i < count; i++) {
        fputs(i ? ", " : "", out);
        write_real(out, values[i]);
    }
    fputs(count > 0 ? "};\n" : "0};\n", out);
}

static const char *layer_type(const statement *s) {
    static const char *const types[] = {NULL, "linear_layer", "embedding_layer", "norm_layer", "feed_forward",
                                        "self_attention", "multi_head_attention", "recurrent"};
    return types[s->op->kind];
}

/* How the layer was declared, with its numbers: operations.c has the names. */
static void write_declaration(FILE *out, const statement *s, int k) {
    static const char *const forms[] = {
        "heed_param param%d = heed_param_new(root, \"s%d\", ",
        "heed_linear_init(&layer%d, root, \"s%d\", #0, #1, #2)",
        "heed_embedding_init(&layer%d, root, \"s%d\", #0, #1)",
        "heed_norm_init(&layer%d, root, \"s%d\", (heed_norm_kind)#1, #0, ~0, #2)",
        "heed_feed_forward_init(&layer%d, root, \"s%d\", (heed_feed_forward_options){.d_model = #0, .d_ff = #1, "
        ".activation = (heed_activation)#2, .no_bias = !#3})",
        "heed_self_attention_init(&layer%d, root, \"s%d\", #0, #1)",
        "heed_multi_head_attention_init(&layer%d, root, \"s%d\", (heed_multi_head_options){.d_model = #0, "
        ".n_heads = #1, .no_bias = !#3, .features = {.n_kv_heads = #2}})",
        "heed_recurrent_init(&layer%d, root, \"s%d\", (heed_recurrent_options){.kind = (heed_cell_kind)#0, "
        ".inputs = #1, .hidden = #2, .bidirectional = #3, .no_bias = !#4})",
    };
    const int kind = s->op->kind;
    if (kind > 0)
        fprintf(out, "    heed_%s layer%d;\n", layer_type(s), k);
    fputs("    ", out);
    for (const char *c = forms[kind]; *c; c++) {
        if (*c == '%')
            fprintf(out, "%d", k), c++;
        else if (*c == '#')
            write_number(out, s->number[*++c - '0']);
        else if (*c == '~')
            write_real(out, s->real[*++c - '0']);
        else
            fputc(*c, out);
    }
    if (kind == 0) {
        write_shape(out, s->param[0].shape);
        fputs(", heed_init_constant(0))", out);
    }
    fputs(";\n", out);
    if (s->op->work == work_self_attention)
        fprintf(out, "    layer%d.causal = %d;\n", k, (int)s->number[2]);
}

static void write_model(const program *p, FILE *out) {
    fputs("    heed_model *model = heed_model_new();\n    const heed_module *root = heed_model_root(model);\n", out);
    for (int k = 0; k < p->n; k++)
        if (p->at[k].n_params > 0)
            write_declaration(out, &p->at[k], k);
    fprintf(out, "    if (heed_model_build(model, %s, 1))\n        return 1;\n", dtype_names[p->model_dtype]);
    for (int k = 0; k < p->n; k++)
        for (int i = 0; i < p->at[k].n_params; i++) {
            const parameter *own = &p->at[k].param[i];
            const int64_t count = heed_shape_count(own->shape);
            fputs("    {\n    ", out);
            write_values(out, "double", "p", k, own->values, count);
            fprintf(out, "        if (heed_param_set(heed_model_find(model, \"s%d%s%s\"), p%d, %lld))\n"
                    "            return 1;\n    }\n", k, own->name[0] ? "." : "", own->name, k, (long long)count);
        }
}

static void write_statement(const program *p, int k, FILE *out) {
    const statement *s = &p->at[k];
    if (s->values && (unsigned)s->dtype < HEED_DTYPES && s->dtype != HEED_BF16) {
        write_values(out, element_names[s->dtype], "data", k, s->values, heed_shape_count(s->shape));
    } else if (s->values) { /* the upper halves of floats */
        fprintf(out, "    static const uint16_t data%d[] = {", k);
        for (int64_t i = 0; i < heed_shape_count(s->shape); i++)
            fprintf(out, "%s%u", i ? ", " : "", (unsigned)heed_bf16_from_float((float)s->values[i]));
        fputs("};\n", out);
    }
    if (s->off_record)
        fputs("    heed_tape_set_recording(t, false);\n", out);
    fprintf(out, "    heed_tensor v%d[%d] = {{0}};\n    ", k, s->n_out > 0 ? s->n_out : 1);
    if (s->op->work != work_split)
        fprintf(out, "v%d[0] = ", k);
    write_call(out, s, k);
    fprintf(out, ";%s\n", k == p->broken ? " /* is to be refused */" : "");
    if (s->off_record)
        fputs("    heed_tape_set_recording(t, true);\n", out);
    if (s->kept)
        fprintf(out, "    heed_keep_grad(t, v%d[0]);\n", k);
    for (int i = 0; i < s->n_out; i++)
        fprintf(out, "    show(t, \"v%d[%d]\", v%d[%d]);\n", k, i, k, i);
}

static void write_backwards(const program *p, FILE *out) {
    for (int i = 0; i < p->n_backwards; i++) {
        const backward *b = &p->back[i];
        fputs("    if (heed_backward_with(t, ", out);
        write_ref(out, b->of);
        fprintf(out, ", %s, (heed_backward_options){.seed = ", b->with_grads ? "grads" : "NULL");
        write_ref(out, b->seed);
        fprintf(out, ", .retain = %s}))%s\n        printf(\"backward: %%s\\n\", heed_error_text(t));\n",
                b->retain ? "true" : "false", p->broken == MOST_STATEMENTS + i ? " /* is to be refused */" : "");
        for (int k = 0; k < p->n; k++)
            if (p->at[k].direction && k != p->broken && !p->at[k].off_record)
                fprintf(out, "    show(t, \"gradient of v%d[0]\", heed_grad(t, v%d[0]));\n", k, k);
    }
    for (int k = 0; k < p->n; k++)
        for (int i = 0; i < p->at[k].n_params && p->n_backwards > 0; i++)
            fprintf(out, "    show_parameter(grads, \"s%d%s%s\");\n", k, p->at[k].param[i].name[0] ? "." : "",
                    p->at[k].param[i].name);
}

static const char head[] =
    "#include <math.h>\n#include <stdio.h>\n\n#include <heed/heed.h>\n\n"
    "static void show(heed_tape *t, const char *name, heed_tensor x) {\n"
    "    char text[4096];\n"
    "    heed_print(t, x, text, sizeof text);\n"
    "    printf(\"%s = %s\\n\", name, heed_tape_status(t) ? heed_error_text(t) : text);\n"
    "}\n\n";
static const char show_parameter[] =
    "static void show_parameter(heed_grads *g, const char *path) {\n"
    "    const heed_param p = heed_model_find(heed_grads_model(g), path);\n"
    "    const heed_param_info info = heed_model_param(heed_grads_model(g), p.index);\n"
    "    printf(\"gradient of %s =\", path);\n"
    "    for (int64_t i = 0; i < info.count; i++)\n"
    "        printf(\" %.9g\", heed_model_dtype(heed_grads_model(g)) == HEED_F64 ? ((double *)heed_grads_of(g, p))[i]\n"
    "                                                                         : ((float *)heed_grads_of(g, p))[i]);\n"
    "    printf(\"\\n\");\n"
    "}\n\n";

static bool uses(const program *p, ref x) {
    bool found = false;
    for (int k = 0; k < p->n; k++)
        for (int i = 0; i < p->at[k].n_in; i++)
            found = found || p->at[k].in[i] == x;
    for (int i = 0; i < p->n_backwards; i++)
        found = found || p->back[i].of == x || p->back[i].seed == x;
    return found;
}

void write_program(const program *p, FILE *out) {
    const bool parameters = program_has_parameters(p);
    fprintf(out, "/* Program %llu of seed %llu. */\n%s%sint main(void) {\n", (unsigned long long)p->number,
            (unsigned long long)p->seed, head, parameters ? show_parameter : "");
    if (parameters)
        write_model(p, out);
    if (parameters && p->n_backwards > 0)
        fputs("    heed_grads *grads = heed_grads_new(model);\n", out);
    fputs("    heed_tape *t = heed_tape_new();\n", out);
    if (uses(p, STALE))
        fputs("    const heed_tensor stale = heed_zeros(t, HEED_F32, HEED_SHAPE(2, 3));\n", out);
    if (uses(p, FOREIGN))
        fputs("    heed_tape *other = heed_tape_new();\n"
              "    const heed_tensor foreign = heed_zeros(other, HEED_F32, HEED_SHAPE(2, 3));\n", out);
    fprintf(out, "    heed_tape_reset(t);\n    heed_tape_set_seed(t, %lluu);\n    heed_tape_set_step(t, %lluu);\n"
            "    heed_tape_set_threads(t, %d);\n    heed_tape_set_training(t, %s);\n    heed_tape_set_anomaly(t, %s);\n",
            (unsigned long long)p->seed, (unsigned long long)p->number, p->threads, p->training ? "true" : "false",
            p->anomaly ? "true" : "false");
    for (int k = 0; k < p->n; k++)
        write_statement(p, k, out);
    write_backwards(p, out);
    fputs("    return 0;\n}\n", out);
}
