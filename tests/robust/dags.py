"""Random graphs, written on symbols and run on tensors by the same functions.

`grow(random)` writes a graph step by step: layers, torch functions, operators, indexing, merges, models in models, constants.
Each step keeps the function that was called on the symbols; `Dag.run` calls these, in the order in which they were written, on
tensors. That is plain eager code: the same layers, but no recording, no lowering and no layout rule.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layergraph import Input, Model, layers
from layergraph.graph.structure import leaves
from layergraph.layers import Layer
from layergraph.modes import in_mode

# What the layout rule acts on, by the words of a step: gelu and pow round differently at the end of a vector register.
TURNING = ("permute", "Permute", "Conv", "Pooling", "UpSampling", "ZeroPadding", "BatchNormalization")
MOST_VALUES = 400  # in one sample: what is larger is not built on


class Scale(Layer):
    """A layer of the user's with a Parameter and a buffer of its own: opaque."""

    def build(self, input_shape: Any) -> None:
        self.factor = nn.Parameter(torch.linspace(0.5, 1.5, input_shape[-1]))
        self.register_buffer("offset", torch.full((input_shape[-1],), 0.25))

    def call(self, x: Tensor) -> Tensor:
        return x * self.factor + self.offset


class Block(Layer):
    """A layer of the user's made of others, that looks at the data."""

    units: int = 4

    def build(self, input_shape: Any) -> None:
        self.first = layers.Dense(self.units, activation="relu")
        self.drop = layers.Dropout(0.3)
        self.second = layers.Dense(self.units)

    def call(self, x: Tensor) -> Tensor:
        y = self.drop(self.first(x))
        return self.second(y) if y.device.type == "meta" or bool(y.sum() > -1) else y


class Pair(Layer):
    """Two tensors in; a dict of a tensor and a tuple out."""

    def call(self, a: Tensor, b: Tensor) -> dict[str, Any]:
        return {"sum": a + b, "both": (a * 0.5, b - a)}


@dataclass(frozen=True)
class Step:
    """One call: what it is in words, on symbols, on tensors; the numbers of the values that it takes and gives."""

    text: str
    symbolic: Callable[..., Any]
    eager: Callable[..., Any]
    takes: tuple[int, ...]
    gives: tuple[int, ...]


class Dag:
    """A graph being written. Values are numbered; `structure` is the nest of the numbers of the outputs."""

    def __init__(self, random: Random, depth: int = 0):
        self.random, self.depth = random, depth
        self.symbols: list[Any] = []
        self.steps: list[Step] = []
        self.inputs: list[int] = []
        self.structure: Any = None
        self.input_names: list[str] | None = None
        self.used: list[tuple[str, Any, tuple[Any, ...]]] = []  # (text, layer, shape) of layers that may be called again
        self.models: list[tuple[Model, Dag]] = []
        self._sizes: list[Any] = []  # values with sizes that are known only at run time are alike if these are the same object

    def __repr__(self) -> str:
        lines = [f"v{i} = Input{self.symbols[i].shape}" for i in self.inputs]
        lines += [
            f"{', '.join(f'v{i}' for i in step.gives)} = {step.text}({', '.join(f'v{i}' for i in step.takes)})" for step in self.steps
        ]
        return "\n".join([*lines, f"return {self.structure}"])

    # Writing

    def input(self, shape: tuple[int | None, ...], dtype: str = "float32") -> int:
        self.inputs.append(len(self.symbols))
        return self._take(Input(shape, dtype=dtype), object())

    def _take(self, symbol: Any, sizes: Any) -> int:
        self.symbols.append(symbol)
        self._sizes.append(sizes)
        return len(self.symbols) - 1

    def add(self, text: str, takes: Sequence[int], function: Any, eager: Any = None, keeps: bool = False) -> tuple[int, ...]:
        """Call a function on symbols; `keeps` says that sizes known only at run time stay what they were."""
        result = leaves(function(*(self.symbols[i] for i in takes)))
        sizes = self._sizes[takes[0]] if keeps else object()
        gives = tuple(self._take(symbol, sizes) for symbol in result)
        self.steps.append(Step(text, function, eager or function, tuple(takes), gives))
        return gives

    def pick(self, *ranks: int, known: bool = True) -> int | None:
        """A float value of one of these ranks (of any, if there are none), the youngest most often."""
        found = [
            i
            for i, symbol in enumerate(self.symbols)
            if symbol.dtype == "float32"
            and (not ranks or symbol.ndim in ranks)
            and 1 < symbol.ndim < 6
            and (None not in symbol.shape[1:] or not known)
            and np.prod([n or 1 for n in symbol.shape[1:]]) <= MOST_VALUES
        ]
        return found[max(self.random.randrange(len(found)), self.random.randrange(len(found)))] if found else None

    def alike(self, value: int, most: int) -> list[int]:
        """Up to `most` values of one shape, this one among them."""
        shape = self.symbols[value].shape
        found = [i for i, s in enumerate(self.symbols) if s.shape == shape and s.dtype == self.symbols[value].dtype]
        if None in shape[1:]:
            found = [i for i in found if self._sizes[i] is self._sizes[value]]
        return [value, *(self.random.choice(found) for _ in range(self.random.randint(1, most - 1)))]

    # What it is

    def flat_outputs(self) -> list[int]:
        return leaves(self.structure)

    def needed(self, outputs: Sequence[int], given: Mapping[int, Any] | None = None) -> list[Step]:
        """The steps that compute `outputs`, as they were written."""
        wanted, found = set(outputs) - set(given or ()), []
        for step in reversed(self.steps):
            if wanted & set(step.gives):
                found.append(step)
                wanted |= set(step.takes) - set(given or ())
        return found[::-1]

    def exact(self) -> bool:
        """Whether no value is read in another layout: then the same kernels run over the same memory, and give the same bits."""
        return not any(word in step.text for step in self.steps for word in TURNING)

    def model(self, name: str | None = None) -> Model:
        ins = [self.symbols[i] for i in self.inputs]
        entry = dict(zip(self.input_names, ins, strict=True)) if self.input_names else ins if len(ins) > 1 else ins[0]
        return Model(entry, nest(self.symbols.__getitem__, self.structure), name=name)

    def run(
        self, tensors: Sequence[Tensor], outputs: Sequence[int] | None = None, given: Mapping[int, Tensor] | None = None
    ) -> list[Tensor]:
        """The outputs, flat, by calling each step's function on tensors."""
        values: dict[int, Tensor] = {**dict(zip(self.inputs, tensors, strict=True)), **(given or {})}
        outputs = self.flat_outputs() if outputs is None else outputs
        for step in self.needed(outputs, given):
            result = step.eager(*(values[i] for i in step.takes))
            values.update({**dict(zip(step.gives, leaves(result), strict=True)), **(given or {})})
        return [values[i] for i in outputs]

    def data(self, batch: int, seed: int = 0, size: int = 7) -> list[Tensor]:
        """A tensor for each input; sizes known only at run time are `size`."""
        generator = torch.Generator().manual_seed(seed)
        found = []
        for symbol in (self.symbols[i] for i in self.inputs):
            shape = [batch, *(size if n is None else n for n in symbol.shape[1:])]
            integers = symbol.dtype == "int64"
            found.append(torch.randint(0, 5, shape, generator=generator) if integers else torch.randn(shape, generator=generator))
        return found


def nest(function: Callable[[int], Any], structure: Any) -> Any:
    """The structure with each number replaced."""
    if isinstance(structure, dict):
        return {key: nest(function, item) for key, item in structure.items()}
    if isinstance(structure, list | tuple):
        return type(structure)(nest(function, item) for item in structure)
    return function(structure)


# ---- what a step can be: each takes the graph and adds to it, or finds nothing that it could take ------------------------------

# Element by element, or along the last axis: any rank, sizes that are known only at run time, images in any layout.
UNARY: dict[str, Callable[[Any], Any]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    ".relu()": lambda x: x.relu(),
    "F.gelu": F.gelu,
    "F.silu": F.silu,
    "F.elu": F.elu,
    "F.leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "x * 0.5": lambda x: x * 0.5,
    "1 - x": lambda x: 1 - x,
    "-x": operator.neg,
    "abs": abs,
    "x / 2 + 1": lambda x: x / 2 + 1,
    "2 ** x": lambda x: 2 ** torch.tanh(x),
    "x ** 2": lambda x: torch.tanh(x) ** 2,
    "sin": torch.sin,
    ".clamp": lambda x: x.clamp(-1, 1),
    "clamp": lambda x: torch.clamp(x, min=-0.5),
    "where": lambda x: torch.where(x > 0.137, x, x * 0.1),
    "x > 0.137": lambda x: (x > 0.137).to(x),
    "masked_fill": lambda x: x.masked_fill(x < -0.137, 0.0),
    "softmax": lambda x: torch.softmax(x, -1),
    "F.normalize": lambda x: F.normalize(x, dim=-1),
    "x - mean": lambda x: x - x.mean(-1, keepdim=True),
    "x - mean 1": lambda x: x - torch.mean(x, dim=1, keepdim=True),
    "x - amax": lambda x: x - x.amax((-1,), True),
    "x - batch mean": lambda x: x - x.mean(0, keepdim=True),
    "cumsum": lambda x: torch.tanh(x).cumsum(1),
    "flip": lambda x: x.flip(1),
    "roll": lambda x: torch.roll(x, 1, -1),
    "half, back": lambda x: x.half().to(x),
    "clone": lambda x: x.clone(),
    "x / size": lambda x: x / x.size(1),
    "contiguous": lambda x: x.contiguous(),
    "detach": lambda x: x + x.detach(),
}
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "x + y": operator.add,
    "x - y": operator.sub,
    "x * y": operator.mul,
    "x / |y|": lambda x, y: x / (y.abs() + 1),
    "x % y": lambda x, y: (x + 0.137) % (y.abs() + 1),
    "maximum": torch.maximum,
    "where": lambda x, y: torch.where(x > y, x, y),
    "add alpha": lambda x, y: torch.add(x, y, alpha=2),
    "lerp": lambda x, y: torch.lerp(x, y, 0.3),
    "addcmul": lambda x, y: torch.addcmul(x, y, y, value=0.1),
    "x + y.mean()": lambda x, y: x + y.mean(-1, keepdim=True),
    "cat -1": lambda x, y: torch.cat([x, y], -1),
    "cat 1": lambda x, y: torch.cat((x, y), dim=1),
    "stack": lambda x, y: torch.stack([x, y], 1).mean(1),
    "x @ y": lambda x, y: torch.einsum("b...i,b...i->b...", x, y)[..., None] + x,
}
# By rank; the sizes are known.
SHAPED: dict[int, dict[str, Callable[[Any], Any]]] = {
    2: {
        "x[:, 1:]": lambda x: torch.cat([x[:, 1:], x], 1),
        "x[:, ::2]": lambda x: x[:, ::2],
        "x[:, None]": lambda x: x[:, None],
        "unsqueeze": lambda x: x.unsqueeze(-1),
        "x[..., -1]": lambda x: x[..., -1:],
        "x[:, [0, -1]]": lambda x: x[:, [0, -1]],
        "outer": lambda x: x[:, :, None] * x[:, None, :],
        "expand": lambda x: x[:, None, :].expand(-1, 3, -1),
        "expand size": lambda x: x[:, None].expand(x.size(0), 2, x.size(1)),
        "sum": lambda x: x.sum(1, keepdim=True),
        "x.T": lambda x: x.T.T,
    },
    3: {
        "x[:, 0]": lambda x: x[:, 0],
        "x[:, -1]": lambda x: x[:, -1],
        "x[..., 0]": lambda x: x[..., 0],
        "x[:, :, ::2]": lambda x: x[:, :, ::2],
        "x[:, ::-1]": lambda x: x[:, torch.arange(x.shape[1] - 1, -1, -1)],
        "transpose": lambda x: x.transpose(1, 2),
        "permute": lambda x: x.permute(0, 2, 1),
        "mean": lambda x: x.mean(1),
        "sum -1": lambda x: x.sum(-1),
        "flatten": lambda x: x.flatten(1),
        "reshape size": lambda x: x.reshape(x.size(0), x.size(1) * x.size(2)),
        "matmul": lambda x: torch.matmul(torch.softmax(x @ x.transpose(1, 2), -1), x),
        "x[..., None]": lambda x: x[..., None],
    },
    4: {
        "x[:, 0]": lambda x: x[:, 0],
        "x[:, :, -1]": lambda x: x[:, :, -1],
        "x[..., 0]": lambda x: x[..., 0],
        "x[..., :1]": lambda x: x[..., :1],
        "x[:, ::2, 1:]": lambda x: x[:, ::2, -2:],
        "mean 1 2": lambda x: x.mean((1, 2)),
        "mean 2 keepdim": lambda x: x + x.mean(2, keepdim=True),
        "amax": lambda x: torch.amax(x, (1, 3)),
        "sum -1": lambda x: torch.sum(x, -1),
        "sum": lambda x: x + torch.tanh(x).sum((1, 2, 3), keepdim=True),
        "flatten": lambda x: x.flatten(1),
        "flatten 1 2": lambda x: x.flatten(1, 2),
        "transpose": lambda x: x.transpose(1, 2),
        "permute": lambda x: x.permute(0, 3, 1, 2),
        "permute twice": lambda x: torch.permute(torch.permute(x, (0, 3, 1, 2)).sigmoid(), [0, 2, 3, 1]),
        "permute back": lambda x: x.permute(0, 2, 1, 3) * 2,
        "avg_pool2d": lambda x: F.avg_pool2d(x, 2, ceil_mode=True, padding=1),
        "reshape": lambda x: x.reshape(-1, x.shape[1], x.shape[2] * x.shape[3]),
        "std": lambda x: x - x.amin(-1, keepdim=True),
    },
    5: {
        "x[:, 0]": lambda x: x[:, 0],
        "mean": lambda x: x.mean((2, 3)),
        "flatten": lambda x: x.flatten(1, 3),
    },
}
SEVERAL: dict[str, Callable[[Any], Any]] = {
    "split": lambda x: list(x.split([1, x.shape[1] - 1], 1)),
    "chunk": lambda x: list(torch.chunk(x, 2, dim=-1)),
    "unbind": lambda x: list(x.unbind(1)),
    "topk": lambda x: torch.topk(x, 2, dim=-1)[0],
    "sort": lambda x: x.sort(-1).values,
    "max": lambda x: torch.max(x, 1)[0],
    "std_mean": lambda x: list(torch.std_mean(x, dim=-1, keepdim=True)),
    "max keepdim": lambda x: x.max(-1, keepdim=True).values,
}


def unary(dag: Dag) -> None:
    text, function = dag.random.choice(list(UNARY.items()))
    value = dag.pick(known=False)
    if value is not None:
        dag.add(text, [value], function, keeps=True)


def binary(dag: Dag) -> None:
    text, function = dag.random.choice(list(BINARY.items()))
    value = dag.pick(known=False)
    if value is not None:
        dag.add(text, dag.alike(value, 2), function, keeps=text != "cat 1")


def shaped(dag: Dag) -> None:
    value = dag.pick()
    if value is not None:
        text, function = dag.random.choice(list(SHAPED[dag.symbols[value].ndim].items()))
        dag.add(text, [value], function)


def several(dag: Dag) -> None:
    value = dag.pick()
    if value is not None and min(dag.symbols[value].shape[1:]) >= 2:
        text, function = dag.random.choice(list(SEVERAL.items()))
        dag.add(text, [value], function)


def constant(dag: Dag) -> None:
    value = dag.pick()
    if value is None:
        return
    shape = dag.symbols[value].shape[1:]
    numbers = torch.linspace(-1, 1, int(np.prod(shape))).reshape(shape)
    held = dag.random.choice([numbers, numbers[..., :1], numbers[-1:], numbers[None], numbers.numpy()])
    text, function = dag.random.choice([("x + c", operator.add), ("c * x", lambda x, c: c * x), ("c - x", lambda x, c: c - x)])
    dag.add(text, [value], lambda x: function(x, held), lambda x: function(x, torch.as_tensor(held).to(x.dtype)))


def layer(dag: Dag) -> None:
    value = dag.pick(known=False)
    if value is None or dag.symbols[value].shape[-1] is None:
        return
    symbol = dag.symbols[value]
    rank, last, inner = symbol.ndim, symbol.shape[-1], symbol.shape[1:-1]
    r = dag.random
    smallest = min((n for n in inner if n is not None), default=9)
    units = r.randint(1, 5)
    choices: list[tuple[Any, dict[str, Any]]] = [
        (layers.Dense, {"units": units, "activation": r.choice([None, "relu", "gelu", "softmax"]), "use_bias": r.random() < 0.8}),
        (layers.BatchNormalization, {"momentum": r.choice([0.9, 0.99])}),
        (layers.LayerNormalization, {}),
        # Over an image in another layout torch draws the elements of a mask in another order: whole channels are dropped there.
        (layers.Dropout, {"rate": r.choice([0.0, 0.3]), **({"noise_shape": (None, *[1] * (rank - 2), last)} if rank > 2 else {})}),
        (layers.Activation, {"activation": r.choice(["tanh", "softplus", "swish", "linear"])}),
        (layers.LeakyReLU, {}),
        (layers.ReLU, {"max_value": 1.0}),
        (layers.Softmax, {}),
        (Scale, {}),
        (Block, {"units": units}),
    ]
    keeps = len(choices)
    padding = r.choice(["same", "valid"]) if smallest >= 3 and None not in inner else "same"
    window = {"strides": r.randint(1, 2), "padding": padding}
    if rank == 3:
        choices += [
            (layers.Conv1D, {"filters": units, "kernel_size": 3, **window}),
            (layers.MaxPooling1D, {"pool_size": 2, "padding": padding}),
            (layers.AveragePooling1D, {"pool_size": 3, **window}),
            (layers.GlobalAveragePooling1D, {"keepdims": r.random() < 0.3}),
            (layers.GlobalMaxPooling1D, {}),
            (layers.ZeroPadding1D, {"padding": (1, 2)}),
            (layers.UpSampling1D, {"size": 2}),
            (layers.GRU, {"units": units}),
            (layers.LSTM, {"units": units, "return_sequences": True}),
        ]
    if rank == 4:
        choices += [
            (layers.Conv2D, {"filters": units, "kernel_size": (3, 2), "activation": r.choice([None, "relu"]), **window}),
            (layers.Conv2D, {"filters": 2 * last, "kernel_size": 1, "groups": last}),
            (layers.MaxPooling2D, {"pool_size": 2, "padding": padding}),
            (layers.AveragePooling2D, {"pool_size": (2, 3), **window}),
            (layers.GlobalAveragePooling2D, {"keepdims": r.random() < 0.3}),
            (layers.GlobalMaxPooling2D, {}),
            (layers.ZeroPadding2D, {"padding": 1}),
            (layers.UpSampling2D, {"size": 2}),
            (layers.Permute, {"dims": r.choice([(2, 1, 3), (3, 1, 2), (1, 2, 3)])}),
            (layers.BatchNormalization, {"axis": r.choice([1, -1])}),
        ]
    if None not in inner:
        choices += [(layers.Flatten, {})]
        choices += [(layers.Reshape, {"target_shape": (-1, last)}), (layers.Reshape, {"target_shape": (1, 1, -1)})]
        choices += [(layers.RepeatVector, {"n": 3})] if rank == 2 else []
    number = r.randrange(len(choices))
    kind, words = choices[number]
    if kind is layers.BatchNormalization and None in inner and words.get("axis") == 1:
        return
    made = kind(**words)
    text = f"{kind.__name__}({words})"
    if kind in (layers.Dropout, layers.BatchNormalization) and r.random() < 0.2:
        training = r.random() < 0.5
        dag.add(f"{text} training={training}", [value], lambda x: made(x, training=training), keeps=True)
    else:
        dag.add(text, [value], made, keeps=number < keeps)
    dag.used.append((text, made, symbol.shape))


def again(dag: Dag) -> None:
    """A layer that was called before, on another value of that shape."""
    if dag.used:
        text, made, shape = dag.random.choice(dag.used)
        found = [i for i, symbol in enumerate(dag.symbols) if symbol.shape == shape and symbol.dtype == "float32"]
        dag.add(f"again {text}", [dag.random.choice(found)], made)


def merge(dag: Dag) -> None:
    value = dag.pick(known=False)
    if value is None:
        return
    names = "Add Subtract Multiply Average Maximum Minimum Concatenate Concatenate1 Dot Pair".split()
    name = dag.random.choice(names)
    values = dag.alike(value, 2 if name in ("Subtract", "Dot", "Pair") else 4)
    if name == "Pair":
        pair = Pair()
        dag.add(name, values, pair, keeps=True)
    elif name == "Dot":
        if None not in dag.symbols[value].shape[1:] and dag.symbols[value].ndim <= 3:
            dot = layers.Dot(axes=-1)
            dag.add(name, values, lambda *each: dot(list(each)))
    else:
        made = layers.Concatenate(axis=1) if name == "Concatenate1" else getattr(layers, name)()
        dag.add(name, values, lambda *each: made(list(each)), keeps=name != "Concatenate1")


def embed(dag: Dag) -> None:
    found = [i for i in dag.inputs if dag.symbols[i].dtype == "int64"]
    if found:
        dag.add("Embedding", [dag.random.choice(found)], layers.Embedding(5, 3))


def model(dag: Dag) -> None:
    """A model of its own, called here; and perhaps, by `model_again`, once more."""
    value = dag.pick()
    if value is None or dag.depth >= 2:
        return
    takes = [value, *(i for i in [dag.pick()] if i is not None and dag.random.random() < 0.4)]
    inner = grow(dag.random, dag.random.randint(1, 6), dag.depth + 1, [dag.symbols[i].shape[1:] for i in takes])
    made = inner.model()
    dag.models.append((made, inner))
    call_model(dag, made, inner, takes)


def model_again(dag: Dag) -> None:
    if dag.models:
        made, inner = dag.random.choice(dag.models)
        shapes = [inner.symbols[i].shape for i in inner.inputs]
        found = [[i for i, s in enumerate(dag.symbols) if s.shape == shape and s.dtype == "float32"] for shape in shapes]
        if all(found):
            call_model(dag, made, inner, [dag.random.choice(each) for each in found])


def call_model(dag: Dag, made: Model, inner: Dag, takes: list[int]) -> None:
    training = dag.random.choice([None, None, None, True, False])
    words = {} if training is None else {"training": training}

    def eager(*tensors: Tensor) -> list[Tensor]:
        if training is None:
            return inner.run(tensors)
        with in_mode(made, training):
            return inner.run(tensors)

    text = "Model(" + "; ".join(repr(inner).splitlines()) + ")" + ("" if training is None else f" training={training}")
    dag.add(text, takes, lambda *symbols: made(*symbols, **words), eager)


KINDS = [unary, unary, binary, binary, shaped, shaped, several, constant, layer, layer, layer, layer, again, merge, merge, embed, model]
KINDS += [model_again, again]
SHAPES: list[tuple[tuple[int | None, ...], str]] = [
    ((4,), "float32"),
    ((3,), "float32"),
    ((5, 3), "float32"),
    ((6, 5, 3), "float32"),
    ((4, 4, 2), "float32"),
    ((None, 3), "float32"),
    ((None, None, 2), "float32"),
    ((6,), "int64"),
]


def grow(random: Random, steps: int, depth: int = 0, shapes: Sequence[tuple[int, ...]] = ()) -> Dag:
    """A graph of about so many steps; its inputs have these shapes, or some of `SHAPES`."""
    dag = Dag(random, depth)
    for shape in shapes:
        dag.input(shape)
    for shape, dtype in [random.choice(SHAPES) for _ in range(random.randint(1, 3))] if not shapes else []:
        dag.input(shape, dtype)
    tried = 0
    while len(dag.steps) < steps and tried < 10 * steps:
        random.choice(KINDS)(dag)
        tried += 1
    taken = {i for step in dag.steps for i in step.takes}
    ends = [i for i in range(len(dag.symbols)) if i not in taken and i not in dag.inputs] or [len(dag.symbols) - 1]
    chosen = random.sample(ends, random.randint(1, min(4, len(ends))))
    if random.random() < 0.3:
        chosen.append(random.randrange(len(dag.symbols)))  # an inner tensor, or an input
    forms: list[Callable[[list[int]], Any]] = [
        lambda c: c,
        tuple,
        lambda c: {f"out {i}": each for i, each in enumerate(c)},
        lambda c: [c[0], {"rest": c[1:]}] if c[1:] else c[0],
        lambda c: c[0] if len(c) == 1 else c,
    ]
    dag.structure = random.choice(forms)(chosen)
    if random.random() < 0.3:
        dag.input_names = [f"in {i}" for i in range(len(dag.inputs))]
    return dag
