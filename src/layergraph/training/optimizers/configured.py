"""What an optimizer was told: arguments, learning rate, how far it is; and its config."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Unpack, cast

import torch
from torch import Tensor

from ...errors import shown
from ...kinds import is_dict
from ..numbers import snake_case
from . import schedules
from .arguments import CONFIG, Common, Rate, checked_rate, gathered, not_negative, signature_of
from .custom import Custom
from .schedules import LearningRateSchedule
from .variables import Variables, as_variables


def _of_variables(build: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """`build(self, variables)` that may be given a module: who writes one goes through a list."""

    @functools.wraps(build)
    def told(self: Any, variables: Any) -> None:
        build(self, as_variables(variables))

    return told


class Configured(Custom):
    """The part of `Optimizer` that knows arguments and numbers, and no parameters."""

    weight_decay: float | None
    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    gradient_accumulation_steps: int | None
    _arguments: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        if "build" in vars(cls):
            cls.build = cast("Any", _of_variables(cls.build))
        if "__init__" in vars(cls):
            found = signature_of(cls.__init__)
            cls._arguments = tuple(p.name for p in found.parameters.values() if p.name not in CONFIG and p.kind is p.POSITIONAL_OR_KEYWORD)
            cls.__signature__ = found  # what `inspect` looks for

    def __init__(self, learning_rate: Rate, *common: Any, **named: Unpack[Common]):
        self._rate: Any = checked_rate(type(self).__name__, learning_rate)
        options = gathered(type(self), common, named)
        self._scale: float | None = options.pop("loss_scale_factor")
        self.name = options.pop("name") or snake_case(type(self).__name__)
        for word, value in options.items():
            setattr(self, word, value)
        self._steps = 0  # those included that only accumulated
        self._torch: torch.optim.Optimizer | None = None
        self._variables = Variables([], {}, told=False)
        self._named: dict[str, Tensor] = {}  # all parameters ever known, frozen ones too
        self._kept_from_decay: tuple[list[Tensor], str | None] = [], None
        self._decayed: list[Tensor] | None = None
        self._made: dict[str, Tensor] = {}  # the variables of a person's own optimizer, by path
        self._names_made: set[str] = set()
        self._joined = False  # whether Keras has one variable where torch has two parameters
        self._asleep: dict[Tensor, dict[str, Tensor]] = {}  # the state of frozen parameters

    @property
    def learning_rate(self) -> float:
        """The rate of the next step; it can be set, unless it follows a schedule."""
        if isinstance(self._rate, LearningRateSchedule):
            return float(self._rate(self._steps))
        if callable(self._rate):
            function: Any = self._rate
            return float(function())
        return self._rate if self._torch is None else float(self._torch.param_groups[0]["lr"])

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if isinstance(self._rate, LearningRateSchedule) and not isinstance(value, LearningRateSchedule) and not callable(value):
            raise TypeError(
                "This optimizer was created with a `LearningRateSchedule` object as its `learning_rate` constructor argument, hence its "
                "learning rate is not settable. If you need the learning rate to be settable, you should instantiate the optimizer with a "
                "float `learning_rate` argument."
            )
        self._rate = value if callable(value) else not_negative(type(self).__name__, float(value))
        if self._torch is not None and not callable(value):
            for group in self._torch.param_groups:
                group["lr"] = self._rate

    @property
    def loss_scale_factor(self) -> float | None:
        """What the loss is multiplied by before `backward`, and the gradients are divided by."""
        return self._scale

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        self._scale = value

    @property
    def follows_schedule(self) -> bool:
        """Whether the rate is a schedule or a function, which set the rate of torch's groups at each step."""
        return callable(self._rate)

    @property
    def steps(self) -> int:
        """The number of steps so far, those included that only accumulated: what a schedule counts."""
        return self._steps

    @steps.setter
    def steps(self, value: int) -> None:
        self._steps = int(value)
        self._settle_counts()

    @property
    def iterations(self) -> int:
        """The number of updates so far; with `gradient_accumulation_steps`, fewer than steps."""
        return self._steps // self.gradient_accumulation_steps if self.gradient_accumulation_steps else self._steps

    @iterations.setter
    def iterations(self, value: int) -> None:
        self.steps = int(value) * (self.gradient_accumulation_steps or 1)

    def build(self, variables: Any) -> None:
        """Takes what to train."""
        raise NotImplementedError

    def _settle_counts(self) -> None:
        """Where torch counts the steps of each parameter, all count as Keras does: together."""

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; a schedule as its config, a function as itself."""
        config: dict[str, Any] = {key: getattr(self, key) for key in CONFIG if key != "learning_rate"}
        rate = self._rate if callable(self._rate) else self.learning_rate
        config["learning_rate"] = schedules.serialize(rate) if isinstance(rate, LearningRateSchedule) else rate
        own = self._arguments
        return {**{key: config[key] for key in CONFIG}, **{key: getattr(self, key) for key in own if hasattr(self, key)}}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The inverse of `get_config`."""
        rate = config.get("learning_rate")
        if is_dict(rate):
            config = {**config, "learning_rate": schedules.deserialize(rate, custom_objects)}
        return cls(**config)

    def __getstate__(self) -> dict[str, Any]:
        """For copies: what is looked up by id is looked up anew."""
        return {**self.__dict__, "_decayed": None}

    def __repr__(self) -> str:
        words = [*CONFIG[1:], *self._arguments]
        return f"{type(self).__name__}({', '.join(f'{word}={shown(value)}' for word in words if (value := getattr(self, word, None)))})"
