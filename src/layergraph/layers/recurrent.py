"""Recurrent layers. The bodies of the classes are Keras's signatures, in Keras's order, which differs from class to class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from layergraph import activations
from layergraph.errors import ArgumentError, Fact, LayergraphError, ShapeError, shown
from layergraph.graph.record import sources
from layergraph.graph.spec import Shape, agree
from layergraph.graph.symbolic import SymbolicTensor, symbols_in
from layergraph.layers.base import Layer
from layergraph.layers.fields import (
    Activation,
    Constraint,
    Field,
    Initializer,
    Regularizer,
    activation,
    activity,
    anything,
    constraint,
    flag,
    initializer,
    only,
    positive,
    regularizer,
)
from layergraph.layers.weights import DENSE, Layout, Weight
from layergraph.nn import recurrent

_LATER = "it comes in a later version"


def _standard(name: str) -> Any:
    """An activation that can only be the one of this name, in any of its forms: the one inside torch's kernels."""
    any_activation: Field = activation(default=name)

    def check(value: Any, owner: Any) -> Callable[..., Tensor]:
        function = any_activation.check(value, owner)
        try:
            same = activations.serialize(function) == name
        except LayergraphError:
            same = False
        if not same:
            raise Fact(f"can only be {name!r} here, got {shown(value)}: other activations come in a later version")
        return function

    return Field(name, check, any_activation.encode)


def _cudnn() -> Any:
    def check(value: Any, owner: Any) -> Any:
        if not (value == "auto" or isinstance(value, bool)):
            raise Fact(f"must be 'auto', True or False, got {shown(value)}")
        return value

    return Field("auto", check)


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


# The one bias of Keras's is the sum of torch's two, of which the second is a buffer.
_ONE_BIAS = Layout(_second_frozen, lambda k: (k, torch.zeros_like(k)))
_GRU_KERNEL = Layout(_gru_kernel, lambda k: (_update_first(k.t()),))
_GRU_BIAS = Layout(_gru_bias, lambda k: (_update_first(k[0]), _update_first(k[1])))


class _Recurrent(Layer):
    """What the recurrent layers share: all but their arguments.

    A subclass names the module that does the work, its states, and how its weights stand in Keras's arrays.
    """

    _module: ClassVar[type[recurrent.Recurrent]]
    _states: ClassVar[tuple[str, ...]] = ("h",)
    _kernel_layout: ClassVar[Layout] = DENSE
    _bias_layout: ClassVar[Layout] = _ONE_BIAS
    _casts_integers: ClassVar[bool] = True

    def __call__(self, x: Any, initial_state: Any = None, **kwargs: Any) -> Any:
        if type(x) in (list, tuple):
            raise ArgumentError(
                f"{self.label} takes one tensor, got a {type(x).__name__} of {len(x)}", f"{self._words}(x, initial_state=[...])"
            )
        if initial_state is None:
            return super().__call__(x, **kwargs)
        given: Sequence[Any] = initial_state if type(initial_state) in (list, tuple) else (initial_state,)
        states = [self._cast_symbols(state) if isinstance(state, SymbolicTensor) else self._admit(state) for state in given]
        self._check_states(x, states)
        return super().__call__(x, initial_state=states, **kwargs)

    @property
    def _words(self) -> str:
        return f"{type(self).__name__}({self.units})"

    def _check_states(self, x: Any, states: Sequence[Any]) -> None:
        """The count and the shapes of the states; their batch may be 1, for all rows alike."""
        batch, details = x.shape[0] if len(x.shape) else None, sources(symbols_in((x, states)))
        wanted = f"{len(self._states)} tensor{'s' * (len(self._states) > 1)} of shape ({batch}, {self.units})"
        fix = f"{self._words}(x, initial_state=[{', '.join(self._states)}])"
        if len(states) != len(self._states):
            raise ArgumentError(f"{self.label}: `initial_state` must be {wanted}, got {len(states)}", fix, details=details)
        for state in states:
            if not isinstance(state, Tensor | SymbolicTensor):
                raise ArgumentError(
                    f"{self.label}: `initial_state` must be {wanted}, got {type(state).__name__} {shown(state)}", fix, details=details
                )
            shape = tuple(state.shape)
            if not (agree(shape, (batch, self.units)) or agree(shape, (1, self.units))):
                raise ShapeError(f"{self.label}: `initial_state` must be {wanted}, got shape {shape}", fix, details=details)

    def build(self, input_shape: Shape) -> None:
        self.rnn: recurrent.Recurrent = self._module(input_shape[-1] or 0, self.units, bias=self.use_bias)

    def call(self, x: Tensor, initial_state: Sequence[Tensor] | None = None) -> Any:
        results = self.rnn(x, *(initial_state or ()))
        output = results[0 if self.return_sequences else 1]  # the last state h is the last output
        return (output, *(results[1 + i] for i in range(len(self._states)))) if self.return_state else output

    def keras_weights(self) -> list[Weight]:
        rnn = self.rnn
        bias = [Weight("bias", (rnn.bias_ih_l0, rnn.bias_hh_l0), self._bias_layout)] if self.use_bias else []
        recurrent_kernel = Weight("recurrent_kernel", (rnn.weight_hh_l0,), self._kernel_layout, fields="recurrent")
        return [Weight("kernel", (rnn.weight_ih_l0,), self._kernel_layout), recurrent_kernel, *bias]

    def compute_output_shape(self, input_shape: Shape, initial_state_shape: Any = None) -> Any:
        if len(input_shape) != 3:
            fix = "use Reshape, or return_sequences=True in the recurrent layer before this one" if len(input_shape) == 2 else None
            raise Fact(f"expects 3 axes, (batch, steps, features), got {tuple(input_shape)}", fix)
        batch, steps, features = input_shape
        if features is None:
            raise Fact(
                f"needs a known number of features, since its kernel has as many rows; the input's shape is {tuple(input_shape)}",
                "give it in Input(shape=...)",
            )
        if self.built and features != self.rnn.input_size:
            raise Fact(
                f"was built for {self.rnn.input_size} features, got {features} in {tuple(input_shape)}",
                "use another layer: one layer has one kernel",
            )
        output = (batch, steps, self.units) if self.return_sequences else (batch, self.units)
        return (output, *((batch, self.units) for _ in self._states)) if self.return_state else output


class LSTM(_Recurrent):
    """Long short-term memory.

    (B, T, features) -> (B, units); (B, T, units) with `return_sequences`; a tuple (output, h, c) with `return_state`

    Called as `layer(x)` or `layer(x, initial_state=[h, c])`, each state (B, units), or (1, units) for all rows alike. Without
    initial states they are zeros.

    Differs from Keras: weights set on a layer live in torch's two biases, of which `bias_hh_l0` is a zero buffer.

    Args:
        units: the size of the output and of each state.
        activation, recurrent_activation: only 'tanh' and 'sigmoid' for now.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: of the kernel (features, 4 * units), the recurrent kernel
            (units, 4 * units) and the bias (4 * units,) in Keras's layout, gates in the order input, forget, cell, output.
        unit_forget_bias: whether the bias of the forget gate starts at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: terms of the loss, see `Model.losses`.
        kernel_constraint, recurrent_constraint, bias_constraint: applied by `fit` after each step.
        return_sequences: whether the output has every step or the last one.
        return_state: whether the last states are returned too.
        dropout, recurrent_dropout, go_backwards, stateful: only the defaults for now.
        seed: kept in the config.
        unroll, use_cudnn: accepted, without effect: torch chooses its kernels.

    >>> from layergraph import Input
    >>> LSTM(16)(Input(shape=(20, 5))).shape
    (None, 16)
    """

    _module = recurrent.LSTM
    _states = ("h", "c")

    units: int = positive()
    activation: Activation = _standard("tanh")
    recurrent_activation: Activation = _standard("sigmoid")
    use_bias: bool = flag(default=True)
    kernel_initializer: Initializer = initializer(default="glorot_uniform")
    recurrent_initializer: Initializer = initializer(default="orthogonal")
    bias_initializer: Initializer = initializer(default="zeros")
    unit_forget_bias: bool = flag(default=True)
    kernel_regularizer: Regularizer = regularizer(default=None)
    recurrent_regularizer: Regularizer = regularizer(default=None)
    bias_regularizer: Regularizer = regularizer(default=None)
    activity_regularizer: Regularizer = activity(default=None)
    kernel_constraint: Constraint = constraint(default=None)
    recurrent_constraint: Constraint = constraint(default=None)
    bias_constraint: Constraint = constraint(default=None)
    dropout: float = only(default=0.0, why=_LATER)
    recurrent_dropout: float = only(default=0.0, why=_LATER)
    seed: int | None = anything(default=None)
    return_sequences: bool = flag(default=False)
    return_state: bool = flag(default=False)
    go_backwards: bool = only(default=False, why=_LATER)
    stateful: bool = only(default=False, why=_LATER)
    unroll: bool = flag(default=False)
    use_cudnn: Any = _cudnn()

    def _settle_state(self, shapes: tuple[Any, ...]) -> None:
        super()._settle_state(shapes)
        if self.use_bias and self.unit_forget_bias:
            with torch.no_grad():
                self.rnn.bias_ih_l0[self.units : 2 * self.units] = 1.0


class GRU(_Recurrent):
    """Gated recurrent unit.

    (B, T, features) -> (B, units); (B, T, units) with `return_sequences`; a tuple (output, h) with `return_state`

    Called as `layer(x)` or `layer(x, initial_state=h)`.

    Args:
        units: the size of the output and of the state.
        kernel_initializer, recurrent_initializer, bias_initializer: of the kernel (features, 3 * units), the recurrent kernel
            (units, 3 * units) and the bias (2, 3 * units) in Keras's layout, gates in the order update, reset, new.
        reset_after: only True for now: the reset gate is applied after the matrix product.
        activation, use_bias, ...: as in `LSTM`.

    >>> from layergraph import Input
    >>> [y.shape for y in GRU(16, return_sequences=True, return_state=True)(Input(shape=(20, 5)))]
    [(None, 20, 16), (None, 16)]
    """

    _module = recurrent.GRU
    _kernel_layout = _GRU_KERNEL
    _bias_layout = _GRU_BIAS

    units: int = positive()
    activation: Activation = _standard("tanh")
    recurrent_activation: Activation = _standard("sigmoid")
    use_bias: bool = flag(default=True)
    kernel_initializer: Initializer = initializer(default="glorot_uniform")
    recurrent_initializer: Initializer = initializer(default="orthogonal")
    bias_initializer: Initializer = initializer(default="zeros")
    kernel_regularizer: Regularizer = regularizer(default=None)
    recurrent_regularizer: Regularizer = regularizer(default=None)
    bias_regularizer: Regularizer = regularizer(default=None)
    activity_regularizer: Regularizer = activity(default=None)
    kernel_constraint: Constraint = constraint(default=None)
    recurrent_constraint: Constraint = constraint(default=None)
    bias_constraint: Constraint = constraint(default=None)
    dropout: float = only(default=0.0, why=_LATER)
    recurrent_dropout: float = only(default=0.0, why=_LATER)
    seed: int | None = anything(default=None)
    return_sequences: bool = flag(default=False)
    return_state: bool = flag(default=False)
    go_backwards: bool = only(default=False, why=_LATER)
    stateful: bool = only(default=False, why=_LATER)
    unroll: bool = flag(default=False)
    reset_after: bool = only(default=True, why=_LATER)
    use_cudnn: Any = _cudnn()


class SimpleRNN(_Recurrent):
    """A network whose output is its next state: tanh of an affine map of the input and the state.

    (B, T, features) -> (B, units); (B, T, units) with `return_sequences`; a tuple (output, h) with `return_state`

    Called as `layer(x)` or `layer(x, initial_state=h)`.

    Args:
        units: the size of the output and of the state.
        kernel_initializer, recurrent_initializer, bias_initializer: of the kernel (features, units), the recurrent kernel
            (units, units) and the bias (units,) in Keras's layout.
        activation, use_bias, ...: as in `LSTM`.

    >>> from layergraph import Input
    >>> SimpleRNN(16, return_sequences=True)(Input(shape=(None, 5))).shape
    (None, None, 16)
    """

    _module = recurrent.RNN

    units: int = positive()
    activation: Activation = _standard("tanh")
    use_bias: bool = flag(default=True)
    kernel_initializer: Initializer = initializer(default="glorot_uniform")
    recurrent_initializer: Initializer = initializer(default="orthogonal")
    bias_initializer: Initializer = initializer(default="zeros")
    kernel_regularizer: Regularizer = regularizer(default=None)
    recurrent_regularizer: Regularizer = regularizer(default=None)
    bias_regularizer: Regularizer = regularizer(default=None)
    activity_regularizer: Regularizer = activity(default=None)
    kernel_constraint: Constraint = constraint(default=None)
    recurrent_constraint: Constraint = constraint(default=None)
    bias_constraint: Constraint = constraint(default=None)
    dropout: float = only(default=0.0, why=_LATER)
    recurrent_dropout: float = only(default=0.0, why=_LATER)
    return_sequences: bool = flag(default=False)
    return_state: bool = flag(default=False)
    go_backwards: bool = only(default=False, why=_LATER)
    stateful: bool = only(default=False, why=_LATER)
    unroll: bool = flag(default=False)
    seed: int | None = anything(default=None)
