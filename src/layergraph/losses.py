"""Losses, by Keras's names: `layergraph.losses`."""

from typing import TYPE_CHECKING

from .absent import explained
from .training.loss_functions import binary_crossentropy as binary_crossentropy
from .training.loss_functions import categorical_crossentropy as categorical_crossentropy
from .training.loss_functions import categorical_hinge as categorical_hinge
from .training.loss_functions import cosine_similarity as cosine_similarity
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
from .training.losses import BinaryCrossentropy as BinaryCrossentropy
from .training.losses import CategoricalCrossentropy as CategoricalCrossentropy
from .training.losses import CategoricalHinge as CategoricalHinge
from .training.losses import CosineSimilarity as CosineSimilarity
from .training.losses import Hinge as Hinge
from .training.losses import Huber as Huber
from .training.losses import KLDivergence as KLDivergence
from .training.losses import LogCosh as LogCosh
from .training.losses import Loss as Loss
from .training.losses import MeanAbsoluteError as MeanAbsoluteError
from .training.losses import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from .training.losses import MeanSquaredError as MeanSquaredError
from .training.losses import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from .training.losses import Poisson as Poisson
from .training.losses import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from .training.losses import SquaredHinge as SquaredHinge
from .training.losses import get as get

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
