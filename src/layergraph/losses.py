"""Losses, by Keras's names: `layergraph.losses`."""

from typing import TYPE_CHECKING

from .absent import explained
from .training.losses.base import Loss as Loss
from .training.losses.classes import BinaryCrossentropy as BinaryCrossentropy
from .training.losses.classes import CategoricalCrossentropy as CategoricalCrossentropy
from .training.losses.classes import CategoricalHinge as CategoricalHinge
from .training.losses.classes import CosineSimilarity as CosineSimilarity
from .training.losses.classes import Hinge as Hinge
from .training.losses.classes import Huber as Huber
from .training.losses.classes import KLDivergence as KLDivergence
from .training.losses.classes import LogCosh as LogCosh
from .training.losses.classes import MeanAbsoluteError as MeanAbsoluteError
from .training.losses.classes import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from .training.losses.classes import MeanSquaredError as MeanSquaredError
from .training.losses.classes import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from .training.losses.classes import Poisson as Poisson
from .training.losses.classes import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from .training.losses.classes import SquaredHinge as SquaredHinge
from .training.losses.functions import binary_crossentropy as binary_crossentropy
from .training.losses.functions import categorical_crossentropy as categorical_crossentropy
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
from .training.losses.lookup import get as get

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
