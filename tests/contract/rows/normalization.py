"""Normalizations."""

from __future__ import annotations

from .row import Of, Row, Wrong, argument, refused_inputs

ROWS: tuple[Row, ...] = (
    Row(
        "BatchNormalization",
        {},
        ((2, 3, 4, 5),),
        unknown=(1, 2),
        wrong=(
            *argument("momentum", 2.0, -0.1),
            *argument("axis", 1.5, "last"),
            *argument("epsilon", -1.0),
            Wrong(("axis", "5", "(2, 4)"), kwargs={"axis": 5}, inputs=((2, 4),)),
            refused_inputs((None, 4, None), says=("None",)),
            refused_inputs((2,)),
            refused_inputs((2, 3, 4, 7), says=("5", "7"), built=True),
        ),
    ),
    Row(
        "LayerNormalization",
        {"axis": [-1, -2]},
        ((2, 3, 4, 5),),
        unknown=(1,),
        wrong=(
            *argument("axis", 1.5, "last"),
            *argument("epsilon", -1.0),
            Wrong(("axis", "4", "(2, 4)"), kwargs={"axis": 4}, inputs=((2, 4),)),
            Wrong(("axis",), kwargs={"axis": [1, -2]}, inputs=((2, 3, 4),)),
            Wrong(("None",), kwargs={"axis": -1}, inputs=((None, 4, None),)),
        ),
    ),
    Row(
        "GroupNormalization",
        {"groups": 2},
        ((2, 3, 2, 4),),
        unknown=(1, 2),
        wrong=(
            *argument("groups", 0, -2, 1.5, "2"),
            *argument("axis", 1.5, "last"),
            *argument("epsilon", -1.0),
            Wrong(("axis", "5", "(2, 4)"), kwargs={"groups": 2, "axis": 5}, inputs=((2, 4),)),
            Wrong(("axis", "0", "batch"), kwargs={"groups": 2, "axis": 0}, inputs=((2, 4),)),
            refused_inputs((None, 4, None), says=("None",)),
            refused_inputs((2,)),
            refused_inputs((2, 3, 5), says=("2 groups", "5 channels")),
            Wrong(("32 groups", "4 channels"), kwargs={}, inputs=((2, 4),)),
            refused_inputs((2, 3, 2, 6), says=("4", "6"), built=True),
        ),
    ),
    Row(
        "RMSNormalization",
        {"axis": [-1, 1]},
        ((2, 3, 4, 5),),
        unknown=(2,),
        wrong=(
            *argument("axis", 1.5, "last"),
            *argument("epsilon", -1.0, None),
            Wrong(("axis", "4", "(2, 4)"), kwargs={"axis": 4}, inputs=((2, 4),)),
            Wrong(("axis",), kwargs={"axis": [1, -2]}, inputs=((2, 3, 4),)),
            Wrong(("None",), kwargs={"axis": -1}, inputs=((None, 4, None),)),
            refused_inputs((2, 3, 4, 6), says=("5", "6"), built=True),
        ),
    ),
    Row(
        "UnitNormalization",
        {"axis": [1, -1]},
        ((2, 3, 4),),
        unknown=(1, 2),
        wrong=(
            *argument("axis", 1.5, "last", None),
            Wrong(("axis", "4", "(2, 4)"), kwargs={"axis": 4}, inputs=((2, 4),)),
            Wrong(("axis",), kwargs={"axis": [1, -2]}, inputs=((2, 3, 4),)),
        ),
    ),
    Row(
        "SpectralNormalization",
        {"layer": Of("Conv2D", {"filters": 3, "kernel_size": 2}), "power_iterations": 2},
        ((2, 4, 4, 2),),
        unknown=(1, 2),
        wrong=(
            *argument("layer", "dense", 3),
            *argument("power_iterations", 0, 1.5, needed={"layer": Of("Dense", {"units": 2})}),
            Wrong(("kernel", "ReLU"), kwargs={"layer": Of("ReLU")}, inputs=((2, 4),)),
            Wrong(("kernel", "recurrent_kernel"), kwargs={"layer": Of("LSTM", {"units": 2})}, inputs=((2, 4, 3),)),
            refused_inputs((2, 4, 4, 3), says=("2", "3"), built=True),
        ),
    ),
)
