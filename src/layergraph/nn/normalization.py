"""Normalizations that torch lacks: by the batch with a mask, or with renormalization; of a kernel that is overwritten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import handle_torch_function, has_torch_function

# Keras's epsilon: it keeps the mean over no values at all finite.
_TINY = 1e-7


def moments(x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor, Tensor | int]:
    """Mean and biased variance of each channel, and the number of its values, over those where the mask is True.

    (B, C, ...), mask of a shape that broadcasts to it -> (C,), (C,), (C,) or one number
    """
    over = [axis for axis in range(x.ndim) if axis != 1]
    if mask is None:
        variance, mean = torch.var_mean(x, over, correction=0)
        return mean, variance, x.numel() // x.shape[1]
    along = [-1 if axis == 1 else 1 for axis in range(x.ndim)]
    count = mask.expand(x.shape).sum(over, dtype=x.dtype)
    mean = torch.where(mask, x, 0).sum(over) / (count + _TINY)
    spread = torch.where(mask, x - mean.reshape(along), 0)
    return mean, (spread * spread).sum(over) / (count + _TINY), count


def normalized(x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> Tensor:
    """`(x - mean) / sqrt(variance + eps) * weight + bias` by channels; all of (C,), x of (B, C, ...)."""
    along = [-1 if axis == 1 else 1 for axis in range(x.ndim)]
    y = (x - mean.reshape(along)) * torch.rsqrt(variance + eps).reshape(along)
    y = y if weight is None else y * weight.reshape(along)
    return y if bias is None else y + bias.reshape(along)


def widened(x: Tensor) -> Tensor:
    """A half-precision tensor in single precision, in which its sums do not overflow."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


@torch.no_grad()
def _move(statistic: Tensor, value: Tensor, momentum: float) -> None:
    statistic.mul_(1 - momentum).add_(value.to(statistic.dtype), alpha=momentum)


def masked_batch_norm(x: Tensor, mask: Tensor, module: Any, training: bool | None = None) -> Tensor:
    """An nn.BatchNorm's work, by the statistics of those values where `mask` is True; the others are normalized along.

    (B, C, ...), mask of a shape that broadcasts to it -> (B, C, ...). None takes the module's mode. As in the module itself, the
    running variance is the unbiased one.
    """
    if has_torch_function((x, mask)):
        return handle_torch_function(masked_batch_norm, (x, mask), x, mask, module, training)
    if not (module.training if training is None else training):
        return F.batch_norm(x, module.running_mean, module.running_var, module.weight, module.bias, False, 0.0, module.eps)
    wide = widened(x)
    mean, variance, count = moments(wide, mask)
    _move(module.running_mean, mean, module.momentum)
    _move(module.running_var, variance * count / torch.clamp(torch.as_tensor(count) - 1, min=1), module.momentum)
    return normalized(wide, mean, variance, module.weight, module.bias, module.eps).to(x.dtype)


class BatchRenorm(nn.Module):
    """Batch normalization whose training follows its moving statistics (Ioffe 2017): `r` and `d` take the batch's to them.

    (B, C, ...), and an optional mask that broadcasts to it -> (B, C, ...)

    Args:
        num_features: C.
        eps: added to the variance.
        momentum, renorm_momentum: how much of the batch's statistics goes into those for inference, and into those that
            training follows.
        rmin, rmax, dmax: the limits of `r`, and of `d` on both sides; None for no limit.
    """

    running_mean: Tensor
    running_var: Tensor
    running_std: Tensor
    renorm_mean: Tensor
    renorm_std: Tensor

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float,
        renorm_momentum: float,
        rmin: float | None = None,
        rmax: float | None = None,
        dmax: float | None = None,
    ):
        super().__init__()
        self.num_features, self.eps, self.momentum, self.renorm_momentum = num_features, eps, momentum, renorm_momentum
        self.rmin, self.rmax, self.dmax = rmin, rmax, dmax
        self.weight: nn.Parameter | None = nn.Parameter(torch.ones(num_features))
        self.bias: nn.Parameter | None = nn.Parameter(torch.zeros(num_features))
        for name in ("running_mean", "running_var", "running_std", "renorm_mean", "renorm_std"):
            self.register_buffer(name, torch.zeros(num_features) if name.endswith("mean") else torch.ones(num_features))

    def forward(self, x: Tensor, mask: Tensor | None = None, training: bool | None = None) -> Tensor:
        if not (self.training if training is None else training):
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        wide = widened(x)
        mean, variance, _ = moments(wide, mask)
        with torch.no_grad():
            deviation = torch.sqrt(variance + self.eps)
            followed = torch.clamp(self.renorm_std, min=self.eps**0.5)
            r = self._clamped(deviation / followed, self.rmin, self.rmax)
            d = self._clamped((mean - self.renorm_mean) / followed, None if self.dmax is None else -self.dmax, self.dmax)
        weight, bias = (r, d) if self.weight is None else (r * self.weight, d * self.weight)
        bias = bias if self.bias is None else bias + self.bias
        self._follow(mean, deviation)
        return normalized(wide, mean, variance, weight, bias, self.eps).to(x.dtype)

    @staticmethod
    def _clamped(x: Tensor, low: float | None, high: float | None) -> Tensor:
        return x if low is None and high is None else torch.clamp(x, low, high)

    @torch.no_grad()
    def _follow(self, mean: Tensor, deviation: Tensor) -> None:
        _move(self.renorm_mean, mean, self.renorm_momentum)
        _move(self.renorm_std, deviation, self.renorm_momentum)
        _move(self.running_mean, mean, self.momentum)
        _move(self.running_std, deviation, self.momentum)
        self.running_var.copy_(torch.relu(self.running_std * self.running_std - self.eps))

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, renorm_momentum={self.renorm_momentum}"


class SpectralNorm(nn.Module):
    """Divides a kernel by its largest singular value, in place, in training; what it is given passes through.

    The value comes from power iteration on `vector_u`, which follows the kernel from call to call (Miyato et al. 2018).

    Args:
        rows: the size of the kernel's last axis, in the layout that `view` gives.
        iterations: steps of power iteration a call.
        view: the kernel in the layout whose other axes are the columns of the matrix.
    """

    vector_u: Tensor

    def __init__(self, rows: int, iterations: int, view: Callable[[Tensor], Tensor]):
        super().__init__()
        self.iterations, self.view = iterations, view
        self.register_buffer("vector_u", torch.zeros(1, rows))

    def forward(self, x: Tensor, kernel: Tensor, training: bool | None = None) -> Tensor:
        if self.training if training is None else training:
            self._divide(kernel)
        return x

    @torch.no_grad()
    def _divide(self, kernel: Tensor) -> None:
        matrix = self.view(kernel).reshape(-1, self.vector_u.shape[-1])
        u = v = self.vector_u
        for _ in range(self.iterations):
            v = F.normalize(u @ matrix.t(), dim=-1, eps=_TINY)
            u = F.normalize(v @ matrix, dim=-1, eps=_TINY)
        largest = (v @ matrix @ u.t()).reshape(())
        zero = torch.all(kernel == 0)  # a kernel of zeros stays so
        self.vector_u.copy_(torch.where(zero, self.vector_u, u))
        kernel.div_(torch.where(zero, 1, largest))

    def extra_repr(self) -> str:
        return f"{self.vector_u.shape[-1]}, iterations={self.iterations}"
