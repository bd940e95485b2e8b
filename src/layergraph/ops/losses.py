"""Losses of single elements or samples as ops, `(target, output)`, with no reduction; and what is measured or decoded likewise."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from layergraph.nn.decoding import ctc_beams, ctc_greedy
from layergraph.nn.untraceable import ctc_loss as torch_ctc_loss
from layergraph.ops.convert import dtype_of, floating, tensor
from layergraph.ops.define import as_floats, op, refuse
from layergraph.ops.settings import epsilon


def _same_shape(name: str, target: Any, output: Any) -> None:
    if target.ndim != output.ndim or any(a != b and None not in (a, b) for a, b in zip(target.shape, output.shape, strict=True)):
        refuse(name, f"target and output have one shape, got {tuple(target.shape)} and {tuple(output.shape)}")


def _probabilities(x: Any) -> Any:
    return torch.clamp(x, epsilon(), 1 - epsilon())


@op
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """Cross-entropy of each element with a probability, clipped to [1e-7, 1 - 1e-7], or a logit: (...), (...) -> (...)."""
    target, output = as_floats(target, output)
    _same_shape("binary_crossentropy", target, output)
    if from_logits:
        return F.binary_cross_entropy_with_logits(output, target, reduction="none")
    return F.binary_cross_entropy(_probabilities(output), target, reduction="none")


@op
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """Cross-entropy of targets that sum to 1 along `axis`, and probabilities, made to sum to 1, or logits: (..., n), (..., n) -> (...)."""
    target, output = as_floats(target, output)
    _same_shape("categorical_crossentropy", target, output)
    return -torch.sum(target * _log_probabilities(output, from_logits, axis), axis)


def _log_probabilities(output: Any, from_logits: bool, axis: int) -> Any:
    if from_logits:
        return torch.log_softmax(output, axis)
    return torch.log(_probabilities(output / torch.sum(output, axis, keepdim=True)))


@op
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """Cross-entropy of classes (...) or (..., 1) and probabilities, made to sum to 1, or logits (..., n): -> (...)."""
    output = floating(output)
    target = tensor(target, "int64", like=output)
    if target.ndim == output.ndim and target.shape[axis] == 1:
        target = torch.squeeze(target, axis)
    wanted = [size for place, size in enumerate(output.shape) if place != axis % output.ndim]
    if target.ndim != len(wanted) or any(a != b and None not in (a, b) for a, b in zip(target.shape, wanted, strict=True)):
        refuse(
            "sparse_categorical_crossentropy",
            f"target has the shape of output without axis {axis}, {tuple(wanted)}, got {tuple(target.shape)}",
            "use categorical_crossentropy for one-hot targets" if tuple(target.shape) == tuple(output.shape) else None,
        )
    log_probabilities = _log_probabilities(output, from_logits, axis)
    if output.ndim == 1:
        return F.nll_loss(log_probabilities, target, reduction="none")
    return F.nll_loss(log_probabilities.movedim(axis, 1), target, reduction="none")


@op
def ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0) -> Any:
    """Connectionist temporal classification: target (B, S), output (logits) (B, T, classes), lengths (B,) -> (B,).

    `mask_index` is the class that stands for nothing.
    """
    output = floating(output)
    output = output if dtype_of(output).itemsize > 2 else output.float()
    said = torch.log_softmax(output.transpose(0, 1), -1)
    target, spoken, wanted = (tensor(x, like=output) for x in (target, output_length, target_length))
    return torch_ctc_loss(said, target, spoken, wanted, mask_index)


@op
def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[Any, Any]:
    """What the outputs of a network trained by `ctc_loss` say: (B, T, classes), (B,) -> classes (paths, B, T), scores (B, paths).

    'greedy' takes the likeliest class of each step, one path, its score minus the sum of the inputs taken; 'beam_search' keeps
    `beam_width` paths and gives `top_paths`, their scores log-probabilities. Classes are int32, filled up with -1.
    """
    x = floating(inputs)
    x = x if dtype_of(x).itemsize > 2 else x.float()
    lengths = tensor(sequence_lengths, "int64", like=x)
    if strategy == "greedy":
        return ctc_greedy(x, lengths, mask_index, merge_repeated)
    if strategy != "beam_search":
        refuse("ctc_decode", f"strategy is 'greedy' or 'beam_search', got {strategy!r}")
    return ctc_beams(x, lengths, mask_index, beam_width, top_paths)


@op
def psnr(x1: Any, x2: Any, max_val: float) -> Any:
    """The ratio of a signal's peak `max_val` and the noise between two tensors, in decibels: (...), (...) -> ()."""
    x1, x2 = as_floats(x1, x2)
    _same_shape("psnr", x1, x2)
    peak = tensor(max_val, dtype_of(x1), like=x1)
    return 20 * torch.log10(peak) - 10 * torch.log10(torch.mean((x1 - x2) ** 2))
