"""Products of tensors."""

from __future__ import annotations

from .rows import Row, b, c, f, g, i, unit, v

DOT = "on torch, it is matmul where both have more than two axes"
VDOT = "on torch, only vectors are taken"
CROSS = "on torch, axisa, axisb and axisc are refused"

ROWS = [
    *(
        Row(op, x1, x2, symbolic="fixed")
        for op in ("matmul", "dot")
        for x1, x2 in [
            (f(2, 3), g(3, 4)),
            (f(3), g(3)),
            (f(2, 3), g(3)),
            (f(3), g(3, 4)),
            (i(2, 3), i(3, 4)),
            (i(2, 3), g(3, 4)),
            (i(2, 3, dtype="uint8"), i(3, 4)),
            (f(2, 3, dtype="float16"), g(3, 4, dtype="float16")),
            (f(2, 3, dtype="bfloat16"), g(3, 4)),
            (c(2, 3), c(3, 2)),
            (b(2, 3), b(3, 2)),
        ]
    ),
    *(Row("matmul", f(2, 3, 4), g(4, 5), symbolic=known) for known in ["fixed"]),
    Row("matmul", f(2, 3, 4), g(2, 4, 5)),
    Row("matmul", f(2, 3), [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
    Row("matmul", i(2, 3, dtype="int8"), i(3, 4, dtype="int8"), symbolic="fixed"),
    Row("matmul", f(2, 3, dtype="float64"), g(3, 4, dtype="float64"), symbolic="fixed", wide=True),
    Row("dot", f(2, 3), 2.0),
    Row("dot", f(2, 3), v(2.0)),
    Row("dot", f(2, 3, 4), g(5, 4, 2), numpy=DOT),
    Row("dot", f(2, 3, 4), g(4), symbolic="fixed"),
    *(Row("vdot", *args, symbolic="fixed") for args in [(f(4), g(4)), (i(4), i(4)), (c(4), c(4)), (i(4), g(4))]),
    Row("vdot", f(2, 3), g(2, 3), numpy=VDOT),
    *(Row("inner", *args, symbolic="fixed") for args in [(f(4), g(4)), (f(2, 3), g(4, 3)), (f(2, 3), g(3)), (i(2, 3), i(4, 3))]),
    *(Row("outer", *args) for args in [(f(3), g(4)), (i(3), g(4)), (f(2, 2), g(3)), (i(3), i(2)), (f(3), [1, 2])]),
    *(Row("cross", *args) for args in [(f(4, 3), g(4, 3)), (i(4, 3), i(4, 3)), (i(4, 3), g(4, 3))]),
    Row("cross", f(3, 4), g(3, 4), axis=0, symbolic="fixed"),
    Row("cross", f(3, 4), g(4, 3), axisa=0, numpy=CROSS, symbolic="fixed"),
    Row("cross", f(3, 4), g(4, 3), axisa=0, axisc=0, numpy=CROSS, symbolic="fixed"),
    *(Row("kron", *args, symbolic="fixed") for args in [(f(2, 3), g(3, 2)), (i(2), i(3)), (i(2, 2), g(2, 2)), (f(2), g(2, 2))]),
    *(
        Row("tensordot", f(2, 3, 4), x2, axes=axes, symbolic="fixed")
        for x2, axes in [
            (g(3, 4, 2), 2),
            (g(4, 2), 1),
            (g(5, 2), 0),
            (g(4, 3), ((1, 2), (1, 0))),
            (g(3, 5), (1, 0)),
            (g(5, 4), [[-1], [1]]),
        ]
    ),
    Row("tensordot", i(2, 3), i(3, 2), axes=1, symbolic="fixed"),
    Row("tensordot", f(2, 3), g(2, 3)),
    *(
        Row("einsum", subscripts, *args, symbolic="fixed")
        for subscripts, args in [
            ("ij,jk->ik", (f(2, 3), g(3, 4))),
            ("bij,bjk->bik", (f(2, 3, 4), g(2, 4, 3))),
            ("...ij->...ji", (f(2, 3, 4),)),
            ("ii->i", (f(3, 3),)),
            ("i,j", (f(3), g(2))),
            ("ij->", (f(2, 3),)),
            ("ij,jk,kl", (f(2, 3), g(3, 2), unit(2, 4))),
            ("ij,jk->ik", (i(2, 3), i(3, 4))),
            ("ij,jk->ik", (i(2, 3, dtype="int8"), i(3, 4, dtype="int8"))),
        ]
    ),
    Row("einsum", "btd,de->bte", f(2, 3, 4), [[1.0], [2.0], [3.0], [4.0]]),
    *(Row("slogdet", x, symbolic="fixed") for x in (unit(3, 3), v([[2.0, 1.0], [1.0, -3.0]]), unit(2, 3, 3))),
]
