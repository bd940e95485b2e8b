"""Records the names and signatures of Keras's ops: `KERAS_BACKEND=torch python -m tests.ops.record_names`, at the top of the repository."""

from __future__ import annotations

import inspect
import json
import os
from types import ModuleType
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras

from .golden import FOLDER


def told(function: Any) -> list[list[str | None]]:
    """[name, kind, default as repr, or None where the argument is required] for each parameter."""
    parameters = inspect.signature(function).parameters.values()
    return [[p.name, p.kind.name, None if p.default is p.empty else repr(p.default)] for p in parameters]


def ops_of(module: ModuleType) -> dict[str, Any]:
    return {name: value for name, value in sorted(vars(module).items()) if callable(value) and not name.startswith("_")}


def main() -> None:
    modules = [value for value in vars(keras.ops).values() if isinstance(value, ModuleType) and value.__name__.startswith("keras.ops.")]
    functions = ops_of(keras.ops)
    for module in modules:
        functions |= {name: value for name, value in ops_of(module).items() if module.__name__ == "keras.ops.image"}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(told(functions[name]))}" for name in sorted(functions))
    rooms = {"": list(ops_of(keras.ops))} | {m.__name__.removeprefix("keras.ops."): list(ops_of(m)) for m in modules}
    text = f'{{"keras": {json.dumps(keras.__version__)}, "rooms": {json.dumps(rooms)}, "signatures": {{\n{lines}\n}}}}\n'
    (FOLDER / "names.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
