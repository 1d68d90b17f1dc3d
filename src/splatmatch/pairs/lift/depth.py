"""From relative inverse depth to the depth of a scene: sharp edges, a bounded range, a random plane."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

REACH = 7
"""Pixels on each side within which a soft depth edge rises; networks blur edges by about that at 640 pixels."""
MIN_STEP = 0.12
"""Rise within that reach, relative to the nearer side, that is taken for an edge."""
MAX_GROWTH = 1.45
"""A slope rises twice as much within twice the reach, a finished edge does not: below this ratio it is an edge."""
SMOOTHING = 1.5
"""Pixels (standard deviation) over which the grain of predicted depth is averaged before its edges are sharpened."""
SETTLED = 0.12
"""Pixels within this share of the rise from either side of an edge are on that side already and stay as they are."""
FLAT_RATIO = 1.08
"""Maps whose 98th percentile is less than so many times the 2nd are flat."""


def sharpened(inverse: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Inverse depth (H, W) with its soft edges made steps.

    Near an edge each pixel takes the value of the nearer of both sides in value, the morphological toggle filter
    (Kramer and Bruckner, 1975); slopes and curved surfaces stay as they are. Without it the ramp that networks put
    between foreground and background becomes a sheet of rubber.
    """
    inverse = _smoothed(inverse, known)
    filled = np.where(known, inverse, np.float32(0))
    low_filled = np.where(known, inverse, np.float32(np.inf))
    high, low = _range(filled, low_filled, REACH)
    high_far, low_far = _range(filled, low_filled, 2 * REACH)
    rise, rise_far = high - low, high_far - low_far
    edge = (rise > MIN_STEP * high) & (rise_far < MAX_GROWTH * rise) & known
    edge &= (inverse - low > SETTLED * rise) & (high - inverse > SETTLED * rise)
    snapped = np.where(high - inverse < inverse - low, high, low)
    return np.where(edge, snapped, inverse).astype(np.float32)


def scene_inverse_depth(
    relative: NDArray[np.float32], known: NDArray[np.bool_], ratio: float
) -> NDArray[np.float32] | None:
    """Inverse depth in 1 / scene units: nearest depth 1, farthest ``ratio``; -1 where it is not known.

    The 1st and 99th percentile of the relative inverse depth go to 1 / ratio and 1, what is beyond is clipped: no pixel
    lands a thousand times further away than the rest.

    Returns:
        None where the map is flat: its scale means nothing.
    """
    values = relative[known]
    if not len(values):
        return None
    low, middle_low, middle_high, high = np.percentile(values[:: max(1, len(values) // 50_000)], [1, 2, 98, 99])
    if high - low <= (FLAT_RATIO - 1) * abs(high) or middle_high <= middle_low:
        return None
    share = np.clip((relative - low) / (high - low), 0, 1)
    inverse = (1 + (ratio - 1) * share) / ratio
    return np.where(known, inverse, -1).astype(np.float32)


def plane_inverse_depth(
    width: int, height: int, focal: float, max_tilt: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Inverse depth (height, width) of a random plane at depth 1 on the axis, tilted by at most ``max_tilt`` degrees.

    On n . X = n_z the inverse depth is (n . ray) / n_z: linear in the pixel. The tilt is reduced where the plane's
    horizon would come near the image.
    """
    azimuth = rng.uniform(0, 2 * math.pi)
    slope = math.tan(math.radians(rng.uniform(0, max_tilt)))
    reach = 0.5 * math.hypot(width, height) / focal
    slope = min(slope, 0.6 / reach)
    x = (np.arange(width) + 0.5 - width / 2) / focal
    y = (np.arange(height) + 0.5 - height / 2) / focal
    tilted = 1 + slope * (math.cos(azimuth) * x[None, :] + math.sin(azimuth) * y[:, None])
    return np.asarray(tilted, np.float32)


def _smoothed(inverse: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Gaussian mean over what is known."""
    weight = cv2.GaussianBlur(known.astype(np.float32), (0, 0), SMOOTHING)
    sums = cv2.GaussianBlur(np.where(known, inverse, np.float32(0)), (0, 0), SMOOTHING)
    return np.asarray(sums / np.maximum(weight, 1e-6), np.float32)


def _range(
    filled: NDArray[np.float32], low_filled: NDArray[np.float32], reach: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Largest and smallest value within ``reach`` pixels."""
    window = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return np.asarray(cv2.dilate(filled, window)), np.asarray(cv2.erode(low_filled, window))
