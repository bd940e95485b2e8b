"""Reshaping, padding, cropping, upsampling."""

from __future__ import annotations

from typing import Any

from .row import Row, Wrong, argument, refused_inputs


def _padded(layer: str, word: str, rank: int) -> Row:
    inner = (6, 5, 4)[:rank]
    pairs: Any = (1, 2) if rank == 1 else ((1, 2), (2, 1), (1, 0))[:rank]
    wrong = (
        *argument(word, -1, "1", (1,) * (rank + 2), 1.5),
        *(argument("data_format", "NHWC") if rank > 1 else ()),
        Wrong((f"{word}s", word), kwargs={f"{word}s": 1}),
        refused_inputs((2, 7)),
        refused_inputs((2, *inner, 4, 3)),
        *([refused_inputs((2, *(3,) * rank, 2), says=("(1, 2)",))] if word == "cropping" else []),
    )
    return Row(layer, {word: pairs}, ((2, *inner, 2),), unknown=tuple(range(1, rank + 1)), wrong=wrong)


def _up(rank: int) -> Row:
    inner = (3, 4, 2)[:rank]
    wrong = (
        *argument("size", 0, "2", *([(2,) * (rank + 1)] if rank > 1 else [])),
        *(argument("interpolation", "bilinaer", "lanczos3", 2) if rank == 2 else ()),
        *(argument("data_format", "NHWC") if rank > 1 else ()),
        refused_inputs((2, 4)),
        refused_inputs((2, *inner, 4, 3)),
    )
    return Row(f"UpSampling{rank}D", {"size": 2}, ((2, *inner, 3),), unknown=tuple(range(1, rank + 1)), wrong=wrong)


ROWS: tuple[Row, ...] = (
    Row("Flatten", {}, ((2, 3, 4),), unknown=(1, 2), wrong=argument("data_format", "last")),
    Row(
        "Reshape",
        {"target_shape": (-1, 2)},
        ((2, 3, 4),),
        wrong=(
            *argument("target_shape", (-1, -1), (2.5, 2), "12", (-2, 6)),
            Wrong(("(5, 2)", "(2, 4)"), kwargs={"target_shape": (5, 2)}, inputs=((2, 4),)),
            Wrong(("(-1, 5)", "(2, 4)"), kwargs={"target_shape": (-1, 5)}, inputs=((2, 4),)),
        ),
    ),
    Row(
        "Permute",
        {"dims": (2, 1)},
        ((2, 3, 4),),
        unknown=(1, 2),
        wrong=(*argument("dims", (1, 3), (0, 1), (1, 1), 2.5), refused_inputs((2, 3, 4, 5), says=("(2, 1)",))),
    ),
    Row(
        "RepeatVector",
        {"n": 3},
        ((2, 4),),
        unknown=(1,),
        wrong=(*argument("n", 0, 2.5, "3"), refused_inputs((2, 4, 5)), refused_inputs((2,))),
    ),
    *(_padded(f"ZeroPadding{rank}D", "padding", rank) for rank in (1, 2, 3)),
    *(_padded(f"Cropping{rank}D", "cropping", rank) for rank in (1, 2, 3)),
    *map(_up, (1, 2, 3)),
)
