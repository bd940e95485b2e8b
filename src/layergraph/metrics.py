"""Metrics, by Keras's names: `layergraph.metrics`."""

from typing import TYPE_CHECKING

from .absent import explained
from .training.accuracies import binary_accuracy as binary_accuracy
from .training.accuracies import categorical_accuracy as categorical_accuracy
from .training.accuracies import sparse_categorical_accuracy as sparse_categorical_accuracy
from .training.accuracies import sparse_top_k_categorical_accuracy as sparse_top_k_categorical_accuracy
from .training.accuracies import top_k_categorical_accuracy as top_k_categorical_accuracy
from .training.loss_functions import binary_crossentropy as binary_crossentropy
from .training.loss_functions import categorical_crossentropy as categorical_crossentropy
from .training.loss_functions import categorical_hinge as categorical_hinge
from .training.loss_functions import hinge as hinge
from .training.loss_functions import huber as huber
from .training.loss_functions import kl_divergence as kl_divergence
from .training.loss_functions import log_cosh as log_cosh
from .training.loss_functions import mean_absolute_error as mean_absolute_error
from .training.loss_functions import mean_absolute_percentage_error as mean_absolute_percentage_error
from .training.loss_functions import mean_squared_error as mean_squared_error
from .training.loss_functions import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from .training.loss_functions import poisson as poisson
from .training.loss_functions import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from .training.loss_functions import squared_hinge as squared_hinge
from .training.metrics import Accuracy as Accuracy
from .training.metrics import BinaryAccuracy as BinaryAccuracy
from .training.metrics import BinaryCrossentropy as BinaryCrossentropy
from .training.metrics import CategoricalAccuracy as CategoricalAccuracy
from .training.metrics import CategoricalCrossentropy as CategoricalCrossentropy
from .training.metrics import CategoricalHinge as CategoricalHinge
from .training.metrics import CosineSimilarity as CosineSimilarity
from .training.metrics import Hinge as Hinge
from .training.metrics import KLDivergence as KLDivergence
from .training.metrics import LogCoshError as LogCoshError
from .training.metrics import Mean as Mean
from .training.metrics import MeanAbsoluteError as MeanAbsoluteError
from .training.metrics import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from .training.metrics import MeanMetricWrapper as MeanMetricWrapper
from .training.metrics import MeanSquaredError as MeanSquaredError
from .training.metrics import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from .training.metrics import Metric as Metric
from .training.metrics import Poisson as Poisson
from .training.metrics import RootMeanSquaredError as RootMeanSquaredError
from .training.metrics import SparseCategoricalAccuracy as SparseCategoricalAccuracy
from .training.metrics import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from .training.metrics import SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy
from .training.metrics import SquaredHinge as SquaredHinge
from .training.metrics import Sum as Sum
from .training.metrics import TopKCategoricalAccuracy as TopKCategoricalAccuracy
from .training.metrics import get as get

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
