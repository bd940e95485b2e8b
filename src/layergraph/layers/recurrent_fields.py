"""What recurrent layers and their cells share: the arguments, each said once, and how their weights stand in Keras's arrays.

Keras orders the arguments of each class in its own way. So each group of arguments is a small class, and the bases of a layer
are the groups it has, from the last one to the first, as `dataclass` collects them.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from layergraph import activations
from layergraph.errors import Fact, LayergraphError, shown
from layergraph.graph.spec import Shape
from layergraph.layers.base import Layer
from layergraph.layers.fields import (
    Activation,
    Constraint,
    Initializer,
    Regularizer,
    activation,
    activity,
    anything,
    checked,
    constraint,
    flag,
    initializer,
    number,
    positive,
    regularizer,
)
from layergraph.layers.weights import DENSE, Layout, Weight
from layergraph.nn import cells

# --------------------------------------------------------------------------------------------------------------- the arguments


class _Group(Layer):
    """The fields of all bases, the last base's first."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._fields = {name: field for base in reversed(cls.__mro__) for name, field in base.__dict__.get("_fields", {}).items()}


class Units(_Group):
    units: int = positive()
    activation: Activation = activation(default="tanh")


class Gates(_Group):
    recurrent_activation: Activation = activation(default="sigmoid")


class Kernels(_Group):
    use_bias: bool = flag(default=True)
    kernel_initializer: Initializer = initializer(default="glorot_uniform")
    recurrent_initializer: Initializer = initializer(default="orthogonal")
    bias_initializer: Initializer = initializer(default="zeros")


class ForgetBias(_Group):
    unit_forget_bias: bool = flag(default=True)


class Regularizers(_Group):
    kernel_regularizer: Regularizer = regularizer(default=None)
    recurrent_regularizer: Regularizer = regularizer(default=None)
    bias_regularizer: Regularizer = regularizer(default=None)


class Activity(_Group):
    activity_regularizer: Regularizer = activity(default=None)


class Constraints(_Group):
    kernel_constraint: Constraint = constraint(default=None)
    recurrent_constraint: Constraint = constraint(default=None)
    bias_constraint: Constraint = constraint(default=None)


class Dropouts(_Group):
    dropout: float = number(default=0.0, low=0, high=1)
    recurrent_dropout: float = number(default=0.0, low=0, high=1)


class Seed(_Group):
    seed: int | None = anything(default=None)


class Sequences(_Group):
    return_sequences: bool = flag(default=False)
    return_state: bool = flag(default=False)
    go_backwards: bool = flag(default=False)
    stateful: bool = flag(default=False)
    unroll: bool = flag(default=False)


class ResetAfter(_Group):
    reset_after: bool = flag(default=True)


def _cudnn(value: Any, owner: Any) -> Any:
    if not (value == "auto" or isinstance(value, bool)):
        raise Fact(f"must be 'auto', True or False, got {shown(value)}")
    return value


class CuDNN(_Group):
    use_cudnn: Any = checked(_cudnn, default="auto")


# ----------------------------------------------------------------------------------------------------------------- the weights


def _second_frozen(ih: Tensor, hh: Tensor | None) -> Tensor:
    return ih if hh is None else ih + hh  # gradients: the buffer has none


def _update_first(rows: Tensor) -> Tensor:
    """The first two of three blocks of rows exchanged: from torch's order (reset, update, new) to Keras's, and back."""
    reset, update, new = rows.chunk(3)
    return torch.cat((update, reset, new))


def _gru_kernel(rows: Tensor) -> Tensor:
    return _update_first(rows).t()


def _gru_bias(ih: Tensor, hh: Tensor) -> Tensor:
    return torch.stack((_update_first(ih), _update_first(hh)))


def _gru_one_bias(ih: Tensor, hh: Tensor | None) -> Tensor:
    return _update_first(_second_frozen(ih, hh))


# The one bias of Keras's is the sum of torch's two, of which the second is a buffer.
_ONE_BIAS = Layout(_second_frozen, lambda k: (k, torch.zeros_like(k)))
_GRU_KERNEL = Layout(_gru_kernel, lambda k: (_update_first(k.t()),))
_GRU_BIAS = Layout(_gru_bias, lambda k: (_update_first(k[0]), _update_first(k[1])))
_GRU_ONE_BIAS = Layout(_gru_one_bias, lambda k: (_update_first(k), torch.zeros_like(k)))


class Weighted(Dropouts, Kernels, Units):
    """Kernel, recurrent kernel and bias, in the one module that does the work.

    A subclass names its states and makes the module; where its weights stand otherwise in Keras's arrays, it says how.
    """

    _states: ClassVar[tuple[str, ...]] = ("h",)
    _casts_integers: ClassVar[bool] = True
    supports_masking = True

    def _module(self) -> type[cells.Steps]:
        """The class of the module."""
        raise NotImplementedError

    def _layouts(self) -> tuple[Layout, Layout]:
        """Of the kernels, and of the bias."""
        return DENSE, _ONE_BIAS

    def build(self, input_shape: Shape) -> None:
        made: Any = self._module()
        module: cells.Steps = made(input_shape[-1] or 0, self.units, bias=self.use_bias)
        gate = self.recurrent_activation if isinstance(self, Gates) else torch.sigmoid
        self.rnn: Any = module.equip(_canonical(self.activation), _canonical(gate), self.dropout, self.recurrent_dropout)

    def _inlines(self) -> bool:
        return self._inlined  # the activations stand in the module, whatever they are

    def _casts(self, dtype: torch.dtype) -> bool:
        return dtype is not torch.bool and super()._casts(dtype)  # a mask stays one

    def keras_weights(self) -> list[Weight]:
        kernels, biases = self._layouts()
        kernel, recurrent_kernel, *bias = self.rnn.tensors()
        found = [Weight("kernel", (kernel,), kernels), Weight("recurrent_kernel", (recurrent_kernel,), kernels, fields="recurrent")]
        return [*found, Weight("bias", tuple(bias), biases)] if bias else found

    def _settle_state(self, shapes: tuple[Any, ...]) -> None:
        super()._settle_state(shapes)
        if isinstance(self, ForgetBias) and self.use_bias and self.unit_forget_bias:
            with torch.no_grad():
                self.rnn.tensors()[2][self.units : 2 * self.units] = 1.0

    def _check_features(self, features: int | None, shape: Any) -> None:
        """Raise `Fact` for another number of features than there are rows in the kernel."""
        if features is None:
            fact = f"needs a known number of features, since its kernel has as many rows; the input's shape is {tuple(shape)}"
            raise Fact(fact, "give it in Input(shape=...)")
        if self.built and features != self.rnn.input_size:
            fact = f"was built for {self.rnn.input_size} features, got {features} in {tuple(shape)}"
            raise Fact(fact, "use another layer: one layer has one kernel")


def _canonical(function: Any) -> Any:
    """torch's own function for what has its name in a config: `F.tanh` is `torch.tanh`."""
    try:
        form = activations.serialize(function)
    except LayergraphError:
        return function
    return activations.get(form) if form in ("tanh", "sigmoid") else function


class LSTMWeights(Weighted):
    """The gates stand in the columns of Keras's arrays in the order input, forget, cell, output: torch's."""

    _states = ("h", "c")


class GRUWeights(ResetAfter, Weighted):
    """The gates stand in the columns of Keras's arrays in the order update, reset, new; in torch's rows reset is the first."""

    def _layouts(self) -> tuple[Layout, Layout]:
        return _GRU_KERNEL, _GRU_BIAS if self.reset_after else _GRU_ONE_BIAS
