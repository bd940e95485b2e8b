"""Update rules that torch.optim lacks, or has with other numbers, as `torch.optim` optimizers.

torch adds epsilon outside the root in RMSprop and Adagrad, inside the maximum in Adamax, and keeps the momentum of SGD
without the learning rate; Keras does the opposite each time. Each rule is a few operations over all tensors at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from torch import Tensor

# torch._foreach_* is how torch.optim itself works on many tensors at once


class Rule(torch.optim.Optimizer):
    """`step` for rules that are written over lists of tensors: subclasses give `slots` and `update`."""

    slots: tuple[str, ...] = ()

    def __init__(self, params: Iterable[Tensor], **defaults: Any):
        super().__init__(params, {**defaults, "t": 0})

    def start(self, name: str, param: Tensor, group: dict[str, Any]) -> Tensor:
        """The first value of a slot."""
        return torch.zeros_like(param, memory_format=torch.preserve_format)

    def first(self, param: Tensor) -> dict[str, Tensor]:
        """All slots of a parameter before its first step."""
        group = self.param_groups[0]
        return {name: self.start(name, param, group) for name in self.slots_of(group)}

    def update(self, group: dict[str, Any], params: list[Tensor], grads: list[Tensor], *slots: list[Tensor]) -> None:
        """One step for all tensors of a group."""
        raise NotImplementedError

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if not params:
                continue
            names = self.slots_of(group)
            for p in params:
                state = self.state[p]
                for name in names:
                    if name not in state:
                        state[name] = self.start(name, p, group)
            group["t"] += 1
            self.update(group, params, [p.grad for p in params], *([self.state[p][name] for p in params] for name in names))
        return loss

    def slots_of(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The slots that these options need."""
        return self.slots


class Holder(Rule):
    """No rule: parameters and learning rate of an optimizer that updates them itself."""

    def update(self, group: dict[str, Any], params: list[Tensor], grads: list[Tensor], *slots: list[Tensor]) -> None: ...


class MomentumSGD(Rule):
    """`m = momentum m - lr g; w += m`, and with nesterov `w += momentum m - lr g`."""

    slots = ("momentum_buffer",)

    def update(self, group: dict[str, Any], params: list[Tensor], grads: list[Tensor], *slots: list[Tensor]) -> None:
        (moments,) = slots
        torch._foreach_mul_(moments, group["momentum"])
        torch._foreach_add_(moments, grads, alpha=-group["lr"])
        if group["nesterov"]:
            torch._foreach_add_(params, grads, alpha=-group["lr"])
            torch._foreach_add_(params, moments, alpha=group["momentum"])
        else:
            torch._foreach_add_(params, moments)


class RMSprop(Rule):
    """`v = rho v + (1 - rho) g^2; w -= lr g / sqrt(v + eps)`; centered subtracts the square of the mean gradient."""

    def slots_of(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("square_avg", *(["grad_avg"] if group["centered"] else []), *(["momentum_buffer"] if group["momentum"] else []))

    def update(self, group: dict[str, Any], params: list[Tensor], grads: list[Tensor], *slots: list[Tensor]) -> None:
        kept = dict(zip(self.slots_of(group), slots, strict=True))
        rho = group["rho"]
        squares = kept["square_avg"]
        torch._foreach_mul_(squares, rho)
        torch._foreach_addcmul_(squares, grads, grads, value=1.0 - rho)
        if group["centered"]:
            torch._foreach_mul_(kept["grad_avg"], rho)
            torch._foreach_add_(kept["grad_avg"], grads, alpha=1.0 - rho)
            roots = torch._foreach_addcmul(squares, kept["grad_avg"], kept["grad_avg"], value=-1.0)
            torch._foreach_add_(roots, group["eps"])
        else:
            roots = torch._foreach_add(squares, group["eps"])
        torch._foreach_sqrt_(roots)
        if group["momentum"]:
            moments = kept["momentum_buffer"]
            torch._foreach_mul_(moments, group["momentum"])
            torch._foreach_addcdiv_(moments, grads, roots, value=group["lr"])
            torch._foreach_sub_(params, moments)
        else:
            torch._foreach_addcdiv_(params, grads, roots, value=-group["lr"])


class Adagrad(Rule):
    """`a += g^2; w -= lr g / sqrt(a + eps)`."""

    slots = ("sum",)

    def start(self, name: str, param: Tensor, group: dict[str, Any]) -> Tensor:
        return torch.full_like(param, group["initial_accumulator_value"], memory_format=torch.preserve_format)

    def update(self, group: dict[str, Any], params: list[Tensor], grads: list[Tensor], *slots: list[Tensor]) -> None:
        (sums,) = slots
        torch._foreach_addcmul_(sums, grads, grads, value=1.0)
        roots = torch._foreach_add(sums, group["eps"])
        torch._foreach_sqrt_(roots)
        torch._foreach_addcdiv_(params, grads, roots, value=-group["lr"])


class Adamax(Rule):
    """`m = b1 m + (1 - b1) g; u = max(b2 u, |g|); w -= lr m / ((1 - b1^t) (u + eps))`."""

    slots = ("exp_avg", "exp_inf")

    def update(self, group: dict[str, Any], params: list[Tensor], grads: list[Tensor], *slots: list[Tensor]) -> None:
        means, largest = slots
        beta_1, beta_2 = group["betas"]
        torch._foreach_lerp_(means, grads, 1.0 - beta_1)
        torch._foreach_mul_(largest, beta_2)
        torch._foreach_maximum_(largest, torch._foreach_abs(grads))
        torch._foreach_addcdiv_(params, means, torch._foreach_add(largest, group["eps"]), value=-group["lr"] / (1.0 - beta_1 ** group["t"]))


class Lion(Rule):
    """`w -= lr sign(b1 m + (1 - b1) g); m = b2 m + (1 - b2) g` (Chen et al. 2023)."""

    slots = ("exp_avg",)

    def update(self, group: dict[str, Any], params: list[Tensor], grads: list[Tensor], *slots: list[Tensor]) -> None:
        (means,) = slots
        beta_1, beta_2 = group["betas"]
        directions = torch._foreach_lerp(means, grads, 1.0 - beta_1)
        torch._foreach_sign_(directions)
        torch._foreach_add_(params, directions, alpha=-group["lr"])
        torch._foreach_lerp_(means, grads, 1.0 - beta_2)


class Ftrl(Rule):
    """Follow the regularized leader (McMahan et al. 2013), with shrinkage."""

    slots = ("accumulator", "linear")

    def start(self, name: str, param: Tensor, group: dict[str, Any]) -> Tensor:
        first = group["initial_accumulator_value"] if name == "accumulator" else 0.0
        return torch.full_like(param, first, memory_format=torch.preserve_format)

    def update(self, group: dict[str, Any], params: list[Tensor], grads: list[Tensor], *slots: list[Tensor]) -> None:
        sums, linears = slots
        rate, power, l1 = group["lr"], -group["learning_rate_power"], group["l1"]
        before = torch._foreach_pow(sums, power)
        torch._foreach_addcmul_(sums, grads, grads, value=1.0)
        after = torch._foreach_pow(sums, power)
        torch._foreach_add_(linears, grads)
        torch._foreach_add_(linears, params, alpha=2.0 * group["l2_shrinkage"])
        torch._foreach_addcmul_(linears, torch._foreach_sub(after, before), params, value=-1.0 / rate)
        torch._foreach_div_(after, rate)
        torch._foreach_add_(after, 2.0 * (group["l2"] + group["beta"] / (2.0 * rate)))
        clipped = torch._foreach_clamp_min(torch._foreach_clamp_max(linears, l1), -l1)
        torch._foreach_copy_(params, torch._foreach_div(torch._foreach_sub(clipped, linears), after))


class Lamb(Rule):
    """Adam whose step for each variable is as long as the variable itself times the learning rate (You et al. 2019)."""

    slots = ("exp_avg", "exp_avg_sq")
    joint: list[int] | None = None  # which of the tensors are one variable

    def update(self, group: dict[str, Any], params: list[Tensor], grads: list[Tensor], *slots: list[Tensor]) -> None:
        means, squares = slots
        beta_1, beta_2 = group["betas"]
        torch._foreach_lerp_(means, grads, 1.0 - beta_1)
        torch._foreach_mul_(squares, beta_2)
        torch._foreach_addcmul_(squares, grads, grads, value=1.0 - beta_2)
        roots = torch._foreach_sqrt(torch._foreach_div(squares, 1.0 - beta_2 ** group["t"]))
        torch._foreach_add_(roots, group["eps"])
        steps = torch._foreach_div(torch._foreach_div(means, 1.0 - beta_1 ** group["t"]), roots)
        lengths, strides = norms(params, self.joint), norms(list(steps), self.joint)
        ratios = torch.where((lengths > 0) & (strides > 0), lengths / strides, 1.0)
        torch._foreach_mul_(steps, list(ratios.unbind()))
        torch._foreach_add_(params, steps, alpha=-group["lr"])


class ScheduleFreeAdamW(Rule):
    """`z -= lr g / (sqrt(v / (1 - b2^t)) + eps); w += (z - w) / t`: the mean of Adam's weights (Defazio et al. 2024).

    The paper interpolates gradient and mean by beta_1. In Keras on torch and TensorFlow beta_1 cancels out, since the z that
    it calls old is the one just updated; these are its numbers.
    """

    slots = ("z", "exp_avg_sq")

    def start(self, name: str, param: Tensor, group: dict[str, Any]) -> Tensor:
        return param.detach().clone() if name == "z" else super().start(name, param, group)

    def update(self, group: dict[str, Any], params: list[Tensor], grads: list[Tensor], *slots: list[Tensor]) -> None:
        fast, squares = slots
        t, beta_2 = group["t"], group["betas"][1]
        rate = group["lr"] * (min(t / group["warmup_steps"], 1.0) if group["warmup_steps"] > 0 else 1.0)
        torch._foreach_mul_(squares, beta_2)
        torch._foreach_addcmul_(squares, grads, grads, value=1.0 - beta_2)
        roots = torch._foreach_sqrt(torch._foreach_div(squares, 1.0 - beta_2**t))
        torch._foreach_add_(roots, group["eps"])
        torch._foreach_addcdiv_(fast, grads, roots, value=-rate)
        torch._foreach_lerp_(params, fast, 1.0 / t)


# --- gradients and weights as a whole


def norms(tensors: list[Tensor], joint: list[int] | None) -> Tensor:
    """The norm of each tensor; tensors with the same number in `joint` are one, and each of them gets the norm of it."""
    each = torch.stack(torch._foreach_norm(tensors))
    if joint is None:
        return each
    rows = {number: i for i, number in enumerate(dict.fromkeys(joint))}
    places = torch.tensor([rows[number] for number in joint], device=each.device)
    return torch.zeros(len(rows), dtype=each.dtype, device=each.device).index_add_(0, places, each.square()).sqrt()[places]


@torch.no_grad()
def clip_each(grads: list[Tensor], limit: float, joint: list[int] | None = None) -> None:
    """Scales each gradient, in place, to a norm of at most `limit`; `joint` as in `norms`."""
    factors = limit / norms(grads, joint).clamp(min=limit)
    torch._foreach_mul_(grads, list(factors.unbind()))


@torch.no_grad()
def clip_all(grads: list[Tensor], limit: float) -> None:
    """Scales all gradients, in place, by one factor, so that their common norm is at most `limit`; NaN if that is not finite."""
    norm = cast("Tensor", torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads))))
    torch._foreach_mul_(grads, limit / norm.clamp(min=limit) + (norm - norm))


@torch.no_grad()
def clip_values(grads: list[Tensor], limit: float) -> None:
    """Cuts each entry, in place, to [-limit, limit]."""
    torch._foreach_clamp_min_(grads, -limit)
    torch._foreach_clamp_max_(grads, limit)


@torch.no_grad()
def decay(params: list[Tensor], factor: float) -> None:
    """Multiplies every parameter, in place."""
    torch._foreach_mul_(params, factor)


@torch.no_grad()
def divide(tensors: list[Tensor], by: float) -> None:
    """Divides every tensor, in place."""
    torch._foreach_div_(tensors, by)


@torch.no_grad()
def add(tensors: list[Tensor], others: list[Tensor]) -> None:
    """Adds to every tensor, in place."""
    torch._foreach_add_(tensors, others)


@torch.no_grad()
def zero(tensors: list[Tensor]) -> None:
    """Sets every tensor to zero."""
    torch._foreach_zero_(tensors)


@torch.no_grad()
def average(averages: list[Tensor], params: list[Tensor], momentum: float) -> None:
    """`a = momentum a + (1 - momentum) w`."""
    torch._foreach_mul_(averages, momentum)
    torch._foreach_add_(averages, params, alpha=1.0 - momentum)


@torch.no_grad()
def copy(tensors: list[Tensor], others: list[Tensor]) -> None:
    """Copies into every tensor."""
    torch._foreach_copy_(tensors, others)


@torch.no_grad()
def swap(tensors: list[Tensor], others: list[Tensor]) -> None:
    """Exchanges the values of two lists of tensors."""
    held = [t.detach().clone() for t in tensors]
    torch._foreach_copy_(tensors, others)
    torch._foreach_copy_(others, held)
