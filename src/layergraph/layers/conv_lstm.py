"""Convolutional LSTMs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from layergraph.errors import ArgumentError, Fact, ShapeError, shown
from layergraph.graph.record import sources
from layergraph.graph.spec import Shape, agree
from layergraph.graph.symbolic import SymbolicTensor, symbols_in
from layergraph.layers import fields, sizes
from layergraph.layers.base import Layer
from layergraph.layers.fields import (
    Activation,
    Constraint,
    DataFormat,
    Initializer,
    Regularizer,
    Window,
    activity,
    anything,
    choice,
    constraint,
    data_format,
    flag,
    initializer,
    number,
    only,
    positive,
    regularizer,
    window,
)
from layergraph.layers.masking import given_mask
from layergraph.layers.weights import CONV, Weight
from layergraph.layers.wrapper import given_states
from layergraph.nn.conv_lstm import ConvLSTM


class _ConvLSTM(Layer):
    """What the three share: all but the number of spatial axes."""

    rank: ClassVar[int]
    supports_masking = True
    _casts_integers: ClassVar[bool] = True
    # Keras's `Bidirectional` sets it: zeros as the outputs of masked steps, in the place of the output before.
    zero_output_for_mask = False

    filters: int = positive()
    kernel_size: Window = window()
    strides: Window = window(default=1)
    padding: str = choice("valid", "same", default="valid")
    data_format: DataFormat = data_format(default=None)
    dilation_rate: Window = window(default=1)
    activation: Activation = fields.activation(default="tanh")
    recurrent_activation: Activation = fields.activation(default="sigmoid")
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
    dropout: float = number(default=0.0, low=0, high=1)
    recurrent_dropout: float = number(default=0.0, low=0, high=1)
    seed: int | None = anything(default=None)
    return_sequences: bool = flag(default=False)
    return_state: bool = flag(default=False)
    go_backwards: bool = flag(default=False)
    stateful: bool = flag(default=False)
    unroll: bool = only(default=False, why="a convolutional recurrence is not unrolled, in Keras neither", kw_only=True)

    def check_fields(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise Fact(f"cannot have strides {self.strides} and dilation_rate {self.dilation_rate} both above 1")

    def _casts(self, dtype: torch.dtype) -> bool:
        return dtype is not torch.bool and super()._casts(dtype)  # a mask stays one

    def __call__(self, x: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any) -> Any:
        kwargs |= {} if mask is None else {"mask": given_mask(self, x, mask)}
        if initial_state is None:
            return super().__call__(x, **kwargs)
        states = given_states(self, initial_state)
        self._check_states(x, states)
        return super().__call__(x, initial_state=states, **kwargs)

    def _check_states(self, x: Any, states: Sequence[Any]) -> None:
        """The count and the shapes of the states; their batch may be 1, for all rows alike."""
        try:
            state = self._state_shape(tuple(x.shape))
        except Fact:  # the input is wrong too, and is told of first
            return
        wanted, fix = f"2 tensors of shape {state}", f"{type(self).__name__}(...)(x, initial_state=[h, c])"
        details = sources(symbols_in((x, states)))
        if len(states) != 2:
            raise ArgumentError(f"{self.label}: `initial_state` must be {wanted}, got {len(states)}", fix, details=details)
        for each in states:
            if not isinstance(each, Tensor | SymbolicTensor):
                told = f"{type(each).__name__} {shown(each)}"
                raise ArgumentError(f"{self.label}: `initial_state` must be {wanted}, got {told}", fix, details=details)
            shape = tuple(each.shape)
            if not (agree(shape, state) or agree(shape, (1, *state[1:]))):
                raise ShapeError(f"{self.label}: `initial_state` must be {wanted}, got shape {shape}", fix, details=details)

    def _inlines(self) -> bool:
        return self._inlined  # the activations are called inside the module

    def build(self, input_shape: Shape) -> None:
        state = self._state_shape(input_shape)
        self.rnn = ConvLSTM(
            sizes.channels(_of_step(input_shape), self.data_format) or 0,
            self.filters,
            self.kernel_size,
            self.strides,
            self.dilation_rate,
            same=self.padding == "same",
            bias=self.use_bias,
            activation=self.activation,
            recurrent_activation=self.recurrent_activation,
            dropout=self.dropout,
            recurrent_dropout=self.recurrent_dropout,
            sequences=self.return_sequences,
            backwards=self.go_backwards,
            state=self._kept_shape(state) if self.stateful else None,
        )

    def _kept_shape(self, state: Shape) -> list[int]:
        """The shape of the states that are kept, channels first."""
        known = [size or 0 for size in state]
        return known if self.data_format == "channels_first" else [known[0], known[-1], *known[1:-1]]

    def _settle_state(self, shapes: tuple[Any, ...]) -> None:
        super()._settle_state(shapes)
        if self.rnn.bias is not None and self.unit_forget_bias:
            with torch.no_grad():
                self.rnn.bias[self.filters : 2 * self.filters] = 1.0

    def call(
        self, x: Tensor, initial_state: Sequence[Tensor] | None = None, mask: Tensor | None = None, training: bool | None = None
    ) -> Any:
        first = self.data_format == "channels_first"
        states = [state if first else sizes.channels_first(state, self.data_format) for state in initial_state or ()]
        words: dict[str, Any] = {} if mask is None else {"mask": mask}
        words |= {"zeros": True} if mask is not None and self.zero_output_for_mask else {}
        words |= {} if training is None else {"training": training}
        found = self.rnn(x if first else x.permute(0, 1, x.ndim - 1, *range(2, x.ndim - 1)), *states, **words)
        spatial = range(2, self.rank + 2)
        output = found[0]
        if not first:
            axes = (0, 1, *(axis + 1 for axis in spatial), 2) if self.return_sequences else (0, *spatial, 1)
            output = output.permute(axes)
        if not self.return_state:
            return output
        return (output, *(found[i] if first else found[i].permute(0, *spatial, 1) for i in (1, 2)))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The input's mask where every step is given; the states have none."""
        kept: Any = mask if self.return_sequences else None
        return (kept, None, None) if self.return_state else kept

    @property
    def states(self) -> list[Tensor] | None:
        """The states (h, c) that a stateful layer keeps, channels first; None of another."""
        return [self.rnn.h, self.rnn.c] if self.stateful and self.built else None

    def reset_state(self) -> None:
        """Set the states that are kept to zero."""
        for state in self.states or ():
            state.zero_()

    reset_states = reset_state

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "zero_output_for_mask": self.zero_output_for_mask}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        layer = super().from_config({name: value for name, value in config.items() if name != "zero_output_for_mask"})
        layer.zero_output_for_mask = bool(config.get("zero_output_for_mask", False))
        return layer

    def keras_weights(self) -> list[Weight]:
        rnn = self.rnn
        bias = [] if rnn.bias is None else [Weight("bias", (rnn.bias,))]
        recurrent = Weight("recurrent_kernel", (rnn.weight_hh,), CONV, fields="recurrent")
        return [Weight("kernel", (rnn.weight_ih,), CONV), recurrent, *bias]

    def _state_shape(self, input_shape: Shape) -> Shape:
        """The shape of a state, in the layout of the input; raises `Fact`."""
        if not isinstance(input_shape, tuple) or len(input_shape) != self.rank + 3:
            axes = (
                ["steps", "height", "width"]
                if self.rank == 2
                else ["steps", "length"]
                if self.rank == 1
                else ["steps", "depth", "height", "width"]
            )
            named = [*axes, "channels"] if self.data_format == "channels_last" else [axes[0], "channels", *axes[1:]]
            raise Fact(f"expects {self.rank + 3} axes, (batch, {', '.join(named)}), got shape {input_shape}")
        step = _of_step(input_shape)
        channels = sizes.channels(step, self.data_format)
        if channels is None:
            what = f"needs a known number of channels, since its kernel has as many; the input's shape is {input_shape}"
            raise Fact(what, "give it in Input(shape=...)")
        if self.built and channels != self.rnn.in_channels:
            fix = "use another layer: one layer has one kernel"
            raise Fact(f"was built for {self.rnn.in_channels} channels, got {channels} in {input_shape}", fix)
        spatial = sizes.spatial(step, self.data_format)
        try:
            lengths = sizes.window_shape(spatial, self.kernel_size, self.strides, self.dilation_rate, self.padding)
        except Fact as fact:
            raise Fact(f"{fact.what}, from shape {input_shape}", fact.fix) from None
        return sizes.with_spatial(step, lengths, self.filters, self.data_format)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        state = self._state_shape(input_shape)
        if self.stateful:
            self._check_stateful(input_shape, state)
        output = (state[0], input_shape[1], *state[1:]) if self.return_sequences else state
        return (output, state, state) if self.return_state else output

    def _check_stateful(self, input_shape: Shape, state: Shape) -> None:
        if None in state:
            fix = "give all but the steps: Input(batch_shape=(8, None, ...))"
            raise Fact(f"is stateful, and keeps states of a known shape; the input's shape is {input_shape}", fix)
        if self.built and self._kept_shape(state) != [*self.rnn.h.shape]:
            raise Fact(
                f"is stateful, and keeps states of shape {tuple(self.rnn.h.shape)}, which the input's shape {input_shape} does not fit"
            )


def _of_step(shape: Shape) -> Shape:
    return (shape[0], *shape[2:])


class ConvLSTM1D(_ConvLSTM):
    """A convolutional LSTM over sequences of sequences.

    (B, T, L, C) -> (B, L', filters)

    The arguments are `ConvLSTM2D`'s, with one int each.

    >>> from layergraph import Input
    >>> ConvLSTM1D(8, 3)(Input(shape=(5, 16, 2))).shape
    (None, 14, 8)
    """

    rank = 1


class ConvLSTM2D(_ConvLSTM):
    """A convolutional LSTM over sequences of images: an LSTM whose matrix products are convolutions.

    (B, T, H, W, C) -> (B, H', W', filters); (B, T, H', W', filters) with `return_sequences`; a tuple (output, h, c) with
    `return_state`

    Called as `layer(x, initial_state=[h, c], mask=mask)`, each state of the shape of one output, or with a batch of 1 for all rows
    alike; the mask is (B, T), and a step that is masked repeats the output before it (zeros at first) and leaves the states.

    Differs from Keras: the spatial sizes may be unknown, unless it is stateful.

    Args:
        filters: the number of channels of the output and of each state.
        kernel_size: an int, or one for each spatial axis, of both convolutions.
        strides, padding, dilation_rate: of the convolution over the input, as in `Conv2D`; that over the state has stride 1 and
            keeps its size.
        data_format: 'channels_last' or 'channels_first', after the steps; None takes `layergraph.config.image_data_format()`.
        activation: of the cell and of the output.
        recurrent_activation: of the gates.
        use_bias: whether a bias is added.
        kernel_initializer, recurrent_initializer, bias_initializer: of the kernel (kh, kw, C, 4 * filters), the recurrent kernel
            (kh, kw, filters, 4 * filters) and the bias (4 * filters,) in Keras's layout, gates in the order input, forget, cell, output.
        unit_forget_bias: whether the bias of the forget gate starts at 1.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: terms of the loss, see `Model.losses`.
        kernel_constraint, recurrent_constraint, bias_constraint: applied by `fit` after each step.
        dropout, recurrent_dropout: the rates at which elements of the input and of the state are dropped in training, each gate by
            a mask of its own that serves all steps; 1 drops nothing, as in Keras.
        seed: kept in the config.
        return_sequences: whether the output has every step or the last one.
        return_state: whether the last states are returned too.
        go_backwards: whether time runs from the last step to the first; the outputs come in the order in which they are made.
        stateful: whether the states of one call are the first ones of the next, row by row; the batch size must be known.
            `reset_state()` sets them to zero.

    >>> from layergraph import Input
    >>> ConvLSTM2D(8, 3, padding="same", return_sequences=True)(Input(shape=(5, 32, 32, 3))).shape
    (None, 5, 32, 32, 8)
    """

    rank = 2


class ConvLSTM3D(_ConvLSTM):
    """A convolutional LSTM over sequences of volumes.

    (B, T, D, H, W, C) -> (B, D', H', W', filters)

    The arguments are `ConvLSTM2D`'s, with three ints each.

    >>> from layergraph import Input
    >>> ConvLSTM3D(4, 3)(Input(shape=(5, 8, 8, 8, 1))).shape
    (None, 6, 6, 6, 4)
    """

    rank = 3
