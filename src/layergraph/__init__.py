"""Keras's Functional API in, stock PyTorch out.

Symbolic Inputs and Keras-style layers record a graph; `Model` lowers it to a `torch.fx.GraphModule` of stock torch modules:

>>> import torch
>>> from layergraph import Input, Model
>>> from layergraph.layers import Dense
>>> x = Input(shape=(784,), name="pixels")
>>> hidden = Dense(64, activation="relu")(x)
>>> model = Model(inputs=x, outputs=Dense(10, activation="softmax")(hidden))
>>> model(torch.zeros(2, 784)).shape
torch.Size([2, 10])
>>> sorted(model.state_dict())
['dense.bias', 'dense.weight', 'dense_1.bias', 'dense_1.weight']
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layergraph import activations as activations
from layergraph import config as config
from layergraph import constraints as constraints
from layergraph import initializers as initializers
from layergraph import layers as layers
from layergraph import models as models
from layergraph import regularizers as regularizers
from layergraph.graph.symbolic import SymbolicTensor as KerasTensor
from layergraph.initializers import Initializer as Initializer
from layergraph.layers import Input as Input
from layergraph.layers import Layer as Layer
from layergraph.models import Functional as Functional
from layergraph.models import Model as Model
from layergraph.models import Sequential as Sequential
from layergraph.regularizers import Regularizer as Regularizer

if TYPE_CHECKING:
    from layergraph import callbacks as callbacks
    from layergraph import losses as losses
    from layergraph import metrics as metrics
    from layergraph import ops as ops
    from layergraph import optimizers as optimizers
    from layergraph.losses import Loss as Loss
    from layergraph.metrics import Metric as Metric

__version__ = "0.1.0"
__all__ = [
    "Functional",
    "Initializer",
    "Input",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Regularizer",
    "Sequential",
    "activations",
    "callbacks",
    "config",
    "constraints",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "regularizers",
]


def __getattr__(name: str) -> Any:
    """The ops and the rooms of training are loaded when they are used: importing layergraph costs little more than torch."""
    match name:
        case "callbacks":
            import layergraph.callbacks
        case "losses":
            import layergraph.losses
        case "metrics":
            import layergraph.metrics
        case "ops":
            import layergraph.ops
        case "optimizers":
            import layergraph.optimizers  # noqa: F401
        case "Loss":
            from layergraph.losses import Loss

            return Loss
        case "Metric":
            from layergraph.metrics import Metric

            return Metric
        case _:
            raise AttributeError(f"module 'layergraph' has no attribute {name!r}")
    return globals()[name]
