"""Settings and dtype names."""

from __future__ import annotations

import contextvars
import threading
from typing import Any

import numpy as np
import pytest
import torch

from layergraph import config
from layergraph.errors import ArgumentError


@pytest.fixture(autouse=True)
def defaults_afterwards():
    yield
    config.set_floatx("float32")
    config.set_epsilon(1e-7)
    config.set_image_data_format("channels_last")


def test_defaults():
    assert (config.floatx(), config.epsilon(), config.image_data_format(), config.backend()) == ("float32", 1e-7, "channels_last", "torch")


def test_settings_are_set():
    config.set_floatx("bfloat16")
    config.set_epsilon(1e-3)
    config.set_image_data_format("Channels_First")
    assert (config.floatx(), config.epsilon(), config.image_data_format()) == ("bfloat16", 1e-3, "channels_first")
    assert config.standardize_dtype(None) == "bfloat16"
    assert config.torch_dtype() is torch.bfloat16
    assert torch.get_default_dtype() is torch.float32


def test_settings_stay_in_their_context():
    seen: list[str] = []
    config.set_floatx("float64")
    thread = threading.Thread(target=lambda: (config.set_floatx("float16"), seen.append(config.floatx())))
    thread.start()
    thread.join()
    contextvars.copy_context().run(config.set_floatx, "bfloat16")
    assert seen == ["float16"]
    assert config.floatx() == "float64"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        *[("float32", "float32"), ("bool", "bool"), ("int", "int32"), ("string", "string"), ("float8_e4m3fn", "float8_e4m3fn")],
        *[(torch.float16, "float16"), (torch.bfloat16, "bfloat16"), (torch.long, "int64"), (torch.complex64, "complex64")],
        *[(np.float32, "float32"), (np.dtype("f8"), "float64"), (np.int64, "int64"), (np.bool_, "bool")],
        *[(int, "int32"), (float, "float32"), (bool, "bool"), (str, "string"), (None, "float32")],
    ],
    ids=str,
)
def test_dtype_names(given: Any, name: str):
    assert config.standardize_dtype(given) == name
    if name != "string":
        assert config.torch_dtype(given) is getattr(torch, name)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: config.standardize_dtype("foo"), "Invalid dtype: 'foo'(.|\n)*use one of float16, bfloat16, float32"),
        (lambda: config.standardize_dtype("flaot32"), "Invalid dtype: 'flaot32'(.|\n)*did you mean 'float32'"),
        (lambda: config.standardize_dtype("double"), "Invalid dtype: 'double'(.|\n)*did you mean 'float64'"),
        (lambda: config.standardize_dtype([1]), r"Invalid dtype: \[1\]"),
        (lambda: config.standardize_dtype(3), "Invalid dtype: 3"),
        (lambda: config.standardize_dtype(torch.quint8), "Invalid dtype: torch.quint8"),
        (lambda: config.standardize_dtype(np.dtype("O")), "Invalid dtype: dtype"),
        (lambda: config.torch_dtype("string"), "Invalid dtype: 'string' has no torch.dtype"),
        (lambda: config.set_floatx("float23"), "set_floatx: wanted one of 'float16', .*, got 'float23'(.|\n)*did you mean 'float32'"),
        (lambda: config.set_floatx("int32"), "set_floatx: .* got 'int32'"),
        (lambda: config.set_epsilon(0), "set_epsilon: wanted a number above 0, got 0"),
        (lambda: config.set_epsilon("x"), "set_epsilon: wanted a number above 0, got 'x'"),
        (lambda: config.set_image_data_format("NHWC"), "set_image_data_format: wanted one of 'channels_last', .* got 'nhwc'"),
        (lambda: config.set_image_data_format(3), "got 3"),
    ],
)
def test_wrong_values(make: Any, message: str):
    with pytest.raises(ArgumentError, match=message) as caught:
        make()
    assert caught.value.place is not None
    assert caught.value.place[0] == __file__
    test_defaults()


def test_settings_are_constants_to_torch_compile():
    def scaled(x: torch.Tensor) -> torch.Tensor:
        first = config.image_data_format() == "channels_first"
        return x.to(config.torch_dtype(config.floatx())) * (x.clamp(min=config.epsilon()) if not first else 0)

    x = torch.tensor([-1.0, 0.0, 1.0])
    assert torch.equal(torch.compile(scaled, fullgraph=True, backend="eager")(x), scaled(x))


def test_epsilon_is_the_number_that_was_set():
    try:
        for value in (1e-3, 0.1 + 0.2, 3):
            config.set_epsilon(value)
            assert config.epsilon() == value
            assert type(config.epsilon()) is float
    finally:
        config.set_epsilon(1e-7)
