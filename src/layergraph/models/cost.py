"""What a model costs, as torchinfo counts it: on a twin on the meta device, never on the model itself.

torchinfo alone would draw from the global random numbers, switch the model's mode and, with `device="meta"`, move its
parameters. The twin has copies of the modules whose tensors are on meta and that carry none of the user's hooks.
"""

from __future__ import annotations

import copy
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn

from layergraph.errors import Fact
from layergraph.graph.spec import TensorSpec
from layergraph.kinds import is_dict

# What an unknown size other than the batch's is taken for: the larger one where the smaller is too small for the model.
_SIZES = (64, 512)
# Their output's shape follows from what `extra_repr` says. torch works out `linear` on meta in Python, 0.5 ms each.
_REPEATABLE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm)


class Cost(NamedTuple):
    """torchinfo's figures for one batch, and which sizes were taken for unknown ones (None: none was unknown)."""

    mult_adds: int
    pass_bytes: int
    param_bytes: int
    batch: int
    unknown: int | None
    body: nn.Module
    by_module: Counter[int]

    def under(self, targets: Iterable[str]) -> int:
        """The mult-adds of the modules under these names."""
        found = [module for target in targets if (module := _at(self.body, target)) is not None]
        return sum(self.by_module[number] for number in {id(part) for module in found for part in module.modules()})


class _Twin(nn.Module):
    """What torchinfo sees of a model: its leaves on meta, side by side, and how to run them.

    The body stays out of `_modules`: torchinfo's work doubles with each level of nesting.
    """

    body: nn.Module
    run: Callable[..., Any]

    def __init__(self, body: nn.Module, run: Callable[..., Any]):
        super().__init__()
        self.__dict__.update(body=body.eval(), run=run)
        for number, leaf in enumerate(module for module in body.modules() if not any(True for _ in module.children())):
            self._modules[str(number)] = leaf

    def forward(self, *args: Any) -> Any:
        return self.run(*args)


class _Runner(fx.Interpreter):
    """Runs a model's own graph over the twin's modules."""

    def __init__(self, body: nn.Module, graph: fx.Graph):
        super().__init__(body, graph=graph)
        self._known: dict[Any, Any] = {}

    def call_module(self, target: Any, args: Any, kwargs: Any) -> Any:
        return self.module.get_submodule(target)(*args, **kwargs)

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        return _once(self._known, target, target, args, kwargs)


def measure(model: Any) -> Cost:
    """The cost of a built model for one batch. Raises `Fact` where the model cannot run on meta tensors."""
    specs, twin = _twin_of(model)
    unknown = any(None in spec.shape[1:] for spec in specs)
    failure: BaseException | None = None
    for size in _SIZES if unknown else _SIZES[:1]:
        data = [torch.empty(_sizes(spec, size), dtype=spec.dtype, device="meta") for spec in specs]
        try:
            with torch.no_grad():
                return _counted(twin, data, size if unknown else None)
        except Exception as error:  # a user's module may do anything on meta
            failure = error.__cause__ or error
    raise Fact(f"{type(failure).__name__}: {next(iter(str(failure).splitlines()), '')}")


def _counted(twin: _Twin, data: list[Tensor], unknown: int | None) -> Cost:
    import torchinfo  # 20 ms, needed here only

    try:
        found = torchinfo.summary(twin, input_data=data, mode="eval", col_names=("mult_adds",), verbose=0)
    finally:  # torchinfo keeps the last model of each class name
        getattr(torchinfo.torchinfo, "_cached_forward_pass", {}).pop(type(twin).__name__, None)
    by_module: Counter[int] = Counter()
    for info in found.summary_list:
        if info.is_leaf_layer:
            by_module[info.layer_id] += info.macs
    batch = data[0].shape[0] if data and data[0].ndim else 1
    return Cost(found.total_mult_adds, found.total_output_bytes, found.total_param_bytes, batch, unknown, twin.body, by_module)


def _twin_of(model: Any) -> tuple[list[TensorSpec], _Twin]:
    """The specs of a model's inputs, and its twin."""
    memo = dict(_memo(model))
    own = next((p.dtype for p in model.parameters() if p.is_floating_point()), None)
    try:
        if isinstance(model, fx.GraphModule):
            specs, twin = _twin_of_graph(model, memo)
        else:
            specs = [TensorSpec(shape, model._torch_dtype) for shape in model._build_shapes]
            body = copy.deepcopy(model, memo)
            twin = _Twin(body, body)
    except Exception as error:  # a module that cannot be copied
        raise Fact(f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}") from None
    if own is not None:  # the model may have been moved to another dtype
        specs = [TensorSpec(spec.shape, own if spec.dtype.is_floating_point else spec.dtype) for spec in specs]
    known: dict[Any, Tensor] = {}
    for part in twin.modules():
        if type(part) in _REPEATABLE:
            part.forward = _remembering(part, known)
    return specs, twin


def _twin_of_graph(model: Any, memo: dict[int, Any]) -> tuple[list[TensorSpec], _Twin]:
    body, graph = nn.Module(), model.graph
    for name, part in model._modules.items():
        body._modules[name] = copy.deepcopy(part, memo)
    for name, constant in model._buffers.items():
        body._buffers[name] = copy.deepcopy(constant, memo)
    return [symbol.spec for symbol in model.inputs], _Twin(body, lambda *args: _Runner(body, graph).run(*args))


def _memo(model: nn.Module) -> Iterator[tuple[int, Any]]:
    """For `deepcopy`: tensors become ones on meta; hooks, and what training keeps beside a model, stay behind."""
    for tensor in (*model.parameters(), *model.buffers()):
        twin = tensor.detach().to("meta")
        yield id(tensor), nn.Parameter(twin, requires_grad=tensor.requires_grad) if isinstance(tensor, nn.Parameter) else twin
    for module in model.modules():
        for name, value in module.__dict__.items():
            if name.startswith("_") and "_hooks" in name and is_dict(value):
                yield id(value), OrderedDict()
            elif name == "_compiled":
                yield id(value), ()


def _remembering(module: nn.Module, known: dict[Any, Any]) -> Callable[..., Any]:
    """The module's forward, run once for each configuration and input."""
    forward, looks = module.forward, (type(module), module.extra_repr())
    return lambda *args: _once(known, looks, forward, args, {})


def _once(known: dict[Any, Any], looks: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run a function on meta tensors, or take what it gave for arguments that look the same: a meta kernel takes up to 0.5 ms."""
    case = (looks, *(_look(arg) for arg in args))
    if kwargs or None in case:
        return function(*args, **kwargs)
    if case not in known:
        known[case] = function(*args)
    found = known[case]
    return found.detach() if isinstance(found, Tensor) else found


def _look(arg: Any) -> Any:
    """All that a meta kernel sees of an argument, or None where that is unknown."""
    if isinstance(arg, Tensor):
        return arg.shape, arg.stride(), arg.dtype
    return (type(arg), arg) if isinstance(arg, int | float | bool) else None


def _sizes(spec: TensorSpec, size: int) -> list[int]:
    if not spec.shape:
        return []
    batch, *rest = spec.shape
    return [1 if batch is None else batch, *(size if n is None else n for n in rest)]


def _at(module: nn.Module | None, target: str) -> nn.Module | None:
    for name in target.split("."):
        module = None if module is None else module._modules.get(name)
    return module
