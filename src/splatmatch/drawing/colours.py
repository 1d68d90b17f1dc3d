"""The colours of all pictures: one ramp for scalar maps, and a few named ones."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from splatmatch.drawing.pictures import Picture

_RAMP_LCH = (
    (0.970, 0.045, 105.0),
    (0.895, 0.135, 88.0),
    (0.805, 0.155, 62.0),
    (0.710, 0.185, 35.0),
    (0.605, 0.205, 8.0),
    (0.500, 0.195, 335.0),
    (0.400, 0.170, 300.0),
    (0.320, 0.130, 275.0),
    (0.255, 0.075, 262.0),
)
"""Anchors of the ramp in OKLCh (lightness, chroma, hue in degrees), from near to far: lightness falls all the way, so
the picture also reads in greys and for the colour-blind, while the hue turns through 200 degrees for fine steps."""

_LMS_FROM_LAB = np.array(
    [[1.0, 0.3963377774, 0.2158037573], [1.0, -0.1055613458, -0.0638541728], [1.0, -0.0894841775, -1.2914855480]]
)
_RGB_FROM_LMS = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


@functools.cache
def ramp(steps: int = 1024) -> Picture:
    """The ramp as (steps, 3) 8-bit sRGB, near first: pale yellow, orange, red, violet, night blue."""
    anchors = np.array(_RAMP_LCH)
    hue = np.unwrap(np.radians(anchors[:, 2]))
    ab = anchors[:, 1, None] * np.stack([np.cos(hue), np.sin(hue)], axis=1)
    lab = np.column_stack([anchors[:, 0], ab])
    at = np.linspace(0, len(anchors) - 1, steps)
    return srgb_from_oklab(np.stack([_smooth(at, lab[:, channel]) for channel in range(3)], axis=1))


def srgb_from_oklab(lab: npt.NDArray[np.float64]) -> Picture:
    """8-bit sRGB of OKLab colours (..., 3) (Ottosson, 2020), clipped to the gamut."""
    linear = (lab @ _LMS_FROM_LAB.T) ** 3 @ _RGB_FROM_LMS.T
    linear = linear.clip(0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(255 * encoded), np.uint8)


def sequence(count: int) -> Picture:
    """(count, 3) colours for things in an order (cameras along a walk): equal lightness, hue from gold to violet."""
    hue = np.radians(np.linspace(80, 80 - 230, max(count, 2))[:count])
    return srgb_from_oklab(np.stack([np.full(count, 0.74), 0.145 * np.cos(hue), 0.145 * np.sin(hue)], axis=1))


def checker(height: int, width: int, cell: int = 8) -> Picture:
    """The dark chequerboard that stands for 'nothing here', (H, W, 3)."""
    y, x = np.mgrid[:height, :width] // cell
    grey = np.where((x + y) % 2 == 0, 30, 42).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _smooth(at: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    from scipy.interpolate import PchipInterpolator

    result: npt.NDArray[np.float64] = PchipInterpolator(np.arange(len(values)), values)(at)
    return result
