"""`Model`: a module that trains. Called with inputs and outputs it is functional; subclassed with a `call`, it is yours."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeAlias, cast, overload

from torch import Tensor

from layergraph.graph.symbolic import symbols_in
from layergraph.layers.base import Layer
from layergraph.models.lookup import find_layers, get_layer, patterns_in
from layergraph.training.trainable import Trainable

if TYPE_CHECKING:
    from layergraph.models.functional import Functional

Symbols: TypeAlias = Tensor | Sequence[Tensor] | Mapping[str, Tensor]


class Model(Trainable, Layer):
    """A model: `Model(inputs, outputs)` from symbols, or a subclass with `call`.

    >>> from layergraph import Input, Model
    >>> from layergraph.layers import Dense
    >>> x = Input(shape=(784,))
    >>> model = Model(inputs=x, outputs=Dense(10, activation="softmax")(x))
    >>> model.count_params()
    7850

    `Model(inputs, outputs)` gives a `Functional`: a `torch.fx.GraphModule` of stock torch modules. A subclass is an
    ordinary nn.Module whose layers build themselves on the first call, or in `build(input_shape)`; it may say `forward` for
    `call`. A subclass whose `__init__` ends in `super().__init__(inputs=..., outputs=...)` is functional.

    >>> class Twice(Model):
    ...     def __init__(self, units):
    ...         super().__init__()
    ...         self.dense = Dense(units)
    ...     def call(self, x):
    ...         return self.dense(self.dense(x))
    >>> twice = Twice(3)
    >>> twice.build((None, 3))
    >>> sorted(twice.state_dict()), twice(x[:, :3]).shape
    (['dense.bias', 'dense.weight'], (None, 3))
    """

    @overload
    def __new__(cls, inputs: Symbols, outputs: Symbols, **kwargs: Any) -> Functional: ...
    @overload
    def __new__(cls, *args: Any, **kwargs: Any) -> Self: ...
    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        from layergraph.models.functional import Functional, functional_class

        if issubclass(cls, Functional):
            made = super().__new__(cls)  # of a class of its own, as GraphModule makes one for each instance
            type(made).__name__ = next(each.__name__ for each in cls.__mro__ if each.__qualname__.split(".")[-1] != "GraphModuleImpl")
            return made
        if cls is not Model and (not _from_symbols(args, kwargs) or cls.__init__ is not Model.__init__):
            return super().__new__(cls)
        return functional_class(cls).__new__(functional_class(cls))

    def __init__(self, *args: Any, **kwargs: Any):
        if not _from_symbols(args, kwargs):
            super().__init__(*args, **kwargs)
            return
        # `super().__init__(inputs=x, outputs=y)` in a subclass's own __init__: the instance becomes a Functional of its class.
        from layergraph.models.functional import Functional, functional_class

        kind = functional_class(type(self))
        functional = cast(Any, self)
        functional.__class__ = type(kind.__new__(kind))
        Functional.__init__(functional, *args, **kwargs)

    @property
    def layers(self) -> list[Layer]:
        """The layers, in the order in which they were set as attributes."""
        return self.sublayers()

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer of this model by its name or its place in `layers`."""
        return get_layer(self, self.layer_names(), name, index)

    def layer_names(self) -> dict[str, Layer]:
        """The layers by name."""
        return {layer.name: layer for layer in self.layers}

    def freeze(self, *names: Any) -> list[str]:
        """Set `trainable = False` on these layers: their weights stay, and a BatchNormalization among them goes into inference.

        Args:
            names: names of layers, globs ('block1_*'), paths into nested models ('backbone/*'), one by one or in lists.

        Returns:
            The paths of the layers that were frozen. An optimizer that is made from `model.trainable_weights` afterwards, or the
            next `fit`, leaves them as they are.

        >>> from layergraph import Sequential
        >>> from layergraph.layers import Dense
        >>> model = Sequential([Dense(4, name="body_0", input_shape=(8,)), Dense(4, name="body_1"), Dense(2, name="head")])
        >>> model.freeze("body_*"), len(model.trainable_weights)
        (['body_0', 'body_1'], 2)

        Raises:
            ArgumentError: a name that the model does not have, or a glob that matches nothing; nothing is frozen then.
        """
        return self._set_trainable("freeze", names, False)

    def unfreeze(self, *names: Any) -> list[str]:
        """Set `trainable = True` on these layers: the reverse of `freeze`, with the same names."""
        return self._set_trainable("unfreeze", names, True)

    def _set_trainable(self, method: str, names: tuple[Any, ...], value: bool) -> list[str]:
        found = find_layers(self, patterns_in(f"{self.label}.{method}", names))
        for layer in found.values():
            layer.trainable = value
        return list(found)

    def summary(self, *args: Any, **kwargs: Any) -> None:
        """Print a table of the layers.

        Takes Keras's arguments: line_length, positions, print_fn, expand_nested, show_trainable, layer_range.
        """
        from layergraph.models.summary import summary

        summary(self, *args, **kwargs)

    # Config

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """A model made from what `get_config` gave, with fresh weights.

        Args:
            config: a functional model's `get_config()`, Keras's too; for a class with an `__init__` of its own, its arguments.
            custom_objects: classes and functions of yours by name, beside those that are registered.

        Raises `ConfigError`.
        """
        from layergraph.models.reading import functional_from_config, is_functional
        from layergraph.saving.registry import CustomObjectScope

        if is_functional(config) and cls.__init__ is Model.__init__:
            return functional_from_config(cls, config, custom_objects)
        with CustomObjectScope(custom_objects):
            return super().from_config(config)

    def to_json(self, **kwargs: Any) -> str:
        """The model's config as JSON, for `models.model_from_json`. `kwargs` go to `json.dumps`."""
        from layergraph.models.writing import to_json

        return to_json(self, **kwargs)

    # Files

    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True, zipped: bool | None = None) -> None:
        """Write graph, weights and `compile` settings into one file; `models.load_model` reads it. See `saving.save_model`.

        The name ends in '.keras', '.h5' or '.safetensors'; whatever it says, the file is a safetensors file.
        """
        from layergraph.saving.files import save_model

        save_model(self, filepath, overwrite, zipped)

    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True, max_shard_size: float | None = None) -> None:
        """Write the weights into one safetensors file, whose name ends in '.weights.h5' or '.safetensors'. See `saving.save_weights`."""
        from layergraph.saving.files import save_weights

        save_weights(self, filepath, overwrite, max_shard_size)

    def load_weights(self, filepath: str | os.PathLike[str], skip_mismatch: bool = False) -> None:
        """Take the weights in a file by their keys; where one does not fit, none is taken. See `saving.load_weights`."""
        from layergraph.saving.files import load_weights

        load_weights(self, filepath, skip_mismatch)


def _from_symbols(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a model is made from inputs and outputs, and not from a subclass's own arguments."""
    return bool({*kwargs} & {"inputs", "outputs"}) or (len(args) > 1 and bool(symbols_in(*args)))
