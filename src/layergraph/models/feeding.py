"""What reaches a functional model: any way of giving inputs becomes flat tensors of the Inputs' ranks and dtypes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, fx

from layergraph.errors import ArgumentError, DataError, describe, shown, suggestion
from layergraph.graph.lower import InputCheck, input_test
from layergraph.graph.structure import leaves, leaves_with_path
from layergraph.kinds import is_array, is_dict, is_mapping, is_sequence


class RelearnedError(DataError):
    """A model found while it ran that its input's sizes vary, and wrote its graph anew: the call is to be made again."""


class Fed(fx.GraphModule):
    """The inputs of a `Functional`. The generated code checks each tensor in its first lines and calls `_standardize` where it differs."""

    label: Any
    layers: Any
    input_names: Any
    _plan: Any
    _plan_made: Any
    _keys: Any
    _arity: int
    _moved_to: torch.dtype | None

    def _arrange(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
        """The flat positional inputs, from any way in which they may be given, and `training`."""
        training = kwargs.pop("training", None)
        if kwargs.pop("mask", None) is not None:
            raise ArgumentError(f"{self.label}: masks come in a later version")
        names = self.input_names
        if kwargs:
            unknown = [word for word in kwargs if word not in names]
            if unknown:
                raise DataError(
                    f"{self.label} has no input named {shown(unknown[0])}",
                    suggestion(unknown[0], names) or f"its inputs are {', '.join(map(shown, names[:8]))}",
                )
            twice = [word for word in kwargs if word in names[: len(args)]]
            if twice or len(args) > len(names):
                raise DataError(
                    f"{self.label}: got {len(args)} inputs by position and {', '.join(map(shown, list(kwargs)[:8]))} by name",
                    "give each input once",
                )
            by_name = {**dict(zip(names, args, strict=False)), **kwargs}
            return self._from_dict(by_name), training
        given = args[0] if len(args) == 1 and (self._arity != 1 or is_sequence(args[0]) or is_dict(args[0])) else args
        if is_mapping(given):
            return self._from_dict(given), training
        flat: tuple[Any, ...] = tuple(leaves(given)) if is_sequence(given) else (given,)
        flat += tuple(None for layer in self._plan.input_layers[len(flat) :] if layer.optional)
        if len(flat) != self._arity:
            shapes = ", ".join(str(tuple(x.shape)) if hasattr(x, "shape") else type(x).__name__ for x in flat[:6])
            raise DataError(
                f"{self.label} expects {self._arity} input(s), {', '.join(map(shown, names[:8]))}, got {len(flat)}: {shapes or 'nothing'}",
                "pass a tensor for each input: model(a, b), model([a, b]) or model({'name': a, ...})",
            )
        return flat, training

    def _from_dict(self, given: Mapping[str, Any]) -> tuple[Any, ...]:
        names = self.input_names
        if isinstance(self._plan.inputs, dict):  # by name, or in the nest in which the inputs were given to Model
            flat = {"/".join(map(str, path)): leaf for path, leaf in leaves_with_path(dict(given))}
            given = flat if set(flat) <= set(names) else given
        left_out = {name for name, layer in zip(names, self._plan.input_layers, strict=True) if layer.optional}
        missing = [name for name in names if name not in given and name not in left_out]
        extra = [name for name in given if name not in names]
        if missing or extra:
            what = f"lacks {shown(missing[0])}" if missing else f"has {shown(extra[0])}, which is no input"
            raise DataError(
                f"{self.label}: the data {what}; it came with keys {shown(list(given))}",
                suggestion(extra[0], names) if extra else None,
                details=[f"the model's inputs are {', '.join(map(shown, names[:8]))}"],
            )
        return tuple(given.get(name) for name in names)

    def _fed(self, x: Any, index: int) -> Tensor | None:
        """An input as a tensor, or None for an optional one that is left out."""
        if isinstance(x, Tensor) or (x is None and self._plan.input_layers[index].optional):
            return x
        name = self.input_names[index]
        if x is None:
            shape = self._plan.flat_inputs[index].shape[1:]
            raise DataError(
                f"{self.label}: the input {shown(name)} is not optional, and got None",
                f"give a tensor, or declare Input({shape}, optional=True)",
            )
        return to_tensor(x, self, name)

    def _standardize(self, x: Any, index: int) -> Tensor:
        """An input as the graph takes it, of the Input's dtype and rank: called by the generated code where something differs."""
        symbol = self._plan.flat_inputs[index]
        spec, name = symbol.spec, self.input_names[index]
        if not isinstance(x, Tensor):  # the generated forward, called with something else by hand
            x = to_tensor(x, self, name)
        if x.ndim == spec.ndim + 1 and x.shape[-1] == 1:
            x = x.squeeze(-1)
        elif x.ndim == spec.ndim - 1 and spec.shape[-1] == 1:
            x = x.unsqueeze(-1)
        if x.ndim != spec.ndim or any(want is not None and want != got for want, got in zip(spec.shape, x.shape, strict=True)):
            missing_batch = tuple(x.shape) == spec.shape[1:]
            fix = f"add the batch axis, x[None] of shape {(1, *x.shape)}; if the first size of Input(shape=...) was the batch, leave it out"
            raise DataError(
                f"{self.label}: input {shown(name)} wants shape {spec.shape}, got {tuple(x.shape)}",
                fix if missing_batch else None,
                details=[f"the Input was made at {describe(symbol.node.place)}"],
            )
        return x.to(self._input_dtype(spec.dtype))

    def _input_dtype(self, declared: torch.dtype) -> torch.dtype:
        """The dtype of an input: as declared, but a model moved to another float dtype, `model.double()`, takes float inputs in that."""
        return self._moved_to if self._moved_to is not None and declared.is_floating_point else declared

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        super()._apply(fn, recurse)
        for constant in self._plan_made.constants if self.__dict__.get("_plan_made") is not None else ():
            constant.value = self._buffers[self._keys[constant]]  # models cut from this one find it where it is now
        self._follow_dtype(fn)
        moved: dict[torch.dtype, torch.dtype] = {}
        for layer in self.layers:  # whose modules have moved; called alone, a layer without any goes with them
            fed = layer._fed_dtype
            if fed.is_floating_point and layer._inlines():
                if fed not in moved:
                    moved[fed] = fn(torch.empty(0, dtype=fed)).dtype
                layer.__dict__["_fed_dtype"] = moved[fed]
        return self

    def _follow_dtype(self, fn: Any = None) -> None:
        """Have the generated code check for the dtype that the weights have now, if they were moved (by `fn`)."""
        if self.__dict__.get("_plan_made") is None:
            return
        moved = self._moved(fn)
        if moved is not self._moved_to:
            self.__dict__["_moved_to"] = moved
            self._check_inputs(self.graph)
            self.recompile()
            self.__dict__["_lowered_code"] = self.code

    def _moved(self, fn: Any = None) -> torch.dtype | None:
        """The float dtype to which the weights and constants were moved from the one that was declared, if they were.

        A model that has neither, inside one that is moved, follows what `fn` would do to them.
        """
        for layer in self.layers:
            dtype = next((weight.dtype for weight in layer.weights if weight.is_floating_point()), None)
            if dtype is not None:
                return None if dtype is layer._torch_dtype else dtype
        constant = next((constant for constant in self._plan.constants if constant.dtype.is_floating_point), None)
        if constant is not None:
            return None if constant.value.dtype is constant.dtype else constant.value.dtype
        moved: torch.dtype | None = self.__dict__.get("_moved_to")
        if fn is None:
            return moved
        declared = next((s.spec.dtype for s in self._plan.flat_inputs if s.spec.dtype.is_floating_point), torch.float32)
        dtype = fn(torch.empty(0, dtype=moved or declared)).dtype
        return None if dtype is declared else dtype

    def _check_inputs(self, graph: fx.Graph) -> None:
        """Have the graph's code begin with a check of the inputs."""
        tests: list[tuple[str, str]] = []
        placeholders = (node for node in graph.nodes if node.op == "placeholder")
        for node, symbol, layer in zip(placeholders, self._plan.flat_inputs, self._plan.input_layers, strict=True):
            dtype = self._input_dtype(symbol.spec.dtype)
            tests.append((node.target, input_test(node.target, symbol.spec, dtype, layer.optional)))
        graph.set_codegen(InputCheck(tests))


def to_tensor(x: Any, model: Any, name: str) -> Tensor:
    try:
        tensor = torch.as_tensor(x if isinstance(x, int | float | bool) or is_array(x) or is_sequence(x) else np.asarray(x))
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            f"{model.label}: input {shown(name)} cannot become a tensor: {type(x).__name__} {shown(x)}", "pass a tensor or a numeric array"
        ) from error
    device = next((p.device for p in model.parameters()), None)
    return tensor if device is None else tensor.to(device)
