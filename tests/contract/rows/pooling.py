"""Pools."""

from __future__ import annotations

from .row import Row, Wrong, argument, refused_inputs


def _pool(kind: str, rank: int) -> Row:
    inner = (7, 6, 5)[:rank]
    needed = {"pool_size": 2}
    wrong = (
        *argument("pool_size", 0, (2,) * (rank + 1)),
        *argument("strides", 0, needed=needed),
        *argument("padding", "causal", "sane", needed=needed),
        *argument("data_format", "NHWC", needed=needed),
        Wrong(("pool_sizes", "pool_size"), kwargs={"pool_sizes": 2}),
        refused_inputs((2, 7)),
        refused_inputs((2, *inner, 4, 3)),
        Wrong(("2", str((2, *(1,) * rank, 3))), kwargs=needed, inputs=((2, *(1,) * rank, 3),)),
    )
    kwargs = {"pool_size": 3, "strides": 2, "padding": "same"}
    return Row(f"{kind}Pooling{rank}D", kwargs, ((2, *inner, 3),), unknown=tuple(range(1, rank + 1)), wrong=wrong)


def _global(kind: str, rank: int) -> Row:
    inner = (4, 3, 2)[:rank]
    wrong = (
        *argument("data_format", "first"),
        *argument("keepdims", 3),
        refused_inputs((2, 4)),
        refused_inputs((2, *inner, 4, 3)),
    )
    return Row(f"Global{kind}Pooling{rank}D", {}, ((2, *inner, 3),), unknown=tuple(range(1, rank + 1)), wrong=wrong)


def _adaptive(kind: str, rank: int) -> Row:
    inner = (7, 6, 5)[:rank]
    wrong = (
        *argument("output_size", 0, "2", None, (2,) * (rank + 1)),
        *argument("data_format", "last", needed={"output_size": 2}),
        Wrong(("output_size",), kwargs={}),
        refused_inputs((2, 4)),
        refused_inputs((2, *inner, 4, 3)),
    )
    sizes = (3, 4, 2)[:rank]
    return Row(f"Adaptive{kind}Pooling{rank}D", {"output_size": sizes}, ((2, *inner, 3),), unknown=tuple(range(1, rank + 1)), wrong=wrong)


ROWS: tuple[Row, ...] = (
    *(_pool(kind, rank) for kind in ("Max", "Average") for rank in (1, 2, 3)),
    *(_adaptive(kind, rank) for kind in ("Average", "Max") for rank in (1, 2, 3)),
    *(_global(kind, rank) for kind in ("Average", "Max") for rank in (1, 2, 3)),
)
