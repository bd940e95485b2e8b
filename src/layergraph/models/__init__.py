"""Models: recorded layers as plain PyTorch modules that train."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layergraph.absent import explained
from layergraph.identify import MODELS, OBJECTS
from layergraph.models.functional import Functional as Functional
from layergraph.models.model import Model as Model
from layergraph.models.sequential import Sequential as Sequential

if TYPE_CHECKING:
    from layergraph.models.cloning import clone_model as clone_model
    from layergraph.models.reading import model_from_json as model_from_json
    from layergraph.saving.files import load_model as load_model
    from layergraph.saving.files import save_model as save_model

__all__ = ["Functional", "Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]

MODELS.update(Model=Model, Functional=Functional, Sequential=Sequential)


def _write(held: Any) -> Any:
    from layergraph.saving.objects import serialize_keras_object

    return serialize_keras_object(held)


def _read(config: Any, custom_objects: Any = None) -> Any:
    from layergraph.saving.objects import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects)


OBJECTS.update(write=_write, read=_read)

if not TYPE_CHECKING:
    _absent = explained(__name__)

    def __getattr__(name: str) -> Any:
        """What needs the tables of configs is loaded when it is used."""
        match name:
            case "clone_model":
                from layergraph.models.cloning import clone_model

                return clone_model
            case "model_from_json":
                from layergraph.models.reading import model_from_json

                return model_from_json
            case "load_model":
                from layergraph.saving.files import load_model

                return load_model
            case "save_model":
                from layergraph.saving.files import save_model

                return save_model
            case _:
                return _absent(name)
