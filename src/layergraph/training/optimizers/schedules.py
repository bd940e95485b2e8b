"""Learning rates as functions of the step: `schedule(step) -> float`, the first step being 0."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ...errors import ArgumentError
from . import configs


class LearningRateSchedule:
    """The base: write `__call__(step)`, and `get_config` where the arguments are not kept under their names.

    >>> class Halving(LearningRateSchedule):
    ...     def __init__(self, first):
    ...         self.first = first
    ...
    ...     def __call__(self, step):
    ...         return self.first / 2**step
    >>> Halving(0.8)(3), Halving(0.8).get_config()
    (0.1, {'first': 0.8})
    """

    def __call__(self, step: int) -> float:
        """The learning rate of a step."""
        raise NotImplementedError(f"{type(self).__name__} needs a method __call__(self, step)")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {key: getattr(self, key) for key in inspect.signature(type(self).__init__).parameters if key != "self"}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LearningRateSchedule:
        """The inverse of `get_config`."""
        return cls(**config)


def _positive(owner: object, name: str, value: float) -> None:
    if value <= 0:
        raise ArgumentError(f"{type(owner).__name__}: argument `{name}` must be greater than 0. Received: {name}={value!r}")


class ExponentialDecay(LearningRateSchedule):
    """`initial * decay_rate ** (step / decay_steps)`; `staircase` rounds the exponent down.

    >>> ExponentialDecay(0.1, 10, 0.5)(10)
    0.05
    """

    def __init__(
        self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False, name: str = "ExponentialDecay"
    ):
        _positive(self, "decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: int) -> float:
        power = step / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (math.floor(power) if self.staircase else power)


class InverseTimeDecay(ExponentialDecay):
    """`initial / (1 + decay_rate * step / decay_steps)`."""

    def __init__(
        self, initial_learning_rate: float, decay_steps: int, decay_rate: float, staircase: bool = False, name: str = "InverseTimeDecay"
    ):
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step: int) -> float:
        part = step / self.decay_steps
        return self.initial_learning_rate / (1.0 + self.decay_rate * (math.floor(part) if self.staircase else part))


class PiecewiseConstantDecay(LearningRateSchedule):
    """`values[i]` for steps up to and including `boundaries[i]`, the last value beyond."""

    def __init__(self, boundaries: Sequence[int], values: Sequence[float], name: str = "PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ArgumentError(
                f"PiecewiseConstantDecay: the length of boundaries should be 1 less than the length of values, got {len(boundaries)} and "
                f"{len(values)}"
            )
        self.boundaries = list(boundaries)
        self.values = list(values)
        self.name = name

    def __call__(self, step: int) -> float:
        return next((value for bound, value in zip(self.boundaries, self.values, strict=False) if step <= bound), self.values[-1])


class PolynomialDecay(LearningRateSchedule):
    """From `initial` to `end_learning_rate` in `decay_steps` steps along `(1 - step / decay_steps) ** power`."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ):
        _positive(self, "decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: int) -> float:
        length = self.decay_steps * max(1, math.ceil(step / self.decay_steps)) if self.cycle else self.decay_steps
        left = 1.0 - (step if self.cycle else min(step, length)) / length
        return (self.initial_learning_rate - self.end_learning_rate) * left**self.power + self.end_learning_rate


class CosineDecay(LearningRateSchedule):
    """Half a cosine from the initial rate to `alpha` times it, after an optional linear warm-up to `warmup_target`."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ):
        _positive(self, "decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: int) -> float:
        if self.warmup_target is None:
            return self._decay(self.initial_learning_rate, step)
        if step < self.warmup_steps:
            return self.initial_learning_rate + (self.warmup_target - self.initial_learning_rate) * step / self.warmup_steps
        return self._decay(self.warmup_target, step - self.warmup_steps)

    def _decay(self, start: float, step: int) -> float:
        cosine = 0.5 * (1.0 + math.cos(math.pi * min(step, self.decay_steps) / self.decay_steps))
        return start * ((1.0 - self.alpha) * cosine + self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """Half a cosine from the initial rate, again and again: each time `t_mul` as long, from `m_mul` times the height.

    After Loshchilov and Hutter 2016; at a restart the rounding of Keras's float32 decides whether it is the last step of the
    old cosine or the first of the new, and does here.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ):
        _positive(self, "first_decay_steps", first_decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: int) -> float:
        done = step / self.first_decay_steps
        if self.t_mul == 1.0:
            restarts = math.floor(done)
            done -= restarts
        else:
            longer = torch.tensor(self.t_mul)
            restarts = int(((1.0 - torch.tensor(step) / self.first_decay_steps * (1.0 - longer)).log() / longer.log()).floor())
            length = self.t_mul**restarts
            done = (done - (1.0 - length) / (1.0 - self.t_mul)) / length
        cosine = 0.5 * self.m_mul**restarts * (1.0 + math.cos(math.pi * done))
        return self.initial_learning_rate * ((1.0 - self.alpha) * cosine + self.alpha)


SCHEDULES = {
    cls.__name__.lower(): cls
    for cls in (ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay, CosineDecay, CosineDecayRestarts)
}


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """A schedule as Keras's config: `{"module": "keras.optimizers.schedules", "class_name": ..., "config": {...}, ...}`."""
    return configs.serialize(learning_rate_schedule, "optimizers.schedules")


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The inverse of `serialize`; a class of the user's is found in `custom_objects`, in scope, or registered."""
    return configs.made("schedule", config, SCHEDULES, custom_objects)
