"""Tests of a value's kind that also tell a type checker of it: after a bare `isinstance(value, list)` its items have no type."""

from __future__ import annotations

from collections.abc import Mapping, Set
from numbers import Integral
from typing import Any, TypeGuard

import numpy as np


def is_whole(value: object) -> TypeGuard[int]:
    """Whether `value` is a whole number: an int, one of numpy's, or a bool."""
    return isinstance(value, Integral)


def is_sequence(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Whether `value` is a list or a tuple."""
    return isinstance(value, (list, tuple))


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether `value` is a list."""
    return isinstance(value, list)


def is_set(value: object) -> TypeGuard[Set[Any]]:
    """Whether `value` is a set or a frozenset."""
    return isinstance(value, (set, frozenset))


def is_array(value: object) -> TypeGuard[np.ndarray[Any, Any]]:
    """Whether `value` is an array of numpy's."""
    return isinstance(value, np.ndarray)


def is_numpy_scalar(value: object) -> TypeGuard[np.generic[Any]]:
    """Whether `value` is a single value of numpy's, `np.float32(2)` say."""
    return isinstance(value, np.generic)


def is_class(value: object) -> TypeGuard[type[Any]]:
    """Whether `value` is a class."""
    return isinstance(value, type)


def is_dict(value: object) -> TypeGuard[dict[Any, Any]]:
    """Whether `value` is a dict."""
    return isinstance(value, dict)


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether `value` is a dict, or what reads like one."""
    return isinstance(value, Mapping)
