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
from ..training.optimizers.classes import Ftrl as Ftrl
from ..training.optimizers.classes import Lamb as Lamb
from ..training.optimizers.classes import Lion as Lion
from ..training.optimizers.classes import Nadam as Nadam
from ..training.optimizers.classes import RMSprop as RMSprop
from ..training.optimizers.classes import ScheduleFreeAdamW as ScheduleFreeAdamW
from ..training.optimizers.configs import deserialize as deserialize
from ..training.optimizers.configs import serialize as serialize
from ..training.optimizers.lookup import get as get
from ..training.optimizers.loss_scaling import LossScaleOptimizer as LossScaleOptimizer
from ..training.optimizers.multi import MultiOptimizer as MultiOptimizer
from ..training.optimizers.multi import OptimizerMap as OptimizerMap
from ..training.optimizers.shaped import Adafactor as Adafactor
from ..training.optimizers.shaped import Muon as Muon
from . import schedules as schedules

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
