"""Normalization by the batch's statistics."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layergraph.errors import Fact, ShapeError, shown
from layergraph.graph.spec import Shape
from layergraph.kinds import is_dict
from layergraph.layers.base import Layer
from layergraph.layers.fields import (
    Constraint,
    Initializer,
    Regularizer,
    checked,
    constraint,
    flag,
    initializer,
    number,
    only,
    regularizer,
    whole,
)
from layergraph.layers.normalization import affine, channels_home, channels_second, check_channels, drop_unused
from layergraph.layers.weights import Weight
from layergraph.modes import stay_in_inference
from layergraph.nn.normalization import BatchRenorm, masked_batch_norm

_BATCH_NORMS: dict[int, type[nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d]] = {4: nn.BatchNorm2d, 5: nn.BatchNorm3d}


def _kind(rank: int) -> type[nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d]:
    """torch's module for a rank; from 6 axes on, all but the first two are one."""
    return _BATCH_NORMS.get(rank, nn.BatchNorm1d)


def _clipping(value: Any, owner: Any) -> dict[str, float] | None:
    if value is None:
        return None
    if not is_dict(value) or not set(value) <= {"rmin", "rmax", "dmax"}:
        raise Fact(f"must be None, or a dict with some of the keys 'rmin', 'rmax' and 'dmax', got {shown(value)}")
    limit = number(default=None, optional=True)
    found = {word: limit.check(item, owner) for word, item in value.items()}
    low, high, shift = (found.get(word) for word in ("rmin", "rmax", "dmax"))
    if low is not None and high is not None and high < low:
        raise Fact(f"must have an 'rmax' of at least its 'rmin', got {shown(value)}")
    if shift is not None and shift < 0:
        raise Fact(f"must have a 'dmax' of at least 0, got {shown(value)}")
    return found


class BatchNormalization(Layer):
    """Normalizes each channel by the batch's statistics in training, by moving ones else: torch's own BatchNorm.

    (B, ..., C) -> (B, ..., C), C at `axis`

    The mode is torch's, `model.train()` and `model.eval()`; `trainable = False` keeps it in inference. The moving variance is
    torch's unbiased one: N/(N-1) of Keras's, N the number of values in a channel.

    With a mask, (B, ...) of the input's shape without its last axis, training takes the statistics of those values where it is
    True; all values are normalized by them.

    Args:
        axis: the axis of the channels.
        momentum: how much of the old moving statistics a step keeps: 1 - torch's.
        epsilon: added to the variance.
        center, scale: whether there are beta and gamma.
        renorm: whether training follows the moving statistics (Ioffe 2017), by a module of ours, `nn.normalization.BatchRenorm`.
            Its moving variance is Keras's, without the factor.
        renorm_clipping: None, or a dict of the limits 'rmin' and 'rmax' of the correction r, and 'dmax' of d.
        renorm_momentum: how much of the old statistics that training follows a step keeps.
        synchronized: only False, as in Keras on torch; use torch.nn.SyncBatchNorm.convert_sync_batchnorm(model).

    >>> from layergraph import Input
    >>> BatchNormalization()(Input(shape=(8, 8, 16))).shape
    (None, 8, 8, 16)
    """

    supports_masking = True
    _casts_integers: ClassVar[bool] = True

    axis: int = whole(default=-1)
    momentum: float = number(default=0.99, low=0, high=1)
    epsilon: float = number(default=1e-3, low=0)
    center: bool = flag(default=True)
    scale: bool = flag(default=True)
    beta_initializer: Initializer = initializer(default="zeros")
    gamma_initializer: Initializer = initializer(default="ones")
    moving_mean_initializer: Initializer = initializer(default="zeros")
    moving_variance_initializer: Initializer = initializer(default="ones")
    beta_regularizer: Regularizer = regularizer(default=None)
    gamma_regularizer: Regularizer = regularizer(default=None)
    beta_constraint: Constraint = constraint(default=None)
    gamma_constraint: Constraint = constraint(default=None)
    renorm: bool = flag(default=False)
    renorm_clipping: Any = checked(_clipping, default=None)
    renorm_momentum: float = number(default=0.99, low=0, high=1)
    synchronized: bool = only(default=False, why="use torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)")

    def check_fields(self) -> None:
        if self.renorm and self.renorm_clipping is None:
            self.__dict__["renorm_clipping"] = {}  # as Keras's config has it

    def build(self, input_shape: Shape) -> None:
        channels, momentum = input_shape[self.axis] or 0, round(1 - self.momentum, 12)
        if self.renorm:
            limits: dict[str, float] = self.renorm_clipping or {}
            self.batch_norm: Any = BatchRenorm(channels, self.epsilon, momentum, round(1 - self.renorm_momentum, 12), **limits)
        else:
            self.batch_norm = _kind(len(input_shape))(channels, eps=self.epsilon, momentum=momentum)
        drop_unused(self, self.batch_norm)

    def call(self, x: Tensor, training: bool | None = None, mask: Tensor | None = None) -> Tensor:
        rank = x.ndim
        if mask is not None:
            mask = self._mask_of(x, mask)
        x = channels_second(x, self.axis)
        learns = None if training is None else training and self.trainable
        if rank > 5 and not self.renorm and mask is None:
            return channels_home(self._normalize(x.flatten(2), None, learns).reshape_as(x), self.axis, rank)
        return channels_home(self._normalize(x, mask, learns), self.axis, rank)

    def _normalize(self, x: Tensor, mask: Tensor | None, learns: bool | None) -> Tensor:
        """Of a tensor with its channels at axis 1."""
        own = self.batch_norm
        if self.renorm:
            return own(x) if mask is None and learns is None else own(x, mask, learns)
        if mask is not None:
            return masked_batch_norm(x, mask, own, learns)
        if learns is None:
            return own(x)
        return F.batch_norm(x, own.running_mean, own.running_var, own.weight, own.bias, learns, own.momentum or 0.0, own.eps)

    def _mask_of(self, x: Tensor, mask: Tensor) -> Tensor:
        """The mask with an axis of size 1 at its end, and what stands at the channels' axis moved to 1."""
        if mask.ndim != x.ndim - 1:
            raise ShapeError(
                f"{self.label}: a mask of shape {tuple(mask.shape)} for an input of shape {tuple(x.shape)}",
                "it must have the input's axes without the last one",
            )
        mask = mask if mask.dtype is torch.bool else torch.ne(mask, 0)
        order = [0, self.axis % x.ndim, *(i for i in range(1, x.ndim) if i != self.axis % x.ndim)]
        return mask.unsqueeze(-1).permute(*order)

    def keras_weights(self) -> list[Weight]:
        own = self.batch_norm
        statistics = [("moving_mean", own.running_mean), ("moving_variance", own.running_var)]
        found = affine(self, own) + [Weight(name, (tensor,), trainable=False) for name, tensor in statistics if tensor is not None]
        if self.renorm:
            more = [("moving_stddev", own.running_std), ("renorm_mean", own.renorm_mean), ("renorm_stddev", own.renorm_std)]
            found += [Weight(name, (tensor,), trainable=False) for name, tensor in more]
        return found

    def _field_of(self, weight: Weight, kind: str) -> Any:
        """The statistics of renormalization start as the moving ones, a deviation as the root of the variance."""
        if kind != "initializer" or weight.name not in ("moving_stddev", "renorm_mean", "renorm_stddev"):
            return super()._field_of(weight, kind)
        return self.moving_mean_initializer if weight.name == "renorm_mean" else self._first_deviation

    def _first_deviation(self, shape: Any, dtype: Any = None) -> Tensor:
        return torch.sqrt(self.moving_variance_initializer(shape, dtype))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        channels = check_channels(input_shape, self.axis)
        if self.built and channels != self.batch_norm.num_features:
            raise Fact(f"was built for {self.batch_norm.num_features} channels, got shape {input_shape}", "use another layer")
        if self.built and not self.renorm and not isinstance(self.batch_norm, _kind(len(input_shape))):
            raise Fact(f"was built for another rank, got shape {input_shape}", "use another layer")
        return input_shape

    def _sync_mode(self, mode: bool | None = None) -> None:
        """Keep torch's module in inference while the layer is frozen."""
        module = self.__dict__.get("batch_norm")
        if module is not None:
            stay_in_inference(module, not self._trainable, mode)
