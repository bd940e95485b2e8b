"""Ops that work element by element: arithmetic, comparisons, roundings, exponentials, trigonometry, bits, complex numbers.

Most are one line of a table: Keras's name, the function of torch or the operator, what it gives, and what it takes. Without
the last, arguments keep their dtypes, and a number beside a tensor is weak; `floating` and `as_floats` turn ints into floats.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import torch

from layergraph.config import DTypeLike
from layergraph.ops.convert import (
    dtype_of,
    floating,
    is_scalar,
    is_tensor,
    made_dtype,
    operands,
    promoted,
    tensor,
    tensors,
    to_dtype,
    whole,
)
from layergraph.ops.define import as_floats, binary, binary_xy, op, refuse, unary

_python: Any = operator  # whose functions of numbers have no types


def _whole_operands(*xs: Any) -> tuple[Any, ...]:
    """`operands`, with bools as ints."""
    return operands(*(x if is_scalar(x) and not isinstance(x, bool) else whole(x) for x in xs))


def _whole_promoted(*xs: Any) -> list[Any]:
    return promoted(*_whole_operands(*xs))


def _absolute(x: Any) -> Any:
    return x if dtype_of(x) == torch.bool else torch.abs(x)


def _truncated(x: Any) -> Any:
    return x if dtype_of(x) == torch.bool else torch.trunc(x)


def _cube_root(x: Any) -> Any:
    return torch.sign(x) * torch.abs(x) ** (1 / 3)


# Arithmetic

add = binary("add", _python.add, "`x1 + x2`")
multiply = binary("multiply", _python.mul, "`x1 * x2`")
divide = binary("divide", _python.truediv, "`x1 / x2`; ints give floats")
true_divide = binary("true_divide", _python.truediv, "`x1 / x2`; ints give floats")
floor_divide = binary("floor_divide", _python.floordiv, "`x1 / x2`, rounded down")
mod = binary("mod", _python.mod, "The remainder of `x1 / x2`, with the sign of `x2`", _whole_operands)
fmod = binary("fmod", torch.fmod, "The remainder of `x1 / x2`, with the sign of `x1`", _whole_promoted)
power = binary("power", _python.pow, "`x1 ** x2`; ints give ints")
negative = unary("negative", torch.neg, "`-x`")
reciprocal = unary("reciprocal", torch.reciprocal, "`1 / x`", floating)
square = unary("square", torch.square, "`x * x`; bools as ints", whole)
sqrt = unary("sqrt", torch.sqrt, "The square root", floating)
gcd = binary("gcd", torch.gcd, "The greatest common divisor of ints", promoted)
lcm = binary("lcm", torch.lcm, "The least common multiple of ints", promoted)
hypot = binary("hypot", torch.hypot, "`sqrt(x1**2 + x2**2)`", as_floats)
heaviside = binary("heaviside", torch.heaviside, "0 where `x1` is negative, 1 where it is positive, `x2` where it is 0", as_floats)
nextafter = binary("nextafter", torch.nextafter, "The float next to `x1` on the way to `x2`", as_floats)
fmax = binary("fmax", torch.fmax, "The larger of the two; the other one where one is nan", promoted)
fmin = binary("fmin", torch.fmin, "The smaller of the two; the other one where one is nan", promoted)


@op
def subtract(x1: Any, x2: Any) -> Any:
    """`x1 - x2`. (...), (...) -> (...), broadcast. Of two bools it raises, as numpy does."""
    x1, x2 = operands(x1, x2)
    if is_tensor(x1) and is_tensor(x2) and dtype_of(x1) != dtype_of(x2):  # torch subtracts no bools
        x1 = to_dtype(x1, dtype_of(x2)) if dtype_of(x1) == torch.bool else x1
        x2 = to_dtype(x2, dtype_of(x1)) if dtype_of(x2) == torch.bool else x2
    return x1 - x2


@op
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """`x1 / x2`, and 0 where `x2` is 0. (...), (...) -> (...), broadcast."""
    x1, x2 = as_floats(x1, x2)
    return torch.where(x2 == 0, 0, x1 / torch.where(x2 == 0, 1, x2))


@op
def maximum(x1: Any, x2: Any) -> Any:
    """The larger of the two, nan where either is nan. (...), (...) -> (...), broadcast."""
    return _extremum(torch.maximum, "min", x1, x2)


@op
def minimum(x1: Any, x2: Any) -> Any:
    """The smaller of the two, nan where either is nan. (...), (...) -> (...), broadcast."""
    return _extremum(torch.minimum, "max", x1, x2)


def _extremum(function: Any, bound: str, x1: Any, x2: Any) -> Any:
    x1, x2 = (x2, x1) if is_scalar(x1) else (x1, x2)
    if is_scalar(x2) and not is_scalar(x1) and not (isinstance(x2, float) and math.isnan(x2)):  # a bound needs no tensor of its own
        x1, x2 = operands(x1, x2)
        return torch.clamp(x1, **{bound: x2}) if dtype_of(x1) != torch.bool else function(*promoted(x1, x2))
    return function(*promoted(x1, x2))


@op
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """`x`, at least `x_min` and at most `x_max`: numbers, or tensors that broadcast to `x`. (...) -> (...)"""
    x, low, high = operands(whole(x), x_min, x_max)
    if is_scalar(low) != is_scalar(high):
        low, high = promoted(low, high)
    return torch.clamp(x, low, high)


@op
def ldexp(x1: Any, x2: Any) -> Any:
    """`x1 * 2**x2`, with ints in `x2`. (...), (...) -> (...), broadcast."""
    x1, x2 = tensors(x1, x2)
    if dtype_of(x2).is_floating_point or dtype_of(x2) == torch.bool:
        refuse(
            "ldexp", f"the exponent x2 must be of an integer dtype, got {str(dtype_of(x2)).removeprefix('torch.')}", "ops.cast(x2, 'int32')"
        )
    return torch.ldexp(floating(x1), x2)


# Signs, roundings, special values

abs = unary("abs", _absolute, "The absolute value")
absolute = unary("absolute", _absolute, "The absolute value")
fabs = unary("fabs", torch.abs, "The absolute value, as a float", floating)
sign = unary("sign", torch.sign, "-1, 0 or 1")
signbit = unary("signbit", torch.signbit, "Whether the sign is set: true of -0.0 as well")
ceil = unary("ceil", torch.ceil, "Rounded up, as a float", floating)
floor = unary("floor", torch.floor, "Rounded down, as a float", floating)
trunc = unary("trunc", _truncated, "Rounded towards 0")
isfinite = unary("isfinite", torch.isfinite, "Whether it is neither infinite nor nan")
isinf = unary("isinf", torch.isinf, "Whether it is infinite")
isnan = unary("isnan", torch.isnan, "Whether it is nan")
isneginf = unary("isneginf", torch.isneginf, "Whether it is -inf")
isposinf = unary("isposinf", torch.isposinf, "Whether it is inf")


@op
def round(x: Any, decimals: int = 0) -> Any:
    """Rounded to `decimals` places, halves to even; ints stay ints. (...) -> (...)

    >>> round(torch.tensor([0.5, 1.5, 2.25]))
    tensor([0., 2., 2.])
    """
    x = tensor(x)
    whole_number = not dtype_of(x).is_floating_point and not dtype_of(x).is_complex
    return to_dtype(torch.round(floating(x), decimals=decimals), dtype_of(x)) if whole_number else torch.round(x, decimals=decimals)


@op
def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """`x` with nan, inf and -inf replaced; None is the largest and the least finite number. (...) -> (...)"""
    return torch.nan_to_num(tensor(x), nan, posinf, neginf)


# Exponentials and logarithms

exp = unary("exp", torch.exp, "e to the power of x", floating)
exp2 = unary("exp2", torch.exp2, "2 to the power of x", floating)
expm1 = unary("expm1", torch.expm1, "`exp(x) - 1`, exact near 0", floating)
log = unary("log", torch.log, "The natural logarithm", floating)
log10 = unary("log10", torch.log10, "The logarithm to base 10", floating)
log1p = unary("log1p", torch.log1p, "`log(1 + x)`, exact near 0", floating)
log2 = unary("log2", torch.log2, "The logarithm to base 2", floating)
logaddexp = binary("logaddexp", torch.logaddexp, "`log(exp(x1) + exp(x2))`", as_floats)
logaddexp2 = binary("logaddexp2", torch.logaddexp2, "`log2(2**x1 + 2**x2)`", as_floats)
cbrt = unary("cbrt", _cube_root, "The cube root, of negative numbers too", floating)
i0 = unary("i0", torch.i0, "The modified Bessel function of the first kind, order 0", floating)

# Trigonometry

sin = unary("sin", torch.sin, "The sine", floating)
cos = unary("cos", torch.cos, "The cosine", floating)
tan = unary("tan", torch.tan, "The tangent", floating)
sinh = unary("sinh", torch.sinh, "The hyperbolic sine", floating)
cosh = unary("cosh", torch.cosh, "The hyperbolic cosine", floating)
tanh = unary("tanh", torch.tanh, "The hyperbolic tangent", floating)
arcsin = unary("arcsin", torch.arcsin, "The inverse sine", floating)
arccos = unary("arccos", torch.arccos, "The inverse cosine", floating)
arctan = unary("arctan", torch.arctan, "The inverse tangent", floating)
arcsinh = unary("arcsinh", torch.arcsinh, "The inverse hyperbolic sine", floating)
arccosh = unary("arccosh", torch.arccosh, "The inverse hyperbolic cosine", floating)
arctanh = unary("arctanh", torch.arctanh, "The inverse hyperbolic tangent", floating)
arctan2 = binary("arctan2", torch.arctan2, "The angle of the point (x2, x1), between -pi and pi", as_floats)
sinc = unary("sinc", torch.sinc, "`sin(pi x) / (pi x)`", floating)
deg2rad = unary("deg2rad", torch.deg2rad, "Degrees as radians", floating)
rad2deg = unary("rad2deg", torch.rad2deg, "Radians as degrees", floating)

# Comparisons and logic

equal = binary("equal", _python.eq, "`x1 == x2`")
not_equal = binary("not_equal", _python.ne, "`x1 != x2`")
greater = binary("greater", _python.gt, "`x1 > x2`")
greater_equal = binary("greater_equal", _python.ge, "`x1 >= x2`")
less = binary("less", _python.lt, "`x1 < x2`")
less_equal = binary("less_equal", _python.le, "`x1 <= x2`")
logical_and = binary("logical_and", torch.logical_and, "Whether both are true (or not 0)", tensors)
logical_or = binary("logical_or", torch.logical_or, "Whether either is true (or not 0)", tensors)
logical_xor = binary("logical_xor", torch.logical_xor, "Whether one of the two is true (or not 0)", tensors)
logical_not = unary("logical_not", torch.logical_not, "Whether it is false (or 0)")


@op
def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether `|x1 - x2| <= atol + rtol * |x2|`; ints must be equal. (...), (...) -> (...) of bools, broadcast."""
    x1, x2 = promoted(x1, x2)
    return torch.isclose(x1, x2, rtol, atol, equal_nan) if dtype_of(x1).is_floating_point else x1 == x2


@op
def allclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether all of `isclose` holds: a bool tensor without axes. (...), (...) -> ()"""
    return torch.all(isclose(x1, x2, rtol, atol, equal_nan))


# Bits

bitwise_and = binary_xy("bitwise_and", torch.bitwise_and, "`x & y`")
bitwise_or = binary_xy("bitwise_or", torch.bitwise_or, "`x | y`")
bitwise_xor = binary_xy("bitwise_xor", torch.bitwise_xor, "`x ^ y`")
bitwise_left_shift = binary_xy("bitwise_left_shift", torch.bitwise_left_shift, "`x << y`")
bitwise_right_shift = binary_xy("bitwise_right_shift", torch.bitwise_right_shift, "`x >> y`")
left_shift = binary_xy("left_shift", torch.bitwise_left_shift, "`x << y`")
right_shift = binary_xy("right_shift", torch.bitwise_right_shift, "`x >> y`")
bitwise_not = unary("bitwise_not", torch.bitwise_not, "`~x`")
bitwise_invert = unary("bitwise_invert", torch.bitwise_not, "`~x`")

# Complex numbers, copies, views

real = unary("real", torch.real, "The real part")
imag = unary("imag", torch.imag, "The imaginary part of complex numbers")
conj = unary("conj", torch.conj_physical, "The complex conjugate")
conjugate = unary("conjugate", torch.conj_physical, "The complex conjugate")
angle = unary("angle", torch.angle, "The angle in the complex plane, in radians", floating)
isreal = unary("isreal", torch.isreal, "Whether the imaginary part is 0")
copy = unary("copy", torch.clone, "A copy")


@op
def array(x: Any, dtype: DTypeLike = None) -> Any:
    """`x` as a tensor, of `dtype` where one is given. (...) -> (...)

    >>> array([1, 2]).dtype, array([1.0, 2.0], dtype="float16").dtype
    (torch.int32, torch.float16)
    """
    return tensor(x, dtype)


@op
def view(x: Any, dtype: DTypeLike = None) -> Any:
    """The bits of `x` read as `dtype` (None is `floatx()`). (..., n) -> (..., n * old size / new size)"""
    return tensor(x).view(made_dtype(dtype))
