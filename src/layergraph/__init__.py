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
from layergraph.absent import explained
from layergraph.dtype_policies import DTypePolicy as DTypePolicy
from layergraph.dtype_policies import FloatDTypePolicy as FloatDTypePolicy
from layergraph.graph.symbolic import SymbolicTensor as KerasTensor
from layergraph.initializers import Initializer as Initializer
from layergraph.layers import Input as Input
from layergraph.layers import InputSpec as InputSpec
from layergraph.layers import Layer as Layer
from layergraph.layers import wrap as wrap
from layergraph.models import Functional as Functional
from layergraph.models import Model as Model
from layergraph.models import Sequential as Sequential
from layergraph.regularizers import Regularizer as Regularizer

if TYPE_CHECKING:
    from layergraph import backend as backend
    from layergraph import callbacks as callbacks
    from layergraph import dtype_policies as dtype_policies
    from layergraph import losses as losses
    from layergraph import metrics as metrics
    from layergraph import mixed_precision as mixed_precision
    from layergraph import ops as ops
    from layergraph import optimizers as optimizers
    from layergraph import preprocessing as preprocessing
    from layergraph import random as random
    from layergraph import saving as saving
    from layergraph import tree as tree
    from layergraph import utils as utils
    from layergraph.losses import Loss as Loss
    from layergraph.metrics import Metric as Metric
    from layergraph.optimizers import Optimizer as Optimizer
    from layergraph.saving.files import load_model as load

__version__ = "0.1.0"
__all__ = [
    "DTypePolicy",
    "FloatDTypePolicy",
    "Functional",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Regularizer",
    "Sequential",
    "activations",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "dtype_policies",
    "initializers",
    "layers",
    "load",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "ops",
    "optimizers",
    "preprocessing",
    "random",
    "regularizers",
    "saving",
    "tree",
    "utils",
    "version",
    "wrap",
]


def version() -> str:
    """The version of layergraph, which is no version of Keras.

    >>> version() == __version__
    True
    """
    return __version__


if not TYPE_CHECKING:
    _absent = explained(__name__)

    def __getattr__(name: str) -> Any:
        """Rooms that not every program enters are loaded when they are used: importing layergraph costs little more than torch."""
        match name:
            case "backend":
                import layergraph.backend
            case "callbacks":
                import layergraph.callbacks
            case "losses":
                import layergraph.losses
            case "metrics":
                import layergraph.metrics
            case "mixed_precision":
                import layergraph.mixed_precision
            case "ops":
                import layergraph.ops
            case "optimizers":
                import layergraph.optimizers
            case "preprocessing":
                import layergraph.preprocessing
            case "random":
                import layergraph.random
            case "saving":
                import layergraph.saving
            case "tree":
                import layergraph.tree
            case "utils":
                import layergraph.utils  # noqa: F401
            case "Loss":
                from layergraph.losses import Loss

                return Loss
            case "Metric":
                from layergraph.metrics import Metric

                return Metric
            case "Optimizer":
                from layergraph.optimizers import Optimizer

                return Optimizer
            case "load":
                from layergraph.saving.files import load_model as load

                return load
            case _:
                return _absent(name)
        return globals()[name]
