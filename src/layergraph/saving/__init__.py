"""Configs: objects as plain data that JSON can hold, and back, through tables of names; and files of models and weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layergraph.absent import explained
from layergraph.saving import keras_operations, operations
from layergraph.saving.files import load_model as load_model
from layergraph.saving.files import load_weights as load_weights
from layergraph.saving.files import save_model as save_model
from layergraph.saving.files import save_weights as save_weights
from layergraph.saving.objects import deserialize_keras_object as deserialize_keras_object
from layergraph.saving.objects import serialize_keras_object as serialize_keras_object
from layergraph.saving.registry import CustomObjectScope as CustomObjectScope
from layergraph.saving.registry import custom_object_scope as custom_object_scope
from layergraph.saving.registry import get_custom_objects as get_custom_objects
from layergraph.saving.registry import get_registered_name as get_registered_name
from layergraph.saving.registry import get_registered_object as get_registered_object
from layergraph.saving.registry import register_keras_serializable as register_keras_serializable

_READERS = (operations, keras_operations)  # each has put what it reads into the tables

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
