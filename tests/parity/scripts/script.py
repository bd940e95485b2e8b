"""What a script is, and the numbers that it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

ROWS = 4


@dataclass(frozen=True)
class Script:
    """A model as people write it for Keras, and what is done with it.

    `make(keras)` returns the model; `inputs` are (shape, dtype) of one example, by the input's name where the model wants a dictionary;
    `loss` is for `compile`, and None where training draws random numbers; `json` says that `to_json` holds it, and `compiled` that
    the test compiles it, which takes seconds; `warns` is what layergraph warns of where it is called; `limit` is of the error.
    """

    make: Callable[[Any], Any]
    inputs: tuple[tuple[tuple[int, ...], str], ...] | dict[str, tuple[tuple[int, ...], str]]
    loss: Any = None
    json: bool = True
    compiled: bool = False
    warns: str = ""
    limit: float = 5e-6

    @property
    def name(self) -> str:
        return self.make.__name__


def given(script: Script) -> Any:
    """Numbers of both signs, or tokens of which 0 ends two rows: by their places, so that no arrays need to be kept."""
    made = []
    of = script.inputs if isinstance(script.inputs, tuple) else script.inputs.values()
    for number, (shape, dtype) in enumerate(of):
        size = ROWS * int(np.prod(shape))
        if "int" in dtype:
            x = (np.arange(size) * 7 % 11 + 1).reshape(ROWS, *shape)
            if shape and shape[-1] > 2:
                x[0, -2:] = x[1, 2:] = 0
        else:
            x = np.sin(np.arange(size) * (1.7 + number) + number).reshape(ROWS, *shape)
            x = x * (0.4 + 0.5 * np.arange(ROWS)).reshape(ROWS, *(1 for _ in shape))
        made.append(x.astype(dtype))
    if isinstance(script.inputs, dict):
        return dict(zip(script.inputs, made, strict=True))
    return made[0] if len(made) == 1 else made


def weight(number: int, like: np.ndarray) -> np.ndarray:
    """The weights of a model, by their numbers in its order: vectors are positive, as variances must be."""
    wave = np.cos(np.arange(like.size) * 2.3 + number).reshape(like.shape)
    if like.ndim < 2:
        return (1.0 + 0.4 * wave).astype(like.dtype)
    return (wave * (1.2 / np.sqrt(max(np.prod(like.shape[:-1]), 1)))).astype(like.dtype)


def target(script: Script, y: np.ndarray) -> np.ndarray:
    """Something to train an output towards, of its shape; classes for a loss that wants their numbers."""
    wave = 0.5 + 0.4 * np.sin(np.arange(y.size) * 0.9).reshape(y.shape)
    if isinstance(script.loss, str) and script.loss.startswith("sparse"):
        return np.argmax(wave, -1).astype("int32")
    return wave.astype("float32")


def mapped(function: Callable[[Any], Any], outputs: Any) -> Any:
    """A model's outputs in their own structure, each through `function`."""
    if isinstance(outputs, dict):
        return {name: mapped(function, each) for name, each in outputs.items()}
    if isinstance(outputs, list | tuple):
        return [mapped(function, each) for each in outputs]
    return function(outputs)


def flat(outputs: Any) -> list[np.ndarray]:
    """The leaves of what `mapped` gives."""
    outputs = list(outputs.values()) if isinstance(outputs, dict) else outputs
    return [leaf for each in outputs for leaf in flat(each)] if isinstance(outputs, list) else [outputs]


def array(tensor: Any) -> np.ndarray:
    return tensor.detach().cpu().numpy()


def at_rest(model: Any) -> Any:
    """The model, its stateful layers as before the first call."""
    for layer in model.layers:
        if getattr(layer, "stateful", False):
            layer.reset_state()
    return model


def prepared(script: Script, keras: Any) -> Any:
    """The model, built, with the weights that all its makers give it."""
    model = script.make(keras)
    model(given(script), training=False)
    at_rest(model).set_weights([weight(number, w) for number, w in enumerate(model.get_weights())])
    return model


def numbers(script: Script, keras: Any) -> dict[str, np.ndarray]:
    """What a fresh model gives: outputs in inference, then the losses of three epochs of `fit`."""
    model, fed = prepared(script, keras), given(script)
    outputs = mapped(array, model(fed, training=False))
    found = {f"{script.name}.output{number}": y for number, y in enumerate(flat(outputs))}
    found[f"{script.name}.parameters"] = np.array(model.count_params())
    if script.loss is not None:
        model.compile(optimizer=keras.optimizers.SGD(0.02), loss=script.loss)
        wanted = mapped(lambda y: target(script, y), outputs)
        history = model.fit(fed, wanted, batch_size=ROWS, epochs=3, shuffle=False, verbose=0).history
        found[f"{script.name}.losses"] = np.array(history["loss"])
    return found
