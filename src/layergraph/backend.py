"""What Keras 3 keeps of `keras.backend`: settings, dtype names, the session. The operations of older ones are torch's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .absent import explained
from .config import backend as backend
from .config import epsilon as epsilon
from .config import floatx as floatx
from .config import image_data_format as image_data_format
from .config import set_epsilon as set_epsilon
from .config import set_floatx as set_floatx
from .config import set_image_data_format as set_image_data_format
from .config import standardize_dtype as standardize_dtype
from .dtypes import is_float_dtype as is_float_dtype
from .dtypes import is_int_dtype as is_int_dtype
from .dtypes import result_type as result_type
from .session import clear_session as clear_session
from .session import get_uid as get_uid
from .utils.seeds import is_keras_tensor as is_keras_tensor

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
