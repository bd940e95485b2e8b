"""Pictures in files: what the goldens of `parity/test_rooms.py` cannot show, and a machine without Pillow."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from layergraph import config
from layergraph.errors import ArgumentError, MissingExtraError, ShapeError
from layergraph.preprocessing.image import smart_resize
from layergraph.utils import array_to_img, img_to_array, load_img, save_img

PICTURE = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype("float32")


@pytest.mark.parametrize("ending", ["png", "PNG", "bmp"])
@pytest.mark.parametrize("form", [str, Path, lambda path: str(path).encode()], ids=["str", "Path", "bytes"])
def test_a_file_and_back(tmp_path: Path, ending: str, form: Any):
    path = tmp_path / f"picture.{ending}"
    save_img(path, PICTURE, scale=False)
    np.testing.assert_array_equal(img_to_array(load_img(form(path))), PICTURE)
    save_img(str(path), torch.from_numpy(PICTURE).permute(2, 0, 1), data_format="channels_first", scale=False)
    np.testing.assert_array_equal(img_to_array(load_img(form(path)), "channels_first"), PICTURE.transpose(2, 0, 1))


def test_jpeg(tmp_path: Path):
    path = tmp_path / "picture.jpg"
    save_img(path, PICTURE, quality=95)
    assert load_img(path).size == (7, 5)
    with pytest.warns(UserWarning, match="The JPEG format does not support RGBA images, converting to RGB"):
        save_img(path, np.zeros((5, 7, 4)))
    assert load_img(path, color_mode="rgba").mode == "RGBA"
    content = io.BytesIO()
    save_img(content, PICTURE, file_format="jpg")
    assert content.getvalue()[:2] == b"\xff\xd8"


def test_the_layout_is_the_setting():
    config.set_image_data_format("channels_first")
    try:
        assert img_to_array(array_to_img(PICTURE.transpose(2, 0, 1))).shape == (3, 5, 7)
    finally:
        config.set_image_data_format("channels_last")


def test_arrays_are_left_alone():
    before = PICTURE.copy()
    array_to_img(PICTURE)
    smart_resize(PICTURE, (2, 2))
    np.testing.assert_array_equal(PICTURE, before)


def test_gradients_pass_through_smart_resize():
    x = torch.rand(1, 6, 4, 3, requires_grad=True)
    smart_resize(x, (2, 2)).sum().backward()
    assert x.grad is not None
    assert (x.grad[:, 0] == 0).all()  # cut off
    assert x.grad.sum().item() == pytest.approx(12)


@pytest.mark.parametrize("use", [lambda: array_to_img(PICTURE), lambda: load_img("x.png"), lambda: save_img("x.png", PICTURE)])
def test_without_pillow(use: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtraError, match=r'needs Pillow, which is not installed(.|\n)*fix: pip install "layergraph\[images\]"'):
        use()
    assert smart_resize(PICTURE, (2, 2)).shape == (2, 2, 3)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: array_to_img(PICTURE[None]), ShapeError, r"of rank 3, got an array of shape \(1, 5, 7, 3\)(.|\n)*fix: x\[0\] for one"),
        (lambda: array_to_img(PICTURE[..., :2]), ShapeError, "wanted 1, 3 or 4 channels, got 2"),
        (
            lambda: array_to_img(PICTURE, "channel_last"),
            ArgumentError,
            "array_to_img: data_format: (.|\n)*did you mean 'channels_last'",
        ),
        (lambda: img_to_array(np.zeros(3)), ShapeError, r"of rank 2 or 3, got \(3,\)"),
        (lambda: smart_resize(PICTURE[0], (2, 2)), ShapeError, r"got an array of shape \(7, 3\)"),
        (lambda: smart_resize(PICTURE, (2, 2), "lanczos3"), ArgumentError, "interpolation: wanted one of .*, got 'lanczos3'"),
        (lambda: smart_resize(PICTURE, 4), ArgumentError, r"`size` must be \(height, width\), got 4"),
    ],
)
def test_wrong_use(make: Any, kind: type[Exception], message: str):
    with pytest.raises(kind, match=message):
        make()
