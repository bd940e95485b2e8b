"""Dtype policies by their older names: `layergraph.mixed_precision`. Mixed precision itself is `torch.autocast`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .absent import explained
from .dtype_policies import DTypePolicy as DTypePolicy
from .dtype_policies import dtype_policy as dtype_policy
from .dtype_policies import set_dtype_policy as set_dtype_policy

__all__ = ["DTypePolicy", "Policy", "dtype_policy", "global_policy", "set_dtype_policy", "set_global_policy"]

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy

if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
