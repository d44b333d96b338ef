#!/usr/bin/python3
"""Writes attention.txt: what torch.nn.MultiheadAttention gives, in float64, and its gradients; and T5's buckets."""
import math

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


def seen(*shape):
    """Heed's bool mask: true = may look. Each query sees one key at least."""
    mask = torch.rand(*shape) < 0.6
    mask[..., 0] = True
    return mask


def configurations(out):
    """All that torch.nn.MultiheadAttention can be asked for; the table in parity_attention.c has the same names."""
    def one(name, d=4, heads=2, batch=2, t=4, s=None, mask=None, padding=None, causal=False, weights=None, value=False, **options):
        case, m = Case(name), shorten(nn.MultiheadAttention(d, heads, batch_first=True, **options))
        name_attention(case, "layer.", m)
        query = memory = apart = case.give("query", draw(batch, t, d))
        if s is not None:
            memory = apart = case.give("memory", draw(batch, s, m.kdim))
        if value:
            apart = case.give("value", draw(batch, s, m.vdim))
        hidden = None
        if causal:
            hidden = torch.triu(torch.ones(t, t, dtype=torch.bool), 1)
        if mask is not None:
            mask = case.give("mask", mask)
            hidden = ~mask if mask.dtype == torch.bool else mask
            if mask.dim() == 4:  # (B, H, T, S)
                hidden = hidden.expand(batch, heads, t, s or t).reshape(batch * heads, t, s or t)
            if causal:
                hidden = hidden | torch.triu(torch.ones(t, t, dtype=torch.bool), 1) if mask.dtype == torch.bool else \
                    hidden.masked_fill(torch.triu(torch.ones(t, t, dtype=torch.bool), 1), -math.inf)
        if padding is not None:
            case.give("padding", padding)
        y, w = m(query, memory, apart, key_padding_mask=padding, attn_mask=hidden, need_weights=weights is not None,
                 average_attn_weights=weights == "mean")
        case.finish(out, **({"y": y} if weights is None else {"y": y, weights: w}))

    def padded(batch, s):
        return torch.arange(s)[None] >= torch.randint(1, s + 1, (batch, 1))

    one("mha_one_token", d=8, t=1)
    one("mha_one_head", d=5, heads=1)
    one("mha_heads_of_one", d=4, heads=4, t=3)
    one("mha_three_heads", d=9, heads=3, batch=1, t=7)
    one("mha_seventeen_tokens", d=4, batch=1, t=17, causal=True)
    one("mha_kdim", kdim=5, vdim=5, s=3)
    one("mha_kdim_vdim", kdim=3, vdim=5, s=6, value=True)
    one("mha_kdim_no_bias", kdim=6, vdim=2, s=3, value=True, bias=False)
    one("mha_vdim_only", vdim=3, s=4, value=True)
    one("mha_values_apart", d=6, s=5, value=True)
    one("mha_weights", weights="weights")
    one("mha_mean_weights", weights="mean")
    one("mha_weights_cross", s=6, weights="weights", bias=False)
    one("mha_mean_weights_causal", d=6, heads=3, causal=True, weights="mean")
    one("mha_bias_kv", add_bias_kv=True)
    one("mha_bias_kv_cross", s=3, add_bias_kv=True, weights="weights")
    one("mha_bias_kv_causal", add_bias_kv=True, causal=True, weights="mean")
    one("mha_zero_attn", add_zero_attn=True, weights="weights")
    one("mha_zero_attn_causal", add_zero_attn=True, causal=True)
    one("mha_extras_padding", add_bias_kv=True, add_zero_attn=True, padding=padded(2, 4), weights="weights")
    one("mha_extras_kdim", add_bias_kv=True, add_zero_attn=True, kdim=3, vdim=5, s=3, value=True, mask=draw(4, 3), weights="mean")
    one("mha_bool_mask", mask=seen(4, 4))
    one("mha_bool_mask_padding", s=6, mask=seen(4, 6), padding=padded(2, 6), weights="weights")
    one("mha_bool_mask_causal", mask=seen(4, 4), causal=True)
    one("mha_bool_mask_by_head", s=3, mask=seen(2, 2, 4, 3), weights="mean")
    one("mha_bool_mask_by_batch", batch=3, mask=seen(3, 1, 4, 4))
    one("mha_real_mask", mask=draw(4, 4))
    one("mha_real_mask_by_head", s=5, mask=draw(2, 2, 4, 5), weights="weights")
    one("mha_real_mask_causal", mask=draw(4, 4), causal=True, weights="mean")
    one("mha_real_mask_extras", mask=draw(2, 2, 4, 4), add_bias_kv=True, add_zero_attn=True)
    one("mha_causal_padding", batch=3, causal=True, padding=padded(3, 4), weights="weights")


def buckets(out):
    """Raffel et al. 2020: bucket of each distance from -far to far, in float32 as their code has it."""
    far = 300
    for count, longest in ((32, 128), (16, 20), (10, 160), (48, 81), (6, 10), (64, 256)):
        for both_ways in (False, True):
            distance = torch.arange(-far, far + 1)
            each = count // 2 if both_ways else count
            first = each * (distance > 0) if both_ways else torch.zeros_like(distance)
            away = distance.abs() if both_ways else (-distance).clamp(min=0)
            exact = each // 2
            log = torch.log(away.float() / exact) / math.log(longest / exact) * (each - exact)
            large = (exact + log.clamp(min=0).long()).clamp(max=each - 1)
            case = Case(f"buckets_{count}_{longest}_{'both' if both_ways else 'back'}")
            out.write(f"\ncase {case.name}\n")
            out.write(f"out.bucket i 1 {2 * far + 1}\n")
            out.write(" ".join(str(int(b)) for b in first + torch.where(away < exact, away, large)) + "\n")


write_file("attention", (attention, configurations, buckets))
