"""The state of a layer: its torch module's weights, seen as the layer's own, in torch's layout and in Keras's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from layergraph.errors import ArgumentError, Fact, NotBuiltError, shown
from layergraph.graph.structure import flat
from layergraph.layers.weights import Added, Weight
from layergraph.nn.losses import LossTerms


def once(weights: Sequence[Weight]) -> list[Weight]:
    """Each weight once, where it is first met: a layer may be used in several places."""
    return list({id(weight.tensors[0]): weight for weight in reversed(weights)}.values())[::-1]


def weights_of_module(module: nn.Module) -> list[Weight]:
    """A module's parameters, then its statistics: the buffers that are floats. Of a layer anywhere in it, the layer's own weights."""
    weights: list[Weight] = []
    statistics: list[Weight] = []
    pending = [("", module)]
    while pending:
        prefix, each = pending.pop()
        if isinstance(each, Stateful):
            weights += each.own_weights() if each.built else []
            continue
        weights += [Weight(prefix + name, (p,)) for name, p in each._parameters.items() if p is not None]
        floats = [(name, b) for name, b in each._buffers.items() if b is not None and b.is_floating_point()]
        statistics += [Weight(prefix + name, (b,), trainable=False) for name, b in floats]
        pending.extend(reversed([(f"{prefix}{name}.", child) for name, child in each.named_children()]))
    return once([*weights, *statistics])


# The attribute that holds an activity regularizer's module.
ACTIVITY = "activity_loss"


class Stateful(nn.Module):
    """What every layer and model has of weights: names, freezing, regularizers, constraints, and Keras's arrays."""

    built: bool
    label: Any
    parts: Any
    _inlines: Any
    _fields: ClassVar[dict[str, Any]]
    _inlined: ClassVar[bool]
    _key: str | None
    _stem: str | None
    _trainable: bool
    # What a model has put in the place of this layer's modules: the types that it made itself, by attribute, and where each of
    # them stands; or the module that runs instead of a layer that is one module.
    _swapped: dict[str, type[nn.Module]] | None = None
    _suffixes: dict[str, str] | None = None
    _instead: nn.Module | None = None
    # What `add_weight` was told, by the key of the weight.
    _added: dict[str, Added] | None = None
    # What `add_loss` was told in the last forward pass; and all such keepers in this layer, once they have been looked for.
    _kept: LossTerms | None = None
    _keepers: tuple[LossTerms, ...] | None = None
    # Whether the class calls `add_loss` anywhere.
    _adds_losses: ClassVar[bool] = False

    def keras_weights(self) -> list[Weight]:
        """The layer's weights as Keras lists them: own ones first, trainable before statistics, then the sub-layers'."""
        added = self._added or {}
        own = [Weight(added[key].name if key in added else key, (p,)) for key, p in self._parameters.items() if p is not None]
        own += [
            Weight(added[key].name if key in added else key, (b,), trainable=False) for key, b in self._buffers.items() if b is not None
        ]
        return once([*own, *(weight for child in self.children() for weight in weights_of_module(child))])

    def own_weights(self) -> list[Weight]:
        """`keras_weights()`, as long as the layer has the module it made; else whatever its replacement has, in torch's layout."""
        if self._instead is not None:
            found = [Weight(name, (p,)) for name, p in self._instead.named_parameters()]
            return once([*found, *(Weight(name, (b,), trainable=False) for name, b in self._instead.named_buffers())])
        self._follow_parametrizations()
        return Stateful.keras_weights(self) if self._swapped else self.keras_weights()

    # One module's weights as the layer's own

    def adopt(self, name: str, module: nn.Module) -> None:
        """Make `module` the layer's one stateful part. Its weights read as the layer's own: `dense.weight`, not `dense.linear.weight`.

        The two share their dicts of parameters and buffers, so whatever replaces a Parameter (`.to`, functional_call)
        replaces it for both.
        """
        state = self.__dict__
        if self._stem is not None:
            state.pop(self._stem)
            state["_stem"] = None
        self._modules.pop(name, None)
        if module._modules:
            state["_parameters"], state["_buffers"] = {}, {}
            self._modules[name] = module
            return
        state["_stem"] = name
        state[name] = module
        for shared in ("_parameters", "_buffers", "_non_persistent_buffers_set"):
            state[shared] = module.__dict__[shared]

    def replace_part(self, key: str, target: str, module: nn.Module) -> None:
        """Take the module that stands at `target` in a model where this layer has the key `key`: graphs recorded from now on see it."""
        if not self._inlines():
            self.__dict__["_instead"] = None if module is self else module
            return
        parts: list[tuple[str, str, nn.Module]] = self.parts(key)
        for name, place, own in parts:
            if isinstance(own, Stateful):  # a layer inside this one knows its own places
                if target == place or target.startswith(f"{place}."):
                    own.replace_part(place, target, module)
            elif place == target:
                self._swap(name, type(own), module)

    def _standing(self) -> nn.Module:
        """The one module that this layer puts into a model."""
        return self if self._instead is None else self._instead

    def _swap(self, name: str, own: type[nn.Module], module: nn.Module) -> None:
        state = self.__dict__
        suffixes = self._suffixes
        if suffixes is None:
            suffixes = state["_suffixes"] = {each: suffix for each, suffix, _ in self.parts("")}
        swapped = dict(self._swapped or {})
        made = swapped.pop(name, own)
        state["_swapped"] = swapped if type(module) is made else {**swapped, name: made}
        if suffixes[name] == "":
            self.adopt(name, module)
        else:
            self._modules[name] = module

    def _follow_parametrizations(self) -> None:
        """`torch.nn.utils.parametrize` changes a module where it stands: its weights are its child's from then on."""
        parts = [(name, module) for name, module in self._modules.items() if module is not None]
        if self._stem is not None:
            parts.append((self._stem, self.__dict__[self._stem]))
        for name, module in parts:
            if "parametrizations" in module._modules or self._swapped:
                made = (self._swapped or {}).get(name)
                if self._inlines() and (made is type(module) or (made is None and "parametrizations" in module._modules)):
                    self._swap(name, made or type(module).__bases__[0], module)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self._stem:
            self.__dict__[self._stem].train(mode)
        self._sync_mode(mode)
        return self

    def _sync_mode(self, mode: bool | None = None) -> None:
        """A hook for layers whose mode depends on more than `training`: a frozen BatchNormalization stays in inference."""

    # Keras's attributes

    @property
    def trainable(self) -> bool:
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise ArgumentError(f"{self.label}: `trainable` must be True or False, got {shown(value)}")
        self.__dict__["_trainable"] = value
        for layer in self.sublayers():
            layer.trainable = value
        for weight in self.own_weights() if self.built else ():
            if weight.trainable:
                for tensor in weight.tensors:
                    if isinstance(tensor, nn.Parameter):
                        tensor.requires_grad_(value)
        self._sync_mode()

    def sublayers(self) -> list[Any]:
        """The layers held as attributes, those inside torch's modules (a ModuleList, say) too."""
        found: list[Any] = []
        pending = [*reversed([*self.children()])]
        while pending:
            child = pending.pop()
            if isinstance(child, Stateful):
                found.append(child)
            else:
                pending.extend(reversed([*child.children()]))
        return found

    @property
    def weights(self) -> list[Tensor]:
        """The Parameters and statistics, in torch's layout and Keras's order."""
        return [tensor for weight in self.own_weights() for tensor in weight.held] if self.built else []

    variables = weights

    @property
    def trainable_weights(self) -> list[Tensor]:
        return [t for w in self.own_weights() if w.trainable for t in w.held if t.requires_grad] if self.built else []

    @property
    def non_trainable_weights(self) -> list[Tensor]:
        trained = {id(tensor) for tensor in self.trainable_weights}
        return [tensor for tensor in self.weights if id(tensor) not in trained]

    trainable_variables, non_trainable_variables = trainable_weights, non_trainable_weights

    @property
    def has_losses(self) -> bool:
        """Whether anything adds to the loss: `fit` asks once, and spares each step the look through all layers."""
        return self._any("regularizer") or bool(self._loss_keepers())

    @property
    def has_constraints(self) -> bool:
        """Whether any weight has a constraint."""
        return self._any("constraint")

    def _any(self, kind: str) -> bool:
        return any(
            any(name.endswith(f"_{kind}") and layer.__dict__.get(name) is not None for name in layer._fields)
            or any(getattr(added, kind) is not None for added in (layer._added or {}).values())
            for layer in self._flatten_layers()
        )

    def _flatten_layers(self) -> list[Stateful]:
        """This layer and all below it, each once, however often it is used."""
        found: dict[int, Stateful] = {}
        pending: list[Stateful] = [self]
        while pending:
            layer = pending.pop()
            if id(layer) not in found:
                found[id(layer)] = layer
                pending.extend(reversed(layer.sublayers()))
        return list(found.values())

    def _field_of(self, weight: Weight, kind: str) -> Any:
        """The layer's initializer, regularizer or constraint for one of its weights; None where it declares none."""
        name = f"{weight.fields or weight.name}_{kind}"
        return self.__dict__.get(name) if name in self._fields else None

    def _weights_with(self, kind: str) -> list[tuple[Weight, Any]]:
        """(weight, regularizer or constraint) for each weight of a trainable layer that has one."""
        layers = [layer for layer in self._flatten_layers() if layer.built and layer._trainable]
        pairs = [(weight, layer._field_of(weight, kind)) for layer in layers if layer._fields for weight in layer.own_weights()]
        for layer in layers:
            if layer._added:
                held = {**layer._parameters, **layer._buffers}
                own = [(made, held[key]) for key, made in layer._added.items() if made.trainable]
                pairs += [(Weight(made.name, (tensor,)), getattr(made, kind)) for made, tensor in own if tensor is not None]
        return [(weight, field) for weight, field in pairs if field is not None]

    def add_loss(self, loss: Any) -> None:
        """Add a term, or a list of terms, to the loss of this forward pass: call it in your layer's `call`.

        `model.losses` has it until the next forward pass, and `fit` adds it to the loss. Raises ArgumentError for what is no tensor.
        """
        for term in flat(loss):
            if not isinstance(term, Tensor):
                raise ArgumentError(
                    f"{self.label}.add_loss takes a tensor, got {type(term).__name__} {shown(term)}",
                    "compute it from the tensors that came into call()",
                )
            if self._kept is None:
                self.__dict__.update(_kept=LossTerms(), _keepers=None)
            cast(LossTerms, self._kept).add(term)

    def _loss_keepers(self) -> tuple[LossTerms, ...]:
        """All that keeps terms of the loss, here and below."""
        found: list[LossTerms] = []
        for layer in self._flatten_layers():
            if layer._kept is None and layer._adds_losses:
                layer.__dict__["_kept"] = LossTerms()
            activity = layer._modules.get(ACTIVITY)
            found += [each for each in (layer._kept, activity) if isinstance(each, LossTerms)]
        return tuple(found)

    @property
    def losses(self) -> list[Tensor]:
        """The terms that the last forward pass added to the loss, and those of weight regularizers, computed now."""
        kept = [term for keeper in self._loss_keepers() for term in keeper.terms]
        return kept + [regularizer(weight.layout.to_keras(*weight.tensors)) for weight, regularizer in self._weights_with("regularizer")]

    def apply_constraints(self) -> None:
        """Put the weights back where their constraints want them: after each step of an optimizer."""
        for weight, constraint in self._weights_with("constraint"):
            with torch.no_grad():
                weight.assign(constraint(weight.layout.to_keras(*weight.tensors)))

    def get_weights(self) -> list[np.ndarray]:
        """The weights as numpy arrays in Keras's layout and order."""
        return [weight.to_keras() for weight in self.own_weights()] if self.built else []

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Take numpy arrays in Keras's layout and order; all are checked before any is taken."""
        if not self.built:
            raise NotBuiltError(f"{self.label} has no weights yet: it has not seen an input", "call it on an Input or a tensor first")
        own = self.own_weights()
        if len(own) != len(weights):
            raise ArgumentError(
                f"{self.label} has {len(own)} weights, got {len(weights)} arrays",
                f"it wants, in this order: {', '.join(f'{w.name} {w.keras_shape}' for w in own[:12])}",
            )
        try:
            checked = [weight.check(array) for weight, array in zip(own, weights, strict=True)]
        except Fact as fact:
            raise ArgumentError(f"{self.label}: {fact.what}", fact.fix) from None
        for weight, array in zip(own, checked, strict=True):
            weight.assign(array)

    def count_params(self) -> int:
        """The number of values in all weights."""
        return sum(weight.count() for weight in self.own_weights()) if self.built else 0
