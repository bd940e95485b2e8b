"""Optimizers, by Keras's names: `layergraph.optimizers`, and learning rates in `layergraph.optimizers.schedules`."""

from typing import TYPE_CHECKING

from ..absent import explained
from ..training.optimizers import SGD as SGD
from ..training.optimizers import Adadelta as Adadelta
from ..training.optimizers import Adagrad as Adagrad
from ..training.optimizers import Adam as Adam
from ..training.optimizers import Adamax as Adamax
from ..training.optimizers import AdamW as AdamW
from ..training.optimizers import Lion as Lion
from ..training.optimizers import Nadam as Nadam
from ..training.optimizers import Optimizer as Optimizer
from ..training.optimizers import RMSprop as RMSprop
from ..training.optimizers import get as get
from . import schedules as schedules

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
