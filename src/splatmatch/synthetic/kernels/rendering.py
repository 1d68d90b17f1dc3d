"""The picture: blocks of samples of the pixel grid, each traced, lit and coloured; then the filter to pixels."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from splatmatch.jobs.kernels import kernel
from splatmatch.synthetic.kernels.appearance import sky_colour
from splatmatch.synthetic.kernels.layout import FAR, LIGHT_AT, LIGHT_KIND, LIGHT_RADIUS, PANEL, SUN
from splatmatch.synthetic.kernels.lighting import disk_point
from splatmatch.synthetic.kernels.packets import closest_of, in_shaft, in_view
from splatmatch.synthetic.kernels.shading import UNUSED, shade
from splatmatch.synthetic.kernels.traversal import closest_hit

BLOCK = 12
"""Samples along the side of a block of rays that is traced together."""
CANDIDATES, SHADES = 192, 32
"""Most primitives that a block keeps to see and to be shaded by; where there are more, each ray walks the tree."""
THIN = 3
"""One of so many samples carries the reflection for all, where there are that many along a pixel's side."""
BRIGHTEST = 4.0
"""Samples are cut here (display white = 1), so that a highlight cannot alias."""


@kernel(__file__)
def _look(
    left: int,
    top: int,
    right: int,
    bottom: int,
    samples: int,
    margin: int,
    view: Any,
    rotation: Any,
    ways: Any,
    planes: Any,
) -> None:
    """Directions of the samples of a block, of length one along the axis, and the planes that bound them."""
    for row in range(top, bottom):
        for column in range(left, right):
            x = ((column - margin + 0.5) / samples - view[2]) / view[0]
            y = ((row - margin + 0.5) / samples - view[3]) / view[1]
            at = (row - top) * BLOCK + column - left
            for c in range(3):
                ways[at, c] = x * rotation[0, c] + y * rotation[1, c] + rotation[2, c]
    x0, x1 = ((left - margin) / samples - view[2]) / view[0], ((right - margin) / samples - view[2]) / view[0]
    y0, y1 = ((top - margin) / samples - view[3]) / view[1], ((bottom - margin) / samples - view[3]) / view[1]
    for c in range(3):
        planes[0, c] = rotation[1, c] - y0 * rotation[2, c]
        planes[1, c] = y1 * rotation[2, c] - rotation[1, c]
        planes[2, c] = rotation[0, c] - x0 * rotation[2, c]
        planes[3, c] = x1 * rotation[2, c] - rotation[0, c]
        planes[4, c] = rotation[2, c]


@kernel(__file__)
def _shades(
    low: Any, high: Any, lights: Any, target: Any, nodes: Any, shadows: Any, counts: Any, blockers: Any
) -> None:
    """For every light what may shade the points low..high."""
    for lamp in range(len(lights)):
        blockers[lamp] = -1
        counts[lamp] = UNUSED
        if lights[lamp, LIGHT_KIND] != PANEL and low[0] <= high[0]:
            for c in range(3):
                target[c] = lights[lamp, LIGHT_AT + c]
            target[3] = 0.0 if lights[lamp, LIGHT_KIND] == SUN else 1.0
            counts[lamp] = in_shaft(low, high, target, lights[lamp, LIGHT_RADIUS], nodes, shadows[lamp])


@kernel(__file__)
def _band(
    top: int,
    view: Any,
    rotation: Any,
    centre: Any,
    samples: int,
    margin: int,
    disk: Any,
    nodes: Any,
    primitives: Any,
    heights: Any,
    materials: Any,
    marks: Any,
    lights: Any,
    sky: Any,
    light: Any,
    exposure: float,
    picture: Any,
) -> None:
    """BLOCK rows of samples from ``top``, block by block; see ``render_samples``."""
    bottom, columns = min(picture.shape[0], top + BLOCK), picture.shape[1]
    ox, oy, oz = centre[0], centre[1], centre[2]
    angle = 1.2 / (samples * view[0])
    found, near = np.empty(CANDIDATES, np.int64), np.empty(CANDIDATES)
    shadows = np.empty((len(lights), SHADES), np.int64)
    counts, blockers = np.empty(len(lights), np.int64), np.empty(len(lights), np.int64)
    planes, ways = np.empty((5, 3)), np.empty((BLOCK * BLOCK, 3))
    hits, depths = np.empty(BLOCK * BLOCK, np.int64), np.empty(BLOCK * BLOCK)
    low, high, target = np.empty(3), np.empty(3), np.empty(4)
    for left in range(0, columns, BLOCK):
        right = min(columns, left + BLOCK)
        _look(left, top, right, bottom, samples, margin, view, rotation, ways, planes)
        count = in_view(ox, oy, oz, planes, nodes, primitives, found, near)
        low[:], high[:] = FAR, -FAR
        guess = -1
        for row in range(top, bottom):
            for column in range(left, right):
                at = (row - top) * BLOCK + column - left
                dx, dy, dz = ways[at, 0], ways[at, 1], ways[at, 2]
                if count >= 0:
                    t, guess = closest_of(ox, oy, oz, dx, dy, dz, guess, found, near, count, primitives, heights)
                else:
                    t, guess = closest_hit(ox, oy, oz, dx, dy, dz, FAR, guess, nodes, primitives, heights)
                hits[at], depths[at] = guess, t
                if guess >= 0:
                    low[0], high[0] = min(low[0], ox + t * dx), max(high[0], ox + t * dx)
                    low[1], high[1] = min(low[1], oy + t * dy), max(high[1], oy + t * dy)
                    low[2], high[2] = min(low[2], oz + t * dz), max(high[2], oz + t * dz)
        _shades(low, high, lights, target, nodes, shadows, counts, blockers)
        for row in range(top, bottom):
            for column in range(left, right):
                at = (row - top) * BLOCK + column - left
                dx, dy, dz = ways[at, 0], ways[at, 1], ways[at, 2]
                if hits[at] < 0:
                    r, g, b = sky_colour(dx, dy, dz, angle, sky)
                else:
                    k = (row % samples) * samples + column % samples
                    thinning = 1.0 if samples < THIN else (THIN if (row + column) % THIN == 0 else 0.0)
                    r, g, b = shade(
                        hits[at], depths[at], ox, oy, oz, dx, dy, dz, angle, thinning, disk[k, 0], disk[k, 1],
                        nodes, primitives, heights, materials, marks, lights, sky, light, shadows, counts, blockers,
                    )  # fmt: skip
                picture[row, column, 0] = min(BRIGHTEST, exposure * r)
                picture[row, column, 1] = min(BRIGHTEST, exposure * g)
                picture[row, column, 2] = min(BRIGHTEST, exposure * b)


@kernel(__file__, parallel=True)
def render_samples(
    view: Any,
    rotation: Any,
    centre: Any,
    samples: int,
    margin: int,
    nodes: Any,
    primitives: Any,
    heights: Any,
    materials: Any,
    marks: Any,
    lights: Any,
    sky: Any,
    light: Any,
    exposure: float,
    order: Any,
    picture: Any,
) -> None:
    """Fill ``picture`` (rows, columns, 3) with linear colour at ``samples`` x ``samples`` points per pixel.

    ``view`` (4,) is fx, fy, cx, cy, ``rotation`` that of camera_from_world, ``centre`` the camera in the world. The
    sample in row j, column i of ``picture`` lies at corner pixel (i - margin + 0.5, j - margin + 0.5) / samples.
    ``exposure`` is the factor on radiance. ``order`` (B,) says in which order bands of BLOCK rows are traced:
    neighbours cost alike and belong on different threads.
    """
    disk = np.empty((samples * samples, 2))
    for k in range(samples * samples):
        disk[k, 0], disk[k, 1] = disk_point(k, samples * samples)
    for band in numba.prange(len(order)):
        _band(
            order[band] * BLOCK, view, rotation, centre, samples, margin, disk,
            nodes, primitives, heights, materials, marks, lights, sky, light, exposure, picture,
        )  # fmt: skip


@kernel(__file__)
def encode(value: float) -> float:
    """Display value in 0..1 of linear light: highlights roll off above 0.7, then the sRGB curve."""
    if value > 0.7:
        value = 0.7 + 0.3 * (1.0 - math.exp((0.7 - value) / 0.3 * 0.75))
    if value <= 0.0031308:
        return 12.92 * max(0.0, value)
    encoded: float = 1.055 * value ** (1.0 / 2.4) - 0.055
    return encoded


@kernel(__file__, parallel=True)
def filter_samples(picture: Any, weights: Any, samples: int, image: Any) -> None:
    """Weighted means of ``picture`` around each pixel into ``image`` (H, W, 3), encoded; ``weights`` (T,) separable."""
    taps = len(weights)
    for row in numba.prange(image.shape[0]):
        for column in range(image.shape[1]):
            r, g, b = 0.0, 0.0, 0.0
            for j in range(taps):
                sr, sg, sb = 0.0, 0.0, 0.0
                for i in range(taps):
                    at = picture[row * samples + j, column * samples + i]
                    sr, sg, sb = sr + weights[i] * at[0], sg + weights[i] * at[1], sb + weights[i] * at[2]
                r, g, b = r + weights[j] * sr, g + weights[j] * sg, b + weights[j] * sb
            image[row, column, 0], image[row, column, 1], image[row, column, 2] = encode(r), encode(g), encode(b)
