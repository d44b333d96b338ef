#!/usr/bin/python3
"""Writes layers.txt: what PyTorch's layers give, in float64, and their gradients.

Running the tests does not need this program; it was run once, with the PyTorch that the file's first line names:

    /usr/bin/python3 tests/golden/generate_layers.py

A case is one call of one layer. Inputs and weights have two decimals, so they are short to write and exact to read; parameters
carry Heed's names. The loss is the sum over the outputs of output * seed, with the seeds in the file too.

    case NAME
    PART.NAME TYPE RANK SIZES           PART: in, param, out, seed, grad      TYPE: f, i (integers) or b (booleans)
    numbers
"""
import os

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
torch.manual_seed(20240229)
torch.set_num_threads(1)


def draw(*shape):
    """Normal numbers with two decimals."""
    return (torch.randn(*shape) * 100).round() / 100


def shorten(module):
    """Gives every parameter values with two decimals, none of them as it was initialised: a bias of 0 would hide a mistake."""
    for parameter in module.parameters():
        spread = 0.4 if parameter.dim() > 1 else 0.2
        start = 1.0 if parameter.data.eq(1).all() else 0.0
        parameter.data = ((start + spread * torch.randn_like(parameter)) * 100).round() / 100
    return module


def exact(v):
    return repr(v + 0.0)


def rounded(v):
    """Enough for results, which are compared to 1e-10 of the largest."""
    return "%.13g" % v


def write(out, kind, name, x, text=exact):
    letter = {torch.float64: "f", torch.int64: "i", torch.bool: "b"}[x.dtype]
    if letter != "f":
        text = lambda v: str(int(v))
    out.write(f"{kind}.{name} {letter} {' '.join(str(n) for n in (x.dim(), *x.shape))}\n")
    out.write(" ".join(text(v) for v in x.detach().flatten().tolist()) + "\n")


class Case:
    def __init__(self, name):
        self.name, self.inputs, self.params = name, {}, []

    def give(self, name, x):
        if x.dtype == torch.float64:
            x.requires_grad_()
        self.inputs[name] = x
        return x

    def param(self, name, tensor, rows=slice(None)):
        self.params.append((name, tensor, rows))

    def finish(self, out, **outputs):
        seeds = {name: draw(*y.shape) for name, y in outputs.items()}
        sum((y * seeds[name]).sum() for name, y in outputs.items()).backward()
        out.write(f"\ncase {self.name}\n")
        for name, x in self.inputs.items():
            write(out, "in", name, x)
        for name, p, rows in self.params:
            write(out, "param", name, p[rows])
        for name, y in outputs.items():
            write(out, "out", name, y, rounded)
            write(out, "seed", name, seeds[name])
        for name, x in self.inputs.items():
            if x.requires_grad:
                write(out, "grad", name, x.grad, rounded)
        for name, p, rows in self.params:
            write(out, "grad", name, p.grad[rows], rounded)


# ---- how Heed calls PyTorch's parameters ----

def name_linear(case, prefix, m):
    case.param(prefix + "weight", m.weight)
    if m.bias is not None:
        case.param(prefix + "bias", m.bias)


def name_norm(case, prefix, m):
    case.param(prefix + "gain", m.weight)
    case.param(prefix + "shift", m.bias)


def name_attention(case, prefix, m):
    d = m.embed_dim
    for i, letter in enumerate("qkv"):
        case.param(f"{prefix}w_{letter}", m.in_proj_weight, slice(i * d, (i + 1) * d))
        if m.in_proj_bias is not None:
            case.param(f"{prefix}b_{letter}", m.in_proj_bias, slice(i * d, (i + 1) * d))
    case.param(prefix + "w_o", m.out_proj.weight)
    if m.out_proj.bias is not None:
        case.param(prefix + "b_o", m.out_proj.bias)


def name_encoder_layer(case, prefix, m):
    name_attention(case, prefix + "attn.", m.self_attn)
    name_linear(case, prefix + "mlp.up.", m.linear1)
    name_linear(case, prefix + "mlp.down.", m.linear2)
    name_norm(case, prefix + "norm_attn.", m.norm1)
    name_norm(case, prefix + "norm_mlp.", m.norm2)


def name_decoder_layer(case, prefix, m):
    name_attention(case, prefix + "self_attn.", m.self_attn)
    name_attention(case, prefix + "cross_attn.", m.multihead_attn)
    name_linear(case, prefix + "mlp.up.", m.linear1)
    name_linear(case, prefix + "mlp.down.", m.linear2)
    name_norm(case, prefix + "norm_self.", m.norm1)
    name_norm(case, prefix + "norm_cross.", m.norm2)
    name_norm(case, prefix + "norm_mlp.", m.norm3)


def name_stack(case, name_layer, m):
    for i, layer in enumerate(m.layers):
        name_layer(case, f"layer.{i}.", layer)
    if m.norm is not None:
        name_norm(case, "layer.norm.", m.norm)


def name_gru(case, m, suffix):
    case.param("layer.w_i", getattr(m, "weight_ih" + suffix))
    case.param("layer.w_h", getattr(m, "weight_hh" + suffix))
    case.param("layer.b_i", getattr(m, "bias_ih" + suffix))
    case.param("layer.b_h", getattr(m, "bias_hh" + suffix))


# ---- the cases ----

B, T, S, D, HEADS, FF = 2, 5, 4, 8, 2, 12
HIDDEN_FROM = torch.triu(torch.ones(T, T, dtype=torch.bool), 1)  # True: may not be looked at
T_PADDING = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
S_PADDING = torch.tensor([[False] * 2 + [True] * 2, [False] * 4])


def simple(out):
    for bias in (True, False):
        case, m = Case("linear" if bias else "linear_no_bias"), shorten(nn.Linear(4, 6, bias=bias))
        name_linear(case, "layer.", m)
        case.finish(out, y=m(case.give("x", draw(B, 3, 4))))

    case, m = Case("layernorm"), shorten(nn.LayerNorm(D))
    name_norm(case, "layer.", m)
    case.finish(out, y=m(case.give("x", draw(B, 3, D))))

    case, m = Case("embedding"), shorten(nn.Embedding(5, 3))
    case.param("layer.weight", m.weight)
    case.finish(out, y=m(case.give("tokens", torch.tensor([[4, 0, 4], [1, 4, 2]]))))


def attention(out):
    def one(name, cross=False, bias=True, causal=False, padding=None, additive=None):
        case, m = Case(name), shorten(nn.MultiheadAttention(D, HEADS, bias=bias, batch_first=True))
        name_attention(case, "layer.", m)
        query = case.give("query", draw(B, T, D))
        memory = case.give("memory", draw(B, S, D)) if cross else query
        if padding is not None:
            case.give("padding", padding)
        if additive is not None:
            case.give("mask", additive)
        mask = HIDDEN_FROM if causal else additive
        y, _ = m(query, memory, memory, key_padding_mask=padding, attn_mask=mask, need_weights=False)
        case.finish(out, y=y)

    one("attention_self")
    one("attention_no_bias", bias=False)
    one("attention_causal", causal=True)
    one("attention_causal_padding", causal=True, padding=T_PADDING)
    one("attention_cross", cross=True)
    one("attention_cross_padding", cross=True, padding=S_PADDING)
    one("attention_additive_padding", cross=True, padding=S_PADDING, additive=draw(T, S))


def encoders(out):
    for name, options in {"post_relu": dict(activation="relu"), "pre_gelu": dict(activation="gelu", norm_first=True)}.items():
        case = Case("encoder_layer_" + name)
        m = shorten(nn.TransformerEncoderLayer(D, HEADS, FF, dropout=0, batch_first=True, **options))
        name_encoder_layer(case, "layer.", m)
        x = case.give("x", draw(B, T, D))
        case.finish(out, y=m(x, src_key_padding_mask=case.give("padding", T_PADDING)))
    for pre in (True, False):
        case = Case("encoder_pre" if pre else "encoder_post")
        layer = nn.TransformerEncoderLayer(4, HEADS, 6, dropout=0, batch_first=True, norm_first=pre)
        m = shorten(nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(4) if pre else None, enable_nested_tensor=False))
        name_stack(case, name_encoder_layer, m)
        x = case.give("x", draw(B, T, 4))
        case.finish(out, y=m(x, mask=HIDDEN_FROM))


def decoders(out):
    def call(case, m, d):
        x, memory = case.give("x", draw(B, T, d)), case.give("memory", draw(B, S, d))
        padding = case.give("padding", S_PADDING)
        case.finish(out, y=m(x, memory, tgt_mask=HIDDEN_FROM, memory_key_padding_mask=padding))

    for name, options in {"post_gelu": dict(activation="gelu"), "pre_relu": dict(activation="relu", norm_first=True)}.items():
        case = Case("decoder_layer_" + name)
        m = shorten(nn.TransformerDecoderLayer(D, HEADS, FF, dropout=0, batch_first=True, **options))
        name_decoder_layer(case, "layer.", m)
        call(case, m, D)
    for pre in (True, False):
        case = Case("decoder_pre" if pre else "decoder_post")
        layer = nn.TransformerDecoderLayer(4, HEADS, 6, dropout=0, batch_first=True, norm_first=pre)
        m = shorten(nn.TransformerDecoder(layer, 2, norm=nn.LayerNorm(4) if pre else None))
        name_stack(case, name_decoder_layer, m)
        call(case, m, 4)


def gru(out):
    inputs, hidden = 3, 4
    case, m = Case("gru_step"), shorten(nn.GRUCell(inputs, hidden))
    name_gru(case, m, "")
    case.finish(out, y=m(case.give("x", draw(B, inputs)), case.give("h", draw(B, hidden))))

    for start in (True, False):
        case, m = Case("gru_from_h0" if start else "gru_from_zero"), shorten(nn.GRU(inputs, hidden, batch_first=True))
        name_gru(case, m, "_l0")
        x = case.give("x", draw(B, T, inputs))
        h0 = case.give("h0", draw(B, hidden)) if start else torch.zeros(B, hidden)
        states, last = m(x, h0[None])
        case.finish(out, states=states, last=last[0])

    # Packed sequences leave padded steps out; Heed keeps the state there.
    case, m = Case("gru_padding"), shorten(nn.GRU(inputs, hidden, batch_first=True))
    name_gru(case, m, "_l0")
    x = case.give("x", draw(B, T, inputs))
    padding = case.give("padding", T_PADDING)
    packed = nn.utils.rnn.pack_padded_sequence(x, (~padding).sum(1), batch_first=True, enforce_sorted=False)
    states, last = m(packed)
    states, _ = nn.utils.rnn.pad_packed_sequence(states, batch_first=True)
    case.finish(out, states=torch.where(padding[:, :, None], last[0][:, None], states), last=last[0])


def main():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "layers.txt")
    with open(path, "w", encoding="ascii") as out:
        out.write(f"# Written by generate_layers.py with PyTorch {torch.__version__}, which also explains the form. Not to be edited.\n")
        for write_cases in (simple, attention, encoders, decoders, gru):
            write_cases(out)


main()
