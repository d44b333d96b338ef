#!/usr/bin/python3
"""Writes attention.txt: what torch.nn.MultiheadAttention gives, in float64, and its gradients."""
import torch
from torch import nn

from torch_cases import Case, draw, name_attention, shorten, write_file

B, T, S, D, HEADS, FF = 2, 5, 4, 8, 2, 12
HIDDEN_FROM = torch.triu(torch.ones(T, T, dtype=torch.bool), 1)  # True: may not be looked at
T_PADDING = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
S_PADDING = torch.tensor([[False] * 2 + [True] * 2, [False] * 4])


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


write_file("attention", (attention,))
