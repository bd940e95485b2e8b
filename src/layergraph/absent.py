"""What a room says when it is asked for a name that it does not have: what to use instead, that it comes later, or what was meant.

if not TYPE_CHECKING:  # a type checker knows the names without it, and finds slips by itself
    __getattr__ = explained(__name__)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import reduce
from opcode import opmap
from types import FrameType
from typing import Any

import torch

from .errors import NoAttributeError, NoNameError, suggestion

_FOLDERS = {
    "audio_dataset_from_directory": "write a torch.utils.data.Dataset over the files",
    "image_dataset_from_directory": "use torchvision.datasets.ImageFolder(directory, transform), in a DataLoader",
    "text_dataset_from_directory": "write a torch.utils.data.Dataset over the files",
}
_FLASH = "torch takes flash attention by itself where it can; torch.nn.attention.sdpa_kernel chooses otherwise"
_QUANTIZED = "layergraph has no quantized layers: quantize the model, which is stock torch"
_LIMIT = "pass epochs= and steps_per_epoch= to fit"
_FOREIGN = "use wrap(module)(x), with a module of torch"
_SHORT = {
    "kld": "use kl_divergence",
    "mae": "use mean_absolute_error",
    "mape": "use mean_absolute_percentage_error",
    "mse": "use mean_squared_error",
    "msle": "use mean_squared_logarithmic_error",
}

INSTEAD: dict[str, Mapping[str, str]] = {
    "": {
        "Function": "use Model(inputs, outputs)",
        "Operation": "subclass Layer, or call any function of torch on the symbol",
        "Quantizer": _QUANTIZED,
        "RematScope": "use torch.utils.checkpoint.checkpoint(layer, x, use_reentrant=False)",
        "StatelessScope": "use torch.func.functional_call(model, state, inputs)",
        "SymbolicScope": "call layers on Input(...): no scope is needed",
        "Variable": "use torch.nn.Parameter(values), or self.add_weight(...) in a layer",
        "applications": "use wrap(module)(x) around a model of torchvision or timm",
        "datasets": "use torchvision.datasets, or sklearn.datasets",
        "device": 'use torch.device("cuda"), which is a context manager too',
        "distillation": "use a loop of your own over model(x) and teacher(x)",
        "distribution": "use torch.nn.parallel.DistributedDataParallel(model), under torchrun",
        "export": "use torch.export.export(model, (x,)), or torch.onnx.export(model, (x,), path)",
        "legacy": "use the names of Keras 3",
        "name_scope": "use name=... of the layers; a nested model is a scope",
        "quantizers": _QUANTIZED,
        "remat": "use torch.utils.checkpoint.checkpoint(layer, x, use_reentrant=False)",
        "visualization": "use matplotlib",
        "wrappers": "use skorch, which takes any torch module",
    },
    "backend": {
        "batch_dot": "use torch.matmul(a, b), or layergraph.layers.Dot",
        "function": "use Model(inputs, outputs)",
        "get_session": "nothing: torch has no session",
        "get_value": "use x.detach().cpu().numpy()",
        "gradients": "use torch.autograd.grad(y, x)",
        "int_shape": "use x.shape",
        "learning_phase": "use model.training",
        "placeholder": "use Input(...)",
        "set_learning_phase": "use model.train() or model.eval()",
        "set_session": "nothing: torch has no session",
        "set_value": "use with torch.no_grad(): x.copy_(values)",
        "variable": "use torch.nn.Parameter(values)",
    },
    "callbacks": {"OrbaxCheckpoint": "it is JAX's; torch.distributed.checkpoint is torch's"},
    "config": {
        "disable_flash_attention": _FLASH,
        "enable_flash_attention": _FLASH,
        "enable_unsafe_deserialization": "nothing: no file's code is ever run; name your own classes in custom_objects=",
        "is_flash_attention_enabled": _FLASH,
        "is_nnx_enabled": "it is JAX's",
        "max_epochs": _LIMIT,
        "max_steps_per_epoch": _LIMIT,
        "set_max_epochs": _LIMIT,
        "set_max_steps_per_epoch": _LIMIT,
    },
    "dtype_policies": {
        "AWQDTypePolicy": _QUANTIZED,
        "DTypePolicyMap": "use dtype=... of the layers that differ",
        "GPTQDTypePolicy": _QUANTIZED,
        "Int4DTypePolicy": _QUANTIZED,
        "QuantizedDTypePolicy": _QUANTIZED,
        "QuantizedFloat8DTypePolicy": _QUANTIZED,
    },
    "layers": {
        "CuDNNGRU": "use GRU",
        "CuDNNLSTM": "use LSTM",
        "FlaxLayer": _FOREIGN,
        "JaxLayer": _FOREIGN,
        "TFSMLayer": _FOREIGN,
        "experimental": "use layergraph.layers itself",
        "merge": "use Concatenate, Add and the other layers of layergraph.layers",
    },
    "losses": _SHORT,
    "metrics": _SHORT,
    "mixed_precision": {"LossScaleOptimizer": "from layergraph.optimizers import LossScaleOptimizer"},
    "optimizers": {"legacy": "use layergraph.optimizers itself"},
    "preprocessing": {
        **_FOLDERS,
        "text": "use a tokenizer of your choice, and pad_sequences",
    },
    "preprocessing.image": {"ImageDataGenerator": "use torchvision.transforms.v2 in a torch.utils.data.Dataset"},
    "preprocessing.sequence": {"TimeseriesGenerator": "use layergraph.utils.timeseries_dataset_from_array"},
    "utils": {
        **_FOLDERS,
        "Config": "use types.SimpleNamespace, or a dataclass",
        "FeatureSpace": "use sklearn.compose.ColumnTransformer",
        "bounding_boxes": "use torchvision.tv_tensors.BoundingBoxes and torchvision.transforms.v2",
        "get_file": "use torch.hub.download_url_to_file(url, path)",
        "legacy": "use the names of Keras 3",
        "multi_gpu_model": "use torch.nn.parallel.DistributedDataParallel(model), under torchrun",
        "np_utils": "use layergraph.utils itself: to_categorical, normalize",
    },
}


def explained(module: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module: it raises `NoAttributeError`, or `NoNameError` for `from module import name`."""

    def __getattr__(name: str) -> Any:  # noqa: N807
        asking = _asking()
        if name.startswith("_") or asking.f_code.co_filename.startswith("<frozen importlib"):  # Python's own questions, which are many
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        # at `from ... import name` Python swallows an AttributeError, words and all
        importing = asking.f_code.co_code[asking.f_lasti] == opmap["IMPORT_FROM"]
        raise (NoNameError if importing else NoAttributeError)(*_story(module, name))

    return __getattr__


def _asking() -> FrameType:
    frame = sys._getframe(1)
    while frame.f_code.co_name == "__getattr__" and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _story(module: str, name: str) -> tuple[str, str | None]:
    """What is wrong, and what to type instead."""
    from .keras_names import ROOMS

    room = module.removeprefix("layergraph").lstrip(".")
    near = _near(name, _present(module, ROOMS.get(room, "")))
    instead = INSTEAD.get(room, {}).get(name)
    if instead is not None:
        return f"{module} has no {name!r}", instead
    if name in ROOMS.get(room, "").split():
        return f"{module} has no {name!r} yet: it is Keras's, and comes later", near
    elsewhere = [other for other, names in ROOMS.items() if name in names.split() and name in _present(_module(other), names)]
    if elsewhere:
        return f"{module} has no {name!r}", f"from {_module(elsewhere[0])} import {name}"
    if room == "backend" and hasattr(torch, name):
        return f"{module} has no {name!r}: torch is the backend, in person", f"torch.{name}"
    return f"{module} has no {name!r}", near


def _module(room: str) -> str:
    return f"layergraph.{room}" if room else "layergraph"


def _present(module: str, names: str) -> list[str]:
    """The public names that a room has: what it says itself, else those of Keras's that are there."""
    try:
        found = reduce(getattr, module.split(".")[1:], sys.modules["layergraph"])
    except AttributeError:
        return []
    return list(getattr(found, "__all__", ())) or [each for each in names.split() if each in vars(found)]


def _near(name: str, known: list[str]) -> str | None:
    """`did you mean 'Dense'?` for `dense` and `Dens`."""
    alike = [each for each in known if each.lower() == name.lower()]
    return suggestion(alike[0] if alike else name, known)
