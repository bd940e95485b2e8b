"""Forward and loss of one batch: it changes nothing of ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from ..errors import DataError
from .binding import Binding, Masks
from .data.inputs import Inputs
from .data.sources import Batch
from .data.structure import flatten


class Forward:
    """Runs a module on the flat inputs of a batch.

    Args:
        runner: what is called: the module, or what wraps it on several devices.
        inputs: how it is called.
    """

    def __init__(self, runner: Any, inputs: Inputs):
        self.runner = runner
        self.inputs = inputs
        # a model whose outputs carry masks has a twin, over the same modules, that gives them too, and says which is whose
        self.masked: tuple[Any, Sequence[int | None]] | None = None
        self.through: Callable[..., Any] | None = None  # what is given the function to call, on several devices

    def outputs(self, xs: Sequence[Tensor]) -> Any:
        """The outputs as the module gives them."""
        return self._call(self.runner, xs)

    def _call(self, function: Any, xs: Sequence[Tensor]) -> Any:
        rebuild = self.inputs.rebuild
        args = xs if rebuild is None else (rebuild(xs),)
        return function(*args) if self.through is None else self.through(function, *args)

    def __call__(self, xs: Sequence[Tensor]) -> tuple[Any, Masks]:
        """The outputs, and the mask of each where there are any."""
        if self.masked is None:
            return self.outputs(xs), None
        twin, places = self.masked
        outputs, masks = self._call(twin, xs)
        return outputs, [None if place is None else masks[place] for place in places]


class Result(NamedTuple):
    """What a batch gave: the loss, that of each output; targets, predictions and weights by output, and masks."""

    total: Tensor
    each: list[Tensor]
    ys: list[Any]
    preds: list[Any]
    ws: list[Any]
    masks: Masks


class Pass:
    """Forward and loss of a batch of which it is known whose target is whose.

    Args:
        forward: runs the model on the inputs.
        inputs: how many tensors of a batch are inputs.
        binding: the losses.
        ys, ws: for each output, where in a batch its target and weight are.
        extra: gives the terms that the model itself adds to the loss; None where there are none.
    """

    def __init__(
        self,
        forward: Forward,
        inputs: int,
        binding: Binding,
        ys: Sequence[int | None],
        ws: Sequence[int | None],
        extra: Callable[[], Sequence[Tensor]] | None,
    ):
        self.forward = forward
        self.inputs = inputs
        self.binding = binding
        self.ys = ys
        self.ws = ws
        self.extra = extra
        self.losses: Any = binding.loss  # of a part of a batch, what it counts in the whole

    def __call__(self, batch: Batch) -> Result:
        """Forward and loss."""
        outputs, masks = self.forward(batch[: self.inputs])
        return self.score(outputs, masks, batch)

    def score(self, outputs: Any, masks: Masks, batch: Batch) -> Result:
        """The loss of these outputs.

        Raises:
            DataError: for an error of torch's inside a loss, with the shapes that led to it.
        """
        ys, ws = self._pick(self.ys, batch), self._pick(self.ws, batch)
        preds = self._predictions(outputs)
        try:
            total, each = self.losses(ys, preds, ws, () if self.extra is None else self.extra(), masks)
        except (RuntimeError, IndexError) as error:
            raise _explained(error, self.binding, ys, preds, ws) from error
        return Result(total, each, ys, preds, ws, masks)

    def _predictions(self, outputs: Any) -> list[Any]:
        return [outputs] if isinstance(outputs, Tensor) else flatten(outputs, self.binding.names)

    @staticmethod
    def _pick(places: Sequence[int | None], batch: Batch) -> list[Any]:
        return [None if i is None else batch[i] for i in places]


def _explained(error: Exception, binding: Binding, ys: Sequence[Any], preds: Sequence[Any], ws: Sequence[Any]) -> DataError:
    """A torch error inside a loss, with the shapes that led to it."""
    details = [
        f"output {bound.name!r}, loss {bound.loss.name!r}: y_true {_shape(ys[bound.output])}, y_pred {_shape(preds[bound.output])}"
        + (f", sample_weight {_shape(ws[bound.output])}" if ws[bound.output] is not None else "")
        for bound in binding.losses
    ]
    return DataError(f"the loss cannot be computed: {str(error).splitlines()[0]}", details=details)


def _shape(value: Any) -> str:
    return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}" if isinstance(value, Tensor) else type(value).__name__
