"""Filling holes of a rendered picture with something that does not catch the eye. What is filled is never labelled."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

RADIUS = 2.0
"""Pixels that a filled pixel looks around itself."""
REDUCTION = 4
"""Wide holes are filled in a picture so many times smaller."""
RING = 5
"""Pixels next to what is known are filled at full resolution, the inside of wide holes from the small picture."""


def filled(rgb: NDArray[np.uint8], holes: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The picture (H, W, 3) with its ``holes`` (H, W) filled (Bertalmio et al., 2001); the rest is untouched.

    Pixels inside the mask do not influence the result, so a mask grown beyond the holes leaves no fringe.
    """
    if not holes.any():
        return rgb
    if holes.all():
        return np.full_like(rgb, 127)
    height, width = holes.shape
    mask = holes.astype(np.uint8)
    side = 2 * RING + 1
    inside = cv2.erode(mask, np.ones((side, side), np.uint8), borderType=cv2.BORDER_REPLICATE)
    picture = rgb
    if inside.any() and min(height, width) >= 8 * REDUCTION:
        picture = np.where(inside[..., None] > 0, _coarse(rgb, mask), rgb).astype(np.uint8)
        mask = mask - inside
    return np.asarray(cv2.inpaint(picture, mask, RADIUS, cv2.INPAINT_NS))


def _coarse(rgb: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The whole picture filled at a quarter of its size and enlarged; means are taken over known pixels alone."""
    height, width = mask.shape
    small = (max(1, width // REDUCTION), max(1, height // REDUCTION))
    known = (1 - mask).astype(np.float32)
    weight = cv2.resize(known, small, interpolation=cv2.INTER_AREA)
    sums = cv2.resize(rgb.astype(np.float32) * known[..., None], small, interpolation=cv2.INTER_AREA)
    means = np.clip(sums / np.maximum(weight, 1e-6)[..., None] + 0.5, 0, 255).astype(np.uint8)
    lost = (weight < 0.2).astype(np.uint8)
    full = cv2.inpaint(means, lost, RADIUS, cv2.INPAINT_NS) if not lost.all() else means
    return np.asarray(cv2.resize(full, (width, height), interpolation=cv2.INTER_LINEAR))
