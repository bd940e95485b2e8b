"""Records Keras's dtypes of numbers and lists, and its promotions: `KERAS_BACKEND=torch python -m tests.ops.record_dtypes`."""

from __future__ import annotations

import itertools
import json
import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np

from .golden import FOLDER

MADE = [
    *("1", "1.5", "True", "1j", "[1, 2]", "[1.5, 2]", "[True, False]", "[True, 2]", "[[1, 2], [3, 4]]", "[]", "(1, 2)", "2**40"),
    *("np.float64(2)", "np.int64(2)", "np.float32(2)", "np.ones(2)", "np.arange(3)", "np.ones(2, np.float16)", "np.ones(2, np.uint32)"),
    *("np.ones((0, 3))", "np.arange(6)[::-2]", "np.ones((2, 3)).T", "np.array(True)", "np.ones(2, np.uint8)", "np.array(2.5)"),
]
DTYPES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 int float".split()
TYPES = {"int": int, "float": float}


def main() -> None:
    made = []
    for given in MADE:
        tensor = keras.ops.convert_to_tensor(eval(given, {"np": np}))
        made.append([given, str(tensor.dtype).removeprefix("torch."), list(tensor.shape)])
    promoted = []
    for one, other in itertools.combinations_with_replacement(DTYPES, 2):
        promoted.append([one, other, keras.backend.result_type(TYPES.get(one, one), TYPES.get(other, other))])
    lines = ",\n".join(json.dumps(row) for row in promoted)
    text = f'{{"keras": {json.dumps(keras.__version__)}, "made": {json.dumps(made)}, "promoted": [\n{lines}\n]}}\n'
    (FOLDER / "dtypes.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
