"""The names of a model's layers, and the keys under which their modules stand in the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from layergraph.errors import NameTakenError, describe, shown
from layergraph.graph.names import Namespace, clean
from layergraph.graph.node import Constant
from layergraph.layers.base import Layer


class Names:
    """The names and keys of the layers of one model, in Keras's layer order.

    A layer's name and key are settled once: by the user, by the first model that holds it, or when its name is first
    read. Fresh layers take the next free number of their class. Where two settled automatic names meet, the younger
    layer goes under the next free number in this model; two given names that meet are refused.

    `settled` gives the (name, key) that a layer or constant has in the model from which this one is made: it keeps them
    where they are free, before anybody else chooses.
    """

    def __init__(
        self,
        layers: Sequence[Layer] = (),
        constants: Sequence[Constant] = (),
        settled: Mapping[Layer | Constant, tuple[str, str]] | None = None,
    ):
        self.names: dict[Layer, str] = {}
        self._settled = dict(settled or {})
        self.keys: dict[Layer | Constant, str] = {}
        self._name_space = Namespace()
        self._key_space = Namespace()
        self._given: dict[str, Layer] = {}
        self.add(layers)
        self.add_constants(constants)

    def add_constants(self, constants: Sequence[Constant]) -> None:
        """Settle the keys of these constants."""
        for constant in (each for each in constants if each not in self.keys):
            self.keys[constant] = self._key_space.take(self._settled.get(constant, ("", constant._key or "constant"))[1])
            constant._key = constant._key or self.keys[constant]

    def add(self, layers: Sequence[Layer]) -> None:
        """Settle the names of these layers beside those already here."""
        names = self.choose(layers)
        oldest_first = sorted(layers, key=lambda layer: layer._serial)
        known = [layer for layer in layers if layer in self._settled and names[layer] == self._settled[layer][0]]
        keys: dict[Layer, str] = {layer: self._take_key(layer, self._settled[layer][1]) for layer in known}
        for layer in oldest_first:
            if layer not in keys and layer._key is not None and names[layer] == layer._name:
                keys[layer] = self._take_key(layer, layer._key)
        for layer in layers:
            if layer not in keys:
                keys[layer] = self._take_key(layer, clean(names[layer]))
            if layer._key is None:
                layer.__dict__.update(_name=names[layer], _key=keys[layer])
            self.names[layer], self.keys[layer] = names[layer], keys[layer]

    def _take_key(self, layer: Layer, base: str) -> str:
        """A key under which all modules of the layer find room: an activation that is a module stands beside it, as `dense_activation`."""
        while True:
            key = self._key_space.take(base)
            beside = _beside(layer, key)
            if not self._key_space.taken(beside):
                for name in beside:
                    self._key_space.reserve(name)
                return key

    def drop(self, layer: Layer) -> None:
        """Forget a layer that has left the model."""
        self._name_space.release(self.names.pop(layer))
        key = self.keys.pop(layer)
        for name in (key, *_beside(layer, key)):
            self._key_space.release(name)
        self._given.pop(layer._given_name or "", None)

    def choose(self, layers: Sequence[Layer]) -> dict[Layer, str]:
        """The names that these layers take beside those already here; nothing is settled."""
        chosen: dict[Layer, str] = {}
        for layer in layers:
            name, _ = self._settled.get(layer, ("", ""))
            if name and self._name_space.reserve(name):
                self._given[name] = layer
                chosen[layer] = name
        for layer in layers:
            name = layer._given_name
            if name is not None and layer not in chosen:
                if not self._name_space.reserve(name):
                    raise self._taken(name, layer)
                self._given[name] = layer
                chosen[layer] = name
        settled = [layer for layer in layers if layer not in chosen and layer._name is not None]
        for layer in sorted(settled, key=lambda layer: layer._serial):
            chosen[layer] = layer._name if self._name_space.reserve(layer._name) else self._name_space.take(layer.auto_name())
        for layer in layers:
            if layer not in chosen:
                chosen[layer] = self._name_space.take(layer.auto_name())
        return chosen

    def _taken(self, name: str, layer: Layer) -> NameTakenError:
        first = self._given.get(name) or next(each for each, other in self.names.items() if other == name)
        return NameTakenError(
            f"two layers are named {shown(name)}: the names in a model must be unique",
            "name one of them differently",
            details=[f"{type(each).__name__} made at {describe(each.place)}" for each in (first, layer)],
        )


def _beside(layer: Layer, key: str) -> list[str]:
    """The names in the model, besides its key, of the modules of a layer that has several."""
    if len(layer._modules) + (layer._stem is not None) < 2:
        return []
    return [target for target, _ in layer.modules_under(key) if target.split(".")[0] != key]
