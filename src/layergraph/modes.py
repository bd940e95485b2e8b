"""`train()` or `eval()` for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Sequence

from torch import Tensor, nn

# Where a layer keeps the name of the torch module whose weights it shows as its own: that one is no child of it.
ADOPTED = "_stem"
# Where a frozen module, kept in inference, keeps the mode that it has once it thaws.
THAWED = "_mode_when_thawed"


def all_modules(root: nn.Module) -> Iterator[nn.Module]:
    """`root.modules()`, and the modules that layers have adopted."""
    for module in root.modules():
        yield module
        name = module.__dict__.get(ADOPTED)
        if name is not None:
            yield module.__dict__[name]


def unbuilt(root: nn.Module) -> nn.Module | None:
    """The first layer that still waits for a batch to make its weights; None where there is none."""
    return next((module for module in root.modules() if getattr(module, "built", True) is False), None)


def stay_in_inference(module: nn.Module, frozen: bool, mode: bool | None = None) -> None:
    """Keep a module in inference while it is frozen, and give it its mode back when it thaws. `mode` is what it was just told."""
    waiting = module.__dict__.get(THAWED)
    if frozen:
        module.__dict__[THAWED] = mode if mode is not None else module.training if waiting is None else waiting
        module.eval()
    elif waiting is not None:
        module.__dict__[THAWED] = None
        module.train(waiting)


@contextlib.contextmanager
def in_mode(root: nn.Module, training: bool) -> Generator[None]:
    """Run in training or in inference; afterwards every module has the mode it had, whatever happened.

    `root.train(training)` decides what that means for each module: a frozen BatchNormalization stays in inference.
    """
    before = [(module, module.training, module.__dict__.get(THAWED)) for module in all_modules(root)]
    try:
        root.train(training)
        yield
    finally:
        for module, mode, thawed in before:
            module.training = mode
            if THAWED in module.__dict__:
                module.__dict__[THAWED] = thawed
        known = {id(module) for module, _, _ in before}
        for module in all_modules(root):
            if id(module) not in known:  # made meanwhile, by a layer that was built on this call
                waits = module.__dict__.get(THAWED) is not None
                module.__dict__[THAWED if waits else "training"] = before[0][1]


def device_type_of(args: Sequence[object]) -> str:
    """Where the first tensor is, as `torch.autocast` wants it."""
    return next((arg.device.type for arg in args if isinstance(arg, Tensor)), "cpu")
