"""What is dropped is gone: models, generated classes, source text; and a call leaves nothing for the garbage collector."""

from __future__ import annotations

import collections
import contextlib
import copy
import gc
import linecache
import pickle
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, fx

from layergraph import Input, Model, Sequential, layers
from layergraph.layers import Layer
from layergraph.models import failure


@contextlib.contextmanager
def calm(collecting: bool = False) -> Iterator[None]:
    """Nothing old to be collected, or looked through; no collection by itself."""
    gc.collect()
    gc.freeze()
    if not collecting:
        gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def resident() -> int:
    """The memory of this process, in KiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4


def make() -> Model:
    x = Input((8,))
    y = layers.BatchNormalization()(layers.Dense(8, activation="relu")(x))
    z = layers.Dropout(0.5)(torch.tanh(y) + x * torch.ones(8))
    return Model(x, layers.Dense(2)(z))


def nested() -> Model:
    x = Input((8,))
    inner = make()
    return Model(x, [inner(x), inner(x * 2, training=False)])


def cut() -> Model:
    model = make()
    return Model(model.inputs, model.layers[2].output)


def failed() -> Model:
    """Refused layers and models on the way."""
    x = Input((8,))
    for wrong in (lambda: layers.Add()([x, Input((3,))]), lambda: torch.matmul(x, Input((4,))), lambda: Model(x, Input((3,)))):
        with contextlib.suppress(ValueError):
            wrong()
    return Model(x, layers.Dense(1)(x))


MAKERS: dict[str, Callable[[], Any]] = {
    "functional": make,
    "nested": nested,
    "cut": cut,
    "sequential": lambda: Sequential([Input((8,)), layers.Dense(4), layers.ReLU()]),
    "deepcopy": lambda: copy.deepcopy(make()),
    "pickle": lambda: pickle.loads(pickle.dumps(make())),
    "moved": lambda: make().double(),
    "failed": failed,
}


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
def test_a_dropped_model_is_gone_with_its_class_and_its_source(maker: Callable[[], Any]) -> None:
    loader: Any = vars(sys.modules[fx.GraphModule.__module__])["_loader"]
    for _ in range(3):
        maker()
    with calm():
        sources, lines = len(loader.eval_cache), len(linecache.cache)
        refs = []
        for _ in range(20):
            model = maker()
            refs += [weakref.ref(thing) for thing in (model, type(model), model.graph, model.layers[-1], next(model.parameters()))]
            del model
        gc.collect()
        assert not [ref() for ref in refs if ref() is not None]
        refs.clear()
        assert len(loader.eval_cache) == sources
        failure.forget_source_with(make.__code__)  # as when the next model is written
        assert len(linecache.cache) <= lines
        assert len(gc.get_objects()) < 20  # less than one for each model


def test_source_is_there_while_a_model_lives() -> None:
    """Tracebacks and debuggers show the generated lines."""
    model = make()
    code = type(model).forward.__code__
    assert "self.dense(" in "".join(linecache.getlines(code.co_filename))
    twin = copy.deepcopy(model)
    del model
    gc.collect()
    assert "self.dense(" in "".join(linecache.getlines(type(twin).forward.__code__.co_filename))
    assert linecache.getlines(code.co_filename)  # the code object is held here
    file = code.co_filename
    del code
    make()
    assert file not in linecache.cache


def test_a_thousand_models_leave_no_memory() -> None:
    for _ in range(150):
        make()
    with calm(collecting=True):
        before = resident()
        for _ in range(1000):
            make()
        gc.collect()
        assert resident() - before < 5 * 1024


# Where fx makes cycles by itself: a graph and its nodes, a model, its graph and its class.
FX = {"Graph", "Functional", "type", "_WrappedCall", "InputCheck", "CodeGen", "_FindNodesLookupTable", "_Namespace", "defaultdict"}


def kinds_left(work: Callable[[], Any], calls: int = 20) -> collections.Counter[str]:
    """How many objects of each type wait for a collection after so many calls."""
    for _ in range(3):
        work()
    with calm():
        for _ in range(calls):
            work()
        return collections.Counter(type(thing).__name__ for thing in gc.get_objects())


def test_what_waits_for_a_collection_are_first_calls_and_fx_s_own_cycles() -> None:
    """A layer holds its first call, which holds the layer; fx has a graph hold its nodes and its owner. Nothing else waits."""
    by_hand = kinds_left(lambda: fx.GraphModule({"dense": torch.nn.Linear(8, 2)}, fx_graph()), 1)
    assert by_hand["Graph"] == by_hand["type"] == 1
    ours = kinds_left(lambda: Model(x := Input((8,)), layers.Dense(2)(x)), 1)
    assert ours["Functional"] == ours["type"] == 1
    assert ours["Dense"] == ours["InputLayer"] == 1
    assert {name for name in ours if name[0].isupper()} <= FX | {
        *("Node", "SymbolicTensor", "TensorSpec", "Plan", "Names", "Namespace"),
        *("Dense", "InputLayer", "Linear", "GlorotUniform", "Zeros", "Parameter", "OrderedDict"),
        "ReferenceType",  # to the code, whose source goes with it
    }


def fx_graph() -> fx.Graph:
    graph = fx.Graph()
    graph.output(graph.call_module("dense", (graph.placeholder("x"),)))
    return graph


# ---- calls ----------------------------------------------------------------------------------------------------------------------


class Refusing(Layer):
    def call(self, x: Tensor) -> Tensor:
        if x.device.type == "cpu":
            raise RuntimeError("not today")
        return x * 1


def refusing() -> Model:
    x = Input((8,))
    y = Input((8,))
    inner = Model(y, Refusing()(layers.Dense(8)(y)))
    return Model(x, layers.Dense(2)(inner(x)))


def unfit() -> Model:
    x = Input((None,))
    return Model(x, x.reshape(-1, 6))


X = torch.randn(4, 8)
Y = torch.randn(4, 2)
TRAINED = make()
TRAINED.compile("adam", "mse", metrics=["mae"])
REFUSING, UNFIT, NESTED = refusing(), unfit(), nested()


def caught(call: Callable[[], Any]) -> Callable[[], None]:
    def run() -> None:
        with contextlib.suppress(Exception):
            call()
            raise AssertionError("nothing was raised") from None

    return run


def test_the_errors_below_are_raised() -> None:
    for name, call in CALLS.items():
        if name.startswith("error"):
            with pytest.raises((ValueError, RuntimeError)):
                call()


CALLS: dict[str, Callable[[], Any]] = {
    "call": lambda: TRAINED(X),
    "backward": lambda: TRAINED(X).sum().backward(),
    "list": lambda: TRAINED([X]),
    "dict": lambda: TRAINED({"input_layer": X}),
    "numpy": lambda: TRAINED(X.numpy()),
    "cast": lambda: TRAINED(X.double()),
    "mode": lambda: TRAINED(X, training=True),
    "nested": lambda: NESTED(X),
    "layer": lambda: TRAINED.layers[1](X),
    "error: shape": lambda: TRAINED(X[:, :5]),
    "error: keyword": lambda: TRAINED(X, foo=X),
    "error: count": lambda: TRAINED(X, X),
    "error: no tensor": lambda: TRAINED("text"),
    "error: inside": lambda: REFUSING(X),
    "error: inside, in a mode": lambda: REFUSING(X, training=True),
    "error: torch": lambda: UNFIT(X[:1]),
}
ROUNDS: dict[str, Callable[[], Any]] = {
    "predict": lambda: TRAINED.predict(X, verbose=0),
    "predict numpy": lambda: TRAINED.predict(X.numpy(), batch_size=2, verbose=0),
    "predict_on_batch": lambda: TRAINED.predict_on_batch(X),
    "fit": lambda: TRAINED.fit(X, Y, verbose=0),
    "fit numpy": lambda: TRAINED.fit(X.numpy(), Y.numpy(), batch_size=2, epochs=2, validation_data=(X, Y), verbose=0),
    "evaluate": lambda: TRAINED.evaluate(X, Y, verbose=0),
    "train_on_batch": lambda: TRAINED.train_on_batch(X, Y),
}


def cyclic(work: Callable[[], Any], calls: int = 20) -> float:
    """How many objects each call leaves that only a collection frees, or that stay."""
    for _ in range(3):
        work()
    with calm():
        before = len(gc.get_objects())
        for _ in range(calls):
            work()
        stay = len(gc.get_objects()) - before
        return max(gc.collect(), stay) / calls


@pytest.mark.parametrize("name", CALLS)
def test_a_call_leaves_nothing_to_collect(name: str) -> None:
    work = caught(CALLS[name]) if name.startswith("error") else CALLS[name]
    assert cyclic(work) == 0


@pytest.mark.parametrize("name", ROUNDS)
def test_a_round_leaves_next_to_nothing(name: str) -> None:
    assert cyclic(ROUNDS[name]) <= 20


@pytest.mark.parametrize("work", [CALLS["call"], CALLS["numpy"], caught(CALLS["error: shape"]), caught(CALLS["error: inside"])])
def test_a_thousand_calls_take_no_memory(work: Callable[[], Any]) -> None:
    """The slope over the last two thirds, in KiB a call, with the collector off."""
    with calm():
        sizes = []
        for _ in range(10):
            for _ in range(100):
                work()
            sizes.append(resident())
    slope = np.polyfit(range(7), sizes[3:], 1)[0] / 100
    assert slope < 0.1
