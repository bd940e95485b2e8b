"""One batch at a time: `train_on_batch`, `test_on_batch`, `predict_on_batch`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from ..errors import DataError
from ..modes import in_mode
from .compile import Compiled
from .data.sources import Arrays, Batch, make_source
from .data.structure import flatten, pack
from .devices import refuse_one_batch
from .engine import Engine
from .loop import checked, joined, shaped
from .steps import Steps, engine_for


def train_on_batch(
    module: nn.Module,
    compiled: Compiled | None,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | None = None,
    return_dict: bool = False,
) -> Any:
    """One update on one batch; returns what `evaluate` would, before the update. The metrics start anew."""
    compiled = checked(compiled)
    refuse_one_batch(compiled)
    engine, batch = _one_batch(module, compiled, x, y, sample_weight, "train_on_batch", class_weight)
    engine.reset()
    with in_mode(module, True):
        engine.train_batch(batch)
    return shaped(engine, engine.batch_results(), return_dict)


def test_on_batch(  # no test, whatever its name begins with
    module: nn.Module,
    compiled: Compiled | None,
    x: Any,
    y: Any = None,  # noqa: PT028
    sample_weight: Any = None,  # noqa: PT028
    return_dict: bool = False,  # noqa: PT028
) -> Any:
    """Loss and metrics of one batch, in eval mode. The metrics start anew."""
    compiled = checked(compiled)
    engine, batch = _one_batch(module, compiled, x, y, sample_weight, "test_on_batch")
    engine.reset()
    with in_mode(module, False), engine.without_gradients():
        engine.test_batch(batch)
    return shaped(engine, engine.batch_results(), return_dict)


def predict_on_batch(module: nn.Module, x: Any, compiled: Compiled | None = None) -> Any:
    """The outputs of one batch as numpy arrays."""
    engine, batch = _one_batch(module, compiled, x, None, None, "predict_on_batch")
    with in_mode(module, False), engine.without_gradients():
        outputs = engine.predict_batch(batch)
        arrays = [joined([leaf.cpu() if isinstance(leaf, Tensor) else leaf]) for leaf in flatten(outputs)]
    return pack(outputs, arrays)


def _one_batch(
    module: nn.Module, compiled: Compiled | None, x: Any, y: Any, weight: Any, who: str, class_weight: Mapping[int, float] | None = None
) -> tuple[Engine, Batch]:
    kind = engine_for(module, compiled, predicting=who == "predict_on_batch", again=True)
    source = make_source(module, x, y, weight, class_weight=class_weight, who=who, inputs=kind.inputs_of(module))
    if not isinstance(source, Arrays):
        raise DataError(f"{who}: `x` must be arrays or tensors, not a {type(x).__name__}")
    engine = kind(module, source.inputs, compiled)
    engine.watch(source)
    if isinstance(engine, Steps):
        engine.whole = True
    return engine, (*source.xs, *source.ys, *source.ws)
