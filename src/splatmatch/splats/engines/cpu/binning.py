"""Depth order, and lists of Gaussians per 16x16 tile."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import prange

from splatmatch.jobs.kernels import kernel

f4, i4, u8 = np.float32, np.int32, np.uint64
HALF, ONE, ZERO, TWO = f4(0.5), f4(1), f4(0), f4(2)
SLACK = f4(1e-2)
"""Pixels by which spans are widened, against rounding."""


@kernel(__file__)
def depth_order(box: Any, depth: Any) -> Any:
    """Rows of the visible Gaussians ordered by (depth, index): radix sort on the bits of positive float32.

    Shapes: box (N, 4) int32 with box[i, 0] = -1 where culled, depth (N,) float32; returns (V,) int32.
    """
    n = 0
    for i in range(box.shape[0]):
        if box[i, 0] >= 0:
            n += 1
    keys, other = np.empty(n, np.uint64), np.empty(n, np.uint64)
    counts = np.zeros((3, 2048), np.int64)
    bits = depth.view(np.uint32)
    k = 0
    for i in range(box.shape[0]):
        if box[i, 0] >= 0:
            d = u8(bits[i])
            keys[k] = (d << u8(32)) | u8(i)
            k += 1
            counts[0, d & u8(2047)] += 1
            counts[1, (d >> u8(11)) & u8(2047)] += 1
            counts[2, d >> u8(22)] += 1
    for digit in range(3):
        total = 0
        for j in range(2048):
            count = counts[digit, j]
            counts[digit, j] = total
            total += count
        shift = u8(32 + 11 * digit)
        for i in range(n):
            d = (keys[i] >> shift) & u8(2047)
            other[counts[digit, d]] = keys[i]
            counts[digit, d] += 1
        keys, other = other, keys
    order = np.empty(n, np.int32)
    for i in range(n):
        order[i] = i4(keys[i] & u8(0xFFFFFFFF))
    return order


@kernel(__file__, inline=True)
def tile_span(rec: Any, box: Any, i: Any, tile_row: Any) -> Any:
    """First and last tile column that the ellipse alpha = 1/255 of Gaussian i reaches in a row of tiles; (1, 0) = none.

    Inside the box, the extreme x over a band of rows is the ellipse's own extreme if that lies in the band, else it is
    on the band's border: x = -b/a dy +- sqrt(2 power a - det dy^2) / a.
    """
    first, last = box[i, 0] >> 4, box[i, 1] >> 4
    if box[i, 2] >> 4 == box[i, 3] >> 4 or first == last:
        return first, last
    mx, my, a, b, c = rec[i, 0], rec[i, 1], rec[i, 2], rec[i, 3], rec[i, 4]
    hx, hy = rec[i, 7], rec[i, 8]
    low = max(f4(tile_row * 16) + HALF, my - hy) - my
    high = min(f4(tile_row * 16 + 16) - HALF, my + hy) - my
    square, inverse_a, determinant = -TWO * rec[i, 6] * a, ONE / a, a * c - b * b
    reach_low = math.sqrt(max(square - determinant * low * low, ZERO)) * inverse_a
    reach_high = math.sqrt(max(square - determinant * high * high, ZERO)) * inverse_a
    middle_low, middle_high = -b * inverse_a * low, -b * inverse_a * high
    tip = -b / c * hx
    right = hx if low <= tip <= high else max(middle_low + reach_low, middle_high + reach_high)
    left = -hx if low <= -tip <= high else min(middle_low - reach_low, middle_high - reach_high)
    x0 = max(box[i, 0], i4(math.ceil(mx + left - HALF - SLACK)))
    x1 = min(box[i, 1], i4(math.floor(mx + right - HALF + SLACK)))
    if x0 > x1:
        return i4(1), i4(0)
    return x0 >> 4, x1 >> 4


@kernel(__file__, parallel=True)
def count_tiles(rec: Any, box: Any, order: Any, tiles: Any, parts: Any, sorted_rec: Any, sorted_box: Any) -> Any:
    """Gather records into depth order and count what each tile will list.

    Args:
        rec: (N, R) records.
        box: (N, 4) boxes.
        order: (V,) rows in depth order.
        tiles: (columns, rows) of tiles.
        parts: number of pieces the work is cut into; does not change the lists.
        sorted_rec: (V, R), filled.
        sorted_box: (V, 4), filled.

    Returns:
        first_slot (N + 1,): gradient slots of each Gaussian, by original row; band_start (V,): first row of ``spans``
        of each sorted Gaussian; spans (B, 2): first and last tile column per band of tiles; counts (parts, tiles):
        where each part starts to write; tile_start (tiles + 1,): where each tile's list starts.
    """
    columns, tile_count, n, v = tiles[0], tiles[0] * tiles[1], box.shape[0], order.shape[0]
    band_start = np.empty(v, np.int32)
    total = 0
    for i in range(v):
        band_start[i] = total
        g = order[i]
        total += (box[g, 3] >> 4) - (box[g, 2] >> 4) + 1
    spans = np.empty((total, 2), np.int16)
    counts = np.zeros((parts, tile_count), np.int32)
    first_slot = np.zeros(n + 1, np.int32)
    for part in prange(parts):
        count = counts[part]
        for i in range(v * part // parts, v * (part + 1) // parts):
            g = order[i]
            for q in range(rec.shape[1]):
                sorted_rec[i, q] = rec[g, q]
            for q in range(4):
                sorted_box[i, q] = box[g, q]
        for i in range(v * part // parts, v * (part + 1) // parts):
            members = 0
            band = band_start[i]
            for tile_row in range(sorted_box[i, 2] >> 4, (sorted_box[i, 3] >> 4) + 1):
                first, last = tile_span(sorted_rec, sorted_box, i, tile_row)
                spans[band, 0], spans[band, 1] = first, last
                band += 1
                members += max(0, last - first + 1)
                for tile in range(tile_row * columns + first, tile_row * columns + last + 1):
                    count[tile] += 1
            first_slot[order[i] + 1] = members
    for i in range(n):
        first_slot[i + 1] += first_slot[i]
    tile_start = np.empty(tile_count + 1, np.int64)
    total = 0
    for tile in range(tile_count):
        tile_start[tile] = total
        for part in range(parts):
            here = counts[part, tile]
            counts[part, tile] = total
            total += here
    tile_start[tile_count] = total
    return first_slot, band_start, spans, counts, tile_start


@kernel(__file__, parallel=True)
def list_tiles(
    sorted_box: Any, order: Any, columns: Any, first_slot: Any, band_start: Any, spans: Any, counts: Any, member: Any,
    slot: Any,
) -> None:  # fmt: skip
    """Fill the lists: member (M,) sorted rows, nearest first in each tile, and slot (M,) their gradient slots."""
    v, parts = order.shape[0], counts.shape[0]
    for part in prange(parts):
        count = counts[part]
        for i in range(v * part // parts, v * (part + 1) // parts):
            free = first_slot[order[i]]
            band = band_start[i]
            for tile_row in range(sorted_box[i, 2] >> 4, (sorted_box[i, 3] >> 4) + 1):
                for column in range(spans[band, 0], spans[band, 1] + 1):
                    tile = tile_row * columns + column
                    at = count[tile]
                    count[tile] = at + 1
                    member[at] = i
                    slot[at] = free
                    free += 1
                band += 1
