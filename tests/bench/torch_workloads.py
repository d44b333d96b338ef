#!/usr/bin/env python3
"""One of heed_bench's workloads, in PyTorch, from the weights and the batch that heed_bench has written.

    heed_bench --workload gpt-tiny --save start.safetensors
    torch_workloads.py gpt-tiny start.safetensors [--threads N] [--steps N]

Prints one JSON object with the fields of `heed_bench --json`, PyTorch's version, and the loss after as many steps. What is
computed is what tests/bench/gpt.c, seq2seq.c and attention.c compute; attention is composed of matmul and softmax, since PyTorch 1.13
has no fused one on the CPU. The parameters keep Heed's names.
"""
import argparse
import json
import math
import resource
import struct
import time

import numpy
import torch
from torch.nn import functional as F

WARM_UP = 2  # steps that are not timed, as in workload.c
HEADS = {"gpt-tiny": 4, "gpt-baby": 6, "gpt2-124m": 12}
DTYPES = {"F32": "<f4", "I32": "<i4"}


def read_safetensors(path):
    """Name -> tensor. Eight bytes say how long the JSON header is; offsets count from behind it."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        array = numpy.frombuffer(data[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(array.copy())
    return tensors


def below(tensors, prefix):
    return {name[len(prefix):]: x for name, x in tensors.items() if name.startswith(prefix)}


# ---- models: functions of their parameters ----

def causal_mask(T):
    return torch.ones(T, T, dtype=torch.bool).triu(1)


def attend(q, k, v, mask):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    return scores.masked_fill(mask, -math.inf).softmax(-1) @ v


class Gpt:
    def __init__(self, tensors, heads):
        self.heads = heads
        w = below(tensors, "gpt.")
        self.blocks = []
        while f"blocks.{len(self.blocks)}.attn.w_q" in w:
            b = below(w, f"blocks.{len(self.blocks)}.")
            qkv = torch.cat([b["attn.w_q"], b["attn.w_k"], b["attn.w_v"]])  # one product, as in Heed
            self.blocks.append({"norm_attn": b["norm_attn.gain"], "qkv": qkv, "out": b["attn.w_o"],
                                "norm_mlp": b["norm_mlp.gain"], "up": b["mlp.up.weight"], "down": b["mlp.down.weight"]})
        self.token, self.position, self.norm = w["token.weight"], w["position.weight"], w["blocks.norm.gain"]
        self.mask = causal_mask(self.position.shape[0])
        for p in self.parameters():
            p.requires_grad_()

    def parameters(self):
        return [self.token, self.position, self.norm] + [p for b in self.blocks for p in b.values()]

    def block(self, b, x):
        B, T, d = x.shape
        h = F.linear(F.layer_norm(x, (d,), b["norm_attn"]), b["qkv"])
        q, k, v = (part.view(B, T, self.heads, d // self.heads).transpose(1, 2) for part in h.split(d, -1))
        z = attend(q, k, v, self.mask).transpose(1, 2).reshape(B, T, d)
        x = x + F.linear(z, b["out"])
        return x + F.linear(F.gelu(F.linear(F.layer_norm(x, (d,), b["norm_mlp"]), b["up"])), b["down"])

    def loss(self, x, y):
        h = F.embedding(x, self.token) + self.position
        for b in self.blocks:
            h = self.block(b, h)
        logits = F.linear(F.layer_norm(h, h.shape[-1:], self.norm), self.token)
        return F.cross_entropy(logits.flatten(0, 1), y.flatten())


class Seq2Seq:
    def __init__(self, tensors):
        self.w = {name: x.requires_grad_() for name, x in tensors.items()}

    def parameters(self):
        return list(self.w.values())

    def recurrent(self, prefix):
        return [self.w[prefix + name] for name in ("w_i", "w_h", "b_i", "b_h")]

    def context(self, h, keys, states):
        """Additive attention: softmax over the states of v . tanh(W_q h + W_k state)."""
        query = F.linear(h, self.w["attention.score.w_q"])[:, None]
        a = F.linear(torch.tanh(query + keys), self.w["attention.score.v"])[..., 0].softmax(-1)
        return (a[:, None] @ states)[:, 0]

    def loss(self, x, y):
        w = self.w
        words = F.embedding(x, w["source.weight"])
        zero = torch.zeros(1, x.shape[0], w["cell.w_h"].shape[1])
        states, last = torch.gru(words, zero, self.recurrent("encoder.l0."), True, 1, 0.0, True, False, True)
        keys, h, context, logits = F.linear(states, w["attention.score.w_k"]), last[0], zero[0], []
        for word in F.embedding(y, w["target.weight"]).unbind(1):
            h = torch.gru_cell(torch.cat([word, context], -1), h, *self.recurrent("cell."))
            context = self.context(h, keys, states)
            logits.append(F.linear(torch.cat([context, h], -1), w["out.weight"], w["out.bias"]))
        return F.cross_entropy(torch.stack(logits, 1).flatten(0, 1), y.flatten())


# ---- steps: each returns the loss, as a number ----

def training(model, optimizer, batch, clip):
    def step():
        loss = model.loss(*batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        return loss.item()
    return step


def batch_of(tensors):
    return tensors.pop("x").long(), tensors.pop("y").long()


def gpt(name, tensors):
    batch = batch_of(tensors)
    model = Gpt(tensors, HEADS[name])
    return training(model, torch.optim.AdamW(model.parameters(), 1e-3, (0.9, 0.99), weight_decay=0.1), batch, 1.0)


def seq2seq(name, tensors):
    batch = batch_of(tensors)
    model = Seq2Seq(tensors)
    return training(model, torch.optim.Adam(model.parameters(), 1e-3), batch, None)


def attention(name, tensors):
    dy = tensors.pop("dy")
    q, k, v = (tensors[part].requires_grad_() for part in "qkv")
    mask = causal_mask(q.shape[-2])

    def step():
        q.grad = k.grad = v.grad = None
        out = attend(q, k, v, mask)
        out.backward(dy)
        return out.mean().item()
    return step


# ---- measuring ----

def measure(step, steps):
    times = []
    for _ in range(WARM_UP + steps):
        start = time.perf_counter()
        loss = step()
        times.append(1e3 * (time.perf_counter() - start))
    times = sorted(times[WARM_UP:])
    return {"median_ms": round(times[len(times) // 2], 3), "min_ms": round(times[0], 3), "loss": round(loss, 7)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload")
    parser.add_argument("start", help="the file of heed_bench --save")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    kinds = {"gpt": gpt, "seq2seq": seq2seq, "attention": attention}
    kind = next((make for start, make in kinds.items() if options.workload.startswith(start)), None)
    if kind is None or options.steps < 1:
        parser.error(f"there is no workload {options.workload}, or no step")
    result = measure(kind(options.workload, read_safetensors(options.start)), options.steps)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"workload": options.workload, "threads": options.threads, **result, "max_rss_mb": peak,
                      "pytorch": torch.__version__}))


if __name__ == "__main__":
    main()
