"""`Bidirectional`: a recurrent layer that reads a sequence both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, cast

import torch
from torch import Tensor

from layergraph.errors import ArgumentError, Fact, shown, suggestion
from layergraph.graph.spec import Shape, TensorSpec
from layergraph.layers.base import Layer
from layergraph.layers.fields import anything, checked
from layergraph.layers.masking import given_mask
from layergraph.layers.recording import shapes_of
from layergraph.layers.wrapper import Holding, a_layer, build_held, given_states, spec_of_held, written

_MODES = ("concat", "sum", "mul", "ave")
_ALIKE = ("stateful", "return_sequences", "return_state")


def _merge_mode(value: Any, owner: Any) -> str | None:
    if value is not None and value not in _MODES:
        raise Fact(f"must be one of {', '.join(map(repr, _MODES))} or None, got {shown(value)}", suggestion(value, _MODES))
    return value


def _recurrent(value: Any, owner: Any) -> Layer:
    layer = a_layer(value, owner)
    missing = next((word for word in ("go_backwards", *_ALIKE) if not hasattr(layer, word)), None)
    if missing is not None:
        raise Fact(f"must be a recurrent layer, and {layer.label} has no `{missing}`", "for example Bidirectional(LSTM(8))")
    return layer


def _recurrent_or_none(value: Any, owner: Any) -> Layer | None:
    return None if value is None else _recurrent(value, owner)


class Bidirectional(Holding):
    """A recurrent layer that reads a sequence both ways.

    (B, T, features) -> (B, 2 * units); (B, T, 2 * units) where the layer returns sequences; a tuple (output, *states forward, *states
    backward) where it returns its states; (forward, backward, ...) in the place of the output with `merge_mode=None`

    The layer that is given stays as it is: `forward_layer` and `backward_layer` are fresh ones with its config, named
    `forward_<name>` and `backward_<name>`. A sequence that was read backwards is turned, so that its steps stand beside those of the
    other. A masked step of a sequence is zeros.

    Called as `layer(x, initial_state=[...], mask=mask)`, the states of the forward layer first.

    Differs from Keras: `weights` are taken when the layer is built (Keras 3 takes them and forgets them); a `dtype` here and in the
    layer must be the same.

    Args:
        layer: LSTM, GRU, SimpleRNN, RNN or ConvLSTM; or a layer of yours with `go_backwards`, `return_sequences`, `return_state` and
            `stateful` in its config.
        merge_mode: 'concat' (along the last axis), 'sum', 'mul', 'ave' (the mean), or None for both outputs.
        weights: arrays in Keras's layout for both layers, forward first; None draws fresh ones.
        backward_layer: another layer to read backwards, itself and no copy; its `go_backwards` is not `layer`'s.

    Raises:
        ArgumentError: what is no recurrent layer; two layers that do not fit each other.

    >>> from layergraph import Input
    >>> from layergraph.layers import LSTM
    >>> Bidirectional(LSTM(10, return_sequences=True))(Input(shape=(5, 8))).shape
    (None, 5, 20)
    """

    _held: ClassVar[tuple[str, ...]] = ("layer", "backward_layer")
    supports_masking = True
    _casts_integers: ClassVar[bool] = True

    layer: Layer = checked(_recurrent)
    merge_mode: str | None = checked(_merge_mode, default="concat")
    weights: Any = anything(default=None)
    backward_layer: Layer | None = checked(_recurrent_or_none, default=None)

    def check_fields(self) -> None:
        state = self.__dict__
        layer: Any = self._modules.pop("layer")
        back: Any = self._modules.pop("backward_layer", None) or state.pop("backward_layer", None)
        state["_initial"] = state.pop("weights", None)
        self.forward_layer: Any = _fresh(layer, "forward_")
        self.backward_layer = _fresh(layer, "backward_", go_backwards=True) if back is None else back
        self._check_pair()
        for word in _ALIKE:
            state[word] = getattr(layer, word)
        for each in self._both():
            if getattr(each, "zero_output_for_mask", None) is not None:
                each.zero_output_for_mask = self.return_sequences
        super().check_fields()

    def _both(self) -> tuple[Any, Any]:
        return self.forward_layer, self.backward_layer

    def _check_pair(self) -> None:
        forward, backward = self._both()
        if forward.go_backwards == backward.go_backwards:
            raise Fact(
                f"has two layers with go_backwards={forward.go_backwards}: one reads forwards, the other backwards",
                f"Bidirectional({type(forward).__name__}(...), backward_layer={type(backward).__name__}(..., go_backwards=True))",
            )
        for word in _ALIKE:
            one, other = getattr(forward, word), getattr(backward, word)
            if one != other:
                raise Fact(f"has a forward layer with {word}={one} and a backward layer with {word}={other}", "give both the same")

    def _casts(self, dtype: torch.dtype) -> bool:
        return dtype is not torch.bool and super()._casts(dtype)  # a mask stays one

    def __call__(self, x: Any, initial_state: Any = None, mask: Any = None, **kwargs: Any) -> Any:
        kwargs |= {} if mask is None else {"mask": given_mask(self, x, mask)}
        if initial_state is None:
            return super().__call__(x, **kwargs)
        states = given_states(self, initial_state)
        half = len(states) // 2
        if len(states) % 2:
            raise ArgumentError(f"{self.label}: `initial_state` has {len(states)} tensors, and two layers take as many each")
        for layer, own in zip(self._both(), (states[:half], states[half:]), strict=True):
            if hasattr(layer, "_check_states"):
                layer._check_states(x, own)
        return super().__call__(x, initial_state=states, **kwargs)

    def build(self, input_shape: Shape) -> None:
        for layer in self._both():
            build_held(layer, input_shape)
        counts: list[int] = []
        for layer in self._both():
            found = spec_of_held(layer, TensorSpec(tuple(input_shape), self._torch_dtype))
            counts.append(len(found) - 1 if self.return_state else 0)
        self.__dict__["_counts"] = tuple(counts)
        if self._initial:
            half = len(self._initial) // 2
            for layer, own in zip(self._both(), (self._initial[:half], self._initial[half:]), strict=True):
                layer.set_weights(own)
            self.__dict__["_initial"] = None

    def call(
        self, x: Tensor, initial_state: Sequence[Tensor] | None = None, mask: Tensor | None = None, training: bool | None = None
    ) -> Any:
        words: dict[str, Any] = {} if training is None else {"training": training}
        if mask is not None and "mask" in self.forward_layer._call_words:
            words["mask"] = mask
        half = len(initial_state or ()) // 2
        found: list[Any] = []
        for layer, own in zip(self._both(), (slice(None, half), slice(half, None)), strict=True):
            found.append(layer(x, **words) if initial_state is None else layer(x, initial_state=list(initial_state[own]), **words))
        states: list[Any] = []
        if self.return_state:
            states = [given[1 + i] for given, count in zip(found, self._counts, strict=True) for i in range(count)]
            found = [given[0] for given in found]
        forward, backward = found
        if self.return_sequences:
            backward = backward.flip(1)
        results: list[Any] = [*self._merged(forward, backward), *states]
        return tuple(results) if len(results) > 1 else results[0]

    def _merged(self, forward: Tensor, backward: Tensor) -> tuple[Tensor, ...]:
        match self.merge_mode:
            case "concat":
                return (torch.cat((forward, backward), -1),)
            case "sum":
                return (forward + backward,)
            case "mul":
                return (forward * backward,)
            case "ave":
                return ((forward + backward) / 2,)
            case _:
                return (forward, backward)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The input's mask where every step is given, for each output; the states have none."""
        outputs: list[Any] = [mask if self.return_sequences else None] * (2 if self.merge_mode is None else 1)
        outputs += [None] * sum(self._counts)
        return tuple(outputs) if len(outputs) > 1 else outputs[0]

    def compute_output_shape(self, input_shape: Any) -> Any:
        return shapes_of(self.compute_output_spec(TensorSpec(input_shape, self._torch_dtype)))

    def compute_output_spec(self, x: TensorSpec, **words: Any) -> Any:
        found: list[Any] = [spec_of_held(layer, x) for layer in self._both()]
        states: list[TensorSpec] = []
        if self.return_state:
            states = [state for _, *given in found for state in given]
            found = [output for output, *_ in found]
        forward, backward = found
        if self.merge_mode in ("sum", "mul", "ave") and forward.shape != backward.shape:
            raise Fact(
                f"has merge_mode {self.merge_mode!r}, and outputs of shapes {forward.shape} and {backward.shape}", "use 'concat' or None"
            )
        if self.merge_mode == "concat":
            last = None if forward.shape[-1] is None else forward.shape[-1] + backward.shape[-1]
            found = [TensorSpec((*forward.shape[:-1], last), forward.dtype)]
        elif self.merge_mode is not None:
            found = [forward]
        return (*found, *states) if len(found) + len(states) > 1 else found[0]

    @property
    def states(self) -> tuple[Tensor, ...] | None:
        """The states that both layers keep, forward first; None where they keep none."""
        kept = [layer.states for layer in self._both()]
        return tuple(state for states in kept for state in states) if all(kept) else None

    def reset_state(self) -> None:
        """Set the states that are kept to zero. Raises AttributeError for a layer that keeps none, as in Keras."""
        if not self.stateful:
            raise AttributeError(f"{self.label} is not stateful")
        for layer in self._both():
            layer.reset_state()

    reset_states = reset_state

    def get_config(self) -> dict[str, Any]:
        """What makes an equal layer: both layers as their own configs, in Keras's form."""
        held = {"layer": written(self.forward_layer), "backward_layer": written(self.backward_layer)}
        return {**self._base_config(), "merge_mode": self.merge_mode, **held}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """A layer over fresh layers. What Keras writes of `zero_output_for_mask` in them follows from `return_sequences`."""
        return super().from_config({**config, **{name: _without_zeros(config.get(name)) for name in cls._held}}, custom_objects)

    def extra_repr(self) -> str:
        return f"merge_mode={self.merge_mode!r}"


def _fresh(layer: Any, prefix: str, **changes: Any) -> Any:
    """A layer with the config of another, under a name with this prefix."""
    kind = cast("Any", type(layer))
    return kind.from_config({**layer.get_config(), **changes, "name": prefix + layer.name.removeprefix(prefix)})


def _without_zeros(entry: Any) -> Any:
    if isinstance(entry, Layer) or entry is None:
        return entry
    return {**entry, "config": {name: value for name, value in entry["config"].items() if name != "zero_output_for_mask"}}
