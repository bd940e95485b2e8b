"""Input, Dense, Activation: where a graph starts, and the layers every model has."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from layergraph import config
from layergraph.errors import ArgumentError, Fact, shown, user_place
from layergraph.graph.infer import probe
from layergraph.graph.node import Node
from layergraph.graph.spec import Shape, TensorSpec
from layergraph.graph.structure import map_leaves
from layergraph.graph.symbolic import SymbolicTensor
from layergraph.kinds import is_sequence
from layergraph.layers.base import Layer
from layergraph.layers.fields import Activation as ActivationFunction
from layergraph.layers.fields import (
    Constraint,
    Initializer,
    Regularizer,
    activation,
    activity,
    constraint,
    flag,
    initializer,
    is_int,
    only,
    positive,
    regularizer,
)
from layergraph.layers.weights import DENSE, Weight


class InputLayer(Layer):
    """Where a tensor enters a graph: `Input(...)` makes one and gives its symbol.

    () -> (batch_size, *shape)
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: Any = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ):
        nn.Module.__init__(self)
        who = "Input" if name is None else f"Input {shown(name)}"
        shape = kwargs.pop("input_shape", shape)
        batch_shape = kwargs.pop("batch_input_shape", batch_shape)
        if kwargs:
            raise ArgumentError(
                f"{who} got an unknown argument {shown(next(iter(kwargs)))}",
                "its arguments are shape, batch_size, dtype, batch_shape, name",
            )
        for word, value in (("sparse", sparse), ("ragged", ragged)):
            if value:
                raise ArgumentError(f"{who}: `{word}` is not supported", "use a dense Input(shape=...)")
        if not isinstance(optional, bool):
            raise ArgumentError(f"{who}: `optional` must be True or False, got {shown(optional)}")
        if input_tensor is not None:
            shape, batch_size, batch_shape, dtype = None, None, *_agreeing(who, input_tensor, shape, batch_size, batch_shape, dtype)
        self._init_base(dtype=dtype, name=name)
        state = self.__dict__
        state["_auto_name"] = "input_layer"
        state["batch_shape"] = _batch_shape(who, shape, batch_size, batch_shape)
        state["optional"] = optional
        state["built"] = True
        if input_tensor is None:
            node = Node("input", self, (), {}, (), user_place())
            state["_first"] = (node, SymbolicTensor(TensorSpec(self.batch_shape, self._torch_dtype), node))
        else:
            state["_first"] = (input_tensor.node, input_tensor.entered_by(self))

    def auto_name(self) -> str:
        return self._auto_name

    @property
    def input(self) -> SymbolicTensor:
        return self.output

    @property
    def label(self) -> str:
        return "Input" + (f" {shown(self._name)}" if self._name is not None else "")

    def call(self, *args: Any, **kwargs: Any) -> Any:
        raise ArgumentError(f"{self.label} is where a tensor enters a model; it cannot be called", "use layer.output, or Input(...)")

    def get_config(self) -> dict[str, Any]:
        return {
            "batch_shape": list(self.batch_shape),
            "dtype": self.dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": self.optional,
        }


def _agreeing(who: str, tensor: Any, shape: Any, batch_size: Any, batch_shape: Any, dtype: Any) -> tuple[Shape, str]:
    """(batch_shape, dtype) of a symbol that is to be an input, which the other arguments may repeat but not change."""
    if not isinstance(tensor, SymbolicTensor):
        raise ArgumentError(
            f"{who}: `tensor` must be a symbolic tensor, got {type(tensor).__name__} {shown(tensor)}", "for values, call the model on them"
        )
    said = {
        "shape": (shape, tensor.shape[1:]),
        "batch_size": (batch_size, tensor.shape[0] if tensor.ndim else None),
        "batch_shape": (batch_shape, tensor.shape),
    }
    for word, (given, own) in said.items():
        if given is not None and (tuple(given) if is_sequence(given) else given) != own:
            raise ArgumentError(f"{who}: `{word}`={shown(given)} is not that of `tensor`, {own}", f"leave `{word}` out")
    if dtype is not None and config.standardize_dtype(dtype) != tensor.dtype:
        raise ArgumentError(f"{who}: `dtype`={shown(dtype)} is not that of `tensor`, {tensor.dtype!r}", "leave `dtype` out")
    return tensor.shape, tensor.dtype


def _batch_shape(who: str, shape: Any, batch_size: Any, batch_shape: Any) -> Shape:
    if batch_shape is not None and (shape is not None or batch_size is not None):
        other = "shape" if shape is not None else "batch_size"
        raise ArgumentError(f"{who}: `batch_shape` already says what `{other}` says; both came", "give one of them")
    given = shape if batch_shape is None else batch_shape
    if given is None:
        raise ArgumentError(f"{who} needs `shape`, the sizes without the batch axis", "for example Input(shape=(784,))")
    if is_int(given) or isinstance(given, str) or not hasattr(given, "__iter__"):
        raise ArgumentError(
            f"{who}: `shape` must be a tuple of sizes, got {shown(given)}", f"write shape=({given},)" if is_int(given) else None
        )
    for size in (*given, batch_size):
        if size is not None and (not is_int(size) or size < 0):
            raise ArgumentError(
                f"{who}: shape {shown(tuple(given))}: a size must be an int of at least 0, or None, got {shown(size)}",
                "use None for an unknown size",
            )
    sizes = tuple(None if size is None else int(size) for size in given)
    return sizes if batch_shape is not None else (batch_size, *sizes)


def Input(  # noqa: N802 (Keras's name)
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> SymbolicTensor:
    """A symbolic tensor of shape `(batch_size, *shape)` with which a model starts.

    Args:
        shape: the sizes without the batch axis, None where a size is unknown: `(784,)`, `(None, 3)`.
        batch_size: a fixed batch size, where one is wanted.
        dtype: a string, a torch or a numpy dtype; None takes `layergraph.config.floatx()`.
        batch_shape: all sizes, instead of `shape` and `batch_size`. A batch size that is given is held: other batches raise.
        name: seen in `summary()`, in the generated code, and as the keyword of a call.
        sparse, ragged: None or False, as on Keras's torch backend.
        tensor: an inner symbolic tensor at which a model shall start, `Model(Input(tensor=h, name="hidden"), y)`; the other
            arguments must agree with it.
        optional: True lets a call give None for it, or leave it out; what takes it in the graph must then take None too.

    >>> Input(shape=(32, 32, 3), name="image").shape
    (None, 32, 32, 3)
    """
    layer = InputLayer(
        shape=shape,
        batch_size=batch_size,
        dtype=dtype,
        sparse=sparse,
        ragged=ragged,
        batch_shape=batch_shape,
        input_tensor=tensor,
        optional=optional,
        name=name,
    )
    return layer.output


class Dense(Layer):
    """Affine map over the last axis, then `activation`.

    (B, ..., in) -> (B, ..., units)

    Args:
        units: the size of the output's last axis.
        activation: a name such as 'relu', a function, a module, or None.
        use_bias: whether a bias is added.
        kernel_initializer, bias_initializer: of the kernel (in, units) and the bias (units,).
        kernel_regularizer, bias_regularizer: terms of the loss, see `Model.losses`.
        kernel_constraint, bias_constraint: applied by `fit` after each step.
        lora_rank, lora_alpha, quantization_config: only None; use peft and torchao on the model.

    >>> from layergraph import Input
    >>> Dense(10, activation="softmax")(Input(shape=(64,))).shape
    (None, 10)
    """

    supports_masking = True

    units: int = positive()
    activation: ActivationFunction = activation(default=None)
    use_bias: bool = flag(default=True)
    kernel_initializer: Initializer = initializer(default="glorot_uniform")
    bias_initializer: Initializer = initializer(default="zeros")
    kernel_regularizer: Regularizer = regularizer(default=None)
    bias_regularizer: Regularizer = regularizer(default=None)
    activity_regularizer: Regularizer = activity(default=None)
    kernel_constraint: Constraint = constraint(default=None)
    bias_constraint: Constraint = constraint(default=None)
    lora_rank: int | None = only(default=None, why="wrap the model with peft")
    lora_alpha: float | None = only(default=None, why="wrap the model with peft")
    quantization_config: Any = only(default=None, why="quantize the model with torchao")

    _casts_integers: ClassVar[bool] = True

    def build(self, input_shape: Shape) -> None:
        self.linear = nn.Linear(input_shape[-1] or 0, self.units, bias=self.use_bias)

    def call(self, x: Tensor) -> Tensor:
        return self.activation(self.linear(x))

    def keras_weights(self) -> list[Weight]:
        bias = [Weight("bias", (self.linear.bias,))] if self.use_bias else []
        return [Weight("kernel", (self.linear.weight,), DENSE), *bias]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) < 2:
            raise Fact(f"needs an input of at least 2 axes, (batch, ..., features), got {input_shape}")
        if input_shape[-1] is None:
            raise Fact(
                f"needs a known last axis, since its kernel has as many rows; the input's shape is {input_shape}, whose last size is None",
                "give that size in Input(shape=...), or pool or flatten a fixed length",
            )
        if self.built and input_shape[-1] != self.linear.in_features:
            raise Fact(
                f"was built for a last axis of {self.linear.in_features}, got {input_shape}", "use another layer: one layer has one kernel"
            )
        return (*input_shape[:-1], self.units)


class Activation(Layer):
    """Applies an activation function, by name or as it is.

    (B, ...) -> (B, ...)

    >>> from layergraph import Input
    >>> Activation("relu")(Input(shape=(4,))).shape
    (None, 4)
    """

    supports_masking = True

    activation: ActivationFunction = activation()

    def call(self, x: Tensor) -> Tensor:
        return self.activation(x)

    def compute_output_spec(self, x: TensorSpec) -> TensorSpec:
        return self._probed((x,), {}) if isinstance(self.activation, nn.Module) else probe(self.activation, (x,), {}, "the activation")


class Identity(Layer):
    """Gives its input back, a tensor or a nest of tensors: a place where something else may stand later.

    >>> from layergraph import Input
    >>> Identity()(Input(shape=(4,))).shape
    (None, 4)
    """

    supports_masking = True

    def build(self, input_shape: Any) -> None:
        self.identity = nn.Identity()

    def call(self, x: Any) -> Any:
        return map_leaves(lambda leaf: leaf if leaf is None else self.identity(leaf), x)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def compute_output_spec(self, x: Any, **masks: Any) -> Any:
        return x
