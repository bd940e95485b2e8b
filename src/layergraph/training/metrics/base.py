"""The protocol of metrics, running means and sums.

`update_state(y_true, y_pred, sample_weight=None)` adds a batch, `result()` gives a tensor, or a dict of them, `reset_state()` starts
again. No update waits for the device.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from ... import initializers
from ...config import floatx, standardize_dtype, torch_dtype
from ...errors import ArgumentError, shown, user_place, warn_at
from ...kinds import is_sequence
from ..losses.base import Loss
from ..losses.functions import align, floating
from ..losses.lookup import TABLE as LOSSES
from ..numbers import as_tensor, ratio, snake_case
from .variables import MetricVariable, new_variable

EXACT = torch.float64
"""What sums are kept in: an epoch of additions in single precision would lose digits."""


class Metric:
    """The base of metrics: write `update_state` and `result`, and make what they add to with `add_variable`.

    `direction` is 'up' where more is better, 'down' where less is, None where it is not known; callbacks read it. Set
    `self._direction` for your own.

    Args:
        dtype: what predictions are cast to; None is float32 for all but float64 (Keras casts that down).
        name: the key in the logs.

    >>> class Largest(Metric):
    ...     def __init__(self, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.most = self.add_variable((), "zeros", aggregation=None, name="most")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.most.assign(torch.maximum(self.most, (y_pred - y_true).abs().max()))
    ...     def result(self):
    ...         return self.most
    >>> float(Largest(name="largest")(torch.zeros(2), torch.tensor([1.0, -3.0])))
    3.0
    """

    _direction: str | None = None
    takes_masks: ClassVar[bool] = False
    """Whether a mask of the predictions becomes a sample weight, as it does in Keras for means of a function."""
    sums: ClassVar[tuple[str, ...]] = ()
    """Attributes that are plain numbers or tensors and add up over processes, where a metric keeps such."""

    def __init__(self, dtype: Any = None, name: str | None = None):
        self.name = name or snake_case(type(self).__name__)
        self._dtype = None if dtype is None else torch_dtype(dtype)
        self._variables: list[MetricVariable] = []

    @property
    def dtype(self) -> str:
        """Keras's name of the dtype that was asked for; `floatx()` where none was."""
        return floatx() if self._dtype is None else standardize_dtype(self._dtype)

    @property
    def direction(self) -> str | None:
        """'up', 'down', or None."""
        return self._direction

    # --- what a metric adds to

    def add_variable(
        self, shape: Sequence[int], initializer: Any, dtype: Any = None, aggregation: str | None = "sum", name: str | None = None
    ) -> MetricVariable:
        """A variable of the metric's state: `assign`, `assign_add` and `assign_sub` change it, `reset_state` makes it 0.

        Args:
            shape: its shape.
            initializer: its first values: a name, an `Initializer`, or a function of shape and dtype; None for zeros.
            dtype: `floatx()` where it is None.
            aggregation: what the variables of several processes become together: 'sum', 'mean', or None to leave each as it is.
            name: its key in `state_dict`.
        """
        if "_variables" not in vars(self):
            raise ArgumentError(
                f"{type(self).__name__}: add_variable before super().__init__()", "call super().__init__(name=name) first in its __init__"
            )
        made: Any = initializers.get("zeros" if initializer is None else initializer)
        kind = torch_dtype(dtype or floatx())
        variable = new_variable(lambda: made(tuple(shape), dtype=kind), name, aggregation)
        self._variables.append(variable)
        return variable

    def add_weight(self, shape: Sequence[int] = (), initializer: Any = None, dtype: Any = None, name: str | None = None) -> MetricVariable:
        """`add_variable` by its older name."""
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[MetricVariable]:
        """What it adds to, that of metrics in its attributes too."""
        return [*self._own_variables(), *(v for _, inner in self._inner() for v in inner.variables)]

    def _own_variables(self) -> list[MetricVariable]:
        return vars(self).get("_variables", [])

    def _inner(self) -> Iterator[tuple[str, Metric]]:
        """Metrics in attributes, and in lists in them."""
        for key, value in vars(self).items():
            if isinstance(value, Metric):
                yield key, value
            elif is_sequence(value):
                yield from ((f"{key}.{i}", item) for i, item in enumerate(value) if isinstance(item, Metric))

    def to(self, device: torch.device) -> None:
        """Moves the variables to a device."""
        for variable in self.variables:
            if variable.device != device:
                variable.move(device)

    # --- the protocol

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Adds a batch."""
        raise NotImplementedError(f"{type(self).__name__} needs a method update_state(self, y_true, y_pred, sample_weight=None)")

    def result(self) -> Any:
        """The value so far: a tensor, or a dict of them, which are logged by its keys."""
        raise NotImplementedError(f"{type(self).__name__} needs a method result(self)")

    def reset_state(self) -> None:
        """Forgets every batch: the variables become 0, whatever they began with, as in Keras."""
        variables = self.variables
        if not variables and self._plain():  # none yet is right for what makes them at its first batch
            warn_at(
                user_place(),
                f"the metric {self.name!r} keeps its state in plain attributes and has no reset_state(self): it never forgets. Write it, "
                "or keep the state in variables: self.add_variable(...)",
            )
        for variable in variables:
            variable.zero_()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    # --- the state as data

    def state_dict(self) -> dict[str, Any]:
        """Where the metric stands: its variables, and the numbers and tensors in its other attributes, by name."""
        state: dict[str, Any] = {key: variable.detach().clone() for key, variable in self._by_name().items()}
        state |= {key: value.detach().clone() if isinstance(value, Tensor) else value for key, value in self._plain().items()}
        for prefix, inner in self._inner():
            state |= {f"{prefix}.{key}": value for key, value in inner.state_dict().items()}
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes back to where `state_dict` was taken.

        Raises:
            ArgumentError: a state that is not this metric's.
        """
        inner = dict(self._inner())
        own = {key: value for key, value in state.items() if not key.startswith(tuple(f"{prefix}." for prefix in inner))}
        variables = self._by_name()
        wrong = [key for key in {**variables, **own} if key not in own or not self._fits(key, variables.get(key), own[key])]
        if wrong:
            raise ArgumentError(f"the metric {self.name!r} cannot take this state: {wrong[0]!r} is {shown(own.get(wrong[0]))}")
        for key, value in own.items():
            if key in variables:
                variables[key].assign(value)
            else:
                setattr(self, key, value.clone() if isinstance(value, Tensor) else value)
        for prefix, metric in inner.items():
            metric.load_state_dict({key.removeprefix(f"{prefix}."): value for key, value in state.items() if key.startswith(f"{prefix}.")})

    def _fits(self, key: str, variable: MetricVariable | None, value: Any) -> bool:
        if variable is None:  # an attribute, of those that `_plain` may take
            return isinstance(value, (int, float, Tensor)) and key in vars(self) and not key.startswith("_")
        return isinstance(value, Tensor) and value.shape == variable.shape

    def _by_name(self) -> dict[str, MetricVariable]:
        named: dict[str, MetricVariable] = {}
        for i, variable in enumerate(self._own_variables()):
            named[f"{variable.name}_{i}" if variable.name in named else variable.name] = variable
        return named

    def _plain(self) -> dict[str, Any]:
        """Numbers and tensors that a metric keeps without `add_variable`; the arguments of its constructor are none of them."""
        given = inspect.signature(type(self).__init__).parameters
        return {
            key: value
            for key, value in vars(self).items()
            if isinstance(value, (int, float, Tensor)) and not isinstance(value, (bool, MetricVariable))
            if not key.startswith("_") and key not in given
        }

    def reduce_state(self, sum_over_processes: Callable[[Tensor], Tensor]) -> None:
        """Makes the state that of all processes, given what sums a tensor over them. Each of them must call it."""
        variables = self.variables
        if not variables and not self.sums:
            warn_at(
                user_place(),
                f"the metric {self.name!r} keeps its state in plain attributes: each process has its own result. "
                "Keep it in variables: self.add_variable(...)",
            )
        plain = [getattr(self, key) for key in self.sums]
        device = next((value.device for value in plain if isinstance(value, Tensor)), None)
        for key, value in zip(self.sums, plain, strict=True):
            single = device is not None and device.type == "mps"
            part = torch.as_tensor(0.0 if value is None else value, dtype=torch.float32 if single else EXACT, device=device)
            setattr(self, key, sum_over_processes(part))
        for variable in variables:
            if variable.aggregation in ("sum", "mean"):
                whole = sum_over_processes(variable.detach().clone())
                if variable.aggregation == "mean":
                    whole = whole / sum_over_processes(torch.ones((), device=variable.device))
                variable.assign(whole)

    # --- the arguments as data

    def get_config(self) -> dict[str, Any]:
        """What makes an equal metric, by `from_config`."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        """The inverse of `get_config`."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class OwnMetric(Metric):
    """A metric of ours: each argument of its constructor is kept under its name, and is its config."""

    def get_config(self) -> dict[str, Any]:
        ours = next(cls for cls in type(self).__mro__ if cls.__module__.startswith("layergraph."))
        own = [key for key in inspect.signature(ours.__init__).parameters if key not in ("self", "name", "dtype")]
        return {"name": self.name, "dtype": self.dtype, **{key: getattr(self, key) for key in own}}

    def _plain(self) -> dict[str, Any]:
        return {} if type(self).__module__.startswith("layergraph.") else super()._plain()

    def _floats(self, values: Any, device: torch.device | None = None) -> Tensor:
        values = as_tensor(values, device)
        return floating(values) if self._dtype is None or not self._dtype.is_floating_point else values.to(self._dtype)

    def _add(self, **amounts: Tensor) -> None:
        """Adds to the variables of these names, which follow what is added to its device."""
        for key, amount in amounts.items():
            variable = getattr(self, key)
            if variable.device != amount.device:
                self.to(amount.device)
            variable.add_(amount)

    def _sums(self, shape: Sequence[int], *names: str) -> None:
        """Variables of these names in double precision, all 0."""
        for name in names:
            setattr(self, name, self.add_variable(shape, "zeros", EXACT, name=name))


class _Running(Metric):
    """What `Mean` and `Sum` share: a total in double precision, and whether anything came in it."""

    def __init__(self, name: str | None, dtype: Any):
        super().__init__(dtype, name)
        self.total = self.add_variable((), "zeros", EXACT, name="total")
        self._wide = self._dtype is torch.float64

    def _values(self, values: Any) -> Tensor:
        """Values as a tensor beside the total, on whose device they then both are."""
        values = as_tensor(values)
        if values.device != self.total.device:
            self.to(values.device)
        if values.dtype is torch.float64 and self._dtype is None:
            self._wide = True
        return values

    def _given(self, value: Tensor) -> Tensor:
        return value if self._wide else value.float()


class Mean(_Running):
    """The (weighted) mean of values: each sample's values are averaged first.

    >>> m = Mean()
    >>> m.update_state([1, 3, 5, 7])
    >>> float(m.result())
    4.0
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None):
        super().__init__(name, dtype)
        self._counted = self.add_variable((), "zeros", EXACT, name="count")
        self._samples = 0  # of them, not yet in `count`: adding to a Python number costs nothing on the device

    @property
    def count(self) -> MetricVariable:
        """How many samples there were, or the sum of their weights."""
        if self._samples:
            self._counted.assign_add(self._samples)
            self._samples = 0
        return self._counted

    def _own_variables(self) -> list[MetricVariable]:
        _ = self.count
        return super()._own_variables()

    def reset_state(self) -> None:
        self._samples = 0
        super().reset_state()

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        with torch.no_grad():
            values = self._values(values)
            if sample_weight is not None:
                values, weights = _samplewise(values, sample_weight)
                self.total.add_(values.sum(dtype=self.total.dtype))
                self._counted.add_(weights.sum(dtype=self.total.dtype))
                return
            batch = values.shape[0] if values.ndim else 1
            each = values.numel() / max(batch, 1)
            self.total.add_(values.sum(dtype=self.total.dtype), alpha=1.0 / each if each else 1.0)
            self._samples += batch

    def result(self) -> Tensor:
        """The mean so far; 0 before any value."""
        return self._given(ratio(self.total, self.count))


class Sum(_Running):
    """The (weighted) sum of values: each sample's values are summed first."""

    def __init__(self, name: str | None = "sum", dtype: Any = None):
        super().__init__(name, dtype)

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        with torch.no_grad():
            values = self._values(values)
            if sample_weight is not None:
                values, _ = _samplewise(values, sample_weight, torch.sum)
            self.total.add_(values.sum(dtype=self.total.dtype))

    def result(self) -> Tensor:
        """The sum so far."""
        return self._given(self.total.detach().clone())


def _samplewise(values: Tensor, weight: Any, reduce: Callable[..., Tensor] = torch.mean) -> tuple[Tensor, Tensor]:
    """Weighted values and weights, one per sample, in Keras's order of reducing and broadcasting."""
    values = values.float() if not values.is_floating_point() else values
    weight = as_tensor(weight, device=values.device).to(values.dtype)
    values, weight = align(values, weight)
    if values.ndim > weight.ndim:
        values = reduce(values, dim=tuple(range(weight.ndim, values.ndim)))
    given = weight.ndim
    weight = weight.broadcast_to(values.shape)
    values = values * weight
    if given > 1:
        weight = reduce(weight, dim=tuple(range(1, given)))
    if values.ndim > 1:
        values = reduce(values, dim=tuple(range(1, values.ndim)))
    return values, weight


class MeanMetricWrapper(Mean):
    """The running mean of a function `fn(y_true, y_pred, **kwargs)` that gives a value per sample."""

    takes_masks = True

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any):
        super().__init__(name, dtype)
        self.fn = fn
        self.kwargs = kwargs
        if isinstance(fn, Loss) or any(fn is known for known in LOSSES.functions.values()):
            self._direction = "down"

    def update_state(self, y_true: Any, y_pred: Any = None, sample_weight: Any = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        with torch.no_grad():
            super().update_state(self.fn(y_true, y_pred, **self.kwargs), sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fn": self.fn, **self.kwargs}


class FunctionMean(MeanMetricWrapper):
    """A class over one of our functions: what its constructor takes besides `name, dtype` goes to the function."""

    function: ClassVar[Callable[..., Tensor]]

    def __init__(self, name: str | None = None, dtype: Any = None, **options: Any):
        super().__init__(type(self).function, name, dtype, **options)
        self.__dict__.update(options)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype, **self.kwargs}
