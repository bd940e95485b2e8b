"""Learning rates as functions of the step, by Keras's names: `layergraph.optimizers.schedules`."""

from typing import TYPE_CHECKING

from ..absent import explained
from ..training.optimizers.schedules import CosineDecay as CosineDecay
from ..training.optimizers.schedules import CosineDecayRestarts as CosineDecayRestarts
from ..training.optimizers.schedules import ExponentialDecay as ExponentialDecay
from ..training.optimizers.schedules import InverseTimeDecay as InverseTimeDecay
from ..training.optimizers.schedules import LearningRateSchedule as LearningRateSchedule
from ..training.optimizers.schedules import PiecewiseConstantDecay as PiecewiseConstantDecay
from ..training.optimizers.schedules import PolynomialDecay as PolynomialDecay
from ..training.optimizers.schedules import deserialize as deserialize
from ..training.optimizers.schedules import serialize as serialize

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
