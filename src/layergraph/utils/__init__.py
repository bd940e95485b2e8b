"""Keras's small tools, by its names: `layergraph.utils`.

arrays.py     class vectors, norms, sequences
images.py     pictures in files and arrays (extra `images`: Pillow)
datasets.py   splitting, windows over a series, batches from Python code
progress.py   a progress bar
seeds.py      the seed of everything, and the inputs behind a symbol
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from layergraph.absent import explained
from layergraph.dtypes import standardize_dtype as standardize_dtype
from layergraph.session import clear_session as clear_session
from layergraph.session import disable_interactive_logging as disable_interactive_logging
from layergraph.session import enable_interactive_logging as enable_interactive_logging
from layergraph.session import is_interactive_logging_enabled as is_interactive_logging_enabled
from layergraph.utils.arrays import normalize as normalize
from layergraph.utils.arrays import pad_sequences as pad_sequences
from layergraph.utils.arrays import to_categorical as to_categorical
from layergraph.utils.datasets import PyDataset as PyDataset
from layergraph.utils.datasets import Sequence as Sequence
from layergraph.utils.datasets import pack_x_y_sample_weight as pack_x_y_sample_weight
from layergraph.utils.datasets import split_dataset as split_dataset
from layergraph.utils.datasets import timeseries_dataset_from_array as timeseries_dataset_from_array
from layergraph.utils.datasets import unpack_x_y_sample_weight as unpack_x_y_sample_weight
from layergraph.utils.images import array_to_img as array_to_img
from layergraph.utils.images import img_to_array as img_to_array
from layergraph.utils.images import load_img as load_img
from layergraph.utils.images import save_img as save_img
from layergraph.utils.progress import Progbar as Progbar
from layergraph.utils.seeds import get_source_inputs as get_source_inputs
from layergraph.utils.seeds import is_keras_tensor as is_keras_tensor
from layergraph.utils.seeds import set_random_seed as set_random_seed

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
