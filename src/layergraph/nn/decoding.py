"""From what a network says at each step to what was said: decoders of connectionist temporal classification (Graves 2006)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from layergraph.nn.whole import whole

Beams = dict[tuple[int, ...], tuple[float, float]]
"""Paths, each with its log-probabilities of ending in a blank, and in its last class."""


@whole
def ctc_greedy(x: Tensor, lengths: Tensor, blank: int, merge: bool) -> tuple[Tensor, Tensor]:
    """The likeliest class of each step, without blanks and, where `merge`, repeats.

    (B, T, classes), lengths (B,) -> classes (1, B, T) of int32 filled up with -1, and minus the sum of their values (B, 1)
    """
    steps = x.shape[1]
    best = torch.max(x, -1)
    after = torch.arange(steps, device=x.device) >= lengths[:, None]
    classes = torch.where(after, blank, best.indices)
    kept = classes != blank
    if merge:
        kept = kept & torch.nn.functional.pad(classes[:, 1:] != classes[:, :-1], (1, 0), value=True)
    order = torch.argsort(torch.logical_not(kept).to(torch.int32), dim=1, stable=True)
    paths = torch.where(kept, classes, -1).gather(1, order).to(torch.int32)
    return paths[None], -torch.where(after, 0, best.values).sum(1, keepdim=True)


@whole
def ctc_beams(x: Tensor, lengths: Tensor, blank: int, width: int, top: int) -> tuple[Tensor, Tensor]:
    """The likeliest paths, by a search that keeps `width` of them at each step.

    (B, T, classes), lengths (B,) -> classes (top, B, T) of int32 filled up with -1, and log-probabilities (B, top)
    """
    batch, steps = x.shape[:2]
    paths = x.new_full((top, batch, steps), -1, dtype=torch.int32)
    scores = x.new_full((batch, top), float("-inf"))
    if x.is_meta:
        return paths, scores
    said: Any = torch.log_softmax(x.double(), -1)
    for row, rows in enumerate(said.tolist()):
        beams: Beams = {(): (0.0, -math.inf)}
        for values in rows[: max(int(lengths[row]), 1)]:
            beams = _best(_extended(beams, values, blank), width)
        for rank, (path, ends) in enumerate(_best(beams, top).items()):
            paths[rank, row, : len(path)] = torch.tensor(path, dtype=torch.int32)
            scores[row, rank] = _add(*ends)
    return paths, scores


def _extended(beams: Beams, values: list[float], blank: int) -> Beams:
    """Every path followed by every class; a repeat is the same path, unless a blank stands between."""
    out: Beams = {}

    def say(path: tuple[int, ...], in_blank: float, in_class: float) -> None:
        old = out.get(path, (-math.inf, -math.inf))
        out[path] = _add(old[0], in_blank), _add(old[1], in_class)

    for path, (in_blank, in_class) in beams.items():
        either = _add(in_blank, in_class)
        for index, value in enumerate(values):
            if index == blank:
                say(path, either + value, -math.inf)
            elif path and index == path[-1]:
                say(path, -math.inf, in_class + value)
                say((*path, index), -math.inf, in_blank + value)
            else:
                say((*path, index), -math.inf, either + value)
    return out


def _best(beams: Beams, count: int) -> Beams:
    return dict(sorted(beams.items(), key=lambda item: _add(*item[1]), reverse=True)[:count])


def _add(a: float, b: float) -> float:
    """log(exp(a) + exp(b))"""
    high, low = max(a, b), min(a, b)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))
