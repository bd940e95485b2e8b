"""Ops about tensors themselves."""

from __future__ import annotations

from .rows import Row, b, f, g, i, n, v

ROWS = [
    *(Row("cast", x, dtype) for x, dtype in ((f(3, 4), "int32"), (i(3, 4), "float32"), (f(3, 4), "float32"), (b(3, 4), "float16"))),
    *(
        Row("saturate_cast", v([[-1.0, 3.5, 300.0], [-3e38, 3e38, 0.0]]), dtype)
        for dtype in ("uint8", "int8", "int16", "float16", "bool", "float64")
    ),
    Row("saturate_cast", v([[-1, 300, 70000]], "int32"), "uint8"),
    Row("saturate_cast", v([[-1, 300, 70000]], "int32"), "float16"),
    Row("convert_to_tensor", 1),
    Row("convert_to_tensor", 1.5),
    Row("convert_to_tensor", True),
    Row("convert_to_tensor", [1, 2.5]),
    Row("convert_to_tensor", f(3, 4), dtype="float16"),
    Row("convert_to_tensor", f(3, 4)),
    *(Row("shape", x, symbolic="fixed") for x in (f(3, 4), f(2), f(2, 1, 3))),
    *(Row("dtype", x) for x in (f(3, 4), i(3), b(2), f(2, dtype="bfloat16"))),
    Row("stop_gradient", f(3, 4)),
    Row("slice", f(3, 4), [1, 1], [2, 2], symbolic="fixed"),
    Row("slice", f(3, 4, 5), (0, 1, 2), (3, 2, 1), symbolic="fixed"),
    Row("slice", f(3, 4), v([1, 2], "int32"), [2, 2], symbolic="fixed"),
    Row("slice_update", f(3, 4), [1, 1], g(2, 2), symbolic="fixed"),
    Row("slice_update", f(3, 4, 5), v([0, 1, 2], "int32"), g(3, 2, 1), symbolic="fixed"),
    Row("slice_update", i(3, 4), [0, 2], i(1, 2), symbolic="fixed"),
    Row("scatter", v([[0], [2], [2]], "int32"), f(3, 4), (5, 4)),
    Row("scatter", v([[0, 1], [2, 3], [2, 3]], "int32"), f(3), (3, 4)),
    Row("scatter", v([[0], [2]], "int64"), i(2), (4,)),
    *(
        Row("scatter_update", f(4, 3), v([[0, 1], [2, 2], [2, 2]], "int32"), v([7.0, 0.5, 0.5]), reduction, symbolic="fixed")
        for reduction in (None, "add", "max", "min", "mul")
    ),
    *(
        Row("scatter_update", f(4, 3), v([[0], [2], [-1]], "int32"), g(3, 3), reduction=reduction, symbolic="fixed")
        for reduction in (None, "add", "MAX", "min", "mul")
    ),
    Row("scatter_update", i(4, 3), v([[0], [2], [0]], "int32"), i(3, 3), "max", symbolic="fixed"),
    Row("unstack", f(3, 4), symbolic="fixed"),
    *(Row("unstack", f(3, 2, 4), **words) for words in ({"axis": 1}, {"num": 2, "axis": 1}, {"axis": -1})),
    Row("unstack", f(3, 4), num=3),
    Row("rearrange", f(2, 3, 4), "b c h -> b h c"),
    Row("rearrange", f(2, 6, 5), "b (h k) c -> b c h k", h=3),
    Row("rearrange", f(2, 6, 5), "b (h k) c -> b (c k) h", k=2),
    Row("rearrange", f(2, 4, 4, 3), "b h w c -> b (h w c)"),
    Row("is_tensor", 1.0),
    Row("scatter", n(4, 1, below=3), f(4, 2, dtype="float64"), (3, 2)),
]
