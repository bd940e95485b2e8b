"""Many threads build and call at once, and nothing of torch's is changed by it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, fx, nn

from layergraph import Input, Model, layers, wrap
from layergraph.graph.structure import leaves

from .dags import grow

THREADS, MODELS = 8, 1000


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """`work(number)` in eight threads that start together; what they return, in order."""
    results: list[Any] = [None] * THREADS
    start = threading.Barrier(THREADS)

    def run(number: int) -> None:
        start.wait()
        try:
            results[number] = work(number)
        except BaseException as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def make(width: int) -> Model:
    """A model whose every size is its own: what comes from another model's graph does not fit."""
    image = Input((4, 4, width))
    x = layers.Conv2D(width + 1, 3, padding="same", activation="relu")(image)
    x = x + torch.full((width + 1,), float(width))
    pooled = layers.GlobalAveragePooling2D()(x)
    shared = layers.Dense(width + 1)
    y = torch.tanh(shared(shared(pooled)))
    vector = Input((width,))
    inner = Model(vector, layers.Dense(width + 1)(vector))
    z = layers.Concatenate()([y, inner(image.mean((1, 2))), pooled])
    return Model(image, {"a": layers.Dense(width)(z), "b": z[:, ::2]})


def structure(model: Model) -> Any:
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    return model.code, shapes, [layer.name for layer in model.layers], [node.name for node in model.graph.nodes]


def test_threads_build_what_one_thread_builds() -> None:
    widths = [1 + (i * 7) % 12 for i in range(MODELS // THREADS)]
    alone = {width: structure(make(width)) for width in set(widths)}

    def work(number: int) -> None:
        for turn, width in enumerate(np.random.default_rng(number).permutation(widths).tolist()):
            model = make(width)
            code, shapes, names, nodes = structure(model)
            assert (code, shapes, names, nodes) == alone[width]
            assert len(set(names)) == len(names)
            assert len(set(nodes)) == len(nodes)
            assert {node.graph for node in model.graph.nodes} == {model.graph}
            if turn % 5 == 0:
                assert leaves(model(torch.ones(2, 4, 4, width)))[0].shape == (2, width)

    at_once(work)


def test_threads_build_on_symbols_of_each_other() -> None:
    """One trunk, and layers that all share."""
    first = Input((6,))
    trunk = layers.Dense(6, name="trunk")(first)
    shared = layers.Dense(3, name="shared")
    shared(trunk)

    def work(number: int) -> list[Any]:
        return [structure(Model(first, shared(trunk) + layers.Dense(3)(trunk))) for _ in range(25)]

    found = at_once(work)
    assert all(each == found[0][0] for models in found for each in models)
    assert len(shared.calls) >= 1


def test_one_model_called_by_all_gives_the_same_bits() -> None:
    model = make(4).eval()
    xs = [torch.randn(3, 4, 4, 4) for _ in range(THREADS)]
    with torch.no_grad():
        wanted = [leaves(model(x)) for x in xs]

    def work(number: int) -> bool:
        ways: list[Callable[[Tensor], Any]] = [model, lambda x: model([x]), lambda x: model(x.numpy())]
        with torch.no_grad():
            for turn in range(150):
                got = leaves(ways[turn % 3](xs[number]))
                if not all(map(torch.equal, got, wanted[number])):
                    return False
        return True

    assert at_once(work) == [True] * THREADS


def test_errors_in_threads_are_their_own() -> None:
    model = make(3).eval()

    def work(number: int) -> set[str]:
        said = set()
        for _ in range(50):
            with pytest.raises(ValueError, match="wants shape") as caught:
                model(torch.ones(2, 4, 4, 5 + number))
            said.add(str(caught.value).split("got ")[1].split("\n")[0])
        return said

    assert at_once(work) == [{f"(2, 4, 4, {5 + number})"} for number in range(THREADS)]


# ---- nothing of torch's is changed ----------------------------------------------------------------------------------------------


def watched() -> dict[str, Any]:
    """All that building could change of torch, by identity."""
    things: dict[str, Any] = {"Module": nn.Module, "Tensor": torch.Tensor, "torch": torch, "F": nn.functional, "Linear": nn.Linear}
    things |= {"fx": fx, "Graph": fx.Graph, "GraphModule": fx.GraphModule, "Tracer": fx.Tracer, "Node": fx.Node, "Proxy": fx.Proxy}
    things |= {"TensorBase": torch._C.TensorBase, "overrides": torch.overrides, "nn": nn, "init": nn.init}
    return {f"{name}.{key}": value for name, thing in things.items() for key, value in list(vars(thing).items())}


def modes() -> dict[str, Any]:
    return {
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "threads": torch.get_num_threads(),
        "anomaly": torch.is_anomaly_enabled(),
        "function modes": torch._C._len_torch_function_stack(),
        "dispatch modes": torch._C._len_torch_dispatch_stack(),
        "module hooks": [
            len(getattr(nn.modules.module, name))
            for name in sorted(vars(nn.modules.module))
            if name.startswith("_global_") and hasattr(getattr(nn.modules.module, name), "__len__")
        ],
        "numpy": np.random.get_state()[1].tolist(),
        "random": random.getstate(),
    }


def everything() -> None:
    """Builds, calls, fails, copies, cuts."""
    for seed in range(3):
        dag = grow(random.Random(seed), 15)
        model = dag.model()
        with pytest.raises(ValueError, match=r"\S"):
            layers.Add()([Input((3,)), Input((4,))])
        with pytest.raises(Exception, match=r"\S"):
            torch.matmul(Input((3,)), Input((4,)))
        model(*dag.data(batch=3))
        Model(model.inputs, model.outputs[:1]).summary(print_fn=lambda text: None)


@pytest.mark.parametrize("grad", [True, False])
def test_torch_is_as_it_was(grad: bool) -> None:
    make(2)  # what is imported on first use is imported now
    everything()
    with torch.set_grad_enabled(grad):
        before, state = watched(), modes()
        everything()
        after = watched()
        assert {key for key in {*before, *after} if before.get(key) is not after.get(key)} == set()
        assert modes() == state


def test_torch_s_generator_moves_by_the_weights_only() -> None:
    """Recording, probing, lowering and cutting draw no number; making a layer's weights draws those, once."""
    x = Input((6,))
    y = layers.Dense(4)(x)
    image = Input((5, 5, 2))
    state = torch.get_rng_state()
    z = torch.softmax(torch.tanh(y) @ torch.ones(4, 4), -1) + y.mean(1, keepdim=True)
    z = layers.Dropout(0.5)(layers.BatchNormalization()(z))
    picture = layers.MaxPooling2D(2)(image).flatten(1)
    model = Model([x, image], [z, picture])
    Model(model.inputs[0], model.layers[1].output)
    model.summary(print_fn=lambda text: None)
    repr(model)
    assert torch.equal(torch.get_rng_state(), state)
    model.eval()(torch.ones(2, 6), torch.ones(2, 5, 5, 2))
    assert torch.equal(torch.get_rng_state(), state)


class Draws(nn.Module):
    """Draws numbers wherever it runs, and takes its time."""

    def forward(self, x: Tensor) -> Tensor:
        noise = torch.rand(()).item() + random.random() + float(np.random.rand())
        time.sleep(0.002)
        return x * noise


def test_threads_do_not_put_back_each_other_s_draws() -> None:
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()

    def work(number: int) -> Any:
        time.sleep(number * 0.001)
        return Model(x := Input((3,)), wrap(Draws())(x))

    at_once(work)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.random.get_state()[1].tolist() == before[2]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_default_dtype_of_the_user_s_is_left_alone(dtype: torch.dtype) -> None:
    torch.set_default_dtype(dtype)
    try:
        model = make(2).eval()
        assert torch.get_default_dtype() is dtype
        assert {p.dtype for p in model.parameters()} == {torch.float32}  # as the symbols said: floatx rules
        assert model(torch.ones(1, 4, 4, 2, dtype=torch.float32))["a"].dtype is torch.float32
    finally:
        torch.set_default_dtype(torch.float32)
