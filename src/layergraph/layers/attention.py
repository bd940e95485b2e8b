"""Attention over lists of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from layergraph import initializers
from layergraph.errors import Fact
from layergraph.graph.spec import Shape, TensorSpec, agree
from layergraph.kinds import is_sequence
from layergraph.layers.attending import as_bool, attended, band, both, dropped, size_of, weights_of
from layergraph.layers.base import Layer
from layergraph.layers.fields import anything, choice, flag, number
from layergraph.layers.weights import Layout, Weight
from layergraph.nn.attention import DroppedAttention


def _known(*sizes: int | None) -> int | None:
    return next((size for size in sizes if size is not None), None)


class _OverLists(Layer):
    """What the two layers share that take a list: all but their scores."""

    supports_masking = True

    def _build_dropout(self) -> None:
        if self.dropout:
            self.attend = DroppedAttention(self.dropout)

    def call(
        self,
        inputs: Sequence[Tensor],
        mask: Sequence[Tensor | None] | None = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        query, value, key = inputs[0], inputs[1], inputs[-1]
        query_mask, value_mask = [None if each is None else as_bool(each) for each in (mask or (None, None))[:2]]
        allowed = None if value_mask is None else value_mask[..., None, :]
        output, weights = self._attended(query, value, key, allowed, training, return_attention_scores, use_causal_mask)
        if query_mask is not None:
            output = output.masked_fill(torch.logical_not(query_mask)[..., None], 0.0)
        return (output, weights) if return_attention_scores else output

    def _attended(
        self, query: Tensor, value: Tensor, key: Tensor, allowed: Any, training: bool | None, return_scores: bool, causal: bool
    ) -> tuple[Tensor, Tensor | None]:
        """(output, weights), the weights where they are wanted; `allowed` broadcasts to (B, T, S)."""
        past = band(query, size_of(query, -2), size_of(key, -2), True, None) if causal else None
        weights = dropped(self, weights_of(self._scores(query, key), both((allowed, past))), training)
        return torch.matmul(weights, value), weights

    def _scores(self, query: Tensor, key: Tensor) -> Tensor:
        """(B, T, S), before the softmax."""
        raise NotImplementedError

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None if mask is None else mask[0]

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        query, value, key = self._checked(input_shape)
        return (_known(query[0], value[0], key[0]), *query[1:-1], value[-1])

    def _checked(self, shapes: Any) -> list[Shape]:
        """The three shapes, of which the key's may be the value's."""
        who = "[query, value] or [query, value, key]"
        if not is_sequence(shapes) or not shapes or not all(is_sequence(shape) for shape in shapes):
            raise Fact(f"is called on a list of tensors, {who}, got one of shape {shapes}", "for self-attention write layer([x, x])")
        if not 2 <= len(shapes) <= 3:
            raise Fact(f"takes 2 or 3 tensors, {who}, got {len(shapes)}", "for self-attention write layer([x, x])")
        query, value, key = found = [tuple(shape) for shape in (shapes[0], shapes[1], shapes[-1])]
        told = f"query {query}, value {value}" + (f", key {key}" if len(shapes) == 3 else "")
        if min(map(len, found)) < 3 or len(set(map(len, found))) > 1:
            raise Fact(f"takes tensors of one rank, of at least 3 axes, (batch, steps, features), got {told}")
        if not agree(query[-1:], key[-1:]):
            raise Fact(
                f"compares queries with keys, which must have the same last size, got {told}", f"project one with Dense({query[-1]})"
            )
        if not (agree(value[:-1], key[:-1]) and agree(query[:-2], key[:-2])):
            raise Fact(f"needs a key for each value, in the same batch as the queries, got {told}")
        return found

    def compute_output_spec(self, inputs: Any, return_attention_scores: bool = False) -> Any:
        if not is_sequence(inputs):
            self.compute_output_shape(inputs.shape)
        shape = self.compute_output_shape([spec.shape for spec in inputs])
        dtype = self.output_dtype(*(spec.dtype for spec in inputs))
        output = TensorSpec(shape, dtype)
        return (output, TensorSpec((*shape[:-1], inputs[-1].shape[-2]), dtype)) if return_attention_scores else output


def _first_row(weight: Tensor) -> Tensor:
    return weight[0]


_ROW = Layout(_first_row, lambda k: (k[None],))


class AdditiveAttention(_OverLists):
    """Attention whose scores are sums of tanh(query + key), after Bahdanau et al. 2015.

    [query (B, T, D), value (B, S, E)] or [query, value, key (B, S, D)] -> (B, T, E)
    and the weights (B, T, S) with `return_attention_scores=True`

    Called as `layer([query, value])` or `layer([query, value, key])`; the key is the value where there is none. `mask` is a list
    [query_mask (B, T), value_mask (B, S)], each a tensor or None, True where a step counts: outputs are zeros where the query's is
    False. `use_causal_mask=True` lets a query look at keys up to its own place alone.

    Differs from Keras: a query that may look at no key gets zeros, where Keras forgets the mask.

    Args:
        use_scale: whether there is a weight (D,), by which the tanh's are weighed in the sum.
        dropout: the probability with which a weight is zeroed in training.

    >>> from layergraph import Input
    >>> AdditiveAttention()([Input(shape=(5, 8)), Input(shape=(7, 8))]).shape
    (None, 5, 8)
    """

    use_scale: bool = flag(default=True)
    dropout: float = number(default=0.0, low=0, high=1)

    def build(self, input_shape: Sequence[Shape]) -> None:
        self._build_dropout()
        if self.use_scale:
            self.scores = nn.Linear(input_shape[0][-1] or 0, 1, bias=False)
            with torch.no_grad():
                self.scores.weight.copy_(initializers.GlorotUniform()(self.scores.weight.shape[1:])[None])

    def _scores(self, query: Tensor, key: Tensor) -> Tensor:
        sums = torch.tanh(query[..., None, :] + key[..., None, :, :])
        return self.scores(sums).squeeze(-1) if self.use_scale else sums.sum(-1)

    def keras_weights(self) -> list[Weight]:
        return [Weight("scale", (self.scores.weight,), _ROW)] if self.use_scale else []

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        shape = super().compute_output_shape(input_shape)
        query = tuple(input_shape[0])
        if self.use_scale and query[-1] is None:
            raise Fact(
                f"needs a known last axis, since its scale has as many elements; the query's shape is {query}",
                "give it in Input(shape=...)",
            )
        if self.built and self.use_scale and query[-1] != self.scores.in_features:
            raise Fact(f"was built for a query of {self.scores.in_features} features, got {query}", "use another layer")
        return shape


class Attention(_OverLists):
    """Attention whose scores are dot products of queries and keys, after Luong et al. 2015: not divided by the root of their size.

    [query (B, T, D), value (B, S, E)] or [query, value, key (B, S, D)] -> (B, T, E)
    and the weights (B, T, S) with `return_attention_scores=True`

    Called as `layer([query, value])` or `layer([query, value, key])`; the key is the value where there is none. `mask` is a list
    [query_mask (B, T), value_mask (B, S)], each a tensor or None, True where a step counts: outputs are zeros where the query's is
    False. `use_causal_mask=True` lets a query look at keys up to its own place alone.

    Differs from Keras: a query that may look at no key gets zeros, where Keras forgets the mask.

    Args:
        use_scale: whether there is a weight by which the scores are multiplied (for 'concat', what is in the tanh). It starts at 1.
        score_mode: 'dot', or 'concat' for a weight times the sum of tanh(query + key).
        dropout: the probability with which a weight of the sum is zeroed in training.
        seed: kept in the config, without effect: the stream is torch's generator.

    >>> from layergraph import Input
    >>> Attention()([Input(shape=(5, 8)), Input(shape=(7, 8))]).shape
    (None, 5, 8)
    """

    use_scale: bool = flag(default=False)
    score_mode: str = choice("dot", "concat", default="dot")
    dropout: float = number(default=0.0, low=0, high=1)
    seed: int | None = anything(default=None)

    def build(self, input_shape: Sequence[Shape]) -> None:
        self._build_dropout()
        names = ["scale"] * self.use_scale + ["concat_score_weight"] * (self.score_mode == "concat")
        if names:
            self.scalars: Any = nn.ParameterDict({name: nn.Parameter(torch.ones(())) for name in names})

    def _attended(
        self, query: Tensor, value: Tensor, key: Tensor, allowed: Any, training: bool | None, return_scores: bool, causal: bool
    ) -> tuple[Tensor, Tensor | None]:
        if return_scores or self.score_mode == "concat":
            return super()._attended(query, value, key, allowed, training, return_scores, causal)
        words: dict[str, Any] = {"scale": 1.0}
        if allowed is None and causal:
            words["is_causal"] = True
        elif allowed is not None:
            past = band(query, size_of(query, -2), size_of(key, -2), True, None) if causal else None
            words["attn_mask"] = both((allowed, past))
        return attended(self, query * self.scalars.scale if self.use_scale else query, key, value, training, **words), None

    def _scores(self, query: Tensor, key: Tensor) -> Tensor:
        if self.score_mode == "dot":
            scores = torch.matmul(query, key.transpose(-2, -1))
            return scores * self.scalars.scale if self.use_scale else scores
        sums = query[..., None, :] + key[..., None, :, :]
        if self.use_scale:
            sums = sums * self.scalars.scale
        return torch.tanh(sums).sum(-1) * self.scalars.concat_score_weight

    def keras_weights(self) -> list[Weight]:
        names = ["scale"] * self.use_scale + ["concat_score_weight"] * (self.score_mode == "concat")
        return [Weight(name, (self.scalars[name],)) for name in names]
