"""Callbacks, by Keras's names: `layergraph.callbacks`."""

from typing import TYPE_CHECKING

from .absent import explained
from .training.callbacks import Callback as Callback
from .training.callbacks import CallbackList as CallbackList
from .training.callbacks import EarlyStopping as EarlyStopping
from .training.callbacks import History as History
from .training.callbacks import LambdaCallback as LambdaCallback
from .training.callbacks import LearningRateScheduler as LearningRateScheduler
from .training.callbacks import TerminateOnNaN as TerminateOnNaN
from .training.progress import ProgbarLogger as ProgbarLogger

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
