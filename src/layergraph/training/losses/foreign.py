"""Losses of torch, called torch's way, prediction first: modules, and functions of `torch.nn.functional`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from ...errors import ArgumentError, DataError
from ..numbers import as_tensor, snake_case
from .base import Loss
from .functions import align, masked_weight, reduce_weighted

# What wants whole numbers as targets, and no class axis of size 1.
_OF_LABELS = (nn.CrossEntropyLoss, nn.NLLLoss, nn.MultiMarginLoss, nn.MultiLabelMarginLoss)
_LABEL_FUNCTIONS = ("cross_entropy", "nll_loss", "multi_margin_loss", "multilabel_margin_loss")


def of_torch(function: Any) -> bool:
    """Whether this is a loss function of `torch.nn.functional`, or a `partial` of one: `fn(input, target, ..., reduction="mean")`."""
    inner = _inner(function)
    return getattr(inner, "__module__", None) == "torch.nn.functional" and "reduction" in inspect.signature(inner).parameters


def _inner(function: Any) -> Any:
    return cast("partial[Any]", function).func if isinstance(function, partial) else function


class _Foreign(Loss):
    """What both kinds share: how torch wants its targets, and what weights and masks do."""

    def __init__(self, name: str, reduction: str, of_labels: bool):
        super().__init__(name, reduction)
        self.of_labels = of_labels

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        return self._value(*self._as_torch_wants(y_true, y_pred), sample_weight, "sample weights")

    def masked(self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Tensor | None) -> Tensor:
        weight = masked_weight(sample_weight, mask, "mean")
        return self._value(*self._as_torch_wants(y_true, y_pred), weight, "sample weights" if mask is None else "a mask")

    def _as_torch_wants(self, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
        true, pred = as_tensor(y_true), as_tensor(y_pred)
        if not self.of_labels:
            return align(true.to(pred.dtype), pred)
        if true.ndim == pred.ndim and true.shape[-1] == 1 and pred.shape[1] != 1:
            true = true.squeeze(-1)
        return true if true.is_floating_point() else true.long(), pred

    def _value(self, true: Tensor, pred: Tensor, weight: Any, what: str) -> Tensor:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        raise ArgumentError(
            f"the loss {self.name!r} is torch's, and has no config by which it could be made again",
            "use a loss of layergraph.losses, or a class of yours with get_config()",
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name})"


class TorchLoss(_Foreign):
    """A module of torch as a loss: `module(input, target)`."""

    def __init__(self, module: nn.Module, name: str | None = None):
        reduction = getattr(module, "reduction", "sum_over_batch_size")
        super().__init__(name or snake_case(type(module).__name__), reduction, isinstance(module, _OF_LABELS))
        self.module = module

    def _value(self, true: Tensor, pred: Tensor, weight: Any, what: str) -> Tensor:
        if weight is not None and self.reduction != "none":
            raise DataError(
                f"{what} came with {type(self.module).__name__}(reduction={self.reduction!r}), which has averaged them away",
                f"pass {type(self.module).__name__}(reduction='none'), or a loss of layergraph.losses",
            )
        held = next(self.module.buffers(), None)
        if held is not None and held.device != pred.device:
            with torch.inference_mode(False):  # class weights that move must be able to train later
                self.module.to(pred.device)
        return _mean(self.module(pred, true), weight)


class TorchFunctionLoss(_Foreign):
    """A function of `torch.nn.functional` as a loss: `function(input, target)`, weighted value by value where there are weights."""

    def __init__(self, function: Callable[..., Tensor], name: str | None = None):
        word = _inner(function).__name__
        super().__init__(name or word, getattr(function, "keywords", {}).get("reduction", "mean"), word in _LABEL_FUNCTIONS)
        self.function = function

    def values(self, y_true: Any, y_pred: Any) -> Tensor:
        """One value per sample, or per element."""
        true, pred = self._as_torch_wants(y_true, y_pred)
        return self.function(pred, true, reduction="none")

    def _value(self, true: Tensor, pred: Tensor, weight: Any, what: str) -> Tensor:
        if weight is None:
            return self.function(pred, true)
        return _mean(self.function(pred, true, reduction="none"), weight, self.reduction)


def _mean(values: Tensor, weight: Any, reduction: str | None = "mean") -> Tensor:
    """Each sample's values times its weight, as one number."""
    if weight is not None:
        values, weight = align(values, as_tensor(weight, device=values.device))
        weight = weight.reshape(*weight.shape, *(1,) * (values.ndim - weight.ndim))
    return reduce_weighted(values, weight, "sum" if reduction == "sum" else "mean")
