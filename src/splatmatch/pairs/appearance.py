"""What cameras do to colours: exposure, white balance, vignetting, jitter, gamma, blur, noise, compression.

Colours only: no pixel moves, so labels stay true.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class AppearanceConfig:
    """How strong each change is and how often it happens; draws are uniform within +- the strength."""

    exposure: float = 0.6
    """Stops."""
    white_balance: float = 0.12
    """Logarithm of the red and blue gains against green."""
    brightness: float = 0.08
    """Added, of the full range."""
    contrast: float = 0.2
    """Logarithm of the factor around the mean."""
    saturation: float = 0.2
    """Logarithm of the factor around grey."""
    gamma: float = 0.25
    """Logarithm of the exponent."""
    vignetting: float = 0.4
    """Largest loss of light in the corners; one-sided."""
    vignetting_share: float = 0.3
    """Share of images with vignetting."""
    blur: float = 7.0
    """Longest motion blur, pixels of an image 640 wide."""
    blur_share: float = 0.15
    """Share of images with motion blur."""
    noise: float = 0.03
    """Largest standard deviation of the noise at mid grey, of the full range."""
    noise_share: float = 0.5
    """Share of images with noise."""
    least_quality: int = 40
    """Lowest quality of a JPEG compression."""
    jpeg_share: float = 0.3
    """Share of images that are compressed before they are stored."""


NEUTRAL = AppearanceConfig(
    exposure=0.0, white_balance=0.0, brightness=0.0, contrast=0.0, saturation=0.0, gamma=0.0, vignetting_share=0.0,
    blur_share=0.0, noise_share=0.0, jpeg_share=0.0,
)  # fmt: skip
"""Changes nothing."""
GREY = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in luma (ITU-R BT.601)."""


def changed(
    rgb: NDArray[np.float32], config: AppearanceConfig, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """The image (H, W, 3) as another camera would have stored it, and what was done, as plain JSON."""
    done: dict[str, Any] = {}
    draw = {
        name: float(rng.uniform(-1, 1))
        for name in ("exposure", "red", "blue", "brightness", "contrast", "saturation", "gamma")
    }
    vignetting, blurred, noisy, compressed = (
        bool(rng.uniform() < share)
        for share in (config.vignetting_share, config.blur_share, config.noise_share, config.jpeg_share)
    )
    done["exposure"] = config.exposure * draw["exposure"]
    done["white_balance"] = [config.white_balance * draw["red"], config.white_balance * draw["blue"]]
    for name in ("brightness", "contrast", "saturation", "gamma"):
        done[name] = getattr(config, name) * draw[name]
    image = _toned(rgb, done)
    if vignetting:
        done["vignetting"] = config.vignetting * float(rng.uniform())
        image *= _vignette(image.shape[:2], done["vignetting"])[..., None]
    if blurred:
        done["blur"] = {"pixels": config.blur * float(rng.uniform(0.3, 1.0)), "degrees": float(rng.uniform(0, 180))}
        image = _motion_blurred(image, done["blur"]["pixels"] * image.shape[1] / 640, done["blur"]["degrees"])
    if noisy:
        done["noise"] = config.noise * float(rng.uniform())
        image += _noise(image, done["noise"], rng)
    stored: NDArray[np.uint8] = np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)
    if compressed:
        done["jpeg"] = int(rng.integers(config.least_quality, 96))
        _, data = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, done["jpeg"]])
        stored = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return stored, done


def _toned(rgb: NDArray[np.float32], done: dict[str, Any]) -> NDArray[np.float32]:
    """Gains, saturation, contrast and brightness as one affine map of the colours, then the exponent.

    Gains on light become gains to the power 1 / 2.2 on encoded values.
    """
    gains = np.exp2(done["exposure"] / 2.2) * np.exp(np.array([done["white_balance"][0], 0, done["white_balance"][1]]))
    saturation, contrast = math.exp(done["saturation"]), math.exp(done["contrast"])
    matrix = (saturation * np.eye(3) + (1 - saturation) * np.outer(np.ones(3), GREY)) @ np.diag(gains)
    mean = rgb.reshape(-1, 3).mean(0) @ matrix.T
    grey = float(mean @ GREY)
    matrix = contrast * matrix
    offset = np.full(3, (1 - contrast) * grey + done["brightness"])
    image = cv2.transform(rgb, np.hstack([matrix, offset[:, None]]).astype(np.float32))
    image = np.clip(image, 0.0, 1.0)
    exponent = math.exp(done["gamma"])
    return np.asarray(cv2.pow(image, exponent)) if exponent != 1.0 else image


def _vignette(shape: tuple[int, ...], loss: float) -> NDArray[np.float32]:
    """1 - loss r^2 (H, W), r = 1 in the corners."""
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    return np.asarray(1 - np.float32(0.5 * loss) * (x * x + y * y))


def _motion_blurred(image: NDArray[np.float32], length: float, degrees: float) -> NDArray[np.float32]:
    """Smeared symmetrically along a line of ``length`` pixels: nothing moves on the mean."""
    side = 2 * math.ceil(0.5 * length) + 1
    kernel = np.zeros((side, side), np.float32)
    middle = side // 2
    across, down = 0.5 * length * math.cos(math.radians(degrees)), 0.5 * length * math.sin(math.radians(degrees))
    for part in np.linspace(-1, 1, 4 * side + 1):
        x, y = middle + part * across, middle + part * down
        column, row = int(x), int(y)
        s, t = x - column, y - row
        for dx, dy, weight in ((0, 0, (1 - s) * (1 - t)), (1, 0, s * (1 - t)), (0, 1, (1 - s) * t), (1, 1, s * t)):
            if weight > 0:
                kernel[min(row + dy, side - 1), min(column + dx, side - 1)] += weight
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT))


def _noise(image: NDArray[np.float32], sigma: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Read noise and photon noise: the variance grows with the light; (H, W, 3)."""
    noise = rng.standard_normal(image.shape, np.float32)
    noise *= np.float32(sigma) * np.sqrt(np.float32(0.3) + np.float32(1.4) * image)
    return noise
