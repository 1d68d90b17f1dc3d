"""A photo and the same photo seen through a known homography: exact truth for every matcher."""

from __future__ import annotations

import cv2
import numpy as np

from tests.conftest import data_folder

HOMOGRAPHY = np.array([[0.98, 0.06, -12.3], [-0.05, 1.01, 21.7], [2e-5, -1e-5, 1.0]])
"""b from a, corner pixels; gentle, so that what is measured is the origin of pixels and not the matcher's limits."""


def photo(size: tuple[int, int] = (640, 480)) -> np.ndarray:
    """A textured photo (H, W, 3) uint8 of (width, height)."""
    from splatmatch.formats.images import read_image

    pixels = read_image(data_folder("strecha_fountain_P11") / "images" / "0005.jpg")
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def noise(size: tuple[int, int] = (320, 240), seed: int = 0) -> np.ndarray:
    """Smooth random texture (H, W, 3) uint8, for tests without data."""
    width, height = size
    rough = np.random.default_rng(seed).random((height // 2, width // 2, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(cv2.resize(rough, size, interpolation=cv2.INTER_CUBIC), (0, 0), 1.5)
    low, high = smooth.min(), smooth.max()
    return ((smooth - low) / (high - low) * 255).astype(np.uint8)


def warped(pixels: np.ndarray, b_from_a: np.ndarray = HOMOGRAPHY) -> np.ndarray:
    """``pixels`` through the homography, which is in corner pixels while OpenCV has the centre of the first at 0."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    centre = np.linalg.inv(half) @ b_from_a @ half
    return cv2.warpPerspective(pixels, centre, pixels.shape[1::-1], flags=cv2.INTER_CUBIC, borderValue=(0, 0, 0))


def transferred(points: np.ndarray, b_from_a: np.ndarray = HOMOGRAPHY) -> np.ndarray:
    """Points (N, 2) through the homography."""
    out = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ b_from_a.T
    return out[:, :2] / out[:, 2:]
