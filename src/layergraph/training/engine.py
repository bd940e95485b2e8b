"""One batch at a time on plain torch: forward, loss, backward, step; and the modes of modules around it."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from ..errors import ArgumentError, DataError
from ..kinds import is_dict, is_sequence
from ..modes import in_mode, unbuilt
from .binding import Binding, output_names
from .compile import Compiled
from .data.inputs import Inputs
from .data.sources import Arrays, Batch, Source
from .data.structure import flatten
from .data.targets import plan
from .optimizers.base import Optimizer
from .optimizers.variables import variables_of
from .passes import Forward, Pass, Result
from .sums import load_sums

if TYPE_CHECKING:
    from .devices.work import Work

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def device_of(module: nn.Module) -> torch.device | None:
    """Where the first parameter or buffer lives; None for a module without any."""
    tensor = next(module.parameters(), None)
    tensor = next(module.buffers(), None) if tensor is None else tensor
    return None if tensor is None else tensor.device


class Engine:
    """Runs a module on flat batches of one source.

    A step of training is `moved` (to the device), `loss` (forward and loss), `backward`, `step`. The first batch binds losses and
    metrics to the outputs and runs eagerly; what it found out is not asked again.

    Args:
        module: any `nn.Module`.
        inputs: how it is called.
        compiled: losses, metrics and optimizer; None to predict.
    """

    without_gradients: Callable[[], contextlib.AbstractContextManager[Any]] = torch.inference_mode  # around evaluation and prediction
    divides = True  # whether its batches can be divided over several processes
    calls_module = True  # whether a step of training runs the module on the inputs of its batch

    @classmethod
    def inputs_of(cls, module: nn.Module) -> Inputs:
        """How a module is given its data."""
        return Inputs(module)

    def __init__(self, module: nn.Module, inputs: Inputs, compiled: Compiled | None):
        self.module = module
        self.forward = Forward(module, inputs)
        self.compiled = compiled
        self.device = device_of(module)
        self.binding: Binding | None = None
        self.run: Pass | None = None
        self.parameters: list[nn.Parameter] = []
        self.optimizer: Any = None
        self.scale: Any = None  # what the optimizer does to the loss before backward, if anything
        # a module that knows it has none says so (`has_losses`, `has_constraints`): looking through all layers costs time each step
        self.constrain = getattr(module, "apply_constraints", None) if getattr(module, "has_constraints", True) else None
        self.regularized = getattr(module, "has_losses", True) and isinstance(getattr(module, "losses", None), (list, tuple))
        self.counts = (0, 0)
        self.stepped = False
        self.earlier: Any = None  # the sums of an epoch that another process has begun
        self.asked = False  # for the twin that gives masks
        self.work: Work | None = None  # what this process does of the batches, where several train together

    # --- data

    def watch(self, source: Arrays) -> None:
        """The number of inputs, targets and weights in each batch of `source`, and which outputs they belong to."""
        self.source = source
        self.counts = (len(source.xs), len(source.xs) + len(source.ys))
        self.run = None

    def moved(self, batch: Batch) -> Batch:
        """The batch on the model's device."""
        if self.device is None:
            return batch
        return tuple(t if t.device == self.device else t.to(self.device, non_blocking=True) for t in batch)

    # --- forward and loss

    def loss(self, batch: Batch) -> Result:
        """Forward and loss of a batch that is on the device; the loss is added to the running means."""
        size = None if self.work is None else self.work.next_size()
        result = self._first(batch) if self.run is None else self.run(batch)
        assert self.binding is not None
        self.binding.count(result.total, result.each, result.preds[0].shape[0] if size is None else size)
        return result

    def _first(self, batch: Batch) -> Result:
        """The first batch of a source: everything that is decided once."""
        xs = batch[: self.counts[0]]
        if not self.asked:
            self.build(xs)
            twin: Any = getattr(self.module, "_with_masks", None)
            self.forward.masked, self.asked = twin() if twin is not None else None, True
        outputs, masks = self.forward(xs)
        self.run = self._bind(outputs, batch)
        return self.run.score(outputs, masks, batch)

    def _bind(self, outputs: Any, batch: Batch) -> Pass:
        """Whose target is whose, and which losses and metrics these shapes mean."""
        assert self.compiled is not None
        names = output_names(self.module, outputs)
        source = self.source
        if source.y is None and any(leaf is not None for leaf in flatten(self.compiled.loss)):
            raise DataError(f"there is no target: the loss {self.compiled.loss!r} needs `y`", "pass y")
        kept = self.compiled.binding
        wanted = kept.needed if kept is not None and kept.names == names else needed(self.compiled, names)
        own = plan(source.y, names, wanted, "y")
        weights = plan(source.weight, names, wanted, "sample_weight")
        first, second = self.counts
        binding = self.compiled.bind(outputs, names, [None if i is None else batch[first + i] for i in own])
        preds = flatten(outputs, names)
        for bound in binding.losses:
            i = own[bound.output]
            if i is None:
                raise DataError(
                    f"there is no target `y` for output {names[bound.output]!r}, which has the loss {bound.loss.name!r}", "pass y"
                )
            wrong = bound.loss.check_targets(source.ys[i], preds[bound.output])
            if wrong:
                raise DataError(f"the targets of output {names[bound.output]!r} do not fit the loss: {wrong}")
        if self.binding is None:
            binding.reset()
            if self.earlier is not None:
                load_sums(binding, self.earlier)
        self.binding = binding
        ys, ws = [None if i is None else first + i for i in own], [None if i is None else second + i for i in weights]
        run = Pass(self.forward, first, binding, ys, ws, partial(_losses, self.module) if self.regularized else None)
        if self.work is not None:
            run.losses = self.work.losses_of(binding)
        return run

    # --- steps

    def train_batch(self, batch: Batch) -> None:
        """Forward, loss, backward, step; metrics of the predictions before the step."""
        batch = self.moved(batch)
        if self.optimizer is None:
            self.build(batch[: self.counts[0]])
            self._start()
        for p in self.parameters:
            p.grad = None
        result = self.loss(batch)
        if self.parameters:
            self.backward(result.total)
            self.step()
        self.stepped = True
        binding = self.binding
        if binding is not None and (binding.metrics or binding.weighted) and (self.work is None or self.work.counts):
            with torch.no_grad():
                binding.update(result.ys, result.preds, result.ws, result.masks)

    def backward(self, total: Tensor) -> None:
        """The gradients of a loss."""
        if not total.requires_grad:
            raise ArgumentError(
                "the loss has no gradient: it does not depend on any trainable parameter through torch functions",
                "return a tensor computed from y_pred",
            )
        (total if self.scale is None else self.scale(total)).backward()
        if self.work is not None:
            self.work.after_backward(self)
        if not self.stepped:
            self._first_gradients()

    def step(self) -> None:
        """One step of the optimizer; constrained weights are put back into their bounds."""
        self.optimizer.step()
        if self.constrain is not None:
            self.constrain()

    def test_batch(self, batch: Batch) -> None:
        """Forward, loss and metrics; call it under `inference_mode`."""
        result = self.loss(self.moved(batch))
        assert self.binding is not None
        if self.work is None or self.work.counts:
            self.binding.update(result.ys, result.preds, result.ws, result.masks)

    def predict_batch(self, batch: Batch) -> Any:
        """The outputs; call it under `inference_mode`."""
        return self.forward.outputs(self.moved(batch[: self.counts[0]]))

    def results(self, whole: bool = False) -> dict[str, float]:
        """Losses and metrics so far, by name; with `whole`, when all batches are done, those of all processes together."""
        if whole and self.work is not None and self.binding is not None:
            self.work.reduce(self.binding)
        return self.binding.results() if self.binding is not None else {}

    def batch_results(self) -> dict[str, float]:
        """What callbacks are told after a batch."""
        return self.results()

    def as_list(self, logs: Mapping[str, float]) -> Any:
        """`results` as `evaluate` gives them."""
        return logs if self.binding is None else self.binding.as_list(logs)

    def reset(self) -> None:
        """Starts the sums again."""
        self.earlier = None
        binding = self.compiled.binding if self.compiled is not None else None
        if binding is not None:
            binding.reset()

    # --- the optimizer

    def build(self, xs: Sequence[Tensor]) -> None:
        """Layers that learn their shapes from the first batch must have their weights before the optimizer looks for them."""
        if unbuilt(self.module) is not None:
            with in_mode(self.module, False), torch.no_grad():
                self.forward.outputs(xs)

    def _start(self) -> None:
        assert self.compiled is not None
        if self.work is not None:
            self.work.start(self)
        self.parameters = [p for p in self.module.parameters() if p.requires_grad]
        self.optimizer = ready_optimizer(self.compiled, self.parameters, self.module)
        self.scale = self.optimizer.scale_loss if isinstance(self.optimizer, Optimizer) and self.optimizer.scales_loss else None
        if not self.parameters:
            warnings.warn("The model does not have any trainable weights.", stacklevel=2)

    def finish(self) -> None:
        """At the end of a training: an optimizer that averages the weights puts the averages in their place."""
        if isinstance(self.optimizer, Optimizer):
            self.optimizer.finalize_variable_values()

    def _first_gradients(self) -> None:
        without = [name for name, p in self.module.named_parameters() if p.requires_grad and p.grad is None]
        if len(without) == len(self.parameters):
            raise ArgumentError("No gradients provided for any variable.", "the loss must depend on the model's outputs")
        if without:
            warnings.warn(
                f"Gradients do not exist for variables {without} when minimizing the loss. If using `model.compile()`, did you forget to "
                "provide a `loss` argument?",
                stacklevel=2,
            )


def ready_optimizer(compiled: Compiled, parameters: list[nn.Parameter], module: nn.Module) -> Any:
    """The optimizer with the parameters that are trainable now; a torch optimizer that the user made stays as it is.

    Raises:
        ArgumentError: a torch optimizer that holds none of the model's parameters.
    """
    optimizer = compiled.optimizer
    if isinstance(optimizer, type):
        optimizer = compiled.optimizer = optimizer(parameters)
    if isinstance(optimizer, Optimizer):
        if parameters and not optimizer.knows(parameters):
            optimizer.build(variables_of(module))
    elif parameters:
        own = {id(p) for group in optimizer.param_groups for p in group["params"]}
        if not own & {id(p) for p in parameters}:
            raise ArgumentError(
                f"the optimizer {type(optimizer).__name__} holds none of the model's trainable parameters",
                f"torch.optim.{type(optimizer).__name__}(model.parameters(), ...)",
            )
    return optimizer


def _losses(module: Any) -> Sequence[Tensor]:
    """What a module adds to the loss of the batch that it has just seen."""
    return module.losses


def needed(compiled: Compiled, names: list[str]) -> list[int]:
    """The outputs that want a target, before losses and metrics are resolved."""
    found: set[int] = set()
    for given in (compiled.loss, compiled.metrics, compiled.weighted_metrics):
        if given is None:
            continue
        if is_dict(given) and set(given) <= set(names):
            found |= {names.index(name) for name, value in given.items() if value is not None}
        elif given is compiled.loss and is_sequence(given):
            found |= {i for i, value in enumerate(given) if value is not None}
        elif given is compiled.loss:
            found |= set(range(len(names)))
        elif is_sequence(given) and len(given) == len(names):
            found |= {i for i, value in enumerate(given) if value is not None}
    return sorted(i for i in found if i < len(names))


# --- one value per channel ---------------------------------------------------------------------------------------------


def check_last_batch(engine: Engine, source: Source) -> None:
    """BatchNorm cannot learn from one value per channel: a last batch of one sample is told before anything is trained.

    The modules are asked, in eval mode and without gradients, how many values they get from one sample: nothing changes.

    Raises:
        DataError: with a batch size that leaves no single sample.
    """
    if not isinstance(source, Arrays) or not engine.calls_module:
        return
    last = source.length - (source.steps - 1) * source.batch_size
    modules = cast("Iterable[tuple[str, nn.Module]]", engine.module.named_modules())
    norms = [(name, module) for name, module in modules if isinstance(module, _NORMS) and module.training]
    if last != 1 or not norms:
        return
    alone: list[str] = []

    def watch(name: str, _: nn.Module, args: tuple[Tensor, ...]) -> None:
        if args[0].numel() == args[0].shape[1]:
            alone.append(name)

    hooks = [module.register_forward_pre_hook(partial(watch, name)) for name, module in norms]
    try:
        with in_mode(engine.module, False), engine.without_gradients():
            engine.forward.outputs(engine.moved(tuple(x[:1] for x in source.xs)))
    finally:
        for hook in hooks:
            hook.remove()
    if alone:
        size = next((s for s in range(source.batch_size + 1, source.length + 1) if source.length % s != 1), source.length)
        raise DataError(
            f"fit: the last batch has 1 sample ({source.length} samples in batches of {source.batch_size}), but batch normalization "
            f"{alone[0]!r} gets one value per channel from it and cannot train on that",
            f"batch_size={size}, or leave one sample out" if source.length > 1 else "more samples, or freeze the batch normalization",
        )
