"""Images whose histograms are made even: (B, C, H, W)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from layergraph.nn.augment import Change, rescaled
from layergraph.nn.colours import BYTES, Range
from layergraph.nn.images import reflected
from layergraph.nn.whole import whole


@dataclass(frozen=True)
class Equalize(Change):
    """Values replaced by how many are smaller, for each channel of the whole batch."""

    bins: int
    bounds: Range

    def images(self, x: Tensor, *drawn: Any) -> Tensor:
        pixels = rescaled(x, self.bounds, BYTES)
        flat = pixels.transpose(0, 1).flatten(1)
        # the width of a bin is float32's in both formulas, whatever the image's dtype
        places = (flat.float() * (self.bins - 1) / 255).long().clamp(0, self.bins - 1)
        counts = torch.zeros(flat.shape[0], self.bins, dtype=torch.int64, device=x.device)
        counts = counts.scatter_add(1, places, torch.ones_like(places))
        below = counts.cumsum(1)
        total = below[:, -1:]
        first = torch.where(below > 0, below, total).amin(1, keepdim=True)
        table = ((below - first) * 255 / (total - first).clamp(min=1)).round().clamp(*BYTES)
        indices = (flat / 255 * (self.bins - 1)).clamp(0, self.bins - 1).long()
        even: Any = torch.where((counts > 0).sum(1, keepdim=True) <= 1, flat, table.gather(1, indices).to(x.dtype))
        return rescaled(even.unflatten(1, (x.shape[0], *x.shape[2:])).transpose(0, 1), BYTES, self.bounds)


@whole
def clahe(x: Tensor, limit: float, grid: tuple[int, int], bounds: Range) -> Tensor:
    """Contrast made even in each of `grid` tiles, no more than `limit` times, and between their centres interpolated.

    (B, C, H, W) -> the same (Zuiderveld 1994). Computed in float32; tiles that overhang are filled by reflection.
    """
    pixels = rescaled(x.float(), bounds, BYTES)
    height, width = x.shape[2:]
    (tile_h, tile_w), (down, across) = (-(-height // grid[0]), -(-width // grid[1])), grid
    rows = reflected(torch.arange(tile_h * down, device=x.device), height)
    columns = reflected(torch.arange(tile_w * across, device=x.device), width)
    pixels = pixels[:, :, rows[:, None], columns].clamp(*BYTES).long()
    tables = _tables(pixels, (tile_h, tile_w), grid, limit)
    (top, bottom, low), (left, right, near) = _between(tile_h, down, x.device), _between(tile_w, across, x.device)
    low, batch = low[:, None], torch.arange(x.shape[0], device=x.device)[:, None, None, None]
    channel = torch.arange(x.shape[1], device=x.device)[:, None, None]

    def read(row: Tensor, column: Tensor) -> Tensor:
        return tables[batch, row[:, None], column, channel, pixels]

    above = read(top, left) * (1 - near) + read(top, right) * near
    below = read(bottom, left) * (1 - near) + read(bottom, right) * near
    even = (above * (1 - low) + below * low)[:, :, :height, :width]
    return rescaled(even, BYTES, bounds).to(x.dtype)


def _tables(pixels: Any, tile: tuple[int, int], grid: tuple[int, int], limit: float) -> Tensor:
    """What each tile makes of each value, the outermost tiles twice: (B, C, H, W) of ints -> (B, rows + 2, columns + 2, C, 256)."""
    tiles = pixels.unflatten(3, (grid[1], tile[1])).unflatten(2, (grid[0], tile[0])).permute(0, 2, 4, 1, 3, 5).flatten(4)
    counts = torch.zeros(*tiles.shape[:-1], 256, device=pixels.device)
    counts = counts.scatter_add(-1, tiles, torch.ones_like(tiles, dtype=counts.dtype))
    area = tile[0] * tile[1]
    if limit > 0:
        clipped = counts.clamp(max=limit * area / 256)
        counts = clipped + (counts - clipped).sum(-1, keepdim=True) / 256
    below = counts.cumsum(-1)
    least = below.amin(-1, keepdim=True)
    rest = area - least
    tables = ((below - least) * 255 / torch.where(rest == 0, 1, rest)).clamp(*BYTES)
    for axis in (1, 2):
        tables = torch.cat([tables.narrow(axis, 0, 1), tables, tables.narrow(axis, tables.shape[axis] - 1, 1)], axis)
    return tables


def _between(tile: int, count: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """For each pixel along an axis the tiles before and after, and how far it is from the first one's centre to the next's."""
    place = (torch.arange(tile * count, dtype=torch.float32, device=device) - tile / 2) / tile + 1
    before = torch.floor(place)
    return before.clamp(0, count + 1).long(), (before + 1).clamp(0, count + 1).long(), place - before
