"""EinsumDense: a product with a kernel, and its axes by name."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from layergraph.errors import Fact, shown
from layergraph.graph.spec import Shape
from layergraph.initializers import VarianceScaling
from layergraph.kinds import is_sequence
from layergraph.layers.base import Layer
from layergraph.layers.fields import Activation as ActivationFunction
from layergraph.layers.fields import (
    Argument,
    Constraint,
    Initializer,
    Regularizer,
    activation,
    anything,
    checked,
    constraint,
    initializer,
    is_int,
    only,
    regularizer,
)
from layergraph.layers.weights import DENSE, PLAIN, Weight

_EQUATION = re.compile(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?")


class _Equation(NamedTuple):
    """The letters of `inputs,kernel->output`, and where the axes without a letter are: "left", "right" or nowhere, ""."""

    inputs: str
    kernel: str
    output: str
    elided: str


def _parsed(equation: str) -> _Equation:
    """Raises `Fact` for what is none of Keras's three forms."""
    found = _EQUATION.fullmatch(equation)
    if found is not None:
        left, inputs, right, kernel, left_out, output, right_out = found.groups()
        if (left, right) == (left_out, right_out) and not (left and right) and not (right and len(inputs) < 2):
            return _Equation(inputs, kernel, output, "left" if left else "right" if right else "")
    raise Fact(
        f"Invalid einsum equation {shown(equation)}",
        "its forms are 'ab,bc->ac', '...ab,bc->...ac' and 'ab...,bc->ac...', in letters, without spaces",
    )


def _equation(value: Any, owner: Any) -> str:
    if not isinstance(value, str):
        raise Fact(f"must be a str such as 'abc,cd->abd', got {shown(value)}")
    _parsed(value)
    return value


def _output_shape(value: Any, owner: Any) -> tuple[int | None, ...]:
    sizes: Sequence[Any] = value if is_sequence(value) else (value,)
    if not all(size is None or (is_int(size) and size > 0) for size in sizes) or value is None:
        raise Fact(f"must be a positive int, or a tuple of such ints and Nones, without the batch axis, got {shown(value)}")
    return tuple(None if size is None else int(size) for size in sizes)


class _Shapes(NamedTuple):
    output: Shape
    kernel: tuple[int, ...]
    bias: tuple[int, ...] | None


class EinsumDense(Layer):
    """`einsum(equation, x, kernel)`, plus a bias along some axes, then `activation`.

    (B, ...) -> (B, *output_shape), and the axes without a letter

    Where the equation maps the last axis, as 'abc,cd->abd' and '...x,xy->...y' do, it is an nn.Linear; else torch.einsum over a
    kernel in Keras's layout.

    Args:
        equation: 'ab,bc->ac', '...ab,bc->...ac' or 'ab...,bc->ac...', of any letters: the axes of the input (the batch first),
            the kernel and the output. `...` stands for any number of axes that stay as they are.
        output_shape: the sizes of the output's letters without the batch; None takes the input's size of that letter.
        activation: a name such as 'relu', a function, a module, or None.
        bias_axes: the letters of the output along which there is a bias; None for no bias.
        kernel_initializer, bias_initializer: of the kernel, with the sizes of its letters, whose fans are the product of the
            letters that the output lacks, and of those that it has; and of the bias.
        kernel_regularizer, bias_regularizer: terms of the loss, see `Model.losses`.
        kernel_constraint, bias_constraint: applied by `fit` after each step.
        lora_rank, lora_alpha, gptq_unpacked_column_size, quantization_config: only None; use peft and torchao on the model.

    Raises:
        ArgumentError: an equation of another form.
        ShapeError: sizes that do not agree with the equation, or that the kernel needs and nobody knows.

    >>> from layergraph import Input
    >>> heads = EinsumDense("abc,cde->abde", output_shape=(None, 4, 8), bias_axes="de")
    >>> heads(Input(shape=(10, 16))).shape
    (None, 10, 4, 8)
    >>> [weight.shape for weight in heads.get_weights()]
    [(16, 4, 8), (4, 8)]
    """

    _casts_integers: ClassVar[bool] = True

    equation: str = checked(_equation)
    output_shape: Argument[int | Sequence[int | None], tuple[int | None, ...]] = checked(_output_shape)
    activation: ActivationFunction = activation(default=None)
    bias_axes: str | None = anything(default=None)
    kernel_initializer: Initializer = initializer(default="glorot_uniform")
    bias_initializer: Initializer = initializer(default="zeros")
    kernel_regularizer: Regularizer = regularizer(default=None)
    bias_regularizer: Regularizer = regularizer(default=None)
    kernel_constraint: Constraint = constraint(default=None)
    bias_constraint: Constraint = constraint(default=None)
    lora_rank: int | None = only(default=None, why="wrap the model with peft")
    lora_alpha: float | None = only(default=None, why="wrap the model with peft")
    gptq_unpacked_column_size: int | None = only(default=None, why="quantize the model with torchao")
    quantization_config: Any = only(default=None, why="quantize the model with torchao")

    def check_fields(self) -> None:
        inputs, kernel, output, _ = _parsed(self.equation)
        lost = [letter for letter in output if letter not in inputs + kernel]
        if lost:
            raise Fact(f"has {lost[0]!r} in the output of {self.equation!r}, and neither in the input nor in the kernel")
        lost = [letter for letter in kernel if letter not in inputs + output]
        if lost:
            raise Fact(f"has {lost[0]!r} in the kernel of {self.equation!r}, and neither in the input nor in the output")
        bias: Any = self.bias_axes
        if bias is not None and (not isinstance(bias, str) or not bias or not set(bias) <= set(output)):
            raise Fact(f"has bias_axes {shown(bias)}, which must be letters of the output {output!r} of {self.equation!r}, or None")

    @property
    def _maps_last(self) -> bool:
        """Whether it is nn.Linear's map: of the last axis, with a bias along it at most."""
        inputs, kernel, output, elided = _parsed(self.equation)
        return (
            elided != "right"
            and kernel == inputs[-1] + output[-1]
            and inputs[:-1] == output[:-1]
            and inputs[-1] not in output
            and output[-1] not in inputs
            and len(set(inputs)) == len(inputs)
            and self.bias_axes in (None, output[-1])
        )

    def build(self, input_shape: Shape) -> None:
        shapes = self._shapes(input_shape)
        if self._maps_last:
            self.linear = nn.Linear(*shapes.kernel, bias=shapes.bias is not None)
            return
        self.einsum: Any = nn.ParameterDict({"kernel": nn.Parameter(torch.zeros(shapes.kernel))})
        if shapes.bias is not None:
            self.einsum["bias"] = nn.Parameter(torch.zeros(shapes.bias))

    def call(self, x: Tensor) -> Tensor:
        if self._maps_last:
            return self.activation(self.linear(x))
        y: Tensor = torch.einsum(self.equation, x, self.einsum.kernel)
        return self.activation(y if self.bias_axes is None else y + self.einsum.bias)

    def keras_weights(self) -> list[Weight]:
        own: Any = self.linear if self._maps_last else self.einsum
        kernel = Weight("kernel", (own.weight,), DENSE) if self._maps_last else Weight("kernel", (own.kernel,), PLAIN)
        return [kernel] if self.bias_axes is None else [kernel, Weight("bias", (own.bias,))]

    def _field_of(self, weight: Weight, kind: str) -> Any:
        """The kernel's fans are counted by the letters."""
        found = super()._field_of(weight, kind)
        if kind != "initializer" or weight.name != "kernel" or not isinstance(found, VarianceScaling):
            return found
        if found.input_axes is not None and found.output_axes is not None:
            return found
        _, kernel, output, _ = _parsed(self.equation)
        counted = copy.copy(found)
        counted.input_axes = [axis for axis, letter in enumerate(kernel) if letter not in output]
        counted.output_axes = [axis for axis, letter in enumerate(kernel) if letter in output]
        return counted

    # Shapes

    def _shapes(self, input_shape: Shape) -> _Shapes:
        """The sizes of the output, the kernel and the bias. Raises `Fact`."""
        inputs, kernel, output, elided = _parsed(self.equation)
        free = len(input_shape) - len(inputs)
        if free < 0 or (free and not elided):
            least = "at least " if elided else ""
            raise Fact(f"takes an input of {least}{len(inputs)} axes by the equation {self.equation!r}, got shape {input_shape}")
        rest = input_shape[:free] if elided == "left" else input_shape[len(inputs) :]
        given = dict(zip(inputs, input_shape[free:] if elided == "left" else input_shape, strict=False))
        batched = elided == "left" and free > 0  # the batch has no letter
        if not batched and output[0] != inputs[0]:
            raise Fact(f"has the equation {self.equation!r}, whose output does not start with the batch {inputs[0]!r}")
        letters = output if batched else output[1:]
        if len(letters) != len(self.output_shape):
            raise Fact(
                f"has output_shape {self.output_shape} of {len(self.output_shape)} sizes, and the output of {self.equation!r} has "
                f"{len(letters)} axes besides the batch: {', '.join(letters)}"
            )
        made = dict(zip(letters, self.output_shape, strict=True))
        if not batched:
            made[output[0]] = given[inputs[0]]
        for letter in letters:
            if letter in given and made[letter] is None:
                made[letter] = given[letter]
            elif letter in given and made[letter] != given[letter]:
                raise Fact(
                    f"has the size {made[letter]} for {letter!r} in output_shape, and the input's shape {input_shape} has {given[letter]}",
                    "write None in output_shape: it takes the input's",
                )
        known = {**given, **made}
        unknown = [letter for letter in kernel if known[letter] is None]
        if unknown:
            raise Fact(
                f"needs a known size for {unknown[0]!r} of {self.equation!r}, since its kernel has as many, got shape {input_shape}",
                "give it in Input(shape=...), or in output_shape",
            )
        sizes = tuple(made[letter] for letter in output)
        return _Shapes(
            (*rest, *sizes) if elided == "left" else (*sizes, *rest),
            tuple(known[letter] or 0 for letter in kernel),
            self._bias_shape(made, output, len(rest) if elided == "right" else 0),
        )

    def _bias_shape(self, made: dict[str, int | None], output: str, after: int) -> tuple[int, ...] | None:
        """From the first letter of the bias on: its own sizes, and 1 between them and for what follows."""
        if self.bias_axes is None:
            return None
        start = min(output.index(letter) for letter in self.bias_axes)
        unknown = [letter for letter in self.bias_axes if made[letter] is None]
        if unknown:
            raise Fact(
                f"needs a known size for {unknown[0]!r} of {self.equation!r}, since its bias has as many",
                "give it in Input(shape=...), or in output_shape",
            )
        return (*((made[letter] or 0) if letter in self.bias_axes else 1 for letter in output[start:]), *(1,) * after)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if not isinstance(input_shape, tuple):
            raise Fact(f"takes one tensor, got {input_shape}")
        shapes = self._shapes(input_shape)
        if self.built:
            built = [weight.keras_shape for weight in self.own_weights()]
            if built != [shape for shape in shapes[1:] if shape is not None]:
                raise Fact(f"was built for weights of shapes {built}, got {input_shape}", "use another layer: one layer has one kernel")
        return shapes.output
