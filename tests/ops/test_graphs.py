"""Ops in graphs whose sizes are known only at run time, with constants among their arguments: the same as on tensors."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

from layergraph import Input, Model, config, ops
from layergraph.errors import ArgumentError, SymbolicError
from layergraph.graph.structure import leaves

from .ours import OURS
from .rows import f, g, n, unit, v

KERNEL, ROUND = g(3, 2, 4, 3).values, unit(3, 3, 3, 4).values
IMAGE, VIDEO = f(2, 9, 8, 4), f(2, 5, 6, 4, 4)
TURN = np.array([0.8, 0.3, 1.0, -0.2, 1.1, -2.0, 0.0, 0.0], "float32")
Q = f(2, 5, 4, 3)
PICTURE = unit(2, 9, 8, 3)
POINTS = np.array([[0.0, 0.0], [0.0, 4.0], [5.0, 0.0], [5.0, 4.0]], "float32")

# (what is called on each input, the inputs, which axes are unknown)
CASES: list[tuple[str, Any, list[Any]]] = [
    ("conv", lambda x: ops.conv(x, KERNEL, padding="same"), [IMAGE]),
    ("conv strided", lambda x: ops.conv(x, KERNEL, strides=2, padding="same"), [IMAGE]),
    ("conv list", lambda x: ops.conv(x, torch.from_numpy(KERNEL), 2), [IMAGE]),
    ("depthwise_conv", lambda x: ops.depthwise_conv(x, g(3, 3, 4, 2).values, 2, "same"), [IMAGE]),
    ("separable_conv", lambda x: ops.separable_conv(x, g(3, 3, 4, 2).values, unit(1, 1, 8, 3).values), [IMAGE]),
    ("conv_transpose", lambda x: ops.conv_transpose(x, ROUND, 2, "same"), [IMAGE]),
    ("conv_transpose more", lambda x: ops.conv_transpose(x, ROUND, 4, "valid"), [IMAGE]),
    ("max_pool", lambda x: ops.max_pool(x, 3, 2, "same"), [VIDEO]),
    ("average_pool", lambda x: ops.average_pool(x, 3, 2, "same"), [IMAGE]),
    ("adaptive_max_pool", lambda x: ops.adaptive_max_pool(x, (2, 3)), [IMAGE]),
    ("batch_normalization", lambda x: ops.batch_normalization(x, [0.0] * 4, [1.0] * 4, -1, scale=[2.0] * 4), [IMAGE]),
    ("layer_normalization", lambda x: ops.layer_normalization(x, [1.0, 2.0, 3.0, 4.0]), [IMAGE]),
    ("layer_normalization inner", lambda x: ops.layer_normalization(x, axis=[1, 2]), [IMAGE]),
    ("rms_normalization", lambda x: ops.rms_normalization(x, axis=(1, 2)), [IMAGE]),
    ("moments", lambda x: ops.moments(x, [1, 2]), [IMAGE]),
    ("softmax", lambda x: ops.softmax(x, (1, 2)), [IMAGE]),
    ("space_to_depth", lambda x: ops.space_to_depth(x[:, :8], 2), [IMAGE]),
    ("depth_to_space", lambda x: ops.depth_to_space(x, 2), [IMAGE]),
    ("unfold", lambda x: ops.unfold(x, 2), [f(2, 4, 5, 6)]),
    ("attention", lambda q, k: ops.dot_product_attention(q, k, k, is_causal=True), [Q, g(2, 6, 4, 3)]),
    (
        "attention mask",
        lambda q, m: ops.dot_product_attention(q, q, q, mask=m[:, None, None] > 0, is_causal=True),
        [f(2, 5, 4, 3), f(2, 5)],
    ),
    ("psnr", lambda x, y: ops.psnr(x, y, 1.0), [f(2, 5), g(2, 5)]),
    (
        "ctc_loss",
        lambda y, x, a, b: ops.ctc_loss(y, x, a, b),
        [v([[1, 2], [2, 1]], "int32"), f(2, 6, 4), v([2, 1], "int32"), v([6, 5], "int32")],
    ),
    ("ctc_decode", lambda x, a: ops.ctc_decode(x, a), [f(2, 6, 4), v([6, 5], "int32")]),
    ("ctc_decode beams", lambda x, a: ops.ctc_decode(x, a, "beam_search", 5, 2), [f(2, 6, 4), v([6, 5], "int32")]),
    ("segment_sum", lambda x, s: ops.segment_sum(x, s, 3), [f(6, 2), n(6, below=3)]),
    ("top_k", lambda x: ops.top_k(x, 2), [f(3, 5)]),
    ("in_top_k", lambda t, x: ops.in_top_k(t, x, 2), [n(3, below=4), f(3, 4)]),
    ("logsumexp", lambda x: ops.logsumexp(x), [IMAGE]),
    ("cdist", lambda x, y: ops.cdist(x, y), [f(2, 5, 3), g(2, 6, 3)]),
    ("extract_sequences", lambda x: ops.extract_sequences(x, 4, 2), [f(2, 9)]),
    ("fft", lambda x, y: ops.fft((x, y)), [f(2, 9), g(2, 9)]),
    ("stft", lambda x: ops.stft(x, 8, 4, 16), [f(2, 40)]),
    ("istft", lambda x, y: ops.istft((x, y), 16, 4, 16), [f(2, 11, 9), g(2, 11, 9)]),
    ("lstsq", lambda x, y: ops.lstsq(x, y), [f(2, 5, 3), g(2, 5, 2)]),
    ("scatter", lambda x: ops.scatter([[0], [2], [2]], x, (4, 5)), [f(3, 5)]),
    ("scatter_update", lambda x: ops.scatter_update(x, [[0, 1], [1, 2]], [9.0, 8.0], "max"), [f(3, 5)]),
    ("slice", lambda x: ops.slice(x, [0, 1], [2, 3]), [f(3, 5)]),
    ("slice_update", lambda x, y: ops.slice_update(x, [0, 1], y), [f(3, 5), g(2, 2)]),
    ("saturate_cast", lambda x: ops.saturate_cast(x, "uint8"), [f(3, 5)]),
    ("unstack", lambda x: ops.unstack(x, 3), [f(3, 5)]),
    ("rearrange", lambda x: ops.rearrange(x, "b h w (c d) -> b (h w) (d c)", c=2), [IMAGE]),
    ("one_hot", lambda x: ops.one_hot(x, 4, axis=1), [n(3, 2, below=4)]),
    ("rgb_to_hsv", ops.image.rgb_to_hsv, [PICTURE]),
    ("rgb_to_grayscale", ops.image.rgb_to_grayscale, [PICTURE]),
    ("resize", lambda x: ops.image.resize(x, (5, 4), antialias=True), [PICTURE]),
    ("resize crop", lambda x: ops.image.resize(x, (5, 4), crop_to_aspect_ratio=True), [PICTURE]),
    ("resize pad", lambda x: ops.image.resize(x, (5, 4), pad_to_aspect_ratio=True, fill_value=0.5), [PICTURE]),
    ("extract_patches", lambda x: ops.image.extract_patches(x, 3, 2, padding="same"), [PICTURE]),
    ("pad_images", lambda x: ops.image.pad_images(x, 1, 2, 0, 1), [PICTURE]),
    ("crop_images", lambda x: ops.image.crop_images(x, 1, 2, 0, 1), [PICTURE]),
    ("map_coordinates", lambda x: ops.image.map_coordinates(x, [[0.5, 1.0], [2.0, 1.5]], 1, "reflect"), [f(4, 5)]),
    ("affine_transform", lambda x: ops.image.affine_transform(x, TURN, fill_mode="wrap"), [PICTURE]),
    ("perspective_transform", lambda x: ops.image.perspective_transform(x, POINTS, POINTS + 0.25), [PICTURE]),
    ("elastic_transform", lambda x: ops.image.elastic_transform(x, seed=3), [PICTURE]),
    ("scale_and_translate", lambda x: ops.image.scale_and_translate(x, (2, 4, 5, 3), [0.5, 2.0], [0.0, 1.0], (1, 2), "cubic"), [PICTURE]),
    ("gaussian_blur", ops.image.gaussian_blur, [PICTURE]),
    ("sobel_edges", ops.image.sobel_edges, [PICTURE]),
    ("ssim", lambda x, y: ops.image.ssim(x, y, filter_size=5), [PICTURE, f(2, 9, 8, 3)]),
]


def symbols(arrays: list[Any], unknown: int) -> list[Any]:
    """Inputs of which the first axes are unknown: a batch, or all but the last."""
    inputs: list[Any] = []
    for array in arrays:
        shape = array.values.shape
        first = max(1, min(unknown, len(shape) - 1))
        inputs.append(Input(batch_shape=(*(None,) * first, *shape[first:]), dtype=array.dtype))
    return inputs


def tensors(arrays: list[Any]) -> list[torch.Tensor]:
    return [torch.from_numpy(array.values.copy()) for array in arrays]


NEEDS_SIZES = {  # what must be known besides the number of channels
    "unfold": 2,
    "attention": 2,
    "attention mask": 1,
    "scatter": 1,
    "unstack": 1,
    "in_top_k": 1,
}
IDS = [case[0] for case in CASES]


@pytest.mark.parametrize(("name", "function", "arrays"), CASES, ids=IDS)
def test_with_unknown_sizes(name: str, function: Any, arrays: list[Any]) -> None:
    inputs = symbols(arrays, NEEDS_SIZES.get(name, 9))
    output = function(*inputs)
    model = Model(inputs, output)
    got, wanted = model(*tensors(arrays)), function(*tensors(arrays))
    torch.testing.assert_close(got, wanted)
    for symbol, tensor in zip(leaves(output), leaves(list(wanted) if isinstance(wanted, tuple) else wanted), strict=True):
        assert len(symbol.shape) == tensor.ndim
        assert all(size in (None, real) for size, real in zip(symbol.shape, tensor.shape, strict=True)), (symbol.shape, tensor.shape)
        assert symbol.dtype == str(tensor.dtype).removeprefix("torch.")
    torch.testing.assert_close(copy.deepcopy(model)(*tensors(arrays)), wanted)


def of_ours(model: Any) -> set[str]:
    used = [node.target for node in model.graph.nodes if node.op == "call_function"]
    return {each.__name__ for each in used if (getattr(each, "__module__", None) or "").startswith("layergraph")}


def test_what_of_ours_stands_in_a_graph() -> None:
    met: set[str] = set()
    for name, function, arrays in CASES:
        inputs = symbols(arrays, NEEDS_SIZES.get(name, 9))
        met |= of_ours(Model(inputs, function(*inputs)))
    assert met == set(OURS)


@pytest.mark.parametrize(
    "name", ["conv strided", "average_pool", "attention mask", "segment_sum", "istft", "affine_transform", "resize crop"]
)
def test_compiles_in_one_graph(name: str) -> None:
    function, arrays = next(case[1:] for case in CASES if case[0] == name)
    inputs = symbols(arrays, 1)
    model = Model(inputs, function(*inputs))
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(*tensors(arrays)), model(*tensors(arrays)))


EAGER = "max_pool,layer_normalization,one_hot,istft,attention,segment_sum,resize,gaussian_blur,scale_and_translate".split(",")


@pytest.mark.parametrize("name", EAGER)
def test_an_op_compiles_in_one_graph(name: str) -> None:
    """Settings that it reads, such as the data format, are constants to torch.compile."""
    function, arrays = next(case[1:] for case in CASES if case[0] == name)
    compiled = torch.compile(function, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(*tensors(arrays)), function(*tensors(arrays)))


GRADIENTS = "conv strided,conv_transpose,istft,affine_transform,scale_and_translate,segment_sum,resize pad,attention".split(",")


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_are_those_of_small_steps(name: str) -> None:
    function, arrays = next(case[1:] for case in CASES if case[0] == name)
    first, *rest = [x.double() if x.is_floating_point() else x for x in tensors(arrays)]
    first = first[:, :5].contiguous() if name == "conv strided" else first
    assert torch.autograd.gradcheck(lambda x: function(x, *rest), (first.requires_grad_(),), fast_mode=True)


def test_saturate_cast_keeps_to_ints_that_floats_round_past() -> None:
    got = ops.saturate_cast(torch.tensor([-3e38, 3e38, 2**31 - 1]), "int32")
    assert got.tolist() == [-(2**31), 2**31 - 128, 2**31 - 128]  # the largest float32 below 2**31; Keras on torch gives -2**31
    assert ops.saturate_cast(torch.tensor([-1.0, 3e38], dtype=torch.bfloat16), "int64").tolist() == [-1, 2**63 - 2**55]


def test_elastic_transform() -> None:
    images = torch.from_numpy(PICTURE.values)
    one, same = (ops.image.elastic_transform(images, seed=7) for _ in range(2))
    assert torch.equal(one, same)
    assert not torch.equal(one, ops.image.elastic_transform(images, seed=8))
    assert not torch.equal(ops.image.elastic_transform(images), ops.image.elastic_transform(images))
    assert torch.equal(ops.image.elastic_transform(images, alpha=0.0), images)
    assert ops.image.elastic_transform((images * 255).byte()).dtype == torch.uint8


def test_affine_transform_leaves_the_transform_alone_and_is_projective() -> None:
    """Keras 3.15.1 on torch writes into the transform, and takes c0 and c1 for something else than perspective."""
    images, points = torch.from_numpy(PICTURE.values), torch.from_numpy(POINTS)
    turn = torch.tensor([1.0, 0.1, 0.0, 0.0, 1.2, 1.0, 0.01, 0.02])
    before = turn.clone()
    got = ops.image.affine_transform(images, turn)
    assert torch.equal(turn, before)
    ends = points
    k = 1 + 0.01 * ends[:, 0] + 0.02 * ends[:, 1]
    starts = torch.stack(((ends[:, 0] + 0.1 * ends[:, 1]) / k, (1.2 * ends[:, 1] + 1) / k), 1)
    torch.testing.assert_close(got, ops.image.perspective_transform(images, starts, ends), rtol=1e-4, atol=1e-4)


def test_average_pool_counts_real_elements_only() -> None:
    """Keras 3.15.1 on torch repeats the edge and counts it where the padding is not the same at both ends."""
    assert ops.average_pool(torch.tensor([[[2.0], [4.0], [6.0]]]), 2, padding="same").flatten().tolist() == [3.0, 6.0]


x, image = Input((4,)), Input((None, None, 3))
ROW, KERNEL_1D = torch.zeros(1, 8, 3), torch.zeros(3, 3, 4)
WRONG = [
    (
        lambda: ops.conv(ROW, torch.zeros(3, 2, 4)),
        "ops.conv: has a kernel for 2 channels, which 3 channels of shape (1, 8, 3) are no multiple of",
    ),
    (lambda: ops.conv(ROW, KERNEL_1D, padding="some"), "ops.conv: padding is 'valid' or 'same', got 'some'"),
    (
        lambda: ops.conv(ROW, KERNEL_1D, strides=(1, 2)),
        "ops.conv: strides must be an int of at least 1, or a tuple of 1 such ints, got (1, 2)",
    ),
    (lambda: ops.max_pool(torch.zeros(8, 3), 2), "ops.max_pool: takes a batch with 1, 2 or 3 spatial axes and channels, got shape (8, 3)"),
    (
        lambda: ops.max_pool(image, 2, data_format="channels_lst"),
        "ops.max_pool: data_format is 'channels_last', 'channels_first' or None, got 'channels_lst'",
    ),
    (lambda: ops.unstack(x), "ops.unstack: the size of axis 0 of (None, 4) is known only at run time"),
    (lambda: ops.rearrange(x, "a b -> b"), "ops.rearrange: both sides of 'a b -> b' name the same axes, each once"),
    (
        lambda: ops.rearrange(x, "a [b] -> b"),
        "ops.rearrange: a pattern is 'names -> names', such as 'b (h k) c -> b c h k', got 'a [b] -> b'",
    ),
    (lambda: ops.ctc_decode(image, [3], "best"), "ops.ctc_decode: strategy is 'greedy' or 'beam_search', got 'best'"),
    (
        lambda: ops.image.resize(image, (2, 2), "lanczos3"),
        "ops.resize: interpolation is one of 'bilinear', 'nearest', 'bicubic', got 'lanczos3'",
    ),
    (
        lambda: ops.image.pad_images(image, 1, 2, target_height=9, target_width=9),
        "ops.pad_images: needs to know the height, which is known only at run time",
    ),
    (lambda: ops.one_hot(x, 3, sparse=True), "ops.one_hot: torch has dense tensors here, no sparse ones"),
    (lambda: ops.fft(x), "ops.fft: a complex tensor is a pair (real, imaginary)"),
]


@pytest.mark.parametrize(("call", "what"), WRONG, ids=[what for _, what in WRONG])
def test_wrong_arguments(call: Any, what: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        call()
    assert caught.value.what == what
    assert __file__ in str(caught.value)


def test_what_depends_on_values_says_what_to_give() -> None:
    with pytest.raises(SymbolicError, match=r"^ops\.segment_max: the number of segments depends on values[\s\S]*fix: give num_segments="):
        ops.segment_max(x, Input((), dtype="int32"))


def test_flash_attention_is_a_choice_of_kernel() -> None:
    q = torch.from_numpy(Q.values)
    torch.testing.assert_close(ops.dot_product_attention(q, q, q, flash_attention=True), ops.dot_product_attention(q, q, q))
    symbol = Input((5, 4, 3))
    with pytest.raises(SymbolicError, match=r"^ops\.dot_product_attention: the choice of a kernel depends on values"):
        ops.dot_product_attention(symbol, symbol, symbol, flash_attention=True)


def test_starts_of_a_slice_may_hold_a_symbol() -> None:
    at, row = Input((), dtype="int32"), Input((6,))
    got = Model([at, row], ops.slice(row, [0, at[0]], [1, 2]))(torch.tensor([3], dtype=torch.int32), torch.arange(6.0)[None])
    assert got.tolist() == [[3.0, 4.0]]


def test_the_data_format_is_that_of_the_settings() -> None:
    first = torch.from_numpy(IMAGE.values).permute(0, 3, 1, 2)
    last = ops.max_pool(torch.from_numpy(IMAGE.values), 2)
    config.set_image_data_format("channels_first")
    try:
        assert torch.equal(ops.max_pool(first, 2), last.permute(0, 3, 1, 2))
        assert ops.image.resize(first, (3, 3)).shape == (2, 4, 3, 3)
    finally:
        config.set_image_data_format("channels_last")


def test_conversions() -> None:
    symbol = Input((4,))
    assert [ops.is_tensor(each) for each in (torch.ones(2), np.ones(2), symbol)] == [True, False, False]
    assert ops.convert_to_tensor(symbol) is symbol
    assert (ops.shape(symbol), ops.shape([[1, 2, 3]]), ops.dtype(symbol)) == ((None, 4), (1, 3), "float32")
    given = torch.tensor([1.5, 2.0], requires_grad=True)
    assert ops.convert_to_numpy(given).tolist() == [1.5, 2.0]
    assert ops.convert_to_numpy([given, torch.zeros(2)]).shape == (2, 2)
    assert ops.convert_to_numpy(torch.ones(2, dtype=torch.bfloat16)).dtype == np.float32
    assert not ops.stop_gradient(given * 2).requires_grad
    with pytest.raises(SymbolicError, match="cannot give a numpy array"):
        ops.convert_to_numpy(symbol)


def test_gaussian_blur_of_one_pixel() -> None:
    """The window itself, 3 high and 5 wide: Keras 3.15.1 on torch reads it in the wrong order, and None as channels first."""
    pixel = torch.zeros(1, 7, 7, 1)
    pixel[0, 3, 3] = 1
    got = ops.image.gaussian_blur(pixel, (3, 5), (2.0, 0.5))[0, :, :, 0]
    down, across = (torch.exp(-0.5 * (torch.arange(-n, n + 1.0) / sigma) ** 2) for n, sigma in ((1, 0.5), (2, 2.0)))
    torch.testing.assert_close(got[2:5, 1:6], torch.outer(down / down.sum(), across / across.sum()))
    torch.testing.assert_close(got.sum(), torch.tensor(1.0))
