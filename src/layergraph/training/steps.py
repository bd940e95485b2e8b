"""Keras's steps: for a model whose class writes `train_step`, `compute_loss`, ..., or that keeps metrics of its own.

Whether it does is asked once, when `fit`, `evaluate` or `predict` begin (`engine_for`). A model that does not runs on the
plain `Engine`, and none of this costs it anything. One that does runs on `Steps`, which calls its methods as Keras's torch
backend does; what it has not written of them is here too, as the `train_step` and so on that `Trainable` has.
"""

from __future__ import annotations

import contextlib
import inspect
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ArgumentError, shown
from ..kinds import is_dict, is_mapping, is_sequence
from ..modes import in_mode
from .binding import Binding, Masks, output_names
from .compile import Compiled
from .data.inputs import Inputs
from .data.sources import Batch
from .data.structure import flatten, map_leaves, pack
from .data.targets import plan
from .engine import Engine, needed
from .model_metrics import CompiledMetrics, all_known, own_metrics
from .optimizers.base import Optimizer
from .sums import load_sums
from .trainable import Trainable
from .variables import Table, as_variables, table_of

_BOTH = ("compute_loss", "compute_metrics", "get_metrics_result", "reset_metrics", "metrics")
_TRAINING = ("train_step", "test_step", "make_train_function", "make_test_function", *_BOTH)
_PREDICTING = ("predict_step", "make_predict_function")
EVERY = (*_TRAINING, *_PREDICTING)
_ABSENT = object()


def written(module: nn.Module, names: Sequence[str]) -> list[str]:
    """Those of `Trainable`'s methods that the module's class, or the module itself, has written."""
    kind, own = type(module), module.__dict__
    return [name for name in names if name in own or getattr(kind, name) is not getattr(Trainable, name)]


def engine_for(module: nn.Module, compiled: Compiled | None, predicting: bool = False, again: bool = False) -> type[Engine]:
    """The engine that a module needs: `Steps` where it has steps or metrics of its own.

    Args:
        again: whether it was looked for metrics before, since `compile`: then it is not looked through once more.
    """
    names = _PREDICTING if predicting else _TRAINING
    if not isinstance(module, Trainable):
        ignored = [name for name in names if callable(getattr(type(module), name, None))]
        if ignored:
            warnings.warn(
                f"{type(module).__name__}.{ignored[0]} is not called: only a layergraph.Model, or a class that has "
                "layergraph.training.Trainable among its bases, has steps of its own",
                stacklevel=4,
            )
        return Engine
    if written(module, names):
        return Steps
    if predicting or compiled is None:
        return Engine
    if compiled.own_metrics is None or not again:
        compiled.own_metrics = bool(own_metrics(module))
    return Steps if compiled.own_metrics else Engine


class AsGiven(Inputs):
    """Data in the structure in which it was given: a step of the user's takes it apart."""

    def __init__(self, module: nn.Module):
        super().__init__(module)
        self.exact = False  # the model's own Inputs are held to their shapes by the model
        self.listed: bool | None = None  # whether a loader's batch was a list of parts

    def flatten(self, x: Any) -> list[Tensor]:
        like = map_leaves(lambda _: True, x)
        self.rebuild = lambda leaves: packed(like, leaves)
        return [leaf for leaf in flatten(x) if leaf is not None]

    def taken(self, batch: Any) -> Sequence[Any]:
        self.ragged = True  # the batches of a loader need not have one size: labelled and unlabelled samples, say
        self.listed = is_sequence(batch) and 1 <= len(batch) <= 3
        return batch if self.listed else (batch,)


def packed(like: Any, tensors: Sequence[Tensor]) -> Any:
    """Tensors in the structure of `like`, None where that has None."""
    left = iter(tensors)
    return pack(like, [None if leaf is None else next(left) for leaf in flatten(like)])


def unpacked(data: Any) -> tuple[Any, Any, Any]:
    """`(x, y, sample_weight)`."""
    parts = tuple(data) if is_sequence(data) else (data,)
    if not 1 <= len(parts) <= 3:
        raise ArgumentError(
            f"Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`, but this batch has {len(parts)} entries",
            "write a train_step that takes it apart",
        )
    x, y, weight = (*parts, None, None)[:3]
    return x, y, weight


class Steps(Engine):
    """Calls a model's own steps on batches in the structure in which they were given."""

    divides = False
    without_gradients = torch.no_grad  # a step may turn gradients on, which inference_mode does not allow

    @classmethod
    def inputs_of(cls, module: nn.Module) -> Inputs:
        return AsGiven(module)

    def __init__(self, module: nn.Module, inputs: Inputs, compiled: Compiled | None):
        super().__init__(module, inputs, compiled)
        self.logs: Mapping[str, Any] = {}
        self.whole = False  # the one-batch forms give (x, y, sample_weight) whatever is None
        self.functions: dict[str, Callable[[Any], Any]] = {}
        self.table: Table = ()
        self.written = written(module, EVERY)
        self.calls_module = not {"train_step", "make_train_function"} & {*self.written}
        self.caller = Inputs(module)
        self.takes_training = "training" in inspect.signature(self.own.compute_loss).parameters

    @property
    def own(self) -> Any:
        """The module, as what it is: a `Trainable`."""
        return self.module

    # --- from batches to the user's methods

    def data(self, batch: Batch) -> Any:
        """A batch as Keras gives it: `x` alone, `(x, y)`, or `(x, y, sample_weight)`."""
        first, second = self.counts
        source = self.source
        x = batch[0] if self.forward.inputs.rebuild is None else self.forward.inputs.rebuild(batch[:first])
        y = None if source.y is None else packed(source.y, batch[first:second])
        weight = None if source.weight is None else packed(source.weight, batch[second:])
        if self.whole:
            return x, y, weight
        if y is None:
            listed = getattr(self.forward.inputs, "listed", None)
            return (x,) if listed or (listed is None and is_sequence(x)) else x
        return (x, y) if weight is None else (x, y, weight)

    def train_batch(self, batch: Batch) -> None:
        logs = self._run("train", batch)
        if self.constrain is not None and "train_step" in self.written:
            self.constrain()
        self._keep(logs, "train_step")

    def test_batch(self, batch: Batch) -> None:
        self._keep(self._run("test", batch), "test_step")

    def predict_batch(self, batch: Batch) -> Any:
        return self._run("predict", batch)

    def _run(self, phase: str, batch: Batch) -> Any:
        batch = self.moved(batch)
        function = self.functions.get(phase)
        if function is None:
            function = self._made(phase, batch)
        with self.inside():
            return function(self.data(batch))

    def _made(self, phase: str, batch: Batch) -> Callable[[Any], Any]:
        """Before the first batch: layers and optimizer are built, and it is settled what is called."""
        if not self.asked:
            with contextlib.suppress(NotImplementedError):  # a model without a call() calls its parts itself
                self.build(batch[: self.counts[0]])
            twin = getattr(self.module, "_with_masks", None)
            self.forward.masked, self.asked = twin() if twin is not None else None, True
            self.table = table_of(self.module) if self.written else ()
        if phase == "train" and self.compiled is not None:
            self._prepare(self.compiled)
        function = getattr(self.own, f"{phase}_step")
        if f"make_{phase}_function" in self.written:
            with self.inside():
                made = getattr(self.own, f"make_{phase}_function")()
            # taken off again: a function of a function does not go into a copy or a pickle of the model
            on_several = self.module.__dict__.pop(f"{phase}_function", None) or made
            if not callable(on_several):
                raise ArgumentError(
                    f"{type(self.module).__name__}.make_{phase}_function has made nothing",
                    f"set self.{phase}_function to a function that takes a list of one batch",
                )
            function = partial_of_one(on_several)
        self.functions[phase] = function
        return function

    def _prepare(self, compiled: Compiled) -> None:
        parameters = [p for p in self.module.parameters() if p.requires_grad]
        if isinstance(compiled.optimizer, type):
            compiled.optimizer = compiled.optimizer(parameters)
        elif isinstance(compiled.optimizer, Optimizer) and parameters and not compiled.optimizer.built:
            compiled.optimizer.build(parameters)

    @contextlib.contextmanager
    def inside(self) -> Generator[None]:
        """While the user's methods run: weights as Keras's variables, outputs with their masks, and the state of this training."""
        state = self.module.__dict__
        during: dict[str, Any] = {"_compiled": self.compiled, "_steps": self}
        if self.forward.masked is not None:
            during["forward"] = self._with_masks
        before = {name: state.get(name, _ABSENT) for name in during}
        state.update(during)
        try:
            with as_variables(self.table):
                yield
        finally:
            for name, value in before.items():
                if value is _ABSENT:
                    state.pop(name, None)
                else:
                    state[name] = value

    def _with_masks(self, *xs: Tensor) -> Any:
        """The model's outputs, each with its mask as Keras has it: an attribute of the tensor."""
        assert self.forward.masked is not None
        twin, places = self.forward.masked
        outputs, masks = twin(*xs)
        for output, place in zip(flatten(outputs, output_names(self.module, outputs)), places, strict=True):
            if place is not None:
                output._keras_mask = masks[place]
        return outputs

    # --- what comes out

    def _keep(self, logs: Any, step: str) -> None:
        if not is_mapping(logs):
            raise ArgumentError(
                f"{type(self.module).__name__}.{step} returned {shown(logs)}; wanted a dict of values by name",
                "return {m.name: m.result() for m in self.metrics}",
            )
        self.logs = {name: value.detach() if isinstance(value, Tensor) else value for name, value in logs.items()}

    def results(self, whole: bool = False) -> dict[str, float]:
        """The model's metrics where they are what the last step returned, by name; else what that returned."""
        with self.inside():
            if "get_metrics_result" not in self.written and not all_known(self.own.metrics):
                return numbers(self.logs)
            own = self.own.get_metrics_result()
        return numbers(own if is_mapping(own) and set(own) == set(self.logs) else self.logs)

    def batch_results(self) -> dict[str, float]:
        return numbers(self.logs)

    def as_list(self, logs: Mapping[str, float]) -> Any:
        with self.inside():
            order = [m.name for each in self.own.metrics for m in (each.metrics if isinstance(each, CompiledMetrics) else [each])]
        chosen = [logs[name] for name in order if name in logs] + [logs[name] for name in sorted(logs) if name not in order]
        return chosen[0] if len(chosen) == 1 else chosen

    def reset(self) -> None:
        self.logs = {}
        with self.inside():
            self.own.reset_metrics()

    # --- the steps of a model that writes none

    def train(self, data: Any) -> Any:
        """Forward, loss, backward, step; then the metrics of the predictions before the step."""
        assert self.compiled is not None
        x, y, weight = unpacked(data)
        y_pred = self._predictions(x, True)
        if self.optimizer is None:
            self._start()
        self.module.zero_grad()
        loss = self._loss(x, y, y_pred, weight, True)
        self.compiled.tracker.add(loss, _size(x))
        if self.parameters:
            self.backward(loss)
            self.step()
        self.stepped = True
        return self.own.compute_metrics(x, y, y_pred, sample_weight=weight)

    def test(self, data: Any) -> Any:
        """Forward, loss and metrics."""
        assert self.compiled is not None
        x, y, weight = unpacked(data)
        y_pred = self._predictions(x, False)
        self.compiled.tracker.add(self._loss(x, y, y_pred, weight, False), _size(x))
        return self.own.compute_metrics(x, y, y_pred, sample_weight=weight)

    def predict(self, data: Any) -> Any:
        """Forward."""
        return self._predictions(unpacked(data)[0], False)

    def _predictions(self, x: Any, training: bool) -> Any:
        with contextlib.nullcontext() if self.module.training is training else in_mode(self.module, training):
            leaves = self.caller.flatten(x)
            return self.module(*leaves) if self.caller.rebuild is None else self.module(self.caller.rebuild(leaves))

    def _loss(self, x: Any, y: Any, y_pred: Any, weight: Any, training: bool) -> Tensor:
        words = {"training": training} if self.takes_training else {}
        loss = self.own.compute_loss(x, y, y_pred, weight, **words)
        if not isinstance(loss, Tensor):
            raise ArgumentError(
                f"{type(self.module).__name__}.compute_loss returned {shown(loss)}; wanted a tensor without axes",
                "compute it from y_pred with torch functions",
            )
        return loss

    def computed_loss(self, y: Any, y_pred: Any, weight: Any) -> Tensor:
        """The losses of `compile`, and the terms that layers have added."""
        assert self.compiled is not None
        extra = self.own.losses if self.regularized else ()
        if all(leaf is None for leaf in flatten(self.compiled.loss)):
            if not extra:
                raise ArgumentError("No loss to compute. Provide a `loss` argument in `compile()`.", "model.compile('adam', loss='mse')")
            return torch.stack([term.sum() for term in extra]).sum()
        binding, ys, preds, ws, masks = self._sides(y, y_pred, weight)
        total, each = binding.loss(ys, preds, ws, extra, masks)
        binding.count_each(each, preds[0].shape[0])
        return total

    def update_metrics(self, y: Any, y_pred: Any, weight: Any) -> None:
        """Adds a batch to the metrics of `compile`."""
        binding, ys, preds, ws, masks = self._sides(y, y_pred, weight)
        with torch.no_grad():
            binding.update(ys, preds, ws, masks)

    def _sides(self, y: Any, y_pred: Any, weight: Any) -> tuple[Binding, list[Any], list[Any], list[Any], Masks]:
        """What the losses and metrics of each output are, and what they get."""
        assert self.compiled is not None
        names = output_names(self.module, y_pred)
        kept = self.compiled.binding
        wanted = kept.needed if kept is not None and kept.names == names else needed(self.compiled, names)
        preds = flatten(y_pred, names)
        ys, ws = (
            [None if i is None else _on(given[i], preds[output]) for output, i in enumerate(plan(structure, names, wanted, what))]
            for structure, what, given in ((y, "y", _given(y)), (weight, "sample_weight", _given(weight)))
        )
        binding = self.compiled.bind(y_pred, names, ys)
        if self.earlier is not None:
            load_sums(binding, self.earlier)
            self.earlier = None
        masks = [getattr(p, "_keras_mask", None) for p in preds]
        return binding, ys, preds, ws, masks if any(mask is not None for mask in masks) else None


def partial_of_one(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Keras's train functions take a list of batches; here it always holds one."""
    return lambda data: function([data])


def _given(structure: Any) -> list[Any]:
    return [leaf for leaf in flatten(structure) if leaf is not None]


def _on(value: Any, like: Any) -> Any:
    tensor = value if isinstance(value, Tensor) else torch.as_tensor(value)
    return tensor.to(like.device) if isinstance(like, Tensor) else tensor


def _size(x: Any) -> int:
    return next(leaf for leaf in flatten(x) if leaf is not None).shape[0]


def numbers(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Logs as plain floats, and arrays of several numbers, sorted by name, dicts inside them flattened; what is no number stays."""
    found: dict[str, Any] = {}
    for name, value in logs.items():
        if is_dict(value):
            found.update(numbers(value))
            continue
        if isinstance(value, Tensor) and value.numel() != 1:
            found[name] = value.detach().float().cpu().numpy()
            continue
        try:
            found[name] = float(value)
        except (TypeError, ValueError, RuntimeError):
            found[name] = value
    return dict(sorted(found.items()))


def steps_of(module: Any, predicting: bool = False) -> Steps:
    """The engine that runs the module's steps now; outside of `fit` one for this call."""
    running = module.__dict__.get("_steps")
    if running is not None:
        return running
    compiled = module.__dict__.get("_compiled")
    if compiled is None and not predicting:
        raise ArgumentError("You must call `compile()` before using the model.", "model.compile(optimizer='adam', loss='mse')")
    return Steps(module, Steps.inputs_of(module), compiled)
