"""SpectralNormalization: a layer whose kernel is kept at a spectral norm of 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from torch import Tensor, nn

from layergraph.errors import Fact
from layergraph.graph.lower import Value
from layergraph.graph.spec import TensorSpec
from layergraph.initializers import TruncatedNormal
from layergraph.layers.base import Layer
from layergraph.layers.fields import checked, positive
from layergraph.layers.weights import Weight
from layergraph.layers.wrapper import a_layer, made_again, written
from layergraph.modes import stay_in_inference
from layergraph.nn.normalization import SpectralNorm


def _as(y: Any, x: Any) -> Any:
    """In a graph that is being written, what a layer may ask of its input: its shape and dtype."""
    return y.tell(TensorSpec(x.shape, x.dtype)) if isinstance(y, Value) else y


class SpectralNormalization(Layer):
    """A layer whose kernel is divided by its largest singular value before each step of training (Miyato et al. 2018).

    (whatever the layer takes) -> (whatever it gives)

    As in Keras the kernel itself is overwritten, by an estimate of the singular value from power iteration on `vector_u`; the gradient
    does not pass through the division, and inference changes nothing. `torch.nn.utils.parametrizations.spectral_norm` does it
    otherwise. Since the kernel is changed in place, two calls in training need a backward between them; torch says so.
    Unlike Keras's, a layer that is frozen by `trainable = False` stays as it is.

    Args:
        layer: a layer with one `kernel` or `embeddings`: Dense, EinsumDense, a convolution, Embedding, or one of your own.
        power_iterations: how many steps of power iteration a call in training makes.

    Raises:
        ArgumentError: `layer` is no layer.
        ShapeError: the layer has no such weight.

    >>> import torch
    >>> from layergraph.layers import Dense
    >>> layer = SpectralNormalization(Dense(4), power_iterations=20)
    >>> y = layer(torch.ones(2, 3), training=True)
    >>> round(torch.linalg.matrix_norm(layer.layer.kernel, 2).item(), 3)
    1.0
    """

    layer: Layer = checked(a_layer, encode=written)
    power_iterations: int = positive(default=1)

    def check_fields(self) -> None:
        if self.layer.dtype_policy != self.dtype_policy:
            self._take_policy(self.layer.dtype_policy)

    def build(self, input_shape: Any) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
        kernel = self._kernel_weight()
        self._word, rows = kernel.name, kernel.keras_shape[-1]
        self.spectral_norm = SpectralNorm(rows, self.power_iterations, kernel.layout.to_keras)
        self.spectral_norm.vector_u.copy_(TruncatedNormal(stddev=0.02)((1, rows)))

    def _kernel_weight(self) -> Weight:
        """The layer's kernel, or its embeddings. Raises `Fact`."""
        own = {weight.name: weight for weight in self.layer.own_weights()}
        found = own.get("kernel", own.get("embeddings"))
        if found is None or len(found.tensors) > 1 or "recurrent_kernel" in own:
            has = f"its weights are {', '.join(own)}" if own else "it has no weights"
            raise Fact(f"takes a layer with one `kernel` or `embeddings`, got {self.layer.label}: {has}")
        return found

    def call(self, x: Tensor, training: bool | None = None) -> Any:
        kernel = getattr(self.layer, self._word)
        if training is None:
            return self.layer(_as(self.spectral_norm(x, kernel), x))
        return self.layer(_as(self.spectral_norm(x, kernel, training and self.trainable), x), training=training)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        return self.layer.compute_output_spec(*args)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.layer.compute_output_shape(input_shape)

    # State

    def keras_weights(self) -> list[Weight]:
        kernel = self._kernel_weight()
        others = [weight for weight in self.layer.own_weights() if weight.tensors[0] is not kernel.tensors[0]]
        return [kernel, Weight("vector_u", (self.spectral_norm.vector_u,), trainable=False), *others]

    def adopt(self, name: str, module: nn.Module) -> None:
        """Both parts stay children."""

    def parts(self, key: str) -> list[tuple[str, str, nn.Module]]:
        return [(name, f"{key}.{name}", module) for name, module in self._modules.items() if module is not None]

    def replace_part(self, key: str, target: str, module: nn.Module) -> None:
        if target.startswith(f"{key}.layer"):
            self.layer.replace_part(f"{key}.layer", target, module)

    def _sync_mode(self, mode: bool | None = None) -> None:
        self.layer._sync_mode(mode)
        if self.built or "spectral_norm" in self._modules:
            stay_in_inference(self.spectral_norm, not self._trainable, mode)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A layer over a fresh layer, made from what `get_config` gave."""
        return super().from_config({**config, "layer": made_again(config.get("layer"))})

    def extra_repr(self) -> str:
        return f"power_iterations={self.power_iterations}"
