#!/usr/bin/python3
"""Writes recurrent.txt: what torch.nn.RNN, GRU and LSTM and their cells give, in float64, and their gradients."""
import torch
from torch import nn

from torch_cases import Case, draw, shorten, write_file

KINDS = {  # Heed's name: the layer, its cell
    "rnn": (lambda *a, **o: nn.RNN(*a, nonlinearity="tanh", **o), lambda *a, **o: nn.RNNCell(*a, nonlinearity="tanh", **o)),
    "rnn_relu": (lambda *a, **o: nn.RNN(*a, nonlinearity="relu", **o), lambda *a, **o: nn.RNNCell(*a, nonlinearity="relu", **o)),
    "gru": (nn.GRU, nn.GRUCell),
    "lstm": (nn.LSTM, nn.LSTMCell),
}


def name_cell(case, prefix, m, suffix, bias):
    case.param(prefix + "w_i", getattr(m, "weight_ih" + suffix))
    case.param(prefix + "w_h", getattr(m, "weight_hh" + suffix))
    if bias:
        case.param(prefix + "b_i", getattr(m, "bias_ih" + suffix))
        case.param(prefix + "b_h", getattr(m, "bias_hh" + suffix))


def give_state(case, kind, *shape):
    h = case.give("start_h", draw(*shape))
    return (h, case.give("start_c", draw(*shape))) if kind == "lstm" else h


def name_state(kind, state):
    return {"h": state[0], "c": state[1]} if kind == "lstm" else {"h": state}


def layers(out):
    def one(name, n, both=False, start=False, lengths=None, bias=True, batch=2, steps=4, inputs=3, hidden=2):
        for kind, (make, _) in KINDS.items():
            m = shorten(make(inputs, hidden, num_layers=n, bidirectional=both, bias=bias, batch_first=True))
            case = Case(f"{kind}_{name}")
            for layer in range(n):
                for end in ("", "_reverse")[:1 + both]:
                    name_cell(case, f"layer.l{layer}{end}.", m, f"_l{layer}{end}", bias)
            x = case.give("x", draw(batch, steps, inputs))
            state = give_state(case, kind, n * (1 + both), batch, hidden) if start else None
            if lengths is None:
                y, last = m(x, state)
            else:
                case.give("padding", torch.arange(steps)[None] >= torch.tensor(lengths)[:, None])
                packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
                y, last = m(packed, state)
                y, _ = nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=steps)
            case.finish(out, y=y, **name_state(kind, last))

    one("1", 1, start=True, hidden=3)
    one("1_one", 1, batch=1, steps=1, inputs=1, hidden=1, start=True)
    one("1_no_bias", 1, bias=False, steps=5)
    one("1_padding", 1, lengths=(2, 4, 1), batch=3)
    one("1_both_padding", 1, both=True, start=True, lengths=(3, 1))
    one("2_both", 2, both=True)
    one("2_padding", 2, start=True, lengths=(1, 4, 2), batch=3)
    one("2_both_no_bias_padding", 2, both=True, bias=False, start=True, lengths=(3, 4))
    one("3_no_bias", 3, bias=False, start=True, steps=3)
    one("3_padding", 3, lengths=(4, 2))
    one("3_both", 3, both=True, start=True, steps=3)


def cells(out):
    def one(name, start=True, bias=True):
        for kind, (_, make) in KINDS.items():
            case, m = Case(f"{kind}_{name}"), shorten(make(3, 4, bias=bias))
            name_cell(case, "layer.", m, "", bias)
            x = case.give("x", draw(2, 3))
            case.finish(out, **name_state(kind, m(x, give_state(case, kind, 2, 4) if start else None)))

    one("cell")
    one("cell_no_bias", bias=False)
    one("cell_from_zero", start=False)


write_file("recurrent", (layers, cells))
