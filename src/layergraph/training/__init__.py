"""Training for any `nn.Module`: Keras's `compile`, `fit`, `evaluate`, `predict`, on plain torch.

    compile.py      what was asked for, and, once outputs are seen, the loss and metrics of each
    data.py         arrays, tensors and loaders as flat batches
    engine.py       one batch: forward, loss, backward, step; modes and devices
    loop.py         fit, evaluate, predict: epochs, validation, callbacks
    trainable.py    the same as methods, for a module class
    losses.py, metrics.py, optimizers.py (with rules.py, schedules.py), callbacks.py (with progress.py)

>>> import torch
>>> from layergraph.training import Compiled, fit
>>> history = fit(torch.nn.Linear(3, 1), Compiled("adam", loss="mse"), torch.rand(64, 3), torch.rand(64, 1), verbose=0)
>>> list(history.history)
['loss']
"""

from .compile import Compiled as Compiled
from .loop import evaluate as evaluate
from .loop import fit as fit
from .loop import predict as predict
from .loop import predict_on_batch as predict_on_batch
from .loop import test_on_batch as test_on_batch
from .loop import train_on_batch as train_on_batch
from .trainable import Trainable as Trainable
