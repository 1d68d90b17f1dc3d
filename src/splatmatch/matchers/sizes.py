"""The size a matcher works at, the tiles it works in, and the way back to pixels of the photo."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import InputError
from splatmatch.scene.matcher import Pixels
from splatmatch.scene.matches import Size

OVERLAP = 64
"""Working pixels that a tile sees beyond its own part on each side."""
GRID = 32
"""Borders between tiles lie at multiples of this, so tiles suit networks that want such sides."""


@dataclass(frozen=True, kw_only=True)
class SizeOptions:
    """At what size photos are looked at, and in how many pieces."""

    size: int = 1024
    """Long side in pixels; larger photos are averaged down to it, smaller ones stay. 0 = the photo's own size."""
    tiles: int = 0
    """Long side of the tiles that an image is cut into, in pixels of the working size. 0 = one piece where that fits
    into ``memory``, else the largest tiles that do."""
    memory: float = 2.0
    """Gigabytes that looking at one photo may take; decides the tiles where ``tiles`` is 0."""

    def __post_init__(self) -> None:
        if self.size < 0 or 0 < self.size < GRID:
            raise InputError(f"size={self.size}: the long side is at least {GRID} pixels", "0 is the photo's own size")
        if self.tiles < 0 or 0 < self.tiles < 4 * OVERLAP:
            raise InputError(f"tiles={self.tiles}: a side is at least {4 * OVERLAP} pixels", "0 chooses by memory")
        if not 0.1 <= self.memory < math.inf:
            raise InputError(f"memory={self.memory}: at least 0.1 gigabytes are needed")


def working_size(photo: Size, long_side: int, multiple: int = 1, smallest: int = 1) -> Size:
    """(width, height) at which a photo is looked at: never enlarged, each side rounded, then down to ``multiple``.

    A side shorter than ``smallest``, itself a multiple, becomes ``smallest``; ``shrink`` pads such images.
    """
    scale = min(1.0, long_side / max(photo)) if long_side else 1.0
    sides = [max(smallest, round(side * scale) // multiple * multiple) for side in photo]
    return sides[0], sides[1]


def shrink(photo: Pixels, size: Size) -> tuple[Pixels, tuple[float, float]]:
    """``photo`` averaged down to ``size`` (INTER_AREA), and (width, height) of the part of it that shows the photo.

    Where a side of ``size`` is longer than the photo's, the photo keeps it and its border is repeated.
    """
    height, width = photo.shape[:2]
    inner = (min(size[0], width), min(size[1], height))
    image = photo if inner == (width, height) else cv2.resize(photo, inner, interpolation=cv2.INTER_AREA)
    right, below = size[0] - inner[0], size[1] - inner[1]
    if right or below:
        image = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(image, np.uint8), (float(inner[0]), float(inner[1]))


def to_photo(points: NDArray[np.float32], shown: tuple[float, float], photo: Size) -> NDArray[np.float32]:
    """Corner pixels (N, 2) of the working image as corner pixels of the photo: each axis by its own ratio."""
    return np.asarray(points * (np.array(photo, np.float64) / np.array(shown)), np.float32)


@dataclass(frozen=True)
class Tile:
    """One piece of an image: what is looked at, and the part whose points are kept."""

    seen: tuple[slice, slice]
    """Rows and columns."""
    own: tuple[float, float, float, float]
    """Left, top, right, bottom in corner pixels of the image; the parts of all tiles cover it without overlap."""

    def owns(self, points: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which of the points (N, 2), in pixels of the image, lie in its own part."""
        left, top, right, bottom = self.own
        x, y = points[:, 0], points[:, 1]
        return np.asarray((x >= left) & (x < right) & (y >= top) & (y < bottom))


def tiles(size: Size, side: int) -> Iterator[Tile]:
    """Cut an image into tiles of at most ``side``; a point near a border belongs to the one tile that owns it."""
    columns, rows = _parts(size[0], side), _parts(size[1], side)
    for top, bottom in rows:
        for left, right in columns:
            seen = (
                slice(max(0, top - OVERLAP), min(size[1], bottom + OVERLAP)),
                slice(max(0, left - OVERLAP), min(size[0], right + OVERLAP)),
            )
            outer = (
                -math.inf if left == 0 else left,
                -math.inf if top == 0 else top,
                math.inf if right == size[0] else right,
                math.inf if bottom == size[1] else bottom,
            )
            yield Tile(seen, outer)


def tile_side(options: SizeOptions, size: Size, bytes_per_pixel: float) -> int:
    """The side of the tiles for a working image of ``size``, 0 for one piece."""
    if options.tiles:
        return options.tiles if max(size) > options.tiles else 0
    most = options.memory * 1e9 / bytes_per_pixel
    return 0 if size[0] * size[1] <= most else max(4 * OVERLAP, int(math.sqrt(most)) // GRID * GRID)


def _parts(length: int, side: int) -> list[tuple[int, int]]:
    """Borders of the parts of one axis, at multiples of GRID, as even as can be."""
    if length <= side:
        return [(0, length)]
    count = math.ceil(length / (side - 2 * OVERLAP))
    borders = [0, *[round(length * i / count / GRID) * GRID for i in range(1, count)], length]
    return list(itertools.pairwise(borders))
