"""The base of losses, a class over a function of ours, and a plain function as a loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor

from ...config import floatx, standardize_dtype, torch_dtype
from ...errors import ArgumentError, shown, suggestion
from ..numbers import as_tensor, snake_case
from .functions import align, masked_weight, reduce_weighted

_REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "none", None, "mean_with_sample_weight")


class Loss:
    """The base of losses: subclass it and write `call(y_true, y_pred)`, which gives one value per sample.

    Args:
        name: shown in messages.
        reduction: 'sum_over_batch_size' = 'mean', 'sum', 'none' or 'mean_with_sample_weight' (divide by the sum of weights).
        dtype: what `y_pred` is cast to; None is float32 for all but float64 (Keras casts that down).

    >>> import torch
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
        self._dtype = None if dtype is None else torch_dtype(dtype)

    @property
    def dtype(self) -> str:
        """Keras's name of the dtype that was asked for; `floatx()` where none was."""
        return floatx() if self._dtype is None else standardize_dtype(self._dtype)

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        """One value per sample."""
        raise NotImplementedError(f"{type(self).__name__} needs a method call(self, y_true, y_pred)")

    def mean(self, y_true: Any, y_pred: Any) -> Tensor | None:
        """The unweighted mean in fewer steps, where there is a way; None where there is not."""
        return None

    def counts(self, values: Tensor, y_true: Any) -> Tensor | None:
        """Which of the values count in a mean, as bools of their shape; None for all."""
        return None

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        if self._dtype is not None:
            y_pred = as_tensor(y_pred).to(self._dtype)
        if sample_weight is None and self.reduction in ("sum_over_batch_size", "mean"):
            quick = self.mean(y_true, y_pred)
            if quick is not None:
                return quick
        return self.masked(y_true, y_pred, sample_weight, None)

    def masked(self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Tensor | None) -> Tensor:
        """The loss where only some of the predictions count, those under a `mask`: a mean is one over what counts."""
        values = self.call(y_true, y_pred)
        own = self.counts(values, y_true)
        if own is not None:
            mask = own if mask is None else own & mask
        return reduce_weighted(values, masked_weight(sample_weight, mask, self.reduction), self.reduction)

    def check_targets(self, y_true: Tensor, y_pred: Tensor) -> str | None:
        """What is wrong with all the targets of a data set, seen before training; None if nothing is."""
        return None

    def get_config(self) -> dict[str, Any]:
        """What makes an equal loss, by `from_config`: name and reduction, and the dtype where one was asked for."""
        return {"name": self.name, "reduction": self.reduction, **({} if self._dtype is None else {"dtype": self.dtype})}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        """The inverse of `get_config`."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_config().items())})"


class FunctionLoss(Loss):
    """A class over one of our functions: what its constructor takes besides `reduction, name, dtype` goes to the function."""

    function: ClassVar[Callable[..., Tensor]]

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = None, dtype: Any = None, **options: Any):
        super().__init__(name, reduction, dtype)
        self._options = options
        self.__dict__.update(options)

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        return type(self).function(y_true, y_pred, **self._options)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._options}


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
        return {**super().get_config(), "fn": self.fn, **self.kwargs}
