"""Training for any `nn.Module`: Keras's `compile`, `fit`, `evaluate`, `predict`, on plain torch.

    compile.py      what was asked for; binding.py: once outputs are seen, the loss and metrics of each
    data/           arrays, tensors, frames and loaders as flat batches; the order of an epoch
    engine.py       one batch: forward, loss, backward, step; passes.py: forward and loss as one function
    trainer.py      a running `fit`: epochs, validation, callbacks, where it stands
    checkpoint.py   a model, its optimizer and random numbers in one file; resuming.py, sums.py: and a running `fit`
    faults.py       signals, notes on errors, losses that are not finite
    steps.py        the same for a model with a `train_step`, `compute_loss`, ... of its own; variables.py: its weights meanwhile
    loop.py         fit, evaluate, predict; single.py: their one-batch forms
    trainable.py    the same as methods, for a module class
    losses/, metrics/, optimizers/, callbacks/

>>> import torch
>>> from layergraph.training import Compiled, fit
>>> history = fit(torch.nn.Linear(3, 1), Compiled("adam", loss="mse"), torch.rand(64, 3), torch.rand(64, 1), verbose=0)
>>> list(history.history)
['loss']
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .trainable import Trainable as Trainable

if TYPE_CHECKING:
    from .checkpoint import load_checkpoint as load_checkpoint
    from .checkpoint import save_checkpoint as save_checkpoint
    from .compile import Compiled as Compiled
    from .loop import evaluate as evaluate
    from .loop import fit as fit
    from .loop import predict as predict
    from .single import predict_on_batch as predict_on_batch
    from .single import test_on_batch as test_on_batch
    from .single import train_on_batch as train_on_batch

__all__ = [
    "Compiled",
    "Trainable",
    "evaluate",
    "fit",
    "load_checkpoint",
    "predict",
    "predict_on_batch",
    "save_checkpoint",
    "test_on_batch",
    "train_on_batch",
]


def __getattr__(name: str) -> Any:
    """Loaded when it is used: a model mixes in `Trainable` and need not train."""
    if name == "Compiled":
        from .compile import Compiled

        return Compiled
    if name in ("load_checkpoint", "save_checkpoint"):
        from . import checkpoint

        return getattr(checkpoint, name)
    if name in __all__:
        from . import loop, single

        return getattr(single if name.endswith("_on_batch") else loop, name)
    raise AttributeError(f"module 'layergraph.training' has no attribute {name!r}")
