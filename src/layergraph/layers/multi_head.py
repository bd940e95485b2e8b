"""Attention of several heads, between projections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from layergraph import initializers
from layergraph.errors import ArgumentError, Fact, shown
from layergraph.graph.spec import Shape, TensorSpec, agree
from layergraph.kinds import is_sequence
from layergraph.layers.attending import Along, attended, band, both, dropped, weights_of
from layergraph.layers.base import Layer
from layergraph.layers.fields import (
    Argument,
    Constraint,
    Field,
    Initializer,
    Regularizer,
    activity,
    anything,
    checked,
    constraint,
    flag,
    initializer,
    is_int,
    number,
    positive,
    regularizer,
)
from layergraph.layers.recording import shapes_of
from layergraph.layers.sizes import unflatten
from layergraph.layers.weights import Layout, Weight
from layergraph.nn.attention import DroppedAttention

_TENSORS = ("query", "value", "key")
_MASKS = ("query_mask", "value_mask", "key_mask", "attention_mask")


def _optional(field: Field) -> Any:
    """The same argument, or None."""
    return Field(None, lambda value, owner: None if value is None else field.check(value, owner), field.encode)


def _ints(value: Any, owner: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    items = (value,) if is_int(value) else value
    if not is_sequence(items) or not items or not all(map(is_int, items)):
        raise Fact(f"must be an int, a tuple of ints, or None, got {shown(value)}")
    return tuple(int(item) for item in items)


def _sizes(value: Any, owner: Any) -> tuple[int, ...] | None:
    sizes = _ints(value, owner)
    if sizes is not None and min(sizes) < 1:
        raise Fact(f"must be made of positive sizes, got {shown(value)}")
    return sizes


def _flash(value: Any, owner: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise Fact(f"must be True, False or None, got {shown(value)}")
    return value


class _Projected(Layer):
    """What the layers share that project queries, keys and values to heads, attend, and project back: all but their arguments."""

    supports_masking = True

    @property
    def _heads(self) -> tuple[int, int]:
        """How many the query has, and how many keys and values have."""
        raise NotImplementedError

    @property
    def _head_sizes(self) -> tuple[int, int]:
        """Of a head's queries and keys, and of its values."""
        raise NotImplementedError

    def _outputs(self, query_shape: Shape) -> tuple[Any, ...]:
        """The last sizes of the output."""
        return query_shape[-1:]

    def _axes(self, rank: int) -> tuple[int, ...]:
        """The axes along which attention goes."""
        return (1,)

    # Calling

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Query, value and key go by position from here on, however they come; masks may be arrays."""
        words = (*_TENSORS, *_MASKS)
        twice = [word for word in words[: len(args)] if word in kwargs]
        if twice or len(args) > len(words):
            raise ArgumentError(
                f"{self.label} got {f'`{twice[0]}` twice' if twice else f'{len(args)} arguments by position'}",
                f"its arguments are {', '.join(words)}, return_attention_scores, training, use_causal_mask",
            )
        given = {**dict(zip(words, args, strict=False)), **kwargs}
        tensors = [given.pop(word, None) for word in _TENSORS]
        if tensors[0] is None or tensors[1] is None:
            came = shown(tensors[0]) if is_sequence(tensors[0]) else f"no {'query' if tensors[0] is None else 'value'}"
            raise ArgumentError(f"{self.label} takes a query and a value, got {came}", "write layer(query, value); of itself, layer(x, x)")
        if tensors[2] is None:
            tensors.pop()
        given = {word: self._admit(value) if word in _MASKS else value for word, value in given.items() if value is not None}
        return super().__call__(*tensors, **given)

    def _shapes_for(self, function: Any, specs: Sequence[Any], kwargs: Any) -> list[Any]:
        return [shapes_of(spec) for spec in specs[:3]]

    def build(self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None) -> None:
        (heads, key_heads), (key_size, value_size) = self._heads, self._head_sizes
        bias, features = self.use_bias, query_shape[-1] or 0
        self.query = nn.Linear(features, heads * key_size, bias=bias)
        self.key = nn.Linear((key_shape or value_shape)[-1] or 0, key_heads * key_size, bias=bias)
        if self.use_gate:
            self.gate = nn.Linear(features, heads * value_size, bias=bias)
        self.value = nn.Linear(value_shape[-1] or 0, key_heads * value_size, bias=bias)
        self.attention_output = nn.Linear(heads * value_size, math.prod(self._outputs(query_shape)), bias=bias)
        if self.dropout:
            self.attend = DroppedAttention(self.dropout)

    def call(
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor | None = None,
        query_mask: Tensor | None = None,
        value_mask: Tensor | None = None,
        key_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        (heads, key_heads), (key_size, value_size) = self._heads, self._head_sizes
        along = Along(query.ndim, self._axes(query.ndim))
        q = along.to_heads(self.query(query), heads, key_size)
        k = along.to_heads(self.key(value if key is None else key), key_heads, key_size)
        v = along.to_heads(self.value(value), key_heads, value_size)
        mask = _joined(along, query_mask, value_mask, key_mask, attention_mask)
        plain = mask is None and self.sliding_window is None and not return_attention_scores
        if self.sliding_window is not None or (use_causal_mask and not plain):
            near = band(query, along.count(query), along.count(value), use_causal_mask, self.sliding_window)
            mask = both((mask, near))
        weights = None
        if return_attention_scores:
            if heads != key_heads:
                k, v = (x.repeat_interleave(heads // key_heads, 1) for x in (k, v))
            weights = weights_of(torch.matmul(q * (1 / math.sqrt(key_size)), k.transpose(-2, -1)), mask)
            y = torch.matmul(dropped(self, weights, training), v)
        else:
            words = {"attn_mask": mask, "is_causal": (use_causal_mask and plain) or None, "enable_gqa": heads != key_heads or None}
            y = attended(self, q, k, v, training, **{word: value for word, value in words.items() if value is not None})
        y = along.from_heads(y, query)
        if self.use_gate:
            y = y * torch.sigmoid(self.gate(query))
        y, outputs = self.attention_output(y), self._outputs(query.shape)
        if len(outputs) > 1:
            y = unflatten(y, -1, outputs)
        return (y, along.spread(weights, query, value)) if return_attention_scores else y

    # Weights

    def keras_weights(self) -> list[Weight]:
        (heads, key_heads), (key_size, value_size) = self._heads, self._head_sizes
        split = {"query": (heads, key_size), "key": (key_heads, key_size)}
        split |= {"gate": (heads, value_size)} if self.use_gate else {}
        split |= {"value": (key_heads, value_size)}
        found: list[Weight] = []
        for name, outputs in split.items():
            linear = getattr(self, name)
            found += _weights(name, linear, self.use_bias, (linear.in_features,), outputs)
        made = self.attention_output
        return found + _weights("attention_output", made, self.use_bias, (heads, value_size), self._outputs((made.out_features,)))

    def _field_of(self, weight: Weight, kind: str) -> Any:
        found: Any = super()._field_of(weight, kind)
        # Anew for each weight, or those of one shape would be drawn alike.
        again = kind == "initializer" and isinstance(found, initializers.Initializer)
        return found.from_config(found.get_config()) if again else found

    # Shapes

    def compute_output_shape(  # pyright: ignore[reportIncompatibleMethodOverride] (Keras's, of a call with several tensors)
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None
    ) -> Shape:
        query, value, key = (tuple(shape) for shape in (query_shape, value_shape, key_shape or value_shape))
        told = f"query {query}, value {value}" + ("" if key_shape is None else f", key {key}")
        self._check(query, value, key, told)
        if self.built:
            for word, shape in zip(_TENSORS, (query, value, key), strict=True):
                if shape[-1] != getattr(self, word).in_features:
                    raise Fact(
                        f"was built for a {word} with a last axis of {getattr(self, word).in_features}, got {told}",
                        "use another layer: one layer has one kernel",
                    )
        return (*query[:-1], *self._outputs(query))

    def _check(self, query: Shape, value: Shape, key: Shape, told: str) -> None:
        rank = len(query)
        if not rank == len(value) == len(key) or rank < 3:
            raise Fact(f"takes tensors of one rank, of at least 3 axes, (batch, steps, features), got {told}")
        if None in (query[-1], value[-1], key[-1]):
            raise Fact(f"needs known last axes, since its kernels have as many rows, got {told}", "give them in Input(shape=...)")
        if not agree(value[:-1], key[:-1]):
            raise Fact(f"needs a key for each value: all sizes but the last must be equal, got {told}")
        along = Along(rank, self._axes(rank))
        others = (0, *along.others)
        if not agree(tuple(query[axis] for axis in others), tuple(value[axis] for axis in others)):
            raise Fact(f"attends along axes {along.axes}, and all other sizes but the last must be equal, got {told}")

    def compute_output_spec(self, query: Any, value: Any, key: Any = None, return_attention_scores: bool = False) -> Any:
        shape = self.compute_output_shape(query.shape, value.shape, None if key is None else key.shape)
        along = Along(query.ndim, self._axes(query.ndim))
        output = TensorSpec(shape, self.output_dtype(*(spec.dtype for spec in (query, value, key) if spec is not None)))
        if not return_attention_scores:
            return output
        sizes = ((query, along.others), (query, along.axes), (value, along.axes))
        others, steps, keys = (tuple(spec.shape[axis] for axis in axes) for spec, axes in sizes)
        return output, TensorSpec((shape[0], *others, self._heads[0], *steps, *keys), output.dtype)


def _joined(along: Along, query: Any, value: Any, key: Any, pairs: Any) -> Any:
    """One mask of four, of which any may be None."""
    rows = None if query is None else along.steps(query, of_queries=True)
    columns = [None if mask is None else along.steps(mask, of_queries=False) for mask in (value, key)]
    return both((rows, *columns, None if pairs is None else along.pairs(pairs)))


def _weights(name: str, linear: nn.Linear, biased: bool, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> list[Weight]:
    """A Linear's weights as Keras's arrays, their inputs and outputs spread over axes of these sizes."""

    def spread(weight: Tensor) -> Tensor:
        return weight.t().reshape(*inputs, *outputs)

    def split(bias: Tensor) -> Tensor:
        return bias.reshape(outputs)

    matrix = Layout(spread, lambda k: (k.reshape(math.prod(inputs), -1).t(),))
    vector = Layout(split, lambda k: (k.reshape(-1),))
    fans = tuple(range(len(inputs))), tuple(range(len(inputs), len(inputs) + len(outputs)))
    kernel = Weight(f"{name}/kernel", (linear.weight,), matrix, fields="kernel", fans=fans)
    return [kernel, Weight(f"{name}/bias", (linear.bias,), vector, fields="bias")] if biased else [kernel]


class MultiHeadAttention(_Projected):
    """Attention of several heads between projections, after Vaswani et al. 2017: stock `nn.Linear` and `F.scaled_dot_product_attention`.

    query (B, T, Dq), value (B, S, Dv), key (B, S, Dk) -> (B, T, Dq), or (B, T, *output_shape)
    and the weights (B, heads, T, S) with `return_attention_scores=True`

    Called as `layer(query, value, key=None)`: mind the order; the key is the value where there is none. `layer(x, x)` is
    self-attention. Tensors of more axes, (B, ..., features), attend along `attention_axes`, and all other axes are batches.

    Masks are True (or not 0) where a step counts: `query_mask` (B, T), `value_mask` and `key_mask` (B, S), and `attention_mask` (T, S),
    (B, T, S) or (B, heads, T, S) for pairs. `use_causal_mask=True` lets a query look at keys up to its own place alone. All that are
    given hold together. A query that may look at no key gets zeros, before the output's projection, and its weights are zeros.

    Differs from Keras: there the query without a key gets the mean of the values, unless there is dropout or the scores are
    returned; an explicit `query_mask` is ignored, and one head's mask of 4 axes does not combine with others.

    Args:
        num_heads: how many heads there are.
        key_dim: the size of a head's queries and keys; scores are divided by its root.
        value_dim: the size of a head's values, `key_dim` if None.
        dropout: the probability with which a weight is zeroed in training.
        use_bias: whether the projections have biases.
        output_shape: the last size (or sizes) of the output, the query's if None.
        attention_axes: an axis or several along which attention goes; None for all but the first and the last. Places along several
            are counted row by row.
        sliding_window: None, or how far a query sees: to keys less than so many places away.
        flash_attention: accepted, without effect: torch chooses its kernels.
        kernel_initializer, bias_initializer: of each projection; a kernel's fans are those of its matrix.
        kernel_regularizer, bias_regularizer: terms of the loss, see `Model.losses`.
        kernel_constraint, bias_constraint: applied by `fit` after each step, to the arrays in Keras's layout, (Dq, heads, key_dim).
        use_gate: whether the heads' results are multiplied by a sigmoid of one more projection of the query.
        seed: kept in the config, without effect: the stream is torch's generator.

    >>> from layergraph import Input
    >>> MultiHeadAttention(num_heads=2, key_dim=4)(Input(shape=(5, 8)), Input(shape=(7, 6))).shape
    (None, 5, 8)
    """

    num_heads: int = positive()
    key_dim: int = positive()
    value_dim: int | None = _optional(positive())
    dropout: float = number(default=0.0, low=0, high=1)
    use_bias: bool = flag(default=True)
    output_shape: Argument[int | Sequence[int] | None, tuple[int, ...] | None] = checked(_sizes, default=None)
    attention_axes: Argument[int | Sequence[int] | None, tuple[int, ...] | None] = checked(_ints, default=None)
    sliding_window: int | None = _optional(positive())
    flash_attention: bool | None = checked(_flash, default=None)
    kernel_initializer: Initializer = initializer(default="glorot_uniform")
    bias_initializer: Initializer = initializer(default="zeros")
    kernel_regularizer: Regularizer = regularizer(default=None)
    bias_regularizer: Regularizer = regularizer(default=None)
    activity_regularizer: Regularizer = activity(default=None)
    kernel_constraint: Constraint = constraint(default=None)
    bias_constraint: Constraint = constraint(default=None)
    use_gate: bool = flag(default=False)
    seed: int | None = anything(default=None)

    def check_fields(self) -> None:
        if self.value_dim is None:
            self.__dict__["value_dim"] = self.key_dim

    @property
    def _heads(self) -> tuple[int, int]:
        return self.num_heads, self.num_heads

    @property
    def _head_sizes(self) -> tuple[int, int]:
        return self.key_dim, self.value_dim or self.key_dim

    def _outputs(self, query_shape: Shape) -> tuple[Any, ...]:
        return super()._outputs(query_shape) if self.output_shape is None else self.output_shape

    def _axes(self, rank: int) -> tuple[int, ...]:
        if self.attention_axes is None:
            return tuple(range(1, rank - 1))
        axes = tuple(axis + rank if axis < 0 else axis for axis in self.attention_axes)
        if not all(0 < axis < rank - 1 for axis in axes) or len(set(axes)) < len(axes):
            raise Fact(f"attention_axes {self.attention_axes} do not fit tensors of {rank} axes, of which the first and the last stay")
        return axes


class GroupedQueryAttention(_Projected):
    """Attention whose heads share keys and values in groups, after Ainslie et al. 2023; `layers.GroupQueryAttention`.

    query (B, T, D), value (B, S, Dv), key (B, S, Dk) -> (B, T, D)
    and the weights (B, query heads, T, S) with `return_attention_scores=True`

    Called as `MultiHeadAttention` is, with the same masks and the same rule for a query that may look at no key.

    Args:
        head_dim: the size of a head; scores are divided by its root.
        num_query_heads: how many heads the query has.
        num_key_value_heads: how many heads keys and values have; each serves num_query_heads / num_key_value_heads neighbours.
        dropout, use_bias, ...: as in `MultiHeadAttention`.

    >>> from layergraph import Input
    >>> GroupedQueryAttention(head_dim=4, num_query_heads=4, num_key_value_heads=2)(Input(shape=(5, 8)), Input(shape=(7, 8))).shape
    (None, 5, 8)
    """

    head_dim: int = positive()
    num_query_heads: int = positive()
    num_key_value_heads: int = positive()
    dropout: float = number(default=0.0, low=0, high=1)
    use_bias: bool = flag(default=True)
    sliding_window: int | None = _optional(positive())
    flash_attention: bool | None = checked(_flash, default=None)
    kernel_initializer: Initializer = initializer(default="glorot_uniform")
    bias_initializer: Initializer = initializer(default="zeros")
    kernel_regularizer: Regularizer = regularizer(default=None)
    bias_regularizer: Regularizer = regularizer(default=None)
    activity_regularizer: Regularizer = activity(default=None)
    kernel_constraint: Constraint = constraint(default=None)
    bias_constraint: Constraint = constraint(default=None)
    use_gate: bool = flag(default=False)
    seed: int | None = anything(default=None)

    def check_fields(self) -> None:
        if self.num_query_heads % self.num_key_value_heads:
            raise Fact(
                f"shares {self.num_key_value_heads} key heads (num_key_value_heads) among {self.num_query_heads} query heads "
                "(num_query_heads), which they must divide"
            )

    @property
    def _heads(self) -> tuple[int, int]:
        return self.num_query_heads, self.num_key_value_heads

    @property
    def _head_sizes(self) -> tuple[int, int]:
        return self.head_dim, self.head_dim

    def _check(self, query: Shape, value: Shape, key: Shape, told: str) -> None:
        if len(query) != 3:
            raise Fact(f"takes tensors of 3 axes, (batch, steps, features), got {told}")
        super()._check(query, value, key, told)
