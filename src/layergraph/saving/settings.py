"""The settings of `compile` as plain data, and back: as far as they can be said."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from layergraph.errors import ConfigError, Fact, shown, user_place, warn_at
from layergraph.kinds import is_dict, is_list
from layergraph.saving.objects import deserialize_keras_object, object_config
from layergraph.saving.values import encode

# What may be in nests; then what is a plain value, where it differs from the default.
_OBJECTS = ("optimizer", "loss", "metrics", "weighted_metrics")
_PLAIN = ("loss_weights", "run_eagerly", "steps_per_execution", "jit_compile", "auto_scale_loss", "mixed_precision")
LEFT_OUT = "left_out"


def written(model: Any, who: str) -> dict[str, Any] | None:
    """What `compile` was told, for `compiled`; None for a model that is not compiled. What has no form is left out, with a warning."""
    state = model.__dict__.get("_compiled")
    if state is None:
        return None
    found: dict[str, Any] = {}
    missing: list[str] = []
    for word in (*_OBJECTS, *_PLAIN):
        value = getattr(state, word, None)
        if value is None:
            continue
        try:
            found[word] = encode(value, _named)
        except (Fact, ConfigError) as error:
            missing.append(word)
            warn_at(user_place(), f"{who}: the file is without `{word}`, so compile() has to be called after loading: {error.what}")
    return {**found, LEFT_OUT: missing} if missing else found


def _named(value: Any) -> Any:
    """A function of the rooms of losses and metrics by its name, which `compile` understands; anything else by its config."""
    if isinstance(value, FunctionType):
        from layergraph import losses, metrics

        name = value.__name__
        if getattr(losses, "__dict__", {}).get(name) is value or vars(metrics).get(name) is value:
            return name
    return object_config(value)


def compiled(model: Any, config: Any, path: str) -> None:
    """Calls `model.compile` with what `written` gave; where something needed was left out, says so and leaves it to the user."""
    if not is_dict(config):
        raise ConfigError(f"load_model: the compile settings in {path!r} must be a dict, got {shown(config)}")
    missing: Any = config.get(LEFT_OUT)
    if missing:
        words = ", ".join(f"`{word}`" for word in missing if isinstance(word, str)) if is_list(missing) else shown(missing)
        warn_at(user_place(), f"load_model: {path!r} was saved without {words}: the model is not compiled; call model.compile(...)")
        return
    unknown = [word for word in config if word not in (*_OBJECTS, *_PLAIN, LEFT_OUT)]
    if unknown:
        raise ConfigError(f"load_model: the compile settings in {path!r} have the unknown word {shown(unknown[0])}")
    model.compile(**{word: _made(value) for word, value in config.items() if word != LEFT_OUT})


def _made(value: Any) -> Any:
    """Objects in lists and dicts made one by one: a dict by output name is no config of an object."""
    if is_list(value):
        return [_made(each) for each in value]
    if not is_dict(value):
        return value
    return deserialize_keras_object(value) if "class_name" in value else {name: _made(each) for name, each in value.items()}
