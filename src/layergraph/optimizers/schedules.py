"""Learning rates as functions of the step, by Keras's names: `layergraph.optimizers.schedules`."""

from typing import TYPE_CHECKING

from ..absent import explained
from ..training.schedules import CosineDecay as CosineDecay
from ..training.schedules import ExponentialDecay as ExponentialDecay
from ..training.schedules import InverseTimeDecay as InverseTimeDecay
from ..training.schedules import LearningRateSchedule as LearningRateSchedule
from ..training.schedules import PiecewiseConstantDecay as PiecewiseConstantDecay
from ..training.schedules import PolynomialDecay as PolynomialDecay

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
