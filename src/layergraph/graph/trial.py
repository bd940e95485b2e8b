"""Trial runs of modules that nobody declared: a copy on the meta device, or, where that does not serve, with values."""

from __future__ import annotations

import contextlib
import copy
import random
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from layergraph.graph.infer import DIVISIBLE_PROBES, DRAWING, PROBES, at_size, complete, fact_of, merge, on_meta
from layergraph.graph.node import Constant
from layergraph.graph.spec import SizeSpec, TensorSpec, UnknownAtError
from layergraph.graph.structure import NoTensor, map_leaves
from layergraph.graph.symbolic import Symbol

# A module of somebody else's may know a greatest length, such as that of its position embeddings.
_SHORT_PROBES = (13, 29, 61)
_SHORTEST_PROBES = (4, 6, 9)
# Real tensors, so small ones first.
_REAL_PROBES = ((3, 5, 7), (32, 64, 96))


def probe_module(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], name: str) -> Any:
    """The nest of specs that a module gives, from runs of a copy: the module and the random state stay as they are.

    The copy is on the meta device; where that does not serve (control flow on data, kernels without a meta form) it has
    values. Raises `Fact` from the failure on values.
    """
    with DRAWING, _random_state_kept():
        try:
            twin = _twin(module, True)
            results = _runs(
                twin, args, kwargs, (PROBES, DIVISIBLE_PROBES, _SHORT_PROBES, _SHORTEST_PROBES), partial(at_size, tensor_of=on_meta)
            )
            found = merge(results, name, lenient=True)
            if set(results) <= {*PROBES, *DIVISIBLE_PROBES}:
                return complete(found, twin, args, kwargs)
        except Exception:
            device = next((tensor.device for tensor in (*module.parameters(), *module.buffers())), torch.device("cpu"))
            found = merge(_runs(_twin(module, False), args, kwargs, _REAL_PROBES, partial(_on_device, device)), name, lenient=True)
    return map_leaves(_without_trials, found)


def _runs(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], probes: Sequence[Sequence[int]], at: Callable[..., Any]
) -> dict[int, Any]:
    """What a function gives at each size of the first probes that it runs with; raises `Fact` from the last failure."""
    failure: Exception | None = None
    for sizes in probes:
        try:
            return {size: function(*at(args, size), **at(dict(kwargs), size)) for size in sizes}
        except UnknownAtError as error:
            failure = failure or error
        except Exception as error:
            failure = error
    raise fact_of(failure) from failure


def _without_trials(leaf: Any) -> Any:
    """A spec from sizes that no other trial knows."""
    if isinstance(leaf, SizeSpec):
        return NoTensor("a module gave a size")
    return TensorSpec(leaf.shape, leaf.dtype) if isinstance(leaf, TensorSpec) else leaf


def _on_device(device: torch.device, value: Any, size: int) -> Any:
    """Arguments with symbols, specs and tensors as tensors with values, unknown sizes taken as `size`.

    Floats are ones and integers zeros: an index that every table has, a value that no logarithm minds.
    """

    def leaf_on_device(leaf: Any) -> Any:
        spec = leaf.spec if isinstance(leaf, Symbol) else leaf
        if isinstance(spec, TensorSpec):
            sizes = [size if n is None else n for n in spec.shape]
            filled = torch.ones if spec.dtype.is_floating_point or spec.dtype.is_complex else torch.zeros
            return filled(sizes, dtype=spec.dtype, device=device)
        if isinstance(spec, SizeSpec):
            return spec.at(size)
        leaf = leaf.value if isinstance(leaf, Constant) else torch.from_numpy(leaf) if isinstance(leaf, np.ndarray) else leaf
        return leaf.detach().clone() if isinstance(leaf, Tensor) else leaf

    return map_leaves(leaf_on_device, value)


@contextlib.contextmanager
def _random_state_kept() -> Generator[None]:
    """Torch's, numpy's and Python's generators as they were, for code of the user's that runs as a trial."""
    states = random.getstate(), np.random.get_state()
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    try:
        with torch.random.fork_rng(devices=list(devices)):
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def _twin(module: nn.Module, meta: bool) -> nn.Module:
    """A copy without hooks; on the meta device it holds no values, and recurrent parts tell shapes without unrolling time."""
    memo: dict[int, Any] = {}
    for each in module.modules():
        others = [value for value in each.__dict__.values() if isinstance(value, Tensor)]
        for tensor in (*each._parameters.values(), *each._buffers.values(), *others):
            if tensor is not None and id(tensor) not in memo:
                value = tensor.detach().to("meta") if meta else tensor.detach().clone()
                value.requires_grad_(tensor.requires_grad)
                memo[id(tensor)] = nn.Parameter(value, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else value
    twin = copy.deepcopy(module, memo)
    for each in twin.modules():
        for hooks in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"):
            each.__dict__[hooks] = OrderedDict()
        if meta and type(each) in _SHAPES_ONLY:
            each.__class__ = _SHAPES_ONLY[type(each)]
    return twin


class _Shapes(nn.RNNBase):
    """A recurrent module that gives results of the right shapes without running: on meta, torch unrolls time in seconds."""

    def forward(self, input: Any, hx: Any = None) -> Any:
        if not isinstance(input, Tensor):
            raise TypeError("a packed sequence has values")
        self.check_input(input, None)
        directions = 2 if self.bidirectional else 1
        batch = [input.shape[0 if self.batch_first else 1]] if input.ndim == 3 else []
        size = self.proj_size or self.hidden_size
        last = input.new_empty([self.num_layers * directions, *batch, size])
        output = input.new_empty([*input.shape[:-1], directions * size])
        return output, ((last, last.new_empty([*last.shape[:-1], self.hidden_size])) if self.mode == "LSTM" else last)


_SHAPES_ONLY: dict[type[nn.Module], type[nn.Module]] = {cls: type(cls.__name__, (_Shapes, cls), {}) for cls in (nn.LSTM, nn.GRU, nn.RNN)}
