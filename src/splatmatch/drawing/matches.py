"""Two photos side by side and lines between their matches."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from splatmatch.drawing.colours import srgb_from_oklab
from splatmatch.drawing.pictures import Picture, resized
from splatmatch.drawing.text import caption
from splatmatch.scene.matches import Matches

_PAPER, _INK = (255, 255, 255), (60, 64, 72)
_SHIFT = 4
"""OpenCV draws lines between positions in sixteenths of a pixel."""


def match_picture(
    a: Picture,
    b: Picture,
    matches: Matches,
    inliers: NDArray[np.bool_] | None = None,
    title: str = "",
    height: int = 480,
    most: int = 400,
) -> Picture:
    """Both photos side by side, verified matches above and the rest below where ``inliers`` tells them apart.

    The colour of a line is the confidence of the match: violet (0) over red to yellow (1). Photos that are not of one
    height are brought there, so portrait and landscape stand side by side.

    Args:
        a: (H, W, 3) photo of the size that the matches state.
        b: the other.
        matches: to draw.
        inliers: (M,) those that verification confirmed; None = all in one picture.
        title: words under the picture; the numbers of matches are added.
        height: of the photos in the picture, pixels.
        most: most lines in each part, evenly chosen over the confidences.
    """
    scores = matches.scores
    if inliers is None:
        parts = [(np.ones(len(matches), bool), f"{len(matches)} matches")]
    else:
        parts = [
            (inliers, f"{int(inliers.sum())} verified matches"),
            (~inliers, f"{int((~inliers).sum())} matches that verification rejected"),
        ]
    pictures = []
    for which, counted in parts:
        drawn, offset, scales = side_by_side(a, b, height)
        rows = np.flatnonzero(which)
        rows = rows[np.argsort(scores[rows], kind="stable")]  # the most certain are drawn last, on top
        words = f"{counted}, {most} of them shown" if len(rows) > most else counted
        if len(rows) > most:
            rows = rows[np.linspace(0, len(rows) - 1, most).astype(int)]
        starts = matches.points_a[rows] * scales[0]
        ends = matches.points_b[rows] * scales[1] + (offset, 0)
        draw_lines(drawn, starts, ends, confidence_colours(scores[rows]))
        text = f"{title}: {words}" if title else words
        pictures += [drawn, caption(text, drawn.shape[1], 14, _INK, _PAPER)]
    return np.concatenate(pictures)


def confidence_colours(scores: NDArray[np.float32]) -> Picture:
    """(M, 3) colours of confidences in 0..1: violet, red, orange, yellow; lightness rises, so greys tell it too."""
    at = np.clip(np.nan_to_num(scores.astype(np.float64)), 0, 1)
    hue = np.radians(-60 + 160 * at)
    lightness, chroma = 0.45 + 0.43 * at, 0.17
    return srgb_from_oklab(np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=1))


def draw_lines(picture: Picture, starts: NDArray[np.floating], ends: NDArray[np.floating], colours: Picture) -> None:
    """Draw anti-aliased lines with a dot at both ends into ``picture``, in place.

    Args:
        picture: (H, W, 3).
        starts: (M, 2) corner pixels of the picture.
        ends: (M, 2).
        colours: (M, 3).
    """
    scale = 1 << _SHIFT
    sharp = picture.copy()
    fixed = np.rint((np.stack([starts, ends], axis=1) - 0.5) * scale).astype(int)
    for (start, end), colour in zip(fixed.tolist(), colours.tolist(), strict=True):
        cv2.line(picture, start, end, colour, 1, cv2.LINE_AA, _SHIFT)
    picture[:] = np.round(0.35 * sharp + 0.65 * picture)  # the photos stay visible behind many lines
    for (start, end), colour in zip(fixed.tolist(), colours.tolist(), strict=True):
        for point in (start, end):
            cv2.circle(picture, point, 2 * scale, colour, -1, cv2.LINE_AA, _SHIFT)


def side_by_side(a: Picture, b: Picture, height: int, gap: int = 8) -> tuple[Picture, int, list[NDArray[np.float64]]]:
    """The picture, where b begins in it, and the scale (x, y) of each photo."""
    shown = [resized(p, max(1, round(p.shape[1] * height / p.shape[0])), height) for p in (a, b)]
    paper = np.full((height, gap, 3), _PAPER, np.uint8)
    scales = [np.array([s.shape[1] / p.shape[1], s.shape[0] / p.shape[0]]) for s, p in zip(shown, (a, b), strict=True)]
    return np.concatenate([shown[0], paper, shown[1]], axis=1), shown[0].shape[1] + gap, scales
