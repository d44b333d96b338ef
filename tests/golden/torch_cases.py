"""What the generators of the layers' golden files share: how a case is drawn, run and written.

Running the tests does not need PyTorch; each generate_ROOM.py was run once, with the PyTorch that its file's first line names:

    /usr/bin/python3 tests/golden/generate_ROOM.py

A case is one call of one layer. Inputs and weights have two decimals, so they are short to write and exact to read; parameters
carry Heed's names. The loss is the sum over the outputs of output * seed, with the seeds in the file too.

    case NAME
    PART.NAME TYPE RANK SIZES           PART: in, param, out, seed, grad      TYPE: f, i (integers) or b (booleans)
    numbers
"""
import os
import sys

import torch

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

    def param(self, name, tensor, rows=slice(None), turned=False):
        """Rows of a parameter, or of its transpose."""
        self.params.append((name, tensor, lambda x: (x.T if turned else x)[rows]))

    def finish(self, out, **outputs):
        seeds = {name: draw(*y.shape) for name, y in outputs.items()}
        sum((y * seeds[name]).sum() for name, y in outputs.items()).backward()
        out.write(f"\ncase {self.name}\n")
        for name, x in self.inputs.items():
            write(out, "in", name, x)
        for name, p, part in self.params:
            write(out, "param", name, part(p))
        for name, y in outputs.items():
            write(out, "out", name, y, rounded)
            write(out, "seed", name, seeds[name])
        for name, x in self.inputs.items():
            if x.requires_grad:
                write(out, "grad", name, x.grad, rounded)
        for name, p, part in self.params:
            write(out, "grad", name, part(p.grad), rounded)


def write_file(room, writers):
    """tests/golden/ROOM.txt, with the cases of each writer."""
    program = os.path.basename(sys.argv[0])
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), room + ".txt")
    with open(path, "w", encoding="ascii") as out:
        out.write(f"# Written by {program} with PyTorch {torch.__version__}; torch_cases.py explains the form. Not to be edited.\n")
        for write_cases in writers:
            write_cases(out)


# ---- how Heed calls the parameters that several files have ----

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
        if m.in_proj_weight is not None:
            case.param(f"{prefix}w_{letter}", m.in_proj_weight, slice(i * d, (i + 1) * d))
        else:
            case.param(f"{prefix}w_{letter}", getattr(m, letter + "_proj_weight"))
        if m.in_proj_bias is not None:
            case.param(f"{prefix}b_{letter}", m.in_proj_bias, slice(i * d, (i + 1) * d))
    case.param(prefix + "w_o", m.out_proj.weight)
    if m.out_proj.bias is not None:
        case.param(prefix + "b_o", m.out_proj.bias)
    if m.bias_k is not None:
        case.param(prefix + "bias_k", m.bias_k, (0, 0))
        case.param(prefix + "bias_v", m.bias_v, (0, 0))
