"""The base of losses, a plain function as a loss, and a loss of torch."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import ArgumentError, DataError, shown, suggestion
from ..numbers import as_tensor, snake_case, torch_dtype
from .functions import align, reduce_weighted

_REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "none", None, "mean_with_sample_weight")


class Loss:
    """The base of losses: subclass it and write `call(y_true, y_pred)`, which gives one value per sample.

    Args:
        name: shown in messages.
        reduction: 'sum_over_batch_size' = 'mean', 'sum', 'none' or 'mean_with_sample_weight' (divide by the sum of weights).
        dtype: what `y_pred` is cast to; None is float32 for all but float64.

    >>> class Cubed(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return (y_true - y_pred).abs().pow(3).mean(-1)
    >>> float(Cubed()(torch.zeros(2, 3), torch.full((2, 3), 2.0)))
    8.0
    """

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None):
        if reduction not in _REDUCTIONS:
            raise ArgumentError(
                f"Invalid value for argument `reduction`: {type(self).__name__}(reduction={reduction!r}); expected one of "
                f"{', '.join(repr(r) for r in _REDUCTIONS)}",
                suggestion(reduction, [r for r in _REDUCTIONS if r]),
            )
        self.name = name or snake_case(type(self).__name__)
        self.reduction = reduction
        self.dtype = dtype

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        """One value per sample."""
        raise NotImplementedError(f"{type(self).__name__} needs a method call(self, y_true, y_pred)")

    def mean(self, y_true: Any, y_pred: Any) -> Tensor | None:
        """The unweighted mean in fewer steps, where there is a way; None where there is not."""
        return None

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        if self.dtype is not None:
            y_pred = as_tensor(y_pred).to(torch_dtype(self.dtype))
        if sample_weight is None and self.reduction in ("sum_over_batch_size", "mean"):
            quick = self.mean(y_true, y_pred)
            if quick is not None:
                return quick
        return self.reduce(self.call(y_true, y_pred), y_true, sample_weight)

    def reduce(self, values: Tensor, y_true: Any, sample_weight: Any) -> Tensor:
        """The values of `call` as one number, by `reduction`."""
        return reduce_weighted(values, sample_weight, self.reduction)

    def check_targets(self, y_true: Tensor, y_pred: Tensor) -> str | None:
        """What is wrong with all the targets of a data set, seen before training; None if nothing is."""
        return None

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {key: getattr(self, key) for key in inspect.signature(type(self).__init__).parameters if key != "self"}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        """The inverse of `get_config`."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"


class LossFunctionWrapper(Loss):
    """A plain function `fn(y_true, y_pred, **kwargs)` as a loss."""

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(name or getattr(fn, "__name__", None) or snake_case(type(fn).__name__), reduction, dtype)
        self.fn = fn
        self.kwargs = kwargs

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        true, pred = as_tensor(y_true), as_tensor(y_pred)
        values = self.fn(*align(true, pred), **self.kwargs)
        if not isinstance(values, Tensor):
            raise ArgumentError(
                f"the loss {self.name!r} returned {shown(values)} ({type(values).__name__}), which has no gradient; a loss gives a tensor",
                "compute it from y_pred with torch functions",
            )
        return values

    def get_config(self) -> dict[str, Any]:
        return {"fn": self.fn, "reduction": self.reduction, "name": self.name, "dtype": self.dtype, **self.kwargs}


class TorchLoss(Loss):
    """A loss of torch, called torch's way: `module(input, target)`."""

    def __init__(self, module: nn.Module, name: str | None = None):
        super().__init__(name or snake_case(type(module).__name__), getattr(module, "reduction", "sum_over_batch_size"))
        self.module = module

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        true, pred = as_tensor(y_true), as_tensor(y_pred)
        if sample_weight is not None and self.reduction != "none":
            raise DataError(
                f"sample weights came with {type(self.module).__name__}(reduction={self.reduction!r}), which has averaged them away",
                f"pass {type(self.module).__name__}(reduction='none'), or a loss of layergraph.losses",
            )
        held = next(self.module.buffers(), None)
        if held is not None and held.device != pred.device:
            with torch.inference_mode(False):  # class weights that move must be able to train later
                self.module.to(pred.device)
        if isinstance(self.module, (nn.CrossEntropyLoss, nn.NLLLoss)):
            # torch wants no class axis of size 1 and int64; both come from Keras's habits
            if true.ndim == pred.ndim and true.shape[-1] == 1 and pred.shape[1] != 1:
                true = true.squeeze(-1)
            true = true if true.is_floating_point() else true.long()
        else:
            true, pred = align(true.to(pred.dtype), pred)
        values = self.module(pred, true)
        return reduce_weighted(values, sample_weight, "mean")
