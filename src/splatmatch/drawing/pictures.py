"""What a picture is here: an 8-bit RGB array; and the ways in and out of it."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from torch import Tensor

Picture: TypeAlias = npt.NDArray[np.uint8]
"""(H, W, 3) sRGB, ready for a file or a screen."""


def picture_from_rgb(rgb: Tensor) -> Picture:
    """An (H, W, 3) float image in 0..1, clamped and rounded to 8 bits."""
    scaled = rgb.detach().clamp(0, 1).mul(255).round()
    return np.ascontiguousarray(scaled.cpu().numpy().astype(np.uint8))


def picture_from_alpha(alpha: Tensor) -> Picture:
    """An (H, W) map in 0..1 as greys: white = opaque."""
    return picture_from_rgb(alpha[..., None].expand(-1, -1, 3))


def resized(picture: Picture, width: int, height: int) -> Picture:
    """The picture at another size: area averages when it shrinks, bicubic when it grows."""
    shrinks = width * height < picture.shape[0] * picture.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=method), np.uint8)


def fitted(picture: Picture, width: int, height: int) -> Picture:
    """The picture scaled to fit into width x height with its proportions kept; never enlarged."""
    scale = min(1.0, width / picture.shape[1], height / picture.shape[0])
    return resized(picture, max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))


def jpeg_bytes(picture: Picture, quality: int = 88) -> bytes:
    """The picture as a JPEG file, ``quality`` 0..100."""
    ok, data = cv2.imencode(".jpg", np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert ok
    return bytes(data)
