#!/usr/bin/python3
"""Writes ops.txt: what PyTorch's functions give for products, softmax, norms, losses and attention, in float64, and their gradients.

Running the tests does not need this program; it was run once, with the PyTorch that the file's first line names:

    /usr/bin/python3 tests/golden/generate_ops.py

The form is that of torch_cases.py: a case is one call of one function, and the loss is the sum over the output of output * seed.
"""
import os

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(19790503)
torch.set_num_threads(1)


def draw(*shape):
    """Normal numbers with two decimals: short to write, exact to read."""
    return (torch.randn(shape) * 100).round() / 100


def labels(classes, *shape):
    return torch.randint(0, classes, shape)


def kept(*shape):
    return torch.rand(*shape) < 0.6


def number(letter, v):
    return "%.15g" % (v + 0.0) if letter == "f" else str(int(v))


def write(out, kind, name, x):
    letter = {torch.float64: "f", torch.int64: "i", torch.bool: "b"}[x.dtype]
    out.write(f"{kind}.{name} {letter} {' '.join(str(n) for n in (x.dim(), *x.shape))}\n")
    out.write(" ".join(number(letter, v) for v in x.detach().flatten().tolist()) + "\n")


def attend(q, k, v, mask=None, causal=False, scale=None):
    """Vaswani et al. 2017, equation 1; and the weights."""
    scores = q @ k.transpose(-1, -2) * (scale or q.shape[-1] ** -0.5)
    t, s = scores.shape[-2:]
    hidden = torch.zeros_like(scores, dtype=torch.bool)
    if causal:
        hidden = hidden | (torch.ones(t, s).tril(s - t) == 0)
    if mask is not None and mask.dtype == torch.bool:
        hidden = hidden | ~mask
    elif mask is not None:
        scores = scores + mask
    blind = hidden.all(-1, keepdim=True)
    pattern = scores.masked_fill(hidden & ~blind, -torch.inf).softmax(-1).masked_fill(hidden, 0)
    return pattern @ v, pattern


def cross_entropy(**options):
    return lambda x, y, w=None: F.cross_entropy(x.flatten(0, -2), y.flatten(), weight=w, **options)


def einsum(equation):
    return lambda *xs: torch.einsum(equation, *xs)


def probabilities(*shape):
    return (draw(*shape).softmax(-1) * 1000).round() / 1000


CASES = {
    "matmul_broadcast": (torch.matmul, dict(a=draw(2, 1, 3, 5), b=draw(4, 5, 2))),
    "linear": (F.linear, dict(x=draw(3, 4, 5), weight=draw(6, 5), bias=draw(6))),
    "einsum_scores": (einsum("bthd,bshd->bhts"), dict(a=draw(2, 3, 2, 4), b=draw(2, 5, 2, 4))),
    "einsum_diagonal": (einsum("iji->j"), dict(a=draw(4, 3, 4))),
    "einsum_three": (einsum("ij,jk,kl->li"), dict(a=draw(2, 3), b=draw(3, 4), c=draw(4, 5))),
    "einsum_dots": (einsum("...ij,...jk->...ik"), dict(a=draw(2, 1, 3, 4), b=draw(5, 4, 2))),
    "einsum_implicit": (einsum("cb,ab"), dict(a=draw(3, 4), b=draw(2, 4))),
    "einsum_bilinear": (einsum("bi,oij,bj->bo"), dict(a=draw(3, 4), b=draw(2, 4, 5), c=draw(3, 5))),
    "softmax_middle": (lambda x: x.softmax(1), dict(x=draw(3, 17, 4))),
    "log_softmax_first": (lambda x: x.log_softmax(0), dict(x=draw(5, 3))),
    "layernorm": (lambda x, gain, shift: F.layer_norm(x, (7,), gain, shift, 1e-5), dict(x=draw(3, 2, 7), gain=draw(7), shift=draw(7))),
    "cross_entropy": (cross_entropy(), dict(x=draw(4, 5), y=labels(5, 4))),
    "cross_entropy_ignore": (cross_entropy(ignore_index=2), dict(x=draw(3, 4, 5), y=labels(5, 3, 4))),
    "cross_entropy_smooth": (cross_entropy(label_smoothing=0.1), dict(x=draw(6, 7), y=labels(7, 6))),
    "cross_entropy_weights": (cross_entropy(), dict(x=draw(6, 4), y=labels(4, 6), w=draw(4).abs())),
    "cross_entropy_all": (cross_entropy(label_smoothing=0.3, ignore_index=1), dict(x=draw(9, 4), y=labels(4, 9), w=draw(4).abs())),
    "nll": (lambda x, y: F.nll_loss(x, y), dict(x=draw(5, 3), y=labels(3, 5))),
    "mse": (F.mse_loss, dict(x=draw(4, 3), target=draw(4, 3))),
    "l1": (F.l1_loss, dict(x=draw(4, 3), target=draw(4, 3))),
    "huber": (lambda x, y: F.huber_loss(x, y, delta=0.7), dict(x=draw(4, 3), target=draw(4, 3))),
    "bce_with_logits": (F.binary_cross_entropy_with_logits, dict(x=draw(4, 3) * 3, target=draw(4, 3).sigmoid().round(decimals=2))),
    "kl_div": (lambda x, y: F.kl_div(x, y, reduction="batchmean"), dict(x=draw(4, 3) - 2, target=probabilities(4, 3))),
    "attention": (attend, dict(q=draw(2, 3, 4, 5), k=draw(2, 3, 6, 5), v=draw(2, 3, 6, 2))),
    "attention_causal": (lambda *x: attend(*x, causal=True), dict(q=draw(2, 2, 5, 3), k=draw(2, 2, 7, 3), v=draw(2, 2, 7, 4))),
    "attention_late": (lambda *x: attend(*x, causal=True), dict(q=draw(5, 3), k=draw(3, 3), v=draw(3, 4))),
    "attention_bool": (attend, dict(q=draw(2, 2, 4, 3), k=draw(2, 2, 5, 3), v=draw(2, 2, 5, 3), mask=kept(2, 1, 1, 5))),
    "attention_bias": (lambda *x: attend(*x, causal=True), dict(q=draw(2, 3, 4, 3), k=draw(2, 3, 4, 3), v=draw(2, 3, 4, 3), mask=draw(3, 4, 4))),
    "attention_scale": (lambda *x: attend(*x, scale=0.25), dict(q=draw(3, 4, 3), k=draw(3, 5, 3), v=draw(3, 5, 2))),
}

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "ops.txt"), "w") as out:
    out.write(f"# PyTorch {torch.__version__}, written by generate_ops.py\n")
    for name, (function, inputs) in CASES.items():
        for x in inputs.values():
            if x.dtype == torch.float64:
                x.requires_grad_(name.find("cross_entropy") < 0 or x is inputs["x"])
        result = function(*inputs.values())
        outputs = dict(y=result) if isinstance(result, torch.Tensor) else dict(y=result[0], pattern=result[1])
        seeds = {key: draw(*y.shape) for key, y in outputs.items()}
        sum((y * seeds[key]).sum() for key, y in outputs.items()).backward()
        out.write(f"\ncase {name}\n")
        for key, x in inputs.items():
            write(out, "in", key, x)
        for key, y in outputs.items():
            write(out, "out", key, y)
            write(out, "seed", key, seeds[key])
        for key, x in inputs.items():
            if x.requires_grad:
                write(out, "grad", key, x.grad)
