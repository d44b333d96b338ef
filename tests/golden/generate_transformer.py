#!/usr/bin/python3
"""Writes transformer.txt: what PyTorch gives for the parts of transformers, in float64, and their gradients."""
import torch
from torch import nn

from torch_cases import Case, draw, name_attention, name_linear, name_norm, shorten, write_file

B, T, S, D, HEADS, FF = 2, 5, 4, 8, 2, 12
HIDDEN_FROM = torch.triu(torch.ones(T, T, dtype=torch.bool), 1)  # True: may not be looked at
T_PADDING = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
S_PADDING = torch.tensor([[False] * 2 + [True] * 2, [False] * 4])


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


write_file("transformer", (simple, encoders, decoders,))
