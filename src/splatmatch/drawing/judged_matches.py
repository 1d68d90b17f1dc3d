"""Two photos side by side, and lines between matches that say which of them are right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from splatmatch.drawing.matches import draw_lines, side_by_side
from splatmatch.drawing.pictures import Picture

RIGHT, WRONG = (0, 158, 115), (213, 94, 0)
"""Bluish green and vermilion, which colour-blind people tell apart (Okabe and Ito, 2008)."""


def judged_picture(
    a: Picture,
    b: Picture,
    points_a: NDArray[np.floating],
    points_b: NDArray[np.floating],
    right: NDArray[np.bool_],
    height: int = 360,
    most: int = 250,
) -> Picture:
    """Both photos at one height; right matches green, wrong ones vermilion and drawn on top.

    Args:
        a: (H, W, 3).
        b: the other photo, of any size.
        points_a: (M, 2) corner pixels of ``a``.
        points_b: (M, 2) corner pixels of ``b``.
        right: (M,).
        height: of the photos in the picture, pixels.
        most: most lines; every so-many-th match is drawn where there are more, so the shares stay true.
    """
    drawn, offset, scales = side_by_side(a, b, height)
    rows = np.arange(len(right))
    if len(rows) > most:
        rows = rows[np.linspace(0, len(rows) - 1, most).astype(int)]
    rows = rows[np.argsort(~right[rows], kind="stable")]
    colours = np.where(right[rows, None], RIGHT, WRONG).astype(np.uint8)
    draw_lines(drawn, points_a[rows] * scales[0], points_b[rows] * scales[1] + (offset, 0), colours)
    return drawn
