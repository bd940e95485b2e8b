"""Attention layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .row import In, Row, row

QUERY, VALUE, KEY = (2, 2, 2), (2, 3, 1), (2, 3, 3)
AS_LONG = (2, 3, 2)
SCORES = {"return_attention_scores": True}
CAUSAL = {"use_causal_mask": True}
ANY = In((2, 2), "integers", "bool", 0, 2)
SEEN = "zeros_where_nothing_is_seen"


def _mask(*shape: int) -> In:
    return In(shape, "mask", "bool")


def rows() -> Iterator[Row]:
    yield from _over_lists("Attention", ({}, {"use_scale": True}, {"score_mode": "concat"}, {"use_scale": True, "score_mode": "concat"}))
    yield from _over_lists("AdditiveAttention", ({}, {"use_scale": False}))
    yield from _projected("MultiHeadAttention", {"num_heads": 2, "key_dim": 2})
    yield from _projected("GroupQueryAttention", {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1})
    yield from _of_several_heads()
    yield from _of_groups()


def _over_lists(layer: str, kinds: tuple[dict[str, Any], ...]) -> Iterator[Row]:
    q, v, masks = (2, 2, 3), (2, 3, 3), (ANY, _mask(2, 3))

    def made(kwargs: dict[str, Any], *shapes: Any, **more: Any) -> Row:
        return row("attention", layer, kwargs, *shapes, form="list", **more)

    for kwargs in kinds:
        yield made(kwargs, q, v, init=(layer, kwargs) == ("AdditiveAttention", {}), grown=40)
        yield made(kwargs, q, v, note="scores", call=SCORES)
        yield made(kwargs, q, v, note="causal", call=CAUSAL)
        yield made(kwargs, q, v, *masks, note="masks", named=("mask:0", "mask:1"))
        yield made(kwargs, q, v, *masks, note="masks_causal_scores", named=("mask:0", "mask:1"), call=SCORES | CAUSAL)
    yield made({}, q, (2, 3, 2), v, note="key")
    yield made({}, q, (2, 3, 2), v, note="key_scores", call=SCORES)
    yield made({}, q, v, masks[0], note="query_mask", named=("mask:0",))
    yield made({}, q, v, masks[1], note="value_mask", named=("mask:1",))
    yield made({}, q, v, masks[1], note="value_mask_causal", named=("mask:1",), call=CAUSAL)
    yield made({"dropout": 0.5}, q, v, note="eval")
    yield made({"dropout": 0.0}, q, v, note="train", training=True)


def _projected(layer: str, needed: dict[str, int]) -> Iterator[Row]:
    """What both have; on symbols, Keras's groups take values only as long as queries."""
    value = VALUE if layer == "MultiHeadAttention" else AS_LONG

    def made(kwargs: dict[str, Any], *shapes: Any, **more: Any) -> Row:
        return row("heads", layer, needed | kwargs, *(shapes or (QUERY, value)), form="several", **more)

    yield made({}, init=True, grown=40)
    yield made({}, note="scores", call=SCORES)
    yield made({}, QUERY, value, KEY, note="key", init=True, grown=40)
    yield made({}, note="causal", call=CAUSAL)
    yield made({}, note="causal_scores", call=SCORES | CAUSAL)
    for kwargs in ({"use_bias": False}, {"use_gate": True}, {"use_gate": True, "use_bias": False}):
        yield made(kwargs, init=True, grown=40)
    yield made({"use_gate": True}, note="scores", call=SCORES)
    yield made({"kernel_initializer": "he_uniform"}, init=True, grown=40)
    for window in (1, 2):
        yield made({"sliding_window": window}, (2, 4, 2), (*value[:1], 4, *value[2:]))
        yield made({"sliding_window": window}, (2, 4, 2), (*value[:1], 4, *value[2:]), note="causal", call=CAUSAL)
    yield made({"sliding_window": 2}, (2, 4, 2), (*value[:1], 4, *value[2:]), note="causal_scores", call=CAUSAL | SCORES)
    yield made({"dropout": 0.5}, note="eval")
    yield made({"dropout": 0.5}, note="eval_scores", call=SCORES)
    yield made({"dropout": 0.0}, note="train", training=True)
    masks: tuple[tuple[str, In], ...] = (
        ("value_mask", _mask(2, 3)),
        ("key_mask", _mask(2, 3)),
        ("attention_mask", _mask(2, 3)),
        ("attention_mask", _mask(2, 2, 3)),
        ("attention_mask", _mask(2, 1, 2, 3)),
    )
    for word, mask in masks:
        shapes = (QUERY, value, KEY, mask) if word == "key_mask" else (QUERY, value, mask)
        note = f"{word}{len(mask.shape)}" if word == "attention_mask" else word
        yield made({}, *shapes, note=note, named=(word,))
        yield made({}, *shapes, note=f"{note}_scores", named=(word,), call=SCORES)
    numbers = In((2, 2, 3), "integers", "int32", 0, 9)
    yield made({}, QUERY, value, numbers, note="attention_mask_numbers", named=("attention_mask",), rule=SEEN)
    yield made({}, QUERY, value, _mask(2, 3), note="value_mask_causal", named=("value_mask",), call=CAUSAL)
    yield made({}, QUERY, value, ANY, note="query_mask", named=("query_mask",), rule=SEEN)
    every = (QUERY, value, KEY, ANY, _mask(2, 3), _mask(2, 3), _mask(2, 2, 3))
    named = ("query_mask", "value_mask", "key_mask", "attention_mask")
    yield made({}, *every, note="all_masks", named=named, rule=SEEN)
    yield made({}, *every, note="all_masks_causal_scores", named=named, rule=SEEN, call=CAUSAL | SCORES)


def _of_several_heads() -> Iterator[Row]:
    needed = {"num_heads": 2, "key_dim": 2}

    def made(kwargs: dict[str, Any], *shapes: Any, **more: Any) -> Row:
        return row("heads", "MultiHeadAttention", needed | kwargs, *(shapes or (QUERY, VALUE)), form="several", **more)

    all_three = {"value_dim": 3, "output_shape": (1, 3), "use_gate": True}
    for kwargs in ({"value_dim": 3}, {"output_shape": 3}, {"output_shape": (3, 2)}, all_three):
        yield made(kwargs, init=True, grown=40)
    yield made({"num_heads": 1, "value_dim": 3}, note="one_head")
    heads = _mask(2, 2, 2, 3)
    yield made({}, QUERY, VALUE, heads, note="attention_mask_of_heads", named=("attention_mask",))
    yield made({}, QUERY, VALUE, _mask(2, 3), heads, note="two_masks", named=("value_mask", "attention_mask"), rule=SEEN)
    images = (2, 2, 3, 2), (2, 2, 3, 1)
    for axes in (None, 1, 2, -2, (1, 2), (2, 1)):
        yield made({"attention_axes": axes}, *images, note="rank4")
        yield made({"attention_axes": axes}, *images, note="rank4_scores", call=SCORES)
    yield made({}, (2, 2, 2, 2), (2, 3, 2, 1), note="rank4_other_sizes", call=SCORES)
    for shape in ((2, 2, 2), (2, 3, 2, 2)):
        mask = _mask(*shape)
        yield made({"attention_axes": 1}, *images, mask, note=f"rank4_mask{len(shape)}", named=("attention_mask",))
    yield made({}, *images, _mask(2, 2, 3, 2, 3), note="rank4_mask5", named=("attention_mask",))
    yield made({"attention_axes": 1}, *images, _mask(2, 2), note="rank4_value_mask", named=("value_mask",), call=SCORES)
    yield made({"attention_axes": 1}, *images, note="rank4_causal", call=CAUSAL)


def _of_groups() -> Iterator[Row]:
    for count in (4, 2):
        kwargs = {"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": count}
        yield row("heads", "GroupQueryAttention", kwargs, QUERY, AS_LONG, form="several")
        yield row("heads", "GroupQueryAttention", kwargs, QUERY, AS_LONG, form="several", note="scores", call=SCORES)
