"""Records activations, regularizers, constraints and the names of all four leaf modules from Keras into `goldens/leaves.npz`.

`KERAS_BACKEND=torch python tests/parity/record_leaves.py`; needs `keras==3.15.1`, which the tests do not. Values and gradients
are computed in float64, on inputs that are exact in float32 and for which Keras's own float32 lies within `WELL_CONDITIONED`
of them, so an error above the tests' limit is a wrong formula and not a rounding.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import golden
import keras
import numpy as np
import torch
from keras import activations, constraints, initializers, regularizers
from keras.src.initializers.random_initializers import compute_fans

ACTIVATIONS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in (
        *("linear", "relu", "leaky_relu", "relu6", "softmax", "log_softmax", "elu", "selu", "celu", "softplus", "softsign", "tanh"),
        *("sigmoid", "exponential", "hard_sigmoid", "silu", "swish", "hard_silu", "hard_swish", "gelu", "mish", "glu", "hard_tanh"),
        *("tanh_shrink", "hard_shrink", "soft_shrink", "log_sigmoid", "squareplus", "sparse_plus", "sparse_sigmoid", "sparsemax"),
    )),
    ("relu", {"negative_slope": 0.3}),
    ("relu", {"max_value": 2.5}),
    ("relu", {"max_value": 6}),
    ("relu", {"max_value": 6, "negative_slope": 0.1}),
    ("relu", {"threshold": 1.5}),
    ("relu", {"threshold": -1.25}),
    ("relu", {"threshold": 0.5, "negative_slope": 0.25}),
    ("relu", {"threshold": 0.5, "negative_slope": 0.25, "max_value": 3.0}),
    ("relu", {"threshold": -0.5, "max_value": 6.0}),
    ("leaky_relu", {"negative_slope": 0.05}),
    ("softmax", {"axis": 0}),
    ("softmax", {"axis": [0, 1]}),
    ("softmax", {"axis": None}),
    ("log_softmax", {"axis": 0}),
    ("log_softmax", {"axis": None}),
    ("elu", {"alpha": 0.4}),
    ("celu", {"alpha": 0.4}),
    ("gelu", {"approximate": True}),
    ("glu", {"axis": 0}),
    ("hard_shrink", {"threshold": 1.25}),
    ("soft_shrink", {"threshold": 1.25}),
    ("squareplus", {"b": 1.5}),
    ("sparsemax", {"axis": 0}),
    ("threshold", {"threshold": 0.75, "default_value": -2.0}),
]  # fmt: skip
REGULARIZERS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in ("L1", "L2", "L1L2", "OrthogonalRegularizer")),
    ("L1", {"l1": 0.3}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {"l1": 0.2}),
    ("L1L2", {"l2": 0.2}),
    ("L1L2", {"l1": 0.2, "l2": 0.05}),
    ("OrthogonalRegularizer", {"factor": 0.25, "mode": "columns"}),
]
CONSTRAINTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in ("Constraint", "MaxNorm", "NonNeg", "UnitNorm", "MinMaxNorm")),
    ("MaxNorm", {"max_value": 1.5, "axis": 1}),
    ("MaxNorm", {"max_value": 3.0, "axis": [0, 1, 2]}),
    ("UnitNorm", {"axis": [0, 1, 2]}),
    ("UnitNorm", {"axis": -1}),
    ("MinMaxNorm", {"min_value": 1.0, "max_value": 2.0, "rate": 0.75, "axis": 1}),
    ("MinMaxNorm", {"min_value": 5.0, "max_value": 6.0, "axis": [0, 1, 2]}),
]
STFTS: list[dict[str, Any]] = [
    {"window": None},
    {"side": "imag", "window": [0.5, 1.0, 2.0, 1.0]},
    {"window": [0.5, -1.0, 2.0, 1.0], "scaling": "spectrum"},
    {"side": "imag", "window": [0.5, 1.0, 2.0, 1.0], "scaling": None},
]
FAN_SHAPES = [(), (7,), (5, 7), (3, 5, 7), (3, 3, 5, 7), (2, 3, 4, 5, 7)]
FAN_AXES = [((6, 4, 3), (0,), (1, 2)), ((6, 4, 3), (0, 1), (2,))]
KINKED = (
    *("relu", "leaky_relu", "relu6", "elu", "selu", "celu", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "hard_shrink"),
    *("soft_shrink", "sparse_plus", "sparse_sigmoid", "threshold", "linear"),
)
UNSATURATED = ("softplus", "softsign", "silu", "swish", "mish", "log_sigmoid", "tanh_shrink")
WELL_CONDITIONED = 2e-6
DRAWS = 400

# what is tried; what Keras takes is recorded
NAMES = {
    "activations": "relu leaky_relu relu6 softmax log_softmax elu celu selu softplus softsign tanh sigmoid exponential exp linear "
    "hard_sigmoid silu swish hard_silu hard_swish gelu mish glu hard_tanh tanh_shrink hard_shrink soft_shrink log_sigmoid threshold "
    "squareplus sparse_plus sparse_sigmoid sparsemax hardtanh Relu ReLU foo",
    "initializers": "Zeros zeros zero Ones ones one Constant constant Identity identity IdentityInitializer RandomNormal random_normal "
    "normal RandomUniform random_uniform uniform TruncatedNormal truncated_normal VarianceScaling variance_scaling GlorotUniform "
    "glorot_uniform GlorotNormal glorot_normal HeNormal he_normal HeUniform he_uniform LecunNormal lecun_normal LecunUniform "
    "lecun_uniform Orthogonal orthogonal OrthogonalInitializer xavier_uniform foo",
    "regularizers": "L1 l1 L2 l2 L1L2 l1l2 l1_l2 OrthogonalRegularizer orthogonal_regularizer l3 foo",
    "constraints": "Constraint constraint MaxNorm max_norm NonNeg non_neg UnitNorm unit_norm MinMaxNorm min_max_norm maxnorm foo",
}

writer = golden.Writer("leaves", keras=keras.__version__, torch=torch.__version__, dtype="float64")


def values(rng: np.random.Generator, *shape: int, spread: float = 2.5) -> np.ndarray:
    """Both signs, exact in float32, away from the kinks of the activations."""
    return np.round(rng.normal(0, spread, shape) * 64) / 64 + 1 / 256


def keep(family: str, name: str, arguments: dict[str, Any], **data: np.ndarray) -> None:
    words = ",".join(f"{key}={value}" for key, value in arguments.items())
    writer.add(f"{family}/{name}({words})", {key: [array] for key, array in data.items()}, name=name, arguments=arguments)


def run(function: Any, x: np.ndarray, arguments: dict[str, Any], upstream: np.ndarray | None, dtype: torch.dtype) -> dict[str, np.ndarray]:
    tensor = torch.tensor(x, dtype=dtype, requires_grad=True)
    y = function(tensor, **arguments)
    out = {"x": x, "y": y.detach().numpy()}
    if upstream is not None and y.requires_grad:
        y.backward(torch.tensor(upstream, dtype=dtype))
        out |= {"upstream": upstream, "gradient": tensor.grad.numpy()}
    return out


def recorded(
    function: Any, make_x: Any, arguments: dict[str, Any], rng: np.random.Generator, gradient: bool = True
) -> dict[str, np.ndarray]:
    """The first draw that is well conditioned; later draws are less spread, as saturated gradients are mostly rounding."""
    for number in range(DRAWS):
        x = make_x(2.5 * 0.99**number)
        upstream = values(rng, *function(torch.tensor(x), **arguments).shape) if gradient else None
        exact = run(function, x, arguments, upstream, torch.float64)
        rounded = run(function, x, arguments, upstream, torch.float32)
        if all(golden.error(rounded[key], exact[key]) <= WELL_CONDITIONED for key in exact):
            return exact
    raise SystemExit(f"{function} {arguments}: no draw is well conditioned")


def activation_input(rng: np.random.Generator, name: str, spread: float) -> np.ndarray:
    x = values(rng, 6, 8, spread=spread)
    if name in ("softmax", "log_softmax", "sparsemax"):
        return x / 4
    if name in KINKED:
        x[0] = [-1, 0, 1, 6, 0.5, -0.5, 3, -3]  # where gradients are a matter of convention
    if name in KINKED or name in UNSATURATED:
        x[1, :3] = [-40, -12, 30]
    return x


def main() -> None:
    keras.config.set_floatx("float64")  # else a rate such as 0.01 passes through float32
    rng = np.random.default_rng(7)

    def matrix(spread: float) -> np.ndarray:
        return values(rng, 5, 7, spread=spread)

    def kernel(spread: float) -> np.ndarray:
        x = values(rng, 2, 3, 4, 5, spread=spread)
        x[..., 0] = 0.0  # a vector of length 0
        x[..., 1] /= 1024
        return x

    for name, arguments in ACTIVATIONS:
        call = dict(arguments)
        if isinstance(call.get("axis"), list):
            call["axis"] = tuple(call["axis"])
        make_x = functools.partial(activation_input, rng, name)
        keep("activations", name, arguments, **recorded(getattr(activations, name), make_x, call, rng))
    for name, arguments in REGULARIZERS:
        keep("regularizers", name, arguments, **recorded(getattr(regularizers, name)(**arguments), matrix, {}, rng))
    for name, arguments in CONSTRAINTS:
        keep("constraints", name, arguments, **recorded(getattr(constraints, name)(**arguments), kernel, {}, rng, gradient=False))
    for arguments in STFTS:
        call = dict(arguments, window=None if arguments["window"] is None else np.array(arguments["window"]))
        keep("stft", "STFT", arguments, y=initializers.STFT(**call)((4, 1, 5), dtype="float64").numpy())
    fans = [[shape, None, None, *compute_fans(shape)] for shape in FAN_SHAPES] + [[*row, *compute_fans(*row)] for row in FAN_AXES]
    writer.add("fans", {}, rows=fans)
    for family, text in NAMES.items():
        module, known = getattr(keras, family), {}
        for name in text.split():
            try:
                known[name] = module.serialize(module.get(name))
            except (ValueError, KeyError):  # KeyError: 'constant' without a value
                known[name] = None
        writer.add(f"names/{family}", {}, known=known)
    writer.save()
    print(f"{writer.path.name}: {writer.path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
