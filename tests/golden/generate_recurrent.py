#!/usr/bin/python3
"""Writes recurrent.txt: what torch.nn.RNN, GRU and LSTM and their cells give, in float64, and their gradients."""
import torch
from torch import nn

from torch_cases import Case, draw, shorten, write_file

B, T = 2, 5
T_PADDING = torch.tensor([[False] * 5, [False] * 3 + [True] * 2])


def name_gru(case, m, suffix):
    case.param("layer.w_i", getattr(m, "weight_ih" + suffix))
    case.param("layer.w_h", getattr(m, "weight_hh" + suffix))
    case.param("layer.b_i", getattr(m, "bias_ih" + suffix))
    case.param("layer.b_h", getattr(m, "bias_hh" + suffix))


def gru(out):
    inputs, hidden = 3, 4
    case, m = Case("gru_step"), shorten(nn.GRUCell(inputs, hidden))
    name_gru(case, m, "")
    case.finish(out, y=m(case.give("x", draw(B, inputs)), case.give("h", draw(B, hidden))))

    for start in (True, False):
        case, m = Case("gru_from_h0" if start else "gru_from_zero"), shorten(nn.GRU(inputs, hidden, batch_first=True))
        name_gru(case, m, "_l0")
        x = case.give("x", draw(B, T, inputs))
        h0 = case.give("h0", draw(B, hidden)) if start else torch.zeros(B, hidden)
        states, last = m(x, h0[None])
        case.finish(out, states=states, last=last[0])

    # Packed sequences leave padded steps out; Heed keeps the state there.
    case, m = Case("gru_padding"), shorten(nn.GRU(inputs, hidden, batch_first=True))
    name_gru(case, m, "_l0")
    x = case.give("x", draw(B, T, inputs))
    padding = case.give("padding", T_PADDING)
    packed = nn.utils.rnn.pack_padded_sequence(x, (~padding).sum(1), batch_first=True, enforce_sorted=False)
    states, last = m(packed)
    states, _ = nn.utils.rnn.pad_packed_sequence(states, batch_first=True)
    case.finish(out, states=torch.where(padding[:, :, None], last[0][:, None], states), last=last[0])


write_file("recurrent", (gru,))
