"""Dtype policies: one dtype for the weights and the computation of a layer, or `"mixed_bfloat16"`, which is `torch.autocast`'s.

The global policy is a context variable, as all settings are: see `config.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

from .absent import explained
from .dtypes import floatx, standardize_dtype
from .errors import ArgumentError, shown

# The policies that compute in another dtype than they keep, and the one they compute in.
_MIXED = {"mixed_bfloat16": "bfloat16"}
_QUANTIZED = ("int8", "int4", "float8", "gptq", "awq")

_policy: ContextVar[str | None] = ContextVar("layergraph_dtype_policy", default=None)


class DTypePolicy:
    """The dtype of a layer's weights and of its computation.

    Args:
        name: a dtype in any spelling, for both; None takes the global policy's. `"mixed_bfloat16"` keeps weights in float32, and a
            layer or model that has it runs under `torch.autocast(dtype=torch.bfloat16)`: torch's choice of what runs in which dtype
            (matrix products and convolutions in bfloat16; softmax, norms and losses in float32), where Keras casts every layer.

    Raises:
        ArgumentError: `"mixed_float16"` (it needs a gradient scaler, which is the training loop's), quantized policies, and whatever
            is no dtype.

    >>> policy = DTypePolicy("float16")
    >>> policy.compute_dtype, policy.variable_dtype
    ('float16', 'float16')
    """

    quantization_mode = None

    def __init__(self, name: Any = None):
        self._name = _policy_dtype(dtype_policy().name if name is None else name)

    @property
    def name(self) -> str:
        return self._name

    @property
    def compute_dtype(self) -> str:
        return _MIXED.get(self._name, self._name)

    @property
    def variable_dtype(self) -> str:
        return "float32" if self._name in _MIXED else self._name

    def get_config(self) -> dict[str, Any]:
        """`{"name": ...}`: what makes an equal policy."""
        return {"name": self._name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """A policy made from what `get_config` gave."""
        return cls(**config)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other._name == self._name

    def __hash__(self) -> int:
        return hash(self._name)


FloatDTypePolicy = DTypePolicy


def dtype_policy() -> DTypePolicy:
    """The policy of layers that are made without `dtype=`: `floatx()`, unless one was set.

    >>> dtype_policy()
    <DTypePolicy "float32">
    """
    return DTypePolicy(_policy.get() or floatx())


def set_dtype_policy(policy: str | DTypePolicy) -> None:
    """Set the policy of the layers that are made from now on, by name or by a `DTypePolicy`.

    Raises `ArgumentError` for `"mixed_float16"`: write `with torch.autocast("cuda", dtype=torch.float16):` around the forward pass, and
    scale the loss by a `torch.amp.GradScaler`.

    >>> set_dtype_policy("float64"); dtype_policy()
    <DTypePolicy "float64">
    >>> set_dtype_policy("float32")
    """
    if not isinstance(policy, str | DTypePolicy):
        raise ArgumentError(f"set_dtype_policy: wanted the name of a policy or a DTypePolicy, got {shown(policy)}", "'float32'")
    _policy.set(get(policy).name)


def forget_dtype_policy() -> None:
    """Back to `floatx()`."""
    _policy.set(None)


def get(identifier: Any) -> DTypePolicy:
    """A policy from a name, a dtype, a config or a policy; None is the global one."""
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, Mapping):
        return deserialize(cast("dict[str, Any]", identifier))
    return _shared(dtype_policy().name if identifier is None else _policy_dtype(identifier))


@functools.cache
def _shared(name: str) -> DTypePolicy:
    """One policy for all layers of a name."""
    return DTypePolicy(name)


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """Keras's config of a policy: `{"module": "keras", "class_name": "DTypePolicy", ...}`."""
    return {"module": "keras", "class_name": "DTypePolicy", "config": dtype_policy.get_config(), "registered_name": None}


def deserialize(config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> DTypePolicy:
    """The policy that a config describes; `custom_objects` may name classes of your own."""
    kind = config.get("class_name")
    found = {"DTypePolicy": DTypePolicy, "FloatDTypePolicy": DTypePolicy, **(custom_objects or {})}.get(str(kind))
    if found is None:
        raise ArgumentError(f"Could not interpret dtype policy config: {shown(config)}", "use {'class_name': 'DTypePolicy', ...}")
    return found.from_config(config["config"])


def _policy_dtype(name: Any) -> str:
    if isinstance(name, str) and name in _MIXED:
        return name
    if name == "mixed_float16":
        raise ArgumentError(
            "DTypePolicy('mixed_float16'): gradients in float16 need a scaler, which belongs to the training loop",
            'use "mixed_bfloat16", or write `with torch.autocast("cuda", dtype=torch.float16):` and a torch.amp.GradScaler',
        )
    if isinstance(name, str) and name.startswith(_QUANTIZED) and "_from_" in name:
        raise ArgumentError(f"DTypePolicy({name!r}): layergraph has no quantized layers", "quantize the model, which is stock torch")
    return standardize_dtype(name)


if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
