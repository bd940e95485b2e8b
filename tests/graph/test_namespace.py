"""torch is the op namespace: its functions, methods, properties and operators record on a symbol, and run as they stand.

Each row is called on symbols of an unknown batch and on tensors; the lowered model must give the tensors' result bit by bit, and
what the symbol declared must be what came.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from layergraph import Input, Model
from layergraph.graph.structure import leaves
from layergraph.graph.symbolic import SymbolicTensor

UNARY = """
    abs acos acosh angle asin asinh atan atanh ceil cos cosh deg2rad digamma erf erfc erfinv exp exp2 expm1 fix floor frac i0 isfinite
    isinf isnan isneginf isposinf isreal lgamma log log10 log1p log2 logit nan_to_num neg negative positive rad2deg reciprocal relu
    round rsqrt sgn sigmoid sign signbit sin sinc sinh sqrt square tan tanh trunc logical_not fliplr flipud ravel atleast_3d
    adjoint amax amin argmax argmin all any max mean median min nanmean nanmedian nansum prod std sum var std_mean var_mean aminmax
    count_nonzero clone detach zeros_like ones_like cov logsumexp:1 softmax:1 log_softmax:1 cumsum:1 cumprod:1 logcumsumexp:1
    cummax:1 cummin:1 sort:1 argsort:1 msort unsqueeze:1 flatten:1 kthvalue:2 topk:2 diff triu tril trace:2d squeeze:1
"""
SPECIAL = """
    airy_ai bessel_j0 bessel_j1 bessel_y0 bessel_y1 digamma entr erf erfc erfcx erfinv exp2 expit expm1 gammaln i0 i0e i1 i1e log1p
    log_ndtr logit modified_bessel_i0 modified_bessel_k0 ndtr ndtri psi round scaled_modified_bessel_k0 sinc
    spherical_bessel_j0 log_softmax:1 softmax:1
"""
ACTIVATIONS = """
    celu elu gelu hardshrink hardsigmoid hardswish hardtanh leaky_relu logsigmoid mish relu relu6 selu sigmoid silu softplus softshrink
    softsign tanh tanhshrink normalize glu softmax:1 log_softmax:1 softmin:1
"""
BINARY = """
    add arctan2 atan2 copysign div dist eq floor_divide fmax fmin fmod ge gt heaviside hypot isclose le ldexp logaddexp logaddexp2
    logical_and logical_or logical_xor lt max maximum min minimum mul ne nextafter pow remainder sub true_divide xlogy
"""
FFT = "fft fft2 fftn fftshift hfft ifft ifft2 ifftn ifftshift ihfft irfft rfft rfft2 rfftn"
LINALG = """
    cholesky_ex cond det eig eigh eigvals eigvalsh inv inv_ex ldl_factor lu lu_factor matrix_exp matrix_norm matrix_rank norm pinv qr
    slogdet svd svdvals vector_norm vander
"""
LOSSES = "binary_cross_entropy_with_logits huber_loss l1_loss mse_loss smooth_l1_loss soft_margin_loss poisson_nll_loss cosine_similarity"


def words(listed: str) -> list[tuple[str, tuple[int, ...]]]:
    """(name, further arguments) of each `name:argument`."""
    return [(name, (int(rest),) if rest.isdigit() else ()) for name, _, rest in (word.partition(":") for word in listed.split())]


def same(build: Any, *values: Tensor, exact: bool = True) -> None:
    """The model of what `build` makes of symbols gives what it makes of tensors, and declared it."""
    symbols = [Input(tuple(value.shape[1:]), dtype=value.dtype) for value in values]
    found = build(*symbols)
    declared = [leaf for leaf in leaves(found) if isinstance(leaf, SymbolicTensor)]
    assert declared
    torch.manual_seed(1)
    got = leaves(Model(symbols, declared)(*values))
    torch.manual_seed(1)
    wanted = [leaf for leaf in leaves(build(*values)) if isinstance(leaf, Tensor)]
    assert len(got) == len(wanted) == len(declared)
    for mine, real, spec in zip(got, wanted, declared, strict=True):
        torch.testing.assert_close(mine, real, rtol=0 if exact else None, atol=0 if exact else None, equal_nan=True)
        assert (spec.dtype, spec.ndim) == (str(real.dtype).removeprefix("torch."), real.ndim)
        assert all(size is None or size == true for size, true in zip(spec.shape, real.shape, strict=True))


def positive(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1


def square(batch: int = 3) -> Tensor:
    a = positive(batch, 4, 4)
    return a @ a.mT + torch.eye(4)


@pytest.mark.parametrize(("name", "rest"), words(UNARY), ids=str)
def test_a_function_of_torch(name, rest):
    same(lambda x: getattr(torch, name)(x, *rest), positive(3, 4))


@pytest.mark.parametrize(("name", "rest"), [each for each in words(UNARY) if hasattr(Tensor, each[0])], ids=str)
def test_a_method(name, rest):
    same(lambda x: getattr(x, name)(*rest), positive(3, 4))


@pytest.mark.parametrize(("name", "rest"), words(SPECIAL), ids=str)
def test_torch_special(name, rest):
    same(lambda x: getattr(torch.special, name)(x, *rest), positive(3, 4))


@pytest.mark.parametrize(("name", "rest"), words(ACTIVATIONS), ids=str)
def test_an_activation(name, rest):
    same(lambda x: getattr(F, name)(x, *rest), positive(3, 4))


@pytest.mark.parametrize(("name", "rest"), words(BINARY), ids=str)
def test_a_function_of_two(name, rest):
    a, b = positive(3, 4), positive(3, 4).flip(1)
    same(lambda x, y: getattr(torch, name)(x, y), a, b)
    if name != "dist":
        same(lambda x: getattr(torch, name)(x, b[:1]), a)
        same(lambda x: getattr(torch, name)(b[:1], x), a)


@pytest.mark.parametrize(("name", "rest"), words(FFT), ids=str)
def test_torch_fft(name, rest):
    same(lambda x: getattr(torch.fft, name)(x), positive(3, 4, 6))


@pytest.mark.parametrize(("name", "rest"), words(LINALG), ids=str)
def test_torch_linalg(name, rest):
    same(lambda x: getattr(torch.linalg, name)(x), square())


@pytest.mark.parametrize(("name", "rest"), words(LOSSES), ids=str)
def test_a_loss(name, rest):
    same(lambda x, y: getattr(F, name)(x, y), positive(3, 4), positive(3, 4).flip(1))


PROPERTIES = ["T", "mT", "H", "mH", "data", "real"]


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_property(name):
    same(lambda x: getattr(x, name), positive(3, 4))


@pytest.mark.parametrize("name", ["real", "imag"])
def test_a_property_of_complex_numbers(name):
    same(lambda x: getattr(torch.fft.fft(x), name), positive(3, 4))


INTEGERS = torch.tensor([[1, 2, 3], [4, 0, 6]])
IMAGES = positive(2, 3, 8, 8)

OTHERS = {
    "addmm": (lambda x: torch.addmm(torch.ones(2), x, torch.ones(4, 2)), positive(3, 4)),
    "baddbmm": (lambda x: torch.baddbmm(x, x, x), square()),
    "bitwise_and": (lambda x: torch.bitwise_and(x, 3), INTEGERS),
    "bitwise_not": (torch.bitwise_not, INTEGERS),
    "broadcast_tensors": (lambda x: torch.broadcast_tensors(x, torch.ones(1, 4)), positive(3, 4)),
    "bmm": (lambda x, y: torch.bmm(x, y), square(), square()),
    "bucketize": (lambda x: torch.bucketize(x, torch.tensor([0.2, 0.5])), positive(3, 4)),
    "cat": (lambda x, y: torch.cat([x, y], 1), positive(3, 4), positive(3, 2)),
    "cdist": (lambda x, y: torch.cdist(x, y), positive(2, 3, 4), positive(2, 5, 4)),
    "channel_shuffle": (lambda x: torch.channel_shuffle(x, 2), positive(2, 4, 3, 3)),
    "chunk": (lambda x: x.chunk(2, -1), positive(3, 4)),
    "chunk unpacked": (lambda x: (lambda a, b: a * b)(*x.chunk(2, -1)), positive(3, 4)),
    "clamp": (lambda x: x.clamp(0.2, max=0.5), positive(3, 4)),
    "complex": (lambda x, y: torch.complex(x, y).abs(), positive(3, 4), positive(3, 4)),
    "concatenate": (lambda x: torch.concatenate((x, x), axis=1), positive(3, 4)),
    "cross": (lambda x: torch.linalg.cross(x, x.flip(1)), positive(2, 3)),
    "cross_entropy": (lambda x: F.cross_entropy(x, x.argmax(1)), positive(3, 4)),
    "diag_embed": (torch.diag_embed, positive(3, 4)),
    "diagonal": (lambda x: torch.diagonal(x, 0, 1, 2), square()),
    "dsplit": (lambda x: torch.dsplit(x, 2), positive(2, 3, 4)),
    "einsum": (lambda x, y: torch.einsum("bij,bjk->bik", x, y), square(), square()),
    "embedding": (lambda x: F.embedding(x, torch.arange(14.0).view(7, 2)), INTEGERS),
    "gather": (lambda x: torch.gather(x, 1, torch.zeros(1, 2, dtype=torch.int64).expand((x.size(0), 2))), positive(3, 4)),
    "grid_sample": (lambda x: F.grid_sample(x, x[:, :2].permute(0, 2, 3, 1), align_corners=False), IMAGES),
    "group_norm": (lambda x: F.group_norm(x, 3), IMAGES),
    "histc": (lambda x: torch.histc(x, 5, 0, 1), positive(3, 4)),
    "hsplit": (lambda x: torch.hsplit(x, 2), positive(3, 4)),
    "hstack": (lambda x: torch.hstack([x, x]), positive(3, 4)),
    "index_select": (lambda x: x.index_select(1, torch.tensor([2, 0])), positive(3, 4)),
    "instance_norm": (lambda x: F.instance_norm(x), IMAGES),
    "interpolate": (lambda x: F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False), IMAGES),
    "interpolate to a size": (lambda x: F.interpolate(x, size=(5, 7)), IMAGES),
    "isin": (lambda x: torch.isin(x, torch.tensor([2, 4])), INTEGERS),
    "kron": (lambda x: torch.kron(x, torch.ones(1, 2)), positive(3, 4)),
    "layer_norm": (lambda x: F.layer_norm(x, (4,)), positive(3, 4)),
    "lerp": (lambda x, y: torch.lerp(x, y, 0.3), positive(3, 4), positive(3, 4).flip(1)),
    "linalg.solve": (lambda x: torch.linalg.solve(x, torch.ones(4, 1)), square()),
    "linalg.multi_dot": (lambda x: torch.linalg.multi_dot([x, torch.ones(4, 2), torch.ones(2, 3)]), positive(3, 4)),
    "linear": (lambda x: F.linear(x, torch.ones(2, 4), torch.ones(2)), positive(3, 4)),
    "local_response_norm": (lambda x: F.local_response_norm(x, 2), IMAGES),
    "masked_fill": (lambda x: x.masked_fill(x > 0.5, 0.0), positive(3, 4)),
    "matmul": (lambda x: x @ torch.ones(4, 2), positive(3, 4)),
    "matmul from the left": (lambda x: torch.ones(2, 4) @ x, square()),
    "max with indices": (lambda x: torch.max(x, 1), positive(3, 4)),
    "max_pool2d": (lambda x: F.max_pool2d(x, 2, return_indices=True), IMAGES),
    "meshgrid": (lambda x: torch.meshgrid(x[0], torch.arange(3.0), indexing="ij"), positive(3, 4)),
    "movedim": (lambda x: x.movedim(1, -1), IMAGES),
    "multi_head_attention": (lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True), positive(2, 2, 5, 4)),
    "narrow": (lambda x: x.narrow(1, 1, 2), positive(3, 4)),
    "new_ones": (lambda x: x.new_ones(2, 3) * x.sum(), positive(3, 4)),
    "norm": (lambda x: torch.norm(x, dim=1), positive(3, 4)),
    "one_hot": (lambda x: F.one_hot(x, 7), INTEGERS),
    "outer": (lambda x: torch.outer(x[0], x[1]), positive(3, 4)),
    "pad": (lambda x: F.pad(x, (1, 2, 0, 1), mode="replicate"), IMAGES),
    "permute": (lambda x: x.permute(0, 2, 3, 1), IMAGES),
    "pixel_shuffle": (lambda x: F.pixel_shuffle(x, 2), positive(2, 4, 3, 3)),
    "polar": (lambda x: torch.polar(x, x), positive(3, 4)),
    "quantile": (lambda x: torch.quantile(x, torch.tensor([0.2, 0.7]), dim=1), positive(3, 4)),
    "rand_like": (torch.rand_like, positive(3, 4)),
    "repeat": (lambda x: x.repeat(1, 2), positive(3, 4)),
    "repeat_interleave": (lambda x: x.repeat_interleave(2, dim=1), positive(3, 4)),
    "rms_norm": (lambda x: F.rms_norm(x, (4,)), positive(3, 4)),
    "roll": (lambda x: x.roll(1, 1), positive(3, 4)),
    "rot90": (lambda x: torch.rot90(x, 1, (2, 3)), IMAGES),
    "rounding": (lambda x: torch.round(x, decimals=1), positive(3, 4)),
    "scatter": (lambda x: torch.zeros_like(x).scatter(1, x.argsort(1), x), positive(3, 4)),
    "searchsorted": (lambda x: torch.searchsorted(torch.tensor([0.2, 0.5]), x), positive(3, 4)),
    "split": (lambda x: x.split([1, 3], 1), positive(3, 4)),
    "split evenly": (lambda x: torch.split(x, 2, dim=1), positive(3, 4)),
    "stack": (lambda x: torch.stack([x, x * 2], -1), positive(3, 4)),
    "stft": (lambda x: torch.stft(x, 8, window=torch.ones(8), return_complex=True).abs(), positive(2, 40)),
    "swapaxes": (lambda x: x.swapaxes(1, 2), IMAGES),
    "take_along_dim": (lambda x: torch.take_along_dim(x, x.argsort(1), 1), positive(3, 4)),
    "tensordot": (lambda x: torch.tensordot(x, torch.ones(4, 2), 1), positive(3, 4)),
    "tile": (lambda x: torch.tile(x, (1, 3)), positive(3, 4)),
    "to a dtype": (lambda x: x.to(torch.float16), positive(3, 4)),
    "to another's dtype": (lambda x: x.to(x.argmax().dtype), positive(3, 4)),
    "unbind": (lambda x: x.unbind(1), positive(3, 4)),
    "unflatten": (lambda x: x.unflatten(1, (2, 2)), positive(3, 4)),
    "unfold": (lambda x: F.unfold(x, 3), IMAGES),
    "view": (lambda x: x.view(-1, 2, 2), positive(3, 4)),
    "view as a dtype": (lambda x: x.view(torch.int32), positive(3, 4)),
    "view_as_real": (lambda x: torch.view_as_real(torch.fft.fft(x)), positive(3, 4)),
    "vmap'd by hand": (lambda x: torch.stack([torch.linalg.norm(row) for row in x.unbind(1)]), positive(3, 4, 2)),
    "where": (lambda x: torch.where(x > 0.5, x, -x), positive(3, 4)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_anything_else(name):
    build, *values = OTHERS[name]
    same(build, *values)


def test_indexing():
    x = positive(3, 4, 5)
    for index in (
        0,
        slice(1, None),
        (slice(None), 0),
        (..., 0),
        (slice(None), None, slice(None, None, 2)),
        (slice(None), [0, 2]),
        (slice(None), torch.tensor([3, 1])),
        (slice(None), torch.tensor([True, False, True, True])),
        (slice(None), slice(-2, None), -1),
        Ellipsis,
        None,
    ):
        same(lambda value, index=index: value[index], x)
    same(lambda value: value[torch.arange(value.size(0)), value[:, :, 0].argmax(1)], x)


def test_constants_are_buffers():
    table = torch.arange(8.0).view(4, 2)
    x = Input((4,))
    model = Model(x, x @ table + torch.tensor([1.0, 2.0]))
    assert [name for name, _ in model.named_buffers()] == ["constant", "constant_1"]
    table.zero_()  # the model has its own
    assert model(torch.ones(1, 4)).tolist() == [[13.0, 18.0]]
    assert model.to(torch.float64)(torch.ones(1, 4)).dtype is torch.float64


def test_a_result_with_names_keeps_them():
    top = torch.topk(Input((5,)), 2)
    assert isinstance(top, torch.return_types.topk)
    assert (top.values.shape, top.indices.dtype) == ((None, 2), "int64")
