"""Masks as edges: which steps of a tensor count is itself a tensor of the graph, and recording hands it to the calls that ask for it.

A mask-making layer (`Embedding(mask_zero=True)`, `Masking`) writes the mask's computation into the graph beside its own call. The
mask travels with the symbol; a layer whose `call` has a `mask` parameter gets it as a keyword, and one that supports masks passes
it on. The rules are Keras's (`Layer.__call__` of 3.15).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from layergraph.errors import ArgumentError, ShapeError, describe, shown, user_place, warn_at
from layergraph.graph.node import NO_MASKS, Node
from layergraph.graph.record import sources
from layergraph.graph.spec import agree
from layergraph.graph.structure import Path, leaves, leaves_with_path, map_leaves
from layergraph.graph.symbolic import SymbolicTensor, maker, map_symbols, symbols_in
from layergraph.kinds import is_array
from layergraph.layers.declare import words_of
from layergraph.layers.tracking import Tracking

_MOST_LOOKED_AT = 1000


class Masked(Tracking):
    """What a layer does with the masks of its inputs."""

    supports_masking: bool = False
    # Whether the layer may give a mask where its inputs carry none.
    _makes_mask: bool = False
    _inlined: ClassVar[bool]
    _call_words: ClassVar[frozenset[str]]
    _torch_dtype: Any
    call: Any

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the output, from the first argument and its mask: the same one, where the layer supports masks.

        For a list of inputs, `mask` is a list with a mask or None for each.
        """
        return mask if self.supports_masking else None

    def _wired(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
        """The keywords that this call gets by itself, for the masks that its arguments carry.

        One argument with tensors: `mask`. Several: `<argument>_mask` of each; a layer that knows `mask` alone gets none then.
        """
        args, kwargs = self._uncast(args), self._uncast(kwargs) if kwargs else kwargs
        for leaf in leaves(kwargs["mask"]) if kwargs.get("mask") is not None else ():
            _check_kind(self, leaf)
        if not any(symbol.node.carried for symbol in symbols_in(args, kwargs)):
            if "mask" in self._call_words and "mask" not in kwargs:
                _warn_of_lost(self, args)
            return NO_MASKS
        given = {**dict(zip(words_of(type(self).call)[1:], args, strict=False)), **kwargs}
        tensors = {word: value for word, value in given.items() if symbols_in(value)}
        alone = len(tensors) == 1
        wanted = {"mask" if alone else f"{word}_mask": value for word, value in tensors.items()}
        taken = [word for word, value in wanted.items() if word in self._call_words and given.get(word) is None and carries(value)]
        found = {word: masks_of(wanted[word]) for word in taken}
        if not found and "mask" in self._call_words and "mask" not in given and len(tensors) > 1 and carries(args):
            others = ", ".join(word for word in list(tensors)[1:])
            warn_at(
                user_place(),
                f"{self.label} was given a tensor with a mask, and `{others}` beside it: as in Keras, the mask is not used then; "
                "give it by hand: mask=layer.compute_mask(...) of the layer that made it",
            )
        return found

    def _carried(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], wired: Mapping[str, Any], output: Any) -> Mapping[Path, Any]:
        """The masks that travel with the output, by their places in it: what `compute_mask` gives, flat beside the flat output."""
        first = self._uncast(args[0] if args else next(iter(kwargs.values()), None))
        before = kwargs.get("mask", wired.get("mask"))
        if before is None and carries(first):
            before = masks_of(first)
        # to write a compute_mask says that one knows of masks
        theirs = type(self).compute_mask is not Masked.compute_mask and not type(self).__module__.startswith("layergraph.")
        if before is None and not (self._makes_mask or theirs):
            return NO_MASKS
        if not (self.supports_masking or theirs):
            if not wired and any(isinstance(leaf, SymbolicTensor) for leaf in leaves(before)):
                _warn_of_destroyed(self, first)
            return NO_MASKS
        masks = leaves(self.compute_mask(first, before))
        places = [path for path, _ in leaves_with_path(output)]
        return {path: mask for path, mask in zip(places, masks, strict=False) if isinstance(mask, SymbolicTensor)}

    def _uncast(self, value: Any) -> Any:
        """The arguments before recording cast them to the layer's dtype: the cast is a torch function, and carries no mask."""
        if not any(symbol.node.target == "to" for symbol in symbols_in(value)):
            return value
        return map_symbols(lambda symbol: symbol.node.parents[0] if _is_cast(symbol.node, self._torch_dtype) else symbol, value)


def _is_cast(node: Node, dtype: Any) -> bool:
    return node.op == "method" and node.target == "to" and len(node.args) == 2 and node.args[1] is dtype and not node.kwargs


def but_masks(words: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of a call without the masks, which change no shape."""
    return {word: value for word, value in words.items() if word != "mask" and not word.endswith("_mask")}


def carries(value: Any) -> bool:
    """Whether a mask travels with any symbol of a nest."""
    return any(symbol.node.carried and symbol._keras_mask is not None for symbol in symbols_in(value))


def masks_of(value: Any) -> Any:
    """The same nest, of the masks that travel with its symbols, None where there is none."""
    return map_leaves(lambda leaf: leaf._keras_mask if isinstance(leaf, SymbolicTensor) else None, value)


def _warn_of_destroyed(layer: Any, first: Any) -> None:
    source = next(symbol for symbol in symbols_in(first) if carries(symbol))
    more = "" if layer._inlined else "; write call(self, x, mask=None) to take it, or set self.supports_masking = True to pass it on"
    warn_at(
        user_place(),
        f"{layer.label} was given a tensor with a mask, from {maker(source)}, and does not support masks: "
        f"the layers after it see none{more}",
    )


def _warn_of_lost(layer: Any, args: tuple[Any, ...]) -> None:
    """A layer that takes a mask gets none, since a torch function on the way has dropped it, as in Keras."""
    seen: set[Node] = set()
    pending: list[SymbolicTensor] = [symbol for symbol in symbols_in(args) if symbol.node.op in ("function", "method")]
    while pending and len(seen) < _MOST_LOOKED_AT:
        node = pending.pop().node
        if node in seen:
            continue
        seen.add(node)
        for parent in node.parents:
            if parent.node.carried and isinstance(parent, SymbolicTensor) and parent._keras_mask is not None:
                dropped = maker(SymbolicTensor(parent.spec, node))
                warn_at(
                    user_place(),
                    f"{layer.label} takes a mask and gets none: {maker(parent)} made one, and {dropped}, at {describe(node.place)}, "
                    f"dropped it; hand it on with mask=, or use a layer instead of the function",
                )
                return
            if parent.node.op in ("function", "method"):
                pending.append(parent)


def warn_of_eager_mask(layer: Any, args: tuple[Any, ...]) -> None:
    """Say once that a layer called on tensors hands on no mask: in Keras it would."""
    if not layer.__dict__.get("_mask_warned") and not torch.compiler.is_compiling() and not symbols_in(args):
        layer.__dict__["_mask_warned"] = True
        warn_at(
            user_place(),
            f"{layer.label} was called on tensors, which carry no masks: mask = layer.compute_mask(x), and then next_layer(y, mask=mask)",
        )


def given_mask(layer: Any, x: Any, mask: Any, *, steps_only: bool = False) -> Any:
    """`mask` of a call on (B, T, ...), as a tensor or symbol whose first axes, or whose only ones, are B and T."""
    _check_kind(layer, mask)
    mask = mask if isinstance(mask, Tensor | SymbolicTensor) else torch.as_tensor(mask)
    steps, given = tuple(x.shape)[:2], tuple(mask.shape)
    if len(steps) == 2 and not agree(given if steps_only else given[:2], steps):
        raise ShapeError(
            f"{layer.label}: `mask` must be of shape {steps}, (batch, steps), got {given}",
            "it is True where a step counts, as Masking and Embedding(mask_zero=True) make it",
            details=sources(symbols_in((x, mask))),
        )
    return mask


def _check_kind(layer: Any, mask: Any) -> None:
    if mask is not None and not isinstance(mask, Tensor | SymbolicTensor | list) and not is_array(mask):
        raise ArgumentError(
            f"{layer.label}: `mask` must be a tensor of bools, got {type(mask).__name__} {shown(mask)}",
            "True stands where a step counts: mask=tokens != 0",
        )
