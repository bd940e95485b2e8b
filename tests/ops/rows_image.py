"""Ops on images."""

from __future__ import annotations

from .rows import Row, f, g, i, n, unit, v

RGB, FIRST, ONE = unit(2, 5, 6, 3), unit(2, 3, 5, 6), unit(5, 6, 3)
BYTES = n(2, 5, 6, 3, below=256, dtype="uint8")
FILLS = ("constant", "nearest", "wrap", "mirror", "reflect")
TURN = v([[0.8, 0.3, 1.0, -0.2, 1.1, -2.0, 0.0, 0.0], [1.0, 0.0, -3.0, 0.0, 1.0, 4.0, 0.0, 0.0]])
PLACES = v([[-1.2, 0.0, 0.5, 3.0, 4.6, 9.3], [0.0, -2.5, 2.25, 4.0, 1.5, -7.75]])
CORNERS = v([[[0.0, 0.0], [0.0, 4.0], [5.0, 0.0], [5.0, 4.0]], [[0.0, 0.0], [0.0, 3.0], [4.0, 0.0], [4.0, 4.0]]])
MOVED = v([[[1.0, 0.0], [0.0, 4.0], [5.0, 1.0], [4.0, 4.0]], [[0.0, 0.5], [1.0, 3.0], [4.0, 0.0], [4.0, 3.0]]])


def image(op: str, *args: object, **kwargs: object) -> Row:
    return Row(f"image.{op}", *args, **kwargs)


ROWS = [
    *(image("rgb_to_grayscale", x) for x in (RGB, BYTES, unit(2, 5, 6, 1))),
    image("rgb_to_grayscale", FIRST, data_format="channels_first"),
    *(image(op, x) for op in ("rgb_to_hsv", "hsv_to_rgb") for x in (RGB, v([[[[0.0, 0.0, 0.0], [0.5, 0.5, 0.5], [1.0, 1.0, 0.2]]]]))),
    *(image(op, FIRST, data_format="channels_first") for op in ("rgb_to_hsv", "hsv_to_rgb")),
    *(image(op, ONE, symbolic="fixed") for op in ("rgb_to_grayscale", "rgb_to_hsv")),
    *(
        image("resize", x, size, interpolation=mode, **words)
        for x in (RGB, BYTES)
        for size in ((3, 4), (8, 7))
        for mode in ("bilinear", "nearest", "bicubic")
        for words in ({}, {"antialias": True})
    ),
    *(
        image("resize", RGB, size, **words)
        for size in ((4, 4), (9, 3), (3, 9))
        for words in ({"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True, "fill_value": 0.5})
    ),
    image("resize", FIRST, (3, 4), data_format="channels_first"),
    image("resize", ONE, (3, 4), symbolic="fixed"),
    image("resize", unit(2, 5, 6, 3, dtype="float16"), (3, 4)),
    image("extract_patches", RGB, 2),
    image("extract_patches", RGB, (3, 2), strides=1, padding="same"),
    image("extract_patches", RGB, (2, 2), strides=(1, 2), dilation_rate=1),
    image("extract_patches", RGB, 2, strides=1, dilation_rate=2),
    image("extract_patches", FIRST, 2, data_format="channels_first"),
    image("extract_patches", ONE, 2, symbolic="fixed"),
    image("extract_patches", f(1, 4, 4, 6, 2), (2, 2, 3)),
    image("extract_patches_3d", f(1, 4, 4, 6, 2), 2),
    image("extract_patches_3d", f(1, 4, 4, 6, 2), (2, 3, 2), strides=(2, 1, 2), padding="same"),
    *(
        image("pad_images", x, **words)
        for x in (RGB, BYTES)
        for words in (
            {"top_padding": 1, "left_padding": 2, "target_height": 9, "target_width": 10},
            {"bottom_padding": 1, "right_padding": 2, "target_height": 9, "target_width": 10},
            {"top_padding": 1, "bottom_padding": 0, "left_padding": 2, "right_padding": 1},
        )
    ),
    *(
        image("crop_images", RGB, **words)
        for words in (
            {"top_cropping": 1, "left_cropping": 2, "target_height": 3, "target_width": 2},
            {"bottom_cropping": 1, "right_cropping": 2, "target_height": 3, "target_width": 2},
            {"top_cropping": 1, "bottom_cropping": 0, "left_cropping": 2, "right_cropping": 1},
        )
    ),
    image("pad_images", ONE, 1, 2, target_height=9, target_width=10, symbolic="fixed"),
    image("crop_images", FIRST, 1, 2, target_height=3, target_width=2, data_format="channels_first"),
    *(image("map_coordinates", f(4, 5), PLACES, order, fill_mode=mode, symbolic="fixed") for order in (0, 1) for mode in FILLS),
    image("map_coordinates", f(4, 5), v([[-1.2, 0.5], [0.0, 2.25]]), 1, fill_value=7.5, symbolic="fixed"),
    image("map_coordinates", i(4, 5), v([[-1.2, 0.5], [0.0, 2.25]]), 1, fill_value=7, symbolic="fixed"),
    image("map_coordinates", f(3, 4, 2), [g(2, 2), unit(2, 2), unit(2, 2)], 1, symbolic="fixed"),
    *(image("affine_transform", RGB, TURN, interpolation=mode, fill_mode=fill) for mode in ("bilinear", "nearest") for fill in FILLS),
    image("affine_transform", FIRST, TURN, data_format="channels_first", fill_value=0.5),
    image("affine_transform", BYTES, TURN, fill_value=9),
    image("affine_transform", ONE, v([0.8, 0.3, 1.0, -0.2, 1.1, -2.0, 0.0, 0.0]), symbolic="fixed"),
    *(image("perspective_transform", RGB, CORNERS, MOVED, interpolation=mode) for mode in ("bilinear", "nearest")),
    image("perspective_transform", FIRST, CORNERS, MOVED, fill_value=0.5, data_format="channels_first"),
    image("perspective_transform", ONE, v(CORNERS.values[0].tolist()), v(MOVED.values[0].tolist()), symbolic="fixed"),
    *(
        image("scale_and_translate", x, (2, 8, 3, 3), v([1.6, 0.5]), v([0.0, 0.25]), (1, 2), method, antialias=smooth, symbolic="fixed")
        for x, smooth in ((RGB, True), (RGB, False), (BYTES, True))
        for method in ("linear", "bicubic", "lanczos3", "lanczos5")
    ),
    *(image("gaussian_blur", RGB, **words) for words in ({"data_format": "channels_last"},)),
    image("gaussian_blur", FIRST, (5, 5), (2.0, 0.5), data_format="channels_first"),
    image("gaussian_blur", ONE, (3, 3), (1.0, 1.0), "channels_last", symbolic="fixed"),
    image("sobel_edges", RGB),
    image("sobel_edges", FIRST, data_format="channels_first"),
    image("ssim", unit(2, 12, 13, 3), unit(2, 12, 13, 3)),
    image("ssim", f(2, 12, 13, 1), g(2, 12, 13, 1), max_val=4.0, filter_size=5, filter_sigma=1.0, k1=0.02, k2=0.05),
    image("ssim", f(2, 3, 12, 13), g(2, 3, 12, 13), filter_size=7, data_format="channels_first"),
    image("ssim", f(12, 13, 3), g(12, 13, 3), symbolic="fixed"),
]
