"""Losses, by Keras's names: `layergraph.losses`."""

from typing import TYPE_CHECKING

from .absent import explained
from .training.losses.base import Loss as Loss
from .training.losses.functions import binary_crossentropy as binary_crossentropy
from .training.losses.functions import binary_focal_crossentropy as binary_focal_crossentropy
from .training.losses.functions import categorical_crossentropy as categorical_crossentropy
from .training.losses.functions import categorical_focal_crossentropy as categorical_focal_crossentropy
from .training.losses.functions import categorical_generalized_cross_entropy as categorical_generalized_cross_entropy
from .training.losses.functions import categorical_hinge as categorical_hinge
from .training.losses.functions import cosine_similarity as cosine_similarity
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
from .training.losses.lookup import deserialize as deserialize
from .training.losses.lookup import get as get
from .training.losses.lookup import serialize as serialize
from .training.losses.probabilities import BinaryCrossentropy as BinaryCrossentropy
from .training.losses.probabilities import BinaryFocalCrossentropy as BinaryFocalCrossentropy
from .training.losses.probabilities import CategoricalCrossentropy as CategoricalCrossentropy
from .training.losses.probabilities import CategoricalFocalCrossentropy as CategoricalFocalCrossentropy
from .training.losses.probabilities import CategoricalGeneralizedCrossEntropy as CategoricalGeneralizedCrossEntropy
from .training.losses.probabilities import KLDivergence as KLDivergence
from .training.losses.probabilities import Poisson as Poisson
from .training.losses.probabilities import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from .training.losses.regression import CategoricalHinge as CategoricalHinge
from .training.losses.regression import CosineSimilarity as CosineSimilarity
from .training.losses.regression import Hinge as Hinge
from .training.losses.regression import Huber as Huber
from .training.losses.regression import LogCosh as LogCosh
from .training.losses.regression import MeanAbsoluteError as MeanAbsoluteError
from .training.losses.regression import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from .training.losses.regression import MeanSquaredError as MeanSquaredError
from .training.losses.regression import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from .training.losses.regression import SquaredHinge as SquaredHinge
from .training.losses.special import CTC as CTC
from .training.losses.special import Circle as Circle
from .training.losses.special import Dice as Dice
from .training.losses.special import Tversky as Tversky
from .training.losses.special import circle as circle
from .training.losses.special import ctc as ctc
from .training.losses.special import dice as dice
from .training.losses.special import tversky as tversky

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
