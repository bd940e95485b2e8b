"""Adafactor and Muon, which look at a variable's rows and columns: in Keras's layout, where a module has told it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Unpack

import torch
from torch import Tensor

from . import rules, state
from .arguments import Common, Rate
from .base import Optimizer
from .variables import Variable, Variables, as_variables


class ShapedRule(rules.Rule):
    """A rule that takes one of Keras's variables at a time: its state is in Keras's layout, and stands at its first tensor."""

    def __init__(self, params: Iterable[Tensor], **defaults: Any):
        super().__init__(params, **defaults)
        self.found: list[Variable] = []

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One update of every variable that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        groups = {id(p): group for group in self.param_groups for p in group["params"]}
        for group in self.param_groups:
            group["t"] += 1
        for v in self.found:
            if any(t.grad is not None for t in v.tensors):
                value = v.value
                self.update_one(groups[id(v.held[0])], self.state[v.tensors[0]], value, v.gather(lambda t: t.grad))
                v.write(value)
        return loss

    def update_one(self, group: dict[str, Any], kept: dict[str, Tensor], value: Tensor, grad: Tensor) -> None:
        """Changes `value`, in place."""
        raise NotImplementedError


def _rms(x: Tensor) -> Tensor:
    return x.square().mean().sqrt()


class AdafactorRule(ShapedRule):
    """The second moment as the product of means of rows and columns, of the last two axes (Shazeer and Stern 2018)."""

    def update_one(self, group: dict[str, Any], kept: dict[str, Tensor], value: Tensor, grad: Tensor) -> None:
        t = group["t"]
        rate = min(group["lr"], t**-0.5)
        beta_2 = 1.0 - t ** group["beta_2_decay"]
        squares = grad.square() + group["epsilon_1"]
        velocity = kept["velocity"]
        if value.ndim >= 2:
            rows, columns = kept["r"], kept["c"]
            rows.mul_(beta_2).add_(squares.mean(-1), alpha=1.0 - beta_2)
            columns.mul_(beta_2).add_(squares.mean(-2), alpha=1.0 - beta_2)
            torch.mul((rows / rows.mean(-1, keepdim=True)).unsqueeze(-1), columns.unsqueeze(-2), out=velocity)
        else:
            velocity.mul_(beta_2).add_(squares, alpha=1.0 - beta_2)
        change = grad / velocity.sqrt()
        change /= (_rms(change) / group["clip_threshold"]).clamp(min=1.0)
        value.sub_(change * (_rms(value).clamp(min=group["epsilon_2"]) * rate))


class MuonRule(ShapedRule):
    """Momentum made orthogonal by Newton and Schulz's iteration (Jordan et al. 2024); Adam for what has a `velocity`."""

    def update_one(self, group: dict[str, Any], kept: dict[str, Tensor], value: Tensor, grad: Tensor) -> None:
        m = kept["momentum"]
        if "velocity" in kept:
            t, v = group["t"], kept["velocity"]
            beta_1, beta_2 = group["betas"]
            m.lerp_(grad, 1.0 - beta_1)
            v.mul_(beta_2).addcmul_(grad, grad, value=1.0 - beta_2)
            rate = group["lr"] * group["adam_lr_ratio"] * (1.0 - beta_2**t) ** 0.5 / (1.0 - beta_1**t)
            value.addcdiv_(m, v.sqrt().add_(group["eps"]), value=-rate)
            return
        m.mul_(group["momentum"]).add_(grad)
        direction = orthogonal(grad + group["momentum"] * m if group["nesterov"] else m, group["factors"], group["ns_steps"])
        stretch = 1.0 if group["rms_rate"] is None else group["rms_rate"] * max(value.shape[0], value.shape[1]) ** 0.5
        value.sub_(direction, alpha=group["lr"] * stretch)


def orthogonal(x: Tensor, factors: tuple[float, float, float], steps: int) -> Tensor:
    """A matrix near the orthogonal one that is nearest to `x`: `steps` times `a x + b (x x') x + c (x x')^2 x`."""
    a, b, c = factors
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.square().sum().sqrt() + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Shaped(Optimizer):
    """What Adafactor and Muon share: their rules know the variables."""

    def build(self, variables: Any) -> None:
        """As `Optimizer.build`. State has the layout in which it was made: names that come later change nothing for it."""
        found = as_variables(variables)
        if self.steps and found.told and not self._variables.told:
            old = {id(t): v for v in self._variables.found for t in v.tensors}
            kept = [v for v in self._variables.found if all(id(t) in {id(p) for p in found.tensors} for t in v.tensors)]
            fresh = [v for v in found.found if not any(id(t) in old for t in v.tensors)]
            found = Variables([*kept, *fresh], found.named, told=True)
        elif self.built and not self.steps and found.told:
            self._forget()  # made for torch's layout, and never used
        elif self._variables.told and not found.told and self.knows(found.tensors):
            found = self._variables
        self._variables = found  # `start` asks for the shapes
        super().build(found)

    def _forget(self) -> None:
        assert self._torch is not None
        self._torch.state.clear()

    def start(self, parameter: Tensor) -> dict[str, Tensor]:
        v = next((v for v in self._variables.found if v.tensors[0] is parameter), None)
        return {} if v is None else self.first(v)

    def first(self, variable: Variable) -> dict[str, Tensor]:
        """The state of a variable before its first step."""
        raise NotImplementedError

    def advance(self) -> None:
        assert isinstance(self._torch, ShapedRule)
        self._torch.found = self._variables.found
        super().advance()

    def _entry(self, v: Variable, word: str, key: str) -> state.Entry:
        assert self._torch is not None
        kept = self._torch.state[v.tensors[0]].get(key)
        if kept is None:
            return state.Entry(word, torch.zeros((), dtype=torch.int32), state.nothing)
        return state.Entry(state.path_of(self, v, word), kept, kept.copy_)


class Adafactor(Shaped):
    """Adam's second moment at the price of a row and a column, with steps relative to the size of the weights.

    Args:
        beta_2_decay: the exponent by which the memory of the second moment grows.
        epsilon_1, epsilon_2: added to the squared gradient; the least size of a variable.
        clip_threshold: the limit of an update's root mean square.
        relative_step: has no effect in Keras 3 and here: the rate is at most `1 / sqrt(step)` in either case.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        *common: Any,
        **named: Unpack[Common],
    ):
        super().__init__(learning_rate, *common, **named)
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        own = {word: getattr(self, word) for word in ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold")}
        return AdafactorRule(parameters, lr=self.learning_rate, **own)

    def first(self, variable: Variable) -> dict[str, Tensor]:
        value = torch.zeros_like(variable.value, memory_format=torch.contiguous_format)
        if value.ndim < 2:
            return {"velocity": value}
        return {"r": torch.zeros_like(value[..., 0]), "c": torch.zeros_like(value[..., 0, :]), "velocity": value}

    def entries(self) -> list[state.Entry]:
        head = list(state.entries(self, self._variables.found))
        words = (("r", "r"), ("c", "c"), ("velocity", "velocity"))
        return head + [self._entry(v, word, key) for v in self._variables.found for word, key in words if self.built]


class Muon(Shaped):
    """Orthogonal momentum for matrices; Adam for all else, for embeddings, and for what `exclude_layers` names.

    Which variable is a matrix is Keras's to say: a Dense kernel is one, the kernel of attention with heads is not.

    Args:
        learning_rate: of the matrices; Adam's is `adam_lr_ratio` times it.
        weight_decay, adam_weight_decay: decoupled, of the matrices and of the rest.
        exclude_layers: regular expressions, searched in the paths of the variables: `encoder/dense/kernel`.
        exclude_embeddings: leave variables with `embedding` in their path to Adam.
        muon_a, muon_b, muon_c, ns_steps: of Newton and Schulz's iteration.
        rms_rate: steps are `rms_rate * sqrt(longer side)` long; None leaves them as they are.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: list[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **unknown: Any,
    ):
        super().__init__(
            learning_rate,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
            **unknown,
        )
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = exclude_layers or []
        self.exclude_embeddings = exclude_embeddings
        self.muon_a, self.muon_b, self.muon_c = muon_a, muon_b, muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        return MuonRule(
            parameters,
            lr=self.learning_rate,
            momentum=self.momentum,
            nesterov=self.nesterov,
            factors=(self.muon_a, self.muon_b, self.muon_c),
            ns_steps=self.ns_steps,
            rms_rate=self.rms_rate,
            betas=(self.adam_beta_1, self.adam_beta_2),
            eps=self.epsilon,
            adam_lr_ratio=self.adam_lr_ratio,
        )

    def left_to_adam(self, variable: Variable) -> bool:
        """Whether a variable is no matrix, or excluded."""
        if len(variable.shape) != 2 or (self.exclude_embeddings and "embedding" in variable.path.lower()):
            return True
        return any(re.search(word, variable.path) for word in self.exclude_layers)

    def first(self, variable: Variable) -> dict[str, Tensor]:
        words = ("momentum", "velocity") if self.left_to_adam(variable) else ("momentum",)
        return {word: torch.zeros_like(variable.value, memory_format=torch.contiguous_format) for word in words}

    def _decay(self, trained: list[Tensor]) -> None:
        assert self._torch is not None
        ids = {id(p) for p in trained}
        chosen: dict[float, list[Tensor]] = {}
        for v in self._variables.found:
            adam = "velocity" in self._torch.state[v.tensors[0]]
            amount = self.adam_weight_decay if adam else self.weight_decay
            if amount and self.is_decayed(v):
                chosen.setdefault(amount, []).extend(t for t in v.tensors if id(t) in ids)
        for amount, tensors in chosen.items():
            self._decay_by(tensors, amount)

    def entries(self) -> list[state.Entry]:
        head = list(state.entries(self, self._variables.found))
        if self._torch is None:
            return head
        kept = self._torch.state
        words = ("momentum", "velocity")
        return head + [self._entry(v, w, w) for v in self._variables.found for w in words if w in kept[v.tensors[0]]]
