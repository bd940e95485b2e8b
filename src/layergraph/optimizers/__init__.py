"""Optimizers, by Keras's names: `layergraph.optimizers`, and learning rates in `layergraph.optimizers.schedules`."""

from typing import TYPE_CHECKING

from ..absent import explained
from ..training.optimizers.base import Optimizer as Optimizer
from ..training.optimizers.classes import SGD as SGD
from ..training.optimizers.classes import Adadelta as Adadelta
from ..training.optimizers.classes import Adagrad as Adagrad
from ..training.optimizers.classes import Adam as Adam
from ..training.optimizers.classes import Adamax as Adamax
from ..training.optimizers.classes import AdamW as AdamW
from ..training.optimizers.classes import Lion as Lion
from ..training.optimizers.classes import Nadam as Nadam
from ..training.optimizers.classes import RMSprop as RMSprop
from ..training.optimizers.lookup import get as get
from . import schedules as schedules

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
