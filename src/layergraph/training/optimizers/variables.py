"""Keras's variables of a module: which tensors hold each, what it is called, and how they become Keras's array.

An optimizer that treats each number by itself needs none of this. One that looks at rows and columns (Adafactor, Muon), at
a norm or at a name must see a Dense kernel as (in, out), a convolution's as (*kernel, in, out), a GRU's two biases as one
array of (2, 3 units): `layer.keras_weights()` tells how. A plain `nn.Module` is seen in torch's layout, by torch's names.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from ...kinds import is_sequence
from ...layers.state import Stateful, weights_of_module


class Indexed:
    """A layout as data, for pickle: where each number of Keras's array stands among those of the tensors, one after the other."""

    def __init__(self, layout: Any, tensors: tuple[Tensor, ...]):
        self.shapes = [t.shape for t in tensors]
        places = _parts(torch.arange(1, 1 + sum(t.numel() for t in tensors)), self.shapes)
        # a buffer beside a parameter holds zeros that are added to it
        parts = [place * isinstance(t, nn.Parameter) for place, t in zip(places, tensors, strict=True)]
        self.index = layout.to_keras(*parts) - 1

    def to_keras(self, *tensors: Tensor) -> Tensor:
        """The numbers of the tensors in the order of Keras's array."""
        return torch.cat([t.reshape(-1) for t in tensors])[self.index.to(tensors[0].device)]

    def from_keras(self, k: Tensor) -> tuple[Tensor, ...]:
        """The inverse; what Keras's array does not hold (an LSTM's second bias) is zero."""
        flat = k.new_zeros(sum(shape.numel() for shape in self.shapes))
        flat[self.index.reshape(-1).to(k.device)] = k.reshape(-1)
        return _parts(flat, self.shapes)


def _parts(flat: Tensor, shapes: list[torch.Size]) -> tuple[Tensor, ...]:
    ends = itertools.accumulate((shape.numel() for shape in shapes), initial=0)
    return tuple(flat[start : start + shape.numel()].view(shape) for start, shape in zip(ends, shapes, strict=False))


class Variable:
    """One of Keras's variables, as an `OptimizerMap` or a function in its place sees it.

    Args:
        tensors: what holds it: Parameters, and for some recurrent layers a buffer of zeros.
        name: Keras's name, `kernel`; of a plain module's parameter, torch's full name.
        path: with the names of the layers, `encoder/dense/kernel`.
        layout: None where the one tensor is Keras's array.
    """

    def __init__(self, tensors: tuple[Tensor, ...], name: str, path: str, layout: Any = None):
        self.tensors = tensors
        self.name = name
        self.path = path
        self.layout = layout

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of Keras's array."""
        return tuple(self.value.shape)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the tensors."""
        return self.tensors[0].dtype

    @property
    def held(self) -> tuple[Tensor, ...]:
        """The Parameters among the tensors."""
        return self.tensors if len(self.tensors) == 1 else tuple(t for t in self.tensors if isinstance(t, nn.Parameter))

    @property
    def value(self) -> Tensor:
        """Keras's array: a view of the tensor wherever the layout is one."""
        return self.gather(lambda t: t)

    def gather(self, of: Callable[[Tensor], Tensor | None]) -> Tensor:
        """Keras's array of what `of` gives for each tensor (a gradient, a moment); zeros where it gives None."""
        found = [of(t) for t in self.tensors]
        parts = [torch.zeros_like(t) if part is None else part.detach() for t, part in zip(self.tensors, found, strict=True)]
        return parts[0] if self.layout is None else self.layout.to_keras(*parts)

    def spread(self, array: Tensor) -> tuple[Tensor, ...]:
        """An array in Keras's layout as one part for each tensor."""
        return (array,) if self.layout is None else self.layout.from_keras(array)

    def write(self, array: Tensor) -> None:
        """Puts back what `value` gave and was then changed; nothing to do where it was a view."""
        first = self.tensors[0]
        if len(self.tensors) > 1 or array.untyped_storage().data_ptr() != first.untyped_storage().data_ptr():
            for tensor, part in zip(self.tensors, self.spread(array), strict=True):
                tensor.copy_(part)

    def __getstate__(self) -> dict[str, Any]:
        """For pickle: a layout is made of functions, and goes as the places of its numbers."""
        layout = self.layout if self.layout is None or isinstance(self.layout, Indexed) else Indexed(self.layout, self.tensors)
        return {**self.__dict__, "layout": layout}

    def __deepcopy__(self, memo: dict[int, Any]) -> Variable:
        return Variable(copy.deepcopy(self.tensors, memo), self.name, self.path, self.layout)

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}>"


class Variables(list[Tensor]):
    """What an optimizer is built from: a list of Keras's arrays (views of the parameters where a layout is one), and what they are.

    Args:
        found: the variables that are trained, in Keras's order.
        named: all parameters that may ever be trained, by their names in `state_dict`; frozen ones too.
        told: whether a module has said so, and the names and layouts are known.
    """

    def __init__(self, found: Iterable[Variable], named: dict[str, Tensor], told: bool):
        self.found = list(found)
        self.named = named
        self.told = told
        super().__init__(v.tensors[0] if v.layout is None else v.value for v in self.found)

    def __reduce__(self) -> Any:
        return Variables, (self.found, self.named, self.told)

    @property
    def tensors(self) -> list[Tensor]:
        """The parameters that are trained."""
        return [t for v in self.found for t in v.held if t.requires_grad or not self.told]


def as_variables(given: Any) -> Variables:
    """Variables from a module, from tensors, from pairs of name and tensor, or from `Variables`, which stay as they are."""
    if isinstance(given, Variables):
        return given
    if isinstance(given, nn.Module):
        return variables_of(given)
    named: dict[str, Tensor] = {}
    for i, each in enumerate(given):
        name, tensor = each if is_sequence(each) else (str(i), each)
        named[name] = tensor
    return Variables([Variable((t,), name, name) for name, t in named.items()], named, told=False)


def variables_of(module: nn.Module) -> Variables:
    """What is trained of a module, in Keras's order; of a module without our layers, its parameters as they are."""
    named: dict[str, Tensor] = dict(module.named_parameters())
    names = {id(t): name for name, t in named.items()}
    paths = _paths(module)
    found: list[Variable] = []
    seen: set[int] = set()
    for weight in weights_of_module(module):
        held = [t for t in weight.tensors if id(t) in names]
        if not held or id(held[0]) in seen:
            continue
        seen.update(id(t) for t in held)
        if any(t.requires_grad for t in held):
            first = names[id(held[0])]
            path = paths.get(id(weight.tensors[0]), first)
            plain = len(weight.tensors) == 1 and weight.layout.to_keras(held[0]) is held[0]
            name = weight.name.rpartition("/")[2] if id(weight.tensors[0]) in paths else first
            found.append(Variable(weight.tensors, name, path, None if plain else weight.layout))
    found += [Variable((t,), name, name) for name, t in named.items() if id(t) not in seen and t.requires_grad]
    return Variables(found, named, told=True)


def _paths(module: nn.Module) -> dict[int, str]:
    """`encoder/dense/kernel` for the first tensor of each weight of a layer of ours; the deepest layer that has it gives the name."""
    paths: dict[int, str] = {}
    pending: list[tuple[nn.Module, str]] = [(module, "")]
    while pending:
        each, prefix = pending.pop()
        if not isinstance(each, Stateful):
            pending.extend((child, prefix) for child in each.children())
        elif each.built:
            paths.update((id(weight.tensors[0]), prefix + weight.name) for weight in each.own_weights())
            pending.extend((layer, f"{prefix}{layer.__dict__.get('_name') or layer.auto_name()}/") for layer in each.sublayers())
    return paths
