"""Once outputs have been seen: which loss and metrics each of them has, their running means, and their names in the logs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor

from ..errors import ArgumentError, DataError, shown, suggestion
from ..kinds import is_dict, is_mapping, is_sequence
from .data.structure import flatten, is_nested, keys_of
from .losses import lookup as losses
from .losses.base import Loss
from .losses.functions import masked_weight
from .metrics import lookup as metrics
from .metrics.base import Metric
from .numbers import as_tensor

if TYPE_CHECKING:
    from .compile import Compiled

Masks: TypeAlias = Sequence[Tensor | None] | None
"""The mask of each output, (B, ...) of bools, where a step counts."""


def is_auto(loss: Any) -> bool:
    return isinstance(loss, str) and loss.lower() in ("crossentropy", "ce")


def losses_by_output(loss: Any, weights: Any, names: list[str], by_name: bool) -> list[tuple[Any, float | None]]:
    """(loss, weight) for each output; (None, None) where it has none.

    Args:
        by_name: the outputs are a list or one tensor, so that a dict must name all of them.
    """
    if is_mapping(loss) and any(map(is_nested, loss.values())) and len(flatten(loss)) == len(names):
        found = flatten(loss)  # outputs in a nest, and the losses in the same one
    elif is_mapping(loss) and set(loss) != {"class_name", "config"}:
        found = _by_key(loss, names, "loss")
        if by_name and set(loss) != set(names):
            raise ArgumentError(
                f"Expected keys {names} in loss dict, but found loss.keys()={list(loss)}", "give every output a loss, or None"
            )
    elif is_sequence(loss):
        leaves = flatten(loss)
        if len(leaves) > len(names):
            raise ArgumentError(f"compile: `loss` has {len(leaves)} losses, but the model has {len(names)} outputs: {', '.join(names)}")
        found = [*leaves, *[None] * (len(names) - len(leaves))]
    else:
        found = [loss] * len(names)
    if weights is None:
        return [(one, None) for one in found]
    return list(zip(found, _weights(loss, weights, names), strict=True))


def _weights(loss: Any, weights: Any, names: list[str]) -> list[float | None]:
    given = flatten(weights)
    count = len(flatten(loss))
    if is_mapping(weights):
        found = _by_key(weights, names, "loss_weights")
        if len(given) != count:
            raise ArgumentError(f"`loss_weights` must match the number of losses, got {count} losses and {len(given)} weights.")
        return found
    if len(given) != count:
        raise ArgumentError(
            f"`loss_weights` must match the number of losses, got {count} losses and {len(given)} weights.",
            "give a loss for each output: loss=[...]" if count == 1 else None,
        )
    return [*given, *[None] * (len(names) - len(given))] if isinstance(loss, (list, tuple)) else given * len(names)


def _by_key(given: Mapping[str, Any], names: list[str], argument: str) -> list[Any]:
    for key in given:
        if key not in names:
            raise ArgumentError(
                f"compile: the `{argument}` dict names an output {key!r}, but the outputs are {names}. Expected keys {names} in {argument} "
                f"dict, but found {argument}.keys()={list(given)}",
                suggestion(key, names),
            )
    return [given.get(name) for name in names]


class Unnamed(list[str]):
    """`output_0`, `output_1`, ...: several outputs that have no names. Their losses and metrics are logged under names of their own."""


class BoundLoss:
    """A loss of one output, with its weight and its own running mean, logged as `key`."""

    def __init__(self, output: int, name: str, loss: Loss, weight: float | None, key: str):
        self.output = output
        self.name = name
        self.loss = loss
        self.weight = weight
        self.key = key
        self.running = Running(key)


class Running(Metric):
    """The mean of batch losses, each counted as often as its batch has samples: 'loss' among a model's metrics."""

    _direction = "down"
    sums = ("total", "count")

    def __init__(self, name: str = "loss"):
        super().__init__(name=name)
        self.reset_state()

    def reset_state(self) -> None:
        self.total: Any = 0.0  # a tensor on the device of the losses, from the first batch on
        self.count: float = 0

    def add(self, value: Tensor, size: float) -> None:
        """Adds the loss of a batch of `size` samples, on its device."""
        value = value.detach()
        if not isinstance(self.total, Tensor):
            self.total = (value if value.device.type == "mps" else value.double()) * size
        else:
            self.total = torch.add(self.total, value, alpha=size)
        self.count += size

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Adds a batch, as `metrics.Mean` does: one value, or several, and a weight (the size of the batch) for it or for each."""
        values = as_tensor(values).detach()
        if not values.ndim and (sample_weight is None or isinstance(sample_weight, (int, float))):
            self.add(values, 1 if sample_weight is None else sample_weight)
            return
        weight = torch.ones_like(values) if sample_weight is None else as_tensor(sample_weight, values.device).expand_as(values)
        count = float(weight.sum())
        self.add((values * weight).sum() / count, count)

    def result(self) -> Tensor:
        """The mean so far; 0 before any batch."""
        return torch.as_tensor(self.total / self.count if self.count else 0.0).float()

    def value(self) -> float:
        """The mean so far, in double precision: here the device is waited for."""
        return float(self.total) / float(self.count) if self.count else 0.0


class Binding:
    """Losses and metrics, output by output."""

    def __init__(self, compiled: Compiled, outputs: Any, names: list[str], y_true: Sequence[Tensor | None]):
        self.names = names
        preds = flatten(outputs, names)
        flat = not is_nested(outputs) or len(outputs) == len(preds)
        found = losses_by_output(compiled.loss, compiled.loss_weights, names, by_name=not isinstance(outputs, Mapping))
        self.losses: list[BoundLoss] = []
        for i, (given, weight) in enumerate(found):
            if given is not None:
                loss = _resolve_loss(given, y_true[i], preds[i], names[i])
                base = f"{(given if isinstance(given, str) else loss.name) if isinstance(names, Unnamed) else names[i]}_loss"
                self.losses.append(BoundLoss(i, names[i], loss, weight, _free(base, {bound.key for bound in self.losses})))
        self.metrics = _metrics_by_output(compiled.metrics, "metrics", names, y_true, preds, flat)
        self.weighted = _metrics_by_output(compiled.weighted_metrics, "weighted_metrics", names, y_true, preds, flat)
        self.keys = _unique_keys(self.metrics, self.weighted, names)
        self.total = compiled.tracker

    @property
    def needed(self) -> list[int]:
        """The outputs that need a target."""
        return sorted({b.output for b in self.losses} | {i for i, _ in (*self.metrics, *self.weighted)})

    def reset(self) -> None:
        """Forgets every batch."""
        self.total.reset_state()
        for bound in self.losses:
            bound.running.reset_state()
        for _, metric in (*self.metrics, *self.weighted):
            metric.reset_state()

    def loss(
        self,
        ys: Sequence[Any],
        preds: Sequence[Any],
        ws: Sequence[Any],
        extra: Sequence[Tensor],
        masks: Masks = None,
        scale: Callable[[int, Tensor], Tensor] | None = None,
    ) -> tuple[Tensor, list[Tensor]]:
        """The loss of a batch, weighted, with regularization; and that of each output. Of masked steps nothing counts.

        `scale(i, value)` scales the i-th loss: of a part of a batch, what it counts in the whole.

        It changes nothing: `count` adds what it gives to the running means.
        """
        total: Any = None
        each: list[Tensor] = []
        for position, bound in enumerate(self.losses):
            i = bound.output
            mask = None if masks is None else masks[i]
            value = bound.loss(ys[i], preds[i], ws[i]) if mask is None else bound.loss.masked(ys[i], preds[i], ws[i], mask)
            if value.ndim:
                value = value.sum()  # reduction 'none': there is nothing else to minimise
            if scale is not None:
                value = scale(position, value)
            each.append(value)
            if bound.weight is not None:
                value = value * bound.weight
            total = value if total is None else total + value
        for term in extra:
            term = term.sum() if term.ndim else term
            total = term if total is None else total + term
        if total is None:
            raise ArgumentError("No loss to compute. Provide a `loss` argument in `compile()`.", "model.compile('adam', loss='mse')")
        return total, each

    def count(self, total: Tensor, each: Sequence[Tensor], size: int) -> None:
        """Adds the losses of a batch of `size` samples to the running means."""
        self.total.add(total, size)
        self.count_each(each, size)

    def count_each(self, each: Sequence[Tensor], size: int) -> None:
        """Adds the loss of each output, where there are several."""
        if len(self.losses) > 1:
            for bound, value in zip(self.losses, each, strict=True):
                bound.running.add(value, size)

    def update(self, ys: Sequence[Any], preds: Sequence[Any], ws: Sequence[Any], masks: Masks = None) -> None:
        """Adds a batch to the metrics; call it without gradients."""
        for i, metric in self.metrics:
            mask = masks[i] if masks is not None and metric.takes_masks else None
            if mask is None:
                metric.update_state(ys[i], preds[i])
            else:
                metric.update_state(ys[i], preds[i], masked_weight(None, mask, "sum"))
        for i, metric in self.weighted:
            # as in Keras: weights are masked for every metric; a mask alone is for means of a function
            mask = masks[i] if masks is not None and (metric.takes_masks or ws[i] is not None) else None
            metric.update_state(ys[i], preds[i], masked_weight(ws[i], mask, "sum"))

    def results(self) -> dict[str, Any]:
        """Every value so far, sorted by name: here the device is waited for. What a metric gives as a dict is logged by its keys."""
        logs: dict[str, Any] = {"loss": self.total.value()}
        if len(self.losses) > 1:
            logs.update({bound.key: bound.running.value() for bound in self.losses})
        for key, (_, metric) in zip(self.keys, (*self.metrics, *self.weighted), strict=True):
            value = metric.result()
            if is_mapping(value):
                logs.update({f"{key}_{name}" if name in logs else str(name): _logged(metric, each) for name, each in value.items()})
            else:
                logs[key] = _logged(metric, value)
        return dict(sorted(logs.items()))

    def as_list(self, logs: Mapping[str, float]) -> Any:
        """Keras's list for `evaluate`: the loss, then metrics as declared, losses by output, and the rest by name."""
        order = ["loss", *(m.name for _, m in (*self.metrics, *self.weighted))]
        order += [bound.key for bound in self.losses] if len(self.losses) > 1 else []
        chosen = [logs[name] for name in order if name in logs]
        chosen += [logs[name] for name in sorted(logs) if name not in order]
        return chosen[0] if len(chosen) == 1 else chosen

    def direction(self, monitor: str) -> str | None:
        """'up' or 'down': which way is better for a logged name."""
        name = monitor.removeprefix("val_")
        if name == "loss" or name in {bound.key for bound in self.losses}:
            return "down"
        both = zip(self.keys, (*self.metrics, *self.weighted), strict=True)
        return next((metric.direction for key, (_, metric) in both if key == name or metric.name == name), None)


def _logged(metric: Metric, value: Any) -> Any:
    """A number; an array of them where a metric gives several, one for each class say, as in Keras."""
    if isinstance(value, Tensor) and value.numel() != 1:
        return value.detach().float().cpu().numpy()
    if value is None or is_dict(value) or is_sequence(value):
        raise ArgumentError(f"the metric {metric.name!r} gave {shown(value)}; training logs want numbers: a tensor, or a dict of them")
    return float(value)


def _resolve_loss(identifier: Any, y_true: Tensor | None, y_pred: Any, name: str) -> Loss:
    if y_true is None:
        raise DataError(f"there is no target `y` for output {name!r}, which has the loss {shown(identifier)}", "pass y")
    if not isinstance(y_pred, Tensor):
        raise DataError(f"output {name!r} is {type(y_pred).__name__}, not a tensor: it can have no loss")
    return losses.auto_crossentropy(y_true, y_pred) if is_auto(identifier) else losses.resolve(identifier)


def _metrics_by_output(
    given: Any, argument: str, names: list[str], y_true: Sequence[Tensor | None], preds: Sequence[Any], flat: bool
) -> list[tuple[int, Metric]]:
    """(output, metric) pairs by Keras's rules: a flat list on several outputs is read one entry per output."""
    if not given:
        return []
    if len(names) == 1:
        by_output = [flatten(given)]
    elif is_mapping(given):
        unknown = [key for key in given if key not in names]
        if unknown:
            raise ArgumentError(
                f"Invalid `{argument}`: unknown output {unknown[0]!r}; the outputs are {names}", suggestion(unknown[0], names)
            )
        by_output = [flatten(given[name]) if name in given else [] for name in names]
    elif flat and len(given) == len(names):
        by_output = [flatten(item) for item in given]
    else:
        raise ArgumentError(
            f"Invalid `{argument}`: {len(given)} entries for {len(names)} outputs, {names}. Received: {argument}={shown(given)}",
            f"a dict by output name: {argument}={{{names[0]!r}: ['accuracy']}}",
        )
    pairs: list[tuple[int, Metric]] = []
    for i, identifiers in enumerate(by_output):
        for identifier in identifiers:
            if identifier is None:
                continue
            target = y_true[i]
            if target is None:
                raise DataError(f"there is no target `y` for output {names[i]!r}, which has the metric {shown(identifier)}", "pass y")
            pairs.append((i, metrics.resolve(identifier, target, preds[i])))
    return pairs


def _unique_keys(plain: list[tuple[int, Metric]], weighted: list[tuple[int, Metric]], names: list[str]) -> list[str]:
    """The logged name of each metric: with its output where there are several, told apart where two are alike."""
    keys: list[str] = []
    for pairs, again in ((plain, ""), (weighted, "weighted_")):
        for output, metric in pairs:
            prefix = f"{names[output]}_" if len(names) > 1 and not isinstance(names, Unnamed) else ""
            key = f"{prefix}{metric.name}"
            if key in keys and again:
                key = f"{prefix}{again}{metric.name}"
            keys.append(_free(key, keys))
    return keys


def _free(base: str, taken: Collection[str]) -> str:
    """`base`, or the first of `base_1`, `base_2`, ... that is free."""
    return next(name for name in (base, *(f"{base}_{i}" for i in range(1, len(taken) + 1))) if name not in taken)


def output_names(module: Any, outputs: Any) -> list[str]:
    """The names of a module's outputs: its own `output_names`, the keys of a dict, else 'output', or `Unnamed`."""
    known = getattr(module, "output_names", None)
    known = list(known) if is_sequence(known) else None
    if is_mapping(outputs) and not any(is_nested(value) for value in outputs.values()):
        return keys_of(outputs, known)
    count = len(flatten(outputs))
    if known is not None and len(known) == count:
        return known
    return ["output"] if count == 1 else Unnamed(f"output_{i}" for i in range(count))
