"""Dtype policies: one dtype for the weights and the computation of a layer. Mixed precision is `torch.autocast`'s, and refused here.

The global policy is a context variable, as all settings are: see `config.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

from .absent import explained
from .dtypes import floatx, standardize_dtype
from .errors import ArgumentError, shown

_MIXED = {"mixed_float16": "torch.float16", "mixed_bfloat16": "torch.bfloat16"}
_QUANTIZED = ("int8", "int4", "float8", "gptq", "awq")

_policy: ContextVar[str | None] = ContextVar("layergraph_dtype_policy", default=None)


class DTypePolicy:
    """The dtype of a layer's weights and of its computation: one and the same.

    Args:
        name: a dtype in any spelling; None takes the global policy's.

    Raises:
        ArgumentError: `"mixed_float16"` and `"mixed_bfloat16"` (Keras computes in another dtype than it keeps; torch does that by
            `torch.autocast`, for a whole region of code), quantized policies, and whatever is no dtype.

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

    compute_dtype = variable_dtype = name

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

    Raises `ArgumentError` for mixed policies: write `with torch.autocast("cuda", dtype=torch.float16):` around the forward pass.

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
    return dtype_policy() if identifier is None else DTypePolicy(identifier)


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
        raise ArgumentError(
            f"DTypePolicy({name!r}): layers keep and compute in one dtype; in torch mixed precision is a region of code",
            f'leave the policy "float32" and write `with torch.autocast("cuda", dtype={_MIXED[name]}):` around the forward pass',
        )
    if isinstance(name, str) and name.startswith(_QUANTIZED) and "_from_" in name:
        raise ArgumentError(f"DTypePolicy({name!r}): layergraph has no quantized layers", "quantize the model, which is stock torch")
    return standardize_dtype(name)


if not TYPE_CHECKING:
    __getattr__ = explained(__name__)
