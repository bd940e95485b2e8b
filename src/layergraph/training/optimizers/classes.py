"""Keras's optimizers as declarations over `torch.optim`: names, arguments, defaults and numbers are Keras's.

An `Optimizer` is made without parameters, as in Keras; `build(parameters)` makes the torch optimizer,
`optimizer.torch_optimizer`, that does the work. One step: clip, decoupled weight decay, update, count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

import torch
from torch import Tensor

from ...errors import ArgumentError
from . import rules
from .base import Common, Optimizer, Rate


def _can_fuse(parameters: Sequence[Tensor]) -> bool:
    return all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in parameters)


class SGD(Optimizer):
    """Gradient descent with momentum: `m = momentum m - lr g; w += m`."""

    def __init__(self, learning_rate: Rate = 0.01, momentum: float = 0.0, nesterov: bool = False, **common: Unpack[Common]):
        super().__init__(learning_rate, **common)
        if not isinstance(momentum, float) or not 0.0 <= momentum <= 1.0:
            raise ArgumentError(f"SGD: `momentum` must be a float between [0, 1]. Received: momentum={momentum!r} of type {type(momentum)}")
        self.momentum = momentum
        self.nesterov = nesterov

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        if self.momentum:
            return rules.MomentumSGD(parameters, lr=self.learning_rate, momentum=self.momentum, nesterov=self.nesterov)
        return torch.optim.SGD(parameters, lr=self.learning_rate, fused=_can_fuse(parameters))


class _Adaptive(Optimizer):
    """What the relatives of Adam share."""

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **common: Unpack[Common],
    ):
        super().__init__(learning_rate, **common)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon


class Adam(_Adaptive):
    """Adam with Keras's epsilon, which is added before the bias of the second moment is corrected."""

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **common: Unpack[Common],
    ):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **common)
        self.amsgrad = amsgrad

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        return torch.optim.Adam(
            parameters,
            lr=self.learning_rate,
            betas=(self.beta_1, self.beta_2),
            eps=self.epsilon,
            amsgrad=self.amsgrad,
            fused=_can_fuse(parameters),
        )

    def prepare(self, group: dict[str, Any]) -> None:
        # torch divides the root by sqrt(1 - beta_2^t) before it adds epsilon: with this epsilon the two are the same
        group["eps"] = self.epsilon / math.sqrt(1.0 - self.beta_2 ** (self.iterations + 1))


class AdamW(Adam):
    """Adam with decoupled weight decay, 0.004 unless said otherwise."""

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        weight_decay: float | None = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **common: Any,
    ):
        if weight_decay is None:
            raise ArgumentError("AdamW(weight_decay=None): Argument `weight_decay` must be a float", "use Adam")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **common)


class RMSprop(Optimizer):
    """Divides by the root of a running mean of squared gradients, epsilon inside the root."""

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **common: Unpack[Common],
    ):
        super().__init__(learning_rate, **common)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        return rules.RMSprop(
            parameters, lr=self.learning_rate, rho=self.rho, momentum=self.momentum, eps=self.epsilon, centered=self.centered
        )


class Adagrad(Optimizer):
    """Divides by the root of the sum of squared gradients, epsilon inside the root."""

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **common: Unpack[Common],
    ):
        super().__init__(learning_rate, **common)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        return rules.Adagrad(parameters, lr=self.learning_rate, eps=self.epsilon, initial_accumulator_value=self.initial_accumulator_value)


class Adadelta(Optimizer):
    """Adadelta: torch's own, with Keras's defaults."""

    def __init__(self, learning_rate: Rate = 0.001, rho: float = 0.95, epsilon: float = 1e-7, **common: Unpack[Common]):
        super().__init__(learning_rate, **common)
        self.rho = rho
        self.epsilon = epsilon

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        return torch.optim.Adadelta(parameters, lr=self.learning_rate, rho=self.rho, eps=self.epsilon)


class Adamax(_Adaptive):
    """Adam with the largest gradient in place of the second moment."""

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        return rules.Adamax(parameters, lr=self.learning_rate, betas=(self.beta_1, self.beta_2), eps=self.epsilon)


class Nadam(_Adaptive):
    """Adam with Nesterov momentum: torch's own, with Keras's momentum schedule."""

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        # Keras lets the momentum grow by 0.96^t, torch by 0.96^(t * momentum_decay)
        return torch.optim.NAdam(parameters, lr=self.learning_rate, betas=(self.beta_1, self.beta_2), eps=self.epsilon, momentum_decay=1.0)


class Lion(Optimizer):
    """The sign of an interpolated momentum."""

    def __init__(self, learning_rate: Rate = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, **common: Unpack[Common]):
        super().__init__(learning_rate, **common)
        if not 0.0 < beta_1 <= 1.0:
            raise ArgumentError(f"Lion: `beta_1` must be between ]0, 1]. Received: beta_1={beta_1!r}")
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        return rules.Lion(parameters, lr=self.learning_rate, betas=(self.beta_1, self.beta_2))
