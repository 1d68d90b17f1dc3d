"""The sky of a photo, by depth and colour; and photos that hold nothing else."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

FAR = 0.12
"""Sky lies in this lowest share of the range of inverse depth."""
MIN_CONTRAST = 1.6
"""Sky is told by depth only where the nearest inverse depth is at least so many times the farthest."""
BLUE = 1.06
"""Blue over red from which a place counts as blue."""
BRIGHT = 0.72
"""Brightness, relative to the brightest parts of the photo, from which a colourless place counts as cloud or haze."""
WARM = 0.85
"""Blue over red below which a bright place is no cloud."""
SMOOTH = 0.03
"""Mean gradient per pixel, colours 0..1, up to which a place is smooth; clouds are, leaves and facades are not."""
MAJORITY = 0.35
"""Share of a far, smooth region that must have the colours of a sky: then all of it is sky, dark and red clouds too."""
RIM = 6
"""Pixels by which a sky is grown towards what stands before it, whose outline is not smooth."""
MIN_SHARE = 0.004
"""Share of the photo below which a patch is no sky."""
TEXTURED = 0.012
"""Mean gradient per pixel above which a place has something to match."""
MIN_TEXTURE = 0.03
"""Share of a photo that must have something to match."""


def sky_mask(rgb: NDArray[np.uint8], inverse: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where the photo shows sky (H, W): regions that are far by the prior, smooth, and to a good part blue or white.

    Fog and still water at the horizon pass for sky too, which costs labels where there was nothing to match. A sunset
    passes where a good part of its region is blue or white.

    Args:
        rgb: (H, W, 3).
        inverse: (H, W) relative inverse depth.
        known: (H, W) where it means something.
    """
    values = inverse[known]
    nothing = np.zeros(known.shape, np.bool_)
    if not len(values):
        return nothing
    low, high = np.percentile(values[:: max(1, len(values) // 50_000)], [1, 99])
    if high <= 0 or high < MIN_CONTRAST * max(low, 0):
        return nothing
    far = known & (inverse < low + FAR * (high - low))
    coloured = _sky_coloured(rgb)
    smooth = far & (roughness(rgb) < SMOOTH)
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(smooth.astype(np.uint8), connectivity=4)
    area = statistics[:, cv2.CC_STAT_AREA]
    share = np.bincount(labels[coloured], minlength=count) / area
    chosen = (share >= MAJORITY) & (area >= MIN_SHARE * labels.size)
    chosen[0] = False
    sky = chosen[labels].astype(np.uint8)
    grown = cv2.dilate(sky, np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)) > 0
    return np.asarray((sky > 0) | (grown & far & coloured))


def _sky_coloured(rgb: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Blue, or bright without being warm (H, W)."""
    colours = cv2.blur(rgb, (5, 5)).astype(np.float32)
    red, green, blue = colours[..., 0], colours[..., 1], colours[..., 2]
    brightness = 0.3 * red + 0.59 * green + 0.11 * blue
    white = (brightness > BRIGHT * np.percentile(brightness[::4, ::4], 98)) & (blue > WARM * red)
    return np.asarray(white | ((blue > BLUE * red) & (blue > 0.9 * green) & (blue > 60)))


def is_plain(rgb: NDArray[np.uint8]) -> bool:
    """Whether hardly any place of the photo has something to match: clear sky, a blank wall, black."""
    return float((roughness(rgb) > TEXTURED).mean()) < MIN_TEXTURE


def roughness(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean gradient (H, W) of brightness per pixel within 9 x 9 pixels, colours 0..1."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32) / np.float32(255)
    grey = cv2.GaussianBlur(grey, (0, 0), 1.0)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=0.125)
    return np.asarray(cv2.blur(cv2.magnitude(across, down), (9, 9)))
