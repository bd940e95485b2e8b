"""Normalizations."""

from __future__ import annotations

from typing import Any, ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from layergraph.errors import Fact, shown
from layergraph.graph.spec import Shape
from layergraph.kinds import is_sequence
from layergraph.layers.base import Layer
from layergraph.layers.fields import (
    Axes,
    Constraint,
    Initializer,
    Regularizer,
    checked,
    constraint,
    flag,
    initializer,
    is_int,
    number,
    only,
    regularizer,
    whole,
)
from layergraph.layers.weights import Weight
from layergraph.modes import THAWED

_BATCH_NORMS: dict[int, type[nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d]] = {
    2: nn.BatchNorm1d,
    3: nn.BatchNorm1d,
    4: nn.BatchNorm2d,
    5: nn.BatchNorm3d,
}


def _affine(layer: Any, module: Any) -> list[Weight]:
    """gamma and beta, as far as the layer has them."""
    gamma = [Weight("gamma", (module.weight,))] if layer.scale else []
    return gamma + ([Weight("beta", (module.bias,))] if layer.center else [])


def _drop_unused(layer: Any, module: nn.Module) -> None:
    """torch's modules have both gamma and beta, or none."""
    if not layer.scale:
        module.register_parameter("weight", None)
    if not layer.center:
        module.register_parameter("bias", None)


class BatchNormalization(Layer):
    """Normalizes each channel by the batch's statistics in training, by moving ones else: torch's own BatchNorm.

    (B, ..., C) -> (B, ..., C), C at `axis`

    The mode is torch's, `model.train()` and `model.eval()`; `trainable = False` keeps it in inference. The moving variance is
    torch's unbiased one: N/(N-1) of Keras's, N the number of values in a channel.

    Args:
        axis: the axis of the channels.
        momentum: how much of the old moving statistics a step keeps: 1 - torch's.
        epsilon: added to the variance.
        center, scale: whether there are beta and gamma.
        renorm, renorm_clipping, renorm_momentum: only Keras's defaults.
        synchronized: only False; use torch.nn.SyncBatchNorm.convert_sync_batchnorm(model).

    >>> from layergraph import Input
    >>> BatchNormalization()(Input(shape=(8, 8, 16))).shape
    (None, 8, 8, 16)
    """

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
    renorm: bool = only(default=False, why="torch's BatchNorm has no renormalization")
    renorm_clipping: Any = only(default=None, why="torch's BatchNorm has no renormalization")
    renorm_momentum: float = only(default=0.99, why="torch's BatchNorm has no renormalization")
    synchronized: bool = only(default=False, why="use torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)")

    def build(self, input_shape: Shape) -> None:
        module = _BATCH_NORMS[len(input_shape)]
        self.batch_norm = module(input_shape[self.axis] or 0, eps=self.epsilon, momentum=round(1 - self.momentum, 12))
        _drop_unused(self, self.batch_norm)

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        axis, rank = self.axis % x.ndim, x.ndim
        if axis != 1:
            x = x.permute(0, axis, *(i for i in range(1, rank) if i != axis))
        if training is None:
            x = self.batch_norm(x)
        else:
            own = self.batch_norm
            learns, momentum = training and self.trainable, own.momentum or 0.0
            x = F.batch_norm(x, own.running_mean, own.running_var, own.weight, own.bias, learns, momentum, own.eps)
        return x if axis == 1 else x.permute(0, *range(2, axis + 1), 1, *range(axis + 1, rank))

    def keras_weights(self) -> list[Weight]:
        own = self.batch_norm
        statistics = [("moving_mean", own.running_mean), ("moving_variance", own.running_var)]
        return _affine(self, own) + [Weight(name, (tensor,), trainable=False) for name, tensor in statistics if tensor is not None]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        rank = len(input_shape)
        if rank not in _BATCH_NORMS:
            raise Fact(f"takes 2 to 5 axes, got shape {input_shape}")
        if not -rank <= self.axis < rank or self.axis % rank == 0:
            raise Fact(f"axis {self.axis} is out of range for rank {rank}, of shape {input_shape}; axis 0 is the batch")
        if input_shape[self.axis] is None:
            raise Fact(f"needs a known size at axis {self.axis}, got shape {input_shape}", "give it in Input(shape=...)")
        if self.built and input_shape[self.axis] != self.batch_norm.num_features:
            raise Fact(f"was built for {self.batch_norm.num_features} channels, got shape {input_shape}", "use another layer")
        if self.built and not isinstance(self.batch_norm, _BATCH_NORMS[rank]):
            raise Fact(f"was built for another rank, got shape {input_shape}", "use another layer")
        return input_shape

    def _sync_mode(self, mode: bool | None = None) -> None:
        """Keep torch's module in inference while the layer is frozen, and give it its mode back when it thaws."""
        module = self.__dict__.get("batch_norm")
        if module is None:
            return
        waiting = module.__dict__.get(THAWED)
        if not self._trainable:
            module.__dict__[THAWED] = mode if mode is not None else module.training if waiting is None else waiting
            module.eval()
        elif waiting is not None:
            module.__dict__[THAWED] = None
            module.train(waiting)


def axes(value: Any, owner: Any) -> int | list[int]:
    if is_int(value):
        return int(value)
    if not is_sequence(value) or not value or not all(map(is_int, value)):
        raise Fact(f"must be an int or a list of ints, got {shown(value)}")
    return [int(axis) for axis in value]


class LayerNormalization(Layer):
    """Normalizes each sample over some axes.

    (B, ..., C) -> (B, ..., C)

    Args:
        axis: an axis, or a list of axes, over which mean and variance are taken; gamma and beta have their sizes.
        epsilon: added to the variance.
        center, scale: whether there are beta and gamma.

    >>> from layergraph import Input
    >>> LayerNormalization()(Input(shape=(10, 16))).shape
    (None, 10, 16)
    """

    _casts_integers: ClassVar[bool] = True

    axis: Axes = checked(axes, default=-1)
    epsilon: float = number(default=1e-3, low=0)
    center: bool = flag(default=True)
    scale: bool = flag(default=True)
    beta_initializer: Initializer = initializer(default="zeros")
    gamma_initializer: Initializer = initializer(default="ones")
    beta_regularizer: Regularizer = regularizer(default=None)
    gamma_regularizer: Regularizer = regularizer(default=None)
    beta_constraint: Constraint = constraint(default=None)
    gamma_constraint: Constraint = constraint(default=None)

    def build(self, input_shape: Shape) -> None:
        axes = self._sorted(len(input_shape))
        sizes: list[Any] = [input_shape[axis] for axis in axes]
        self.layer_norm = nn.LayerNorm(sizes, eps=self.epsilon)
        _drop_unused(self, self.layer_norm)

    def call(self, x: Tensor) -> Tensor:
        axes, rank = self._sorted(x.ndim), x.ndim
        order = [*(i for i in range(rank) if i not in axes), *axes]
        if order == list(range(rank)):
            return self.layer_norm(x)
        return self.layer_norm(x.permute(*order)).permute(*(order.index(i) for i in range(rank)))

    def keras_weights(self) -> list[Weight]:
        return _affine(self, self.layer_norm)

    def _sorted(self, rank: int) -> list[int]:
        axes = self.axis if isinstance(self.axis, list) else [self.axis]
        wrong = [axis for axis in axes if not -rank <= axis < rank]
        if wrong:
            raise Fact(f"axis {wrong[0]} is out of range for rank {rank}")
        found = sorted({axis % rank for axis in axes})
        if len(found) != len(axes):
            raise Fact(f"names an axis twice: {self.axis}, for rank {rank}")
        return found

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        try:
            axes = self._sorted(len(input_shape))
        except Fact as fact:
            raise Fact(f"{fact.what}, of shape {input_shape}") from None
        sizes = tuple(input_shape[axis] for axis in axes)
        if None in sizes:
            raise Fact(f"needs known sizes at axis {self.axis}, got shape {input_shape}", "give them in Input(shape=...)")
        if self.built and sizes != tuple(self.layer_norm.normalized_shape):
            raise Fact(f"was built for sizes {tuple(self.layer_norm.normalized_shape)}, got shape {input_shape}", "use another layer")
        return input_shape
