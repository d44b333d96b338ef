#!/usr/bin/env python3
"""Writes optim.txt: what PyTorch's optimizers make of two parameters in twelve steps.

Needs Debian's python3-torch; run it here with /usr/bin/python3. The form is that of torch_cases.py: tests/helpers/golden.h.
In each case start.w and start.b are the parameters' first values, grad.K.* the gradients of step K (0..11), and
end.* the values after all of them. The test has the options under the case's name.
"""
import torch

torch.set_default_dtype(torch.float64)
STEPS = 12

CASES = {
    "sgd": lambda p: torch.optim.SGD(p, 0.1),
    "sgd_decay": lambda p: torch.optim.SGD(p, 0.1, weight_decay=0.05),
    "sgd_momentum": lambda p: torch.optim.SGD(p, 0.05, momentum=0.9),
    "sgd_dampened": lambda p: torch.optim.SGD(p, 0.05, momentum=0.8, dampening=0.3, weight_decay=0.01),
    "sgd_nesterov": lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda p: torch.optim.Adam(p, 0.02),
    "adam_decay": lambda p: torch.optim.Adam(p, 0.02, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, 0.02, weight_decay=0),
    "adamw_decay": lambda p: torch.optim.AdamW(p, 0.02, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.3),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.01),
    "rmsprop_all": lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.9, eps=1e-6, momentum=0.7, weight_decay=0.1, centered=True),
    "clip_norm": lambda p: torch.optim.SGD(p, 0.1),
    "clip_value": lambda p: torch.optim.SGD(p, 0.1),
    "groups": lambda p: torch.optim.AdamW([{"params": p[:1], "weight_decay": 0.3}, {"params": p[1:], "weight_decay": 0, "lr": 0.01}], 0.02),
}


def write(out, name, x):
    out.write(f"{name} f {x.dim()} {' '.join(map(str, x.shape))}\n{' '.join(f'{v:.17g}' for v in x.flatten().tolist())}\n")


def main():
    with open("optim.txt", "w") as out:
        out.write(f"# Written by generate_optim.py with PyTorch {torch.__version__}, which also explains the form. Not to be edited.\n")
        for name, make in CASES.items():
            torch.manual_seed(len(name))
            w, b = (torch.nn.Parameter(torch.randn(*s).mul(100).round().div(100)) for s in ((2, 3), (3,)))
            optim = make([w, b])
            out.write(f"\ncase {name}\n")
            write(out, "start.w", w.data)
            write(out, "start.b", b.data)
            for step in range(STEPS):
                for key, p in (("w", w), ("b", b)):
                    p.grad = torch.randn(*p.shape).mul(100).round().div(100)
                    write(out, f"grad.{step}.{key}", p.grad)
                if name == "clip_norm":
                    torch.nn.utils.clip_grad_norm_([w, b], 1.5)
                if name == "clip_value":
                    torch.nn.utils.clip_grad_value_([w, b], 0.6)
                optim.step()
            write(out, "end.w", w.data)
            write(out, "end.b", b.data)


main()
