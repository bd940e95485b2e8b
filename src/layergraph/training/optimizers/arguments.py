"""The arguments that every optimizer takes: their names, order and defaults are Keras's, and they are checked here."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

from ...errors import ArgumentError, shown, suggestion
from .schedules import LearningRateSchedule

Rate = float | LearningRateSchedule | Callable[[], float]


class Common(TypedDict, total=False):
    """What every optimizer takes after its own arguments, by name or in this order."""

    weight_decay: float | None
    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None


DEFAULTS: Common = {
    "weight_decay": None,
    "clipnorm": None,
    "clipvalue": None,
    "global_clipnorm": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
    "name": None,
}
# The order of Keras's configs.
CONFIG = (
    *("name", "learning_rate", "weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "use_ema", "ema_momentum"),
    *("ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps"),
)


def signature_of(init: Callable[..., Any]) -> inspect.Signature:
    """An `__init__` as a caller sees it, with the arguments of `Common` in the place of `*common, **named`."""
    own = [p for name, p in inspect.signature(init).parameters.items() if name != "self"]
    if not any(p.name == "common" for p in own):
        return inspect.Signature(own)
    words = [p for p in own if p.kind is p.POSITIONAL_OR_KEYWORD]
    names = {p.name for p in words}
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    more = [inspect.Parameter(name, kind, default=default) for name, default in DEFAULTS.items() if name not in names]
    return inspect.Signature([*words, *more])


def gathered(cls: type[Any], common: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all arguments of `Common`.

    Raises:
        ArgumentError: unknown names.
        TypeError: too many arguments, or one twice.
    """
    names = list(DEFAULTS)[: len(common)]
    twice = [name for name in names if name in named]
    if len(common) > len(DEFAULTS) or twice:
        raise TypeError(f"{cls.__name__}: " + (f"got multiple values for argument {twice[0]!r}" if twice else "too many arguments"))
    unknown = {key: value for key, value in named.items() if key not in DEFAULTS}
    if unknown.pop("decay", None) is not None:
        warnings.warn("Argument `decay` is no longer supported and will be ignored.", stacklevel=5)
    if unknown:
        fix = "did you mean 'learning_rate'?" if "lr" in unknown else suggestion(next(iter(unknown)), inspect.signature(cls).parameters)
        raise ArgumentError(f"{cls.__name__}: Argument(s) not recognized: {unknown}", fix)
    found = {**DEFAULTS, **dict(zip(names, common, strict=True)), **{key: value for key, value in named.items() if key != "decay"}}
    check(cls.__name__, found)
    return found


def check(who: str, given: Mapping[str, Any]) -> None:
    """Raises ArgumentError for two kinds of clipping, and for numbers out of range."""
    clips = [key for key in ("clipnorm", "clipvalue", "global_clipnorm") if given[key] is not None]
    if len(clips) > 1:
        raise ArgumentError(
            f"{who}: Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: "
            + ", ".join(f"{key}={given[key]}" for key in clips)
        )
    for key in (*clips, "weight_decay"):
        if given[key] is not None and not given[key] >= 0:
            raise ArgumentError(f"{who}({key}={given[key]!r}): wanted a number that is not negative")
    steps, frequency, scale = given["gradient_accumulation_steps"], given["ema_overwrite_frequency"], given["loss_scale_factor"]
    if steps and (type(steps) is not int or steps < 2):
        raise ArgumentError(
            f"{who}: `gradient_accumulation_steps` must be an integer >= 2. Received: gradient_accumulation_steps={steps!r}",
            "gradient_accumulation_steps=None updates at each step",
        )
    if given["use_ema"] and not 0 <= given["ema_momentum"] <= 1:
        raise ArgumentError(f"{who}: `ema_momentum` must be in the range [0, 1]. Received: ema_momentum={given['ema_momentum']!r}")
    if given["use_ema"] and frequency and (type(frequency) is not int or frequency < 1):
        raise ArgumentError(
            f"{who}: `ema_overwrite_frequency` must be an integer >= 1 or None. Received: ema_overwrite_frequency={frequency!r}"
        )
    if scale is not None and not scale > 0:
        raise ArgumentError(f"{who}(loss_scale_factor={scale!r}): wanted a number above 0")


def checked_rate(who: str, rate: Any) -> Any:
    """A learning rate as it was given. Raises ArgumentError for what is neither a float nor a schedule nor a function."""
    if callable(rate):
        return rate
    if type(rate) is not float:
        raise ArgumentError(
            f"{who}: Argument `learning_rate` should be float, or an instance of LearningRateSchedule, or a callable (that takes no "
            f"arguments). Received instead: learning_rate={shown(rate)} ({type(rate).__name__})",
            f"float({shown(rate)})" if isinstance(rate, (int,)) or hasattr(rate, "item") else None,
        )
    return not_negative(who, rate)


def not_negative(who: str, rate: float) -> float:
    """A learning rate. Raises ArgumentError for one below zero, and for NaN."""
    if not rate >= 0.0:
        raise ArgumentError(f"{who}(learning_rate={rate!r}): wanted a learning_rate that is not negative")
    return rate
