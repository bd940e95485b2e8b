"""Convolutions, pools and what else has a layout: the promises that need no golden."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.utils import counters

from layergraph import Input, Model, config, constraints, layers, regularizers
from layergraph.errors import ArgumentError, NotBuiltError, ShapeError

SIZES = (6, 7, 5)
TABLE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal"}),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "padding": "same", "groups": 2, "dilation_rate": 2}),
    ("Conv3D", {"filters": 4, "kernel_size": 2}),
    *((f"DepthwiseConv{r}D", {"kernel_size": 3, "strides": 2, "padding": "same", "depth_multiplier": 2}) for r in (1, 2)),
    *((f"SeparableConv{r}D", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}) for r in (1, 2)),
    *((f"Conv{r}DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}) for r in (1, 2, 3)),
    *((f"MaxPooling{r}D", {"pool_size": 2, "padding": padding}) for r in (1, 2, 3) for padding in ("valid", "same")),
    *((f"AveragePooling{r}D", {"pool_size": 2, "padding": padding}) for r in (1, 2, 3) for padding in ("valid", "same")),
    *((f"Adaptive{kind}Pooling{r}D", {"output_size": 2}) for kind in ("Max", "Average") for r in (1, 2, 3)),
    *((f"Global{kind}Pooling{r}D", {"keepdims": True}) for kind in ("Max", "Average") for r in (1, 2, 3)),
    *((f"ZeroPadding{r}D", {"padding": 1}) for r in (1, 2, 3)),
    *((f"Cropping{r}D", {"cropping": 1}) for r in (1, 2, 3)),
    *((f"UpSampling{r}D", {"size": 2}) for r in (1, 2, 3)),
    *(("UpSampling2D", {"interpolation": interpolation}) for interpolation in ("bilinear", "bicubic")),
)
every_layer = pytest.mark.parametrize(("name", "kwargs"), TABLE, ids=lambda value: value if isinstance(value, str) else "")
# Keras gives these no data_format.
NO_LAYOUT = {"Cropping1D", "UpSampling1D"}


def _rank(name: str) -> int:
    return next(int(letter) for letter in name if letter.isdigit())


def _values(name: str, sizes: tuple[int, ...] = SIZES, first: bool = False) -> Tensor:
    inner = sizes[: _rank(name)]
    return torch.randn((2, 4, *inner) if first else (2, *inner, 4), generator=torch.Generator().manual_seed(0))


def _of_unknown_sizes(name: str, layer: Any, dtype: str = "float32") -> Model:
    x = Input((*(None,) * _rank(name), 4), dtype=dtype)
    return Model(x, layer(x))


# ---------------------------------------------------------------------------------------------------------------- dtypes


@every_layer
@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_works_in_its_dtype(name: str, kwargs: dict[str, Any], dtype: str) -> None:
    layer = getattr(layers, name)(dtype=dtype, **kwargs)
    given = _values(name).to(getattr(torch, dtype))
    if (name, dtype) == ("AveragePooling3D", "bfloat16"):  # the one that torch has not on the CPU
        with pytest.raises(NotImplementedError, match="avg_pool3d_out_frame"):
            nn.AvgPool3d(2)(given)
        return
    model = _of_unknown_sizes(name, layer, dtype)
    wanted = getattr(layers, name)(**kwargs)
    wanted(given.float())
    wanted.set_weights([weight.astype("float32") for weight in layer.get_weights()])
    for y in (layer(given), model(given)):
        assert y.dtype is getattr(torch, dtype)
        rtol, atol = (2e-2, 5e-2) if dtype == "bfloat16" else (1e-5, 1e-6)
        torch.testing.assert_close(y.float(), wanted(given.float()), rtol=rtol, atol=atol)


@every_layer
def test_works_under_autocast(name: str, kwargs: dict[str, Any]) -> None:
    layer = getattr(layers, name)(**kwargs)
    model, given = _of_unknown_sizes(name, layer), _values(name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = model(given)
        half = layer(given.bfloat16())
    assert found.dtype is (torch.bfloat16 if "Conv" in name else torch.float32)
    for y in (found, half):
        torch.testing.assert_close(y.float(), model(given), rtol=2e-2, atol=5e-2)


def test_integers_are_cast_at_every_call() -> None:
    given = torch.arange(2 * 4 * 4).reshape(2, 4, 4, 1)
    for layer in (layers.GlobalAveragePooling2D(), layers.AveragePooling2D(2), layers.AdaptiveMaxPooling2D(2)):
        for dtype in (torch.int64, torch.int32, torch.uint8):
            torch.testing.assert_close(layer(given.to(dtype)), layer(given.float()))
            assert layer(given.to(dtype)).dtype is torch.float32


def test_integers_keep_their_kind_where_they_can() -> None:
    given = torch.arange(2 * 3 * 3).reshape(2, 3, 3, 1) - 9
    for dtype in (torch.int64, torch.int32, torch.int16):
        for layer in (layers.MaxPooling2D(2, padding="same"), layers.UpSampling2D(2), layers.UpSampling2D(2, interpolation="bilinear")):
            found = layer(given.to(dtype))
            assert found.dtype is dtype
            assert torch.equal(found.float(), layer(given.float()).round())
            x = Input((3, 3, 1), dtype=str(dtype).removeprefix("torch."))
            assert torch.equal(Model(x, layer(x))(given.to(dtype)), found)


# ------------------------------------------------------------------------------------------------------------ both layouts


@pytest.fixture
def channels_first():
    config.set_image_data_format("channels_first")
    yield
    config.set_image_data_format("channels_last")


@every_layer
def test_both_layouts_give_the_same(name: str, kwargs: dict[str, Any]) -> None:
    if name in NO_LAYOUT:
        assert "data_format" not in getattr(layers, name)(**kwargs).get_config()
        return
    last, first = (getattr(layers, name)(data_format=layout, **kwargs) for layout in ("channels_last", "channels_first"))
    given = _values(name)
    wanted = last(given)
    first(given.movedim(-1, 1))
    first.set_weights(last.get_weights())
    torch.testing.assert_close(first(given.movedim(-1, 1)).movedim(1, -1), wanted)


@every_layer
def test_a_layer_fixes_its_layout_when_it_is_made(name: str, kwargs: dict[str, Any], channels_first: None) -> None:
    layer = getattr(layers, name)(**kwargs)
    config.set_image_data_format("channels_last")
    if name in NO_LAYOUT:
        assert layer(_values(name)).shape[-1] == 4
        return
    assert layer.data_format == layer.get_config()["data_format"] == "channels_first"
    again = type(layer).from_config(layer.get_config())
    for each in (layer, again):
        each.build((None, 4, *SIZES[: _rank(name)]))
        declared = each.compute_output_shape((2, 4, *SIZES[: _rank(name)]))
        assert each(_values(name, first=True)).shape == declared
        assert declared[1] == (8 if name.startswith("Depthwise") else 4)


def _stack(**first: str) -> Any:
    """An encoder and a decoder; with `first`, their middle in the other layout."""
    x = Input((8, 8, 3))
    y = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    y = layers.Permute((3, 1, 2))(y) if first else y
    y = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, **first)(y)
    y = layers.BatchNormalization(axis=1 if first else -1)(y)
    y = layers.MaxPooling2D(2, **first)(y)
    y = layers.SeparableConv2D(6, 3, padding="same", **first)(y)
    y = layers.Conv2DTranspose(5, 3, strides=2, padding="same", activation="relu", **first)(y)
    y = layers.Permute((2, 3, 1))(y) if first else y
    y = layers.UpSampling2D(2)(y)
    return Model(x, layers.AdaptiveAveragePooling2D(3)(y))


def test_a_model_of_both_layouts_is_that_of_one() -> None:
    one, both = _stack().eval(), _stack(data_format="channels_first").eval()
    weights = [np.random.default_rng(i).uniform(0.1, 1, w.shape).astype("float32") for i, w in enumerate(one.get_weights())]
    one.set_weights(weights), both.set_weights(weights)
    given = torch.randn(2, 8, 8, 3)
    torch.testing.assert_close(both(given), one(given))
    # a Permute of the user's meets that of the layout, and both vanish: the channels move once, and back
    for model in (one, both):
        assert [node.args[1:] for node in model.graph.nodes if node.target == "permute"] == [(0, 3, 1, 2), (0, 2, 3, 1)]


def test_a_model_under_the_other_setting(channels_first: None) -> None:
    x = Input((3, 8, 8))
    model = Model(x, layers.Flatten()(layers.MaxPooling2D()(layers.Conv2D(4, 3, padding="same")(x)))).eval()
    assert model.output_shape == (None, 4 * 4 * 4)
    config.set_image_data_format("channels_last")
    again = Model(x, layers.Dense(2)(model.output)).eval()
    assert model.layers[1].output.shape == (None, 4, 8, 8)
    assert again(torch.randn(2, 3, 8, 8)).shape == (2, 2)
    x = Input((8, 8, 3))
    twin = Model(x, layers.Flatten()(layers.MaxPooling2D()(layers.Conv2D(4, 3, padding="same")(x)))).eval()
    twin.set_weights(model.get_weights())
    given = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(twin(given.movedim(1, -1)), model(given))  # Flatten moves the channels last


# ---------------------------------------------------------------------------------------------------------- unknown sizes


@every_layer
def test_compiles_once_for_all_sizes(name: str, kwargs: dict[str, Any]) -> None:
    torch._dynamo.reset()
    counters.clear()
    model = _of_unknown_sizes(name, getattr(layers, name)(**kwargs))
    model(_values(name))  # a first call settles more than sizes
    compiled = torch.compile(model, fullgraph=True, dynamic=True, backend="aot_eager")
    for sizes in (SIZES, (9, 8, 6), (11, 6, 9)):
        given = [_values(name, sizes).requires_grad_() for _ in range(2)]
        outputs = [function(x) for function, x in zip((compiled, model), given, strict=True)]
        torch.testing.assert_close(*outputs)
        torch.testing.assert_close(*(torch.autograd.grad(y.square().sum(), x) for y, x in zip(outputs, given, strict=True)))
    assert counters["stats"]["unique_graphs"] == 1


# ------------------------------------------------------------------------------------------------------ stock, and no more


def _targets(layer: Any, *sizes: int | None) -> list[str]:
    """What the lowered graph of one layer does, but for the layout."""
    x = Input((*sizes, 3))
    nodes = Model(x, layer(x)).graph.nodes
    return [str(getattr(node.target, "__name__", node.target)) for node in nodes if node.op.startswith("call") and node.target != "permute"]


@pytest.mark.parametrize(
    ("kwargs", "padding", "more"),
    [
        ({"kernel_size": 2, "strides": 2}, (0, 0), (0, 0)),
        ({"kernel_size": 4, "strides": 2, "padding": "same"}, (1, 1), (0, 0)),
        ({"kernel_size": 1, "strides": 3}, (0, 0), (2, 2)),
        ({"kernel_size": 3, "strides": 2, "output_padding": (0, 1)}, (0, 0), (0, 1)),
        ({"kernel_size": 3, "strides": 1, "padding": "same", "dilation_rate": 2}, (2, 2), (0, 0)),
        ({"kernel_size": 5, "strides": 2, "padding": "same", "output_padding": 0}, (2, 2), (0, 0)),
    ],
)
def test_a_transposed_convolution_is_torch_s_own_where_it_can_be(kwargs: Any, padding: Any, more: Any) -> None:
    layer = layers.Conv2DTranspose(4, **kwargs)
    assert _targets(layer, None, None) == ["conv2d_transpose"]
    assert type(layer.conv) is nn.ConvTranspose2d
    assert (layer.conv.padding, layer.conv.output_padding) == (padding, more)


def test_a_transposed_convolution_drops_one_element_where_torch_has_no_word_for_it() -> None:
    layer = layers.Conv2DTranspose(4, 3, strides=2, padding="same")
    assert _targets(layer, None, None) == ["conv2d_transpose", "getitem"]
    given = torch.randn(1, 3, 3, 3)
    torch.testing.assert_close(layer(given), layer.conv(given.movedim(-1, 1))[:, :, :-1, :-1].movedim(1, -1))


def test_the_modules_and_weights_of_a_separable_convolution() -> None:
    layer = layers.SeparableConv2D(5, 3, depth_multiplier=2, activation="relu")
    with pytest.raises(NotBuiltError, match="has no `pointwise_kernel` yet"):
        _ = layer.pointwise_kernel
    assert _targets(layer, 8, 8) == ["separable_conv2d.depthwise", "separable_conv2d.pointwise", "relu"]
    assert (layer.depthwise.groups, layer.depthwise.bias, layer.pointwise.kernel_size) == (3, None, (1, 1))
    assert [w.shape for w in layer.get_weights()] == [(3, 3, 3, 2), (1, 1, 6, 5), (5,)]
    assert layer.depthwise_kernel is layer.depthwise.weight
    assert layer.pointwise_kernel is layer.pointwise.weight
    assert layer.bias is layer.pointwise.bias


def test_regularizers_and_constraints_see_depthwise_kernels_in_keras_layout() -> None:
    bound = constraints.MaxNorm(0.1, axis=[0, 1])
    layer = layers.DepthwiseConv2D(3, depth_multiplier=2, depthwise_regularizer=regularizers.L2(0.5), depthwise_constraint=bound)
    layer.build((None, 8, 8, 3))
    before = layer.get_weights()[0]
    assert before.shape == (3, 3, 3, 2)
    assert layer.losses[0].item() == pytest.approx(0.5 * float(np.square(before).sum()), rel=1e-5)
    layer.apply_constraints()
    after = layer.get_weights()[0]
    np.testing.assert_allclose(np.sqrt(np.square(after).sum((0, 1))), 0.1, rtol=1e-4)
    np.testing.assert_allclose(after / before, np.broadcast_to((after / before)[:1, :1], before.shape), rtol=1e-5)


# ----------------------------------------------------------------------------------------------------------------- pools


def test_a_masked_mean_ignores_what_is_masked_nan_or_not() -> None:
    given = torch.tensor([[[1.0], [3.0], [torch.nan]], [[5.0], [torch.nan], [torch.nan]], [[1.0], [2.0], [3.0]]])
    mask = torch.tensor([[True, True, False], [True, False, False], [False, False, False]])
    found = layers.GlobalAveragePooling1D()(given, mask=mask)
    assert torch.equal(found[:2], torch.tensor([[2.0], [5.0]]))
    assert found[2].isnan().all()  # nothing to take the mean of: 0 / 0, as in Keras


def test_a_mask_reaches_the_mean_and_ends_there() -> None:
    x = Input((3, 2))
    y = layers.GlobalAveragePooling1D()(layers.Masking()(x))
    given = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]]])
    assert torch.equal(Model(x, y)(given), torch.tensor([[2.0, 3.0]]))
    layer = layers.GlobalAveragePooling1D()
    assert layer.supports_masking
    assert layer.compute_mask(given, torch.ones(1, 3, dtype=torch.bool)) is None


def test_a_masked_mean_in_half_counts_beyond_what_half_can() -> None:
    given, mask = torch.ones(1, 1001, 1, dtype=torch.bfloat16), torch.ones(1, 1001, dtype=torch.bool)
    assert layers.GlobalAveragePooling1D(dtype="bfloat16")(given, mask=mask).item() == 1.0


# ------------------------------------------------------------------------------------------------------------ upsampling


@pytest.mark.parametrize("size", [2, 3, 25, 40, 41, 47, 55, 61, 82, 123])
def test_nearest_repeats_each_element_whatever_the_size(size: int) -> None:
    given = torch.arange(300.0).reshape(1, 300, 1)
    wanted = given.repeat_interleave(size, 1)
    assert torch.equal(layers.UpSampling1D(size)(given), wanted)
    assert torch.equal(layers.UpSampling2D((size, 1))(given.unsqueeze(2)), wanted.unsqueeze(2))


# ---------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("use", "kind", "said"),
    [
        (
            lambda: layers.Conv2DTranspose(4, 3, strides=(2, 3), output_padding=2, name="c"),
            ArgumentError,
            "Conv2DTranspose 'c' has output_padding (2, 2), which must be below strides (2, 3) along every axis",
        ),
        (
            lambda: layers.Conv2DTranspose(4, 3, strides=2, dilation_rate=2, name="c"),
            ArgumentError,
            "Conv2DTranspose 'c' cannot have strides (2, 2) and dilation_rate (2, 2) both above 1",
        ),
        (
            lambda: layers.DepthwiseConv1D(3, padding="causal", name="c"),
            ArgumentError,
            "DepthwiseConv1D 'c': `padding` must be one of 'valid', 'same', got 'causal'",
        ),
        (
            lambda: layers.UpSampling2D(interpolation="lanczos3", name="u"),
            ArgumentError,
            "UpSampling2D 'u': `interpolation` cannot be 'lanczos3': torch does not interpolate by Lanczos windows\n"
            "  fix: use 'bicubic', the nearest to it",
        ),
        (
            lambda: layers.UpSampling2D(interpolation="bilinaer", name="u"),
            ArgumentError,
            "UpSampling2D 'u': `interpolation` must be one of 'nearest', 'bilinear', 'bicubic', got 'bilinaer'\n"
            "  fix: did you mean 'bilinear'?",
        ),
        (
            lambda: layers.Conv1DTranspose(4, 2, padding="same", output_padding=0, name="c")(torch.zeros(2, 1, 3)),
            ShapeError,
            "Conv1DTranspose 'c': leaves nothing of the input's (1,): the output would have sizes (0,), from shape (2, 1, 3)\n"
            "  got a tensor of shape (2, 1, 3)\n"
            "  fix: use a larger input",
        ),
        (
            lambda: layers.SeparableConv2D(4, 3, name="s")(torch.zeros(2, 8, 8)),
            ShapeError,
            "SeparableConv2D 's': expects 4 axes, (batch, height, width, channels), got shape (2, 8, 8)\n  got a tensor of shape (2, 8, 8)",
        ),
    ],
)
def test_what_is_said(use: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind) as caught:
        use()
    assert "\n".join(line for line in str(caught.value).splitlines() if not line.startswith("  at ")) == said


def test_a_depthwise_convolution_takes_strides_and_dilation_at_once() -> None:
    given = torch.randn(1, 9, 9, 2)
    for layer in (layers.DepthwiseConv2D(3, strides=2, dilation_rate=2), layers.SeparableConv2D(2, 3, strides=2, dilation_rate=2)):
        assert layer(given).shape == layer.compute_output_shape(given.shape) == (1, 3, 3, 2)
