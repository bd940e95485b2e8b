"""Pictures in files and as arrays. Reading and writing needs Pillow: `pip install "layergraph[images]"`."""

from __future__ import annotations

import importlib
import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from layergraph.config import image_data_format
from layergraph.dtypes import DTypeLike, one_of, standardize_dtype
from layergraph.errors import ArgumentError, MissingExtraError, ShapeError, shown

if TYPE_CHECKING:
    from PIL.Image import Image

Array = np.ndarray[Any, Any]
Layout = Literal["channels_last", "channels_first"]

_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
_GRAYS = ("L", "I;16", "I")
_FILTERS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
_RESIZES = {"nearest": "nearest-exact", "bilinear": "bilinear", "bicubic": "bicubic"}


def array_to_img(x: Any, data_format: Layout | None = None, scale: bool = True, dtype: DTypeLike = None) -> Image:
    """A picture of Pillow's from an array: (H, W, C) or (C, H, W), of 1, 3 or 4 channels.

    Args:
        x: an array or a tensor.
        data_format: None takes `image_data_format()`.
        scale: whether the smallest value becomes 0 and the largest 255; otherwise values are taken as they are.
        dtype: of the computation; None takes `floatx()`.

    Raises:
        ShapeError: another rank or number of channels.
        MissingExtraError: Pillow is not installed.

    >>> array_to_img(np.zeros((4, 6, 3))).size
    (6, 4)
    """
    pillow = _pillow("array_to_img")
    values = _numpy(x, dtype)
    if values.ndim != 3:
        raise ShapeError(f"array_to_img: wanted one picture, of rank 3, got an array of shape {values.shape}", "x[0] for one of a batch")
    values = np.moveaxis(values, 0, -1) if _layout("array_to_img", data_format) == "channels_first" else values
    if scale:
        values = values - values.min()
        values = values / (values.max() or 1) * 255
    if values.shape[2] in (3, 4):
        return pillow.fromarray(values.astype("uint8"))
    if values.shape[2] != 1:
        raise ShapeError(f"array_to_img: wanted 1, 3 or 4 channels, got {values.shape[2]} in an array of shape {values.shape}")
    return pillow.fromarray(values[:, :, 0].astype("int32" if values.max() > 255 else "uint8"))


def img_to_array(img: Any, data_format: Layout | None = None, dtype: DTypeLike = None) -> Array:
    """A numpy array from a picture: (H, W, C) or (C, H, W), C being 1 for a gray one; values as they are, in `floatx()`.

    >>> img_to_array(array_to_img(np.zeros((4, 6, 1)))).shape
    (4, 6, 1)
    """
    values = _numpy(img, dtype)
    if values.ndim not in (2, 3):
        raise ShapeError(f"img_to_array: wanted a picture, of rank 2 or 3, got {values.shape}")
    values = values[:, :, None] if values.ndim == 2 else values
    return np.moveaxis(values, -1, 0) if _layout("img_to_array", data_format) == "channels_first" else values


def load_img(
    path: str | Path | bytes | io.BytesIO,
    color_mode: Literal["rgb", "rgba", "grayscale"] = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image:
    """A picture of Pillow's from a file.

    Args:
        path: a path, or the file's content in an `io.BytesIO`.
        color_mode: "rgb", "rgba", or "grayscale", which leaves gray ones of 16 and 32 bits as they are.
        target_size: (height, width) to resize to; None leaves the size.
        interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
        keep_aspect_ratio: whether to cut off what does not fit, around the middle, and not to distort.
    """
    pillow = _pillow("load_img")
    if not isinstance(path, str | Path | bytes | io.BytesIO):
        raise TypeError(f"path should be path-like or io.BytesIO, not {type(path)}")
    one_of("load_img: color_mode", color_mode, tuple(_MODES))
    content = path if isinstance(path, io.BytesIO) else io.BytesIO(Path(path.decode() if isinstance(path, bytes) else path).read_bytes())
    picture = pillow.open(content)
    if picture.mode != _MODES[color_mode] and not (color_mode == "grayscale" and picture.mode in _GRAYS):
        picture = picture.convert(_MODES[color_mode])
    if target_size is None or picture.size == (target_size[1], target_size[0]):
        return picture
    method = getattr(pillow.Resampling, one_of("load_img: interpolation", interpolation, _FILTERS).upper())
    box = None
    if keep_aspect_ratio:
        width, height = picture.size
        top, left, tall, wide = _middle(height, width, *target_size)
        box = (left, top, left + wide, top + tall)
    return picture.resize((target_size[1], target_size[0]), method, box=box)


def save_img(
    path: Any, x: Any, data_format: Layout | None = None, file_format: str | None = None, scale: bool = True, **kwargs: Any
) -> None:
    """Write an array as a picture.

    Args:
        path: a path, or a file open for writing.
        x, data_format, scale: as in `array_to_img`.
        file_format: Pillow's name, such as "png"; None takes the ending of the path.
        kwargs: for Pillow's `Image.save`.
    """
    if file_format is None and isinstance(path, str | Path):
        file_format = Path(path).suffix[1:]
    kind = "jpeg" if (file_format or "").lower() == "jpg" else file_format or None
    picture = array_to_img(x, data_format, scale)
    if picture.mode == "RGBA" and (kind or "").lower() == "jpeg":
        warnings.warn("The JPEG format does not support RGBA images, converting to RGB.", stacklevel=2)
        picture = picture.convert("RGB")
    picture.save(path, format=kind, **kwargs)


def smart_resize(x: Any, size: tuple[int, int], interpolation: str = "bilinear", data_format: Layout = "channels_last") -> Any:
    """Pictures of another size, not distorted: what does not fit is cut off around the middle.

    (H, W, C) -> (*size, C), or (B, H, W, C) -> (B, *size, C). A numpy array for an array, a tensor for a tensor, of the dtype given.

    Args:
        x: an array or a tensor.
        size: (height, width).
        interpolation: "bilinear", "nearest" or "bicubic"; torch has no Lanczos.
        data_format: "channels_last" or "channels_first".

    >>> smart_resize(np.zeros((6, 9, 3)), (2, 2)).shape
    (2, 2, 3)
    """
    if not isinstance(size, tuple | list) or len(size) != 2:
        raise ArgumentError(f"smart_resize: `size` must be (height, width), got {shown(size)}")
    method = _RESIZES[one_of("smart_resize: interpolation", interpolation, tuple(_RESIZES))]
    last = one_of("smart_resize: data_format", data_format, ("channels_last", "channels_first")) == "channels_last"
    given = x if isinstance(x, Tensor) else torch.as_tensor(np.asarray(x))
    if given.ndim not in (3, 4):
        raise ShapeError(f"smart_resize: wanted pictures, (H, W, C) or (B, H, W, C), got an array of shape {tuple(given.shape)}")
    image = given.movedim(-1, -3) if last else given
    top, left, tall, wide = _middle(image.shape[-2], image.shape[-1], *size)
    image = image[..., top : top + tall, left : left + wide]
    values = image if image.dtype in (torch.float32, torch.float64) else image.float()
    values = values if values.ndim == 4 else values[None]
    values = F.interpolate(values, size=tuple(size), mode=method, align_corners=None if interpolation == "nearest" else False)
    values = values if given.ndim == 4 else values[0]
    if not given.is_floating_point():
        limits = torch.iinfo(given.dtype)
        values = values.round().clamp(limits.min, limits.max)
    values = (values.movedim(-3, -1) if last else values).to(given.dtype)
    return values if isinstance(x, Tensor) else values.numpy()


def _middle(height: int, width: int, target_height: int, target_width: int) -> tuple[int, int, int, int]:
    """(top, left, height, width) of the largest part around the middle with the target's proportions."""
    tall = max(min(height, width * target_height // target_width), 1)
    wide = max(min(width, height * target_width // target_height), 1)
    return (height - tall) // 2, (width - wide) // 2, tall, wide


def _layout(who: str, data_format: str | None) -> str:
    return one_of(f"{who}: data_format", data_format or image_data_format(), ("channels_last", "channels_first"))


def _numpy(x: Any, dtype: DTypeLike) -> Array:
    return np.asarray(x.detach().cpu() if isinstance(x, Tensor) else x, dtype=standardize_dtype(dtype))


def _pillow(who: str) -> Any:
    try:
        return importlib.import_module("PIL.Image")
    except ImportError:
        raise MissingExtraError(f"{who} needs Pillow, which is not installed", 'pip install "layergraph[images]"') from None
