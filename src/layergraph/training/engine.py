"""One batch at a time on plain torch: forward, loss, backward, step; and the modes of modules around it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..errors import ArgumentError, DataError
from ..kinds import is_dict, is_sequence
from ..modes import in_mode
from .binding import Binding, Masks, output_names
from .compile import Compiled
from .data.inputs import Inputs
from .data.sources import Arrays, Batch, Source
from .data.structure import flatten
from .data.targets import plan
from .optimizers.base import Optimizer
from .optimizers.variables import variables_of

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_OVERRIDES = ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics", "make_train_function")


def device_of(module: nn.Module) -> torch.device | None:
    """Where the first parameter or buffer lives; None for a module without any."""
    tensor = next(module.parameters(), None)
    tensor = next(module.buffers(), None) if tensor is None else tensor
    return None if tensor is None else tensor.device


def refuse_overrides(module: nn.Module) -> None:
    """Raises for methods of Keras's that a user has written and that would not be called."""
    for name in _OVERRIDES:
        if callable(getattr(type(module), name, None)):
            raise ArgumentError(
                f"{type(module).__name__}.{name} is not called by layergraph yet", "write a plain PyTorch loop for a custom step"
            )


class Engine:
    """Runs a module on flat batches of one source.

    Args:
        module: any `nn.Module`.
        inputs: how it is called.
        compiled: losses, metrics and optimizer; None to predict.
    """

    def __init__(self, module: nn.Module, inputs: Inputs, compiled: Compiled | None):
        self.module = module
        self.inputs = inputs
        self.compiled = compiled
        self.device = device_of(module)
        self.binding: Binding | None = None
        self.plans: tuple[list[int | None], list[int | None]] | None = None
        self.parameters: list[nn.Parameter] = []
        self.optimizer: Any = None
        self.scale: Any = None  # what the optimizer does to the loss before backward, if anything
        # a module that knows it has none says so (`has_losses`, `has_constraints`): looking through all layers costs time each step
        self.constrain = getattr(module, "apply_constraints", None) if getattr(module, "has_constraints", True) else None
        self.regularized = getattr(module, "has_losses", True) and isinstance(getattr(module, "losses", None), (list, tuple))
        self.counts = (0, 0)
        self.stepped = False
        # a model whose outputs carry masks has a twin, over the same modules, that gives them too; looked for at the first batch
        self.masked: tuple[nn.Module, Sequence[int | None]] | None = None
        self.asked = False

    # --- data

    def watch(self, source: Arrays) -> None:
        """The number of inputs, targets and weights in each batch of `source`, and which outputs they belong to."""
        self.source = source
        self.counts = (len(source.xs), len(source.xs) + len(source.ys))
        self.plans = None

    def moved(self, batch: Batch) -> Batch:
        """The batch on the model's device."""
        if self.device is None:
            return batch
        return tuple(t if t.device == self.device else t.to(self.device, non_blocking=True) for t in batch)

    def forward(self, xs: Sequence[Tensor]) -> Any:
        """The module's outputs as it gives them."""
        return self.module(*xs) if self.inputs.rebuild is None else self.module(self.inputs.rebuild(xs))

    # --- losses and metrics

    def _bind(self, outputs: Any, batch: Batch) -> Binding:
        """At the first batch: whose target is whose, and which losses and metrics these shapes mean."""
        assert self.compiled is not None
        names = output_names(self.module, outputs)
        source = self.source
        if source.y is None and any(leaf is not None for leaf in flatten(self.compiled.loss)):
            raise DataError(f"there is no target: the loss {self.compiled.loss!r} needs `y`", "pass y")
        kept = self.compiled.binding
        wanted = kept.needed if kept is not None and kept.names == names else _needed(self.compiled, names)
        own = plan(source.y, names, wanted, "y")
        weights = plan(source.weight, names, wanted, "sample_weight")
        self.plans = (own, weights)
        ys = [None if i is None else batch[self.counts[0] + i] for i in own]
        binding = self.compiled.bind(outputs, names, ys)
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
        return binding

    def _outputs_and_masks(self, xs: Sequence[Tensor]) -> tuple[Any, Masks]:
        if not self.asked:
            self._build(xs)
            twin = getattr(self.module, "_with_masks", None)
            self.masked, self.asked = twin() if twin is not None else None, True
        if self.masked is None:
            return self.forward(xs), None
        twin, places = self.masked
        outputs, masks = twin(*xs) if self.inputs.rebuild is None else twin(self.inputs.rebuild(xs))
        return outputs, [None if place is None else masks[place] for place in places]

    def loss(self, batch: Batch) -> tuple[Tensor, list[Any], list[Any], list[Any], Masks]:
        """Loss, targets, predictions, weights and masks of a batch that is on the device."""
        first, second = self.counts
        outputs, masks = self._outputs_and_masks(batch[:first])
        binding = self.binding
        if binding is None or self.plans is None:
            binding = self._bind(outputs, batch)
            if self.binding is None:
                binding.reset()
            self.binding = binding
        assert self.plans is not None
        preds = [outputs] if isinstance(outputs, Tensor) else flatten(outputs, binding.names)
        ys = [None if i is None else batch[first + i] for i in self.plans[0]]
        ws = [None if i is None else batch[second + i] for i in self.plans[1]]
        extra = self.module.losses if self.regularized else ()
        try:
            loss, each = binding.loss(ys, preds, ws, extra, masks)  # pyright: ignore[reportArgumentType]
        except (RuntimeError, IndexError) as error:
            raise _explained(error, binding, ys, preds, ws) from error
        binding.count(loss, each, preds[0].shape[0])
        return loss, ys, preds, ws, masks

    def train_batch(self, batch: Batch) -> None:
        """Forward, loss, backward, step; metrics of the predictions before the step."""
        batch = self.moved(batch)
        if self.optimizer is None:
            self._build(batch[: self.counts[0]])
            self._start()
        for p in self.parameters:
            p.grad = None
        loss, ys, preds, ws, masks = self.loss(batch)
        if self.parameters:
            if not loss.requires_grad:
                raise ArgumentError(
                    "the loss has no gradient: it does not depend on any trainable parameter through torch functions",
                    "return a tensor computed from y_pred",
                )
            (loss if self.scale is None else self.scale(loss)).backward()
            if not self.stepped:
                self._first_gradients()
            optimizer: Any = self.optimizer
            optimizer.step()
            if self.constrain is not None:
                self.constrain()
        self.stepped = True
        binding = self.binding
        if binding is not None and (binding.metrics or binding.weighted):
            with torch.no_grad():
                binding.update(ys, preds, ws, masks)

    def test_batch(self, batch: Batch) -> None:
        """Forward, loss and metrics; call it under `inference_mode`."""
        _, ys, preds, ws, masks = self.loss(self.moved(batch))
        assert self.binding is not None
        self.binding.update(ys, preds, ws, masks)

    def results(self) -> dict[str, float]:
        """Losses and metrics so far, by name."""
        return self.binding.results() if self.binding is not None else {}

    def reset(self) -> None:
        """Starts the sums again."""
        if self.binding is not None:
            self.binding.reset()

    # --- the optimizer

    def _build(self, xs: Sequence[Tensor]) -> None:
        """Layers that learn their shapes from the first batch must have their weights before the optimizer looks for them."""
        if any(getattr(module, "built", True) is False for module in self.module.modules()):
            with in_mode(self.module, False), torch.no_grad():
                self.forward(xs)

    def _start(self) -> None:
        assert self.compiled is not None
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


def _needed(compiled: Compiled, names: list[str]) -> list[int]:
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


def _explained(error: Exception, binding: Binding, ys: Sequence[Any], preds: Sequence[Any], ws: Sequence[Any]) -> DataError:
    """A torch error inside a loss, with the shapes that led to it."""
    details = [
        f"output {bound.name!r}, loss {bound.loss.name!r}: y_true {_shape(ys[bound.output])}, y_pred {_shape(preds[bound.output])}"
        + (f", sample_weight {_shape(ws[bound.output])}" if ws[bound.output] is not None else "")
        for bound in binding.losses
    ]
    return DataError(f"the loss cannot be computed: {str(error).splitlines()[0]}", details=details)


def _shape(value: Any) -> str:
    return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}" if isinstance(value, Tensor) else type(value).__name__


# --- one value per channel ---------------------------------------------------------------------------------------------


def check_last_batch(engine: Engine, source: Source) -> None:
    """BatchNorm cannot learn from one value per channel: a last batch of one sample is told before anything is trained.

    The modules are asked, in eval mode and without gradients, how many values they get from one sample: nothing changes.

    Raises:
        DataError: with a batch size that leaves no single sample.
    """
    if not isinstance(source, Arrays):
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
        with in_mode(engine.module, False), torch.inference_mode():
            engine.forward(engine.moved(tuple(x[:1] for x in source.xs)))
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
