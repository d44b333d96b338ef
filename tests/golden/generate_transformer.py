#!/usr/bin/python3
"""Writes transformer.txt: what PyTorch gives for the parts of transformers, in float64, and their gradients; and
gpt2_tiny.safetensors, the weights of its case gpt2_tiny as Hugging Face stores those of GPT-2."""
import json
import math
import os
import struct

import torch
import torch.nn.functional as F
from torch import nn

from torch_cases import Case, draw, name_attention, name_linear, name_norm, shorten, write_file

B, T, S = 2, 4, 3


def gelu_tanh(x):
    return F.gelu(x, approximate="tanh")


def causal(t):
    """True: may not be looked at."""
    return torch.triu(torch.ones(t, t, dtype=torch.bool), 1)


def padded(*lengths, t):
    """True: padding. One row a length."""
    return torch.tensor([[i >= n for i in range(t)] for n in lengths])


def seen(*shape):
    """Heed's bool mask: true = may look. Each query sees one key at least."""
    mask = torch.rand(*shape) < 0.6
    mask[..., 0] = True
    return mask


def hidden_by(mask, t, is_causal):
    """PyTorch's mask for Heed's mask (or None) and causal."""
    if mask is None:
        return causal(t) if is_causal else None
    if mask.dtype == torch.bool:
        return ~mask | causal(t) if is_causal else ~mask
    return mask.masked_fill(causal(t), -math.inf) if is_causal else mask


# ---- Heed's names ----

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


def name_stack(case, prefix, name_layer, m):
    for i, layer in enumerate(m.layers):
        name_layer(case, f"{prefix}{i}.", layer)
    if m.norm is not None:
        name_norm(case, prefix + "norm.", m.norm)


# ---- simple layers ----

def simple(out):
    def linear(name, shape, outputs, bias=True):
        case, m = Case(name), shorten(nn.Linear(shape[-1], outputs, bias=bias))
        name_linear(case, "layer.", m)
        case.finish(out, y=m(case.give("x", draw(*shape))))

    linear("linear", (2, 3, 4), 6)
    linear("linear_no_bias", (2, 3, 4), 6, bias=False)
    linear("linear_wide", (3, 17), 33)
    linear("linear_narrow", (1, 5), 1)

    def layernorm(name, shape, **options):
        case, m = Case(name), shorten(nn.LayerNorm(shape[-1], **options))
        name_norm(case, "layer.", m)
        case.finish(out, y=m(case.give("x", draw(*shape))))

    layernorm("layernorm", (B, 3, 8))
    layernorm("layernorm_eps", (5, 17), eps=0.1)
    layernorm("layernorm_two", (2, 2, 2, 2))

    def embedding(name, tokens, vocabulary, d):
        case, m = Case(name), shorten(nn.Embedding(vocabulary, d))
        case.param("layer.weight", m.weight)
        case.finish(out, y=m(case.give("tokens", torch.tensor(tokens))))

    embedding("embedding", [[4, 0, 4], [1, 4, 2]], 5, 3)
    embedding("embedding_row", [0, 0, 6], 7, 2)


# ---- encoders ----

def encoders(out):
    def one(name, d=4, heads=2, ff=6, t=T, layers=0, is_causal=False, mask=None, padding=None, **options):
        """layers 0: a layer by itself."""
        case = Case("encoder_" + name)
        m = nn.TransformerEncoderLayer(d, heads, ff, dropout=0, batch_first=True, **options)
        if layers:
            norm = nn.LayerNorm(d, options.get("layer_norm_eps", 1e-5)) if options.get("norm_first") else None
            m = nn.TransformerEncoder(m, layers, norm=norm, enable_nested_tensor=False)
            name_stack(case, "layer.", name_encoder_layer, shorten(m))
        else:
            name_encoder_layer(case, "layer.", shorten(m))
        x = case.give("x", draw(B, t, d))
        padding = None if padding is None else case.give("padding", padded(*padding, t=t))
        mask = hidden_by(None if mask is None else case.give("mask", mask), t, is_causal)
        case.finish(out, y=m(x, mask, src_key_padding_mask=padding) if layers else m(x, src_mask=mask, src_key_padding_mask=padding))

    pre = dict(norm_first=True)
    one("layer_post_relu", padding=(4, 2))
    one("layer_post_gelu", d=6, heads=3, activation="gelu", is_causal=True)
    one("layer_post_silu", ff=5, activation=F.silu, layer_norm_eps=0.01)
    one("layer_pre_relu", **pre)
    one("layer_pre_gelu", activation="gelu", padding=(1, 3), **pre)
    one("layer_pre_gelu_tanh", activation=gelu_tanh, is_causal=True, padding=(2, 4), **pre)
    one("layer_pre_bool_mask", mask=seen(T, T), **pre)
    one("layer_pre_additive_mask", mask=draw(T, T), is_causal=True, **pre)
    one("layer_one_head", heads=1, ff=1, t=1)
    one("layer_four_heads", d=8, heads=4, ff=9, t=2, activation="gelu", **pre)
    one("pre", layers=2, is_causal=True, **pre)
    one("post", layers=2, is_causal=True)
    one("three_padding", layers=3, ff=3, padding=(3, 1), activation="gelu", **pre)
    one("one_eps", layers=1, layer_norm_eps=0.1, activation=gelu_tanh, padding=(2, 4), **pre)
    one("post_additive_mask", layers=2, mask=draw(T, T), activation="gelu")


# ---- decoders ----

def decoders(out):
    def one(name, d=4, heads=2, ff=6, t=T, s=S, layers=0, is_causal=True, mask=None, padding=None, own_padding=None, **options):
        case = Case("decoder_" + name)
        m = nn.TransformerDecoderLayer(d, heads, ff, dropout=0, batch_first=True, **options)
        if layers:
            norm = nn.LayerNorm(d, options.get("layer_norm_eps", 1e-5)) if options.get("norm_first") else None
            m = nn.TransformerDecoder(m, layers, norm=norm)
            name_stack(case, "layer.", name_decoder_layer, shorten(m))
        else:
            name_decoder_layer(case, "layer.", shorten(m))
        x, memory = case.give("x", draw(B, t, d)), case.give("memory", draw(B, s, d))
        padding = None if padding is None else case.give("padding", padded(*padding, t=s))
        own_padding = None if own_padding is None else case.give("own_padding", padded(*own_padding, t=t))
        cross = None if mask is None else hidden_by(case.give("mask", mask), s, False)
        case.finish(out, y=m(x, memory, tgt_mask=hidden_by(None, t, is_causal), memory_mask=cross, tgt_key_padding_mask=own_padding,
                             memory_key_padding_mask=padding))

    pre = dict(norm_first=True)
    one("layer_post_gelu", d=6, heads=3, activation="gelu", padding=(2, 3))
    one("layer_post_relu", is_causal=False)
    one("layer_pre_relu", padding=(1, 3), **pre)
    one("layer_pre_gelu_tanh", activation=gelu_tanh, own_padding=(4, 2), **pre)
    one("layer_pre_bool_mask", mask=seen(T, S), activation="gelu", **pre)
    one("layer_post_additive_mask", mask=draw(T, S), activation=F.silu)
    one("layer_one_token", heads=1, t=1, s=1, ff=3, layer_norm_eps=0.01, **pre)
    one("pre", layers=2, padding=(2, 3), **pre)
    one("post", layers=2, padding=(3, 1))
    one("three_long_memory", layers=3, s=7, ff=3, padding=(7, 4), activation="gelu", **pre)


# ---- whole transformers ----

def transformers(out):
    def one(name, d=4, heads=2, ff=5, encoders=1, decoders=2, pre=True, activation="relu", padding=(2, 3)):
        """Heed's post-norm stacks end with their last layer, as in the paper; nn.Transformer's own have a norm more."""
        case, options = Case("transformer_" + name), dict(dropout=0, batch_first=True, norm_first=pre, activation=activation)
        norm = (lambda: nn.LayerNorm(d)) if pre else (lambda: None)
        encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(d, heads, ff, **options), encoders, norm(), enable_nested_tensor=False)
        decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(d, heads, ff, **options), decoders, norm())
        m = shorten(nn.Transformer(d, heads, custom_encoder=encoder, custom_decoder=decoder, batch_first=True))
        name_stack(case, "encoder.", name_encoder_layer, m.encoder)
        name_stack(case, "decoder.", name_decoder_layer, m.decoder)
        source, target = case.give("source", draw(B, S, d)), case.give("target", draw(B, T, d))
        padding = case.give("padding", padded(*padding, t=S))
        case.finish(out, y=m(source, target, tgt_mask=causal(T), src_key_padding_mask=padding, memory_key_padding_mask=padding))

    one("pre")
    one("pre_gelu", activation="gelu", encoders=2, decoders=1)
    one("post", pre=False)
    one("post_gelu", pre=False, activation="gelu", encoders=2, decoders=1, heads=1, padding=(3, 1))


# ---- language models ----

class Conv1D(nn.Module):
    """As Hugging Face's GPT-2 has its linear layers: the weight is (inputs, outputs)."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(inputs, outputs)), nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return x @ self.weight + self.bias


class Gpt2Attention(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads, self.c_attn, self.c_proj = heads, Conv1D(d, 3 * d), Conv1D(d, d)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = (part.view(b, t, self.heads, -1).transpose(1, 2) for part in self.c_attn(x).split(d, dim=2))
        scores = (q @ k.transpose(2, 3) / math.sqrt(d // self.heads)).masked_fill(causal(t), -math.inf)
        return self.c_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, d))


class Gpt2Mlp(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.c_fc, self.c_proj = Conv1D(d, 4 * d), Conv1D(4 * d, d)

    def forward(self, x):
        return self.c_proj(0.5 * (h := self.c_fc(x)) * (1 + torch.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h ** 3))))


class Gpt2Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.ln_1, self.attn, self.ln_2, self.mlp = nn.LayerNorm(d), Gpt2Attention(d, heads), nn.LayerNorm(d), Gpt2Mlp(d)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Gpt2(nn.Module):
    """Parameters are called as in Hugging Face's GPT2Model; the output is tied to wte."""

    def __init__(self, vocabulary, context, d, heads, layers):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, d), nn.Embedding(context, d)
        self.h, self.ln_f = nn.ModuleList(Gpt2Block(d, heads) for _ in range(layers)), nn.LayerNorm(d)

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe.weight[:tokens.shape[1]]
        for block in self.h:
            x = block(x)
        return self.ln_f(x) @ self.wte.weight.T

    def name(self, case, prefix):
        case.param(prefix + "token.weight", self.wte.weight)
        case.param(prefix + "position.weight", self.wpe.weight)
        for i, block in enumerate(self.h):
            at, d = f"{prefix}blocks.{i}.", self.wte.embedding_dim
            name_norm(case, at + "norm_attn.", block.ln_1)
            name_norm(case, at + "norm_mlp.", block.ln_2)
            for k, letter in enumerate("qkv"):
                case.param(f"{at}attn.w_{letter}", block.attn.c_attn.weight, slice(k * d, (k + 1) * d), turned=True)
                case.param(f"{at}attn.b_{letter}", block.attn.c_attn.bias, slice(k * d, (k + 1) * d))
            for heed, conv in {"attn.w_o": block.attn.c_proj, "mlp.up.weight": block.mlp.c_fc, "mlp.down.weight": block.mlp.c_proj}.items():
                case.param(at + heed, conv.weight, turned=True)
                case.param(at + {"attn.w_o": "attn.b_o"}.get(heed, heed.replace("weight", "bias")), conv.bias)
        name_norm(case, prefix + "blocks.norm.", self.ln_f)


def save_safetensors(path, tensors):
    """F32, in the order given: length of the header in 8 bytes, the header in JSON, the data."""
    header, data = {}, b""
    for name, x in tensors.items():
        raw = struct.pack(f"<{x.numel()}f", *x.flatten().tolist())
        header[name] = {"dtype": "F32", "shape": list(x.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), path), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def gpt2(out):
    case, m = Case("gpt2_tiny"), shorten(Gpt2(13, 8, 8, 2, 2))
    for parameter in m.parameters():  # multiples of 1/64 are exact in F32 and short in decimals
        parameter.data = (parameter.data * 64).round() / 64
    save_safetensors("gpt2_tiny.safetensors", m.state_dict())
    m.name(case, "layer.")
    case.finish(out, y=m(case.give("tokens", torch.tensor([[1, 12, 0, 5, 5, 7], [3, 3, 9, 11, 2, 4]]))))


class Rms(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(d))

    def forward(self, x):
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-5) * self.weight


class Llama(nn.Module):
    """rmsnorm, SwiGLU, rotary positions, two queries' heads to one of keys and values, no biases, an output of its own."""

    def __init__(self, vocabulary, d, heads, kv_heads, ff, layers):
        super().__init__()
        self.sizes = vocabulary, d, heads, kv_heads, ff, layers
        linear = lambda inputs, outputs: nn.Linear(inputs, outputs, bias=False)
        kv = d // heads * kv_heads
        self.token, self.output, self.norm = nn.Embedding(vocabulary, d), linear(d, vocabulary), Rms(d)
        self.blocks = nn.ModuleList(nn.ModuleDict(dict(
            norm_attn=Rms(d), q=linear(d, d), k=linear(d, kv), v=linear(d, kv), o=linear(d, d), norm_mlp=Rms(d),
            gate=linear(d, ff), up=linear(d, ff), down=linear(ff, d))) for _ in range(layers))

    @staticmethod
    def turn(x):
        half = x.shape[-1] // 2
        angles = torch.arange(x.shape[-2])[:, None] * 10000 ** (-torch.arange(half) / half)
        a, b = x[..., :half], x[..., half:]
        return torch.cat([a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()], -1)

    def forward(self, tokens):
        _, d, heads, kv_heads, _, _ = self.sizes
        x, t = self.token(tokens), tokens.shape[1]
        split = lambda y, n: y.view(*y.shape[:2], n, d // heads).transpose(1, 2)
        for block in self.blocks:
            n = block["norm_attn"](x)
            q, k = self.turn(split(block["q"](n), heads)), self.turn(split(block["k"](n), kv_heads))
            k, v = (y.repeat_interleave(heads // kv_heads, 1) for y in (k, split(block["v"](n), kv_heads)))
            scores = (q @ k.transpose(2, 3) / math.sqrt(d // heads)).masked_fill(causal(t), -math.inf)
            x = x + block["o"]((scores.softmax(-1) @ v).transpose(1, 2).reshape(x.shape))
            n = block["norm_mlp"](x)
            x = x + block["down"](F.silu(block["gate"](n)) * block["up"](n))
        return self.output(self.norm(x))


def llama(out):
    case, m = Case("gpt_llama"), shorten(Llama(7, 8, 4, 2, 5, 2))
    case.param("layer.token.weight", m.token.weight)
    case.param("layer.output.weight", m.output.weight)
    case.param("layer.blocks.norm.gain", m.norm.weight)
    for i, block in enumerate(m.blocks):
        at = f"layer.blocks.{i}."
        for name in ("norm_attn", "norm_mlp"):
            case.param(f"{at}{name}.gain", block[name].weight)
        for name in "qkvo":
            case.param(f"{at}attn.w_{name}", block[name].weight)
        for name in ("gate", "up", "down"):
            case.param(f"{at}mlp.{name}.weight", block[name].weight)
    case.finish(out, y=m(case.give("tokens", torch.tensor([[1, 6, 0, 5, 5], [3, 3, 2, 4, 0]]))))


write_file("transformer", (simple, encoders, decoders, transformers, gpt2, llama))
