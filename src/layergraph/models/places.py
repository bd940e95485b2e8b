"""Where a model's modules stand, and that its layers know of every module that is put in the place of theirs.

peft, SyncBatchNorm's conversion, quantization and people swap modules in a model in many ways: `model.dense = new`,
`setattr(parent, "dense", new)`, `parent._modules["dense"] = new`, at the top or in a nested model. A model remembers what it
put where; before it is cut it looks what stands there now, and tells the layer. So a later extractor has the new module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from layergraph.layers.base import Layer


class Placed(nn.Module):
    """The modules of a `Functional`, by dotted name."""

    _keys: Mapping[Any, str]
    _placed: dict[str, tuple[Layer, nn.Module]]

    def _put_modules(self, layers: Iterable[Layer]) -> None:
        """Put the layers' modules in their places."""
        for layer in layers:
            for target, module in layer.modules_under(self._keys[layer]):
                set_submodule_at(self, target, module)
                self._placed[target] = layer, module

    def _note_places(self, layers: Iterable[Layer]) -> None:
        """After a copy: what the layers themselves take for the modules in their places."""
        placed = {target: (layer, module) for layer in layers for target, module in layer.modules_under(self._keys[layer])}
        self.__dict__["_placed"] = placed

    def _follow_swaps(self) -> None:
        """Tell each layer which module stands in its place now, if it is another one than before."""
        modules = self._modules
        for target, (_, module) in self._placed.items():
            if (modules.get(target) if "." not in target else _module_at(self, target)) is not module:
                self._follow(target)

    def _follow(self, target: str) -> None:
        now = _module_at(self, target)
        layer, module = self._placed[target]
        if now is not None and now is not module:
            layer.replace_part(self._keys[layer], target, now)
            self._placed[target] = layer, now

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if isinstance(value, nn.Module) and name in self.__dict__.get("_placed", ()):
            self._follow(name)

    def add_module(self, name: str, module: nn.Module | None) -> None:
        """As `model.name = module`: what swaps modules so (SyncBatchNorm's conversion, say) is seen by extractors too."""
        if name in self._modules:
            setattr(self, name, module)
        else:
            super().add_module(name, module)


def set_submodule_at(model: Any, target: str, module: nn.Module) -> None:
    """Set a module at a dotted name."""
    *path, name = target.split(".")
    for step in path:
        if step not in model._modules:
            model.add_module(step, nn.Module())
        model = model._modules[step]
    model._modules[name] = module


def _module_at(model: nn.Module, target: str) -> nn.Module | None:
    """The module at a dotted name; None where there is none."""
    found: Any = model
    for step in target.split("."):
        found = found._modules.get(step) if found is not None else None
    return found
