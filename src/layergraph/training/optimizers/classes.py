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
from . import rules, state
from .arguments import Common, Rate
from .base import Optimizer

Slots = list[tuple[tuple[str, str], ...]]
_MOMENTS: Slots = [(("momentum", "exp_avg"), ("velocity", "exp_avg_sq"))]


def _count(parameter: Tensor, fused: bool) -> Tensor:
    """What torch counts steps with; a fused optimizer wants it beside the parameter."""
    return torch.zeros((), dtype=torch.float32, device=parameter.device if fused else "cpu")


def _can_fuse(parameters: Sequence[Tensor]) -> bool:
    return all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in parameters)


class SGD(Optimizer):
    """Gradient descent with momentum: `m = momentum m - lr g; w += m`."""

    def __init__(self, learning_rate: Rate = 0.01, momentum: float = 0.0, nesterov: bool = False, *common: Any, **named: Unpack[Common]):
        super().__init__(learning_rate, *common, **named)
        if not isinstance(momentum, float) or not 0.0 <= momentum <= 1.0:
            raise ArgumentError(f"SGD: `momentum` must be a float between [0, 1]. Received: momentum={momentum!r} of type {type(momentum)}")
        self.momentum = momentum
        self.nesterov = nesterov

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        if self.momentum:
            return rules.MomentumSGD(parameters, lr=self.learning_rate, momentum=self.momentum, nesterov=self.nesterov)
        return torch.optim.SGD(parameters, lr=self.learning_rate, fused=_can_fuse(parameters))

    def slots(self) -> Slots:
        return [(("momentum", "momentum_buffer"),)] if self.momentum else []


class _Adaptive(Optimizer):
    """What the relatives of Adam share."""

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        *common: Any,
        **named: Unpack[Common],
    ):
        super().__init__(learning_rate, *common, **named)
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
        *common: Any,
        **named: Unpack[Common],
    ):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, *common, **named)
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

    def start(self, parameter: Tensor) -> dict[str, Tensor]:
        words = ("exp_avg", "exp_avg_sq", *(["max_exp_avg_sq"] if self.amsgrad else []))
        kept = {"step": _count(parameter, bool(self.param_groups[0]["fused"]))}
        return {**kept, **{word: torch.zeros_like(parameter, memory_format=torch.preserve_format) for word in words}}

    def slots(self) -> Slots:
        return [*_MOMENTS, *([(("velocity_hat", "max_exp_avg_sq"),)] if self.amsgrad else [])]

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
        *common: Any,
        **named: Any,
    ):
        if weight_decay is None:
            raise ArgumentError("AdamW(weight_decay=None): Argument `weight_decay` must be a float", "use Adam")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, *common, **named)


class RMSprop(Optimizer):
    """Divides by the root of a running mean of squared gradients, epsilon inside the root."""

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        *common: Any,
        **named: Unpack[Common],
    ):
        super().__init__(learning_rate, *common, **named)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        return rules.RMSprop(
            parameters, lr=self.learning_rate, rho=self.rho, momentum=self.momentum, eps=self.epsilon, centered=self.centered
        )

    def slots(self) -> Slots:
        found: Slots = [(("velocity", "square_avg"),)]
        found += [(("momentum", "momentum_buffer"),)] if self.momentum else []
        return found + ([(("average_gradient", "grad_avg"),)] if self.centered else [])


class Adagrad(Optimizer):
    """Divides by the root of the sum of squared gradients, epsilon inside the root."""

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        *common: Any,
        **named: Unpack[Common],
    ):
        super().__init__(learning_rate, *common, **named)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        return rules.Adagrad(parameters, lr=self.learning_rate, eps=self.epsilon, initial_accumulator_value=self.initial_accumulator_value)

    def slots(self) -> Slots:
        return [(("accumulator", "sum"),)]


class Adadelta(Optimizer):
    """Adadelta: torch's own, with Keras's defaults."""

    def __init__(self, learning_rate: Rate = 0.001, rho: float = 0.95, epsilon: float = 1e-7, *common: Any, **named: Unpack[Common]):
        super().__init__(learning_rate, *common, **named)
        self.rho = rho
        self.epsilon = epsilon

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        return torch.optim.Adadelta(parameters, lr=self.learning_rate, rho=self.rho, eps=self.epsilon)

    def start(self, parameter: Tensor) -> dict[str, Tensor]:
        words = ("square_avg", "acc_delta")
        slots = {word: torch.zeros_like(parameter, memory_format=torch.preserve_format) for word in words}
        return {"step": _count(parameter, fused=False), **slots}

    def slots(self) -> Slots:
        return [(("accumulated_grad", "square_avg"), ("accumulated_delta_var", "acc_delta"))]


class Adamax(_Adaptive):
    """Adam with the largest gradient in place of the second moment."""

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        return rules.Adamax(parameters, lr=self.learning_rate, betas=(self.beta_1, self.beta_2), eps=self.epsilon)

    def slots(self) -> Slots:
        return [(("momentum", "exp_avg"), ("norm", "exp_inf"))]


class Nadam(_Adaptive):
    """Adam with Nesterov momentum: torch's own, with Keras's momentum schedule."""

    _product = (0, 1.0)  # of the momenta of so many steps

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        # Keras lets the momentum grow by 0.96^t, torch by 0.96^(t * momentum_decay)
        return torch.optim.NAdam(parameters, lr=self.learning_rate, betas=(self.beta_1, self.beta_2), eps=self.epsilon, momentum_decay=1.0)

    def start(self, parameter: Tensor) -> dict[str, Tensor]:
        kept = {"step": _count(parameter, fused=False), "mu_product": torch.ones((), dtype=parameter.dtype)}
        return {**kept, **{word: torch.zeros_like(parameter, memory_format=torch.preserve_format) for word in ("exp_avg", "exp_avg_sq")}}

    def recount(self, kept: dict[str, Any]) -> None:
        if int(kept["step"]) == self.iterations:
            return
        super().recount(kept)
        t, product = self._product if self._product[0] <= self.iterations else (0, 1.0)
        while t < self.iterations:
            t += 1
            product *= self.beta_1 * (1.0 - 0.5 * 0.96**t)
        self._product = t, product
        kept["mu_product"].fill_(product)

    def slots(self) -> Slots:
        return _MOMENTS

    def entries(self) -> list[state.Entry]:
        found = super().entries()
        if self._torch is None:
            return found
        products = [kept["mu_product"] for kept in self._states()]

        def put(value: Tensor) -> None:
            for product in products:
                product.fill_(float(value))

        first = products[0].detach().clone() if products else torch.ones(())
        return [*found, state.Entry("variable", first, put)]


class Lion(Optimizer):
    """The sign of an interpolated momentum."""

    def __init__(self, learning_rate: Rate = 0.001, beta_1: float = 0.9, beta_2: float = 0.99, *common: Any, **named: Unpack[Common]):
        super().__init__(learning_rate, *common, **named)
        if not 0.0 < beta_1 <= 1.0:
            raise ArgumentError(f"Lion: `beta_1` must be between ]0, 1]. Received: beta_1={beta_1!r}")
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        return rules.Lion(parameters, lr=self.learning_rate, betas=(self.beta_1, self.beta_2))

    def slots(self) -> Slots:
        return [(("momentum", "exp_avg"),)]


class Ftrl(Optimizer):
    """Follow the regularized leader, which sets weights to zero that are of little use.

    Args:
        learning_rate_power: how the rate falls with the sum of squared gradients; 0 or less.
        initial_accumulator_value: where that sum starts.
        l1_regularization_strength, l2_regularization_strength: of the weights themselves.
        l2_shrinkage_regularization_strength: of the loss only; it does not make weights sparse.
        beta: added to the root of the sum, for all weights alike.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        *common: Any,
        **named: Unpack[Common],
    ):
        super().__init__(learning_rate, *common, **named)
        if learning_rate_power > 0.0:
            raise ArgumentError(f"Ftrl: `learning_rate_power` needs to be negative or zero. Received: {learning_rate_power=}")
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        for word in self._arguments[1:-1]:
            if not getattr(self, word) >= 0.0:
                raise ArgumentError(f"Ftrl: `{word}` needs to be positive or zero. Received: {word}={getattr(self, word)}")

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        return rules.Ftrl(
            parameters,
            lr=self.learning_rate,
            learning_rate_power=self.learning_rate_power,
            initial_accumulator_value=self.initial_accumulator_value,
            l1=self.l1_regularization_strength,
            l2=self.l2_regularization_strength,
            l2_shrinkage=self.l2_shrinkage_regularization_strength,
            beta=self.beta,
        )

    def slots(self) -> Slots:
        return [(("accumulator", "accumulator"), ("linear", "linear"))]


class Lamb(_Adaptive):
    """Adam with a step as long as each variable is, for large batches."""

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        return rules.Lamb(parameters, lr=self.learning_rate, betas=(self.beta_1, self.beta_2), eps=self.epsilon)

    def advance(self) -> None:
        assert isinstance(self._torch, rules.Lamb)
        self._torch.joint = self._joint([p for p in self.parameters if p.grad is not None])
        super().advance()

    def slots(self) -> Slots:
        return _MOMENTS


class ScheduleFreeAdamW(_Adaptive):
    """Adam and the mean of all its weights, which needs no schedule; weight decay only where `weight_decay` asks for it.

    Args:
        beta_1: has no effect on the numbers of Keras on torch, nor here.
        warmup_steps: steps over which the rate rises to its height.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        *common: Any,
        **named: Unpack[Common],
    ):
        super().__init__(learning_rate, beta_1, beta_2, epsilon, *common, **named)
        self.warmup_steps = warmup_steps

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        return rules.ScheduleFreeAdamW(
            parameters, lr=self.learning_rate, betas=(self.beta_1, self.beta_2), eps=self.epsilon, warmup_steps=self.warmup_steps
        )

    def slots(self) -> Slots:
        return [(("momentum", "z"), ("velocity", "exp_avg_sq"))]
