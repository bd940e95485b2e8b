"""Layers that hold layers."""

from __future__ import annotations

from .row import Of, Row, Wrong, argument, refused_inputs

_NO_LAYER = argument("layer", "dense", 3, None)

ROWS: tuple[Row, ...] = (
    Row("Wrapper", {"layer": Of("Dense", {"units": 3, "activation": "tanh"})}, ((2, 5, 4),), unknown=(1,), wrong=_NO_LAYER),
    Row(
        "TimeDistributed",
        {"layer": Of("Conv1D", {"filters": 3, "kernel_size": 2})},
        ((2, 3, 5, 4),),
        unknown=(1, 2),
        wrong=(
            *_NO_LAYER,
            refused_inputs((2, 4)),
            refused_inputs((2, 3, 5, None)),
        ),
    ),
    Row(
        "Pipeline",
        {"layers": [Of("Dense", {"units": 3}), Of("BatchNormalization"), Of("Dropout", {"rate": 0.5})]},
        ((2, 5, 4),),
        unknown=(1,),
        untold=("trainable",),
        random=True,
        wrong=(
            *argument("layers", 3, [], None),
            Wrong(("layers", "'dense'"), kwargs={"layers": ["dense"]}),
            refused_inputs((2, 5, None)),
        ),
    ),
)
