"""What was passed to `fit`, `evaluate` or `predict`, as a source of batches."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable, Mapping
from typing import Any, cast

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from ...errors import DataError, user_place, warn_at
from ...kinds import is_sequence
from .arrays import Arrays as Arrays
from .arrays import checked_batch_size
from .checks import check_inputs, fixed_batch_size
from .inputs import Inputs
from .loaders import Loader as Loader
from .reader import Reader
from .source import Batch as Batch
from .source import Source as Source
from .structure import is_nested
from .tensors import to_structure
from .weights import weights_of


def is_array_like(x: Any) -> bool:
    """Whether `x` is arrays, and not something that makes batches."""
    return is_tensors(x) or (not makes_batches(x) and (is_nested(x) or hasattr(x, "__array__") or hasattr(x, "to_numpy")))


def is_tensors(x: Any) -> bool:
    """Whether `x` is a plain `TensorDataset` of x, y and sample weights: the same as these tensors."""
    return type(x) is TensorDataset and 1 <= len(x.tensors) <= 3


def makes_batches(x: Any) -> bool:
    """Whether `x` is a loader, a dataset or a generator."""
    return isinstance(x, (Dataset, DataLoader)) or is_py_dataset(x) or inspect.isgenerator(x)


def is_py_dataset(x: Any) -> bool:
    """Whether `x` is a PyDataset, of layergraph or of Keras: its items are batches."""
    return not isinstance(x, type) and all(hasattr(x, name) for name in ("__getitem__", "on_epoch_end", "use_multiprocessing"))


def make_source(
    module: nn.Module,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    steps: int | None = None,
    class_weight: Mapping[int, float] | None = None,
    who: str = "fit",
    inputs: Inputs | None = None,
) -> Source:
    """The source for whatever was passed.

    `class_weight` works where layergraph makes the batches, and with PyDatasets; not with DataLoaders and generators, as in Keras.

    Raises:
        DataError: wrong types, lengths or names.
    """
    first = next((p for p in module.parameters() if p.is_floating_point()), None)
    double = first is not None and first.dtype is torch.float64
    inputs = inputs or Inputs(module)
    if x is None:
        raise DataError(f"{who}: `x` is None", "pass an array, a tensor, or a dict of them by input name")
    if is_tensors(x):  # its samples are what arrays are
        _refuse_beside(x, y, sample_weight, who)
        x, y, sample_weight = (*x.tensors, None, None)[:3]
    if is_array_like(x):
        weights = weights_of(None if y is None or class_weight is None else to_structure(y, "y"), sample_weight, class_weight)
        arrays = Arrays(inputs, x, y, weights, double=double)
        if arrays.length == 0 and not who.startswith("predict"):  # of nothing, nothing is learned, but the shape of the outputs is known
            raise DataError("the data is empty: `x` has 0 samples")
        check_inputs(module, inputs, arrays.xs, who)
        arrays.fixed = fixed_batch_size(module)
        return arrays.set_batch_size(batch_size, steps)
    if type(x).__module__.startswith("tensorflow."):
        raise DataError(f"{who}: `x` is a {type(x).__name__} of TensorFlow, which layergraph does not read", "x.as_numpy_iterator()")
    _refuse_beside(x, y, sample_weight, who)
    check = functools.partial(check_inputs, module, inputs, who=who)
    reader = Reader(inputs, _outputs(module), kind_of(x), check, double=double)
    source = _making_batches(reader, x, checked_batch_size(batch_size), who)
    if class_weight is not None and isinstance(source, Loader):
        raise DataError(
            f"{who}: Argument `class_weight` is not supported for {reader.what} inputs",
            "yield (x, y, sample_weight); with class_weight: weight = np.vectorize(class_weight.get)(y)",
        )
    reader.class_weight = class_weight
    return source


def _making_batches(reader: Reader, x: Any, batch_size: int | None, who: str) -> Source:
    if is_py_dataset(x):
        from .datasets import Batches

        _tell_unused(batch_size, None, reader.what, who)
        return Batches(reader, x)
    if isinstance(x, IterableDataset):
        return Loader(reader, DataLoader(cast("Dataset[Any]", x), batch_size=batch_size or 32))
    if not isinstance(x, DataLoader) and hasattr(x, "__getitem__") and hasattr(x, "__len__"):
        from .datasets import Samples

        return Samples(reader, x, batch_size or 32)
    if isinstance(x, Iterable):
        loader = cast("Iterable[Any]", x)
        _tell_unused(batch_size, getattr(loader, "batch_size", None), reader.what, who)
        return Loader(reader, loader)
    fix = "pass arrays, tensors, a torch.utils.data.DataLoader, a generator or a PyDataset"
    if inspect.isroutine(x):
        fix = f"call it: {who}({getattr(x, '__name__', 'batches')}(), ...)"
    raise DataError(f"{who}: Unrecognized data type: `x` is a {reader.what}", fix)


def kind_of(x: Any) -> str:
    """What `x` is, in a word."""
    return "generator" if inspect.isgenerator(x) else type(x).__name__


def _refuse_beside(x: Any, y: Any, sample_weight: Any, who: str) -> None:
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            raise DataError(
                f"{who}: When providing `x` as a {kind_of(x)}, `{name}` should not be passed; the batches hold it",
                "yield (x, y) or (x, y, sample_weight)",
            )


def _tell_unused(batch_size: int | None, own: Any, what: str, who: str) -> None:
    """Keras drops it in silence. The batch size of the training is no word about the validation's."""
    if batch_size is not None and batch_size != own and "validation" not in who:
        warn_at(user_place(), f"{who}(batch_size={batch_size}) has no effect: the {what} makes its batches itself")


def _outputs(module: nn.Module) -> list[str]:
    names = getattr(module, "output_names", None)
    return list(names) if is_sequence(names) else []
