"""EinsumDense: each form of the equation, lowered to nn.Linear or to torch.einsum."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .row import Row, Shape, row


def rows() -> Iterator[Row]:
    forms: list[tuple[str, Any, str | None, Shape]] = [
        ("ab,bc->ac", 4, "c", (3, 5)),
        ("ab,bc->ac", 4, None, (3, 5)),
        ("ab,cb->ac", 4, "c", (3, 5)),
        ("abc,cd->abd", (3, 4), "d", (2, 3, 5)),
        ("abc,cd->abd", (None, 4), "d", (2, 3, 5)),
        ("abc,cd->abd", (3, 4), "bd", (2, 3, 5)),
        ("abc,cd->abd", (3, 4), "b", (2, 3, 5)),
        ("abc,cde->abde", (3, 2, 4), "de", (2, 3, 5)),
        ("abc,cde->abde", (3, 2, 4), "e", (2, 3, 5)),
        ("abc,cde->abde", (3, 2, 4), "d", (2, 3, 5)),
        ("abcd,cde->abe", (3, 4), "e", (2, 3, 2, 5)),
        ("abc,bd->adc", (4, 5), "d", (2, 3, 5)),
        ("abc,bcd->abd", (3, 4), "d", (2, 3, 5)),
        ("abc,bcd->ad", 4, "d", (2, 3, 5)),
        ("abc,cd->adb", (4, 3), "d", (2, 3, 5)),
        ("ab,b->ab", 5, None, (3, 5)),
        ("BTD,DNH->BTNH", (3, 2, 4), "NH", (2, 3, 5)),
        ("...x,xy->...y", 4, "y", (3, 5)),
        ("...x,xy->...y", 4, "y", (2, 3, 5)),
        ("...x,xy->...y", 4, None, (2, 2, 3, 5)),
        ("...xz,zy->...xy", (3, 4), "xy", (2, 3, 5)),
        ("...xz,zyw->...xyw", (3, 4, 2), "yw", (2, 2, 3, 5)),
        ("ab...,bc->ac...", 4, "c", (2, 3, 5)),
        ("ab...,bc->ac...", 4, None, (2, 3, 2, 5)),
        ("ab...,bcd->acd...", (4, 2), "d", (2, 3, 5)),
        ("ab...,bc->ac...", 4, "c", (3, 5)),
    ]
    for number, (equation, output, bias, shape) in enumerate(forms):
        kwargs = {"equation": equation, "output_shape": output, "bias_axes": bias}
        yield row("einsum", "EinsumDense", kwargs, shape, note=f"rank{len(shape)}_{number}", init=True)
    more = {"equation": "abc,cde->abde", "output_shape": (3, 2, 4), "bias_axes": "de"}
    for name in ("relu", "softmax"):
        yield row("einsum", "EinsumDense", {**more, "activation": name}, (2, 3, 5))
    for name in ("he_uniform", "lecun_uniform", "ones"):
        yield row("einsum", "EinsumDense", {**more, "kernel_initializer": name}, (2, 3, 5), init=True)
    yield row("einsum", "EinsumDense", {**more, "bias_initializer": "ones"}, (2, 3, 5), init=True)
