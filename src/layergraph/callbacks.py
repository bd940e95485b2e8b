"""Callbacks, by Keras's names: `layergraph.callbacks`."""

from typing import TYPE_CHECKING

from .absent import explained
from .training.callbacks.averages import SwapEMAWeights as SwapEMAWeights
from .training.callbacks.backup import BackupAndRestore as BackupAndRestore
from .training.callbacks.base import Callback as Callback
from .training.callbacks.base import CallbackList as CallbackList
from .training.callbacks.base import History as History
from .training.callbacks.base import LambdaCallback as LambdaCallback
from .training.callbacks.checkpoints import ModelCheckpoint as ModelCheckpoint
from .training.callbacks.monitors import EarlyStopping as EarlyStopping
from .training.callbacks.monitors import TerminateOnNaN as TerminateOnNaN
from .training.callbacks.progress import ProgbarLogger as ProgbarLogger
from .training.callbacks.rates import LearningRateScheduler as LearningRateScheduler
from .training.callbacks.rates import ReduceLROnPlateau as ReduceLROnPlateau
from .training.callbacks.records import CSVLogger as CSVLogger
from .training.callbacks.records import RemoteMonitor as RemoteMonitor
from .training.callbacks.schedulers import TorchScheduler as TorchScheduler
from .training.callbacks.tensorboard import TensorBoard as TensorBoard

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
