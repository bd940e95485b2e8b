"""Metrics, by Keras's names: `layergraph.metrics`."""

from typing import TYPE_CHECKING

from .absent import explained
from .training.losses.functions import binary_crossentropy as binary_crossentropy
from .training.losses.functions import binary_focal_crossentropy as binary_focal_crossentropy
from .training.losses.functions import categorical_crossentropy as categorical_crossentropy
from .training.losses.functions import categorical_focal_crossentropy as categorical_focal_crossentropy
from .training.losses.functions import categorical_hinge as categorical_hinge
from .training.losses.functions import hinge as hinge
from .training.losses.functions import huber as huber
from .training.losses.functions import kl_divergence as kl_divergence
from .training.losses.functions import log_cosh as log_cosh
from .training.losses.functions import mean_absolute_error as mean_absolute_error
from .training.losses.functions import mean_absolute_percentage_error as mean_absolute_percentage_error
from .training.losses.functions import mean_squared_error as mean_squared_error
from .training.losses.functions import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from .training.losses.functions import poisson as poisson
from .training.losses.functions import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from .training.losses.functions import squared_hinge as squared_hinge
from .training.metrics.accuracies import Accuracy as Accuracy
from .training.metrics.accuracies import BinaryAccuracy as BinaryAccuracy
from .training.metrics.accuracies import CategoricalAccuracy as CategoricalAccuracy
from .training.metrics.accuracies import SparseCategoricalAccuracy as SparseCategoricalAccuracy
from .training.metrics.accuracies import SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy
from .training.metrics.accuracies import TopKCategoricalAccuracy as TopKCategoricalAccuracy
from .training.metrics.accuracies import binary_accuracy as binary_accuracy
from .training.metrics.accuracies import categorical_accuracy as categorical_accuracy
from .training.metrics.accuracies import sparse_categorical_accuracy as sparse_categorical_accuracy
from .training.metrics.accuracies import sparse_top_k_categorical_accuracy as sparse_top_k_categorical_accuracy
from .training.metrics.accuracies import top_k_categorical_accuracy as top_k_categorical_accuracy
from .training.metrics.base import Mean as Mean
from .training.metrics.base import MeanMetricWrapper as MeanMetricWrapper
from .training.metrics.base import Metric as Metric
from .training.metrics.base import Sum as Sum
from .training.metrics.confusion import FalseNegatives as FalseNegatives
from .training.metrics.confusion import FalsePositives as FalsePositives
from .training.metrics.confusion import Precision as Precision
from .training.metrics.confusion import Recall as Recall
from .training.metrics.confusion import TrueNegatives as TrueNegatives
from .training.metrics.confusion import TruePositives as TruePositives
from .training.metrics.curves import AUC as AUC
from .training.metrics.curves import PrecisionAtRecall as PrecisionAtRecall
from .training.metrics.curves import RecallAtPrecision as RecallAtPrecision
from .training.metrics.curves import SensitivityAtSpecificity as SensitivityAtSpecificity
from .training.metrics.curves import SpecificityAtSensitivity as SpecificityAtSensitivity
from .training.metrics.iou import BinaryIoU as BinaryIoU
from .training.metrics.iou import IoU as IoU
from .training.metrics.iou import MeanIoU as MeanIoU
from .training.metrics.iou import OneHotIoU as OneHotIoU
from .training.metrics.iou import OneHotMeanIoU as OneHotMeanIoU
from .training.metrics.lookup import deserialize as deserialize
from .training.metrics.lookup import get as get
from .training.metrics.lookup import serialize as serialize
from .training.metrics.means import BinaryCrossentropy as BinaryCrossentropy
from .training.metrics.means import CategoricalCrossentropy as CategoricalCrossentropy
from .training.metrics.means import CategoricalHinge as CategoricalHinge
from .training.metrics.means import CosineSimilarity as CosineSimilarity
from .training.metrics.means import Hinge as Hinge
from .training.metrics.means import KLDivergence as KLDivergence
from .training.metrics.means import LogCoshError as LogCoshError
from .training.metrics.means import MeanAbsoluteError as MeanAbsoluteError
from .training.metrics.means import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from .training.metrics.means import MeanSquaredError as MeanSquaredError
from .training.metrics.means import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from .training.metrics.means import Poisson as Poisson
from .training.metrics.means import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from .training.metrics.means import SquaredHinge as SquaredHinge
from .training.metrics.regression import ConcordanceCorrelation as ConcordanceCorrelation
from .training.metrics.regression import PearsonCorrelation as PearsonCorrelation
from .training.metrics.regression import R2Score as R2Score
from .training.metrics.regression import RootMeanSquaredError as RootMeanSquaredError
from .training.metrics.regression import concordance_correlation as concordance_correlation
from .training.metrics.regression import pearson_correlation as pearson_correlation
from .training.metrics.scores import F1Score as F1Score
from .training.metrics.scores import FBetaScore as FBetaScore

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
