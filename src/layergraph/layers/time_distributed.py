"""`TimeDistributed`: a layer applied to each step of a sequence."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from layergraph.errors import Fact, GraphError
from layergraph.graph.lower import Lowering, Part
from layergraph.graph.spec import Shape, TensorSpec
from layergraph.graph.structure import map_leaves
from layergraph.kinds import is_sequence
from layergraph.layers import sizes
from layergraph.layers.base import Layer
from layergraph.layers.batch_normalization import BatchNormalization
from layergraph.layers.masking import given_mask
from layergraph.layers.recording import shapes_of
from layergraph.layers.wrapper import Wrapper, build_held, spec_of_held, told
from layergraph.nn.each_step import each_step, each_step_of

# What treats each sample of a batch by itself, whatever its arguments; `_by_sample` knows of those where it depends on them.
_BY_SAMPLE = frozenset(
    """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D
    AdaptiveMaxPooling2D AdaptiveMaxPooling3D AlphaDropout AveragePooling1D AveragePooling2D AveragePooling3D Bidirectional CenterCrop
    Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D Cropping2D
    Cropping3D Dense DepthwiseConv1D DepthwiseConv2D Dropout ELU Embedding Flatten GRU GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
    GroupNormalization Identity LSTM LayerNormalization LeakyReLU Masking MaxPooling1D MaxPooling2D MaxPooling3D PReLU Permute Pipeline ReLU
    RepeatVector Rescaling Reshape Resizing SeparableConv1D SeparableConv2D SimpleRNN Softmax SpatialDropout1D SpatialDropout2D
    SpatialDropout3D TimeDistributed UnitNormalization UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """.split()
)


def _by_sample(layer: Any, but_norms: bool = False) -> bool:
    """Whether a layer gives for a batch what it gives for its samples one by one, and is not changed by what it sees.

    `but_norms` lets pass a BatchNormalization, which does both in one module of torch's.
    """
    if hasattr(layer, "_plan_made"):
        return all(node.op == "layer" and _by_sample(node.target) for node in layer._plan.nodes)
    if but_norms and type(layer) is BatchNormalization:
        return True
    own = layer.__dict__
    axis: Any = own.get("axis")
    axes = tuple(axis) if is_sequence(axis) else (axis,)
    noise = own.get("noise_shape")
    return (
        layer._inlines()
        and type(layer).__name__ in _BY_SAMPLE
        and 0 not in axes
        and (noise is None or noise[0] is None)
        and not getattr(layer, "stateful", False)
        and all(_by_sample(each, but_norms) for each in layer.sublayers())
    )


class TimeDistributed(Wrapper):
    """Applies a layer to each step of a sequence, with the same weights.

    (B, T, ...) -> (B, T, ...), from what the layer makes of (B, ...)

    As in Keras the layer is called once for each step: a BatchNormalization in it has the statistics of one step, and moves its
    averages T times. Where that makes no difference, which is so of all layers that look at each sample by itself, all steps
    go through the layer at once, as a batch of B * T.

    Called as `layer(x)` or `layer(x, mask=mask)`, the mask (B, T) or (B, T, ...); the layer is given each step's part if it takes
    one, and the output's mask is the input's.

    Args:
        layer: a layer or model that takes one tensor and gives one tensor.

    Raises:
        ArgumentError: `layer` is no layer.
        ShapeError: an input of less than 3 axes; an unknown number of steps for a layer of layergraph's, other than
            BatchNormalization, that sees them one by one and is written into the graph step by step, such as a Lambda or a stateful
            LSTM.

    >>> from layergraph import Input
    >>> from layergraph.layers import Conv2D
    >>> TimeDistributed(Conv2D(64, 3))(Input(shape=(10, 128, 128, 3))).shape
    (None, 10, 126, 126, 64)
    """

    supports_masking = True

    def __call__(self, x: Any, mask: Any = None, **kwargs: Any) -> Any:
        return super().__call__(x, **kwargs, **({} if mask is None else {"mask": given_mask(self, x, mask)}))

    def build(self, input_shape: Shape) -> None:
        build_held(self.layer, _of_step(input_shape))
        self.__dict__["_folds"] = _by_sample(self.layer)

    def call(self, x: Tensor, training: bool | None = None, mask: Tensor | None = None) -> Any:
        words: dict[str, Any] = {} if training is None else {"training": training}
        takes_mask = mask is not None and "mask" in self.layer._call_words
        if self._folds:
            if takes_mask and mask is not None:
                words["mask"] = mask.flatten(0, 1)
            return _unfolded(self.layer(_folded(x), **words), x)
        steps: list[Any] = []
        for t in range(x.shape[1]):
            if takes_mask and mask is not None:
                words["mask"] = mask[:, t]
            steps.append(self.layer(told(x[:, t], TensorSpec(_of_step(x.shape), x.dtype)), **words))
        return torch.stack(steps, 1)

    def lower(self, lowering: Lowering, key: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """As all layers; but steps that the layer sees one by one, and whose number is unknown, are taken in a loop when it runs."""
        layer: Any = self.layer
        if self._folds or (layer._inlines() and args[0].shape[1] is not None):
            return super().lower(lowering, key, args, kwargs)
        if kwargs.get("mask") is None or "mask" not in layer._call_words:
            kwargs.pop("mask", None)
        if not layer._inlines():
            return lowering.through(each_step, f"{key}.layer", args, kwargs)
        if "mask" in kwargs or kwargs.pop("training", None):
            what = f"{self.label}: {layer.label} has a mask or `training=True` for each step, and the number of steps is unknown"
            raise GraphError(what, "give it in Input(shape=...)")
        outer, lowering.steps = lowering.steps, (each_step_of, args[0])
        try:
            return _unfolded(Part(lowering, f"{key}.layer", layer)(_folded(args[0])), args[0])
        finally:
            lowering.steps = outer

    def compute_output_shape(self, input_shape: Any) -> Any:
        return shapes_of(self.compute_output_spec(TensorSpec(input_shape, self._torch_dtype)))

    def compute_output_spec(self, x: TensorSpec, **words: Any) -> Any:
        layer: Layer = self.layer
        found: Any = spec_of_held(layer, TensorSpec(_of_step(x.shape), x.dtype))
        if not isinstance(found, TensorSpec):
            raise Fact(f"takes a layer that gives one tensor, and {layer.label} gives {len(found)}", "apply a Model with one output")
        if x.shape[1] is None and layer._inlines() and not _by_sample(layer, but_norms=True):
            raise Fact(
                f"writes a call of {layer.label} into the graph for each step, and the number of steps is unknown, in {x.shape}",
                "give it in Input(shape=...), or TimeDistributed(Sequential([layer])), which calls a model in a loop",
            )
        return TensorSpec((found.shape[0], x.shape[1], *found.shape[1:]), found.dtype)


def _of_step(shape: Shape) -> Shape:
    if not isinstance(shape, tuple) or len(shape) < 3:
        raise Fact(f"expects at least 3 axes, (batch, steps, ...), got shape {shape}", "use Reshape, or the inner layer itself")
    return (shape[0], *shape[2:])


def _folded(x: Any) -> Any:
    """(B, T, ...) -> (B * T, ...)"""
    return told(x.flatten(0, 1), TensorSpec((None, *x.shape[2:]), x.dtype))


def _unfolded(y: Any, x: Any) -> Any:
    """(B * T, ...) -> (B, T, ...)"""
    steps = x.shape[1]
    return map_leaves(lambda leaf: sizes.unflatten(leaf, 0, (-1, x.size(1) if steps is None else steps)), y)
