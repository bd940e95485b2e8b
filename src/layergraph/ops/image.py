"""`ops.image`, as Keras has it: sizes, patches, maps, colours and filters of images."""

from __future__ import annotations

from layergraph.ops.filtering import gaussian_blur as gaussian_blur
from layergraph.ops.filtering import hsv_to_rgb as hsv_to_rgb
from layergraph.ops.filtering import rgb_to_grayscale as rgb_to_grayscale
from layergraph.ops.filtering import rgb_to_hsv as rgb_to_hsv
from layergraph.ops.filtering import sobel_edges as sobel_edges
from layergraph.ops.filtering import ssim as ssim
from layergraph.ops.resizing import crop_images as crop_images
from layergraph.ops.resizing import extract_patches as extract_patches
from layergraph.ops.resizing import extract_patches_3d as extract_patches_3d
from layergraph.ops.resizing import pad_images as pad_images
from layergraph.ops.resizing import resize as resize
from layergraph.ops.warping import affine_transform as affine_transform
from layergraph.ops.warping import elastic_transform as elastic_transform
from layergraph.ops.warping import map_coordinates as map_coordinates
from layergraph.ops.warping import perspective_transform as perspective_transform
from layergraph.ops.warping import scale_and_translate as scale_and_translate

__all__ = [
    "affine_transform",
    "crop_images",
    "elastic_transform",
    "extract_patches",
    "extract_patches_3d",
    "gaussian_blur",
    "hsv_to_rgb",
    "map_coordinates",
    "pad_images",
    "perspective_transform",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "scale_and_translate",
    "sobel_edges",
    "ssim",
]
