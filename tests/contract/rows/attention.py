"""Attention layers."""

from __future__ import annotations

from .row import Row, Wrong, argument

_HEADS = {"num_heads": 2, "key_dim": 3}
_GROUPS = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
_QUERY, _VALUE, _KEY = (2, 5, 4), (2, 6, 3), (2, 6, 4)
_MASKS = ((2, 5), (2, 6))


def _over_lists(layer: str, kwargs: dict[str, object]) -> Row:
    return Row(
        layer,
        {"use_scale": True, "dropout": 0.25, **kwargs},
        (_QUERY, _VALUE, _KEY, *_MASKS),
        "list",
        ("mask:0", "mask:1"),
        {"use_causal_mask": True},
        masks=(3, 4),
        unknown=(1,),
        random=True,
        wrong=(
            *argument("dropout", -0.1, 1.5, None),
            *argument("use_scale", "yes"),
            Wrong(("use_scales", "use_scale"), kwargs={"use_scales": True}),
            Wrong(("2 or 3 tensors", "got 1", "(2, 5, 4)"), inputs=((2, 5, 4), *_MASKS)),
            Wrong(("list", "(2, 5, 4)"), inputs=((2, 5, 4), *_MASKS), bare=True),
            Wrong(("(2, 4)", "3 axes"), inputs=((2, 4), (2, 4), *_MASKS)),
            Wrong(("(2, 5, 4)", "(2, 6, 3)", "last size"), inputs=((2, 5, 4), (2, 6, 3), *_MASKS)),
            Wrong(("(2, 6, 3)", "(2, 7, 4)", "key for each value"), inputs=((2, 5, 4), (2, 6, 3), (2, 7, 4), *_MASKS)),
        ),
    )


def _projected(layer: str, needed: dict[str, int], kwargs: dict[str, object], wrong: tuple[Wrong, ...]) -> Row:
    heads = next(iter(needed))
    return Row(
        layer,
        {**needed, "dropout": 0.25, "use_gate": True, "sliding_window": 3, **kwargs},
        (_QUERY, _VALUE, _KEY, *_MASKS),
        "several",
        ("query_mask", "value_mask"),
        {"use_causal_mask": True},
        masks=(3, 4),
        unknown=(1,),
        random=True,
        wrong=(
            *argument(heads, 0, 2.5, None, needed=needed),
            *argument("dropout", -0.1, 1.5, None, needed=needed),
            *argument("sliding_window", 0, -1, "wide", needed=needed),
            *argument("flash_attention", "yes", needed=needed),
            *argument("use_gate", 1, needed=needed),
            Wrong((heads,), kwargs={}),
            Wrong(("key_dims",), kwargs={**needed, "key_dims": 3}),
            Wrong(("value", "layer(x, x)"), inputs=((2, 5, 4), *_MASKS)),
            Wrong(("(2, 4)", "3 axes"), inputs=((2, 4), (2, 4), *_MASKS)),
            Wrong(("(2, 4)", "(2, 5, 4)"), inputs=((2, 4), (2, 5, 4), *_MASKS)),
            Wrong(("(2, 6, 3)", "(2, 7, 4)", "key for each value"), inputs=((2, 5, 4), (2, 6, 3), (2, 7, 4), *_MASKS)),
            Wrong(("(2, 5, 4)", "(3, 6, 3)"), inputs=((2, 5, 4), (3, 6, 3), *_MASKS)),
            Wrong(("None",), inputs=((None, 5, None), (None, 6, 3), *_MASKS)),
            Wrong(("query", "4", "(2, 5, 7)"), inputs=((2, 5, 7), (2, 6, 3), (2, 6, 4), *_MASKS), built=True),
            Wrong(("value", "3", "(2, 6, 7)"), inputs=((2, 5, 4), (2, 6, 7), (2, 6, 4), *_MASKS), built=True),
            *wrong,
        ),
    )


ROWS: tuple[Row, ...] = (
    _over_lists("Attention", {}),
    _over_lists("AdditiveAttention", {}),
    _projected(
        "MultiHeadAttention",
        _HEADS,
        {"value_dim": 2, "output_shape": (3, 2)},
        (
            *argument("key_dim", 0, None, needed=_HEADS),
            *argument("value_dim", 0, 1.5, needed=_HEADS),
            *argument("output_shape", 0, "wide", (2, 0), needed=_HEADS),
            *argument("attention_axes", 1.5, "all", (), needed=_HEADS),
            Wrong(("attention_axes", "(2,)", "3 axes"), kwargs={**_HEADS, "attention_axes": 2}, inputs=((2, 5, 4), (2, 6, 4), *_MASKS)),
            Wrong(("attention_axes", "(1, 1)"), kwargs={**_HEADS, "attention_axes": (1, 1)}, inputs=((2, 5, 4), (2, 6, 4), *_MASKS)),
        ),
    ),
    _projected(
        "GroupQueryAttention",
        _GROUPS,
        {},
        (
            *argument("num_key_value_heads", 0, 3, needed=_GROUPS),
            *argument("num_query_heads", 0, 3, needed=_GROUPS),
            Wrong(("(2, 5, 5, 4)", "3 axes"), inputs=((2, 5, 5, 4), (2, 5, 5, 4), *_MASKS)),
        ),
    ),
)
