"""`Pipeline`: layers one after the other, as one layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from torch import Tensor

from layergraph.errors import Fact, shown
from layergraph.graph.spec import TensorSpec
from layergraph.kinds import is_sequence
from layergraph.layers.base import Layer
from layergraph.layers.fields import checked
from layergraph.layers.recording import shapes_of
from layergraph.layers.wrapper import Holding, a_layer, build_held, made_again, spec_of_held, told, written


def _layers(value: Any, owner: Any) -> list[Layer]:
    if not is_sequence(value) or not value:
        raise Fact(f"must be a list of layers, got {shown(value)}", "for example Pipeline([Rescaling(1 / 255), RandomFlip()])")
    return [a_layer(item, owner) for item in value]


def _written(value: list[Layer]) -> list[Any]:
    return [written(layer) for layer in value]


class Pipeline(Holding):
    """Layers one after the other, as one layer: for preprocessing and augmentation.

    (whatever the first layer takes) -> (whatever the last one gives)

    Unlike a Sequential it is no model: in another model's graph its layers stand one by one, with keys such as `pipeline.0.weight`.
    A layer that takes a mask is given the one that the layer before it passes on.

    Differs from Keras: without `training=` it follows the module's mode, `train()` and `eval()`, and is in no training mode of its
    own.

    Args:
        layers: a list of layers, each of which takes one tensor.
        name: of the layer.

    Raises:
        ArgumentError: an entry is no layer.

    >>> import torch
    >>> from layergraph.layers import Dense, Dropout
    >>> Pipeline([Dense(4), Dropout(0.5), Dense(2)])(torch.ones(3, 8)).shape
    torch.Size([3, 2])
    """

    _held: ClassVar[tuple[str, ...]] = ()
    _name_by_position: ClassVar[bool] = True

    layers: list[Layer] = checked(_layers, encode=_written)

    def check_fields(self) -> None:
        for number, layer in enumerate(self.layers):
            self.add_module(str(number), layer)
        super().check_fields()

    def _single_dtyped(self) -> list[Layer]:
        return []

    def build(self, input_shape: Any) -> None:
        spec: Any = TensorSpec(tuple(input_shape), self._torch_dtype)
        for layer in self.layers:
            build_held(layer, spec.shape)
            spec = spec_of_held(layer, spec)

    def call(self, x: Tensor, training: bool | None = None, mask: Tensor | None = None) -> Any:
        for number in range(len(self.layers)):
            layer: Any = getattr(self, str(number))
            words: dict[str, Any] = {} if training is None else {"training": training}
            if mask is not None and "mask" in layer._call_words:
                words["mask"] = mask
            spec: Any = spec_of_held(self.layers[number], TensorSpec(tuple(x.shape), x.dtype))
            before, x = x, told(layer(x, **words), spec)
            mask = None if mask is None else layer.compute_mask(before, mask)
        return x

    def compute_output_shape(self, input_shape: Any) -> Any:
        return shapes_of(self.compute_output_spec(TensorSpec(tuple(input_shape), self._torch_dtype)))

    def compute_output_spec(self, x: TensorSpec, **words: Any) -> Any:
        spec: Any = x
        for layer in self.layers:
            spec = spec_of_held(layer, spec)
        return spec

    def get_config(self) -> dict[str, Any]:
        """What makes an equal layer. Keras's class takes neither `trainable` nor `dtype`: they stand in it only where they are given."""
        config = super().get_config()
        kept = {"trainable": not self.trainable, "dtype": self._has_dtype}
        return {word: value for word, value in config.items() if kept.get(word, True)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """A pipeline of fresh layers, made from what `get_config` gave."""
        return super().from_config({**config, "layers": [made_again(entry, custom_objects) for entry in config["layers"]]})
