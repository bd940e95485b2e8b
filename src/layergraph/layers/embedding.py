"""Layers that give tokens a vector, and those that say which steps count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layergraph import config
from layergraph.errors import Fact, LayergraphError, shown
from layergraph.graph.spec import Shape, TensorSpec
from layergraph.kinds import is_sequence
from layergraph.layers.base import Layer
from layergraph.layers.fields import (
    Constraint,
    Field,
    Initializer,
    Regularizer,
    checked,
    constraint,
    flag,
    initializer,
    number,
    only,
    positive,
    regularizer,
)
from layergraph.layers.masking import warn_of_eager_mask
from layergraph.layers.weights import DENSE, Weight
from layergraph.nn.indices import whole_indices


def _dtype_name(value: Any, owner: Any) -> str | None:
    try:
        return None if value is None else config.standardize_dtype(value)
    except LayergraphError as error:
        raise Fact(f"must be a dtype, got {shown(value)}", error.fix) from None


class _Table(Layer):
    """A table of rows, by index."""

    if TYPE_CHECKING:
        input_dim: int
        output_dim: int
        mask_zero: bool

    def check_fields(self) -> None:
        self.__dict__.update(supports_masking=self.mask_zero, _makes_mask=self.mask_zero)

    def _casts(self, dtype: torch.dtype) -> bool:
        return False  # what comes in are indices; the layer's dtype is that of the table

    def build(self, input_shape: Shape) -> None:
        self.embedding = nn.Embedding(self.input_dim, self.output_dim)

    def call(self, x: Tensor) -> Tensor:
        return self.embedding(x if x.dtype in (torch.int64, torch.int32) else whole_indices(x))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.mask_zero:
            warn_of_eager_mask(self, args)
        return super().__call__(*args, **kwargs)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return inputs != 0 if self.mask_zero else None

    def keras_weights(self) -> list[Weight]:
        return [Weight("embeddings", (self.embedding.weight,))]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.output_dim)

    def output_dtype(self, *input_dtypes: torch.dtype) -> torch.dtype:
        return self._torch_dtype

    def explain(self, x: Tensor) -> str | None:
        """Which index is out of range, for the error of a failed call."""
        low, high = int(x.min()), int(x.max())
        wrong = low if low < 0 else high if high >= self.input_dim else None
        return None if wrong is None else f"index {wrong} is outside 0 .. {self.input_dim - 1}"


class Embedding(_Table):
    """Rows of a table, by index.

    (B, ...) of integers -> (B, ..., output_dim)

    Floats are taken where they are whole numbers, since Keras's default Input is float32. Other floats raise, and so do
    indices outside 0 .. input_dim - 1; Keras truncates the ones and wraps the negative others.

    Args:
        input_dim: the number of rows.
        output_dim: the length of a row.
        embeddings_initializer: of the table, (input_dim, output_dim).
        embeddings_regularizer, embeddings_constraint: as in `Dense`.
        mask_zero: whether index 0 stands for no step: the output carries the mask `x != 0`, for the layers that take one.
        weights: the table, (input_dim, output_dim), or a list of it.

    >>> from layergraph import Input
    >>> Embedding(1000, 16)(Input(shape=(20,), dtype="int64")).shape
    (None, 20, 16)
    """

    input_dim: int = positive()
    output_dim: int = positive()
    embeddings_initializer: Initializer = initializer(default="uniform")
    embeddings_regularizer: Regularizer = regularizer(default=None)
    embeddings_constraint: Constraint = constraint(default=None)
    mask_zero: bool = flag(default=False)
    weights: Any = Field(default=None, encode=lambda value: None)  # values belong to the state, not to the config
    lora_rank: int | None = only(default=None, why="wrap the model with peft")
    lora_alpha: float | None = only(default=None, why="wrap the model with peft")
    quantization_config: Any = only(default=None, why="quantize the model with torchao")

    def check_fields(self) -> None:
        super().check_fields()
        given = self.__dict__["weights"]
        if given is not None:
            self.build((None,))
            self.set_weights(given if is_sequence(given) else [given])
            self.__dict__["weights"] = None  # the module has them now


class ReversibleEmbedding(_Table):
    """An Embedding that also goes the other way, from vectors to a score for each row: the two ends of a language model.

    (B, ...) of integers -> (B, ..., output_dim); with `reverse=True` (B, ..., output_dim) -> (B, ..., input_dim)

    Press and Wolf, 2016 (arXiv:1608.05859) tie the two.

    Args:
        input_dim, output_dim, embeddings_initializer, embeddings_regularizer, embeddings_constraint, mask_zero: as in `Embedding`.
        tie_weights: whether the way back is the table transposed; else it has weights of its own, (output_dim, input_dim).
        reverse_dtype: of the way back; None takes the layer's.
        logit_soft_cap: scores become `tanh(score / cap) * cap`, where it is given.

    >>> from layergraph import Input
    >>> embedding = ReversibleEmbedding(1000, 16)
    >>> h = embedding(Input(shape=(20,), dtype="int64"))
    >>> embedding(h, reverse=True).shape
    (None, 20, 1000)
    """

    input_dim: int = positive()
    output_dim: int = positive()
    tie_weights: bool = flag(default=True)
    embeddings_initializer: Initializer = initializer(default="uniform")
    embeddings_regularizer: Regularizer = regularizer(default=None)
    embeddings_constraint: Constraint = constraint(default=None)
    mask_zero: bool = flag(default=False)
    reverse_dtype: str | None = checked(_dtype_name, default=None)
    logit_soft_cap: float | None = number(default=None, low=0, optional=True)

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embedding = nn.Linear(self.output_dim, self.input_dim, bias=False)

    def call(self, x: Tensor, reverse: bool = False) -> Tensor:
        if not reverse:
            return super().call(x)
        table = self.embedding.weight if self.tie_weights else self.reverse_embedding.weight
        if self.reverse_dtype is not None:
            x, table = x.to(getattr(torch, self.reverse_dtype)), table.to(getattr(torch, self.reverse_dtype))
        scores = F.linear(x, table)
        return scores if self.logit_soft_cap is None else torch.tanh(scores / self.logit_soft_cap) * self.logit_soft_cap

    def keras_weights(self) -> list[Weight]:
        back = [] if self.tie_weights else [Weight("reverse_embeddings", (self.reverse_embedding.weight,), DENSE, fields="embeddings")]
        return [*super().keras_weights(), *back]

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        backwards = "float" in str(inputs.dtype)
        return None if backwards else super().compute_mask(inputs)

    def compute_output_spec(self, x: TensorSpec, reverse: bool = False) -> TensorSpec:
        if not reverse:
            return TensorSpec((*x.shape, self.output_dim), self._torch_dtype)
        if not x.shape or x.shape[-1] not in (self.output_dim, None):
            raise Fact(f"goes back from vectors of {self.output_dim} numbers, got shape {x.shape}")
        dtype = self._torch_dtype if self.reverse_dtype is None else getattr(torch, self.reverse_dtype)
        return TensorSpec((*x.shape[:-1], self.input_dim), dtype)


class Masking(Layer):
    """Says that steps whose features all equal a value do not count, and zeroes them.

    (B, T, features) -> (B, T, features), which carries the mask (B, T): True where a step counts

    Args:
        mask_value: a step counts when any of its features differs from it.

    >>> from layergraph import Input
    >>> Masking()(Input(shape=(20, 5))).shape
    (None, 20, 5)
    """

    supports_masking = True
    _makes_mask = True

    mask_value: float = number(default=0.0)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        warn_of_eager_mask(self, args)
        return super().__call__(*args, **kwargs)

    def call(self, x: Tensor) -> Tensor:
        return x.masked_fill((x == self.mask_value).all(-1, True), 0)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return (inputs != self.mask_value).any(-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) < 2:
            raise Fact(f"needs an axis of features, (batch, steps, features), got {tuple(input_shape)}")
        return input_shape
