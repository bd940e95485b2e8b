"""The session: where messages go, `get_uid`, `clear_session`."""

from __future__ import annotations

import gc
import logging
import weakref

import numpy as np
import pytest

import layergraph as keras
from layergraph import Input, Model, callbacks, config, layers, session, utils


@pytest.fixture(autouse=True)
def defaults_afterwards():
    yield
    session.clear_session(free_memory=False)


def trained(**words):
    x = Input((3,))
    model = Model(x, layers.Dense(1)(x))
    model.compile("sgd", loss="mse")
    model.fit(np.ones((8, 3)), np.ones((8, 1)), **words)
    return model


def test_messages_are_printed(capsys, caplog):
    with caplog.at_level(logging.INFO, "layergraph"):
        trained(epochs=2, verbose=2)
    assert [line.split(" - ")[0] for line in capsys.readouterr().out.splitlines()] == ["Epoch 1/2", "1/1", "Epoch 2/2", "1/1"]
    assert caplog.messages == []


def test_messages_are_logged(capsys, caplog):
    utils.disable_interactive_logging()
    assert not config.is_interactive_logging_enabled()
    with caplog.at_level(logging.INFO, "layergraph"):
        model = trained(epochs=2, verbose="auto", callbacks=[callbacks.LearningRateScheduler(lambda epoch: 0.1, verbose=1)])
        model.summary()
    assert capsys.readouterr().out == ""
    assert [line.split(" - ")[0] for line in caplog.messages[:3]] == [
        "Epoch 1: LearningRateScheduler setting learning rate to 0.1.",
        "Epoch 1/2",
        "1/1",
    ]
    assert 'Model: "functional"' in caplog.messages[-1]
    utils.enable_interactive_logging()
    assert utils.is_interactive_logging_enabled()


def test_clear_session_forgets_what_a_session_has():
    config.disable_interactive_logging()
    config.set_dtype_policy("float64")
    keras.backend.get_uid("dense")
    keras.backend.clear_session()
    assert config.is_interactive_logging_enabled()
    assert config.dtype_policy().name == "float32"
    assert keras.backend.get_uid("dense") == 1


def test_clear_session_leaves_models_and_settings():
    config.set_epsilon(1e-3)
    model = trained(verbose=0)
    before = model.get_weights()
    keras.utils.clear_session()
    assert config.epsilon() == 1e-3
    config.set_epsilon(1e-7)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True))
    assert [layer.name for layer in trained(verbose=0).layers] == [layer.name for layer in model.layers]


@pytest.mark.parametrize("free", [True, False])
def test_clear_session_collects_garbage_if_it_may(free):
    class Ring:
        pass

    ring = Ring()
    ring.itself = ring
    seen = weakref.ref(ring)
    gc.disable()
    try:
        del ring
        session.clear_session(free_memory=free)
        assert (seen() is None) == free
    finally:
        gc.enable()


def test_traceback_filtering_is_no_switch():
    config.enable_traceback_filtering()
    assert not config.is_traceback_filtering_enabled()
    config.disable_traceback_filtering()
    assert not config.is_traceback_filtering_enabled()


def test_the_backend_is_torch():
    config.set_backend("torch")
    with pytest.raises(ValueError, match=r"set_backend: layergraph runs on torch alone, got 'jax'(.|\n)*fix: set_backend\('torch'\)"):
        config.set_backend("jax")
