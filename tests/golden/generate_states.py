#!/usr/bin/python3
"""Writes states.txt: encoder-decoders put together from PyTorch's recurrent layers and the formulas of Bahdanau et al. 2015
and Luong et al. 2015, in float64, and their gradients."""
import math

import torch
from torch import nn

from torch_cases import Case, draw, shorten, write_file

B, S, T, E, V_SOURCE, V_TARGET, START, PAD = 2, 5, 4, 3, 6, 7, 1, 0
CELLS = {"rnn_tanh": lambda *a, **k: nn.RNN(*a, nonlinearity="tanh", **k), "rnn_relu": lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k),
         "gru": nn.GRU, "lstm": nn.LSTM}
SOURCE = torch.tensor([[3, 4, 5, 2, 3], [5, 3, 4, 0, 0]])
TARGET = torch.tensor([[4, 6, 3, 2], [5, 2, 0, 0]])


def weight(*shape):
    return nn.Parameter((0.4 * torch.randn(*shape) * 100).round() / 100)


def name_recurrent(case, path, m):
    for layer in range(m.num_layers):
        for suffix, name in [("", "")] + ([("_reverse", "_reverse")] if m.bidirectional else []):
            for theirs, ours in [("weight_ih", "w_i"), ("weight_hh", "w_h"), ("bias_ih", "b_i"), ("bias_hh", "b_h")]:
                case.param(f"{path}.l{layer}{name}.{ours}", getattr(m, f"{theirs}_l{layer}{suffix}"))


class Score:
    def __init__(self, case, kind, d_q, d_k):
        self.kind, self.p = kind, {}
        shapes = {"general": {"w": (d_q, d_k)}, "additive": {"w_q": (d_q, d_q), "w_k": (d_q, d_k), "v": (1, d_q)},
                  "concat": {"w": (d_q, d_q + d_k), "v": (1, d_q)}, "location": {"w": (9, d_q)}, "cosine": {"log_temperature": (1,)}}
        for name, shape in shapes.get(kind, {}).items():
            self.p[name] = weight(*shape)
            case.param("layer.attention.score." + name, self.p[name])

    def __call__(self, h, states):
        """(B, d_q), (B, S, d_k) -> (B, S)"""
        p, many = self.p, h[:, None].expand(-1, states.shape[1], -1)
        if self.kind == "dot":
            return (many * states).sum(-1)
        if self.kind == "scaled_dot":
            return (many * states).sum(-1) / math.sqrt(h.shape[-1])
        if self.kind == "general":
            return torch.einsum("bi,ij,bsj->bs", h, p["w"], states)
        if self.kind == "additive":
            return torch.tanh(many @ p["w_q"].T + states @ p["w_k"].T) @ p["v"][0]
        if self.kind == "concat":
            return torch.tanh(torch.cat([many, states], -1) @ p["w"].T) @ p["v"][0]
        if self.kind == "location":
            return (h @ p["w"].T)[:, :states.shape[1]]
        return nn.functional.cosine_similarity(many, states, dim=-1) / torch.exp(p["log_temperature"])


class Attention:
    def __init__(self, case, kind, window, d_q, d_k):
        self.window, self.reach = window, 2
        self.score = Score(case, kind, d_q, d_k)
        if window == "predictive":
            self.w_p, self.v_p = weight(d_q, d_q), weight(1, d_q)
            case.param("layer.attention.w_p", self.w_p)
            case.param("layer.attention.v_p", self.v_p)

    def __call__(self, h, states, padding, t):
        s, may = torch.arange(states.shape[1]), ~padding
        if self.window == "monotonic":
            may = may & ((s - t).abs() <= self.reach)
        if self.window == "predictive":
            length = (~padding).sum(1, keepdim=True)
            p = length * torch.sigmoid(torch.tanh(h @ self.w_p.T) @ self.v_p.T)
            may = may & ((s - p).abs() <= self.reach)
        a = torch.softmax(self.score(h, states).masked_fill(~may, -math.inf), -1)
        if self.window == "predictive":
            a = a * torch.exp(-(s - p) ** 2 / (2 * (self.reach / 2) ** 2))
        return a, torch.einsum("bs,bsd->bd", a, states)


def named_linear(case, path, m):
    case.param(path + ".weight", m.weight)
    if m.bias is not None:
        case.param(path + ".bias", m.bias)
    return m


class Model:
    def __init__(self, case, cell, score, window, encoder, decoder, feeding):
        (self.layers_e, self.h_e, self.both), (self.layers_d, self.h_d), self.feeding, self.cell = encoder, decoder, feeding, cell
        width = self.h_e * (2 if self.both else 1)
        self.source, self.target = shorten(nn.Embedding(V_SOURCE, E)), shorten(nn.Embedding(V_TARGET, E))
        case.param("layer.source.weight", self.source.weight)
        case.param("layer.target.weight", self.target.weight)
        self.encoder = shorten(CELLS[cell](E, self.h_e, self.layers_e, batch_first=True, bidirectional=self.both))
        self.decoder = shorten(CELLS[cell](E + (self.h_d if feeding else 0), self.h_d, self.layers_d, batch_first=True))
        name_recurrent(case, "layer.encoder", self.encoder)
        name_recurrent(case, "layer.decoder", self.decoder)
        self.bridges = []
        if self.both or self.h_e != self.h_d or self.layers_e != self.layers_d:
            for name in ["bridge_h"] + (["bridge_c"] if cell == "lstm" else []):
                self.bridges.append(named_linear(case, "layer." + name, shorten(nn.Linear(self.layers_e * width, self.layers_d * self.h_d))))
        self.attention = Attention(case, score, window, self.h_d, width) if score else None
        self.combine = named_linear(case, "layer.combine", shorten(nn.Linear(self.h_d + (width if score else 0), self.h_d, bias=False)))
        self.out = named_linear(case, "layer.out", shorten(nn.Linear(self.h_d, V_TARGET)))

    def bridge(self, which, last):
        if not self.bridges:
            return last
        first = self.bridges[which](last.transpose(0, 1).reshape(B, -1)).view(B, self.layers_d, self.h_d).transpose(0, 1).contiguous()
        return torch.tanh(first) if which == 0 else first

    def __call__(self, source, target):
        padding = source == PAD
        packed = nn.utils.rnn.pack_padded_sequence(self.source(source), (~padding).sum(1), batch_first=True, enforce_sorted=False)
        states, last = self.encoder(packed)
        states, _ = nn.utils.rnn.pad_packed_sequence(states, batch_first=True)
        state = tuple(self.bridge(i, x) for i, x in enumerate(last)) if self.cell == "lstm" else self.bridge(0, last)
        fed, maps, logits = torch.zeros(B, self.h_d), [], []
        for t in range(target.shape[1]):
            word = self.target(target[:, t - 1] if t else torch.full((B,), START))
            x = torch.cat([word, fed], -1) if self.feeding else word
            h, state = self.decoder(x[:, None], state)
            h = h[:, 0]
            joined = h
            if self.attention:
                a, z = self.attention(h, states, padding, t)
                maps.append(a)
                joined = torch.cat([z, h], -1)
            fed = torch.tanh(self.combine(joined))
            logits.append(self.out(fed))
        return torch.stack(logits, 1), torch.stack(maps, 1) if maps else None


CONFIGURATIONS = [
    # name, cell, score, window, encoder (layers, size, both directions), decoder (layers, size), input feeding
    ("none_gru", "gru", None, None, (1, 4, False), (1, 4), False),
    ("dot_rnn", "rnn_tanh", "dot", None, (1, 4, False), (1, 4), False),
    ("scaled_dot_lstm", "lstm", "scaled_dot", None, (2, 4, False), (2, 4), False),
    ("general_lstm_both", "lstm", "general", None, (2, 3, True), (1, 4), False),
    ("additive_gru_both_fed", "gru", "additive", None, (1, 3, True), (1, 4), True),
    ("concat_lstm_fed", "lstm", "concat", None, (1, 3, False), (2, 4), True),
    ("location_relu", "rnn_relu", "location", None, (1, 3, False), (1, 4), False),
    ("cosine_gru_fed", "gru", "cosine", None, (1, 4, False), (1, 4), True),
    ("monotonic_gru", "gru", "additive", "monotonic", (1, 3, False), (1, 4), False),
    ("predictive_lstm_fed", "lstm", "general", "predictive", (1, 3, True), (1, 4), True),
    ("none_lstm_fed", "lstm", None, None, (1, 3, False), (1, 4), True),
]


def seq2seq(out):
    for name, cell, score, window, encoder, decoder, feeding in CONFIGURATIONS:
        case = Case("seq2seq_" + name)
        model = Model(case, cell, score, window, encoder, decoder, feeding)
        logits, maps = model(case.give("source", SOURCE), case.give("target", TARGET))
        loss = nn.functional.cross_entropy(logits.reshape(-1, V_TARGET), TARGET.flatten(), ignore_index=PAD).reshape(1)
        case.finish(out, logits=logits, loss=loss, **({"weights": maps} if score else {}))


write_file("states", (seq2seq,))
