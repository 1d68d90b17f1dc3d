"""Other colours for the photos of an example: light, balance, contrast, gamma, saturation, blur, noise, compression.

A table of 256 entries per channel does most of it, so that it costs well below a millisecond. Colours only: no pixel
moves, so labels stay true.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from splatmatch.scene.matcher import Pixels


@dataclass(frozen=True)
class ColourConfig:
    """How strong each change is and how often it happens; draws are uniform within +- the strength."""

    exposure: float = 0.25
    """Logarithm of the gain of all channels."""
    balance: float = 0.1
    """Logarithm of the gains of red and blue."""
    contrast: float = 0.25
    """Logarithm of the factor around the middle grey."""
    brightness: float = 0.08
    """Added, of the full range."""
    gamma: float = 0.3
    """Logarithm of the exponent."""
    saturation: float = 0.3
    """Logarithm of the factor around grey."""
    grey_share: float = 0.05
    """Share of images without colour."""
    blur: float = 1.2
    """Largest standard deviation of a blur, pixels."""
    blur_share: float = 0.15
    noise: float = 0.04
    """Largest standard deviation of noise, of the full range."""
    noise_share: float = 0.25
    least_quality: int = 35
    """Lowest quality of a JPEG compression."""
    jpeg_share: float = 0.1


PLAIN = ColourConfig(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 95, 0)
"""Changes nothing."""
_LUMA = np.array([0.299, 0.587, 0.114])


def recoloured(rgb: Pixels, config: ColourConfig, rng: np.random.Generator) -> Pixels:
    """The image (H, W, 3) as another camera may have taken it; always as many draws."""
    draws = rng.uniform(-1, 1, 7)
    grey, blurred, noisy, packed = rng.uniform(size=4) < (
        config.grey_share, config.blur_share, config.noise_share, config.jpeg_share,
    )  # fmt: skip
    strengths = rng.uniform(size=3)
    image = cv2.LUT(rgb, _table(config, draws))
    saturation = 0.0 if grey else math.exp(config.saturation * draws[6])
    if saturation != 1.0:
        mix = saturation * np.eye(3) + (1 - saturation) * np.outer(np.ones(3), _LUMA)
        image = cv2.transform(image, mix)
    if blurred:
        image = cv2.GaussianBlur(image, (0, 0), 0.3 + strengths[0] * config.blur)
    if noisy:
        noise = rng.standard_normal(image.shape, np.float32)
        image = np.clip(image + noise * np.float32(255 * config.noise * strengths[1]) + 0.5, 0, 255).astype(np.uint8)
    if packed:
        quality = round(config.least_quality + strengths[2] * (95 - config.least_quality))
        image = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    return np.ascontiguousarray(image, np.uint8)


def _table(config: ColourConfig, draws: NDArray[np.float64]) -> Pixels:
    """The new value of each value of each channel, (1, 256, 3)."""
    gains = np.exp(config.exposure * draws[0] + config.balance * np.array([draws[1], 0.0, draws[2]]))
    values = np.linspace(0, 1, 256)[:, None] * gains
    values = (values - 0.5) * math.exp(config.contrast * draws[3]) + 0.5 + config.brightness * draws[4]
    values = np.clip(values, 0, 1) ** math.exp(config.gamma * draws[5])
    return np.asarray(np.rint(255 * values), np.uint8)[None]
