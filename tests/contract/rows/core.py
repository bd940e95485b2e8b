"""Dense, Activation, Embedding."""

from __future__ import annotations

from .row import Row, Wrong, argument, refused_inputs

ROWS: tuple[Row, ...] = (
    Row(
        "Dense",
        {"units": 3, "activation": "relu"},
        ((2, 4, 5),),
        unknown=(1,),
        wrong=(
            *argument("units", 0, -1, 2.5, True, None, "3"),
            *argument("activation", "rellu", needed={"units": 3}),
            *argument("use_bias", "yes", needed={"units": 3}),
            *argument("kernel_initializer", "glorot", needed={"units": 3}),
            *argument("kernel_regularizer", "l3", needed={"units": 3}),
            Wrong(("units",), kwargs={}),
            Wrong(("activaton", "activation"), kwargs={"units": 3, "activaton": "relu"}),
            refused_inputs((None, 4, None), says=("last", "None")),
            refused_inputs((2,)),
            refused_inputs((2, 4, 7), says=("5", "7"), built=True),
        ),
    ),
    Row(
        "Activation",
        {"activation": "tanh"},
        ((2, 3, 4),),
        unknown=(1, 2),
        wrong=(*argument("activation", "tahn", 3), Wrong(("activation",), kwargs={})),
    ),
    Row(
        "Embedding",
        {"input_dim": 7, "output_dim": 3},
        ((2, 5),),
        unknown=(1,),
        integers=7,
        wrong=(
            *argument("input_dim", 0, 2.5, needed={"output_dim": 3}),
            *argument("output_dim", 0, needed={"input_dim": 7}),
            Wrong(("output_dim",), kwargs={"input_dim": 7}),
            Wrong(("mask_zeros", "mask_zero"), kwargs={"input_dim": 7, "output_dim": 3, "mask_zeros": True}),
        ),
    ),
    Row(
        "Masking",
        {"mask_value": 0.0},
        ((2, 4, 3),),
        unknown=(1, 2),
        wrong=(*argument("mask_value", "0", None), refused_inputs((2,))),
    ),
)
