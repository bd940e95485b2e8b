"""Tests of a value's kind that also tell a type checker of it: after a bare `isinstance(value, list)` its items have no type."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any, TypeGuard


def is_whole(value: object) -> TypeGuard[int]:
    """Whether `value` is a whole number: an int, one of numpy's, or a bool."""
    return isinstance(value, Integral)


def is_sequence(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Whether `value` is a list or a tuple."""
    return isinstance(value, (list, tuple))


def is_class(value: object) -> TypeGuard[type[Any]]:
    """Whether `value` is a class."""
    return isinstance(value, type)


def is_dict(value: object) -> TypeGuard[dict[Any, Any]]:
    """Whether `value` is a dict."""
    return isinstance(value, dict)


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether `value` is a dict, or what reads like one."""
    return isinstance(value, Mapping)
