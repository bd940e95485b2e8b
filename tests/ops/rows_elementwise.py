"""Ops that work element by element."""

from __future__ import annotations

from .rows import Row, b, c, f, g, i, n, unit, v

SPECIAL = v([float("nan"), float("inf"), float("-inf"), -0.0, 0.0, 2.5])
TO_32 = "on torch it goes through float64, and the step that it took is rounded away"
BELOW_1 = "arccos arcsin arctanh log log10 log2 log1p sqrt arccosh"
ANY = (
    "abs absolute fabs negative square sign signbit ceil floor trunc round exp exp2 expm1 cbrt i0 sin cos tan sinh cosh tanh "
    "arctan arcsinh sinc deg2rad rad2deg isfinite isinf isnan isneginf isposinf logical_not real conj conjugate angle isreal copy "
    "reciprocal array nan_to_num"
)
ARITHMETIC = "add subtract multiply divide true_divide maximum minimum fmax fmin arctan2 hypot logaddexp logaddexp2 divide_no_nan heaviside"
COMPARED = "equal not_equal greater greater_equal less less_equal logical_and logical_or logical_xor isclose"
BITS = "bitwise_and bitwise_or bitwise_xor"
SHIFTS = "bitwise_left_shift bitwise_right_shift left_shift right_shift"
# torch has no negation and no reciprocal of bools; numpy neither.
NO_BOOLS = ("negative", "reciprocal", "round")

unaries = [
    *(Row(op, f(2, 3)) for op in ANY.split()),
    *(Row(op, i(2, 3)) for op in ANY.split()),
    *(Row(op, b(6)) for op in ANY.split() if op not in (*NO_BOOLS, "conj", "conjugate", "real", "cbrt")),
    *(Row(op, f(4, dtype=dtype)) for op in ("abs", "exp", "floor", "round") for dtype in ("float16", "bfloat16")),
    *(Row(op, f(4, dtype="float64")) for op in ("abs", "exp", "sqrt", "square")),
    *(Row(op, unit(2, 3)) for op in BELOW_1.split() if op != "arccosh"),
    *(Row(op, f(9)) for op in BELOW_1.split()),
    *(Row(op, i(5)) for op in BELOW_1.split()),
    *(Row(op, i(5, dtype="int64")) for op in ("exp", "floor", "ceil", "round", "sqrt", "square", "abs")),
    *(Row(op, i(5, dtype="uint8")) for op in ("square", "negative", "sqrt", "bitwise_not")),
    *(Row(op, SPECIAL) for op in "abs sign signbit floor isfinite isinf isnan isneginf isposinf nan_to_num round sqrt exp".split()),
    *(Row(op, c(2, 3)) for op in "abs real imag conj conjugate angle isreal exp square negative copy".split()),
    *(Row(op, i(2, 3)) for op in ("bitwise_not", "bitwise_invert")),
    Row("bitwise_not", b(6)),
    Row("nan_to_num", SPECIAL, nan=1.5, posinf=7.0, neginf=-7.0),
    Row("round", f(2, 3), decimals=1),
    Row("round", v([0.5, 1.5, 2.5, -0.5, 1.25, 1.35])),
    Row("round", v([15, 25, 126], "int32"), decimals=-1),
    Row("array", f(2, 3), dtype="int32"),
    Row("array", [1, 2]),
    Row("array", [1.5, 2]),
    Row("array", [[True, False]]),
    Row("array", 3),
    Row("array", 2.5),
    Row("array", [1, 2], dtype="float16"),
    Row("view", f(2, 4), dtype="int32"),
    Row("view", f(2, 4), dtype="int16"),
    Row("exp", 2),
    Row("sqrt", [4, 9]),
    Row("abs", -2),
]

binaries = [
    *(Row(op, f(2, 3), g(2, 3)) for op in f"{ARITHMETIC} {COMPARED} mod fmod floor_divide".split()),
    *(Row(op, f(2, 3), 2) for op in f"{ARITHMETIC} {COMPARED} mod fmod floor_divide".split()),
    *(Row(op, f(2, 3), 0.5) for op in f"{ARITHMETIC} {COMPARED} mod fmod floor_divide".split()),
    *(Row(op, 1.5, f(2, 3)) for op in f"{ARITHMETIC} {COMPARED} mod fmod floor_divide".split()),
    *(Row(op, i(2, 3), 2) for op in f"{ARITHMETIC} {COMPARED} mod fmod floor_divide gcd lcm power {BITS} {SHIFTS}".split()),
    *(Row(op, i(2, 3), 0.5) for op in f"{ARITHMETIC} {COMPARED} mod fmod".split()),
    *(Row(op, i(2, 3), f(3), symbolic="fixed") for op in f"{ARITHMETIC} {COMPARED} mod fmod".split()),
    *(Row(op, i(2, 3), i(2, 3, dtype="int64")) for op in "add subtract multiply equal less divide".split()),
    *(Row(op, i(2, 3), i(2, 3, dtype="int64"), wide=True) for op in "maximum minimum fmax fmin".split()),
    *(Row(op, i(6, dtype="int64"), f(6)) for op in "add multiply maximum divide".split()),
    *(Row(op, f(6, dtype="float16"), f(6, dtype="bfloat16")) for op in "add maximum less".split()),
    *(Row(op, f(6, dtype="float16"), 2.5) for op in "add maximum divide power".split()),
    *(Row(op, i(6, dtype="uint8"), i(6, dtype="int8")) for op in "add maximum".split()),
    *(Row(op, b(6), 2) for op in "add multiply maximum equal logical_and".split()),
    *(Row(op, b(6), i(6)) for op in "add subtract multiply maximum equal logical_and less".split()),
    *(Row(op, i(6), b(6)) for op in "subtract".split()),
    *(Row(op, b(6), f(6)) for op in "subtract minimum".split()),
    *(Row(op, b(6), b(6)) for op in f"add multiply equal logical_and logical_xor maximum isclose {BITS}".split()),
    *(Row(op, f(6, dtype="float64"), f(6)) for op in "add multiply less".split()),
    *(Row(op, f(6, dtype="float64"), f(6), wide=True) for op in "maximum arctan2 logaddexp divide_no_nan".split()),
    *(Row(op, f(2, 3), f(3), symbolic="fixed") for op in "add maximum less".split()),
    *(Row(op, f(2, 3), [1, 2, 3]) for op in "add maximum less".split()),
    *(Row(op, 2, 3) for op in "add subtract multiply divide maximum power equal floor_divide mod".split()),
    *(Row(op, 2, 1.5) for op in "add maximum power less".split()),
    *(Row(op, i(2, 3), n(2, 3, below=3)) for op in SHIFTS.split()),
    *(Row(op, i(2, 3), v([[3, 5, 7], [2, -4, 6]], "int32")) for op in "floor_divide mod fmod gcd lcm divide_no_nan".split()),
    *(Row("power", *args) for args in [(unit(2, 3), f(2, 3)), (f(2, 3), 2), (i(2, 3), n(2, 3, below=4)), (2, f(2, 3)), (i(4), 0.5)]),
    *(Row("divide_no_nan", *args) for args in [(f(3), v([0.0, 2.0, 0.0])), (i(3), v([0, 2, 1], "int32")), (f(3), 0)]),
    *(Row("heaviside", v([-1.0, 0.0, 2.0]), x) for x in (0.5, v([1.0, 2.0, 3.0]))),
    *(Row("ldexp", x, n(2, 3, below=5)) for x in (f(2, 3), i(2, 3))),
    *(Row("isclose", v([1.0, float("nan"), 1e-9]), v([1.000001, float("nan"), 0.0]), equal_nan=nan) for nan in (False, True)),
    Row("isclose", v([1.0, 2.0]), v([1.1, 2.5]), rtol=0.1, atol=0.01),
    Row("allclose", f(2, 3), f(2, 3)),
    Row("allclose", i(2, 3), f(2, 3)),
    Row("allclose", v([1.0, 2.0]), v([1.1, 2.0]), 0.2),
    Row("nextafter", v([1.0, 0.0, -2.5]), v([2.0, -1.0, -2.5]), numpy=TO_32),
    *(Row(op, SPECIAL, v([1.0, 2.0, 3.0, 4.0, float("nan"), 1.0])) for op in "maximum minimum fmax fmin equal less add".split()),
    *(Row(op, c(2, 3), c(2, 3)) for op in "add multiply divide subtract equal".split()),
]

clips = [
    *(Row("clip", x, -1, 1) for x in (f(2, 3), i(2, 3))),
    Row("clip", i(2, 3), -1.5, 1),
    Row("clip", b(6), 0, 1),
    Row("clip", f(2, 3), v([-1.0, 0.0, 0.5]), 1.0, symbolic="fixed"),
    Row("clip", f(2, 3), [-1.0, 0.0, 0.5], [0.0, 0.5, 1.0]),
    Row("clip", f(6, dtype="float16"), -1, 1),
]

ROWS = [*unaries, *binaries, *clips]
