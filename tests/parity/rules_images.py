"""Keras's random image layers with what they draw given, and the rules where they do not do what they say."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import torch


def transformed(layer: Any, x: torch.Tensor, drawn: dict[str, Any]) -> torch.Tensor:
    """What the layer makes of a batch in training, with these numbers in the place of its own."""
    floatx = keras.config.floatx()
    keras.config.set_floatx(str(x.dtype).removeprefix("torch."))
    try:
        given = {name: torch.tensor(np.asarray(value), dtype=None if _whole(value) else x.dtype) for name, value in drawn.items()}
        if "noise" in given and type(layer).__name__ == "RandomElasticTransform":
            return _elastic(layer, x, given)
        x = x.clone()  # RandomBrightness writes into it
        return layer.transform_images(x, _TRANSFORMATIONS[type(layer).__name__](layer, x, **given), training=True)
    finally:
        keras.config.set_floatx(floatx)


def clahe_as_elsewhere(layer: Any, x: torch.Tensor) -> torch.Tensor:
    """CLAHE as Keras's other backends have it: on torch, its histograms are integers, and so is the limit that it cuts them at, and
    its symmetric padding repeats the edge.
    """
    backend = keras.src.backend.torch
    one_hot, pad = backend.nn.one_hot, backend.numpy.pad
    backend.nn.one_hot = lambda *args, **words: one_hot(*args, **words).float()
    backend.numpy.pad = lambda x, width, mode: torch.from_numpy(np.pad(x.detach().numpy(), width, mode))
    try:
        return layer(x)
    finally:
        backend.nn.one_hot, backend.numpy.pad = one_hot, pad


def _whole(value: Any) -> bool:
    return np.asarray(value).dtype.kind != "f"


def _sides(layer: Any, x: torch.Tensor) -> tuple[int, int]:
    return tuple(x.shape[2:] if layer.data_format == "channels_first" else x.shape[1:3])


def _each(value: torch.Tensor) -> torch.Tensor:
    return value[:, None, None, None]


def _rotation(layer: Any, x: torch.Tensor, angle: torch.Tensor) -> dict[str, Any]:
    height, width = _sides(layer, x)
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    return {"rotation_matrix": layer._compute_affine_matrix(0.5, 0.5, angle, zero, zero, one, zero, zero, height, width)}


def _translation(layer: Any, x: torch.Tensor, down: torch.Tensor, right: torch.Tensor) -> dict[str, Any]:
    height, width = _sides(layer, x)
    return {"translations": torch.stack([right * width, down * height], 1)}


def _perspective(layer: Any, x: torch.Tensor, changed: torch.Tensor, shifts: torch.Tensor) -> dict[str, Any]:
    bottom, right = (side - 1 for side in _sides(layer, x))
    start = torch.tensor([[0, 0], [right, 0], [0, bottom], [right, bottom]], dtype=x.dtype).expand(len(x), 4, 2)
    return {"apply_perspective": changed, "start_points": start, "end_points": start + start * shifts}


def _elastic(layer: Any, x: torch.Tensor, given: dict[str, torch.Tensor]) -> torch.Tensor:
    """Keras draws the noise across first, then the one downwards."""
    noise, normal = [given["noise"][1], given["noise"][0]], torch.normal
    torch.normal = lambda *args, **words: noise.pop(0)
    try:
        transformation = {"apply_transform": given["changed"], "distortion_factor": given["factor"], "seed": 0}
        return layer.transform_images(x, transformation, training=True)
    finally:
        torch.normal = normal


def _boxes(layer: Any, x: torch.Tensor, left: Any, right: Any, top: Any, bottom: Any) -> Any:
    return layer._generate_batch_mask(x.shape, (left, right, top, bottom))


def _erasing(layer: Any, x: torch.Tensor, changed: torch.Tensor, **box: Any) -> dict[str, Any]:
    return {"apply_erasing": changed, "batch_masks": _boxes(layer, x, **box), "fill_value": layer._get_fill_value(x, x.shape, 0)}


def _cut(layer: Any, x: torch.Tensor, order: torch.Tensor, box: torch.Tensor, weight: torch.Tensor) -> dict[str, Any]:
    masks, left = _boxes(layer, x, *box)
    return {"permutation_order": order, "batch_masks": masks, "mix_weight": left}


_TRANSFORMATIONS: dict[str, Any] = {
    "RandomFlip": lambda layer, x, flips: {"flips": _each(flips)},
    "RandomRotation": _rotation,
    "RandomZoom": lambda layer, x, down, across: {"height_zoom": down[:, None], "width_zoom": across[:, None]},
    "RandomTranslation": _translation,
    "RandomShear": lambda layer, x, across, down: {"shear_factor": torch.stack([across, down], 1)},
    "RandomPerspective": _perspective,
    "RandomCrop": lambda layer, x, top, left: (int(top), int(left)),
    "RandomContrast": lambda layer, x, factor: {"contrast_factor": _each(factor)},
    "RandomBrightness": lambda layer, x, delta: {"rgb_delta": _each(delta) * (layer.value_range[1] - layer.value_range[0])},
    "RandomHue": lambda layer, x, turn: {"factor": turn},
    "RandomSaturation": lambda layer, x, factor: {"factor": factor},
    "RandomSharpness": lambda layer, x, factor: {"factor": factor},
    "RandomColorDegeneration": lambda layer, x, factor: {"factor": _each(factor)},
    "RandomGrayscale": lambda layer, x, changed: _each(changed),
    "RandomInvert": lambda layer, x, changed: {"apply_inversion": changed},
    "RandomPosterization": lambda layer, x, bits: {"shift_factor": (8 - bits).to(torch.uint8)},
    "RandomGaussianBlur": lambda layer, x, changed, sigma: {"should_apply_blur": changed, "blur_factor": sigma},
    "Solarization": lambda layer, x, added, threshold: {"additions": _each(added), "thresholds": _each(threshold)},
    "Equalization": lambda layer, x: None,
    "RandomErasing": _erasing,
    "CutMix": _cut,
    "MixUp": lambda layer, x, order, weight: {"permutation_order": order, "mix_weight": weight},
}
