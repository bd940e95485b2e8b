"""Records the constructor signatures of Keras's layers, where keras is installed: `KERAS_BACKEND=torch python record_signatures.py`."""

from __future__ import annotations

import inspect
import json
import pathlib

import keras


def told(parameter: inspect.Parameter) -> list[object]:
    """[name, default as repr, or None where the argument is required]"""
    return [parameter.name, None if parameter.default is parameter.empty else repr(parameter.default)]


def main() -> None:
    found = {}
    for name in sorted(vars(keras.layers)):
        layer = getattr(keras.layers, name)
        if inspect.isclass(layer):
            parameters = list(inspect.signature(layer).parameters.values())
            found[name] = [told(p) for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    target = pathlib.Path(__file__).with_name("goldens") / "signatures.json"
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(found[name])}" for name in found)
    target.write_text(f'{{"keras": {json.dumps(keras.__version__)}, "layers": {{\n{lines}\n}}}}\n')


if __name__ == "__main__":
    main()
