"""Layers that act in training only."""

from __future__ import annotations

from .row import Row, Wrong, argument, refused_inputs

ROWS: tuple[Row, ...] = (
    Row("Dropout", {"rate": 0.5}, ((2, 3, 4),), unknown=(1, 2), random=True, wrong=argument("rate", 1.5, -0.1, "50%", None)),
    Row(
        "AlphaDropout",
        {"rate": 0.5, "noise_shape": (None, 1, 4)},
        ((2, 3, 4),),
        unknown=(1,),
        random=True,
        wrong=(
            *argument("rate", 1.5, -0.1, "50%", None),
            *argument("noise_shape", (0, 1), "abc", needed={"rate": 0.5}),
            refused_inputs((2, 3), says=("noise_shape",)),
        ),
    ),
    Row(
        "GaussianDropout",
        {"rate": 0.5},
        ((2, 3, 4),),
        unknown=(1, 2),
        random=True,
        wrong=(*argument("rate", 1.5, -0.1, "50%", None), Wrong(("rate 1", "below 1"), kwargs={"rate": 1.0})),
    ),
    Row("GaussianNoise", {"stddev": 0.5}, ((2, 3, 4),), unknown=(1, 2), random=True, wrong=argument("stddev", 1.5, -0.1, "1", None)),
    Row(
        "SpatialDropout1D",
        {"rate": 0.5},
        ((2, 3, 4),),
        unknown=(1, 2),
        random=True,
        untold=("trainable",),
        wrong=(*argument("rate", 1.5, -0.1, "50%", None), refused_inputs((2, 3)), refused_inputs((2, 3, 4, 5))),
    ),
    Row(
        "SpatialDropout2D",
        {"rate": 0.5},
        ((2, 3, 2, 4),),
        unknown=(1, 2, 3),
        random=True,
        untold=("trainable",),
        wrong=(
            *argument("rate", 1.5, -0.1, None),
            *argument("data_format", "channels", 1, needed={"rate": 0.5}),
            refused_inputs((2, 3, 4)),
            refused_inputs((2, 3, 4, 5, 6)),
        ),
    ),
    Row(
        "SpatialDropout3D",
        {"rate": 0.5, "data_format": "channels_first"},
        ((2, 4, 3, 2, 2),),
        unknown=(1, 2, 3, 4),
        random=True,
        untold=("trainable",),
        wrong=(*argument("rate", 1.5, -0.1, None), refused_inputs((2, 3, 4, 5)), refused_inputs((2, 3))),
    ),
    Row(
        "ActivityRegularization",
        {"l1": 0.1, "l2": 0.2},
        ((2, 3, 4),),
        unknown=(1, 2),
        wrong=argument("l1", -0.1, None, "1"),
    ),
)
