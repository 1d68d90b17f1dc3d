"""Prints: pictures, posters, labels, rugs and signs as lists of vector marks, sharp at any distance."""

from __future__ import annotations

import math
from typing import Any

from splatmatch.jobs.kernels import kernel
from splatmatch.synthetic.kernels.layout import (
    BAR,
    ELLIPSE,
    GLYPHS,
    HILLS,
    MARK_COLOUR,
    MARK_COS,
    MARK_EXTRA,
    MARK_H,
    MARK_REACH,
    MARK_SEED,
    MARK_SIN,
    MARK_W,
    MARK_X,
    MARK_Y,
    RING,
    SHAPE,
    TRIANGLE,
)
from splatmatch.synthetic.kernels.noise import chance, clamp, cover, fractal, scramble


@kernel(__file__)
def _glyph(x: float, y: float, w: float, bits: int) -> float:
    """One letter-like sign in the unit square: some of ten strokes of a 3 x 3 grid of points."""
    best = 9.0
    for stroke in range(10):
        if not (bits >> stroke) & 1:
            continue
        if stroke < 3:  # verticals: left, middle, right
            dx, dy = x - 0.5 * stroke, max(0.0, abs(y - 0.5) - 0.5)
        elif stroke < 6:  # horizontals: bottom, middle, top
            dx, dy = max(0.0, abs(x - 0.5) - 0.5), y - 0.5 * (stroke - 3)
        elif stroke < 8:  # diagonals
            dx, dy = ((y - x) if stroke == 6 else (y + x - 1.0)) * 0.7071, 0.0
        else:  # a ring in the upper or lower half
            dx, dy = math.hypot(x - 0.5, 2.0 * (y - (0.75 if stroke == 8 else 0.25))) - 0.5, 0.0
        best = min(best, math.hypot(dx, dy))
    ink: float = cover(best - 0.11, w)
    return ink


@kernel(__file__)
def _glyphs(x: float, y: float, half_w: float, half_h: float, lines: float, w: float, seed: int) -> float:
    """Rows of words inside a box; where the letters are finer than the footprint, their mean grey."""
    if abs(x) > half_w or abs(y) > half_h:
        return 0.0
    pitch = 2.0 * half_h / lines
    row_at = (half_h - y) / pitch
    row = math.floor(row_at)
    size = 0.62 * pitch
    column_at = (x + half_w) / (0.78 * size)
    column = math.floor(column_at)
    h = scramble(int(column), int(row), seed)
    ragged = half_w * (2.0 - 0.7 * chance(int(row), 7, seed)) if lines > 2.5 else 2.0 * half_w
    if (h & 7) == 0 or (column + 1.0) * 0.78 * size > ragged:
        return 0.0
    gx, gy = (column_at - column) * 1.45 - 0.22, (1.0 - (row_at - row)) * 1.6 - 0.3
    keep: float = clamp(2.0 - 3.0 * w / size)
    ink: float = 0.0
    if keep > 0.0 and -0.2 < gx < 1.2 and -0.2 < gy < 1.2:
        bits = (h >> 8) & (h >> 20) | (1 << (h >> 29 & 1) * 2) | (8 << (h >> 30) % 3)
        ink = _glyph(gx, gy, 1.6 * w / size, bits & 0x3FF)
    return keep * ink + 0.33 * (1.0 - keep)


@kernel(__file__)
def print_colour(x: float, y: float, w: float, first: int, count: int, marks: Any) -> tuple[float, float, float]:
    """Linear colour of the print whose marks are rows ``first`` to ``first + count``, later ones on top.

    x (from the left), y (from below) and the footprint w are in heights of the print.
    """
    r, g, b = 0.0, 0.0, 0.0
    for k in range(first, first + count):
        dx, dy = x - marks[k, MARK_X], y - marks[k, MARK_Y]
        reach = marks[k, MARK_REACH]
        if dx * dx + dy * dy > reach:
            continue
        px = marks[k, MARK_COS] * dx + marks[k, MARK_SIN] * dy
        py = marks[k, MARK_COS] * dy - marks[k, MARK_SIN] * dx
        half_w, half_h, extra = marks[k, MARK_W], marks[k, MARK_H], marks[k, MARK_EXTRA]
        shape, seed = int(marks[k, SHAPE]), int(marks[k, MARK_SEED])
        if shape == BAR:
            ink = cover(abs(px) - half_w, w) * cover(abs(py) - half_h, w)
            if extra > 0.0:
                ink -= cover(abs(px) - half_w + extra, w) * cover(abs(py) - half_h + extra, w)
        elif shape in {ELLIPSE, RING}:
            radius = math.hypot(px / half_w, py / half_h)
            distance = (radius - 1.0) * min(half_w, half_h)
            ink = cover(distance if shape == ELLIPSE else abs(distance) - extra, w)
        elif shape == TRIANGLE:
            slope = half_w * (half_h - py) / (2.0 * half_h)
            ink = cover(abs(px) - slope, w) * cover(-half_h - py, w)
        elif shape == GLYPHS:
            ink = _glyphs(px, py, half_w, half_h, extra, w, seed)
        elif shape == HILLS:
            line = half_h * 2.2 * fractal(px * extra, 0.0, 5, w * extra, seed)
            ink = cover(py - line, w)
        else:
            turn = math.cos(extra * math.atan2(py, px))
            ink = cover((math.hypot(px, py) / half_w - 0.7 - 0.3 * turn) * 0.6 * half_w, w)
        r += ink * (marks[k, MARK_COLOUR] - r)
        g += ink * (marks[k, MARK_COLOUR + 1] - g)
        b += ink * (marks[k, MARK_COLOUR + 2] - b)
    return r, g, b
