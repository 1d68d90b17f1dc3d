"""The maps of a sample as compressed bytes and back; the only decoders are those of JPEG, PNG and JSON."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from splatmatch.errors import FormatError

DEPTH_LEVELS = 65534
"""Steps between near and far; level 0 of the file is invalid."""
SIGMA_RANGE = (0.01, 100.0)
"""Pixels that levels 1 and 255 of a sigma map stand for."""
SIGMA_LEVELS = 254
_FAST_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
_MAX_SIDE = 1 << 15


def encode_rgb(rgb: NDArray[np.uint8], quality: int) -> bytes:
    """(H, W, 3) as JPEG."""
    return _encoded(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])


def decode_rgb(data: bytes, source: str) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of a JPEG.

    Raises:
        FormatError: damaged, or no such image.
    """
    rgb: NDArray[np.uint8] = cv2.cvtColor(_decoded(data, cv2.IMREAD_COLOR, np.uint8, 3, source), cv2.COLOR_BGR2RGB)
    return rgb


def encode_depth(depth: NDArray[np.float32], valid: NDArray[np.bool_]) -> tuple[bytes, float, float]:
    """z-depth (H, W) as a 16-bit PNG of its logarithm, and the near and far depth that levels 1 and 65535 stand for.

    level = 1 + round(65534 ln(z / near) / ln(far / near)), 0 = not valid: the relative error is at most
    ln(far / near) / 131068. Where nothing is valid, near = far = 1.

    Raises:
        ValueError: a valid depth that is not finite and above zero.
    """
    levels = np.zeros(depth.shape, np.uint16)
    known = depth[valid].astype(np.float64)
    if not len(known):
        return _encoded(".png", levels, _FAST_PNG), 1.0, 1.0
    near, far = float(known.min()), float(known.max())
    if not (near > 0 and math.isfinite(far)):
        raise ValueError("a valid depth is finite and above zero")
    span = math.log(far / near)
    levels[valid] = 1 + np.rint(np.log(known / near) * (DEPTH_LEVELS / span if span > 0 else 0.0)).astype(np.uint16)
    return _encoded(".png", levels, _FAST_PNG), near, far


def decode_depth(data: bytes, near: float, far: float, source: str) -> NDArray[np.float32]:
    """(H, W) float32 z-depth, 0 where not valid; see ``encode_depth``.

    Raises:
        FormatError: damaged, no 16-bit grey PNG, or near and far are no range.
    """
    if not (0 < near <= far < math.inf):
        raise FormatError(f"{source}: depths from {near} to {far} are no range")
    levels = _decoded(data, cv2.IMREAD_UNCHANGED, np.uint16, 2, source)
    table = near * np.exp((np.arange(DEPTH_LEVELS + 2) - 1) * (math.log(far / near) / DEPTH_LEVELS))
    table[0] = 0.0
    depth: NDArray[np.float32] = table.astype(np.float32)[levels]
    return depth


def encode_mask(mask: NDArray[np.bool_]) -> bytes:
    """(H, W) as an 8-bit PNG of 0 and 255."""
    return _encoded(".png", np.where(mask, np.uint8(255), np.uint8(0)), _FAST_PNG)


def decode_mask(data: bytes, source: str) -> NDArray[np.bool_]:
    """(H, W) bool: above 127.

    Raises:
        FormatError: damaged, or no 8-bit grey PNG.
    """
    mask: NDArray[np.bool_] = _decoded(data, cv2.IMREAD_UNCHANGED, np.uint8, 2, source) > 127
    return mask


def encode_sigma(sigma: NDArray[np.float32], valid: NDArray[np.bool_]) -> bytes:
    """Standard deviations (H, W) in pixels as an 8-bit PNG of their logarithm.

    level = 1 + round(254 ln(s / 0.01) / ln(10000)), s clamped to 0.01..100; 0 = not valid. Steps are 3.7 %.
    """
    low, high = SIGMA_RANGE
    scale = SIGMA_LEVELS / math.log(high / low)
    with np.errstate(divide="ignore", invalid="ignore"):
        levels = 1 + np.rint(np.log(np.clip(sigma, low, high) / low) * scale)
    return _encoded(".png", np.where(valid, levels, 0).astype(np.uint8), _FAST_PNG)


def decode_sigma(data: bytes, source: str) -> NDArray[np.float32]:
    """(H, W) float32 pixels, 0 where not valid; see ``encode_sigma``.

    Raises:
        FormatError: damaged, or no 8-bit grey PNG.
    """
    low, high = SIGMA_RANGE
    table = low * np.exp((np.arange(SIGMA_LEVELS + 2) - 1) * (math.log(high / low) / SIGMA_LEVELS))
    table[0] = 0.0
    sigma: NDArray[np.float32] = table.astype(np.float32)[_decoded(data, cv2.IMREAD_UNCHANGED, np.uint8, 2, source)]
    return sigma


def encode_ids(ids: NDArray[np.int32]) -> bytes:
    """int32 (H, W) as a 16-bit PNG of 2H rows: the high halves above the low halves."""
    words = ids.view(np.uint32)
    halves = np.concatenate([words >> 16, words & 0xFFFF]).astype(np.uint16)
    return _encoded(".png", halves, _FAST_PNG)


def decode_ids(data: bytes, source: str) -> NDArray[np.int32]:
    """(H, W) int32; see ``encode_ids``.

    Raises:
        FormatError: damaged, no 16-bit grey PNG, or an odd number of rows.
    """
    halves = _decoded(data, cv2.IMREAD_UNCHANGED, np.uint16, 2, source).astype(np.uint32)
    if len(halves) % 2:
        raise FormatError(f"{source}: has {len(halves)} rows, which are not two halves")
    high, low = np.split(halves, 2)
    return ((high << np.uint32(16)) | low).view(np.int32)


def _encoded(suffix: str, image: NDArray[np.uint8] | NDArray[np.uint16], options: list[int]) -> bytes:
    written, data = cv2.imencode(suffix, image, options)
    if not written:
        raise ValueError(f"an image {image.shape} cannot be written as {suffix}")
    return bytes(data)


def _decoded(data: bytes, mode: int, dtype: type, axes: int, source: str) -> NDArray[Any]:
    """The image in ``data``, whose header is looked at before anything is allocated."""
    width, height = _stated_size(data, source)
    if not (0 < width <= _MAX_SIDE and 0 < height <= 2 * _MAX_SIDE):
        raise FormatError(f"{source}: states {width} x {height} pixels")
    try:
        image: NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except cv2.error as error:
        raise FormatError(f"{source}: the image is damaged") from error
    if image is None:
        raise FormatError(f"{source}: the image is truncated or damaged")
    if image.dtype != dtype or image.ndim != axes:
        raise FormatError(f"{source}: an image of {image.dtype} {image.shape} where {np.dtype(dtype)} is expected")
    return image


def _stated_size(data: bytes, source: str) -> tuple[int, int]:
    """Width and height in the header of a PNG or JPEG."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR":
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[:2] == b"\xff\xd8":
        at = 2
        while at + 9 <= len(data) and data[at] == 0xFF:
            if 0xC0 <= data[at + 1] <= 0xCF and data[at + 1] not in (0xC4, 0xC8, 0xCC):
                return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise FormatError(f"{source}: neither PNG nor JPEG")
