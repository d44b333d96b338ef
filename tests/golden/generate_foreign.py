#!/usr/bin/python3
"""Writes foreign/*.safetensors: modules of PyTorch, as their state_dict names and lays them out, with what they gave.

    /usr/bin/python3 tests/golden/generate_foreign.py

Tensors are called net.NAME as in the state_dict, in.NAME and out.NAME. The format is written here by hand, so that a file holds
nothing of Heed. GPT-2 is written from its description (Radford et al. 2019; the names, Conv1D and masks are those of Hugging Face's
files), out of PyTorch's own functions.
"""
import json
import math
import os
import struct

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(20240229)
B, T, S, D, HEADS, FF = 2, 4, 3, 6, 2, 10
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "foreign")
DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.int32: "I32",
          torch.bool: "BOOL"}


def save(name, tensors):
    header, data = {"__metadata__": {"format": "pt", "torch": torch.__version__}}, b""
    for key, x in tensors.items():
        x = x.detach().contiguous()
        raw = (x.view(torch.int16) if x.dtype == torch.bfloat16 else x).numpy().tobytes()
        header[key] = {"dtype": DTYPES[x.dtype], "shape": list(x.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(HERE, name + ".safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def case(name, module, inputs, call, **outputs):
    module = module.eval()
    for p in module.parameters():  # none as it was initialised: a bias of 0 would hide a mistake
        p.data = torch.randn_like(p) * 0.4
    y = call(module)
    tensors = {"net." + k: v for k, v in module.state_dict().items()}
    tensors.update({"in." + k: v.to(torch.int32) if v.dtype == torch.int64 else v for k, v in inputs.items()})
    tensors["out.y"] = y
    save(name, tensors)


def attention():
    x, memory = torch.randn(B, T, D), torch.randn(B, S, D)
    case("attention_packed", nn.MultiheadAttention(D, HEADS, batch_first=True), {"x": x}, lambda m: m(x, x, x)[0])
    case("attention_extra", nn.MultiheadAttention(D, HEADS, batch_first=True, add_bias_kv=True), {"x": x, "memory": memory},
         lambda m: m(x, memory, memory)[0])
    k, v = torch.randn(B, S, 5), torch.randn(B, S, 3)
    case("attention_apart", nn.MultiheadAttention(D, HEADS, batch_first=True, kdim=5, vdim=3), {"x": x, "memory": k, "value": v},
         lambda m: m(x, k, v)[0])


def transformers():
    hidden = torch.triu(torch.ones(T, T, dtype=torch.bool), 1)
    x, memory = torch.randn(B, T, D), torch.randn(B, S, D)
    for pre in (True, False):
        layer = nn.TransformerEncoderLayer(D, HEADS, FF, dropout=0, batch_first=True, norm_first=pre)
        stack = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(D) if pre else None, enable_nested_tensor=False)
        case("encoder_pre" if pre else "encoder_post", stack, {"x": x}, lambda m: m(x, mask=hidden))
    layer = nn.TransformerDecoderLayer(D, HEADS, FF, dropout=0, batch_first=True)
    case("decoder_post", nn.TransformerDecoder(layer, 2), {"x": x, "memory": memory}, lambda m: m(x, memory, tgt_mask=hidden))
    case("transformer", nn.Transformer(D, HEADS, 1, 2, FF, dropout=0, batch_first=True, norm_first=True), {"x": x, "memory": memory},
         lambda m: m(memory, x, tgt_mask=hidden))


def recurrent():
    x = torch.randn(B, T, 3)
    kinds = {"rnn": nn.RNN(3, 4, batch_first=True), "gru": nn.GRU(3, 4, num_layers=2, bidirectional=True, batch_first=True),
             "lstm": nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)}
    for name, m in kinds.items():
        case(name, m, {"x": x}, lambda m: m(x)[0])


def plain():
    tokens = torch.tensor([[0, 4, 2, 1], [3, 3, 1, 0]])

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.norm, self.out = nn.Embedding(5, D), nn.LayerNorm(D), nn.Linear(D, 3)

        def forward(self, x):
            return self.out(self.norm(self.embed(x)))

    case("plain", Net(), {"x": tokens}, lambda m: m(tokens))


class Conv1D(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(inputs, outputs)), nn.Parameter(torch.empty(outputs))

    def forward(self, x):
        return x @ self.weight + self.bias


class Block(nn.Module):
    def __init__(self, d, context):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attn, self.mlp = nn.Module(), nn.Module()
        self.attn.c_attn, self.attn.c_proj = Conv1D(d, 3 * d), Conv1D(d, d)
        self.attn.register_buffer("bias", torch.tril(torch.ones(context, context, dtype=torch.bool)).view(1, 1, context, context))
        self.attn.register_buffer("masked_bias", torch.tensor(-1e4))
        self.mlp.c_fc, self.mlp.c_proj = Conv1D(d, 4 * d), Conv1D(4 * d, d)

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = (p.view(n, t, HEADS, d // HEADS).transpose(1, 2) for p in self.attn.c_attn(self.ln_1(x)).split(d, 2))
        scores = (q @ k.transpose(2, 3) / math.sqrt(d // HEADS)).masked_fill(~self.attn.bias[:, :, :t, :t], -math.inf)
        x = x + self.attn.c_proj((scores.softmax(3) @ v).transpose(1, 2).reshape(n, t, d))
        return x + self.mlp.c_proj(F.gelu(self.mlp.c_fc(self.ln_2(x)), approximate="tanh"))


class GPT2(nn.Module):
    def __init__(self, vocabulary, context, d, layers):
        super().__init__()
        self.transformer = nn.Module()
        self.transformer.wte, self.transformer.wpe = nn.Embedding(vocabulary, d), nn.Embedding(context, d)
        self.transformer.h = nn.ModuleList(Block(d, context) for _ in range(layers))
        self.transformer.ln_f = nn.LayerNorm(d)
        self.lm_head = nn.Linear(d, vocabulary, bias=False)
        self.lm_head.weight = self.transformer.wte.weight

    def forward(self, tokens):
        x = self.transformer.wte(tokens) + self.transformer.wpe(torch.arange(tokens.shape[1]))
        for block in self.transformer.h:
            x = block(x)
        return self.lm_head(self.transformer.ln_f(x))


def gpt2():
    tokens = torch.tensor([[1, 6, 0, 3, 3], [2, 2, 5, 4, 1]])
    case("gpt2", GPT2(7, 6, 8, 2), {"x": tokens}, lambda m: m(tokens))


os.makedirs(HERE, exist_ok=True)
for dtype, suffix in ((torch.float64, ""),):
    torch.set_default_dtype(dtype)
    for make in (attention, transformers, recurrent, plain, gpt2):
        make()
